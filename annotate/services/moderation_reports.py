"""What a moderator says of reports: a message that is kept was reported wrongly, one that is hidden rightly."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Campaign, Message, Report
from annotate.services.audit import record_event
from annotate.services.message_texts import lock_message
from annotate.services.tree_marks import mark_tree_of
from tasks.vocabulary import AuditAction, ReportState


def keep_message(*, campaign: Campaign, message_id: int, actor: Actor, reason: str, now: datetime) -> Message:
    """Dismiss the open reports of a message, so that they do not hide it; whoever sees more may report it again.

    Raises NotFound, Gone for a message that was withdrawn, and Conflict `no_reports` where none is open.
    """
    with transaction.atomic():
        message = lock_message(campaign=campaign, message_id=message_id)
        dismissed = handle_reports(message=message, state=ReportState.DISMISSED, actor=actor, now=now)
        if not dismissed:
            raise Conflict(_("No report of this message is open, so there is nothing to dismiss."), code="no_reports")
        record_event(
            actor=actor,
            action=AuditAction.REPORTS_HANDLED,
            object_kind="message",
            object_id=message.pk,
            campaign=campaign,
            before={"open_reports": dismissed},
            after={"open_reports": 0, "state": str(ReportState.DISMISSED)},
            reason=reason,
        )
        mark_tree_of(message_ids=[message.pk], any_campaign=True)
    return message


def handle_reports(*, message: Message, state: ReportState, actor: Actor | None, now: datetime) -> int:
    """Close the open reports of a message as `state`, in the caller's transaction; returns how many there were."""
    return Report.objects.filter(message=message, state=ReportState.OPEN).update(
        state=state, handled_by=None if actor is None else actor.user, handled_at=now
    )
