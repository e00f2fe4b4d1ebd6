"""Messages in lists: the newest of a language, and one's own. Pages by id, one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from annotate.queries.reading import IS_NO_REJECT, IS_UNSEALED, MAY_READ, STANDS, Reader, start_of
from annotate.queries.rows import Row, fetch_all
from tasks.vocabulary import ENDED_TREES

PAGE_SIZE = 30
#: Characters of a text that a list shows.
START_CHARS = 280

#: What a list tells of a message `m` in a tree `t` of a campaign `c`.
LISTED = """m.id, m.tree_id, m.parent_id, m.role, m.language, cardinality(m.thread) - 1 AS depth, left(m.text, 1200) AS text,
  m.author_id, m.review_state, m.created_at, m.removed_at, m.withdrawn_at, t.state AS tree_state, c.slug, c.title"""

#: At most so many messages are looked at for one page, however many of them are sealed; the next page goes on there.
MOST_LOOKED_AT = 1500

#: `looked`: ids to look at, newest first. Answers one row at least, which says how far that went.
PAGE = f"""
WITH looked AS MATERIALIZED ({{looked}} ORDER BY 1 DESC LIMIT {MOST_LOOKED_AT})
SELECT walk.n, walk.last, page.* FROM (SELECT count(*) AS n, min(looked.id) AS last FROM looked) AS walk
LEFT JOIN LATERAL (
  SELECT {LISTED}{{more}}
  FROM looked JOIN annotate_message m ON m.id = looked.id
  JOIN annotate_messagetree t ON t.id = m.tree_id JOIN annotate_campaign c ON c.id = t.campaign_id
  WHERE {MAY_READ} AND {STANDS} AND {IS_NO_REJECT} AND {IS_UNSEALED}
  ORDER BY m.id DESC LIMIT %(limit)s) AS page ON true
ORDER BY page.id DESC"""

_OF_CAMPAIGN = """AND (%(campaign)s::text IS NULL OR EXISTS (
  SELECT 1 FROM annotate_messagetree ct JOIN annotate_campaign cc ON cc.id = ct.campaign_id
  WHERE ct.id = m.tree_id AND cc.slug = %(campaign)s OFFSET 0))"""

_RECENT = PAGE.format(
    more="",
    looked=f"""SELECT m.id FROM annotate_message m
  WHERE {{language}} AND (%(before)s::bigint IS NULL OR m.id < %(before)s)
    AND (NOT %(prompts_only)s OR m.parent_id IS NULL) {_OF_CAMPAIGN}""",
)
#: Said outright, so that an index of the language is walked.
_RECENT_OF_ALL = _RECENT.format(language="true")
_RECENT_OF_ONE = _RECENT.format(language="m.language = %(language)s")

#: By one's own index, not by the key read from its end.
_OWN = f"""
SELECT {LISTED}
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE m.author_id = %(me)s AND (%(before)s::bigint IS NULL OR m.id < %(before)s)
ORDER BY m.id + 0 DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message in a list. `text` is its start; `review` is told to its author alone.

    `created_at` is None where it could tell who wrote a reply that is still judged.
    """

    id: int
    tree_id: int
    parent_id: int | None
    role: str
    language: str
    depth: int
    text: str
    is_mine: bool
    is_removed: bool
    is_withdrawn: bool
    review: str | None
    created_at: datetime | None
    tree_state: str
    campaign_slug: str
    campaign_title: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page, newest first. `next_before` is the id to go on before, None on the last page."""

    messages: tuple[MessageRow, ...]
    next_before: int | None


def list_recent(
    *,
    reader: Reader,
    language: str | None = None,
    campaign: str | None = None,
    prompts_only: bool = False,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> MessagePage:
    """The newest messages that stand and that this reader may see, of one language or of all.

    A page may have fewer than `limit` and still not be the last, where very many are sealed for this reader.
    """
    given = {"language": language, "campaign": campaign, "prompts_only": prompts_only}
    sql = _RECENT_OF_ALL if language is None else _RECENT_OF_ONE
    rows = fetch_all(sql, {**reader.as_parameters(), **given, "before": before, "limit": limit + 1})
    shown = tuple(as_message_row(row, reader=reader) for row in rows[:limit] if row["id"] is not None)
    return MessagePage(shown, find_next(rows, limit=limit))


def list_own(*, annotator_id: int, before: int | None = None, limit: int = PAGE_SIZE) -> MessagePage:
    """Everything that somebody wrote, what was taken away too, newest first."""
    rows = fetch_all(_OWN, {"me": annotator_id, "before": before, "limit": limit + 1})
    shown = tuple(as_message_row(row, reader=Reader(annotator_id)) for row in rows[:limit])
    return MessagePage(shown, shown[-1].id if len(rows) > limit else None)


def find_next(rows: Sequence[Row], *, limit: int) -> int | None:
    """From rows of `PAGE`, of which one more than `limit` was asked for: the id to go on before, None at the end."""
    if len(rows) > limit:
        return int(rows[limit - 1]["id"])
    return int(rows[0]["last"]) if rows[0]["n"] == MOST_LOOKED_AT else None


def as_message_row(row: Row, *, reader: Reader) -> MessageRow:
    mine = row["author_id"] is not None and row["author_id"] == reader.annotator_id
    tells_time = mine or row["parent_id"] is None or row["tree_state"] in ENDED_TREES
    return MessageRow(
        id=row["id"],
        tree_id=row["tree_id"],
        parent_id=row["parent_id"],
        role=row["role"],
        language=row["language"],
        depth=row["depth"],
        text=start_of(row["text"], length=START_CHARS),
        is_mine=mine,
        is_removed=row["removed_at"] is not None,
        is_withdrawn=row["withdrawn_at"] is not None,
        review=row["review_state"] if mine else None,
        created_at=row["created_at"] if tells_time else None,
        tree_state=row["tree_state"],
        campaign_slug=row["slug"],
        campaign_title=row["title"],
    )
