"""The shape in which a field of a campaign is told in words, and what most changes mean for work that is under way."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


@dataclass(frozen=True, slots=True)
class FieldWords:
    """A field by its name, its meaning, and what a change of it means for work that is under way."""

    title: Words
    hint: Words = ""
    effect: Words = ""


NEXT = _("Takes effect with the next piece of work.")
OPEN_WORK = _("Work that is open follows within a minute. What was given stays.")
