"""Texts as pages show them, rendered once: kept in this process, and in the cache for the others where that pays.

Most texts are rendered in a tenth of a millisecond, which is less than a question to the cache takes: only long ones
and those with code, tables or maths are asked for and kept there.

Both are keyed by the version of everything that renders, the language of the interface and the text's digest, so
nothing that is kept can be stale. Without the cache pages are only slower.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from django.core.cache import cache as shared_cache
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tasks.text.markdown.render import VERSION, RenderedText, render_markdown
from tasks.text.markdown.words import Words

KEEP_SECONDS = 60 * 60 * 24 * 7
#: Characters of HTML that one process keeps.
MOST_KEPT_CHARS = 8_000_000
#: Shorter texts without any of these are rendered sooner than the cache answers.
SHORT_CHARS = 2_000
_COSTLY = re.compile(r"```|~~~|\$|\\[(\[]|^[ >]*\|", re.MULTILINE)
_RENDERERS = ("markdown-it-py", "nh3", "pygments", "latex2mathml")


@dataclass(frozen=True)
class Prose:
    """A text to show. `is_long`: passes a screen, show it folded. `words`: about how many there are to read."""

    html: SafeString
    is_long: bool
    words: int
    is_plain: bool = False


class Kept:
    """The texts that this process rendered or fetched last, as many as fit."""

    def __init__(self, most_chars: int) -> None:
        self.most_chars = most_chars
        self.chars = 0
        self.texts: OrderedDict[str, Prose] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: str) -> Prose | None:
        with self.lock:
            found = self.texts.get(key)
            if found is not None:
                self.texts.move_to_end(key)
            return found

    def put(self, key: str, prose: Prose) -> None:
        with self.lock:
            if key in self.texts or len(prose.html) > self.most_chars:
                return
            self.texts[key] = prose
            self.chars += len(prose.html)
            while self.chars > self.most_chars:
                self.chars -= len(self.texts.popitem(last=False)[1].html)

    def clear(self) -> None:
        with self.lock:
            self.texts.clear()
            self.chars = 0


kept = Kept(MOST_KEPT_CHARS)


def render_text(text: str) -> SafeString:
    """The HTML of one text."""
    return render_many([text])[0].html


def render_many(texts: Sequence[str]) -> list[Prose]:
    """Several texts with one question to the cache at most; in their order, equal ones rendered once."""
    prefix = _prefix()
    keys = [prefix + _digest(text) for text in texts]
    found = {key: prose for key in keys if (prose := kept.get(key))}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
    if missing:
        found.update(_fetch_or_render(missing))
    return [found[key] for key in keys]


def render_unkept(text: str) -> Prose:
    """A text that changes with every look, as in a preview: rendered, and not kept."""
    return _as_prose(render_markdown(text, away=_away(), words=_words()))


def is_costly(text: str) -> bool:
    """Whether rendering takes longer than asking the cache, by what is in the text."""
    return len(text) > SHORT_CHARS or _COSTLY.search(text) is not None


def _fetch_or_render(missing: dict[str, str]) -> dict[str, Prose]:
    found: dict[str, Prose] = {}
    costly = [key for key, text in missing.items() if is_costly(text)]
    for key, value in (shared_cache.get_many(costly) if costly else {}).items():
        html, is_long, words, is_plain = value
        found[key] = Prose(mark_safe(html), is_long, words, is_plain)  # noqa: S308  (rendered by us, kept by us)
    made = {key: render_unkept(text) for key, text in missing.items() if key not in found}
    values = {
        key: (str(made[key].html), made[key].is_long, made[key].words, made[key].is_plain)
        for key in costly
        if key in made
    }
    if values:
        shared_cache.set_many(values, KEEP_SECONDS)
    found.update(made)
    for key, prose in found.items():
        kept.put(key, prose)
    return found


def _as_prose(rendered: RenderedText) -> Prose:
    html = mark_safe(rendered.html)  # noqa: S308  (sanitised there)
    return Prose(html, rendered.is_long, rendered.words, rendered.is_plain)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _prefix() -> str:
    return f"prose:{_renderers()}:{get_language() or 'en'}:"


@cache
def _renderers() -> str:
    """A new release of what renders or sanitises makes everything new."""
    names = [f"{name}={version(name)}" for name in _RENDERERS]
    return hashlib.blake2b("&".join([str(VERSION), *names]).encode(), digest_size=6).hexdigest()


@cache
def _away() -> str:
    return reverse("away")


def _words() -> Words:
    return Words(
        code=_("Code"),
        table=_("Table"),
        formula=_("Formula"),
        picture=_("picture, not loaded"),
        picture_at=_("picture at {host}, not loaded"),
        done=_("done"),
        to_do=_("to do"),
    )
