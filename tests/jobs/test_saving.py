"""What adaptive redundancy saves is counted soon after something was ranked, and only then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Judgment, Message, Queue, Saving, Stale, Unit
from annotate.queries.saving import load_traces
from annotate.services.saving import store_saving
from annotate.services.stale import take_turn
from tasks.agreement.consensus import combine_rankings
from tasks.jobs import saving
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.saving import measure_saving_job
from tasks.records.ballots import Ballot
from tasks.vocabulary import StaleKind
from tests.opinions import make_annotators, make_campaign, rank
from tests.savings import measure, rank_prompts

pytestmark = pytest.mark.django_db

ADAPTIVE = {"redundancy": 3, "min_judgments": 2, "max_judgments": 5, "stop_best": 0.85}


def rest_no_more() -> None:
    Stale.objects.filter(kind="turn_saving").update(lease_expires_at=None)


def test_it_counts_what_every_order_took_and_why_it_stopped() -> None:
    campaign = make_campaign(**ADAPTIVE)
    rank_prompts(campaign, "++", "++", "+-+-+", "+-", "")
    result = measure(campaign).result
    told = ("orders", "rankings", "decided", "given", "per_order", "reasons", "seconds", "timed")
    assert {name: result[name] for name in told} == {
        "orders": 4,
        "rankings": 11,
        "decided": 3,
        "given": 9,
        "per_order": [[2, 2], [5, 1]],
        "reasons": {"best_sure": 2, "maximum": 1},
        "seconds": 30.0,
        "timed": 11,
    }
    assert result["rule"] == {
        "base": 3,
        "minimum": 2,
        "maximum": 5,
        "stop_confidence": None,
        "stop_best": 0.85,
        "least_gain": None,
    }


def test_a_fixed_campaign_has_orders_that_had_their_number() -> None:
    campaign = make_campaign(redundancy=2)
    rank_prompts(campaign, "++", "+-", "+", seconds=None)
    result = measure(campaign).result
    assert (result["decided"], result["given"], result["reasons"]) == (2, 4, {"fixed": 2})
    assert (result["seconds"], result["timed"]) == (None, 0)


def test_an_order_that_was_ended_by_hand_says_so() -> None:
    campaign = make_campaign(**ADAPTIVE)
    rank_prompts(campaign, "+-")
    measure(campaign)
    Unit.objects.update(needed=2)
    campaign.parameters = {**campaign.parameters, "max_judgments": 6}
    campaign.save()
    rest_no_more()
    measure_saving_job()
    assert Saving.objects.get().result["reasons"] == {"otherwise": 1}


def test_the_past_is_told_in_the_order_in_which_rankings_came() -> None:
    campaign = make_campaign(redundancy=3)
    (prompt,) = rank_prompts(campaign, "-++")
    measure(campaign)
    (trace,) = load_traces(campaign_id=campaign.pk)
    assert trace.parent == prompt.pk
    assert [step.tau for step in trace.steps] == [-1.0, 0.0, 1.0]
    (first,) = combine_rankings([Ballot("a", 1, ((2,), (1,)), None, (1, 2))], seed=1, with_gain=True)
    assert (trace.steps[0].confidence, trace.steps[0].gain) == (round(first.confidence, 4), round(first.gain, 5))


def test_rankings_taken_back_are_in_nothing() -> None:
    campaign = make_campaign(redundancy=2)
    rank_prompts(campaign, "++", "++")
    Judgment.objects.filter(pk=Judgment.objects.latest("pk").pk).update(withdrawn_at=timezone.now())
    assert measure(campaign).result["timed"] == 3
    assert sorted(len(trace.steps) for trace in load_traces(campaign_id=campaign.pk)) == [1, 2]


def test_gold_items_are_in_nothing() -> None:
    campaign = make_campaign(redundancy=2)
    rank_prompts(campaign, "++", "++")
    recompute_stale_job()
    Queue.objects.update(is_gold=True)
    measure_saving_job()
    result = Saving.objects.get().result
    assert (result["orders"], result["sample"], result["timed"]) == (0, 0, 0)


def test_a_sample_is_as_sure_with_a_fixed_number_as_it_is() -> None:
    campaign = make_campaign(redundancy=2)
    rank_prompts(campaign, "++", "++", "++")
    result = measure(campaign).result
    assert (result["sample"], result["sample_decided"], result["sample_each"]) == (3, 3, 2.0)
    assert result["fixed"][1] == pytest.approx(result["confidence"], abs=1e-3)
    assert result["fixed_each"] == pytest.approx(2.0, abs=0.01)


def test_nothing_is_measured_where_nothing_was_ranked() -> None:
    make_campaign()
    measure_saving_job()
    assert not Saving.objects.exists()


def test_it_is_measured_again_only_when_something_was_ranked_or_the_rule_changed(monkeypatch) -> None:
    campaign = make_campaign(redundancy=3)
    (prompt,) = rank_prompts(campaign, "++")
    first = measure(campaign).computed_at

    rest_no_more()
    measure_saving_job()
    assert Saving.objects.get().computed_at == first

    candidates = list(Message.objects.filter(parent=prompt).order_by("pk"))
    rank(make_annotators(1)[0], prompt, candidates[:1], candidates[1:])
    Stale.objects.filter(kind="campaign").update(lease_expires_at=None)
    recompute_stale_job()
    rest_no_more()
    measure_saving_job()
    second = Saving.objects.get()
    assert (second.computed_at > first, second.result["rankings"]) == (True, 3)

    campaign.parameters = {"redundancy": 3, "stop_best": 0.9}
    campaign.save()
    rest_no_more()
    measure_saving_job()
    assert Saving.objects.get().result["rule"]["stop_best"] == 0.9


def test_it_rests_after_each_turn() -> None:
    campaign = make_campaign()
    rank_prompts(campaign, "++")
    before = timezone.now()
    measure(campaign)
    rest = Stale.objects.get(kind="turn_saving").lease_expires_at
    assert rest > before + timedelta(seconds=50)


def test_one_campaign_that_fails_costs_the_others_nothing(monkeypatch, caplog) -> None:
    broken, well = make_campaign("broken"), make_campaign("well")
    for campaign in (broken, well):
        rank_prompts(campaign, "++")
    recompute_stale_job()
    real = saving.load_streams

    def fail(*, campaign_id):
        if campaign_id == broken.pk:
            raise ValueError("broken")
        return real(campaign_id=campaign_id)

    monkeypatch.setattr(saving, "load_streams", fail)
    measure_saving_job()
    assert list(Saving.objects.values_list("campaign__slug", flat=True)) == ["well"]
    assert "could not measure the saving" in caplog.text


def test_a_turn_that_was_taken_over_stores_nothing() -> None:
    campaign = make_campaign()
    now = timezone.now()
    turn = take_turn(kind=StaleKind.TURN_SAVING, subject_id=campaign.pk, now=now, lease_seconds=10)
    take_turn(kind=StaleKind.TURN_SAVING, subject_id=campaign.pk, now=now + timedelta(seconds=20), lease_seconds=10)
    assert store_saving(turn=turn, result={}, traces=[], now=now) is False
    assert not Saving.objects.exists()


def test_the_database_reads_what_a_campaign_weighs() -> None:
    campaign = make_campaign(redundancy=2, weigh_reliability=True)
    rank_prompts(campaign, "++", "+-")
    assert measure(campaign).result["sample"] == 2
