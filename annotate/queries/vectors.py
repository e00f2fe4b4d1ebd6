"""Vectors of prompts: which are missing or old, what is stored, and what keeps an embedder from making them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from annotate.models import Generator
from annotate.queries.rows import Row, fetch_all, fetch_one, fetch_row
from tasks.vocabulary import ENDED_TREES, Engine, StaleKind, TreeState

#: Prompts of these trees are no part of what a campaign collects.
GONE = tuple(state for state in ENDED_TREES if state is not TreeState.DONE)
#: Characters of a prompt that an embedder is given.
MOST_CHARS = 8_000
#: Vectors that are read in one statement.
AT_ONCE = 5_000
#: How finely a part of all prompts can be drawn; a power of two.
PARTS = 2**20

#: Prompts of a campaign (alias t) that stand: what was written as gold is none of them.
STANDING = """
t.campaign_id = %(campaign)s AND t.state <> ALL(%(gone)s::text[]) AND m.parent_id IS NULL AND m.removed_at IS NULL
  AND m.withdrawn_at IS NULL AND m.review_state <> 'rejected'
  AND t.id <> ALL(ARRAY(SELECT gm.tree_id FROM annotate_golditem g JOIN annotate_unit gu ON gu.id = g.unit_id
    JOIN annotate_message gm ON gm.id = gu.subject_id WHERE g.campaign_id = %(campaign)s AND g.origin = 'written'))"""

_PROMPTS = f"annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND {STANDING}"

#: This embedder refused the text of `m` as it is now.
_REFUSED = """annotate_stale x ON x.kind = %(refused)s AND x.subject_id = m.id AND x.marked = m.revision
  AND starts_with(x.error, %(embedder)s || chr(10))"""

_UNEMBEDDED = f"""
SELECT m.id, m.revision, left(m.text, {MOST_CHARS}) AS text FROM {_PROMPTS}
LEFT JOIN annotate_textvector v ON v.message_id = m.id LEFT JOIN {_REFUSED}
WHERE m.id > %(after)s AND x.subject_id IS NULL AND (v.message_id IS NULL OR v.embedder <> %(embedder)s OR v.revision <> m.revision)
ORDER BY m.id LIMIT %(limit)s"""

_COUNT = f"""
SELECT count(*) AS prompts,
  count(*) FILTER (WHERE v.embedder = %(embedder)s AND v.revision = m.revision) AS embedded,
  count(*) FILTER (WHERE v.embedder = %(embedder)s AND m.review_state <> 'pending') AS reviewed,
  count(*) FILTER (WHERE v.embedder <> %(embedder)s) AS by_another,
  count(x.subject_id) AS refused, substr(max(x.error), char_length(%(embedder)s) + 2) AS refusal
FROM {_PROMPTS} LEFT JOIN annotate_textvector v ON v.message_id = m.id LEFT JOIN {_REFUSED}"""

_VECTORS = f"""
SELECT m.id, t.id AS tree, t.language, t.difficulty, char_length(m.text) AS chars, left(m.text, 600) AS text, halfvec_send(v.vector) AS vector, o.number AS topic,
  m.review_state = 'pending' AS is_pending
FROM {_PROMPTS} JOIN annotate_textvector v ON v.message_id = m.id AND v.embedder = %(embedder)s
LEFT JOIN annotate_promptplace p ON p.message_id = m.id LEFT JOIN annotate_topic o ON o.id = p.topic_id
WHERE m.id > %(after)s AND (hashint8(m.id) & {PARTS - 1}) < %(part)s * {PARTS} ORDER BY m.id LIMIT {AT_ONCE}"""

_PROBLEM = """
SELECT error, failures, lease_expires_at FROM annotate_stale
WHERE kind = %(kind)s AND subject_id = %(campaign)s AND error <> ''"""


@dataclass(frozen=True, slots=True)
class Embedded:
    """How far the vectors of a campaign are. `reviewed`: vectors of prompts that topics are found among, as they wait for nobody.

    `detail`: what is for administrators alone of `problem`. `refused`: texts that it takes in no case, `refusal`: why one of them. `problem`: what the embedder last failed with, `again_at`: when it is tried again.
    """

    prompts: int
    embedded: int
    reviewed: int
    by_another: int
    refused: int
    refusal: str
    problem: str
    detail: str
    failures: int
    again_at: datetime | None

    @property
    def missing(self) -> int:
        return self.prompts - self.embedded - self.refused


def list_unembedded(*, campaign_id: int, embedder: str, limit: int, after: int = 0) -> list[Row]:
    """Prompts without a vector of their text as it is now by this embedder, by id: `id`, `revision`, `text`.

    `after`: the last of those before, so that whoever goes on does not go through all that have theirs again.
    """
    return fetch_all(_UNEMBEDDED, {**_name(campaign_id, embedder), "limit": limit, "after": after})


def count_embedded(*, campaign_id: int, embedder: str) -> Embedded:
    """Two statements."""
    row = fetch_row(_COUNT, _name(campaign_id, embedder))
    wrong = fetch_one(_PROBLEM, {"campaign": campaign_id, "kind": StaleKind.TURN_VECTORS}) or {}
    problem, _, detail = wrong.get("error", "").partition("\n")
    return Embedded(
        row["prompts"],
        row["embedded"],
        row["reviewed"],
        row["by_another"],
        row["refused"],
        row["refusal"] or "",
        problem=problem,
        detail=detail,
        failures=wrong.get("failures", 0),
        again_at=wrong.get("lease_expires_at"),
    )


def iterate_vectors(*, campaign_id: int, embedder: str, part: float = 1.0) -> Iterator[Row]:
    """Standing prompts with a vector by this embedder, by id: `id`, `tree`, `language`, `difficulty`, `chars`, `text` (its
    start), `topic` (a number), `is_pending`: nobody has reviewed it yet.

    `part`: of all of them, drawn by a hash, always the same.
    `vector` is as PostgreSQL sends it: two numbers of 16 bits, the first of them how many follow, then 16-bit floats, big end first.
    """
    after: int | None = 0
    while after is not None:
        params = {"campaign": campaign_id, "embedder": embedder, "gone": list(GONE), "after": after, "part": part}
        rows = fetch_all(_VECTORS, params)
        yield from rows
        after = rows[-1]["id"] if len(rows) == AT_ONCE else None


def _name(campaign_id: int, embedder: str) -> Row:
    return {"campaign": campaign_id, "embedder": embedder, "gone": list(GONE), "refused": StaleKind.TEXT_REFUSED}


def find_server(*, name: str) -> Generator | None:
    """The generator of the site whose server an embedder names."""
    return Generator.objects.filter(campaign=None, name=name, engine=Engine.OPENAI, enabled=True).first()
