"""Reading what was written, saying what one thinks of it, and keeping it clean: on desk and phone, with and without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.faults.workplace import make_ranking
from tests.journeys.browsers import find_overflow
from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site, Volunteer, make_items

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAYS = [
    pytest.param({"phone": False}, id="desk"),
    pytest.param({"phone": True}, id="phone"),
    pytest.param({"phone": False, "java_script_enabled": False}, id="desk-without-scripts"),
    pytest.param({"phone": True, "java_script_enabled": False}, id="phone-without-scripts"),
]
KINDS = ["rank", "label", "write_assistant_reply"]


def make_talk(site: Site, **spec: Any) -> tuple[str, int, int]:
    """A campaign with one tree: its slug, the tree and its prompt."""
    slug = site.make_campaign(site.organizer, items=make_items(1), **{"kinds": KINDS, **spec})
    (prompt,) = site.organizer.insist("GET", f"messages/?campaign={slug}&prompts_only=true")["results"]
    return slug, int(prompt["tree_id"]), int(prompt["id"])


def open_menu(page: Page, message: int, name: str) -> None:
    page.locator(f"#m{message} .acts summary").filter(has_text=name).click()


def follow(page: Page, message: int, name: str) -> None:
    """A line of the menu of a message."""
    open_menu(page, message, "More")
    with page.expect_navigation():
        page.locator(f"#m{message} .acts").get_by_text(name, exact=True).click()


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_reacts_reports_and_labels(site: Site, open_window: OpenWindow, way: dict[str, bool]) -> None:
    slug, tree, prompt = make_talk(site)
    reader = site.person()
    page = open_window(reader, **way).go(f"/campaigns/{slug}/messages/")
    with page.expect_navigation():
        page.get_by_role("link", name=re.compile("Which bird sings")).click()
    expect(page).to_have_url(re.compile(rf"/trees/{tree}/\?to={prompt}#m{prompt}$"))
    expect(page.locator(".seal")).to_contain_text("4 replies are not shown")
    open_menu(page, prompt, "React")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.locator(f"#m{prompt}").get_by_role("button", name="Warms the heart").click()
    expect(page.locator(f"#reactions-{prompt} .given.is-mine")).to_contain_text("1")
    follow(page, prompt, "Report it")
    press(page, "Report it")
    expect(page.locator("#wrong")).to_contain_text("Choose what is wrong with it.")
    page.get_by_label("Off topic").check(force=True)
    page.locator("textarea[name=note]").fill("It is about birds.")
    press(page, "Report it")
    expect(page.locator(".note")).to_contain_text("Your report is kept")
    expect(page.locator(f"#m{prompt}")).to_contain_text("You reported this")
    assert site.count("report", "message_id = %s AND reason = 'off_topic'", prompt) == 1
    follow(page, prompt, "Label it")
    expect(page).to_have_url(re.compile(r"/work/\d+/$"))
    expect(page.locator("h1")).to_be_visible()
    assert find_overflow(page) == []


@pytest.mark.parametrize("way", WAYS)
def test_what_is_sealed_opens_after_ones_own_ranking(site: Site, open_window: OpenWindow, way: dict[str, bool]) -> None:
    slug, tree, prompt = make_talk(site, kinds=["rank"])
    reader = site.person()
    page = open_window(reader, **way).go(f"/trees/{tree}/")
    expect(page.locator(".said")).to_have_count(1)
    offered = reader.ask_next(slug)
    reader.submit(offered, make_ranking(offered, name=reader.name))
    page.reload()
    expect(page.locator(".said")).to_have_count(5)
    expect(page.locator(".seal")).to_have_count(0)
    folded = page.locator("details.branch:not([open])")
    expect(folded).to_have_count(3)
    folded.first.locator("> summary").click()
    expect(folded).to_have_count(2)
    with page.expect_navigation():
        page.get_by_role("link", name="Open all replies").click()
    expect(folded).to_have_count(0)
    assert find_overflow(page) == []
    last = page.locator(".said").last.get_attribute("id") or ""
    page.goto(f"/messages/{last.removeprefix('m')}/")
    expect(page.locator(f"#{last} .prose")).to_be_in_viewport()
    assert prompt != int(last.removeprefix("m"))


@pytest.mark.parametrize("way", WAYS)
def test_a_moderator_hides_and_restores_a_message_and_halts_its_tree(
    site: Site, open_window: OpenWindow, way: dict[str, bool]
) -> None:
    slug, tree, prompt = make_talk(site)
    moderator = site.person()
    site.organizer.insist("PUT", f"campaigns/{slug}/members/", {"email": moderator.email, "role": "moderator"})
    page = open_window(moderator, **way).go(f"/trees/{tree}/")
    follow(page, prompt, "Hide it")
    press(page, "Hide it")
    expect(page.locator("#wrong")).to_contain_text("Say in a few words why.")
    decide(page, "It tells a number.", "Hide it")
    assert site.count("message", "id = %s AND removed_reason = 'It tells a number.'", prompt) == 1
    expect(page.locator(f"#m{prompt}")).to_contain_text("hidden")
    follow(page, prompt, "Restore it")
    decide(page, "It was none.", "Restore it")
    assert site.count("message", "id = %s AND removed_at IS NULL", prompt) == 1
    with page.expect_navigation():
        page.get_by_role("link", name="Halt…").click()
    decide(page, "A copy of another.", "Halt it")
    expect(page.locator(".tree-state")).to_contain_text("halted")
    assert site.count("messagetree", "id = %s AND state = 'halted'", tree) == 1
    assert site.count("auditevent", "reason IN ('It tells a number.', 'It was none.', 'A copy of another.')") >= 3
    assert find_overflow(page) == []


def decide(page: Page, reason: str, name: str) -> None:
    page.get_by_label("Why").fill(reason)
    press(page, name)
    expect(page.locator(".note")).to_contain_text("It is in the audit.")


@pytest.mark.parametrize("way", WAYS)
def test_another_wording_is_proposed_and_accepted(site: Site, open_window: OpenWindow, way: dict[str, bool]) -> None:
    slug, tree, prompt = make_talk(site)
    reader: Volunteer = site.person()
    page = open_window(reader, **way).go(f"/trees/{tree}/")
    follow(page, prompt, "Propose another wording")
    page.locator("textarea[name=text]").fill("Which bird sings by night?")
    page.get_by_label("What you changed, and why").fill("Shorter.")
    press(page, "Propose it")
    with page.expect_navigation():
        page.get_by_role("link", name="Another wording is proposed").click()
    expect(page.locator(".words-of ins").first).to_contain_text("by")
    expect(page.get_by_role("button", name="Take it back")).to_be_visible()
    other = open_window(site.organizer, **way).go(f"/campaigns/{slug}/revisions/")
    press(other, "Accept")
    expect(other.locator(".note")).to_contain_text("the message has the new words now")
    page.goto(f"/messages/{prompt}/")
    expect(page.locator(f"#m{prompt} .prose")).to_have_text("Which bird sings by night?")


def test_a_tree_is_read_by_keys_alone(site: Site, open_window: OpenWindow) -> None:
    _slug, tree, prompt = make_talk(site)
    page = open_window(site.person()).go(f"/trees/{tree}/")
    page.locator(f"#m{prompt} .reactions summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#m{prompt} .reactions button").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(f"#reactions-{prompt} .given.is-mine")).to_be_visible()
    expect(page.locator(f"#reactions-{prompt} summary")).to_be_focused()
    assert site.count("reaction", "message_id = %s AND code = 'thumbs_down'", prompt) == 1
    page.locator(f"#m{prompt} .acts > .menu > summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator(f"#m{prompt} .acts > .menu > summary")).to_be_focused()


def test_an_address_is_copied(site: Site, open_window: OpenWindow) -> None:
    _slug, tree, prompt = make_talk(site)
    page = open_window(site.person(), permissions=["clipboard-read", "clipboard-write"]).go(f"/trees/{tree}/")
    open_menu(page, prompt, "More")
    page.get_by_role("link", name="Copy its address").click()
    expect(page.locator("#told")).to_have_text("The address is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.address}/messages/{prompt}/"
