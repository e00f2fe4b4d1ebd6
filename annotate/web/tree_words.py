"""Message trees in words: their states, what leads into each and out of it, and why a tree is where it is.

The sentences are those of `tasks.scheduling.tree_states`, said again here so that they can be translated.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from annotate.web.field_words import Words
from tasks.vocabulary import TreeReason, TreeState


@dataclass(frozen=True, slots=True)
class StateWords:
    """A state by its name, what leads into it, and what leads out of it."""

    name: Words
    enters: Words
    leaves: Words


STATES: dict[TreeState, StateWords] = {
    TreeState.PROMPT_REVIEW: StateWords(
        _("prompt in review"),
        _("Somebody has written a prompt."),
        _("Reviewers accept the prompt and it waits for its turn, or they reject it and the tree ends here."),
    ),
    TreeState.WAITING: StateWords(
        _("waiting"),
        _("The prompt is accepted, or was imported and needs no review."),
        _("A draw that is fair to all authors gives it its turn, or it is retired because more prompts wait than are needed."),
    ),
    TreeState.GROWING: StateWords(
        _("growing"),
        _("Its turn has come: replies are asked for, and each reply is reviewed."),
        _("It has as many accepted messages as it should have, or nothing is left to write, and no review is pending."),
    ),
    TreeState.RANKING: StateWords(
        _("being ranked"),
        _("The tree has grown: replies that answer the same message are put in order."),
        _("Every message with two or more replies to compare has its rankings, or there is none."),
    ),
    TreeState.DONE: StateWords(
        _("done"),
        _("Everything that was to be ranked is ranked."),
        _("Nothing: the tree is complete."),
    ),
    TreeState.LOW_GRADE: StateWords(
        _("rejected"),
        _("Reviewers rejected the prompt, or enough people reported it."),
        _("A moderator restarts the tree."),
    ),
    TreeState.HALTED: StateWords(
        _("halted"),
        _("A moderator stopped the tree, its prompt was removed, or too many people skipped one of its messages."),
        _("A moderator restarts the tree, or the prompt that was removed is restored."),
    ),
    TreeState.RETIRED: StateWords(
        _("retired"),
        _("More prompts waited than were needed, nobody worked on the tree for a long time, or the campaign grows no trees any more."),
        _("A moderator restarts the tree."),
    ),
}  # fmt: skip

#: Why a tree is in its state, where the state alone does not say it.
REASONS: dict[TreeReason, Words] = {
    TreeReason.NONE: "",
    TreeReason.REVIEWED: _("Its prompt was accepted."),
    TreeReason.DRAWN: _("Its turn came by a draw."),
    TreeReason.GOAL_REACHED: _("It has as many messages as it should have."),
    TreeReason.NOTHING_LEFT_TO_WRITE: _("Nothing is left to write."),
    TreeReason.RANKED: _("Everything is ranked."),
    TreeReason.NOTHING_TO_RANK: _("There was nothing to rank."),
    TreeReason.PROMPT_REJECTED: _("Reviewers rejected the prompt."),
    TreeReason.REPORTED: _("Enough people reported the prompt."),
    TreeReason.SKIPPED_BY_MANY: _("Many people skipped one of its messages."),
    TreeReason.PROMPT_REMOVED: _("The prompt was removed."),
    TreeReason.BY_MODERATOR: _("A moderator stopped it."),
    TreeReason.RESTARTED: _("A moderator restarted it."),
    TreeReason.NOT_NEEDED: _("More prompts waited than were needed."),
    TreeReason.NOBODY_CAME: _("Nobody worked on it for a long time."),
    TreeReason.GROWTH_ENDED: _("Trees do not grow in this campaign any more."),
}


def tree_state_name(state: str) -> str:
    """The state of a tree in words."""
    return str(STATES[TreeState(state)].name) if state in set(TreeState) else state
