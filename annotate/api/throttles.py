"""Rate limits of the API: each call counts against its person, its token and its address, in one round trip."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from annotate.limits import take_call, take_guest


class CallThrottle(BaseThrottle):
    """Every call: `CHORUS_LIMIT_PERSON`, `CHORUS_LIMIT_TOKEN` and `CHORUS_LIMIT_ADDRESS` a minute."""

    def allow_request(self, request: Request, view: Any) -> bool:
        actor = view.actor
        take_call(request, user_id=actor.user_id, annotator_id=actor.annotator_id, token_id=actor.token_id)
        return True


class GuestThrottle(BaseThrottle):
    """New guests: `CHORUS_LIMIT_GUESTS` an hour from one address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.method == "POST":
            take_guest(request)
        return True
