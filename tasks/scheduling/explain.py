"""Why a cell of the target space is behind: the first reason that holds, with the numbers that say so. The reasons are `Behind`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.records.standing import Behind
from tasks.scheduling.coverage import measure_cells
from tasks.scheduling.gains import count_wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.records.coverage import Cells, Floats


@dataclass(frozen=True, slots=True)
class LanguagePeople:
    """Of a language: people who were here lately and speak it, and how many of them have something left to judge."""

    people: int
    with_work: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a cell is behind; `lacks`: of the campaign's coverage of prompts, that it does not have for it."""

    cell: int
    why: Behind
    lacks: float
    prompts: int
    wanted: float
    finished: float
    people: int


def explain_cells(
    cells: Cells, *, vacant: Floats, people: Mapping[int, LanguagePeople], judgments_each: int
) -> Sequence[Reason]:
    """Why each cell that is behind is, the one that lacks most first; cells by index.

    vacant          places that are open in each cell
    people          by code of language
    judgments_each  that a prompt needs at least
    """
    wanted, covered = count_wanted(cells), measure_cells(cells)
    lacks = cells.share * (1.0 - covered)
    reasons = []
    for cell in np.argsort(-lacks, kind="stable").tolist():
        if lacks[cell] <= 0:
            break
        known = people.get(int(cells.language[cell]), LanguagePeople(0, 0))
        why = _find_reason(cells, cell, float(wanted[cell]), float(vacant[cell]), known, judgments_each)
        reasons.append(
            Reason(
                cell, why, float(lacks[cell]), int(cells.prompts[cell]), float(wanted[cell]), float(cells.finished[cell]),
                known.people,
            )
        )  # fmt: skip
    return reasons


def _find_reason(
    cells: Cells, cell: int, wanted: float, vacant: float, known: LanguagePeople, judgments_each: int
) -> Behind:
    if cells.prompts[cell] == 0:
        return Behind.NO_PROMPTS
    # As much as its prompts can give is done, and they are too few.
    if cells.prompts[cell] < wanted and cells.finished[cell] + cells.held[cell] >= cells.prompts[cell] - 1e-9:
        return Behind.FEW_PROMPTS
    if cells.finished[cell] + cells.held[cell] >= wanted:
        return Behind.UNDER_WAY
    if vacant <= 0:
        return Behind.UNDER_WAY if cells.held[cell] > 0 else Behind.WAITING
    return _find_lack_of_people(known, judgments_each)


def _find_lack_of_people(known: LanguagePeople, judgments_each: int) -> Behind:
    if known.people == 0:
        return Behind.NO_PEOPLE
    if known.people < judgments_each:
        return Behind.FEW_PEOPLE
    return Behind.ALL_SEEN if known.with_work == 0 else Behind.ITS_TURN
