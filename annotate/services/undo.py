"""Take back a judgment: undo by whoever gave it, a little later; withdrawal by them, at any time."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.exceptions import Conflict, NotFound
from annotate.models import Judgment
from annotate.queries.presentation import get_shown
from annotate.queries.rebuild import find_other_half, rebuild_answer
from annotate.queries.rows import Row, fetch_all, fetch_one, run
from annotate.queries.undoable import UNDO_DEPTH
from annotate.services.stale import mark_stale
from annotate.services.tree_marks import mark_trees
from annotate.services.trees import lock_trees
from annotate.wake import wake
from tasks.records.parameters import parse_settings
from tasks.vocabulary import ENDED_TREES, ORDERING_KINDS, JobName, Kind, StaleKind

GIVEN = """
SELECT j.id, j.assignment_id AS assignment, j.unit_id AS unit, j.counted, j.is_current, j.message_id AS message, j.withdrawn_at,
  j.kind, u.subject_id AS subject, COALESCE(wrote.parent_id, u.subject_id) AS parent, COALESCE(wrote.tree_id, s.tree_id) AS tree,
  c.id AS campaign, c.parameters::text AS parameters,
  (SELECT a.suspended_at FROM annotate_annotator a WHERE a.id = j.annotator_id) IS NULL
    AND c.state <> 'closed' AS may_hold,
  EXISTS (SELECT 1 FROM annotate_releaseitem ri WHERE ri.kind = 'judgment' AND ri.object_id = j.id) AS is_released,
  EXISTS (SELECT 1 FROM annotate_goldresult gr WHERE gr.judgment_id = j.id AND gr.told_at IS NOT NULL) AS is_told,
  %(undo_depth)s > (SELECT count(*) FROM (SELECT 1 FROM annotate_judgment later WHERE later.annotator_id = j.annotator_id
     AND later.created_at >= j.created_at AND (later.created_at, later.id) > (j.created_at, j.id)
     ORDER BY later.created_at DESC LIMIT %(undo_depth)s) newest) AS is_recent, j.kind = ANY(%(blind)s::text[]) AND t.state = ANY(%(ended)s::text[]) AS is_open_to_all
FROM annotate_judgment j
JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
LEFT JOIN annotate_message s ON s.id = u.subject_id LEFT JOIN annotate_message wrote ON wrote.id = j.message_id
LEFT JOIN annotate_messagetree t ON t.id = s.tree_id
WHERE j.id = %(judgment)s AND j.annotator_id = %(me)s"""

#: Whether anybody else has seen, judged or answered the texts that this judgment wrote. What reviewers rejected gave its
#: place to others, so that it cannot come back to its own.
MOVED_ON = """
SELECT EXISTS (SELECT 1 FROM annotate_assignmentcandidate ac
      WHERE ac.message_id = ANY(%(messages)s::bigint[]) AND ac.assignment_id <> %(assignment)s)
    OR EXISTS (SELECT 1 FROM annotate_message r
      WHERE r.parent_id = ANY(%(messages)s::bigint[]) AND r.id <> ALL(%(messages)s::bigint[]))
    OR EXISTS (SELECT 1 FROM annotate_unit u JOIN annotate_assignment s ON s.unit_id = u.id
      WHERE u.subject_id = ANY(%(messages)s::bigint[]))
    OR EXISTS (SELECT 1 FROM annotate_message m WHERE m.id = ANY(%(messages)s::bigint[]) AND m.review_state = 'rejected')
  AS moved_on"""

#: In the order of ids: the unit of the judgment, and those that the texts it wrote are in.
LOCK_UNITS = """
SELECT u.id FROM annotate_unit u
WHERE u.id = %(unit)s OR u.subject_id = ANY(%(messages)s::bigint[]) OR u.subject_id = %(parent)s::bigint
  OR u.id = ANY(ARRAY(SELECT uc.unit_id FROM annotate_unitcandidate uc WHERE uc.message_id = ANY(%(messages)s::bigint[])))
ORDER BY u.id FOR NO KEY UPDATE"""

#: Whether it counted is read here, under the lock of its unit: a moderator's removal and another one's withdrawal
#: may have changed it since this transaction began.
UNCOUNT = """
WITH retracted AS (
  UPDATE annotate_judgment SET is_current = false WHERE id = %(judgment)s RETURNING unit_id, counted)
UPDATE annotate_unit u SET done = u.done - r.counted::int, surplus = u.surplus - (NOT r.counted)::int
FROM retracted r WHERE u.id = r.unit_id"""

REOPEN = """
WITH place AS (
  UPDATE annotate_unit SET held = held + 1 WHERE id = %(unit)s AND is_vacant AND %(may_hold)s RETURNING id)
UPDATE annotate_assignment s SET
  state = CASE WHEN EXISTS (SELECT 1 FROM place) THEN 'live' ELSE 'expired' END,
  lease_expires_at = CASE WHEN EXISTS (SELECT 1 FROM place) THEN %(lease_expires_at)s::timestamptz END,
  lease_grade = 'active', draft = %(draft)s::jsonb, draft_version = draft_version + 1, next_assignment_id = NULL,
  closed_at = CASE WHEN EXISTS (SELECT 1 FROM place) THEN NULL ELSE %(now)s::timestamptz END
WHERE s.id = %(assignment)s"""

#: A place that a withdrawal frees is taken by the oldest surplus ballot of the unit, or text that still stands.
PROMOTE = """
WITH free AS (
  SELECT u.id FROM annotate_unit u WHERE u.id = %(unit)s AND u.surplus > 0 AND u.done + u.held < u.needed FOR NO KEY UPDATE),
first AS (
  SELECT j.id FROM annotate_judgment j JOIN free ON free.id = j.unit_id
  LEFT JOIN annotate_message m ON m.id = j.message_id
  WHERE j.is_current AND NOT j.counted AND m.removed_at IS NULL
  ORDER BY j.id LIMIT 1),
promoted AS (UPDATE annotate_judgment j SET counted = true FROM first WHERE j.id = first.id RETURNING j.unit_id)
UPDATE annotate_unit u SET done = done + 1, surplus = surplus - 1 FROM promoted WHERE u.id = promoted.unit_id"""

#: A prompt that is taken back leaves its words free, for its author and for everybody.
TAKE_BACK_TEXT = """
WITH gone AS (
  UPDATE annotate_message SET withdrawn_at = %(now)s WHERE id = ANY(%(messages)s::bigint[]) AND withdrawn_at IS NULL
  RETURNING id, parent_id, tree_id),
freed AS (
  UPDATE annotate_messagetree t SET key = 'withdrawn:' || t.id FROM gone WHERE t.id = gone.tree_id AND gone.parent_id IS NULL),
shown AS (UPDATE annotate_unitcandidate uc SET removed_at = %(now)s FROM gone WHERE uc.message_id = gone.id)
UPDATE annotate_unit u SET is_open = false FROM gone
WHERE u.is_open AND (u.subject_id = gone.id OR (u.subject_id = gone.parent_id AND u.kind IN ('rank', 'compare')
  AND (SELECT count(*) FROM annotate_unitcandidate uc WHERE uc.unit_id = u.id AND uc.removed_at IS NULL
         AND uc.message_id <> gone.id) < 2))"""

#: The edit is no part of what its author is shown when the work is theirs again.
HIDE_EDIT = """
UPDATE annotate_assignmentcandidate SET position = -1 - position
WHERE assignment_id = %(assignment)s AND message_id = %(message)s AND position >= 0"""

#: Nothing of a withdrawn text is kept: not its earlier versions, not what finds it or compares it with others, nor what an
#: embedder said of it, not what was proposed instead.
FORGET_TEXTS = """
WITH gone AS MATERIALIZED (
  SELECT id FROM annotate_message WHERE id = ANY(%(ids)s::bigint[]) AND withdrawn_at IS NOT NULL),
found AS (DELETE FROM annotate_messageindex i USING gone WHERE i.message_id = gone.id),
compared AS (DELETE FROM annotate_textvector v USING gone WHERE v.message_id = gone.id),
refused AS (DELETE FROM annotate_stale s USING gone WHERE s.kind = 'text_refused' AND s.subject_id = gone.id),
placed AS (DELETE FROM annotate_promptplace p USING gone WHERE p.message_id = gone.id),
earlier AS (UPDATE annotate_messagerevision r SET text = '' FROM gone WHERE r.message_id = gone.id),
proposed AS (
  UPDATE annotate_revisionproposal p SET text = '', state = CASE WHEN p.state = 'open' THEN 'rejected' ELSE p.state END,
    decided_at = coalesce(p.decided_at, %(now)s::timestamptz)
  FROM gone WHERE p.message_id = gone.id)
UPDATE annotate_message m SET text = '' FROM gone WHERE m.id = gone.id"""

# By time, as the index of a person's judgments has it: ordered by id, the planner may read everybody's.
LIST_UNDOABLE = """
SELECT j.id, j.assignment_id, j.kind, j.created_at FROM (
  SELECT mine.* FROM annotate_judgment mine WHERE mine.annotator_id = %(me)s
  ORDER BY mine.created_at DESC, mine.id DESC LIMIT %(undo_depth)s) j
WHERE j.is_current ORDER BY j.created_at DESC, j.id DESC"""


#: What the statements ask for besides: how far back, and where everybody reads what was said of what was judged blind.
WINDOW = {
    "undo_depth": UNDO_DEPTH,
    "blind": [str(kind) for kind in (*ORDERING_KINDS, Kind.LABEL)],
    "ended": [str(state) for state in ENDED_TREES],
}


def undo_judgment(*, annotator_id: int, judgment_id: int, now: datetime) -> dict[str, Any]:
    """Take back one of the last ten judgments: its place and its answer, as a draft, are this person's again.

    Where no place is free, this person is suspended or the campaign is closed, the work is theirs as an ended hold
    with that draft.

    Returns the assignment in the API's shape. Undoing twice answers the same. Raises NotFound, or Conflict with
    `sealed` (in a release), `answer_was_told` (a gold item), `tree_ended` (everybody reads what others said),
    `tree_moved_on` (others built on the text) or `too_old`.
    """
    with transaction.atomic():
        given = _get_given(annotator_id=annotator_id, judgment_id=judgment_id)
        if given["withdrawn_at"] is not None:
            raise Conflict(_("You withdrew this judgment; a withdrawal is for good."), code="withdrawn")
        if given["is_current"]:
            _check_undo(given)
            draft = json.dumps(rebuild_answer(judgment=Judgment.objects.get(pk=judgment_id)), ensure_ascii=False)
            _retract(given=given, now=now)
            if given["kind"] == Kind.IMPROVE_REPLY:
                run(HIDE_EDIT, given)
            seconds = parse_settings(given["parameters"]).lease_seconds
            run(
                REOPEN,
                {"unit": given["unit"], "assignment": given["assignment"], "draft": draft, "now": now,
                 "may_hold": given["may_hold"], "lease_expires_at": now + timedelta(seconds=seconds)},
            )  # fmt: skip
            wake(JobName.RECOMPUTE_STALE)
        return get_shown(assignment_id=given["assignment"])


def withdraw_judgment(*, annotator_id: int, judgment_id: int, now: datetime) -> None:
    """Withdraw a judgment for good, whatever its age: its words are blanked, a tombstone is left, its place is free.

    A sealed release keeps its bytes; the next one is made without it. Withdrawing twice changes nothing.
    """
    with transaction.atomic():
        given = _get_given(annotator_id=annotator_id, judgment_id=judgment_id)
        if given["withdrawn_at"] is not None:
            return
        # Order of locks: assignment before unit, as everywhere.
        run(
            """UPDATE annotate_assignment SET state = 'withdrawn', lease_expires_at = NULL, draft = NULL
               WHERE id = %(id)s AND state = 'submitted'""",
            {"id": given["assignment"]},
        )
        if given["is_current"]:
            _retract(given=given, now=now)
        run(
            "UPDATE annotate_judgment SET withdrawn_at = %(now)s, rationale = '' WHERE id = %(id)s",
            {"now": now, "id": judgment_id},
        )
        if given["messages"]:
            run(FORGET_TEXTS, {"ids": given["messages"], "now": now})
        run(
            """INSERT INTO annotate_tombstone (campaign_id, kind, object_id) VALUES (%(campaign)s, 'judgment', %(id)s)
               ON CONFLICT DO NOTHING""",
            {"campaign": given["campaign"], "id": judgment_id},
        )
        run(PROMOTE, {"unit": given["unit"]})
        wake(JobName.RECOMPUTE_STALE)


def list_undoable(*, annotator_id: int) -> list[Row]:
    """Those of the last ten judgments of a person that stand, newest first."""
    return fetch_all(LIST_UNDOABLE, {"me": annotator_id, "undo_depth": UNDO_DEPTH})


def _get_given(*, annotator_id: int, judgment_id: int) -> Row:
    fetch_one("SELECT id FROM annotate_annotator WHERE id = %(me)s FOR NO KEY UPDATE", {"me": annotator_id})
    given = fetch_one(GIVEN, {"judgment": judgment_id, "me": annotator_id, **WINDOW})
    if given is None:
        raise NotFound(_("You have given no such judgment."), code="judgment_not_found")
    given["messages"] = [] if given["message"] is None else [given["message"]]
    if given["kind"] == Kind.WRITE_PAIR and (half := find_other_half(judgment_id=judgment_id)) is not None:
        given["messages"].append(half)
    if given["messages"]:
        lock_trees(message_ids=given["messages"])  # after the annotator, before the assignment
    return given


def _check_undo(given: Row) -> None:
    if given["is_released"]:
        raise Conflict(
            _(
                "This judgment is in a release, so it cannot be undone. You can withdraw it: the next "
                "release is made without it."
            ),
            code="sealed",
        )
    if given["is_told"]:
        raise Conflict(
            _("The answer to this was explained to you, so yours stays as it was. You can withdraw it instead."),
            code="answer_was_told",
        )
    if given["is_open_to_all"]:
        raise Conflict(
            _(
                "This conversation has ended, and everybody can read what others said of it. So your answer stays as "
                "it was. You can withdraw it instead."
            ),
            code="tree_ended",
        )
    if not given["is_recent"]:
        raise Conflict(
            ngettext(
                "Only the last %(count)s judgment can be undone. You can withdraw this one instead.",
                "Only the last %(count)s judgments can be undone. You can withdraw this one instead.",
                UNDO_DEPTH,
            )
            % {"count": UNDO_DEPTH},
            code="too_old",
        )
    if given["messages"]:
        moved = fetch_one(MOVED_ON, {"messages": given["messages"], "assignment": given["assignment"]})
        if moved is not None and moved["moved_on"]:
            raise Conflict(
                _("Others have already read or judged this text, so it cannot be undone. You can withdraw it."),
                code="tree_moved_on",
            )


def _retract(*, given: Row, now: datetime) -> None:
    run("SELECT 1 FROM annotate_assignment WHERE id = %(id)s FOR NO KEY UPDATE", {"id": given["assignment"]})
    parent = given["parent"] if given["messages"] else None
    run(LOCK_UNITS, {"unit": given["unit"], "messages": given["messages"], "parent": parent})
    if given["messages"]:
        run(TAKE_BACK_TEXT, {"messages": given["messages"], "now": now})
    run(UNCOUNT, {"judgment": given["id"]})
    mark_stale(kind=StaleKind.PARENT, subject_ids=[] if given["parent"] is None else [given["parent"]])
    if parse_settings(given["parameters"]).grow_trees:
        mark_trees(tree_ids=[] if given["tree"] is None else [given["tree"]])
