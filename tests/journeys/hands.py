"""Hands without a mouse: Tab, typing and Enter alone, on a page whose focus can always be seen."""

from __future__ import annotations

from typing import cast

from playwright.sync_api import Locator, Page

#: More stops than any form has.
MOST_STOPS = 250

#: What is wrong with where the focus is: nothing shows it, it is out of sight, or something lies over it.
LOST = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return '';
  const frame = element.closest('label, .editor') ?? element;
  const shows = part => {
    const style = getComputedStyle(part);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  };
  const told = `${element.outerHTML.slice(0, 160)}`;
  if (![element, frame].some(shows)) return `no focus to be seen: ${told}`;
  const box = frame.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  if (!inside) return `out of sight: ${told}`;
  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
  const seen = [[0.5, 0.5], [0.1, 0.5], [0.5, 0.2], [0.9, 0.8]].some(([x, y]) => {
    const there = document.elementFromPoint(left + (right - left) * x, top + (bottom - top) * y);
    return there && (frame.contains(there) || there.contains(frame));
  });
  return seen ? '' : `something lies over it: ${told}`;
}"""


class Hands:
    """Goes through a page from where the focus is; `lost` is every stop at which the focus could not be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.lost: list[str] = []
        # From now on, and not only from the moment at which a key is pressed: the browser has to be told in time.
        page.on("filechooser", lambda _chooser: None)

    def find(self, target: Locator) -> None:
        """Tab forward to it."""
        for _ in range(MOST_STOPS):
            if target.count() == 1 and target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
            found = cast("str", self.page.evaluate(LOST))
            self.lost += [f"{self.page.url}: {found}"] if found else []
        raise AssertionError(f"Tab does not lead to {target} on {self.page.url}")

    def type(self, target: Locator, text: str) -> None:
        """Write it there, over what stands there."""
        self.find(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def press(self, target: Locator, key: str = "Enter") -> None:
        self.find(target)
        self.page.keyboard.press(key)

    def tick(self, target: Locator) -> None:
        self.find(target)
        if not target.is_checked():
            self.page.keyboard.press("Space")
        assert target.is_checked()

    def choose(self, group: Locator, wanted: Locator) -> None:
        """One of several by arrows; `group` is where Tab stops among them."""
        self.find(group)
        for _ in range(MOST_STOPS):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"arrows do not lead to {wanted}")

    def go(self, target: Locator, *, key: str = "Enter") -> None:
        """Press what leads to another page, and be there."""
        self.find(target)
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def bring_file(self, target: Locator, path: str) -> None:
        self.find(target)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Enter")
        chooser.value.set_files(path)
