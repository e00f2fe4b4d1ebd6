"""Take a judgment and give the next work: one transaction, in this order.

1. Lock the person's row and read the hold: their tabs and double clicks take turns.
2. The same submit again is answered the same, next work included; another body for it is a conflict.
3. Refuse what the predicate refuses at submit; what was sent is then kept as the draft.
4. Close the assignment, count the unit, write the ballot, mark the subject: one statement. What was said of a gold item
   is compared with its answer.
5. Claim the next unit. Claiming is last, so that it can wait for nobody and close no circle of locks.
"""

import random
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError, Conflict, Gone, NotAllowed
from annotate.queries.eligibility import Clause, Level, Moment, find_refusal
from annotate.queries.gold import find_told
from annotate.queries.presentation import HANDLES, find_dimensions, get_shown
from annotate.queries.rows import Row, fetch_one
from annotate.services.answers import ReadAnswer, hash_body, read_answer, read_body
from annotate.services.claims import Offer, claim_for
from annotate.services.gold_results import store_gold_result
from annotate.services.holds import give_back, keep_refused_answer, leave_brief
from annotate.services.judgment_rows import STILL_THEIRS, STORED, SUBMIT, as_parameters, get_held
from annotate.services.reviews import ask_more_reviews
from annotate.services.tree_marks import mark_trees
from annotate.services.writing import write_texts
from annotate.wake import wake
from tasks.records.parameters import CampaignSettings, parse_settings
from tasks.vocabulary import STARTING_KINDS, AssignmentState, JobName, Kind, ReviewState, SkipReason

Kinds = Collection[str] | None


class _Raced(Exception):
    """Another request of the same person closed the assignment while this one waited."""


def submit_answer(
    *, annotator_id: int, assignment_id: int, body: Any, now: datetime, rng: random.Random, rather: Kinds = None
) -> dict[str, Any]:
    """Store an answer and give the next work: `{"judgment": {"id", "counted"} | None, "next": …}`.

    And `told` where it was a gold item that is explained at once, see `queries.gold.describe_told`.

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
        row = get_held(annotator_id=annotator_id, assignment_id=assignment_id, now=now, giving=0)
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
        if row["kind"] in STARTING_KINDS:
            leave_brief(annotator_id=annotator_id, brief_id=row["brief"])
        _mark_tree(row)
        return _with_next(judgment=None, offer=claim_for(row=row, now=now, rng=rng, previous=assignment_id))


def _submit(
    *, annotator_id: int, assignment_id: int, body: Mapping[str, Any], now: datetime, rng: random.Random, rather: Kinds
) -> dict[str, Any]:
    giving = int(body.get("cannot_tell_reason") is None)
    row = get_held(annotator_id=annotator_id, assignment_id=assignment_id, now=now, giving=giving)
    if row["assignment_state"] == AssignmentState.SUBMITTED:
        return _answer_stored(row=row, body=body, now=now, rng=rng)
    if row["assignment_state"] == AssignmentState.WITHDRAWN:
        raise Gone(_("You withdrew this. Ask for the next piece of work."), code="withdrawn")
    settings = parse_settings(row["parameters"])
    answer = _read(row=row, body=body, settings=settings)
    if answer.cannot_tell_reason is not None and answer.cannot_tell_reason == row["cannot_tell_reason"]:
        return _answer_again(row=row, judgment=None, now=now, rng=rng)
    refusal = find_refusal(row, moment=Moment.SUBMIT, level=Level.PERSON) or find_refusal(
        row, moment=Moment.SUBMIT, level=Level.HOLD
    )
    if refusal is not None:
        raise _refuse(refusal)
    if answer.cannot_tell_reason is not None:
        return _store_cannot_tell(row=row, answer=answer, now=now, rng=rng)
    written = write_texts(row=row, answer=answer, settings=settings, now=now, rng=rng)
    grows = settings.grow_trees
    params = as_parameters(row=row, answer=answer, written=written, grows=grows, now=now)
    stored = fetch_one(SUBMIT, params)
    if stored is None:
        raise _Raced
    if grows and row["review_state"] == ReviewState.PENDING and answer.kind == Kind.LABEL and not stored["is_vacant"]:
        ask_more_reviews(unit_id=row["unit"], settings=settings)
    wake(JobName.RECOMPUTE_STALE)
    if grows:
        wake(JobName.ADVANCE_TREES)
    told = store_gold_result(row=row, answer=answer, judgment_id=stored["id"], settings=settings, now=now)
    offer = _claim_rather(row=row, now=now, rng=rng, rather=rather)
    return _with_next(judgment={"id": stored["id"], "counted": stored["counted"]}, offer=offer, told=told)


def _claim_rather(*, row: Row, now: datetime, rng: random.Random, rather: Kinds) -> Offer:
    """The next work, of these kinds if there is some; else any."""
    if rather is not None:
        offer = claim_for(row=row, now=now, rng=rng, kinds=rather, previous=row["assignment"])
        if offer.assignment is not None:
            return offer
    return claim_for(row=row, now=now, rng=rng, previous=row["assignment"])


def _read(*, row: Row, body: Mapping[str, Any], settings: CampaignSettings) -> ReadAnswer:
    schema = row["label_schema_id"] if row["kind"] == Kind.LABEL else None
    return read_answer(
        kind=row["kind"],
        body=body,
        shown={HANDLES[place]: message for place, message in sorted(row["shown"])},
        dimensions=find_dimensions(schema_id=schema, role=row["role"]),
        asked=find_dimensions(schema_id=schema, role=row["role"], simple=row["is_simple"]),
        settings=settings,
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
    _mark_tree(row)
    return _with_next(judgment=None, offer=claim_for(row=row, now=now, rng=rng, previous=row["assignment"]))


def _mark_tree(row: Row) -> None:
    """A place came back, and skips of many halt a tree: one that grows is decided again."""
    if row["tree"] is not None and parse_settings(row["parameters"]).grow_trees:
        mark_trees(tree_ids=[row["tree"]])


def _answer_stored(*, row: Row, body: Mapping[str, Any], now: datetime, rng: random.Random) -> dict[str, Any]:
    stored = fetch_one(STORED, {"assignment": row["assignment"]})
    if stored is None or bytes(stored["body_hash"]) != hash_body(body):
        raise Conflict(
            _("You have already submitted something else for this, and it stands. Undo that judgment to change it."),
            code="already_submitted",
            details={"judgment": None if stored is None else stored["id"]},
        )
    judgment = {"id": stored["id"], "counted": stored["counted"]}
    told = find_told(judgment_id=stored["id"]) if row["is_gold"] else None
    return _answer_again(row=row, judgment=judgment, now=now, rng=rng, told=told)


def _answer_again(
    *, row: Row, judgment: dict[str, Any] | None, now: datetime, rng: random.Random, told: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What was answered the first time: the same next work, or another look when there was none or it is done."""
    if row["next_assignment_id"] is not None and fetch_one(STILL_THEIRS, row) is not None:
        offer = Offer(get_shown(assignment_id=row["next_assignment_id"]), None)
        return _with_next(judgment=judgment, offer=offer, told=told)
    offer = claim_for(row=row, now=now, rng=rng, previous=row["assignment"])
    return _with_next(judgment=judgment, offer=offer, told=told)


def _with_next(*, judgment: dict[str, Any] | None, offer: Offer, told: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = {"judgment": judgment, "next": offer.as_answer()}
    return answer if told is None else answer | {"told": told}


def _refuse(clause: Clause) -> ChorusError:
    kinds: dict[int, type[ChorusError]] = {403: NotAllowed, 409: Conflict, 410: Gone}
    return kinds[clause.status](clause.refusal, code=clause.name)
