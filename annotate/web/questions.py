"""What labels ask: the questions of a campaign as rows that are added, moved and taken out."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from annotate.models import Campaign
from annotate.queries.campaigns import describe_label_schema
from annotate.services.campaign_files import read_campaign
from annotate.web.campaign_words import ASKED_ABOUT, WIDGETS
from annotate.web.editing import Press, get_edited, open_form, take_press
from annotate.web.fields import Field, Option, check_fields, tell_wrong
from annotate.web.guideline import keep_press
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.rows import Row, drop_empty, is_row_step, read_rows, take_row_step, to_number
from tasks.vocabulary import MessageRole, Widget

TEXTS = ("name", "title", "widget", "anchors", "mandatory", "simple")
TICKS = ("mandatory", "simple")
LISTS = ("applies_to",)
MOST_QUESTIONS = 60


@page("GET", "POST", needs=Needs.ACCOUNT)
def edit_questions(request: PageRequest, slug: str) -> HttpResponse:
    """The questions in force as rows; what is applied is the next version."""
    campaign = get_edited(request, slug)
    if request.method != "POST":
        schema = describe_label_schema(schema_id=campaign.label_schema_id)
        rows = [as_row(dimension) for dimension in (schema or {}).get("dimensions", ())]
        return show_rows(request, campaign, rows, open_form({"label_schema": schema}, ("label_schema",)))
    rows, step = (
        read_rows(request.POST, "question", TEXTS, lists=LISTS, most=MOST_QUESTIONS + 1),
        request.POST.get("step", ""),
    )
    if is_row_step(step):
        rows, focus = take_row_step(rows, step, empty=empty_question)
        return show_rows(request, campaign, rows, keep_press(request), focus=focus)
    rows = drop_empty(rows, ("name", "title", "anchors"))
    values = {"label_schema": {"dimensions": [as_dimension(row) for row in rows]}}
    press = take_press(request, campaign, lambda: read_campaign(values))
    if press.is_applied:
        return redirect("edit_questions", slug)
    return show_rows(request, campaign, rows, press)


def as_row(dimension: dict[str, Any]) -> Row:
    points = "\n".join(f"{anchor['value']:g} {anchor['title']}" for anchor in dimension["anchors"])
    ticks = {name: "on" if dimension[name] else "" for name in TICKS}
    return {**dimension, "anchors": points, **ticks}


def as_dimension(row: Row) -> dict[str, Any]:
    """A row in the shape that a file has."""
    return {
        "name": row["name"],
        "title": row["title"],
        "widget": row["widget"],
        "applies_to": row["applies_to"],
        **{name: bool(row[name]) for name in TICKS},
        "anchors": read_points(row["anchors"]) if row["widget"] == Widget.SCALE else [],
    }


def read_points(text: str) -> list[dict[str, Any]]:
    """The points of a scale, a line each: a number and words, or words alone, which then lie evenly from 0 to 1."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line.split(maxsplit=1) for line in lines]
    if not any(isinstance(to_number(parts[0], float), float) for parts in told):
        last = max(len(lines) - 1, 1)
        return [{"value": round(place / last, 6), "title": line} for place, line in enumerate(lines)]
    return [{"value": to_number(parts[0], float), "title": parts[1] if len(parts) > 1 else ""} for parts in told]


def empty_question() -> Row:
    return {
        **dict.fromkeys(TEXTS, ""),
        "widget": Widget.YES_NO.value,
        "applies_to": [role.value for role in MessageRole],
    }


def show_rows(
    request: PageRequest, campaign: Campaign, rows: list[Row], press: Press, *, focus: int | None = None
) -> HttpResponse:
    drawn = [check_fields(question_fields(row, number, focus), press.problems) for number, row in enumerate(rows)]
    context = {
        "campaign": campaign,
        "press": press,
        "questions": drawn,
        "can_add": len(rows) < MOST_QUESTIONS,
        **tell_wrong([field for fields in drawn for field in fields], press.problems),
    }
    return render_page(
        request, "campaigns/questions.html", context, fragment="campaigns/_questions.html", status=press.status
    )


def question_fields(row: Row, number: int, focus: int | None) -> list[Field]:
    name, place = f"question.{number}.", f"label_schema.dimensions[{number}]."
    widgets = tuple(Option(value, title, is_chosen=row["widget"] == value) for value, title in WIDGETS.items())
    asked = tuple(Option(role, title, is_chosen=role in row["applies_to"]) for role, title in ASKED_ABOUT.items())
    return [
        Field(f"{name}title", _("Question"), value=row["title"], place=f"{place}title", most=160, autofocus=number == focus),
        Field(f"{name}name", _("Name in releases"), value=row["name"], place=f"{place}name", most=40,
              hint=_("Small letters, digits and underscores.")),
        Field(f"{name}widget", _("Answered by"), "select", options=widgets, place=f"{place}widget"),
        Field(f"{name}applies_to", _("Asked about"), "chips", options=asked, place=f"{place}applies_to"),
        Field(f"{name}mandatory", _("Must be answered"), "check", "on", is_checked=bool(row["mandatory"]),
              place=f"{place}mandatory"),
        Field(f"{name}simple", _("Asked in the simple form too"), "check", "on", is_checked=bool(row["simple"]),
              hint=_("Reviews ask the simple form more often. What must be answered is always in it."),
              place=f"{place}simple"),
        Field(f"{name}anchors", _("Points of the scale"), "area", row["anchors"], rows=5, place=f"{place}anchors",
              hint=_("One a line, from least to most. A number from 0 to 1 may come first; without, they lie evenly.")),
    ]  # fmt: skip


urlpatterns = [path("campaigns/<slug:slug>/edit/questions/", edit_questions, name="edit_questions")]
