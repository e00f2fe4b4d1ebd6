"""What is sent to pages, looked at before anything is done with it: how much it is, and whether it can be kept.

A body is read where its form's token is looked for, before anybody knows who sends it. So its length is looked at
earlier: nobody fills our disk with a file that no page takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput

Taker = TypeVar("Taker", bound=Callable[..., HttpResponse])
#: What a form may have around its longest text.
FRAME_BYTES = 2**20
MEASURES_ITSELF = "measures_itself"


def measures_itself(view: Taker) -> Taker:
    """Mark a page that looks at the length of a body, and at who sends it, before it reads it; right above `page`."""
    setattr(view, MEASURES_ITSELF, True)
    return view


class BodyLengthMiddleware:
    """Refuses a body that is longer than any form of ours, unread. A body without its length is empty to us (WSGI)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """The API measures its bodies itself: it asks who sends them before it reads any."""
        if request.path_info.startswith("/api/") or getattr(view, MEASURES_ITSELF, False):
            return
        if body_length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE + FRAME_BYTES:
            raise RequestDataTooBig


def body_length(request: HttpRequest) -> int:
    """The length that a body says it has; a server passes on no other."""
    told = request.META.get("CONTENT_LENGTH") or "0"
    return int(told[:15]) if told.isascii() and told.isdecimal() else 0


def refuse_nul(request: HttpRequest) -> None:
    """The database keeps no NUL character in a text, and no form of ours makes one."""
    if request.method == "POST" and any(
        "\0" in name or any("\0" in value for value in values) for name, values in request.POST.lists()
    ):
        raise InvalidInput(
            _("What you sent holds a NUL character, which no text may have. Nothing was stored. Take it out and send it again."),
            code="text_has_nul",
        )  # fmt: skip
