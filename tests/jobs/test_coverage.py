"""Every few minutes a campaign is planned as a whole, and what is covered is measured, kept and thinned."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from annotate.models import (
    AnnotatorTraits,
    CoverageCell,
    CoverageReport,
    PromptPlace,
    Stale,
    TargetShare,
    Topic,
    TopicFit,
    Unit,
    UnitDetail,
)
from annotate.services.coverage import thin_reports
from tasks.jobs.coverage import BETWEEN_REPORTS, measure_coverage_job
from tasks.jobs.coverage_vectors import parse_vector
from tasks.jobs.scheduling import schedule_campaign, schedule_units_job
from tasks.scheduling.split import arm_of
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db

DIRECTIONS = np.eye(8)


def make_topic(campaign, number: int = 1) -> Topic:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO annotate_topic (campaign_id, number, name, embedder, centroid) VALUES (%s, %s, 'birds', 'test', %s)"
            " RETURNING id",
            [campaign.pk, number, str(DIRECTIONS[number].tolist())],
        )
        return Topic.objects.get(pk=cursor.fetchone()[0])


def make_cell(campaign, *, share=1.0, prompts=1, length="short", language="en", topic=None) -> CoverageCell:
    return CoverageCell.objects.create(
        campaign=campaign, language=language, topic=topic, length=length, share=share, prompts=prompts
    )


def put(prompt, cell, *, direction=None) -> None:
    """Give a prompt its place, and a vector where a direction is named."""
    PromptPlace.objects.create(
        message=prompt, campaign=cell.campaign, tree=prompt.tree, cell=cell, fit=1, placed_at=NOW, topic=cell.topic
    )
    if direction is not None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO annotate_textvector (message_id, campaign_id, revision, embedder, vector, computed_at)"
                " VALUES (%s, %s, 1, 'test', %s, %s)",
                [prompt.pk, cell.campaign_id, str(np.asarray(direction).tolist()), NOW],
            )


def make_fit(campaign) -> None:
    TopicFit.objects.create(
        campaign=campaign,
        version=1,
        embedder="test",
        method="m",
        method_version=1,
        seed=1,
        prompts=1,
        topics=1,
        fitted_at=NOW,
    )


def make_judged(campaign, *texts):
    """Prompts with two candidates each."""
    prompts = [make_prompt(campaign, text) for text in texts]
    return prompts, [add_candidates(prompt, "alpha Yes.", "beta No.") for prompt in prompts]


def finish(prompt, candidates, *, people=1) -> None:
    for annotator in make_annotators(people):
        rank(annotator, prompt, [candidates[0]], [candidates[1]])


def test_the_coverage_of_a_campaign_and_of_its_languages_has_a_row() -> None:
    campaign = make_campaign(redundancy=1)
    prompts, candidates = make_judged(campaign, "one", "two", "three")
    cell, other = make_cell(campaign, share=0.75, prompts=2), make_cell(campaign, share=0.25, length="long")
    for prompt, place in zip(prompts, (cell, cell, other), strict=True):
        put(prompt, place)
    finish(prompts[0], candidates[0])

    measure_coverage_job()

    whole, english = (
        CoverageReport.objects.order_by("language").filter(language=None)[0],
        CoverageReport.objects.get(language="en"),
    )
    assert whole.prompts == pytest.approx(0.75 / 2)
    assert (whole.facility, whole.people, whole.judgments) == (None, None, 1)
    assert whole.candidates == pytest.approx(0.1)  # alpha and beta met once of ten times
    assert whole.coverage == pytest.approx((0.5 * 0.375 + 0.1 * 0.1) / 0.6)
    assert english.coverage == pytest.approx(whole.coverage)
    assert whole.result["weights"] == {"prompts": 0.5, "people": 0.2, "facility": 0.2, "candidates": 0.1}
    assert [row["cell"] for row in whole.result["behind"]] == [cell.pk, other.pk]
    assert (whole.result["tenths"], "tenths" in english.result) == ({str(cell.pk): 5}, False)
    cell.refresh_from_db()
    assert (cell.finished, cell.judgments, cell.coverage) == (1, 1, 0.5)
    assert cell.counted_at is not None


def test_what_is_wanted_anew_is_measured_without_a_judgment_more() -> None:
    campaign = make_campaign(redundancy=1)
    prompts, candidates = make_judged(campaign, "one", "two")
    cells = make_cell(campaign, share=0.5, prompts=1), make_cell(campaign, share=0.5, length="long")
    for prompt, place in zip(prompts, cells, strict=True):
        put(prompt, place)
    finish(prompts[0], candidates[0])

    def measure_later() -> CoverageReport:
        CoverageReport.objects.update(measured_at=F("measured_at") - BETWEEN_REPORTS)
        Stale.objects.filter(kind="turn_coverage").update(lease_expires_at=None)
        measure_coverage_job()
        return CoverageReport.objects.filter(language=None).latest("measured_at")

    first = measure_later()
    assert measure_later().pk == first.pk
    for cell, share in zip(cells, (0.2, 0.8), strict=True):
        CoverageCell.objects.filter(pk=cell.pk).update(share=share)
    later = measure_later()
    assert later.pk != first.pk
    assert later.prompts < first.prompts


def test_one_person_with_a_rare_self_description_is_not_to_be_seen_in_the_figure() -> None:
    campaign = make_campaign(redundancy=11)
    prompts, candidates = make_judged(campaign, "one", "two")
    for prompt, length in zip(prompts, ("short", "long"), strict=True):
        put(prompt, make_cell(campaign, share=0.5, length=length))
    people = make_annotators(11)
    for place, annotator in enumerate(people):
        group = "speaks en" if place else "said age 80_or_more"
        AnnotatorTraits.objects.create(campaign=campaign, annotator=annotator, group=group, computed_at=NOW)
        for prompt, (first, second) in list(zip(prompts, candidates, strict=True))[: 2 if place else 1]:
            rank(annotator, prompt, [first], [second])
    measure_coverage_job()
    assert [cell.groups for cell in CoverageCell.objects.order_by("pk")] == [{"speaks en": 10}] * 2
    # There is one group that may be told, which is none to compare with another.
    assert set(CoverageReport.objects.values_list("people", flat=True)) == {None}


def test_a_part_of_what_a_prompt_wants_counts_as_a_part() -> None:
    campaign = make_campaign(redundancy=4)
    [prompt], [candidates] = make_judged(campaign, "one")
    cell = make_cell(campaign)
    put(prompt, cell)
    finish(prompt, candidates)
    measure_coverage_job()
    cell.refresh_from_db()
    assert (cell.finished, cell.coverage) == (0.25, 0.25)


def test_a_campaign_whose_prompts_have_no_places_is_planned_and_not_measured() -> None:
    campaign = make_campaign()
    make_judged(campaign, "one")
    measure_coverage_job()
    assert UnitDetail.objects.get().scored_at is not None
    assert not CoverageReport.objects.exists()
    assert Stale.objects.filter(kind="turn_coverage", subject_id=campaign.pk).exists()


def test_a_campaign_without_prompts_is_let_be() -> None:
    make_campaign()
    measure_coverage_job()
    assert not CoverageReport.objects.exists()


def test_cells_that_nothing_is_finished_in_go_first_and_the_tick_says_the_same_as_the_full_plan() -> None:
    campaign = make_campaign(redundancy=1)
    prompts, candidates = make_judged(campaign, *"abcdef")
    cells = [make_cell(campaign, share=0.5, prompts=3), make_cell(campaign, share=0.5, prompts=3, length="long")]
    for place, prompt in enumerate(prompts):
        put(prompt, cells[place // 3])
    finish(prompts[0], candidates[0])

    measure_coverage_job()
    bands = dict(Unit.objects.values_list("subject_id", "band"))
    assert max(bands[prompt.pk] for prompt in prompts[3:]) > max(bands[prompt.pk] for prompt in prompts[1:3])
    before = list(UnitDetail.objects.order_by("pk").values_list("pk", "scored_at"))
    assert schedule_campaign(campaign.pk, now=timezone.now()) == 0
    assert list(UnitDetail.objects.order_by("pk").values_list("pk", "scored_at")) == before


def test_what_lies_in_a_new_direction_goes_before_what_is_like_something_finished() -> None:
    campaign = make_campaign(redundancy=1)
    prompts, candidates = make_judged(campaign, "done", "like it", "unlike it")
    make_fit(campaign)
    cell = make_cell(campaign, prompts=3, topic=make_topic(campaign))
    put(prompts[0], cell, direction=DIRECTIONS[0])
    put(prompts[1], cell, direction=DIRECTIONS[0] + 0.1 * DIRECTIONS[1])
    put(prompts[2], cell, direction=DIRECTIONS[2])
    finish(prompts[0], candidates[0])

    measure_coverage_job()

    alike, unlike = (Unit.objects.select_related("detail").get(subject=prompt) for prompt in prompts[1:])
    assert unlike.detail.terms["reach"] > alike.detail.terms["reach"]
    assert unlike.band > alike.band
    facility = CoverageReport.objects.get(language=None).facility
    assert 0.5 < facility < 1


def test_vectors_of_another_embedder_than_the_topics_count_for_nothing() -> None:
    campaign = make_campaign(redundancy=1)
    [prompt], _ = make_judged(campaign, "one")
    cell = make_cell(campaign)
    put(prompt, cell, direction=DIRECTIONS[0])
    measure_coverage_job()
    assert CoverageReport.objects.get(language=None).facility is None


def test_a_share_that_somebody_set_for_what_nobody_wrote_lowers_the_coverage_and_says_why() -> None:
    campaign = make_campaign(redundancy=1)
    [prompt], [candidates] = make_judged(campaign, "one")
    put(prompt, make_cell(campaign, share=0.5))
    missing = make_cell(campaign, share=0.5, prompts=0, length="long")
    TargetShare.objects.create(campaign=campaign, axis="length", value="long", share=0.5)
    finish(prompt, candidates)
    measure_coverage_job()
    report = CoverageReport.objects.get(language=None)
    assert report.prompts == pytest.approx(0.5)
    assert [(row["cell"], row["why"]) for row in report.result["behind"]] == [(missing.pk, "no_prompts")]


def test_two_policies_have_half_of_the_prompts_each_and_both_are_offered() -> None:
    campaign = make_campaign(policy="coverage", rival_policy="uniform")
    prompts, _ = make_judged(campaign, *(f"prompt {number}" for number in range(12)))
    schedule_units_job()
    noted = dict(UnitDetail.objects.values_list("unit__subject__tree_id", "policy"))
    assert noted == {prompt.tree_id: ("coverage", "uniform")[arm_of(prompt.tree_id)] for prompt in prompts}
    top = Unit.objects.order_by("-band").first().band
    assert set(UnitDetail.objects.filter(unit__band=top).values_list("policy", flat=True)) == {"coverage", "uniform"}


def test_a_campaign_that_changes_its_policy_is_planned_by_the_new_one() -> None:
    campaign = make_campaign()
    make_judged(campaign, "one")
    schedule_campaign(campaign.pk, now=NOW)
    campaign.parameters = {**campaign.parameters, "policy": "uniform"}
    campaign.save()
    schedule_campaign(campaign.pk, now=NOW)
    assert UnitDetail.objects.get().policy == "uniform"


def test_nothing_is_measured_again_while_it_rests_or_where_nothing_came() -> None:
    campaign = make_campaign(redundancy=1)
    [prompt], _ = make_judged(campaign, "one")
    put(prompt, make_cell(campaign))
    measure_coverage_job()
    rows = CoverageReport.objects.count()
    measure_coverage_job()
    Stale.objects.filter(kind="turn_coverage").update(lease_expires_at=None)
    CoverageReport.objects.update(measured_at=timezone.now() - timedelta(hours=3))
    measure_coverage_job()
    assert CoverageReport.objects.count() == rows
    Stale.objects.filter(kind="turn_coverage").update(lease_expires_at=None)
    CoverageReport.objects.update(measured_at=timezone.now() - timedelta(days=2))
    measure_coverage_job()
    assert CoverageReport.objects.count() == 2 * rows


def test_a_campaign_that_fails_keeps_no_other_waiting_and_is_tried_again_later(monkeypatch) -> None:
    first, second = make_campaign(), make_campaign(slug="more-birds")
    for campaign in (first, second):
        make_judged(campaign, "one")
    from tasks.jobs import coverage as job

    measure = job.measure_campaign

    def fail_once(turn, *, now):
        if turn.subject_id == first.pk:
            raise RuntimeError("the disk is full")
        measure(turn, now=now)

    monkeypatch.setattr(job, "measure_campaign", fail_once)
    measure_coverage_job()
    assert set(UnitDetail.objects.filter(scored_at__isnull=False).values_list("unit__queue__campaign", flat=True)) == {
        second.pk
    }
    assert Stale.objects.get(kind="turn_coverage", subject_id=first.pk).lease_expires_at > timezone.now()


def test_the_history_keeps_a_row_an_hour_for_two_days_and_one_a_day_before() -> None:
    campaign = make_campaign()
    start = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    for minutes in (0, 10, 20, 70, 60 * 24 * 5, 60 * 24 * 5 + 30, 60 * 24 * 6):
        CoverageReport.objects.create(
            campaign=campaign, measured_at=start - timedelta(minutes=minutes), coverage=0.5, judgments=minutes
        )
    assert thin_reports(campaign_id=campaign.pk, now=start) == 2
    kept = set(CoverageReport.objects.values_list("judgments", flat=True))
    assert kept == {0, 10, 70, 60 * 24 * 5, 60 * 24 * 6}
    assert thin_reports(campaign_id=campaign.pk, now=start) == 0


def test_a_vector_comes_back_as_it_was_stored() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT halfvec_send('[0.5,-2,3.25]'::halfvec)")
        assert parse_vector(bytes(cursor.fetchone()[0])).tolist() == [0.5, -2, 3.25]


@pytest.mark.parametrize("units", [1, 3])
def test_a_tick_asks_as_much_of_the_database_for_three_units_as_for_one(units, django_assert_num_queries) -> None:
    campaign = make_campaign()
    make_judged(campaign, *(f"prompt {number}" for number in range(units)))
    with django_assert_num_queries(12):
        schedule_campaign(campaign.pk, now=NOW)


@pytest.mark.parametrize("units", [1, 3])
def test_a_full_plan_asks_as_much_of_the_database_for_three_prompts_as_for_one(
    units, django_assert_num_queries
) -> None:
    campaign = make_campaign()
    prompts, _ = make_judged(campaign, *(f"prompt {number}" for number in range(units)))
    cell = make_cell(campaign, prompts=units)
    for prompt in prompts:
        put(prompt, cell)
    with django_assert_num_queries(29):
        measure_coverage_job()
