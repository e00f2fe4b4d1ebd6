"""What somebody holds already, given again: asking twice never hoards."""

from datetime import datetime, timedelta
from typing import Any

from annotate.queries.eligibility import TOO_MANY_HOLDS, Clause, Level, Moment, render_conditions
from annotate.queries.presentation import get_shown
from annotate.queries.rows import Row, fetch_all, run
from annotate.services.holds import give_back
from tasks.vocabulary import AssignmentState

#: Read once the person's row is locked: what another request of theirs took while this one waited is in it.
HELD = f"""
SELECT s.id, ({render_conditions(moment=Moment.SUBMIT, level=Level.HOLD)}) AS may_submit,
  q.kind = ANY(%(kinds)s) AND q.language = ANY(%(languages)s) AS fits,
  ({TOO_MANY_HOLDS.sql}) AS may_hold_more
FROM annotate_assignment s JOIN annotate_annotator a ON a.id = s.annotator_id JOIN annotate_unit u ON u.id = s.unit_id
LEFT JOIN annotate_message m ON m.id = u.subject_id JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE s.annotator_id = %(me)s AND s.state = 'live' AND s.lease_expires_at > %(now)s AND c.id = %(campaign)s
ORDER BY s.id"""

RENEW = """
UPDATE annotate_assignment SET lease_grade = 'active', lease_expires_at = GREATEST(lease_expires_at, %(lease_expires_at)s)
WHERE id = %(assignment)s AND state = 'live'"""


def find_held(params: Row, *, may_wait: bool) -> tuple[int | None, Clause | None]:
    """A live hold that fits, as an assignment's id; and the refusal, where they hold as much as one may by now.

    Those of which something was removed go back on the way. Not along with a submit (`may_wait` false): giving back
    locks units, and the submit has locked one.
    """
    held = fetch_all(HELD, params | {"closing": None})
    if may_wait:
        lost = [row["id"] for row in held if row["fits"] and not row["may_submit"]]
        if lost:
            give_back(annotator_id=params["me"], assignment_ids=lost, state=AssignmentState.RELEASED, now=params["now"])
    full = None if all(row["may_hold_more"] for row in held) else TOO_MANY_HOLDS
    return next((row["id"] for row in held if row["fits"] and row["may_submit"]), None), full


def give_again(*, assignment_id: int, lease_seconds: float, previous: int | None, now: datetime) -> dict[str, Any]:
    """What is held, as it was shown: renewed, or tied to the assignment whose submit led here."""
    if previous is None:
        lease_expires_at = now + timedelta(seconds=lease_seconds)
        run(RENEW, {"assignment": assignment_id, "lease_expires_at": lease_expires_at})
    else:
        run(
            "UPDATE annotate_assignment SET next_assignment_id = %(next)s WHERE id = %(previous)s",
            {"next": assignment_id, "previous": previous},
        )
    return get_shown(assignment_id=assignment_id)
