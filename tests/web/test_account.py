"""Coming in: sign-up, sign-in with a password or a code, sign-out, and what is refused on the way."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from annotate.models import Consent, User
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS

PASSWORD = "corn-flower-blue"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def sign_up(client: Client, email="ada@example.org", password=PASSWORD, terms=CURRENT_TERMS, **more):
    given = {"email": email, "password1": password, "terms_version": terms, **more}
    return client.post("/account/signup/", given)


def sign_in(client: Client, email="ada@example.org", password=PASSWORD, **more):
    return client.post("/account/login/", {"login": email, "password": password, **more})


def make_ada(**given) -> User:
    return create_user(email="ada@example.org", now=timezone.now(), with_terms=True, **{"password": PASSWORD} | given)


def read_code() -> str:
    """The code in the newest mail."""
    return re.search(r"^    (\S+)$", mail.outbox[-1].body, re.MULTILINE).group(1)


def who(client: Client) -> int | None:
    """The id of the account that is signed in."""
    found = client.session.get("_auth_user_id")
    return None if found is None else int(found)


def test_sign_up_makes_an_account_with_its_annotator_and_consent(client: Client) -> None:
    answer = sign_up(client, email="Ada@Example.org")
    user = User.objects.get()
    assert (answer.status_code, answer["Location"], user.email, who(client)) == (302, "/", "ada@example.org", user.pk)
    assert (user.annotator.accepted_terms, user.interface_language, user.is_staff) == (CURRENT_TERMS, "en", False)
    assert list(Consent.objects.values_list("annotator", "terms_version")) == [(user.annotator.pk, CURRENT_TERMS)]


def test_sign_up_shows_the_terms_in_force_and_sends_their_version(client: Client) -> None:
    page = client.get("/account/signup/").text
    assert f'name="terms_version" value="{CURRENT_TERMS}"' in page
    assert "without your name" in page


def test_sign_up_under_terms_that_were_replaced_is_refused_and_shows_the_new_ones(client: Client) -> None:
    answer = sign_up(client, terms="2020-01")
    assert (answer.status_code, User.objects.count()) == (422, 0)
    assert "The terms have changed" in answer.text
    assert f'value="{CURRENT_TERMS}"' in answer.text


@pytest.mark.parametrize("password", ["short", "1234567890123", "password12", "ada@example.org"])
def test_weak_password_is_refused_with_what_is_wrong(client: Client, password: str) -> None:
    answer = sign_up(client, password=password)
    assert (answer.status_code, User.objects.count()) == (422, 0)
    assert 'id="id_password1_error"' in answer.text


def test_address_that_is_none_is_refused(client: Client) -> None:
    assert (sign_up(client, email="ada").status_code, User.objects.count()) == (422, 0)


def test_taken_address_is_told_to_its_owner_and_not_to_whoever_typed_it(client: Client) -> None:
    make_ada()
    answer = client.post(
        "/account/signup/",
        {"email": "ADA@example.org", "password1": "another-one-x", "terms_version": CURRENT_TERMS},
        follow=True,
    )
    assert (answer.status_code, who(client), User.objects.count()) == (200, None, 1)
    assert "A mail is on its way to the address that you gave." in answer.text
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == (["ada@example.org"], "You have an account already")
    assert "http://localhost:8000/account/password/reset/" in mail.outbox[-1].body


def test_where_addresses_are_confirmed_first_a_taken_one_looks_like_a_new_one(client: Client, settings) -> None:
    settings.VERIFY_ADDRESSES = True
    make_ada()
    taken = sign_up(client, follow=False)
    seen = client.get(taken["Location"]).text
    other = Client()
    fresh = sign_up(other, email="bea@example.org")
    assert (taken.status_code, taken["Location"]) == (fresh.status_code, fresh["Location"])
    assert strip(seen) == strip(other.get(fresh["Location"]).text.replace("bea@", "ada@"))
    assert (who(client), who(other), mail.outbox[0].subject) == (None, None, "You have an account already")


def strip(page: str) -> str:
    """A page without what differs from one to the next: the tokens of its forms."""
    return re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"\w+"', "", page)


def test_confirming_the_address_signs_in_where_it_is_needed(client: Client, settings) -> None:
    settings.VERIFY_ADDRESSES = True
    answer = sign_up(client, next="/campaigns/")
    assert (answer["Location"], who(client)) == ("/account/confirm-email/", None)
    done = client.post("/account/confirm-email/", {"code": read_code()})
    assert (done.status_code, done["Location"], who(client)) == (302, "/campaigns/", User.objects.get().pk)


def test_sign_in_with_a_password_leads_on_to_where_one_was(client: Client) -> None:
    user = make_ada()
    answer = sign_in(client, email="ADA@example.org", next="/work/7/")
    assert (answer.status_code, answer["Location"], who(client)) == (302, "/work/7/", user.pk)


def test_sign_in_leads_to_no_other_site(client: Client) -> None:
    make_ada()
    assert sign_in(client, next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_wrong_password_and_unknown_address_get_the_same_answer(client: Client, email: str) -> None:
    make_ada()
    answer = sign_in(client, email=email, password="wrong-password")
    assert (answer.status_code, who(client)) == (422, None)
    assert "The address and the password do not go together." in answer.text


def test_many_wrong_passwords_for_one_address_are_stopped(client: Client) -> None:
    make_ada()
    for _ in range(5):
        sign_in(client, password="wrong-password")
    answer = sign_in(client)
    assert (answer.status_code, who(client)) == (422, None)
    assert "Too many tries." in answer.text


def test_many_wrong_passwords_from_one_address_are_stopped(client: Client, settings) -> None:
    settings.LIMIT_FAILURES = 2
    answers = [sign_in(client, email=f"{name}@example.org", password="wrong-password") for name in "abc"]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert int(answers[-1]["Retry-After"]) >= 1


def test_limits_stand_open_while_the_cache_is_away(client: Client, settings, free_port: int) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{free_port}"}}
    user = make_ada()
    for _ in range(7):
        assert sign_in(client, password="wrong-password").status_code == 422
    assert (sign_in(client).status_code, who(client)) == (302, user.pk)


def test_code_by_mail_signs_in_without_a_password(client: Client) -> None:
    user = make_ada(password=None)
    asked = client.post("/account/login/code/", {"email": "ada@example.org", "next": "/work/7/"})
    assert asked["Location"] == "/account/login/code/confirm/?next=%2Fwork%2F7%2F"
    assert "Look into your mail" in client.get(asked["Location"]).text
    assert mail.outbox[-1].subject == f"{read_code()} is your code to sign in"
    done = client.post("/account/login/code/confirm/", {"code": read_code(), "next": "/work/7/"})
    assert (done.status_code, done["Location"], who(client)) == (302, "/work/7/", user.pk)


def test_code_is_good_once(client: Client) -> None:
    make_ada()
    client.post("/account/login/code/", {"email": "ada@example.org"})
    code = read_code()
    client.post("/account/login/code/confirm/", {"code": code})
    client.post("/account/logout/")
    again = client.post("/account/login/code/confirm/", {"code": code})
    assert (again.status_code, who(client)) == (302, None)


def test_code_is_good_in_the_browser_that_asked_for_it_alone(client: Client) -> None:
    make_ada()
    client.post("/account/login/code/", {"email": "ada@example.org"})
    other = Client()
    assert other.post("/account/login/code/confirm/", {"code": read_code()}).status_code == 302
    assert (who(client), who(other)) == (None, None)


def test_wrong_code_is_refused_and_three_end_it(client: Client) -> None:
    make_ada()
    client.post("/account/login/code/", {"email": "ada@example.org"})
    answers = [client.post("/account/login/code/confirm/", {"code": "ZZZ-ZZZ"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 302]
    assert "This is not the code." in answers[0].text
    assert client.post("/account/login/code/confirm/", {"code": read_code()}).status_code == 302
    assert who(client) is None


def test_code_is_good_for_a_quarter_of_an_hour(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ada()
    client.post("/account/login/code/", {"email": "ada@example.org"})
    later = (timezone.now() + timedelta(minutes=16)).timestamp()
    monkeypatch.setattr("allauth.account.internal.flows.code_verification.time.time", lambda: later)
    client.post("/account/login/code/confirm/", {"code": read_code()})
    assert who(client) is None


def test_code_for_an_unknown_address_is_asked_for_in_the_same_words(client: Client) -> None:
    make_ada()
    other = Client()
    known = client.post("/account/login/code/", {"email": "ada@example.org"})
    unknown = other.post("/account/login/code/", {"email": "nobody@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    pages = [known_client.get(known["Location"]).text for known_client in (client, other)]
    assert strip(pages[0]) == strip(pages[1].replace("nobody@", "ada@"))
    assert [message.to for message in mail.outbox] == [["ada@example.org"], ["nobody@example.org"]]


def test_forgotten_password_is_replaced_with_a_code_by_mail(client: Client) -> None:
    user = make_ada()
    other = Client()
    sign_in(other)
    asked = client.post("/account/password/reset/", {"email": "ada@example.org"})
    assert asked["Location"] == "/account/password/reset/confirm/"
    client.post("/account/password/reset/confirm/", {"code": read_code()})
    done = client.post("/account/password/reset/complete/", {"password1": "new-corn-flower"})
    assert (done.status_code, who(client)) == (302, user.pk)
    assert other.get("/me/").status_code == 302
    assert sign_in(Client(), password="new-corn-flower").status_code == 302
    assert sign_in(Client()).status_code == 422


def test_new_password_by_code_is_refused_where_it_is_weak(client: Client) -> None:
    make_ada()
    client.post("/account/password/reset/", {"email": "ada@example.org"})
    client.post("/account/password/reset/confirm/", {"code": read_code()})
    answer = client.post("/account/password/reset/complete/", {"password1": "short"})
    assert (answer.status_code, who(client)) == (422, None)


def test_new_password_needs_its_code_first(client: Client) -> None:
    make_ada()
    client.post("/account/password/reset/", {"email": "ada@example.org"})
    answer = client.post("/account/password/reset/complete/", {"password1": "new-corn-flower"})
    assert (answer.status_code, sign_in(Client()).status_code) == (302, 302)


def test_forgotten_password_of_an_unknown_address_looks_the_same(client: Client) -> None:
    make_ada()
    other = Client()
    known = client.post("/account/password/reset/", {"email": "ada@example.org"})
    unknown = other.post("/account/password/reset/", {"email": "nobody@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert mail.outbox[-1].subject == "There is no account with this address"


def test_password_is_changed_by_whoever_knows_the_old_one(client: Client) -> None:
    make_ada()
    sign_in(client)
    wrong = client.post("/account/password/change/", {"oldpassword": "wrong", "password1": "new-corn-flower"})
    assert (wrong.status_code, "This is not your password." in wrong.text) == (422, True)
    right = client.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": "new-corn-flower"})
    assert (right.status_code, right["Location"], client.get("/me/").status_code) == (302, "/me/", 200)
    assert mail.outbox[-1].subject == "Your password was changed"
    assert sign_in(Client(), password="new-corn-flower").status_code == 302


def test_account_without_a_password_gets_one(client: Client) -> None:
    make_ada(password=None)
    client.post("/account/login/code/", {"email": "ada@example.org"})
    client.post("/account/login/code/confirm/", {"code": read_code()})
    assert client.get("/account/password/change/")["Location"] == "/account/password/set/"
    client.post("/account/password/set/", {"password1": PASSWORD})
    assert sign_in(Client()).status_code == 302


def test_address_is_changed_once_the_new_one_is_confirmed(client: Client) -> None:
    user = make_ada()
    sign_in(client)
    asked = client.post("/account/email/", {"email": "Bea@example.org", "action_add": "1"})
    assert (asked["Location"], User.objects.get().email) == ("/account/confirm-email/", "ada@example.org")
    assert mail.outbox[-1].to == ["bea@example.org"]
    client.post("/account/confirm-email/", {"code": read_code()})
    user.refresh_from_db()
    assert user.email == "bea@example.org"
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == (["ada@example.org"], "Your address was changed")
    assert sign_in(Client(), email="bea@example.org").status_code == 302
    assert sign_in(Client()).status_code == 422


def test_address_of_another_account_cannot_be_taken_and_is_not_told(client: Client) -> None:
    make_ada()
    create_user(email="bea@example.org", now=timezone.now(), with_terms=True, password=PASSWORD)
    sign_in(client)
    client.post("/account/email/", {"email": "bea@example.org", "action_add": "1"})
    assert mail.outbox[-1].to == ["bea@example.org"]
    answer = client.post("/account/confirm-email/", {"code": "ZZZ-ZZZ"})
    assert (answer.status_code, User.objects.filter(email="ada@example.org").count()) == (422, 1)


def test_address_of_a_new_account_is_confirmed_when_its_owner_likes(client: Client) -> None:
    sign_up(client)
    assert "not confirmed" in client.get("/me/").text
    client.post("/account/email/", {"email": "ada@example.org", "action_send": "1"})
    client.post("/account/confirm-email/", {"code": read_code()})
    assert "not confirmed" not in client.get("/me/").text


def test_keys_are_changed_by_whoever_has_shown_lately_who_they_are(client: Client) -> None:
    make_ada()
    sign_in(client)
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()
    asked = client.post("/account/email/", {"email": "bea@example.org", "action_add": "1"})
    assert (asked.status_code, asked["Location"].split("?")[0]) == (302, "/account/reauthenticate/")
    wrong = client.post(asked["Location"], {"password": "wrong-password"})
    assert (wrong.status_code, mail.outbox) == (422, [])
    client.post(asked["Location"], {"password": PASSWORD})
    assert mail.outbox[-1].to == ["bea@example.org"]


def test_closed_account_is_told_so_and_not_let_in(client: Client) -> None:
    user = make_ada()
    user.is_active = False
    user.save()
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"], who(client)) == (302, "/account/inactive/", None)
    assert "An administrator of this site has closed it." in client.get("/account/inactive/").text


def test_mail_server_that_is_away_is_said_and_nothing_is_changed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(message: object, **_given: object) -> int:
        raise ConnectionRefusedError

    make_ada()
    monkeypatch.setattr("django.core.mail.EmailMessage.send", fail)
    answer = client.post("/account/login/code/", {"email": "ada@example.org"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "The mail could not be sent just now; nothing was changed." in answer.text


def test_notice_that_cannot_be_sent_stops_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(message: object, **_given: object) -> int:
        raise ConnectionRefusedError

    make_ada()
    sign_in(client)
    monkeypatch.setattr("django.core.mail.EmailMessage.send", fail)
    answer = client.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": "new-corn-flower"})
    assert (answer.status_code, sign_in(Client(), password="new-corn-flower").status_code) == (302, 302)


def test_many_requests_for_codes_for_one_address_are_stopped(client: Client) -> None:
    make_ada()
    answers = [Client().post("/account/login/code/", {"email": "ada@example.org"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 422]
    assert len(mail.outbox) == 3


def test_many_sign_ups_from_one_address_are_stopped_with_a_page(client: Client) -> None:
    answers = [sign_up(Client(), email=f"{number}@example.org", password="short") for number in range(21)]
    assert (answers[19].status_code, answers[20].status_code, answers[20]["Retry-After"]) == (422, 429, "60")
    assert "Nothing was changed." in answers[20].text


def test_mail_holds_addresses_as_they_are(client: Client) -> None:
    create_user(email="o'hara&co@example.org", now=timezone.now(), password=PASSWORD)
    sign_in(client, email="o'hara&co@example.org")
    client.post("/account/email/", {"email": "bea@example.org", "action_add": "1"})
    client.post("/account/confirm-email/", {"code": read_code()})
    assert "changed from o'hara&co@example.org to bea@example.org." in mail.outbox[-1].body
