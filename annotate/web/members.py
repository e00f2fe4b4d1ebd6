"""Who has which role in a campaign."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for, require_account
from annotate.exceptions import ChorusError, InvalidInput
from annotate.models import Campaign
from annotate.queries.campaigns import list_members, present_member
from annotate.services.memberships import remove_member, set_member
from annotate.web.campaign_words import ROLES, role_name
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Option, Problems, check_fields, problems_of, tell_wrong
from annotate.web.lists import take_slice
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.vocabulary import CampaignRole

MOST_SHOWN = 100
#: Refusals that a field is at fault for, and which.
FIELD_OF_CODE = {"user_not_found": "email", "last_organizer": "role"}


@page("GET", "POST", needs=Needs.ACCOUNT)
def members(request: PageRequest, slug: str) -> HttpResponse:
    """The people with a role, and the form that adds one or changes their role."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    if request.method != "POST":
        return show_members(request, campaign, {})
    try:
        member, is_new = set_member(
            campaign=campaign,
            email=request.POST.get("email", ""),
            role=read_role(request.POST.get("role", "")),
            actor=request.actor,
            reason=request.POST.get("reason", "").strip()[:MAX_REASON_CHARS],
        )
    except ChorusError as error:
        return show_members(request, campaign, problems_of(error, FIELD_OF_CODE), status=error.status)
    told = _("%(who)s is now %(role)s.") if is_new else _("%(who)s has the role %(role)s.")
    messages.success(request, told % {"who": member.user.email, "role": role_name(member.role)})
    return redirect_after(request, campaign)


@page("POST", needs=Needs.ACCOUNT)
def member_remove(request: PageRequest, slug: str, user_id: int) -> HttpResponse:
    """Take a role away, or give up one's own, which needs no role but that."""
    own = user_id == request.actor.user_id
    campaign = get_campaign_for(request.actor, slug, None if own else CampaignRole.ORGANIZER)
    remove_member(campaign=campaign, user_id=user_id, actor=request.actor)
    messages.success(request, _("The role is taken away. What this person gave stays."))
    return redirect("campaigns") if own else redirect("members", slug)


def redirect_after(request: PageRequest, campaign: Campaign) -> HttpResponse:
    """Back to the list, unless one has just given up the role that shows it."""
    member = list_members(campaign_id=campaign.pk).filter(user=require_account(request.actor)).first()
    runs = request.actor.is_administrator or (member is not None and member.role == CampaignRole.ORGANIZER)
    return redirect("members", campaign.slug) if runs else redirect("campaigns")


def read_role(text: str) -> CampaignRole:
    if text not in set(CampaignRole):
        sentence = _("Choose a role.")
        raise InvalidInput(sentence, details={"role": [sentence]})
    return CampaignRole(text)


def show_members(request: PageRequest, campaign: Campaign, problems: Problems, *, status: int = 200) -> HttpResponse:
    fields = check_fields(member_fields(request), problems)
    part = take_slice(request, list(list_members(campaign_id=campaign.pk)), size=MOST_SHOWN)
    rows: list[dict[str, Any]] = [
        {**present_member(row), "is_me": row.user_id == request.actor.user_id, "role_title": role_name(row.role)}
        for row in part.rows
    ]
    roles = [(role.value, words.title, words.hint) for role, words in ROLES.items()]
    context = {"campaign": campaign, "members": rows, "part": part, "fields": fields, "roles": roles}
    return render_page(request, "members/list.html", {**context, **tell_wrong(fields, problems)}, status=status)


def member_fields(request: PageRequest) -> list[Field]:
    chosen = request.POST.get("role", CampaignRole.MODERATOR.value)
    roles = tuple(Option(role.value, words.title, words.hint, role.value == chosen) for role, words in ROLES.items())
    return [
        Field("email", _("E-mail of an account"), "email", request.POST.get("email", ""), is_needed=True, most=254),
        Field("role", _("Role"), "choice", options=roles),
        Field(
            "reason", _("Why (for the audit, optional)"), value=request.POST.get("reason", ""), most=MAX_REASON_CHARS
        ),
    ]


urlpatterns = [
    path("campaigns/<slug:slug>/members/", members, name="members"),
    path("campaigns/<slug:slug>/members/<int:user_id>/remove/", member_remove, name="member_remove"),
]
