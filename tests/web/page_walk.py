"""Reads a whole page as a browser does, and says what in it could act that is not ours."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.attacks import ATTACKS

NEVER = {"iframe", "object", "embed", "img", "style", "base", "video", "audio"}
OURS = "/static/"

#: Those that a database takes as texts.
STORED_ATTACKS = {
    way: [text for text in texts if "\0" not in text and text.encode("utf-8", "ignore").decode() == text]
    for way, texts in ATTACKS.items()
}


class PageWalk(HTMLParser):
    """Collects `wrongs`: scripts that are not files of ours or data, events, styles, frames, forms that lead away."""

    def __init__(self) -> None:
        super().__init__()
        self.wrongs: list[str] = []

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in given}
        acts = [name for name in told if name.startswith("on") or name in {"style", "srcdoc", "formaction"}]
        is_ours = told.get("src", "").startswith(OURS) or told.get("type") == "application/json"
        if tag in NEVER or acts or (tag == "script" and not is_ours):
            self.wrongs.append(self.get_starttag_text() or tag)
        if not told.get("action", "/").startswith("/") or told.get("href", "").lower().startswith(
            ("javascript", "data")
        ):
            self.wrongs.append(self.get_starttag_text() or tag)


def find_wrongs(page: str) -> list[str]:
    walk = PageWalk()
    walk.feed(page)
    walk.close()
    return walk.wrongs
