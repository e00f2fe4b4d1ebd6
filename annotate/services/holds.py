"""What happens to a hold before it is judged: drafts, renewal, skipping, release, expiry.

Order of locks, here as everywhere: annotator → assignment → unit. The sweep takes only what nobody else locks.
A hold that ended is taken up again only where the predicate would offer it and take it: what a suspended person
types, or who holds enough already, is kept and takes no place.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.exceptions import Conflict, NotFound, TooLarge
from annotate.figures import whole
from annotate.queries.eligibility import Level, Moment, render_conditions
from annotate.queries.presentation import format_time
from annotate.queries.rows import Row, fetch_all, fetch_one, fetch_row, run
from annotate.services.terms import CURRENT_TERMS
from tasks.records.parameters import parse_settings
from tasks.vocabulary import STARTING_KINDS, AssignmentState, CampaignState

#: Longest draft, in characters of its JSON.
MAX_DRAFT_CHARS = 400_000

#: Whoever claims locks a unit first and takes up an ended hold of theirs after; here it is the other way about.
#: The person's row lets their tabs take turns.
LOCK_PERSON = "SELECT id FROM annotate_annotator WHERE id = %(me)s FOR NO KEY UPDATE"

HOLD = f"""
SELECT s.id, s.state, s.unit_id, s.draft::text AS draft, s.draft_version, s.lease_expires_at, c.parameters::text AS parameters,
  c.state AS campaign_state,
  CASE WHEN s.state IN ('expired', 'released') THEN
    {render_conditions(moment=Moment.OFFER, level=Level.PERSON)} AND {render_conditions(moment=Moment.SUBMIT, level=Level.HOLD)}
  ELSE false END AS may_take_up
FROM annotate_assignment s JOIN annotate_annotator a ON a.id = s.annotator_id
JOIN annotate_unit u ON u.id = s.unit_id LEFT JOIN annotate_message m ON m.id = u.subject_id
JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE s.id = %(assignment)s AND s.annotator_id = %(me)s
FOR NO KEY UPDATE OF s"""

SAVE = """
UPDATE annotate_assignment SET draft = %(draft)s::jsonb,
  draft_version = draft_version + (draft IS DISTINCT FROM %(draft)s::jsonb)::int,
  lease_grade = CASE WHEN state = 'live' THEN 'active' ELSE lease_grade END,
  lease_expires_at = CASE WHEN state = 'live' THEN GREATEST(lease_expires_at, %(lease_expires_at)s::timestamptz) END
WHERE id = %(assignment)s RETURNING draft_version, lease_expires_at, state"""

REOPEN = """
WITH place AS (
  UPDATE annotate_unit SET held = held + 1 WHERE id = %(unit)s AND is_vacant RETURNING id)
UPDATE annotate_assignment SET state = 'live', lease_grade = 'active', lease_expires_at = %(lease_expires_at)s, closed_at = NULL
FROM place WHERE annotate_assignment.id = %(assignment)s RETURNING annotate_assignment.id"""

# Units are locked by id before they are counted: several holds end at once on sign-out, suspension and merge.
GIVE_BACK = """
WITH mine AS MATERIALIZED (
  SELECT id, unit_id, state FROM annotate_assignment
  WHERE annotator_id = %(me)s AND id = ANY(%(assignments)s) AND state IN ('live', 'expired', 'released')
  ORDER BY id FOR NO KEY UPDATE),
closed AS (
  UPDATE annotate_assignment s SET state = %(state)s, lease_expires_at = NULL, closed_at = %(now)s,
    skip_reason = %(skip_reason)s, cannot_tell_reason = %(cannot_tell_reason)s, rationale = %(rationale)s
  FROM mine WHERE s.id = mine.id RETURNING s.id),
given AS MATERIALIZED (SELECT unit_id, count(*) AS places FROM mine WHERE state = 'live' GROUP BY unit_id),
locked AS MATERIALIZED (
  SELECT u.id FROM annotate_unit u WHERE u.id = ANY(ARRAY(SELECT unit_id FROM given)) ORDER BY u.id FOR NO KEY UPDATE),
units AS (
  UPDATE annotate_unit u SET held = held - given.places FROM given JOIN locked ON locked.id = given.unit_id
  WHERE u.id = given.unit_id)
SELECT (SELECT count(*) FROM closed) AS closed"""

# Two expired holds on one unit are one row of the UPDATE: sum per unit before subtracting. Everything is taken with
# SKIP LOCKED, so that a sweep inside somebody's claim can wait for nobody; what it passes over comes next time.
EXPIRE = """
WITH due AS MATERIALIZED (
  SELECT s.id, s.unit_id FROM annotate_assignment s {of_campaign}
  WHERE s.state = 'live' AND s.lease_expires_at <= %(now)s ORDER BY s.lease_expires_at LIMIT %(limit)s),
units AS MATERIALIZED (
  SELECT u.id FROM annotate_unit u WHERE u.id IN (SELECT unit_id FROM due) ORDER BY u.id FOR NO KEY UPDATE SKIP LOCKED),
late AS MATERIALIZED (
  SELECT s.id, s.unit_id FROM annotate_assignment s
  WHERE s.id = ANY(ARRAY(SELECT d.id FROM due d JOIN units u ON u.id = d.unit_id))
    AND s.state = 'live' AND s.lease_expires_at <= %(now)s ORDER BY s.id FOR NO KEY UPDATE SKIP LOCKED),
closed AS (
  UPDATE annotate_assignment s SET state = 'expired', lease_expires_at = NULL, closed_at = %(now)s
  FROM late WHERE s.id = late.id),
freed AS (
  UPDATE annotate_unit u SET held = u.held - sums.places
  FROM (SELECT unit_id, count(*) AS places FROM late GROUP BY unit_id) sums WHERE u.id = sums.unit_id)
SELECT (SELECT count(*) FROM late) AS expired, (SELECT count(*) FROM due) AS due"""

#: Why somebody is not offered a place: they skipped another one of the same brief.
BRIEF_SKIPPED = "brief_skipped"

LEAVE_BRIEF = """
INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
SELECT %(me)s, u.id, %(why)s FROM annotate_unit u
WHERE u.brief_id = %(brief)s AND u.is_open AND u.kind = ANY(%(kinds)s::text[]) ORDER BY u.id
ON CONFLICT DO NOTHING"""

OF_CAMPAIGN = """JOIN annotate_unit eu ON eu.id = s.unit_id JOIN annotate_queue eq ON eq.id = eu.queue_id
  AND eq.campaign_id = %(campaign)s"""


def save_draft(
    *, annotator_id: int, assignment_id: int, draft: Mapping[str, Any], draft_version: int, now: datetime
) -> dict[str, Any]:
    """Store a draft over version `draft_version` and renew the lease; an ended hold is taken up again where a place is free.

    Raises Conflict `draft_conflict` with both texts when another device saved first. Nothing is overwritten. The same
    draft again, as after a lost answer, is saved already and stays at its version.
    """
    text = json.dumps(draft, ensure_ascii=False, separators=(",", ":"))
    if len(text) > MAX_DRAFT_CHARS:
        raise TooLarge(
            ngettext(
                "A draft may have %(most)s character; this one has %(length)s. Shorten it and save again.",
                "A draft may have %(most)s characters; this one has %(length)s. Shorten it and save again.",
                MAX_DRAFT_CHARS,
            )
            % {"most": whole(MAX_DRAFT_CHARS), "length": whole(len(text))},
            code="draft_too_large",
        )
    with transaction.atomic():
        hold = _get_hold(annotator_id=annotator_id, assignment_id=assignment_id, now=now)
        if hold["state"] in (AssignmentState.SUBMITTED, AssignmentState.WITHDRAWN):
            raise Conflict(
                _("This work is already submitted, so it takes no draft. Undo the judgment to change it."),
                code="already_submitted",
            )
        stored = None if hold["draft"] is None else json.loads(hold["draft"])
        if hold["draft_version"] != draft_version and stored != draft:
            raise Conflict(
                _(
                    "Another device saved this draft first. Both texts are here: take one or join them, and save "
                    "with the new version."
                ),
                code="draft_conflict",
                details={"stored": stored, "yours": dict(draft), "draft_version": hold["draft_version"]},
            )
        lease_expires_at = _lease_end(hold=hold, now=now)
        if hold["may_take_up"]:
            run(REOPEN, {"unit": hold["unit_id"], "assignment": assignment_id, "lease_expires_at": lease_expires_at})
        saved = fetch_row(SAVE, {"assignment": assignment_id, "draft": text, "lease_expires_at": lease_expires_at})
    return _as_hold(assignment_id=assignment_id, row=saved)


def renew_lease(*, annotator_id: int, assignment_id: int, now: datetime) -> dict[str, Any]:
    """A sign of activity: the hold lasts its full time from now, unless the campaign is closed.

    An ended hold is taken up again where a place is free.
    """
    with transaction.atomic():
        hold = _get_hold(annotator_id=annotator_id, assignment_id=assignment_id, now=now)
        if hold["state"] in (AssignmentState.SUBMITTED, AssignmentState.WITHDRAWN, AssignmentState.SKIPPED):
            raise Conflict(_("This work is no longer held by you. Ask for the next piece."), code="hold_ended")
        lease_expires_at = _lease_end(hold=hold, now=now)
        if hold["may_take_up"]:
            run(REOPEN, {"unit": hold["unit_id"], "assignment": assignment_id, "lease_expires_at": lease_expires_at})
        saved = fetch_row(
            """UPDATE annotate_assignment SET lease_grade = CASE WHEN state = 'live' THEN 'active' ELSE lease_grade END,
                 lease_expires_at = CASE WHEN state = 'live' THEN GREATEST(lease_expires_at, %(lease_expires_at)s::timestamptz) END
               WHERE id = %(assignment)s RETURNING draft_version, lease_expires_at, state""",
            {"assignment": assignment_id, "lease_expires_at": lease_expires_at},
        )
    return _as_hold(assignment_id=assignment_id, row=saved)


def give_back(
    *,
    annotator_id: int,
    assignment_ids: list[int],
    state: AssignmentState,
    now: datetime,
    skip_reason: str | None = None,
    cannot_tell_reason: str | None = None,
    rationale: str = "",
) -> int:
    """End holds without a judgment and return their places. The caller's transaction; returns how many ended."""
    row = fetch_row(
        GIVE_BACK,
        {
            "me": annotator_id,
            "assignments": assignment_ids,
            "state": state,
            "now": now,
            "skip_reason": skip_reason,
            "cannot_tell_reason": cannot_tell_reason,
            "rationale": rationale,
        },
    )
    return int(row["closed"])


def leave_brief(*, annotator_id: int, brief_id: int) -> None:
    """Whoever skipped writing to a brief is not asked for that again by another of its places. The caller's transaction."""
    kinds = [str(kind) for kind in STARTING_KINDS]
    run(LEAVE_BRIEF, {"me": annotator_id, "brief": brief_id, "kinds": kinds, "why": BRIEF_SKIPPED})


def release_holds(*, annotator_id: int, now: datetime, assignment_id: int | None = None) -> int:
    """Sign-out, or leaving one piece of work: live holds go back to the pool, drafts are kept."""
    with transaction.atomic():
        held = fetch_all(
            """SELECT id FROM annotate_assignment WHERE annotator_id = %(me)s AND state = 'live'
                 AND (%(one)s::bigint IS NULL OR id = %(one)s)""",
            {"me": annotator_id, "one": assignment_id},
        )
        ids = [row["id"] for row in held]
        return give_back(annotator_id=annotator_id, assignment_ids=ids, state=AssignmentState.RELEASED, now=now)


def expire_leases(*, now: datetime, campaign_id: int | None = None, limit: int = 200) -> int:
    """End holds whose lease ran out and return their places; drafts are kept. Returns how many ended.

    One statement that waits for nobody; call it again while it answers `limit`.
    """
    sql = EXPIRE.format(of_campaign="" if campaign_id is None else OF_CAMPAIGN)
    params = {"now": now, "limit": limit} | ({} if campaign_id is None else {"campaign": campaign_id})
    with transaction.atomic():
        row = fetch_row(sql, params)
    return int(row["expired"])


def keep_refused_answer(
    *, annotator_id: int, assignment_id: int, body: Mapping[str, Any], now: datetime, is_over: bool
) -> None:
    """A submit was refused: what was sent becomes the draft, so that nothing typed is lost.

    `is_over`: it can never be taken, so that a live hold gives its place back at once.
    """
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    with transaction.atomic():
        if len(text) <= MAX_DRAFT_CHARS:
            run(
                """UPDATE annotate_assignment SET draft = %(draft)s::jsonb, draft_version = draft_version + 1
                   WHERE id = %(assignment)s AND annotator_id = %(me)s AND state NOT IN ('submitted', 'withdrawn')""",
                {"assignment": assignment_id, "me": annotator_id, "draft": text},
            )
        if is_over:
            release_holds(annotator_id=annotator_id, assignment_id=assignment_id, now=now)


def _get_hold(*, annotator_id: int, assignment_id: int, now: datetime) -> Row:
    fetch_one(LOCK_PERSON, {"me": annotator_id})
    params = {"assignment": assignment_id, "me": annotator_id, "now": now, "terms": CURRENT_TERMS,
              "closing": None, "giving": 0}  # fmt: skip
    hold = fetch_one(HOLD, params)
    if hold is None:
        raise NotFound(_("You hold no such work. Ask for the next piece."), code="assignment_not_found")
    return hold


def _lease_end(*, hold: Row, now: datetime) -> datetime | None:
    """When a hold ends that is renewed now; None in a closed campaign, where holds end when they would have ended."""
    if hold["campaign_state"] == CampaignState.CLOSED:
        return None
    return now + timedelta(seconds=parse_settings(hold["parameters"]).lease_seconds)


def _as_hold(*, assignment_id: int, row: Row) -> dict[str, Any]:
    return {
        "id": assignment_id,
        "state": row["state"],
        "draft_version": row["draft_version"],
        "lease_expires_at": format_time(row["lease_expires_at"]),
    }
