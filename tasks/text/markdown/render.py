"""`render_markdown`: a text by anybody as HTML that is safe in a page of ours, and how much there is to read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.text.markdown.grammar import TooCostly, parse
from tasks.text.markdown.inline import InlineWriter, TooMuch
from tasks.text.markdown.measure import SCREEN_LINES, count_lines, count_words
from tasks.text.markdown.sanitise import LostFormula, put_in, sanitise
from tasks.text.markdown.unseen import clean_source, write_text
from tasks.text.markdown.words import ENGLISH, Words
from tasks.text.markdown.writer import BlockWriter

#: Changes with whatever changes the HTML of a text; what was kept under another version is not used.
VERSION = 1
#: Longer texts are shown as plain paragraphs.
MAX_MARKDOWN_CHARS = 60_000
#: HTML for each character of a text, at most; more is a text that was made to grow.
MAX_HTML_CHARS = 1_500_000
MAX_PLAIN_PARAGRAPHS = 5_000

_AWAY = re.compile(r"/[A-Za-z0-9_-][A-Za-z0-9_/-]*\Z")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True)
class RenderedText:
    """`html` is safe as it is. `is_long`: passes a screen. `words`: about how many there are to read.

    `is_plain`: too long or too costly for Markdown, shown as paragraphs.
    """

    html: str
    is_long: bool
    words: int
    is_plain: bool = False


def render_markdown(text: str, *, away: str = "/away/", words: Words = ENGLISH) -> RenderedText:
    """Render `text`; links lead to the page `away` of this site, which asks first. Never raises for any text."""
    if not _AWAY.match(away):
        raise ValueError(f"not an address of a page of ours: {away!r}")
    source = clean_source(text)
    html = _render(source, away=away, words=words) if len(source) <= MAX_MARKDOWN_CHARS else None
    return RenderedText(
        html=render_plain(source) if html is None else html,
        is_long=count_lines(source) > SCREEN_LINES,
        words=count_words(source),
        is_plain=html is None,
    )


def _render(source: str, *, away: str, words: Words) -> str | None:
    """The HTML, or None for a text that costs too much."""
    inline = InlineWriter(away=away, words=words)
    try:
        tokens, _steps = parse(source)
        if not tokens:  # definitions alone: shown as written, or there would be nothing to see
            return None
        written = BlockWriter(inline).write(tokens)
        if len(written) > MAX_HTML_CHARS:
            return None
        return put_in(sanitise(written), inline.formulas)
    except (TooCostly, TooMuch, LostFormula, RecursionError):
        return None


def render_plain(source: str) -> str:
    """Paragraphs with their line breaks, and nothing else; past a limit of them the rest is one."""
    blocks = _PARAGRAPHS.split(source.strip("\n"), maxsplit=MAX_PLAIN_PARAGRAPHS)
    return "".join(
        f'<p dir="auto">{write_text(block).replace(chr(10), "<br>")}</p>' for block in blocks if block.strip()
    )
