"""What needs an organizer: told when it is so, with what to do and where, and not told when it is not."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import (
    AgreementReport,
    Campaign,
    CampaignProgress,
    ConsensusCheck,
    ImportRun,
    LanguageSkill,
    Release,
    Stale,
    Stratum,
)
from annotate.queries.campaign_page import load_numbers
from annotate.web.campaign_problems import Problem, find_problems
from annotate.web.problems import make_link
from tasks.jobs.work import summarize_queues_job
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt
from tests.reliabilities import find

pytestmark = pytest.mark.django_db

NOW = timezone.now()
AGREEMENT = {
    "value": 0.1, "low": 0.0, "high": 0.2, "n_units": 40, "n_judgments": 120, "n_annotators": 9, "reason": None,
    "metric": "nominal", "resamples": 1000, "seed": 1, "method_version": "1",
}  # fmt: skip


@pytest.fixture
def campaign() -> Campaign:
    """Open, with one prompt in English that nobody has judged, and people enough who could."""
    campaign = make_campaign(languages=("en", "de", "sw"))
    add_candidates(make_prompt(campaign, "one"), "alpha A.", "beta B.")
    for annotator in make_annotators(3):
        LanguageSkill.objects.create(annotator=annotator, language="en")
    summarize_queues_job()
    return campaign


def look(campaign: Campaign, *, organizes: bool = True) -> list[Problem]:
    campaign.refresh_from_db()
    numbers = load_numbers(campaign=campaign, is_insider=True, knows_origins=True)
    return find_problems(campaign=campaign, numbers=numbers, organizes=organizes, now=NOW)


def change_overview(**values) -> None:
    progress = CampaignProgress.objects.get()
    progress.overview |= values
    progress.save(update_fields=["overview"])


def change_units(**values) -> None:
    progress = CampaignProgress.objects.get()
    progress.result["units"] |= values
    progress.save(update_fields=["result"])


def add_import(campaign: Campaign, state: str, *, name: str = "birds.jsonl", ago: timedelta = timedelta(), **more):
    return ImportRun.objects.create(
        campaign=campaign, public_id=uuid.uuid4(), state=state, format="jsonl", file_name=name, finished_at=NOW - ago, **more
    )  # fmt: skip


def test_campaign_that_goes_well_needs_nobody(campaign) -> None:
    assert look(campaign) == []


def test_failed_import_is_told_with_its_reason(campaign) -> None:
    run = add_import(campaign, "failed", reason="Line 12 is no JSON.")
    (problem,) = look(campaign)
    assert (problem.code, problem.sentence, problem.detail) == (
        "import_failed",
        "Import failed: birds.jsonl",
        "Line 12 is no JSON.",
    )
    assert str(run.public_id) in problem.address


def test_failed_import_is_forgotten_once_the_file_is_in_or_after_two_weeks(campaign) -> None:
    add_import(campaign, "failed", name="old.jsonl", ago=timedelta(days=15))
    add_import(campaign, "failed")
    add_import(campaign, "done")
    assert look(campaign) == []


def test_failed_import_of_another_file_is_still_told(campaign) -> None:
    add_import(campaign, "failed")
    add_import(campaign, "done", name="fish.jsonl")
    assert [problem.code for problem in look(campaign)] == ["import_failed"]


def test_lines_that_could_not_be_used_are_told_with_their_number(campaign) -> None:
    add_import(campaign, "done", bad=12, read=4200)
    add_import(campaign, "done", name="fish.jsonl", bad=1, read=7)
    assert [problem.sentence for problem in look(campaign)] == [
        "1 record of 7 could not be used: fish.jsonl",
        "12 records of 4,200 could not be used: birds.jsonl",
    ]


def test_release_that_failed_is_told_first(campaign) -> None:
    add_import(campaign, "failed")
    Release.objects.create(
        campaign=campaign, number=3, state="failed", licence="CC0-1.0", pseudonym_salt=b"s", requested_at=NOW, reason="Disk full."
    )  # fmt: skip
    problem = look(campaign)[0]
    assert (problem.code, problem.sentence, problem.detail) == (
        "release_failed",
        "Release 3 could not be made",
        "Disk full.",
    )
    Release.objects.create(
        campaign=campaign, number=4, state="requested", licence="CC0-1.0", pseudonym_salt=b"s", requested_at=NOW
    )
    assert [problem.code for problem in look(campaign)] == ["import_failed"]


def test_nothing_to_work_on_is_told_while_the_campaign_is_open(campaign) -> None:
    change_units(units=0, open=0)
    assert [problem.code for problem in look(campaign)] == ["no_work"]
    Campaign.objects.update(state="paused")
    assert look(campaign) == []


def test_campaign_that_has_all_it_needs_says_so(campaign) -> None:
    change_units(done=3, needed=3)
    assert [problem.code for problem in look(campaign)] == ["all_done"]


def test_generators_that_failed_are_told_by_outcome(campaign) -> None:
    change_overview(
        generation=[
            {"generator": "Pythia 3B", "outcome": "empty", "requests": 9, "latest": "2026-05-04T12:00:00+00:00"},
            {"generator": "Pythia 1B", "outcome": "a new word", "requests": 1, "latest": None},
        ]
    )
    first, second = look(campaign)
    assert (first.code, first.sentence) == ("generation", "Pythia 3B: 9 replies came empty")
    assert first.detail.startswith("Last on May 4")
    assert (second.sentence, second.detail.split(":")[0]) == ("Pythia 1B: 1 reply did not come", "Nothing is lost")


def test_prompts_without_candidates_are_counted(campaign) -> None:
    change_overview(without_candidates=1200)
    assert [problem.sentence for problem in look(campaign)] == ["1,200 prompts have fewer than two candidates"]


def test_language_with_fewer_people_than_a_piece_needs_is_told(campaign) -> None:
    change_overview(able={"en": 2, "de": 1})
    (problem,) = look(campaign)
    assert problem.sentence == "\u2068English\u2069: 2 people, and each piece of work needs 3"
    Campaign.objects.update(parameters={"redundancy": 2})
    assert look(campaign) == []


def test_language_with_a_target_and_no_prompt_is_told(campaign) -> None:
    Stratum.objects.create(campaign=campaign, language="sw", target=40)
    progress = CampaignProgress.objects.get()
    progress.result["strata"] += [{"language": "sw", "topic": "", "target": 40, "done": 0}]
    progress.save()
    assert [problem.sentence for problem in look(campaign)] == [
        "No prompts in \u2068Kiswahili\u2069, though judgments are wanted there"
    ]


@pytest.mark.parametrize(("expired", "given", "told"), [(10, 40, True), (9, 0, False), (10, 41, False), (11, 44, True)])
def test_holds_that_run_out_often_are_told(campaign, expired, given, told) -> None:
    change_overview(expired_week=expired, days=[[NOW.date().isoformat(), given], ["2020-01-01", 9999]])
    assert ("expired" in [problem.code for problem in look(campaign)]) == told


@pytest.mark.parametrize(
    ("language", "dimension", "changes", "told"),
    [
        ("de", None, {}, "People disagree: Deutsch"),
        (None, "humor", {}, "People disagree: humor"),
        ("de", None, {"high": 0.4}, None),
        ("de", None, {"low": None, "high": None}, None),
        ("de", None, {"n_units": 9}, None),
        (None, None, {}, None),
    ],
)
def test_agreement_that_is_low_for_certain_is_told(campaign, language, dimension, changes, told) -> None:
    AgreementReport.objects.create(
        campaign=campaign, kind="label" if dimension else "rank", language=language, dimension=dimension,
        coefficient="krippendorff_alpha", result=AGREEMENT | changes, computed_at=NOW,
    )  # fmt: skip
    found = look(campaign)
    assert [problem.sentence for problem in found] == ([told] if told else [])
    if told:
        assert found[0].detail.startswith("α 0.10 (0.00 to 0.20), n = 40.")


def test_not_more_than_three_of_a_sort_are_told(campaign) -> None:
    for number in range(5):
        add_import(campaign, "failed", name=f"{number}.jsonl")
    assert [problem.sentence[-7:] for problem in look(campaign)] == ["4.jsonl", "3.jsonl", "2.jsonl"]


def test_moderator_is_told_everything_and_led_where_moderators_may_go(campaign) -> None:
    add_import(campaign, "failed")
    change_overview(without_candidates=2)
    assert [bool(problem.address) for problem in look(campaign)] == [True, True]
    assert [(problem.code, bool(problem.address)) for problem in look(campaign, organizes=False)] == [
        ("import_failed", False),
        ("without_candidates", True),
    ]


def test_results_that_come_out_otherwise_are_told_to_everybody_who_runs_the_campaign(campaign) -> None:
    found = ConsensusCheck.objects.create(campaign=campaign, checked=1200, different=2, parents=[7, 9], started_at=NOW)
    summarize(campaign)
    told = {
        problem.sentence: problem.address for problem in look(campaign, organizes=False) if problem.code == "unlike"
    }
    assert told == {
        "2 of 1,200 consensuses do not come out as they are stored": make_link("results_consensus_parent", "birds", 7),
    }
    found.different, found.reliability = 0, False
    found.save()
    summarize(campaign)
    told = [problem.sentence for problem in look(campaign) if problem.code == "unlike"]
    assert told == ["How reliable annotators are does not come out as it is stored"]
    found.reliability = None
    found.save()
    summarize(campaign)
    assert [problem for problem in look(campaign) if problem.code == "unlike"] == []


def test_findings_that_wait_are_told_to_moderators_too_with_where_to_look(campaign) -> None:
    for one in make_annotators(2):
        find(campaign, one)
    summarize(campaign)
    told = {
        problem.sentence: problem.address for problem in look(campaign, organizes=False) if problem.code == "findings"
    }
    assert told == {"2 signs in people’s rankings to look at": make_link("results_findings", "birds")}


def summarize(campaign: Campaign) -> None:
    """The next round of the sweep, at once."""
    Stale.objects.filter(kind="turn_summary").update(lease_expires_at=None)
    summarize_queues_job()
