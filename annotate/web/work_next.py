"""What comes next on a work page: the next work in its place, a redirect to it, or why there is none."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect, push_url

from annotate.access import require_annotator
from annotate.exceptions import Conflict, NotFound
from annotate.queries.work_pages import find_frame, list_campaigns_for
from annotate.services.claims import offer_next
from annotate.services.holds import renew_lease
from annotate.web.pages import PageRequest
from annotate.web.work_nothing import show_no_campaign, show_nothing
from annotate.web.work_shown import show_work
from annotate.web.work_standing import get_held, render_work, show_assignment

#: Dice for what is shown and in which order: nobody can foresee it.
DICE = random.SystemRandom()
#: Campaigns that one request for any work asks.
MOST_CAMPAIGNS = 8


def show_next(
    request: PageRequest,
    offered: Mapping[str, Any],
    *,
    slug: str = "",
    stored: dict[str, Any] | None = None,
    said: str = "",
    following: int | None = None,
) -> HttpResponse:
    """The next work in the place of this one, or a redirect to it; or why there is none.

    `following`: the assignment that leads here, from which the campaign is known where there is nothing more.
    """
    note = stored or ({"sentence": said, "undo_url": None} if said else None)
    if offered["assignment"] is None:
        slug = slug or _slug_of(request, following)
        none = show_nothing(offered["why_none"], slug=slug)
        return _show_none(request, none, stored=note)
    assignment = offered["assignment"]
    address = reverse("work", args=[assignment["id"]])
    if not is_exchange(request):
        if following is not None:
            _keep_offered(request, assignment["id"])
        if said:
            messages.success(request, said)
        return go_to(request, address + (f"?stored={stored['judgment_id']}" if stored else ""))
    frame = find_frame(annotator_id=require_annotator(request.actor), assignment_id=assignment["id"])
    assert frame is not None
    work = show_work(assignment, frame, now=timezone.now())
    return push_url(render_work(request, work=work, stored=note), address)


def show_next_anywhere(request: PageRequest) -> HttpResponse:
    """The next work of whichever campaign has some for this person, those they judged in last first."""
    slugs = list_campaigns_for(annotator_id=require_annotator(request.actor), most=MOST_CAMPAIGNS)
    reasons = []
    for slug in slugs:
        offered = ask_for_next(request, slug)
        if offered["assignment"] is not None:
            return show_next(request, offered, slug=slug)
        reasons.append((offered, slug))
    if not reasons:
        return _show_none(request, show_no_campaign(), stored=None)
    offered, slug = reasons[0]
    return show_next(request, offered, slug=slug)


def _keep_offered(request: PageRequest, assignment_id: int) -> None:
    """What comes along with an answer is held for a moment, until our script sees activity; without it, from now on."""
    with suppress(Conflict):
        renew_lease(annotator_id=require_annotator(request.actor), assignment_id=assignment_id, now=timezone.now())


def show_this(request: PageRequest, assignment_id: int) -> HttpResponse:
    """A work page after a post: the fragment with its address, or a redirect there."""
    address = reverse("work", args=[assignment_id])
    if not is_exchange(request):
        return go_to(request, address)
    return push_url(show_assignment(request, get_held(request, assignment_id)), address)


def ask_for_next(request: PageRequest, slug: str, **wanted: Any) -> dict[str, Any]:
    """What a campaign offers this person now: the hold that they have, if they have one."""
    offer = offer_next(annotator_id=require_annotator(request.actor), slug=slug, now=timezone.now(), rng=DICE, **wanted)
    return offer.as_answer()


def is_exchange(request: PageRequest) -> bool:
    """Whether htmx asks for what takes the place of the work on its page."""
    return bool(request.htmx) and request.htmx.target == "work"


def go_to(request: PageRequest, address: str) -> HttpResponse:
    """Lead a browser on; htmx of another page is told to load a page, not to put one into its own."""
    if request.htmx and not request.htmx.boosted:
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)


def _show_none(request: PageRequest, none: dict[str, Any], *, stored: dict[str, Any] | None) -> HttpResponse:
    response = render_work(request, none=none, stored=stored)
    return push_url(response, False) if is_exchange(request) else response


def _slug_of(request: PageRequest, assignment_id: int | None) -> str:
    frame = find_frame(annotator_id=require_annotator(request.actor), assignment_id=assignment_id or 0)
    if frame is None:
        raise NotFound(_("You hold no such work. Ask for the next piece."), code="assignment_not_found")
    return frame.slug
