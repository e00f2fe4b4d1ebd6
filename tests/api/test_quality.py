"""Progress, agreement, consensus and leaderboard: what they say, and to whom."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import CampaignProgress, Generator, Membership, Message, Stale, Stratum
from annotate.queries import progress
from annotate.services.stale import mark_stale
from tasks.jobs.quality import recompute_stale_job
from tasks.vocabulary import StaleKind
from tests.api.conftest import API
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank

TOO_FEW_UNITS = "fewer than 10 units were judged by several people; shown from 10 on"

pytestmark = pytest.mark.django_db

CANARY = "CanaryModel-7"


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


@pytest.fixture
def judged(campaign):
    """A campaign in which three people ranked two prompts, all alike."""
    people = make_annotators(3)
    prompts = [make_prompt(campaign, f"Question {number}", language=code) for number, code in enumerate(["en", "de"])]
    for prompt in prompts:
        good, fair, bad = add_candidates(prompt, "alpha One.", "beta Two.", f"{CANARY} Three.")
        for annotator in people:
            rank(annotator, prompt, [good], [fair, bad], acceptable_tiers=1)
    recompute_stale_job()
    return prompts


def look(client, what: str, **query) -> tuple[int, dict]:
    response = client.get(f"{API}campaigns/birds/{what}/", query)
    return response.status_code, response.json()


def test_progress_counts_what_is_there_now(organizer, campaign, judged) -> None:
    Stratum.objects.filter(language="en").update(target=6)
    status, answer = look(organizer, "progress")
    assert answer.pop("computed_at")
    english = {"units": 1, "open": 1, "complete": 1, "needed": 3, "done": 3, "held": 0, "surplus": 0}
    assert (status, answer) == (
        200,
        {
            "state": "open",
            "judgments": 6,
            "annotators": 3,
            "units": {"units": 2, "open": 2, "complete": 2, "needed": 6, "done": 6, "held": 0, "surplus": 0},
            "queues": [{"kind": "rank", "language": code, **english} for code in ("de", "en")],
            "strata": [
                {"language": "de", "topic": "", "target": None, "done": 3},
                {"language": "en", "topic": "", "target": 6, "done": 3},
            ],
            "coverage": {"share": 0.5, "targets": 1, "met": 0, "cells": 2, "touched": 2},
        },
    )


def test_progress_of_a_large_campaign_is_what_the_sweep_counted(organizer, campaign, judged, monkeypatch) -> None:
    monkeypatch.setattr(progress, "LIVE_UNITS", 1)
    stored = look(organizer, "progress")[1]
    del stored["state"], stored["computed_at"]
    CampaignProgress.objects.create(campaign=campaign, units=2, result={**stored, "judgments": 77}, computed_at=NOW)
    with CaptureQueriesContext(connection) as queries:
        status, answer = look(organizer, "progress")
    assert (status, answer["judgments"], answer["computed_at"]) == (200, 77, "2026-05-04T12:00:00Z")
    assert not [query for query in queries.captured_queries if "annotate_unit" in query["sql"]]


def test_agreement_has_values_intervals_and_counts(organizer, judged) -> None:
    status, answer = look(organizer, "agreement")
    assert (status, answer["is_current"]) == (200, True)
    keys = [(row["kind"], row["language"], row["coefficient"]) for row in answer["results"]]
    names = [
        "kendall_tau", "kendall_tau_b", "kendall_w", "pairwise_alpha", "rank_alpha_interval", "rank_alpha_ordinal",
    ]  # fmt: skip
    assert keys == [("rank", language, name) for language in (None, "de", "en") for name in names]
    alpha = answer["results"][3]
    assert (alpha["value"], alpha["n_units"], alpha["n_judgments"], alpha["n_annotators"]) == (1.0, 2, 6, 3)
    assert answer["results"][9]["reason"].startswith("not enough data for an interval")


def test_whoever_judges_sees_no_agreement_of_a_few_units(client_of_ada, judged) -> None:
    status, answer = look(client_of_ada, "agreement")
    assert status == 200
    assert {(row["value"], row["low"], row["reason"]) for row in answer["results"]} == {(None, None, TOO_FEW_UNITS)}


def test_newer_judgments_are_told_of(organizer, campaign, judged) -> None:
    (late,) = make_annotators(1)
    rank(late, judged[0], list(Message.objects.filter(parent=judged[0])))
    assert look(organizer, "agreement")[1]["is_current"] is False
    recompute_stale_job()
    assert look(organizer, "leaderboard")[1]["is_current"] is False  # the campaign rests
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()
    assert look(organizer, "agreement")[1]["is_current"] is True


def test_consensus_has_tiers_with_figures_and_origins(organizer, judged) -> None:
    status, answer = look(organizer, "consensus", parent=judged[0].pk)
    (entry,) = answer["results"]
    (best,), rest = entry["tiers"]
    assert (status, answer["next"], entry["parent"], entry["text"]) == (200, None, judged[0].pk, "Question 0")
    assert (best["text"], best["origins"], best["rank"], best["acceptable"]) == ("alpha One.", ["alpha"], 1, True)
    assert [(one["origins"], one["rank"], one["acceptable"], one["placements"]) for one in rest] == [
        (["beta"], 2, False, 3),
        ([CANARY], 2, False, 3),
    ]
    assert best["score"] > rest[0]["score"]
    assert best["standard_error"] > 0
    assert (entry["acceptable_tiers"], entry["n_ballots"], entry["method"], entry["unplaced"]) == (
        1,
        3,
        "davidson_bar",
        [],
    )
    assert entry["uncertainty"] == pytest.approx(1 - entry["confidence"])


def test_consensus_comes_in_pages_by_parent(organizer, judged) -> None:
    status, first = look(organizer, "consensus", limit=1, texts="false")
    _, second = look(organizer, "consensus", limit=1, cursor=first["next"])
    assert (status, [entry["parent"] for entry in first["results"] + second["results"]]) == (
        200,
        [prompt.pk for prompt in judged],
    )
    assert (second["next"], "text" in first["results"][0], "text" in first["results"][0]["tiers"][0][0]) == (
        None,
        False,
        False,
    )
    assert look(organizer, "consensus", language="de")[1]["results"][0]["parent"] == judged[1].pk


@pytest.mark.parametrize("count", [1, 3])
def test_a_page_of_consensus_takes_as_many_queries_whatever_its_length(organizer, campaign, count) -> None:
    (annotator,) = make_annotators(1)
    for number in range(count):
        prompt = make_prompt(campaign, f"Question {number}")
        candidates = add_candidates(prompt, "alpha One.", "beta Two.")
        rank(annotator, prompt, *[[candidate] for candidate in candidates])
    recompute_stale_job()
    with CaptureQueriesContext(connection) as queries:
        _, answer = look(organizer, "consensus")
    assert len(answer["results"]) == count
    tables = [query["sql"] for query in queries.captured_queries if "annotate_message" in query["sql"]]
    assert len(tables) == 3


def test_the_leaderboard_has_intervals_ranks_and_components(organizer, judged) -> None:
    status, answer = look(organizer, "leaderboard")
    assert (status, answer["components"], answer["n_ballots"], answer["n_annotators"]) == (200, 1, 6, 3)
    first, *rest = answer["entries"]
    assert (first["generator"], first["rank"], first["win_share"]) == ("alpha", 1, 1.0)
    assert {entry["generator"] for entry in rest} == {"beta", CANARY}
    assert all(entry["low"] < entry["score"] < entry["high"] for entry in answer["entries"])


def test_the_leaderboard_says_which_generators_are_one_model(organizer, campaign, judged) -> None:
    assert look(organizer, "leaderboard")[1]["models"] == []
    Generator.objects.filter(name="beta").update(name="gpt2")
    Generator.objects.filter(name=CANARY).update(name="openai-community/gpt2")
    mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=[campaign.pk])
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()
    answer = look(organizer, "leaderboard")[1]
    (model,) = answer["models"]
    standing = model.pop("standing")
    assert model == {"model_key": "gpt-2", "generators": ["gpt2", "openai-community/gpt2"]}
    assert (standing["generator"], standing["n_ballots"], standing["win_share"]) == ("gpt-2", 6, 0.0)
    assert len(answer["entries"]) == 3


def test_before_anything_was_computed_each_says_so(organizer, campaign) -> None:
    assert look(organizer, "agreement") == (200, {"computed_at": None, "is_current": True, "results": []})
    assert look(organizer, "consensus") == (200, {"results": [], "next": None})
    status, board = look(organizer, "leaderboard")
    assert (status, board["entries"], board["computed_at"], board["reason"]) == (
        200,
        [],
        None,
        "nothing was computed yet",
    )
    status, counts = look(organizer, "progress")
    assert (status, counts["units"]["units"], counts["coverage"]["share"]) == (200, 0, None)


@pytest.mark.parametrize("what", ["consensus", "leaderboard", "generation"])
@pytest.mark.parametrize("state", ["open", "paused"])
def test_whoever_judges_in_a_running_campaign_learns_nothing_of_origins(
    campaign, judged, organizer, client_of_ada, what, state
) -> None:
    campaign.state = state
    campaign.save()
    assert CANARY in str(look(organizer, "consensus")[1])  # the canary sings
    status, answer = look(client_of_ada, what)
    assert (status, answer["error"]["code"]) == (403, "role_missing")
    assert CANARY not in str(answer)
    for open_to_all in ("progress", "agreement"):
        status, answer = look(client_of_ada, open_to_all)
        told = re.sub("(pairwise|rank)_alpha", "", str(answer))
        assert (status, CANARY in told, "alpha" in told) == (200, False, False)


def test_when_a_campaign_is_closed_its_results_are_open(campaign, judged, client_of_ada) -> None:
    campaign.state = "closed"
    campaign.save()
    assert [look(client_of_ada, what)[0] for what in ("consensus", "leaderboard", "generation")] == [200, 200, 403]


@pytest.mark.parametrize("what", ["progress", "agreement", "consensus", "leaderboard", "generation"])
def test_a_draft_is_unknown_to_others(campaign, client_of_ada, organizer, what) -> None:
    campaign.state = "draft"
    campaign.save()
    assert (look(client_of_ada, what)[0], look(organizer, what)[0]) == (404, 200)


@pytest.mark.parametrize("what", ["progress", "agreement", "consensus", "leaderboard", "generation"])
def test_nobody_sees_results_without_signing_in(campaign, client, what) -> None:
    assert look(client, what)[0] == 401


def test_a_token_to_annotate_does_not_read_the_consensus(campaign, organizer, make_client, judged) -> None:
    limited = make_client(user=organizer.owner, scopes=("annotate",))
    assert [look(limited, what)[0] for what in ("progress", "agreement", "consensus", "leaderboard")] == [
        200,
        200,
        403,
        403,
    ]
