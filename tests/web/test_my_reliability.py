"""One's own page tells how one's rankings go with those of others: in kind words, and nothing of a single prompt."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator
from annotate.queries.annotator_reliability import FEW_SHARED
from annotate.services.guests import create_guest
from annotate.services.terms import CURRENT_TERMS
from annotate.web.my_reliability import say_agreement, say_certainty, say_pairs
from annotate.web.visitors import GUEST_COOKIE
from tests.opinions import make_annotators, make_campaign
from tests.reliabilities import newcomer, person, store
from tests.web.organizing import make_person, sign_in

pytestmark = pytest.mark.django_db

PAGE = "/me/reliability/"


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def client() -> Client:
    return sign_in("ada")


@pytest.fixture
def ada() -> Annotator:
    return make_person("ada").annotator


def read(client: Client) -> str:
    response = client.get(PAGE)
    assert response.status_code == 200
    return response.content.decode()


def test_whoever_has_nothing_to_compare_is_told_how_that_comes(client) -> None:
    assert "There is nothing to compare yet" in read(client)


def test_what_is_known_is_told_with_its_uncertainty(campaign, client, ada) -> None:
    store(campaign, person(ada, agreement=0.62, agreement_low=0.42, agreement_high=0.81))
    text = read(client)
    assert "You mostly put replies in the order in which others put them." in text
    assert "you and the others put about 8 in the same order (between 7 and 9). This is known roughly" in text
    assert "15 of your 20 rankings are of prompts that others ranked too." in text


@pytest.mark.parametrize("figures", [{"n_shared": FEW_SHARED - 1}, {"agreement_low": None, "agreement_high": None}])
def test_too_little_is_said_to_be_too_little(campaign, client, ada, figures) -> None:
    store(campaign, person(ada, agreement=0.9, **figures))
    text = read(client)
    assert ("Too little to say yet." in text, "nearly always" in text, "Once 10 of your rankings" in text) == (
        True,
        False,
        True,
    )


def test_a_newcomer_is_not_judged(campaign, client, ada) -> None:
    store(campaign, newcomer(ada))
    assert "Too little to say yet." in read(client)


def test_who_sees_it_differently_is_told_what_helps_and_that_it_is_allowed(campaign, client, ada) -> None:
    store(campaign, person(ada, agreement=0.05, agreement_low=-0.1, agreement_high=0.2))
    text = read(client)
    assert (
        "often put replies in different orders" in text,
        "disagreement is welcome" in text,
        "/campaigns/birds/guideline/" in text,
    ) == (
        True,
        True,
        True,
    )


def test_who_agrees_is_given_no_advice(campaign, client, ada) -> None:
    store(campaign, person(ada, agreement=0.8, agreement_low=0.7, agreement_high=0.9))
    assert "disagreement is allowed" not in read(client)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"sharpness": 1.0}, "Yours count as much as most people’s."),
        ({"sharpness": 2.0, "low": 1.5}, "Yours count for more than most."),
        ({"sharpness": 0.3, "high": 0.6}, "Yours count for less than most."),
        ({"sharpness": 0.3, "high": 0.6, "n_shared": 3}, "Yours count as much as most people’s."),
    ],
)
def test_where_rankings_are_weighed_everybody_learns_what_theirs_count_for(client, ada, figures, said) -> None:
    store(make_campaign(weigh_reliability=True), person(ada, **figures))
    assert said in read(client)


def test_where_all_count_alike_nothing_is_said_of_counting(campaign, client, ada) -> None:
    store(campaign, person(ada, sharpness=0.3, high=0.6), upheld=[ada])
    assert ("count for" in read(client), "at present" in read(client).lower()) == (False, False)


def test_whose_rankings_count_for_nothing_is_told_and_where_to_turn(client, ada) -> None:
    store(make_campaign(weigh_reliability=True), person(ada, sharpness=0.0, high=0.0), upheld=[ada])
    assert "At present your rankings count for nothing" in read(client)


def test_nothing_of_others_and_nothing_of_gold_is_told(campaign, client, ada) -> None:
    (other,) = make_annotators(1)
    store(
        campaign,
        person(ada, sharpness=1.777, low=1.5, high=1.888, n_gold=13, gold_right=11.5),
        person(other, sharpness=0.123, agreement=0.98, agreement_high=1.0),
    )
    text = read(client)
    assert [
        one for one in ("1.77", "1.78", "1.88", "11.5", "0.12", "nearly always", f"Volunteer {other.pk}") if one in text
    ] == []


def test_somebody_else_sees_nothing_of_it(campaign, ada) -> None:
    store(campaign, person(ada))
    assert "There is nothing to compare yet" in read(sign_in("bob"))


def test_nobody_is_asked_to_sign_in() -> None:
    response = Client().get(PAGE)
    assert (response.status_code, response["Location"]) == (302, "/account/login/?next=%2Fme%2Freliability%2F")


def test_a_guest_sees_their_own(campaign) -> None:
    campaign.allow_guests = True
    campaign.save()
    guest, token = create_guest(terms_version=CURRENT_TERMS, languages=(), now=timezone.now())
    store(campaign, person(guest, agreement=0.9, agreement_low=0.85, agreement_high=0.95))
    client = Client()
    client.cookies[GUEST_COOKIE] = token
    assert "You nearly always put replies in the order" in read(client)


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_as_many_queries_however_many_campaigns_are_on_it(
    client, ada, django_assert_num_queries, count
) -> None:
    for number in range(count):
        store(make_campaign(f"birds-{number}"), person(ada))
    read(client)
    with django_assert_num_queries(2):
        read(client)


def test_the_account_leads_to_it(client) -> None:
    assert 'href="/me/reliability/"' in client.get("/me/").content.decode()


def test_words_follow_the_figures() -> None:
    said = [say_agreement(tau).split()[1] for tau in (0.7, 0.69, 0.4, 0.15, 0.14, -1.0)]
    assert said == ["nearly", "mostly", "mostly", "sometimes", "and", "and"]
    assert [say_certainty(width)[8:] for width in (0.2, 0.5, 0.51)] == [
        "known well.",
        "known roughly; each ranking makes it clearer.",
        "a first impression, and may change a lot.",
    ]
    certain = dict.fromkeys(("agreement", "agreement_low", "agreement_high"), 1.0)
    assert say_pairs(certain) == "Of ten pairs of replies, you and the others put about 10 in the same order."
