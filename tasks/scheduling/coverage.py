"""How much of its target space a campaign has covered: one number in [0, 1], and the four that it is made of.

    coverage   = weighted mean of those below that can be said
    prompts    50 %: sum over cells of share * min(1, finished / wanted). A cell wants 2 finished prompts, or its part of what
               an organizer asked for; a prompt is finished as far as it is known as surely as wanted (tasks.scheduling.gains)
    people     20 %: sum over cells of share * part of the groups of people there are in its language who judged in it; a cell
               that has no prompt finished counts as nothing. Not said while there is only one group. A group of fewer
               than ten people in a language is counted among the others there, and these not before they are ten: nobody
               is to be seen in the number by what they alone said of themselves (`merge_groups`)
    facility   20 %: mean over prompts of the largest similarity (cosine, 0 at least) to a finished one. Not said without vectors
    candidates 10 %: mean over pairs of sources of candidates (generators, and people as one) of min(1, met / 10), where `met`
               counts the judgments that put both in order. Not said with fewer than two sources

What cannot be said leaves its weight to the others. A cell that somebody asked for and that has no prompt counts with its
share, as nothing. The gain of a unit is by how much one more judgment of it raises `prompts`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.opinions import LEAST_PEOPLE
from tasks.scheduling.gains import count_wanted

if TYPE_CHECKING:
    from tasks.records.coverage import Cells, Flags, Floats

#: What each part counts in the whole; shown on the page.
WEIGHTS: Mapping[str, float] = {"prompts": 0.5, "people": 0.2, "facility": 0.2, "candidates": 0.1}
#: Judgments that put two sources in order after which more of them say little new.
ENOUGH_MET = 10
FEWEST_GROUPS = FEWEST_SOURCES = 2
#: What groups are counted as that are too small to be told by themselves. No group is called so.
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The number and its parts; None where one cannot be said."""

    coverage: float
    prompts: float | None
    people: float | None
    facility: float | None
    candidates: float | None


@dataclass(frozen=True, slots=True)
class Given:
    """Judgments of a group of people in a cell; `people` of the group judged in the cell's language."""

    cell: int
    language: str
    group: str
    judgments: int
    people: int


def merge_groups(given: Iterable[Given]) -> dict[int, dict[str, int]]:
    """Judgments of each group in each cell, of groups of so many people as are published (`LEAST_PEOPLE`).

    The smaller ones of a language are one group together where they are enough, else left out.
    """
    given = list(given)
    small = {(one.language, one.group): one.people for one in given if one.people < LEAST_PEOPLE}
    others: Counter[str] = Counter()
    for (language, _), people in small.items():
        others[language] += people
    merged: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for one in given:
        if one.people >= LEAST_PEOPLE:
            merged[one.cell][one.group] += one.judgments
        elif others[one.language] >= LEAST_PEOPLE:
            merged[one.cell][OTHERS] += one.judgments
    return {cell: dict(groups) for cell, groups in merged.items()}


def measure_cells(cells: Cells) -> Floats:
    """How far each cell is covered, in [0, 1]."""
    return np.minimum(1.0, np.maximum(cells.finished, 0.0) / count_wanted(cells))


def measure_coverage(
    cells: Cells,
    *,
    met: Mapping[tuple[str, str], int],
    sources: int,
    facility: float | None,
    which: Flags | None = None,
) -> Coverage:
    """The coverage of these cells (`which`: of all).

    met       judgments that put two sources in order, by pair; pairs that never met need no entry
    sources   how many sources of candidates there are
    facility  of the prompts of these cells, where they have vectors
    """
    chosen = np.ones(len(cells), dtype=bool) if which is None else which
    parts = {
        "prompts": _weigh(measure_cells(cells), cells, chosen),
        "people": _measure_people(cells, chosen),
        "facility": None if facility is None else float(np.clip(facility, 0.0, 1.0)),
        "candidates": _measure_candidates(met, sources),
    }
    said = {name: value for name, value in parts.items() if value is not None}
    weight = sum(WEIGHTS[name] for name in said)
    whole = (
        sum(WEIGHTS[name] * value for name, value in said.items()) / weight
        if weight and parts["prompts"] is not None
        else 0.0
    )
    return Coverage(min(max(whole, 0.0), 1.0), **parts)


def gain_per_prompt(cells: Cells) -> Floats:
    """By how much one more finished prompt in each cell raises `prompts` of the campaign."""
    wanted = count_wanted(cells)
    step = np.minimum(1.0, (cells.finished + 1.0) / wanted) - np.minimum(1.0, cells.finished / wanted)
    return cells.share * np.where(cells.prompts > cells.finished, step, 0.0)


def _weigh(values: Floats, cells: Cells, chosen: Flags) -> float | None:
    """The mean of values by share; None where there is no cell."""
    total = float(cells.share[chosen].sum())
    if not chosen.any() or total <= 0:
        return None
    return float((values * cells.share)[chosen].sum() / total)


def _measure_people(cells: Cells, chosen: Flags) -> float | None:
    """How many of the groups that judge in its language have judged in each cell."""
    touched = cells.groups > 0
    of_language = np.zeros((len(cells), cells.groups.shape[1]), dtype=bool)
    for language in np.unique(cells.language):
        here = cells.language == language
        of_language[here] = touched[here].any(axis=0)
    groups = of_language.sum(axis=1)
    said = chosen & (groups >= FEWEST_GROUPS)
    if not said.any():
        return None
    share = touched.sum(axis=1) / np.maximum(groups, 1)
    return _weigh(share.astype(np.float64), cells, said)


def _measure_candidates(met: Mapping[tuple[str, str], int], sources: int) -> float | None:
    if sources < FEWEST_SOURCES:
        return None
    pairs = sources * (sources - 1) / 2
    reached = sum(min(1.0, count / ENOUGH_MET) for (first, second), count in met.items() if first != second)
    return min(1.0, reached / pairs)
