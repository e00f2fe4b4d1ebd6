"""Words of ours in pages: names of languages and of kinds of work, and which part of the site one is in."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotate.web.names import kind_name, language_name, state_name
from annotate.web.tree_words import tree_state_name

register = template.Library()
register.filter("language_name", language_name)
register.filter("kind_name", kind_name)
register.filter("state_name", state_name)
register.filter("tree_state_name", tree_state_name)


@register.simple_tag(takes_context=True)
def here(context: template.Context, name: str) -> SafeString | str:
    """` aria-current="page"` on the link to the page that is shown."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    return format_html(' aria-current="{}"', "page") if match is not None and match.url_name == name else ""
