"""The last gate: nh3 with the narrowest allow-list, and formulas put in behind it."""

from __future__ import annotations

import re
from functools import cache

from nh3 import Cleaner

from tasks.text.markdown.code import CLASSES
from tasks.text.markdown.unseen import CLOSE, OPEN

TAGS = frozenset({
    "a", "blockquote", "br", "code", "del", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
})  # fmt: skip

REL = "nofollow noopener noreferrer ugc"
_DIRECTED = ["blockquote", "code", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "span", "table", "td", "th", "ul"]
_OURS = re.compile(r"/[A-Za-z0-9_-][A-Za-z0-9_/-]*\?[A-Za-z0-9_=&%.~-]*\Z")
_PLACE = re.compile(f"{OPEN}([0-9]{{1,6}}){CLOSE}")


class LostFormula(Exception):
    """The places of the formulas are not those that were written."""


def sanitise(html: str) -> str:
    """Return `html` with nothing in it but the tags, attributes, values and classes named here."""
    return _cleaner().clean(html)


def put_in(html: str, formulas: list[str]) -> str:
    """Return `html` with each formula in its place; each place must be there once, in order."""
    if [int(number) for number in _PLACE.findall(html)] != list(range(len(formulas))):
        raise LostFormula
    return _PLACE.sub(lambda match: formulas[int(match[1])], html)


@cache
def _cleaner() -> Cleaner:
    return Cleaner(
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes={
            "*": set(),
            "a": {"href"},
            "div": {"aria-label"},
            "pre": {"aria-label"},
            "span": {"aria-label"},
            "ol": {"start"},
        },
        tag_attribute_values={
            **{tag: {"dir": {"auto", "ltr", "rtl"}} for tag in _DIRECTED if tag not in ("span", "pre", "th")},
            "a": {"dir": {"auto"}},
            "pre": {"dir": {"ltr"}, "role": {"group"}, "tabindex": {"0"}},
            "div": {"role": {"group"}, "tabindex": {"0"}},
            "span": {"dir": {"auto"}, "role": {"group", "img"}, "tabindex": {"0"}},
            "th": {"dir": {"auto"}, "scope": {"col"}},
        },
        allowed_classes={
            "span": {"unseen", "aside", "box", "formula", "formula-wide", *CLASSES.values()},
            "div": {"scroll", "formula-block"},
            "td": {"center", "end"},
            "th": {"center", "end"},
            "ul": {"tasks"},
        },
        set_tag_attribute_values={"a": {"rel": REL}},
        attribute_filter=_keep_value,
        link_rel=None,
        url_schemes=set(),
        strip_comments=True,
    )


def _keep_value(tag: str, attribute: str, value: str) -> str | None:
    """Links lead to a page of ours, and never to another host."""
    if attribute == "href" and not _OURS.match(value):
        return None
    return value
