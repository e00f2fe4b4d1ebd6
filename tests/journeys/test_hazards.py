"""What happens to people in the middle of their work; nothing that they typed or chose is ever lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsers import Window
from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site, Volunteer, make_items
from tests.journeys.steps import (
    END_LEASE,
    PASSWORD,
    WRITTEN,
    await_next,
    await_saved,
    find_ballot,
    find_ballots,
    find_state,
    number_of,
    press,
    sign_up,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DRAFT = "SELECT draft FROM annotate_assignment WHERE id = %s"
OTHER_TOKEN = "x" * 32


def make_work(site: Site, kind: str = "write_assistant_reply", **spec: object) -> tuple[Volunteer, str, Volunteer, str]:
    """An organizer with a campaign, and somebody with a hold in it."""
    organizer, person = site.organizer, site.person()
    slug = site.make_campaign(organizer, items=make_items(3), kinds=[kind], **spec)
    return organizer, slug, person, person.hold(slug)


def area(page: Page):
    return page.get_by_role("textbox", name="Your reply")


def notices(page: Page):
    return page.locator(".notices")


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit").click()


def test_two_devices_are_shown_both_texts_and_put_together(site: Site, open_window: OpenWindow) -> None:
    _organizer, _slug, person, path = make_work(site)
    desk, phone = open_window(person).go(path), open_window(person, phone=True).go(path)
    area(desk).fill("What I wrote on the desk.")
    await_saved(desk)
    area(phone).fill("What I wrote on the phone.")
    conflict = phone.locator("#conflict")
    expect(conflict).to_contain_text("What I wrote on the desk.")
    expect(conflict).to_contain_text("What I wrote on the phone.")
    phone.get_by_role("button", name="Put both together").tap()
    await_saved(phone)
    expect(area(phone)).to_have_value("What I wrote on the desk.\n\nWhat I wrote on the phone.")
    desk.reload()
    expect(area(desk)).to_have_value("What I wrote on the desk.\n\nWhat I wrote on the phone.")


def test_two_tabs_that_rank_differently_are_asked_which(site: Site, open_window: OpenWindow) -> None:
    _organizer, _slug, person, path = make_work(site, "rank")
    window = open_window(person)
    one, other = window.go(path), window.another()
    other.goto(path)
    press(one, "a", "b")
    await_saved(one)
    press(other, "d")
    conflict = other.locator("#conflict")
    expect(conflict).to_be_visible()
    other.get_by_role("button", name="Keep the one from here").click()
    await_saved(other)
    first = number_of(other)
    press(other, "c", "b", "a", "Enter")
    await_next(other, first)
    assert find_ballot(site, first) == ([["d"], ["c"], ["b"], ["a"]], None)


def take_up(site: Site, page: Page) -> tuple[str, int]:
    """Somebody signs up and takes a piece of writing; their address, and the number of the work."""
    slug = site.make_campaign(site.organizer, items=make_items(3), kinds=["write_assistant_reply"])
    email = f"signed-out-{next(site.numbers)}@example.org"
    sign_up(page, email)
    page.goto(f"/campaigns/{slug}/")
    page.locator(f"form[action='/campaigns/{slug}/next/'] button").first.click()
    page.wait_for_url("**/work/**")
    return email, number_of(page)


def sign_in(page: Page, email: str) -> None:
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_session_that_ended_mid_text_loses_nothing(site: Site, open_window: OpenWindow) -> None:
    page = open_window().page
    email, first = take_up(site, page)
    page.context.clear_cookies(name="sessionid")
    area(page).fill("Typed while nobody was signed in any more.")
    expect(notices(page)).to_contain_text("You were signed out")
    submit(page)
    expect(area(page)).to_have_value("Typed while nobody was signed in any more.")
    notices(page).get_by_role("link", name="Sign in").click()
    sign_in(page, email)
    page.wait_for_url(f"**/work/{first}/**")
    expect(area(page)).to_have_value("Typed while nobody was signed in any more.")
    submit(page)
    await_next(page, first)
    assert site.query(WRITTEN, first)[0]["text"] == "Typed while nobody was signed in any more."


def test_session_that_ended_loses_nothing_without_scripts(site: Site, open_window: OpenWindow) -> None:
    page = open_window(java_script_enabled=False).page
    email, first = take_up(site, page)
    page.context.clear_cookies(name="sessionid")
    page.locator("textarea[name=text]").fill("Sent by nobody.")
    with page.expect_navigation():
        submit(page)
    assert site.query(WRITTEN, first) == []
    sign_in(page, email)
    page.wait_for_url(f"**/work/{first}/**")
    expect(page.locator("textarea[name=text]")).to_have_value("Sent by nobody.")
    with page.expect_navigation():
        submit(page)
    assert site.query(WRITTEN, first)[0]["text"] == "Sent by nobody."


def test_form_whose_token_expired_keeps_the_text(site: Site, open_window: OpenWindow) -> None:
    _organizer, _slug, person, path = make_work(site)
    window = open_window(person)
    page = window.go(path)
    first = number_of(page)
    change_token(window)
    area(page).fill("Typed with a token that was not valid any more.")
    expect(notices(page)).to_contain_text("too old")
    notices(page).get_by_role("link", name="Load the page again").click()
    expect(area(page)).to_have_value("Typed with a token that was not valid any more.")
    await_saved(page)
    submit(page)
    await_next(page, first)
    assert site.query(WRITTEN, first)[0]["text"] == "Typed with a token that was not valid any more."


def test_form_whose_token_expired_keeps_the_text_without_scripts(site: Site, open_window: OpenWindow) -> None:
    _organizer, _slug, person, path = make_work(site)
    window = open_window(person, java_script_enabled=False)
    page = window.go(path)
    change_token(window)
    page.locator("textarea[name=text]").fill("Sent with a token that was not valid any more.")
    with page.expect_navigation():
        submit(page)
    expect(page.locator("body")).to_contain_text("Sent with a token that was not valid any more.")
    assert find_state(site, int(path.split("/")[2])) == "live"


def test_hold_that_ended_is_said_and_the_text_is_taken_all_the_same(site: Site, open_window: OpenWindow) -> None:
    _organizer, slug, person, path = make_work(site, redundancy=1, replies_wanted=1)
    page = open_window(person).go(path)
    first = number_of(page)
    area(page).fill("Half of my reply")
    await_saved(page)
    site.query(END_LEASE, first)
    site.person().ask("POST", f"campaigns/{slug}/next/", {})  # somebody else may be given it now
    page.reload()
    expect(page.locator("main")).to_contain_text("Half of my reply")
    expect(page.locator("body")).to_contain_text("safe")
    area(page).fill("Half of my reply, and the other half")
    submit(page)
    await_next(page, first)
    assert site.query(WRITTEN, first)[0]["text"] == "Half of my reply, and the other half"


def test_campaign_that_closed_under_the_reader_keeps_and_shows_the_text(site: Site, open_window: OpenWindow) -> None:
    organizer, slug, person, path = make_work(site)
    page = open_window(person).go(path)
    first = number_of(page)
    area(page).fill("Written while it was open.")
    await_saved(page)
    organizer.insist("PATCH", f"campaigns/{slug}/", {"state": "closed"})
    site.query(END_LEASE, first)
    area(page).fill("Written while it was open. And after.")
    submit(page)
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("main")).to_contain_text("Written while it was open. And after.")
    expect(page.locator("main")).to_contain_text("clos")
    assert site.query(WRITTEN, first) == []
    assert "Written while it was open." in site.query(DRAFT, first)[0]["draft"]["text"]


def test_offline_is_said_and_what_is_typed_is_kept_until_the_server_has_it(site: Site, open_window: OpenWindow) -> None:
    _organizer, _slug, person, path = make_work(site)
    window = open_window(person)
    page = window.go(path)
    first = number_of(page)
    window.context.set_offline(True)
    area(page).fill("Typed in a tunnel.")
    expect(notices(page)).to_contain_text("No connection")
    submit(page)
    expect(notices(page)).to_contain_text("nothing was sent")
    expect(area(page)).to_have_value("Typed in a tunnel.")
    window.context.set_offline(False)
    await_saved(page)
    assert site.query(DRAFT, first)[0]["draft"]["text"] == "Typed in a tunnel."
    submit(page)
    await_next(page, first)
    assert site.query(WRITTEN, first)[0]["text"] == "Typed in a tunnel."


def test_browser_that_was_closed_offline_brings_the_text_back(site: Site, open_window: OpenWindow) -> None:
    _organizer, _slug, person, path = make_work(site)
    window = open_window(person)
    page = window.go(path)
    window.context.set_offline(True)
    area(page).fill("Typed before the battery was empty.")
    expect(notices(page)).to_contain_text("No connection")
    page.close()
    window.context.set_offline(False)
    page = window.another()
    page.goto(path)
    expect(area(page)).to_have_value("Typed before the battery was empty.")
    await_saved(page)
    assert site.query(DRAFT, number_of(page))[0]["draft"]["text"] == "Typed before the battery was empty."


def test_back_after_submitting_shows_what_is_stored(site: Site, open_window: OpenWindow) -> None:
    _organizer, _slug, person, path = make_work(site, "rank")
    page = open_window(person).go(path)
    first = number_of(page)
    press(page, "d", "c", "b", "a", "Enter")
    await_next(page, first)
    page.go_back()
    expect(page.locator("main")).to_contain_text("D, then C, then B, then A")
    assert len(find_ballots(site, first)) == 1


def test_long_words_and_every_script_are_shown_and_stored_as_they_are(site: Site, open_window: OpenWindow) -> None:
    text = "Жаворонок 夜鶯 بلبل कोयल " + "W" * 10_000
    _organizer, _slug, person, path = make_work(site)
    page = open_window(person, phone=True, viewport={"width": 320, "height": 640}).go(path)
    first = number_of(page)
    area(page).fill(text)
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator("#pane-p-text p").first).to_contain_text("夜鶯")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("tab", name="Write").click()
    submit(page)
    await_next(page, first)
    assert site.query(WRITTEN, first)[0]["text"] == text


def change_token(window: Window) -> None:
    """As if the browser's CSRF cookie had been made anew since the page was loaded."""
    window.context.clear_cookies(name="csrftoken")
    window.context.add_cookies([{"name": "csrftoken", "value": OTHER_TOKEN, "url": window.address}])
