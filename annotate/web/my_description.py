"""What one says of oneself, if one likes to, and which topics one would rather be asked about."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for, require_annotator
from annotate.exceptions import InvalidInput
from annotate.models import Campaign
from annotate.queries.self_descriptions import list_own_answers, list_topics_of_campaigns, list_topics_to_like
from annotate.services.self_descriptions import choose_topics, describe_oneself
from annotate.web.description_words import ANSWER_NAMES, QUESTION_WORDS
from annotate.web.fields import Field, Option, Problems
from annotate.web.names import language_name, list_languages
from annotate.web.pages import Needs, PageRequest, page, render_page
from tasks.records.self_descriptions import ANSWERS
from tasks.vocabulary import SelfQuestion

#: Telling words beside a topic's name.
MOST_WORDS = 4
#: What a form sends for a topic, and what it says.
LIKES = {"yes": True, "no": False, "": None}


@page("GET", "POST", needs=Needs.ANNOTATOR)
def my_description(request: PageRequest) -> HttpResponse:
    """All questions on one page; each may be left open, and closed again later."""
    annotator_id = require_annotator(request.actor)
    said, status = dict[str, str](list_own_answers(annotator_id=annotator_id)), 200
    problems: Problems = {}
    if request.method == "POST":
        try:
            describe_oneself(annotator_id=annotator_id, answers=read_answers(request.POST), now=timezone.now())
        except InvalidInput as error:
            said = {name: answer for name, answer in read_answers(request.POST).items() if answer}
            problems, status = error.details, 422
        else:
            messages.success(request, _("What you said is kept. You can take it back at any time."))
            return redirect("my_description")
    fields = [draw_question(question, said.get(question, ""), problems) for question in SelfQuestion]
    campaigns = list_topics_of_campaigns(annotator_id=annotator_id)
    context = {"fields": fields, "has_said": bool(said), "campaigns": campaigns}
    return render_page(request, "me/description.html", context, status=status)


@page("POST", needs=Needs.ANNOTATOR)
def my_description_forget(request: PageRequest) -> HttpResponse:
    """Take back all of it at once."""
    nothing = {question.value: None for question in SelfQuestion}
    describe_oneself(annotator_id=require_annotator(request.actor), answers=nothing, now=timezone.now())
    messages.success(request, _("Everything that you said of yourself is deleted."))
    return redirect("my_description")


@page("GET", "POST", needs=Needs.ANNOTATOR)
def my_topics(request: PageRequest, slug: str) -> HttpResponse:
    """The topics of a campaign: gladly, no matter, rather not."""
    campaign = get_campaign_for(request.actor, slug)
    annotator_id = require_annotator(request.actor)
    if request.method == "POST":
        likes = read_likes(request.POST, campaign, annotator_id)
        choose_topics(annotator_id=annotator_id, campaign=campaign, likes=likes, now=timezone.now())
        messages.success(request, _("Your choice is kept. It says what you are given more often, not what you may do."))
        return redirect("my_topics", slug=slug)
    topics = [
        # A name that nobody gave is made of the first words.
        {**topic, "words": [term for term in topic["terms"] if term not in topic["name"].split(", ")][:MOST_WORDS]}
        for topic in list_topics_to_like(annotator_id=annotator_id, campaign=campaign)
    ]
    return render_page(request, "me/topics.html", {"campaign": campaign, "topics": topics})


def read_answers(post: QueryDict) -> dict[str, str | None]:
    """Every question as the form has it; an empty choice is no answer."""
    return {question.value: post.get(question.value, "").strip() or None for question in SelfQuestion}


def read_likes(post: QueryDict, campaign: Campaign, annotator_id: int) -> dict[int, bool | None]:
    """What is said of each topic that is there now; topics that went meanwhile are passed over."""
    topics = list_topics_to_like(annotator_id=annotator_id, campaign=campaign)
    said = {topic["number"]: post.get(f"topic-{topic['number']}") for topic in topics}
    return {number: LIKES[like] for number, like in said.items() if like in LIKES}


def draw_question(question: SelfQuestion, said: str, problems: Problems) -> Field:
    words = QUESTION_WORDS[question]
    errors = tuple(problems.get(question.value, ()))
    if question is SelfQuestion.FIRST_LANGUAGE:
        hint = language_name(said) if said and not errors else words.hint
        offers = tuple(Option(code, name, language=code) for code, name in list_languages())
        return Field(question.value, words.title, "text", said, hint, most=16, errors=errors, offers=offers)
    answers = [("", _("I would rather not say")), *((answer, ANSWER_NAMES[answer]) for answer in ANSWERS[question])]
    options = tuple(Option(answer, title, is_chosen=answer == said) for answer, title in answers)
    return Field(question.value, words.title, "select", hint=words.hint, options=options, errors=errors)


urlpatterns = [
    path("me/description/", my_description, name="my_description"),
    path("me/description/forget/", my_description_forget, name="my_description_forget"),
    path("me/topics/<slug:slug>/", my_topics, name="my_topics"),
]
