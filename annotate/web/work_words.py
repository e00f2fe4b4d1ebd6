"""Sentences of the work pages: reasons, refusals at their field, what was stored, an answer in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext
from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError
from annotate.web.names import language_name
from tasks.vocabulary import WRITING_KINDS, CannotTellReason, Kind, MessageRole, ReasonCode, SkipReason

REASONS = {
    ReasonCode.FIRST_JUDGMENT: gettext_lazy("nobody has been asked about this yet."),
    ReasonCode.MORE_VOICES: gettext_lazy("this needs more voices before it counts."),
    ReasonCode.REPLY_WANTED: gettext_lazy("this prompt waits for a reply by a person."),
    ReasonCode.TURN_WANTED: gettext_lazy("this conversation waits for its next turn."),
    ReasonCode.PROMPT_WANTED: gettext_lazy("new conversations are wanted in this language."),
    ReasonCode.REVIEW_WANTED: gettext_lazy("somebody wrote this, and others look at it before it counts."),
    ReasonCode.IMPROVEMENT_WANTED: gettext_lazy("perhaps this reply can be better."),
    ReasonCode.OWN_CHOICE: gettext_lazy("you chose it yourself."),
}
SKIP_REASONS = {
    SkipReason.NOT_MY_TOPIC: gettext_lazy("Not my topic"),
    SkipReason.NOT_MY_LANGUAGE: gettext_lazy("Not my language"),
    SkipReason.TOO_LONG: gettext_lazy("Too long for now"),
    SkipReason.UNCOMFORTABLE: gettext_lazy("I would rather not read this"),
    SkipReason.BROKEN: gettext_lazy("Something is broken"),
    SkipReason.OTHER: gettext_lazy("Another reason"),
}
CANNOT_TELL_REASONS = {
    CannotTellReason.NEED_EXPERTISE: gettext_lazy("I would have to know more about it"),
    CannotTellReason.ALL_ALIKE: gettext_lazy("I see no difference that matters"),
    CannotTellReason.PROMPT_UNCLEAR: gettext_lazy("It is unclear what was asked"),
    CannotTellReason.OTHER: gettext_lazy("Another reason"),
}
#: Refusals of an answer, by code: the field that it is about, and what to do.
PROBLEMS: Mapping[str, tuple[str, Any]] = {
    "tiers_required": ("tiers", gettext_lazy("Nothing is ordered yet. Give each reply a place, or skip this work.")),
    "rationale_required": ("rationale", gettext_lazy("This campaign asks for your reason. Say it in a few words.")),
    "label_required": ("labels", gettext_lazy("A question that must be answered is still open. Answer it and submit.")),
    "labels_required": ("labels", gettext_lazy("Nothing is answered yet. Answer a question, or skip this work.")),
    "nothing_answered": ("labels", gettext_lazy("Nothing is answered yet. Answer a question, or skip this work.")),
    "text_required": ("text", gettext_lazy("Nothing is written yet. Write something, or skip this work.")),
    "unknown_candidate": (
        "tiers",
        gettext_lazy("The replies of this work changed since you opened it. Look at them anew, then order them."),
    ),
}
FIELDS = {"text_too_long": "text", "rationale_too_long": "rationale", "unknown_language": "language"}
CELL = re.compile(r"(?:(?P<topic>.+) \()?(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)\)?")


#: The name of the page of each kind, and what its heading asks for where that is something else.
TITLES: Mapping[str, Any] = {
    Kind.RANK: gettext_lazy("Rank replies"),
    Kind.COMPARE: gettext_lazy("Which reply is better?"),
    Kind.LABEL: gettext_lazy("Label a message"),
    Kind.WRITE_ASSISTANT_REPLY: gettext_lazy("Reply as the assistant"),
    Kind.WRITE_PROMPTER_REPLY: gettext_lazy("Reply as the person who asks"),
    Kind.WRITE_PROMPT: gettext_lazy("Write a prompt"),
    Kind.WRITE_PAIR: gettext_lazy("Write a prompt and its reply"),
    Kind.IMPROVE_REPLY: gettext_lazy("Improve this reply"),
}
#: What each text of a kind of work is called on its form.
TEXT_NAMES: Mapping[str, Any] = {
    "text": gettext_lazy("Your reply"),
    "prompt": gettext_lazy("Your prompt"),
    "reply": gettext_lazy("The reply of a good assistant"),
    Kind.WRITE_PROMPT: gettext_lazy("Your prompt"),
    Kind.WRITE_PROMPTER_REPLY: gettext_lazy("What you say next"),
    Kind.IMPROVE_REPLY: gettext_lazy("The better reply"),
}
HEADINGS: Mapping[str, Any] = {Kind.LABEL: gettext_lazy("Label this message")}
#: What is done with an answer, where its page would not tell: by kind, or by what the work is about.
PURPOSES: Mapping[str, Any] = {
    "prompts": gettext_lazy("Best is the prompt that most deserves a good answer: it has its turn sooner."),
    "turns": gettext_lazy("Each of them is what the person who asks might say next."),
    "review": gettext_lazy(
        "You help to decide whether it may stay. Only spam and the wrong language keep a text out; all other answers describe it."
    ),
    Kind.WRITE_PROMPTER_REPLY: gettext_lazy("Go on as the person who asked would: ask back, doubt, or ask for more."),
    Kind.IMPROVE_REPLY: gettext_lazy(
        "Change what you would change. What you send counts as better than the reply as it is."
    ),
}


def name_work(
    *, kind: str, candidates: int, last_role: str = MessageRole.PROMPTER, reason: str = ""
) -> Mapping[str, str]:
    """`title` of the page of a piece of work, the `heading` on it, and its `purpose`.

    `last_role`: who wrote the message that it is about; nobody where prompts are ranked. `reason`: why it is asked for.
    """
    return _name_work(kind, candidates, _find_topic(kind, last_role, reason), get_language())


def _find_topic(kind: str, last_role: str, reason: str) -> str:
    if kind == Kind.RANK:
        return {"": "prompts", MessageRole.ASSISTANT: "turns"}.get(last_role, "")
    is_review = kind == Kind.LABEL and reason == ReasonCode.REVIEW_WANTED
    return "review" if is_review else ""


@lru_cache(maxsize=256)
def _name_work(kind: str, candidates: int, topic: str, _language: str | None) -> Mapping[str, str]:
    title = str(TITLES[kind])
    purpose = str(PURPOSES.get(topic or kind, ""))
    if topic == "review":
        title = heading = _("Review a message")
    elif topic == "prompts":
        title = _("Rank prompts")
        heading = ngettext("Rank %(n)s prompt", "Rank %(n)s prompts", candidates) % {"n": candidates}
    elif topic == "turns":
        title = _("Rank ways to go on")
        heading = ngettext("Rank %(n)s way to go on", "Rank %(n)s ways to go on", candidates) % {"n": candidates}
    elif kind == Kind.RANK:
        heading = ngettext("Rank %(n)s reply", "Rank %(n)s replies", candidates) % {"n": candidates}
    else:
        heading = str(HEADINGS.get(kind, title))
    return {"title": title, "heading": heading, "purpose": purpose}


def describe_reason(*, code: str, args: Mapping[str, Any]) -> str:
    """Why this work, in the reader's language; tells nothing about what others thought of it."""
    if code == ReasonCode.STRATUM_THIN and {"where", "done", "target"} <= set(args):
        values = {"where": _name_cell(str(args["where"])), "done": args["done"], "target": args["target"]}
        return _("%(where)s has %(done)s of the %(target)s judgments it needs.") % values
    return str(REASONS.get(ReasonCode(code), REASONS[ReasonCode.MORE_VOICES]))


def list_reasons(menu: str) -> Sequence[Mapping[str, str]]:
    """Choices of the menu `skip` or `cannot_tell`."""
    return _list_reasons(menu, get_language())


@lru_cache(maxsize=32)
def _list_reasons(menu: str, _language: str | None) -> Sequence[Mapping[str, str]]:
    words: Mapping[Any, Any] = SKIP_REASONS if menu == "skip" else CANNOT_TELL_REASONS
    return tuple({"value": str(word), "title": str(title)} for word, title in words.items())


def find_problems(error: ChorusError, *, kind: str) -> dict[str, str]:
    """The sentence of a refusal at the field that it is about."""
    if error.code == "candidate_missing":
        letters = get_text_list([handle.upper() for handle in error.details["missing"]], _("and"))
        return {"tiers": _("%(letters)s has no place yet. Place every reply, or skip this work.") % {"letters": letters}
                if len(error.details["missing"]) == 1 else
                _("%(letters)s have no place yet. Place every reply, or skip this work.") % {"letters": letters}}  # fmt: skip
    if error.code == "tiers_required" and kind == Kind.COMPARE:
        return {"preference": _("Nothing is chosen yet. Say which reply is better or that they are the same, or skip.")}
    if error.code == "label_required":
        answer_it = _("This must be answered. If it makes no sense here, choose “Not applicable”.")
        return {f"label.{name}": answer_it for name in error.details["labels"]}
    if error.code in PROBLEMS:
        field, sentence = PROBLEMS[error.code]
        return {field: str(sentence)}
    field = error.details.get("field") or FIELDS.get(error.code, "")
    return {str(field): error.message}


def describe_stored(*, kind: str, counted: bool) -> str:
    """What was just stored."""
    if kind in (Kind.WRITE_PROMPT, Kind.WRITE_PAIR):
        done, extra = _("Your prompt is stored."), _("Your prompt is stored as an extra: the others came first.")
    elif kind in WRITING_KINDS:
        done, extra = _("Your reply is stored."), _("Your reply is stored as an extra: the others came first.")
    elif kind == Kind.RANK:
        done, extra = _("Your ranking is stored."), _("Your ranking is stored as an extra: the others came first.")
    elif kind == Kind.COMPARE:
        done, extra = _("Your choice is stored."), _("Your choice is stored as an extra: the others came first.")
    else:
        done, extra = _("Your labels are stored."), _("Your labels are stored as an extra: the others came first.")
    return done if counted else extra


def describe_answer(
    body: Mapping[str, Any] | None, *, titles: Mapping[str, str], letters: Mapping[str, str]
) -> dict[str, Any]:
    """An answer or a draft to read and copy: its `text` where it is one, and `lines` of sentences.

    `titles` of questions by name, `letters` of candidates by handle.
    """
    body = body or {}
    text = body.get("text") if isinstance(body.get("text"), str) else ""
    lines = _describe_pair(body)
    if body.get("ends_thread") is True:
        lines.append(_("The conversation is finished."))
    if order := describe_order(body.get("tiers"), letters=letters):
        lines.append(order)
    acceptable = body.get("acceptable_tiers")
    if isinstance(acceptable, int) and not isinstance(acceptable, bool):
        lines.append(
            _("None of them is acceptable.") if acceptable == 0 else
            ngettext("Acceptable: the first place.", "Acceptable: the first %(n)d places.", acceptable) % {"n": acceptable}
        )  # fmt: skip
    if body.get("much_better") is True:
        lines.append(_("The first is much better."))
    labels: Any = body.get("labels")
    labels = labels if isinstance(labels, Mapping) else {}
    lines += [f"{titles.get(name, name)} {_name_value(value)}" for name, value in labels.items() if value is not None]
    if isinstance(body.get("rationale"), str) and body["rationale"]:
        lines.append(_("Your reason: %(words)s") % {"words": body["rationale"]})
    return {"text": text, "lines": lines}


def _describe_pair(body: Mapping[str, Any]) -> list[str]:
    said = ((_("Your prompt: %(words)s"), body.get("prompt")), (_("Your reply: %(words)s"), body.get("reply")))
    return [sentence % {"words": words} for sentence, words in said if isinstance(words, str) and words]


def name_text(kind: str, name: str) -> str:
    """What a text of this kind of work is called: `text`, or `prompt` and `reply` of a pair."""
    return str(TEXT_NAMES.get(kind, TEXT_NAMES[name]) if name == "text" else TEXT_NAMES[name])


def describe_order(tiers: Any, *, letters: Mapping[str, str]) -> str:
    """`B, then A and C.`"""
    if not isinstance(tiers, list):
        return ""
    named = [
        get_text_list([letters.get(str(handle), str(handle).upper()) for handle in tier], _("and"))
        for tier in tiers if tier and isinstance(tier, list)
    ]  # fmt: skip
    return pgettext("between places of a ranking", ", then ").join(named) + "." if named else ""


def list_places(count: int) -> Sequence[str]:
    """Names of the places of a ranking, best first."""
    return _list_places(count, get_language())


@lru_cache(maxsize=256)
def _list_places(count: int, _language: str | None) -> Sequence[str]:
    first = [_("1st"), _("2nd"), _("3rd"), _("4th"), _("5th"), _("6th"), _("7th"), _("8th")]
    return (*first[:count], *(f"{number}." for number in range(9, count + 1)))


def name_languages(codes: Sequence[str]) -> list[dict[str, str]]:
    """Choices of a menu of languages."""
    return [{"code": code, "name": language_name(code)} for code in codes]


def _name_cell(label: str) -> str:
    match = CELL.fullmatch(label)
    if match is None:
        return label
    language = language_name(match["language"])
    return _(", ").join([language, match["topic"]]) if match["topic"] else language


def _name_value(value: Any) -> str:
    if value is True:
        return _("Yes.")
    if value is False:
        return _("No.")
    if value == "not_applicable":
        return _("Not applicable.")
    return f"{value:g}" if isinstance(value, int | float) else str(value)
