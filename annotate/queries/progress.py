"""How far a campaign is: counts of units, judgments, people and cells. They tell nothing about single units."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from annotate.models import CampaignProgress
from annotate.queries.backlog import Cell, count_queues, load_cells
from annotate.queries.rows import Row, fetch_one

#: Campaigns with at most this many units are counted when somebody asks; larger ones show what the sweep counted.
LIVE_UNITS = 20_000

_ANNOTATORS = """
SELECT count(DISTINCT COALESCE(a.merged_into_id, a.id)) AS annotators
FROM annotate_judgment j JOIN annotate_annotator a ON a.id = j.annotator_id
JOIN annotate_unit u ON u.id = j.unit_id
WHERE j.is_current AND u.queue_id = ANY(ARRAY(
  SELECT q.id FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold))"""

SUMS = ("units", "open", "complete", "needed", "done", "held", "surplus")


def get_progress(*, campaign_id: int, now: datetime) -> dict[str, Any]:
    """The progress of a campaign with `computed_at`: counted now where that is cheap, else as last counted."""
    stored = CampaignProgress.objects.filter(campaign_id=campaign_id).first()
    if stored is not None and stored.units > LIVE_UNITS:
        return {**stored.result, "computed_at": stored.computed_at}
    queues, cells = count_queues(campaign_id=campaign_id), load_cells(campaign_id=campaign_id)
    return {**describe_progress(campaign_id=campaign_id, queues=queues, cells=cells), "computed_at": now}


def describe_progress(*, campaign_id: int, queues: Sequence[Row], cells: Sequence[Cell]) -> dict[str, Any]:
    """Plain JSON from counted queues and cells; one more query counts the people."""
    row = fetch_one(_ANNOTATORS, {"campaign": campaign_id})
    totals = {name: sum(queue[name] for queue in queues) for name in SUMS}
    return {
        "judgments": totals["done"] + totals["surplus"],
        "annotators": 0 if row is None else row["annotators"],
        "units": totals,
        "queues": _sum_queues(queues),
        "strata": [
            {"language": cell.language, "topic": cell.topic, "target": cell.target, "done": cell.done} for cell in cells
        ],
        "coverage": measure_coverage(cells),
    }


def measure_coverage(cells: Sequence[Cell]) -> dict[str, Any]:
    """How well what stands covers the target space.

    share    Σ min(done, target) / Σ target over the cells with a target, in [0, 1]; None without targets
    targets  cells with a target; met: those that reached it
    cells    all cells that have work or a target; touched: those with a judgment
    """
    wanted = [(cell.done, cell.target) for cell in cells if cell.target]
    total = sum(target for _, target in wanted)
    return {
        "share": round(sum(min(done, target) for done, target in wanted) / total, 6) if total else None,
        "targets": len(wanted),
        "met": sum(done >= target for done, target in wanted),
        "cells": len(cells),
        "touched": sum(cell.done > 0 for cell in cells),
    }


def _sum_queues(queues: Sequence[Row]) -> list[dict[str, Any]]:
    """One row a kind and language, whatever qualifications split their queues."""
    sums: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for queue in queues:
        for name in SUMS:
            sums[queue["kind"], queue["language"]][name] += queue[name]
    return [{"kind": kind, "language": language, **counts} for (kind, language), counts in sums.items()]
