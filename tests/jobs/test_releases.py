"""Releases by date, by target and by builders that die: each is made once, whole, and by itself."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from annotate.management import release_tools
from annotate.models import Campaign, Release, ReleaseItem
from annotate.services import release_building, releases
from annotate.services.release_building import build_release
from annotate.services.release_planning import plan_dated, plan_releases
from annotate.services.releases import LeaseLost, claim_release, renew_release, request_release, stop_release
from tasks.jobs import quality
from tasks.jobs.releases import build_releases_job, plan_releases_job
from tests.loop import NOW, make_prompt
from tests.releases import NAMES, build, list_release_dir, make_given, make_giver, rank_all

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 5, 11, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"


@pytest.fixture
def weekly():
    campaign, _ = make_given("ada", prompts=2)
    Campaign.objects.update(release_schedule="weekly", next_release_at=MONDAY)
    return campaign


def give_more(campaign: Campaign, name: str) -> None:
    make_prompt(campaign, f"Question of {name}")
    rank_all(make_giver(name), campaign)


def stand() -> list[tuple[int, str, str]]:
    return list(Release.objects.order_by("number").values_list("number", "trigger", "state"))


def test_a_release_is_made_on_its_date_and_not_before(weekly):
    assert (plan_releases(now=MONDAY - timedelta(seconds=1)), stand()) == ([], [])
    assert [release.number for release in plan_releases(now=MONDAY)] == [1]
    assert stand() == [(1, "weekly", "requested")]
    assert Campaign.objects.get().next_release_at == MONDAY + WEEK
    assert plan_releases(now=MONDAY + timedelta(seconds=59)) == []


def test_after_weeks_of_downtime_there_is_one_release(weekly):
    wednesday = MONDAY + 5 * WEEK + timedelta(days=2, hours=7)
    assert [release.number for release in plan_releases(now=wednesday)] == [1]
    build_releases_job()
    assert plan_releases(now=wednesday + timedelta(minutes=1)) == []
    assert stand() == [(1, "weekly", "sealed")]
    assert Campaign.objects.get().next_release_at == MONDAY + 6 * WEEK


def test_week_after_week_each_date_has_its_release(weekly):
    for week in range(3):
        give_more(weekly, f"giver{week}")
        assert [release.number for release in plan_releases(now=MONDAY + week * WEEK)] == [week + 1]
        build_releases_job()
    assert stand() == [(number, "weekly", "sealed") for number in (1, 2, 3)]


def test_a_month_ends_on_its_first_whatever_the_clocks_of_a_country_do(weekly):
    Campaign.objects.update(release_schedule="monthly", next_release_at=datetime(2026, 10, 1, tzinfo=UTC))
    plan_releases(now=datetime(2026, 10, 1, tzinfo=UTC))
    assert Campaign.objects.get().next_release_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert stand() == [(1, "monthly", "requested")]


def test_when_nothing_changed_the_date_moves_and_no_release_is_made(weekly):
    build(weekly)
    assert plan_releases(now=MONDAY) == []
    assert Campaign.objects.get().next_release_at == MONDAY + WEEK
    give_more(weekly, "eve")
    assert [release.number for release in plan_releases(now=MONDAY + WEEK)] == [2]


def test_a_campaign_in_which_nothing_was_given_has_its_date_moved():
    Campaign.objects.create(
        slug="empty", title="E", preset="rank", state="open", languages=["en"], kinds=["rank"],
        release_schedule="weekly", next_release_at=MONDAY,
    )  # fmt: skip
    assert (plan_releases(now=MONDAY), stand()) == ([], [])
    assert Campaign.objects.get().next_release_at == MONDAY + WEEK


def test_while_a_release_is_being_made_the_date_waits(weekly):
    request_release(campaign=weekly, actor=None, now=NOW)
    give_more(weekly, "eve")
    assert (plan_releases(now=MONDAY), Campaign.objects.get().next_release_at) == ([], MONDAY)
    build_releases_job()
    assert plan_releases(now=MONDAY + timedelta(minutes=1)) == []  # eve's is in it
    give_more(weekly, "fay")
    assert [release.number for release in plan_releases(now=MONDAY + WEEK)] == [2]


def test_a_draft_is_never_planned(weekly):
    Campaign.objects.update(state="draft")
    assert (plan_releases(now=MONDAY), Campaign.objects.get().next_release_at) == ([], MONDAY)


def test_whoever_comes_late_with_an_old_view_makes_no_second_release(weekly):
    seen = Campaign.objects.get()
    assert plan_dated(campaign=seen, now=MONDAY) is not None
    build_releases_job()
    give_more(weekly, "eve")
    assert plan_dated(campaign=seen, now=MONDAY) is None
    assert len(stand()) == 1


def test_a_target_is_released_once_when_it_is_reached():
    campaign, _ = make_given("ada", prompts=2, release_target=3)
    Campaign.objects.update(release_schedule="target")
    assert plan_releases(now=NOW) == []
    give_more(campaign, "eve")
    assert [(release.trigger, release.filters) for release in plan_releases(now=NOW)] == [("target", {"target": 3})]
    assert plan_releases(now=NOW) == []
    build_releases_job()
    give_more(campaign, "fay")
    assert plan_releases(now=NOW) == []
    Campaign.objects.update(parameters={**campaign.parameters, "release_target": 5})
    assert [release.filters for release in plan_releases(now=NOW)] == [{"target": 5}]


def test_the_job_looks_at_the_clock(weekly):
    Campaign.objects.update(next_release_at=datetime(2020, 1, 6, tzinfo=UTC))
    plan_releases_job()
    plan_releases_job()
    assert stand() == [(1, "weekly", "requested")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("schedule", ["weekly", "target"])
def test_planners_side_by_side_make_one_release(schedule):
    make_given("ada", prompts=2, release_target=2)
    Campaign.objects.update(release_schedule=schedule, next_release_at=MONDAY if schedule == "weekly" else None)

    def plan(_):
        try:
            return len(plan_releases(now=MONDAY))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(plan, range(12))) == 1
    assert len(stand()) == 1


@pytest.mark.django_db(transaction=True)
def test_builders_side_by_side_build_each_release_once():
    campaigns = [make_given(f"ada{number}", slug=f"birds{number}", prompts=2)[0] for number in range(3)]
    for campaign in campaigns:
        request_release(campaign=campaign, actor=None, now=NOW)

    def work(_):
        try:
            build_releases_job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert list(Release.objects.values_list("state", "attempts")) == [("sealed", 1)] * 3
    assert list_release_dir() == sorted(
        name
        for number in range(3)
        for name in (f"birds{number}", f"birds{number}/1", *(f"birds{number}/1/{n}" for n in NAMES))
    )


def test_the_job_twice_finds_nothing_more_to_do(weekly):
    request_release(campaign=weekly, actor=None, now=NOW)
    build_releases_job()
    before = Release.objects.values().get()
    build_releases_job()
    assert Release.objects.values().get() == before


def test_a_dead_builder_is_followed_and_what_it_left_is_thrown_away(weekly, settings):
    request_release(campaign=weekly, actor=None, now=NOW)
    dead = claim_release(now=NOW)
    release_building.freeze_release(claimed=dead, now=NOW)
    left = settings.RELEASE_DIR / "birds" / f".1.{dead.lease_token}"
    left.mkdir(parents=True)
    (left / ".ballots.jsonl.gz.part").write_bytes(b"half")
    assert claim_release(now=NOW + timedelta(seconds=299)) is None
    heir = claim_release(now=NOW + timedelta(seconds=300))
    assert (heir.pk, heir.attempts, heir.frozen_at) == (dead.pk, 2, NOW)
    with pytest.raises(LeaseLost):
        renew_release(claimed=dead, now=NOW)
    build_release(claimed=heir, tools=release_tools.list_release_tools(), clock=lambda: NOW)
    assert list_release_dir() == ["birds", "birds/1", *(f"birds/1/{name}" for name in NAMES)]
    with pytest.raises(LeaseLost):
        build_release(claimed=dead, tools=release_tools.list_release_tools(), clock=lambda: NOW)
    assert (Release.objects.get().state, ReleaseItem.objects.filter(kind="judgment").count()) == ("sealed", 2)
    assert list_release_dir() == ["birds", "birds/1", *(f"birds/1/{name}" for name in NAMES)]


def test_a_folder_that_was_named_before_its_builder_died_is_replaced(weekly, settings):
    stray = settings.RELEASE_DIR / "birds" / "1"
    stray.mkdir(parents=True)
    (stray / "stray.txt").write_text("left by a builder that died before it committed")
    build(weekly)
    assert sorted(os.listdir(stray)) == NAMES


def test_a_builder_that_fails_pauses_and_the_last_attempt_tells_why(weekly, monkeypatch):
    def fail(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(release_building, "write_release", fail)
    request_release(campaign=weekly, actor=None, now=NOW)
    reason = (
        "The files could not be written: No space left on device. Ask whoever runs the site to look at the disk of "
        "releases, then ask for a new release."
    )
    for attempt in (1, 2, 3):
        Release.objects.update(lease_expires_at=None)
        build_releases_job()
        state = "failed" if attempt == 3 else "requested"
        assert list(Release.objects.values_list("state", "attempts", "reason")) == [(state, attempt, reason)]
    assert (ReleaseItem.objects.count(), Release.objects.get().lease_expires_at) == (0, None)
    monkeypatch.undo()
    assert build(weekly).number == 2


def test_a_builder_that_fails_waits_longer_each_time(weekly):
    request_release(campaign=weekly, actor=None, now=NOW)
    stop_release(claimed=claim_release(now=NOW), reason="Full.", now=NOW)
    assert claim_release(now=NOW + timedelta(seconds=59)) is None
    again = claim_release(now=NOW + timedelta(seconds=60))
    stop_release(claimed=again, reason="Full.", now=NOW)
    assert Release.objects.get().lease_expires_at == NOW + timedelta(seconds=120)


def test_a_release_whose_builders_all_died_fails(weekly):
    request_release(campaign=weekly, actor=None, now=NOW)
    for attempt in range(3):
        assert claim_release(now=NOW + timedelta(seconds=300 * attempt)) is not None
    assert claim_release(now=NOW + timedelta(seconds=900)) is None
    assert list(Release.objects.values_list("state", "reason")) == [("failed", releases.WORN_OUT)]


def test_when_the_database_is_away_nothing_is_blamed_on_the_release(weekly, monkeypatch):
    def fail(**_):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(release_building, "write_release", fail)
    request_release(campaign=weekly, actor=None, now=NOW)
    with pytest.raises(OperationalError):
        build_releases_job()
    assert list(Release.objects.values_list("state", "reason")) == [("building", "")]


def test_the_command_builds_by_itself_and_prints_every_file(weekly, capsys):
    call_command("build_release", "birds")
    files = Release.objects.get().files.all()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[3]) for line in lines] == [(file.sha256, file.name) for file in files]
    assert stand() == [(1, "request", "sealed")]


def test_the_command_says_why_it_cannot(weekly, monkeypatch):
    with pytest.raises(CommandError, match='There is no campaign "fish"'):
        call_command("build_release", "fish")
    with pytest.raises(CommandError, match="xx is not a language of the campaign"):
        call_command("build_release", "birds", language=["xx"])
    request_release(campaign=weekly, actor=None, now=NOW)
    with pytest.raises(CommandError, match="is being made already"):
        call_command("build_release", "birds")


def test_the_command_waits_for_a_worker(weekly, monkeypatch, capsys):
    monkeypatch.setattr("annotate.management.commands.build_release.time.sleep", lambda _: build_releases_job())
    call_command("build_release", "birds", wait=True)
    assert len(capsys.readouterr().out.splitlines()) == len(NAMES)


def test_a_release_computes_as_the_results_do():
    assert release_tools.SEED == quality.SEED


def test_the_command_takes_texts_of_models_by_terms_and_licences(capsys):
    make_given("ada")
    call_command("build_release", "birds", terms=["free", "attribution"], licence=["MIT"])
    release = Release.objects.get()
    assert release.filters == {"output_terms": ["free", "attribution"], "model_licences": ["MIT"]}
    assert (release.state, release.counts["left_out_by_terms"]) == ("sealed", 0)
    with pytest.raises(CommandError, match="There are no terms gratis"):
        call_command("build_release", "birds", terms=["gratis"])
