"""Gold items: work whose answer is known, mixed among the rest, that tells how well people judge.

A gold item is a unit in a queue of its own kind (`Queue.is_gold`), of which no end is needed. It is made from a
conversation that is there (`choose_gold`, `promote_gold`) or from one that an organizer writes (`services.gold_writing`).

1. Lock the conversation, then its ordinary units; refuse what would let somebody meet it twice, or read the answer.
2. Close those units: what gold was made of asks for no ordinary work any more, ever.
3. Make the unit, and exclude whoever met the subject before or wrote any of it.

A conversation with gold looks like any other to whoever judges: its replies are sealed until one has judged them, and
its page, its address and its age are those of other conversations. Where trees grow, finished ones are read by
everybody with their order, so that there can be no gold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, Gone, NotFound
from annotate.models import Campaign, GoldItem
from annotate.queries.rows import Row, fetch_all, fetch_one, fetch_row, run
from annotate.services.audit import record_event
from annotate.services.gold_answers import read_bar, read_explanation, read_kind, read_known_labels, read_tiers
from annotate.services.trees import lock_trees
from annotate.services.units import OWN_TEXT, START_BAND
from tasks.records.parameters import read_settings
from tasks.vocabulary import ORDERING_KINDS, AuditAction, GoldOrigin, Kind, ReasonCode, TreeState

#: As many as the counters of a unit can tell; one that was answered so often is offered no more.
NO_END = 32_000
#: Why somebody is not offered a gold item: they met its subject as ordinary work.
MET_BEFORE = "met_before"
#: Certain enough to be an answer, unless an organizer asks for more: ballots, and the consensus's own certainty.
FEWEST_BALLOTS, LEAST_CONFIDENCE = 5, 0.9

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

_CONSENSUS = """
SELECT k.id, k.n, (k.result->>'confidence')::float AS confidence, (k.result->'tiers') #>> '{}' AS tiers,
  (k.result->>'acceptable_tiers')::int AS acceptable_tiers
FROM annotate_message m JOIN annotate_consensus k ON k.id = m.current_consensus_id WHERE m.id = %(message)s"""

_CLOSE = "UPDATE annotate_unit SET is_open = false WHERE id = ANY(%(units)s::bigint[]) AND is_open"

_MAKE = """
WITH queue AS (
  INSERT INTO annotate_queue (campaign_id, kind, language, is_gold) VALUES (%(campaign)s, %(kind)s, %(language)s, true)
  ON CONFLICT (campaign_id, kind, language, qualification, is_gold) DO UPDATE SET kind = excluded.kind RETURNING id),
made AS (
  INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
  SELECT gen_random_uuid(), queue.id, %(kind)s, %(message)s, %(band)s, (random() * 2147483647)::int, %(no_end)s, 0, 0, 0, true
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

#: Two statements: whoever submits at this moment holds the unit, and their result is there once this one has it.
_RETIRE = "UPDATE annotate_unit SET is_open = false WHERE id = %(unit)s"
_TELL = """
WITH told AS (UPDATE annotate_goldresult SET told_at = %(now)s WHERE item_id = %(unit)s AND told_at IS NULL)
UPDATE annotate_golditem SET retired_at = %(now)s WHERE unit_id = %(unit)s"""


@dataclass(frozen=True, slots=True)
class Known:
    """An answer that was checked, and where it came from."""

    answer: Mapping[str, Any]
    explanation: str
    origin: GoldOrigin
    consensus: int | None = None


def choose_gold(*, campaign: Campaign, values: Mapping[str, Any], actor: Actor | None, now: datetime) -> GoldItem:
    """A conversation that is there becomes gold with the answer that an organizer gives.

    `values`: `message`, `kind`, and `tiers` of ids with `acceptable_tiers`, or `labels`; `explanation`. Raises NotFound, Gone
    (`subject_removed`), InvalidInput, and Conflict: `trees_grow`, `is_gold_already`, `tree_ended`, `held_now`.
    """
    kind, explanation = read_kind(campaign, values.get("kind")), read_explanation(values.get("explanation", ""))
    with transaction.atomic():
        subject = lock_subject(campaign=campaign, message_id=values.get("message"))
        units = lock_ordinary_units(subject=subject, kind=kind)
        if any(unit["held"] for unit in units):
            raise Conflict(
                _("Somebody has this in hand as ordinary work now. Try again when they have sent it."), code="held_now"
            )
        if kind == Kind.LABEL:
            answer = {"labels": read_known_labels(values.get("labels"), campaign=campaign, role=subject["role"])}
        else:
            answer = read_order(values, candidates=subject["replies"])
        known = Known(answer, explanation, GoldOrigin.WRITTEN)
        return open_gold(campaign=campaign, subject=subject, kind=kind, units=units, known=known, actor=actor, now=now)


def promote_gold(
    *,
    campaign: Campaign,
    message_id: int,
    actor: Actor | None,
    now: datetime,
    explanation: str = "",
    confidence: float = LEAST_CONFIDENCE,
    ballots: int = FEWEST_BALLOTS,
) -> GoldItem:
    """A parent whose order is beyond doubt becomes gold with its consensus as the answer.

    Raises what `choose_gold` does, and Conflict: `not_certain` (fewer ballots, or less certain, than asked) and
    `still_asked` (its ordinary work is not done).
    """
    explanation = read_explanation(explanation)
    with transaction.atomic():
        subject = lock_subject(campaign=campaign, message_id=message_id)
        units = lock_ordinary_units(subject=subject, kind=Kind.RANK)
        found = fetch_one(_CONSENSUS, {"message": message_id})
        if found is None or found["n"] < ballots or found["confidence"] < confidence:
            raise Conflict(
                _("Its order is not certain enough to be an answer: %(ballots)s ballots and %(confidence)s are asked for.")
                % {"ballots": ballots, "confidence": f"{confidence:g}"},
                code="not_certain",
            )  # fmt: skip
        if any(unit["is_open"] and unit["done"] < unit["needed"] for unit in units):
            raise Conflict(_("People are still asked for its order. Promote it when that is done."), code="still_asked")
        asked = [unit for unit in units if unit["kind"] in campaign.kinds]
        if not asked:
            raise Conflict(_("The campaign does not ask for such work any more."), code="kind_not_wanted")
        kind = Kind(max(asked, key=lambda unit: unit["done"])["kind"])
        answer = read_consensus(found)
        known = Known(answer, explanation, GoldOrigin.PROMOTED, found["id"])
        return open_gold(campaign=campaign, subject=subject, kind=kind, units=units, known=known, actor=actor, now=now)


def retire_gold(*, campaign: Campaign, unit_id: int, actor: Actor | None, now: datetime, reason: str = "") -> GoldItem:
    """Offer a gold item no more, and explain it to everybody who answered it. Retiring twice changes nothing.

    Whoever holds it may still answer; results stay. Raises NotFound `gold_not_found`.
    """
    with transaction.atomic():
        item = GoldItem.objects.select_for_update(no_key=True).filter(campaign=campaign, pk=unit_id).first()
        if item is None:
            raise NotFound(
                _("This campaign has no such gold item. Look at the list of its gold items."), code="gold_not_found"
            )
        if item.retired_at is None:
            run(_RETIRE, {"unit": unit_id})
            run(_TELL, {"unit": unit_id, "now": now})
            item.retired_at = now
            _record(item, actor, AuditAction.GOLD_RETIRED, campaign, reason=reason)
    return item


def check_campaign(campaign: Campaign) -> None:
    """Raises Conflict `trees_grow` where every finished conversation can be read with its order."""
    if read_settings(campaign.parameters).grow_trees:
        raise Conflict(
            _(
                "Trees grow in this campaign, and everybody can read finished ones with their order. So nothing can be "
                "asked here whose answer must not be known."
            ),
            code="trees_grow",
        )


def find_gold_problem(campaign: Campaign, parameters: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with letting trees grow where gold was made, by its field; nothing where that is not asked."""
    grows = parameters.get("grow_trees") is True and not read_settings(campaign.parameters).grow_trees
    if not grows or not GoldItem.objects.filter(campaign=campaign).exists():
        return {}
    return {
        "parameters.grow_trees": _(
            "Gold items were made here, and where trees grow everybody could read their answers. Grow trees in another "
            "campaign."
        )
    }


def lock_subject(*, campaign: Campaign, message_id: Any) -> Row:
    """The message with its live replies, its tree locked. Raises what `choose_gold` does."""
    check_campaign(campaign)
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


def read_consensus(found: Row) -> dict[str, Any]:
    """The answer that a consensus gives; candidates that nobody placed are not asked about."""
    tiers: list[list[int]] = json.loads(found["tiers"])
    placed = [candidate for tier in tiers for candidate in tier]
    return read_order({"tiers": tiers, "acceptable_tiers": found["acceptable_tiers"]}, candidates=placed)


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
    ids = [unit["id"] for unit in units]
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
            "no_end": NO_END,
            "redundancy": read_settings(campaign.parameters).redundancy,
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
    _record(item, actor, AuditAction.GOLD_ADDED, campaign, message=subject["id"])
    return item


def _record(
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
