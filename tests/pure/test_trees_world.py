"""Trees among random people, moderators, clocks and lost messages: each reaches its end, and none waits for nothing."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tasks.vocabulary import ENDED_TREES, Kind, MessageRole, TreeState
from tests.pure.tree_world import World

ANY = st.integers(0, 10**6)
#: What an organizer may change while trees grow, each with values of both directions.
CHANGES = {
    "kinds": [
        frozenset(Kind) - {Kind.COMPARE},
        frozenset(Kind) - {Kind.LABEL},
        frozenset({Kind.LABEL, Kind.WRITE_ASSISTANT_REPLY, Kind.RANK}),
        frozenset({Kind.WRITE_PROMPTER_REPLY, Kind.COMPARE}),
    ],
    "reviewed_roles": [frozenset(MessageRole), frozenset({MessageRole.ASSISTANT})],
    "reviewers": [None, 0, 2, 6],
    "max_tree_depth": [1, 3, 6],
    "replies_wanted": [1, 2, 4],
    "prompter_replies": [0, 1, 2],
    "min_reviews": [1, 2, 3],
    "max_reviews": [3, 5],
    "redundancy": [1, 2, 4],
    "ranks_by_certainty": [False, True],
    "rank_prompter_replies": [False, True],
    "improvements_wanted": [0, 1, 2],
    "patience_days": [10, 30],
    "is_growing": [True, False, False],
}
ONE_CHANGE = st.sampled_from([(name, value) for name, values in CHANGES.items() for value in values])
#: Few people, among whom authors meet themselves again and again, or enough for every review.
PEOPLE = st.sampled_from([1, 2, 3, 5, 8, 20])


class Campaign(RuleBasedStateMachine):
    """Decisions run only at `work` and `sweep`: between them messages may be lost for as long as chance has it."""

    @initialize(people=PEOPLE, prompts=st.integers(1, 3))
    def begin(self, people, prompts):
        self.world = World(people=people)
        for n in range(prompts):
            self.world.add_tree(author=n % people)

    def pick(self, options, which):
        return options[which % len(options)]

    def pick_tree(self, which):
        return self.pick([*self.world.trees.values()], which)

    # Volunteers

    @rule(person=ANY, which=ANY)
    def claim(self, person, which):
        person %= self.world.people
        if offers := self.world.find_offers(person):
            self.world.claim(person, *self.pick(offers, which))

    @precondition(lambda self: self.world.holds)
    @rule(which=ANY, objects=st.booleans(), ends=st.booleans())
    def submit(self, which, objects, ends):
        self.world.submit(self.pick([*self.world.holds.values()], which), objects=objects, ends=ends)

    @precondition(lambda self: self.world.holds)
    @rule(which=ANY)
    def skip(self, which):
        self.world.skip(self.pick([*self.world.holds.values()], which))

    @rule(seed=ANY, number=st.integers(20, 200))
    def volunteers_come(self, seed, number):
        """Many who work and are answered: what takes trees far within one example."""
        volunteers_come(self.world, Random(seed), number)

    @rule(person=ANY, is_pair=st.booleans())
    def write_prompt(self, person, is_pair):
        if self.world.wanted:
            self.world.wanted -= 1
            self.world.add_tree(person % self.world.people, is_pair=is_pair)

    @rule(generated=st.integers(0, 3))
    def import_prompt(self, generated):
        self.world.add_tree(None, generated=generated)

    # Moderators and organizers

    @rule(which=ANY, message=ANY, is_prompt=st.booleans())
    def remove(self, which, message, is_prompt):
        tree = self.pick_tree(which)
        replies = [reply for reply in tree.messages if reply != tree.root.id]
        if is_prompt or replies:
            self.world.remove(tree, tree.root.id if is_prompt else self.pick(replies, message))

    @rule(which=ANY, message=ANY)
    def restore(self, which, message):
        tree = self.pick_tree(which)
        if tree.removed:
            self.world.restore(tree, self.pick(sorted(tree.removed), message))

    @rule(which=ANY, state=st.sampled_from([TreeState.HALTED, TreeState.LOW_GRADE]))
    def end(self, which, state):
        self.world.end(self.pick_tree(which), state)

    @rule(which=ANY)
    def restart(self, which):
        self.world.restart(self.pick_tree(which))

    @rule(which=ANY, goal=st.integers(1, 12))
    def change_goal(self, which, goal):
        self.pick_tree(which).goal_size = goal

    @rule(change=ONE_CHANGE)
    def change_rules(self, change):
        self.world.rules = replace(self.world.rules, **dict([change]))

    @precondition(lambda self: self.world.rules.ranks_by_certainty)
    @rule(needed=st.integers(1, 5))
    def certainty_changes(self, needed):
        self.world.follow_certainty(needed=needed)

    # Clocks and jobs

    @rule(hours=st.integers(-24 * 40, 24 * 40))
    def clock_jumps(self, hours):
        self.world.now += timedelta(hours=hours)
        self.world.lapse()

    @rule()
    def work(self):
        self.world.advance_marked()

    @rule()
    def sweep(self):
        self.world.sweep()
        for tree in self.world.trees.values():
            assert_tree_is_asked_for(self.world, tree)

    @invariant()
    def no_more_places_are_taken_than_needed(self):
        for tree in self.world.trees.values():
            for unit in tree.units.values():
                assert 0 <= unit.done + unit.held <= unit.needed
                assert min(unit.done, unit.held, unit.surplus) >= 0

    @invariant()
    def no_unit_is_open_on_a_tree_that_ended(self):
        for tree in self.world.trees.values():
            if tree.state in ENDED_TREES and tree.id not in self.world.marks:
                assert not [unit for unit in tree.units.values() if unit.is_open]

    def teardown(self):
        """Nobody interferes any more, the clock is right again, and fewer and fewer volunteers come."""
        world = self.world
        world.now = max([world.now, *(tree.event_at for tree in world.trees.values())]) + timedelta(hours=1)
        rng = Random(world.last_id)
        for day in range(90 * (len(world.trees) + 1)):
            world.lapse()
            if day % 7 == 0:
                volunteers_come(world, rng, max(0, 30 - day // 7))
            world.sweep()
            for tree in world.trees.values():
                assert_tree_is_asked_for(world, tree)
            if all(has_ended(world, tree) for tree in world.trees.values()):
                return
            world.now += timedelta(days=1)
        raise AssertionError([tree for tree in world.trees.values() if not has_ended(world, tree)])


def volunteers_come(world, rng, number):
    for _ in range(number):
        person = rng.randrange(world.people)
        if offers := world.find_offers(person):
            tree, unit = rng.choice(offers)
            world.claim(person, tree, unit)
            hold = world.holds[person, unit.id]
            if rng.random() < 0.1:
                world.skip(hold)
            elif rng.random() < 0.9:
                world.submit(hold, objects=rng.random() < 0.15, ends=rng.random() < 0.1)
        chance = rng.random()
        if chance < 0.5:
            world.advance_marked()
        elif chance < 0.6:
            world.sweep()


def has_ended(world, tree):
    """Where the campaign stopped growing trees, those to be ranked follow its ordinary units."""
    return tree.state in ENDED_TREES or (tree.state is TreeState.RANKING and not world.rules.is_growing)


def assert_tree_is_asked_for(world, tree):
    """A tree that has not ended waits for its turn, or somebody is at it, or work on it is offered, and not for long."""
    if tree.state is TreeState.WAITING or has_ended(world, tree):
        return
    open_units = [unit for unit in tree.units.values() if unit.is_open]
    assert any(unit.held or unit.needed > unit.done for unit in open_units)
    if not any(unit.held for unit in tree.units.values()):
        waited = world.now - max(tree.event_at, tree.changed_at)
        assert waited <= timedelta(days=world.rules.patience_days)


TestCampaign = Campaign.TestCase
TestCampaign.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
