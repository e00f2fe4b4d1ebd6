"""What every view of the API shares: one order of checks, one actor, and an answer for unknown addresses."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.views import APIView

from annotate.access import ANONYMOUS, Actor
from annotate.api.schema import Operation
from annotate.exceptions import NotFound, NotSignedIn
from annotate.limits import take_failure


class ApiView(APIView):
    """A view whose methods are decorated with `annotate.api.schema.operation`.

    Checks, in this order: who asks (401), how often (429), with which scope (403), by which method (405).
    The methods check the rest by what they fetch.
    """

    http_method_names = ("get", "post", "put", "patch", "delete", "head")

    @property
    def operation(self) -> Operation | None:
        """What the method of this request is declared to be; None when there is no such method."""
        handler = getattr(self, (self.request.method or "").lower(), None)
        return getattr(handler, "operation", None)

    @property
    def actor(self) -> Actor:
        """Whoever asks; `ANONYMOUS` on public operations, where nobody is asked who they are."""
        operation = self.operation
        if operation is not None and operation.public:
            return ANONYMOUS
        found: Any = self.request.auth
        return found if isinstance(found, Actor) else ANONYMOUS

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        request.version, request.versioning_scheme = None, None
        operation = self.operation
        if operation is None or not operation.public:
            self._authenticate(request)
        self.check_throttles(request)
        self.check_permissions(request)

    def _authenticate(self, request: Request) -> None:
        try:
            self.perform_authentication(request)
        except NotSignedIn:
            take_failure(request)
            raise


class UnknownAddress(ApiView):
    """Whatever under /api/ has no view: 404 in the envelope, for every method and without signing in."""

    schema = None
    authentication_classes = ()
    permission_classes = ()

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.path.endswith("/"):
            raise NotFound(
                f"There is nothing at this address. Addresses end with a slash: try {request.path}/ instead."
            )
        raise NotFound("There is nothing at this address: see the description at /api/v1/docs/.")
