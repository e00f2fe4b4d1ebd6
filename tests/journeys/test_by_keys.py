"""A campaign from its form to its release by the keyboard alone, with the focus in sight at every stop."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.faults.workplace import make_ranking
from tests.journeys.conftest import OpenWindow
from tests.journeys.hands import Hands
from tests.journeys.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROMPT = {
    "prompt": "How many legs has a spider?",
    "candidates": [{"text": f"{legs} legs.", "generator": f"g{legs}"} for legs in (4, 6, 8)],
}
IS_IN = re.compile("done|finished|is in", re.IGNORECASE)
MINUTES = 180_000  # milliseconds; a busy machine may take its time
STATE = "SELECT state FROM annotate_campaign WHERE slug = %s"


def button(page: Page, name: str):
    return page.locator("main").get_by_role("button", name=name, exact=True)


def tab(page: Page, name: str):
    """A part of the campaign, in the row under its title."""
    return page.locator(".subnav").get_by_role("link", name=name, exact=True)


def state_of(site: Site, slug: str) -> str:
    return str(site.query(STATE, slug)[0]["state"])


def test_campaign_is_made_filled_opened_paused_released_and_closed_by_keys(
    site: Site, open_window: OpenWindow, tmp_path: Path
) -> None:
    page = open_window(site.administrator).go("/campaigns/")
    hands = Hands(page)
    slug = make_draft(hands, f"Legs {next(site.numbers)}")
    import_prompts(hands, tmp_path)
    add_member(hands, site.person().email)
    choose_generator(hands, f"lab {next(site.numbers)}")
    steer(hands, "Open")
    assert state_of(site, slug) == "open"
    judge(site, slug)
    release(hands)
    steer(hands, "Pause")
    assert state_of(site, slug) == "paused"
    steer(hands, "Open again")
    steer(hands, "Close…", is_last=False)
    hands.type(page.locator("input[name=reason]"), "Enough is known.")
    hands.go(button(page, "Close"))
    assert state_of(site, slug) == "closed"
    assert hands.lost == []


def make_draft(hands: Hands, title: str) -> str:
    """Sent once without its title, which is then where the focus is led."""
    page = hands.page
    hands.go(page.get_by_role("link", name="Make a campaign").first)
    hands.go(button(page, "Make the draft"))
    expect(page.locator("#wrong")).to_be_focused()
    expect(page.locator("#wrong li")).to_have_count(1)
    hands.press(page.locator("#wrong a"))
    expect(page.get_by_label("Title")).to_be_focused()
    hands.type(page.get_by_label("Title"), title)
    hands.choose(page.locator("input[name=preset]:checked"), page.locator("input[name=preset][value=rank]"))
    hands.tick(page.locator("input[name=languages][value=en]"))
    hands.go(button(page, "Make the draft"))
    found = re.search(r"/campaigns/([\w-]+)/imports/", page.url)
    assert found, page.url
    return found[1]


def import_prompts(hands: Hands, folder: Path) -> None:
    page = hands.page
    hands.type(page.locator("textarea[name=lines]"), "How many legs has a centipede?\nAnd a millipede?")
    hands.go(button(page, "Import"))
    expect(page.locator("main")).to_contain_text(IS_IN, timeout=MINUTES)
    file = folder / "prompts.jsonl"
    file.write_text(json.dumps(PROMPT) + "\n", encoding="utf-8")
    hands.go(tab(page, "Imports"))
    hands.bring_file(page.locator("input[name=file]"), str(file))
    hands.go(button(page, "Import"))
    expect(page.locator("main")).to_contain_text(IS_IN, timeout=MINUTES)


def add_member(hands: Hands, email: str) -> None:
    page = hands.page
    hands.go(tab(page, "Members"))
    hands.type(page.get_by_label("E-mail of an account"), email)
    hands.choose(page.locator("input[name=role]:checked"), page.locator("input[name=role][value=moderator]"))
    hands.go(button(page, "Add"))
    expect(page.locator(".member", has_text=email).get_by_role("combobox")).to_have_value("moderator")


def choose_generator(hands: Hands, name: str) -> None:
    """Made for the site, then asked by the campaign, then not."""
    page = hands.page
    hands.go(tab(page, "Generators"))
    here = page.url
    hands.go(page.get_by_role("link", name="Generators of the site"))
    hands.go(page.locator("main").get_by_role("link", name=re.compile("new|make", re.IGNORECASE)))
    for label, text in {"Name": name, "Address of the server": "http://127.0.0.1:9/v1", "Model": "a-model"}.items():
        hands.type(page.get_by_label(label, exact=True), text)
    hands.go(button(page, "Make it"))
    page.goto(here)
    for samples in ("2", "0"):
        field = page.get_by_role("row", name=name).locator("input[type=number]")
        hands.type(field, samples)
        hands.go(button(page, "Save"))
        expect(page.get_by_role("row", name=name).locator("input[type=number]")).to_have_value(samples)


def steer(hands: Hands, way: str, *, is_last: bool = True) -> None:
    """From the page of the campaign; what is asked to be sure of stands on a page of its own."""
    page = hands.page
    hands.go(tab(page, "Overview"))
    hands.go(button(page, way))
    if is_last:
        expect(page.locator("main .note")).to_be_visible()


def judge(site: Site, slug: str) -> None:
    person = site.person()
    held = person.insist("POST", f"campaigns/{slug}/next/", {})["assignment"]
    person.submit(held, make_ranking(held, name=person.name))


def release(hands: Hands) -> None:
    page = hands.page
    hands.go(tab(page, "Releases"))
    hands.go(button(page, "Make a release"))
    if not re.search(r"/releases/\d+/$", page.url):
        hands.go(page.get_by_role("link", name="Release 1"))
    link = page.get_by_role("link", name="ballots.jsonl.gz")
    link.wait_for(timeout=MINUTES)
    hands.find(link)
    with page.expect_download() as begun:
        page.keyboard.press("Enter")
    assert begun.value.suggested_filename.endswith("ballots.jsonl.gz")


def test_campaign_is_made_from_a_file_by_keys(site: Site, open_window: OpenWindow) -> None:
    slug = f"wings-{next(site.numbers)}"
    page = open_window(site.organizer).go("/campaigns/new/")
    hands = Hands(page)
    hands.go(page.get_by_role("link", name="Make it from a file instead"))
    hands.type(page.locator("textarea[name=text]:visible"), f'slug = "{slug}"\ntitle = "Wings"\npreset = "wings"\n')
    hands.go(button(page, "Show what it would make"))
    expect(page.locator("#wrong")).to_be_focused()
    text = f'slug = "{slug}"\ntitle = "Wings"\npreset = "rank"\nlanguages = ["en"]\n'
    hands.type(page.locator("textarea[name=text]:visible"), text)
    hands.go(button(page, "Show what it would make"))
    hands.go(button(page, "Make it so"))
    assert state_of(site, slug) == "draft"
    assert hands.lost == []
