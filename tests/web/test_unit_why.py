"""Why a unit is where it is: told in plain words to those who run the campaign, and to nobody else."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Campaign, Message, PromptPlace, Queue, Unit, UnitDetail
from tests.coverage_world import add_cell, add_topic
from tests.opinions import add_candidates, make_campaign, make_prompt
from tests.web.organizing import come_as

pytestmark = pytest.mark.django_db

TERMS = {
    "coverage": 0.8123, "certainty": 0.5, "reach": 0.25, "target": 0.0, "language": 1.5, "minutes": 1.0, "value": 1.91,
    "waiting": 3.0, "lifted": 0.0, "unheard_of": 9.0, "uncertainty": 0.75, "gain": 0.33,
}  # fmt: skip


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(redundancy=3, wait_days=14)


@pytest.fixture
def olga(campaign) -> Client:
    return come_as("organizer", campaign)


@pytest.fixture
def unit(campaign) -> Unit:
    prompt = make_prompt(campaign, "Why do **birds** sing?", topic="birds")
    add_candidates(prompt, "alpha Yes.", "beta No.")
    UnitDetail.objects.update(terms=TERMS, policy="coverage", scored_at=timezone.now())
    return Unit.objects.get()


def address(unit: Unit) -> str:
    return f"/campaigns/birds/units/{unit.public_id}/why/"


def of_message(unit: Unit) -> str:
    return f"/campaigns/birds/messages/{unit.subject_id}/why/"


def read(response) -> str:
    """The words of a page, spaces made one."""
    main = response.content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


@pytest.mark.parametrize("who", ["nobody", "annotator"])
@pytest.mark.parametrize("state", ["open", "closed"])
def test_whoever_judges_is_told_nothing_of_it(campaign, unit, who, state) -> None:
    Campaign.objects.update(state=state)
    client = come_as(who, campaign)
    assert [client.get(page).status_code for page in (address(unit), of_message(unit))] == [403, 403]


@pytest.mark.parametrize("who", ["moderator", "organizer", "administrator"])
def test_every_term_is_told_with_what_it_means(campaign, unit, who) -> None:
    text = read(come_as(who, campaign).get(address(unit)))
    for words in (
        "Why do birds sing?",
        "It comes first among the work of its kind in its language.",
        "0 given, 0 under way, 3 wanted",
        "Its cell how much of what its kind of prompt still lacks this piece would fill",
        "0.81",
        "Its language from 1 to 2: more where the language has less than its share 1.50",
        "Together 1.91",
        "Coverage",
    ):
        assert words in text
    assert not [words for words in ("unheard", "Uncertainty", "0.33") if words in text]


def test_its_cell_is_told_with_how_far_that_is(campaign, unit, olga) -> None:
    cell = add_cell(
        campaign, topic=add_topic(campaign, "bird, wing"), share=0.25, prompts=40, finished=9.6, coverage=0.24
    )
    tree = unit.subject.tree
    PromptPlace.objects.create(message=unit.subject, campaign=campaign, tree=tree, cell=cell, placed_at=timezone.now())
    text = read(olga.get(address(unit)))
    assert (
        "· bird, wing · short, up to 80 characters coverage 0.24, 10 of 40 prompts are known as surely as wanted; 25 %"
        in text
    )


def test_those_that_come_before_it_are_counted(campaign, unit, olga) -> None:
    for number in range(3):
        add_candidates(make_prompt(campaign, f"prompt {number}"), "alpha Yes.", "beta No.")
    Unit.objects.exclude(pk=unit.pk).update(band=700)
    Unit.objects.filter(pk=unit.pk).update(band=640)
    last = Unit.objects.order_by("pk").last()
    Unit.objects.filter(pk=last.pk).update(band=640, tie=unit.tie)
    assert "2 pieces of its kind in its language come before it." in read(olga.get(address(unit)))


def test_of_what_is_not_offered_it_says_why(campaign, unit, olga) -> None:
    Unit.objects.update(held=3)
    assert "It has, or is being given, all the judgments it needs" in read(olga.get(address(unit)))
    Unit.objects.update(held=0, is_open=False)
    text = read(olga.get(address(unit)))
    assert "It is closed, so nobody is offered it any more." in text
    assert "What its place is made of" not in text


def test_of_gold_no_place_is_told(campaign, unit, olga) -> None:
    Queue.objects.update(is_gold=True)
    text = read(olga.get(address(unit)))
    assert "It is gold" in text
    assert "Band" not in text


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"lifted": 60, "waiting": 15.7}, "It has waited for 15 days, so it was put forward."),
        ({"lifted": 60, "waiting": 2.0}, "It was drawn by lot to come earlier"),
    ],
)
def test_what_put_it_forward_is_told(campaign, unit, olga, terms, words) -> None:
    UnitDetail.objects.update(terms={**TERMS, **terms})
    assert words in read(olga.get(address(unit)))


def test_what_is_new_has_no_terms_yet(campaign, unit, olga) -> None:
    UnitDetail.objects.update(terms={}, scored_at=None)
    text = read(olga.get(address(unit)))
    assert "nothing yet: it is new" in text
    assert "What its place is made of" not in text


def test_the_page_of_a_message_has_all_its_units(campaign, unit, olga) -> None:
    assert "Rank replies, English" in read(olga.get(of_message(unit)))


@pytest.mark.parametrize(
    "unknown",
    [
        "/campaigns/birds/units/94b103c6-6eaf-4bc8-a502-19d36e20d2c8/why/",
        "/campaigns/birds/messages/999999999999999999999/why/",
    ],
)
def test_what_there_is_not_is_not_found(campaign, olga, unknown) -> None:
    assert olga.get(unknown).status_code == 404


def test_units_of_another_campaign_are_not_found_under_this_one(campaign, unit) -> None:
    other = make_campaign("bees")
    client = come_as("organizer", other)
    moved = address(unit).replace("birds", "bees")
    assert (client.get(moved).status_code, client.get(of_message(unit).replace("birds", "bees")).status_code) == (
        404,
        404,
    )


def test_those_who_run_the_campaign_find_it_from_the_conversation(campaign, unit, olga) -> None:
    page = f"/trees/{Message.objects.get(parent=None).tree_id}/"
    assert of_message(unit) in olga.get(page).content.decode()
    assert of_message(unit) not in come_as("annotator", campaign).get(page).content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_asks_once_for_all_units(campaign, unit, olga, rows, django_assert_num_queries) -> None:
    for _ in range(rows - 1):
        Unit.objects.create(queue=unit.queue, kind="rank", subject=unit.subject, tie=1, needed=3, is_open=False)
    UnitDetail.objects.bulk_create([
        UnitDetail(unit=each, stratum=unit.detail.stratum, wanted=3, reason_code="first_judgment")
        for each in Unit.objects.exclude(pk=unit.pk)
    ])  # fmt: skip
    with django_assert_num_queries(3):
        olga.get(of_message(unit))
