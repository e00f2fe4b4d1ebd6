"""Drafts in a real browser against answers of every kind: nothing typed is lost, and nothing is said to be saved that is not."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Page

from tests.web.widget_browser import Desk, answer_with, fields, press, wait_until
from tests.web.widget_pages import conflict_answer, make_work

pytestmark = pytest.mark.browser

DRAFT = "**/work/7/draft/"
SAVED = json.dumps({"draft_version": 1, "lease_seconds_left": 1800, "state": "live"})
#: Key by key, as fast as on a machine that does nothing else.
TYPE = """text => {
  const area = document.querySelector('textarea[name=text]');
  for (const character of text) {
    area.value += character;
    area.dispatchEvent(new Event('input', {bubbles: true}));
  }
}"""
COPY = "JSON.parse(localStorage.getItem('chorus:draft:7'))"


def write_page(desk: Desk, **work: Any) -> Page:
    return desk.open(context={"work": make_work("write_assistant_reply", **work)})


def type_text(page: Page, text: str) -> None:
    """All of it in one change: on a busy machine keys one by one may be far enough apart to be saved one by one."""
    page.fill("textarea[name=text]", text)


def saved_line(page: Page) -> str:
    return page.inner_text("saved-line")


def notice(page: Page, name: str) -> str:
    box = page.locator(f".notices [data-name={name}] p")
    box.wait_for()
    return box.inner_text()


def test_a_change_is_saved_with_the_version_it_was_made_on(desk: Desk):
    page = write_page(desk, draft_version=4)
    carried = answer_with(page, DRAFT, body=SAVED.replace("1,", "5,", 1))
    type_text(page, "Soak them.")
    page.wait_for_selector("saved-line[data-state=saved]")
    assert re.fullmatch(r"Saved (just now|\d+ s ago)", saved_line(page))
    form = dict(parse_qsl(carried[-1]))
    assert (form["text"], form["language"], form["draft_version"]) == ("Soak them.", "en", "4")
    assert page.input_value("[name=draft_version]") == "5"
    assert page.evaluate(COPY) is None


def test_changes_close_together_are_saved_once(desk: Desk):
    page = write_page(desk)
    carried = answer_with(page, DRAFT, body=SAVED)
    page.evaluate(TYPE, "Ten keys..")
    page.wait_for_selector("saved-line[data-state=saved]")
    assert [dict(parse_qsl(one))["text"] for one in carried] == ["Ten keys.."]


def test_a_ranking_is_saved_and_undone(desk: Desk):
    page = desk.open()
    carried = answer_with(page, DRAFT, body=SAVED)
    press(page, "c")
    page.wait_for_selector("saved-line[data-state=saved]")
    assert ("tiers", "c:1") in parse_qsl(carried[-1])
    press(page, "u")
    wait_until(page, "document.querySelector('saved-line').dataset.state === 'saving'")
    page.wait_for_selector("saved-line[data-state=saved]")
    assert ("tiers", "c:1") not in parse_qsl(carried[-1])


def test_looking_elsewhere_saves_at_once(desk: Desk):
    page = write_page(desk)
    carried = answer_with(page, DRAFT, body=SAVED)
    type_text(page, "x")
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    wait_until(page, "document.querySelector('[name=draft_version]').value === '1'")
    assert len(carried) == 1


def test_without_a_connection_the_text_is_kept_here_and_saved_when_it_is_back(desk: Desk):
    page = write_page(desk)
    page.context.set_offline(True)
    type_text(page, "On a train.")
    assert notice(page, "draft") == (
        "No connection. Your answer is kept in this browser and saved when the connection is back."
    )
    assert saved_line(page) == "Kept in this browser"
    assert ["text", "On a train."] in page.evaluate(COPY)["fields"]
    page.context.set_offline(False)
    page.wait_for_selector("saved-line[data-state=saved]")
    assert page.locator(".notices [data-name=draft]").count() == 0
    assert page.evaluate(COPY) is None


def test_a_site_that_does_not_answer_is_asked_again(desk: Desk):
    page = write_page(desk)
    answer_with(page, DRAFT, status=503, body="<p>Away</p>", kind="text/html")
    type_text(page, "Patience.")
    assert notice(page, "draft").startswith("The site does not answer just now.")
    page.unroute(DRAFT)
    answer_with(page, DRAFT, body=SAVED)
    page.wait_for_selector("saved-line[data-state=saved]")


def test_text_is_brought_back_from_this_browser_after_a_crash(desk: Desk):
    page = write_page(desk)
    page.context.set_offline(True)
    type_text(page, "Before the crash.")
    notice(page, "draft")
    page.route(DRAFT, lambda route: route.abort())
    page.context.set_offline(False)
    page.reload()
    assert page.input_value("textarea[name=text]") == "Before the crash."
    assert notice(page, "restored") == "Your answer was brought back from this browser."
    page.unroute(DRAFT)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_selector("saved-line[data-state=saved]")
    assert page.evaluate(COPY) is None


def test_a_ranking_is_brought_back_into_the_widget(desk: Desk):
    page = desk.open()
    page.route(DRAFT, lambda route: route.abort())
    press(page, "b", "a", "r", "-")
    held = fields(page)
    notice(page, "draft")
    page.reload()
    assert fields(page) == held
    assert page.locator(".tier .tile").all_inner_texts() == ["B", "A", "C", "D"]


def test_labels_are_brought_back_with_what_was_left_open(desk: Desk):
    page = desk.open(context={"work": make_work("label")})
    page.route(DRAFT, lambda route: route.abort())
    press(page, "1", "e", "m", "6")  # m takes back the stored "not applicable"
    held = fields(page)
    assert held == [["label.spam", "no"], ["label.answers", "0.5"], ["label.pii", "yes"]]
    notice(page, "draft")
    page.reload()
    assert fields(page) == held


def test_who_was_signed_out_is_told_and_led_back(desk: Desk):
    page = write_page(desk)
    answer_with(page, DRAFT, status=401, body="{}")
    type_text(page, "Still mine.")
    assert notice(page, "draft") == "You were signed out. Your answer is kept in this browser; sign in and it is back."
    assert page.get_attribute(".notices [data-name=draft] a", "href") == "/account_login/?next=%2Fwork%2F7%2F"
    assert ["text", "Still mine."] in page.evaluate(COPY)["fields"]
    assert page.input_value("textarea[name=text]") == "Still mine."


def test_a_page_too_old_to_save_from_is_loaded_again_with_its_text(desk: Desk):
    page = write_page(desk)
    refusal = '<div id="refusal" data-code="csrf_failed"><p>Too old.</p></div>'
    answer_with(page, DRAFT, status=403, body=refusal, kind="text/html")
    type_text(page, "From yesterday.")
    assert notice(page, "draft").startswith("This page is too old to save from.")
    page.unroute(DRAFT)
    page.click(".notices [data-name=draft] a")
    page.wait_for_selector("saved-line[data-state=saved]")
    assert page.input_value("textarea[name=text]") == "From yesterday."


@pytest.mark.parametrize("answer", [
    ("application/json", json.dumps({"code": "already_submitted", "message": "This work is already submitted."})),
    ("text/html", '<div id="refusal" data-code="already_submitted"><p>This work is already submitted.</p></div>'),
])  # fmt: skip
def test_a_refusal_is_said_in_the_servers_words(desk: Desk, answer: tuple[str, str]):
    page = write_page(desk)
    answer_with(page, DRAFT, status=409, body=answer[1], kind=answer[0])
    type_text(page, "Too late.")
    assert notice(page, "draft") == "This work is already submitted."
    assert ["text", "Too late."] in page.evaluate(COPY)["fields"]


def conflict(desk: Desk) -> tuple[Page, list[str]]:
    page = write_page(desk)
    answer_with(page, DRAFT, status=409, body=conflict_answer())
    type_text(page, "Written here.")
    page.wait_for_selector("dialog.conflict-pop[open]")
    assert page.locator(".own").all_inner_texts() == ["Written over there.", "Written here."]
    page.unroute(DRAFT)
    return page, answer_with(page, DRAFT, body=SAVED)


def test_two_devices_see_both_texts_and_one_is_kept(desk: Desk):
    page, carried = conflict(desk)
    page.click("[data-take=yours]")
    page.wait_for_selector("saved-line[data-state=saved]")
    form = dict(parse_qsl(carried[-1]))
    assert (form["text"], form["draft_version"]) == ("Written here.", "5")


def test_two_texts_can_be_put_together(desk: Desk):
    page, carried = conflict(desk)
    page.click("[data-take=both]")
    page.wait_for_selector("saved-line[data-state=saved]")
    assert dict(parse_qsl(carried[-1]))["text"] == "Written over there.\n\nWritten here."


def test_the_other_text_can_be_taken(desk: Desk):
    page, carried = conflict(desk)
    with page.expect_navigation():
        page.click("[data-take=theirs]")
    assert page.input_value("textarea[name=text]") == ""  # as the server's page has it
    assert page.evaluate(COPY) is None
    assert carried == []


def test_two_devices_that_say_the_same_are_not_asked(desk: Desk):
    page = write_page(desk)
    alike = json.loads(conflict_answer().replace("Written over there.", "Written here."))
    answer_with(page, DRAFT, status=409, body=json.dumps(alike))
    type_text(page, "Written here.")
    wait_until(page, "document.querySelector('[name=draft_version]').value === '5'")
    assert page.locator("dialog.conflict-pop").count() == 0


def test_a_submit_without_a_connection_keeps_everything_and_says_so(desk: Desk):
    page = write_page(desk)
    type_text(page, "Sent from a tunnel.")
    page.wait_for_selector("saved-line[data-state=saved]")
    page.context.set_offline(True)
    page.click(".dock .main")
    assert notice(page, "submit").startswith("No connection, so nothing was sent.")
    assert page.input_value("textarea[name=text]") == "Sent from a tunnel."
    page.context.set_offline(False)
    page.click(".dock .main")
    page.wait_for_selector(".stored")
    assert desk.sent == [[["text", "Sent from a tunnel."], ["language", "en"]]]
    assert page.locator(".notices [data-name=submit]").count() == 0
    assert page.evaluate(COPY) is None


def test_a_site_that_fails_never_takes_the_place_of_the_text(desk: Desk):
    page = write_page(desk)
    answer_with(page, "**/submit/", status=500, body="<h1>Something failed</h1>", kind="text/html")
    type_text(page, "Precious.")
    page.click(".dock .main")
    assert notice(page, "submit").startswith("The site failed to answer")
    assert page.input_value("textarea[name=text]") == "Precious."
    assert ["text", "Precious."] in page.evaluate(COPY)["fields"]


def test_a_refused_answer_is_shown_with_what_was_wrong_and_saved(desk: Desk):
    work = make_work(
        "write_assistant_reply", text="Refused.", problems={"text": "This reply is too short."}, draft_version=3
    )
    page = desk.open(context={"work": work})
    page.wait_for_selector("saved-line[data-state=saved]")
    assert page.inner_text(".problems") == "This reply is too short."


LEASE = (
    "(seconds) => document.dispatchEvent(new CustomEvent('draft:lease', {detail: {id: '7', state: 'live', seconds}}))"
)


def test_the_end_of_a_hold_is_said_when_it_is_near(desk: Desk):
    page = desk.open(context={"work": make_work(lease_seconds_left=1800)})
    page.evaluate(LEASE, 301)
    assert page.locator(".notices > *").count() == 0
    page.evaluate(LEASE, 200)
    assert notice(page, "lease") == "This is kept for you for 4 more min. Go on, and it stays yours."


def test_a_short_hold_just_given_is_not_near_its_end(desk: Desk):
    page = desk.open(context={"work": make_work(lease_seconds_left=120)})
    assert page.locator(".notices > *").count() == 0


def test_the_first_sign_of_activity_renews_the_hold(desk: Desk):
    page = desk.open(context={"work": make_work(lease_seconds_left=120)})
    carried = answer_with(page, "**/work/7/renew/", body=SAVED)
    page.evaluate(LEASE, 46)
    assert page.locator(".notices > *").count() == 0
    page.evaluate(LEASE, 44)
    notice(page, "lease")
    page.mouse.move(300, 300)
    wait_until(page, "!document.querySelector('.notices [data-name=lease]')")
    page.mouse.move(320, 300)
    page.keyboard.press("Shift")
    page.wait_for_timeout(100)
    assert len(carried) == 1


def test_a_hold_that_ended_says_that_the_answer_is_safe(desk: Desk):
    page = desk.open(context={"work": make_work(lease_seconds_left=0)})
    assert notice(page, "lease").startswith("The time for this has run out. Your answer is safe")
    page = desk.open(context={"work": make_work(lease_seconds_left=None, state="expired")})
    assert notice(page, "lease").endswith("Your answer is safe, and you can still submit it.")


def test_time_is_counted_while_one_works(desk: Desk):
    page = desk.open(context={"work": make_work(active_seconds=40)})
    page.mouse.move(200, 200)
    wait_until(page, "Number(document.querySelector('[name=active_seconds]').value) > 40")
