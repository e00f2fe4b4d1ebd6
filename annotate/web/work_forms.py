"""The form of a work page and the body of an answer: one into the other, both ways.

The fields are the same with and without scripts. Places may have gaps (1, 3): acceptable is a place that is not below
the bar, on the numbers as they were sent, and then the gaps close. What was not answered is left out, never a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from django.http import QueryDict
from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.services.answers import MAX_ACTIVE_SECONDS
from tasks.vocabulary import Kind

#: The largest number of a place that a form may send.
MOST_PLACES = 20
MOST_DIGITS = 2
LABEL = "label."
#: Fields that hold what somebody writes, and what a page counts while they do.
TEXTS = ("text", "prompt", "reply")
SIGNALS = ("typed_chars", "pasted_chars")
MOST_SIGNAL_DIGITS = 7
#: What a verdict means: which of the two is better (None: neither), and whether by far.
VERDICTS: Mapping[str, tuple[int | None, bool | None]] = {
    "a2": (0, True),
    "a1": (0, False),
    "tie": (None, None),
    "b1": (1, False),
    "b2": (1, True),
}
WORDS = {"yes": True, "no": False, "na": "not_applicable"}


def read_form(form: QueryDict, *, kind: str, shown: Sequence[str], is_draft: bool = False) -> dict[str, Any]:
    """The body that a form means, for `submit_answer`, or as a draft.

    A draft keeps what is chosen although something stands in the way of submitting it. Raises `InvalidInput` for
    fields that no form of ours sends.
    """
    body: dict[str, Any] = _read_seconds(form.get("active_seconds", ""))
    if rationale := _read_lines(form, "rationale").strip():
        body["rationale"] = rationale
    reason = form.get("cannot_tell_reason", "")
    if reason and not is_draft:
        return {**body, "cannot_tell_reason": reason}
    if kind == Kind.RANK:
        return body | _read_ranking(form, shown=shown, is_draft=is_draft)
    if kind == Kind.COMPARE:
        return body | _read_verdict(form, shown=shown)
    if kind == Kind.LABEL:
        return {**body, "labels": _read_labels(form)}
    return body | _read_texts(form, kind=kind, is_draft=is_draft)


def is_empty(body: Mapping[str, Any]) -> bool:
    """Whether nobody has chosen or typed anything."""
    if body.get("rationale") or any(body.get("tiers") or ()) or body.get("ends_thread"):
        return False
    if any(body.get(name, "").strip() for name in TEXTS):
        return False
    answered = any(value is not None for value in (body.get("labels") or {}).values())
    return not answered and body.get("acceptable_tiers") is None and not body.get("rest_worse")


def fill_form(body: Mapping[str, Any] | None, *, kind: str, shown: Sequence[str]) -> dict[str, Any]:
    """How the form stands that means this body: what `work` of a page says of its fields."""
    body = body if isinstance(body, Mapping) else {}
    state: dict[str, Any] = {
        "rationale": _as_text(body.get("rationale")),
        "active_seconds": _as_seconds(body.get("active_seconds")),
    }
    if kind == Kind.RANK:
        return state | _fill_ranking(body, shown=shown)
    if kind == Kind.COMPARE:
        return state | _fill_verdict(body, shown=shown)
    if kind == Kind.LABEL:
        labels = body.get("labels")
        labels = labels if isinstance(labels, Mapping) else {}
        return state | {"answers": {name: field_of(value) for name, value in labels.items()}}
    signals = body.get("signals")
    return state | {
        **{name: _as_text(body.get(name)) for name in TEXTS},
        "text_language": _as_text(body.get("language")),
        "signals": {name: _as_seconds(signals.get(name)) for name in SIGNALS} if isinstance(signals, Mapping) else {},
    }


def field_of(value: Any) -> str | None:
    """A label's value as it travels: `0.25`, `yes`, `na`; None: not answered."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return "na" if value == "not_applicable" else None


def _read_ranking(form: QueryDict, *, shown: Sequence[str], is_draft: bool) -> dict[str, Any]:
    if form.get("agree") and not is_draft:
        bar = _read_bar(form, numbers=range(1, len(shown) + 1))
        return {
            "tiers": [[handle] for handle in shown],
            "acceptable_tiers": None if bar is None else min(bar, len(shown)),
        }
    placed = _read_places(form)
    numbers = sorted({number for number, _ in placed})
    rest_worse = bool(form.get("rest_worse"))
    tiers = [[handle for place, handle in placed if place == number] for number in numbers]
    bar = _read_bar(form, numbers=numbers)
    has_rest = rest_worse and {handle for _, handle in placed} < set(shown)
    if bar is not None and not is_draft:
        bar = min(bar, len(tiers) + has_rest)
    return {"tiers": tiers, "acceptable_tiers": bar, **({"rest_worse": True} if rest_worse else {})}


def _read_places(form: QueryDict) -> list[tuple[int, str]]:
    placed = []
    for sent in form.getlist("tiers"):
        handle, _colon, number = sent.partition(":")
        if not number:
            continue
        placed.append((_read_place(number, least=1, field="tiers"), handle))
    return placed


def _read_place(sent: str, *, least: int, field: str) -> int:
    if not sent.isdecimal() or not sent.isascii() or len(sent) > MOST_DIGITS or not least <= int(sent) <= MOST_PLACES:
        raise _unreadable(field)
    return int(sent)


def _read_bar(form: QueryDict, *, numbers: Sequence[int]) -> int | None:
    """How many tiers are acceptable: those above the bar, and as many of the next as the bar lies below the last."""
    if form.get("all_bad"):
        return 0
    sent = form.get("acceptable_tiers", "")
    if not sent:
        return None
    bar = _read_place(sent, least=0, field="acceptable_tiers")
    return sum(number <= bar for number in numbers) + max(0, bar - max(numbers, default=0))


def _read_verdict(form: QueryDict, *, shown: Sequence[str]) -> dict[str, Any]:
    verdict = form.get("preference", "")
    bar = 0 if form.get("both_bad") else None
    if not verdict:
        return {"tiers": [], "acceptable_tiers": bar}
    if verdict not in VERDICTS or len(shown) != 2:
        raise _unreadable("preference")
    better, much_better = VERDICTS[verdict]
    tiers = [list(shown)] if better is None else [[shown[better]], [shown[1 - better]]]
    return {"tiers": tiers, "acceptable_tiers": bar, "much_better": much_better}


def _read_labels(form: QueryDict) -> dict[str, Any]:
    return {
        name.removeprefix(LABEL): _read_label(name, form.get(name, ""))
        for name in sorted(form)
        if name.startswith(LABEL)
    }


def _read_label(name: str, sent: str) -> Any:
    if not sent:
        return None
    if sent in WORDS:
        return WORDS[sent]
    try:
        number = float(sent)
    except ValueError:
        raise _unreadable(name) from None
    if not 0 <= number <= 1:
        raise _unreadable(name)
    return number


def _read_texts(form: QueryDict, *, kind: str, is_draft: bool) -> dict[str, Any]:
    """What was written. "The conversation is finished" is sent by a button of its own, and then there is no text."""
    signals = _read_signals(form)
    if kind == Kind.WRITE_PROMPTER_REPLY and form.get("ends_thread") and not is_draft:
        return {"ends_thread": True, **signals}
    names = ("prompt", "reply") if kind == Kind.WRITE_PAIR else ("text",)
    language = form.get("language", "")
    texts = {name: _read_lines(form, name) for name in names}
    return {**texts, **({"language": language} if language else {}), **signals}


def _read_signals(form: QueryDict) -> dict[str, Any]:
    """How the text came to be, as the page counted it; a page without scripts counts nothing, which is not 0."""
    counted = {name: form.get(name, "") for name in SIGNALS}
    if not all(sent.isdecimal() and sent.isascii() and len(sent) <= MOST_SIGNAL_DIGITS for sent in counted.values()):
        return {}
    return {"signals": {name: int(sent) for name, sent in counted.items()}}


def _read_lines(form: QueryDict, name: str) -> str:
    """Text of a field; browsers send its line ends as CR LF."""
    return form.get(name, "").replace("\r\n", "\n").replace("\r", "\n")


def _read_seconds(sent: str) -> dict[str, float]:
    """Seconds of work as the page counted them; a page without scripts counts none, which is not 0."""
    try:
        seconds = min(float(sent), MAX_ACTIVE_SECONDS)
    except ValueError:
        return {}
    return {"active_seconds": seconds} if seconds > 0 else {}


def _fill_ranking(body: Mapping[str, Any], *, shown: Sequence[str]) -> dict[str, Any]:
    tiers = [tier for tier in _as_tiers(body.get("tiers")) if tier]
    placed = {handle for tier in tiers for handle in tier}
    rest_worse = body.get("rest_worse") is True
    if rest_worse and len(tiers) > 1 and placed >= set(shown):
        tiers = tiers[:-1]  # as it is stored, the rest is the last tier
    places = {handle: number for number, tier in enumerate(tiers, start=1) for handle in tier}
    bar = body.get("acceptable_tiers")
    return {
        "place_of": {handle: places.get(handle) for handle in shown},
        "acceptable_tiers": min(bar, len(shown)) if _is_count(bar) else None,
        "rest_worse": rest_worse,
    }


def _fill_verdict(body: Mapping[str, Any], *, shown: Sequence[str]) -> dict[str, Any]:
    tiers = _as_tiers(body.get("tiers"))
    bar, much = body.get("acceptable_tiers"), body.get("much_better") is True
    verdict = ""
    if len(tiers) == 1 and len(tiers[0]) == 2:
        verdict = "tie"
    elif tiers and tiers[0] and tiers[0][0] in list(shown)[:2]:
        side = "a" if tiers[0][0] == shown[0] else "b"
        verdict = f"{side}{2 if much else 1}"
    return {"preference": verdict, "both_bad": _is_count(bar) and bar == 0}


def _as_tiers(value: Any) -> list[list[str]]:
    """Tiers of a draft, which any client of the API may have written: what is none is passed over."""
    if not isinstance(value, list):
        return []
    return [[handle for handle in tier if isinstance(handle, str)] for tier in value if isinstance(tier, list)]


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_seconds(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value <= MAX_ACTIVE_SECONDS else 0


def _unreadable(field: str) -> InvalidInput:
    return InvalidInput(
        _("This answer could not be read, so nothing of it was stored. Choose it again and submit."),
        code="wrong_value",
        details={"field": field},
    )
