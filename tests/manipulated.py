"""Crowds in which some do not work honestly, or honestly but otherwise than most: for tests of what is found of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from random import Random

from tasks.records.ballots import Ballot
from tasks.records.manipulation import ObservedBallot, Sign

START = 1_770_000_000.0
HOUR = 3600.0
Utilities = dict[int, float]


class Crowd:
    """People by the way in which they work, and their ballots.

    honest, weak   by the true strengths, at a sharpness of 1 (0.5) that differs a little
    minority       as honest, by strengths of their own
    random         by dice; `first`: the first is best, the rest by dice; `shown`: as it was shown
    contrary       the true strengths upside down
    copying        what the person with the same number among the honest gave, an hour later
    colluding      an order agreed on for each parent, with few slips
    lazy           all tied
    hurried        honest, in two seconds
    scripted       honest, every sixty seconds
    """

    def __init__(
        self,
        kinds: Mapping[str, int],
        *,
        parents: int = 120,
        per_parent: int = 8,
        candidates: int = 5,
        spread: float = 1.5,
        seed: int = 1,
    ) -> None:
        self.rng = Random(seed)
        self.kinds = {f"{kind} {number:04d}": kind for kind, count in kinds.items() for number in range(count)}
        self.sharpness = {name: self.rng.lognormvariate(0, 0.25) for name in self.kinds}
        self.haste = {name: self.rng.lognormvariate(0, 0.4) for name in self.kinds}
        self.clock = {name: START + self.rng.uniform(0, HOUR) for name in self.kinds}
        self.worked = dict.fromkeys(self.kinds, 0)
        self.ballots: list[ObservedBallot] = []
        for parent in range(parents):
            self._judge(parent, per_parent, candidates, spread)

    def _judge(self, parent: int, per_parent: int, candidates: int, spread: float) -> None:
        ids = [parent * 100 + number for number in range(candidates)]
        truth, other, agreed = ({one: self.rng.gauss(0, spread) for one in ids} for _ in range(3))
        chosen = self.rng.sample(sorted(self.kinds), min(per_parent, len(self.kinds)))
        given: dict[str, Ballot] = {}
        for name in sorted(chosen, key=lambda one: (self.kinds[one] == "copying", one)):
            source = f"honest {name.split()[1]}"
            if self.kinds[name] == "copying" and source not in given:
                given[source] = self._rank(source, parent, ids, truth, other, agreed)
                self._hand_in(given[source])
            if self.kinds[name] == "copying":
                given[name] = Ballot(name, parent, given[source].tiers, None, tuple(self.rng.sample(ids, len(ids))))
            elif name not in given:
                given[name] = self._rank(name, parent, ids, truth, other, agreed)
            self._hand_in(given[name])

    def _rank(
        self, name: str, parent: int, ids: list[int], truth: Utilities, other: Utilities, agreed: Utilities
    ) -> Ballot:
        kind, shown = self.kinds[name], self.rng.sample(ids, len(ids))
        if kind == "lazy":
            return Ballot(name, parent, (tuple(ids),), None, tuple(shown))
        strengths = other if kind == "minority" else truth
        sharpness = self.sharpness[name] * {"weak": 0.5, "contrary": -1.0}.get(kind, 1.0)
        utility = {one: sharpness * strengths[one] - log(self.rng.expovariate(1.0)) for one in ids}
        if kind in {"random", "first"}:
            utility = {one: self.rng.random() for one in ids}
        if kind == "first":
            utility[shown[0]] = 2.0
        if kind == "shown":
            utility = {one: -float(at) for at, one in enumerate(shown)}
        if kind == "colluding":
            utility = {one: agreed[one] + self.rng.uniform(0, 0.1) for one in ids}
        order = sorted(ids, key=utility.__getitem__, reverse=True)
        return Ballot(name, parent, tuple((one,) for one in order), None, tuple(shown))

    def _hand_in(self, ballot: Ballot) -> None:
        """People work in evenings of an hour or so; a program does not pause."""
        name = ballot.annotator
        kind, words = self.kinds[name], self.rng.uniform(200, 900)
        seconds = words / (4.0 * self.haste[name]) * self.rng.lognormvariate(0, 0.5)
        if kind == "hurried":
            seconds = self.rng.uniform(1.5, 3)
        elif kind == "scripted":
            seconds = 60.0
        self.worked[name] += 1
        if kind == "scripted":
            self.clock[name] += 60 * self.rng.uniform(0.98, 1.02)
        else:
            tomorrow = self.worked[name] % 20 == 0
            self.clock[name] += 23 * HOUR if tomorrow else seconds + self.rng.expovariate(1 / 20)
        late = HOUR if kind == "copying" else 0.0
        when = self.clock["honest " + name.split()[1]] + late if kind == "copying" else self.clock[name]
        self.ballots.append(ObservedBallot(ballot, len(self.ballots) + 1, when, seconds, words, "en"))

    def tell(self, signs: list[Sign]) -> dict[str, dict[str, int]]:
        """How many people of each kind were found by each sign."""
        told: dict[str, dict[str, int]] = {}
        for sign in signs:
            of = told.setdefault(self.kinds[sign.annotator], {})
            of[sign.kind.value] = of.get(sign.kind.value, 0) + 1
        return told
