"""Trees of an imagined campaign: what the product's own rules decide of them is carried out in memory.

Decisions are those of `tasks.scheduling.trees` and `tasks.scheduling.prompt_supply`, on the same facts; here are the records
that they are made from, and what follows: states, reviews, and the work that is open.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from random import Random

from tasks.records.parameters import CampaignSettings
from tasks.records.trees import (
    LanguageFacts,
    MessageFact,
    SupplyRules,
    TreeFacts,
    TreeRules,
    Verdict,
    WaitingPrompt,
    Wish,
)
from tasks.scheduling.prompt_supply import decide_supply
from tasks.scheduling.simulation.forest_records import Brief, Tree, Work, at
from tasks.scheduling.simulation.writing import Written
from tasks.scheduling.trees import decide_tree
from tasks.vocabulary import ENDED_TREES, ORDERING_KINDS, Kind, MessageRole, ReviewState, TreeReason, TreeState

#: Where places for prompts stand among other work: when nothing is missing, and when everything is.
LEAST_BAND, MOST_BAND = 300, 800
#: A prompt whose tree ended like this does not count for its brief.
FAILED = frozenset({TreeState.LOW_GRADE, TreeState.HALTED, TreeState.RETIRED})
TIES = 1 << 31

#: A brief by its number, and a kind of work.
Places = tuple[int, Kind]


class Forest:
    """All trees and all open work. `texts`: what is true of each message; `authors`: who wrote it."""

    def __init__(
        self, settings: CampaignSettings, rules: TreeRules, supply: SupplyRules, *, languages: int, rng: Random
    ) -> None:
        self.settings, self.supply_rules, self.rng = settings, supply, rng
        self.rules = [rules] * languages
        self.trees: dict[int, Tree] = {}
        self.briefs: list[Brief] = [Brief(number, number, is_free=True) for number in range(languages)]
        self.texts: dict[int, Written] = {}
        self.authors: dict[int, int] = {}
        #: By language, and there by its id.
        self.open: list[dict[int, Work]] = [{} for _ in range(languages)]
        self.all_work: list[Work] = []
        self.growing: list[dict[int, Tree]] = [{} for _ in range(languages)]
        self.merits: list[Counter[int]] = [Counter() for _ in range(languages)]
        self.last = 0
        #: Trees of which something changed since somebody looked, and languages whose supply is to be decided.
        self.changed: dict[int, Tree] = {}
        self.unsupplied: set[int] = set(range(languages))

    def plant(self, brief: Brief, *, cell: int, written: Written, author: int, now: float) -> Tree:
        """Begin a tree with a prompt that somebody wrote by this brief."""
        lowest = self.settings.min_goal_tree_size
        goal = self.settings.goal_tree_size
        goal = goal if lowest is None else self.rng.randint(lowest, goal)
        tree = Tree(self._number(), brief.language, goal, now, now, brief, cell)
        self.trees[tree.id] = self.growing[tree.language][tree.id] = tree
        brief.standing += 1
        self.add(tree, None, written=written, author=author)
        return tree

    def add(self, tree: Tree, parent: int | None, *, written: Written, author: int) -> int:
        """Add a message that somebody wrote, for reviewers; returns its number."""
        depth = 0 if parent is None else tree.messages[parent].depth + 1
        number = self._number()
        role = MessageRole.ASSISTANT if depth % 2 else MessageRole.PROMPTER
        tree.messages[number] = MessageFact(number, parent, role, depth, ReviewState.PENDING, author)
        self.texts[number], self.authors[number] = written, author
        return number

    def review(self, tree: Tree, message: int, *, person: int, spam: bool) -> None:
        """Store what a reviewer says."""
        fact = tree.messages[message]
        tree.messages[message] = replace(
            fact, verdicts=(*fact.verdicts, Verdict(person, spam=spam, wrong_language=False))
        )

    def finish(self, tree: Tree, message: int) -> None:
        """Store that a prompter calls the conversation finished."""
        fact = tree.messages[message]
        tree.messages[message] = replace(fact, finished=fact.finished + 1)

    def take(self, work: Work) -> None:
        work.held += 1
        self._touch(work)

    def give_back(self, work: Work) -> None:
        work.held -= 1
        self._touch(work)

    def submit(self, work: Work, now: float) -> None:
        """Count what was given; where nothing is asked any more it is beyond what was wanted."""
        work.held -= 1
        if work.is_open:
            work.done += 1
        else:
            work.surplus += 1
        work.judged = now
        work.first = now if work.first is None else work.first
        if work.tree is None:
            self._close(work)
        else:
            work.tree.event = now
        self._touch(work)

    def advance(self, tree: Tree, now: float) -> None:
        """Decide a tree, and carry it out."""
        before = tree.state
        decision = decide_tree(self._read(tree), self.rules[tree.language], now=at(now))
        if decision.state is not tree.state:
            tree.changed = tree.event = now
            self.unsupplied.add(tree.language)
        if decision.reviews:
            tree.event = now
        tree.state, tree.reason = decision.state, decision.reason
        for message, review in decision.reviews.items():
            fact = tree.messages[message]
            tree.messages[message] = replace(fact, review=review)
            if review is ReviewState.ACCEPTED and fact.parent is not None and fact.author is not None:
                self.merits[tree.language][fact.author] += 1
        asked = {self._ask(tree, wish, now).id for wish in decision.wishes}
        for work in tree.units:
            if work.is_open and work.id not in asked:
                self._close(work)
        if tree.state in ENDED_TREES:
            self.growing[tree.language].pop(tree.id, None)
            tree.brief.standing -= tree.state in FAILED and before not in FAILED
        self.changed[tree.id] = tree

    def supply(self, now: float) -> None:
        """Decide whose turn it is and what prompts are asked for, wherever something changed."""
        while self.unsupplied:
            language = self.unsupplied.pop()
            trees = list(self.growing[language].values())
            states = Counter(tree.state for tree in trees)
            waiting = tuple(
                WaitingPrompt(tree.id, next(iter(tree.messages.values())).author, at(tree.changed))
                for tree in trees
                if tree.state is TreeState.WAITING
            )
            facts = LanguageFacts(
                str(language),
                states[TreeState.PROMPT_REVIEW],
                states[TreeState.GROWING],
                waiting,
                self.merits[language],
            )
            decision = decide_supply(facts, self.supply_rules, now=at(now), rng=self.rng)
            for turn, state, reason in (
                (decision.drawn, TreeState.GROWING, TreeReason.DRAWN),
                (decision.retired, TreeState.RETIRED, TreeReason.NOT_NEEDED),
            ):
                for number in turn:
                    tree = self.trees[number]
                    tree.state, tree.reason, tree.changed, tree.event = state, reason, now, now
                    tree.was_drawn |= state is TreeState.GROWING
                    tree.brief.standing -= state is TreeState.RETIRED
                    self.advance(tree, now)
            self.unsupplied.discard(language)
            self._ask_prompts(language, decision.prompts_wanted, decision.pairs_wanted, now)

    def look_at_all(self, now: float) -> None:
        """Decide every tree that has not ended: what time alone changes."""
        for trees in self.growing:
            for tree in list(trees.values()):
                self.advance(tree, now)
        self.unsupplied.update(range(len(self.open)))

    def _read(self, tree: Tree) -> TreeFacts:
        return TreeFacts(
            tree.id, tree.state, tree.reason, "", tree.goal, tree.was_drawn, at(tree.changed), at(tree.event),
            tuple(tree.messages.values()), tuple(work.as_fact() for work in tree.units),
        )  # fmt: skip

    def _ask(self, tree: Tree, wish: Wish, now: float) -> Work:
        """Return the unit that carries a wish: the latest of its kind and subject, unless it never knew a candidate."""
        units = [work for work in tree.units if (work.kind, work.subject) == (wish.kind, wish.subject)]
        last = max(units, key=lambda work: (work.is_open, work.id), default=None)
        if last is not None and (last.is_open or {*wish.candidates} <= {*last.candidates}):
            work, needed = last, wish.needed
        else:
            taken = 0 if last is None else last.done + last.held
            work, needed = self._make(wish.kind, tree.language, tree, wish.subject, now), wish.needed - taken
            tree.units.append(work)
        is_new = not work.is_open or work.id == self.last
        work.is_open, work.needed = True, max(needed, work.done + work.held)
        work.candidates, work.is_simple = wish.candidates, wish.is_simple
        if is_new or wish.kind not in ORDERING_KINDS:  # what the scheduler made of an order stands
            work.band = wish.band
        self.open[tree.language][work.id] = work
        return work

    def _ask_prompts(self, language: int, prompts: int, pairs: int, now: float) -> None:
        """Open and close places for prompts. One that somebody holds stays; the newest of the others go first."""
        briefs = [brief for brief in self.briefs if brief.language == language and brief.is_open]
        wanted = share_places(briefs, prompts=prompts, pairs=pairs, asks_prompts=self.supply_rules.asks_prompts)
        standing: defaultdict[Places, list[Work]] = defaultdict(list)
        for work in self.open[language].values():
            if work.brief is not None:
                standing[work.brief.id, work.kind].append(work)
        for key, works in standing.items():
            surplus = max(0, len(works) - wanted.get(key, 0))
            for work in [one for one in reversed(works) if not one.held][:surplus]:
                self._close(work)
        lacking = {key: max(0, number - len(standing[key])) for key, number in wanted.items()}
        most = max(1, self.settings.waiting_prompts + self.settings.active_trees)
        band = round((LEAST_BAND + (MOST_BAND - LEAST_BAND) * min(1.0, sum(lacking.values()) / most)) / 20) * 20
        for number, kind in [key for key, places in lacking.items() for _ in range(places)]:
            work = self._make(kind, language, None, 0, now)
            work.brief, work.needed, work.band = self.briefs[number], 1, band
            self.open[language][work.id] = work

    def _make(self, kind: Kind, language: int, tree: Tree | None, subject: int, now: float) -> Work:
        work = Work(self._number(), kind, language, tree, subject, 0, self.rng.randrange(TIES), now)
        self.all_work.append(work)
        return work

    def _close(self, work: Work) -> None:
        work.is_open = False
        self.open[work.language].pop(work.id, None)

    def _touch(self, work: Work) -> None:
        if work.tree is not None:
            self.changed[work.tree.id] = work.tree

    def _number(self) -> int:
        self.last += 1
        return self.last


def share_places(briefs: Sequence[Brief], *, prompts: int, pairs: int, asks_prompts: bool) -> dict[Places, int]:
    """Return how many places each brief of a language should have open: those that name a number first, then others in turn."""
    wanted: Counter[Places] = Counter()
    if asks_prompts:
        for brief in briefs:
            if brief.wanted is not None:
                wanted[brief.id, Kind.WRITE_PROMPT] = max(0, brief.wanted - brief.standing)
    rest = max(0, prompts - sum(wanted.values()))
    plain = [brief for brief in briefs if brief.wanted is None]
    plain = [brief for brief in plain if not brief.is_free] or plain
    for kind, places in ((Kind.WRITE_PROMPT, rest), (Kind.WRITE_PAIR, pairs)):
        for brief in islice(cycle(plain), places):
            wanted[brief.id, kind] += 1
    return dict(wanted)
