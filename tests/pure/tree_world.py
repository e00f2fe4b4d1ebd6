"""A campaign in memory: trees, people, a clock. It carries out what is decided, as simply as can be.

What the database and the services do is done here in the fewest words: holds, late submits, places, marks.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from tasks.records.trees import LanguageFacts, MessageFact, SupplyRules, TreeFacts, UnitFact, Verdict, WaitingPrompt
from tasks.scheduling.prompt_supply import decide_supply
from tasks.scheduling.tree_states import can_follow, find_restart_state
from tasks.scheduling.trees import count_reviews_wanted, decide_tree, maximum_reviews, minimum_reviews
from tasks.vocabulary import (
    ENDED_TREES,
    ORDERING_KINDS,
    REPLYING_KINDS,
    Kind,
    MessageRole,
    ReviewState,
    TreeReason,
    TreeState,
)
from tests.pure.tree_facts import NOW, make_rules

LEASE = timedelta(minutes=30)
MODERATED = {TreeState.HALTED: TreeReason.BY_MODERATOR, TreeState.LOW_GRADE: TreeReason.REPORTED}


@dataclass
class Tree:
    id: int
    state: TreeState
    goal_size: int
    changed_at: datetime
    event_at: datetime
    reason: TreeReason = TreeReason.NONE
    was_drawn: bool = False
    messages: dict[int, MessageFact] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    units: dict[int, UnitFact] = field(default_factory=dict)

    @property
    def root(self):
        return next(message for message in self.messages.values() if message.parent is None)


@dataclass(frozen=True)
class Hold:
    """One person at one unit. A hold that lapsed can still be submitted: late."""

    person: int
    tree: int
    unit: int
    until: datetime
    is_live: bool = True


@dataclass
class World:
    people: int = 6
    now: datetime = NOW
    rules: object = field(default_factory=lambda: make_rules(kinds=frozenset(Kind) - {Kind.COMPARE}))
    supply: SupplyRules = field(default_factory=lambda: SupplyRules(2, 2, 4, 60, 0.25, asks_pairs=True))
    trees: dict[int, Tree] = field(default_factory=dict)
    holds: dict[tuple[int, int], Hold] = field(default_factory=dict)
    seen: set[tuple[int, int]] = field(default_factory=set)
    marks: set[int] = field(default_factory=set)
    wanted: int = 0
    last_id: int = 0
    rng: Random = field(default_factory=lambda: Random(1))

    def next_id(self):
        self.last_id += 1
        return self.last_id

    # What the job does

    def read(self, tree):
        dead = set()
        for message in tree.messages.values():  # parents come before their replies
            if message.id in tree.removed or message.parent in dead:
                dead.add(message.id)
        messages = tuple(replace(message, is_live=message.id not in dead) for message in tree.messages.values())
        return TreeFacts(
            id=tree.id,
            state=tree.state,
            reason=tree.reason,
            language="en",
            goal_size=tree.goal_size,
            was_drawn=tree.was_drawn,
            state_changed_at=tree.changed_at,
            last_event_at=tree.event_at,
            messages=messages,
            units=tuple(tree.units.values()),
        )

    def advance(self, tree):
        """Decide one tree and carry it out; then deciding again must change nothing."""
        self.marks.discard(tree.id)
        decision = decide_tree(self.read(tree), self.rules, now=self.now)
        before = tree.state
        for state in (*decision.passed, decision.state):
            assert state is before or can_follow(before, state), f"{before} cannot become {state}"
            before = state
        if decision.state is not tree.state:
            tree.changed_at = tree.event_at = self.now
        if decision.reviews:
            tree.event_at = self.now
        tree.state, tree.reason = decision.state, decision.reason
        for message, review in decision.reviews.items():
            tree.messages[message] = replace(tree.messages[message], review=review)
        asked = set()
        for wish in decision.wishes:
            unit = self._find_unit(tree, wish)
            tree.units[unit.id] = unit
            asked.add(unit.id)
        for unit in tree.units.values():
            if unit.id not in asked:
                tree.units[unit.id] = replace(unit, is_open=False)
        again = decide_tree(self.read(tree), self.rules, now=self.now)
        assert replace(again, wishes=()) == replace(decision, wishes=(), passed=(), reviews={})
        needs = [(unit.kind, unit.subject, unit.needed) for unit in tree.units.values() if unit.is_open]
        assert sorted((wish.kind, wish.subject, wish.needed) for wish in again.wishes) == sorted(needs)

    def _find_unit(self, tree, wish):
        """The unit that carries the work, with what was wished of it: opened again unless it never knew a candidate."""
        units = [unit for unit in tree.units.values() if (unit.kind, unit.subject) == (wish.kind, wish.subject)]
        last = max(units, key=lambda unit: (unit.is_open, unit.id), default=None)
        changes = {"needed": wish.needed, "candidates": wish.candidates, "is_simple": wish.is_simple}
        if last and (last.is_open or {*wish.candidates} <= {*last.candidates}):
            assert wish.needed >= last.done + last.held
            return replace(last, is_open=True, **changes)
        changes["needed"] -= last.done + last.held if last else 0
        unit = UnitFact(self.next_id(), wish.kind, wish.subject, needed=0, done=0, held=0, surplus=0, is_open=True)
        return replace(unit, **changes)

    def advance_marked(self):
        for tree in sorted(self.marks):
            self.advance(self.trees[tree])

    def sweep(self):
        """All trees that are not ended, and then whose turn it is."""
        self.advance_marked()
        for tree in self.trees.values():
            if tree.state not in ENDED_TREES:
                self.advance(tree)
        if self.rules.is_growing:
            self._supply()
        self.advance_marked()

    def _supply(self):
        facts = self._read_supply()
        decision = decide_supply(facts, self.supply, now=self.now, rng=self.rng)
        for tree in decision.drawn:
            self.set_state(self.trees[tree], TreeState.GROWING, TreeReason.DRAWN)
            self.trees[tree].was_drawn = True
        for tree in decision.retired:
            self.set_state(self.trees[tree], TreeState.RETIRED, TreeReason.NOT_NEEDED)
        self.wanted = decision.prompts_wanted + decision.pairs_wanted
        again = decide_supply(self._read_supply(), self.supply, now=self.now, rng=self.rng)
        assert again == replace(decision, drawn=(), retired=())

    def _read_supply(self):
        states = [tree.state for tree in self.trees.values()]
        waiting = tuple(
            WaitingPrompt(tree.id, tree.root.author, tree.changed_at)
            for tree in self.trees.values()
            if tree.state is TreeState.WAITING
        )
        return LanguageFacts(
            language="en",
            in_review=states.count(TreeState.PROMPT_REVIEW),
            growing=states.count(TreeState.GROWING),
            waiting=waiting,
        )

    def follow_certainty(self, *, needed):
        """What the scheduler makes of rankings: an order that is certain needs no more, another needs more."""
        for tree in self.trees.values():
            for unit in tree.units.values():
                if unit.is_open and unit.kind in ORDERING_KINDS:
                    taken = unit.done + unit.held
                    tree.units[unit.id] = replace(unit, needed=max(needed, taken))
                    self.marks.add(tree.id)

    def set_state(self, tree, state, reason):
        assert can_follow(tree.state, state)
        tree.state, tree.reason = state, reason
        tree.changed_at = tree.event_at = self.now
        self.marks.add(tree.id)

    # What people do

    def add_tree(self, author, *, generated=0, is_pair=False):
        """A prompt that somebody wrote, or an imported one with generated replies."""
        state = TreeState.WAITING if author is None else TreeState.PROMPT_REVIEW
        tree = Tree(self.next_id(), state, goal_size=6, changed_at=self.now, event_at=self.now)
        self.trees[tree.id] = tree
        root = self.add_message(tree, None, author)
        for _ in range(generated):
            self.add_message(tree, root.id, None)
        if is_pair:
            self.add_message(tree, root.id, author)
        return tree

    def add_message(self, tree, parent, author):
        depth = 0 if parent is None else tree.messages[parent].depth + 1
        message = MessageFact(
            id=self.next_id(),
            parent=parent,
            role=MessageRole.ASSISTANT if depth % 2 else MessageRole.PROMPTER,
            depth=depth,
            review=ReviewState.NONE if author is None else ReviewState.PENDING,
            author=author,
            is_generated=author is None and parent is not None,
        )
        tree.messages[message.id] = message
        self.touch(tree)
        return message

    def touch(self, tree):
        tree.event_at = self.now
        self.marks.add(tree.id)

    def find_offers(self, person):
        """Every unit that this person would be offered now."""
        return [
            (tree, unit)
            for tree in self.trees.values()
            for unit in tree.units.values()
            if unit.is_open and unit.needed > unit.done + unit.held and self._may_take(person, tree, unit)
        ]

    def _may_take(self, person, tree, unit):
        if (person, unit.id) in self.seen:
            return False
        own = {message.id for message in tree.messages.values() if message.author == person}
        return not own & ({*unit.candidates} if unit.kind in ORDERING_KINDS else {unit.subject})

    def claim(self, person, tree, unit):
        self.seen.add((person, unit.id))
        tree.units[unit.id] = replace(unit, held=unit.held + 1)
        self.holds[person, unit.id] = Hold(person, tree.id, unit.id, until=self.now + LEASE)

    def lapse(self):
        """Holds whose lease ended give their place back; what was begun can still be submitted."""
        for key, hold in self.holds.items():
            if hold.is_live and hold.until < self.now:
                self._free(hold)
                self.holds[key] = replace(hold, is_live=False)

    def _free(self, hold):
        tree = self.trees[hold.tree]
        unit = tree.units[hold.unit]
        tree.units[hold.unit] = replace(unit, held=unit.held - 1)
        self.marks.add(tree.id)

    def skip(self, hold):
        del self.holds[hold.person, hold.unit]
        if hold.is_live:
            self._free(hold)

    def submit(self, hold, *, objects=False, ends=False):
        """Store what somebody made; refused, without a trace, when what it is about was removed."""
        was_live = hold.is_live
        self.skip(hold)
        tree = self.trees[hold.tree]
        unit = tree.units[hold.unit]
        if not next(message.is_live for message in self.read(tree).messages if message.id == unit.subject):
            return
        has_place = unit.is_open and (was_live or unit.needed > unit.done + unit.held)
        unit = replace(unit, done=unit.done + has_place, surplus=unit.surplus + (not has_place))
        tree.units[unit.id] = unit
        self.touch(tree)
        subject = tree.messages[unit.subject]
        if unit.kind is Kind.LABEL:
            verdict = Verdict(hold.person, spam=objects)
            tree.messages[subject.id] = subject = replace(subject, verdicts=(*subject.verdicts, verdict))
            self._raise_need(tree, unit, subject)
        elif unit.kind is Kind.WRITE_PROMPTER_REPLY and ends:
            tree.messages[subject.id] = replace(subject, finished=subject.finished + 1)
        elif unit.kind in REPLYING_KINDS:
            self.add_message(tree, subject.id, hold.person)
        elif unit.kind is Kind.IMPROVE_REPLY:
            self.add_message(tree, subject.parent, hold.person)

    def _raise_need(self, tree, unit, message):
        """In the transaction of the review that disagrees, so that the unit never leaves the pool."""
        if message.review is not ReviewState.PENDING or not unit.is_open:
            return
        wanted = count_reviews_wanted(
            message.verdicts,
            needed_minimum=minimum_reviews(self.rules, message.author),
            max_reviews=maximum_reviews(self.rules, message.author),
            threshold=self.rules.acceptance_threshold,
        )
        needed = unit.done + max(unit.held, wanted - len(message.verdicts))
        tree.units[unit.id] = replace(unit, needed=needed)

    # What moderators do

    def remove(self, tree, message):
        tree.removed.add(message)
        self.touch(tree)

    def restore(self, tree, message):
        tree.removed.discard(message)
        self.touch(tree)

    def end(self, tree, state):
        if can_follow(tree.state, state):
            self.set_state(tree, state, MODERATED[state])

    def restart(self, tree):
        if tree.state in ENDED_TREES and tree.state is not TreeState.DONE:
            state = find_restart_state(prompt_review=tree.root.review, was_drawn=tree.was_drawn)
            self.set_state(tree, state, TreeReason.RESTARTED)
