"""Editing a campaign in two presses: the first shows what would change, the second applies what was shown.

What was looked at travels with the form as two digests: of the fields as they were, and of what is to become of
them. When either is otherwise at the second press, nothing is applied and the difference is shown again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import get_campaign_for
from annotate.exceptions import ChorusError
from annotate.models import Campaign
from annotate.services.campaign_review import PlannedChange, apply_change, digest_fields, plan_change
from annotate.web.differences import ShownChange, show_changes
from annotate.web.fields import Problems, problems_of
from annotate.web.pages import PageRequest
from tasks.records.campaigns import CampaignSpec
from tasks.vocabulary import CampaignRole

MAX_REASON_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Press:
    """What came of a press: applied, or something to show."""

    is_applied: bool = False
    is_stale: bool = False
    problems: Problems = field(default_factory=dict)
    changes: tuple[ShownChange, ...] = ()
    seen: str = ""
    looked: str = ""
    reason: str = ""
    status: int = 200

    @property
    def is_same(self) -> bool:
        """Whether somebody looked and nothing would change."""
        return bool(self.looked) and not self.changes


def get_edited(request: PageRequest, slug: str) -> Campaign:
    """The campaign, for its organizers, with guideline and label schema."""
    return get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER, "guideline", "label_schema")


def open_form(values: Mapping[str, Any], fields: Iterable[str]) -> Press:
    """What a form that is opened remembers: how its fields are now, in `describe_campaign`'s values."""
    return Press(seen=digest_fields(values, fields))


def take_press(request: PageRequest, campaign: Campaign, read: Callable[[], CampaignSpec]) -> Press:
    """Show or apply what the form says. `read` raises what is wrong with it."""
    reason = request.POST.get("reason", "").strip()[:MAX_REASON_CHARS]
    seen = request.POST.get("seen", "")
    try:
        spec = read()
        planned = plan_change(campaign=campaign, spec=spec, actor=request.actor, now=timezone.now())
        looked = digest_spec(spec)
        wants = request.POST.get("step") == "apply" and request.POST.get("looked") == looked
        if wants and seen == planned.seen and planned.changes:
            return _apply(request, campaign, spec, planned, reason)
    except ChorusError as error:
        if error.code == "campaign_changed":
            return Press(is_stale=True, seen=seen, reason=reason, status=error.status)
        return Press(problems=problems_of(error), seen=seen, reason=reason, status=error.status)
    is_stale = seen not in ("", planned.seen)
    return Press(
        is_stale=is_stale,
        changes=tuple(show_changes(planned.changes)),
        seen=planned.seen,
        looked=looked,
        reason=reason,
        status=409 if is_stale and request.POST.get("step") == "apply" else 200,
    )


def _apply(request: PageRequest, campaign: Campaign, spec: CampaignSpec, planned: PlannedChange, reason: str) -> Press:
    changes = apply_change(
        campaign=campaign, spec=spec, actor=request.actor, now=timezone.now(), seen=planned.seen, reason=reason
    )
    told = ngettext("Applied: %(n)s change.", "Applied: %(n)s changes.", len(changes)) % {"n": len(changes)}
    messages.success(request, told + " " + _("It is in the audit."))
    return Press(is_applied=True)


def digest_spec(spec: CampaignSpec) -> str:
    """A short text that differs when what is asked for does."""
    values: dict[str, Any] = spec.as_values()
    text = json.dumps(values, sort_keys=True, ensure_ascii=True).encode("ascii")
    return hashlib.blake2s(text, digest_size=12).hexdigest()
