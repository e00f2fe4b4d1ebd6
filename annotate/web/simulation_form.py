"""What is to be imagined, as a form: policies, volunteers, days, and parameters as they would be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.simulations import grows_from_nothing
from annotate.web.campaign_forms import explain_parameter, parameter_field, put_parameter, read_parameter, write_bound
from annotate.web.campaign_words import PARAMETER
from annotate.web.fields import Field, Option, Problems
from annotate.web.simulation_words import POLICIES, POLICY_NOTES
from tasks.records.parameters import BOOLEAN, CampaignSettings, read_settings
from tasks.records.simulations import (
    MOST_ARMS,
    PAGE_ANNOTATORS,
    PAGE_DAYS,
    PAGE_JUDGMENTS,
    PAGE_PIECES,
    PAGE_RUNS,
    Arm,
    SimulationPlan,
    plan_arms,
)
from tasks.vocabulary import PolicyName

#: Parameters that make a difference to what is imagined.
TRIED = (
    "redundancy", "stop_confidence", "stop_best", "least_gain", "min_judgments", "max_judgments", "weigh_reliability",
    "candidates_shown", "match_people", "random_share", "wait_days", "daily_cap",
)  # fmt: skip
#: And where trees grow.
GROWN = (
    "goal_tree_size", "replies_wanted", "prompter_replies", "max_tree_depth", "active_trees", "waiting_prompts",
    "min_reviews", "max_reviews", "open_briefs",
)  # fmt: skip
DEFAULTS = {"annotators": "100", "days": "14", "runs": "5"}
MOSTS = {"annotators": PAGE_ANNOTATORS, "days": PAGE_DAYS, "runs": PAGE_RUNS}


def first_post(campaign: Campaign) -> QueryDict:
    """A form that nobody has filled yet: the campaign as it is, against chance."""
    settings = read_settings(campaign.parameters)
    post = QueryDict(mutable=True)
    post.update(DEFAULTS)
    post.setlist("policies", list(dict.fromkeys([settings.policy, PolicyName.UNIFORM.value])))
    for name in list_tried(campaign):
        put_parameter(post, name, getattr(settings, name))
    return post


def read_plan(campaign: Campaign, post: QueryDict) -> SimulationPlan:
    """What is asked for: every policy with what holds, and, where something differs, with what is written here too."""
    settings = read_settings(campaign.parameters)
    tried = read_tried(settings, post, names=list_tried(campaign))
    policies = post.getlist("policies")
    arms: tuple[Arm, ...] = plan_arms(policies=policies, tried={}, parameters=campaign.parameters)
    if tried:
        arms = tuple(way for arm in arms for way in (arm, Arm(arm.policy, tried)))
    numbers = {name: read_number(post.get(name, "")) for name in DEFAULTS}
    return SimulationPlan(arms, seed=1, **numbers)


def list_tried(campaign: Campaign) -> tuple[str, ...]:
    """The parameters that make a difference in this campaign."""
    grows = grows_from_nothing(parameters=campaign.parameters, kinds=campaign.kinds)
    return (*TRIED, *GROWN) if grows else TRIED


def read_tried(settings: CampaignSettings, post: QueryDict, *, names: Iterable[str]) -> dict[str, Any]:
    """The parameters that are written otherwise than they hold; a switch that is not sent is off."""
    read = {
        name: read_parameter(name, post.get(f"{PARAMETER}{name}", ""))
        for name in names
        if name in BOOLEAN or f"{PARAMETER}{name}" in post
    }
    return {name: value for name, value in read.items() if value != getattr(settings, name)}


def read_number(text: str) -> Any:
    """A whole number, or the text, which is then refused with its bounds."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def main_fields(post: QueryDict) -> list[Field]:
    """Policies, volunteers, days and repetitions."""
    chosen = post.getlist("policies")
    options = tuple(
        Option(policy.value, POLICIES[policy], POLICY_NOTES[policy], policy.value in chosen) for policy in PolicyName
    )
    return [
        Field("policies", _("What decides which work comes first"), "choices", options=options, place="policy"),
        _number_field("annotators", _("Volunteers"), "", post),
        _number_field("days", _("Days from now"), "", post),
        _number_field("runs", _("Repetitions"), _("Each with other dice. More make the intervals narrower."), post),
    ]


def tried_fields(campaign: Campaign, post: QueryDict) -> list[Field]:
    """The parameters, filled with what holds."""
    return [replace(parameter_field(name, post), place=f"{PARAMETER}{name}") for name in list_tried(campaign)]


def explain_problems(problems: Problems) -> Problems:
    """Problems of a plan in the words of the form."""
    return {place: [_explain(place, sentence) for sentence in told] for place, told in problems.items()}


def name_ways(arms: Iterable[Arm]) -> list[dict[str, Any]]:
    """Each way by its policy, and whether it has the changed parameters."""
    return [{"policy": POLICIES[arm.policy], "is_changed": bool(arm.parameters)} for arm in arms]


def _explain(place: str, sentence: str) -> str:
    if place in MOSTS and " must be " in sentence:
        return _("Write a whole number from %(low)s to %(high)s.") % {"low": "1", "high": write_bound(MOSTS[place])}
    if place == "annotators" and str(PAGE_PIECES) in sentence:
        return _("That is too much for one simulation, which imagines at most %(most)s pieces of work in each repetition where trees grow. Ask for fewer people, days or ways.") % {
            "most": whole(PAGE_PIECES)
        }  # fmt: skip
    if place == "annotators":
        return _("That is too much for one simulation, which imagines about %(most)s judgments at most. Ask for fewer people, days, repetitions or ways.") % {
            "most": whole(PAGE_JUDGMENTS)
        }  # fmt: skip
    if place == "arms":
        return _("At most %(most)s ways are compared at once. Choose fewer.") % {"most": MOST_ARMS}
    return explain_parameter(place.removeprefix(PARAMETER), sentence)


def _number_field(name: str, title: str, hint: str, post: QueryDict) -> Field:
    bounds = _("%(low)s to %(high)s") % {"low": "1", "high": write_bound(MOSTS[name])}
    return Field(
        name, title, "number", post.get(name, ""), hint, bounds=bounds, low="1", high=str(MOSTS[name]), step="1"
    )
