"""How far a campaign is: counts of units, judgments, people and cells. They tell nothing about single units.

Gold items are counted apart, for those who run the campaign. To everybody else what was said of them counts like any other
judgment: else whoever watches the counts while they hold a piece of work, or send it, would know whether it is gold.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from annotate.models import CampaignProgress
from annotate.queries.backlog import Cell, count_queues, load_cells
from annotate.queries.rows import Row, fetch_all, fetch_one

#: Campaigns with at most this many units are counted when somebody asks; larger ones show what the sweep counted.
LIVE_UNITS = 20_000

_ANNOTATORS = """
SELECT count(DISTINCT COALESCE(a.merged_into_id, a.id)) AS annotators
FROM annotate_judgment j JOIN annotate_annotator a ON a.id = j.annotator_id
JOIN annotate_unit u ON u.id = j.unit_id
WHERE j.is_current AND u.queue_id = ANY(ARRAY(
  SELECT q.id FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND (%(with_gold)s OR NOT q.is_gold)))"""

_GOLD = """
SELECT q.kind, q.language, d.stratum_id AS stratum, sum(u.done)::bigint AS done, sum(u.held)::bigint AS held,
  sum(u.surplus)::bigint AS surplus
FROM annotate_queue q JOIN annotate_unit u ON u.queue_id = q.id JOIN annotate_unitdetail d ON d.unit_id = u.id
WHERE q.campaign_id = %(campaign)s AND q.is_gold GROUP BY 1, 2, 3"""

SUMS = ("units", "open", "complete", "needed", "done", "held", "surplus")
#: Where what everybody else sees is kept beside what is stored; only where there are gold items.
OUTSIDE = "outside"


def get_progress(*, campaign_id: int, now: datetime, is_insider: bool) -> dict[str, Any]:
    """The progress of a campaign with `computed_at`: counted now where that is cheap, else as last counted."""
    stored = CampaignProgress.objects.filter(campaign_id=campaign_id).first()
    if stored is not None and stored.units > LIVE_UNITS:
        return {**choose_progress(stored.result, is_insider=is_insider), "computed_at": stored.computed_at}
    return {**choose_progress(count_progress(campaign_id=campaign_id), is_insider=is_insider), "computed_at": now}


def choose_progress(result: Mapping[str, Any], *, is_insider: bool) -> dict[str, Any]:
    """What those who run the campaign see of `count_progress`, or everybody else."""
    shown: Mapping[str, Any] = result if is_insider else result.get(OUTSIDE, result)
    return {name: value for name, value in shown.items() if name != OUTSIDE}


def count_progress(*, campaign_id: int) -> dict[str, Any]:
    """Everything counted now, as plain JSON; with what everybody else sees of it where there are gold items."""
    queues, cells = count_queues(campaign_id=campaign_id), load_cells(campaign_id=campaign_id)
    result = describe_progress(campaign_id=campaign_id, queues=queues, cells=cells)
    gold = fetch_all(_GOLD, {"campaign": campaign_id})
    if not gold:
        return result
    queues, cells = [*queues, *_as_queues(gold, queues)], [_add_gold(cell, gold) for cell in cells]
    outside = describe_progress(campaign_id=campaign_id, queues=queues, cells=cells, with_gold=True)
    return {**result, OUTSIDE: outside}


def describe_progress(
    *, campaign_id: int, queues: Sequence[Row], cells: Sequence[Cell], with_gold: bool = False
) -> dict[str, Any]:
    """Plain JSON from counted queues and cells; one more query counts the people."""
    row = fetch_one(_ANNOTATORS, {"campaign": campaign_id, "with_gold": with_gold})
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


def _as_queues(gold: Sequence[Row], queues: Sequence[Row]) -> list[Row]:
    """Gold items as queues that ask for nothing, with no more judgments than other work of their kind still lacks."""
    room: Counter[tuple[str, str]] = Counter()
    for queue in queues:
        room[queue["kind"], queue["language"]] += queue["needed"] - queue["done"]
    rows = []
    for row in gold:
        of = (row["kind"], row["language"])
        done = min(row["done"], max(room[of], 0))
        room[of] -= done
        rows.append({**dict.fromkeys(SUMS, 0), **row, "done": done})
    return rows


def _add_gold(cell: Cell, gold: Sequence[Row]) -> Cell:
    of_cell = [
        row for row in gold if row["stratum"] == cell.id or (not cell.topic and row["language"] == cell.language)
    ]
    return replace(
        cell,
        done=cell.done + sum(row["done"] for row in of_cell),
        held=cell.held + sum(row["held"] for row in of_cell),
    )


def _sum_queues(queues: Sequence[Row]) -> list[dict[str, Any]]:
    """One row a kind and language, whatever qualifications split their queues."""
    sums: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for queue in queues:
        for name in SUMS:
            sums[queue["kind"], queue["language"]][name] += queue[name]
    return [{"kind": kind, "language": language, **counts} for (kind, language), counts in sums.items()]
