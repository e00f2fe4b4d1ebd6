"""About oneself: the account, languages, tokens, contributions."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language

from annotate.services.people import update_profile
from annotate.web.pages import Needs, PageRequest, page, render_page

LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365


@page("GET", needs=Needs.ANNOTATOR)
def me(request: PageRequest) -> HttpResponse:
    return render_page(request, "me/show.html")


@page("POST")
def set_interface_language(request: PageRequest) -> HttpResponse:
    """The language of the pages, for this browser and for the account where there is one."""
    response = redirect(following_address(request))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES) and check_for_language(language):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=LANGUAGE_COOKIE_AGE, secure=settings.HTTPS, samesite="Lax"
        )
        if request.actor.user is not None:
            update_profile(user=request.actor.user, interface_language=language)
    return response


def following_address(request: PageRequest) -> str:
    """Where a form wants to go on, if that is on this site; else the first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else "/"


urlpatterns = [
    path("me/", me, name="me"),
    path("language/", set_interface_language, name="set_interface_language"),
]
