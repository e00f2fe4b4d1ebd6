"""Coverage as the API tells it, and to whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Campaign, Membership, TargetShare, TargetStanding
from tests.api.conftest import API
from tests.api.helpers import details, refusal
from tests.coverage_world import add_cell, add_report, add_topic
from tests.opinions import make_campaign
from tests.web.test_coverage import TARGET

pytestmark = pytest.mark.django_db

COVERAGE = f"{API}campaigns/birds/coverage/"
CELLS, TARGETS = f"{COVERAGE}cells/", f"{COVERAGE}targets/"


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


@pytest.fixture
def reader(make_client):
    return make_client("ada")


def test_the_last_measurement_is_told_with_its_languages_and_its_history(campaign, organizer) -> None:
    now = timezone.now()
    add_report(campaign, 0.2, at=now - timedelta(days=5))
    add_report(campaign, 0.4, prompts=0.5, at=now)
    add_report(campaign, 0.6, language="en", at=now)
    body = organizer.get(COVERAGE).json()
    assert {name: body["now"][name] for name in ("language", "coverage", "prompts", "facility", "judgments")} == {
        "language": None, "coverage": 0.4, "prompts": 0.5, "facility": None, "judgments": 7,
    }  # fmt: skip
    assert [row["language"] for row in body["languages"]] == ["en"]
    assert [row["coverage"] for row in body["history"]] == [0.2, 0.4]
    assert [row["coverage"] for row in organizer.get(COVERAGE, {"language": "en"}).json()["history"]] == [0.6]


def test_before_anything_is_measured_nothing_is_made_up(campaign, reader) -> None:
    assert reader.get(COVERAGE).json() == {"now": None, "languages": [], "history": []}
    assert reader.get(CELLS).json() == {"results": []}


def test_whoever_judges_is_told_how_it_stood_at_the_last_midnight(campaign, reader) -> None:
    add_report(campaign, 0.4)
    assert reader.get(COVERAGE).json()["now"] is None


def test_cells_are_told_and_chosen_by_what_they_are(campaign, organizer) -> None:
    birds = add_topic(campaign, "bird, wing")
    add_cell(campaign, topic=birds, share=0.6, prompts=40, finished=18.5, coverage=0.4625, judgments=99)
    add_cell(campaign, share=0.4, prompts=0, language="de", length="long", difficulty="hard")
    first, second = organizer.get(CELLS).json()["results"]
    assert first == {
        "language": "en", "topic": 1, "topic_name": "bird, wing", "difficulty": "", "length": "short", "share": 0.6,
        "prompts": 40, "coverage": 0.4625, "finished": 18.5,
    }  # fmt: skip
    for query, found in (
        ({"topic": 1}, [first]),
        ({"language": "de"}, [second]),
        ({"length": "long", "difficulty": "hard"}, [second]),
        ({"length": "middle"}, []),
    ):
        assert organizer.get(CELLS, query).json()["results"] == found


def test_whoever_judges_sees_cells_in_tenths_of_the_last_midnight_and_no_counts_of_what_is_finished(
    campaign, reader
) -> None:
    stored = add_cell(campaign, share=1, prompts=40, finished=18.5, coverage=0.4625)
    tell = lambda: [(one["coverage"], one["finished"], one["prompts"]) for one in reader.get(CELLS).json()["results"]]  # noqa: E731
    add_report(campaign, 0.4, result={"tenths": {stored.pk: 4}})
    assert tell() == [(0.0, None, 40)]
    add_report(campaign, 0.3, at=timezone.now() - timedelta(days=1), result={"tenths": {stored.pk: 3}})
    assert tell() == [(0.3, None, 40)]


@pytest.mark.parametrize("query", [{"length": "enormous"}, {"topic": "birds"}, {"colour": "red"}])
def test_a_wrong_filter_is_refused_by_its_name(campaign, reader, query) -> None:
    answer = reader.get(CELLS, query)
    assert answer.status_code == 422
    assert list(details(answer)) == list(query)


def test_targets_are_told_with_dates_and_reasons_to_those_who_run_the_campaign(campaign, organizer) -> None:
    TargetStanding.objects.create(campaign=campaign, result={"targets": [TARGET]}, measured_at=timezone.now())
    TargetShare.objects.create(campaign=campaign, axis="language", value="sw", share=0.5)
    body = organizer.get(TARGETS).json()
    assert body["targets"] == [TARGET]
    assert body["measured_at"]
    assert body["shares"] == [
        {
            "axis": "language",
            "value": "sw",
            "name": "sw",
            "share": 0.5,
            "prompts": 0,
            "has": None,
            "finished": None,
            "unmet": "no_people",
        }
    ]


def test_before_targets_are_measured_it_says_so(campaign, organizer) -> None:
    assert organizer.get(TARGETS).json() == {"measured_at": None, "targets": [], "split": None, "shares": []}


def test_targets_are_not_for_whoever_judges(campaign, make_client) -> None:
    assert refusal(make_client("ada", scopes=("organize",)).get(TARGETS))[0] == 403


@pytest.mark.parametrize("address", [COVERAGE, CELLS, TARGETS])
def test_a_draft_is_nothing_to_strangers(campaign, make_client, address) -> None:
    Campaign.objects.update(state="draft")
    assert refusal(make_client("ada", scopes=("read", "organize")).get(address))[0] == 404


def test_the_halves_of_a_split_are_told_as_they_were_measured(campaign, organizer) -> None:
    figure = {"value": 0.5, "low": 0.4, "high": None}
    arm = dict.fromkeys(("coverage", "finished", "certainty", "judgments"), figure)
    split = {
        "arms": [{"policy": "coverage", "prompts": 4, **arm, "agreement": {**figure, "n": 3}}],
        "difference": arm, "cells": 1, "resamples": 400, "seed": 1,
    }  # fmt: skip
    TargetStanding.objects.create(campaign=campaign, result={"targets": [], "split": split}, measured_at=timezone.now())
    assert organizer.get(TARGETS).json()["split"] == split
