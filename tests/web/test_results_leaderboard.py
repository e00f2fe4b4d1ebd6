"""The page that compares generators: who sees it, what it says, what it does not say, and its parts by language and topic."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from annotate.models import Campaign, Generator, Leaderboard, Message, Stale
from annotate.services.stale import mark_stale
from annotate.web.leaderboard_figures import describe_sways, say_rank, share_of
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.work import summarize_queues_job
from tasks.vocabulary import StaleKind
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.web.organizing import WHO, come_as, make_person

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/results/leaderboard/"
CANARY = "CanaryModel-7"
INSIDERS = ("moderator", "organizer", "administrator")
HTMX = {"HX-Request": "true", "HX-Target": "board"}


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign()
    Campaign.objects.update(allow_guests=True)
    return campaign


@pytest.fixture
def judged(campaign) -> list[Message]:
    """Three people ranked two prompts in two languages, all alike."""
    people = make_annotators(3)
    prompts = [make_prompt(campaign, f"Question {number}", language=code) for number, code in enumerate(["en", "de"])]
    for prompt in prompts:
        good, fair, bad = add_candidates(prompt, "alpha One.", "beta Two.", f"{CANARY} Three.")
        for annotator in people:
            rank(annotator, prompt, [good], [fair, bad], acceptable_tiers=1)
    recompute_stale_job()
    summarize_queues_job()
    return prompts


@pytest.fixture
def well_judged(campaign) -> list[Message]:
    """Thirty-two people compared two generators, on weather in English and on food in German; the longer one wins often."""
    people = make_annotators(32)
    prompts = [
        make_prompt(campaign, "Question 1", language="en", topic="weather"),
        make_prompt(campaign, "Question 2", language="de", topic="food & drink"),
    ]
    for prompt in prompts:
        short, long = add_candidates(
            prompt, "alpha One.", "beta Two.\n\n- with\n- a list\n\nand much more text than that."
        )
        for number, annotator in enumerate(people):
            order = [long, short] if number % 4 else [short, long]
            shown = [short, long] if number % 2 else [long, short]
            rank(annotator, prompt, [order[0]], [order[1]], acceptable_tiers=1, shown=shown)
    recompute_stale_job()
    return prompts


def recompute(campaign: Campaign) -> None:
    """Everything once more, whatever rests."""
    mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=[campaign.pk])
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()


def read(client: Client, path: str = PAGE, **more) -> str:
    answer = client.get(path, **more)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


@pytest.mark.parametrize("who", WHO)
def test_only_those_who_run_an_open_campaign_see_it(campaign, judged, who) -> None:
    assert Generator.objects.filter(name=CANARY).exists()
    answer = come_as(who, campaign).get(PAGE)
    assert (answer.status_code == 200, CANARY in answer.text) == (who in INSIDERS, who in INSIDERS)


@pytest.mark.parametrize("who", WHO)
def test_everybody_sees_it_where_the_campaign_says_so(campaign, judged, who) -> None:
    Campaign.objects.update(parameters={**campaign.parameters, "show_leaderboard": True})
    client = come_as(who, campaign)
    assert "This campaign shows its leaderboard to everybody who sees it." in read(client)
    assert CANARY in read(client, "/campaigns/birds/")


@pytest.mark.parametrize("who", ["guest", "annotator"])
def test_what_else_names_origins_stays_hidden_where_the_leaderboard_is_shown(campaign, judged, who) -> None:
    Campaign.objects.update(parameters={**campaign.parameters, "show_leaderboard": True})
    client = come_as(who, campaign)
    assert CANARY in client.get(PAGE).text
    assert client.get("/campaigns/birds/results/consensus/").status_code in {302, 403, 404}
    assert client.get("/campaigns/birds/generators/").status_code in {302, 403, 404}


@pytest.mark.parametrize("who", WHO)
def test_everybody_sees_it_when_the_campaign_is_closed(campaign, judged, who) -> None:
    client = come_as(who, campaign)
    Campaign.objects.update(state="closed")
    text = read(client)
    assert CANARY in text
    assert "The campaign is closed: everybody who sees it sees this page." in text


@pytest.mark.parametrize("who", WHO)
def test_of_a_draft_nobody_else_sees_it_whatever_it_shows(campaign, judged, who) -> None:
    client = come_as(who, campaign)
    Campaign.objects.update(state="draft", parameters={"redundancy": 3, "show_leaderboard": True})
    answer = client.get(PAGE)
    assert (answer.status_code, CANARY in answer.text) == ((200, True) if who in INSIDERS else (404, False))


def test_it_says_who_is_ahead_with_rank_interval_and_counts(campaign, judged) -> None:
    text = read(come_as("organizer", campaign))
    assert "With 95 % intervals. Ballots: 6, people: 3, prompts: 2. All of them are linked by comparisons." in text
    rows = re.findall(r"(alpha|beta|CanaryModel-7) (\d(?: to \d)?) (\d+ %) 95 % interval (\d+ %) to (\d+ %)", text)
    assert [row[0] for row in rows] == ["alpha", CANARY, "beta"]
    assert "Wins 100 % Acceptable 100 % Ballots 6" in text
    assert "Wins 25 % Acceptable 0 % Ballots 6" in text


def test_before_any_comparison_it_says_what_is_missing(campaign) -> None:
    text = read(come_as("organizer", campaign))
    assert "Not enough data: no ballot has compared two generators yet." in text
    assert "What sways people" not in text


def test_groups_that_never_met_are_said(campaign, judged) -> None:
    prompt = make_prompt(campaign, "Elsewhere")
    candidates = add_candidates(prompt, "gamma A.", "delta B.")
    for annotator in make_annotators(2):
        rank(annotator, prompt, *[[one] for one in candidates])
    recompute(campaign)
    client = come_as("organizer", campaign)
    for path in (PAGE, "/campaigns/birds/"):
        assert "The comparisons fall into 2 groups that never met" in read(client, path)
    assert "Comparisons link all of them" not in read(client)


def test_one_language_or_topic_can_be_looked_at(campaign, well_judged) -> None:
    client = come_as("organizer", campaign)
    page = client.get(PAGE).text
    assert re.findall(r'<option value="(|\w+:[^"]*)"', page) == [
        "",
        "language:de",
        "language:en",
        "topic:food &amp; drink",
        "topic:weather",
    ]
    assert "Ballots: 64, people: 32, prompts: 2." in read(client)
    for of in ("language:de", "topic:food %26 drink"):
        text = read(client, f"{PAGE}?of={of}")
        assert "Ballots: 32, people: 32, prompts: 1." in text
        assert "What sways people" not in text
    chosen = client.get(f"{PAGE}?of=language:de").text
    assert re.findall(r'<option value="(\w+:[^"]*)" selected', chosen) == ["language:de"]


def test_a_part_of_few_ballots_says_so(campaign, judged) -> None:
    client = come_as("organizer", campaign)
    assert "English (3) – not enough data" in read(client)
    assert "Not enough data: there are 3 ballots here, and it takes 30." in read(client, f"{PAGE}?of=language:en")


@pytest.mark.parametrize("of", ["language:fr", "nonsense", "kind:rank", "language", ":", "topic:<script>"])
def test_a_part_that_is_not_there_is_all_of_them(campaign, judged, of) -> None:
    text = read(come_as("organizer", campaign), PAGE, data={"of": of})
    assert "Ballots: 6, people: 3, prompts: 2." in text
    assert "<script>" not in text


def test_htmx_is_sent_the_board_alone(campaign, well_judged) -> None:
    answer = come_as("organizer", campaign).get(f"{PAGE}?of=language:de", headers=HTMX)
    assert answer.text.strip().startswith('<div id="board">')
    assert "<html" not in answer.text


def test_what_sways_people_is_said_in_plain_words_with_its_interval(campaign, well_judged) -> None:
    client = come_as("organizer", campaign)
    text = read(client)
    assert re.search(r"Shown first the other last \d+ % \d+ % to \d+ % 64", text)
    assert re.search(r"Twice as long in characters \d+ % \d+ % to \d+ % 64", text)
    assert "With headings the other without not enough data – – 0" in text
    assert "Adjusted" in text


def test_without_what_sways_nothing_is_held_equal(campaign, judged) -> None:
    text = read(come_as("organizer", campaign))
    assert "The lower, hollow mark" not in text
    assert "With code the other without not enough data" in text


def test_candidates_that_are_removed_take_their_comparisons_with_them(campaign, well_judged) -> None:
    Message.objects.filter(parent=well_judged[0], text__startswith="beta").update(removed_at=NOW)
    recompute(campaign)
    assert "Ballots: 32, people: 32, prompts: 1." in read(come_as("organizer", campaign))


def test_long_lists_come_in_parts(campaign, judged) -> None:
    board = Leaderboard.objects.get()
    (first, *_rest) = board.result["standings"]
    board.result["standings"] = [{**first, "generator": f"model {number:03d}"} for number in range(120)]
    board.result["not_compared"] = [f"idle {number:03d}" for number in range(60)]
    board.save()
    client = come_as("organizer", campaign)
    text = read(client)
    assert "model 049" in text
    assert "model 050" not in text
    assert "idle 039 and 20 more" in text
    assert "model 119" in read(client, f"{PAGE}?part=3")
    short = read(client, "/campaigns/birds/")
    assert "model 009" in short
    assert "model 010" not in short
    assert "The whole leaderboard, with 110 more" in short
    assert "60 generators were not compared with another yet." in short


def test_a_leaderboard_of_an_older_version_is_shown_without_what_it_lacks(campaign, judged) -> None:
    board = Leaderboard.objects.get()
    for standing in board.result["standings"]:
        del standing["worst_rank"]
    board.slices = {}
    board.save()
    text = read(come_as("organizer", campaign))
    assert "Ballots: 6, people: 3" in text
    assert "What sways people" not in text


def test_names_are_texts_and_never_markup(campaign, judged) -> None:
    board = Leaderboard.objects.get()
    board.result["standings"][0]["generator"] = "<img src=x onerror=alert(1)>"
    board.save()
    page = come_as("organizer", campaign).get(PAGE).text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_administrators_find_the_generators_of_the_site_from_here(campaign, judged) -> None:
    found = Generator.objects.create(name="alpha", engine="openai", endpoint="http://localhost:1", model="a")
    assert f'href="/generators/{found.pk}/"' in come_as("administrator", campaign).get(PAGE).text
    assert f'href="/generators/{found.pk}/"' not in come_as("organizer", campaign).get(PAGE).text
    assert 'href="/campaigns/birds/generators/"' in come_as("organizer", campaign).get(PAGE).text


def test_guests_of_a_shown_leaderboard_are_led_nowhere_they_may_not_go(campaign, judged) -> None:
    Campaign.objects.update(parameters={**campaign.parameters, "show_leaderboard": True})
    assert 'href="/campaigns/birds/generators/"' not in come_as("guest", campaign).get(PAGE).text


def test_the_same_number_of_queries_for_one_and_for_three_generators(campaign, django_assert_num_queries) -> None:
    make_person("root", is_administrator=True)
    prompt = make_prompt(campaign, "Question")
    candidates = add_candidates(prompt, "alpha One.", "beta Two.", "gamma Three.", "delta Four.")
    people = make_annotators(2)
    for annotator in people:
        rank(annotator, prompt, *[[one] for one in candidates])
    recompute_stale_job()
    client = come_as("administrator", campaign)
    board = Leaderboard.objects.get()
    standings = board.result["standings"]
    client.get(PAGE)
    for count in (1, 3):
        board.result["standings"] = standings[:count]
        board.save()
        with django_assert_num_queries(5):
            client.get(PAGE)


@pytest.mark.parametrize(
    ("best", "worst", "said"), [(None, None, "–"), (1, None, "1"), (2, 2, "2"), (2, 1200, "2 to 1,200")]
)
def test_a_rank_is_said_as_what_the_intervals_leave_open(best, worst, said) -> None:
    assert say_rank({"rank": best, "worst_rank": worst}) == said


def test_shares_are_never_out_of_bounds() -> None:
    assert (share_of(None), share_of(0.0)) == (None, 0.5)
    assert 0 < share_of(-1e9) < 1e-20
    assert share_of(1e9) <= 1


def test_a_control_that_is_not_known_here_is_shown_by_its_name() -> None:
    effect = {"control": "emoji", "effect": 0.1, "low": 0.05, "high": 0.2, "n_differing": 40, "reason": None}
    (row,) = describe_sways({"effects": [effect]})
    assert (row["what"], row["is_sure"], row["n"]) == ("emoji", True, 40)
