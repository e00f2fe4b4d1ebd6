"""Prose in pages: people's texts as Markdown, and sentences of ours."""

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from annotate.rendering import render_text
from tasks.text.markdown.unseen import write_text

register = template.Library()


@register.filter
def prose(text: str | None) -> SafeString:
    """A text that anybody wrote, rendered and safe; nothing for none."""
    return render_text(text) if text else mark_safe("")


@register.filter
def visible(text: str) -> SafeString:
    """A name or an address with everything in it that hides made visible; everything is escaped."""
    return mark_safe(write_text(str(text), code=True))  # noqa: S308  (escaped just there)


@register.filter
def code_spans(text: str) -> SafeString:
    """What stands between backticks as `<code>`; everything is escaped."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308  (escaped just here)
