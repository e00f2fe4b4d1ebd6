"""What every page shares: who asks, how often, how a refusal is shown, and page or fragment.

A view is decorated with `page`, takes a `PageRequest` and answers with `render_page` or a redirect. Refusals are
raised as `ChorusError`s; the decorator shows them as a page or, to htmx, as a note at the top of the page that is
there already, so that nothing typed is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import wraps
from pathlib import PurePosixPath
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import redirect, render
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django_htmx.middleware import HtmxDetails
from psycopg_pool import PoolTimeout

from annotate.access import Actor, require_account, require_annotator
from annotate.exceptions import ChorusError, NotSignedIn
from annotate.limits import take_call
from annotate.web.bodies import MEASURES_ITSELF, refuse_nul
from annotate.web.errors import database_away, method_not_allowed, show_refusal
from annotate.web.visitors import find_actor

P = ParamSpec("P")
#: Compresses a finished answer for whoever takes that; its padding keeps the length from telling secrets.
COMPRESS = GZipMiddleware(HttpResponse)


class Needs(Enum):
    """Who may look at a page; finer permissions are the fetch of what it shows."""

    ANYONE = "anyone"
    ANNOTATOR = "annotator"  # an account or a guest
    ACCOUNT = "account"


class PageRequest(HttpRequest):
    """A request as `page` hands it on."""

    htmx: HtmxDetails
    actor: Actor


View = Callable[Concatenate[Any, P], HttpResponse]


def page(*methods: str, needs: Needs = Needs.ANYONE) -> Callable[[View[P]], View[P]]:
    """Decorate a view: methods, actor, rate limits, refusals, and headers that keep answers private."""
    allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def shown(request: PageRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method not in allowed:
                return method_not_allowed(request, allowed)
            try:
                request.actor = find_actor(request)
                take_call(request, user_id=request.actor.user_id, annotator_id=request.actor.annotator_id)
                _require(request.actor, needs)
                if not getattr(shown, MEASURES_ITSELF, False):
                    refuse_nul(request)
                response = view(request, *args, **kwargs)
            except NotSignedIn as error:
                response = ask_to_sign_in(request, error)
            except ChorusError as error:
                response = show_refusal(request, error)
            except (OperationalError, InterfaceError, PoolTimeout):
                response = database_away(request)
            patch_vary_headers(response, ["Cookie", "HX-Request"])
            if not response.has_header("Cache-Control"):
                add_never_cache_headers(response)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return cast("HttpResponse", COMPRESS.process_response(request, response))

        return shown

    return decorate


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    fragment: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, or its fragment alone where htmx asks for the element that the fragment is.

    A fragment `campaigns/_progress.html` has one root element with the id `progress`.
    """
    if fragment is not None and _is_wanted(request, fragment):
        template = fragment
    return render(request, template, dict(context or {}), status=status)


def ask_to_sign_in(request: HttpRequest, error: ChorusError) -> HttpResponse:
    """Send whoever wants to read a page to the sign-in and back; what was posted is refused where it stands."""
    htmx = getattr(request, "htmx", None)
    if request.method in ("GET", "HEAD") and not htmx:
        return redirect(sign_in_address(request.get_full_path()))
    return show_refusal(request, error)


def sign_in_address(following: str) -> str:
    """The page to sign in at, which leads on to an address of this site."""
    return f"{reverse('account_login')}?{urlencode({'next': following})}"


def _require(actor: Actor, needs: Needs) -> None:
    if needs is Needs.ANNOTATOR:
        require_annotator(actor)
    elif needs is Needs.ACCOUNT:
        require_account(actor)


def _is_wanted(request: HttpRequest, fragment: str) -> bool:
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return (
        htmx is not None and bool(htmx) and not htmx.boosted and htmx.target == PurePosixPath(fragment).stem.lstrip("_")
    )
