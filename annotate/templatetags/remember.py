"""Parts of pages that are the same for everybody, rendered once a process."""

from __future__ import annotations

from django.template import Context, Library, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.urls import get_urlconf
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = Library()

#: Renderings that one part keeps; with more it begins anew.
MOST_KEPT = 1_000


class RememberNode(Node):
    """What stands inside, by the addresses of the site, the language of the interface and the values it depends on."""

    def __init__(self, nodelist: NodeList, values: list[FilterExpression]) -> None:
        self.nodelist = nodelist
        self.values = values
        self.kept: dict[tuple[str, ...], SafeString] = {}

    def render(self, context: Context) -> SafeString:
        key = (str(get_urlconf()), str(get_language()), *(repr(value.resolve(context)) for value in self.values))
        found = self.kept.get(key)
        if found is None:
            found = self.nodelist.render(context)
            if len(self.kept) >= MOST_KEPT:
                self.kept = {}
            self.kept[key] = found
        return found


@register.tag
def remember(parser: Parser, token: Token) -> RememberNode:
    """`{% remember by kind letters %}…{% endremember %}`: inside nothing but these values, words of ours and fixed addresses.

    Never put in what belongs to one person, one request or one piece of work: it would be shown to others.
    """
    _name, *words = token.split_contents()
    if words[:1] != ["by"]:
        raise TemplateSyntaxError("Write {% remember by VALUE … %}, with every value that the part depends on.")
    nodelist = parser.parse(("endremember",))
    parser.delete_first_token()
    return RememberNode(nodelist, [parser.compile_filter(word) for word in words[1:]])
