"""What moderators do with a whole tree: halt it, and let it go on."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, NotFound
from annotate.models import AuditEvent, Campaign, Message, MessageTree
from annotate.queries.rows import fetch_all
from annotate.services.audit import record_event
from annotate.services.moderation import CLOSED_UNITS, reopen_units
from annotate.services.tree_marks import mark_supply, mark_tree_of
from annotate.services.tree_states import (
    StateChange,
    close_units,
    lock_trees_by_id,
    lock_units,
    resume_tree,
    write_states,
)
from annotate.services.units import open_units
from tasks.vocabulary import ENDED_TREES, AuditAction, TreeReason, TreeState


def halt_tree(*, campaign: Campaign, tree_id: int, actor: Actor, reason: str, now: datetime) -> MessageTree:
    """Stop a tree: nothing of it is offered any more; what people hold may still be submitted, and is kept.

    Halting twice changes nothing. Raises NotFound, and Conflict `tree_ended` for a tree that ended otherwise.
    """
    with transaction.atomic():
        tree = _lock(campaign, tree_id)
        if tree.state == TreeState.HALTED:
            return tree
        if tree.state in ENDED_TREES:
            raise Conflict(
                _("This tree has already ended, so there is nothing to halt. Remove single messages instead."),
                code="tree_ended",
            )
        before = tree.state
        closed = close_units(tree_ids=[tree.pk])
        write_states(changes=[StateChange(tree.pk, TreeState.HALTED, TreeReason.BY_MODERATOR)], now=now)
        record_event(
            actor=actor,
            action=AuditAction.TREE_HALTED,
            object_kind="tree",
            object_id=tree.pk,
            campaign=campaign,
            before={"state": before},
            after={"state": TreeState.HALTED, CLOSED_UNITS: closed},
            reason=reason,
        )
        mark_supply(campaign_ids=[campaign.pk])
        tree.refresh_from_db()
    return tree


def restart_tree(*, campaign: Campaign, tree_id: int, actor: Actor, reason: str, now: datetime) -> MessageTree:
    """Let a tree that was halted, retired or found of low grade go on from where it was.

    A prompt that reviewers rejected is accepted by this. A tree that takes work already stays as it is. Raises NotFound,
    Conflict `tree_done` for one that is complete, and `prompt_removed` while its prompt is away.
    """
    with transaction.atomic():
        tree = _lock(campaign, tree_id)
        if tree.state not in ENDED_TREES:
            return tree
        if tree.state == TreeState.DONE:
            raise Conflict(_("This tree is complete, so there is nothing to restart."), code="tree_done")
        prompt = Message.objects.get(tree=tree, parent=None)
        if prompt.removed_at is not None or prompt.withdrawn_at is not None:
            raise Conflict(_("The prompt of this tree is removed. Restore it first."), code="prompt_removed")
        before = tree.state
        state = resume_tree(tree=tree, now=now)
        _give_work_again(tree, campaign=campaign, now=now)
        record_event(
            actor=actor,
            action=AuditAction.TREE_RESTARTED,
            object_kind="tree",
            object_id=tree.pk,
            campaign=campaign,
            before={"state": before},
            after={"state": state},
            reason=reason,
        )
        mark_tree_of(message_ids=[prompt.pk])
        mark_supply(campaign_ids=[campaign.pk])
        tree.refresh_from_db()
    return tree


def _lock(campaign: Campaign, tree_id: int) -> MessageTree:
    if not MessageTree.objects.filter(pk=tree_id, campaign=campaign).exists():
        raise NotFound(_("This campaign has no such tree."), code="tree_not_found")
    lock_trees_by_id(tree_ids=[tree_id])
    return MessageTree.objects.select_related("campaign").get(pk=tree_id)


def _give_work_again(tree: MessageTree, *, campaign: Campaign, now: datetime) -> None:
    """Where no trees grow: what halting closed, and what has come since. Elsewhere the next decision asks for work."""
    halts = AuditEvent.objects.filter(
        campaign=campaign, action=AuditAction.TREE_HALTED, object_kind="tree", object_id=str(tree.pk)
    )
    closed = (halts.order_by("-pk").values_list("after", flat=True).first() or {}).get(CLOSED_UNITS, [])
    if not campaign.parameters.get("grow_trees"):
        lock_units(unit_ids=sorted(closed))
        reopen_units(unit_ids=closed)
    messages = fetch_all("SELECT id FROM annotate_message WHERE tree_id = %(tree)s ORDER BY id", {"tree": tree.pk})
    open_units(campaign_id=campaign.pk, parent_ids=[message["id"] for message in messages], now=now)
