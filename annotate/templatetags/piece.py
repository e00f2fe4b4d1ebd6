"""Pieces of a page that is loaded often."""

from __future__ import annotations

from django.template import Context, Library, Node, Template, TemplateSyntaxError
from django.template.base import Parser, Token
from django.utils.safestring import SafeString

register = Library()


class PieceNode(Node):
    """The nodes of another template, as if they stood here."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.template: Template | None = None

    def render(self, context: Context) -> SafeString:
        if self.template is None:
            assert context.template is not None
            self.template = context.template.engine.get_template(self.name)
        return self.template.nodelist.render(context)


@register.tag
def piece(parser: Parser, token: Token) -> PieceNode:
    """`{% piece "work/_card.html" %}`: what `include` does, for a fixed name and no values of its own.

    It looks the template up once and makes no context, which is most of what an `include` costs: a page of work has
    eighteen of them.
    """
    words = token.split_contents()
    if len(words) != 2 or words[1][0] not in "\"'" or words[1][0] != words[1][-1]:
        raise TemplateSyntaxError('Write {% piece "folder/_name.html" %}; with values of its own use include.')
    return PieceNode(words[1][1:-1])
