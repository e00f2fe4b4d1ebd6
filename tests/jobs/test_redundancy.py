"""After each ballot what is known of its parent decides within seconds: enough, or one more."""

from __future__ import annotations

import pytest
from django.db.models import F

from annotate.models import Message, Stale, Unit, UnitDetail
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.scheduling import schedule_units_job
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db

BOUNDS = {"redundancy": 2, "min_judgments": 2, "max_judgments": 6}


def follow() -> None:
    """What the workers do after a ballot."""
    recompute_stale_job()
    schedule_units_job()


def ask_until_enough(campaign, *, orders: list[int]) -> int:
    """Let one person after the other rank a prompt (1: the first above the second) while it asks; how many were asked."""
    prompt = make_prompt(campaign, "one")
    first, second = add_candidates(prompt, "alpha Yes.", "beta No.")
    follow()
    for given, (annotator, order) in enumerate(zip(make_annotators(len(orders)), orders, strict=True)):
        if not Unit.objects.filter(subject=prompt, done__lt=F("needed")).exists():
            return given
        above, below = (first, second) if order > 0 else (second, first)
        rank(annotator, prompt, [above], [below], acceptable_tiers=1)
        follow()
    return len(orders)


@pytest.mark.parametrize(
    ("rule", "asked"),
    [
        ({"stop_best": 0.9}, 2),
        ({"stop_best": 0.99}, 3),
        ({"stop_confidence": 0.99}, 4),
        ({"least_gain": 0.01}, 2),
        ({"least_gain": 0.0001}, 3),
        ({"stop_best": 0.999}, 5),
    ],
)
def test_a_clear_parent_stops_as_soon_as_its_rule_says(rule, asked) -> None:
    assert ask_until_enough(make_campaign(**BOUNDS, **rule), orders=[1] * 8) == asked


@pytest.mark.parametrize("rule", [{"stop_best": 0.85}, {"stop_confidence": 0.7}, {"least_gain": 0.01}])
def test_a_contested_parent_is_asked_on_up_to_the_most(rule) -> None:
    assert ask_until_enough(make_campaign(**BOUNDS, **rule), orders=[1, -1] * 4) == 6


def test_what_one_more_is_worth_comes_with_the_consensus() -> None:
    campaign = make_campaign(**BOUNDS, least_gain=0.02)
    ask_until_enough(campaign, orders=[1, -1])
    result = Message.objects.get(current_consensus__isnull=False).current_consensus.result
    assert 0.02 < result["gain"] < 1


def test_a_ballot_moves_its_own_parent_alone() -> None:
    campaign = make_campaign(**BOUNDS, stop_best=0.8)
    prompts = [make_prompt(campaign, text) for text in ("one", "two")]
    candidates = [add_candidates(prompt, "alpha Yes.", "beta No.") for prompt in prompts]
    people = make_annotators(3)
    for prompt, (first, second) in zip(prompts, candidates, strict=True):
        for annotator, order in zip(people, ([first, second], [second, first]), strict=False):
            rank(annotator, prompt, order[:1], order[1:])
    follow()
    assert dict(Unit.objects.values_list("subject_id", "needed")) == dict.fromkeys((p.pk for p in prompts), 3)

    rank(people[2], prompts[0], candidates[0][:1], candidates[0][1:])
    follow()

    assert dict(Unit.objects.values_list("subject_id", "needed")) == {prompts[0].pk: 4, prompts[1].pk: 3}


def test_reasons_told_to_annotators_do_not_change_with_certainty() -> None:
    campaign = make_campaign(**BOUNDS, stop_best=0.9)
    prompts = [make_prompt(campaign, text) for text in ("sure", "contested")]
    candidates = [add_candidates(prompt, "alpha Yes.", "beta No.") for prompt in prompts]
    one, two = make_annotators(2)
    for annotator, turned in ((one, False), (two, True)):
        for prompt, (first, second) in zip(prompts, candidates, strict=True):
            above, below = (second, first) if turned and prompt == prompts[1] else (first, second)
            rank(annotator, prompt, [above], [below], acceptable_tiers=1)
    follow()
    sure, contested = (UnitDetail.objects.get(unit__subject=prompt) for prompt in prompts)
    assert (sure.wanted, contested.wanted) == (2, 3)
    assert (sure.reason_code, sure.reason_args) == (contested.reason_code, contested.reason_args)


def test_nothing_is_left_marked_when_everything_was_followed() -> None:
    ask_until_enough(make_campaign(**BOUNDS, stop_best=0.99), orders=[1] * 4)
    assert not Stale.objects.filter(kind__in=("parent", "subject_need"), marked__gt=F("computed")).exists()
