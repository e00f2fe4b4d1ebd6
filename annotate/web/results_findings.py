"""Signs of manipulation, for those who run a campaign: a list by strength, and each with its evidence and what to decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for, require_administrator
from annotate.exceptions import ChorusError, InvalidInput, NotFound
from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.findings import count_findings, find_finding, list_ballots, list_findings, list_names
from annotate.queries.rows import Row
from annotate.services.findings import MAX_NOTE_CHARS, decide_finding
from annotate.services.moderation import reinstate_annotator, suspend_annotator
from annotate.web.annotator_names import name_annotator
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Problems, check_fields, problems_of, tell_wrong
from annotate.web.finding_words import HONESTLY, STATES, TITLES, tell_finding, tell_strength
from annotate.web.lists import MAX_ID, take_stretch
from annotate.web.pages import Needs, PageRequest, page
from annotate.web.problems import make_link
from annotate.web.results_nav import get_campaign_for_tab, render_results
from tasks.records.parameters import read_settings
from tasks.vocabulary import CampaignRole, FindingKind, FindingState

TAB, ONE = "results_findings", "results_finding"
UPHOLD, DISMISS, SUSPEND, REINSTATE = "uphold", "dismiss", "suspend", "reinstate"
FIELDS_OF_CODES = {"reason_required": "reason", "reason_too_long": "reason"}


@page("GET")
def findings(request: PageRequest, slug: str) -> HttpResponse:
    """Findings in the state that the address names, the strongest first."""
    campaign = get_campaign_for_tab(request.actor, slug, TAB)
    state = request.GET.get("state", "")
    state = state if state in set(FindingState) else FindingState.OPEN.value
    part = take_stretch(
        request,
        lambda offset, limit: list_findings(
            campaign_id=campaign.pk, state=state, me=request.actor.user_id, offset=offset, limit=limit
        ),
    )
    counts = count_findings(campaign_id=campaign.pk)
    context = {
        "findings": show_findings(part.rows),
        "part": part,
        "states": [(name.value, title, whole(counts[name.value]), name == state) for name, title in STATES.items()],
        "state": state,
    }
    return render_results(request, campaign, "results/findings.html", context)


@page("GET", "POST", needs=Needs.ACCOUNT)
def finding(request: PageRequest, slug: str, finding_id: int) -> HttpResponse:
    """One of them; posted, what was decided, as `do` says."""
    campaign = get_campaign_for(request.actor, slug, CampaignRole.MODERATOR)
    row = find_finding(campaign_id=campaign.pk, finding_id=min(finding_id, MAX_ID), me=request.actor.user_id)
    if row is None:
        raise NotFound(_("This campaign has no such finding."), code="finding_not_found")
    if request.method != "POST":
        return show_one(request, campaign, row, {})
    try:
        done = do_with_finding(request, campaign, row)
    except ChorusError as error:
        return show_one(request, campaign, row, problems_of(error, FIELDS_OF_CODES), status=error.status)
    messages.success(request, f"{done} {_('It is in the audit.')}")
    return redirect(ONE, campaign.slug, row["id"])


def do_with_finding(request: PageRequest, campaign: Campaign, row: Row) -> str:
    """Decide, or suspend the person; returns what is said of it."""
    verb, reason = request.POST.get("do", ""), request.POST.get("reason", "")
    given: dict[str, Any] = {"campaign": campaign, "actor": request.actor, "reason": reason}
    if verb in {UPHOLD, DISMISS}:
        decide_finding(finding_id=row["id"], upholds=verb == UPHOLD, now=timezone.now(), **given)
        return _("The finding is upheld.") if verb == UPHOLD else _("The finding is dismissed.")
    require_administrator(request.actor)
    if not reason.strip():
        raise InvalidInput(_("Say in a few words why. It is kept in the audit."), code="reason_required")
    given["reason"] = reason.strip()[:MAX_REASON_CHARS]
    if verb == SUSPEND:
        suspend_annotator(annotator_id=row["annotator"], now=timezone.now(), **given)
        return _("They are suspended.")
    reinstate_annotator(annotator_id=row["annotator"], **given)
    return _("They may work again.")


def show_one(
    request: PageRequest, campaign: Campaign, row: Row, problems: Problems, *, status: int = 200
) -> HttpResponse:
    reason = Field(
        "reason",
        _("Why (kept in the audit)"),
        "area",
        request.POST.get("reason", ""),
        rows=3,
        is_needed=True,
        most=MAX_NOTE_CHARS,
    )
    fields = check_fields([reason], problems)
    (shown,) = show_findings([row])
    ballots = list_ballots(campaign_id=campaign.pk, judgments=row["evidence"].get("judgments", []))
    for ballot in ballots:
        ballot["seconds"] = None if ballot["seconds"] is None else round(ballot["seconds"])
        ballot["address"] = make_link("results_consensus_parent", campaign.slug, ballot["parent"])
    context = {
        "finding": shown,
        "ballots": ballots,
        "fields": fields,
        "weighs": read_settings(campaign.parameters).weigh_reliability,
        "may_suspend": request.actor.is_administrator,
        "may_decide": shown["state"] != FindingState.GONE and not row["is_own"],
        **tell_wrong(fields, problems),
    }
    return render_results(request, campaign, "results/finding.html", context, status=status)


def show_findings(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Findings as the templates show them."""
    others = list_names(annotators=[one for row in rows for one in row["others"]])
    names = {one["annotator"]: _name(one) for one in others}
    return [
        {
            **row,
            "name": _name(row),
            "title": TITLES[FindingKind(row["kind"])],
            "told": tell_finding(FindingKind(row["kind"]), row["evidence"]),
            "honestly": HONESTLY[FindingKind(row["kind"])],
            "odds": tell_strength(row["strength"]),
            "state_name": STATES[FindingState(row["state"])],
            "with_others": [(one, names[one]) for one in row["others"] if one in names],
        }
        for row in rows
    ]


def _name(row: Row) -> str:
    return name_annotator(row["annotator"], row["display_name"], is_guest=row["is_guest"])


urlpatterns = [
    path("campaigns/<slug:slug>/results/findings/", findings, name=TAB),
    path("campaigns/<slug:slug>/results/findings/<int:finding_id>/", finding, name=ONE),
]
