"""The first page: what this is, for whoever is new; what is needed, for whoever takes part. And the terms."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _

from annotate.access import require_annotator
from annotate.exceptions import InvalidInput
from annotate.queries.landing import get_landing
from annotate.services.terms import CURRENT_TERMS, accept_terms, get_current_terms
from annotate.web.door import find_pair, read_languages
from annotate.web.home_shown import build_home, suggest_languages
from annotate.web.me import following_address
from annotate.web.pages import Needs, PageRequest, page, render_page


@page("GET")
def home(request: PageRequest) -> HttpResponse:
    """What is needed, for whoever takes part; what this is, for everybody else."""
    annotator_id = request.actor.annotator_id
    if annotator_id is None:
        return _show_landing(request)
    shown = build_home(request.actor, annotator_id=annotator_id, now=timezone.now())
    if not shown["works_in"]:
        shown |= suggest_languages(shown["languages"], asked=read_languages(request))
    return render_page(request, "home/home.html", shown)


@page("GET")
def about(request: PageRequest) -> HttpResponse:
    """What this is and how it works, for everybody."""
    return _show_landing(request)


@page("GET")
def terms(request: PageRequest) -> HttpResponse:
    """The terms in force."""
    is_due = request.actor.is_signed_in and request.actor.accepted_terms != CURRENT_TERMS
    return render_page(request, "home/terms.html", {"terms": get_current_terms(), "is_due": is_due})


@page("GET", "POST", needs=Needs.ANNOTATOR)
def accept(request: PageRequest) -> HttpResponse:
    """The terms with one button, which leads back to where they were missing."""
    context = {"terms": get_current_terms(), "following": following_address(request), "problem": ""}
    if request.method != "POST":
        return render_page(request, "home/accept.html", context)
    version = request.POST.get("terms_version", "")
    try:
        accept_terms(annotator_id=require_annotator(request.actor), terms_version=version, now=timezone.now())
    except InvalidInput:
        context["problem"] = _("The terms have changed since this page was shown. These are the ones in force.")
        return render_page(request, "home/accept.html", context, status=422)
    return redirect(following_address(request))


def _show_landing(request: PageRequest) -> HttpResponse:
    """With a pair to judge at once, for whoever is nobody yet."""
    known = get_landing(now=timezone.now())
    is_new = not request.actor.is_signed_in and known["takes_guests"]
    pair = find_pair(languages=read_languages(request), annotator_id=None) if is_new else None
    licences = {campaign["slug"]: campaign["licence"] for campaign in known["campaigns"]}
    context = {**known, "terms": get_current_terms(), "pair": pair}
    context["licence"] = licences.get(pair["campaign"]["slug"], "") if pair else ""
    return render_page(request, "home/landing.html", context)


urlpatterns = [
    path("", home, name="home"),
    path("about/", about, name="about"),
    path("terms/", terms, name="terms"),
    path("terms/accept/", accept, name="accept_terms"),
]
