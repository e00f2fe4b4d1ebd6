"""A work form whose token has expired: a fresh one with everything in it that was sent.

Only where a page of this site sent it, and nothing is stored: a foreign page gets no word of its own into a form.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from annotate.exceptions import ChorusError, NotSignedIn, TooManyRequests
from annotate.limits import take_call, take_kept
from annotate.web.errors import show_refusal
from annotate.web.pages import PageRequest
from annotate.web.visitors import find_actor
from annotate.web.work_drafts import turn_away, wants_json
from annotate.web.work_kept import comes_from_here, keep_answer
from annotate.web.work_standing import LARGEST_ID, get_held, read_sent, show_form

FORMS = ("submit_work", "save_draft")


def answer_stale_form(request: HttpRequest, sentence: str) -> HttpResponse | None:
    """The page for a form of work that came without its token; None where there is nothing to save."""
    assignment_id = _find_assignment(request)
    if assignment_id is None or not comes_from_here(request):
        return None
    asked: PageRequest = request  # type: ignore[assignment]  # it becomes one here
    asked.actor = find_actor(request)
    if wants_json(asked):
        return None  # our script has the text, and keeps it
    try:
        take_call(request, user_id=asked.actor.user_id, annotator_id=asked.actor.annotator_id)
        if not asked.actor.is_signed_in:
            return turn_away(asked, assignment_id)
        if request.session.session_key is None:
            take_kept(request)  # a guest without cookies of a session would have a new one with each
        held = get_held(asked, assignment_id)
        body = read_sent(request.POST, held)
    except (NotSignedIn, TooManyRequests) as error:
        return show_refusal(asked, error)
    except ChorusError:
        return None
    keep_answer(request, assignment_id)
    return show_form(asked, held, body=body, problems={"": sentence}, status=403)


def _find_assignment(request: HttpRequest) -> int | None:
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    number = match.kwargs.get("assignment", LARGEST_ID + 1)
    return number if match.url_name in FORMS and number <= LARGEST_ID else None
