"""A generator from its form to its first answer, by the keyboard alone and without scripts, against a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.fake_openai import FakeOpenAI
from tests.faults.runs import wait_until
from tests.journeys.conftest import OpenWindow
from tests.journeys.hands import Hands
from tests.journeys.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MINUTES = 180_000  # milliseconds; a busy machine may take its time
ANSWERED = "It answered."


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


def button(page: Page, name: str):
    return page.locator("main").get_by_role("button", name=name, exact=True)


def make_generator(site: Site, server: FakeOpenAI, **more: object) -> int:
    given = {"name": f"lab {next(site.numbers)}", "engine": "openai", "endpoint": server.endpoint, "model": "fake"}
    return int(site.administrator.insist("POST", "generators/", {**given, **more})["id"])


def test_generator_is_made_and_tried_by_keys(site: Site, server: FakeOpenAI, open_window: OpenWindow) -> None:
    page = open_window(site.administrator).go("/generators/")
    hands = Hands(page)
    hands.go(page.get_by_role("link", name="Make a generator"))
    hands.go(button(page, "Make it"))
    expect(page.locator("#wrong")).to_be_focused()
    named = {"Name": f"lab {next(site.numbers)}", "Address of the server": server.endpoint, "Model": "fake"}
    for label, text in {**named, "Licence": "MIT", "Temperature": "0.5"}.items():
        hands.type(page.get_by_label(label, exact=True), text)
    hands.go(button(page, "Make it"))
    hands.type(page.get_by_label("A prompt"), "Why do **robins** sing in winter?")
    hands.go(button(page, "Try it"))
    expect(page.locator("#trial")).to_contain_text(ANSWERED, timeout=MINUTES)
    expect(page.locator("#trial")).to_contain_text("temperature 0.5")
    expect(page.locator("#trial .prose").last).to_contain_text(re.compile(r"\(Answer \d{4}\.\)"))
    expect(page.locator("#trial .prose strong")).to_have_text("robins")
    hands.press(page.get_by_text("The server serves 1 model"))
    expect(page.locator("#trial details li")).to_have_text("fake")
    assert hands.lost == []
    assert page.locator("#trial[hx-get]").count() == 0


def test_trial_without_scripts_is_looked_at_again(site: Site, server: FakeOpenAI, open_window: OpenWindow) -> None:
    server.add_faults("empty")
    number = make_generator(site, server)
    page = open_window(site.administrator, java_script_enabled=False).go(f"/generators/{number}/")
    page.get_by_label("A prompt").fill("Why do robins sing?")
    with page.expect_navigation():
        button(page, "Try it").click()
    path = f"generators/{number}/trials/"
    trial = site.administrator.insist("GET", path)["results"][0]["id"]
    wait_until(lambda: site.administrator.insist("GET", f"{path}{trial}/")["state"] == "failed", "the end of the trial")
    again = page.get_by_role("link", name="Look again")
    if again.count():  # unless the answer was there before the page
        with page.expect_navigation():
            again.click()
    expect(page.locator("#trial")).to_contain_text(re.compile(r"No whole answer came\.\s*an empty text"))
    expect(again).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_form_shows_what_belongs_to_how_it_is_reached(site: Site, open_window: OpenWindow, scripts: bool) -> None:
    page = open_window(site.administrator, java_script_enabled=scripts).go("/generators/new/")
    of_server = [page.locator(f"[name={name}]") for name in ("endpoint", "server_kind", "requests_per_minute")]
    of_worker = [page.locator(f"[name='loading.{name}']") for name in ("dtype", "max_batch", "trust_remote_code")]
    for engine, shown, hidden in (("openai", of_server, of_worker), ("transformers", of_worker, of_server)):
        page.locator(f"input[name=engine][value={engine}]").check()
        for field in shown:
            expect(field).to_be_visible()
        for field in hidden:
            expect(field).to_be_hidden()


def test_models_own_code_is_let_run_by_name_alone(site: Site, open_window: OpenWindow) -> None:
    page = open_window(site.administrator).go("/generators/new/")
    page.locator("input[name=engine][value=transformers]").check()
    page.get_by_label("Name", exact=True).fill(f"tiny {next(site.numbers)}")
    page.get_by_label("Model", exact=True).fill("lab/tiny")
    own = page.get_by_label("To let it run, write the model's name again")
    own.fill("yes")
    with page.expect_navigation():
        button(page, "Make it").click()
    expect(page.locator("#wrong li")).to_have_count(1)
    expect(own).to_be_visible()
    own.fill("lab/tiny")
    with page.expect_navigation():
        button(page, "Make it").click()
    expect(page.locator("main")).to_contain_text("The model's own code")
    expect(page.locator("main")).to_contain_text("may run")
