"""Organizers and moderators read over HTTP how evenly generators were asked."""

from __future__ import annotations

import pytest

from annotate.models import CampaignGenerator, Generator, Membership
from annotate.services.generation import ask_missing
from tests.api.conftest import API
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

HERE = f"{API}campaigns/birds/generation/design/"


@pytest.fixture
def campaign():
    campaign = make_campaign(candidates_per_prompt=2)
    for name in "abc":
        generator = Generator.objects.create(name=name, engine="openai", endpoint="http://127.0.0.1:9/v1", model=name)
        CampaignGenerator.objects.create(campaign=campaign, generator=generator)
    for number in range(3):
        make_prompt(campaign, f"Question {number}?")
    return campaign


def come_as(make_client, campaign, role: str | None):
    client = make_client("olga", scopes=("read",))
    if role:
        Membership.objects.create(campaign=campaign, user=client.owner, role=role)
    return client


@pytest.mark.parametrize("role", ["organizer", "moderator"])
def test_the_design_is_told(make_client, campaign, role) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    told = come_as(make_client, campaign, role).get(HERE)
    balance = {
        "fewest": 2,
        "most": 2,
        "fewest_together": 1,
        "most_together": 1,
        "never_met": 0,
        "is_connected": True,
    }
    a, b, c = Generator.objects.order_by("name")
    assert (told.status_code, told.json()) == (
        200,
        {
            "wanted": 2,
            "generators": [
                {"id": a.pk, "name": "a", "prompts": 2, "beside": [None, 1, 1], "has_problem": False},
                {"id": b.pk, "name": "b", "prompts": 2, "beside": [1, None, 1], "has_problem": False},
                {"id": c.pk, "name": "c", "prompts": 2, "beside": [1, 1, None], "has_problem": False},
            ],
            "whole": balance,
            "strata": [{"language": "en", "topic": "", "balance": balance}],
            "more_strata": 0,
        },
    )


def test_nobody_else_learns_which_generators_there_are(make_client, campaign) -> None:
    told = come_as(make_client, campaign, None).get(HERE)
    assert (told.status_code, told.json()["error"]["code"]) == (403, "role_missing")


@pytest.mark.parametrize("prompts", [1, 3])
def test_the_design_costs_the_same_whatever_was_asked(
    make_client, campaign, django_assert_num_queries, prompts
) -> None:
    client = come_as(make_client, campaign, "organizer")
    for number in range(prompts - 1):
        make_prompt(campaign, f"In another stratum {number}?", topic=str(number))
    ask_missing(campaign_id=campaign.pk, now=NOW)
    with django_assert_num_queries(6):
        client.get(HERE)
