"""The audit: who did what to which object, before and after, and why. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotate.access import Actor
from annotate.models import AuditEvent, Campaign, User
from tasks.vocabulary import AuditAction


def record_event(
    *,
    actor: Actor | User | None,
    action: AuditAction,
    object_kind: str,
    object_id: object,
    campaign: Campaign | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> AuditEvent:
    """Add one event, in the transaction of what it tells. `actor` None: the system or a command on the server."""
    user_id = actor.user_id if isinstance(actor, Actor) else getattr(actor, "pk", None)
    return AuditEvent.objects.create(
        actor_id=user_id,
        campaign=campaign,
        action=AuditAction(action),
        object_kind=object_kind,
        object_id=str(object_id),
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        reason=reason,
    )
