"""The people in a campaign's newest snapshot of reliability, for those who run it; and one's own, for oneself alone."""

from datetime import datetime
from typing import Any

from annotate.queries.reading import start_of
from annotate.queries.reliability import WEIGHS
from annotate.queries.rows import Row, fetch_all, fetch_row
from tasks.vocabulary import ORDERING_KINDS

#: With fewer ballots than this that could be compared with others' little is known, and to oneself nothing is told: of fewer
#: one could tell what others thought of each.
FEW_SHARED = 10
#: Characters of a text that a list shows, and that are read for it: marks of Markdown are not shown.
EXCERPT, READ = 200, 800

#: By name: which people a list shows.
FILTERS = {
    "all": "true",
    "few": f"r.n_shared < {FEW_SHARED}",
    "below": "r.high < 1",
    "findings": "open_findings.n > 0 OR r.details ? 'upheld'",
}
#: By name: what comes first. The id decides between equals, so that parts of a list fit together.
SORTS = {
    "sharpness": "r.sharpness, r.annotator_id",
    "agreement": "r.agreement NULLS LAST, r.annotator_id",
    "ballots": "r.n_ballots DESC, r.annotator_id",
    "gold": "r.gold_right / NULLIF(r.n_gold, 0) NULLS LAST, r.annotator_id",
    "annotator": "r.annotator_id",
}
FIGURES = (
    "sharpness",
    "low",
    "high",
    "agreement",
    "agreement_low",
    "agreement_high",
    "n_ballots",
    "n_shared",
    "n_gold",
    "gold_right",
)
_FIGURES = ", ".join(f"r.{name}" for name in FIGURES)

_FROM = """
FROM annotate_annotatorreliability r
LEFT JOIN (
  SELECT f.annotator_id, count(*) AS n FROM annotate_finding f
  WHERE f.campaign_id = %(campaign)s AND f.state = 'open' GROUP BY 1) open_findings ON open_findings.annotator_id = r.annotator_id"""

_PEOPLE = f"""
SELECT r.annotator_id AS annotator, u.display_name, a.user_id IS NULL AND a.device_hash IS NOT NULL AS is_guest,
  a.suspended_at IS NOT NULL AS is_suspended, r.details ? 'upheld' AS is_upheld, COALESCE(open_findings.n, 0) AS findings, {_FIGURES}
{_FROM}
JOIN annotate_annotator a ON a.id = r.annotator_id LEFT JOIN annotate_user u ON u.id = a.user_id
WHERE r.snapshot_id = %(snapshot)s AND r.annotator_id > %(after)s AND ({{shows}})
ORDER BY {{order}} LIMIT %(limit)s OFFSET %(offset)s"""

_COUNTS = f"""
SELECT {", ".join(f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in FILTERS.items())}
{_FROM}
WHERE r.snapshot_id = %(snapshot)s"""

_OWN = f"""
SELECT c.slug, c.title, c.state, {WEIGHS} AS weighs, s.version, s.computed_at, s.method, s.method_version,
  r.details ? 'upheld' AS is_upheld, {_FIGURES}, (
    SELECT count(*) FROM annotate_golditem gi JOIN annotate_judgment j ON j.unit_id = gi.unit_id AND j.annotator_id = %(me)s
    WHERE gi.campaign_id = c.id AND j.is_current AND j.withdrawn_at IS NULL AND j.kind = ANY(%(kinds)s::text[])
      AND j.created_at <= s.computed_at) AS n_known
FROM annotate_campaign c
CROSS JOIN LATERAL (
  SELECT n.* FROM annotate_reliabilitysnapshot n WHERE n.campaign_id = c.id ORDER BY n.version DESC LIMIT 1) s
JOIN annotate_annotatorreliability r ON r.snapshot_id = s.id AND r.annotator_id = %(me)s
ORDER BY c.id DESC"""

_BALLOTS = f"""
SELECT j.id, j.kind, j.created_at, j.counted, u.subject_id AS parent, q.language, left(m.text, {READ}) AS text
FROM (
  SELECT mine.* FROM annotate_judgment mine
  JOIN annotate_unit iu ON iu.id = mine.unit_id JOIN annotate_queue iq ON iq.id = iu.queue_id
  WHERE mine.annotator_id = %(annotator)s AND mine.is_current AND mine.withdrawn_at IS NULL
    AND iq.campaign_id = %(campaign)s AND NOT iq.is_gold AND mine.kind = ANY(%(kinds)s::text[])
  ORDER BY mine.created_at DESC, mine.id DESC LIMIT %(limit)s) j
JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_message m ON m.id = u.subject_id
ORDER BY j.created_at DESC, j.id DESC"""


def list_annotators(
    *,
    campaign_id: int,
    snapshot_id: int,
    shows: str = "all",
    sort: str = "sharpness",
    after: int = 0,
    offset: int = 0,
    limit: int,
) -> list[Row]:
    """People of a snapshot with their figures, the name that they gave, and how many findings are open about them.

    `shows` and `sort` are names in `FILTERS` and `SORTS`; `after`: only ids above it.
    """
    params = {"campaign": campaign_id, "snapshot": snapshot_id, "after": after, "limit": limit, "offset": offset}
    return fetch_all(_PEOPLE.format(shows=FILTERS[shows], order=SORTS[sort]), params)


def find_annotator(*, campaign_id: int, snapshot_id: int, annotator_id: int) -> Row | None:
    """One of them."""
    found = list_annotators(
        campaign_id=campaign_id, snapshot_id=snapshot_id, sort="annotator", after=annotator_id - 1, limit=1
    )
    return found[0] if found and found[0]["annotator"] == annotator_id else None


def count_annotators(*, campaign_id: int, snapshot_id: int) -> Row:
    """How many people each filter shows."""
    return fetch_row(_COUNTS, {"campaign": campaign_id, "snapshot": snapshot_id})


def list_latest_ballots(*, campaign_id: int, annotator_id: int, kinds: list[str], limit: int) -> list[Row]:
    """Somebody's latest ballots that stand, newest first, without those of gold items."""
    params = {"campaign": campaign_id, "annotator": annotator_id, "kinds": kinds, "limit": limit}
    return [{**row, "text": start_of(row["text"], length=EXCERPT)} for row in fetch_all(_BALLOTS, params)]


def list_own_reliability(*, annotator_id: int) -> list[Row]:
    """How somebody stands in each campaign whose newest snapshot has them, the newest campaign first: for themselves alone.

    Rows have `slug, title, state, weighs, version, computed_at, n_ballots, n_shared, agreement, agreement_low,
    agreement_high, counts_as`. The agreement is None where too few of their ballots can be compared. `counts_as`: what they
    count for where the campaign weighs rankings (more, typical, less, nothing); None where all count alike. What known answers
    say is told to those who run a campaign alone: it would tell which pieces they are. So these rankings are among the counts.
    """
    kinds = [kind.value for kind in ORDERING_KINDS]
    return [_describe_own(row) for row in fetch_all(_OWN, {"me": annotator_id, "kinds": kinds})]


def _describe_own(row: Row) -> Row:
    """Agreement to a tenth: from hour to hour a finer figure would tell how others ranked the prompt that came to it."""
    names = ("slug", "title", "state", "weighs", "version", "computed_at")
    enough = row["n_shared"] >= FEW_SHARED
    shared = row["n_shared"] + row["n_known"]
    counts = {
        "n_ballots": row["n_ballots"] + row["n_known"],
        "n_shared": shared if enough else min(shared, FEW_SHARED - 1),
    }
    agreement = {
        name: round(row[name], 1) if enough and row[name] is not None else None
        for name in ("agreement", "agreement_low", "agreement_high")
    }
    counts_as = _weigh(row, enough=enough) if row["weighs"] else None
    return {name: row[name] for name in names} | counts | agreement | {"counts_as": counts_as}


def _weigh(row: Row, *, enough: bool) -> str:
    if row["is_upheld"]:
        return "nothing"
    if not enough or row["low"] <= 1 <= row["high"]:
        return "typical"
    return "more" if row["low"] > 1 else "less"


def describe_snapshot(snapshot: Any) -> dict[str, Any]:
    """A snapshot as a whole."""
    computed_at: datetime = snapshot.computed_at
    return {
        "version": snapshot.version,
        "computed_at": computed_at,
        "method": snapshot.method,
        "method_version": str(snapshot.method_version),
        "n_annotators": snapshot.n_annotators,
        "n_ballots": snapshot.n_ballots,
        "agreement": snapshot.result.get("agreement"),
    }
