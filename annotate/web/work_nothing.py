"""Why there is no work, what is nearest and when to ask again, as a page says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.queries.vacancies import MOST_COUNTED
from annotate.web.names import kind_name, language_name
from tasks.vocabulary import WhyNone

#: Below so many seconds people are told to ask at once.
A_MOMENT = 5


def show_nothing(why: Mapping[str, Any], *, slug: str) -> dict[str, Any]:
    """`none` of the page, from the reason that a claim gave."""
    return {
        "title": _give_title(why["code"]),
        "sentence": _give_sentence(why),
        "retry": _say_when(why),
        "instead": [*_first_steps(why, slug=slug), *(_offer(near, slug=slug) for near in why["nearest"])],
    }


def show_no_campaign() -> dict[str, Any]:
    """`none` where no campaign is open to this person at all."""
    return {
        "title": _("No campaign is open to you now"),
        "sentence": _("Campaigns open and close. In the list you see which there are, and which languages they need."),
        "retry": "",
        "instead": [_link(_("See all campaigns"), reverse("campaigns"))],
    }


def _give_title(code: str) -> str:
    if code in (WhyNone.DONE, WhyNone.SEEN_ALL):
        return _("You have done all that is here for you")
    if code == WhyNone.BUSY:
        return _("One moment")
    if code == WhyNone.PROMPTS_NOT_NEEDED:
        return _("No new prompts are needed now")
    if code == "too_many_holds":
        return _("You hold enough work for now")
    return _("Nothing is here for you now")


def _give_sentence(why: Mapping[str, Any]) -> str:
    if why["code"] == WhyNone.TERMS_NOT_ACCEPTED:
        return _("Before the first judgment, read the terms and accept them.")
    return str(why["message"])


def _say_when(why: Mapping[str, Any]) -> str:
    """When asking again makes sense; nothing where time changes nothing."""
    seconds = why["retry_after_seconds"]
    if why["code"] == WhyNone.BUSY or seconds <= A_MOMENT:
        return _("Ask again now.")
    if why["retry_at"] is None:
        return ""
    if seconds > 5400:
        hours = round(seconds / 3600)
        return ngettext("Ask again in about %(n)d hour.", "Ask again in about %(n)d hours.", hours) % {"n": hours}
    minutes = max(1, round(seconds / 60))
    return ngettext("Ask again in about %(n)d minute.", "Ask again in about %(n)d minutes.", minutes) % {"n": minutes}


def _first_steps(why: Mapping[str, Any], *, slug: str) -> list[dict[str, Any]]:
    """What this reason itself asks for."""
    code = why["code"]
    if code == WhyNone.TERMS_NOT_ACCEPTED:
        following = urlencode({"next": reverse("campaign", args=[slug])})
        return [_link(_("Read the terms"), f"{reverse('accept_terms')}?{following}")]
    if code == "guests_not_allowed":
        return [_link(_("Make an account"), reverse("account_signup"))]
    if code in (WhyNone.BUSY, WhyNone.ALL_HELD):
        return [_ask(_("Ask again"), slug, {})]
    return []


def _offer(near: Mapping[str, Any], *, slug: str) -> dict[str, Any]:
    """The nearest work: another kind or language, here or in another campaign."""
    title = _("%(kind)s in %(language)s") % {
        "kind": kind_name(near["kind"]),
        "language": language_name(near["language"]),
    }
    note = "" if near["campaign"] == slug else _("in another campaign")
    asked = _ask(title, near["campaign"], {"kind": near["kind"], "language": near["language"]})
    return asked | {"note": note, "count": _count_waiting(near.get("open"))}


def _count_waiting(pieces: int | None) -> str:
    """How many pieces of work wait there, where they were counted."""
    if pieces is None:
        return ""
    if pieces >= MOST_COUNTED:
        return _("%(n)d or more wait") % {"n": MOST_COUNTED}
    return ngettext("%(n)d waits", "%(n)d wait", pieces) % {"n": pieces}


def _ask(title: str, slug: str, fields: Mapping[str, str]) -> dict[str, Any]:
    url = reverse("next_work", args=[slug])
    return {"title": title, "url": url, "note": "", "count": "", "is_request": True, "fields": dict(fields)}


def _link(title: str, url: str) -> dict[str, Any]:
    return {"title": title, "url": url, "note": "", "count": "", "is_request": False, "fields": {}}
