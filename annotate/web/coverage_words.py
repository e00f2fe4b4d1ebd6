"""What the pages on coverage say: parts, lengths, why a target is behind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from annotate.figures import day, whole
from annotate.web.field_words import Words
from annotate.web.names import isolated, language_name
from tasks.records.standing import Lag, Unmet
from tasks.vocabulary import PolicyName, PromptLength, TargetAxis

#: The parts of the coverage: name, and what it counts.
PARTS: dict[str, tuple[Words, Words]] = {
    "prompts": (
        gettext_lazy("Kinds of prompts"),
        gettext_lazy(
            "how much of each cell is known as surely as wanted; a cell wants two finished prompts, or its part of what was asked for"
        ),
    ),
    "candidates": (
        gettext_lazy("Candidates"),
        gettext_lazy(
            "how many pairs of generators, with people as one of them, ten judgments or more have put in order"
        ),
    ),
    "people": (
        gettext_lazy("People"),
        gettext_lazy(
            "how many of the groups of people who judge in its language have judged in each cell; groups of fewer than ten people are taken together"
        ),
    ),
    "facility": (
        gettext_lazy("Nearness"),
        gettext_lazy("how near each prompt lies, by its meaning, to one that is finished"),
    ),
}

LENGTHS: dict[str, Words] = {
    PromptLength.SHORT: gettext_lazy("short, up to 80 characters"),
    PromptLength.MIDDLE: gettext_lazy("middle, up to 400 characters"),
    PromptLength.LONG: gettext_lazy("long, over 400 characters"),
}

AXES: dict[str, Words] = {
    TargetAxis.LANGUAGE: gettext_lazy("Language"),
    TargetAxis.TOPIC: gettext_lazy("Topic"),
    TargetAxis.DIFFICULTY: gettext_lazy("Difficulty"),
    TargetAxis.LENGTH: pgettext_lazy("of a prompt", "Length"),
    TargetAxis.TAG: gettext_lazy("Tag"),
}

POLICIES: dict[str, Words] = {
    PolicyName.COVERAGE: gettext_lazy("Coverage"),
    PolicyName.UNCERTAINTY: gettext_lazy("Certainty"),
    PolicyName.ROUND_ROBIN: gettext_lazy("In turn"),
    PolicyName.OPEN_ASSISTANT: gettext_lazy("Open Assistant"),
    PolicyName.UNIFORM: gettext_lazy("At random"),
}


def value_name(axis: str, value: str, name: str = "") -> str:
    """A value of an axis as people say it."""
    if axis == TargetAxis.LANGUAGE:
        return language_name(value)
    if axis == TargetAxis.LENGTH:
        return str(LENGTHS.get(value, value))
    return name or value


def say_lag(lag: str, target: Mapping[str, Any]) -> str:
    """One reason why a target is not reached, with the numbers that it rests on."""
    language = isolated(language_name(target["language"]))
    missing = max(0, target["target"] - target["done"])
    said: dict[str, str] = {
        Lag.NOT_OPEN: _("The campaign offers no work now. Open it."),
        Lag.NO_LANGUAGE: _("The campaign does not have the language %(language)s any more. Add it, or take the target out.")
        % {"language": language},
        Lag.NO_PROMPTS: _("There is no prompt in it, and nobody is asked to write one. Import some."),
        Lag.NO_CANDIDATES: _("Its prompts have too few candidates for anybody to be asked. Ask generators, or import some."),
        Lag.NO_ROOM: ngettext(
            "What its prompts still ask for is %(room)s judgment; %(missing)s are missing. Import more prompts, or ask for "
            "more judgments of each.",
            "What its prompts still ask for is %(room)s judgments; %(missing)s are missing. Import more prompts, or ask for "
            "more judgments of each.",
            target["room"],
        )
        % {"room": whole(target["room"]), "missing": whole(missing)},
        Lag.NOBODY: _("Nobody who works here says that they know %(language)s. Invite somebody who does.")
        % {"language": language},
        Lag.ALL_SEEN: _("Everybody who works in %(language)s has met all that is open in it. It needs other people, or more prompts.")
        % {"language": language},
        Lag.PROMPTS_WANTED: _("There is no prompt in it yet. People are asked to write some."),
        Lag.NO_PACE: _("Nothing came in the last seven whole days."),
        Lag.FAR: _("At the present pace it takes more than two years."),
        Lag.FEW_PEOPLE: ngettext(
            "All of it depends on %(n)s person.", "All of it depends on %(n)s people.", target["people"]
        )
        % {"n": whole(target["people"])},
        Lag.OTHERS_FIRST: _("Other work had more of people’s time than its part of what is missing."),
        Lag.ON_THE_WAY: _("Nothing is wrong: it takes its time."),
    }  # fmt: skip
    return said.get(lag, lag)


def say_forecast(forecast: Mapping[str, Any]) -> str:
    """When a target is reached, with the ends of the interval, as far as there are such days."""
    on, earliest, latest = (
        None if forecast[name] is None else day(date.fromisoformat(forecast[name]))
        for name in ("on", "earliest", "latest")
    )
    if on is None:
        return _("More than two years away, if the days go on like the last ones.")
    if earliest and latest:
        said = _("Reached %(on)s (%(early)s to %(late)s), if the days go on like the last ones.")
        return said % {"on": on, "early": earliest, "late": latest}
    said = _("Reached %(on)s (%(early)s at the earliest), if the days go on like the last ones.")
    return said % {"on": on, "early": earliest or on}


#: Why a cell is behind, as the measurement found it.
BEHIND: dict[str, Words] = {
    "no_prompts": gettext_lazy("Nobody has written a prompt for it."),
    "few_prompts": gettext_lazy("It has too few prompts: more judgments cannot help."),
    "no_people": gettext_lazy("Nobody who was here lately knows its language."),
    "few_people": gettext_lazy("Too few people who were here lately know its language."),
    "all_seen": gettext_lazy("Those who were here lately have judged all that is open in its language."),
    "under_way": gettext_lazy("What is being judged now is enough."),
    "waiting": gettext_lazy("Its prompts wait for candidates, for review, or for somebody to write."),
    "its_turn": gettext_lazy("Nothing is in the way: it comes up as people come."),
}


#: Why a share cannot be reached.
UNMET: dict[str, Words] = {
    Unmet.TOPIC_GONE: gettext_lazy("This topic takes no prompts any more. Set the share for another one."),
    Unmet.NO_PEOPLE: gettext_lazy("Nobody here knows this language. Invite somebody who does."),
    Unmet.NO_TAG: gettext_lazy("Nobody who writes is asked for tags. Import prompts that have this one."),
    Unmet.NO_ROOM: gettext_lazy("Other shares leave less to it than that. Make one of them smaller."),
}


def say_pace(target: Mapping[str, Any], *, today: date) -> str:
    """Judgments of the seven whole days before the one it was counted on, and who gave them; nothing where a reason says so."""
    if Lag.NO_PACE in target["lags"]:
        return ""
    days = {"first": day(today - timedelta(days=7)), "last": day(today - timedelta(days=1))}
    if not target["week"]:
        return _("No judgment from %(first)s to %(last)s.") % days
    judgments = ngettext("%(n)s judgment", "%(n)s judgments", target["week"]) % {"n": whole(target["week"])}
    return ngettext(
        "%(judgments)s by %(n)s person from %(first)s to %(last)s.",
        "%(judgments)s by %(n)s people from %(first)s to %(last)s.",
        target["people"],
    ) % {"judgments": judgments, "n": whole(target["people"]), **days}


#: What is compared of the two halves of a campaign.
FIGURES: dict[str, tuple[Words, Words]] = {
    "coverage": (
        gettext_lazy("Coverage"),
        gettext_lazy("of kinds of prompts, in the cells where both halves have some"),
    ),
    "finished": (gettext_lazy("Finished"), gettext_lazy("part of its prompts that is known as surely as wanted")),
    "certainty": (gettext_lazy("Certainty"), gettext_lazy("how sure the orders of replies are that are known")),
    "agreement": (gettext_lazy("Agreement"), gettext_lazy("which of two is better, α")),
    "judgments": (gettext_lazy("Judgments"), gettext_lazy("that each prompt has, on the mean")),
}


def say_difference(difference: Mapping[str, Any]) -> str:
    """Which half has more of something, where the interval of the difference leaves no doubt."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return _("not enough data")
    if low > 0:
        return _("more in the first half")
    return _("more in the second half") if high < 0 else _("no clear difference")
