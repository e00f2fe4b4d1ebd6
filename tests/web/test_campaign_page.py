"""The page of a campaign: who sees what of it, what it says, and how it renews itself."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import (
    Assignment,
    Campaign,
    CampaignProgress,
    CoverageReport,
    Generator,
    Message,
    Stale,
    Stratum,
    Unit,
)
from annotate.services.stale import mark_stale
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.work import summarize_queues_job
from tasks.vocabulary import StaleKind
from tests import opinions
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.web.organizing import WHO, come_as

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/"
CANARY = "CanaryModel-7"
INSIDERS = ("moderator", "organizer", "administrator")
HTMX = {"HX-Request": "true", "HX-Target": "numbers"}


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign()
    Campaign.objects.update(allow_guests=True)
    return campaign


@pytest.fixture
def judged(campaign, monkeypatch) -> list[Message]:
    """Three people ranked two prompts in two languages, all alike; everything is counted and computed."""
    monkeypatch.setattr(opinions, "NOW", timezone.now() - timedelta(days=1))
    people = make_annotators(3)
    prompts = [make_prompt(campaign, f"Question {number}", language=code) for number, code in enumerate(["en", "de"])]
    for prompt in prompts:
        good, fair, bad = add_candidates(prompt, "alpha One.", "beta Two.", f"{CANARY} Three.")
        for annotator in people:
            rank(annotator, prompt, [good], [fair, bad], acceptable_tiers=1)
    recompute_stale_job()
    count()
    return prompts


def bring_more(campaign: Campaign) -> None:
    """Work that waits."""
    add_candidates(make_prompt(campaign, "More"), "alpha A.", "beta B.")


def count() -> None:
    """One turn of the sweep, whenever the last one was."""
    connection.cursor().execute("DELETE FROM annotate_stale WHERE kind = 'turn_summary'")
    summarize_queues_job()


def read(client: Client, path: str = PAGE, **more) -> str:
    answer = client.get(path, **more)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.mark.parametrize("who", WHO)
def test_page_of_an_open_campaign_is_there_for_everybody(campaign, judged, who) -> None:
    text = read(come_as(who, campaign))
    assert "Judgments a day, last 30 days" in text
    assert "Progress by kind of work" in text


@pytest.mark.parametrize("who", WHO)
def test_draft_is_there_for_its_members_alone(campaign, who) -> None:
    client = come_as(who, campaign)
    Campaign.objects.update(state="draft")
    assert client.get(PAGE).status_code == (200 if who in INSIDERS else 404)


@pytest.mark.parametrize("who", WHO)
def test_generators_are_named_to_those_who_run_it_until_it_is_closed(campaign, judged, who) -> None:
    client = come_as(who, campaign)
    assert Generator.objects.filter(name=CANARY).exists()
    assert (CANARY in read(client)) == (who in INSIDERS)
    assert (CANARY in client.get(PAGE, headers=HTMX).text) == (who in INSIDERS)
    Campaign.objects.update(state="closed")
    assert CANARY in read(client)


@pytest.mark.parametrize("who", WHO)
def test_what_needs_somebody_is_told_to_those_who_run_it(campaign, judged, who) -> None:
    make_prompt(campaign, "Bare")
    count()
    told = "1 prompt has fewer than two candidates" in read(come_as(who, campaign))
    assert told == (who in INSIDERS)


@pytest.mark.parametrize("who", WHO)
def test_agreement_of_few_prompts_is_shown_to_those_who_run_it(campaign, judged, who) -> None:
    text = read(come_as(who, campaign))
    shown = "agreement α: not enough data" not in text
    assert shown == (who in INSIDERS)


def test_facts_say_of_how_many(campaign, judged) -> None:
    Stratum.objects.filter(language="en").update(target=6)
    count()
    text = read(come_as("organizer", campaign))
    for fact in (
        "judgments of 6 6",
        "people, 3 this week 3",
        "settled of 2 open pieces 2",
        "coverage, 0 to 1; 0 of 1 cells full 0.50",
        "1.00",
    ):
        assert f" {fact} " in text
    assert "Rank replies 6 of 6 100 %" in text
    assert "English 3 of 6" in text  # what is missing


def test_page_of_a_campaign_that_was_never_counted_says_so(campaign) -> None:
    text = read(come_as("organizer", campaign))
    assert "Nothing has been counted yet. The first numbers come within a minute." in text
    assert "Progress by kind" not in text


def test_numbers_are_those_that_were_counted_with_their_time(campaign, judged) -> None:
    at = timezone.now().replace(month=3, day=4, hour=14, minute=2)
    CampaignProgress.objects.update(computed_at=at)
    assert "Numbers of March 4, 14:02 UTC." in read(come_as("nobody", campaign))


def test_page_reads_no_table_that_grows_with_the_campaign(campaign, judged) -> None:
    bring_more(campaign)
    count()
    client = come_as("organizer", campaign)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as queries:
        client.get(PAGE)
    read_tables = {name for query in queries for name in re.findall(r"annotate_\w+", query["sql"])}
    assert read_tables <= {
        "annotate_session",
        "annotate_user",
        "annotate_annotator",
        "annotate_campaign",
        "annotate_membership",
        "annotate_campaignprogress",
        "annotate_agreementreport",
        "annotate_leaderboard",
        "annotate_importrun",
        "annotate_release",
    }


WORK = re.compile(r'id="do-(\w+)"')
EMPTY, NOTHING = "This campaign has no work yet.", "Nothing waits now"


def test_campaign_without_prompts_offers_no_work_and_says_what_is_missing(campaign) -> None:
    for who in ("nobody", "annotator"):
        page = come_as(who, campaign).get(PAGE).text
        assert (WORK.findall(page), EMPTY in page, 'href="/campaigns/"' in page) == ([], True, True)


def test_campaign_is_counted_seldom_and_offers_work_at_once(campaign) -> None:
    count()
    bring_more(campaign)
    page = come_as("annotator", campaign).get(PAGE).text
    assert (WORK.findall(page), EMPTY in page) == (["work"], False)


def test_prompts_nobody_can_judge_yet_are_no_work(campaign) -> None:
    make_prompt(campaign, "Alone")
    count()
    page = come_as("annotator", campaign).get(PAGE).text
    assert (WORK.findall(page), EMPTY in page) == ([], True)


def test_campaign_whose_work_is_done_or_held_says_so(campaign, judged) -> None:
    bring_more(campaign)
    assert WORK.findall(come_as("annotator", campaign).get(PAGE).text) == ["work"]
    Unit.objects.filter(done=0).update(held=F("needed"))
    page = come_as("annotator", campaign).get(PAGE).text
    assert (WORK.findall(page), NOTHING in page) == ([], True)


def test_draft_without_prompts_asks_for_them_first(campaign) -> None:
    Campaign.objects.update(state="draft")
    page = come_as("organizer", campaign).get(PAGE).text
    assert re.findall(r'class="btn main" id="do-(\w+)"', page) == ["import"]
    bring_more(campaign)
    page = come_as("organizer", campaign).get(PAGE).text
    assert re.findall(r'class="btn main" id="do-(\w+)"', page) == ["open"]


@pytest.mark.parametrize(("who", "queries"), [("nobody", 3), ("annotator", 4), ("organizer", 7)])
@pytest.mark.parametrize("prompts", [1, 3])
def test_page_takes_as_many_queries_however_much_there_is(
    campaign, judged, django_assert_num_queries, who, queries, prompts
) -> None:
    for number in range(prompts):
        add_candidates(
            make_prompt(campaign, f"More {number}", language="de", topic=f"t{number}"), "alpha A.", "beta B."
        )
    count()
    client = come_as(who, campaign)
    client.get(PAGE)
    with django_assert_num_queries(queries):
        client.get(PAGE)


def test_generators_of_one_model_stand_apart_and_are_told_as_one(campaign, judged) -> None:
    assert "One model under several names" not in read(come_as("organizer", campaign))
    Generator.objects.filter(name="alpha").update(name="mistral:7b-instruct-v0.2-q5_K_M")
    Generator.objects.filter(name="beta").update(name="TheBloke/Mistral-7B-Instruct-v0.2-AWQ")
    mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=[campaign.pk])
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()
    page = html.unescape(read(come_as("organizer", campaign)))
    assert re.search(
        r"One model under several names: +TheBloke/Mistral-7B-Instruct-v0\.2-AWQ *, +mistral:7b-instruct-v0\.2-q5_K_M +"
        r"\( *mistral-v0\.2-7b-instruct *\)\. Taken as one, it is preferred \d+ ?% of the time \(\d+ ?% to \d+ ?%, n = 6\)\.",
        page,
    )
    assert page.count("mistral:7b-instruct-v0.2-q5_K_M") == 2
    assert "One model under several names" not in read(come_as("annotator", campaign))


def test_places_in_plots_are_numbers_in_every_language(campaign, judged) -> None:
    client = come_as("organizer", campaign)
    page = client.get(PAGE, headers={"Accept-Language": "de"}).text
    assert '<html lang="de"' in page
    places = re.findall(r'<(?:rect|line|circle|text)[^>]* (?:x|y|x1|x2|cx|cy|width|height)="([^"]*)"', page)
    assert len(places) > 60
    assert [place for place in places if not re.fullmatch(r"-?\d+(\.\d+)?%?", place)] == []
    assert "1,00" in page


def test_titles_and_topics_are_text(campaign, judged) -> None:
    Campaign.objects.update(title="<b>Birds</b>")
    Stratum.objects.create(campaign=campaign, language="en", topic="<i>nests</i>", target=9)
    count()
    page = come_as("organizer", campaign).get(PAGE).text
    assert "&lt;b&gt;Birds" in page
    assert "&lt;i&gt;nests" in page
    assert "<b>Birds" not in page
    assert "<i>nests" not in page


def find_buttons(page: str) -> list[str]:
    found = re.findall(r'id="do-(\w+)"', page)
    main = re.findall(r'<(?:button|a) class="btn main"[^>]*id="do-(\w+)"', page)
    return [f"{name}!" if name in main else name for name in found]


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("draft", ["open!", "release", "close"]),
        ("open", ["release!", "work", "pause", "close"]),
        ("paused", ["open!", "release", "close"]),
        ("closed", ["open", "release!"]),
    ],
)
def test_organizer_finds_what_can_be_done_in_each_state(campaign, judged, state, buttons) -> None:
    client = come_as("organizer", campaign)
    bring_more(campaign)
    Campaign.objects.update(state=state)
    assert find_buttons(client.get(PAGE).text) == buttons


def test_first_thing_to_do_is_to_bring_in_prompts_then_to_judge(campaign) -> None:
    client = come_as("organizer", campaign)
    count()
    assert find_buttons(client.get(PAGE).text) == ["import!", "pause", "close"]
    add_candidates(make_prompt(campaign, "one"), "alpha A.", "beta B.")
    count()
    assert find_buttons(client.get(PAGE).text) == ["work!", "pause", "close"]


@pytest.mark.parametrize(("who", "leads_to"), [("annotator", f"{PAGE}next/"), ("nobody", "/account/login/?next=")])
def test_volunteer_finds_the_way_into_the_work(campaign, who, leads_to) -> None:
    Campaign.objects.update(allow_guests=False)
    bring_more(campaign)
    page = come_as(who, campaign).get(PAGE).text
    assert find_buttons(page) == ["work!"]
    assert leads_to in page
    Campaign.objects.update(state="paused")
    assert find_buttons(come_as(who, campaign).get(PAGE).text) == []


def test_nobody_starts_here_without_an_account_with_one_press(campaign) -> None:
    other = make_campaign("aardvarks", state="open")
    Campaign.objects.update(allow_guests=True)
    for one in (other, campaign):
        add_candidates(make_prompt(one, f"one of {one.slug}"), "alpha A.", "beta B.")
    client = Client()
    page = client.get(PAGE).text
    assert "All the terms" in page
    form = re.search(r'<form method="post" action="/start/">.*?</form>', page)[0]
    sent = dict(re.findall(r'name="(terms|campaign)" value="([^"]*)"', form))
    answer = client.post("/start/", sent, headers={"Accept-Language": "en"})
    assert Assignment.objects.get().unit.queue.campaign == campaign
    assert answer["Location"].startswith("/work/")


# --- renewing


def ask_again(client: Client, page: str):
    """Ask as htmx does from the page that is shown."""
    address = html.unescape(re.search(r'hx-get="([^"]*)"', page)[1])
    counted = html.unescape(re.search(r'name="counted" value="([^"]*)"', page)[1])
    return client.get(f"{address}&{urlencode({'counted': counted})}", headers=HTMX)


def test_nothing_is_sent_while_nothing_changed(campaign, judged) -> None:
    client = come_as("organizer", campaign)
    answer = ask_again(client, client.get(PAGE).text)
    assert (answer.status_code, answer.content) == (204, b"")


def test_only_the_time_is_sent_where_the_count_is_the_same(campaign, judged) -> None:
    client = come_as("organizer", campaign)
    page = client.get(PAGE).text
    count()
    answer = ask_again(client, page)
    assert (answer.status_code, answer["HX-Retarget"]) == (200, "#counted")
    assert answer.text.startswith('<p id="counted"')
    assert len(answer.content) < 500


def test_fragment_is_sent_when_numbers_changed(campaign, judged) -> None:
    client = come_as("organizer", campaign)
    page = client.get(PAGE).text
    make_prompt(campaign, "Bare")
    count()
    answer = ask_again(client, page)
    assert (answer.status_code, "HX-Retarget" in answer) == (200, False)
    assert answer.text.lstrip().startswith('<div id="numbers"')
    assert "1 prompt has fewer than two candidates" in answer.text
    assert "<html" not in answer.text
    assert 'id="doing"' not in answer.text


def test_what_one_can_do_comes_along_when_the_state_changed(campaign, judged) -> None:
    client = come_as("organizer", campaign)
    page = client.get(PAGE).text
    Campaign.objects.update(state="paused")
    answer = ask_again(client, page)
    assert '<div id="doing" class="row doing" hx-swap-oob="true">' in answer.text
    assert find_buttons(answer.text) == ["open!", "release", "close"]


def test_closed_campaign_is_looked_at_once_more_and_never_again(campaign, judged) -> None:
    client = come_as("organizer", campaign)
    page = client.get(PAGE).text
    Campaign.objects.update(state="closed")
    answer = ask_again(client, page)
    assert answer.status_code == 286
    assert "hx-get" not in answer.text
    assert "hx-get" not in client.get(PAGE).text


def test_page_says_what_changed_for_those_who_listen(campaign, judged) -> None:
    page = come_as("organizer", campaign).get(PAGE).text
    assert '<p id="news" class="sr" role="status"></p>' in page
    assert 'data-news="New numbers: 6 of 6 judgments."' in page
    assert 'data-needs="1 problem needs you."' in page
    assert Unit.objects.filter(done=3).count() == 2


def test_coverage_that_was_measured_leads_to_its_page(campaign, judged) -> None:
    now = timezone.now()
    CoverageReport.objects.create(campaign=campaign, measured_at=now - timedelta(days=2), coverage=0.25, judgments=1)
    CoverageReport.objects.create(campaign=campaign, measured_at=now, coverage=0.75, judgments=2)
    count()
    told = {who: read(come_as(who, campaign)) for who in ("organizer", "annotator")}
    assert "coverage , 0 to 1 0.75" in told["organizer"]
    assert "coverage , 0 to 1 0.25" in told["annotator"]
    assert "/campaigns/birds/coverage/" in come_as("annotator", campaign).get("/campaigns/birds/").text
