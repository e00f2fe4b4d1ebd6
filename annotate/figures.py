"""Numbers in the reader's form."""

from __future__ import annotations

from datetime import date

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

#: From here on (Hangul Jamo) characters may be as wide as two Latin ones.
FIRST_WIDE = 0x1100
#: Unseen; what follows reads from left to right.
LEFT_TO_RIGHT = "\u200e"


def whole(value: float | None) -> str:
    """4630 is 4,630; what is not known is a dash."""
    return "–" if value is None else number_format(round(value), decimal_pos=0, use_l10n=True, force_grouping=True)


def two(value: float | None) -> str:
    """With two decimals; what is not known is a dash."""
    # Rounded first: Django cuts off what is beyond the decimals. And no zero has a sign.
    return "–" if value is None else _sign(number_format(round(value, 2) + 0.0, decimal_pos=2, use_l10n=True))


def percent(value: float | None) -> str:
    """A share of 1 as per cent: 0.784 is 78 %. Never 100 % of what is not whole, nor 0 % of what has begun."""
    if value is None:
        return "–"
    rounded = round(100 * value)
    if rounded == 100 and value < 1:
        rounded = 99
    if rounded == 0 and value > 0:
        return _("under 1 %")
    return _("%(number)s %%") % {"number": number_format(rounded, decimal_pos=0, use_l10n=True)}


def day(value: date) -> str:
    """A day as people say it: with its year where that is another one."""
    return date_format(value, "MONTH_DAY_FORMAT" if value.year == timezone.now().year else "DATE_FORMAT")


def shorten(name: str, columns: int = 14) -> str:
    """A name that fits into so many columns of text; wide characters take two."""
    taken = 0
    for place, character in enumerate(name):
        taken += 2 if ord(character) >= FIRST_WIDE else 1
        if taken > columns:
            return name[: max(1, place - 1)].rstrip() + "…"
    return name


def _sign(text: str) -> str:
    """A minus that is as wide as a plus, never breaks from its number, and stands before it from right to left too."""
    if not text.startswith("-"):
        return text
    return (LEFT_TO_RIGHT if get_language_bidi() else "") + text.replace("-", "−", 1)
