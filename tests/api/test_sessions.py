"""Sessions know their account: one query finds both, and they end as Django's do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user
from django.test import Client, override_settings
from django.utils import timezone

from annotate.models import Session, User
from annotate.sessions import SessionStore
from tests.api.helpers import refusal

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"


@pytest.fixture
def signed_in(make_user) -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def test_session_account_and_annotator_are_one_query(signed_in, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = signed_in.delete(ME)
    assert refusal(response) == (405, "method_not_allowed")


def test_a_session_knows_its_account(signed_in):
    assert Session.objects.get().user == User.objects.get()


def test_a_session_without_anybody_signed_in_has_no_account():
    store = SessionStore()
    store["seen"] = 1
    store.save()
    assert (Session.objects.get().user_id, SessionStore(store.session_key)["seen"]) == (None, 1)


def test_a_session_ends_with_its_time(signed_in):
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert refusal(signed_in.get(ME)) == (401, "not_signed_in")


def test_a_session_ends_with_the_password(signed_in):
    user = User.objects.get()
    user.set_password("another long password")
    user.save()
    assert refusal(signed_in.get(ME)) == (401, "not_signed_in")
    assert not Session.objects.exists()


def test_a_session_survives_a_change_of_the_secret_key(signed_in, settings):
    with override_settings(SECRET_KEY="n" * 60, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert signed_in.get(ME).json()["email"] == "ada@example.org"
        assert signed_in.get(ME).json()["email"] == "ada@example.org"


def test_a_session_ends_with_its_account(signed_in):
    Session.objects.all()[0].user.delete()
    assert not Session.objects.exists()


def test_an_unknown_session_is_nobodys(client):
    client.cookies["sessionid"] = "x" * 32
    assert refusal(client.get(ME)) == (401, "not_signed_in")


def test_a_tampered_session_is_nobodys(signed_in):
    Session.objects.update(session_data="e30:forged")
    assert refusal(signed_in.get(ME)) == (401, "not_signed_in")


def test_signing_in_changes_the_key_of_the_session(make_user):
    make_user("bob", password="correct horse battery")
    client = Client()
    client.get("/api/v1/terms/")
    assert client.login(username="bob@example.org", password="correct horse battery")
    assert client.get(ME).json()["email"] == "bob@example.org"


def test_signing_out_ends_the_session(signed_in):
    signed_in.logout()
    assert (refusal(signed_in.get(ME)), Session.objects.count()) == ((401, "not_signed_in"), 0)


def test_django_finds_the_same_person(signed_in, rf):
    request = rf.get("/")
    request.session = SessionStore(Session.objects.get().session_key)
    assert get_user(request) == User.objects.get()


def test_a_request_without_a_session_asks_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/api/v1/terms/").status_code == 200
