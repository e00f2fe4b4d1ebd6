"""From a fresh browser to the first stored judgment, and from a guest to somebody with an account."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.browsers import Window
from tests.journeys.conftest import OpenWindow
from tests.journeys.site import Site, make_items
from tests.journeys.steps import (
    await_next,
    await_signed_in,
    find_ballot,
    find_ballots,
    number_of,
    press,
    sign_up,
    tab_to,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: The best peer needs two pages, two clicks and two fields.
MOST_PAGES, MOST_CLICKS, MOST_FIELDS = 2, 2, 0

GIVEN = """
SELECT j.id, j.is_current, a.user_id IS NOT NULL AS has_account, u.email
FROM annotate_judgment j JOIN annotate_annotator a ON a.id = j.annotator_id
  LEFT JOIN annotate_user u ON u.id = a.user_id JOIN annotate_assignment s ON s.id = j.assignment_id
  JOIN annotate_unit n ON n.id = s.unit_id JOIN annotate_queue q ON q.id = n.queue_id
  JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE c.slug = %s AND j.is_current ORDER BY j.id"""

COUNTED = """
SELECT sum(n.done) AS n FROM annotate_unit n JOIN annotate_queue q ON q.id = n.queue_id
  JOIN annotate_campaign c ON c.id = q.campaign_id WHERE c.slug = %s"""

CONSENTS = "SELECT count(*) AS n FROM annotate_consent"


def open_door(site: Site, open_window: OpenWindow, **options: object) -> tuple[Window, str]:
    """A campaign that takes guests, and a browser that has never been here."""
    slug = site.make_campaign(
        site.organizer, items=make_items(4, candidates=2), kinds=["compare", "rank"], allow_guests=True
    )
    site.forget_cached()
    return open_window(**options), slug


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_guest_gives_a_first_judgment_at_once(site: Site, open_window: OpenWindow, phone: bool) -> None:
    window, slug = open_door(site, open_window, phone=phone)
    pages: list[str] = []
    window.page.on("domcontentloaded", lambda page: pages.append(page.url))
    page = window.go("/")
    fields = page.locator("form.try :is(input:not([type=hidden], [type=checkbox]), select, textarea)").count()
    page.get_by_role("button", name="A is better").click()
    clicks = 1
    page.wait_for_url("**/work/**")
    assert len(site.query(GIVEN, slug)) == 1
    print(f"first judgment of a guest: {len(pages)} pages, {clicks} clicks, {fields} fields")
    assert len(pages) <= MOST_PAGES
    assert clicks <= MOST_CLICKS
    assert fields <= MOST_FIELDS
    assert (
        site.query(
            "SELECT count(*) AS n FROM annotate_consent c JOIN annotate_annotator a ON a.id = c.annotator_id WHERE a.user_id IS NULL"
        )[0]["n"]
        > 0
    )
    expect(page.locator(".stored")).to_be_visible()


def test_guest_goes_on_undoes_and_is_counted_once_after_signing_up(site: Site, open_window: OpenWindow) -> None:
    window, slug = open_door(site, open_window)
    page = window.go("/")
    page.get_by_role("button", name="B is better").click()
    page.wait_for_url("**/work/**")
    give(page, site)
    before = site.query(GIVEN, slug)
    assert [row["has_account"] for row in before] == [False, False]
    assert site.query(COUNTED, slug)[0]["n"] == 2
    email = f"former-guest-{next(site.numbers)}@example.org"
    sign_up(page, email)
    after = site.query(GIVEN, slug)
    assert [(row["id"], row["email"]) for row in after] == [(row["id"], email) for row in before]
    assert site.query(COUNTED, slug)[0]["n"] == 2
    expect(page.locator("h1")).to_be_visible()
    page.goto("/me/contributions/")
    assert page.locator(".lines .item").count() == 2


def test_guest_without_scripts(site: Site, open_window: OpenWindow) -> None:
    window, slug = open_door(site, open_window, java_script_enabled=False)
    page = window.go("/")
    with page.expect_navigation():
        page.get_by_role("button", name="As good as each other").click()
    assert len(site.query(GIVEN, slug)) == 1
    assert number_of(page)
    page.go_back()
    page.get_by_role("button").first.wait_for()
    assert len(site.query(GIVEN, slug)) == 1


def test_keys_alone_from_signing_up_to_judgments_of_every_kind(site: Site, open_window: OpenWindow) -> None:
    page = open_window().go("/account/signup/")
    tab_to(page, page.locator("input[name=email]"))
    page.keyboard.type(f"keys-alone-{next(site.numbers)}@example.org")
    tab_to(page, page.locator("input[name=password1]"))
    page.keyboard.type("only the keyboard here")
    tab_to(page, page.get_by_role("button", name="sign up"))
    press(page, "Enter")
    await_signed_in(page)
    for kind in ("rank", "compare", "label", "write_assistant_reply"):
        site.make_campaign(site.organizer, items=make_items(2), kinds=[kind])
        page.goto("/")
        press(page, "n")
        page.wait_for_url("**/work/**")
        assert page.locator("input[name=kind]").input_value() == kind
        answer_by_keys(page)
        site.close_campaigns()


def answer_by_keys(page: Page) -> None:
    first = number_of(page)
    kind = page.locator("input[name=kind]").input_value()
    if kind == "rank":
        press(page, "b", "a", "d", "c", "=", "-", "Enter")
    elif kind == "compare":
        press(page, "3", "Enter")
    elif kind == "label":
        for question in page.locator("fieldset[data-mandatory]").all():
            press(page, question.locator("input[data-key]").first.get_attribute("data-key") or "")
        press(page, "Enter")
    else:
        tab_to(page, page.get_by_role("textbox", name="Your reply"))
        page.keyboard.type("It is the nightingale, which sings at night.")
        tab_to(page, page.get_by_role("button", name="Submit"))
        press(page, "Enter")
    expect(page.locator(".stored")).to_be_visible()
    expect(page.locator("h1")).to_be_focused()
    page.wait_for_function("id => document.querySelector('draft-keeper')?.dataset.id != id", arg=str(first))


def give(page: Page, site: Site) -> None:
    """Answer what is on the page by pressing, take it back, and send it again."""
    first = number_of(page)
    if page.locator("input[name=kind]").input_value() == "rank":
        for letter in "ba":
            page.locator(f'.tray .tile[data-candidate="{letter}"]').click()
    else:
        page.locator("label:has(input[name=preference][value=b1])").click()
    page.get_by_role("button", name="Submit").click()
    await_next(page, first)
    stored = find_ballot(site, first)
    page.locator(".stored").get_by_role("button", name="Undo").click()
    expect(page.locator("draft-keeper")).to_have_attribute("data-id", str(first))
    assert find_ballots(site, first) == []
    page.get_by_role("button", name="Submit").click()
    await_next(page, first)
    assert find_ballot(site, first) == stored
