"""Numbers in pages, in the reader's form."""

from __future__ import annotations

from django import template

from annotate.figures import day, percent, shorten, two, whole

register = template.Library()
for figure in (day, percent, shorten, two, whole):
    register.filter(figure.__name__, figure)
