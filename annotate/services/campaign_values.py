"""Reads the values of a campaign, one field at a time, and remembers every problem by its place.

A place is written as an organizer would point at it: `languages[1]`, `targets[0].judgments`.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.figures import whole
from annotate.reasons import tell_reason
from tasks.text.guards import BadText, check_characters, is_blank
from tasks.text.languages import BadLanguage, normalise_language

Word = TypeVar("Word", bound=StrEnum)
Item = TypeVar("Item")

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


def nearest(name: str, known: Collection[str]) -> str:
    """A sentence that names the known word most similar to `name`; empty when none is similar."""
    similar = difflib.get_close_matches(name, sorted(known), n=1)
    return " " + _("Did you mean %(name)s?") % {"name": show(similar[0])} if similar else ""


def show(value: object) -> str:
    """What somebody wrote, short and harmless enough to stand in a sentence."""
    text = value if isinstance(value, str) else str(value)
    return '"' + (ascii(text)[1:-1] if len(text) <= 40 else ascii(text[:39])[1:-1] + "…") + '"'


@dataclass(slots=True)
class Reader:
    """Checks values and collects `problems`: place → sentence. A value that is wrong reads as None."""

    problems: dict[str, str] = field(default_factory=dict)

    def refuse(self, place: str, sentence: str) -> None:
        """Note a problem; the first one at a place stands."""
        self.problems.setdefault(place, sentence)

    def text(self, place: str, value: Any, *, longest: int, lines: bool = False, blank: bool = False) -> str | None:
        """A text without surrounding space: one line, or several with `lines`; empty only with `blank`."""
        if not isinstance(value, str):
            self.refuse(place, _("This must be a text."))
            return None
        text = value.strip()
        try:
            check_characters(text)
        except BadText as error:
            self.refuse(place, tell_reason(error.sentence))
            return None
        if len(value) > longest:
            self.refuse(
                place,
                ngettext(
                    "This has %(length)s character; at most %(longest)s are taken.",
                    "This has %(length)s characters; at most %(longest)s are taken.",
                    len(value),
                )
                % {"length": whole(len(value)), "longest": whole(longest)},
            )
            return None
        if not lines and any(character in text for character in "\r\n\u2028\u2029"):
            self.refuse(place, _("This must be a single line."))
            return None
        if not blank and is_blank(text):
            self.refuse(place, _("This must not be empty."))
            return None
        return text

    def slug(self, place: str, value: Any, *, longest: int = 64) -> str | None:
        text = self.text(place, value, longest=longest)
        if text is not None and not SLUG.fullmatch(text):
            self.refuse(place, _('Write small letters, digits and single hyphens, such as "everyday-questions".'))
            return None
        return text

    def licence(self, place: str, value: Any) -> str | None:
        text = self.text(place, value, longest=64)
        if text is not None and not LICENCE.fullmatch(text):
            self.refuse(place, _('Write the SPDX name of a licence, such as "CC-BY-4.0" or "CC0-1.0".'))
            return None
        return text

    def language(self, place: str, value: Any) -> str | None:
        if not isinstance(value, str):
            self.refuse(place, _('This must be a language code, such as "en" or "pt-BR".'))
            return None
        try:
            return normalise_language(value)
        except BadLanguage as error:
            self.refuse(place, tell_reason(str(error)))
            return None

    def boolean(self, place: str, value: Any) -> bool | None:
        if isinstance(value, bool):
            return value
        self.refuse(place, _("This must be true or false."))
        return None

    def integer(self, place: str, value: Any, *, low: int, high: int) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.refuse(
            place, _("This must be a whole number from %(low)s to %(high)s.") % {"low": whole(low), "high": whole(high)}
        )
        return None

    def fraction(self, place: str, value: Any) -> float | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
        self.refuse(place, _("This must be a number from 0 to 1."))
        return None

    def word(self, place: str, value: Any, words: type[Word]) -> Word | None:
        """A member of an enumeration by its value."""
        known = [word.value for word in words]
        if isinstance(value, str) and value in known:
            return words(value)
        hint = nearest(value, known) if isinstance(value, str) else ""
        self.refuse(
            place,
            _("%(value)s is not known; write one of %(known)s.%(hint)s")
            % {"value": show(value), "known": ", ".join(known), "hint": hint},
        )
        return None

    def items(
        self,
        place: str,
        value: Any,
        read: Callable[[str, Any], Item | None],
        *,
        most: int,
        fewest: int = 0,
    ) -> tuple[Item, ...] | None:
        """A list, each item read by `read(place, value)`; items that are wrong are left out."""
        if not isinstance(value, list | tuple):
            self.refuse(place, _("This must be a list."))
            return None
        if not fewest <= len(value) <= most:
            self.refuse(place, _describe_length(len(value), fewest=fewest, most=most))
            return None
        read_items = (read(f"{place}[{index}]", item) for index, item in enumerate(value))
        return tuple(item for item in read_items if item is not None)

    def refuse_doubles(self, place: str, keys: Iterator[object], what: str) -> None:
        """Refuse a key that comes twice; `keys` run parallel to the items of the list at `place`.

        Where an item was wrong they do not, and the list is looked at again when it is sent again.
        """
        if any(problem.startswith(place) for problem in self.problems):
            return
        seen: set[object] = set()
        for index, key in enumerate(keys):
            if key in seen:
                self.refuse(f"{place}[{index}]", _("This %(what)s is there twice. Keep one.") % {"what": what})
            seen.add(key)

    def table(
        self, place: str, value: Any, *, known: Collection[str], needed: Collection[str] = ()
    ) -> Mapping[str, Any] | None:
        """A table whose keys are all known and which has those that are needed."""
        if not isinstance(value, Mapping):
            self.refuse(place, _("This must be a table of names and values."))
            return None
        prefix = f"{place}." if place else ""
        for name in value:
            if name not in known:
                self.refuse(
                    f"{prefix}{_short(name)}",
                    _("There is no field %(name)s here.%(hint)s")
                    % {"name": show(name), "hint": nearest(str(name), known)},
                )
        for name in needed:
            if value.get(name) is None:
                self.refuse(f"{prefix}{name}", _("This is missing."))
        return value


def _describe_length(length: int, *, fewest: int, most: int) -> str:
    numbers = {"length": whole(length), "fewest": whole(fewest), "most": whole(most)}
    if not fewest:
        return (
            ngettext(
                "This has %(length)s item; it takes at most %(most)s.",
                "This has %(length)s items; it takes at most %(most)s.",
                length,
            )
            % numbers
        )
    return (
        ngettext(
            "This has %(length)s item; it takes at least %(fewest)s and at most %(most)s.",
            "This has %(length)s items; it takes at least %(fewest)s and at most %(most)s.",
            length,
        )
        % numbers
    )


def _short(name: object) -> str:
    return show(name)[1:-1]
