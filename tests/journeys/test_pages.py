"""What is true of every page: nothing that axe finds, nothing that scrolls sideways, nothing without its place here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.journeys.addresses import LOOKS, NO_PAGES, Look, find_session, list_names, make_path
from tests.journeys.browsers import find_overflow
from tests.journeys.conftest import OpenWindow
from tests.journeys.measures import read_seen, watch, weigh
from tests.journeys.site import Site
from tests.journeys.world import KINDS, World, make_world

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_BYTES = 100_000
HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")
SPEAKS_ENGLISH = {"api:docs"}
COLOURS = ["color-contrast", "link-in-text-block"]
LOOKED_AT = [pytest.param(name, look, id=f"{name}-{look.kind or look.who}") for name in LOOKS for look in LOOKS[name]]


def test_every_address_is_looked_at_or_said_to_be_no_page() -> None:
    assert sorted({*LOOKS, *NO_PAGES} - {"api:docs"}) == sorted(set(list_names()))


@pytest.fixture(scope="module")
def world(running_site: Site) -> Iterator[World]:
    yield make_world(running_site)
    running_site.close_campaigns()


@pytest.fixture(scope="module")
def hostile_world(running_site: Site) -> Iterator[World]:
    yield make_world(running_site, hostile=True)
    running_site.close_campaigns()


def open_page(open_window: OpenWindow, world: World, name: str, look: Look, **options: Any) -> Page:
    page = open_window(session=find_session(look, world), reduced_motion="reduce", **options).page
    watch(page)
    answer = page.goto(make_path(name, look, world), wait_until="load")
    assert answer is not None
    assert answer.status == 200, f"{answer.status} {page.url} {page.inner_text('body')}"
    return page


#: The page of the API says everything a hundred times in the same pieces: the first group of them stands for all.
ALIKE = {"exclude": [["#operations > section ~ section"]]}


def find_violations(page: Page, **options: Any) -> list[str]:
    options = {"resultTypes": ["violations"], **options}
    found = Axe().run(page, context=ALIKE, options=options).response["violations"]
    return [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize(("name", "look"), LOOKED_AT)
def test_page_stands_still_and_is_without_violation_in_both_themes(
    open_window: OpenWindow, world: World, name: str, look: Look, phone: bool
) -> None:
    page = open_page(open_window, world, name, look, phone=phone, color_scheme="light")
    assert page.locator("h1").count() == 1
    assert read_seen(page)["shift"] == 0
    assert find_violations(page, runOnly=TAGS) == []
    page.emulate_media(color_scheme="dark")
    assert find_violations(page, runOnly=COLOURS) == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("name", "look"), LOOKED_AT)
def test_page_of_long_words_never_scrolls_sideways(
    open_window: OpenWindow, hostile_world: World, name: str, look: Look
) -> None:
    """320 pixels wide; left to right, then right to left."""
    narrow = {"viewport": {"width": 320, "height": 640}}
    page = open_page(open_window, hostile_world, name, look, phone=True, **narrow)
    assert find_overflow(page) == []
    page.context.add_cookies([{"name": "django_language", "value": "ar", "url": page.url}])
    page.reload()
    assert name in SPEAKS_ENGLISH or page.evaluate("document.documentElement.dir") == "rtl"
    assert find_overflow(page) == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("address", ["/account/login/code/", "/account/password/reset/"])
def test_code_by_mail_is_typed_where_the_focus_is_and_a_wrong_one_again(open_window: OpenWindow, address: str) -> None:
    page = open_window(phone=True, color_scheme="dark", reduced_motion="reduce").go(address)
    page.locator("input[name=email]").fill("nobody@example.org")
    for _time in range(2):
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page.locator("input[name=code]")).to_be_focused()
        assert find_violations(page, runOnly=TAGS) == []
        page.keyboard.insert_text("WRONG-CODE")
    assert find_overflow(page) == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_page_of_work_is_small_with_everything_it_loads(open_window: OpenWindow, world: World, kind: str) -> None:
    page = open_window(world.volunteer).page
    parts = weigh(page, lambda: page.goto(f"/work/{world.holds[kind]}/"))
    print(kind, sum(parts.values()), parts)
    assert len(parts) > 10
    assert sum(parts.values()) < MOST_BYTES


@pytest.mark.browser
@pytest.mark.slow
def test_static_files_are_kept_for_ever_under_names_of_their_content(open_window: OpenWindow, world: World) -> None:
    page = open_window(world.volunteer).page
    kept: dict[str, str] = {}
    page.on("response", lambda answer: kept.update({answer.url: answer.headers.get("cache-control", "")}))
    for path in ("/", f"/work/{world.holds['rank']}/", f"/campaigns/{world.slug}/"):
        page.goto(path, wait_until="networkidle")
    static = {url: control for url, control in kept.items() if "/static/" in url}
    assert len(static) > 10
    assert {url: control for url, control in static.items() if "immutable" not in control} == {}
    assert {url for url in static if not HASHED.search(url)} == set()
