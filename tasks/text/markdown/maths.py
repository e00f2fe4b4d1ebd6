"""LaTeX as MathML: converted by latex2mathml, then rewritten element by element from an allow-list."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element

from tasks.text.markdown.unseen import write_text

MAX_FORMULA_CHARS = 2_000
MAX_ELEMENTS = 4_000
MAX_DEPTH = 40

_ELEMENTS = frozenset({
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msup", "msub", "msubsup", "mover", "munder", "munderover",
    "mmultiscripts", "mprescripts", "none", "mfrac", "msqrt", "mroot", "mtable", "mtr", "mtd", "mstyle", "mpadded",
    "mphantom", "menclose",
})  # fmt: skip

#: How many parts each has; a browser shows others as an error.
_PARTS = {"mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3}
_WORDS = re.compile(r"[a-z -]{1,40}\Z")
_LENGTHS = frozenset({
    "lspace", "rspace", "minsize", "maxsize", "width", "height", "depth", "voffset", "linethickness",
    "columnspacing", "rowspacing",
})  # fmt: skip

_ATTRIBUTES = _LENGTHS | frozenset({
    "display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "separator", "largeop",
    "movablelimits", "symmetric", "form", "accent", "accentunder", "columnalign", "rowalign", "columnlines",
    "rowlines", "frame", "notation",
})  # fmt: skip

#: Lengths in em and the like; none negative past a space, so that nothing is drawn over its neighbours.
_LENGTH = re.compile(r"(?:-?0?\.\d{1,6}|-0|\d{1,2}(?:\.\d{1,6})?)(?:em|ex|mu|pt|px|mm)?\Z|\d{1,3}%\Z")
_LEVEL = re.compile(r"[+-]?[0-3]\Z")
#: Macros can grow without end.
_REFUSED = re.compile(
    r"\\(?:def|gdef|edef|xdef|let|newcommand|renewcommand|providecommand|DeclareMathOperator|require)\b"
)
#: What the converter hands on because it does not know it.
_COMMAND = re.compile(r"\\[A-Za-z]")
#: Environments that the converter knows under another name.
_SAME = {"aligned": "split", "alignedat": "split", "gathered": "split", "dcases": "cases", "smallmatrix": "matrix"}
_ENVIRONMENT = re.compile(rf"(\\(?:begin|end)\s{{0,9}})\{{({'|'.join(_SAME)})\}}")


@lru_cache(maxsize=512)
def write_formula(latex: str, *, display: bool) -> str | None:
    """Return `<math>…</math>`, or None for what cannot be converted within the limits."""
    if len(latex) > MAX_FORMULA_CHARS or _REFUSED.search(latex) or _depth(latex) > MAX_DEPTH:
        return None
    root = _convert(latex, display=display)
    if root is None or sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        return None
    try:
        return "".join(_write(root, MAX_DEPTH * 4))
    except _Refused:
        return None


class _Refused(Exception):
    pass


def _convert(latex: str, *, display: bool) -> Element | None:
    from latex2mathml.converter import Converter

    known = _ENVIRONMENT.sub(lambda match: f"{match[1]}{{{_SAME[match[2]]}}}", latex)
    try:
        return Converter(display="block" if display else "inline").convert_to_element(known)
    except (Exception, RecursionError):  # noqa: BLE001  (a library's many errors all mean: not a formula)
        return None


def _depth(latex: str) -> int:
    depth = deepest = 0
    for sign in re.findall(r"\\begin\b|\\end\b|\\left\b|\\right\b|\\.|[{}]", latex, re.DOTALL):
        if sign in ("{", "\\begin", "\\left"):
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ("}", "\\end", "\\right"):
            depth -= 1
    return deepest


def _write(element: Element, depth: int) -> list[str]:
    if element.tag not in _ELEMENTS or depth == 0 or len(element) != _PARTS.get(element.tag, len(element)):
        raise _Refused
    if element.text and _COMMAND.match(element.text):
        raise _Refused
    attributes = "".join(
        f' {name}="{escape(value)}"' for name, value in element.attrib.items() if _is_allowed(name, value)
    )
    parts = [f"<{element.tag}{attributes}>", write_text(unescape(element.text), tags=False) if element.text else ""]
    for child in element:
        parts += _write(child, depth - 1)
        if child.tail and child.tail.strip():
            raise _Refused
    parts.append(f"</{element.tag}>")
    return parts


def _is_allowed(name: str, value: str) -> bool:
    if name not in _ATTRIBUTES:
        return False
    if name == "scriptlevel":
        return bool(_LEVEL.match(value))
    if name in _LENGTHS:
        return all(_LENGTH.match(part) for part in value.split())
    return bool(_WORDS.match(value))
