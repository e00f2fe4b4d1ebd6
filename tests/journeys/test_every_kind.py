"""Every kind of work where trees grow, with scripts: acted, stored, taken back, kept as a draft, found again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.journeys import growth
from tests.journeys.browsers import find_overflow
from tests.journeys.conftest import OpenWindow
from tests.journeys.hands import Hands
from tests.journeys.measures import read_seen, watch
from tests.journeys.site import Site
from tests.journeys.steps import WRITTEN, await_saved, find_ballot, find_labels, find_state, number_of, press

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIGNALS = "SELECT signals, ends_thread FROM annotate_judgment WHERE assignment_id = %s AND is_current"
PAIR = """
SELECT r.text AS prompt, m.text AS reply FROM annotate_judgment j JOIN annotate_message r ON r.id = j.message_id
JOIN annotate_message m ON m.parent_id = r.id WHERE j.assignment_id = %s AND j.is_current"""
IMPROVED = """
SELECT m.text, o.kind, p.text AS parent FROM annotate_judgment j JOIN annotate_message m ON m.id = j.message_id
JOIN annotate_messageorigin o ON o.message_id = m.id JOIN annotate_message p ON p.id = m.parent_id
WHERE j.assignment_id = %s AND j.is_current"""

NEW = {"prompt": "How do owls turn their heads?", "reply": "They have **fourteen** bones in their necks."}
#: What is written for each kind: the text of each of its fields.
TEXTS: dict[str, dict[str, str]] = {
    "write_prompt": {"text": NEW["prompt"]},
    "write_pair": NEW,
    "write_prompter_reply": {"text": growth.TURN},
    "write_assistant_reply": {"text": NEW["reply"]},
    "improve_reply": {"text": "They hold a territory the whole year, and sing to keep it."},
}


def open_page(site: Site, open_window: OpenWindow, slug: str, *kinds: str, **window: Any) -> Page:
    person = site.person()
    number = growth.hold(person, slug, *kinds)
    return open_window(person, **window).go(f"/work/{number}/")


def area(page: Page, name: str):
    return page.locator(f"textarea[name={name}]")


def find_texts(site: Site, kind: str, work: int) -> list[dict[str, str]]:
    """What is stored of a piece of writing, by its fields."""
    if kind == "write_pair":
        return site.query(PAIR, work)
    return [{"text": row["text"]} for row in site.query(WRITTEN, work)]


def await_stored(page: Page) -> None:
    expect(page.locator(".stored")).to_contain_text("stored")


@pytest.mark.parametrize("kind", list(TEXTS))
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_text_is_saved_while_typed_taken_up_again_stored_undone_and_there_again(
    site: Site, open_window: OpenWindow, kind: str, phone: bool
) -> None:
    page = open_page(site, open_window, growth.open_kind(site, kind), kind, phone=phone)
    work = number_of(page)
    assert find_overflow(page) == []
    for name, text in TEXTS[kind].items():
        area(page, name).fill(text)
    await_saved(page)
    page.reload()
    for name, text in TEXTS[kind].items():
        expect(area(page, name)).to_have_value(text)
    page.get_by_role("button", name="Submit").click()
    await_stored(page)
    assert find_texts(site, kind, work) == [TEXTS[kind]]
    page.locator(".stored").get_by_role("button", name="Undo").click()
    expect(page.locator("draft-keeper")).to_have_attribute("data-id", str(work))
    assert find_texts(site, kind, work) == []
    for name, text in TEXTS[kind].items():
        expect(area(page, name)).to_have_value(text)
    page.get_by_role("button", name="Submit").click()
    await_stored(page)
    assert find_texts(site, kind, work) == [TEXTS[kind]]


@pytest.mark.parametrize("kind", list(TEXTS))
def test_text_is_written_by_the_keyboard_alone(site: Site, open_window: OpenWindow, kind: str) -> None:
    page = open_page(site, open_window, growth.open_kind(site, kind), kind)
    work = number_of(page)
    hands = Hands(page)
    for name, text in TEXTS[kind].items():
        hands.type(area(page, name), text)
    hands.press(page.get_by_role("button", name="Submit"))
    await_stored(page)
    assert find_texts(site, kind, work) == [TEXTS[kind]]
    assert hands.lost == []


def test_brief_is_read_above_the_editor(site: Site, open_window: OpenWindow) -> None:
    page = open_page(site, open_window, growth.open_brief(site, "write_prompt", wanted=40), "write_prompt")
    brief = page.get_by_role("region", name="What is asked for")
    if brief.count() == 0:  # one of the places that is asked for without a brief came first
        press(page, "s", "Enter")
        page.wait_for_function("() => document.querySelector('.brief')")
    expect(brief.locator("strong")).to_have_text("song")
    expect(brief).to_contain_text("Birds")


def test_typed_and_pasted_characters_are_counted_apart(site: Site, open_window: OpenWindow) -> None:
    slug = growth.open_kind(site, "write_prompt")
    page = open_page(site, open_window, slug, "write_prompt")
    work = number_of(page)
    area(page, "text").press_sequentially("Why do owls ")
    page.locator("textarea[name=rationale]").evaluate("area => (area.closest('details').open = true)")
    page.locator("textarea[name=rationale]").fill("turn their heads?")
    press(page, "ControlOrMeta+a", "ControlOrMeta+c")
    area(page, "text").focus()
    press(page, "ControlOrMeta+v")
    expect(area(page, "text")).to_have_value("Why do owls turn their heads?")
    page.get_by_role("button", name="Submit").click()
    await_stored(page)
    assert site.query(SIGNALS, work)[0]["signals"] == {"typed_chars": 12, "pasted_chars": 17}


def test_conversation_is_finished_by_its_key_and_never_over_a_text(site: Site, open_window: OpenWindow) -> None:
    slug = growth.open_kind(site, "write_prompter_reply")
    page = open_page(site, open_window, slug, "write_prompter_reply")
    work = number_of(page)
    area(page, "text").fill("And by day?")
    finish = page.get_by_role("button", name="The conversation is finished")
    finish.click()
    expect(page.locator(".say.is-wrong")).to_contain_text("something is written")
    expect(area(page, "text")).to_be_focused()
    assert find_state(site, work) == "live"
    area(page, "text").fill("")
    page.locator("h1").focus()
    press(page, "f")
    await_stored(page)
    assert site.query(SIGNALS, work)[0]["ends_thread"] is True
    assert find_texts(site, "write_prompter_reply", work) == []


def test_improvement_is_a_sibling_and_its_changes_can_be_read(site: Site, open_window: OpenWindow) -> None:
    slug = growth.open_kind(site, "improve_reply", items=growth.IMPORTED[:1])
    page = open_page(site, open_window, slug, "improve_reply")
    work = number_of(page)
    text = TEXTS["improve_reply"]["text"]
    expect(area(page, "text")).to_have_value(growth.REPLY)
    area(page, "text").fill(text)
    page.get_by_role("button", name="Submit").click()
    await_stored(page)
    (stored,) = site.query(IMPROVED, work)
    assert (stored["text"], stored["kind"]) == (text, "improved")
    page.goto(f"/work/{work}/")
    changes = page.get_by_role("group", name="What you changed")
    assert [part.strip() for part in changes.locator("del").all_inner_texts()] == ["all year round,"]
    assert [part.strip() for part in changes.locator("ins").all_inner_texts()] == ["the whole year,"]


def test_near_prompt_is_shown_before_submitting_and_moves_nothing(site: Site, open_window: OpenWindow) -> None:
    slug = growth.open_kind(site, "write_prompt")
    growth.write(site.person(), slug, "write_prompt", text=growth.PROMPT)
    person = site.person()
    number = growth.hold(person, slug, "write_prompt")
    window = open_window(person)
    watch(window.page)
    page = window.go(f"/work/{number}/")
    submit = page.get_by_role("button", name="Submit")
    before = submit.bounding_box()
    area(page, "text").press_sequentially(growth.PROMPT.replace("most", "nearly all"))
    expect(page.locator("#checked .near")).to_contain_text(growth.PROMPT)
    assert submit.bounding_box() == before
    assert read_seen(page)["shift"] < 0.001  # the line in the header that says "Saved"
    area(page, "text").fill(growth.PROMPT)
    expect(page.locator("#checked .near")).to_contain_text("the very same")
    submit.click()
    expect(page.locator(".problems")).to_be_visible()
    expect(area(page, "text")).to_have_value(growth.PROMPT)


def test_other_language_is_told_and_one_press_sends_it_as_that(site: Site, open_window: OpenWindow) -> None:
    slug = growth.open_kind(site, "write_prompt", languages=["en", "de"])
    person = site.person("en")
    page = open_window(person, phone=True).go(f"/work/{growth.hold(person, slug, 'write_prompt')}/")
    work = number_of(page)
    text = "Warum singen die Rotkehlchen auch im Winter, wenn es draußen kalt ist und schneit?"
    area(page, "text").fill(text)
    page.locator("#checked").get_by_role("button", name="Send it as Deutsch").tap()
    expect(page.locator("select[name=language]")).to_have_value("de")
    expect(page.locator("#checked .advice")).to_have_count(0)
    page.get_by_role("button", name="Submit").tap()
    await_stored(page)
    assert site.query(WRITTEN, work) == [{"text": text, "language": "de"}]


@pytest.mark.parametrize("simple", [False, True], ids=["full", "simple"])
def test_review_is_given_by_keys(site: Site, open_window: OpenWindow, simple: bool) -> None:
    slug = growth.open_review(site, **({"full_label_share_prompts": 0} if simple else {}))
    page = open_page(site, open_window, slug, "label")
    work = number_of(page)
    expect(page.get_by_role("heading", name="Review a message")).to_be_visible()
    asked = list(dict.fromkeys(page.locator(".answers input").evaluate_all("all => all.map(e => e.name)")))
    assert asked[:2] == ["label.spam", "label.lang_mismatch"]
    assert ("label.creativity" in asked) is not simple
    for name, value in {"spam": "no", "lang_mismatch": "yes"}.items():
        key = page.locator(f'input[name="label.{name}"][value="{value}"]').get_attribute("data-key")
        assert key
        press(page, key)
    press(page, "Enter")
    await_stored(page)
    found = find_labels(site, work)
    assert (found.pop("spam"), found.pop("lang_mismatch"), set(found.values())) == (0, 1, {"skipped"})


@pytest.mark.parametrize("of", ["prompts", "turns"])
def test_orders_of_prompts_and_of_turns_are_given_by_keys(site: Site, open_window: OpenWindow, of: str) -> None:
    opened = {"prompts": growth.open_order_of_prompts, "turns": growth.open_order_of_turns}
    page = open_page(site, open_window, opened[of](site), "rank")
    work = number_of(page)
    expect(page.locator("h1")).to_have_text(re.compile({"prompts": "Rank . prompts", "turns": "Rank 2 ways"}[of]))
    press(page, "b", "a", "r", "Enter")
    await_stored(page)
    tiers, _bar = find_ballot(site, work)
    assert tiers[:2] == [["b"], ["a"]]


@pytest.mark.parametrize("look", ["pair", "improve", "turn", "review", "none"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_pages_of_new_kinds_are_fit_for_everybody(site: Site, open_window: OpenWindow, look: str, phone: bool) -> None:
    page = show(site, open_window, look, phone=phone)
    assert find_overflow(page) == []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        found = Axe().run(page).response["violations"]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []


def show(site: Site, open_window: OpenWindow, look: str, *, phone: bool) -> Page:
    kinds = {"pair": "write_pair", "improve": "improve_reply", "turn": "write_prompter_reply"}
    if look == "review":
        return open_page(site, open_window, growth.open_review(site), "label", phone=phone)
    if look == "none":
        slug = growth.open_growing(
            site, "write_prompt", "write_assistant_reply", items=[{"prompt": growth.PROMPT, "language": "en"}],
            active_trees=1, waiting_prompts=0,
        )  # fmt: skip
        person = site.person()
        growth.hold(site.person(), slug, "write_assistant_reply")
        page = open_window(person, phone=phone).go(f"/campaigns/{slug}/")
        page.evaluate(ASK_FOR_PROMPTS, slug)
        expect(page.get_by_role("heading", name="No new prompts are needed now")).to_be_visible()
        return page
    page = open_page(site, open_window, growth.open_kind(site, kinds[look]), kinds[look], phone=phone)
    if look == "pair":
        area(page, "prompt").fill("Warum singen die Rotkehlchen auch im Winter, wenn es draußen kalt ist und schneit?")
        expect(page.locator("#checked .advice")).to_be_visible()
    return page


#: As the form of a campaign's page asks for a kind of work.
ASK_FOR_PROMPTS = """slug => {
  const form = document.querySelector('form').cloneNode(false), field = document.createElement('input');
  for (const name of form.getAttributeNames()) form.removeAttribute(name);
  form.method = 'post'; form.action = `/campaigns/${slug}/next/`;
  field.name = 'kind'; field.value = 'write_prompt';
  form.append(field, document.querySelector('[name=csrfmiddlewaretoken]').cloneNode());
  document.body.append(form); form.submit();
}"""


def test_two_devices_write_one_pair_and_both_halves_of_both_are_shown(site: Site, open_window: OpenWindow) -> None:
    person = site.person()
    number = growth.hold(person, growth.open_kind(site, "write_pair"), "write_pair")
    here, there = (open_window(person).go(f"/work/{number}/") for _ in range(2))
    area(there, "prompt").fill("Written there?")
    area(there, "reply").fill("There.")
    await_saved(there)
    area(here, "reply").fill("Here.")
    dialog = here.locator(".conflict-pop")
    expect(dialog).to_contain_text("Written there?")
    expect(dialog).to_contain_text("Here.")
    dialog.get_by_role("button", name="Take the one from over there").click()
    expect(area(here, "prompt")).to_have_value("Written there?")
    expect(area(here, "reply")).to_have_value("There.")
