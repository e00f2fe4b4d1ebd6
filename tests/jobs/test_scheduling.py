"""Bands and needs follow cells and certainty, and only what changes is written."""

from __future__ import annotations

import pytest
from django.db import connection

from annotate.models import CampaignProgress, Stale, Stratum, Unit, UnitDetail
from annotate.queries.planning import list_new_units
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.scheduling import schedule_campaign, schedule_units_job
from tasks.jobs.work import summarize_queues_job
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db


def tick(campaign) -> int:
    return schedule_campaign(campaign.pk, now=NOW)


def versions() -> dict[int, str]:
    """Where each unit and its detail lie: this changes when a row is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.id, u.ctid::text || d.ctid::text FROM annotate_unit u JOIN annotate_unitdetail d ON d.unit_id = u.id"
        )
        return dict(cursor.fetchall())


def test_a_tick_scores_every_unit_and_says_why() -> None:
    campaign = make_campaign()
    thin = make_prompt(campaign, "Was ist ein Vogel?", language="de", topic="birds")
    full = make_prompt(campaign, "What is a bird?")
    for prompt in (thin, full):
        add_candidates(prompt, "alpha An animal.", "beta A plane.")
    Stratum.objects.filter(language="de").update(target=100)

    tick(campaign)

    bands = dict(Unit.objects.values_list("subject_id", "band"))
    assert bands == {thin.pk: 880, full.pk: 720}
    detail = UnitDetail.objects.get(unit__subject=thin)
    assert (detail.reason_code, detail.reason_args) == (
        "stratum_thin",
        {"where": "birds (de)", "done": "0", "target": "100"},
    )
    assert detail.policy == "coverage"
    assert detail.terms == {
        "coverage": 1.0,
        "certainty": 1.0,
        "reach": 0.0,
        "target": 1.0,
        "language": 1.0,
        "minutes": 1.0,
        "value": 2.35,
        "waiting": 0.0,
        "lifted": 0.0,
        "uncertainty": 1.0,
    }
    assert UnitDetail.objects.get(unit__subject=full).reason_code == "first_judgment"


def test_a_second_tick_writes_nothing() -> None:
    campaign = make_campaign()
    for text in ("one", "two", "three"):
        add_candidates(make_prompt(campaign, text), "alpha Yes.", "beta No.")
    tick(campaign)
    before = versions()
    tick(campaign)
    assert versions() == before


def test_only_units_whose_band_changes_are_written() -> None:
    campaign = make_campaign()
    prompts = [make_prompt(campaign, text) for text in ("one", "two", "three")]
    for prompt in prompts:
        candidates = add_candidates(prompt, "alpha Yes.", "beta No.")
    tick(campaign)
    rank(make_annotators(1)[0], prompts[2], candidates[:1], candidates[1:])
    before = versions()
    tick(campaign)
    after = versions()
    judged = Unit.objects.get(subject=prompts[2]).pk
    assert {unit for unit in after if after[unit] != before[unit]} == {judged}


def test_the_job_run_twice_finds_nothing_to_do_the_second_time() -> None:
    campaign = make_campaign()
    add_candidates(make_prompt(campaign, "one"), "alpha Yes.", "beta No.")
    schedule_units_job()
    before = versions()
    schedule_units_job()
    assert versions() == before
    assert Stale.objects.get(kind="turn_schedule").subject_id == campaign.pk


def test_a_paused_campaign_is_not_scheduled() -> None:
    campaign = make_campaign(state="paused")
    add_candidates(make_prompt(campaign, "one"), "alpha Yes.", "beta No.")
    schedule_units_job()
    assert UnitDetail.objects.get().scored_at is None


def test_certainty_lowers_the_need_and_doubt_raises_it() -> None:
    campaign = make_campaign(redundancy=3, stop_confidence=0.8, min_judgments=2, max_judgments=6)
    sure = make_prompt(campaign, "sure")
    split = make_prompt(campaign, "split")
    sure_a, sure_b = add_candidates(sure, "alpha Yes.", "beta No.")
    split_a, split_b = add_candidates(split, "alpha Yes.", "beta No.")
    people = make_annotators(4)
    for annotator in people[:2]:
        rank(annotator, sure, [sure_a], [sure_b], acceptable_tiers=1)
    for annotator, order in zip(people, ([split_a], [split_b], [split_a]), strict=False):
        rank(annotator, split, order, [split_b] if order == [split_a] else [split_a])
    recompute_stale_job()

    schedule_units_job()

    needs = {unit.subject_id: (unit.needed, unit.done) for unit in Unit.objects.all()}
    assert needs == {sure.pk: (2, 2), split.pk: (4, 3)}
    assert not Stale.objects.filter(kind="subject_need", computed=0).exists()


def test_a_need_is_never_below_what_is_done_and_held() -> None:
    campaign = make_campaign(redundancy=3)
    prompt = make_prompt(campaign, "one")
    first, second = add_candidates(prompt, "alpha Yes.", "beta No.")
    for annotator in make_annotators(2):
        rank(annotator, prompt, [first], [second])
    Unit.objects.update(held=1)
    campaign.parameters = {"redundancy": 1}
    campaign.save()
    tick(campaign)
    unit = Unit.objects.select_related("detail").get()
    assert (unit.needed, unit.detail.wanted) == (3, 1)
    Unit.objects.update(held=0)
    tick(campaign)
    assert Unit.objects.get().needed == 2


def test_of_many_units_a_tick_looks_at_the_front_at_what_is_new_and_at_what_was_judged(monkeypatch) -> None:
    campaign = make_campaign()
    prompts = [make_prompt(campaign, text) for text in ("front", "judged", "new", "behind")]
    candidates = [add_candidates(prompt, "alpha Yes.", "beta No.") for prompt in prompts]
    units = {unit.subject.text: unit.pk for unit in Unit.objects.select_related("subject")}
    tick(campaign)
    UnitDetail.objects.filter(unit=units["new"]).update(scored_at=None)
    first, second = candidates[1]
    rank(make_annotators(1)[0], prompts[1], [first], [second])
    Unit.objects.filter(pk__in=units.values()).update(band=40)
    monkeypatch.setattr("tasks.jobs.scheduling.has_more_open", lambda **_: True)
    monkeypatch.setattr("tasks.jobs.scheduling.list_front_units", lambda **_: [units["front"]])

    tick(campaign)

    assert set(Unit.objects.filter(band=40).values_list("pk", flat=True)) == {units["behind"]}


def test_a_target_without_a_topic_counts_its_whole_language() -> None:
    campaign = make_campaign()
    prompt = make_prompt(campaign, "one", topic="birds")
    first, second = add_candidates(prompt, "alpha Yes.", "beta No.")
    whole = Stratum.objects.create(campaign=campaign, language="en", topic="", target=4)
    for annotator in make_annotators(2):
        rank(annotator, prompt, [first], [second])
    tick(campaign)
    whole.refresh_from_db()
    detail = UnitDetail.objects.get()
    assert (whole.done, detail.terms["target"]) == (2, 0.5)
    assert detail.reason_args == {"where": "en", "done": "2", "target": "4"}


def test_the_need_of_writing_is_left_alone() -> None:
    campaign = make_campaign(kinds=["write_assistant_reply"], redundancy=3, replies_wanted=5)
    prompt = make_prompt(campaign, "one")
    add_candidates(prompt, "alpha Yes.", "beta No.")
    tick(campaign)
    unit = Unit.objects.select_related("detail").get()
    assert (unit.needed, unit.detail.wanted, unit.detail.reason_code) == (5, 5, "reply_wanted")


def test_the_progress_of_a_campaign_is_counted_queue_by_queue() -> None:
    campaign = make_campaign()
    prompt = make_prompt(campaign, "one")
    first, second = add_candidates(prompt, "alpha Yes.", "beta No.")
    add_candidates(make_prompt(campaign, "two"), "alpha Yes.", "beta No.")
    one, two, three, four = make_annotators(4)
    for annotator in (one, two, three):
        rank(annotator, prompt, [first], [second])
    rank(four, prompt, [second], [first], counted=False)
    Stratum.objects.update(target=6)

    summarize_queues_job()
    summarize_queues_job()

    progress = CampaignProgress.objects.get()
    counts = {"units": 2, "open": 2, "complete": 1, "needed": 6, "done": 3, "held": 0, "surplus": 1}
    assert (progress.units, progress.result) == (
        2,
        {
            "judgments": 4,
            "annotators": 4,
            "units": counts,
            "queues": [{"kind": "rank", "language": "en", **counts}],
            "strata": [{"language": "en", "topic": "", "target": 6, "done": 3}],
            "coverage": {"share": 0.5, "targets": 1, "met": 0, "cells": 1, "touched": 1},
        },
    )


def test_where_trees_grow_what_no_plan_looks_at_keeps_nothing_new_out() -> None:
    campaign = make_campaign()
    prompt = make_prompt(campaign, "one")
    add_candidates(prompt, "alpha Yes.", "beta No.")
    unit = Unit.objects.get(subject=prompt)
    Unit.objects.filter(pk=unit.pk).update(kind="label")
    assert list_new_units(campaign_id=campaign.pk, limit=10) == [unit.pk]
    campaign.parameters |= {"grow_trees": True}
    campaign.save()
    assert list_new_units(campaign_id=campaign.pk, limit=10) == []
    Unit.objects.filter(pk=unit.pk).update(kind="rank")
    assert list_new_units(campaign_id=campaign.pk, limit=10) == [unit.pk]
