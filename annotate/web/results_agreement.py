"""How much people agree: every figure with its interval, in its parts and over time, and where it is least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from annotate.models import Campaign
from annotate.queries.agreement import describe_least, find_computed_at, list_agreement, list_measured_kinds
from annotate.queries.results import is_current
from annotate.web.agreement_shown import (
    choose_main,
    describe_figures,
    describe_months,
    describe_parts,
    say_meaning,
)
from annotate.web.agreement_words import FIGURES
from annotate.web.annotator_names import name_annotator
from annotate.web.lists import change_query
from annotate.web.names import KIND_NAMES, language_name
from annotate.web.pages import PageRequest, page
from annotate.web.problems import make_link
from annotate.web.results_nav import get_campaign_for_tab, is_insider, render_results
from tasks.vocabulary import Kind

TAB = "results_agreement"
#: Of each list of what agrees least so many are shown; `all=1` in the address shows the rest.
LEAST = 10

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address asks for, as far as there is such a thing. Empty: all of them."""

    kind: str
    language: str
    topic: str | None
    dimension: str | None


@page("GET")
def agreement(request: PageRequest, slug: str) -> HttpResponse:
    """Everybody who sees the campaign sees its figures; who and what agrees least, those who run it."""
    campaign = get_campaign_for_tab(request.actor, slug, TAB)
    insider = is_insider(request.actor, campaign)
    measured = list_measured_kinds(campaign_id=campaign.pk)
    kinds = [kind.value for kind in Kind if kind in measured]
    context: dict[str, Any] = {"kinds": [], "is_current": is_current(campaign_id=campaign.pk)}
    if kinds:
        kind = request.GET.get("kind", "")
        context |= show_kind(request, campaign, kind if kind in kinds else kinds[0], insider=insider)
        context["kinds"] = [(each, KIND_NAMES[Kind(each)], each == context["chosen"].kind) for each in kinds]
    return render_results(request, campaign, "results/agreement.html", context, fragment="results/_agreement.html")


def show_kind(request: PageRequest, campaign: Campaign, kind: str, *, insider: bool) -> dict[str, Any]:
    """One kind of work: its figures in the scope that the address names, by part and by month."""
    of: dict[str, Any] = {"campaign_id": campaign.pk, "is_insider": insider, "kind": kind}
    whole = list_agreement(**of)
    languages = sorted({report["language"] for report in whole if report["language"]})
    language = request.GET.get("language", "")
    language = language if language in languages else ""
    strata = list_agreement(**of, part="stratum", language=language) if language else []
    chosen = choose(request, kind, language, whole, strata)
    scope = [report for report in whole if report["language"] == (language or None)]
    if chosen.topic is not None:
        scope = [report for report in strata if report["topic"] == chosen.topic]
    shown: dict[str, Any] = {
        "chosen": chosen,
        "is_label": kind == Kind.LABEL,
        "languages": [(code, language_name(code), code == language) for code in languages],
        "topics": [(name, name == chosen.topic) for name in list_topics(strata)],
        "dimensions": [(name, name == chosen.dimension) for name in list_dimensions(whole)],
        "meaning": say_meaning(scope, kind=kind),
        "figures": describe_figures(scope),
        "figure_words": [words for coefficient, words in FIGURES.items() if is_about(coefficient, kind)],
        "computed_at": find_computed_at(whole),
        **show_parts(chosen, whole, strata),
    }
    if not language:
        months = choose_main(list_agreement(**of, part="month"), kind=kind, dimension=chosen.dimension)
        shown["months"] = describe_months(months)
    return shown | (show_least(request, campaign, kind) if insider else {})


def choose(request: PageRequest, kind: str, language: str, whole: Sequence[Report], strata: Sequence[Report]) -> Chosen:
    topic, dimensions = request.GET.get("topic"), list_dimensions(whole)
    dimension = request.GET.get("question", "")
    return Chosen(
        kind,
        language,
        topic if topic in list_topics(strata) else None,
        dimension if dimension in dimensions else next(iter(dimensions), None),
    )


def show_parts(chosen: Chosen, whole: Sequence[Report], strata: Sequence[Report]) -> dict[str, Any]:
    """The figure that stands for the kind, by language, or by topic where one language is chosen."""
    if chosen.language:
        parts = choose_main(strata, kind=chosen.kind, dimension=chosen.dimension)
        return {"parts": describe_parts(parts, [part["topic"] or _("no topic") for part in parts])}
    parts = choose_main(whole, kind=chosen.kind, dimension=chosen.dimension)
    parts = [part for part in parts if part["language"]]
    return {"parts": describe_parts(parts, [language_name(part["language"]) for part in parts])}


def show_least(request: PageRequest, campaign: Campaign, kind: str) -> dict[str, Any]:
    """Items and pairs of people that agree least, with where to look at them."""
    least = describe_least(campaign_id=campaign.pk)
    is_label = kind == Kind.LABEL
    items = least["subjects" if is_label else "parents"]
    pairs = least["label_pairs" if is_label else "ranking_pairs"]
    is_all = request.GET.get("all") == "1"
    most = None if is_all else LEAST
    more = not is_all and max(len(items), len(pairs)) > LEAST
    return {
        "least_items": [link_item(item, campaign) for item in items[:most]],
        "least_pairs": [name_pair(pair, campaign) for pair in pairs[:most]],
        "more_least": change_query(request, all=1) if more else None,
    }


def link_item(item: Mapping[str, Any], campaign: Campaign) -> dict[str, Any]:
    """An item with its address: its consensus where it has one, else its place in its tree."""
    number = item.get("parent") or item["subject"]
    address = make_link("message", number)
    if item.get("parent") and item["has_consensus"]:
        address = make_link("results_consensus_parent", campaign.slug, number) or address
    return {**item, "address": address}


def name_pair(pair: Mapping[str, Any], campaign: Campaign) -> dict[str, Any]:
    """The two as they are named to those who run the campaign, with the address of what is known of each."""
    address = make_link("results_annotators", campaign.slug)
    people = [
        {
            "name": name_annotator(side["annotator"], side["display_name"], is_guest=side["is_guest"]),
            "address": f"{address}?who={side['annotator']}" if address else "",
        }
        for side in (pair["one"], pair["other"])
    ]
    return {**pair, "people": people}


def list_topics(strata: Sequence[Report]) -> list[str]:
    return sorted({report["topic"] for report in strata})


def list_dimensions(whole: Sequence[Report]) -> list[str]:
    return sorted({report["dimension"] for report in whole if report["dimension"]})


def is_about(coefficient: str, kind: str) -> bool:
    """Whether a figure is of this kind of work: alpha of labels, all others of rankings."""
    return (coefficient == "krippendorff_alpha") == (kind == Kind.LABEL)


urlpatterns = [path("campaigns/<slug:slug>/results/agreement/", agreement, name=TAB)]
