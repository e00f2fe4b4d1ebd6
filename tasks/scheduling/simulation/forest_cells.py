"""The target space of an imagined campaign that grows, and what the scheduler makes of it: bands, briefs, coverage."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.agreement.consensus import combine_rankings
from tasks.records.ballots import Ballot
from tasks.records.coverage import KIND_CODES, Cells, PlanSettings
from tasks.records.parameters import CampaignSettings
from tasks.records.scheduling import UnitState
from tasks.records.wishes import StandingWish, WishCell
from tasks.scheduling.brief_wishes import count_asked, decide_wishes, group_cells
from tasks.scheduling.coverage import Coverage, measure_coverage
from tasks.scheduling.plan import plan
from tasks.scheduling.pools import make_cells, make_pool
from tasks.scheduling.queues import raise_orders
from tasks.scheduling.redundancy import decide_wanted, read_redundancy
from tasks.scheduling.shares import CellFacts, add_wanted, share_cells
from tasks.scheduling.simulation.forest import FAILED, TIES, Forest
from tasks.scheduling.simulation.forest_records import Brief, Tree, Work
from tasks.scheduling.simulation.growing import GrowingRun
from tasks.vocabulary import ORDERING_KINDS, PolicyName, TargetAxis

#: Axes along which a made-up prompt lies; topics are found anew, and tags are nobody's.
AXES = (TargetAxis.LANGUAGE, TargetAxis.DIFFICULTY, TargetAxis.LENGTH)
SEED = 1

#: Language, topic, difficulty and length.
CellName = tuple[str, str, str, str]


class Space:
    """Cells with what lies in them, counted as the product counts: a prompt is finished as far as its units are."""

    def __init__(
        self,
        forest: Forest,
        run: GrowingRun,
        settings: CampaignSettings,
        *,
        shares: Sequence[Mapping[str, Any]] = (),
        targets: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.forest, self.run, self.settings = forest, run, settings
        self.groups = int(run.crowd.opinion.max()) + 1
        self.shares: dict[TargetAxis, dict[str, float]] = {}
        for share in shares:
            is_spoken = share["axis"] != TargetAxis.LANGUAGE or share["value"] in run.languages
            if share["axis"] in AXES and is_spoken:
                self.shares.setdefault(TargetAxis(share["axis"]), {})[str(share["value"])] = float(share["share"])
        #: Judgments wanted of a language and topic ("": of any), and those that were given.
        self.targets = {(one["language"], one["topic"]): int(one["judgments"]) for one in targets}
        self.given: Counter[tuple[str, str]] = Counter()
        self.names: list[CellName] = []
        self.place: dict[CellName, int] = {}
        self.judged: list[list[int]] = []
        #: Of each tree what it adds to its cell: whether it stands, how far it is finished, and what is under way.
        self.parts: dict[int, tuple[int, float, float]] = {}
        self.redundancy = read_redundancy(settings)
        self.rng = np.random.default_rng([run.seed, 8])
        self.fresh: dict[int, Work] = {}

    def find(self, name: CellName) -> int:
        """Return the number of a cell; a new one where nothing lay there yet."""
        if name not in self.place:
            self.place[name] = len(self.names)
            self.names.append(name)
            self.judged.append([0] * self.groups)
        return self.place[name]

    def count(self, work: Work, group: int) -> None:
        """Count a judgment for its cell, and for the group of whoever gave it."""
        if work.tree is not None:
            self.judged[work.tree.cell][group] += 1
            self.given[self._find_target(work)] += 1
        if work.kind in ORDERING_KINDS:
            self.fresh[work.id] = work

    def learn(self, now: float) -> None:
        """Compute the consensus of what was put in order since, and let orders ask for more or stop by it."""
        fresh = list(self.fresh.values())
        self.fresh.clear()
        ballots = [
            Ballot(str(person), work.id, tuple((one,) for one in order), None, order)
            for work in fresh
            for person, order in work.ballots
        ]
        by_id = {work.id: work for work in fresh}
        with_gain = self.settings.least_gain is not None
        for record in combine_rankings(ballots, seed=SEED, with_gain=with_gain):
            work = by_id[record.parent]
            work.uncertainty = None if record.confidence is None else 1 - record.confidence
            work.gain = record.gain
            if self.redundancy.is_adaptive and work.is_open and work.tree is not None:
                best = max(record.p_best) if self.settings.stop_best is not None else None
                state = UnitState(
                    work.id, work.kind, "", work.done, work.held, work.needed, work.needed,
                    uncertainty=work.uncertainty, p_best=best, gain=work.gain,
                )  # fmt: skip
                work.needed = max(decide_wanted(state, redundancy=self.redundancy), work.done + work.held)
                self.forest.advance(work.tree, now)

    def plan(self, now: float) -> None:
        """Give every open order its band by the policy of the campaign; other work stands where its tree has put it."""
        works = [
            work for units in self.forest.open for work in units.values() if work.kind in ORDERING_KINDS and work.tree
        ]
        if not works:
            return
        trees = Counter(work.tree.id for work in works if work.tree)
        minutes = self.run.minutes
        pool = make_pool(
            [work.id for work in works],
            kind=[KIND_CODES[work.kind] for work in works],
            language=[work.language for work in works],
            cell=[work.tree.cell if work.tree else -1 for work in works],
            done=[work.done for work in works],
            held=[work.held for work in works],
            wanted=[work.needed for work in works],
            uncertainty=[1.0 if work.uncertainty is None else work.uncertainty for work in works],
            gain=[np.nan if work.gain is None else work.gain for work in works],
            deficit=[self._measure_deficit(work) for work in works],
            waiting=[(now - (work.opened if work.judged is None else work.judged)) / 1440 for work in works],
            minutes=[minutes[work.kind] for work in works],
            part=[1.0 / trees[work.tree.id] if work.tree else 1.0 for work in works],
            tie=[work.tie / TIES for work in works],
        )
        made = plan(
            pool, self.count_cells(), policy=PolicyName(self.settings.policy),
            settings=PlanSettings(wait_days=float(self.settings.wait_days)), rng=self.rng,
        )  # fmt: skip
        for work, band in zip(works, raise_orders(made.band, pool).tolist(), strict=True):
            work.band = band

    def ask_prompts(self) -> None:
        """Let the scheduler's briefs be opened and closed, where the campaign lets it."""
        if not self.settings.open_briefs:
            return
        cells = self.count_cells()
        numbers = {topic: number for number, topic in enumerate(dict.fromkeys(name[1] for name in self.names))}
        rows = [
            WishCell(place, name[0], numbers[name[1]], name[1], name[2], name[3], float(cells.share[place]), int(cells.prompts[place]))
            for place, name in enumerate(self.names)
        ]  # fmt: skip
        briefs = self.forest.briefs
        languages = self.run.languages
        standing = [
            StandingWish(brief.id, brief.key, languages[brief.language], brief.is_open, is_vetoed=False, standing=brief.standing, wanted=brief.wanted)
            for brief in briefs if brief.key and brief.is_open
        ]  # fmt: skip
        asked = frozenset((languages[brief.language], brief.topic) for brief in briefs if brief.topic and not brief.key)
        parts = group_cells(rows, axes=frozenset(self.shares), languages=languages)
        decision = decide_wishes(parts, standing, asked=asked)
        for number in decision.close:
            briefs[number].is_open = False
        for wish in decision.open:
            code = languages.index(wish.language)
            briefs.append(
                Brief(len(briefs), code, wish.topic_name, wish.difficulty, wish.length, count_asked(wish), wish.key)
            )
        self.forest.unsupplied.update(range(len(languages)))

    def count_cells(self) -> Cells:
        """Return all cells as the scheduler counts them now."""
        for tree in self.forest.changed.values():
            self.parts[tree.id] = measure_tree(tree)
        self.forest.changed.clear()
        facts = self._list_facts()
        for fact in add_wanted(facts, self.shares, language=self.run.languages[0]):
            self.find((fact.language, fact.topic, fact.difficulty, fact.length))
        facts = self._list_facts()
        count = len(self.names)
        sums = np.zeros((2, count))
        for number, (_, finished, under_way) in self.parts.items():
            sums[:, self.forest.trees[number].cell] += (finished, under_way)
        topics = list(dict.fromkeys(name[1] for name in self.names))
        return make_cells(
            self._share(facts),
            language=[self.run.languages.index(name[0]) for name in self.names],
            topic=[topics.index(name[1]) if name[1] else -1 for name in self.names],
            prompts=[fact.prompts for fact in facts],
            finished=sums[0],
            held=sums[1],
            judgments=[sum(groups) for groups in self.judged],
            groups=np.array(self.judged, dtype=float).reshape(count, self.groups),
            is_targeted=[self._is_asked(fact) for fact in facts],
        )

    def measure(self, cells: Cells, language: int | None = None) -> Coverage | None:
        """Return the coverage of the campaign, or of a language: of prompts and people, which can be said here. None: no cell."""
        which = np.ones(len(cells), dtype=bool) if language is None else cells.language == language
        return measure_coverage(cells, met={}, sources=0, facility=None, which=which) if which.any() else None

    def _find_target(self, work: Work) -> tuple[str, str]:
        """Return the target that counts for a unit: that of its brief's topic, or of its whole language."""
        name = (self.run.languages[work.language], work.tree.brief.topic if work.tree else "")
        return name if name in self.targets else (name[0], "")

    def _measure_deficit(self, work: Work) -> float:
        name = self._find_target(work)
        wanted = self.targets.get(name, 0)
        return max(0.0, 1 - self.given[name] / wanted) if wanted else 0.0

    def _list_facts(self) -> list[CellFacts]:
        prompts = Counter(self.forest.trees[tree].cell for tree, (stands, _, _) in self.parts.items() if stands)
        return [CellFacts(*name, prompts[place]) for place, name in enumerate(self.names)]

    def _share(self, facts: Sequence[CellFacts]) -> list[float]:
        """Return the share of each cell. One that lost its last prompt, and that nobody asked for, is no part of the target."""
        there = [place for place, fact in enumerate(facts) if fact.prompts or self._is_asked(fact)]
        shares = [0.0] * len(facts)
        for place, share in zip(there, share_cells([facts[one] for one in there], self.shares), strict=True):
            shares[place] = share
        return shares

    def _is_asked(self, fact: CellFacts) -> bool:
        return any(fact.value(axis) in values for axis, values in self.shares.items())


def measure_tree(tree: Tree) -> tuple[int, float, float]:
    """Return whether a tree's prompt stands (0 or 1), how far it is finished, and the part that is under way."""
    if tree.state in FAILED:
        return 0, 0.0, 0.0
    units = [work for work in tree.units if work.is_open or work.done]
    if not units:
        return 1, 0.0, 0.0
    finished = sum(min(1.0, work.done / max(work.needed, 1)) if work.is_open else 1.0 for work in units)
    under_way = sum(min(1.0, work.held / max(work.needed, 1)) for work in units if work.is_open)
    return 1, finished / len(units), under_way / len(units)
