"""What moderators take away, and give back: messages of a campaign, and people's permission to work.

Current ballots stay: they are what somebody thought of what they saw. What is removed is no longer shown,
offered or accepted, and every result that depends on it is computed again.

Order of locks, as everywhere: annotator → message tree → assignment → unit → mark.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, NotFound
from annotate.models import Annotator, AuditEvent, Campaign, Message
from annotate.queries.rows import fetch_all, run
from annotate.queries.tree_refusals import FORGIVEN_SKIPS, count_skips
from annotate.services.audit import record_event
from annotate.services.holds import release_holds
from annotate.services.label_units import settle_label_units
from annotate.services.moderation_reports import handle_reports
from annotate.services.stale import mark_stale
from annotate.services.terms import lock_annotator
from annotate.services.tree_marks import mark_supply, mark_tree_of
from annotate.services.tree_states import resume_after_removal
from annotate.services.trees import lock_trees
from annotate.services.units import open_units
from annotate.wake import wake
from tasks.vocabulary import ORDERING_KINDS, AuditAction, JobName, Kind, ReportState, StaleKind

#: Fewer candidates cannot be put in order.
FEWEST_CANDIDATES = 2
#: What the audit of a removal keeps, so that restoring reopens what the removal closed and nothing else.
CLOSED_UNITS = "closed_units"

#: Units about the message or anything below it, those that show it as a candidate, and the one it was written for (a
#: prompt's is about nothing), whose counters change with it.
#: Its writer's assignment needs no lock: who takes the text back waits for that of its tree, and who takes work up
#: again locks the unit first.
_LOCK_UNITS = """
WITH written AS MATERIALIZED (
  SELECT j.unit_id AS id FROM annotate_judgment j WHERE j.message_id = %(message)s AND j.is_current),
touched AS MATERIALIZED (
  SELECT u.id FROM annotate_unit u
  WHERE u.subject_id = ANY(ARRAY(
      SELECT m.id FROM annotate_message m WHERE m.tree_id = %(tree)s AND %(message)s = ANY(m.thread)))
    OR (u.subject_id = %(parent)s AND u.kind <> %(label)s))
SELECT u.id, u.id IN (SELECT id FROM touched) AS is_about FROM annotate_unit u
WHERE u.id = ANY(ARRAY(SELECT id FROM touched UNION SELECT id FROM written))
ORDER BY u.id FOR NO KEY UPDATE OF u"""

#: A text that was written here gives its place back; the oldest surplus text that stands takes it.
_GIVE_PLACE_BACK = """
WITH gone AS (
  UPDATE annotate_judgment SET counted = false WHERE message_id = %(message)s AND is_current AND counted RETURNING unit_id),
heir AS (
  UPDATE annotate_judgment SET counted = true WHERE id = (
    SELECT j.id FROM annotate_judgment j JOIN gone ON gone.unit_id = j.unit_id JOIN annotate_message m ON m.id = j.message_id
    WHERE j.is_current AND NOT j.counted AND m.removed_at IS NULL AND m.id <> %(message)s ORDER BY j.id LIMIT 1)
  RETURNING unit_id)
UPDATE annotate_unit u SET done = u.done - 1 + heirs.n, surplus = u.surplus + 1 - heirs.n
FROM gone, (SELECT count(*) AS n FROM heir) heirs WHERE u.id = gone.unit_id"""

_TAKE_PLACE_AGAIN = """
WITH back AS (
  UPDATE annotate_judgment j SET counted = true FROM annotate_unit u
  WHERE u.id = j.unit_id AND j.message_id = %(message)s AND j.is_current AND NOT j.counted AND u.done + u.held < u.needed
  RETURNING j.unit_id)
UPDATE annotate_unit u SET done = u.done + 1, surplus = u.surplus - 1 FROM back WHERE u.id = back.unit_id"""

_REMOVE_CANDIDATE = """
UPDATE annotate_unitcandidate SET removed_at = %(now)s
WHERE message_id = %(message)s AND unit_id = ANY(%(units)s::bigint[]) AND removed_at IS NULL"""

#: What must not be offered any more: its conversation is gone, or there is too little left to put in order.
_CLOSE = """
UPDATE annotate_unit u SET is_open = false
WHERE u.id = ANY(%(units)s::bigint[]) AND u.is_open AND (
  u.subject_id IS DISTINCT FROM %(parent)s
  OR u.kind = ANY(%(ordering)s::text[]) AND (SELECT count(*) FROM annotate_unitcandidate c WHERE c.unit_id = u.id AND c.removed_at IS NULL) < %(fewest)s)
RETURNING u.id"""

_RESTORE_CANDIDATE = """
UPDATE annotate_unitcandidate SET removed_at = NULL
WHERE message_id = %(message)s AND unit_id = ANY(%(units)s::bigint[]) AND removed_at = %(removed_at)s"""

#: Of the units that removals in this tree closed, those in whose way nothing stands any more.
_REOPEN = """
UPDATE annotate_unit u SET is_open = true
FROM annotate_message s JOIN annotate_messagetree t ON t.id = s.tree_id
WHERE s.id = u.subject_id AND u.id = ANY(%(units)s::bigint[]) AND NOT u.is_open AND t.state = 'ranking'
  AND NOT EXISTS (SELECT 1 FROM annotate_message m WHERE m.id = ANY(s.thread)
    AND (m.removed_at IS NOT NULL OR m.withdrawn_at IS NOT NULL))
  AND (u.kind <> ALL(%(ordering)s::text[]) OR %(fewest)s <= (
    SELECT count(*) FROM annotate_unitcandidate c WHERE c.unit_id = u.id AND c.removed_at IS NULL))
  AND NOT EXISTS (SELECT 1 FROM annotate_unit o WHERE o.kind = u.kind AND o.subject_id = u.subject_id AND o.is_open)
  AND NOT EXISTS (SELECT 1 FROM annotate_golditem gi WHERE gi.unit_id = u.id AND gi.retired_at IS NOT NULL)
  AND u.id = (SELECT max(l.id) FROM annotate_unit l WHERE l.id = ANY(%(units)s::bigint[])
    AND l.kind = u.kind AND l.subject_id = u.subject_id)
RETURNING u.id"""


def remove_message(
    *,
    campaign: Campaign,
    message_id: int,
    actor: Actor | None,
    reason: str,
    now: datetime,
    because: Mapping[str, Any] | None = None,
) -> Message:
    """Take a message, and with it all that answers it, out of the campaign's work; its text is kept.

    Closes the units about it and below it, and those that cannot do without it as a candidate. Whoever holds
    one of them is told when they submit. A message that is removed already stays as it was.
    `actor` None: it is hidden by itself, and `because` tells the audit what of.
    """
    with transaction.atomic():
        message = _lock_message(campaign, message_id)
        if actor is not None:  # what hides itself still waits for somebody to look
            handle_reports(message=message, state=ReportState.UPHELD, actor=actor, now=now)
        if message.removed_at is not None:
            return message
        units = _lock_units(message)
        message.removed_at, message.removed_reason = now, reason
        message.save(update_fields=["removed_at", "removed_reason"])
        run(_GIVE_PLACE_BACK, {"message": message.pk})
        run(_REMOVE_CANDIDATE, {"units": units, "message": message.pk, "now": now})
        closed = _ids(_CLOSE, {"units": units, "parent": message.parent_id, **_limits()})
        record_event(
            actor=actor,
            action=AuditAction.MESSAGE_REMOVED,
            object_kind="message",
            object_id=message.pk,
            campaign=campaign,
            before={"removed": False},
            after={"removed": True, CLOSED_UNITS: closed, **(because or {})},
            reason=reason,
        )
        _mark_results(message)
    return message


def restore_message(*, campaign: Campaign, message_id: int, actor: Actor, reason: str, now: datetime) -> Message:
    """Bring a removed message back, and reopen what its removal closed unless something else is in the way.

    Reports that are open are dismissed and skips until now forgiven, so that the same ones do not hide it again. A
    tree that ended with its prompt goes on.
    """
    with transaction.atomic():
        message = _lock_message(campaign, message_id)
        if message.removed_at is None:
            return message
        if message.withdrawn_at is not None:
            raise Conflict(_("Its author withdrew this message, so it cannot come back."), code="message_withdrawn")
        units = _lock_units(message)
        removed_at, message.removed_at, message.removed_reason = message.removed_at, None, ""
        message.save(update_fields=["removed_at", "removed_reason"])
        run(_TAKE_PLACE_AGAIN, {"message": message.pk})
        run(_RESTORE_CANDIDATE, {"message": message.pk, "units": units, "removed_at": removed_at})
        closed = _find_closed(campaign, message) & set(units)
        reopened = reopen_units(unit_ids=closed)
        settle_label_units(campaign=campaign, units=units)
        parents = [parent for parent in (message.parent_id, message.pk) if parent is not None]
        open_units(campaign_id=campaign.pk, parent_ids=parents, now=now)
        # A moderator who brings a message back has looked at what was reported.
        dismissed = handle_reports(message=message, state=ReportState.DISMISSED, actor=actor, now=now)
        if message.parent_id is None:
            resume_after_removal(tree_id=message.tree_id, now=now)
        record_event(
            actor=actor,
            action=AuditAction.MESSAGE_RESTORED,
            object_kind="message",
            object_id=message.pk,
            campaign=campaign,
            before={"removed": True},
            after={
                "removed": False,
                "reopened_units": reopened,
                "dismissed_reports": dismissed,
                FORGIVEN_SKIPS: count_skips(message_id=message.pk),
            },
            reason=reason,
        )
        _mark_results(message)
        if message.parent_id is None and campaign.parameters.get("grow_trees"):
            mark_supply(campaign_ids=[campaign.pk])
    return message


def reopen_units(*, unit_ids: Iterable[int]) -> list[int]:
    """Open again those of these units in whose way nothing stands any more; the caller holds the locks. Returns which."""
    return _ids(_REOPEN, {"units": sorted(unit_ids), **_limits()})


def suspend_annotator(*, annotator_id: int, campaign: Campaign, actor: Actor, reason: str, now: datetime) -> Annotator:
    """Stop somebody from working anywhere on the site; what they hold goes back, their drafts and judgments stay."""
    with transaction.atomic():
        annotator = lock_annotator(annotator_id=annotator_id)
        if annotator.suspended_at is not None:
            return annotator
        annotator.suspended_at, annotator.suspended_reason = now, reason
        annotator.save(update_fields=["suspended_at", "suspended_reason"])
        released = release_holds(annotator_id=annotator.pk, now=now)
        record_event(
            actor=actor,
            action=AuditAction.ANNOTATOR_SUSPENDED,
            object_kind="annotator",
            object_id=annotator.pk,
            campaign=campaign,
            before={"suspended": False},
            after={"suspended": True, "released_holds": released},
            reason=reason,
        )
    return annotator


def reinstate_annotator(*, annotator_id: int, campaign: Campaign, actor: Actor, reason: str) -> Annotator:
    """Let somebody work again."""
    with transaction.atomic():
        annotator = lock_annotator(annotator_id=annotator_id)
        if annotator.suspended_at is None:
            return annotator
        annotator.suspended_at, annotator.suspended_reason = None, ""
        annotator.save(update_fields=["suspended_at", "suspended_reason"])
        record_event(
            actor=actor,
            action=AuditAction.ANNOTATOR_REINSTATED,
            object_kind="annotator",
            object_id=annotator.pk,
            campaign=campaign,
            before={"suspended": True},
            after={"suspended": False},
            reason=reason,
        )
    return annotator


def _lock_message(campaign: Campaign, message_id: int) -> Message:
    """The message under the lock of its tree, so that nobody adds a candidate or opens a unit meanwhile."""
    here = Message.objects.filter(pk=message_id, tree__campaign=campaign)
    if not here.exists():
        raise NotFound(_("This campaign has no such message."), code="message_not_found")
    lock_trees(message_ids=[message_id])
    return here.get()


def _lock_units(message: Message) -> list[int]:
    """Lock every unit that changes with the message; returns those that are about it or show it."""
    params = {"tree": message.tree_id, "message": message.pk, "parent": message.parent_id, "label": Kind.LABEL}
    return [row["id"] for row in fetch_all(_LOCK_UNITS, params) if row["is_about"]]


def _find_closed(campaign: Campaign, message: Message) -> set[int]:
    """Units that removals of this message or others of its tree closed: one may have been in another's way."""
    relatives = [str(pk) for pk in Message.objects.filter(tree_id=message.tree_id).values_list("pk", flat=True)]
    removals = AuditEvent.objects.filter(
        campaign=campaign, action=AuditAction.MESSAGE_REMOVED, object_kind="message", object_id__in=relatives
    )
    return {unit for after in removals.values_list("after", flat=True) for unit in (after or {}).get(CLOSED_UNITS, [])}


def _mark_results(message: Message) -> None:
    parents: Iterable[int | None] = (message.parent_id, message.pk)
    mark_stale(kind=StaleKind.PARENT, subject_ids=[parent for parent in parents if parent is not None])
    mark_tree_of(message_ids=[message.pk])
    wake(JobName.RECOMPUTE_STALE)


def _ids(sql: str, params: Mapping[str, object]) -> list[int]:
    return sorted(row["id"] for row in fetch_all(sql, params))


def _limits() -> dict[str, object]:
    """Which units put candidates in order, and how few are too few for that."""
    return {"ordering": [str(kind) for kind in ORDERING_KINDS], "fewest": FEWEST_CANDIDATES}
