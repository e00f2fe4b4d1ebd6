"""Asking for work: the same hold twice, no hold by looking, and where there is nothing, why and what is nearest."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator, Assignment, Campaign
from annotate.queries.work_pages import list_campaigns_for
from annotate.services.terms import CURRENT_TERMS
from tests.loop import ask, make_annotator, make_campaign, make_prompt
from tests.web.workers import HTMX, ask_next, post, sign_in, text_of, work_id

pytestmark = pytest.mark.django_db
RANKED = {"tiers": ["a:2", "b:1", "c:2", "d:3"], "acceptable_tiers": "2", "kind": "rank", "shown": "a b c d"}


def test_asking_twice_gives_the_same_hold(client: Client) -> None:
    make_prompt(make_campaign())
    sign_in(client)
    assert ask_next(client) == ask_next(client)
    assert Assignment.objects.count() == 1


def test_looking_at_the_address_holds_nothing(client: Client) -> None:
    make_prompt(make_campaign())
    sign_in(client)
    assert client.get("/campaigns/birds/next/")["Location"] == "/campaigns/birds/"
    assert Assignment.objects.count() == 0


def test_nobody_is_asked_to_sign_in_first(client: Client) -> None:
    make_prompt(make_campaign())
    assert client.post("/campaigns/birds/next/").status_code == 401


def test_kind_and_language_choose_among_the_work(client: Client) -> None:
    campaign = make_campaign(kinds=("rank", "compare"), languages=("en", "de"))
    make_prompt(campaign)
    make_prompt(campaign, "Warum singen Vögel?", language="de")
    sign_in(client)
    chosen = Assignment.objects.get(pk=ask_next(client, kind="compare", language="de"))
    assert (chosen.unit.kind, chosen.unit.queue.language) == ("compare", "de")
    assert client.post("/campaigns/birds/next/", {"kind": "sing"}).status_code == 422
    assert client.post("/campaigns/birds/next/", {"language": "sw"}).status_code == 422


def test_next_by_htmx_takes_the_place_of_the_page(client: Client) -> None:
    make_prompt(make_campaign())
    sign_in(client)
    answer = client.post("/campaigns/birds/next/", headers=HTMX)
    assert (answer.status_code, answer["HX-Push-Url"]) == (200, f"/work/{Assignment.objects.get().pk}/")
    elsewhere = client.post("/campaigns/birds/next/", headers={"HX-Request": "true", "HX-Target": "wanted"})
    assert elsewhere["HX-Redirect"] == f"/work/{Assignment.objects.get().pk}/"
    boosted = client.post("/campaigns/birds/next/", headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert boosted["Location"] == f"/work/{Assignment.objects.get().pk}/"


def test_campaign_that_is_not_there_is_told(client: Client) -> None:
    sign_in(client)
    assert client.post("/campaigns/none/next/").status_code == 404


def test_any_campaign_gives_what_it_has_where_one_judged_last_first(client: Client) -> None:
    cats, birds = make_campaign(slug="cats"), make_campaign()
    make_campaign(slug="empty")
    for campaign in (cats, birds):
        make_prompt(campaign)
        make_prompt(campaign, "And why?")
    ada = sign_in(client)
    assert list_campaigns_for(annotator_id=ada.pk, most=8) == ["cats", "birds", "empty"]
    post(client, ask_next(client, "birds"), "submit", RANKED)
    post(client, ask_next(client, "birds"), "submit", {"skip_reason": "other"})
    assert list_campaigns_for(annotator_id=ada.pk, most=8) == ["birds", "cats", "empty"]
    assert list_campaigns_for(annotator_id=ada.pk, most=1) == ["birds"]
    found = Assignment.objects.get(pk=work_id(client.post("/start/")["Location"]))
    assert found.unit.queue.campaign.slug == "cats"


def test_campaigns_for_somebody_are_open_to_them(client: Client) -> None:
    make_campaign(slug="draft", state="draft")
    make_campaign(slug="paused", state="paused")
    make_campaign(slug="german", languages=("de",))
    make_campaign(slug="guests", guests=True)
    ada = make_annotator(languages=["en"])
    guest = Annotator.objects.create(device_hash=b"x" * 32, accepted_terms=CURRENT_TERMS)
    assert list_campaigns_for(annotator_id=ada.pk, most=8) == ["guests"]
    assert list_campaigns_for(annotator_id=guest.pk, most=8) == ["guests"]


def test_no_campaign_at_all_is_said_so(client: Client) -> None:
    sign_in(client)
    answer = client.post("/start/")
    assert answer.status_code == 200
    assert "No campaign is open to you now" in answer.text
    assert 'href="/campaigns/"' in answer.text


def test_any_campaign_without_work_says_why(client: Client) -> None:
    make_campaign()
    sign_in(client)
    assert "This campaign has no work yet." in client.post("/start/").text


def test_nothing_names_what_is_nearest_as_buttons(client: Client) -> None:
    campaign = make_campaign(languages=("en", "de"))
    make_prompt(campaign, "Warum singen Vögel?", language="de")
    make_prompt(make_campaign(slug="cats"), "Why do cats purr?")
    sign_in(client, languages=["en"])
    answer = client.post("/campaigns/birds/next/")
    assert "There is no work in your languages now." in answer.text
    words = text_of(answer)
    assert "Rank replies in Deutsch" in words
    assert "Rank replies in English" in words
    assert "in another campaign" in words
    assert 'action="/campaigns/cats/next/"' in answer.text
    assert '<input type="hidden" name="language" value="de">' in answer.text


def test_work_that_others_hold_says_when_to_ask_again(client: Client) -> None:
    campaign = make_campaign(redundancy=1)
    make_prompt(campaign)
    ask(make_annotator("bob"), campaign, now=timezone.now())
    sign_in(client)
    words = text_of(client.post("/campaigns/birds/next/"))
    assert "held by others" in words
    assert "Ask again in about 30 minutes." in words


@pytest.mark.parametrize(
    ("change", "title", "sentence"),
    [
        ({"state": "paused"}, "Nothing is here for you now", "is not open now"),
        ({"parameters": {"daily_cap": 1}}, "Nothing is here for you now", "Ask again in about 24 hours."),
    ],
)
def test_other_reasons_are_told(client: Client, change, title, sentence) -> None:
    campaign = make_campaign()
    make_prompt(campaign)
    make_prompt(campaign, "And why?")
    sign_in(client)
    post(client, ask_next(client), "submit", RANKED)
    Assignment.objects.filter(state="live").update(state="released", lease_expires_at=None)
    Campaign.objects.update(**change)
    answer = client.post("/campaigns/birds/next/")
    assert (title in answer.text, sentence in answer.text) == (True, True)


def test_terms_are_asked_for_before_the_first_work(client: Client) -> None:
    make_prompt(make_campaign())
    ada = sign_in(client)
    Annotator.objects.filter(pk=ada.pk).update(accepted_terms="")
    answer = client.post("/campaigns/birds/next/")
    assert "read the terms and accept them" in answer.text
    assert "?next=%2Fcampaigns%2Fbirds%2F" in answer.text


def test_guest_is_asked_to_make_an_account_where_a_campaign_wants_one(client: Client) -> None:
    make_prompt(make_campaign(kinds=("compare",), guests=True), replies=2)
    client.post("/start/")
    Campaign.objects.update(allow_guests=False)
    answer = client.post("/campaigns/birds/next/")
    assert "Sign up, and what you did as a guest comes along." in answer.text
    assert 'href="/account/signup/"' in answer.text


def test_somebody_who_holds_enough_is_told(client: Client) -> None:
    campaign = make_campaign(kinds=("rank", "compare"), max_held=1)
    make_prompt(campaign)
    sign_in(client)
    ask_next(client, kind="rank")
    assert "You hold enough work for now" in client.post("/campaigns/birds/next/", {"kind": "compare"}).text
