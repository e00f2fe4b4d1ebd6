"""Reliability over HTTP: of everybody for those who run a campaign, and of oneself for oneself."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from annotate.models import Membership, User
from tests.api.conftest import API
from tests.opinions import make_annotators, make_campaign
from tests.reliabilities import find, newcomer, person, store

pytestmark = pytest.mark.django_db

FIGURES = (
    "sharpness",
    "low",
    "high",
    "agreement",
    "agreement_low",
    "agreement_high",
    "n_ballots",
    "n_shared",
    "n_gold",
    "gold_right",
)
MINE, EVERYBODY = f"{API}me/reliability/", f"{API}campaigns/birds/annotators/"


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


def test_everybody_in_the_newest_snapshot_is_listed_by_id(campaign, organizer) -> None:
    ada, bob = make_annotators(2)
    ada.user = User.objects.create(email="ada@example.org", display_name="Ada")
    ada.save()
    snapshot = store(campaign, person(ada, sharpness=1.5, n_gold=2, gold_right=1.5), newcomer(bob))
    find(campaign, bob)
    answer = organizer.get(EVERYBODY).json()
    shared = {"is_guest": False, "is_suspended": False, "is_upheld": False}
    assert answer["results"] == [
        {"annotator": ada.pk, "name": "Ada", **shared, "findings": 0,
         **dict(zip(FIGURES, (1.5, 1.25, 1.75, 0.5, 0.4, 0.6, 20, 15, 2, 1.5), strict=True))},
        {"annotator": bob.pk, "name": None, **shared, "findings": 1,
         **dict(zip(FIGURES, (1.0, 0.3, 2.5, None, None, None, 2, 0, 0, 0.0), strict=True))},
    ]  # fmt: skip
    assert {name: answer[name] for name in ("next", "weighs", "version", "method", "method_version", "n_annotators")} == {
        "next": None, "weighs": False, "version": snapshot.version, "method": "test", "method_version": "1", "n_annotators": 2,
    }  # fmt: skip


def test_pages_fit_together_and_filters_hold_on_each(campaign, organizer) -> None:
    people = make_annotators(5)
    store(campaign, *(person(one, sharpness=0.2, high=0.4) for one in people[:4]), person(people[4]))
    seen, cursor = [], None
    while cursor is not None or not seen:
        query = {"limit": 3, "show": "below"} | ({"cursor": cursor} if cursor else {})
        answer = organizer.get(EVERYBODY, query).json()
        seen.append([row["annotator"] for row in answer["results"]])
        cursor = answer["next"]
    assert seen == [[one.pk for one in people[:3]], [people[3].pk]]


def test_before_anything_is_measured_there_is_nobody(organizer) -> None:
    answer = organizer.get(EVERYBODY).json()
    assert (answer["results"], answer["version"], answer["n_annotators"]) == ([], None, 0)


@pytest.mark.parametrize(
    ("query", "status"), [({"show": "all"}, 200), ({"show": "x"}, 422), ({"cursor": "?"}, 422), ({"sort": "x"}, 422)]
)
def test_what_cannot_be_asked_is_refused(campaign, organizer, query, status) -> None:
    store(campaign, person(make_annotators(1)[0]))
    assert organizer.get(EVERYBODY, query).status_code == status


@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize(("role", "status"), [(None, 403), ("annotator", 403), ("moderator", 200), ("organizer", 200)])
def test_nobody_but_those_who_run_the_campaign_sees_others(campaign, make_client, state, role, status) -> None:
    campaign.state = state
    campaign.save()
    client = make_client("ina", scopes=("read", "annotate"))
    if role:
        Membership.objects.create(campaign=campaign, user=client.owner, role=role)
    store(campaign, person(make_annotators(1)[0], sharpness=1.2345))
    answer = client.get(EVERYBODY)
    assert (answer.status_code, "1.2345" in answer.content.decode()) == (status, status == 200)


def test_a_token_that_only_annotates_lists_nobody(campaign, make_client) -> None:
    client = make_client("olga", scopes=("annotate",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    assert client.get(EVERYBODY).status_code == 403


def test_my_own_tells_of_me_alone_and_nothing_of_gold(make_client) -> None:
    campaign, other = make_campaign(weigh_reliability=True), make_campaign("other")
    client = make_client("ada", scopes=("annotate",))
    me, (somebody,) = client.owner.annotator, make_annotators(1)
    store(campaign, person(me, sharpness=2.0, low=1.5, n_gold=3, gold_right=3.0, agreement=0.51234), person(somebody))
    store(other, newcomer(me), person(somebody))
    store(make_campaign("third"), person(somebody))
    rows = client.get(MINE).json()["results"]
    for row in rows:
        del row["computed_at"]
    assert rows == [
        {"campaign": "other", "title": "Other", "state": "open", "version": 1, "n_ballots": 2, "n_shared": 0,
         "agreement": None, "agreement_low": None, "agreement_high": None, "counts_as": None},
        {"campaign": "birds", "title": "Birds", "state": "open", "version": 1, "n_ballots": 20, "n_shared": 15,
         "agreement": 0.5, "agreement_low": 0.4, "agreement_high": 0.6, "counts_as": "more"},
    ]  # fmt: skip


def test_of_few_ballots_nothing_is_told(campaign, make_client) -> None:
    client = make_client("ada", scopes=("annotate",))
    store(campaign, person(client.owner.annotator, n_shared=9, agreement=0.9))
    (row,) = client.get(MINE).json()["results"]
    assert (row["n_shared"], row["agreement"], row["agreement_low"]) == (9, None, None)


def test_nobody_signed_in_has_no_reliability() -> None:
    assert APIClient().get(MINE).status_code == 401


@pytest.mark.parametrize("count", [1, 3])
def test_both_cost_as_many_queries_however_many_rows_there_are(make_client, django_assert_num_queries, count) -> None:
    client = make_client("olga", scopes=("organize", "annotate"))
    for number in range(count):
        campaign = make_campaign("birds" if not number else f"birds-{number}")
        Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
        store(campaign, person(client.owner.annotator), *(person(one) for one in make_annotators(count)))
    client.get(MINE)
    with django_assert_num_queries(2):
        client.get(MINE)
    with django_assert_num_queries(4):
        client.get(EVERYBODY)
