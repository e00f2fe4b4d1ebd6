"""Blocks as HTML: paragraphs, headings, lists, quotes, tables, code, formulas."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from markdown_it.token import Token

from tasks.text.markdown.code import LANGUAGES, write_code
from tasks.text.markdown.direction import container_directions
from tasks.text.markdown.inline import InlineWriter, TooMuch, write_label
from tasks.text.markdown.unseen import write_text

MAX_CELLS = 4_000
MAX_COLOURED_CHARS = 20_000
#: The page has h1 and h2; a text's headings start below, and never skip a level.
TOP_HEADING = 3
MAX_START = 999_999_999

_TASK = re.compile(r"\[([ xX])\](?=\s)")
_ALIGNED = {"text-align:center": ' class="center"', "text-align:right": ' class="end"'}
_PARTS = {"thead_open": "<thead>", "thead_close": "</thead>", "tbody_open": "<tbody>", "tbody_close": "</tbody>",
          "tr_open": "<tr>", "tr_close": "</tr>", "hr": "<hr>", "blockquote_close": "</blockquote>",
          "bullet_list_close": "</ul>", "ordered_list_close": "</ol>", "list_item_close": "</li>",
          "table_close": "</table></div>"}  # fmt: skip


class BlockWriter:
    """Writes one text."""

    def __init__(self, inline: InlineWriter) -> None:
        self.inline = inline
        self.words = inline.words
        self.headings: list[int] = []
        self.cells = 0
        self.coloured_chars = 0
        self.directions: dict[int, str] = {}

    def write(self, tokens: Sequence[Token]) -> str:
        """The HTML of a whole text's tokens."""
        self.directions = container_directions(tokens)
        parts: list[str] = []
        closing: list[str] = []
        for index, token in enumerate(tokens):
            if token.type == "inline":
                parts.append(self.write_inline(tokens, index))
            elif token.type in ("paragraph_open", "heading_open", "th_open", "td_open"):
                opened, closed = self.open_leaf(tokens, index)
                parts.append(opened)
                closing.append(closed)
            elif token.type in ("paragraph_close", "heading_close", "th_close", "td_close"):
                parts.append(closing.pop())
            elif token.type in _PARTS:
                parts.append(_PARTS[token.type])
            else:
                parts.append(self.writers[token.type](self, token, self.directions.get(index, "auto")))
        return "".join(parts)

    def write_inline(self, tokens: Sequence[Token], index: int) -> str:
        children = tokens[index].children or []
        task = _TASK.match(tokens[index].content) if tokens[index - 2].type == "list_item_open" else None
        if task is None or not children or children[0].type != "text":
            return self.inline.write(children)
        children[0].content = children[0].content[3:]
        label, sign = (self.words.to_do, "☐") if task[1] == " " else (self.words.done, "☑")
        return (
            f'<span class="box" role="img" aria-label="{write_label(label)}">{sign}</span>{self.inline.write(children)}'
        )

    def open_leaf(self, tokens: Sequence[Token], index: int) -> tuple[str, str]:
        """The tags around running text; a paragraph of a tight list has none, but keeps apart from what follows."""
        token = tokens[index]
        if token.type == "paragraph_open":
            return ("", "") if token.hidden else ('<p dir="auto">', "</p>")
        if token.type == "heading_open":
            if not tokens[index + 1].content.strip():
                return "", ""
            level = self.heading_level(int(token.tag[1:]))
            return f'<h{level} dir="auto">', f"</h{level}>"
        self.cells += 1
        if self.cells > MAX_CELLS:
            raise TooMuch
        aligned = _ALIGNED.get(str(token.attrs.get("style", "")), "")
        if token.type == "th_open" and tokens[index + 1].content.strip():
            return f'<th scope="col" dir="auto"{aligned}>', "</th>"
        return f'<td dir="auto"{aligned}>', "</td>"

    def heading_level(self, written: int) -> int:
        while self.headings and self.headings[-1] >= written:
            self.headings.pop()
        self.headings.append(written)
        return min(TOP_HEADING + len(self.headings) - 1, 6)

    def open_list(self, token: Token, direction: str) -> str:
        if token.type == "bullet_list_open":
            return f'<ul dir="{direction}">'
        start = int(token.attrs.get("start", 1))
        return f'<ol dir="{direction}"' + (f' start="{start}">' if 0 <= start <= MAX_START and start != 1 else ">")

    def open_item(self, token: Token, direction: str) -> str:
        return f'<li dir="{direction}">'

    def open_quote(self, token: Token, direction: str) -> str:
        return f'<blockquote dir="{direction}">'

    def open_table(self, token: Token, direction: str) -> str:
        return f'<div class="scroll" {self.inline.group(self.words.table)}><table dir="{direction}">'

    def write_code(self, token: Token, direction: str) -> str:
        language = token.info.strip().split(maxsplit=1)[0] if token.info.strip() else ""
        self.coloured_chars += len(token.content)
        known = language.lower() in LANGUAGES and self.coloured_chars <= MAX_COLOURED_CHARS
        label = f"{self.words.code}, {language}" if language.lower() in LANGUAGES else self.words.code
        body = write_code(token.content.rstrip("\n"), language if known else "")
        return f'<pre dir="ltr" {self.inline.group(label)}><code dir="ltr">{body}</code></pre>'

    def write_maths(self, token: Token, direction: str) -> str:
        written = self.inline.convert(token.content, display=True)
        group = self.inline.group(self.words.formula)
        if written is None:
            source = write_text(token.meta["source"].strip("\n"), code=True)
            return f'<pre dir="ltr" {group}><code dir="ltr">{source}</code></pre>'
        return f'<div class="formula-block" {group}>{self.inline.keep(written)}</div>'

    writers: dict[str, Callable[[BlockWriter, Token, str], str]] = {
        "bullet_list_open": open_list,
        "ordered_list_open": open_list,
        "list_item_open": open_item,
        "blockquote_open": open_quote,
        "table_open": open_table,
        "fence": write_code,
        "code_block": write_code,
        "maths_block": write_maths,
    }
