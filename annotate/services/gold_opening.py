"""What becomes a gold item: its conversation is locked, its ordinary units close, and the unit whose answer is known opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, Gone, NotFound
from annotate.models import Campaign, GoldItem
from annotate.queries.rows import Row, fetch_all, fetch_one, fetch_row, run
from annotate.services.audit import record_event
from annotate.services.gold_answers import read_bar, read_tiers
from annotate.services.tree_marks import mark_tree_of
from annotate.services.trees import lock_trees
from annotate.services.units import OWN_TEXT, START_BAND
from tasks.records.parameters import read_settings
from tasks.vocabulary import ORDERING_KINDS, AuditAction, GoldOrigin, Kind, ReasonCode, TreeState

_SUBJECT = """
SELECT m.id, m.role, m.parent_id, m.tree_id AS tree, t.state, t.language, t.stratum_id AS stratum, m.author_id AS author,
  EXISTS (SELECT 1 FROM annotate_message gone WHERE gone.id = ANY(m.thread)
    AND (gone.removed_at IS NOT NULL OR gone.withdrawn_at IS NOT NULL)) AS is_gone,
  EXISTS (SELECT 1 FROM annotate_message o JOIN annotate_unit u ON u.subject_id = o.id
    JOIN annotate_golditem gi ON gi.unit_id = u.id WHERE o.tree_id = m.tree_id) AS is_gold,
  ARRAY(SELECT r.id FROM annotate_message r WHERE r.parent_id = m.id AND r.role = 'assistant' AND r.removed_at IS NULL
    AND r.withdrawn_at IS NULL ORDER BY r.id) AS replies
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.id = %(message)s AND t.campaign_id = %(campaign)s"""

_LOCK_UNITS = """
SELECT u.id, u.kind, u.needed, u.done, u.held, u.is_open FROM annotate_unit u
WHERE u.subject_id = %(message)s AND u.kind = ANY(%(kinds)s::text[]) ORDER BY u.id FOR NO KEY UPDATE"""

#: As many as the counters of a unit can tell; one that was answered so often is offered no more.
NO_END = 32_000
#: Why somebody is not offered a gold item: they met its subject as ordinary work.
MET_BEFORE = "met_before"

_CLOSE = "UPDATE annotate_unit SET is_open = false WHERE id = ANY(%(units)s::bigint[]) AND is_open"

_MAKE = """
WITH queue AS (
  INSERT INTO annotate_queue (campaign_id, kind, language, is_gold) VALUES (%(campaign)s, %(kind)s, %(language)s, true)
  ON CONFLICT (campaign_id, kind, language, qualification, is_gold) DO UPDATE SET kind = excluded.kind RETURNING id),
made AS (
  INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
  SELECT gen_random_uuid(), queue.id, %(kind)s, %(message)s, %(band)s, (random() * 2147483647)::int, %(needed)s, 0, 0, 0, true
  FROM queue RETURNING id),
detail AS (
  INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
  SELECT made.id, %(stratum)s, %(redundancy)s, %(reason)s, '{}', '{}' FROM made),
shown AS (
  INSERT INTO annotate_unitcandidate (unit_id, message_id, added_at)
  SELECT made.id, c.id, %(now)s FROM made, unnest(%(candidates)s::bigint[]) AS c (id)),
excluded AS (
  INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
  SELECT known.annotator, made.id, min(known.why) FROM made, (
    SELECT s.annotator_id AS annotator, %(met_before)s AS why FROM annotate_assignment s
    WHERE s.unit_id = ANY(%(units)s::bigint[])
    UNION ALL
    SELECT m.author_id, %(own_text)s FROM annotate_message m
    WHERE m.id = ANY(%(texts)s::bigint[]) AND m.author_id IS NOT NULL
    UNION ALL
    SELECT a.id, %(own_text)s FROM annotate_annotator a WHERE a.user_id = %(maker)s::bigint) AS known
  GROUP BY known.annotator, made.id)
SELECT id FROM made"""


@dataclass(frozen=True, slots=True)
class Known:
    """An answer that was checked, and where it came from."""

    answer: Mapping[str, Any]
    explanation: str
    origin: GoldOrigin
    consensus: int | None = None


def lock_subject(*, campaign: Campaign, message_id: Any) -> Row:
    """The message with its live replies, its tree locked. Raises what `choose_gold` does."""
    number = message_id if isinstance(message_id, int) and 0 < message_id < 2**63 else 0
    lock_trees(message_ids=[number])
    subject = fetch_one(_SUBJECT, {"message": number, "campaign": campaign.pk})
    if subject is None:
        raise NotFound(_("There is no such message in this campaign."), code="message_not_found")
    if subject["is_gone"]:
        raise Gone(_("This conversation was removed, so it cannot be asked about."), code="subject_removed")
    if subject["is_gold"]:
        raise Conflict(_("There is a gold item in this conversation already."), code="is_gold_already")
    if subject["state"] != TreeState.RANKING:
        raise Conflict(
            _("This conversation has ended, and everybody can read it with its order. Choose another one."),
            code="tree_ended",
        )
    return subject


def lock_ordinary_units(*, subject: Row, kind: Kind) -> list[Row]:
    """The ordinary units by which somebody may meet the subject, locked by id."""
    kinds = [str(one) for one in (ORDERING_KINDS if kind in ORDERING_KINDS else (kind,))]
    return fetch_all(_LOCK_UNITS, {"message": subject["id"], "kinds": kinds})


def read_order(values: Mapping[str, Any], *, candidates: Sequence[Any]) -> dict[str, Any]:
    tiers = read_tiers(values.get("tiers"), known=candidates)
    return {"tiers": tiers, "acceptable_tiers": read_bar(values.get("acceptable_tiers"), tiers=tiers)}


def open_gold(
    *,
    campaign: Campaign,
    subject: Row,
    kind: Kind,
    units: Sequence[Row],
    known: Known,
    actor: Actor | None,
    now: datetime,
) -> GoldItem:
    """Close the ordinary units and make the gold one. The caller's transaction, with everything locked and checked."""
    ids, settings = [unit["id"] for unit in units], read_settings(campaign.parameters)
    candidates = [candidate for tier in known.answer.get("tiers", ()) for candidate in tier]
    run(_CLOSE, {"units": ids})
    made = fetch_row(
        _MAKE,
        {
            "campaign": campaign.pk,
            "kind": kind,
            "language": subject["language"],
            "message": subject["id"],
            "stratum": subject["stratum"],
            "band": START_BAND,
            "needed": settings.redundancy if settings.grow_trees else NO_END,
            "redundancy": settings.redundancy,
            "reason": ReasonCode.MORE_VOICES,
            "candidates": sorted(candidates),
            "texts": [subject["id"], *candidates],
            "units": ids,
            "met_before": MET_BEFORE,
            "own_text": OWN_TEXT,
            "maker": None if actor is None else actor.user_id,
            "now": now,
        },
    )
    item = GoldItem.objects.create(
        unit_id=made["id"],
        campaign=campaign,
        origin=known.origin,
        answer=dict(known.answer),
        explanation=known.explanation,
        consensus_id=known.consensus,
        created_by=None if actor is None else actor.user,
        created_at=now,
    )
    record_gold(item, actor, AuditAction.GOLD_ADDED, campaign, message=subject["id"])
    mark_tree_of(message_ids=[subject["id"]])
    return item


def record_gold(
    item: GoldItem,
    actor: Actor | None,
    action: AuditAction,
    campaign: Campaign,
    *,
    message: int | None = None,
    reason: str = "",
) -> None:
    after = {"message": message, "kind": item.unit.kind, "origin": item.origin}
    record_event(
        actor=actor,
        action=action,
        object_kind="gold",
        object_id=item.pk,
        campaign=campaign,
        after=None if message is None else after,
        reason=reason,
    )
