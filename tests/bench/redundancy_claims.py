"""People come one after the other and are given a prompt as the product's claims give it: the adaptive ways of
`tests.bench.redundancy`.

What stops a prompt is tasks.scheduling.redundancy; the order of the queue is tasks.scheduling.plan with the policy of
coverage, all prompts being in one cell; who is given which is tasks.scheduling.matching, among the front of the queue, but
for the campaign's share of lots. Consensus, gain and the queue follow within a few rankings; how sharp people are is
estimated anew when there are a tenth more rankings. People come in rounds, each as often as the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random

import numpy as np

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.davidson import DEFAULT_NU
from tasks.agreement.reliability import estimate_reliability
from tasks.records.ballots import Ballot
from tasks.records.coverage import PlanSettings
from tasks.records.parameters import CampaignSettings
from tasks.records.quality import ConsensusRecord
from tasks.records.scheduling import Redundancy
from tasks.scheduling.matching import KNOWN_AFTER, Choice, Traits, draw_order
from tasks.scheduling.plan import plan
from tasks.scheduling.pools import make_cells, make_pool
from tasks.scheduling.redundancy import Certainty, find_stop
from tasks.vocabulary import Kind, PolicyName
from tests.bench.redundancy_crowd import (
    BEST,
    MARK,
    MOST,
    PEOPLE,
    TAU,
    Crowd,
    Point,
    mean_confidence,
    name_of,
    read_scores,
    score,
)

GAINS = (
    0.05, 0.035, 0.025, 0.018, 0.013, 0.0095, 0.007, 0.005, 0.0035, 0.0025, 0.0018, 0.0013, 0.001, 0.0007, 0.0005, 0.0003,
)  # fmt: skip
#: Units that a claim sees; claims after which consensus follows, of so many prompts one.
FRONT, FOLLOWS = 16, 20
#: Sharpness is estimated anew when there are so many more rankings.
ESTIMATE_EVERY = 1.1
SETTINGS = CampaignSettings()


def estimate(ballots: Sequence[Ballot]) -> dict[str, float]:
    return estimate_reliability(ballots, seed=1, nu=DEFAULT_NU).as_weights()


def combine(ballots: Sequence[Ballot], sharpness: dict[str, float]) -> list[ConsensusRecord]:
    return combine_rankings(ballots, seed=1, sharpness=sharpness, with_gain=True)


class Campaign:
    """The rankings that were given so far, and what they tell.

    matches   people are matched to prompts; else everybody is given the first one of the queue
    all_known  how sharp people are is known from the beginning: no way can do that, it is the bound
    """

    def __init__(self, crowd: Crowd, *, matches: bool, all_known: bool = False) -> None:
        self.crowd, self.matches, self.all_known = crowd, matches, all_known
        self.rng = Random(f"claims/{crowd.size}/{crowd.number}/{matches}")
        self.queue = list(crowd.truth)
        self.ties = {prompt: self.rng.random() for prompt in self.queue}
        self.dice = np.random.default_rng(1)
        self.given: dict[int, dict[int, Ballot]] = {prompt: {} for prompt in crowd.truth}
        self.count: Counter[int] = Counter()
        #: Rankings that were given by people who were known to be careless when they were asked.
        self.careless = 0
        truth = {name_of(person): value for person, value in enumerate(crowd.sharpness)}
        self.sharpness = truth if all_known else {}
        self.estimated_at = 0
        self.records: dict[int, ConsensusRecord] = {}
        self.coming = self._come()

    def _come(self) -> Iterator[int]:
        while True:
            yield from self.rng.sample(range(PEOPLE), PEOPLE)

    def collect(self, rule: Redundancy) -> None:
        """Let people come until the rule has stopped every prompt."""
        while vacant := self._list_vacant(rule):
            taken: set[int] = set()
            for person, _ in zip(self.coming, range(max(1, len(self.queue) // FOLLOWS)), strict=False):
                prompt = self._claim(person, {one: band for one, band in vacant.items() if one not in taken})
                if prompt is not None:
                    taken.add(prompt)
            self._learn(sorted(taken))
        self._learn(self.queue, anew=True)

    def _list_vacant(self, rule: Redundancy) -> dict[int, int]:
        """Prompts that ask for a ranking, in the order of the queue, with their bands."""
        vacant = [prompt for prompt in self.queue if not self._has_stopped(prompt, rule)]
        if not vacant:
            return {}
        done = np.array([len(self.given[prompt]) for prompt in vacant])
        known = [self.records.get(prompt) for prompt in vacant]
        pool = make_pool(
            vacant,
            cell=0,
            done=done,
            wanted=np.maximum(rule.minimum, done + 1),
            uncertainty=[1.0 if one is None or one.confidence is None else 1 - one.confidence for one in known],
            gain=[np.nan if one is None or one.gain is None else one.gain for one in known],
            tie=[self.ties[prompt] for prompt in vacant],
        )
        cells = make_cells([1.0], prompts=len(self.queue), finished=float(len(self.queue) - len(vacant)))
        planned = plan(pool, cells, policy=PolicyName.COVERAGE, settings=PlanSettings(), rng=self.dice)
        order = np.lexsort((pool.tie, -planned.band))
        return {vacant[at]: int(planned.band[at]) for at in order.tolist()}

    def _has_stopped(self, prompt: int, rule: Redundancy) -> bool:
        record = self.records.get(prompt)
        certainty = Certainty() if record is None else Certainty(record.confidence, max(record.p_best), record.gain)
        return find_stop(len(self.given[prompt]), certainty, redundancy=rule) is not None

    def _claim(self, person: int, vacant: Mapping[int, int]) -> int | None:
        """Somebody comes, is given a prompt and ranks it; None: there is none for them."""
        allowed = {prompt: band for prompt, band in vacant.items() if person not in self.given[prompt]}
        if not allowed:
            return None
        count = self.count[person] + (KNOWN_AFTER if self.all_known else 0)
        traits = Traits(sharpness=self.sharpness.get(name_of(person), 1.0), judgments=count)
        prompt = self._pick(traits, allowed)
        self.careless += traits.is_careless
        self.given[prompt][person] = self.crowd.ask(prompt, person)
        self.count[person] += 1
        return prompt

    def _pick(self, traits: Traits, allowed: Mapping[int, int]) -> int:
        if self.rng.random() < SETTINGS.random_share:
            return self.rng.choice(list(allowed))
        front = list(islice(allowed.items(), FRONT))
        if not self.matches:
            return front[0][0]
        seen = [self._see(prompt, band) for prompt, band in front]
        return draw_order(traits, seen, past=(), rng=self.rng)[0]

    def _see(self, prompt: int, band: int) -> Choice:
        """A unit as a claim sees it."""
        record, done = self.records.get(prompt), len(self.given[prompt])
        uncertainty = None if record is None or record.confidence is None else 1 - record.confidence
        gain = None if record is None else record.gain
        return Choice(prompt, Kind.RANK, band=band, needed=done + 1, done=done, uncertainty=uncertainty, gain=gain)

    def _learn(self, prompts: Sequence[int], *, anew: bool = False) -> None:
        """Combine the rankings of these prompts; of all, where sharpness is estimated anew."""
        total = self.count.total()
        if anew or total >= ESTIMATE_EVERY * self.estimated_at:
            if not self.all_known:
                self.sharpness = estimate([ballot for given in self.given.values() for ballot in given.values()])
            self.estimated_at, prompts = total, self.queue
        ballots = [ballot for prompt in prompts for ballot in self.given[prompt].values()]
        self.records |= {record.parent: record for record in combine(ballots, self.sharpness)}


def judge_adaptive(crowd: Crowd, *, matches: bool, all_known: bool = False) -> tuple[list[Point], list[Point]]:
    """The curve over all rankings, and the same over those by people not known to be careless: one point for each
    `least_gain`, each going on where the one before stopped, as far as they matter.
    """
    campaign = Campaign(crowd, matches=matches, all_known=all_known)
    everybody: list[Point] = []
    heard: list[Point] = []
    for least_gain in GAINS:
        campaign.collect(Redundancy(base=2, minimum=2, maximum=MOST, least_gain=least_gain))
        records = list(campaign.records.values())
        reached = (*score(read_scores(records), crowd.truth), mean_confidence(records))
        given = campaign.count.total()
        everybody.append((given / len(campaign.queue), *reached))
        heard.append(((given - campaign.careless) / len(campaign.queue), *reached))
        if all(max(point[column] for point in everybody) >= MARK for column in (TAU, BEST)):
            break
    return everybody, heard
