"""Views that fail in every way a view can, for the tests of the envelope."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.urls import path
from psycopg_pool import PoolTimeout
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response

from annotate.api.schema import operation
from annotate.api.views import ApiView
from annotate.exceptions import Conflict, Gone, TooManyRequests

FAILURES: dict[str, Exception] = {
    "conflict": Conflict("The state moved on.", code="draft_conflict", details={"stored": 1}),
    "gone": Gone("It is gone."),
    "wait": TooManyRequests("Wait.", retry_after=7),
    "http404": Http404(),
    "drf404": drf.NotFound(),
    "denied": PermissionDenied(),
    "drfdenied": drf.PermissionDenied(),
    "throttled": drf.Throttled(wait=3),
    "unreadable": drf.ParseError(),
    "suspicious": SuspiciousOperation("x"),
    "toobig": RequestDataTooBig("x"),
    "database": OperationalError("the server went away"),
    "interface": InterfaceError("the connection is closed"),
    "pool": PoolTimeout("no connection"),
    "fields": drf.ValidationError({"items": [{}, {"text": ["It is blank."]}]}),
    "list": drf.ValidationError(["It is wrong."]),
    "bug": RuntimeError("a secret in a traceback"),
}


class Failing(ApiView):
    @operation("fail", summary="Fail", responses={200: None}, public=True)
    def get(self, request: Request, how: str) -> Response:
        raise FAILURES[how]


class Echo(ApiView):
    @operation("echo", summary="Echo", responses={200: None}, public=True)
    def post(self, request: Request) -> Response:
        return Response({"got": request.data})


urlpatterns = [path("api/v1/fail/<str:how>/", Failing.as_view()), path("api/v1/echo/", Echo.as_view())]
handler400 = "annotate.api.errors.bad_request"
handler403 = "annotate.api.errors.permission_denied"
handler404 = "annotate.api.errors.page_not_found"
handler500 = "annotate.api.errors.server_error"
