"""Work: ask for it, look at it, answer it, save it, skip it, take an answer back.

Whoever is signed out while they work loses nothing: what they post is kept, and filled in again after the sign-in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import require_annotator
from annotate.exceptions import NotFound
from annotate.services.undo import undo_judgment
from annotate.web.pages import Needs, PageRequest, page
from annotate.web.work_check import show_check
from annotate.web.work_drafts import take_draft, take_renewal, turn_away
from annotate.web.work_next import ask_for_next, show_next, show_this
from annotate.web.work_standing import LARGEST_ID, get_held, show_assignment
from annotate.web.work_taken import take_answer, take_skip


def _kept_when_signed_out(view: Callable[[PageRequest, int], HttpResponse]) -> Callable[..., HttpResponse]:
    """What is posted to a piece of work by nobody is kept before the sign-in is asked for."""

    @wraps(view)
    def guarded(request: PageRequest, assignment: int) -> HttpResponse:
        _check_number(assignment)
        if not request.actor.is_signed_in:
            return turn_away(request, assignment)
        return view(request, assignment)

    return guarded


@page("GET", "POST", needs=Needs.ANNOTATOR)
def next_work(request: PageRequest, slug: str) -> HttpResponse:
    """The next work of a campaign; `kind` and `language` choose among it."""
    if request.method != "POST":
        return redirect("campaign", slug)
    wanted = {
        "kinds": [value for value in request.POST.getlist("kind") if value][:100] or None,
        "languages": [value for value in request.POST.getlist("language") if value][:100] or None,
    }
    return show_next(request, ask_for_next(request, slug, **wanted), slug=slug)


@page("GET", needs=Needs.ANNOTATOR)
def work(request: PageRequest, assignment: int) -> HttpResponse:
    """One's own work, whatever became of it."""
    return show_assignment(request, get_held(request, assignment))


@page("POST")
@_kept_when_signed_out
def submit_work(request: PageRequest, assignment: int) -> HttpResponse:
    """An answer, or that there is none; a button for skipping sends it here too."""
    return take_skip(request, assignment) if request.POST.get("skip_reason") else take_answer(request, assignment)


@page("POST")
@_kept_when_signed_out
def save_draft(request: PageRequest, assignment: int) -> HttpResponse:
    return take_draft(request, assignment)


@page("POST", needs=Needs.ANNOTATOR)
def check_work(request: PageRequest, assignment: int) -> HttpResponse:
    """Advice on a text while it is written: its language, and what is nearly the same."""
    _check_number(assignment)
    return show_check(request, assignment)


@page("POST", needs=Needs.ANNOTATOR)
def renew_work(request: PageRequest, assignment: int) -> HttpResponse:
    """A sign of activity. It brings no answer, so that it takes the place of none that is kept."""
    _check_number(assignment)
    return take_renewal(request, assignment)


@page("POST", needs=Needs.ANNOTATOR)
def undo(request: PageRequest, judgment: int) -> HttpResponse:
    """Take one's judgment back: the work is there again, with the answer in its form."""
    if judgment > LARGEST_ID:
        raise NotFound(_("You have given no such judgment."), code="judgment_not_found")
    undone = undo_judgment(annotator_id=require_annotator(request.actor), judgment_id=judgment, now=timezone.now())
    return show_this(request, undone["id"])


def _check_number(assignment: int) -> None:
    if assignment > LARGEST_ID:
        raise NotFound(_("You hold no such work. Ask for the next piece."), code="assignment_not_found")


urlpatterns = [
    path("campaigns/<slug:slug>/next/", next_work, name="next_work"),
    path("work/<int:assignment>/", work, name="work"),
    path("work/<int:assignment>/submit/", submit_work, name="submit_work"),
    path("work/<int:assignment>/draft/", save_draft, name="save_draft"),
    path("work/<int:assignment>/check/", check_work, name="check_work"),
    path("work/<int:assignment>/renew/", renew_work, name="renew_work"),
    path("judgments/<int:judgment>/undo/", undo, name="undo"),
]
