"""Make and change campaigns: one verb each, whether a file, a request or a form asks for it.

Whoever changes a campaign holds its row (`FOR NO KEY UPDATE`, before every other lock), so that two
organizers who change different things at once both find their change kept. Work is offered from other
rows and waits for nobody here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Campaign
from annotate.queries.campaigns import describe_campaign
from annotate.services.audit import record_event
from annotate.services.campaign_contradictions import PARAMETER, find_contradictions
from annotate.services.campaign_files import refuse_problems
from annotate.services.campaign_parts import check_generator_terms, set_generators, set_targets
from annotate.services.campaign_rows import insert_campaign, write_fields
from annotate.services.campaign_states import change_state
from annotate.services.campaign_units import FOLLOWED_BY_UNITS
from annotate.services.gold import find_gold_problem
from annotate.services.guidelines import publish_guideline, publish_label_schema
from annotate.services.memberships import add_member
from annotate.services.reliability import bring_forward
from annotate.services.stale import mark_stale
from annotate.services.target_shares import find_unknown_topics, set_shares
from annotate.wake import wake
from tasks.records.campaigns import CampaignSpec, Change, ReleasePlan, find_changes
from tasks.records.parameters import read_settings
from tasks.records.presets import DEFAULT_LABELS, PRESETS, PresetRecord
from tasks.vocabulary import (
    GROWN_KINDS,
    AuditAction,
    CampaignRole,
    JobName,
    Kind,
    Preset,
    StaleKind,
)

DEFAULT_LICENCE = "CC-BY-4.0"
NEEDED = ("slug", "title", "preset", "languages")
#: A change of these asks anew whether the campaign takes the terms of every generator that it names.
OF_TERMS = frozenset({"generators", "output_terms", "model_licences"})
#: A change of these asks for every consensus to be computed again.
OF_CONSENSUS = frozenset({f"{PARAMETER}weigh_reliability", f"{PARAMETER}least_gain"})
#: Told by events of their own.
TOLD_APART = frozenset({"guideline", "label_schema", "state"})


@dataclass(frozen=True, slots=True)
class AppliedCampaign:
    """A campaign after a file was applied, whether it is new, and what changed, field by field."""

    campaign: Campaign
    is_new: bool
    changes: tuple[Change, ...]


def apply_campaign(*, spec: CampaignSpec, actor: Actor | None, now: datetime, dry_run: bool = False) -> AppliedCampaign:
    """Make the campaign that `spec` names, or change it to what `spec` says; the second time changes nothing.

    With `dry_run` everything is done and taken back, so that what it shows and refuses is what would happen.
    """
    with transaction.atomic():
        campaign = Campaign.objects.filter(slug=spec.slug).first()
        if campaign is None:
            made = create_campaign(spec=spec, actor=actor, now=now)
            applied = AppliedCampaign(made, True, find_changes(before={}, after=describe_campaign(made)))
        else:
            changes = change_campaign(campaign=campaign, spec=spec, actor=actor, now=now)
            applied = AppliedCampaign(campaign, False, changes)
        transaction.set_rollback(dry_run)
    return applied


def create_campaign(*, spec: CampaignSpec, actor: Actor | None, now: datetime, reason: str = "") -> Campaign:
    """Make a campaign from what is said and the preset; whoever makes it is its organizer.

    Raises `InvalidInput` with every problem or `generator_terms_refused`, Conflict `slug_taken`, and what opening refuses when `state` says open.
    """
    refuse_problems({name: _("This is missing.") for name in NEEDED if getattr(spec, name) is None})
    spec = _fill_from_preset(spec, PRESETS[Preset(str(spec.preset))])
    values = spec.as_values() | _parameter_fields(asdict(read_settings(spec.parameters)))
    refuse_problems(find_contradictions(values))
    with transaction.atomic():
        campaign = insert_campaign(spec=spec, actor=actor, now=now)
        record_event(
            actor=actor,
            action=AuditAction.CAMPAIGN_CREATED,
            object_kind="campaign",
            object_id=campaign.pk,
            campaign=campaign,
            after={"slug": campaign.slug} | {name: value for name, value in values.items() if name not in TOLD_APART},
            reason=reason,
        )
        if actor is not None and actor.user is not None:
            add_member(campaign=campaign, user=actor.user, role=CampaignRole.ORGANIZER, actor=actor)
        _write_parts(campaign=campaign, spec=spec, fields=set(values), actor=actor, now=now, reason=reason)
        if spec.state is not None:
            change_state(campaign=campaign, state=spec.state, actor=actor, now=now, reason=reason)
    return campaign


def change_campaign(
    *,
    campaign: Campaign,
    spec: CampaignSpec,
    actor: Actor | None,
    now: datetime,
    reason: str = "",
    parameters_version: int | None = None,
) -> tuple[Change, ...]:
    """Change what `spec` says otherwise, and leave the rest; returns what changed. `campaign` is refreshed.

    `parameters_version`: the version that the change was made from. Raises Conflict `parameters_changed` when
    somebody changed them since, `InvalidInput` with every problem, and what `change_state` refuses.
    """
    with transaction.atomic():
        _lock(campaign)
        if parameters_version not in (None, campaign.parameters_version):
            raise Conflict(
                _("Somebody changed the parameters meanwhile. Look at them, and send your change with their version."),
                code="parameters_changed",
                details={"parameters_version": campaign.parameters_version, "parameters": campaign.parameters},
            )
        before = describe_campaign(campaign)
        spec = _fill_label_schema(spec, before)
        changes = find_changes(before=before, after=spec.as_values())
        changed = {change.field for change in changes}
        problems = _find_fixed(campaign, spec) | find_gold_problem(campaign, spec.parameters or {})
        refuse_problems(problems | find_contradictions(before | spec.as_values()))
        write_fields(campaign=campaign, spec=spec, fields=changed, actor=actor, now=now)
        _record_changes(campaign=campaign, changes=changes, actor=actor, reason=reason)
        _write_parts(campaign=campaign, spec=spec, fields=changed, actor=actor, now=now, reason=reason)
        if spec.state is not None:
            change_state(campaign=campaign, state=spec.state, actor=actor, now=now, reason=reason)
        if changed & FOLLOWED_BY_UNITS:
            mark_stale(kind=StaleKind.CAMPAIGN_UNITS, subject_ids=[campaign.pk])
            wake(JobName.FOLLOW_CAMPAIGNS)
        if changed & OF_CONSENSUS:
            bring_forward(campaign_id=campaign.pk)
    return changes


def _lock(campaign: Campaign) -> None:
    """Hold the row, and read it as it is now into the object that the caller has."""
    rows = Campaign.objects.select_related("guideline", "label_schema")
    campaign.refresh_from_db(from_queryset=rows.select_for_update(no_key=True, of=("self",)))


def _write_parts(
    *, campaign: Campaign, spec: CampaignSpec, fields: set[str], actor: Actor | None, now: datetime, reason: str
) -> None:
    """What has rows of its own."""
    if "guideline" in fields and spec.guideline is not None:
        publish_guideline(campaign=campaign, guideline=spec.guideline, actor=actor, now=now, reason=reason)
    if "label_schema" in fields and spec.label_schema is not None:
        publish_label_schema(campaign=campaign, dimensions=spec.label_schema, actor=actor, now=now, reason=reason)
    if "targets" in fields and spec.targets is not None:
        set_targets(campaign=campaign, targets=spec.targets)
    if "shares" in fields and spec.shares is not None:
        refuse_problems(find_unknown_topics(campaign=campaign, shares=spec.shares))
        set_shares(campaign=campaign, shares=spec.shares)
    if "generators" in fields and spec.generators is not None:
        set_generators(campaign=campaign, generators=spec.generators)
    if fields & OF_TERMS:
        check_generator_terms(campaign=campaign, named=spec.generators if "generators" in fields else None)


def _record_changes(*, campaign: Campaign, changes: tuple[Change, ...], actor: Actor | None, reason: str) -> None:
    told = [change for change in changes if change.field not in TOLD_APART]
    if told:
        record_event(
            actor=actor,
            action=AuditAction.CAMPAIGN_CHANGED,
            object_kind="campaign",
            object_id=campaign.pk,
            campaign=campaign,
            before={change.field: change.before for change in told},
            after={change.field: change.after for change in told},
            reason=reason,
        )


def _fill_from_preset(spec: CampaignSpec, preset: PresetRecord) -> CampaignSpec:
    """What was not said, as the preset has it; of its kinds those that come only where trees grow are left out elsewhere."""
    parameters = {**preset.parameters, **spec.parameters}
    kinds = tuple(kind for kind in preset.kinds if parameters.get("grow_trees") or kind not in GROWN_KINDS)
    filled = replace(
        spec,
        purpose=spec.purpose or "",
        licence=spec.licence or DEFAULT_LICENCE,
        kinds=spec.kinds or kinds,
        allow_guests=bool(spec.allow_guests),
        parameters=parameters,
        guideline=spec.guideline or preset.guideline,
        targets=spec.targets or (),
        shares=spec.shares or (),
        generators=spec.generators or (),
        output_terms=spec.output_terms or (),
        model_licences=spec.model_licences or (),
        release=spec.release or ReleasePlan(),
    )
    return _fill_label_schema(filled, {})


def _fill_label_schema(spec: CampaignSpec, before: Mapping[str, Any]) -> CampaignSpec:
    """A campaign that begins to ask for labels and has no questions takes ours."""
    if Kind.LABEL not in (spec.kinds or ()) or spec.label_schema or before.get("label_schema"):
        return spec
    return replace(spec, label_schema=DEFAULT_LABELS)


def _find_fixed(campaign: Campaign, spec: CampaignSpec) -> dict[str, str]:
    """What stays as it was when the campaign was made."""
    problems = {}
    if spec.slug not in (None, campaign.slug):
        problems["slug"] = _("A campaign keeps its slug: addresses and releases name it.")
    if spec.preset not in (None, campaign.preset):
        problems["preset"] = _("A campaign keeps its preset, which only filled it at first. Change its kinds instead.")
    return problems


def _parameter_fields(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{PARAMETER}{name}": value for name, value in parameters.items()}
