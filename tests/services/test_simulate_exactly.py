"""`simulate --exact` goes through the services in a database of its own, which is gone afterwards, and touches nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from annotate.management import simulation_exact
from annotate.management.simulation_exact import PREFIX, drop_left, make_database, write_url
from annotate.models import Annotator, Assignment, Campaign, Judgment, Unit
from tasks.records.simulations import SimulatedCampaign
from tests.loop import make_campaign, make_prompt
from tests.pure.simulated import make_campaign as imagine
from tests.pure.simulated import make_past

pytestmark = pytest.mark.django_db


def simulate(*arguments: object) -> str:
    out = StringIO()
    call_command("simulate", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


def list_databases() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}%"])
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.slow
def test_volunteers_go_through_the_services_and_the_database_is_gone_afterwards(tmp_path) -> None:
    campaign = make_campaign(languages=("en", "de"))
    for number in range(6):
        make_prompt(campaign, f"Prompt {number}", replies=3, language="de" if number % 3 == 0 else "en")
    before = list(Unit.objects.order_by("pk").values())
    path = tmp_path / "report.json"
    arguments = ("birds", "--policy", "coverage", "--annotators", 6, "--days", 2, "--runs", 1, "--json", path)
    simulate(*arguments, "--exact")
    exact = json.loads(path.read_text())
    assert exact["is_exact"]
    (arm,) = exact["arms"]
    tally = arm["tally"]
    assert tally["submitted"] > 5
    assert arm["end"]["coverage"]["mean"] > 0
    assert tally["claims"] == tally["submitted"] + tally["skipped"] + tally["run_out"]
    assert sum(row["judgments"] for row in arm["languages"]) == tally["submitted"]
    simulate(*arguments)
    fast = json.loads(path.read_text())
    assert fast["volunteers"] == exact["volunteers"]
    assert fast["arms"][0]["tally"]["submitted"] == pytest.approx(tally["submitted"], rel=0.5)
    assert list_databases() == []
    assert list(Unit.objects.order_by("pk").values()) == before
    assert (Campaign.objects.count(), Annotator.objects.count(), Judgment.objects.count(), Assignment.objects.count()) == (
        1, 0, 0, 0,
    )  # fmt: skip


def test_a_database_is_removed_when_it_breaks_off() -> None:
    def break_off() -> None:
        with make_database() as url:
            with psycopg.connect(url) as there:
                assert there.execute("SELECT current_database()").fetchone()[0] in list_databases()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert list_databases() == []


def test_what_a_killed_command_left_behind_is_removed_by_the_next_one() -> None:
    with psycopg.connect(write_url("postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {PREFIX}left")
        assert list_databases() == [f"{PREFIX}left"]
        drop_left(server)
    assert list_databases() == []


def test_one_command_does_not_take_the_database_of_another_for_left_behind() -> None:
    with make_database() as url:
        with psycopg.connect(write_url("postgres"), autocommit=True) as server:
            drop_left(server)
        with psycopg.connect(url) as there:
            assert there.execute("SELECT current_database()").fetchone()[0] in list_databases()
    assert list_databases() == []


def test_without_the_right_to_make_a_database_it_says_what_to_do(monkeypatch) -> None:
    make_prompt(make_campaign())

    def refuse(*_given, **_named):
        raise psycopg.errors.InsufficientPrivilege("permission denied to create database")

    monkeypatch.setattr(simulation_exact.psycopg, "connect", refuse)
    with pytest.raises(CommandError, match="CREATEDB"):
        simulate("birds", "--annotators", 2, "--days", 1, "--runs", 1, "--exact")


def test_hours_of_it_are_refused() -> None:
    make_prompt(make_campaign())
    with pytest.raises(CommandError, match="would take hours"):
        simulate("birds", "--annotators", 10_000, "--days", 300, "--exact")


def test_a_process_that_fails_tells_the_end_of_what_it_said(monkeypatch) -> None:
    make_prompt(make_campaign())
    monkeypatch.setattr(simulation_exact, "make_environment", lambda *_given: {"PATH": "", "DATABASE_URL": "nonsense"})
    with pytest.raises(CommandError, match="broke off"):
        simulate("birds", "--annotators", 2, "--days", 1, "--runs", 1, "--exact")
    assert list_databases() == []


def test_a_campaign_survives_the_way_to_another_process() -> None:
    campaign = replace(
        imagine(20, stop_best=None),
        past=make_past(3, 2, 2),
        shares={("en", "a", "", "short"): 1.0},
        targets={("en", ""): 5},
    )
    assert SimulatedCampaign.from_json(json.loads(json.dumps(campaign.as_json()))) == campaign
