"""The one writer of tree state: what was decided of a tree becomes its reviews, its state and its open work.

1. What enough people reported, or skipped, is hidden first (`services.auto_moderation`), in transactions of its own.
2. Trees are locked by id, a few at a time, so that no message comes or goes until the transaction ends.
3. Everything known of them is loaded (`queries.tree_facts`), and decided by a pure function (`tasks.scheduling.trees`).
4. The difference is written: goals, reviews, states, then units. Where a state changed, its campaign's supply is marked.

Deciding again on what was written changes nothing. Asking for work decides nothing.

Order of locks, as everywhere: annotator → message tree → message → assignment → unit → mark.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from annotate.queries.rows import fetch_all, run
from annotate.queries.tree_facts import LoadedTree, load_trees
from annotate.services.auto_moderation import hide_what_many_refuse
from annotate.services.stale import mark_stale
from annotate.services.tree_marks import mark_supply, mark_tree_of, mark_trees
from annotate.services.tree_states import StateChange, lock_trees_by_id, write_states
from annotate.services.tree_units import UnitChanges, write_units
from annotate.services.units import open_units
from annotate.wake import wake
from tasks.records.trees import TreeDecision
from tasks.scheduling.trees import decide_tree
from tasks.vocabulary import ENDED_TREES, JobName, ReviewState, StaleKind, TreeReason, TreeState

__all__ = ["advance_trees", "mark_tree_of", "mark_trees"]

#: Trees that one transaction holds: few, so that whoever writes in one of them does not wait.
TREES_A_WRITE = 20
FEWEST_TO_RANK = 2

_LOCK_MESSAGES = """
SELECT m.id FROM annotate_message m WHERE m.id = ANY(%(messages)s::bigint[]) ORDER BY m.id FOR NO KEY UPDATE"""

_REVIEW = """
UPDATE annotate_message m SET review_state = w.review, reviewed_at = CASE WHEN w.review = %(pending)s THEN NULL ELSE %(now)s END
FROM unnest(%(messages)s::bigint[], %(reviews)s::text[]) AS w (id, review)
WHERE m.id = w.id AND m.review_state <> w.review"""

_SET_GOALS = """
UPDATE annotate_messagetree t SET goal_size = w.goal FROM unnest(%(trees)s::bigint[], %(goals)s::smallint[]) AS w (id, goal)
WHERE t.id = w.id"""

_UNCERTAIN = """
SELECT DISTINCT m.tree_id AS id FROM annotate_message m
JOIN annotate_stale s ON s.subject_id = m.id AND s.kind IN ('parent', 'subject_need') AND s.marked > s.computed
WHERE m.tree_id = ANY(%(trees)s::bigint[])"""

_PARENTS = """
SELECT m.id FROM annotate_message m WHERE m.tree_id = ANY(%(trees)s::bigint[]) ORDER BY m.id"""


@dataclass(frozen=True, slots=True)
class _Decided:
    """A tree, whether the size that it grows to changed, where it stood before, and what was decided of it."""

    tree: LoadedTree
    goal_changed: bool
    before: tuple[TreeState, TreeReason]
    decision: TreeDecision

    @property
    def change(self) -> StateChange | None:
        after = (self.decision.state, self.decision.reason)
        if after == self.before:
            return None
        return StateChange(self.tree.facts.id, *after)


def advance_trees(*, tree_ids: Sequence[int], now: datetime, rng: random.Random) -> int:
    """Decide these trees and write what follows; returns how many went to another state.

    Trees of campaigns that grow none are only moderated, and brought to rest where they were growing.
    """
    hide_what_many_refuse(tree_ids=tree_ids, now=now)
    ordered = sorted(set(tree_ids))
    changed = 0
    for start in range(0, len(ordered), TREES_A_WRITE):
        with transaction.atomic():
            locked = lock_trees_by_id(tree_ids=ordered[start : start + TREES_A_WRITE])
            loaded = load_trees(tree_ids=locked, now=now)
            decided = [_decide(tree, now=now, rng=rng) for tree in loaded if _is_moving(tree)]
            changed += _write(_leave_uncertain(decided), now=now)
    return changed


def _is_moving(tree: LoadedTree) -> bool:
    """Where trees do not grow, only one that had begun to is decided; others have their work from `services.units`."""
    beginnings = (TreeState.PROMPT_REVIEW, TreeState.WAITING, TreeState.GROWING)
    return tree.rules.is_growing or tree.facts.state in beginnings


def _decide(tree: LoadedTree, *, now: datetime, rng: random.Random) -> _Decided:
    lowest, highest = tree.goals
    goal = tree.facts.goal_size
    # A tree that has not ended follows its campaign: a goal outside of what is asked for now is drawn anew.
    if not lowest <= goal <= highest and tree.facts.state not in ENDED_TREES:
        goal = rng.randint(lowest, highest)
    facts = replace(tree.facts, goal_size=goal)
    if _begins(tree):
        facts = replace(facts, state=TreeState.WAITING, reason=TreeReason.NONE)
    decision = decide_tree(facts, tree.rules, now=now)
    before = (tree.facts.state, tree.facts.reason)
    return _Decided(replace(tree, facts=facts), goal != tree.facts.goal_size, before, decision)


def _begins(tree: LoadedTree) -> bool:
    """Whether a tree is from before its campaign grew trees, with nothing to rank: it waits for its turn to grow."""
    facts = tree.facts
    if not tree.rules.is_growing or facts.state is not TreeState.RANKING or facts.goal_size or facts.was_drawn:
        return False
    answers = Counter(
        (message.parent, message.role) for message in facts.messages if message.parent and message.is_live
    )
    return max(answers.values(), default=0) < FEWEST_TO_RANK


def _leave_uncertain(decided: Sequence[_Decided]) -> Sequence[_Decided]:
    """Where rankings are asked for until the order is certain, a tree is done once that was computed of its last ballots."""
    ending = [
        one.tree.facts.id
        for one in decided
        if one.decision.state is TreeState.DONE and one.change is not None and one.tree.rules.ranks_by_certainty
    ]
    waiting = {row["id"] for row in fetch_all(_UNCERTAIN, {"trees": ending})} if ending else set()
    return [one for one in decided if one.tree.facts.id not in waiting]


def _write(decided: Sequence[_Decided], *, now: datetime) -> int:
    goals = [(one.tree.facts.id, one.tree.facts.goal_size) for one in decided if one.goal_changed]
    if goals:
        run(_SET_GOALS, {"trees": [tree for tree, _ in goals], "goals": [goal for _, goal in goals]})
    _write_reviews(decided, now=now)
    changes = [change for one in decided if (change := one.change) is not None]
    changed = write_states(changes=changes, now=now)
    units = UnitChanges()
    growing = [one for one in decided if one.tree.rules.is_growing]
    for one in growing:
        units.compare(one.tree, () if one.decision.state in ENDED_TREES else one.decision.wishes)
    write_units(changes=units, now=now)
    _hand_over([one for one in decided if not one.tree.rules.is_growing], now=now)
    _mark_rejected(decided)
    mark_supply(campaign_ids={one.tree.campaign_id for one in growing if _moves_supply(one)})
    return changed


def _moves_supply(one: _Decided) -> bool:
    """Whether the campaign has more or fewer trees in some state: a change, or a prompt that has just come."""
    is_new = not any(unit.is_open for unit in one.tree.facts.units) and bool(one.decision.wishes)
    return one.change is not None or (is_new and one.decision.state is TreeState.PROMPT_REVIEW)


def _write_reviews(decided: Sequence[_Decided], *, now: datetime) -> None:
    reviews = {message: review for one in decided for message, review in one.decision.reviews.items()}
    if not reviews:
        return
    run(_LOCK_MESSAGES, {"messages": sorted(reviews)})
    words = [str(review) for review in reviews.values()]
    run(_REVIEW, {"messages": list(reviews), "reviews": words, "pending": ReviewState.PENDING, "now": now})


def _mark_rejected(decided: Sequence[_Decided]) -> None:
    """An improvement that was rejected is no ballot any more: the order of its siblings is computed again."""
    parents = [
        message.parent
        for one in decided
        for message in one.tree.facts.messages
        if message.parent is not None and one.decision.reviews.get(message.id) is ReviewState.REJECTED
    ]
    if parents:
        mark_stale(kind=StaleKind.PARENT, subject_ids=parents)
        wake(JobName.RECOMPUTE_STALE)


def _hand_over(decided: Sequence[_Decided], *, now: datetime) -> None:
    """Trees whose campaign grows none any more have the work that every other campaign has, as its parameters say."""
    for campaign in sorted({one.tree.campaign_id for one in decided}):
        trees = [
            one.tree.facts.id
            for one in decided
            if one.tree.campaign_id == campaign and one.decision.state is TreeState.RANKING
        ]
        parents = [row["id"] for row in fetch_all(_PARENTS, {"trees": trees})]
        open_units(campaign_id=campaign, parent_ids=parents, now=now)
        mark_stale(kind=StaleKind.CAMPAIGN_UNITS, subject_ids=[campaign])
        wake(JobName.FOLLOW_CAMPAIGNS)
