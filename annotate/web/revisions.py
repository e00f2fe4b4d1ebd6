"""Proposed wordings of a campaign's messages: what would change, and what one thinks of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.access import get_campaign_for, reader_of
from annotate.exceptions import InvalidInput
from annotate.models import Campaign
from annotate.queries.proposals import ProposalShown, list_proposals
from annotate.services.revision_votes import vote_on_proposal, withdraw_proposal
from annotate.web.addresses import leads_here
from annotate.web.field_words import Words
from annotate.web.lists import MAX_ID, change_query, read_whole
from annotate.web.message_words import role_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.word_differences import compare_words
from tasks.vocabulary import CampaignRole, ProposalState

PAGE_SIZE = 10
STATES: dict[ProposalState, Words] = {
    ProposalState.OPEN: gettext_lazy("To decide"),
    ProposalState.ACCEPTED: gettext_lazy("Accepted"),
    ProposalState.REJECTED: gettext_lazy("Rejected"),
    ProposalState.WITHDRAWN: gettext_lazy("Taken back"),
}
#: What is said once a vote is in, by what became of the proposal.
VOTED: dict[str, Words] = {
    ProposalState.OPEN: gettext_lazy("Your word is kept. Where two agree, they decide."),
    ProposalState.ACCEPTED: gettext_lazy("The proposal is accepted: the message has the new words now."),
    ProposalState.REJECTED: gettext_lazy("The proposal is rejected: the message stays as it was."),
}


@page("GET", needs=Needs.ANNOTATOR)
def proposals(request: PageRequest, slug: str) -> HttpResponse:
    """In one state, newest first; of one message where the address names it."""
    campaign = get_campaign_for(request.actor, slug)
    state = read_state(request.GET.get("state", ""))
    about = read_whole(request.GET.get("message"), high=MAX_ID)
    before = read_whole(request.GET.get("before"), high=MAX_ID)
    only: dict[str, Any] = {"state": state, "message_id": about, "before": before, "limit": PAGE_SIZE}
    part = list_proposals(campaign_id=campaign.pk, reader=reader_of(request.actor), **only)
    context = {
        "campaign": campaign,
        "proposals": [present(proposal) for proposal in part.proposals],
        "states": [(each.value, title, each == state) for each, title in STATES.items()],
        "state": state.value,
        "about": about,
        "decides": decides(request, campaign),
        "older": change_query(request, before=part.next_before) if part.next_before else None,
        "newest": change_query(request, before=None) if before else None,
        "here": request.get_full_path(),
    }
    return render_page(request, "messages/proposals.html", context)


def read_state(asked: str) -> ProposalState:
    return ProposalState(asked) if asked in set(ProposalState) else ProposalState.OPEN


def decides(request: PageRequest, campaign: Campaign) -> bool:
    """Whether the word of whoever looks decides alone."""
    role = getattr(campaign, "actor_role", None)
    return request.actor.is_administrator or role in {CampaignRole.MODERATOR, CampaignRole.ORGANIZER}


def present(proposal: ProposalShown) -> dict[str, Any]:
    return {
        "proposal": proposal,
        "pieces": compare_words(proposal.before, proposal.text),
        "who": role_name(proposal.role),
    }


@page("POST", needs=Needs.ANNOTATOR)
def proposal_vote(request: PageRequest, slug: str, proposal: int) -> HttpResponse:
    """Say whether the new words are better; a moderator decides by it."""
    get_campaign_for(request.actor, slug)
    word = request.POST.get("agrees", "")
    if word not in {"yes", "no"}:
        raise InvalidInput(_("Say whether the new words are better, or leave it."), code="wrong_value")
    state = vote_on_proposal(
        actor=request.actor, proposal_id=min(proposal, MAX_ID), agrees=word == "yes", now=timezone.now()
    )
    messages.success(request, str(VOTED.get(state, "")))
    return redirect(following(request, slug))


@page("POST", needs=Needs.ANNOTATOR)
def proposal_withdraw(request: PageRequest, slug: str, proposal: int) -> HttpResponse:
    """Take one's own proposal back."""
    get_campaign_for(request.actor, slug)
    withdraw_proposal(reader=reader_of(request.actor), proposal_id=min(proposal, MAX_ID), now=timezone.now())
    messages.success(request, _("Your proposal is taken back."))
    return redirect(following(request, slug))


def following(request: PageRequest, slug: str) -> str:
    """The list that the form stands in."""
    wanted = request.POST.get("next", "")
    return wanted if leads_here(request, wanted) else reverse("proposals", args=[slug])


urlpatterns = [
    path("campaigns/<slug:slug>/revisions/", proposals, name="proposals"),
    path("campaigns/<slug:slug>/revisions/<int:proposal>/vote/", proposal_vote, name="proposal_vote"),
    path("campaigns/<slug:slug>/revisions/<int:proposal>/withdraw/", proposal_withdraw, name="proposal_withdraw"),
]
