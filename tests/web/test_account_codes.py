"""Codes by mail that have ended: said, and followed by the way to another one, with where to go on to kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.web.test_account import make_ada, read_code, sign_in, who

pytestmark = pytest.mark.django_db

SIGN_IN, RESET = "/account/login/code/", "/account/password/reset/"
ENDED = "That code has ended"


@pytest.fixture(autouse=True)
def _quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def let_time_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    later = (timezone.now() + timedelta(minutes=16)).timestamp()
    monkeypatch.setattr("allauth.account.internal.flows.code_verification.time.time", lambda: later)


@pytest.mark.parametrize("sender", [SIGN_IN, RESET])
def test_three_wrong_tries_lead_to_another_code_and_keep_where_to_go_on(client: Client, sender: str) -> None:
    make_ada()
    client.post(sender, {"email": "ada@example.org", "next": "/work/7/"})
    typed = {"code": "ZZZ-ZZZ", "next": "/work/7/"}
    *wrong, last = [client.post(f"{sender}confirm/", typed) for _ in range(3)]
    assert [answer.status_code for answer in wrong] == [422, 422]
    assert (last.status_code, last["Location"]) == (302, f"{sender}?next=%2Fwork%2F7%2F")
    page = client.get(last["Location"]).text
    assert page.count(ENDED) == 1
    assert "Too many tries" not in page
    assert 'name="next" value="/work/7/"' in page


@pytest.mark.parametrize("sender", [SIGN_IN, RESET])
def test_code_that_is_too_old_leads_to_another_one(
    client: Client, monkeypatch: pytest.MonkeyPatch, sender: str
) -> None:
    make_ada()
    client.post(sender, {"email": "ada@example.org"})
    let_time_pass(monkeypatch)
    answer = client.post(f"{sender}confirm/", {"code": read_code(), "next": "//elsewhere.example/"})
    assert (answer.status_code, answer["Location"], who(client)) == (302, sender, None)
    assert ENDED in client.get(sender).text


@pytest.mark.parametrize("sender", [SIGN_IN, RESET])
def test_page_of_a_code_that_nobody_asked_for_asks_for_one_without_a_word(client: Client, sender: str) -> None:
    answer = client.get(f"{sender}confirm/?next=/work/7/")
    assert (answer.status_code, answer["Location"]) == (302, f"{sender}?next=%2Fwork%2F7%2F")
    assert ENDED not in client.get(sender).text


def test_code_that_is_good_is_followed_by_no_word_of_an_end(client: Client) -> None:
    user = make_ada()
    client.post(SIGN_IN, {"email": "ada@example.org"})
    done = client.post(f"{SIGN_IN}confirm/", {"code": read_code(), "next": "/account/login/"})
    assert (done.status_code, done["Location"], who(client)) == (302, "/account/login/", user.pk)
    assert ENDED not in client.get("/me/").text


def test_code_for_another_address_that_has_ended_leads_back_to_the_address(client: Client) -> None:
    make_ada()
    sign_in(client)
    client.post("/account/email/", {"email": "lovelace@example.org", "action_add": "1"})
    assert mail.outbox[-1].to == ["lovelace@example.org"]
    answers = [client.post("/account/confirm-email/", {"code": "ZZZ-ZZZ"}) for _ in range(3)]
    assert (answers[-1].status_code, answers[-1]["Location"]) == (302, "/account/email/")
    assert ENDED in client.get("/account/email/").text


def test_wrong_code_is_told_once_at_its_field_which_has_the_focus(client: Client) -> None:
    make_ada()
    client.post(SIGN_IN, {"email": "ada@example.org"})
    page = client.post(f"{SIGN_IN}confirm/", {"code": "ZZZ-ZZZ"}).text
    assert page.count("This is not the code.") == 1
    assert 'role="alert"' not in page
    assert page.count(" autofocus") == 1


def test_wrong_password_is_told_above_both_fields(client: Client) -> None:
    make_ada()
    page = sign_in(client, password="wrong-password").text
    assert 'role="alert" tabindex="-1" autofocus' in page
    assert "The address and the password do not go together." in page
