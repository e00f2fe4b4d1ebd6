"""A browser on the pages of `widget_pages`, served by a thread of this process. For the conftest of this folder."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from tests.conftest import CHROMIUM_NAMES
from tests.web import widget_pages

#: The ballot of most tests: A, then B and C, then D; the line after the second tier.
WANTED = [["tiers", "a:1"], ["tiers", "b:2"], ["tiers", "c:2"], ["tiers", "d:3"], ["acceptable_tiers", "2"]]
#: Generous: the machine may be busy with other things. Nothing is asserted about how long it takes.
PATIENCE = 60_000  # milliseconds
expect.set_options(timeout=PATIENCE)
NO_BALLOT = {"csrfmiddlewaretoken", "draft_version", "active_seconds", "kind", "shown", "rationale"}


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Tests say what they saw themselves."""


class Handler(WSGIHandler):
    """The site's middleware over the addresses of `widget_pages`."""

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        request.urlconf = "tests.web.widget_pages"  # type: ignore[attr-defined]
        return super().get_response(request)


@contextmanager
def serve_pages(handler: WSGIHandler) -> Iterator[str]:
    """The address of a server in a thread of this process, which sees what the test stored."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(StaticFilesHandler(handler))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def widget_site() -> Iterator[str]:
    with serve_pages(Handler()) as address:
        yield address


@pytest.fixture(scope="module")
def widget_browser() -> Iterator[Browser]:
    # Of one module alone: while it runs, Django takes this thread for an asynchronous one and keeps it from the database.
    path = next(found for name in CHROMIUM_NAMES if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Desk:
    """Opens pages of work, and remembers what went wrong in them."""

    def __init__(self, site: str, browser: Browser) -> None:
        self.site = site
        self.browser = browser
        self.errors: list[str] = []

    def open(
        self, *, width: int = 1280, height: int = 800, context: dict[str, Any] | None = None, **options: Any
    ) -> Page:
        """The page of work 7 with this context of its templates; four replies to rank by default."""
        widget_pages.SHOWN.update(context=context or {"work": widget_pages.make_work()}, sent=[], answer=None)
        page = self.browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.goto(f"{self.site}/work/7/")
        return page

    def open_phone(self, **options: Any) -> Page:
        return self.open(**{"width": 390, "height": 844, "is_mobile": True, "has_touch": True} | options)

    @property
    def sent(self) -> list[list[list[str]]]:
        """What each submit carried, in order, less the bookkeeping."""
        return [[pair for pair in sent if pair[0] not in NO_BALLOT] for sent in widget_pages.SHOWN["sent"]]


@pytest.fixture
def desk(widget_site: str, widget_browser: Browser) -> Iterator[Desk]:
    desk = Desk(widget_site, widget_browser)
    yield desk
    for context in widget_browser.contexts:
        context.close()


def fields(page: Page) -> list[list[str]]:
    """What the form holds now, less the bookkeeping."""
    held = page.evaluate("[...new FormData(document.querySelector('#answer'))]")
    return [pair for pair in held if pair[0] not in NO_BALLOT]


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def said(page: Page) -> str:
    return page.inner_text(".say")


def tile(page: Page, letter: str) -> Locator:
    return page.locator(f'.tray .tile:has-text("{letter}")')


def center(of: Locator) -> tuple[float, float]:
    box = of.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, handle: Locator, to: tuple[float, float]) -> None:
    x, y = center(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y + 8)
    page.mouse.move(*to, steps=8)
    page.mouse.up()


def wait_until(page: Page, expression: str) -> None:
    """Wait for an expression to be true; `wait_for_function` would evaluate a string, which the policy forbids."""
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {expression}")


def answer_with(
    page: Page, pattern: str, *, status: int = 200, body: str = "", kind: str = "application/json"
) -> list[str]:
    """Let the page's requests to an address be answered so; gives the list of what they carried."""
    carried: list[str] = []

    def fulfil(route: Route) -> None:
        carried.append(route.request.post_data or "")
        route.fulfill(status=status, body=body, content_type=kind)

    page.route(pattern, fulfil)
    return carried
