"""Work without scripts: the same forms, the same rows in the database, and nothing lost on the way."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site, Volunteer, make_items
from tests.journeys.steps import (
    CANNOT_TELL,
    VERDICT,
    WRITTEN,
    find_ballot,
    find_ballots,
    find_labels,
    find_state,
    number_of,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTIONS = {
    "dimensions": [
        {"name": "spam", "title": "Is it spam?", "widget": "yes_no", "mandatory": True},
        {
            "name": "quality",
            "title": "How good is it?",
            "widget": "scale",
            "anchors": [{"value": step / 4, "title": f"Step {step}"} for step in range(5)],
        },
        {"name": "rude", "title": "It is rude", "widget": "flag"},
    ]
}


def open_work(
    site: Site, open_window: OpenWindow, *kinds: str, phone: bool = False, **spec: object
) -> tuple[Page, Volunteer]:
    person = site.person()
    slug = site.make_campaign(site.organizer, items=make_items(3), kinds=list(kinds or ("rank",)), **spec)
    return open_window(person, phone=phone, java_script_enabled=False).go(person.hold(slug)), person


def choose_places(page: Page, **places: int) -> None:
    for handle, place in places.items():
        page.locator(f'select[name=tiers][data-candidate="{handle}"]').select_option(f"{handle}:{place}")


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def submit(page: Page) -> None:
    press(page, "Submit")


def choose_first(page: Page, menu: str) -> None:
    page.locator("summary", has_text=menu).click()
    with page.expect_navigation():
        page.locator("details.menu[open] button").first.click()


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_ranking_by_selects_undone_and_sent_again(site: Site, open_window: OpenWindow, phone: bool) -> None:
    page, _person = open_work(site, open_window, phone=phone)
    first = number_of(page)
    choose_places(page, a=3, b=1, c=1, d=4)
    page.locator("select[name=acceptable_tiers]").select_option("3")
    submit(page)
    assert number_of(page) != first
    assert find_ballot(site, first) == ([["b", "c"], ["a"], ["d"]], 2)
    press(page, "Undo")
    assert number_of(page) == first
    assert find_ballots(site, first) == []
    submit(page)
    assert find_ballot(site, first) == ([["b", "c"], ["a"], ["d"]], 2)


def test_empty_form_is_refused_with_everything_kept(site: Site, open_window: OpenWindow) -> None:
    page, _person = open_work(site, open_window)
    first = number_of(page)
    submit(page)
    expect(page.locator(".problems")).to_be_visible()
    choose_places(page, b=1)
    page.locator("details.reason summary").click()
    page.locator("textarea[name=rationale]").fill("b is the only one that I read")
    submit(page)
    expect(page.locator(".problems")).to_be_visible()
    assert find_state(site, first) == "live"
    assert page.locator("select[name=tiers][data-candidate=b]").input_value() == "b:1"
    assert page.locator("textarea[name=rationale]").input_value() == "b is the only one that I read"
    page.locator("input[name=rest_worse]").check()
    submit(page)
    assert find_ballot(site, first) == ([["b"], ["a", "c", "d"]], None)


def test_comparison(site: Site, open_window: OpenWindow) -> None:
    page, _person = open_work(site, open_window, "compare")
    first = number_of(page)
    shown = page.locator("input[name=shown]").input_value().split()
    page.locator("input[name=preference][value=a1]").check()
    submit(page)
    assert find_ballot(site, first) == ([[shown[0]], [shown[1]]], None)
    assert site.query(VERDICT, first) == [{"much_better": False}]


def test_labels(site: Site, open_window: OpenWindow) -> None:
    page, _person = open_work(site, open_window, "label", label_schema=QUESTIONS)
    first = number_of(page)
    page.locator('input[name="label.spam"][value=no]').check()
    page.locator('input[name="label.rude"]').check()
    submit(page)
    assert find_labels(site, first) == {"spam": 0, "rude": 1, "quality": "skipped"}


def test_reply_is_written_left_and_taken_up_again(site: Site, open_window: OpenWindow) -> None:
    page, _person = open_work(site, open_window, "write_assistant_reply")
    first = number_of(page)
    page.locator("textarea[name=text]").fill("Half a rep")
    press(page, "Save for later")
    page.goto("/")
    page.goto(f"/work/{first}/")
    assert page.locator("textarea[name=text]").input_value() == "Half a rep"
    page.locator("textarea[name=text]").fill("A whole reply.\n\nWith two paragraphs.")
    submit(page)
    assert site.query(WRITTEN, first) == [{"text": "A whole reply.\n\nWith two paragraphs.", "language": "en"}]


def test_skip_and_cannot_tell(site: Site, open_window: OpenWindow) -> None:
    page, _person = open_work(site, open_window)
    first = number_of(page)
    choose_first(page, "Skip")
    second = number_of(page)
    assert find_state(site, first) == "skipped"
    choose_first(page, "I can’t tell")
    assert number_of(page) != second
    assert site.query(CANNOT_TELL, second)[0]["cannot_tell_reason"]


def test_back_button_shows_what_is_stored_and_how_to_change_it(site: Site, open_window: OpenWindow) -> None:
    page, _person = open_work(site, open_window)
    first = number_of(page)
    choose_places(page, a=1, b=2, c=3, d=4)
    submit(page)
    page.go_back()
    expect(page.locator("main")).to_contain_text("A, then B, then C, then D")
    press(page, "Undo")
    assert number_of(page) == first
    assert find_ballots(site, first) == []


def test_same_form_sent_again_from_another_tab_is_stored_once_and_another_answer_is_shown_beside_it(
    site: Site, open_window: OpenWindow
) -> None:
    page, _person = open_work(site, open_window)
    first = number_of(page)
    same, other = page.context.new_page(), page.context.new_page()
    for tab in (page, same, other):
        tab.goto(f"/work/{first}/")
        choose_places(tab, a=1, b=2, c=3, d=4)
    choose_places(other, a=4, d=1)
    for tab in (page, same, other):
        submit(tab)
    assert find_ballot(site, first) == ([["a"], ["b"], ["c"], ["d"]], None)
    assert number_of(same) == number_of(page) != first
    expect(other.locator("main")).to_contain_text("What you sent now")
