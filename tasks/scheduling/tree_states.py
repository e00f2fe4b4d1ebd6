"""The states of a message tree: what enters each, what leaves it, and where a tree may go from it.

The decision is made in `tasks.scheduling.trees`; whose turn it is to grow in `tasks.scheduling.prompt_supply`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.vocabulary import ReviewState, TreeState


@dataclass(frozen=True, slots=True)
class StateRule:
    """One row of the table. `next`: the states that may follow, each in one step."""

    enters: str
    leaves: str
    next: frozenset[TreeState]


#: A tree that has not ended can always end early, and one that ended early can be restarted by a moderator.
_EARLY_ENDS = frozenset({TreeState.LOW_GRADE, TreeState.HALTED, TreeState.RETIRED})
_BEGINNINGS = frozenset({TreeState.PROMPT_REVIEW, TreeState.WAITING, TreeState.GROWING})

TREE_STATES: Mapping[TreeState, StateRule] = {
    TreeState.PROMPT_REVIEW: StateRule(
        enters="Somebody has written a prompt.",
        leaves="Reviewers accept the prompt and it waits for its turn, or they reject it and the tree ends here.",
        next=_EARLY_ENDS | {TreeState.WAITING},
    ),
    TreeState.WAITING: StateRule(
        enters="The prompt is accepted, or was imported and needs no review.",
        leaves="A draw that is fair to all authors gives it its turn, or it is retired because more prompts wait than are needed.",
        next=_EARLY_ENDS | {TreeState.GROWING},
    ),
    TreeState.GROWING: StateRule(
        enters="Its turn has come: replies are asked for, and each reply is reviewed.",
        leaves="It has as many accepted messages as it should have, or nothing is left to write, and no review is pending.",
        next=_EARLY_ENDS | {TreeState.RANKING},
    ),
    TreeState.RANKING: StateRule(
        enters="The tree has grown: replies that answer the same message are put in order.",
        leaves="Every message with two or more replies to compare has its rankings, or there is none.",
        next=_EARLY_ENDS | {TreeState.DONE},
    ),
    TreeState.DONE: StateRule(
        enters="Everything that was to be ranked is ranked.",
        leaves="Nothing: the tree is complete.",
        next=frozenset(),
    ),
    TreeState.LOW_GRADE: StateRule(
        enters="Reviewers rejected the prompt, or enough people reported it.",
        leaves="A moderator restarts the tree.",
        next=_BEGINNINGS,
    ),
    TreeState.HALTED: StateRule(
        enters="A moderator stopped the tree, its prompt was removed, or too many people skipped one of its messages.",
        leaves="A moderator restarts the tree, or the prompt that was removed is restored.",
        next=_BEGINNINGS,
    ),
    TreeState.RETIRED: StateRule(
        enters="More prompts waited than were needed, nobody worked on the tree for a long time, or the campaign grows no trees any more.",
        leaves="A moderator restarts the tree.",
        next=_BEGINNINGS,
    ),
}


def can_follow(before: TreeState, after: TreeState) -> bool:
    """Whether a tree may go from one state to the other in one step."""
    return after in TREE_STATES[before].next


def find_restart_state(*, prompt_review: ReviewState, was_drawn: bool) -> TreeState:
    """Where a tree that ended early goes on: its turn is not taken from it, a review that is pending goes on."""
    if was_drawn:
        return TreeState.GROWING
    return TreeState.PROMPT_REVIEW if prompt_review is ReviewState.PENDING else TreeState.WAITING
