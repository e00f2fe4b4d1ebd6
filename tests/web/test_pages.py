"""What every page shares: refusals, fragments, sign-in, and what happens when nothing works."""

import re

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from annotate.services.people import create_user
from annotate.web import pages


@pytest.mark.django_db
def test_page_that_needs_somebody_leads_to_the_sign_in_and_back(client: Client) -> None:
    answer = client.get("/me/?tab=1")
    assert (answer.status_code, answer["Location"]) == (302, "/account/login/?next=%2Fme%2F%3Ftab%3D1")


@pytest.mark.django_db
def test_htmx_is_told_in_a_note_that_keeps_the_page(client: Client) -> None:
    answer = client.get("/me/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/work/7/"})
    assert (answer.status_code, answer["HX-Retarget"], answer["HX-Push-Url"]) == (401, "#refusal", "false")
    assert 'data-code="not_signed_in"' in answer.text
    assert "next=/work/7/" in answer.text


@pytest.mark.django_db
def test_address_that_is_nowhere_is_said_as_a_page(client: Client) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.text
    assert "/nowhere/" in client.get("/nowhere").get("Location", "/nowhere/")


@pytest.mark.django_db
def test_address_that_is_nowhere_knows_who_asks(client: Client) -> None:
    user = create_user(email="ada@example.org", display_name="Ada Lovelace", now=timezone.now())
    client.force_login(user)
    assert "Ada Lovelace" in client.get("/nowhere/").text


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "allowed"), [("post", "/terms/", "GET, HEAD"), ("get", "/start/", "POST")])
def test_method_that_an_address_does_not_take_is_said_as_a_page(
    client: Client, method: str, path: str, allowed: str
) -> None:
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer["Allow"]) == (405, allowed)
    assert "only a form leads here" in answer.text


@pytest.mark.django_db
def test_database_that_is_away_is_told_as_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: object) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(pages, "find_actor", fail)
    answer = client.get("/terms/?tab=1")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "nothing was changed" in answer.text
    assert find_ways(answer) == ["/terms/?tab=1", "/"]


def find_ways(answer: HttpResponse) -> list[str]:
    """Where the buttons of a refusal lead, the one that matters first."""
    return re.findall(r'<a class="btn[^"]*" href="([^"]*)"', answer.text)


@pytest.mark.django_db
def test_form_without_its_token_is_refused_with_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/language/", {"language": "de"})
    assert answer.status_code == 403
    assert "reload the page" in answer.text
    assert find_ways(answer) == ["/"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent_from", "ways"),
    [
        ("http://testserver/me/", ["http://testserver/me/", "/"]),
        ("http://elsewhere.example/me/", ["/"]),
        ("javascript:alert(1)", ["/"]),
    ],
)
def test_form_that_is_refused_leads_back_to_its_page_where_that_is_ours(sent_from: str, ways: list[str]) -> None:
    answer = Client(enforce_csrf_checks=True).post("/language/", {"language": "de"}, headers={"Referer": sent_from})
    assert (answer.status_code, find_ways(answer)) == (403, ways)


def test_failure_is_a_page_that_needs_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pages, "find_actor", fail)
    client.raise_request_exception = False
    answer = client.get("/terms/")
    assert answer.status_code == 500
    assert "Something failed on our side" in answer.text


@pytest.mark.django_db
def test_unknown_host_is_refused_with_a_page(client: Client) -> None:
    answer = client.get("/terms/", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 400
    assert "cannot be read" in answer.text
    referer = {"Host": "elsewhere.example", "Referer": "http://elsewhere.example/"}
    assert client.post("/language/", {"language": "de"}, headers=referer).status_code == 400


@pytest.mark.django_db
def test_answers_are_private_and_vary_by_who_asks(client: Client) -> None:
    answer = client.get("/terms/")
    assert "private" in answer["Cache-Control"]
    assert {"Cookie", "HX-Request"} <= {name.strip() for name in answer["Vary"].split(",")}


@pytest.mark.django_db
def test_pages_are_compressed_for_whoever_takes_that(client: Client) -> None:
    plain, packed = client.get("/terms/"), client.get("/terms/", headers={"Accept-Encoding": "gzip"})
    assert (plain.get("Content-Encoding"), packed["Content-Encoding"]) == (None, "gzip")
    assert len(packed.content) < len(plain.content) / 2
    assert "Accept-Encoding" in packed["Vary"]
