"""The states of a campaign: what enters and leaves each, as a table.

draft    being written: its members see it, nobody works in it
open     offers work
paused   offers nothing new; what is held may be submitted
closed   offers nothing; what is held may be submitted until its lease ends
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Campaign, LabelDimension
from annotate.services.audit import record_event
from annotate.services.tree_marks import mark_supply
from annotate.wake import wake
from tasks.scheduling.release_dates import next_release_at
from tasks.vocabulary import AuditAction, CampaignState, JobName, Kind, ReleaseSchedule

DRAFT, OPEN, PAUSED, CLOSED = CampaignState.DRAFT, CampaignState.OPEN, CampaignState.PAUSED, CampaignState.CLOSED

#: (from, to) → what happens then.
TRANSITIONS: Mapping[tuple[CampaignState, CampaignState], Promise] = {
    (DRAFT, OPEN): gettext_lazy("Everybody sees the campaign, and it offers work."),
    (OPEN, PAUSED): gettext_lazy("Nothing new is offered; what is held may be submitted."),
    (PAUSED, OPEN): gettext_lazy("Work is offered again."),
    (DRAFT, CLOSED): gettext_lazy("The draft is put away without having been open."),
    (OPEN, CLOSED): gettext_lazy("Nothing new is offered; what is held may be submitted until its lease ends."),
    (PAUSED, CLOSED): gettext_lazy("What is held may be submitted until its lease ends."),
    (CLOSED, OPEN): gettext_lazy("The campaign goes on where it stopped."),
}

#: What is not in the table, and what to do instead.
REFUSALS: Mapping[tuple[CampaignState, CampaignState], Promise] = {
    (OPEN, DRAFT): gettext_lazy("A campaign that was open does not become a draft again. Pause it instead."),
    (PAUSED, DRAFT): gettext_lazy("A campaign that was open does not become a draft again. It offers nothing now."),
    (CLOSED, DRAFT): gettext_lazy("A closed campaign does not become a draft again. Leave it closed, or open it."),
    (DRAFT, PAUSED): gettext_lazy("A draft offers nothing that could be paused. Open it first, or leave it a draft."),
    (CLOSED, PAUSED): gettext_lazy("A closed campaign cannot be paused. Open it first, then pause it."),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that a campaign must have before it opens; the sentence says how to get it."""

    name: str
    holds: Callable[[Campaign], bool]
    sentence: Promise


def _has_guideline(campaign: Campaign) -> bool:
    return campaign.guideline_id is not None


def _has_label_schema(campaign: Campaign) -> bool:
    return (
        Kind.LABEL not in campaign.kinds or LabelDimension.objects.filter(schema_id=campaign.label_schema_id).exists()
    )


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(
        "guideline", _has_guideline, gettext_lazy("It has no guideline: tell annotators what you ask of them.")
    ),
    Requirement(
        "label_schema",
        _has_label_schema,
        gettext_lazy("It asks for labels and has no label schema: add its dimensions."),
    ),
)


def change_state(
    *, campaign: Campaign, state: CampaignState, actor: Actor | None, now: datetime, reason: str = ""
) -> bool:
    """Take the campaign to `state`; False when it is there already. The caller holds the campaign's row.

    Raises Conflict `state_not_reachable` or `campaign_not_ready`, each with a sentence for what to do.
    """
    before = CampaignState(campaign.state)
    if before == state:
        return False
    if (before, state) not in TRANSITIONS:
        raise Conflict(REFUSALS[before, state], code="state_not_reachable", details={"state": before, "wanted": state})
    if state == OPEN:
        _check_ready(campaign)
    campaign.state = state
    campaign.state_changed_at = now
    if state == OPEN and campaign.next_release_at is None:
        campaign.next_release_at = next_release_at(schedule=_schedule_of(campaign), after=now)
    campaign.save(update_fields=["state", "state_changed_at", "next_release_at"])
    record_event(
        actor=actor,
        action=AuditAction.CAMPAIGN_STATE_CHANGED,
        object_kind="campaign",
        object_id=campaign.pk,
        campaign=campaign,
        before={"state": before},
        after={"state": state},
        reason=reason,
    )
    if state == OPEN:
        wake(JobName.SCHEDULE_UNITS)
        if campaign.parameters.get("grow_trees"):
            mark_supply(campaign_ids=[campaign.pk])
    return True


def _check_ready(campaign: Campaign) -> None:
    missing = [requirement for requirement in REQUIREMENTS if not requirement.holds(campaign)]
    if missing:
        raise Conflict(
            _("The campaign cannot open yet. %(reasons)s")
            % {"reasons": " ".join(str(requirement.sentence) for requirement in missing)},
            code="campaign_not_ready",
            details={requirement.name: [str(requirement.sentence)] for requirement in missing},
        )


def _schedule_of(campaign: Campaign) -> ReleaseSchedule | None:
    return None if campaign.release_schedule is None else ReleaseSchedule(campaign.release_schedule)
