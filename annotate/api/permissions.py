"""What is asked before a view's method runs: the scope of the token, and the parser of the body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from annotate.access import not_signed_in, require_scope


class JsonAlone(BaseContentNegotiation):
    """The API speaks JSON whatever `Accept` says: a refusal to speak would help nobody."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser whose media type is that of the body, or None (415)."""
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


class ScopePermission(BasePermission):
    """Somebody is signed in, and their token has one of the scopes that the operation names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        operation = view.operation
        if operation is None or operation.public:
            return True  # no such method: it is refused next, with 405
        if not view.actor.is_signed_in:
            raise not_signed_in()
        require_scope(view.actor, *operation.scopes)
        return True
