"""The whole corpus of attacks in a real browser: no script runs, and nobody is asked for anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from annotate.web.security import policy_text
from tasks.text.markdown.render import render_markdown
from tests.attacks import EVENTS, VECTORS
from tests.conftest import find_chromium

pytestmark = pytest.mark.browser

STYLES = Path(__file__).parents[2] / "annotate/static/site"
SITE = "http://site.example/"
#: Whatever a reader may do with the text: look at it, point at it, move through it by keys, press it.
DISTURB = """() => {
  for (const element of document.querySelectorAll('main *')) {
    for (const name of ['mouseover', 'mouseenter', 'focus', 'focusin', 'pointerdown', 'toggle', 'load', 'error', 'animationstart'])
      element.dispatchEvent(new Event(name, {bubbles: true}));
    element.focus?.();
    if (!element.closest('a')) element.click?.();
  }
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        try:
            yield browser.new_page()
        finally:
            browser.close()


def show(page: Page, body: str) -> tuple[object, list[str]]:
    """Show `body` in a page without any policy, as if that had failed too; what ran, and who was asked."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        if route.request.url == SITE:
            html = f"<!doctype html><html><head><title>t</title></head><body><main>{body}</main><p id=end>end</p></body></html>"
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        else:
            asked.append(route.request.url)
            route.abort()

    page.unroute_all()
    page.route("**/*", answer)
    page.goto(SITE)
    page.evaluate(DISTURB)
    page.wait_for_load_state("networkidle")
    return page.evaluate("window.hit ?? null"), [url for url in asked if not url.endswith("/favicon.ico")]


def test_the_test_would_see_a_script_that_runs_and_a_request_that_leaves(page: Page):
    hit, asked = show(page, f"{EVENTS[0]}<img src=https://evil.example/x.png>")
    assert (hit, "https://evil.example/x.png" in asked) == (1, True)


def test_no_attack_runs_a_script_or_asks_anybody(page: Page):
    body = "".join(f"<article>{render_markdown(text).html}</article>" for _, text in VECTORS)
    assert show(page, body) == (None, [])


def test_every_attack_stays_in_its_place(page: Page):
    """The browser builds the tree that was written: nothing swallows a neighbour, nothing climbs out."""
    show(page, "".join(f"<article>{render_markdown(text).html}</article>" for _, text in VECTORS))
    assert page.evaluate("document.querySelectorAll('main > article').length") == len(VECTORS)
    assert page.evaluate("document.querySelector('main').children.length") == len(VECTORS)
    assert page.evaluate("document.querySelector('main + #end') !== null")


def test_what_the_browser_reads_is_what_was_written(page: Page):
    """A second reading changes nothing, so no markup waits to become another (mutation)."""
    for _, text in VECTORS:
        html = render_markdown(text).html
        page.set_content("<main></main>")
        once, twice = page.evaluate(
            """html => { const main = document.querySelector('main'); main.innerHTML = html; const once = main.innerHTML;
            main.innerHTML = once; return [once, main.innerHTML]; }""",
            html,
        )
        assert once == twice, text


WIDE = [
    "n" * 10_000,
    "漢" * 10_000,
    "`" + "n" * 3_000 + "`",
    "```\n" + "n" * 3_000 + "\n```",
    "|a|b|c|\n|-|-|-|\n|" + "n" * 3_000 + "|b|c|",
    "$" + "x+" * 300 + "x$",
    "$$" + "x+" * 300 + "x$$",
    "https://a.example/" + "n" * 1_900,
    "> " * 12 + "n" * 500,
    "# " + "n" * 2_000,
    "Z" + "\u0489\u0300" * 400,
    "\u202e" * 500,
]


@pytest.mark.parametrize("text", WIDE, ids=lambda text: ascii(text[:6]))
def test_no_text_reaches_out_of_its_card_on_the_smallest_screen(page: Page, text: str):
    styles = "".join(
        f"<style>{(STYLES / name).read_text(encoding='utf-8')}</style>" for name in ("chorus.css", "prose.css")
    )
    page.set_viewport_size({"width": 320, "height": 700})
    page.set_content(
        f"{styles}<main class=page><div class=card><div class=prose>{render_markdown(text).html}</div></div></main>"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    wide = """[...document.querySelectorAll('.prose > *')].filter(e => e.getBoundingClientRect().right > 320).map(e => e.tagName)"""
    assert page.evaluate(wide) == []


def test_the_policy_of_the_site_alone_would_stop_the_scripts(settings):
    policy = policy_text(settings.CONTENT_SECURITY_POLICY)
    assert ("default-src 'none'" in policy, "script-src 'self';" in policy, "unsafe" in policy) == (True, True, False)
