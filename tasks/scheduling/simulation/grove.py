"""One imagined campaign that grows, in memory: volunteers come, claim, write, review, rank and go, on a clock of minutes.

The same volunteers as in an exact simulation (tasks.jobs.exact_growing) do the same work. What becomes of trees, what is
asked for and what comes first are the product's own decisions (tasks.scheduling.simulation.forest, forest_cells).

Nothing is lost: claims = submitted + skipped + run out + under way at the end.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from random import Random
from typing import Any

from tasks.records.growing_simulations import GrowingCampaign
from tasks.records.parameters import read_settings
from tasks.records.presets import PRESETS
from tasks.records.simulations import SimulationPlan
from tasks.scheduling.matching import Choice, Traits, draw_order
from tasks.scheduling.simulation.choosing import NEAR, WIDE
from tasks.scheduling.simulation.comparing import Progress
from tasks.scheduling.simulation.forest import Forest
from tasks.scheduling.simulation.forest_cells import Space
from tasks.scheduling.simulation.forest_figures import read_figures, sum_up
from tasks.scheduling.simulation.forest_records import Brief, Somebody, Tree, Work, read_rules
from tasks.scheduling.simulation.growing import SPREAD, GrowingRun, compare_growing
from tasks.scheduling.simulation.world import (
    FEWEST_BETWEEN,
    LONGEST_TICK,
    MOST_TICKS,
    SHORTEST_TICK,
    SKIP_MINUTES,
    Tally,
)
from tasks.scheduling.simulation.writing import Authors
from tasks.vocabulary import ORDERING_KINDS, Kind, MessageRole, Preset

MINUTES_A_DAY = 1440.0
#: Minutes after which every tree is looked at, for what time alone changes.
LOOK_MINUTES = 360.0


def compare_in_memory(
    campaign: GrowingCampaign,
    plan: SimulationPlan,
    *,
    clock: Callable[[], float],
    progress: Progress,
    is_over: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Return the report of a plan (`tasks.scheduling.simulation.growing`)."""
    return compare_growing(campaign, plan, clock=clock, progress=progress, run_way=run_in_memory, is_over=is_over)


def run_in_memory(
    campaign: GrowingCampaign, run: GrowingRun, parameters: Mapping[str, Any], alive: Callable[[], None]
) -> dict[str, Any]:
    """Return what came of one way of a run."""
    return Grove(campaign, run, parameters).run(alive)


class Grove:
    """The campaign, and the volunteers at work on it."""

    def __init__(self, campaign: GrowingCampaign, run: GrowingRun, parameters: Mapping[str, Any]) -> None:
        self.imagined, self.settings, self.rng = run, read_settings(parameters), Random(run.seed)  # noqa: S311  (dice)
        described = campaign.description
        kinds = [Kind(kind) for kind in described.get("kinds") or PRESETS[Preset.TREES].kinds]
        asked = (described.get("label_schema") or {}).get("dimensions") or [{"applies_to": list(MessageRole)}]
        roles = [role for role in MessageRole if any(role in one["applies_to"] for one in asked)]
        rules, supply = read_rules(self.settings, kinds=kinds, roles=roles)
        self.forest = Forest(self.settings, rules, supply, languages=len(run.languages), rng=self.rng)
        for brief in campaign.briefs:
            self.forest.briefs.append(
                Brief(
                    len(self.forest.briefs), run.languages.index(brief["language"]), str(brief.get("topic") or ""),
                    str(brief.get("difficulty") or ""), wanted=brief.get("wanted"),
                )
            )  # fmt: skip
        self.space = Space(
            self.forest,
            run,
            self.settings,
            shares=described.get("shares") or (),
            targets=described.get("targets") or (),
        )
        self.authors = Authors(run.crowd, Random(run.seed + 1))  # noqa: S311  (dice of a simulation)
        crowd = run.crowd
        self.people = [
            Somebody(tuple(crowd.speaks[number].nonzero()[0].tolist()), Traits(sharpness, str(opinion)))
            for number, (sharpness, opinion) in enumerate(zip(crowd.sharpness.tolist(), crowd.opinion.tolist(), strict=True))
        ]  # fmt: skip
        self.tally, self.minute, self.ticked, self.looked, self.fresh = Tally(), 0.0, 0.0, 0.0, 0
        self.spent: defaultdict[Kind, float] = defaultdict(float)
        self.last: list[dict[int, float]] = [{} for _ in run.languages]
        #: Minute, number of the claim, person (below 0: somebody who left), what they are at, and the minutes it takes.
        self.events: list[tuple[float, int, int, Work, float]] = []
        self.stride = max(FEWEST_BETWEEN, run.sessions.total // MOST_TICKS)

    def run(self, alive: Callable[[], None]) -> dict[str, Any]:
        """Let all visits happen; return what came of them."""
        sessions, curve = self.imagined.sessions, []
        visits = zip(sessions.start.tolist(), sessions.person.tolist(), sessions.judgments.tolist(), strict=True)
        marks = list(self.imagined.marks)
        self._tick(0.0)
        visit = next(visits, None)
        while self.events or visit is not None:
            if visit is not None and (not self.events or visit[0] <= self.events[0][0]):
                now, person, amount = visit
                visit = next(visits, None)
                somebody = self.people[person]
                somebody.left += amount
                if somebody.left == amount:
                    self._claim(person, now)
            else:
                now, _, person, work, minutes = heappop(self.events)
                self._go_on(person, work, minutes, now)
            if (self.fresh >= self.stride and now - self.ticked >= SHORTEST_TICK) or now - self.ticked >= LONGEST_TICK:
                self._tick(now)
            while marks and self.tally.submitted >= marks[0]:
                curve.append(read_figures(self, marks.pop(0)))
                alive()
        self._tick(max(self.ticked, self.minute))
        return sum_up(self, [*curve, *(read_figures(self, mark) for mark in marks)])

    def _tick(self, now: float) -> None:
        """The jobs: consensus, people who review, topics and briefs, and the order of what is ranked."""
        forest = self.forest
        self.space.learn(now)
        since = now - self.settings.reviewer_days * MINUTES_A_DAY
        for language, last in enumerate(self.last):
            reviewers = sum(minute >= since for minute in last.values()) or None
            if forest.rules[language].reviewers != reviewers:
                forest.rules[language] = replace(forest.rules[language], reviewers=reviewers)
        if now - self.looked >= LOOK_MINUTES:
            self.looked = now
            forest.look_at_all(now)
        self.space.ask_prompts()
        forest.supply(now)
        self.space.plan(now)
        self.ticked, self.fresh = now, 0
        self.tally.ticks += 1

    def _go_on(self, person: int, work: Work, minutes: float, now: float) -> None:
        """Somebody is done with a unit; `person` below 0: a hold of somebody's ran out, and they had left."""
        if person < 0:
            self.people[-1 - person].seen.discard(work.id)
            self._give_back(work, now)
            self.tally.run_out += 1
            return
        somebody = self.people[person]
        self._submit(person, work, now)
        self.tally.submitted += 1
        self.fresh += 1
        self.minute = now
        self.spent[work.kind] += minutes
        self.last[work.language][person] = now
        somebody.log.append((work.kind, work.language))
        somebody.past.appendleft((work.kind.value, None if work.tree is None else work.tree.cell))
        somebody.days[int(now // MINUTES_A_DAY)] += 1
        somebody.traits = replace(somebody.traits, judgments=somebody.traits.judgments + 1)
        somebody.left -= 1
        if somebody.left > 0:
            self._claim(person, now)

    def _claim(self, person: int, now: float) -> None:
        """Claim, perhaps pass over a few, and be at work; or end the visit, since nothing is there."""
        somebody, profile = self.people[person], self.imagined.profile
        cap = self.settings.daily_cap
        while cap is None or somebody.days[int(now // MINUTES_A_DAY)] < cap:
            work = self._choose(person, now)
            if work is None:
                break
            self.forest.take(work)
            somebody.seen.add(work.id)
            self.tally.claims += 1
            fate = self.rng.random()
            if fate < profile.skip:
                if work.brief is not None:
                    somebody.skipped[work.brief.id] = now + MINUTES_A_DAY
                self._give_back(work, now)
                self.tally.skipped += 1
                now += SKIP_MINUTES
                continue
            if fate > 1 - profile.abandon:
                ends = now + self.settings.lease_seconds / 60
                heappush(self.events, (ends, self.tally.claims, -1 - person, work, 0.0))
                somebody.left = 0
                return
            minutes = (
                self.imagined.minutes[work.kind] * self.imagined.paces[person] * self.rng.lognormvariate(0.0, SPREAD)
            )
            heappush(self.events, (now + minutes, self.tally.claims, person, work, minutes))
            return
        self.tally.found_nothing += 1
        somebody.left = 0

    def _choose(self, person: int, now: float) -> Work | None:
        """Return what a claim takes: of the first few of each queue that this person may do, what matching draws; or one by lot."""
        somebody = self.people[person]
        may = [
            work for language in somebody.languages for work in self.forest.open[language].values()
            if work.needed > work.done + work.held and self._may(person, somebody, work, now)
        ]  # fmt: skip
        if len(may) < 2:
            return may[0] if may else None
        if self.settings.random_share and self.rng.random() < self.settings.random_share:
            self.tally.by_lot += 1
            return self.rng.choice(may)
        may.sort(key=lambda work: (-work.band, work.tie))
        if not self.settings.match_people:
            return may[0]
        queues: Counter[tuple[Kind, int]] = Counter()
        near: dict[int, Work] = {}
        for work in may:
            queues[work.kind, work.language] += 1
            if queues[work.kind, work.language] <= NEAR:
                near[work.id] = work
                if len(near) == WIDE:
                    break
        choices = [
            Choice(
                work.id, work.kind.value, work.band, work.needed, work.done, work.held, work.uncertainty, work.gain,
                tuple(work.groups), None if work.tree is None else work.tree.cell,
            )
            for work in near.values()
        ]  # fmt: skip
        return near[draw_order(somebody.traits, choices, past=list(somebody.past), rng=self.rng)[0]]

    def _may(self, person: int, somebody: Somebody, work: Work, now: float) -> bool:
        """Return whether somebody may be given a unit: never twice, and nothing about their own texts."""
        if work.id in somebody.seen:
            return False
        if work.brief is not None:
            return somebody.skipped.get(work.brief.id, now) <= now
        authors = self.forest.authors
        if work.kind in ORDERING_KINDS:
            return all(authors[one] != person for one in work.candidates)
        return authors[work.subject] != person

    def _give_back(self, work: Work, now: float) -> None:
        self.forest.give_back(work)
        if work.tree is not None:
            self.forest.advance(work.tree, now)
            self.forest.supply(now)

    def _submit(self, person: int, work: Work, now: float) -> None:
        """Store what somebody wrote, or says of what others wrote, and let the tree go on."""
        forest, authors, tree = self.forest, self.authors, work.tree
        group = int(self.imagined.crowd.opinion[person])
        if tree is None:
            tree = self._plant(person, work, now)
        elif work.kind in ORDERING_KINDS:
            self._rank(person, work)
        elif work.kind is Kind.LABEL:
            seen = authors.sees_spam(person, forest.texts[work.subject])
            forest.review(tree, work.subject, person=person, spam=seen)
        elif work.kind is Kind.WRITE_PROMPTER_REPLY and authors.ends_thread():
            forest.finish(tree, work.subject)
        else:
            written = authors.make_reply(person, forest.texts[work.subject].topic)
            forest.add(tree, work.subject, written=written, author=person)
        if str(group) not in work.groups:
            work.groups.append(str(group))
        forest.submit(work, now)
        self.space.count(work, group)
        if self.settings.stops_by_certainty and work.kind in ORDERING_KINDS:
            self.space.learn(now)
        forest.advance(tree, now)
        forest.supply(now)

    def _plant(self, person: int, work: Work, now: float) -> Tree:
        brief, language = work.brief, self.imagined.languages[work.language]
        assert brief is not None
        written = self.authors.make_prompt(person, language=language, topic=brief.topic, length=brief.length)
        cell = self.space.find((language, written.topic, brief.difficulty, written.length.value))
        tree = self.forest.plant(brief, cell=cell, written=written, author=person, now=now)
        if work.kind is Kind.WRITE_PAIR:
            reply = self.authors.make_reply(person, written.topic)
            self.forest.add(tree, next(iter(tree.messages)), written=reply, author=person)
        return tree

    def _rank(self, person: int, work: Work) -> None:
        most = 2 if work.kind is Kind.COMPARE else self.settings.candidates_shown
        shown = work.candidates if len(work.candidates) <= most else self.rng.sample(work.candidates, most)
        seen = {one: self.authors.see(person, self.forest.texts[one]) for one in shown}
        work.ballots.append((person, tuple(sorted(seen, key=lambda one: -seen[one]))))
