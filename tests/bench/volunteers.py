"""Simulated volunteers of known quality, for `real_campaign`: what each of them thinks of candidates, and when they work.

good      follow what candidates are worth, at a sharpness of 1 that differs a little (log-normal)
weak      the same at half the sharpness
other     as good, and partial to short texts: an opinion, and honest
random    by dice
first     what was shown first is best, the rest by dice
clique    an order agreed on for each parent, with few slips
copying   what one good volunteer gave, where they did; what these have not ranked they skip
scripted  the longest text first, every forty seconds
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import log
from random import Random

HONEST = ("good", "weak", "other")
#: Of a hundred volunteers.
SHARES = {
    "good": 56, "weak": 10, "other": 10, "random": 8, "first": 4, "clique": 6, "copying": 3, "scripted": 3,
}  # fmt: skip
SHARPNESS = {"good": 1.0, "weak": 0.5, "other": 1.0}
START = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
#: Rankings of one sitting; whoever does not mean well does more.
SITTING, LONG_SITTING = 15, 30
WORDS_A_SECOND = 4.0


@dataclass
class World:
    """What candidates are worth (by message id), how long they are in words, and in which order the clique puts them."""

    worth: Mapping[int, float]
    words: Mapping[int, float]
    agreed: Mapping[int, float]


@dataclass
class Volunteer:
    """Somebody who sits down now and then. `given`: their orders by parent; `source`: whom they copy."""

    kind: str
    number: int
    rng: Random
    source: Volunteer | None = None
    given: dict[int, list[int]] = field(default_factory=dict)
    sat: int = 0
    now: datetime = START
    submitted: datetime = START

    def __post_init__(self) -> None:
        self.sharpness = SHARPNESS.get(self.kind, 0.0) * self.rng.lognormvariate(0, 0.25)
        self.haste = self.rng.lognormvariate(0, 0.4)
        self.bar = self.rng.gauss(0.3, 0.5)
        self.days_between = self.rng.choice((1, 1, 2, 3))
        # Whoever copies comes when there is something to copy.
        self.now = START + timedelta(
            days=2 if self.kind == "copying" else self.rng.randrange(5), hours=self.rng.random() * 12
        )

    def rank(self, parent: int, shown: Sequence[int], world: World) -> list[int] | None:
        """Put in order what is shown, best first; None: skipped."""
        utility = self._think(parent, shown, world)
        if utility is None:
            return None
        self.given[parent] = sorted(shown, key=utility.__getitem__, reverse=True)
        return self.given[parent]

    def imagine(self, parent: int, candidates: Sequence[int], world: World) -> list[int]:
        """What they would have given, had they been asked. Nobody waits for a source then."""
        shown = self.rng.sample(list(candidates), len(candidates))
        utility = self._think(parent, shown, world) or {one: self.rng.random() for one in shown}
        return sorted(shown, key=utility.__getitem__, reverse=True)

    def count_acceptable(self, order: Sequence[int], world: World) -> int:
        """How many of these they accept: what is worth something to them, or half of it all where they do not look."""
        if self.kind not in SHARPNESS:
            return len(order) // 2
        bar = self.bar
        return next(
            (place for place, one in enumerate(order) if world.worth[one] + self._bend(one, world) < bar), len(order)
        )

    def _bend(self, one: int, world: World) -> float:
        return -log(world.words[one] / 60.0) if self.kind == "other" else 0.0

    def _think(self, parent: int, shown: Sequence[int], world: World) -> dict[int, float] | None:
        chance = {one: -log(self.rng.expovariate(1.0)) for one in shown}
        if self.kind in SHARPNESS:
            return {one: self.sharpness * (world.worth[one] + self._bend(one, world)) + chance[one] for one in shown}
        if self.kind == "first":
            return chance | {shown[0]: 1e9}
        if self.kind == "clique":
            return {one: world.agreed[one] + self.rng.uniform(0, 0.1) for one in shown}
        if self.kind == "scripted":
            return {one: world.words[one] + self.rng.random() * 1e-6 for one in shown}
        if self.kind == "copying":
            theirs = self.source.given.get(parent) if self.source else None
            known = {one: -float(place) for place, one in enumerate(theirs or ()) if one in shown}
            return {one: known.get(one, -99.0) for one in shown} if known else None
        return chance

    def spend(self, words: float) -> float:
        """Work, and go on with the clock; returns the seconds that the page tells. `submitted` is when it was handed in."""
        seconds = words / (WORDS_A_SECOND * self.haste) * self.rng.lognormvariate(0, 0.5)
        self.sat += 1
        if self.kind == "scripted":
            self.submitted = self.now + timedelta(seconds=38)
            self.now += timedelta(seconds=40 * self.rng.uniform(0.98, 1.02))
            return 38.0
        self.submitted = self.now + timedelta(seconds=seconds)
        if self.sat % (SITTING if self.kind in HONEST else LONG_SITTING) == 0:
            self.now += timedelta(days=self.days_between, hours=-1)
        else:
            self.now += timedelta(seconds=seconds + self.rng.expovariate(1 / 20))
        return round(seconds, 1)

    def wait(self) -> None:
        """Nothing was there to do."""
        self.now += timedelta(days=self.days_between)


def make_volunteers(count: int, *, seed: int) -> list[Volunteer]:
    """So many, in the shares of `SHARES`. Whoever copies has a source each; all in an order of lots."""
    rng = Random(f"volunteers/{seed}")
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(round(share * count / 100), 1))]
    people = [Volunteer(kind, number, Random(f"{seed}/{number}")) for number, kind in enumerate(kinds)]
    good = iter([person for person in people if person.kind == "good"])
    for person in people:
        if person.kind == "copying":
            person.source = next(good)
    rng.shuffle(people)
    return people
