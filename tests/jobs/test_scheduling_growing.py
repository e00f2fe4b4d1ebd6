"""The plan of a campaign whose trees grow: what is written is put in order beside what is still to be written."""

from __future__ import annotations

import numpy as np
import pytest

from annotate.models import Campaign, Unit
from annotate.services.tree_marks import mark_trees
from tasks.jobs import planning, scheduling
from tasks.jobs.scheduling import schedule_campaign
from tasks.records.coverage import Plan
from tasks.vocabulary import PolicyName
from tests.growing import NOW, grow, make_growing
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def everything_is_little_wanted(monkeypatch) -> None:
    """As in a campaign of which most is covered already."""
    real = planning.plan

    def lower(*given, **named):
        made = real(*given, **named)
        return Plan(made.policy, (made.band - 480).clip(0), made.terms)

    monkeypatch.setattr(planning, "plan", lower)


def plan_bands(campaign: Campaign) -> set[int]:
    prompts = [make_prompt(campaign, f"Why {number}?", replies=2) for number in range(6)]
    mark_trees(tree_ids=[prompt.tree_id for prompt in prompts])
    grow()
    schedule_campaign(campaign.pk, now=NOW)
    return set(Unit.objects.filter(queue__campaign=campaign, kind="rank", is_open=True).values_list("band", flat=True))


@pytest.mark.parametrize("rival", [None, "uncertainty"])
def test_orders_stand_among_writing_and_reviews_where_trees_grow(rival: str | None) -> None:
    low = plan_bands(make_campaign(rival_policy=rival))
    raised = plan_bands(make_growing(rival_policy=rival))
    assert low
    assert max(low) < 400
    assert raised
    assert 560 <= min(raised) <= max(raised) <= 760


def test_a_tick_that_sees_the_front_raises_it_as_the_plan_of_all_did(monkeypatch) -> None:
    """Else what is wanted most would stand below what the tick does not see."""
    campaign = make_growing()
    plan_bands(campaign)

    def plan_at(band: int) -> set[int]:
        def plan(pool, *_given, **_named):
            return Plan(PolicyName.COVERAGE, np.full(len(pool), band, dtype=np.int16), {})

        monkeypatch.setattr(planning, "plan", plan)
        schedule_campaign(campaign.pk, now=NOW)
        orders = Unit.objects.filter(queue__campaign=campaign, kind="rank", is_open=True)
        return set(orders.values_list("band", flat=True))

    assert plan_at(580) == {680}
    monkeypatch.setattr(scheduling, "FRONT_UNITS", 2)
    assert plan_at(600) == {700}
    monkeypatch.setattr(scheduling, "FRONT_UNITS", 5000)
    assert plan_at(600) == {600}
