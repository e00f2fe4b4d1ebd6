"""Signs of manipulation as those who run a campaign look at them."""

import json
from collections.abc import Sequence

from annotate.queries.reading import start_of
from annotate.queries.rows import Row, fetch_all, fetch_row
from tasks.vocabulary import FindingState

#: Characters of a text that a list shows.
EXCERPT = 200
#: Characters that are read for it: marks of Markdown are not shown.
READ = 4 * EXCERPT

_FINDINGS = """
SELECT f.id, f.kind, f.state, f.strength, f.evidence, f.found_at, f.seen_at, f.decided_at,
  f.decision_note AS reason, d.display_name AS decided_by, COALESCE(a.merged_into_id, a.id) AS annotator,
  u.display_name, p.user_id IS NULL AND p.device_hash IS NOT NULL AS is_guest,
  p.suspended_at IS NOT NULL AS is_suspended, p.user_id IS NOT NULL AND p.user_id = %(me)s AS is_own,
  ARRAY(SELECT DISTINCT COALESCE(o.merged_into_id, o.id) FROM annotate_finding_others t
    JOIN annotate_annotator o ON o.id = t.annotator_id WHERE t.finding_id = f.id ORDER BY 1) AS others
FROM annotate_finding f
JOIN annotate_annotator a ON a.id = f.annotator_id
JOIN annotate_annotator p ON p.id = COALESCE(a.merged_into_id, a.id)
LEFT JOIN annotate_user u ON u.id = p.user_id
LEFT JOIN annotate_user d ON d.id = f.decided_by_id
WHERE f.campaign_id = %(campaign)s AND {condition}
ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s"""

_COUNTS = """
SELECT {} FROM annotate_finding f WHERE f.campaign_id = %(campaign)s""".format(
    ", ".join(f"count(*) FILTER (WHERE f.state = '{state.value}') AS {state.value}" for state in FindingState)
)

_NAMES = """
SELECT a.id AS annotator, u.display_name, a.user_id IS NULL AND a.device_hash IS NOT NULL AS is_guest
FROM annotate_annotator a LEFT JOIN annotate_user u ON u.id = a.user_id WHERE a.id = ANY(%(ids)s::bigint[]) ORDER BY a.id"""

_BALLOTS = """
SELECT j.id, j.created_at, j.active_seconds AS seconds, u.subject_id AS parent, m.language, left(m.text, %(read)s) AS text
FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_message m ON m.id = u.subject_id
JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE j.id = ANY(%(ids)s::bigint[]) AND t.campaign_id = %(campaign)s"""


def list_findings(
    *,
    campaign_id: int,
    state: str,
    me: int | None = None,
    by_id: bool = False,
    after: int = 0,
    offset: int = 0,
    limit: int,
) -> list[Row]:
    """Findings in one state, the strongest first, or by id above `after`. `me`: whose own are told as such (an account)."""
    sql = _FINDINGS.format(
        condition="f.state = %(state)s AND f.id > %(after)s", order="f.id" if by_id else "f.strength DESC, f.id"
    )
    params = {"campaign": campaign_id, "state": state, "me": me, "after": after, "limit": limit, "offset": offset}
    return [_read(row) for row in fetch_all(sql, params)]


def find_finding(*, campaign_id: int, finding_id: int, me: int | None = None) -> Row | None:
    """One of them."""
    sql = _FINDINGS.format(condition="f.id = %(finding)s", order="f.id")
    rows = fetch_all(sql, {"campaign": campaign_id, "finding": finding_id, "me": me, "limit": 1, "offset": 0})
    return _read(rows[0]) if rows else None


def count_findings(*, campaign_id: int) -> Row:
    """How many there are by state."""
    return fetch_row(_COUNTS, {"campaign": campaign_id})


def list_names(*, annotators: Sequence[int]) -> list[Row]:
    """The names that these people gave."""
    return fetch_all(_NAMES, {"ids": sorted(set(annotators))}) if annotators else []


def list_ballots(*, campaign_id: int, judgments: Sequence[int]) -> list[Row]:
    """Rankings that evidence names, in its order, with the beginning of what was ranked."""
    rows = fetch_all(_BALLOTS, {"ids": list(judgments), "campaign": campaign_id, "read": READ})
    place = {judgment: at for at, judgment in enumerate(judgments)}
    rows = [{**row, "text": start_of(row["text"], length=EXCERPT)} for row in rows]
    return sorted(rows, key=lambda row: place[row["id"]])


def _read(row: Row) -> Row:
    return {**row, "evidence": json.loads(row["evidence"])}
