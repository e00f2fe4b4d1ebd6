"""Where candidates are too much alike, one more is asked of a generator that is kept for that: bounded, and never twice."""

from __future__ import annotations

import pytest

from annotate.models import Campaign, CampaignGenerator, GenerationRequest, Stale, Unit
from annotate.queries.integrity import find_broken_rules
from annotate.services.generation import ask_missing
from annotate.services.variety import ask_for_variety
from tasks.jobs import variety
from tasks.jobs.variety import ask_variety_job
from tests.opinions import NOW, add_candidates, add_message, make_annotators, make_campaign, make_prompt, rank
from tests.pure.test_variety import OTHER, SAME
from tests.services.test_comparison_design import name_generators

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(ask_variety=True)


@pytest.fixture
def pond(campaign):
    [generator] = name_generators(campaign, "pond", samples=2)
    CampaignGenerator.objects.filter(generator=generator).update(is_for_variety=True)
    return generator


def ask_under(campaign, name: str, *texts: str):
    prompt = make_prompt(campaign, name)
    return prompt, add_candidates(prompt, *(f"g{number} {text}" for number, text in enumerate(texts)))


def look() -> list[GenerationRequest]:
    Stale.objects.filter(kind="turn_variety").update(lease_expires_at=None)
    ask_variety_job()
    return list(GenerationRequest.objects.filter(is_for_variety=True).order_by("pk"))


def test_only_where_candidates_are_alike_one_more_is_asked(campaign, pond) -> None:
    alike, _ = ask_under(campaign, "alike", *SAME)
    ask_under(campaign, "varied", SAME[0], OTHER)
    ask_under(campaign, "single", SAME[0])
    [request] = look()
    assert (request.parent, request.generator, request.sample_index, request.state, request.campaign) == (
        alike, pond, 0, "queued", campaign,
    )  # fmt: skip
    assert request.priority > 0


def test_looking_again_asks_nothing_while_it_is_on_its_way(campaign, pond) -> None:
    ask_under(campaign, "alike", *SAME)
    assert look() == look()


def test_when_that_was_alike_too_one_last_one_is_asked(campaign, pond) -> None:
    prompt, _ = ask_under(campaign, "alike", *SAME)
    look()
    GenerationRequest.objects.update(state="done")
    add_message(prompt.tree, f"g9 {SAME[0]} Always.", parent=prompt)
    assert [request.sample_index for request in look()] == [0, 1]
    GenerationRequest.objects.update(state="done")
    CampaignGenerator.objects.update(samples=16)
    assert len(look()) == 2


def test_what_failed_is_not_asked_for_again(campaign, pond) -> None:
    CampaignGenerator.objects.update(samples=1)
    ask_under(campaign, "alike", *SAME)
    look()
    GenerationRequest.objects.update(state="failed")
    assert len(look()) == 1


def test_once_somebody_has_judged_nothing_is_added(campaign, pond) -> None:
    prompt, (first, second) = ask_under(campaign, "alike", *SAME)
    rank(make_annotators(1)[0], prompt, [first], [second])
    assert look() == []
    ask_under(campaign, "held", *SAME)
    Unit.objects.update(held=1)
    assert look() == []


def test_a_candidate_that_was_taken_away_does_not_count(campaign, pond) -> None:
    _, (first, _second) = ask_under(campaign, "alike", *SAME)
    first.removed_at = NOW
    first.save()
    assert look() == []


@pytest.mark.parametrize("change", [{"parameters": {}}, {"state": "paused"}, {"state": "closed"}])
def test_a_campaign_that_does_not_ask_for_it_is_left_alone(campaign, pond, change) -> None:
    ask_under(campaign, "alike", *SAME)
    Campaign.objects.update(**change)
    assert look() == []


def test_a_generator_that_is_switched_off_is_not_asked(campaign, pond) -> None:
    ask_under(campaign, "alike", *SAME)
    pond.enabled = False
    pond.save()
    assert look() == []


def test_the_walk_goes_on_where_it_ended(campaign, pond, monkeypatch) -> None:
    monkeypatch.setattr(variety, "MESSAGES_A_TURN", 2)
    for number in range(3):
        ask_under(campaign, f"alike {number}", *SAME)
    assert [len(look()) for _ in range(2)] == [2, 3]


def test_a_generator_that_is_kept_for_variety_is_no_part_of_the_design(campaign, pond) -> None:
    [lab] = name_generators(campaign, "lab")
    prompt = make_prompt(campaign, "new")
    assert ask_missing(campaign_id=campaign.pk, now=NOW) == 1
    assert GenerationRequest.objects.get(parent=prompt).generator == lab


def test_what_was_asked_for_variety_takes_no_place_of_the_design_and_breaks_no_count() -> None:
    campaign = make_campaign(ask_variety=True, candidates_per_prompt=2)
    pond = name_generators(campaign, "lab", "mill", "pond")[-1]
    CampaignGenerator.objects.filter(generator=pond).update(is_for_variety=True)
    prompt, _ = ask_under(campaign, "alike", *SAME)
    ask_for_variety(campaign_id=campaign.pk, asks=[(prompt.pk, pond.pk, 0)], now=NOW)
    assert ask_missing(campaign_id=campaign.pk, now=NOW) == 2
    asked = GenerationRequest.objects.order_by("generator__name").values_list("generator__name", "is_for_variety")
    assert list(asked) == [("lab", False), ("mill", False), ("pond", True)]
    assert [f for f in find_broken_rules() if "pairing" in f.rule] == []


def test_nothing_is_asked_of_whoever_is_not_kept_for_it_any_more(campaign, pond) -> None:
    prompt, _ = ask_under(campaign, "alike", *SAME)
    CampaignGenerator.objects.update(is_for_variety=False)
    assert ask_for_variety(campaign_id=campaign.pk, asks=[(prompt.pk, pond.pk, 0)], now=NOW) == 0
    assert ask_for_variety(campaign_id=campaign.pk, asks=[], now=NOW) == 0
    Campaign.objects.update(state="closed")
    CampaignGenerator.objects.update(is_for_variety=True)
    assert ask_for_variety(campaign_id=campaign.pk, asks=[(prompt.pk, pond.pk, 0)], now=NOW) == 0
