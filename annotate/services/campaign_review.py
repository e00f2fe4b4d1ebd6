"""Look before changing a campaign: what a change would do, and a change that is refused when somebody was faster.

Between the two nothing is held. What was seen is remembered as a digest of the fields that the change is about,
so that who edits the guideline does not stand in the way of who edits the targets.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Campaign
from annotate.queries.campaigns import describe_campaign
from annotate.services.campaigns import change_campaign, create_campaign
from tasks.records.campaigns import CampaignSpec, Change, find_changes


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a change would do now, and the digest of what it would change."""

    changes: tuple[Change, ...]
    seen: str


def plan_change(*, campaign: Campaign, spec: CampaignSpec, actor: Actor | None, now: datetime) -> PlannedChange:
    """Do everything that `change_campaign` does and take it back. Raises whatever that would refuse."""
    with transaction.atomic():
        current = _lock(campaign)
        seen = digest_fields(describe_campaign(current), spec.as_values())
        changes = change_campaign(campaign=current, spec=spec, actor=actor, now=now)
        transaction.set_rollback(True)
    return PlannedChange(changes, seen)


def plan_campaign(*, spec: CampaignSpec, actor: Actor | None, now: datetime) -> tuple[Change, ...]:
    """What a campaign that is made of this would have. Raises whatever `create_campaign` would refuse."""
    with transaction.atomic():
        made = create_campaign(spec=spec, actor=actor, now=now)
        changes = find_changes(before={}, after=describe_campaign(made))
        transaction.set_rollback(True)
    return changes


def apply_change(
    *, campaign: Campaign, spec: CampaignSpec, actor: Actor | None, now: datetime, seen: str, reason: str = ""
) -> tuple[Change, ...]:
    """Change a campaign as it was seen. Raises Conflict `campaign_changed` when its fields are otherwise now."""
    with transaction.atomic():
        current = _lock(campaign)
        if digest_fields(describe_campaign(current), spec.as_values()) != seen:
            raise Conflict(
                "Somebody changed this campaign meanwhile. Nothing of yours was applied: look at what would change "
                "now, and apply it then.",
                code="campaign_changed",
            )
        return change_campaign(campaign=current, spec=spec, actor=actor, now=now, reason=reason)


def digest_fields(values: Mapping[str, Any], fields: Iterable[str]) -> str:
    """A short text that differs when one of these fields does."""
    told = {name: values.get(name) for name in sorted(set(fields))}
    text = json.dumps(told, sort_keys=True, ensure_ascii=True).encode("ascii")
    return hashlib.blake2s(text, digest_size=12).hexdigest()


def _lock(campaign: Campaign) -> Campaign:
    """The row as it is now, held; the caller's object stays as it was read."""
    rows = Campaign.objects.select_related("guideline", "label_schema")
    current = copy.copy(campaign)
    current._state = copy.copy(campaign._state)  # noqa: SLF001  (what is cached of relations must not be shared)
    current._state.fields_cache = {}  # noqa: SLF001
    current.refresh_from_db(from_queryset=rows.select_for_update(no_key=True, of=("self",)))
    return current
