"""Tokens within a paragraph as HTML: every tag is ours, every text is escaped, formulas leave a place."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from markdown_it.token import Token

from tasks.text.markdown.autolinks import split_addresses
from tasks.text.markdown.links import find_target
from tasks.text.markdown.maths import write_formula
from tasks.text.markdown.unseen import CLOSE, OPEN, write_text
from tasks.text.markdown.words import Words

MAX_LINKS = 400
MAX_FORMULAS = 400
MAX_LATEX_CHARS = 20_000
#: A formula of more source than this may be wider than a phone, and scrolls by itself.
WIDE_FORMULA_CHARS = 32

_PLAIN = {
    "em_open": "<em>", "em_close": "</em>", "strong_open": "<strong>", "strong_close": "</strong>",
    "s_open": "<del>", "s_close": "</del>", "hardbreak": "<br>", "softbreak": "<br>",
}  # fmt: skip


class TooMuch(Exception):
    """More links, formulas or cells than a page should hold."""


class InlineWriter:
    """Writes one text's paragraphs, and keeps its formulas for after the sanitiser."""

    def __init__(self, *, away: str, words: Words) -> None:
        self.away = away
        self.words = words
        self.formulas: list[str] = []
        self.links = 0
        self.latex_chars = 0

    def write(self, tokens: Sequence[Token] | None) -> str:
        """The HTML of a paragraph's tokens."""
        parts: list[str] = []
        address = ""  # of the link that is open; links hold no links
        opened = 0
        for token in tokens or ():
            if token.type == "link_open":
                address = str(token.attrs.get("href", ""))
                parts.append(self.open_link(address))
                address = address if parts[-1] else ""
                opened = len(parts)
            elif token.type == "link_close":
                if address:  # a link without words is named by where it leads
                    parts.append("</a>" if "".join(parts[opened:]).strip() else f"{write_text(address)}</a>")
                address = ""
            elif token.type == "text":
                parts.append(write_text(token.content) if address else self.write_words(token.content))
            else:
                parts.append(self.write_other(token))
        return "".join(parts)

    def write_words(self, text: str) -> str:
        """Running text, its bare addresses as links."""
        if "://" not in text and "ww." not in text.lower():
            return write_text(text)
        parts = []
        for piece, address in split_addresses(text):
            tag = self.open_link(address) if address else ""
            parts.append(f"{tag}{write_text(piece)}{'</a>' if tag else ''}")
        return "".join(parts)

    def write_other(self, token: Token) -> str:
        if token.type in _PLAIN:
            return _PLAIN[token.type]
        if token.type == "code_inline":
            return f'<code dir="auto">{write_text(token.content, code=True)}</code>'
        if token.type == "image":
            return self.write_picture(token)
        if token.type == "maths":
            return self.write_maths(token)
        return write_text(token.content)

    def open_link(self, address: str) -> str:
        """`<a …>` to the page that asks first, or nothing for an address that leads nowhere we name."""
        target = find_target(address)
        if target is None:
            return ""
        self.links += 1
        if self.links > MAX_LINKS:
            raise TooMuch
        return f'<a href="{self.away}?to={quote(address, safe="")}" dir="auto">'

    def write_picture(self, token: Token) -> str:
        """The words of a picture, and where it would have come from: nothing is asked of anybody."""
        target = find_target(str(token.attrs.get("src", "")))
        note = self.words.picture_at.replace("{host}", target.shown_host) if target else self.words.picture
        said = plain_text(token.children) or plain_text([token])
        return f'{write_text(said)} <span class="aside" dir="auto">({write_text(note)})</span>'

    def write_maths(self, token: Token) -> str:
        """A place for the formula, or its source as code where it is none."""
        written = self.convert(token.content, display=token.meta["display"])
        if written is None:
            return f'<code dir="auto">{write_text(token.meta["source"], code=True)}</code>'
        place = self.keep(written)
        if not token.meta["display"] and len(token.content) <= WIDE_FORMULA_CHARS:
            return place
        kind = "formula-wide" if token.meta["display"] else "formula"
        return f'<span class="{kind}" {self.group(self.words.formula)}>{place}</span>'

    def convert(self, latex: str, *, display: bool) -> str | None:
        self.latex_chars += len(latex)
        if self.latex_chars > MAX_LATEX_CHARS or len(self.formulas) >= MAX_FORMULAS:
            return None
        return write_formula(latex, display=display)

    def keep(self, formula: str) -> str:
        self.formulas.append(formula)
        return f"{OPEN}{len(self.formulas) - 1}{CLOSE}"

    @staticmethod
    def group(label: str) -> str:
        """What makes a part that scrolls sideways reachable by keys, and named."""
        return f'tabindex="0" role="group" aria-label="{write_label(label)}"'


def write_label(label: str) -> str:
    """A label for an attribute: escaped, and without anything that hides."""
    return write_text("".join(character for character in label if character.isprintable()))


def plain_text(tokens: Sequence[Token] | None) -> str:
    """The words alone, as an alternative to a picture reads them out."""
    return "".join(token.content for token in tokens or () if token.type in ("text", "code_inline", "maths"))
