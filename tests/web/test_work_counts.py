"""Few queries and few presses: what a page of work costs the database, and what a first judgment costs a person."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotate.models import Annotator, Judgment
from annotate.queries.presentation import FREEZE, SHOWN, get_shown
from annotate.queries.work_pages import HOLD
from annotate.services.claims import CLAIM_NEAR, CONTEXT
from annotate.services.judgments import SUBMIT
from tests.loop import make_campaign, make_prompt, ranking_of
from tests.web.workers import HTMX, JSON, ask_next, post, sign_in

pytestmark = pytest.mark.django_db


def ranked(assignment: int) -> dict:
    shown = get_shown(assignment_id=assignment)
    handles = [candidate["id"] for candidate in shown["subject"]["candidates"]]
    places = [f"{handle}:{place}" for place, handle in enumerate(handles, start=1)]
    return {
        "kind": "rank",
        "shown": " ".join(handles),
        "tiers": places,
        "acceptable_tiers": "2",
        "active_seconds": "31",
    }


def make_world(prompts: int = 4, **parameters) -> None:
    campaign = make_campaign(**parameters)
    for number in range(prompts):
        make_prompt(campaign, f"Question {number}?")


@pytest.mark.parametrize("candidates", [2, 8])
def test_page_of_work_takes_two_queries(client: Client, candidates, django_assert_num_queries) -> None:
    make_prompt(make_campaign(candidates_shown=8), replies=candidates)
    sign_in(client)
    assignment = ask_next(client)
    client.get(f"/work/{assignment}/")  # the guideline is remembered from now on
    # session with account, the work with what surrounds it
    with django_assert_num_queries(2):
        client.get(f"/work/{assignment}/")


def test_exchange_by_htmx_takes_one_query_more_than_the_same_as_json(client: Client) -> None:
    make_world(6)
    sign_in(client)
    counts = []
    for exchange in ("json", "htmx", "json", "htmx"):
        assignment = ask_next(client)
        form, shown = ranked(assignment), get_shown(assignment_id=assignment)
        with CaptureQueriesContext(connection) as queries:
            if exchange == "json":
                answer = client.post(
                    f"/api/v1/assignments/{assignment}/submit/", ranking_of(shown, active_seconds=31),
                    content_type="application/json",
                )  # fmt: skip
            else:
                answer = post(client, assignment, "submit", form, **HTMX)
        assert answer.status_code == 200
        counts.append(len(queries))
    assert counts[3] == counts[0] + 1
    assert counts[3] == 9


def test_asking_for_work_takes_few_queries(client: Client, django_assert_num_queries) -> None:
    make_world(1)
    make_prompt(make_campaign(slug="cats"), "Why do cats purr?")
    sign_in(client)
    # session, savepoint, person, holds, claim, freeze, savepoint
    with django_assert_num_queries(7):
        client.post("/campaigns/birds/next/")
    # which campaigns there are besides; and the hold is renewed and read
    with django_assert_num_queries(8):
        client.post("/start/")


def test_draft_takes_six_queries(client: Client, django_assert_num_queries) -> None:
    make_world(1)
    sign_in(client)
    assignment = ask_next(client)
    form = {**ranked(assignment), "draft_version": "0"}
    # session, savepoint, person, hold, save, savepoint
    with django_assert_num_queries(6):
        post(client, assignment, "draft", form, **JSON)


class Presses(HTMLParser):
    """The form at the door: its address, what it carries by itself, and what somebody would have to fill in."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.carried: dict[str, str] = {}
        self.to_fill_in: list[str] = []
        self.buttons: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.inside = given.get("action") == "/try/"
        elif self.inside and tag == "button":
            self.buttons.append((given.get("name") or "", given.get("value") or ""))
        elif self.inside and tag in ("input", "select", "textarea"):
            if given.get("type") == "hidden":
                self.carried[given.get("name") or ""] = given.get("value") or ""
            else:
                self.to_fill_in.append(given.get("name") or "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"


def test_fresh_browser_stores_its_first_judgment_with_one_page_one_click_and_no_field() -> None:
    campaign = make_campaign(kinds=("compare",), guests=True)
    for question in ("Why do birds sing?", "Why do cats purr?"):
        make_prompt(campaign, question, replies=2)
    browser = Client(enforce_csrf_checks=True)
    pages = clicks = 0

    page = browser.get("/")
    pages += 1
    form = Presses()
    form.feed(page.text)
    assert ("preference", "a1") in form.buttons
    answer = browser.post("/try/", {**form.carried, "preference": "a1"})
    clicks += 1

    assert answer.status_code == 302
    assert (pages, clicks, len(form.to_fill_in)) == (1, 1, 0)
    assert Judgment.objects.get().annotator == Annotator.objects.get()
    assert Annotator.objects.get().is_guest
    following = browser.get(answer["Location"])
    assert "Your choice is stored." in following.text


def test_what_is_done_with_a_piece_of_work_lies_below_its_address() -> None:
    """The templates of the work pages put these addresses together."""
    address = reverse("work", args=[7])
    assert [reverse(name, args=[7]) for name in ("submit_work", "save_draft", "renew_work")] == [
        f"{address}submit/",
        f"{address}draft/",
        f"{address}renew/",
    ]


@pytest.mark.parametrize("statement", [HOLD, SHOWN, CONTEXT, CLAIM_NEAR, SUBMIT, FREEZE])
def test_statements_of_the_loop_are_short_enough_to_be_read_once_a_process(statement: str) -> None:
    longest_that_psycopg_keeps = 4096  # longer ones are searched for their parameters at each use
    assert len(statement.encode()) <= longest_that_psycopg_keeps
