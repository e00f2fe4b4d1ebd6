"""The parser: CommonMark with tables, strikethrough and maths, without raw HTML, and with counted work."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from tasks.text.markdown.maths import MAX_FORMULA_CHARS

MAX_NESTING = 24
MAX_FORMULA_LINES = 60
#: Steps of the parser allowed for each character; ordinary text takes less than one.
STEPS_PER_CHAR = 8
_BASE_STEPS = 5_000

_INLINE_MATHS = re.compile(rf"\$(?![\s$])((?:[^\\$]|\\.){{1,{MAX_FORMULA_CHARS}}})(?<!\s)\$(?![\w$])", re.DOTALL)
_DOLLARS = re.compile(rf"\$\$((?:[^\\$]|\\.){{1,{MAX_FORMULA_CHARS}}})\$\$", re.DOTALL)
#: A sum of money that runs on into words: "$5 or US$".
_MONEY = re.compile(r"\d[\d.,]*[A-Za-z]?\s+(?:a|in|to|or|and|[^\W\d_]{3,})\b")
_CLOSERS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}


class TooCostly(Exception):
    """Parsing took more steps, or went deeper, than a text of this length should."""


def parse(text: str) -> tuple[list[Token], int]:
    """Return the tokens of `text` and the steps that they took; raises `TooCostly`."""
    env: dict[str, Any] = {"steps": _BASE_STEPS + STEPS_PER_CHAR * len(text)}
    allowed = env["steps"]
    tokens = _parser().parse(text, env)
    # Below this depth the parser drops what it reads; nothing may be lost.
    if any(token.nesting == 1 and token.level >= MAX_NESTING - 1 for token in tokens):
        raise TooCostly
    return tokens, allowed - env["steps"]


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING, "breaks": True})
    parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
    parser.block.ruler.before(
        "fence", "maths_block", _maths_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.ruler.before("escape", "maths", _maths)
    for ruler in (parser.block.ruler, parser.inline.ruler):
        for rule in ruler.__rules__:
            ruler.at(rule.name, _counted(rule.fn), {"alt": rule.alt})
    if not parser.block.ruler.get_active_rules() or "maths" not in parser.inline.ruler.get_active_rules():
        raise RuntimeError("the parser lost its rules")
    return parser


def _counted(rule: Callable[..., bool]) -> Callable[..., bool]:
    def run(state: Any, *arguments: Any) -> bool:
        state.env["steps"] -= 1
        if state.env["steps"] < 0:
            raise TooCostly
        return rule(state, *arguments)

    return run


def _maths(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  (the parser's signature)
    """Inline: `$x$` and `\\(x\\)`; `$$x$$` and `\\[x\\]` amid a paragraph."""
    source, start = state.src, state.pos
    if source[start] == "$":
        found = _find_dollars(source, start, state.posMax)
    elif source[start] == "\\" and source[start : start + 2] in _CLOSERS:
        found = _find_brackets(source, start, state.posMax)
    else:
        return False
    if found is None:
        return False
    latex, end, display = found
    if not silent:
        token = state.push("maths", "math", 0)
        token.content = latex
        token.meta = {"display": display, "source": source[start:end]}
    state.pos = end
    return True


def _find_dollars(source: str, start: int, most: int) -> tuple[str, int, bool] | None:
    if source.startswith("$$", start):
        match = _DOLLARS.match(source, start, most)
        return (match[1].strip(), match.end(), True) if match and match[1].strip() else None
    if start and (source[start - 1].isalnum() or source[start - 1] == "$"):
        return None
    match = _INLINE_MATHS.match(source, start, most)
    if match is None or _MONEY.match(match[1]) or (match.end() < most and source[match.end()].isalnum()):
        return None
    return match[1], match.end(), False


def _find_brackets(source: str, start: int, most: int) -> tuple[str, int, bool] | None:
    opener = source[start : start + 2]
    limit = min(most, start + MAX_FORMULA_CHARS)
    end = source.find(_CLOSERS[opener], start + 2, limit)
    latex = source[start + 2 : end].strip() if end >= 0 else ""
    return (latex, end + 2, opener == "\\[") if latex else None


def _maths_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:  # noqa: FBT001  (the parser's)
    """Lines from one that starts with `$$` or `\\[` to one that ends it."""
    if state.is_code_block(first):
        return False
    line = _line(state, first)
    opener = line[:2]
    if opener not in ("$$", "\\["):
        return False
    closer = _CLOSERS[opener]
    lines: list[str] = []
    for number in range(first, min(last, first + MAX_FORMULA_LINES)):
        if number > first:
            line = _line(state, number)
            if not line or state.sCount[number] < state.blkIndent:
                return False
        content = line[2:] if number == first else line
        found = content.find(closer)
        if found < 0:
            lines.append(content)
            continue
        if content[found + 2 :].strip():  # words follow: a paragraph's business
            return False
        lines.append(content[:found])
        return _push_block(state, first, number, "\n".join(lines).strip(), silent=silent)
    return False


def _push_block(state: StateBlock, first: int, number: int, latex: str, *, silent: bool) -> bool:
    if not latex:
        return False
    if not silent:
        token = state.push("maths_block", "math", 0)
        token.content = latex
        token.map = [first, number + 1]
        token.meta = {"display": True, "source": state.getLines(first, number + 1, state.blkIndent, False)}
        state.line = number + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
