"""Take a judgment and give the next work: one transaction, in this order.

1. Lock the person's row and read the hold: their tabs and double clicks take turns.
2. The same submit again is answered the same, next work included; another body for it is a conflict.
3. Refuse what the predicate refuses at submit; what was sent is then kept as the draft.
4. Close the assignment, count the unit, write the ballot, mark the subject: one statement.
5. Claim the next unit. Claiming is last, so that it can wait for nobody and close no circle of locks.
"""

import json
import random
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError, Conflict, Gone, NotAllowed, NotFound
from annotate.queries.eligibility import Clause, Level, Moment, find_refusal, render_columns
from annotate.queries.presentation import HANDLES, find_dimensions, get_shown
from annotate.queries.rows import Row, fetch_one
from annotate.services.answers import ReadAnswer, hash_body, read_answer, read_body
from annotate.services.claims import Offer, claim_for
from annotate.services.holds import give_back, keep_refused_answer
from annotate.services.replies import write_reply
from annotate.services.terms import CURRENT_TERMS
from annotate.wake import wake
from tasks.records.parameters import read_settings
from tasks.vocabulary import WRITING_KINDS, AssignmentState, JobName, Kind, SkipReason

HELD = f"""
SELECT a.id AS me, a.user_id, c.id AS campaign, c.slug, c.state, c.parameters::text AS parameters, c.kinds, c.languages,
  s.guideline_id, s.label_schema_id, a.accepted_terms,
  ARRAY(SELECT k.language FROM annotate_languageskill k WHERE k.annotator_id = a.id) AS skills,
  s.id AS assignment, s.state AS assignment_state, s.unit_id AS unit, s.cannot_tell_reason, s.next_assignment_id, u.kind,
  u.queue_id AS queue, u.band, u.tie,
  u.subject_id AS subject, m.role, q.language,
  ARRAY(SELECT ARRAY[ac.position, ac.message_id] FROM annotate_assignmentcandidate ac
        WHERE ac.assignment_id = s.id AND ac.position >= 0) AS shown,
  {render_columns(moment=Moment.OFFER, level=Level.PERSON)},
  {render_columns(moment=Moment.SUBMIT, level=Level.HOLD)}
FROM annotate_annotator a
JOIN annotate_assignment s ON s.annotator_id = a.id AND s.id = %(assignment)s
JOIN annotate_unit u ON u.id = s.unit_id
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_campaign c ON c.id = q.campaign_id
JOIN annotate_message m ON m.id = u.subject_id
WHERE a.id = %(me)s
FOR NO KEY UPDATE OF a"""

SUBMIT = """
WITH mine AS (
  SELECT id, unit_id, state FROM annotate_assignment
  WHERE id = %(assignment)s AND annotator_id = %(me)s AND state IN ('live', 'expired', 'released', 'skipped')
  FOR NO KEY UPDATE),
closed AS (
  UPDATE annotate_assignment s SET state = 'submitted', lease_expires_at = NULL, draft = NULL, closed_at = %(now)s,
    skip_reason = NULL, cannot_tell_reason = NULL, rationale = ''
  FROM mine WHERE s.id = mine.id),
counted AS (
  UPDATE annotate_unit u SET
    held = u.held - (mine.state = 'live')::int,
    done = u.done + (mine.state = 'live' OR (u.is_open AND u.done + u.held < u.needed))::int,
    surplus = u.surplus + (NOT (mine.state = 'live' OR (u.is_open AND u.done + u.held < u.needed)))::int
  FROM mine WHERE u.id = mine.unit_id
  RETURNING u.id, u.subject_id, old.done <> new.done AS counts),
ballot AS (
  INSERT INTO annotate_judgment (assignment_id, unit_id, annotator_id, guideline_id, label_schema_id, kind, counted,
    supersedes_id, acceptable_tiers, rest_worse, much_better, message_id, rationale, active_seconds, terms_version,
    body_hash, created_at)
  SELECT %(assignment)s, counted.id, %(me)s, %(guideline)s, %(label_schema)s, %(kind)s, counted.counts,
    (SELECT max(j.id) FROM annotate_judgment j WHERE j.assignment_id = %(assignment)s),
    %(acceptable_tiers)s, %(rest_worse)s, %(much_better)s, %(message)s, %(rationale)s, %(active_seconds)s, %(terms)s,
    %(body_hash)s, %(now)s
  FROM counted RETURNING id, counted),
ranked AS (
  INSERT INTO annotate_rankedcandidate (judgment_id, assignment_id, message_id, tier, acceptable)
  SELECT ballot.id, %(assignment)s, r.message, r.tier, r.tier <= %(acceptable_tiers)s
  FROM ballot, unnest(%(messages)s::bigint[], %(tiers)s::smallint[]) AS r (message, tier)),
labelled AS (
  INSERT INTO annotate_label (judgment_id, dimension_id, answer, value)
  SELECT ballot.id, l.dimension, l.answer, l.value
  FROM ballot, unnest(%(dimensions)s::bigint[], %(answers)s::text[], %(values)s::float8[]) AS l (dimension, answer, value)),
mark AS (
  INSERT INTO annotate_stale (kind, subject_id, marked) SELECT 'parent', counted.subject_id, 1 FROM counted
  ON CONFLICT (kind, subject_id) DO UPDATE SET marked = annotate_stale.marked + 1)
SELECT id, counted FROM ballot"""

STORED = """
SELECT j.id, j.body_hash, j.counted FROM annotate_judgment j WHERE j.assignment_id = %(assignment)s AND j.is_current"""


#: The next work of an answer that is given again: not what was judged or skipped since, nor what a merge left behind.
STILL_THEIRS = """
SELECT id FROM annotate_assignment
WHERE id = %(next_assignment_id)s AND annotator_id = %(me)s AND state IN ('live', 'expired', 'released')"""

Kinds = Collection[str] | None


class _Raced(Exception):
    """Another request of the same person closed the assignment while this one waited."""


def submit_answer(
    *, annotator_id: int, assignment_id: int, body: Any, now: datetime, rng: random.Random, rather: Kinds = None
) -> dict[str, Any]:
    """Store an answer and give the next work: `{"judgment": {"id", "counted"} | None, "next": …}`.

    `rather`: kinds of work to be offered next, if there is some of them.

    Raises NotFound for what is not this person's, InvalidInput or TooLarge for what cannot be read (the hold and the
    draft stay), and the refusals of the predicate, after which what was sent is the draft.
    """
    answer_body = read_body(body)
    params: dict[str, Any] = {
        "annotator_id": annotator_id,
        "assignment_id": assignment_id,
        "body": answer_body,
        "now": now,
        "rng": rng,
        "rather": rather,
    }
    try:
        try:
            with transaction.atomic():
                return _submit(**params)
        except _Raced:
            # What we read was older than the lock we waited for: a doubled click closed it meanwhile. Read again.
            with transaction.atomic():
                return _submit(**params)
    except (Conflict, Gone, NotAllowed) as refusal:
        if refusal.code != "already_submitted":
            keep_refused_answer(
                annotator_id=annotator_id,
                assignment_id=assignment_id,
                body=answer_body,
                now=now,
                is_over=isinstance(refusal, Gone),
            )
        raise


def skip_assignment(
    *, annotator_id: int, assignment_id: int, skip_reason: str, now: datetime, rng: random.Random
) -> dict[str, Any]:
    """Give a piece of work up for good, with a reason, and get the next. Skipping twice answers the same.

    `skip_reason` is a word of `SkipReason`, or words of one's own, kept under `other`.
    """
    known = skip_reason in {word.value for word in SkipReason}
    code, words = (skip_reason, "") if known else (SkipReason.OTHER.value, skip_reason)
    with transaction.atomic():
        row = _get_held(annotator_id=annotator_id, assignment_id=assignment_id, now=now, giving=0)
        if row["assignment_state"] == AssignmentState.SUBMITTED:
            raise Conflict(
                _("You have already submitted this, and it counts. Undo the judgment if it should not."),
                code="already_submitted",
            )
        closed = give_back(
            annotator_id=annotator_id,
            assignment_ids=[assignment_id],
            state=AssignmentState.SKIPPED,
            now=now,
            skip_reason=code,
            rationale=words,
        )
        if not closed:
            return _answer_again(row=row, judgment=None, now=now, rng=rng)
        return _with_next(judgment=None, offer=claim_for(row=row, now=now, rng=rng, previous=assignment_id))


def _submit(
    *, annotator_id: int, assignment_id: int, body: Mapping[str, Any], now: datetime, rng: random.Random, rather: Kinds
) -> dict[str, Any]:
    giving = int(body.get("cannot_tell_reason") is None)
    row = _get_held(annotator_id=annotator_id, assignment_id=assignment_id, now=now, giving=giving)
    if row["assignment_state"] == AssignmentState.SUBMITTED:
        return _answer_stored(row=row, body=body, now=now, rng=rng)
    if row["assignment_state"] == AssignmentState.WITHDRAWN:
        raise Gone(_("You withdrew this. Ask for the next piece of work."), code="withdrawn")
    answer = _read(row=row, body=body)
    if answer.cannot_tell_reason is not None and answer.cannot_tell_reason == row["cannot_tell_reason"]:
        return _answer_again(row=row, judgment=None, now=now, rng=rng)
    refusal = find_refusal(row, moment=Moment.SUBMIT, level=Level.PERSON) or find_refusal(
        row, moment=Moment.SUBMIT, level=Level.HOLD
    )
    if refusal is not None:
        raise _refuse(refusal)
    if answer.cannot_tell_reason is not None:
        return _store_cannot_tell(row=row, answer=answer, now=now, rng=rng)
    message_id = None
    if answer.kind in WRITING_KINDS and answer.text is not None:
        message_id = write_reply(row=row, text=answer.text, language=str(answer.language), now=now)
    stored = fetch_one(SUBMIT, _as_parameters(row=row, answer=answer, message_id=message_id, now=now))
    if stored is None:
        raise _Raced
    wake(JobName.RECOMPUTE_STALE)
    offer = _claim_rather(row=row, now=now, rng=rng, rather=rather)
    return _with_next(judgment={"id": stored["id"], "counted": stored["counted"]}, offer=offer)


def _claim_rather(*, row: Row, now: datetime, rng: random.Random, rather: Kinds) -> Offer:
    """The next work, of these kinds if there is some; else any."""
    if rather is not None:
        offer = claim_for(row=row, now=now, rng=rng, kinds=rather, previous=row["assignment"])
        if offer.assignment is not None:
            return offer
    return claim_for(row=row, now=now, rng=rng, previous=row["assignment"])


def _get_held(*, annotator_id: int, assignment_id: int, now: datetime, giving: int) -> Row:
    """The hold, and what its person may be offered once it is closed and `giving` judgments more are stored."""
    params = {"me": annotator_id, "assignment": assignment_id, "now": now, "terms": CURRENT_TERMS,
              "closing": assignment_id, "giving": giving}  # fmt: skip
    row = fetch_one(HELD, params)
    if row is None:
        raise NotFound(_("You hold no such work. Ask for the next piece."), code="assignment_not_found")
    return row


def _read(*, row: Row, body: Mapping[str, Any]) -> ReadAnswer:
    labelled = row["kind"] == Kind.LABEL
    return read_answer(
        kind=row["kind"],
        body=body,
        shown={HANDLES[place]: message for place, message in sorted(row["shown"])},
        dimensions=find_dimensions(schema_id=row["label_schema_id"], role=row["role"]) if labelled else (),
        settings=read_settings(json.loads(row["parameters"])),
        languages=row["languages"],
        language=row["language"],
    )


def _store_cannot_tell(*, row: Row, answer: ReadAnswer, now: datetime, rng: random.Random) -> dict[str, Any]:
    closed = give_back(
        annotator_id=row["me"],
        assignment_ids=[row["assignment"]],
        state=AssignmentState.SKIPPED,
        now=now,
        cannot_tell_reason=answer.cannot_tell_reason,
        rationale=answer.rationale,
    )
    if not closed:
        return _answer_again(row=row, judgment=None, now=now, rng=rng)
    return _with_next(judgment=None, offer=claim_for(row=row, now=now, rng=rng, previous=row["assignment"]))


def _answer_stored(*, row: Row, body: Mapping[str, Any], now: datetime, rng: random.Random) -> dict[str, Any]:
    stored = fetch_one(STORED, {"assignment": row["assignment"]})
    if stored is None or bytes(stored["body_hash"]) != hash_body(body):
        raise Conflict(
            _("You have already submitted something else for this, and it stands. Undo that judgment to change it."),
            code="already_submitted",
            details={"judgment": None if stored is None else stored["id"]},
        )
    judgment = {"id": stored["id"], "counted": stored["counted"]}
    return _answer_again(row=row, judgment=judgment, now=now, rng=rng)


def _answer_again(*, row: Row, judgment: dict[str, Any] | None, now: datetime, rng: random.Random) -> dict[str, Any]:
    """What was answered the first time: the same next work, or another look when there was none or it is done."""
    if row["next_assignment_id"] is not None and fetch_one(STILL_THEIRS, row) is not None:
        return _with_next(judgment=judgment, offer=Offer(get_shown(assignment_id=row["next_assignment_id"]), None))
    return _with_next(judgment=judgment, offer=claim_for(row=row, now=now, rng=rng, previous=row["assignment"]))


def _as_parameters(*, row: Row, answer: ReadAnswer, message_id: int | None, now: datetime) -> dict[str, Any]:
    placed = [(message, tier) for tier, messages in enumerate(answer.tiers, start=1) for message in messages]
    return {
        "assignment": row["assignment"],
        "me": row["me"],
        "guideline": row["guideline_id"],
        "label_schema": row["label_schema_id"],
        "kind": answer.kind,
        "acceptable_tiers": answer.acceptable_tiers,
        "rest_worse": answer.rest_worse,
        "much_better": answer.much_better,
        "message": message_id,
        "rationale": answer.rationale,
        "active_seconds": answer.active_seconds,
        "terms": row["accepted_terms"],
        "body_hash": answer.body_hash,
        "now": now,
        "messages": [message for message, _ in placed],
        "tiers": [tier for _, tier in placed],
        "dimensions": [label.dimension_id for label in answer.labels],
        "answers": [str(label.answer) for label in answer.labels],
        "values": [label.value for label in answer.labels],
    }


def _with_next(*, judgment: dict[str, Any] | None, offer: Offer) -> dict[str, Any]:
    return {"judgment": judgment, "next": offer.as_answer()}


def _refuse(clause: Clause) -> ChorusError:
    kinds: dict[int, type[ChorusError]] = {403: NotAllowed, 409: Conflict, 410: Gone}
    return kinds[clause.status](clause.refusal, code=clause.name)
