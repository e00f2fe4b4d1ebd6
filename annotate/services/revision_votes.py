"""What becomes of a proposed revision: two reviewers who agree decide on what its author proposes, or a moderator alone.

A reviewer is somebody with an account who has judged something in the campaign; nobody decides on their own proposal.
Where reviewers differ, whoever is two ahead decides. What somebody else proposes for a text is for its author or a
moderator to accept: it stands under the author's name, and reviewers have accepted other words. Reviewers may reject it.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor, reader_of
from annotate.exceptions import Conflict, NotAllowed, NotFound
from annotate.models import Annotator, Judgment, Message, RevisionProposal, RevisionVote
from annotate.queries.message_access import get_touchable
from annotate.queries.reading import Reader
from annotate.queries.rows import Row
from annotate.services.audit import record_event
from annotate.services.revisions import check_base, write_text
from annotate.services.terms import lock_annotator
from annotate.services.tree_marks import mark_tree_of
from annotate.services.trees import lock_trees
from tasks.vocabulary import AuditAction, ProposalState

#: How far ahead those who agree, or those who do not, must be.
AHEAD = 2


def vote_on_proposal(*, actor: Actor, proposal_id: int, agrees: bool, now: datetime) -> ProposalState:
    """Give one's word on a proposal; returns its state then. The same word again changes nothing, another replaces it.

    Raises `NotFound` (`proposal_not_found`, `message_not_found`), `Gone`, `NotAllowed` (`suspended`, `account_needed`,
    `reviewers_only`), `Conflict` (`proposal_decided`, `own_proposal`, `revision_moved`, and what writing it refuses).
    """
    reader = reader_of(actor)
    with transaction.atomic():
        person = lock_annotator(annotator_id=reader.annotator_id or 0)
        proposal = lock_proposal(proposal_id=proposal_id)
        row = get_touchable(message_id=proposal.message_id, reader=reader)
        if proposal.state != ProposalState.OPEN:
            raise Conflict(
                _("This proposal is decided already. Thank you for looking at it."),
                code="proposal_decided",
                details={"state": proposal.state},
            )
        _check_voter(person=person, proposal=proposal, row=row)
        message = Message.objects.get(pk=proposal.message_id)
        check_base(message=message, base_revision=proposal.base_revision)
        RevisionVote.objects.update_or_create(
            proposal=proposal, annotator=person, defaults={"agrees": agrees, "created_at": now}
        )
        is_theirs = message.author_id is not None and message.author_id == person.pk
        state = _decide(proposal, message, agrees=agrees, alone=bool(row["is_insider"]) or is_theirs)
        if state != ProposalState.OPEN:
            _settle(proposal=proposal, message=message, state=state, actor=actor, row=row, now=now)
    return state


def withdraw_proposal(*, reader: Reader, proposal_id: int, now: datetime) -> None:
    """Take one's own proposal back while nobody has decided. Twice changes nothing.

    Raises `NotFound` (`proposal_not_found`) and `Conflict` (`proposal_decided`).
    """
    with transaction.atomic():
        proposal = lock_proposal(proposal_id=proposal_id, author_id=reader.annotator_id)
        if proposal.state == ProposalState.WITHDRAWN:
            return
        if proposal.state != ProposalState.OPEN:
            raise Conflict(_("This proposal is decided already, so it cannot be taken back."), code="proposal_decided")
        proposal.state, proposal.decided_at = ProposalState.WITHDRAWN, now
        proposal.save(update_fields=["state", "decided_at"])


def lock_proposal(*, proposal_id: int, author_id: int | None = None) -> RevisionProposal:
    """The proposal under the lock of its tree, where votes and other changes of the message take turns.

    Raises `NotFound` (`proposal_not_found`), also for one of somebody else where `author_id` is given.
    """
    found = RevisionProposal.objects.filter(pk=proposal_id)
    if author_id is not None:
        found = found.filter(author_id=author_id)
    message_id = found.values_list("message_id", flat=True).first()
    if message_id is None:
        raise NotFound(_("There is no such proposal. Check its number."), code="proposal_not_found")
    lock_trees(message_ids=[message_id])
    return found.select_related("message__tree__campaign").get()


def _check_voter(*, person: Annotator, proposal: RevisionProposal, row: Row) -> None:
    if proposal.author_id == person.pk:
        raise Conflict(_("This is your own proposal, so others decide. You can take it back."), code="own_proposal")
    if row["is_insider"] or row["is_mine"]:
        return
    if person.user_id is None:
        raise NotAllowed(_("Guests cannot do this: it needs an account."), code="account_needed")
    judged = Judgment.objects.filter(
        annotator=person, is_current=True, unit__queue__campaign_id=row["campaign_id"]
    ).exists()
    if not judged:
        raise NotAllowed(
            _("Whoever has judged something in this campaign decides on revisions. Judge first, then come back."),
            code="reviewers_only",
        )


def _decide(proposal: RevisionProposal, message: Message, *, agrees: bool, alone: bool) -> ProposalState:
    """`alone`: whoever says this needs nobody else."""
    if alone:
        return ProposalState.ACCEPTED if agrees else ProposalState.REJECTED
    votes = list(proposal.votes.values_list("agrees", flat=True))
    lead = 2 * sum(votes) - len(votes)
    if lead >= AHEAD and message.author_id is not None and proposal.author_id == message.author_id:
        return ProposalState.ACCEPTED
    return ProposalState.REJECTED if lead <= -AHEAD else ProposalState.OPEN


def _settle(
    *, proposal: RevisionProposal, message: Message, state: ProposalState, actor: Actor, row: Row, now: datetime
) -> None:
    before = message.revision
    if state == ProposalState.ACCEPTED:
        write_text(message=message, text=proposal.text, author_id=proposal.author_id, reason=proposal.reason, now=now)
        mark_tree_of(message_ids=[message.pk])
    proposal.state, proposal.decided_at = state, now
    proposal.decided_by_id = actor.user_id if row["is_insider"] else None
    proposal.save(update_fields=["state", "decided_at", "decided_by"])
    votes = list(proposal.votes.values_list("agrees", flat=True))
    record_event(
        actor=actor if row["is_insider"] else None,
        action=AuditAction.REVISION_DECIDED,
        object_kind="message",
        object_id=message.pk,
        campaign=proposal.message.tree.campaign,
        before={"revision": before},
        after={
            "revision": message.revision,
            "proposal": proposal.pk,
            "state": state,
            "agree": sum(votes),
            "disagree": len(votes) - sum(votes),
        },
        reason=proposal.reason,
    )
