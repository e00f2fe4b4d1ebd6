"""Why a unit is where it is, as the API tells it and to whom."""

from __future__ import annotations

from uuid import uuid4

import pytest

from annotate.models import Membership, Unit, UnitDetail
from tests.api.conftest import API
from tests.api.helpers import refusal
from tests.opinions import add_candidates, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

UNITS, MESSAGES = f"{API}campaigns/birds/units/", f"{API}campaigns/birds/messages/"


@pytest.fixture
def unit() -> Unit:
    prompt = make_prompt(make_campaign(redundancy=3), "Why do birds sing?")
    add_candidates(prompt, "alpha Yes.", "beta No.")
    UnitDetail.objects.update(terms={"coverage": 0.5, "uncertainty": None}, policy="coverage")
    return Unit.objects.get()


@pytest.fixture
def moderator(unit, make_client):
    client = make_client("mo", scopes=("read",))
    Membership.objects.create(campaign=unit.queue.campaign, user=client.owner, role="moderator")
    return client


def test_a_unit_is_told_with_what_its_band_came_from(unit, moderator) -> None:
    body = moderator.get(f"{UNITS}{unit.public_id}/why/").json()
    told = (
        "id",
        "kind",
        "language",
        "message",
        "brief",
        "done",
        "held",
        "needed",
        "wanted",
        "ahead",
        "policy",
        "terms",
        "cell",
    )
    assert {name: body[name] for name in told} == {
        "id": str(unit.public_id), "kind": "rank", "language": "en", "message": unit.subject_id, "brief": None, "done": 0,
        "held": 0, "needed": 3, "wanted": 3, "ahead": 0, "policy": "coverage",
        "terms": {"coverage": 0.5, "uncertainty": None}, "cell": None,
    }  # fmt: skip
    assert moderator.get(f"{MESSAGES}{unit.subject_id}/why/").json() == {"results": [body]}


def test_what_there_is_not_is_not_found(unit, moderator) -> None:
    assert refusal(moderator.get(f"{UNITS}{uuid4()}/why/")) == (404, "unit_not_found")
    assert moderator.get(f"{MESSAGES}12345678901234567890123/why/").json() == {"results": []}


def test_whoever_judges_is_told_nothing_of_it(unit, make_client) -> None:
    ada = make_client("ada")
    for address in (f"{UNITS}{unit.public_id}/why/", f"{MESSAGES}{unit.subject_id}/why/"):
        assert refusal(ada.get(address))[0] == 403
