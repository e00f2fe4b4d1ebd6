"""The coverage that the card of a release tells: as last measured when the release was frozen."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from annotate.queries.coverage_page import PARTS, list_latest
from tasks.records.releases import CoverageLine


def describe_coverage(*, campaign_id: int, now: datetime) -> list[dict[str, Any]]:
    """The last measurement of the campaign and of each of its languages, as plain JSON."""
    return [
        {
            "language": row["language"],
            "coverage": row["coverage"],
            "parts": {name: row[name] for name in PARTS},
            "weights": row["result"].get("weights", {}),
        }
        for row in list_latest(campaign_id=campaign_id, until=now)
    ]


def read_coverage(frozen: Iterable[Mapping[str, Any]]) -> tuple[CoverageLine, ...]:
    """What was frozen, as the card takes it; nothing of releases that were frozen before coverage was measured."""
    return tuple(CoverageLine(**line) for line in frozen)
