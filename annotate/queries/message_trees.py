"""A whole tree for a reader: a bounded number of statements, whatever its size.

Blind until judged: what others thought of a message (labels, what reviewers decided) is told once one has labelled
it, its place among its siblings once one and all others who are asked have ordered it, and who or what wrote it once nothing is ahead of this
reader that it could colour; each of it once that judgment cannot be undone any more (`queries.undoable`). Whoever wrote a message, moderators and organizers see all of it, and so does everybody
once the tree has ended.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from django.utils.translation import gettext as _

from annotate.exceptions import NotFound
from annotate.queries.reading import IS_AHEAD, IS_BEGUN, IS_INSIDER, MAY_READ, SEALING_KINDS, Reader
from annotate.queries.rows import Row, fetch_all, fetch_one
from annotate.queries.tree_shapes import (
    LabelAverage,
    MessageShown,
    TreeShown,
    describe_authorship,
    describe_reactions,
)
from annotate.queries.undoable import NEWEST, UNDO_DEPTH
from tasks.vocabulary import ENDED_TREES, Kind, TreeState

#: States before what is written is put in order: nobody knows yet who will be asked to, so nobody learns who wrote it.
BEFORE_RANKING = (TreeState.PROMPT_REVIEW, TreeState.WAITING, TreeState.GROWING)
#: Messages on one page of a tree.
MOST_MESSAGES = 200

_TREE = f"""
SELECT t.id, t.state, t.state_reason, t.state_changed_at, t.goal_size, t.language, t.topic, t.created_at,
  c.id AS campaign_id, c.slug, c.title, c.state AS campaign_state, {IS_INSIDER} AS is_insider,
  (SELECT count(*) FROM annotate_message m WHERE m.tree_id = t.id) AS messages
FROM annotate_messagetree t JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE t.id = %(tree)s AND {MAY_READ}"""

#: Depth first, siblings in the order in which they came.
_MESSAGES = f"""
SELECT m.id, m.parent_id, m.thread, m.role, m.text, m.language, m.author_id, m.revision, m.review_state, m.removed_at,
  m.removed_reason, m.withdrawn_at, m.created_at, u.display_name, {IS_BEGUN} AS is_begun,
  EXISTS (SELECT 1 FROM annotate_report r
    WHERE r.message_id = m.id AND r.annotator_id = %(me)s::bigint AND r.state = 'open') AS is_reported,
  (SELECT count(*) FROM annotate_report r WHERE r.message_id = m.id AND r.state = 'open') AS open_reports,
  (SELECT p.id FROM annotate_revisionproposal p WHERE p.message_id = m.id AND p.state = 'open') AS proposal
FROM annotate_message m
LEFT JOIN annotate_annotator a ON a.id = m.author_id LEFT JOIN annotate_user u ON u.id = a.user_id
WHERE m.tree_id = %(tree)s AND (%(after)s::bigint IS NULL
  OR m.thread > (SELECT last.thread FROM annotate_message last WHERE last.id = %(after)s::bigint AND last.tree_id = m.tree_id))
ORDER BY m.thread LIMIT %(limit)s"""

#: Work on the messages of a tree, or with its prompt among others, and where this reader stands with it.
_UNITS = f"""
WITH these AS (
  SELECT u.id, m.thread FROM annotate_message m JOIN annotate_unit u ON u.subject_id = m.id WHERE m.tree_id = %(tree)s
  UNION ALL
  SELECT u.id, m.thread FROM annotate_message m JOIN annotate_unitcandidate uc ON uc.message_id = m.id
  JOIN annotate_unit u ON u.id = uc.unit_id AND u.subject_id IS NULL
  WHERE m.tree_id = %(tree)s AND m.parent_id IS NULL)
SELECT u.subject_id, u.kind, {IS_AHEAD} AS is_ahead, s.state AS my_state, j.id AS my_judgment, these.thread,
  j.id <> ALL({NEWEST}) AS is_settled,
  ARRAY(SELECT r.message_id FROM annotate_rankedcandidate r WHERE r.judgment_id = j.id) AS ordered,
  ARRAY(SELECT uc.message_id FROM annotate_unitcandidate uc WHERE uc.unit_id = u.id AND uc.removed_at IS NULL) AS candidates
FROM these JOIN annotate_unit u ON u.id = these.id
LEFT JOIN annotate_assignment s ON s.unit_id = u.id AND s.annotator_id = %(me)s::bigint
LEFT JOIN annotate_judgment j ON j.unit_id = u.id AND j.annotator_id = %(me)s::bigint AND j.is_current"""

_MINE = "SELECT m.thread FROM annotate_message m WHERE m.tree_id = %(tree)s AND m.author_id = %(me)s::bigint"

#: A gold item is labelled by very many. Of those who labelled it, one reads as many as label anything else: oneself, and
#: those just before, or else after.
_LABELS = """
SELECT u.subject_id, d.name, max(d.title) AS title, max(d.widget) AS widget, avg(l.value) AS mean, count(l.value) AS n,
  count(*) FILTER (WHERE l.answer = 'not_applicable') AS not_applicable
FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_unitdetail w ON w.unit_id = u.id
JOIN annotate_judgment j ON j.unit_id = u.id AND j.is_current
  AND (NOT q.is_gold OR %(sees_all)s OR j.id = ANY(ARRAY(
    SELECT near.id FROM annotate_judgment near CROSS JOIN (SELECT COALESCE(max(own.id), 0) AS id FROM annotate_judgment own
      WHERE own.unit_id = u.id AND own.is_current AND own.annotator_id = %(me)s::bigint) AS mine
    WHERE near.unit_id = u.id AND near.is_current ORDER BY near.id > mine.id, abs(near.id - mine.id) LIMIT w.wanted)))
JOIN annotate_label l ON l.judgment_id = j.id JOIN annotate_labeldimension d ON d.id = l.dimension_id
WHERE u.subject_id = ANY(%(messages)s::bigint[]) AND u.kind = 'label'
GROUP BY u.subject_id, d.name ORDER BY min(d.position), d.name"""

_ORIGINS = """
SELECT o.message_id, o.kind, g.name FROM annotate_messageorigin o LEFT JOIN annotate_generator g ON g.id = o.generator_id
WHERE o.message_id = ANY(%(messages)s::bigint[]) ORDER BY o.id"""

_REACTIONS = """
SELECT r.message_id, r.code, count(*) AS n, bool_or(r.annotator_id = %(me)s::bigint) AS is_mine
FROM annotate_reaction r WHERE r.message_id = ANY(%(messages)s::bigint[]) GROUP BY r.message_id, r.code"""

#: A written gold item has no consensus. Its answer is told like one, so that it is no other conversation than those beside it:
#: once as many have put it in order as are asked to. Where one person is asked, what they said is all there is: an answer that
#: differs from it would be a gold item's.
_NEEDED = "CASE WHEN q.is_gold THEN d.wanted ELSE o.needed END"
_CONSENSUS = f"""
SELECT m.id, COALESCE(k.result->'tiers', gold.answer->'tiers') #>> '{{}}' AS tiers, %(sees_all)s OR NOT EXISTS (
  SELECT 1 FROM annotate_unit o JOIN annotate_queue q ON q.id = o.queue_id JOIN annotate_unitdetail d ON d.unit_id = o.id
  WHERE o.subject_id = m.id AND o.kind IN ('rank', 'compare') AND o.is_open
    AND (o.done < {_NEEDED} OR {_NEEDED} < 2)) AS is_complete
FROM annotate_message m LEFT JOIN annotate_consensus k ON k.id = m.current_consensus_id
LEFT JOIN LATERAL (SELECT gi.answer FROM annotate_unit gu JOIN annotate_golditem gi ON gi.unit_id = gu.id
  WHERE gu.subject_id = m.id AND gi.answer ? 'tiers' LIMIT 1) AS gold ON k.id IS NULL
WHERE m.id = ANY(%(parents)s::bigint[]) AND (k.id IS NOT NULL OR gold.answer IS NOT NULL)"""


@dataclass(slots=True)
class _Standing:
    """Where the reader stands with the messages of a tree."""

    pending: set[int] = field(default_factory=set)  # parents whose replies are sealed
    seen: set[int] = field(default_factory=set)  # shown at work, or on the way to one's own
    labelled: dict[int, int] = field(default_factory=dict)
    ordered: set[int] = field(default_factory=set)
    coloured: set[int] = field(default_factory=set)  # what one may still be asked about
    told_later: set[int] = field(default_factory=set)  # judged, which may still be undone
    settled: set[int] = field(default_factory=set)  # labelled, which stays as it is


def get_tree(*, tree_id: int, reader: Reader, after: int | None = None, limit: int = MOST_MESSAGES) -> TreeShown:
    """The tree with at most `limit` of its messages, from those behind `after` on: nine statements.

    Raises `NotFound` (`tree_not_found`), also for a tree of a draft that this reader is no member of.
    """
    params = {**reader.as_parameters(), "tree": tree_id, "after": after, "limit": limit + 1,
              "undo_depth": UNDO_DEPTH}  # fmt: skip
    tree = fetch_one(_TREE, params)
    if tree is None:
        raise NotFound(_("There is no such conversation. Check its number."), code="tree_not_found")
    rows = fetch_all(_MESSAGES, params)
    more, rows = len(rows) > limit, rows[:limit]
    standing = _find_standing(fetch_all(_UNITS, params), fetch_all(_MINE, params))
    is_open = bool(tree["is_insider"]) or tree["state"] in ENDED_TREES
    shown = [row for row in rows if is_open or not _is_sealed(row["thread"], standing)]
    sealed = Counter(row["parent_id"] for row in rows) - Counter(row["parent_id"] for row in shown)
    facts = _load_facts(shown, {**params, "sees_all": is_open})
    return TreeShown(
        id=tree["id"],
        campaign_id=tree["campaign_id"],
        campaign_slug=tree["slug"],
        campaign_title=tree["title"],
        campaign_state=tree["campaign_state"],
        language=tree["language"],
        topic=tree["topic"],
        state=tree["state"],
        state_reason=tree["state_reason"],
        state_changed_at=tree["state_changed_at"],
        goal_size=tree["goal_size"],
        message_count=tree["messages"],
        is_insider=bool(tree["is_insider"]),
        is_ended=tree["state"] in ENDED_TREES,
        sealed=sealed.total(),
        messages=tuple(
            _present(row, reader=reader, tree=tree, standing=standing, facts=facts, sealed=sealed[row["id"]])
            for row in shown
        ),
        next_after=rows[-1]["id"] if more else None,
    )


def find_tree_of(*, message_id: int, reader: Reader) -> int | None:
    """The tree that a message is in, if this reader may look at it."""
    sql = f"""SELECT t.id FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
      JOIN annotate_campaign c ON c.id = t.campaign_id WHERE m.id = %(message)s AND {MAY_READ}"""
    row = fetch_one(sql, {**reader.as_parameters(), "message": message_id})
    return None if row is None else int(row["id"])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in its tree. `after`: the message behind which its page begins, None for the first page."""

    tree_id: int
    after: int | None


def find_place(*, message_id: int, reader: Reader, page_size: int = MOST_MESSAGES) -> Place | None:
    """The tree that a message is in and the page that shows it, if this reader may look at it: one statement."""
    sql = f"""SELECT t.id,
      (SELECT count(*) FROM annotate_message b WHERE b.tree_id = t.id AND b.thread < m.thread) AS before,
      (SELECT b.id FROM annotate_message b WHERE b.tree_id = t.id AND b.thread < m.thread
        ORDER BY b.thread DESC LIMIT 1) AS last
      FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
      JOIN annotate_campaign c ON c.id = t.campaign_id WHERE m.id = %(message)s AND {MAY_READ}"""
    row = fetch_one(sql, {**reader.as_parameters(), "message": message_id})
    return None if row is None else Place(row["id"], row["last"] if row["before"] >= page_size else None)


def _find_standing(units: Iterable[Row], mine: Iterable[Row]) -> _Standing:
    standing = _Standing()
    for row in mine:
        standing.seen.update(row["thread"])
    for unit in units:
        subject = unit["subject_id"]
        if unit["my_state"] is not None:
            standing.seen.update(unit["thread"])
        if unit["is_ahead"]:
            standing.coloured.update((subject,) if unit["kind"] == Kind.LABEL else unit["candidates"])
            if subject is not None and unit["kind"] in SEALING_KINDS:
                standing.pending.add(subject)
        if unit["my_judgment"] is not None:
            _add_judged(standing, unit)
    return standing


def _add_judged(standing: _Standing, unit: Row) -> None:
    subject, is_label = unit["subject_id"], unit["kind"] == Kind.LABEL
    if is_label:
        standing.labelled[subject] = unit["my_judgment"]
    if not unit["is_settled"]:
        standing.told_later.update((subject,) if is_label else unit["ordered"])
    elif is_label:
        standing.settled.add(subject)
    else:
        standing.ordered.update(unit["ordered"])


def _is_sealed(thread: Sequence[int], standing: _Standing) -> bool:
    """Whether any step on the way to a message leads to a reply that must not be seen yet."""
    return any(parent in standing.pending and reply not in standing.seen for parent, reply in pairwise(thread))


@dataclass(slots=True)
class _Facts:
    labels: dict[int, list[LabelAverage]] = field(default_factory=lambda: defaultdict(list))
    origins: dict[int, list[tuple[str, str | None]]] = field(default_factory=lambda: defaultdict(list))
    reactions: dict[int, list[Row]] = field(default_factory=lambda: defaultdict(list))
    ranks: dict[int, int] = field(default_factory=dict)
    complete: set[int] = field(default_factory=set)  # parents that enough people have put in order


def _load_facts(rows: Sequence[Row], params: Mapping[str, object]) -> _Facts:
    facts = _Facts()
    ids = {**params, "messages": [row["id"] for row in rows],
           "parents": sorted({row["parent_id"] for row in rows if row["parent_id"] is not None})}  # fmt: skip
    for row in fetch_all(_LABELS, ids):
        facts.labels[row.pop("subject_id")].append(LabelAverage(**row))
    for row in fetch_all(_ORIGINS, ids):
        facts.origins[row["message_id"]].append((row["kind"], row["name"]))
    for row in fetch_all(_REACTIONS, ids):
        facts.reactions[row["message_id"]].append(row)
    for row in fetch_all(_CONSENSUS, ids):
        if row["is_complete"]:
            facts.complete.add(row["id"])
        for place, tier in enumerate(json.loads(row["tiers"]), start=1):
            facts.ranks.update(dict.fromkeys(tier, place))
    return facts


def _present(row: Row, *, reader: Reader, tree: Row, standing: _Standing, facts: _Facts, sealed: int) -> MessageShown:
    message, insider = row["id"], bool(tree["is_insider"])
    mine = row["author_id"] is not None and row["author_id"] == reader.annotator_id
    knows_all = mine or insider or tree["state"] in ENDED_TREES
    labelled, ordered = message in standing.settled, message in standing.ordered
    is_coloured = message in standing.coloured or tree["state"] in BEFORE_RANKING
    knows_origin = knows_all or ((labelled or ordered) and not is_coloured)
    reads = row["withdrawn_at"] is None and (row["removed_at"] is None or mine or insider)
    return MessageShown(
        id=message,
        parent_id=row["parent_id"],
        depth=len(row["thread"]) - 1,
        role=row["role"],
        text=row["text"] if reads else None,
        language=row["language"],
        revision=row["revision"],
        is_mine=mine,
        is_removed=row["removed_at"] is not None,
        is_withdrawn=row["withdrawn_at"] is not None,
        removed_reason=row["removed_reason"] if mine or insider else "",
        created_at=row["created_at"] if knows_origin else None,
        review=row["review_state"] if knows_all or labelled else None,
        authorship=describe_authorship(row, facts.origins[message], mine=mine, insider=insider)
        if knows_origin
        else None,
        rank=facts.ranks.get(message) if knows_all or (ordered and row["parent_id"] in facts.complete) else None,
        labels=tuple(facts.labels[message]) if knows_all or labelled else None,
        reactions=describe_reactions(facts.reactions[message], sees_counts=mine or insider),
        is_reported=row["is_reported"],
        open_reports=row["open_reports"] if insider else None,
        proposal_id=row["proposal"],
        my_label=standing.labelled.get(message),
        may_fix=mine and reads and row["removed_at"] is None and not row["is_begun"],
        is_told_later=not knows_all and message in standing.told_later,
        sealed_replies=sealed,
    )
