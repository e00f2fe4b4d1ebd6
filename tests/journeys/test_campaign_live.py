"""The page of a campaign while somebody looks at it: it renews itself, and never under the reader's hands."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.faults.workplace import make_ranking
from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site, make_items

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: The sweep counts every twenty seconds, the page looks every fifteen.
SOON = 180_000


def count_polls(page: Page) -> list[str]:
    """Addresses that the page asks from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "seen=" in request.url else None)
    return asked


def test_numbers_renew_themselves_and_leave_the_reader_alone(site: Site, open_window: OpenWindow) -> None:
    organizer, volunteer = site.person("en"), site.person("en")
    slug = site.make_campaign(organizer, items=make_items(2), title="Live")
    page = open_window(organizer).go(f"/campaigns/{slug}/")
    page.get_by_text("judgments of 6").wait_for(timeout=SOON)
    page.locator("#meanings-s").click()
    page.locator("#meanings-s").focus()
    page.evaluate("window.scrollTo(0, 80)")
    hold = volunteer.ask_next(slug)
    volunteer.submit(hold, make_ranking(hold, name=volunteer.name))
    page.locator("#numbers dd", has_text="1").first.wait_for(timeout=SOON)
    expect(page.locator("#news")).to_have_text("New numbers: 1 of 6 judgments.", timeout=SOON)
    expect(page.locator("#meanings-s")).to_be_focused()
    expect(page.locator("#meanings[open]")).to_be_visible()
    assert page.evaluate("window.scrollY") == 80


def test_nothing_is_asked_while_nobody_looks_or_while_text_is_selected(site: Site, open_window: OpenWindow) -> None:
    organizer = site.person("en")
    slug = site.make_campaign(organizer, items=make_items(1), title="Quiet")
    page = open_window(organizer).go(f"/campaigns/{slug}/")
    asked = count_polls(page)
    look = "htmx.trigger('#numbers', 'look')"
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#numbers'))")
    page.evaluate(look)
    page.evaluate("getSelection().removeAllRanges()")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate(look)
    assert asked == []
    with page.expect_request(lambda request: "seen=" in request.url):
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    assert len(asked) == 1


def test_page_stops_asking_when_the_campaign_is_closed(site: Site, open_window: OpenWindow) -> None:
    organizer = site.person("en")
    slug = site.make_campaign(organizer, items=make_items(1), title="Ending")
    page = open_window(organizer).go(f"/campaigns/{slug}/")
    organizer.insist("PATCH", f"campaigns/{slug}/", {"state": "closed"})
    page.evaluate("htmx.trigger('#numbers', 'look')")
    page.locator("#do-open", has_text="Open again").wait_for()
    expect(page.locator("#numbers[hx-get]")).to_have_count(0)
    expect(page.locator("#do-pause")).to_have_count(0)


def test_everything_is_there_without_scripts(site: Site, open_window: OpenWindow) -> None:
    organizer = site.person("en")
    slug = site.make_campaign(organizer, items=make_items(1), title="Plain")
    page = open_window(organizer, java_script_enabled=False).go(f"/campaigns/{slug}/")
    assert page.get_by_text("They renew themselves").is_hidden()
    page.locator("#do-pause").click()
    page.get_by_text("The campaign is paused now.").wait_for()
