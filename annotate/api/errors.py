"""Every refusal and failure of the API in one envelope: `{"error": {"code", "message", "details"}}`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from psycopg_pool import PoolTimeout
from rest_framework import exceptions as drf
from rest_framework.response import Response

from annotate.api.parsers import Malformed
from annotate.exceptions import ChorusError, InvalidInput, NotAllowed, NotFound, TooLarge, TooManyRequests
from annotate.logs import request_id

logger = logging.getLogger(__name__)

#: Seconds after which a request that met a database away or busy may come again.
DATABASE_RETRY_AFTER = 2


class MethodNotAllowed(ChorusError):
    status = 405
    code = "method_not_allowed"


class WrongMediaType(ChorusError):
    status = 415
    code = "media_type_not_supported"


class Unavailable(ChorusError):
    """Ours to mend, and soon gone: nothing was changed."""

    status = 503
    code = "unavailable"


class Failure(ChorusError):
    """Ours to mend."""

    status = 500
    code = "failed"


def answer_exception(exception: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to anything that a view raised (Django REST framework calls this EXCEPTION_HANDLER)."""
    request = context.get("request")
    error = as_chorus_error(exception)
    if isinstance(error, Failure):
        report_failure(exception, getattr(request, "_request", request))
    return Response(envelope_of(error), status=error.status, headers=headers_of(error, exception))


def as_chorus_error(exception: Exception) -> ChorusError:
    """The refusal that says the same; `Failure` for what nobody expected."""
    if isinstance(exception, ChorusError):
        return exception
    for kinds, translate in TRANSLATIONS:
        if isinstance(exception, kinds):
            return translate(exception)
    return Failure(
        "Something failed on our side, and it was recorded. Try again; if it stays, report the id in details.",
        details={"request_id": request_id.get()},
    )


def refuse_fields(exception: drf.ValidationError) -> InvalidInput:
    """422 with the sentences of each field in `details`; the message names the first."""
    details = exception.detail if isinstance(exception.detail, dict) else {"non_field_errors": exception.detail}
    where, sentence = _first(details)
    message = f"{where}: {sentence}" if where else sentence
    return InvalidInput(message, details=details)


def _first(problem: Any) -> tuple[str, str]:
    """The path and the sentence of the first problem in nested lists and dictionaries."""
    path: list[str] = []
    while isinstance(problem, dict | list) and problem:
        if isinstance(problem, dict):
            name = next(iter(problem))
            path += [] if name == "non_field_errors" else [str(name)]
            problem = problem[name]
        else:
            index = next((i for i, item in enumerate(problem) if item), 0)
            path += [str(index)] if isinstance(problem[index], dict | list) else []
            problem = problem[index]
    return ".".join(path), str(problem or "The input is wrong.")


#: What others raise, and how we say it.
TRANSLATIONS: tuple[tuple[tuple[type[Exception], ...], Callable[[Any], ChorusError]], ...] = (
    ((drf.ValidationError,), refuse_fields),
    (
        (Http404, drf.NotFound),
        lambda _: NotFound("There is nothing at this address. Check the path and its ids."),
    ),
    (
        (PermissionDenied, drf.PermissionDenied),
        lambda _: NotAllowed("You may not do this."),
    ),
    (
        (drf.MethodNotAllowed,),
        lambda _: MethodNotAllowed("This address does not answer to this method: see the header Allow."),
    ),
    (
        (drf.UnsupportedMediaType,),
        lambda _: WrongMediaType("This address does not take this content type: see the description at /api/v1/docs/."),
    ),
    (
        (RequestDataTooBig,),
        lambda _: TooLarge("The body is larger than this address takes. Send less at a time.", code="body_too_large"),
    ),
    (
        (drf.ParseError, MultiPartParserError, SuspiciousOperation, UnicodeError),
        lambda _: Malformed("The request cannot be read: its body, its headers or its address are malformed."),
    ),
    (
        (drf.Throttled,),
        lambda error: TooManyRequests("Too many requests: wait a moment.", retry_after=int(error.wait or 1)),
    ),
    (
        (OperationalError, InterfaceError, PoolTimeout),
        lambda _: Unavailable(
            "The database is away or busy; nothing was changed. Try again in a moment.",
            code="database_away",
            retry_after=DATABASE_RETRY_AFTER,
        ),
    ),
)


def envelope_of(error: ChorusError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message, "details": error.details}}


def headers_of(error: ChorusError, exception: Exception) -> dict[str, str]:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return headers


def report_failure(exception: Exception, request: HttpRequest | None) -> None:
    """Log it with its traceback and tell Django, whose test client then raises it again."""
    logger.error("unexpected failure", exc_info=exception, extra={"path": getattr(request, "path", "")})
    got_request_exception.send(sender=None, request=request)


# What fails before or outside of a view, for the API's part of the site.
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: an unknown host, too large a body in a middleware, a malformed header."""
    return _plain(as_chorus_error(exception))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return _plain(as_chorus_error(exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    return _plain(as_chorus_error(exception))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: what a middleware raised."""
    return _plain(as_chorus_error(RuntimeError()))


def _plain(error: ChorusError) -> HttpResponse:
    return JsonResponse(envelope_of(error), status=error.status)
