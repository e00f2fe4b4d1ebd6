"""Store one batch of an import: set-based, in the caller's transaction.

Order, the same for everyone, so that imports beside each other never wait in a circle: strata, generators
and new trees (each sorted by name), then the locks of the trees that are there (by id), then messages,
origins and units. Under the lock of its tree nobody else adds messages, so new ones are copied in as they are.
"""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from operator import attrgetter

from django.db import connection

from annotate.queries.rows import Row, fetch_all, fetch_row, run
from annotate.services.candidates import mark_judged_parents
from annotate.services.import_ballots import store_ballots
from annotate.services.import_origins import add_origins, copy_origins
from annotate.services.import_plan import BatchPlan
from annotate.services.import_planned import PlannedMessage, PlannedTree, iter_messages
from annotate.services.spare_places import keep_places, leave_gaps
from annotate.services.units import open_units
from tasks.vocabulary import Engine, MessageRole, TreeState

#: Where numbers are left free, nobody can foresee.
DICE = random.SystemRandom()
#: States of trees that have had their turn to grow.
DRAWN = (TreeState.GROWING, TreeState.RANKING, TreeState.DONE)

_MAKE_STRATA = """
INSERT INTO annotate_stratum (campaign_id, language, topic, done)
SELECT %(campaign)s, s.language, s.topic, 0 FROM unnest(%(languages)s::text[], %(topics)s::text[]) AS s (language, topic)
ORDER BY s.language, s.topic
ON CONFLICT (campaign_id, language, topic) DO NOTHING"""

_FIND_STRATA = """
SELECT s.id, s.language, s.topic FROM annotate_stratum s
JOIN unnest(%(languages)s::text[], %(topics)s::text[]) AS wanted (language, topic)
  ON s.language = wanted.language AND s.topic = wanted.topic
WHERE s.campaign_id = %(campaign)s"""

_MAKE_GENERATORS = """
INSERT INTO annotate_generator (campaign_id, name, engine, endpoint, model, revision, system_prompt, sampling,
  api_key_variable, timeout_seconds, max_concurrent, enabled, created_at)
SELECT %(campaign)s, name, %(label)s, '', '', '', '', '{}', '', 120, 4, true, %(now)s
FROM unnest(%(names)s::text[]) AS name ORDER BY name
ON CONFLICT (campaign_id, name) DO NOTHING"""

_FIND_GENERATORS = """
SELECT g.id, g.name FROM annotate_generator g WHERE g.campaign_id = %(campaign)s AND g.name = ANY(%(names)s::text[])"""

_MAKE_TREES = """
INSERT INTO annotate_messagetree
  (id, campaign_id, stratum_id, state, state_changed_at, goal_size, drawn_at, language, topic, difficulty, tags, key,
   external_id, import_run_id, created_at)
SELECT t.id, %(campaign)s, t.stratum_id, t.state, %(now)s, t.goal_size,
  CASE WHEN t.goal_size IS NOT NULL AND t.state = ANY(%(drawn)s::text[]) THEN %(now)s END,
  t.language, t.topic, t.difficulty, ARRAY(SELECT jsonb_array_elements_text(t.tags)), t.key, t.external_id,
  %(import_run)s, %(now)s
FROM unnest(%(ids)s::bigint[], %(strata)s::bigint[], %(states)s::text[], %(goal_sizes)s::smallint[], %(languages)s::text[], %(topics)s::text[],
    %(difficulties)s::text[], %(tags)s::jsonb[], %(keys)s::text[], %(external_ids)s::text[])
  AS t (id, stratum_id, state, goal_size, language, topic, difficulty, tags, key, external_id)
ORDER BY t.key
ON CONFLICT (campaign_id, key) DO NOTHING
RETURNING id, key"""

_LOCK_TREES = """
SELECT t.id, t.key FROM annotate_messagetree t
WHERE t.campaign_id = %(campaign)s AND t.key = ANY(%(keys)s::text[]) ORDER BY t.id FOR NO KEY UPDATE"""

#: What nobody had said of a prompt that is there; what was said stays.
_FILL_TREES = """
UPDATE annotate_messagetree t
SET difficulty = CASE WHEN t.difficulty = '' THEN g.difficulty ELSE t.difficulty END,
  tags = CASE WHEN t.tags = '{}' THEN ARRAY(SELECT jsonb_array_elements_text(g.tags)) ELSE t.tags END
FROM unnest(%(ids)s::bigint[], %(difficulties)s::text[], %(tags)s::jsonb[]) AS g (id, difficulty, tags)
WHERE t.id = g.id AND ((t.difficulty = '' AND g.difficulty <> '') OR (t.tags = '{}' AND g.tags <> '[]'))"""

_READ_MESSAGES = """
SELECT m.id, m.tree_id, m.parent_id, m.role, m.text_hash, m.thread, m.withdrawn_at IS NOT NULL AS is_withdrawn,
  m.removed_at IS NOT NULL OR m.withdrawn_at IS NOT NULL AS is_closed
FROM annotate_message m WHERE m.tree_id = ANY(%(trees)s::bigint[]) AND (m.withdrawn_at IS NULL OR m.parent_id IS NULL)"""

_TAKE_IDS = """
SELECT array_agg(nextval(pg_get_serial_sequence('{table}', 'id'))) AS ids FROM generate_series(1, %(count)s)"""
_TAKE_TREE_IDS, _TAKE_MESSAGE_IDS = (_TAKE_IDS.format(table=f"annotate_{name}") for name in ("messagetree", "message"))

_COPY_MESSAGES = """
COPY annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, external_id, revision,
  review_state, removed_reason, created_at) FROM STDIN"""


@dataclass(slots=True)
class KnownNames:
    """Ids that a run has looked up: of strata by (language, topic), of generators by name."""

    strata: dict[tuple[str, str], int] = field(default_factory=dict)
    generators: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Added:
    """What a batch brought: ordinals of the records that added something, and how much that was."""

    records: frozenset[int]
    prompts: int
    candidates: int


def store_plan(*, campaign_id: int, import_id: int, plan: BatchPlan, names: KnownNames, now: datetime) -> Added:
    """Make true what the plan says, inside a transaction; what is there already stays as it is."""
    params: Row = {"campaign": campaign_id, "import_run": import_id, "now": now}
    trees = list(plan.trees.values())
    _look_up_strata(trees=trees, names=names, params=params)
    _look_up_generators(trees=trees, names=names, params=params)
    leave_gaps(trees, rng=DICE)
    known = _place_trees(trees=trees, names=names, params=params)
    _match_messages(trees=known)
    placed = [(message, parent, tree.id) for tree in trees for message, parent in iter_messages(tree.root)]
    new = [row for row in placed if not row[0].id]
    _copy_messages(rows=new, trees=trees, now=now)
    copy_origins(messages=[message for message, _, _ in new], generators=names.generators, params=params)
    # A prompt has the origin that it was made with; a reply may come from several.
    told = add_origins(
        messages=[m for m, _, _ in placed if not m.is_new and m.role == MessageRole.ASSISTANT],
        generators=names.generators,
        params=params,
    )
    asked = {m.id for m, _, _ in new if m.role == MessageRole.PROMPTER}
    asked |= {parent.id for m, parent, _ in new if parent is not None and m.role == MessageRole.ASSISTANT}
    # Units, then marks of parents, then those of trees, which are last where trees grow: the order of locks.
    ballots = [ballot for tree in trees for ballot in tree.ballots]
    asked |= set(store_ballots(campaign_id=campaign_id, ballots=ballots, now=now))
    mark_judged_parents(parent_ids=[parent.id for m, parent, _ in placed if parent is not None and m.id in told])
    open_units(campaign_id=campaign_id, parent_ids=sorted(asked), now=now)
    keep_places(import_id=import_id, trees=[tree for tree in trees if tree not in known], now=now)
    return _count_added(new=[message for message, _, _ in new], placed=[m for m, _, _ in placed], told=told)


def _look_up_strata(*, trees: Sequence[PlannedTree], names: KnownNames, params: Row) -> None:
    missing = sorted({(tree.language, tree.topic) for tree in trees} - names.strata.keys())
    if missing:
        params = params | {
            "languages": [language for language, _ in missing],
            "topics": [topic for _, topic in missing],
        }
        found = fetch_all(_FIND_STRATA, params)
        if len(found) < len(missing):
            run(_MAKE_STRATA, params)
            found = fetch_all(_FIND_STRATA, params)
        names.strata |= {(row["language"], row["topic"]): row["id"] for row in found}


def _look_up_generators(*, trees: Sequence[PlannedTree], names: KnownNames, params: Row) -> None:
    told = (origin for tree in trees for message, _ in iter_messages(tree.root) for origin in message.origins.values())
    missing = sorted({origin.generator for origin in told if origin.generator} - names.generators.keys())
    if missing:
        params = params | {"names": missing, "label": Engine.LABEL}
        found = fetch_all(_FIND_GENERATORS, params)
        if len(found) < len(missing):
            run(_MAKE_GENERATORS, params)
            found = fetch_all(_FIND_GENERATORS, params)
        names.generators |= {row["name"]: row["id"] for row in found}


def _place_trees(*, trees: Sequence[PlannedTree], names: KnownNames, params: Row) -> list[PlannedTree]:
    """Insert the trees that are missing and lock those that are there; returns the latter."""
    ids = iter(fetch_row(_TAKE_TREE_IDS, {"count": len(trees) + sum(tree.gap > 0 for tree in trees)})["ids"])
    for tree in sorted(trees, key=attrgetter("key")):
        tree.free = [next(ids)] if tree.gap else []
        tree.id = next(ids)
    params = params | {
        "drawn": [state.value for state in DRAWN],
        "ids": [tree.id for tree in trees],
        "states": [tree.state.value for tree in trees],
        "goal_sizes": [tree.goal_size for tree in trees],
        "strata": [names.strata[tree.language, tree.topic] for tree in trees],
        "languages": [tree.language for tree in trees],
        "topics": [tree.topic for tree in trees],
        "difficulties": [tree.difficulty for tree in trees],
        "tags": [json.dumps(tree.tags) for tree in trees],
        "keys": [tree.key for tree in trees],
        "external_ids": [tree.external_id for tree in trees],
    }
    made = {row["key"]: row["id"] for row in fetch_all(_MAKE_TREES, params)}
    known = [tree for tree in trees if tree.key not in made]
    if known:
        rows = fetch_all(_LOCK_TREES, params | {"keys": [tree.key for tree in known]})
        made |= {row["key"]: row["id"] for row in rows}
    for tree in trees:
        tree.id = made[tree.key]
    told = [tree for tree in known if tree.difficulty or tree.tags]
    if told:
        ids = {"ids": [tree.id for tree in told], "difficulties": [tree.difficulty for tree in told]}
        run(_FILL_TREES, ids | {"tags": [json.dumps(tree.tags) for tree in told]})
    return known


def _match_messages(*, trees: Sequence[PlannedTree]) -> None:
    """Find the planned messages that are there already, from the prompts down."""
    if not trees:
        return
    rows = fetch_all(_READ_MESSAGES, {"trees": [tree.id for tree in trees]})
    roots = {row["tree_id"]: row for row in rows if row["parent_id"] is None}
    replies = {(row["parent_id"], row["role"], bytes(row["text_hash"])): row for row in rows if not row["is_withdrawn"]}
    for tree in trees:
        for message, parent in iter_messages(tree.root):
            if parent is None:
                row: Row | None = roots[tree.id]
            elif parent.id:
                row = replies.get((parent.id, message.role.value, message.text_hash))
            else:
                row = None
            if row is not None:
                message.id, message.thread, message.is_closed = row["id"], tuple(row["thread"]), row["is_closed"]


def _copy_messages(
    *,
    rows: Sequence[tuple[PlannedMessage, PlannedMessage | None, int]],
    trees: Sequence[PlannedTree],
    now: datetime,
) -> None:
    """Give ids to new messages, parents first, and copy them in."""
    if not rows:
        return
    begun = {id(tree.root): tree for tree in trees}
    left_out = sum(begun[id(message)].gap for message, parent, _ in rows if parent is None)
    ids = iter(fetch_row(_TAKE_MESSAGE_IDS, {"count": len(rows) + left_out})["ids"])
    when = now.isoformat()
    with connection.cursor() as cursor, cursor.copy(_COPY_MESSAGES) as copy:
        for message, parent, tree_id in rows:
            if parent is None:
                tree = begun[id(message)]
                tree.free += islice(ids, tree.gap)
            message_id = next(ids)
            message.id, message.is_new = message_id, True
            message.thread = (*parent.thread, message_id) if parent is not None else (message_id,)
            copy.write_row(
                (
                    message_id,
                    tree_id,
                    None if parent is None else parent.id,
                    f"{{{','.join(map(str, message.thread))}}}",
                    message.role.value,
                    message.text,
                    f"\\x{message.text_hash.hex()}",
                    message.language,
                    message.external_id,
                    1,
                    message.review.value,
                    "",
                    when,
                )
            )


def _count_added(
    *, new: Sequence[PlannedMessage], placed: Iterable[PlannedMessage], told: dict[int, list[str]]
) -> Added:
    records = {message.record for message in new}
    records |= {origin.record for message in new for origin in message.origins.values()}
    records |= {message.origins[key].record for message in placed for key in told.get(message.id, ())}
    return Added(
        records=frozenset(records),
        prompts=sum(1 for message in new if len(message.thread) == 1),
        candidates=sum(1 for message in new if message.role == MessageRole.ASSISTANT),
    )
