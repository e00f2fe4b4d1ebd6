"""How many judgments a campaign wants for each language and topic: rows that are added and taken out."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from annotate.models import Campaign
from annotate.queries.campaigns import list_targets
from annotate.services.campaign_files import read_campaign
from annotate.web.editing import Press, get_edited, open_form, take_press
from annotate.web.fields import Field, Option, check_fields, tell_wrong
from annotate.web.guideline import keep_press
from annotate.web.names import language_name
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.rows import Row, drop_empty, is_row_step, read_rows, take_row_step, to_number

NAMES = ("language", "topic", "judgments")
#: More cells than this are written in a file.
MOST_ROWS = 200


@page("GET", "POST", needs=Needs.ACCOUNT)
def edit_targets(request: PageRequest, slug: str) -> HttpResponse:
    """The targets as rows."""
    campaign = get_edited(request, slug)
    if request.method != "POST":
        rows = list_targets(campaign_id=campaign.pk)
        return show_rows(request, campaign, rows, open_form({"targets": rows}, ("targets",)))
    rows, step = read_rows(request.POST, "target", NAMES, most=MOST_ROWS + 1), request.POST.get("step", "")
    if is_row_step(step):
        rows, focus = take_row_step(rows, step, empty=lambda: empty_target(campaign))
        return show_rows(request, campaign, rows, keep_press(request), focus=focus)
    rows = drop_empty(rows, ("topic", "judgments"))
    press = take_press(request, campaign, lambda: read_campaign({"targets": [as_target(row) for row in rows]}))
    if press.is_applied:
        return redirect("edit_targets", slug)
    return show_rows(request, campaign, rows, press)


def as_target(row: Row) -> dict[str, Any]:
    return {**row, "judgments": to_number(row["judgments"], int)}


def empty_target(campaign: Campaign) -> Row:
    return {"language": campaign.languages[0], "topic": "", "judgments": ""}


def show_rows(
    request: PageRequest, campaign: Campaign, rows: list[Row], press: Press, *, focus: int | None = None
) -> HttpResponse:
    is_too_long = len(rows) > MOST_ROWS
    drawn = [] if is_too_long else [
        check_fields(target_fields(campaign, row, number, focus), press.problems) for number, row in enumerate(rows)
    ]  # fmt: skip
    context = {
        "campaign": campaign,
        "press": press,
        "targets": drawn,
        "is_too_long": is_too_long,
        "total": len(rows),
        "can_add": len(rows) < MOST_ROWS,
        **tell_wrong([field for fields in drawn for field in fields], press.problems),
    }
    return render_page(
        request, "campaigns/targets.html", context, fragment="campaigns/_targets.html", status=press.status
    )


def target_fields(campaign: Campaign, row: Row, number: int, focus: int | None) -> list[Field]:
    name, place = f"target.{number}.", f"targets[{number}]."
    codes = dict.fromkeys([*campaign.languages, row["language"]])
    options = tuple(Option(code, language_name(code), is_chosen=row["language"] == code) for code in codes)
    return [
        Field(f"{name}language", _("Language"), "select", options=options, place=f"{place}language", autofocus=number == focus),
        Field(f"{name}topic", _("Topic (empty: any)"), value=row["topic"], place=f"{place}topic", most=80),
        Field(f"{name}judgments", _("Judgments"), "number", str(row["judgments"]), low="1", step="1", place=f"{place}judgments"),
    ]  # fmt: skip


urlpatterns = [path("campaigns/<slug:slug>/edit/targets/", edit_targets, name="edit_targets")]
