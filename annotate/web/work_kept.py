"""An answer that was sent while nobody was signed in any more, or with a form's token that had expired: kept.

It waits in the session of the browser that sent it, signed in or not; signing in keeps the session's data. The page of
its work fills it in when the same person looks, and it is dropped once something is stored there.
"""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme

KEPT = "kept_answer"
#: More than the longest text with its reason that a campaign may take.
MAX_CHARS = 250_000
MAX_FIELDS = 200
MAX_AGE = 60 * 60 * 24 * 7
LEFT_OUT = ("csrfmiddlewaretoken",)


def keep_answer(request: HttpRequest, assignment_id: int) -> bool:
    """Keep the fields that were posted; the last answer of a browser alone. False where they are too much."""
    fields = [[name, value] for name, values in request.POST.lists() if name not in LEFT_OUT for value in values]
    if len(fields) > MAX_FIELDS or sum(len(name) + len(value) for name, value in fields) > MAX_CHARS:
        return False
    request.session[KEPT] = {"assignment": assignment_id, "fields": fields, "at": int(time.time())}
    return True


def find_kept(request: HttpRequest, assignment_id: int) -> QueryDict | None:
    """The fields that were kept for this work, as a form posts them."""
    kept: dict[str, Any] = request.session.get(KEPT) or {}
    if kept.get("assignment") != assignment_id or kept["at"] < time.time() - MAX_AGE:
        return None
    form = QueryDict(mutable=True)
    for name, value in kept["fields"]:
        form.appendlist(name, value)
    return form


def drop_kept(request: HttpRequest, assignment_id: int) -> None:
    """What was kept for this work is stored now."""
    kept = request.session.get(KEPT)
    if kept and kept["assignment"] == assignment_id:
        del request.session[KEPT]


def comes_from_here(request: HttpRequest) -> bool:
    """Whether a page of this site sent the request: a foreign one may not put words into anybody's session."""
    allowed = {request.get_host()}
    sender = request.META.get("HTTP_ORIGIN") or request.META.get("HTTP_REFERER") or ""
    return url_has_allowed_host_and_scheme(sender, allowed, require_https=request.is_secure()) and "://" in sender
