"""What adaptive redundancy saved, and the past under another rule, as the API tells them and to whom."""

from __future__ import annotations

import json

import pytest

from annotate.models import Campaign, Membership, Unit
from tests.api.conftest import API
from tests.api.helpers import details, refusal
from tests.opinions import make_campaign
from tests.savings import measure, rank_prompts

pytestmark = pytest.mark.django_db

SAVING, REPLAY = f"{API}campaigns/birds/saving/", f"{API}campaigns/birds/saving/replay/"


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(redundancy=3, min_judgments=2, max_judgments=5, stop_best=0.85)


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


@pytest.mark.parametrize("address", [SAVING, REPLAY])
@pytest.mark.parametrize("state", ["open", "closed"])
def test_only_those_who_run_the_campaign_may_see_it(campaign, make_client, address, state) -> None:
    Campaign.objects.update(state=state)
    assert refusal(make_client("ada", scopes=("organize",)).get(address))[0] == 403


def test_it_tells_what_was_given_against_a_fixed_number(campaign, organizer) -> None:
    rank_prompts(campaign, "++", "++", "+-+-+", "+-")
    measure(campaign)
    body = organizer.get(SAVING).json()
    assert body.pop("computed_at")
    assert len(body.pop("fixed")) > 20
    assert body.pop("confidence") > 0
    assert body.pop("fixed_each") > 0
    assert body == {
        "rule": {
            "base": 3,
            "minimum": 2,
            "maximum": 5,
            "stop_confidence": None,
            "stop_best": 0.85,
            "least_gain": None,
        },
        "orders": 4,
        "rankings": 11,
        "decided": 3,
        "given": 9,
        "at_redundancy": 9,
        "per_order": [{"rankings": 2, "orders": 2}, {"rankings": 5, "orders": 1}],
        "reasons": [{"reason": "best_sure", "orders": 2}, {"reason": "maximum", "orders": 1}],
        "seconds": 30.0,
        "timed": 11,
        "sample": 4,
        "sample_decided": 3,
        "sample_each": 3.0,
    }


def test_before_anything_was_measured_it_says_so(organizer) -> None:
    body = organizer.get(SAVING).json()
    assert (body["computed_at"], body["rule"], body["decided"], body["per_order"]) == (None, None, 0, [])
    replayed = organizer.get(REPLAY, {"stop_best": 0.9}).json()
    assert (replayed["computed_at"], replayed["parents"], replayed["tau"], replayed["saved"]) == (None, 0, None, None)


def test_another_rule_is_tried_and_changes_nothing(campaign, organizer) -> None:
    rank_prompts(campaign, "++", "++", "-+++")
    measure(campaign)
    before = list(Unit.objects.order_by("pk").values())
    body = organizer.get(REPLAY, {"stop_best": 0.7, "min_judgments": 1, "max_judgments": 5}).json()
    assert list(Unit.objects.order_by("pk").values()) == before
    assert body.pop("computed_at")
    assert 0.5 < body.pop("confidence") < 1
    assert body == {
        "parents": 3,
        "given": 8,
        "asked": 3,
        "saved": 0.625,
        "stopped": 3,
        "ran_out": 0,
        "tau": 0.3333,
        "tau_stopped": 0.3333,
        "best_kept": 0.6667,
        "reasons": [{"reason": "best_sure", "orders": 3}],
        "per_order": [{"rankings": 1, "orders": 3}],
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"stop_best": 2}, ["stop_best"]),
        ({"stop_best": "nan"}, ["stop_best"]),
        ({"least_gain": "inf"}, ["least_gain"]),
        ({"least_gain": "much"}, ["least_gain"]),
        ({"min_judgments": 4, "max_judgments": 3}, ["max_judgments"]),
        ({"min_judgments": 2.5}, ["min_judgments"]),
        ({"redundancy": 3}, ["redundancy"]),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_names(organizer, query, names) -> None:
    response = organizer.get(REPLAY, query)
    assert refusal(response)[0] == 422
    assert list(details(response)) == names


def test_nothing_in_it_is_no_number(campaign, organizer) -> None:
    rank_prompts(campaign, "+", "+-+-")
    measure(campaign)
    for address in (SAVING, REPLAY):
        json.loads(organizer.get(address).content, parse_constant=pytest.fail)
