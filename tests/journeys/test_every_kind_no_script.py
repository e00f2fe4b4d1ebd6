"""Every kind of work where trees grow, without scripts: the same forms and the same rows."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys import growth
from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site
from tests.journeys.steps import find_ballot, find_labels, number_of
from tests.journeys.test_every_kind import SIGNALS, TEXTS, area, find_texts

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def open_page(site: Site, open_window: OpenWindow, slug: str, *kinds: str) -> Page:
    person = site.person()
    number = growth.hold(person, slug, *kinds)
    return open_window(person, phone=True, java_script_enabled=False).go(f"/work/{number}/")


def send(page: Page, name: str = "Submit") -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


@pytest.mark.parametrize("kind", list(TEXTS))
def test_text_is_left_taken_up_again_stored_and_taken_back(site: Site, open_window: OpenWindow, kind: str) -> None:
    page = open_page(site, open_window, growth.open_kind(site, kind), kind)
    work = number_of(page)
    for name, text in TEXTS[kind].items():
        area(page, name).fill(text)
    send(page, "Save for later")
    page.goto("/")
    page.goto(f"/work/{work}/")
    for name, text in TEXTS[kind].items():
        expect(area(page, name)).to_have_value(text)
    send(page)
    assert find_texts(site, kind, work) == [TEXTS[kind]]
    assert site.query(SIGNALS, work)[0]["signals"] is None
    send(page, "Undo")
    assert number_of(page) == work
    for name, text in TEXTS[kind].items():
        expect(area(page, name)).to_have_value(text)


def test_half_a_pair_is_refused_with_the_half_that_is_there(site: Site, open_window: OpenWindow) -> None:
    page = open_page(site, open_window, growth.open_kind(site, "write_pair"), "write_pair")
    area(page, "prompt").fill("How do owls turn their heads?")
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("A pair has a prompt and its reply")
    expect(area(page, "prompt")).to_have_value("How do owls turn their heads?")
    expect(area(page, "reply")).to_have_attribute("aria-invalid", "true")


def test_advice_comes_by_a_button_with_all_that_was_typed(site: Site, open_window: OpenWindow) -> None:
    page = open_page(site, open_window, growth.open_kind(site, "write_prompt"), "write_prompt")
    text = "Warum singen die Rotkehlchen auch im Winter, wenn es draußen kalt ist und schneit?"
    area(page, "text").fill(text)
    send(page, "Check language and repeats")
    expect(page.locator("#checked")).to_contain_text("This looks like Deutsch.")
    expect(page.locator("#checked")).to_be_in_viewport()
    expect(area(page, "text")).to_have_value(text)


def test_conversation_is_finished_by_a_button(site: Site, open_window: OpenWindow) -> None:
    slug = growth.open_kind(site, "write_prompter_reply")
    page = open_page(site, open_window, slug, "write_prompter_reply")
    work = number_of(page)
    send(page, "The conversation is finished")
    assert site.query(SIGNALS, work)[0]["ends_thread"] is True


def test_review_is_given(site: Site, open_window: OpenWindow) -> None:
    page = open_page(site, open_window, growth.open_review(site), "label")
    work = number_of(page)
    page.locator('input[name="label.spam"][value=no]').check()
    page.locator('input[name="label.lang_mismatch"]').check()
    send(page)
    found = find_labels(site, work)
    assert (found["spam"], found["lang_mismatch"], found["quality"]) == (0, 1, "skipped")


def test_prompts_are_put_in_order(site: Site, open_window: OpenWindow) -> None:
    page = open_page(site, open_window, growth.open_order_of_prompts(site), "rank")
    work = number_of(page)
    for handle, place in {"a": 2, "b": 1}.items():
        page.locator(f'select[name=tiers][data-candidate="{handle}"]').select_option(f"{handle}:{place}")
    send(page)
    assert find_ballot(site, work) == ([["b"], ["a"]], None)
