"""The ranking widget in a real browser: keys, taps, drags and selects make the same ballot, and nothing is lost or moves."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.widget_browser import WANTED, Desk, center, drag, fields, press, said, tile, wait_until
from tests.web.widget_pages import make_work

pytestmark = pytest.mark.browser


def test_keys_make_a_ballot(desk: Desk):
    page = desk.open()
    press(page, "a", "b", "c", "=", "-", "d")
    assert fields(page) == WANTED
    assert said(page) == "D is 3rd, not acceptable. All have a place."
    assert page.get_attribute(".say", "role") == "status"
    press(page, "u")
    assert page.locator(".pool .tile").count() == 1
    assert said(page) == "Undone. A, then B and C. Acceptable: A, B, and C."
    press(page, "4")
    assert fields(page) == WANTED
    press(page, "Enter")
    page.wait_for_selector(".stored")
    assert desk.sent == [WANTED]
    assert desk.errors == []


def test_arrows_move_past_ties_and_the_line(desk: Desk):
    page = desk.open()
    press(page, "a", "b", "c", "=", "-", "d", "ArrowUp")
    assert fields(page)[-1] == ["acceptable_tiers", "3"]
    press(page, "ArrowUp")
    assert fields(page)[:4] == [["tiers", "a:1"], ["tiers", "b:3"], ["tiers", "c:3"], ["tiers", "d:2"]]
    press(page, "u", "u")
    assert fields(page) == WANTED
    assert [[press(page, "-"), fields(page)[-1][1]][1] for _ in range(4)] == ["1", "0", "3", "2"]
    press(page, "Shift+B")
    assert fields(page)[-1] == ["acceptable_tiers", "1"]
    press(page, "d", "Backspace")
    assert said(page) == "D has no place now. Left: D."


def test_arrow_keys_pick_the_neighbour_and_escape_lets_go(desk: Desk):
    page = desk.open()
    press(page, "a", "ArrowRight")
    assert page.get_attribute(".tray .tile:has-text('B')", "aria-pressed") == "true"
    assert said(page) == "B: no place yet."
    press(page, "Escape")
    assert page.locator("[aria-pressed=true]").count() == 0


def test_drags_make_the_same_ballot(desk: Desk):
    page = desk.open()
    rows = page.locator(".tier")
    drag(page, page.locator('.card .tile:has-text("A")'), center(rows.nth(0)))
    drag(page, tile(page, "B"), center(rows.nth(1)))
    drag(page, tile(page, "C"), center(rows.nth(1)))  # onto B: a tie
    box = rows.nth(1).bounding_box()
    assert box is not None
    drag(page, page.locator(".bar"), (center(page.locator(".bar"))[0], box["y"] + box["height"] - 6))
    drag(page, tile(page, "D"), center(rows.nth(3)))
    assert fields(page) == WANTED
    box = rows.nth(0).bounding_box()
    assert box is not None
    drag(page, tile(page, "D"), (box["x"] + 100, box["y"] + 5))  # near the edge: a tier of its own
    assert ["tiers", "d:1"] in fields(page)
    drag(page, tile(page, "D"), center(page.locator(".pool")))
    assert page.locator(".pool .tile").count() == 1
    assert page.locator(".ghost").count() == 0
    assert desk.errors == []


def test_taps_on_a_phone_make_the_same_ballot(desk: Desk):
    page = desk.open_phone()
    for letter in "ABC":
        tile(page, letter).tap()
    page.tap(".thumb [data-act=tie]")
    page.tap(".bar")
    tile(page, "D").tap()
    assert fields(page) == WANTED
    page.wait_for_selector(".letters a:nth-child(4)[aria-current]")
    wait_until(page, "Math.round(document.querySelector('.cards').scrollLeft) === 390 * 3")
    submit = page.locator(".thumb .main").bounding_box()
    assert submit is not None
    assert submit["height"] >= 48
    assert 844 - 160 < submit["y"] < 844 - 48
    page.tap(".letters a:nth-child(2)")
    page.wait_for_selector(".letters a:nth-child(2)[aria-current]")
    page.tap(".thumb .main")
    page.wait_for_selector(".stored")
    assert desk.sent == [WANTED]


def test_drags_on_a_phone_make_the_same_ballot(desk: Desk):
    page = desk.open_phone()
    for letter in "ABCD":
        tile(page, letter).tap()
    drag(page, tile(page, "C"), center(tile(page, "B")))
    x, y = center(tile(page, "C"))
    drag(page, page.locator(".bar"), (x + 14, y))
    assert fields(page) == WANTED


def test_drags_work_from_right_to_left(desk: Desk):
    page = desk.open_phone()
    page.evaluate("document.documentElement.dir = 'rtl'")
    for letter in "ABCD":
        tile(page, letter).tap()
    drag(page, tile(page, "C"), center(tile(page, "B")))
    x, y = center(tile(page, "C"))
    drag(page, page.locator(".bar"), (x - 14, y))
    assert fields(page) == WANTED


def test_selects_make_the_same_ballot_without_scripts(desk: Desk):
    page = desk.open(java_script_enabled=False)
    assert not page.is_visible(".tiers")
    for key, tier in (("a", "1"), ("b", "2"), ("c", "2"), ("d", "3")):
        page.select_option(f"select[data-candidate={key}]", f"{key}:{tier}")
    page.select_option("select[name=acceptable_tiers]", "2")
    with page.expect_navigation():
        page.click(".thumb .main")
    assert desk.sent == [WANTED]


def test_agreeing_without_scripts_is_a_button_of_its_own(desk: Desk):
    page = desk.open(java_script_enabled=False)
    with page.expect_navigation():
        page.click(".agree")
    assert desk.sent == [[["tiers", ""]] * 4 + [["acceptable_tiers", ""], ["agree", "1"]]]


def test_tabs_lead_to_the_replies_without_scripts(desk: Desk):
    page = desk.open_phone(java_script_enabled=False)
    page.tap(".letters a:nth-child(3)")
    wait_until(page, "(top => 0 <= top && top < 200)(document.querySelector('#reply-c').getBoundingClientRect().top)")


def test_two_replies_are_read_at_a_time_where_there_is_room(desk: Desk):
    page = desk.open(width=900, height=1000)
    press(page, "d")
    page.wait_for_timeout(200)  # the strip has settled at C and D
    expect(page.locator(".letters [aria-current]")).to_have_text(["D1st"])
    page.evaluate("document.querySelector('.cards').scrollTo(0, 0)")
    expect(page.locator(".letters [aria-current]")).to_have_text(["A–"])


def test_agreeing_places_all_in_the_order_shown_and_sends_nothing(desk: Desk):
    page = desk.open()
    press(page, "o")
    assert fields(page) == [["tiers", f"{key}:{tier}"] for tier, key in enumerate("abcd", 1)] + [
        ["acceptable_tiers", ""]
    ]
    assert page.is_disabled(".agree")
    assert desk.sent == []
    press(page, "u")
    assert page.is_enabled(".agree")
    press(page, "c", "o")  # something has a place: nothing to agree with any more
    assert fields(page)[:4] == [["tiers", ""], ["tiers", ""], ["tiers", "c:1"], ["tiers", ""]]


def test_an_untouched_form_is_not_sent(desk: Desk):
    page = desk.open()
    press(page, "Enter")
    assert said(page) == ("Not sent: nothing has a place yet. Place the letters, best first, or agree with this order.")
    press(page, "c", "Enter")
    assert said(page) == "Not sent. No place yet: A, B, and D. Place what is left, or press “Rest worse”."
    assert desk.sent == []


def test_the_best_few_and_the_rest_is_worse(desk: Desk):
    page = desk.open()
    press(page, "c", "r")
    assert said(page) == "C, then A, B, and D. All have a place."
    press(page, "Enter")
    page.wait_for_selector(".stored")
    assert desk.sent == [
        [["tiers", ""], ["tiers", ""], ["tiers", "c:1"], ["tiers", ""], ["acceptable_tiers", ""], ["rest_worse", "1"]]
    ]


def test_the_rest_is_an_order_once_somebody_orders_it(desk: Desk):
    page = desk.open()
    press(page, "c", "r", "a", "ArrowDown")
    assert fields(page) == [
        ["tiers", "a:3"], ["tiers", "b:2"], ["tiers", "c:1"], ["tiers", "d:2"], ["acceptable_tiers", ""],
    ]  # fmt: skip


def test_all_bad_is_a_tie_below_the_line(desk: Desk):
    page = desk.open()
    press(page, "x")
    assert fields(page) == [["tiers", f"{key}:1"] for key in "abcd"] + [["acceptable_tiers", "0"]]
    assert said(page) == "None is acceptable."


def test_eight_replies_have_letters_and_digits_of_their_own(desk: Desk):
    page = desk.open(context={"work": make_work(n=8)})
    press(page, "h", "g", "f", "e", "4", "3", "2", "1", "-")
    assert fields(page) == [["tiers", f"{key}:{8 - i}"] for i, key in enumerate("abcdefgh")] + [
        ["acceptable_tiers", "8"]
    ]
    acting = page.evaluate("[...document.querySelectorAll('[data-key]')].flatMap((el) => el.dataset.key.split(' '))")
    assert sorted(acting) == sorted({*acting})  # no key means two things
    press(page, "Enter")
    page.wait_for_selector(".stored")
    assert len(desk.sent) == 1


@pytest.mark.parametrize("width", [320, 390])
def test_eight_replies_fit_a_phone(desk: Desk, width: int):
    page = desk.open_phone(width=width, context={"work": make_work(n=8)})
    for letter in "ABCDEFGH":
        tile(page, letter).tap()
    page.tap(".bar")
    boxes = [tile(page, letter).bounding_box() for letter in "ABCDEFGH"]
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= width and box["width"] >= 24 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_capital_needs_shift_and_another_script_works_by_place(desk: Desk):
    page = desk.open()
    page.evaluate("""for (const [key, code] of [["B", "KeyB"], ["ф", "KeyA"], ["ش", "KeyC"]])
      document.body.dispatchEvent(new KeyboardEvent("keydown", {key, code, bubbles: true}))""")
    assert fields(page)[:3] == [["tiers", "a:2"], ["tiers", "b:1"], ["tiers", "c:3"]]


def test_keys_do_nothing_while_typing_or_under_help(desk: Desk):
    page = desk.open()
    page.click(".reason summary")
    page.focus("textarea")
    page.keyboard.type("abcd=-s?u")
    page.keyboard.press("Enter")
    assert page.locator(".pool .tile").count() == 4
    assert not page.is_visible("#help")
    page.evaluate("document.activeElement.blur()")
    press(page, "?")
    assert page.is_visible("#help")
    press(page, "a", "Enter")  # closes: the focus is on Close
    assert page.locator(".pool .tile").count() == 4
    assert desk.sent == []


def test_skip_sends_a_reason_and_needs_no_ranking(desk: Desk):
    page = desk.open()
    press(page, "s")
    assert page.is_visible("text=Why skip it?")
    with page.expect_request("**/work/7/submit/") as asked:
        page.click("text=Not my topic")
    assert "skip_reason=not_my_topic" in (asked.value.post_data or "")
    page.wait_for_selector(".stored")


def test_cannot_tell_needs_no_ranking(desk: Desk):
    page = desk.open()
    press(page, "t")
    wait_until(page, "document.activeElement.name === 'cannot_tell_reason'")
    press(page, "ArrowDown", "Enter")
    page.wait_for_selector(".stored")
    assert desk.sent[0][-1] == ["cannot_tell_reason", "all_alike"]


def test_the_next_work_arrives_at_its_heading_with_undo(desk: Desk):
    page = desk.open()
    page.evaluate("scrollTo(0, 400)")
    press(page, "a", "b", "c", "=", "-", "d", "Enter")
    page.wait_for_selector(".stored")
    wait_until(page, "document.activeElement.tagName === 'H1' && scrollY === 0")
    assert page.locator(".pool .tile").count() == 4
    assert page.get_attribute("draft-keeper", "data-id") == "8"
    press(page, "u")  # nothing to undo in the new one: the stored one
    page.wait_for_selector(".tier .tile")
    assert fields(page) == WANTED
    assert desk.errors == []


def test_undo_of_the_stored_one_keeps_off_once_the_new_one_is_touched(desk: Desk):
    page = desk.open()
    press(page, "a", "b", "c", "d", "Enter")
    page.wait_for_selector(".stored")
    press(page, "a", "u", "u")
    assert page.get_attribute("draft-keeper", "data-id") == "8"
    assert page.is_visible(".stored button")


def test_a_double_click_sends_once(desk: Desk):
    page = desk.open()
    press(page, "a", "b", "c", "d")
    page.dblclick(".thumb .main")
    page.wait_for_selector(".stored")
    page.wait_for_timeout(200)
    assert len(desk.sent) == 1


def test_a_draft_is_drawn_as_it_was_without_a_shift(desk: Desk):
    work = make_work(acceptable_tiers=2)
    for candidate, place in zip(work["candidates"], (1, 2, 2, 3), strict=True):
        candidate["place"] = place
    page = desk.open(context={"work": work})
    assert fields(page) == WANTED
    assert page.inner_text(".card[data-candidate=b] .state") == "2nd, tied with C\nAcceptable"
    shown = page.evaluate(
        "[...document.querySelectorAll('.tiers > li')].map((li) => li.matches('.bar') ? '|' : li.querySelector('.slots').textContent)"
    )
    assert shown == ["A", "BC", "|", "D", ""]


def test_a_draft_with_a_rest_is_drawn_with_it(desk: Desk):
    work = make_work(acceptable_tiers=1, rest_worse=True)
    work["candidates"][2]["place"] = 1
    page = desk.open(context={"work": work})
    assert said(page) == "C, then A, B, and D. Acceptable: C. Not acceptable: A, B, and D. All have a place."


def test_controls_name_their_candidate(desk: Desk):
    page = desk.open()
    page.click("role=button[name='Move B down']")
    assert fields(page)[1] == ["tiers", "b:1"]
    page.click("role=button[name='Tie C with the one above']")
    assert fields(page)[2] == ["tiers", "c:1"]
    names = page.evaluate(
        "[...document.querySelectorAll('.thumb .moves button')].map((b) => b.getAttribute('aria-label'))"
    )
    assert names == ["Move C up", "Tie C with the one above", "Move C down"]


def test_the_line_is_a_slider_and_focus_stays(desk: Desk):
    page = desk.open()
    press(page, "a", "b")
    page.focus("[role=slider]")
    press(page, "ArrowUp", "ArrowUp")
    assert fields(page)[-1] == ["acceptable_tiers", "1"]
    assert page.get_attribute("[role=slider]", "aria-valuetext") == "Acceptable: A. Not acceptable: B."
    assert page.evaluate("document.activeElement.getAttribute('role')") == "slider"
    tile(page, "C").focus()
    press(page, "Space")
    assert page.evaluate("document.activeElement.textContent") == "C"


def test_the_frame_stands_still(desk: Desk):
    page = desk.open()
    page.evaluate(
        "window.cls = 0; new PerformanceObserver((l) => { for (const e of l.getEntries()) cls += e.value })"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.wait_for_timeout(300)
    assert page.evaluate("cls") == 0
    places = "[...document.querySelectorAll('.thumb .main, .cards, .outs, .shelf')].map((el) => Math.round(el.getBoundingClientRect().top))"
    before = page.evaluate(places)
    for key in ("a", "b", "c", "=", "-", "d", "x", "u", "r"):
        press(page, key)
        assert page.evaluate(places) == before
