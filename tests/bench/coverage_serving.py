"""Serve a made-up campaign in bands as the site does, and measure what is covered as judgments come in.

Each queue (here: each language) is served from its highest band down, equal bands by tie. Bands are planned anew every so
many judgments: all open units with their embeddings now and then, in between all open units without. People come with
one language each; nobody gets a unit twice. `front` and `lag`: what is handed out between two plans follows the bands of
the plan before, as on the site.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tasks.records.coverage import KIND_CODES, Cells, PlanSettings, Pool, Surroundings
from tasks.scheduling.plan import plan
from tasks.scheduling.pools import make_cells, make_pool
from tasks.vocabulary import Kind, PolicyName
from tests.bench.coverage_worlds import Floats, Integers, World, number_cells

GROUPS = 4
PROBES = 2_000
#: Works in a row of one person.
SITTING = 20


@dataclass(slots=True)
class Measures:
    """What is covered after so many judgments, one entry a step."""

    judgments: list[int] = field(default_factory=list)
    cell2: list[float] = field(default_factory=list)
    mass: list[float] = field(default_factory=list)
    people: list[float] = field(default_factory=list)
    facility: list[float] = field(default_factory=list)
    far: list[float] = field(default_factory=list)
    smallest: float = 0.0
    sameness: float = 0.0
    longest_wait: float = 0.0

    def reach(self, name: str, value: float) -> float:
        """Judgments until a measure reached a value, between the steps by a straight line; inf: it did not."""
        values = np.maximum.accumulate([0.0, *getattr(self, name)])
        steps = np.array([0, *self.judgments], dtype=float)
        if values[-1] < value:
            return float("inf")
        at = int(np.searchsorted(values, value))
        if at == 0:
            return 0.0
        low, high = values[at - 1], values[at]
        return float(steps[at - 1] + (steps[at] - steps[at - 1]) * (value - low) / max(high - low, 1e-12))

    def at(self, name: str, judgments: float) -> float:
        return float(np.interp(judgments, [0, *self.judgments], [0.0, *getattr(self, name)]))


class Served:
    """A campaign under one policy."""

    def __init__(
        self,
        world: World,
        *,
        policy: PolicyName,
        seed: int,
        has_vectors: bool = True,
        has_topics: bool = True,
        redundancy: int = 1,
        per_day: float = 1000.0,
        arrives: Floats | None = None,
        settings: PlanSettings | None = None,
    ) -> None:
        self.world, self.policy, self.settings = world, policy, settings or PlanSettings()
        self.rng = np.random.default_rng(seed)
        self.has_vectors, self.redundancy, self.per_day = has_vectors, redundancy, per_day
        items = len(world)
        self.tie = self.rng.random(items)
        self.done = np.zeros(items, dtype=np.int64)
        self.reach = np.full(items, np.nan)
        self.arrives = np.zeros(items) if arrives is None else arrives
        self.last = self.arrives.copy()
        seen_topic = world.seen_topic if has_topics else np.full(items, -1)
        self.seen_cell = number_cells(world.language, seen_topic, world.length)
        _, first = np.unique(self.seen_cell, return_index=True)
        self.cell_language, self.cell_topic = world.language[first], seen_topic[first]
        self.cells_seen = len(first)
        self.group_of_cell = np.zeros((world.cell.max() + 1, GROUPS))
        self.touched = np.zeros(world.cell.max() + 1)
        probes = self.rng.permutation(items)[:PROBES]
        self.probes, self.nearest = world.vectors[probes], np.zeros(len(probes), dtype=np.float32)
        self.given = 0
        self.measures = Measures()
        self.works: list[tuple[int, int]] = []

    @property
    def day(self) -> float:
        return self.given / self.per_day

    def run(self, judgments: int, *, full_every: int, tick_every: int, measure_every: int) -> Measures:
        """Serve so many judgments; planned anew with embeddings every `full_every`, and without every `tick_every`."""
        queues: dict[int, Iterator[int]] = {}
        languages = self.rng.choice(len(self.world.speakers), judgments, p=self.world.speakers)
        languages = np.repeat(languages[::SITTING], SITTING)[:judgments]
        groups = np.repeat(self.rng.integers(0, GROUPS, judgments)[::SITTING], SITTING)[:judgments]
        fresh: list[int] = []
        for turn in range(judgments):
            if turn % tick_every == 0:
                queues = self._plan(is_full=turn % full_every == 0)
            item = next(queues.get(int(languages[turn]), iter(())), None)
            self.given += 1
            if item is None:
                continue
            self._judge(item, int(groups[turn]), turn // SITTING)
            fresh.append(item)
            if (turn + 1) % measure_every == 0:
                self._measure(fresh)
                fresh = []
        self._measure(fresh)
        self._finish()
        return self.measures

    def _plan(self, *, is_full: bool) -> dict[int, Iterator[int]]:
        """Plan all open units, and the order in which each language is served."""
        world = self.world
        open_units = np.flatnonzero((self.done < self.redundancy) & (self.arrives <= self.day))
        finished = np.flatnonzero(self.done > 0)
        surroundings = None
        if self.has_vectors and is_full:
            surroundings = Surroundings(world.vectors[open_units], world.vectors[finished], world.seen_topic[finished])
        pool = self._make_pool(open_units, has_points=surroundings is not None)
        rng = np.random.default_rng(7)
        made = plan(
            pool, self._make_cells(), policy=self.policy, settings=self.settings, rng=rng, surroundings=surroundings
        )
        if surroundings is not None and "reach" in made.terms:
            self.reach[open_units] = made.terms["reach"]
        order = np.lexsort((self.tie[open_units], -made.band))
        served = open_units[order]
        language = world.language[served]
        return {
            number: _repeat(served[language == number], self.redundancy - self.done)
            for number in np.unique(language).tolist()
        }

    def _make_pool(self, units: Integers, *, has_points: bool) -> Pool:
        return make_pool(
            units,
            kind=KIND_CODES[Kind.RANK],
            language=self.world.language[units],
            cell=self.seen_cell[units],
            done=self.done[units],
            wanted=self.redundancy,
            uncertainty=np.where(self.done[units] > 0, 0.6, 1.0),
            reach=self.reach[units],
            waiting=self.day - self.last[units],
            tie=self.tie[units],
            author=self.world.author[units],
            point=np.arange(len(units)) if has_points else -1,
        )

    def _make_cells(self) -> Cells:
        here = self.arrives <= self.day
        size = self.cells_seen
        prompts = np.bincount(self.seen_cell[here], minlength=size)
        return make_cells(
            np.sqrt(prompts),
            language=self.cell_language,
            topic=self.cell_topic,
            prompts=prompts,
            finished=np.bincount(self.seen_cell, weights=self.done / self.redundancy, minlength=size),
            judgments=np.bincount(self.seen_cell, weights=self.done, minlength=size).astype(np.int64),
        )

    def _judge(self, item: int, group: int, sitting: int) -> None:
        self.done[item] += 1
        cell = self.world.cell[item]
        self.touched[cell] += self.done[item] == 1
        self.group_of_cell[cell, group] += 1
        self.measures.longest_wait = max(self.measures.longest_wait, self.day - self.last[item])
        self.last[item] = self.day
        self.works.append((sitting, int(self.world.topic[item])))

    def _measure(self, fresh: list[int]) -> None:
        if fresh:
            near = self.probes @ self.world.vectors[fresh].T
            np.maximum(self.nearest, near.max(axis=1), out=self.nearest)
        measures = self.measures
        size = np.sqrt(np.bincount(self.world.cell))
        covered = np.minimum(1.0, self.touched / 2)
        measures.judgments.append(self.given)
        measures.cell2.append(float(covered.mean()))
        measures.mass.append(float((covered * size).sum() / size.sum()))
        measures.people.append(float((self.group_of_cell > 0).mean()))
        measures.facility.append(float(self.nearest.mean()))
        measures.far.append(float(np.quantile(self.nearest, 0.05)))

    def _finish(self) -> None:
        """How far the topic is that has least, how long what waits has waited, and how alike one person's work is."""
        world, measures = self.world, self.measures
        prompts = np.bincount(world.topic)
        target = np.minimum(prompts, np.sqrt(prompts) / np.sqrt(prompts).sum() * self.given)
        share = np.minimum(1.0, np.bincount(world.topic, weights=self.done > 0) / np.maximum(target, 1e-9))
        measures.smallest = float(share.min())
        waits = (self.day - self.last)[(self.done < self.redundancy) & (self.arrives <= self.day)]
        measures.longest_wait = max(measures.longest_wait, float(waits.max(initial=0.0)))
        alike = [first[1] == second[1] for first, second in pairwise(self.works) if first[0] == second[0]]
        measures.sameness = float(np.mean(alike)) if alike else 0.0


def _repeat(units: Integers, places: Integers) -> Iterator[int]:
    """Each unit as often as it has places."""
    for unit in units.tolist():
        for _ in range(int(places[unit])):
            yield unit
