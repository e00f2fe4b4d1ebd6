"""What adaptive redundancy saved, for those who run the campaign; and the past under another rule, which changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponse, QueryDict
from django.urls import path
from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.models import Campaign
from annotate.queries.saving import RULE_NAMES, get_saving, load_traces, read_tried_rule
from annotate.web.campaign_forms import explain_parameter, parameter_field, put_parameter, read_parameter
from annotate.web.fields import Field, check_fields, tell_wrong
from annotate.web.pages import PageRequest, page
from annotate.web.results_nav import get_campaign_for_tab, render_results
from annotate.web.saving_figures import describe_replay, describe_saving
from tasks.records.parameters import read_settings
from tasks.scheduling.replay import replay

TAB = "results_saving"


@page("GET")
def saving(request: PageRequest, slug: str) -> HttpResponse:
    """What was measured last; with a rule in the address, what it would have asked for."""
    campaign = get_campaign_for_tab(request.actor, slug, TAB)
    measured = get_saving(campaign_id=campaign.pk)
    context: dict[str, Any] = {"measured": measured}
    if measured is not None:
        context |= describe_saving(measured.result)
        context |= try_rule(campaign, request.GET)
    status = 422 if context.get("wrong") or context.get("rest") else 200
    return render_results(request, campaign, "results/saving.html", context, status=status)


def try_rule(campaign: Campaign, asked: QueryDict) -> dict[str, Any]:
    """The form, filled with what is asked or with what holds; and what became of a rule that is asked for."""
    fields = draw_fields(campaign, asked)
    if not any(name in asked for name in RULE_NAMES):
        return {"fields": fields, "replay": None}
    values = {name: read_parameter(name, asked.get(name, "")) for name in RULE_NAMES if name in asked}
    try:
        rule = read_tried_rule(values)
    except InvalidInput as error:
        problems = {name: [explain_parameter(name, one) for one in told] for name, told in error.details.items()}
        checked = check_fields(fields, problems)
        return {"fields": checked, "replay": None, **tell_wrong(checked, problems)}
    return {"fields": fields, "replay": describe_replay(replay(load_traces(campaign_id=campaign.pk), redundancy=rule))}


def draw_fields(campaign: Campaign, asked: QueryDict) -> list[Field]:
    """The rule's parameters as in the campaign's own form, under their bare names."""
    settings = read_settings(campaign.parameters)
    shown = QueryDict(mutable=True)
    for name in RULE_NAMES:
        put_parameter(shown, name, getattr(settings, name))
        if name in asked:
            shown[f"parameters.{name}"] = asked.get(name, "")
    fields = [replace(parameter_field(name, shown), name=name) for name in RULE_NAMES]
    # In the campaign's own form its hint speaks of the line above.
    return [
        replace(field, hint=_("How certain the order must be. Empty: this stops nothing."))
        if field.name == "stop_confidence"
        else field
        for field in fields
    ]


urlpatterns = [path("campaigns/<slug:slug>/results/saving/", saving, name=TAB)]
