"""A guest who signs up or signs in, in their browser: what they gave is theirs, once."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator, Campaign, Judgment, User
from annotate.services.guests import create_guest, merge_guest
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS
from annotate.web.visitors import GUEST_COOKIE
from tests.loop import ask, counters, find_drift, make_campaign, make_prompt, ranking_of, state_of, submit
from tests.web.test_account import PASSWORD, make_ada, sign_in, sign_up, who

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(guests=True)
    make_prompt(campaign)
    return campaign


@pytest.fixture
def guest(client: Client, campaign: Campaign) -> Annotator:
    """A guest in the browser `client`, who has ranked one prompt."""
    guest, token = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=timezone.now())
    client.cookies[GUEST_COOKIE] = token
    rank(guest, campaign)
    return guest


def rank(annotator: Annotator, campaign: Campaign) -> None:
    held = ask(annotator, campaign, now=timezone.now())["assignment"]
    submit(annotator, held["id"], ranking_of(held), now=timezone.now())


def giver() -> str | None:
    """Whose the only judgment is: an address, or None for a guest."""
    user = Judgment.objects.get().annotator.user
    return None if user is None else user.email


def test_sign_up_makes_what_the_guest_gave_the_account_s(client: Client, guest: Annotator) -> None:
    assert giver() is None
    answer = sign_up(client)
    assert (answer.cookies[GUEST_COOKIE].value, giver(), counters()) == ("", "ada@example.org", (3, 0, 1, 0))
    assert "1 judgment that you gave as a guest is yours now." in client.get("/").text
    assert find_drift() == {}


def test_sign_in_makes_what_the_guest_gave_the_account_s(client: Client, guest: Annotator) -> None:
    make_ada()
    sign_in(client)
    assert (giver(), list(User.objects.get().annotator.language_skills.values_list("language", flat=True))) == (
        "ada@example.org",
        [],
    )


def test_page_of_the_sign_up_tells_a_guest_what_comes_along(client: Client, guest: Annotator) -> None:
    assert (
        "What you gave as a guest in this browser comes along, and counts once." in client.get("/account/signup/").text
    )


def test_second_sign_in_merges_nothing_again(client: Client, guest: Annotator) -> None:
    make_ada()
    token = client.cookies[GUEST_COOKIE].value
    sign_in(client)
    client.get("/")
    client.post("/account/logout/")
    client.cookies[GUEST_COOKIE] = token
    answer = sign_in(client)
    assert (answer.cookies[GUEST_COOKIE].value, giver(), counters()) == ("", "ada@example.org", (3, 0, 1, 0))
    assert "as a guest" not in client.get("/").text


def test_judgment_that_the_account_has_too_counts_once(client: Client, guest: Annotator, campaign: Campaign) -> None:
    ada = make_ada().annotator
    rank(ada, campaign)
    assert counters() == (3, 0, 2, 0)
    sign_in(client)
    assert (counters(), Judgment.objects.get(is_current=True).annotator, find_drift()) == ((3, 0, 1, 0), ada, {})
    assert "is left out, because you had judged the same yourself" in client.get("/").text


def test_suspended_guest_stays_apart_and_signing_in_works(client: Client, guest: Annotator) -> None:
    guest.suspended_at = timezone.now()
    guest.save()
    user = make_ada()
    answer = sign_in(client)
    assert (who(client), giver(), answer.cookies[GUEST_COOKIE].value) == (user.pk, None, "")
    assert "stays apart: that guest is suspended" in client.get("/").text


def test_guest_of_another_account_stays_there_and_signing_in_works(client: Client, guest: Annotator) -> None:
    bea = create_user(email="bea@example.org", now=timezone.now(), with_terms=True)
    token = client.cookies[GUEST_COOKIE].value
    merge_guest(annotator_id=bea.annotator.pk, device_token=token, now=timezone.now())
    user = make_ada()
    sign_in(client)
    assert (who(client), giver()) == (user.pk, "bea@example.org")
    assert "belongs to another account already" in client.get("/").text


def test_cookie_of_a_guest_who_is_not_there_is_forgotten(client: Client) -> None:
    user = make_ada()
    client.cookies[GUEST_COOKIE] = "chorus-guest_" + "x" * 40
    answer = sign_in(client)
    assert (who(client), answer.cookies[GUEST_COOKIE].value) == (user.pk, "")


def test_wrong_password_leaves_the_guest_as_they_are(client: Client, guest: Annotator) -> None:
    make_ada()
    answer = sign_in(client, password="not-" + PASSWORD)
    assert (GUEST_COOKIE in answer.cookies, giver(), client.get("/me/").status_code) == (False, None, 200)


def test_sign_out_gives_back_what_is_held_and_keeps_the_draft(client: Client, campaign: Campaign) -> None:
    ada = make_ada().annotator
    sign_in(client)
    held = ask(ada, campaign, now=timezone.now())["assignment"]
    assert counters() == (3, 1, 0, 0)
    answer = client.post("/me/sign-out/")
    assert (answer.status_code, answer["Location"], who(client)) == (302, "/", None)
    assert (counters(), state_of(held["id"])) == ((3, 0, 0, 0), "released")
    assert "You are signed out." in client.get("/").text


def test_sign_out_asks_before_it_is_done_when_a_link_leads_there(client: Client) -> None:
    user = make_ada()
    sign_in(client)
    page = client.get("/account/logout/")
    assert (page.status_code, who(client)) == (200, user.pk)
    assert "What you hold goes back to others." in page.text


def test_session_of_nobody_is_kept_through_the_sign_in(client: Client) -> None:
    """What was posted while signed out lies in the session until its owner is back."""
    make_ada()
    client.get("/account/login/")
    session = client.session
    session["kept"] = {"7": "typed"}
    session.save()
    client.cookies["sessionid"] = session.session_key
    sign_in(client, next="/work/7/")
    assert client.session["kept"] == {"7": "typed"}


def test_language_of_the_pages_follows_the_account(client: Client) -> None:
    user = make_ada()
    user.interface_language = "de"
    user.save()
    answer = sign_in(client)
    assert answer.cookies["django_language"].value == "de"


def test_sign_up_keeps_the_language_in_which_it_was_done(client: Client) -> None:
    client.post("/language/", {"language": "de"})
    sign_up(client)
    assert User.objects.get().interface_language == "de"
