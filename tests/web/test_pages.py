"""What every page shares: refusals, fragments, sign-in, and what happens when nothing works."""

import pytest
from django.db import OperationalError
from django.test import Client

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
def test_method_that_a_page_does_not_take_is_refused(client: Client) -> None:
    assert client.post("/terms/").status_code == 405


@pytest.mark.django_db
def test_database_that_is_away_is_told_as_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: object) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(pages, "find_actor", fail)
    answer = client.get("/terms/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "nothing was changed" in answer.text


@pytest.mark.django_db
def test_form_without_its_token_is_refused_with_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/language/", {"language": "de"})
    assert answer.status_code == 403
    assert "reload the page" in answer.text


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
