"""Consensuses as they are stored, for whoever computes them again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotate.queries.reliability import Way
from annotate.queries.rows import Row, fetch_all

_CURRENT = """
SELECT m.id FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id
WHERE t.campaign_id = %(campaign)s AND m.current_consensus_id IS NOT NULL AND m.id > %(after)s ORDER BY m.id"""

_STORED = """
SELECT m.id AS parent, k.id, k.method, k.method_version, k.reliability_version, k.seed, k.n, k.uncertainty, k.input_hash,
  k.result::text AS result, t.campaign_id
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
JOIN annotate_consensus k ON k.id = m.current_consensus_id
WHERE m.id = ANY(%(parents)s::bigint[]) ORDER BY m.id"""

#: Nobody will compute them again by themselves, and nobody has since they were read.
_UNEXPLAINED = """
SELECT m.id FROM annotate_message m
JOIN unnest(%(parents)s::bigint[], %(consensuses)s::bigint[]) AS seen (parent, consensus)
  ON seen.parent = m.id AND seen.consensus = m.current_consensus_id
WHERE NOT EXISTS (
  SELECT 1 FROM annotate_stale s WHERE s.kind = 'parent' AND s.subject_id = m.id AND s.marked > s.computed)
ORDER BY m.id"""


@dataclass(frozen=True, slots=True)
class StoredConsensus:
    """A parent's current consensus as it is stored. `way`: how it was computed."""

    id: int
    parent: int
    method: str
    method_version: int
    way: Way
    columns: Mapping[str, Any]


def list_with_consensus(*, campaign_id: int, after: int) -> list[int]:
    """The parents of a campaign that have a consensus, by id, after one."""
    return [row["id"] for row in fetch_all(_CURRENT, {"campaign": campaign_id, "after": after})]


def load_stored(*, parent_ids: Sequence[int]) -> dict[int, StoredConsensus]:
    """The current consensus of these parents, by parent."""
    return {row["parent"]: _read(row) for row in fetch_all(_STORED, {"parents": list(parent_ids)})}


def keep_unexplained(*, stored: Sequence[StoredConsensus]) -> list[int]:
    """The parents of those that are still current while nothing asks for them to be computed again.

    A ballot and its mark are written together: whoever read a ballot before this finds its mark, or a newer consensus.
    """
    params = {"parents": [one.parent for one in stored], "consensuses": [one.id for one in stored]}
    return [row["id"] for row in fetch_all(_UNEXPLAINED, params)]


def _read(row: Row) -> StoredConsensus:
    result = json.loads(row["result"])
    return StoredConsensus(
        id=row["id"],
        parent=row["parent"],
        method=row["method"],
        method_version=row["method_version"],
        way=Way(row["campaign_id"], row["reliability_version"], with_gain=result.get("gain") is not None),
        columns={name: row[name] for name in ("seed", "n", "uncertainty")}
        | {"input_hash": bytes(row["input_hash"]).hex(), "result": result},
    )
