"""Comparing, labelling and writing in a real browser."""

from __future__ import annotations

import pytest

from tests.web.widget_browser import Desk, fields, press, said
from tests.web.widget_pages import make_work

pytestmark = pytest.mark.browser


def test_a_verdict_is_chosen_by_key_and_sent_by_enter(desk: Desk):
    page = desk.open(context={"work": make_work("compare")})
    assert [[press(page, key), fields(page)][1] for key in "12034"] == [
        [["preference", value]] for value in ("a2", "a1", "tie", "b1", "b2")
    ]
    press(page, "x", "Enter")
    page.wait_for_selector(".stored")
    assert desk.sent == [[["preference", "b2"], ["both_bad", "1"]]]
    assert desk.errors == []


def test_a_comparison_without_a_verdict_is_not_sent(desk: Desk):
    page = desk.open(context={"work": make_work("compare")})
    press(page, "x", "Enter")
    assert said(page) == "Not sent: choose which is better first."
    press(page, "1")
    assert said(page) == ""
    assert desk.sent == []


def test_a_comparison_works_without_scripts(desk: Desk):
    page = desk.open(context={"work": make_work("compare")}, java_script_enabled=False)
    page.check("input[value=b1]", force=True)
    with page.expect_navigation():
        page.click(".dock .main")
    assert desk.sent == [[["preference", "b1"]]]


def test_open_not_applicable_and_lowest_are_three_answers(desk: Desk):
    page = desk.open(context={"work": make_work("label")})
    press(page, "1", "y", "q", "m")
    assert fields(page) == [["label.spam", "no"], ["label.answers", "0"]]  # "true" is open: m took it back
    press(page, "q", "g", "6", "7", "6", "Enter")
    page.wait_for_selector(".stored")
    assert desk.sent == [[["label.spam", "no"], ["label.true", "0"], ["label.harm", "yes"]]]
    assert desk.errors == []


def test_a_question_that_must_be_answered_is_named(desk: Desk):
    page = desk.open(context={"work": make_work("label")})
    press(page, "e", "Enter")
    assert said(page) == "Not sent. Still to answer: Is this spam?"
    assert page.evaluate("document.activeElement.name") == "label.spam"
    assert desk.sent == []


def test_labels_without_an_answer_are_not_sent(desk: Desk):
    work = make_work("label")
    work["labels"] = work["labels"][1:]
    work["labels"][1]["value"] = None
    page = desk.open(context={"work": work})
    press(page, "Enter")
    assert said(page) == "Not sent: nothing is answered yet. Answer at least one question, or skip."
    assert desk.sent == []


def test_no_key_of_a_label_form_means_two_things(desk: Desk):
    page = desk.open(context={"work": make_work("label")})
    keys = page.evaluate("[...document.querySelectorAll('[data-key]')].flatMap((el) => el.dataset.key.split(' '))")
    assert sorted(keys) == sorted({*keys})


def test_a_preview_is_the_servers(desk: Desk):
    page = desk.open(context={"work": make_work("write_assistant_reply")})
    page.click("text=Preview")
    assert page.inner_text("#pane-p-text") == "Nothing to show yet."
    page.click("role=tab[name=Write]")
    page.fill("textarea[name=text]", "Twelve chars")
    page.click("role=tab[name=Preview]")
    page.wait_for_selector("#pane-p-text strong")
    assert page.inner_text("#pane-p-text") == "12"
    press(page, "ArrowLeft")
    assert page.is_visible("textarea[name=text]")
    assert desk.errors == []


def test_length_is_counted_as_the_server_counts_it(desk: Desk):
    page = desk.open(context={"work": make_work("write_assistant_reply", limits={"least": None, "most": 5})})
    page.fill("textarea[name=text]", "🌱🌱🌱🌱")
    assert page.inner_text("[data-count]") == "Characters left: 1"
    page.fill("textarea[name=text]", "🌱🌱🌱🌱🌱🌱🌱")
    assert page.inner_text("[data-count]") == "Too long by 2"
    page.click(".main")
    assert said(page) == "Not sent. Too long by this many characters: 2"
    assert desk.sent == []


def test_an_empty_reply_is_not_sent(desk: Desk):
    page = desk.open(context={"work": make_work("write_assistant_reply")})
    page.fill("textarea[name=text]", "  \n ")
    page.click(".main")
    assert said(page) == "Not sent: nothing is written yet. Write something, or skip."
    assert desk.sent == []


@pytest.mark.parametrize("kind", ["rank", "compare"])
def test_a_campaign_that_asks_why_gets_an_answer(desk: Desk, kind: str):
    page = desk.open(context={"work": make_work(kind, rationale_required=True)})
    press(page, *({"rank": "abcd", "compare": "1"}[kind]), "Enter")
    assert said(page) == "Not sent: this campaign asks why. Say it in a few words."
    page.keyboard.type("Clear and true.")
    page.click(".main")
    page.wait_for_selector(".stored")


def test_the_guideline_is_beside_the_work_with_its_examples(desk: Desk):
    page = desk.open(context={"work": make_work("compare")})
    assert not page.is_visible("text=A short answer that is right")
    page.click("text=Guideline, version 3")
    assert page.is_visible("text=A short answer that is right")
    assert page.locator(".example .prose").count() == 4
