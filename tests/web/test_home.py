"""The first page, and what every answer of the site carries."""

import pytest
from django.test import Client


@pytest.mark.django_db
def test_first_page_says_what_this_is(client: Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "human feedback on language models" in answer.text


@pytest.mark.django_db
def test_links_of_the_first_page_lead_somewhere(client: Client) -> None:
    answer = client.get("/")
    for path in (
        "/api/v1/docs/",
        "/terms/",
        "/about/",
        "/campaigns/",
        "/static/site/chorus.css",
        "/static/site/mark.svg",
    ):
        assert f'"{path}"' in answer.text
        found = client.get(path)
        found.close()
        assert found.status_code == 200


@pytest.mark.django_db
def test_answer_forbids_everything_that_the_site_does_not_use(client: Client) -> None:
    headers = client.get("/").headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert (headers["Referrer-Policy"], headers["Cross-Origin-Opener-Policy"]) == ("same-origin", "same-origin")
    assert headers["Permissions-Policy"].startswith("camera=()")


@pytest.mark.parametrize("given", ["abc", "x" * 65, "no spaces please", "new\tline-here"])
def test_request_id_of_a_caller_is_taken_only_when_it_is_well_formed(client: Client, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "caller-0001"}).headers["X-Request-ID"] == "caller-0001"
    made = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert (made != given, len(made)) == (True, 16)
