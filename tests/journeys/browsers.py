"""Windows of a real Chromium, which look out for what no page may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, Response, expect

from tests.conftest import find_chromium

#: Generous: the machine may be busy with other things. Nothing is asserted about how long it takes.
PATIENCE = 60_000  # milliseconds
expect.set_options(timeout=PATIENCE)

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

#: What the browser prints for an answer of 4xx that a test provokes, or while a test has it offline.
EXPECTED = re.compile(
    r"Failed to load resource: (the server responded with a status of 4|net::ERR_INTERNET_DISCONNECTED)"
    r"|Response Status Error Code 4|htmx:(afterRequest|sendError)"
)


@contextmanager
def open_chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
    try:
        yield browser
    finally:
        browser.close()


class Window:
    """A fresh browser profile at one site; `found` is what must never happen in it."""

    def __init__(self, browser: Browser, address: str, *, session: str | None = None, **options: Any) -> None:
        self.address = address
        self.found: list[str] = []
        self.clicks = 0
        self.visited: list[str] = []
        options = {**DESK, "base_url": address, **options}
        self.context: BrowserContext = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE)
        if session is not None:
            self.sign_in(session)
        self.context.on("page", self._watch)
        self.page = self.context.new_page()

    def sign_in(self, session: str) -> None:
        """As after signing in: the cookie that a sign-in leaves."""
        self.context.add_cookies([{"name": "sessionid", "value": session, "url": self.address}])

    def sign_out(self) -> None:
        self.context.clear_cookies(name="sessionid")

    def go(self, path: str) -> Page:
        answer = self.page.goto(path)
        assert answer is not None
        return self.page

    def another(self) -> Page:
        """A second tab of the same browser."""
        return self.context.new_page()

    def focused(self, page: Page | None = None) -> str:
        """Tag of what has the focus."""
        return cast("str", (page or self.page).evaluate("document.activeElement.tagName"))

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.found.append(f"script failed: {error}"))
        page.on("console", self._hear)
        page.on("request", self._see_request)
        page.on("response", self._see_response)
        page.on("framenavigated", lambda frame: self.visited.append(frame.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.match(message.text):
            self.found.append(f"the browser complains: {message.text}")

    def _see_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:", "about:")):
            self.found.append(f"asked somebody else: {request.url}")

    def _see_response(self, response: Response) -> None:
        lost = response.status == 404 and "/static/" in response.url
        if response.status >= 500 or lost:
            self.found.append(f"{response.status} from {response.url}")

    def tell(self) -> None:
        """Print what the pages show, for whoever reads why a test failed."""
        for page in self.context.pages:
            print(f"--- {page.url}\n{page.locator('body').inner_text()[:3000]}")

    def close(self) -> None:
        self.context.close()


def find_overflow(page: Page) -> list[str]:
    """What makes the page scroll sideways; empty when nothing does."""
    return cast(
        "list[str]",
        page.evaluate("""() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          const wide = [...document.querySelectorAll('body *')].filter(e => {
            const box = e.getBoundingClientRect();
            return box.width && (box.right > width + 1 || box.left < -1);
          });
          return [`${document.documentElement.scrollWidth} > ${width}`,
            ...wide.slice(0, 8).map(e => `${e.tagName}.${e.className}#${e.id}`)];
        }"""),
    )
