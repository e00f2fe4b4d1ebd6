"""What cannot wait for a moderator: a message that many reported, or skipped, is hidden until one has looked.

It is told as a removal by nobody, with why. Restoring the message dismisses the reports and forgives the skips
until then, so that the same ones do not hide it again.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from annotate.models import Campaign
from annotate.queries.tree_refusals import Refused, find_refused
from annotate.services.moderation import remove_message
from annotate.services.tree_states import StateChange, lock_trees_by_id, write_states
from tasks.vocabulary import TreeReason, TreeState


def hide_what_many_refuse(*, tree_ids: Sequence[int], now: datetime) -> int:
    """Hide the messages of these trees that are over a limit; returns how many. A transaction for each."""
    return sum(_hide(found, now=now) for found in find_refused(tree_ids=tree_ids))


def _hide(found: Refused, *, now: datetime) -> bool:
    with transaction.atomic():
        lock_trees_by_id(tree_ids=[found.tree_id])
        # A moderator may have looked before the lock was ours.
        refused = {one.message_id: one for one in find_refused(tree_ids=[found.tree_id])}.get(found.message_id)
        if refused is None:
            return False
        remove_message(
            campaign=Campaign.objects.get(pk=refused.campaign_id),
            message_id=refused.message_id,
            actor=None,
            reason=_describe(refused),
            now=now,
            because={"automatic": True, "reports": refused.reports, "skips": refused.skips},
        )
        if refused.is_prompt and refused.grows and not refused.has_ended:
            write_states(changes=[_end(refused)], now=now)
    return True


def _describe(refused: Refused) -> str:
    """Kept with the message and in the audit, in the language of the record."""
    if refused.is_reported:
        return f"Hidden by itself: reported by {refused.reports} people. A moderator will look at it."
    return f"Hidden by itself: skipped by {refused.skips} people. A moderator will look at it."


def _end(refused: Refused) -> StateChange:
    if refused.is_reported:
        return StateChange(refused.tree_id, TreeState.LOW_GRADE, TreeReason.REPORTED)
    return StateChange(refused.tree_id, TreeState.HALTED, TreeReason.SKIPPED_BY_MANY)
