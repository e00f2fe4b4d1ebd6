"""From an empty site to a release in somebody's hands, by pressing and typing alone."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site
from tests.journeys.steps import await_next, find_ballot, number_of, press, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROMPTS = [
    {
        "prompt": f"How many legs has a spider, asked for the {number}. time?",
        "candidates": [{"text": f"{legs} legs.", "generator": f"g{legs}"} for legs in (4, 6, 8)],
    }
    for number in range(2)
]
MINUTES = 180_000  # milliseconds; a busy machine may take its time


@pytest.fixture
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A run on which nobody has been yet."""
    site = Site(tmp_path_factory.mktemp("empty"))
    try:
        yield site.prepare(people=0)
    finally:
        site.end()


def test_empty_site_becomes_a_campaign_with_a_release(
    empty_site: Site, open_window: OpenWindow, tmp_path: Path
) -> None:
    page = open_window(site=empty_site, accept_downloads=True).go("/")
    with page.expect_navigation():
        page.get_by_role("link", name="Make an account").first.click()
    sign_up(page, "olga@example.org")
    make_draft(page)
    import_prompts(page, tmp_path)
    open_campaign(page)
    assignment = rank_as_volunteer(open_window(site=empty_site, phone=True).page)
    assert find_ballot(empty_site, assignment) == ([["c"], ["b"], ["a"]], 1)
    page.goto("/campaigns/legs/")
    expect(page.locator(".facts, dl").first).to_contain_text(re.compile(r"\b1\b"), timeout=MINUTES)
    ballots = release(page, tmp_path)
    assert [(ballot["acceptable_tiers"], [len(tier) for tier in ballot["tiers"]]) for ballot in ballots] == [
        (1, [1, 1, 1])
    ]


def make_draft(page: Page) -> None:
    page.goto("/campaigns/")
    page.get_by_role("link", name=re.compile("new campaign|make a campaign", re.IGNORECASE)).first.click()
    page.get_by_label("Title").fill("Legs")
    page.locator("input[name=preset][value=rank]").check(force=True)
    page.locator("input[name=languages][value=en]").check(force=True)
    page.get_by_role("button", name="Make the draft").click()
    page.wait_for_url("**/campaigns/legs/**")


def import_prompts(page: Page, folder: Path) -> None:
    """One file with candidates, and one prompt that is pasted and is there already."""
    file = folder / "prompts.jsonl"
    file.write_text("".join(json.dumps(prompt) + "\n" for prompt in PROMPTS), encoding="utf-8")
    page.goto("/campaigns/legs/imports/")
    page.locator("input[name=file]").set_input_files(file)
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url("**/imports/*-*/")
    expect(page.locator("main")).to_contain_text(re.compile("done|finished|is in", re.IGNORECASE), timeout=MINUTES)
    page.goto("/campaigns/legs/imports/")
    page.locator("textarea[name=lines]").fill("How many legs has a centipede?\nAnd a millipede?")
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url("**/imports/*-*/")
    expect(page.locator("main")).to_contain_text(re.compile("done|finished|is in", re.IGNORECASE), timeout=MINUTES)


def open_campaign(page: Page) -> None:
    page.goto("/campaigns/legs/")
    with page.expect_navigation():
        page.get_by_role("button", name="Open", exact=False).first.click()
    expect(page.locator("main")).to_contain_text("open")
    button = page.get_by_role("button", name=re.compile("^Open"))
    if "/state/" in page.url and button.count():
        button.first.click()


def rank_as_volunteer(page: Page) -> int:
    sign_up(page, "vera@example.org")
    page.get_by_role("button", name=re.compile("^(Next piece of work|Look further)")).tap()
    page.wait_for_url("**/work/**")
    first = number_of(page)
    for letter in "cba":
        page.locator(f'.tray .tile[data-candidate="{letter}"]').tap()
    press(page, "-", "-", "-")
    page.get_by_role("button", name="Submit").tap()
    await_next(page, first)
    return first


def release(page: Page, folder: Path) -> list[dict]:
    """Have a release made, wait for it, and read its ballots."""
    page.goto("/campaigns/legs/releases/")
    with page.expect_navigation():
        page.get_by_role("button", name="Make a release").click()
    if not re.search(r"/releases/\d+/$", page.url):
        page.get_by_role("link", name="Release 1").click()
    link = page.get_by_role("link", name="ballots.jsonl.gz")
    link.wait_for(timeout=MINUTES)
    with page.expect_download() as begun:
        link.click()
    target = folder / "ballots.jsonl.gz"
    begun.value.save_as(target)
    return [json.loads(line) for line in gzip.decompress(target.read_bytes()).splitlines()]
