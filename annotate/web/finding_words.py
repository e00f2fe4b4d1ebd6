"""What a finding says, in words that presume good faith: what was seen, what honest work would look like, what else it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotate.figures import percent, two, whole
from annotate.web.field_words import Words
from tasks.vocabulary import FindingKind, FindingState

STATES: dict[FindingState, Words] = {
    FindingState.OPEN: gettext_lazy("open"),
    FindingState.UPHELD: gettext_lazy("upheld"),
    FindingState.DISMISSED: gettext_lazy("dismissed"),
    FindingState.GONE: gettext_lazy("gone"),
}
TITLES: dict[FindingKind, Words] = {
    FindingKind.RANDOM: gettext_lazy("Signs of rankings by chance"),
    FindingKind.POSITION: gettext_lazy("Signs of rankings by place on the page"),
    FindingKind.CONTRARY: gettext_lazy("Signs of rankings against everybody’s"),
    FindingKind.COPIED: gettext_lazy("Signs of rankings that repeat another person’s"),
    FindingKind.COLLUSION: gettext_lazy("Signs of rankings that several people agreed on"),
    FindingKind.HURRIED: gettext_lazy("Signs of rankings without reading"),
    FindingKind.SCRIPTED: gettext_lazy("Signs of rankings by a program"),
}
HABITS: dict[str, Words] = {
    "first_best": gettext_lazy("What was shown first came out best"),
    "last_best": gettext_lazy("What was shown last came out best"),
    "as_shown": gettext_lazy("Replies were ranked in the order in which they were shown"),
    "reversed": gettext_lazy("Replies were ranked in the reverse of the order in which they were shown"),
}
#: What honest work may look the same.
HONESTLY: dict[FindingKind, Words] = {
    FindingKind.RANDOM: gettext_lazy("Somebody whose taste nobody else here shares, or who misread the guideline, looks the same."),
    FindingKind.POSITION: gettext_lazy("Somebody whose browser or screen reader did not let them move replies can look the same."),
    FindingKind.CONTRARY: gettext_lazy("Somebody who took the top for the worst, or disagrees for good reasons, looks the same. An opinion that a tenth of the people share is never reported here."),
    FindingKind.COPIED: gettext_lazy("Two people who worked side by side, or one person with two accounts, look the same."),
    FindingKind.COLLUSION: gettext_lazy("A class that was taught one rule looks the same. People who merely share an opinion are not reported here."),
    FindingKind.HURRIED: gettext_lazy("Somebody who had read the texts before looks the same."),
    FindingKind.SCRIPTED: gettext_lazy("Several people who share an account, or rankings sent later from a list, look the same."),
}  # fmt: skip
#: Odds beyond this say no more.
MOST_ODDS = 9


def tell_finding(kind: FindingKind, evidence: Mapping[str, Any]) -> str:
    """What was seen, and what would be expected of honest work."""
    return TELL[kind](evidence)


def tell_strength(strength: float) -> str:
    """How seldom honest work comes so far."""
    odds = whole(_round_down(10 ** min(strength, MOST_ODDS)))
    if strength >= MOST_ODDS:
        return _("Fewer than one honest person in %(odds)s would get this far by chance.") % {"odds": odds}
    return _("At most one honest person in %(odds)s would get this far by chance.") % {"odds": odds}


def _random(told: Mapping[str, Any]) -> str:
    sentence = ngettext(
        "On a scale where 1 is the same order and 0 is chance, %(n)s ranking agrees with those of others by %(observed)s; others’ rankings of the same prompts agree by %(expected)s.",
        "On a scale where 1 is the same order and 0 is chance, %(n)s rankings agree with those of others by %(observed)s; others’ rankings of the same prompts agree by %(expected)s.",
        told["n"],
    )  # fmt: skip
    return sentence % _figures(told, two)


def _contrary(told: Mapping[str, Any]) -> str:
    sentence = ngettext(
        "On a scale where 1 is the same order and −1 the opposite, %(n)s ranking agrees with what all others say by %(observed)s; a typical person’s by %(expected)s. %(alike)s of the others judge like this person.",
        "On a scale where 1 is the same order and −1 the opposite, %(n)s rankings agree with what all others say by %(observed)s; a typical person’s by %(expected)s. %(alike)s of the others judge like this person.",
        told["n"],
    )  # fmt: skip
    return sentence % {**_figures(told, two), "alike": percent(told["alike"])}


def _position(told: Mapping[str, Any]) -> str:
    habit = str(HABITS[told["habit"]])
    if told["habit"] in {"first_best", "last_best"}:
        sentence = ngettext(
            "%(habit)s in %(observed)s of %(n)s ranking. Replies are shuffled each time, so it would be about %(expected)s whatever somebody thinks of them.",
            "%(habit)s in %(observed)s of %(n)s rankings. Replies are shuffled each time, so it would be about %(expected)s whatever somebody thinks of them.",
            told["n"],
        )  # fmt: skip
        return sentence % {"habit": habit, **_figures(told, percent)}
    sentence = ngettext(
        "%(habit)s: %(observed)s in %(n)s ranking, on a scale where 1 is always. Replies are shuffled each time, so it would be about 0 whatever somebody thinks of them.",
        "%(habit)s: %(observed)s on average in %(n)s rankings, on a scale where 1 is always. Replies are shuffled each time, so it would be about 0 whatever somebody thinks of them.",
        told["n"],
    )  # fmt: skip
    return sentence % {"habit": habit, **_figures(told, two)}


def _copied(told: Mapping[str, Any]) -> str:
    sentence = ngettext(
        "Of %(n)s prompt that both ranked, %(same)s has the very same order, given later than the other person’s or at about the same time. Two people who agree as well as these two would give the same order in %(expected)s.",
        "Of %(n)s prompts that both ranked, %(same)s have the very same order, given later than the other person’s or at about the same time. Two people who agree as well as these two would give the same order in %(expected)s.",
        told["n"],
    )  # fmt: skip
    return sentence % {**_figures(told, percent), "same": whole(told["same"])}


def _collusion(told: Mapping[str, Any]) -> str:
    sentence = ngettext(
        "In %(n)s ranking that goes against most others, %(observed)s of those who judge like this person gave nearly the same order; people who merely share an opinion do so in at most %(expected)s. %(odd)s of this person’s rankings go against most others; usually %(usually_odd)s do.",
        "In %(n)s rankings that go against most others, %(observed)s of those who judge like this person gave nearly the same order; people who merely share an opinion do so in at most %(expected)s. %(odd)s of this person’s rankings go against most others; usually %(usually_odd)s do.",
        told["n"],
    )  # fmt: skip
    shares = {"odd": percent(told["odd"]), "usually_odd": percent(told["usually_odd"])}
    return sentence % {**_figures(told, percent), **shares}


def _hurried(told: Mapping[str, Any]) -> str:
    sentence = ngettext(
        "%(observed)s of %(n)s ranking came too fast for anybody to have read the texts: typically %(pace)s words a second, where people here usually read %(usual)s. Of honest rankings, up to %(expected)s may be this fast.",
        "%(observed)s of %(n)s rankings came too fast for anybody to have read the texts: typically %(pace)s words a second, where people here usually read %(usual)s. Of honest rankings, up to %(expected)s may be this fast.",
        told["n"],
    )  # fmt: skip
    paces = {"pace": whole(told["words_per_second"]), "usual": whole(told["usual_words_per_second"])}
    return sentence % {**_figures(told, percent), **paces}


def _scripted(told: Mapping[str, Any]) -> str:
    said = []
    if told["n"]:
        sentence = ngettext(
            "Of %(n)s gap between two rankings, %(observed)s are as long as the ones before, to within a tenth; in honest work it is at most %(expected)s.",
            "Of %(n)s gaps between two rankings, %(observed)s are as long as the ones before, to within a tenth; in honest work it is at most %(expected)s.",
            told["n"],
        )  # fmt: skip
        said.append(sentence % _figures(told, percent))
    if told["restless_days"]:
        sentence = ngettext(
            "On %(restless)s of %(days)s day with work, no pause lasted three hours.",
            "On %(restless)s of %(days)s days with work, no pause lasted three hours.",
            told["days"],
        )
        said.append(sentence % {"restless": whole(told["restless_days"]), "days": whole(told["days"])})
    return " ".join(said)


TELL = {
    FindingKind.RANDOM: _random,
    FindingKind.POSITION: _position,
    FindingKind.CONTRARY: _contrary,
    FindingKind.COPIED: _copied,
    FindingKind.COLLUSION: _collusion,
    FindingKind.HURRIED: _hurried,
    FindingKind.SCRIPTED: _scripted,
}


def _figures(told: Mapping[str, Any], figure: Any) -> dict[str, str]:
    return {"n": whole(told["n"]), "observed": figure(told["observed"]), "expected": figure(told["expected"])}


def _round_down(odds: float) -> int:
    """Two leading digits: 123,456 is 120,000."""
    digits = max(len(str(int(odds))) - 2, 0)
    return int(odds) // 10**digits * 10**digits
