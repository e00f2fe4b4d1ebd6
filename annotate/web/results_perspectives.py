"""Groups of people who judge alike: a map without names, what all of them accept, and what divides them.

Whatever is shown stands in what is published (`queries.perspectives`): nothing of a group of fewer than ten people, and
nothing that tells who is where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from django.http import HttpResponse
from django.urls import path

from annotate.queries.perspectives import get_perspectives
from annotate.web.description_words import ANSWER_NAMES, QUESTION_WORDS
from annotate.web.field_words import Words
from annotate.web.names import language_name
from annotate.web.opinion_map import HEIGHT, WIDTH, draw_mark, place_group, place_mark
from annotate.web.pages import PageRequest, page
from annotate.web.plots import make_axis, place_whisker
from annotate.web.results_nav import get_campaign_for_tab, render_results
from tasks.vocabulary import SelfQuestion

TAB = "results_perspectives"
#: Candidates that each list shows at once; the rest folds.
LISTED = 6


@page("GET")
def perspectives(request: PageRequest, slug: str) -> HttpResponse:
    """For those who run the campaign, and for everybody when it is closed."""
    campaign = get_campaign_for_tab(request.actor, slug, TAB)
    found = get_perspectives(campaign_id=campaign.pk)
    people = {group["number"]: group["people"] for group in found["groups"]}
    context = {
        "found": found,
        "groups": describe_groups(found["groups"], people=found["n_people"]),
        "map": draw_map(found),
        "division": describe_division(found["division"]),
        "common": split_list(found["common"]),
        "divided": split_list(found["divided"]),
        "people_needed": 2 * (found["least_people"] or 0),
        "has_groups": bool(people),
        "described": [describe_answers(one) for one in found["described"]],
    }
    return render_results(request, campaign, "results/perspectives.html", context)


def describe_groups(groups: Sequence[Mapping[str, Any]], *, people: int) -> list[dict[str, Any]]:
    """Groups with their mark for a legend and their share of all people."""
    return [
        {**group, "share": group["people"] / people, "mark": draw_mark(group["number"], 9, 9, 6)} for group in groups
    ]


def draw_map(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The marks of all cells, larger where more people are, and the number of each group at its middle."""
    if not found["groups"]:
        return None
    marks = [
        {
            "group": cell["group"],
            "people": cell["people"],
            "path": draw_mark(cell["group"], *place_mark(cell["x"], cell["y"]), 4.5 * sqrt(cell["people"])),
        }
        for cell in sorted(found["map"], key=lambda cell: -cell["people"])
    ]
    return {"width": WIDTH, "height": HEIGHT, "marks": marks, "labels": [place_group(one) for one in found["groups"]]}


def describe_division(division: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The share that lies between groups, with its interval and what dice get, on one axis."""
    if division is None:
        return None
    axis = make_axis([], low=0, high=1, step=0.5)
    whisker = place_whisker(axis, value=division["share"], low=division["low"], high=division["high"])
    return {**division, "axis": axis, "whisker": whisker, "chance_at": axis.place(division["by_chance"])}


def describe_answers(described: Mapping[str, Any]) -> dict[str, Any]:
    """What one question has to do with the disagreement: its answers, the share on an axis, and what divides them."""
    return {
        "question": described["question"],
        "title": QUESTION_WORDS[SelfQuestion(described["question"])].title,
        "answers": [{**group, "name": name_answer(group["answer"])} for group in described["answers"]],
        "divides": described["divides"],
        "division": described["division"],
        "candidates": [describe_by_answer(one) for one in described["candidates"]],
    }


def describe_by_answer(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate with a bar for each answer."""
    sides = [
        {**side, "name": name_answer(side["answer"]), "share": side["accepted"] / side["judged"]}
        for side in candidate["answers"]
    ]
    return {**candidate, "sides": [{**side, "width": round(100 * side["share"], 1)} for side in sides]}


def name_answer(answer: str) -> Words:
    """The words of an answer; those to the question of the first language are languages."""
    return ANSWER_NAMES.get(answer) or language_name(answer)


def split_list(opinions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a list shows at once, and what folds; each with the shares that its bars are."""
    described = [describe_opinion(one) for one in opinions]
    return {"shown": described[:LISTED], "more": described[LISTED:], "count": len(described)}


def describe_opinion(opinion: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate with a bar for each group."""
    sides = [
        {**side, "share": side["accepted"] / side["judged"], "mark": draw_mark(side["group"], 9, 9, 6)}
        for side in opinion["groups"]
    ]
    # In whole per cent of a drawing: a style sheet cannot be told a width.
    return {**opinion, "sides": [{**side, "width": round(100 * side["share"], 1)} for side in sides]}


urlpatterns = [path("campaigns/<slug:slug>/results/perspectives/", perspectives, name="results_perspectives")]
