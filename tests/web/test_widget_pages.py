"""Every page of work: accessible in both themes and at every width, still, small, printable, and safe with any text."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe
from playwright.sync_api import Page

from tests.web.widget_browser import Desk, press
from tests.web.widget_pages import CONFLICT, ENDED, NONE, make_work

pytestmark = pytest.mark.browser

STORED = {"sentence": "Your ranking is stored: A, then B.", "undo_url": "/judgments/1/undo/"}
PAGES: dict[str, dict[str, Any]] = {
    "rank": {"work": make_work(), "stored": STORED},
    "rank-eight": {"work": make_work(n=8)},
    "compare": {"work": make_work("compare", problems={"preference": "Choose which is better."})},
    "label": {"work": make_work("label")},
    "write": {"work": make_work("write_assistant_reply", text="Soak them.")},
    "nothing": {"none": NONE},
    "ended": {"ended": ENDED},
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHIFTS = (
    "window.cls = 0; new PerformanceObserver((list) => { for (const e of list.getEntries()) window.cls += e.value })"
    ".observe({type: 'layout-shift', buffered: true})"
)


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    return [(rule["id"], node["html"][:160]) for rule in found for node in rule["nodes"]]


def width_too_much(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(desk: Desk, name: str):
    page = desk.open(context=PAGES[name], bypass_csp=True)
    page.evaluate("document.querySelectorAll('details:not(.menu)').forEach((d) => (d.open = true))")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # colours are there at once
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 820})
            assert (theme, width, violations(page)) == (theme, width, [])
            assert width_too_much(page) <= 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_floats_is_accessible(desk: Desk, theme: str):
    page = desk.open(color_scheme=theme, bypass_csp=True)
    press(page, "a", "b", "c", "=", "-", "d", "?")
    assert violations(page) == []
    press(page, "Escape", "s")
    page.route("**/draft/", lambda route: route.abort())
    press(page, "Escape", "u")
    page.wait_for_selector(".notices [data-name=draft]")
    assert violations(page) == []
    html = render_to_string("work/_conflict.html", {"conflict": CONFLICT})
    page.evaluate(
        "(html) => { const d = document.createElement('dialog'); d.className = 'pop'; d.innerHTML = html; document.body.append(d); d.showModal() }",
        html,
    )
    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_window_320_wide_and_low(desk: Desk, name: str):
    page = desk.open(width=320, height=256, context=PAGES[name])
    assert width_too_much(page) <= 0
    stuck = page.evaluate(
        "[...document.querySelectorAll('.tray, .dock, .ask, .letters')].map((el) => getComputedStyle(el).position)"
        ".filter((position) => ['sticky', 'fixed'].includes(position))"
    )
    assert stuck == []


@pytest.mark.parametrize("name", PAGES)
def test_what_is_pressed_on_a_phone_is_as_large_as_a_thumb(desk: Desk, name: str):
    page = desk.open_phone(context=PAGES[name])
    press(page, "a", "b")
    small = page.evaluate("""() => [...document.querySelectorAll("#work :is(button, summary, select, .bar, label:has(input), a[data-tab])")]
      .filter((el) => el.checkVisibility() && !el.closest(".menu:not([open]) > div"))
      .map((el) => [el.outerHTML.slice(0, 80), el.getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && box.height < 47)
      .map(([html, box]) => [html, Math.round(box.width), Math.round(box.height)])""")
    assert small == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_without_scripts(desk: Desk, name: str):
    page = desk.open(context=PAGES[name], java_script_enabled=False)
    for width in (320, 390, 800):
        page.set_viewport_size({"width": width, "height": 800})
        assert (width, max(0, width_too_much(page))) == (width, 0)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (900, 1000)])
@pytest.mark.parametrize("name", ["rank", "compare", "label", "write"])
def test_a_notice_covers_neither_submit_nor_the_head(desk: Desk, name: str, size: tuple[int, int]):
    work = PAGES[name]["work"] | {"lease_seconds_left": None, "state": "expired"}
    page = desk.open(width=size[0], height=size[1], context={"work": work, "stored": STORED})
    box = page.locator(".notices > *").bounding_box()
    assert box is not None
    for part in ("#answer .main", ".top", ".stored", "h1", ".say"):
        other = page.locator(part).first.bounding_box()
        apart = other is None or box["y"] + box["height"] <= other["y"] or other["y"] + other["height"] <= box["y"]
        beside = other is None or box["x"] + box["width"] <= other["x"]
        assert apart or beside, part


@pytest.mark.parametrize("name", ["rank", "compare", "label", "write"])
def test_ten_thousand_characters_without_a_space_break_nothing(desk: Desk, name: str):
    long = "ሀمΩ字" * 2500
    html = mark_safe(f"<p>{long}</p><pre tabindex='0'><code>{long}</code></pre>")
    work = dict(PAGES[name]["work"])
    work |= {"campaign": {"slug": "x", "title": long}, "reason": long, "text": long}
    work["thread"] = [turn | {"html": html} for turn in work["thread"]]
    work["candidates"] = [candidate | {"html": html} for candidate in work["candidates"]]
    work["labels"] = [label | {"title": long} for label in work["labels"]]
    page = desk.open(context={"work": work, "stored": STORED | {"sentence": long}})
    for width in (2400, 1280, 700, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert (width, max(0, width_too_much(page))) == (width, 0)
        broad = page.evaluate(
            "[...document.querySelectorAll('.card, .ask, h1, .why, .stored, fieldset, .editor')]"
            ".filter((el) => el.getBoundingClientRect().width > innerWidth).map((el) => el.className)"
        )
        assert (width, broad) == (width, [])


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
@pytest.mark.parametrize("name", ["rank", "rank-eight", "compare", "label", "write"])
def test_nothing_moves_while_a_page_loads(desk: Desk, name: str, size: tuple[int, int]):
    width, height = size
    page = desk.open(width=width, height=height, context=PAGES[name])
    page.add_init_script(SHIFTS)
    page.reload()
    page.wait_for_timeout(300)
    assert page.evaluate("window.cls") == 0
    assert desk.errors == []


def test_a_restored_draft_does_not_move_either(desk: Desk):
    work = make_work(acceptable_tiers=2, saved_seconds=3)
    for candidate, place in zip(work["candidates"], (1, 2, 2, 3), strict=True):
        candidate["place"] = place
    page = desk.open(context={"work": work})
    page.add_init_script(SHIFTS)
    page.reload()
    page.wait_for_timeout(300)
    assert page.evaluate("window.cls") == 0


def test_the_ranking_page_is_under_100_kb_with_all_it_asks_for(desk: Desk):
    page = desk.open()
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(gzip.compress(answer.body()))}))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert any(url.endswith("chorus.css") for url in sizes)
    assert any("htmx" in url for url in sizes)
    assert {url.split("/")[2] for url in sizes} == {desk.site.split("/")[2]}  # nobody else is asked
    assert sum(sizes.values()) < 100_000


def test_all_modules_of_work_are_asked_for_at_once(desk: Desk):
    folder = Path(settings.BASE_DIR) / "annotate/static/site/js"
    wanted, waiting = set(), ["work.js"]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += re.findall(
                r'^import\b[^"\';]*"\./([^"]+)";', (folder / name).read_text(encoding="utf-8"), re.MULTILINE
            )
    page = desk.open()
    hrefs = page.evaluate(
        "[...document.querySelectorAll('link[rel=modulepreload]')].map((l) => l.href.split('/').at(-1))"
    )
    assert sorted(hrefs) == sorted(wanted - {"work.js"})


def test_paper_shows_thread_and_replies_in_full_without_controls(desk: Desk):
    page = desk.open()
    page.emulate_media(media="print")
    assert page.locator(".fold-thread .turn").first.is_visible()
    assert [page.locator(f"#reply-{key} .prose").is_visible() for key in "abcd"] == [True] * 4
    assert page.locator("#reply-d header .tile").is_visible()
    held = page.evaluate(
        "(() => { const d = document.querySelector('#reply-d .prose'); return d.scrollHeight - d.clientHeight })()"
    )
    assert held <= 1
    assert [
        page.locator(hidden).first.is_visible() for hidden in (".tray", ".top", ".letters", ".moves", ".tips ~ .dock")
    ] == [False] * 5


def test_the_theme_is_chosen_and_stays_without_a_flash(desk: Desk):
    page = desk.open(context=PAGES["nothing"])
    page.evaluate("localStorage.setItem('chorus:theme', 'dark')")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 21, 19)"
    assert page.evaluate(
        "[...document.querySelectorAll('head > *')].findIndex((el) => el.src?.includes('theme-early'))"
    ) < page.evaluate("[...document.querySelectorAll('head > *')].findIndex((el) => el.rel === 'stylesheet')")


def test_no_page_breaks_the_policy(desk: Desk):
    for context in PAGES.values():
        page = desk.open(context=context)
        page.wait_for_load_state("networkidle")
        assert not page.locator("[style], [onclick]").count()
    assert desk.errors == []
