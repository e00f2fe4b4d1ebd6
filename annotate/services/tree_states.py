"""Write the states of trees, and keep the rule that no unit is open on a tree that ended.

Everything here wants the locks of the trees (`services.trees`) in the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from annotate.models import Message, MessageTree
from annotate.queries.rows import fetch_all, run
from annotate.services.gold_ending import end_gold_of_trees
from tasks.scheduling.tree_states import find_restart_state
from tasks.vocabulary import ENDED_TREES, ReviewState, TreeReason, TreeState

#: Reasons for which a tree ended when its prompt was taken away.
WITH_THE_PROMPT = (TreeReason.PROMPT_REMOVED, TreeReason.REPORTED, TreeReason.SKIPPED_BY_MANY)

_LOCK = "SELECT t.id FROM annotate_messagetree t WHERE t.id = ANY(%(trees)s::bigint[]) ORDER BY t.id FOR NO KEY UPDATE"

#: A tree whose turn has come keeps the moment: one that is halted and restarted goes on from there.
_WRITE = """
UPDATE annotate_messagetree t SET state = w.state, state_reason = w.reason, state_changed_at = %(now)s,
  drawn_at = CASE WHEN w.state = %(growing)s THEN COALESCE(t.drawn_at, %(now)s) ELSE t.drawn_at END
FROM unnest(%(trees)s::bigint[], %(states)s::text[], %(reasons)s::text[]) AS w (id, state, reason)
WHERE t.id = w.id AND (t.state, t.state_reason) <> (w.state, w.reason)"""

_FIND_OPEN = """
SELECT u.id FROM annotate_message m JOIN annotate_unit u ON u.subject_id = m.id AND u.is_open
WHERE m.tree_id = ANY(%(trees)s::bigint[]) ORDER BY u.id"""

_LOCK_UNITS = "SELECT u.id FROM annotate_unit u WHERE u.id = ANY(%(units)s::bigint[]) ORDER BY u.id FOR NO KEY UPDATE"

_CLOSE = "UPDATE annotate_unit u SET is_open = false WHERE u.id = ANY(%(units)s::bigint[]) AND u.is_open"


@dataclass(frozen=True, slots=True)
class StateChange:
    """The state that a tree goes to, and why."""

    tree_id: int
    state: TreeState
    reason: TreeReason


def lock_trees_by_id(*, tree_ids: Sequence[int]) -> list[int]:
    """Lock these trees, in the order of ids, until the transaction ends; returns those that exist."""
    return [row["id"] for row in fetch_all(_LOCK, {"trees": list(tree_ids)})]


def write_states(*, changes: Sequence[StateChange], now: datetime) -> int:
    """Write states that differ from those that stand; returns how many did. Where a tree ends, units close and gold is told."""
    if not changes:
        return 0
    changed = run(
        _WRITE,
        {
            "trees": [change.tree_id for change in changes],
            "states": [str(change.state) for change in changes],
            "reasons": [str(change.reason) for change in changes],
            "growing": TreeState.GROWING,
            "now": now,
        },
    )
    ended = [change.tree_id for change in changes if change.state in ENDED_TREES]
    close_units(tree_ids=ended)
    if ended:
        end_gold_of_trees(tree_ids=ended, now=now)
    return changed


def close_units(*, tree_ids: Sequence[int]) -> list[int]:
    """Close every open unit of these trees, and return which. Holds stay: their holders are told at their next save."""
    if not tree_ids:
        return []
    units = [row["id"] for row in fetch_all(_FIND_OPEN, {"trees": list(tree_ids)})]
    lock_units(unit_ids=units)
    run(_CLOSE, {"units": units})
    return units


def lock_units(*, unit_ids: Sequence[int]) -> None:
    """Lock these units in the order of ids, as everybody does."""
    if unit_ids:
        run(_LOCK_UNITS, {"units": list(unit_ids)})


def resume_after_removal(*, tree_id: int, now: datetime) -> None:
    """A tree that ended because its prompt was taken away goes on when the prompt is back."""
    tree = MessageTree.objects.select_related("campaign").get(pk=tree_id)
    if tree.state in ENDED_TREES and tree.state_reason in WITH_THE_PROMPT:
        resume_tree(tree=tree, now=now)


def resume_tree(*, tree: MessageTree, now: datetime) -> TreeState:
    """Let a tree that ended early go on from where it was; returns the state it is in now.

    A prompt that reviewers rejected is accepted by the word of the moderator. Where no trees grow, a tree has its work
    from the campaign's kinds alone.
    """
    prompt = Message.objects.get(tree=tree, parent=None)
    state = TreeState.RANKING
    if tree.campaign.parameters.get("grow_trees"):
        state = find_restart_state(prompt_review=ReviewState(prompt.review_state), was_drawn=tree.drawn_at is not None)
        if prompt.review_state == ReviewState.REJECTED:
            Message.objects.filter(pk=prompt.pk).update(review_state=ReviewState.ACCEPTED, reviewed_at=now)
    write_states(changes=[StateChange(tree.pk, state, TreeReason.RESTARTED)], now=now)
    return state
