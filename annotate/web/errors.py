"""Refusals and failures as pages: what happened, what is safe, what to do next."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from psycopg_pool import PoolTimeout

from annotate.exceptions import ChorusError
from annotate.logs import request_id
from annotate.web.addresses import leads_here
from annotate.web.visitors import find_actor

logger = logging.getLogger(__name__)

#: Seconds after which a request that met a database away or busy may come again.
DATABASE_RETRY_AFTER = 2
#: Statuses of refusals after which the same page may be there in a moment.
MAY_COME_AGAIN = (429, 503)


def show_refusal(request: HttpRequest, error: ChorusError, *, context: dict[str, Any] | None = None) -> HttpResponse:
    """A page that says what was refused; to htmx a note for the top of the page that is there already."""
    values = {"error": error, **_find_ways_on(request, error), **(context or {})}
    if getattr(request, "htmx", None):
        response = render(request, "errors/_refusal.html", values, status=error.status)
        response.headers["HX-Retarget"] = "#refusal"
        response.headers["HX-Reswap"] = "outerHTML"
        response.headers["HX-Push-Url"] = "false"
    else:
        response = render(request, "errors/refused.html", values, status=error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: an unknown host name, a malformed header or form, too large a body."""
    if isinstance(exception, RequestDataTooBig):
        return _show(request, 413, "too_large", _("That is more than this page takes at once. Send less."))
    return _show(request, 400, "malformed", _("This request cannot be read. Go back and try again."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return _show(request, 403, "not_allowed", _("You may not do this. Ask whoever runs the campaign or the site."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    return _show(request, 404, "not_found", _("There is nothing at this address. It may have moved or been mistyped."))


def method_not_allowed(request: HttpRequest, allowed: Sequence[str]) -> HttpResponse:
    """An address to which forms are sent, opened as a page; or the other way round."""
    sentence = _("At this address there is no page to read: only a form leads here. Nothing was changed.")
    response = _show(request, 405, "method_not_allowed", sentence)
    response.headers["Allow"] = ", ".join(allowed)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: asks neither the database nor a session, for either may be what failed."""
    sentence = _("Something failed on our side, and it was recorded. What you saved is safe. Try again in a moment.")
    values = {"status": 500, "sentence": sentence, "request_id": request_id.get()}
    return HttpResponse(render_to_string("errors/failed.html", values), status=500)


def database_away(request: HttpRequest) -> HttpResponse:
    """503 for a database that is away or busy; asks it for nothing more."""
    logger.warning("the database is away or busy")
    sentence = _("The database is away or busy; nothing was changed. Try again in a moment.")
    error = ChorusError(sentence, code="database_away", retry_after=DATABASE_RETRY_AFTER)
    error.status = 503
    return show_refusal(request, error)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: a form that was open too long, or that came from another site. A form of work keeps its answer."""
    from annotate.web.work_stale import answer_stale_form  # it shows pages, and pages know these refusals

    kept = _(
        "This form had been open for too long, so nothing was stored yet. All that you sent is in it: send it again."
    )
    try:
        answered = answer_stale_form(request, kept)
    except DatabaseError:
        return database_away(request)
    if answered is not None:
        return answered
    sentence = _(
        "This form was open for so long that it is not valid any more, or your browser keeps no cookies. "
        "Nothing was changed. Go back, reload the page and send it again."
    )
    return _show(request, 403, "csrf_failed", sentence)


def _show(request: HttpRequest, status: int, code: str, sentence: str) -> HttpResponse:
    error = ChorusError(sentence, code=code)
    error.status = status
    _find_out_who_asks(request)
    return show_refusal(request, error)


def _find_ways_on(request: HttpRequest, error: ChorusError) -> dict[str, str]:
    """`again`: the page itself, where waiting helps; `back`: the page of ours whose form was refused."""
    if request.method != "POST":
        return {"again": request.get_full_path() if error.status in MAY_COME_AGAIN else "", "back": ""}
    sent_from = request.headers.get("Referer", "")
    try:
        return {"again": "", "back": sent_from if leads_here(request, sent_from) else ""}
    except DisallowedHost:
        return {"again": "", "back": ""}


def _find_out_who_asks(request: HttpRequest) -> None:
    """Outside our views nobody has: the top of the page is the same for them as everywhere."""
    try:
        request.actor = find_actor(request)  # type: ignore[attr-defined]  # as `pages.page` sets it
    except (AttributeError, DatabaseError, InterfaceError, PoolTimeout):
        logger.info("who asks is not known")  # before the session was found, or without a database
