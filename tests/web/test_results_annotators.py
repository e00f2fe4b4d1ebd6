"""How reliable annotators are: shown to those who run the campaign, to nobody else, and in parts that fit together."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from annotate.models import Annotator, User
from annotate.web.lists import PAGE_SIZE
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.reliabilities import find, newcomer, person, store
from tests.web.organizing import HTMX, come_as, sign_in

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/results/annotators/"


@pytest.fixture
def campaign():
    return make_campaign(allow_guests=False)


@pytest.fixture
def olga(campaign) -> Client:
    return come_as("organizer", campaign)


def name(annotator: Annotator, display_name: str) -> Annotator:
    annotator.user = User.objects.create(email=f"{display_name.lower()}@example.org", display_name=display_name)
    annotator.save()
    return annotator


def names_on(client: Client, query: str = "") -> list[str]:
    """The annotators of the list, in its order."""
    page = client.get(PAGE + query).content.decode()
    return [one.strip("\u2068\u2069") for one in re.findall(r'\?who=\d+"><bdi>(.*?)</bdi>', page)]


@pytest.mark.parametrize("who", ["nobody", "annotator"])
@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize("query", ["", "?who={}"])
def test_nobody_else_sees_it_not_even_when_the_campaign_is_closed(campaign, who, state, query) -> None:
    (ada,) = make_annotators(1)
    store(campaign, person(ada, sharpness=1.234))
    campaign.state = state
    campaign.save()
    response = come_as(who, campaign).get(PAGE + query.format(ada.pk))
    assert (response.status_code, b"1.23" in response.content) == (403, False)


@pytest.mark.parametrize("who", ["moderator", "organizer", "administrator"])
def test_those_who_run_the_campaign_see_everybodys_figures(campaign, who) -> None:
    (ada,) = make_annotators(1)
    store(campaign, person(ada, sharpness=1.5, n_gold=4, gold_right=3.0))
    text = come_as(who, campaign).get(PAGE).content.decode()
    assert [one in text for one in ("1.50", "1.25 to 1.75", "0.50", "75 % of 4", f"Volunteer {ada.pk}")] == [True] * 5


def test_annotators_are_named_as_they_named_themselves_and_never_by_address(campaign, olga) -> None:
    ada, guest, nobody = make_annotators(3)
    name(ada, "Ada <b>")
    guest.device_hash = bytes(32)
    guest.save()
    store(campaign, person(ada, sharpness=0.5), person(guest), person(nobody, sharpness=2.0))
    assert names_on(olga) == ["Ada &lt;b&gt;", f"Guest {guest.pk}", f"Volunteer {nobody.pk}"]
    assert "example.org" not in olga.get(PAGE).content.decode().split("</header>")[-1]


def test_before_anything_is_measured_the_page_says_when(campaign, olga) -> None:
    assert "Nothing is measured yet" in olga.get(PAGE).content.decode()


def test_a_campaign_from_which_every_ballot_was_taken_back_has_nobody(campaign, olga) -> None:
    store(campaign, person(make_annotators(1)[0]))
    store(campaign, inputs="b")
    assert "Nobody has ranked anything that stands" in olga.get(PAGE).content.decode()


def test_only_the_newest_snapshot_is_shown(campaign, olga) -> None:
    ada, bob = make_annotators(2)
    store(campaign, person(ada), person(bob))
    store(campaign, person(bob), inputs="b")
    assert names_on(olga) == [f"Volunteer {bob.pk}"]


def test_filters_and_orders_live_in_the_address(campaign, olga) -> None:
    sharp, dull, new, odd = make_annotators(4)
    store(
        campaign,
        person(sharp, sharpness=2.0, n_ballots=5, agreement=0.9, agreement_high=0.95, n_gold=2, gold_right=1.0),
        person(dull, sharpness=0.3, high=0.5, n_ballots=30, agreement=0.1, agreement_low=0.0, n_gold=2, gold_right=2.0),
        newcomer(new),
        person(odd, sharpness=0.0, low=0.0, high=0.0, n_ballots=9),
        upheld=[odd],
    )
    find(campaign, dull)
    find(campaign, odd, state="upheld")
    of = {one.pk: short for one, short in ((sharp, "sharp"), (dull, "dull"), (new, "new"), (odd, "odd"))}
    asked = {
        query: [of[int(shown.split()[1])] for shown in names_on(olga, query)]
        for query in ("", "?show=few", "?show=below", "?show=findings", "?sort=agreement", "?sort=ballots", "?sort=gold",
                      "?show=nonsense&sort=drop", "?show=below&sort=ballots")
    }  # fmt: skip
    assert asked == {
        "": ["odd", "dull", "new", "sharp"],
        "?show=few": ["new"],
        "?show=below": ["odd", "dull"],
        "?show=findings": ["odd", "dull"],
        "?sort=agreement": ["dull", "odd", "sharp", "new"],
        "?sort=ballots": ["dull", "odd", "sharp", "new"],
        "?sort=gold": ["sharp", "dull", "new", "odd"],
        "?show=nonsense&sort=drop": ["odd", "dull", "new", "sharp"],
        "?show=below&sort=ballots": ["dull", "odd"],
    }
    text = olga.get(PAGE).content.decode()
    assert [
        one in text
        for one in ("everybody (4)", "of whom little is known (1)", "below typical (2)", "with findings (2)")
    ] == [True] * 4


def test_a_filter_that_nobody_fits_says_so(campaign, olga) -> None:
    store(campaign, person(make_annotators(1)[0]))
    assert "Nobody matches this" in olga.get(PAGE + "?show=findings").content.decode()


def test_long_lists_come_in_parts_that_fit_together(campaign, olga) -> None:
    people = make_annotators(PAGE_SIZE + 2)
    store(campaign, *(person(one) for one in people))
    first, second = names_on(olga), names_on(olga, "?part=2")
    assert [*first, *second] == [f"Volunteer {one.pk}" for one in people]
    assert 'href="?part=2"' in olga.get(PAGE).content.decode()
    assert olga.get(PAGE + "?part=99999999999").status_code == 200


def test_htmx_is_sent_the_list_alone(campaign, olga) -> None:
    store(campaign, person(make_annotators(1)[0]))
    page = olga.get(PAGE, headers={**HTMX, "HX-Target": "people"}).content.decode()
    assert (page.startswith('<div id="people">'), "<h1" in page) == (True, False)


def test_one_annotator_has_their_figures_and_their_latest_rankings(campaign, olga) -> None:
    ada, bob = make_annotators(2)
    for number in range(2):
        prompt = make_prompt(campaign, f"Question <{number}>?")
        rank(ada, prompt, *[[one] for one in add_candidates(prompt, "alpha A.", "beta B.")])
    store(campaign, person(ada, sharpness=1.5), person(bob))
    find(campaign, ada)
    text = olga.get(f"{PAGE}?who={ada.pk}").content.decode()
    assert [
        one in text for one in ("1.50 (1.25 to 1.75)", "Question &lt;0&gt;?", "Question &lt;1&gt;?", "1 finding waits")
    ] == [True] * 4
    assert "None that stands" in olga.get(f"{PAGE}?who={bob.pk}").content.decode()


def test_whoever_is_not_in_the_snapshot_is_not_found(campaign, olga) -> None:
    ada, bob = make_annotators(2)
    store(campaign, person(ada))
    store(make_campaign("other"), person(bob))
    assert [olga.get(f"{PAGE}?who={number}").status_code for number in (ada.pk, bob.pk, 2**62)] == [200, 404, 404]


def test_it_says_whether_the_campaign_weighs_and_whom_nobody_counts(campaign, olga) -> None:
    (ada,) = make_annotators(1)
    store(campaign, person(ada, sharpness=0.0, high=0.0), upheld=[ada])
    assert "counts all rankings alike" in olga.get(PAGE).content.decode()
    campaign.parameters = {"redundancy": 3, "weigh_reliability": True}
    campaign.save()
    text = olga.get(PAGE).content.decode()
    assert ("This campaign weighs rankings by it" in text, "counts for nothing" in text) == (True, True)
    assert "upheld a finding" in olga.get(f"{PAGE}?who={ada.pk}").content.decode()


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("query", "queries"), [("", 5), ("?who={}", 5)])
def test_the_page_costs_as_many_queries_however_many_are_on_it(
    campaign, olga, django_assert_num_queries, count, query, queries
) -> None:
    people = make_annotators(count)
    for number in range(count):
        prompt = make_prompt(campaign, f"Question {number}?")
        rank(people[0], prompt, *[[one] for one in add_candidates(prompt, "alpha A.", "beta B.")])
    store(campaign, *(person(one) for one in people))
    for one in people:
        find(campaign, one)
    olga.get(PAGE)
    with django_assert_num_queries(queries):
        olga.get(PAGE + query.format(people[0].pk))


def test_a_number_that_nobody_can_have_is_no_error(campaign, olga) -> None:
    store(campaign, person(make_annotators(1)[0]))
    for who in ("0", "-1", "x", "9" * 30):
        assert olga.get(f"{PAGE}?who={who}").status_code == 200
    assert sign_in("stranger").get(PAGE.replace("birds", "nothing")).status_code == 404
