"""Domain errors: a code for machines, a sentence for people, and what goes with it.

Each is turned into HTTP by the API's one error envelope and by the pages; services raise them, nobody else
invents codes. The sentence says what happened, what is safe and what to do next.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise


class ChorusError(Exception):
    """Base of every refusal. `status` is the HTTP status that says the same."""

    status = 400
    code = "refused"

    def __init__(
        self,
        message: str | Promise,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        # Said in the language of whoever is refused, now: nobody meets a lazy text.
        self.message = str(message)
        super().__init__(self.message)
        self.code = code or type(self).code
        self.details = dict(details or {})
        self.retry_after = retry_after


class InvalidInput(ChorusError):
    """What was sent cannot be understood; `details` names the field."""

    status = 422
    code = "invalid_input"


class NotSignedIn(ChorusError):
    status = 401
    code = "not_signed_in"


class NotAllowed(ChorusError):
    status = 403
    code = "not_allowed"


class NotFound(ChorusError):
    status = 404
    code = "not_found"


class Conflict(ChorusError):
    """The state of things has moved on; `details` carries both sides where there are two."""

    status = 409
    code = "conflict"


class Gone(ChorusError):
    status = 410
    code = "gone"


class TooLarge(ChorusError):
    status = 413
    code = "too_large"


class TooManyRequests(ChorusError):
    status = 429
    code = "too_many_requests"
