"""The figures of an imagined campaign that grows, in memory: those that an exact simulation reads from the database."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from tasks.scheduling.simulation.forest import Forest
from tasks.scheduling.simulation.forest_cells import Space
from tasks.scheduling.simulation.forest_records import Somebody, Tree
from tasks.scheduling.simulation.growing import GrowingRun
from tasks.scheduling.simulation.world import Tally
from tasks.vocabulary import ENDED_TREES, Kind, ReviewState, TreeState

MINUTES_A_DAY = 1440.0
#: States in which nobody is asked for anything.
RESTING = (*ENDED_TREES, TreeState.WAITING)


class Watched(Protocol):
    """A campaign that is looked at. `minute` of the last submit; `spent`: minutes of work by kind."""

    @property
    def forest(self) -> Forest: ...
    @property
    def space(self) -> Space: ...
    @property
    def imagined(self) -> GrowingRun: ...
    @property
    def people(self) -> Sequence[Somebody]: ...
    @property
    def tally(self) -> Tally: ...
    @property
    def spent(self) -> Mapping[Kind, float]: ...
    @property
    def minute(self) -> float: ...


def read_figures(grove: Watched, mark: int) -> dict[str, float]:
    """Return the figures now. A run that ends before a mark is read there as it ended."""
    cells = grove.space.count_cells()
    whole = grove.space.measure(cells)
    own = [grove.space.measure(cells, language) for language in range(len(grove.imagined.languages))]
    trees = grove.forest.trees.values()
    return {
        "judgments": mark,
        "day": round(grove.minute / MINUTES_A_DAY, 4),
        "coverage": whole.coverage if whole else 0.0,
        "covered": (whole.prompts or 0.0) if whole else 0.0,
        "smallest": min(one.coverage if one else 0.0 for one in own),
        "trees": sum(tree.state is TreeState.DONE for tree in trees),
        "messages": count_messages(trees, ReviewState.ACCEPTED),
    }


def sum_up(grove: Watched, curve: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return what came of a run, with its curve."""
    forest, tally = grove.forest, grove.tally
    trees = forest.trees.values()
    states = Counter(tree.state for tree in trees)
    ends = grove.imagined.days * MINUTES_A_DAY
    waits = sorted(
        round(((ends if work.first is None else work.first) - work.opened) / MINUTES_A_DAY, 4)
        for work in forest.all_work
        if work.is_open or work.first is not None
    )
    steps = [before == after for one in grove.people for before, after in pairwise(one.log)]
    kinds = Counter(kind for one in grove.people for kind, _ in one.log)
    return {
        "curve": list(curve),
        "end": {
            "judgments": tally.submitted,
            "hours": round(sum(grove.spent.values()) / 60, 2),
            "begun": len(trees),
            "low_grade": states[TreeState.LOW_GRADE],
            "rejected": count_messages(trees, ReviewState.REJECTED),
            "longest_wait": waits[-1] if waits else None,
            "usual_wait": waits[len(waits) // 2] if waits else None,
            "sameness": round(sum(steps) / len(steps), 4) if steps else None,
            "found_nothing": tally.found_nothing,
            "stuck": sum(is_stuck(tree) for tree in trees),
        },
        "kinds": {kind.value: kinds[kind] for kind in Kind if kinds[kind]},
        "minutes": {kind.value: round(minutes, 1) for kind, minutes in grove.spent.items()},
        "states": {state.value: states[state] for state in TreeState if states[state]},
        "tally": {
            "claims": tally.claims,
            "submitted": tally.submitted,
            "skipped": tally.skipped,
            "run_out": tally.run_out,
            "under_way": sum(work.held for work in forest.all_work),
            "refused": 0,
        },
        "refused": {},
    }


def count_messages(trees: Iterable[Tree], review: ReviewState) -> int:
    """Return how many messages reviewers have decided on so."""
    return sum(fact.review is review for tree in trees for fact in tree.messages.values())


def is_stuck(tree: Tree) -> bool:
    """Return whether a tree that has not ended, and does not wait for its turn, asks nobody for anything."""
    return tree.state not in RESTING and not any(work.is_open and work.needed > work.done for work in tree.units)
