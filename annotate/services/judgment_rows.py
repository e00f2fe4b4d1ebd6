"""The rows of a submit: the hold with the answers of the predicate, and the statement that stores a judgment."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from annotate.exceptions import NotFound
from annotate.queries.eligibility import Level, Moment, render_columns
from annotate.queries.rows import Row, fetch_one
from annotate.queries.traits import TRAITS
from annotate.services.answers import ReadAnswer
from annotate.services.terms import CURRENT_TERMS
from annotate.services.writing import Written
from tasks.vocabulary import Kind, StaleKind

HELD = f"""
SELECT a.id AS me, a.user_id, c.id AS campaign, c.slug, c.state, c.parameters::text AS parameters, c.kinds, c.languages,
  s.guideline_id, s.label_schema_id, a.accepted_terms,
  ARRAY(SELECT k.language FROM annotate_languageskill k WHERE k.annotator_id = a.id) AS skills,
  s.id AS assignment, s.state AS assignment_state, s.unit_id AS unit, s.cannot_tell_reason, s.next_assignment_id, u.kind,
  u.queue_id AS queue, u.band, u.tie,
  u.subject_id AS subject, u.brief_id AS brief, u.is_simple, m.role, m.parent_id AS parent, m.tree_id AS tree, m.review_state,
  CASE WHEN u.kind = 'improve_reply' THEN m.text_hash END AS original_hash, q.language, q.is_gold,
  ARRAY(SELECT ARRAY[ac.position, ac.message_id] FROM annotate_assignmentcandidate ac
        WHERE ac.assignment_id = s.id AND ac.position >= 0) AS shown,
  {TRAITS} AS traits, {render_columns(moment=Moment.OFFER, level=Level.PERSON)},
  {render_columns(moment=Moment.SUBMIT, level=Level.HOLD)}
FROM annotate_annotator a
JOIN annotate_assignment s ON s.annotator_id = a.id AND s.id = %(assignment)s
JOIN annotate_unit u ON u.id = s.unit_id
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_campaign c ON c.id = q.campaign_id
LEFT JOIN annotate_message m ON m.id = u.subject_id
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
  RETURNING u.id, u.is_vacant, old.done <> new.done AS counts),
ballot AS (
  INSERT INTO annotate_judgment (assignment_id, unit_id, annotator_id, guideline_id, label_schema_id, kind, counted,
    supersedes_id, acceptable_tiers, rest_worse, much_better, message_id, ends_thread, signals, rationale,
    active_seconds, terms_version, body_hash, created_at)
  SELECT %(assignment)s, counted.id, %(me)s, %(guideline)s, %(label_schema)s, %(kind)s, counted.counts,
    (SELECT max(j.id) FROM annotate_judgment j WHERE j.assignment_id = %(assignment)s),
    %(acceptable_tiers)s, %(rest_worse)s, %(much_better)s, %(message)s, %(ends_thread)s, %(signals)s::jsonb,
    %(rationale)s, %(active_seconds)s, %(terms)s, %(body_hash)s, %(now)s
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
  INSERT INTO annotate_stale (kind, subject_id, marked)
  SELECT s.kind, s.subject, 1 FROM counted, unnest(%(stale_kinds)s::text[], %(stale_subjects)s::bigint[]) AS s (kind, subject)
  ON CONFLICT (kind, subject_id) DO UPDATE SET marked = annotate_stale.marked + 1)
SELECT ballot.id, ballot.counted, counted.is_vacant FROM ballot, counted"""

STORED = """
SELECT j.id, j.body_hash, j.counted FROM annotate_judgment j WHERE j.assignment_id = %(assignment)s AND j.is_current"""


#: The next work of an answer that is given again: not what was judged or skipped since, nor what a merge left behind.
STILL_THEIRS = """
SELECT id FROM annotate_assignment
WHERE id = %(next_assignment_id)s AND annotator_id = %(me)s AND state IN ('live', 'expired', 'released')"""


def get_held(*, annotator_id: int, assignment_id: int, now: datetime, giving: int) -> Row:
    """The hold, and what its person may be offered once it is closed and `giving` judgments more are stored."""
    params = {"me": annotator_id, "assignment": assignment_id, "now": now, "terms": CURRENT_TERMS,
              "closing": assignment_id, "giving": giving}  # fmt: skip
    row = fetch_one(HELD, params)
    if row is None:
        raise NotFound(_("You hold no such work. Ask for the next piece."), code="assignment_not_found")
    return row


def as_parameters(*, row: Row, answer: ReadAnswer, written: Written, grows: bool, now: datetime) -> dict[str, Any]:
    """What `SUBMIT` stores. `grows`: the tree is decided again, as one of a campaign whose trees grow."""
    placed = [(message, tier) for tier, messages in enumerate(written.tiers, start=1) for message in messages]
    stale = _list_stale(row=row, tree=written.tree if grows else None)
    return {
        "assignment": row["assignment"],
        "me": row["me"],
        "guideline": row["guideline_id"],
        "label_schema": row["label_schema_id"],
        "kind": answer.kind,
        "acceptable_tiers": answer.acceptable_tiers,
        "rest_worse": answer.rest_worse,
        "much_better": answer.much_better,
        "message": written.message,
        "ends_thread": answer.ends_thread,
        "signals": None if answer.signals is None else json.dumps(answer.signals),
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
        "stale_kinds": [str(kind) for kind, _subject in stale],
        "stale_subjects": [subject for _kind, subject in stale],
    }


def _list_stale(*, row: Row, tree: int | None) -> Sequence[tuple[StaleKind, int]]:
    """What must be computed again: an improvement is a ballot on the replies of its parent. Parents come before trees.

    No order is computed from what was said of a gold item.
    """
    parent = row["parent"] if row["kind"] == Kind.IMPROVE_REPLY else row["subject"]
    if row["is_gold"]:
        parent = None
    marks = ((StaleKind.PARENT, parent), (StaleKind.TREE, tree))
    return [(kind, subject) for kind, subject in marks if subject is not None]
