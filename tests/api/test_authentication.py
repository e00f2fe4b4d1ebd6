"""Who asks: tokens, guests' devices and sessions, each found by as few queries as can be."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.models import Annotator, ApiToken
from annotate.services.guests import create_guest, merge_guest
from annotate.services.terms import CURRENT_TERMS
from annotate.services.tokens import create_token
from tests.api.helpers import refusal
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"


def ask_as(header: str | None) -> tuple[int, str]:
    client = APIClient(headers={"Authorization": header} if header is not None else {})
    return refusal(client.get(ME))


def token_of(client: APIClient) -> ApiToken:
    return ApiToken.objects.get(user=client.owner)


def header_of(client: APIClient) -> str:
    return client._credentials.get("HTTP_AUTHORIZATION") or client.defaults["HTTP_AUTHORIZATION"]


@pytest.fixture
def guest_token(db) -> str:
    make_campaign(guests=True)
    return create_guest(languages=["de"], terms_version=CURRENT_TERMS, now=timezone.now())[1]


def test_a_token_finds_its_person_in_one_query(client_of_ada, django_assert_num_queries):
    client_of_ada.get(ME)  # the first use is noted
    with django_assert_num_queries(1):
        response = client_of_ada.delete(ME)
    assert refusal(response) == (405, "method_not_allowed")


def test_a_guest_is_found_in_one_query(guest_token, django_assert_num_queries):
    client = APIClient(headers={"Authorization": f"Bearer {guest_token}"})
    with django_assert_num_queries(1):
        response = client.delete(ME)
    assert refusal(response) == (405, "method_not_allowed")


def test_only_the_hash_of_a_token_is_stored(make_user):
    token, text = create_token(
        user=make_user(), name="x", scopes=["read"], expires_at=None, actor=None, now=timezone.now()
    )
    assert (text[:7], len(text), token.hint) == ("chorus_", 50, text[7:11])
    assert bytes(ApiToken.objects.get().token_hash) == hashlib.sha256(text.encode()).digest()
    assert text not in str(ApiToken.objects.values().get())


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "not_signed_in"),
        ("", "not_signed_in"),
        ("Bearer", "token_malformed"),
        ("Bearer ", "token_malformed"),
        ("Basic YTpi", "token_malformed"),
        ("Token chorus_x", "token_malformed"),
        ("Bearer " + "x" * 101, "token_malformed"),
        ("Bearer chorus_é", "token_malformed"),
        ("Bearer something", "token_unknown"),
        ("Bearer chorus_" + "x" * 43, "token_unknown"),
        ("Bearer chorus-guest_" + "x" * 43, "token_unknown"),
    ],
)
def test_what_is_no_token_is_refused_with_its_reason(header, code):
    assert ask_as(header) == (401, code)


def test_a_401_says_how_to_sign_in():
    assert APIClient().get(ME).headers["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"revoked_at": timezone.now()}, "token_revoked"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "token_expired"),
    ],
)
def test_a_token_that_has_ended_is_refused(client_of_ada, changed, code):
    ApiToken.objects.update(**changed)
    assert refusal(client_of_ada.get(ME)) == (401, code)


def test_a_token_of_a_closed_account_is_refused(client_of_ada):
    client_of_ada.owner.is_active = False
    client_of_ada.owner.save()
    assert refusal(client_of_ada.get(ME)) == (401, "account_closed")


def test_the_scheme_is_read_whatever_its_case(client_of_ada):
    client = APIClient(headers={"Authorization": header_of(client_of_ada).replace("Bearer", "bEaReR")})
    assert client.get(ME).status_code == 200


def test_a_merged_guest_is_told_to_use_the_account(guest_token, make_user):
    merge_guest(annotator_id=make_user().annotator.pk, device_token=guest_token, now=timezone.now())
    assert ask_as(f"Bearer {guest_token}") == (401, "guest_merged")


def test_the_use_of_a_token_is_noted_once_a_minute(client_of_ada):
    client_of_ada.get(ME)
    first = token_of(client_of_ada).last_used_at
    client_of_ada.get(ME)
    assert token_of(client_of_ada).last_used_at == first
    earlier = first - timedelta(seconds=61)
    ApiToken.objects.update(last_used_at=earlier)
    client_of_ada.get(ME)
    assert token_of(client_of_ada).last_used_at > earlier


def test_a_session_reads_as_its_person(make_user):
    user = make_user()
    client = Client()
    client.force_login(user)
    assert client.get(ME).json()["email"] == "ada@example.org"
    assert client.get(ME).json()["scopes"] == ["admin", "annotate", "organize", "read"]


def test_a_session_needs_the_csrf_token_to_change_something(make_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    answer = client.patch(ME, {"display_name": "Ada"}, content_type="application/json")
    assert refusal(answer) == (403, "csrf_failed")


def test_a_session_with_the_csrf_token_changes_something(make_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    token = "t" * 32
    client.cookies["csrftoken"] = token
    answer = client.patch(ME, {"display_name": "Ada"}, content_type="application/json", headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json()["display_name"]) == (200, "Ada")


def test_a_token_needs_no_csrf_token(client_of_ada):
    client = APIClient(enforce_csrf_checks=True, headers={"Authorization": header_of(client_of_ada)})
    assert client.patch(ME, {"display_name": "Ada"}).status_code == 200


def test_a_token_goes_before_a_session(client_of_ada, make_user):
    client = Client(headers={"Authorization": header_of(client_of_ada)})
    client.force_login(make_user("bob"))
    assert client.get(ME).json()["email"] == "ada@example.org"


def test_a_wrong_token_is_not_saved_by_a_session(make_user):
    client = Client(headers={"Authorization": "Bearer chorus_" + "x" * 43})
    client.force_login(make_user())
    assert refusal(client.get(ME)) == (401, "token_unknown")


def test_a_closed_account_has_no_session(make_user):
    user = make_user()
    client = Client()
    client.force_login(user)
    user.is_active = False
    user.save()
    assert refusal(client.get(ME)) == (401, "not_signed_in")


def test_a_suspended_person_can_still_see_why(client_of_ada):
    Annotator.objects.update(suspended_at=timezone.now())
    assert client_of_ada.get(ME).json()["is_suspended"] is True
