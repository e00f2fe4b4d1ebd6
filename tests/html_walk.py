"""Reads HTML as a stream of tags and says everything in it that a text of ours may not hold.

Written apart from the renderer, from what the page allows: neither knows the other's lists.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

FLOW = {
    "a", "blockquote", "br", "code", "del", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "span",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
MATHS = {
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts",
    "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
    "munderover", "none",
}  # fmt: skip
VOID = {"br", "hr"}
CLASSES = {
    "unseen", "aside", "box", "formula", "formula-wide", "formula-block", "scroll", "center", "end",
    "k", "v", "t", "s", "n", "c", "p", "b", "f", "gd", "gi",
}  # fmt: skip
VALUES = {
    "dir": {"auto", "ltr", "rtl"},
    "tabindex": {"0"},
    "role": {"group", "img"},
    "scope": {"col"},
    "rel": {"nofollow noopener noreferrer ugc"},
}
OF_MATHS = {
    "display",
    "displaystyle",
    "scriptlevel",
    "mathvariant",
    "stretchy",
    "fence",
    "separator",
    "largeop",
    "movablelimits",
    "symmetric",
    "form",
    "accent",
    "accentunder",
    "columnalign",
    "rowalign",
    "columnlines",
    "rowlines",
    "frame",
    "notation",
    "lspace",
    "rspace",
    "minsize",
    "maxsize",
    "width",
    "height",
    "depth",
    "voffset",
    "linethickness",
    "columnspacing",
    "rowspacing",
}
PLAIN_VALUE = re.compile(r"[a-zA-Z0-9 .%+-]*\Z")
LABEL = re.compile(r"(?:Code(?:, [\w.+#-]+)?|Table|Formula|done|to do)\Z")
#: Neither a control but tab and line feed, nor half a character, nor what changes the direction of the rest.
NEVER_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class Walk(HTMLParser):
    """Collects `wrongs`, the text that is read, and the addresses that links lead to."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrongs: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in FLOW | MATHS:
            self.wrongs.append(f"<{tag}>")
        if tag in FLOW and "math" in self.open:
            self.wrongs.append(f"<{tag}> in maths")
        if tag in MATHS and tag != "math" and "math" not in self.open:
            self.wrongs.append(f"<{tag}> outside maths")
        if len({name for name, _ in attrs}) != len(attrs):
            self.wrongs.append(f"<{tag}> with an attribute twice")
        for name, value in attrs:
            if not self.is_allowed(tag, name, value or ""):
                self.wrongs.append(f"<{tag} {name}={value!r}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrongs.append(f"</{tag}> out of place")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if NEVER_TEXT.search(data):
            self.wrongs.append(f"text {data!r}")

    def handle_comment(self, data: str) -> None:
        self.wrongs.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.wrongs.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.wrongs.append("an instruction")

    def unknown_decl(self, data: str) -> None:
        self.wrongs.append("an unknown declaration")

    def is_allowed(self, tag: str, name: str, value: str) -> bool:
        if tag in MATHS:
            return name in OF_MATHS and bool(PLAIN_VALUE.match(value))
        if name == "class":
            return tag in {"span", "div", "td", "th"} and set(value.split()) <= CLASSES
        if name == "href":
            return tag == "a" and self.is_away(value)
        if name == "aria-label":
            return tag in {"pre", "div", "span"} and bool(LABEL.match(value))
        if name == "start":
            return tag == "ol" and value.isdecimal()
        return value in VALUES.get(name, ())

    def is_away(self, value: str) -> bool:
        """A link leads to our page that asks, with one address of the web or of mail."""
        parts = urlsplit(value)
        [address] = parse_qs(parts.query).get("to", [""])
        self.links.append(address)
        named = re.match(r"(?:https?://[^/?#\\\s]|mailto:[^@\s]+@[^@\s])", address, re.IGNORECASE)
        return value.startswith("/away/?to=") and not parts.netloc and parts.path == "/away/" and bool(named)


def walk(html: str) -> Walk:
    """Read `html`; a tag that is still open at the end is wrong too."""
    reader = Walk()
    reader.feed(html)
    reader.close()
    reader.wrongs += [f"<{tag}> never closed" for tag in reader.open]
    return reader
