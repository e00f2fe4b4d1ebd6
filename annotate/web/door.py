"""The door: judge a pair on the first page, or start, without an account. Each is one press."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header

from annotate.access import actor_of_guest
from annotate.exceptions import Conflict, Gone, InvalidInput
from annotate.limits import take_guest
from annotate.queries.door import DoorPair, find_pair_again, find_pair_at_door, list_guest_languages
from annotate.queries.people import GuestDevice
from annotate.rendering import render_many
from annotate.services.door import judge_at_door, meet_guest
from annotate.services.guests import create_guest
from annotate.services.terms import CURRENT_TERMS, accept_terms
from annotate.web.pages import PageRequest, page
from annotate.web.visitors import keep_guest
from annotate.web.work_forms import VERDICTS
from annotate.web.work_next import DICE, ask_for_next, go_to, show_next, show_next_anywhere
from annotate.web.work_shown import show_candidates, show_thread
from annotate.web.work_standing import make_stored_note
from annotate.web.work_words import describe_reason
from tasks.text.languages import BadLanguage, base_language, normalise_language
from tasks.vocabulary import Kind

SALT = "annotate.door.token"
#: A page that was open for longer shows another pair.
MAX_AGE = 60 * 60 * 24
MAX_LANGUAGES = 20
#: After these refusals there is other work all the same.
GO_ON = ("already_judged", "already_submitted", "pair_changed", "withdrawn", "own_work")


def find_pair(*, languages: Sequence[str], annotator_id: int | None) -> dict[str, Any] | None:
    """A pair to judge at once, or None. Its token is for the one page that shows it."""
    pair = find_pair_at_door(languages=languages, annotator_id=annotator_id, rng=DICE)
    if pair is None:
        return None
    texts = render_many([text.text for text in (*pair.thread, *pair.candidates)])
    turns = len(pair.thread)
    thread = show_thread([{"role": text.role} for text in pair.thread], texts[:turns])
    candidates = show_candidates(["a", "b"], texts[turns:], kind=Kind.COMPARE, places={})
    return {
        "token": write_token(pair),
        "campaign": {"slug": pair.slug, "title": pair.title},
        "language": pair.language,
        "reason": describe_reason(code=pair.reason_code, args=pair.reason_args),
        "thread": thread,
        "candidates": [{name: candidate[name] for name in ("letter", "html", "is_long")} for candidate in candidates],
    }


def read_languages(request: PageRequest) -> list[str]:
    """The languages that a browser asks for, best first, each also without its region; empty where it asks for none."""
    asked: list[str] = []
    for code, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()):
        try:
            language = normalise_language(code)
        except BadLanguage:
            continue
        asked += [language, base_language(language)]
    return list(dict.fromkeys(asked))[:MAX_LANGUAGES]


def write_token(pair: DoorPair) -> str:
    """Signed, readable and empty of origins: which unit, a digest of what is shown, the guideline, and a number of this page."""
    values = {"u": pair.unit, "d": pair.digest, "g": pair.guideline_version, "n": secrets.token_urlsafe(12)}
    return signing.dumps(values, salt=SALT)


def read_token(token: str) -> tuple[DoorPair, str] | None:
    """The pair as it was shown and the number of its page; None where it changed, is too old or is not ours."""
    try:
        values = signing.loads(token, salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    pair = find_pair_again(unit_id=values["u"], digest=values["d"])
    return None if pair is None else (replace(pair, guideline_version=values["g"]), values["n"])


@page("POST")
def try_pair(request: PageRequest) -> HttpResponse:
    """Which of the two is better: stored, and on to the next work."""
    found = read_token(request.POST.get("token", ""))
    if found is None:
        messages.info(
            request, _("This pair has changed since you opened the page, so nothing was stored. Here is another.")
        )
        return go_to(request, reverse("home"))
    verdict = VERDICTS.get(request.POST.get("preference", ""))
    if verdict is None:
        raise InvalidInput(
            _("Nothing is chosen yet. Go back and say which answer is better, or that they are the same.")
        )
    pair, number = found
    token = _enter_as_guest(request, pair, number)
    return _with_guest(_judge(request, pair, *verdict), token)


@page("POST")
def start(request: PageRequest) -> HttpResponse:
    """Take part without an account: a guest, the terms, and the first work, of the campaign that is named or of any."""
    token = None
    if not request.actor.is_signed_in:
        take_guest(request)
        guest, token = create_guest(
            languages=_choose_languages(request), terms_version=CURRENT_TERMS, now=timezone.now()
        )
        _become(request, guest.pk)
    elif request.POST.get("terms") == CURRENT_TERMS and request.actor.annotator_id is not None:
        accept_terms(annotator_id=request.actor.annotator_id, terms_version=CURRENT_TERMS, now=timezone.now())
    slug = request.POST.get("campaign", "")
    shown = show_next(request, ask_for_next(request, slug), slug=slug) if slug else show_next_anywhere(request)
    return _with_guest(shown, token)


def _judge(request: PageRequest, pair: DoorPair, better: int | None, much_better: bool | None) -> HttpResponse:  # noqa: FBT001  (a verdict)
    annotator_id = request.actor.annotator_id
    assert annotator_id is not None
    try:
        answer = judge_at_door(
            annotator_id=annotator_id, pair=pair, better=better, much_better=much_better, now=timezone.now(), rng=DICE
        )  # fmt: skip
    except (Conflict, Gone) as refusal:
        if refusal.code not in GO_ON:
            raise
        return show_next(request, ask_for_next(request, pair.slug), slug=pair.slug, said=refusal.message)
    note = make_stored_note(
        kind=Kind.COMPARE, judgment_id=answer["judgment"]["id"], counted=answer["judgment"]["counted"]
    )
    return show_next(request, answer["next"], slug=pair.slug, stored=note)


def _enter_as_guest(request: PageRequest, pair: DoorPair, number: str) -> str | None:
    """Whoever is somebody stays who they are. Nobody becomes the guest of this page in this browser."""
    if request.actor.annotator_id is not None:
        return None
    annotator_id, token = meet_guest(
        device=f"{number}:{request.META.get('CSRF_COOKIE', '')}",
        languages=sorted({pair.language, *_choose_languages(request)}),
        now=timezone.now(),
        allow=lambda: take_guest(request),
    )
    _become(request, annotator_id)
    return token


def _choose_languages(request: PageRequest) -> list[str]:
    """What was chosen in the form, else what the browser or the interface speaks, as far as campaigns work in it."""
    chosen = [code for code in request.POST.getlist("languages") if code][:MAX_LANGUAGES]
    if chosen:
        return chosen
    wanted = list_guest_languages()
    return [code for code in read_languages(request) if code in wanted] or [
        code for code in [get_language() or ""] if code in wanted
    ]


def _become(request: PageRequest, annotator_id: int) -> None:
    request.actor = actor_of_guest(GuestDevice(annotator_id, CURRENT_TERMS, is_suspended=False, merged_into=None))


def _with_guest(response: HttpResponse, token: str | None) -> HttpResponse:
    if token is not None:
        keep_guest(response, token)
    return response


urlpatterns = [
    path("try/", try_pair, name="try_pair"),
    path("start/", start, name="start"),
]
