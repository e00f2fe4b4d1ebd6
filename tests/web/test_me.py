"""One's own account: name, languages, tokens, consent; and what a guest finds there."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import ApiToken, Consent, User
from annotate.queries.people import find_token_owner
from annotate.services.guests import create_guest
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS
from annotate.services.tokens import create_token, hash_token
from annotate.web.visitors import GUEST_COOKIE
from tests.loop import ask, make_campaign, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> User:
    """Somebody who is signed in with the browser `client`."""
    user = create_user(email="ada@example.org", now=timezone.now(), with_terms=True)
    client.force_login(user)
    return user


@pytest.fixture
def guest(client: Client) -> int:
    make_campaign(guests=True)
    guest, token = create_guest(languages=["en"], terms_version=CURRENT_TERMS, now=timezone.now())
    client.cookies[GUEST_COOKIE] = token
    return guest.pk


def make_token(user: User, **given) -> tuple[ApiToken, str]:
    wanted = {"name": "laptop", "scopes": ["read"], "expires_at": None, **given}
    return create_token(user=user, actor=None, now=timezone.now(), **wanted)


def test_account_shows_what_belongs_to_it(client: Client, ada: User) -> None:
    page = client.get("/me/").text
    for part in ("ada@example.org", "not confirmed", "Choose a password", "/me/tokens/", "/me/consent/", "Sign out"):
        assert part in page
    assert f'<span class="tag on">{CURRENT_TERMS}</span>' in page


def test_guest_sees_what_is_theirs_and_how_to_keep_it(client: Client, guest: int) -> None:
    page = client.get("/me/").text
    assert ("You are here as a guest" in page, "Make it yours" in page) == (True, True)
    assert ("/me/tokens/" in page, "Sign out" in page, "/me/consent/" in page) == (False, False, True)


@pytest.mark.parametrize("address", ["/me/tokens/", "/me/profile/"])
def test_guest_has_no_tokens_and_no_name(client: Client, guest: int, address: str) -> None:
    assert client.post(address, {"name": "x", "scopes": ["read"]}).status_code == 403


@pytest.mark.parametrize("address", ["/me/", "/me/contributions/", "/me/tokens/", "/me/consent/"])
def test_nobody_is_led_to_the_sign_in_and_back(client: Client, address: str) -> None:
    assert client.get(address)["Location"] == f"/account/login/?next={address.replace('/', '%2F')}"


@pytest.mark.parametrize(
    "address", ["/me/profile/", "/me/languages/", "/me/tokens/", "/me/tokens/1/revoke/", "/me/consent/"]
)
def test_nobody_changes_nothing(client: Client, address: str) -> None:
    assert client.post(address).status_code == 401


def test_name_is_kept_and_shown(client: Client, ada: User) -> None:
    assert client.post("/me/profile/", {"display_name": "  Адa <b>  "})["Location"] == "/me/"
    ada.refresh_from_db()
    assert ada.display_name == "Адa <b>"
    assert "Адa &lt;b&gt;" in client.get("/").text


def test_name_that_is_too_long_is_refused(client: Client, ada: User) -> None:
    answer = client.post("/me/profile/", {"display_name": "x" * 81})
    ada.refresh_from_db()
    assert (answer.status_code, ada.display_name, 'id="id_display_name_error"' in answer.text) == (422, "", True)


def test_language_of_the_pages_is_kept_with_the_account_and_in_the_browser(client: Client, ada: User) -> None:
    answer = client.post("/language/", {"language": "de", "next": "/me/"})
    ada.refresh_from_db()
    assert (answer["Location"], ada.interface_language, answer.cookies["django_language"].value) == ("/me/", "de", "de")
    assert list(ada.annotator.language_skills.all()) == []


def test_language_that_the_pages_do_not_have_changes_nothing(client: Client, ada: User) -> None:
    answer = client.post("/language/", {"language": "xx", "next": "//evil.example"})
    ada.refresh_from_db()
    assert (answer["Location"], ada.interface_language, "django_language" in answer.cookies) == ("/", "en", False)


def test_work_languages_of_a_guest_are_theirs_to_choose(client: Client, guest: int) -> None:
    client.post("/me/languages/", {"language": ["en"]})
    assert "Work is offered in these alone" in client.get("/me/").text


def test_token_is_shown_once_and_works(client: Client, ada: User) -> None:
    given = {"name": "laptop", "scopes": ["read", "annotate"], "days": "30"}
    page = client.post("/me/tokens/", given)
    text = re.search(r'value="(chorus_[\w-]+)"', page.text).group(1)
    found = find_token_owner(token_hash=hash_token(text))
    assert (found.account.user, sorted(found.scopes)) == (ada, ["annotate", "read"])
    assert timedelta(days=29) < found.expires_at - timezone.now() <= timedelta(days=30)
    assert (text in client.get("/me/tokens/").text, "no-store" in page["Cache-Control"]) == (False, True)


def test_token_may_live_until_it_is_revoked(client: Client, ada: User) -> None:
    client.post("/me/tokens/", {"name": "laptop", "scopes": ["read"], "days": ""})
    assert ApiToken.objects.get().expires_at is None
    assert "without an end" in client.get("/me/tokens/").text


@pytest.mark.parametrize(
    "given",
    [
        {"name": "", "scopes": ["read"], "days": "30"},
        {"name": "laptop", "days": "30"},
        {"name": "laptop", "scopes": ["everything"], "days": "30"},
        {"name": "laptop", "scopes": ["read"], "days": "100000"},
        {"name": "laptop", "scopes": ["admin"], "days": "30"},
    ],
)
def test_token_that_makes_no_sense_is_refused(client: Client, ada: User, given: dict) -> None:
    answer = client.post("/me/tokens/", given)
    assert (answer.status_code, ApiToken.objects.count()) == (422, 0)


def test_administrators_are_offered_the_scope_of_administrators(client: Client, ada: User) -> None:
    assert 'value="admin"' not in client.get("/me/tokens/").text
    User.objects.update(is_superuser=True)
    assert 'value="admin"' in client.get("/me/tokens/").text


def test_token_is_revoked_at_once(client: Client, ada: User) -> None:
    token, _ = make_token(ada)
    assert client.post(f"/me/tokens/{token.pk}/revoke/")["Location"] == "/me/tokens/"
    token.refresh_from_db()
    assert token.revoked_at is not None
    page = client.get("/me/tokens/").text
    assert ('<span class="tag">revoked</span>' in page, "/revoke/" in page) == (True, False)


def test_token_that_ended_says_so(client: Client, ada: User) -> None:
    token, _ = make_token(ada)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(days=1))
    assert '<span class="tag">ended</span>' in client.get("/me/tokens/").text


@pytest.mark.parametrize("number", [None, 9**30])
def test_token_of_somebody_else_is_not_found(client: Client, ada: User, number: int | None) -> None:
    other, _ = make_token(create_user(email="bea@example.org", now=timezone.now()))
    assert client.post(f"/me/tokens/{number or other.pk}/revoke/").status_code == 404
    other.refresh_from_db()
    assert other.revoked_at is None


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_tokens_costs_the_same_whatever_there_is(
    client: Client, ada: User, django_assert_num_queries, rows: int
) -> None:
    for number in range(rows):
        make_token(ada, name=f"token {number}")
    with django_assert_num_queries(2):  # who, and the tokens
        client.get("/me/tokens/")


def test_account_costs_the_same_whatever_there_is(client: Client, ada: User, django_assert_num_queries) -> None:
    for number in range(3):
        make_campaign(slug=f"birds-{number}")
    with django_assert_num_queries(5):  # who, campaigns, address, consent in force and ever
        client.get("/me/")


def test_consent_is_shown_with_version_and_date(client: Client, ada: User) -> None:
    page = client.get("/me/consent/").text
    assert (f"Version {CURRENT_TERMS}" in page, "accepted on" in page, ">stands<" in page) == (True, True, True)


def test_consent_is_withdrawn_after_it_was_said_what_that_means(client: Client, ada: User) -> None:
    campaign = make_campaign()
    make_prompt(campaign)
    page = client.get("/me/consent/").text
    assert ("Withdraw my consent" in page, Consent.objects.get().withdrawn_at) == (True, None)
    assert client.post("/me/consent/")["Location"] == "/me/"
    assert Consent.objects.get().withdrawn_at is not None
    assert ask(ada.annotator, campaign, now=timezone.now())["why_none"]["code"] == "terms_not_accepted"
    page = client.get("/me/consent/").text
    assert ("withdrawn on" in page, "Read the terms again" in page, "Withdraw my consent" in page) == (
        True,
        True,
        False,
    )


def test_guest_may_withdraw_too(client: Client, guest: int) -> None:
    client.post("/me/consent/")
    assert Consent.objects.get(annotator=guest).withdrawn_at is not None
