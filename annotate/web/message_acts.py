"""What one does with a message besides the work one is offered: react, report, label, fix it or propose other words."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import reader_of, require_annotator
from annotate.exceptions import ChorusError, Gone
from annotate.queries.message_access import get_readable, get_touchable
from annotate.queries.message_reports import find_own_report
from annotate.queries.rows import Row
from annotate.services.label_choice import choose_label
from annotate.services.reactions import react as give_reaction
from annotate.services.reports import MAX_NOTE_CHARS, take_back_report
from annotate.services.reports import report_message as give_report
from annotate.services.revisions import MAX_REASON_CHARS
from annotate.services.revisions import revise_message as give_revision
from annotate.web.addresses import leads_here
from annotate.web.fields import Field, Option, Problems, check_fields, problems_of, tell_wrong
from annotate.web.lists import MAX_ID, read_whole
from annotate.web.message_words import REPORT_REASONS, show_reactions
from annotate.web.pages import Needs, PageRequest, page, render_page
from annotate.web.trees import address_of

#: Refusals that a field is at fault for, and which.
REPORT_FIELDS = {"wrong_value": "reason", "note_required": "note", "note_too_long": "note"}
REVISION_FIELDS = {
    "reason_required": "reason", "reason_too_long": "reason", "text_unchanged": "text", "text_duplicate": "text",
    "text_empty": "text", "text_too_long": "text", "text_has_override": "text", "revision_moved": "text",
}  # fmt: skip


@page("POST", needs=Needs.ANNOTATOR)
def react(request: PageRequest, message_id: int) -> HttpResponse:
    """Give a reaction or take it back; htmx is given the reactions of this message alone."""
    given = give_reaction(
        reader=reader_of(request.actor),
        message_id=min(message_id, MAX_ID),
        code=request.POST.get("code", ""),
        now=timezone.now(),
    )
    following = request.POST.get("next", "")
    if not request.htmx:
        is_here = leads_here(request, following)
        return redirect(f"{following}#m{message_id}" if is_here else address_of(request, message_id))
    context = {"id": message_id, "reactions": show_reactions(given), "may_react": True}
    return render(request, "messages/_reactions.html", {**context, "is_new": True, "here": following})


@page("GET", "POST", needs=Needs.ANNOTATOR)
def report_message(request: PageRequest, message_id: int) -> HttpResponse:
    """Say what is wrong with a message, say it otherwise, or take it back."""
    reader, number = reader_of(request.actor), min(message_id, MAX_ID)
    if request.method != "POST":
        return show_report(request, get_touchable(message_id=number, reader=reader), {})
    if request.POST.get("step") == "take_back":
        take_back_report(reader=reader, message_id=number)
        messages.success(request, _("Your report is taken back."))
        return redirect(address_of(request, number))
    reason, note = request.POST.get("reason", ""), request.POST.get("note", "")
    try:
        give_report(reader=reader, message_id=number, reason=reason, note=note, now=timezone.now())
    except ChorusError as error:
        problems = problems_of(error, REPORT_FIELDS)
        return show_report(request, get_touchable(message_id=number, reader=reader), problems, status=error.status)
    messages.success(request, _("Your report is kept: a moderator looks at it. You can take it back until then."))
    return redirect(address_of(request, number))


def show_report(request: PageRequest, row: Row, problems: Problems, *, status: int = 200) -> HttpResponse:
    mine = find_own_report(message_id=row["id"], annotator_id=require_annotator(request.actor))
    given = mine or {"reason": "", "note": ""}
    chosen = request.POST.get("reason", str(given["reason"]))
    note = request.POST.get("note", str(given["note"]))
    reasons = tuple(
        Option(reason.value, title, hint, reason.value == chosen) for reason, (title, hint) in REPORT_REASONS.items()
    )
    fields = check_fields(
        [
            Field("reason", _("What is wrong with it?"), "choice", options=reasons),
            Field("note", _("In your words (needed for “something else”)"), "area", note, rows=3, most=MAX_NOTE_CHARS),
        ],
        {
            place: [_("Choose what is wrong with it.")] if place == "reason" else told
            for place, told in problems.items()
        },
    )
    context = {"message": row, "fields": fields, "is_reported": mine is not None, **tell_wrong(fields, problems)}
    return render_page(request, "messages/report.html", context, status=status)


@page("POST", needs=Needs.ANNOTATOR)
def label_message(request: PageRequest, message_id: int) -> HttpResponse:
    """Take this message to label, and go there."""
    given = choose_label(reader=reader_of(request.actor), message_id=min(message_id, MAX_ID), now=timezone.now())
    return redirect("work", given["id"])


@page("GET", "POST", needs=Needs.ANNOTATOR)
def revise_message(request: PageRequest, message_id: int) -> HttpResponse:
    """Fix one's own text while nobody has begun with it; else propose another wording, which others decide."""
    reader, number = reader_of(request.actor), min(message_id, MAX_ID)
    if request.method != "POST":
        return show_revision(request, get_touchable(message_id=number, reader=reader), {})
    sent = {"text": request.POST.get("text", "").replace("\r\n", "\n"), "reason": request.POST.get("reason", "")}
    base = read_whole(request.POST.get("base_revision"), high=MAX_ID) or 0
    try:
        done = give_revision(reader=reader, message_id=number, base_revision=base, now=timezone.now(), **sent)
    except ChorusError as error:
        problems = problems_of(error, REVISION_FIELDS)
        return show_revision(request, get_touchable(message_id=number, reader=reader), problems, error=error)
    told = _("Your proposal is kept. It takes the place of the text once it is accepted.")
    messages.success(request, told if done.is_proposed else _("Your text is changed. The earlier one is kept with it."))
    return redirect(address_of(request, number))


def show_revision(
    request: PageRequest, row: Row, problems: Problems, *, error: ChorusError | None = None
) -> HttpResponse:
    """The form with what was written, about the text as it is now."""
    text = request.POST.get("text", str(row["text"]))
    fields = check_fields(
        [
            Field("text", _("The text"), "area", text, rows=10, is_needed=True),
            Field(
                "reason",
                _("What you changed, and why"),
                value=request.POST.get("reason", ""),
                is_needed=True,
                most=MAX_REASON_CHARS,
            ),
        ],
        problems,
    )
    context: dict[str, Any] = {
        "message": row,
        "fields": fields,
        "may_fix": row["is_mine"] and not row["is_begun"],
        "has_moved": error is not None and error.code == "revision_moved",
        **tell_wrong(fields, problems),
    }
    return render_page(request, "messages/revise.html", context, status=200 if error is None else error.status)


@page("GET", needs=Needs.ANNOTATOR)
def message_text(request: PageRequest, message_id: int) -> HttpResponse:
    """The text as it was written, as nothing but text."""
    row = get_readable(message_id=min(message_id, MAX_ID), reader=reader_of(request.actor))
    if row["is_withdrawn"] or (row["is_removed"] and not (row["is_mine"] or row["is_insider"])):
        raise Gone(_("This text was taken away, so there is nothing to read."), code="message_removed")
    return HttpResponse(row["text"], content_type="text/plain; charset=utf-8")


urlpatterns = [
    path("messages/<int:message_id>/react/", react, name="react"),
    path("messages/<int:message_id>/report/", report_message, name="report_message"),
    path("messages/<int:message_id>/label/", label_message, name="label_message"),
    path("messages/<int:message_id>/revise/", revise_message, name="revise_message"),
    path("messages/<int:message_id>/text/", message_text, name="message_text"),
]
