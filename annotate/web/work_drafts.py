"""Drafts of a work page: saved along the way as JSON by our script, or by a button without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import not_signed_in, require_annotator
from annotate.exceptions import ChorusError, InvalidInput, NotSignedIn, TooLarge
from annotate.limits import take_kept
from annotate.services.holds import renew_lease
from annotate.web.pages import PageRequest, sign_in_address
from annotate.web.work_kept import drop_kept, keep_answer
from annotate.web.work_next import is_exchange, show_this
from annotate.web.work_shown import count_seconds_left
from annotate.web.work_standing import get_held, show_form
from annotate.web.work_taken import save_form, show_again, show_refused


def take_draft(request: PageRequest, assignment_id: int) -> HttpResponse:
    """Save what is in the form: JSON to our script, else the page again."""
    try:
        hold = save_form(request, assignment_id)
    except ChorusError as error:
        if wants_json(request):
            return _refuse_draft(request, assignment_id, error)
        if error.code == "draft_conflict":
            return _show_both_drafts(request, assignment_id, error)
        if isinstance(error, InvalidInput | TooLarge):
            return show_again(request, assignment_id, error)
        return show_refused(request, assignment_id, error, body={})
    drop_kept(request, assignment_id)
    return _answer_hold(request, hold, said=_("Saved. You find it again on your first page."))


def take_renewal(request: PageRequest, assignment_id: int) -> HttpResponse:
    """A sign of activity."""
    try:
        hold = renew_lease(
            annotator_id=require_annotator(request.actor), assignment_id=assignment_id, now=timezone.now()
        )
    except ChorusError as error:
        if wants_json(request):
            return _as_json(error)
        raise
    return _answer_hold(request, hold, said="")


def turn_away(request: PageRequest, assignment_id: int) -> HttpResponse:
    """Nobody is signed in any more: what was sent is kept in this browser, and the sign-in leads back to the work."""
    take_kept(request)
    is_kept = keep_answer(request, assignment_id)
    if wants_json(request):
        return _as_json(not_signed_in())
    if request.htmx or not is_kept:
        raise NotSignedIn(
            _("You were signed out, and what you sent is kept in this browser. Sign in, and it is filled in again.")
            if is_kept
            else _("You were signed out, and what you sent is too long to be kept. Copy it before you sign in.")
        )
    messages.info(request, _("You were signed out. What you sent is kept: sign in, and it is filled in again."))
    return HttpResponseRedirect(sign_in_address(reverse("work", args=[assignment_id])))


def wants_json(request: PageRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _show_both_drafts(request: PageRequest, assignment_id: int, error: ChorusError) -> HttpResponse:
    """Without our script: what was sent stays in the form, and what another device saved stands beside it."""
    held = get_held(request, assignment_id)
    sentence = _(
        "Another device or tab saved this work first: below is what it saved. Take over what you need, and save."
    )
    kept = {"sentence": sentence, **held.describe(error.details["stored"])}
    return show_form(request, held, body=error.details["yours"], kept=kept, status=error.status)


def _refuse_draft(request: PageRequest, assignment_id: int, error: ChorusError) -> JsonResponse:
    if error.code != "draft_conflict":
        return _as_json(error)
    held = get_held(request, assignment_id)
    version = error.details["draft_version"]
    conflict = {
        "draft_version": version,
        "theirs": held.describe(error.details["stored"]),
        "yours": held.describe(error.details["yours"]),
    }
    html = render_to_string("work/_conflict.html", {"conflict": conflict}, request=request)
    return _as_json(error, draft_version=version, html=html)


def _answer_hold(request: PageRequest, hold: Mapping[str, Any], *, said: str) -> HttpResponse:
    if wants_json(request):
        left = count_seconds_left(hold["lease_expires_at"], now=timezone.now())
        names = ("draft_version", "lease_expires_at", "state")
        return JsonResponse({**{name: hold[name] for name in names}, "lease_seconds_left": left})
    if said and not is_exchange(request):
        messages.success(request, said)
    return show_this(request, hold["id"])


def _as_json(error: ChorusError, **more: Any) -> JsonResponse:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JsonResponse({"code": error.code, "message": error.message, **more}, status=error.status, headers=headers)
