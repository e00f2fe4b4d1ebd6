"""The guideline of a campaign: to read, with its earlier versions; to write, with a preview."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for
from annotate.exceptions import NotFound
from annotate.models import Campaign, Guideline
from annotate.queries.campaigns import describe_guideline, list_guidelines
from annotate.services.campaign_files import read_campaign
from annotate.web.editing import Press, get_edited, open_form, take_press
from annotate.web.fields import Field, check_fields, tell_wrong
from annotate.web.lists import read_whole
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.rows import Row, drop_empty, is_row_step, read_rows, take_row_step, without_empty
from tasks.records.campaigns import CampaignSpec

PARTS = ("title", "prompt", "better", "worse", "text", "why")
MOST_EXAMPLES = 50
MAX_VERSION = 2**31 - 1


@page("GET")
def guideline(request: PageRequest, slug: str) -> HttpResponse:
    """The version in force, or the one that the address names."""
    campaign = get_campaign_for(request.actor, slug)
    versions = list(list_guidelines(campaign_id=campaign.pk))
    shown = choose_version(versions, request.GET.get("version"), campaign.guideline_id)
    context = {"campaign": campaign, "guideline": shown, "versions": versions, "current": campaign.guideline_id}
    return render_page(request, "guideline/show.html", context)


@page("GET", "POST", needs=Needs.ACCOUNT)
def edit_guideline(request: PageRequest, slug: str) -> HttpResponse:
    """Text and examples; what is applied is the next version."""
    campaign = get_edited(request, slug)
    if request.method != "POST":
        text, rows = read_current(campaign.guideline)
        press = open_form({"guideline": describe_guideline(campaign.guideline)}, ("guideline",))
        return show_editor(request, campaign, text, rows, press)
    text, rows, step = request.POST.get("text", ""), read_examples(request), request.POST.get("step", "")
    if is_row_step(step):
        rows, focus = take_row_step(rows, step, empty=empty_example)
        return show_editor(request, campaign, text, rows, keep_press(request), focus=focus)
    rows = drop_empty(rows, PARTS)
    if step == "preview":
        return show_editor(request, campaign, text, rows, keep_press(request), is_preview=True)
    press = take_press(request, campaign, lambda: read_text(text, rows))
    return redirect("edit_guideline", slug) if press.is_applied else show_editor(request, campaign, text, rows, press)


def read_text(text: str, rows: list[Row]) -> CampaignSpec:
    """A campaign of which nothing is said but its guideline."""
    examples = [without_empty(row) for row in rows]
    return read_campaign({"guideline": {"text": text.replace("\r\n", "\n"), "examples": examples}})


def choose_version(versions: list[Guideline], wanted: str | None, current: int | None) -> Guideline | None:
    """The version that is asked for, or that in force; None where there is none yet. Raises NotFound."""
    if wanted is None:
        return next((row for row in versions if row.pk == current), None)
    number = read_whole(wanted, high=MAX_VERSION)
    found = next((row for row in versions if row.version == number), None)
    if found is None:
        raise NotFound(_("The guideline has no such version. Look at those that it has."), code="version_not_found")
    return found


def read_current(current: Guideline | None) -> tuple[str, list[Row]]:
    if current is None:
        return "", []
    return current.text, [{part: example.get(part, "") for part in PARTS} for example in current.examples]


def read_examples(request: PageRequest) -> list[Row]:
    rows = read_rows(request.POST, "example", PARTS, most=MOST_EXAMPLES + 1)
    return [{part: text.replace("\r\n", "\n") for part, text in row.items()} for row in rows]


def empty_example() -> Row:
    return dict.fromkeys(PARTS, "")


def keep_press(request: PageRequest) -> Press:
    """What the form remembers, while a button of it did something else."""
    return Press(seen=request.POST.get("seen", ""))


def show_editor(
    request: PageRequest,
    campaign: Campaign,
    text: str,
    rows: list[Row],
    press: Press,
    *,
    focus: int | None = None,
    is_preview: bool = False,
) -> HttpResponse:
    words = Field(
        "text", _("Guideline"), "area", text, _("Markdown: headings, lists, emphasis, tables, code."), rows=16,
        place="guideline.text", is_needed=True,
    )  # fmt: skip
    [main] = check_fields([words], press.problems)
    examples = [check_fields(example_fields(row, number, focus), press.problems) for number, row in enumerate(rows)]
    context: dict[str, Any] = {
        "campaign": campaign,
        "press": press,
        "main": main,
        "examples": examples,
        "preview": {"text": text, "examples": rows},
        "can_add": len(rows) < MOST_EXAMPLES,
        **tell_wrong([main, *(field for example in examples for field in example)], press.problems),
    }
    fragment = "guideline/_seen.html" if is_preview else "guideline/_examples.html"
    return render_page(request, "guideline/edit.html", context, fragment=fragment, status=press.status)


def example_fields(row: Row, number: int, focus: int | None) -> list[Field]:
    titles = {
        "title": _("What it shows"),
        "prompt": _("Prompt"),
        "better": _("Better"),
        "worse": _("Worse"),
        "text": _("A single text, where two do not fit"),
        "why": _("Why"),
    }
    return [
        Field(
            f"example.{number}.{part}", titles[part], "text" if part == "title" else "area", row[part],
            rows=3, place=f"guideline.examples[{number}].{part}", autofocus=part == "title" and number == focus,
        )
        for part in PARTS
    ]  # fmt: skip


urlpatterns = [
    path("campaigns/<slug:slug>/guideline/", guideline, name="guideline"),
    path("campaigns/<slug:slug>/edit/guideline/", edit_guideline, name="edit_guideline"),
]
