"""Every refusal and failure comes in the one envelope."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings
from rest_framework.test import APIClient

from annotate.logs import request_id
from tests.api.helpers import details, refusal

pytestmark = pytest.mark.django_db

EXPECTED = {
    "conflict": (409, "draft_conflict"),
    "gone": (410, "gone"),
    "wait": (429, "too_many_requests"),
    "http404": (404, "not_found"),
    "drf404": (404, "not_found"),
    "denied": (403, "not_allowed"),
    "drfdenied": (403, "not_allowed"),
    "throttled": (429, "too_many_requests"),
    "unreadable": (400, "malformed"),
    "suspicious": (400, "malformed"),
    "toobig": (413, "body_too_large"),
    "database": (503, "database_away"),
    "interface": (503, "database_away"),
    "pool": (503, "database_away"),
    "fields": (422, "invalid_input"),
    "list": (422, "invalid_input"),
}


@pytest.fixture
def failing() -> APIClient:
    with override_settings(ROOT_URLCONF="tests.api.failing_urls"):
        yield APIClient(raise_request_exception=False)


@pytest.mark.parametrize("how", EXPECTED)
def test_what_a_view_raises_comes_in_the_envelope(failing, how):
    assert refusal(failing.get(f"/api/v1/fail/{how}/")) == EXPECTED[how]


def test_a_domain_error_keeps_its_sentence_and_details(failing):
    assert failing.get("/api/v1/fail/conflict/").json() == {
        "error": {"code": "draft_conflict", "message": "The state moved on.", "details": {"stored": 1}}
    }


@pytest.mark.parametrize(("how", "seconds"), [("wait", "7"), ("throttled", "3"), ("database", "2"), ("conflict", None)])
def test_retry_after_says_when_to_come_again(failing, how, seconds):
    assert failing.get(f"/api/v1/fail/{how}/").headers.get("Retry-After") == seconds


def test_a_wrong_field_inside_of_a_list_is_named_by_its_path(failing):
    error = failing.get("/api/v1/fail/fields/").json()["error"]
    assert error == {
        "code": "invalid_input",
        "message": "items.1.text: It is blank.",
        "details": {"items": [{}, {"text": ["It is blank."]}]},
    }


def test_an_unexpected_failure_tells_its_id_and_nothing_else(failing):
    response = failing.get("/api/v1/fail/bug/", headers={"X-Request-ID": "id-of-this-call"})
    assert refusal(response) == (500, "failed")
    assert details(response) == {"request_id": "id-of-this-call"}
    assert "secret" not in response.content.decode()
    assert request_id.get() == ""


def test_an_unexpected_failure_is_logged_with_its_traceback(failing, caplog):
    failing.get("/api/v1/fail/bug/")
    (record,) = [record for record in caplog.records if record.name == "annotate.api.errors"]
    assert (record.levelname, record.path, str(record.exc_info[1])) == (
        "ERROR",
        "/api/v1/fail/bug/",
        "a secret in a traceback",
    )


def test_an_unexpected_failure_is_raised_again_in_tests():
    with override_settings(ROOT_URLCONF="tests.api.failing_urls"), pytest.raises(RuntimeError):
        APIClient().get("/api/v1/fail/bug/")


@pytest.mark.parametrize(
    "address", ["/api/", "/api/v1/", "/api/v1/nothing/", "/api/v1/a/b/c/", "/api/v2/me/", "/api/x"]
)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_an_unknown_address_is_a_404_in_the_envelope(client, address, method):
    assert refusal(getattr(client, method)(address)) == (404, "not_found")


def test_an_address_without_its_slash_is_told_instead_of_redirected(client):
    response = client.post("/api/v1/guests")
    assert refusal(response) == (404, "not_found")
    assert "try /api/v1/guests/ instead" in response.json()["error"]["message"]


def test_a_method_that_is_not_there_is_a_405_with_allow(client_of_ada):
    response = client_of_ada.delete("/api/v1/me/")
    assert refusal(response) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, PATCH, HEAD"


def test_options_tells_nothing(client_of_ada):
    assert refusal(client_of_ada.options("/api/v1/me/")) == (405, "method_not_allowed")


def test_a_body_of_another_type_is_a_415(client_of_ada):
    response = client_of_ada.patch(
        "/api/v1/me/", data="display_name=x", content_type="application/x-www-form-urlencoded"
    )
    assert refusal(response) == (415, "media_type_not_supported")


def test_an_unknown_host_is_refused_in_the_envelope():
    response = Client(raise_request_exception=False).get("/api/v1/terms/", headers={"Host": "evil.example"})
    assert refusal(response) == (400, "malformed")


def test_a_page_that_is_not_there_is_no_matter_of_the_api(client):
    response = client.get("/nothing/")
    assert (response.status_code, response.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_accept_is_not_asked(client):
    response = client.get("/api/v1/terms/?", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
