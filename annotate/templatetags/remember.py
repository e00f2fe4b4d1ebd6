"""Parts of pages that are the same for everybody, rendered once a process."""

from __future__ import annotations

from django.template import Context, Library, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.template.loader_tags import BlockNode
from django.urls import get_urlconf
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = Library()

#: Where a page's rendering notes which addresses the site has.
ADDRESSES = "remembered_addresses"
#: Renderings that one part keeps; with more it begins anew.
MOST_KEPT = 1_000


class RememberNode(Node):
    """What stands inside, by the addresses of the site, the language of the interface and the values it depends on."""

    #: No block stands inside, so that whoever extends a page need not look for any here.
    child_nodelists = ()

    def __init__(self, nodelist: NodeList, values: list[FilterExpression]) -> None:
        self.nodelist = nodelist
        self.values = values
        self.kept: dict[tuple[str | None, ...], SafeString] = {}

    def render(self, context: Context) -> SafeString:
        addresses = context.render_context.get(ADDRESSES)
        if addresses is None:  # they are the same for a whole page
            addresses = context.render_context[ADDRESSES] = str(get_urlconf())
        key = (addresses, get_language(), *[repr(value.resolve(context)) for value in self.values])
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
    if nodelist.get_nodes_by_type(BlockNode):
        raise TemplateSyntaxError(
            "A block cannot stand inside {% remember %}: put what is remembered inside the block."
        )
    return RememberNode(nodelist, [parser.compile_filter(word) for word in words[1:]])
