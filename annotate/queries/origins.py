"""Who wrote which candidate: for the leaderboard, organizers and releases. Never for whoever judges."""

from collections.abc import Collection, Iterator
from itertools import islice

from annotate.queries.rows import fetch_all
from tasks.vocabulary import OriginKind

#: What people's candidates are called among generators.
HUMAN = "human"
#: Candidates looked up by one statement.
AT_ONCE = 5000

_ORIGINS = """
SELECT o.message_id, array_agg(DISTINCT COALESCE(g.name, %(human)s)) AS names
FROM annotate_messageorigin o LEFT JOIN annotate_generator g ON g.id = o.generator_id
WHERE o.message_id = ANY(%(messages)s::bigint[])
  AND (g.id IS NOT NULL OR o.kind = %(written)s OR o.provenance->>'human' = 'true')
GROUP BY o.message_id"""


def load_origins(*, message_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """The names of the generators behind each text, sorted; `human` for people. Texts of unknown origin are left out."""
    found: dict[int, tuple[str, ...]] = {}
    for batch in _in_batches(sorted(message_ids)):
        rows = fetch_all(_ORIGINS, {"messages": batch, "human": HUMAN, "written": OriginKind.WRITTEN})
        # By code point, whatever the collation of the database: the leaderboard is computed from this order.
        found |= {row["message_id"]: tuple(sorted(row["names"])) for row in rows}
    return found


def _in_batches(ids: list[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch
