"""What the server sees in a text while it is written: advice beside the form. Nothing of it is stored, and nothing blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from annotate.access import get_campaign_for, require_annotator
from annotate.exceptions import NotFound
from annotate.services.writing_help import WritingHelp, check_text
from annotate.web.names import language_name
from annotate.web.pages import PageRequest
from annotate.web.work_forms import TEXTS, read_form
from annotate.web.work_standing import Held, get_held, show_form
from tasks.vocabulary import WRITING_KINDS, Kind

#: Texts that are alike from this share of their words on are told as nearly the same.
NEARLY_THE_SAME = 0.9


def show_check(request: PageRequest, assignment_id: int) -> HttpResponse:
    """The advice alone to our script, else the whole page with it and all that was typed."""
    held = get_held(request, assignment_id)
    kind = held.assignment["kind"]
    if kind not in WRITING_KINDS:
        raise NotFound(_("There is no text in this work to look at."), code="no_writing")
    body = read_form(request.POST, kind=kind, shown=held.shown, is_draft=True)
    checked = describe_help(_check_texts(request, held, body), was_asked=not request.htmx)
    if request.htmx:
        return render(request, "work/_checked.html", {"work": {"checked": checked}})
    return show_form(request, held, body=body, checked=checked)


def describe_help(helps: Sequence[WritingHelp], *, was_asked: bool) -> dict[str, Any]:
    """`checked` of the page, from what is known of each text: the language, the nearest prompts, and sentences."""
    other = next((each.language for each in helps if each.language.differs and each.language.found), None)
    near = [neighbour for each in helps for neighbour in each.neighbours]
    checked: dict[str, Any] = {
        "other_language": other and {"code": other.can_be, "name": language_name(str(other.found))},
        "may_change": other is not None and other.can_be is not None,
        "language_advice": "" if other is None else _advise(other.work, may_change=other.can_be is not None),
        "warnings": list(dict.fromkeys(warning.message for each in helps for warning in each.warnings)),
        "neighbours": [{"text": one.text, "says": _say_how_near(one.similarity)} for one in near],
    }
    is_fine = not (other or checked["warnings"] or near)
    return {**checked, "is_fine": is_fine, "was_asked": was_asked}


def _check_texts(request: PageRequest, held: Held, body: Mapping[str, Any]) -> list[WritingHelp]:
    """Help for each text that somebody has begun. Of a pair the reply is looked at as a reply."""
    campaign = get_campaign_for(request.actor, held.frame.slug)
    language = body.get("language") or held.assignment["subject"]["language"]
    kinds = {"reply": Kind.WRITE_ASSISTANT_REPLY}
    return [
        check_text(
            campaign=campaign,
            kind=kinds.get(name, held.assignment["kind"]),
            text=str(body[name]),
            language=str(language),
            annotator_id=require_annotator(request.actor),
        )
        for name in TEXTS
        if str(body.get(name) or "").strip()
    ]


def _advise(language: str, *, may_change: bool) -> str:
    words = {"language": language_name(language)}
    if may_change:
        return _("If it is, say so; else write it in %(language)s.") % words
    return _("This campaign does not work in it: write in %(language)s.") % words


def _say_how_near(similarity: float) -> str:
    if similarity >= 1:
        return _("the very same")
    return _("nearly the same") if similarity >= NEARLY_THE_SAME else _("alike")
