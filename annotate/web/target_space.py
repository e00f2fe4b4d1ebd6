"""What a campaign wants: shares along each axis, learned from a reference where there is one, and the topics of its prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import get_campaign_for
from annotate.exceptions import ChorusError, InvalidInput, NotFound
from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.target_shares import describe_axes, load_shares
from annotate.queries.topics import find_fit, find_topic, list_prompts_of, list_topics
from annotate.queries.vectors import count_embedded
from annotate.reasons import tell_reason
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.learned_shares import MOST_BYTES, learn_from_campaign, learn_from_file
from annotate.services.topics import LONGEST_NAME, ask_for_topics, change_topic
from annotate.services.vectors import embed_again
from annotate.web.coverage_nav import get_campaign_for_coverage, render_coverage
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Option, Problems, check_fields, problems_of, tell_wrong
from annotate.web.pages import Needs, PageRequest, page
from annotate.web.target_fields import draw_axes, place_problems, read_form, say_shares
from tasks.records.parameters import read_settings
from tasks.records.topics import FEWEST_PROMPTS
from tasks.text.hashing_vectors import NAME as HASHING
from tasks.vocabulary import CampaignRole

TAB = "target_space"
#: A fit that moved more than this share of prompts into other topics is told as such.
LARGE_DRIFT = 0.2
PROMPTS_SHOWN = 20


@page("GET", "POST", needs=Needs.ACCOUNT)
def target_space(request: PageRequest, slug: str) -> HttpResponse:
    """Insiders look; organizers change. What is learned stands in the form until it is saved."""
    if request.method != "POST":
        campaign = get_campaign_for_coverage(request.actor, slug, TAB)
        return show_space(request, campaign, say_shares(load_shares(campaign_id=campaign.pk)), {})
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    act = {"learn": learn, "look": look_again}.get(request.POST.get("do", ""), save)
    return act(request, campaign)


def save(request: PageRequest, campaign: Campaign) -> HttpResponse:
    said = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    shares = read_form(said)
    try:
        spec = read_campaign({"shares": shares})
        reason = said.get("reason", "").strip()[:MAX_REASON_CHARS]
        change_campaign(campaign=campaign, spec=spec, actor=request.actor, now=timezone.now(), reason=reason)
    except InvalidInput as error:
        return show_space(request, campaign, said, place_problems(problems_of(error), shares), status=error.status)
    messages.success(
        request, _("The shares are saved. What is furthest from its share is offered first, within a minute.")
    )
    return redirect(TAB, campaign.slug)


def learn(request: PageRequest, campaign: Campaign) -> HttpResponse:
    """The form filled with what a reference has; nothing is stored."""
    chosen, other = request.FILES.get("reference"), request.POST.get("campaign", "")
    try:
        if chosen is not None:
            learned, count = learn_from_file(campaign=campaign, data=chosen.read(MOST_BYTES + 1))
        elif other:
            learned, count = learn_from_campaign(campaign=campaign, other=get_campaign_for(request.actor, other))
        else:
            told = _("Choose a file of prompts, or a campaign.")
            raise InvalidInput(told, code="bad_reference", details={"reference": [told]})
    except ChorusError as error:
        problems = problems_of(error, {"no_prompts": "campaign"})
        said = say_shares(load_shares(campaign_id=campaign.pk))
        return show_space(request, campaign, said, problems, status=error.status)
    told = ngettext(
        "These are the shares of %(count)s prompt. Nothing is saved yet: look at them, change them, and save them.",
        "These are the shares of %(count)s prompts. Nothing is saved yet: look at them, change them, and save them.",
        count,
    )
    return show_space(request, campaign, say_shares(learned), {}, learned=told % {"count": whole(count)})


def look_again(request: PageRequest, campaign: Campaign) -> HttpResponse:
    ask_for_topics(campaign=campaign)
    embed_again(campaign_id=campaign.pk)
    messages.success(request, _("Topics are looked for again. That takes a minute, more in large campaigns."))
    return redirect(TAB, campaign.slug)


def show_space(
    request: PageRequest,
    campaign: Campaign,
    said: Mapping[str, str],
    problems: Problems,
    *,
    learned: str = "",
    status: int = 200,
) -> HttpResponse:
    topics = list_topics(campaign_id=campaign.pk)
    forms = draw_axes(
        campaign, axes=describe_axes(campaign_id=campaign.pk), topics=topics, said=said, problems=problems
    )
    references = check_fields(reference_fields(request), problems)
    fields = [line.field for form in forms for line in form.lines] + references
    context = {
        "forms": forms,
        "learned": learned,
        "references": references,
        "topics": topics,
        "can_change": request.actor.is_administrator or campaign.actor_role == CampaignRole.ORGANIZER,  # type: ignore[attr-defined]
        **describe_topics_state(campaign),
        "is_administrator": request.actor.is_administrator,
        **tell_wrong(fields, problems),
    }
    return render_coverage(request, campaign, "coverage/space.html", context, status=status)


def describe_topics_state(campaign: Campaign) -> dict[str, Any]:
    """How far vectors and topics are, and what stands in their way."""
    word = read_settings(campaign.parameters).embedder
    name = HASHING if word == "hashing" else f"{word}@1"
    state, fit = count_embedded(campaign_id=campaign.pk, embedder=name), find_fit(campaign_id=campaign.pk)
    return {
        "embedder": word,
        "state": state,
        "problem": tell_reason(state.problem) if state.problem else "",
        "refusal": tell_reason(state.refusal) if state.refusal else "",
        "fit": fit,
        "fewest": FEWEST_PROMPTS,
        "is_of_another": fit is not None and fit.embedder != name,
        "has_drifted": fit is not None and fit.drift is not None and fit.drift > LARGE_DRIFT,
    }


def reference_fields(request: PageRequest) -> list[Field]:
    return [
        Field("reference", _("A file of prompts"), "file",
              hint=_("One a line, JSON lines with “prompt”, or a table with a column prompt. It is read and not kept.")),
        Field("campaign", _("Or a campaign’s address name"), value=request.POST.get("campaign", ""), most=64,
              hint=_("Such as everyday-questions. Its prompts are counted.")),
    ]  # fmt: skip


@page("GET", "POST", needs=Needs.ACCOUNT)
def topic(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """One topic: its words and prompts; organizers name it, merge it into another one, or retire it."""
    if request.method != "POST":
        campaign = get_campaign_for_coverage(request.actor, slug, "topic")
        return show_topic(request, campaign, number, {})
    campaign = get_campaign_for(request.actor, slug, CampaignRole.ORGANIZER)
    into = request.POST.get("merged_into", "")
    values = {
        "name": request.POST.get("name", ""),
        "merged_into": int(into) if into.isascii() and into.isdigit() else None,
        "is_retired": request.POST.get("is_retired") == "on",
    }
    try:
        change_topic(campaign=campaign, number=number, values=values, actor=request.actor, now=timezone.now())
    except InvalidInput as error:
        return show_topic(request, campaign, number, problems_of(error), status=error.status)
    messages.success(request, _("The topic is changed. Its prompts find their places within a minute."))
    return redirect(TAB, slug)


def show_topic(
    request: PageRequest, campaign: Campaign, number: int, problems: Problems, *, status: int = 200
) -> HttpResponse:
    found = find_topic(campaign_id=campaign.pk, number=number)
    if found is None:
        raise NotFound(
            _("This campaign has no topic with the number %(number)s. Look at the list of its topics.")
            % {"number": number},
            code="topic_not_found",
        )
    others = [one for one in list_topics(campaign_id=campaign.pk) if one["number"] != number]
    others = [one for one in others if not one["retired_at"] and not one["merged_into"]]
    into = found.merged_into.number if found.merged_into else None
    options = [Option("", _("stays a topic of its own"), is_chosen=into is None)]
    options += [Option(str(one["number"]), one["name"], is_chosen=one["number"] == into) for one in others]
    drawn = [
        Field("name", _("Name"), value=request.POST.get("name", found.name if found.is_named else ""), most=LONGEST_NAME,
              hint=_("Empty: its telling words. A name of yours stays, whatever is found later.")),
        Field("merged_into", _("Another topic takes its prompts"), "select", options=tuple(options)),
        Field("is_retired", _("Retire it: it takes no prompts, they go to the nearest others"), "check", "on",
              is_checked=found.retired_at is not None),
    ]  # fmt: skip
    fields = check_fields(drawn, problems)
    context = {
        "topic": found,
        "fields": fields,
        "prompts": list_prompts_of(campaign_id=campaign.pk, topic_id=found.pk, limit=PROMPTS_SHOWN),
        "can_change": request.actor.is_administrator or campaign.actor_role == CampaignRole.ORGANIZER,  # type: ignore[attr-defined]
        **tell_wrong(fields, problems),
    }
    return render_coverage(request, campaign, "coverage/topic.html", context, status=status)


urlpatterns = [
    path("campaigns/<slug:slug>/coverage/space/", target_space, name=TAB),
    path("campaigns/<slug:slug>/coverage/space/topics/<int:number>/", topic, name="topic"),
]
