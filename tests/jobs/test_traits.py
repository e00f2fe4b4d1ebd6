"""What claims know of people follows the reliability in force, the opinion groups and what they gave."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import AnnotatorTraits, OpinionMember, SelfDescription, Stale
from annotate.queries.traits import measure_traits, name_group
from annotate.services.stale import take_turn
from annotate.services.traits import store_traits
from annotate.services.undo import undo_judgment
from tasks.jobs.traits import refresh_traits_job
from tasks.vocabulary import StaleKind
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, ranking_of, submit
from tests.reliabilities import person, store

pytestmark = pytest.mark.django_db


def judge(annotator, campaign) -> int:
    offered = ask(annotator, campaign)["assignment"]
    return submit(annotator, offered["id"], ranking_of(offered))["judgment"]["id"]


def run_again() -> None:
    Stale.objects.filter(kind="turn_traits").update(lease_expires_at=None)
    refresh_traits_job()


def traits() -> dict[int, tuple]:
    rows = AnnotatorTraits.objects.values_list("annotator_id", "sharpness", "opinion", "group", "judgments")
    return {annotator: tuple(rest) for annotator, *rest in rows}


@pytest.fixture
def campaign():
    campaign = make_campaign(languages=("en", "de"))
    for number in range(4):
        make_prompt(campaign, f"Prompt {number}?")
    return campaign


def test_who_has_judged_has_a_row_and_nobody_else(campaign) -> None:
    ada, bob = make_annotator("ada", languages=("en",)), make_annotator("bob")
    judge(ada, campaign)
    refresh_traits_job()
    assert traits() == {ada.pk: (1.0, None, "speaks en", 1)}
    judge(bob, campaign)
    run_again()
    assert traits()[bob.pk] == (1.0, None, "", 1)


def test_sharpness_is_that_of_the_reliability_in_force(campaign) -> None:
    ada = make_annotator("ada")
    judge(ada, campaign)
    store(campaign, person(ada, sharpness=0.4))
    refresh_traits_job()
    assert traits()[ada.pk][0] == pytest.approx(0.4)
    store(campaign, person(ada, sharpness=1.2), inputs="b")
    run_again()
    assert traits()[ada.pk][0] == pytest.approx(1.2)


def test_the_opinion_group_comes_before_what_somebody_says_and_that_before_languages(campaign) -> None:
    ada = make_annotator("ada", languages=("de", "en", "fr"))
    judge(ada, campaign)
    refresh_traits_job()
    assert traits()[ada.pk][2] == "speaks de en"
    SelfDescription.objects.create(annotator=ada, question="age", answer="30_39")
    run_again()
    assert traits()[ada.pk][2] == "said age 30_39"
    OpinionMember.objects.create(campaign=campaign, annotator=ada, group=2, x=0.0, y=0.0, votes_hash=b"x" * 32)
    run_again()
    assert traits()[ada.pk][1:3] == (2, "opinion 2")


def test_the_name_of_a_group_has_room() -> None:
    assert len(name_group(opinion=None, described=["field " + "x" * 24, "age 1"], languages=None)) <= 40
    assert len(name_group(opinion=None, described=None, languages=["xx"] * 30)) == 40


def test_whoever_takes_everything_back_is_forgotten(campaign) -> None:
    ada = make_annotator("ada")
    judgment = judge(ada, campaign)
    refresh_traits_job()
    assert ada.pk in traits()
    undo_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
    run_again()
    assert traits() == {}


def test_nothing_is_written_where_nothing_changed(campaign) -> None:
    ada = make_annotator("ada")
    judge(ada, campaign)
    refresh_traits_job()
    before = AnnotatorTraits.objects.get().computed_at
    run_again()
    assert AnnotatorTraits.objects.get().computed_at == before


def test_nothing_is_written_in_a_turn_that_is_anothers_by_now(campaign) -> None:
    ada = make_annotator("ada")
    judge(ada, campaign)
    turn = take_turn(kind=StaleKind.TURN_TRAITS, subject_id=campaign.pk, now=NOW, lease_seconds=60)
    assert turn is not None
    Stale.objects.filter(kind="turn_traits").update(lease_expires_at=None)
    assert store_traits(turn=turn, people=measure_traits(campaign_id=campaign.pk), now=NOW) == 0
    assert traits() == {}


def test_judgments_in_one_campaign_say_nothing_in_another(campaign) -> None:
    other = make_campaign(slug="cats")
    make_prompt(other, "Why do cats purr?")
    ada, bob = make_annotator("ada"), make_annotator("bob")
    judge(ada, campaign)
    judge(bob, other)
    refresh_traits_job()
    rows = set(AnnotatorTraits.objects.values_list("campaign__slug", "annotator_id"))
    assert rows == {("birds", ada.pk), ("cats", bob.pk)}


@pytest.mark.parametrize("people", [1, 3])
def test_it_takes_as_many_statements_however_many_people_there_are(campaign, people) -> None:
    for number in range(people):
        judge(make_annotator(f"p{number}"), campaign)
    with CaptureQueriesContext(connection) as queries:
        refresh_traits_job()
    assert len(traits()) == people
    assert len(queries) == 9
