"""What a browser brings along when somebody signs in there: the work of a guest, and the language of the pages."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.exceptions import ChorusError
from annotate.models import User
from annotate.queries.people import find_account_of
from annotate.services.guests import Merge, merge_guest
from annotate.web.visitors import forget_guest, read_guest_token

LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365


def take_in_guest(request: HttpRequest, response: HttpResponse, *, user: User) -> None:
    """Merge the guest of this browser into the account, say so, and forget the cookie.

    A guest that cannot be merged is no reason not to sign in: what stands in the way is said instead.
    """
    token = read_guest_token(request)
    account = find_account_of(user=user) if token else None
    if token is None or account is None or account.annotator_id is None:
        return
    try:
        merge = merge_guest(annotator_id=account.annotator_id, device_token=token, now=timezone.now())
    except ChorusError as error:
        if sentence := _why_not(error.code):
            messages.warning(request, sentence)
        forget_guest(response)
        return
    forget_guest(response)
    for sentence in _describe(merge):
        messages.success(request, sentence)


def keep_language(response: HttpResponse, language: str) -> None:
    """The language of the pages, for this browser."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, language, max_age=LANGUAGE_COOKIE_AGE, secure=settings.HTTPS, samesite="Lax"
    )


def _describe(merge: Merge) -> list[str]:
    lines = []
    if merge.moved:
        lines.append(
            ngettext(
                "%(count)s judgment that you gave as a guest is yours now.",
                "%(count)s judgments that you gave as a guest are yours now.",
                merge.moved,
            )
            % {"count": merge.moved}
        )
    if merge.voided:
        lines.append(
            ngettext(
                "%(count)s is left out, because you had judged the same yourself or it was your own text.",
                "%(count)s are left out, because you had judged the same yourself or they were your own texts.",
                merge.voided,
            )
            % {"count": merge.voided}
        )
    return lines


def _why_not(code: str) -> str:
    """Why a guest stays apart, in a sentence; empty for one that is not there any more."""
    return {
        "guest_suspended": _(
            "What was given as a guest in this browser stays apart: that guest is suspended. "
            "Write to the organizers if you think that this is a mistake."
        ),
        "guest_merged": _("What was given as a guest in this browser belongs to another account already."),
    }.get(code, "")
