"""Where a form wants to go on: to this site or to the first page, and never a failure."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.web.organizing import make_person

pytestmark = pytest.mark.django_db

ELSEWHERE = [
    "nan",
    "work",
    "9" * 30,
    "me",
    "./me/",
    "//evil.example",
    "http://[::1",
    "https://evil.example/",
    "javascript:x",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_address_that_is_none_of_ours_leads_to_the_first_page(client: Client, address: str) -> None:
    assert client.post("/language/", {"language": "de", "next": address})["Location"] == "/"
    make_person("ada", password="correct horse battery")
    assert client.get("/account/login/", {"next": address}).status_code == 200
    fields = {"login": "ada@example.org", "password": "correct horse battery", "next": address}
    assert client.post("/account/login/", fields)["Location"] == "/"


@pytest.mark.parametrize("address", ["/work/7/?a=b", "http://testserver/me/"])
def test_address_of_ours_is_where_it_goes_on(client: Client, address: str) -> None:
    assert client.post("/language/", {"language": "de", "next": address})["Location"] == address
