"""What the pages of the target space call its axes' values."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from annotate.web.coverage_words import LENGTHS
from annotate.web.names import language_name
from tasks.vocabulary import TargetAxis


def name_value(axis: str, value: str, *, topics: Mapping[str, str] | None = None) -> str:
    """A value in words. `topics`: names by number; else a topic is called by its number."""
    if axis == TargetAxis.LANGUAGE:
        return language_name(value)
    if axis == TargetAxis.LENGTH:
        return str(LENGTHS.get(value, value))
    if axis == TargetAxis.TOPIC:
        named = _("topic %(number)s") % {"number": value} if value else _("no topic yet")
        return (topics or {}).get(value, named)
    return value or _("not said")
