"""Work with scripts: keys, taps, and what is stored of them; each kind is acted, stored, taken back and found again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site, Volunteer, make_items
from tests.journeys.steps import (
    CANNOT_TELL,
    VERDICT,
    WRITTEN,
    await_next,
    find_ballot,
    find_ballots,
    find_labels,
    find_state,
    number_of,
    press,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIVE = [{"value": step / 4, "title": f"Step {step}"} for step in range(5)]
QUESTIONS = {
    "dimensions": [
        {"name": "spam", "title": "Is it spam?", "widget": "yes_no", "mandatory": True},
        *(
            {"name": name, "title": f"How much {name}?", "widget": "scale", "anchors": FIVE}
            for name in ("quality", "creativity", "humor")
        ),
    ]
}


def open_work(site: Site, open_window: OpenWindow, *kinds: str, phone: bool = False, **spec: object) -> Page:
    """A page of work of somebody new in a campaign of these kinds."""
    person = site.person()
    slug = site.make_campaign(site.organizer, items=make_items(3), kinds=list(kinds or ("rank",)), **spec)
    return open_window(person, phone=phone).go(person.hold(slug))


def undo(page: Page, first: int) -> None:
    """What was just stored is taken back, and its form stands as it was sent."""
    press(page, "u")
    expect(page.locator("draft-keeper")).to_have_attribute("data-id", str(first))
    expect(page.locator("h1")).to_be_focused()


def test_keys_alone_rank_submit_undo_and_submit_again(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window)
    first = number_of(page)
    press(page, "c", "a", "b", "=", "-", "d", "Enter")
    await_next(page, first)
    assert find_ballot(site, first) == ([["c"], ["a", "b"], ["d"]], 2)
    undo(page, first)
    assert find_ballots(site, first) == []
    press(page, "Enter")
    await_next(page, first)
    assert find_ballot(site, first) == ([["c"], ["a", "b"], ["d"]], 2)


def test_taps_on_a_phone_rank_and_undo(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window, phone=True)
    first = number_of(page)
    for letter in "bdac":
        page.locator(f'.tray .tile[data-candidate="{letter}"]').tap()
    page.get_by_role("button", name="All bad").tap()
    page.get_by_role("button", name="Submit").tap()
    await_next(page, first)
    assert find_ballot(site, first) == ([["b"], ["d"], ["a"], ["c"]], 0)
    page.locator(".stored").get_by_role("button", name="Undo").tap()
    expect(page.locator("draft-keeper")).to_have_attribute("data-id", str(first))
    assert find_ballots(site, first) == []


def test_eight_candidates_keep_their_letters(site: Site, open_window: OpenWindow) -> None:
    person = site.person()
    slug = site.make_campaign(site.organizer, items=make_items(1, candidates=8), candidates_shown=8)
    page = open_window(person).go(person.hold(slug))
    first = number_of(page)
    press(page, *"hgfedcba", "-", "Enter")
    expect(page.locator(".stored")).to_be_visible()
    assert find_ballot(site, first) == ([[letter] for letter in "hgfedcba"], 8)


def test_untouched_ranking_is_refused_in_words_and_agreeing_is_an_act(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window)
    first = number_of(page)
    press(page, "Enter")
    expect(page.locator(".tray .say")).to_contain_text("Not sent")
    assert find_state(site, first) == "live"
    press(page, "o", "Enter")
    await_next(page, first)
    assert find_ballot(site, first) == ([["a"], ["b"], ["c"], ["d"]], None)


def test_half_a_ranking_is_refused_and_the_rest_can_be_worse(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window)
    first = number_of(page)
    press(page, "c", "Enter")
    expect(page.locator(".tray .say")).to_contain_text("Not sent")
    press(page, "r", "Enter")
    await_next(page, first)
    assert find_ballot(site, first) == ([["c"], ["a", "b", "d"]], None)


def test_comparison_by_keys(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window, "compare")
    first = number_of(page)
    press(page, "Enter")
    expect(page.locator(".say.is-wrong")).to_contain_text("Not sent")
    shown = page.locator("input[name=shown]").input_value().split()
    press(page, "4", "x", "Enter")
    await_next(page, first)
    tiers, bar = find_ballot(site, first)
    assert (tiers, bar) == ([[shown[1]], [shown[0]]], 0)
    assert site.query(VERDICT, first) == [{"much_better": True}]
    undo(page, first)
    assert page.locator("input[name=preference]:checked").input_value() == "b2"
    assert page.locator("input[name=both_bad]").is_checked()


def test_label_by_keys_keeps_open_not_applicable_and_lowest_apart(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window, "label", label_schema=QUESTIONS)
    first = number_of(page)
    press(page, "Enter")
    expect(page.locator(".say.is-wrong")).to_contain_text("Not sent")
    given = {"spam": "no", "quality": "0", "creativity": "na"}
    for name, value in given.items():
        key = page.locator(f'input[name="label.{name}"][value="{value}"]').get_attribute("data-key")
        assert key
        press(page, key)
    press(page, "Enter")
    await_next(page, first)
    assert find_labels(site, first) == {"spam": 0, "quality": 0, "creativity": "not_applicable", "humor": "skipped"}
    undo(page, first)
    for name, value in given.items():
        assert page.locator(f'input[name="label.{name}"]:checked').input_value() == value
    assert page.locator('input[name="label.humor"]:checked').count() == 0


def test_reply_is_written_previewed_stored_and_found_again(site: Site, open_window: OpenWindow) -> None:
    text = "Put **more** water in.\n\n- rinse it\n- wait\n\n<script>alert(1)</script>"
    page = open_work(site, open_window, "write_assistant_reply")
    first = number_of(page)
    area = page.get_by_role("textbox", name="Your reply")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".say.is-wrong")).to_contain_text("Not sent")
    expect(area).to_be_focused()
    area.type(text)
    page.get_by_role("tab", name="Preview").click()
    expect(page.locator("#pane-p-text strong")).to_have_text("more")
    assert page.locator("#pane-p-text script").count() == 0
    page.get_by_role("tab", name="Write").click()
    page.get_by_role("button", name="Submit").click()
    await_next(page, first)
    assert site.query(WRITTEN, first) == [{"text": text, "language": "en"}]
    undo(page, first)
    assert area.input_value() == text


def test_skip_and_cannot_tell_by_keys(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window)
    first = number_of(page)
    press(page, "s")
    press(page, "Enter")
    second = await_next(page, first)
    assert find_state(site, first) == "skipped"
    press(page, "t")
    expect(page.locator("details.menu[open]")).to_be_visible()
    page.locator("details.menu[open] button").first.click()
    await_next(page, second)
    assert site.query(CANNOT_TELL, second)[0]["cannot_tell_reason"]
    assert find_ballots(site, second) == []


def test_keys_are_letters_again_while_typing(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window)
    first = number_of(page)
    press(page, "c", "a", "b", "d")
    page.locator("details.reason summary").click()
    why = page.locator("textarea[name=rationale]")
    why.type("abc: a bad one; s? u - =")
    assert why.input_value() == "abc: a bad one; s? u - ="
    page.get_by_role("button", name="Submit").click()
    await_next(page, first)
    assert find_ballots(site, first)[0]["rationale"] == "abc: a bad one; s? u - ="
    assert find_ballot(site, first)[0] == [["c"], ["a"], ["b"], ["d"]]


def test_double_click_on_submit_stores_once_and_takes_one_next(site: Site, open_window: OpenWindow) -> None:
    person = site.person()
    slug = site.make_campaign(site.organizer, items=make_items(3))
    page = open_window(person).go(person.hold(slug))
    first = number_of(page)
    press(page, "a", "b", "c", "d")
    page.get_by_role("button", name="Submit").dblclick()
    await_next(page, first)
    page.wait_for_load_state("networkidle")
    assert find_ballot(site, first) == ([["a"], ["b"], ["c"], ["d"]], None)
    assert count_holds(site, person) == {"submitted": 1, "live": 1}


def test_help_shows_every_key_of_its_page(site: Site, open_window: OpenWindow) -> None:
    page = open_work(site, open_window)
    press(page, "?")
    expect(page.locator("#help")).to_be_visible()
    assert page.locator("#help kbd").count() > 10
    press(page, "Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_nothing_left_says_why_and_what_to_do(site: Site, open_window: OpenWindow) -> None:
    person = site.person()
    slug = site.make_campaign(site.organizer, items=make_items(1))
    page = open_window(person).go(person.hold(slug))
    press(page, "o", "Enter")
    expect(page.locator("draft-keeper")).to_have_count(0)
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator(".stored")).to_contain_text(re.compile("stored|Stored|counted", re.IGNORECASE))
    assert page.locator("main a, main button").count() > 1


def count_holds(site: Site, person: Volunteer) -> dict[str, int]:
    rows = site.query(
        """SELECT s.state, count(*) AS n FROM annotate_assignment s JOIN annotate_annotator a ON a.id = s.annotator_id
           JOIN annotate_user u ON u.id = a.user_id WHERE u.email = %s GROUP BY 1""",
        person.email,
    )
    return {row["state"]: row["n"] for row in rows}
