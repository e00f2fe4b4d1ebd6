"""How many rankings it takes: told to those who run the campaign, honestly, and tried on the past without changing it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from annotate.models import Campaign, Saving, Unit
from annotate.web.saving_figures import compare, describe_counts, describe_curve, describe_reasons, describe_saving
from tests.opinions import make_campaign
from tests.savings import measure, rank_prompts
from tests.web.organizing import come_as

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/results/saving/"
ADAPTIVE = {"redundancy": 3, "min_judgments": 2, "max_judgments": 5, "stop_best": 0.85}
RULE = "?stop_best=0.7&min_judgments=1&max_judgments=5"


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(**ADAPTIVE)


@pytest.fixture
def olga(campaign) -> Client:
    return come_as("organizer", campaign)


@pytest.fixture
def measured(campaign) -> Saving:
    rank_prompts(campaign, "++", "++", "++", "++", "+-+-+", "+-")
    return measure(campaign)


def read(response) -> str:
    """The words of a page, spaces made one."""
    main = response.content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


@pytest.mark.parametrize("who", ["nobody", "annotator"])
@pytest.mark.parametrize("state", ["open", "closed"])
def test_nobody_else_sees_it_not_even_when_the_campaign_is_closed(campaign, who, state) -> None:
    Campaign.objects.update(state=state, allow_guests=False)
    assert come_as(who, campaign).get(PAGE).status_code == 403


@pytest.mark.parametrize("who", ["moderator", "organizer", "administrator"])
def test_those_who_run_the_campaign_see_what_was_given_and_why_it_stopped(campaign, measured, who) -> None:
    text = read(come_as(who, campaign).get(PAGE))
    for words in (
        "rankings on 5 prompts that have enough 13",
        "rankings of each of them, on average 2.60",
        "rankings, had each had 3 15",
        "2 rankings fewer (13 %) than the campaign’s fixed number would have asked for. That is 0.02 hours",
        "Together with those that still ask, there are 15 rankings on 6 prompts.",
        "the median of 15 timed rankings, 30 seconds",
        "sure of the best 4 80 %",
        "had the most allowed, and were still unsure 1 20 %",
        "of each, roughly, for a fixed number to be as sure",
    ):
        assert words in text


def test_a_campaign_with_a_fixed_number_is_told_so() -> None:
    campaign = make_campaign(redundancy=2)
    rank_prompts(campaign, "++", seconds=None)
    measure(campaign)
    text = read(come_as("organizer", campaign).get(PAGE))
    assert "This campaign asks for 2 rankings of each prompt, whatever is known of it." in text
    assert "Time: not known, since no ranking was timed." in text
    assert "hours" not in text


def test_before_anything_is_measured_it_says_so_and_offers_nothing_to_try(olga) -> None:
    response = olga.get(PAGE + RULE)
    assert response.status_code == 200
    assert "Nothing is measured yet." in read(response)
    assert b"<form method" not in response.content.split(b"<main", 1)[1]


def test_where_nothing_is_decided_yet_no_saving_is_told(campaign, olga) -> None:
    rank_prompts(campaign, "+", "-")
    measure(campaign)
    text = read(olga.get(PAGE))
    assert "rankings on 0 prompts that have enough 0" in text
    assert "nothing is decided yet" in text
    assert "fewer (" not in text


def test_the_form_begins_with_what_holds(olga, measured) -> None:
    page = olga.get(PAGE).content.decode()
    assert re.search(r'name="stop_best"[^>]*value="0.85"', page)
    assert re.search(r'name="stop_confidence"[^>]*value=""', page)
    assert re.search(r'name="max_judgments"[^>]*value="5"', page)
    assert 'id="tried"' not in page


def test_another_rule_is_tried_on_the_past_and_changes_nothing(campaign, olga, measured) -> None:
    before = (list(Unit.objects.order_by("pk").values()), Saving.objects.values().get(), campaign.parameters)
    response = olga.get(PAGE + RULE)
    campaign.refresh_from_db()
    assert (list(Unit.objects.order_by("pk").values()), Saving.objects.values().get(), campaign.parameters) == before
    text = read(response)
    assert "of 15 rankings would have been asked for 6" in text
    assert "fewer than were given 60 %" in text
    assert "6 prompts would have stopped before their last ranking" in text
    assert re.search(r'name="stop_best"[^>]*value="0.7"', response.content.decode())


def test_a_rule_that_asks_on_says_what_nobody_knows(olga, measured) -> None:
    text = read(olga.get(PAGE + "?stop_best=0.999&min_judgments=1&max_judgments=12"))
    assert "6 prompts would have gone on beyond their last ranking" in text
    assert "No prompt would have stopped before its last ranking." in text


def test_without_a_rule_a_fixed_number_is_tried(olga, measured) -> None:
    text = read(olga.get(PAGE + "?stop_best=&stop_confidence=&least_gain=&min_judgments=1&max_judgments=1"))
    assert "of 15 rankings would have been asked for 6" in text
    assert "had the fixed number 6 100 %" in text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?stop_best=2", "Write a number from 0.5 to 0.999."),
        ("?stop_best=nan", "Write a number from 0.5 to 0.999."),
        ("?least_gain=much", "Write a number from 0.0001 to 0.2."),
        ("?min_judgments=", "Write a whole number from 1 to 100."),
        ("?min_judgments=5&max_judgments=4", "This must be at least as many as the line above."),
    ],
)
def test_a_rule_that_cannot_be_is_refused_at_its_field(olga, measured, query, sentence) -> None:
    response = olga.get(PAGE + query)
    text = read(response)
    assert (response.status_code, sentence in text, "would have been asked for" in text) == (422, True, False)
    assert "Nothing was changed" in text


def test_numbers_with_a_comma_are_numbers(olga, measured) -> None:
    assert olga.get(PAGE + "?stop_best=0,7&min_judgments=1&max_judgments=5").status_code == 200


def test_it_takes_as_many_queries_however_much_was_ranked(django_assert_num_queries) -> None:
    counts = []
    for slug, words in (("birds", ["++"]), ("bees", ["++", "+-+", "+++"])):
        campaign = make_campaign(slug, **ADAPTIVE)
        client = come_as("organizer", campaign)
        rank_prompts(campaign, *words)
        measure(campaign)
        address = f"/campaigns/{slug}/results/saving/"
        client.get(address)
        with django_assert_num_queries(6 if not counts else counts[0], exact=bool(counts)) as context:
            client.get(address + RULE)
        counts.append(len(context))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("given", "fixed", "seconds", "told"),
    [
        (90, 120, 60.0, (30, 0.25, False, 0.5)),
        (150, 120, 60.0, (30, 0.25, True, 0.5)),
        (120, 120, None, (0, 0.0, False, None)),
    ],
)
def test_more_than_a_fixed_number_is_told_as_more(given, fixed, seconds, told) -> None:
    found = compare(given, fixed, seconds)
    assert (found["saved"], found["share"], found["is_more"], found["hours"]) == told


def test_against_nothing_there_is_no_saving() -> None:
    assert compare(0, 0, 30.0) is None


def test_bars_are_as_wide_as_their_share_of_the_largest() -> None:
    rows = describe_counts([[2, 10], [3, 5]], total=15)
    assert [(row["number"], row["width"], round(row["share"], 2)) for row in rows] == [
        (2, 100.0, 0.67),
        (3, 50.0, 0.33),
    ]
    assert describe_counts([], total=0) == []


def test_reasons_that_did_not_occur_are_left_out() -> None:
    assert [row["orders"] for row in describe_reasons({"maximum": 2, "order_sure": 5}, total=7)] == [5, 2]


def test_a_curve_without_data_is_none() -> None:
    assert describe_curve([], each=None, confidence=None) is None


def test_dots_stand_within_the_plot() -> None:
    curve = describe_curve([n / 41 for n in range(1, 41)], each=3.2, confidence=0.5)
    assert len(curve["dots"]) == 20
    assert all(0 < dot["x"] < 100 and 0 <= dot["y"] <= curve["height"] for dot in [*curve["dots"], curve["here"]])


def test_a_fixed_number_that_was_not_found_is_not_compared_with(measured) -> None:
    told = describe_saving({**measured.result, "fixed_each": None})
    assert told["against_sure"] is None
