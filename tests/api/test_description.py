"""The description of the API is valid, whole and true of the code; its page needs no script."""

from __future__ import annotations

import gzip
import inspect
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from annotate.api.description import MEDIA_TYPE, describe_api
from annotate.api.document import list_groups
from annotate.api.serializers import StrictSerializer
from annotate.api.views import ApiView, UnknownAddress

METHODS = ("get", "post", "put", "patch", "delete")
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe_api()


def list_operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield path, method, described


def list_views(resolver: URLResolver | None = None) -> Iterator[type[ApiView]]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from list_views(entry)
        elif isinstance(entry, URLPattern) and hasattr(entry.callback, "view_class"):
            view = entry.callback.view_class
            if issubclass(view, ApiView) and view is not UnknownAddress:
                yield view


def test_the_description_is_valid_openapi_3_1(document):
    assert document["openapi"] == "3.1.0"
    validate_schema(document)


def test_nothing_is_guessed_when_the_description_is_made():
    GENERATOR_STATS.reset()
    describe_api.cache_clear()
    describe_api()
    assert (dict(GENERATOR_STATS._warn_cache), dict(GENERATOR_STATS._error_cache)) == ({}, {})


def test_every_method_of_every_view_is_declared():
    undeclared = [
        f"{view.__name__}.{method}"
        for view in list_views()
        for method in METHODS
        if hasattr(view, method) and not hasattr(getattr(view, method), "operation")
    ]
    assert undeclared == []


def test_every_operation_has_its_own_name(document):
    names = [described["operationId"] for _, _, described in list_operations(document)]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []


def test_every_operation_has_a_summary_a_tag_and_an_answer(document):
    incomplete = [
        described["operationId"]
        for _, _, described in list_operations(document)
        if not described.get("summary")
        or len(described.get("tags", [])) != 1
        or not any(status < "400" for status in described["responses"])
    ]
    assert incomplete == []


def test_every_operation_tells_its_refusals_in_the_envelope(document):
    wrong = []
    for _, _, described in list_operations(document):
        for status, answer in described["responses"].items():
            while "$ref" in answer:
                answer = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
            if status >= "400" and answer["content"] != {
                "application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}
            }:
                wrong.append((described["operationId"], status))
    assert wrong == []


def test_what_an_operation_takes_decides_which_refusals_it_shares(document):
    statuses = {
        described["operationId"]: [status for status in described["responses"] if status >= "400"]
        for _, _, described in list_operations(document)
    }
    assert statuses["show_terms"] == ["400", "429", "503"]
    assert statuses["show_me"] == ["400", "401", "403", "429", "503"]
    assert statuses["list_tokens"] == ["400", "401", "403", "422", "429", "503"]
    assert statuses["revoke_token"] == ["400", "401", "403", "404", "429", "503"]
    assert statuses["create_token"] == ["400", "401", "403", "413", "415", "422", "429", "503"]
    assert statuses["merge_guest"] == ["400", "401", "403", "404", "409", "413", "415", "422", "429", "503"]


def test_whoever_is_asked_for_is_told(document):
    schemes = document["components"]["securitySchemes"]
    assert (schemes["token"]["scheme"], schemes["session"]["in"]) == ("bearer", "cookie")
    wrong = [
        described["operationId"]
        for _, _, described in list_operations(document)
        if bool(described.get("security")) != ("x-scopes" in described)
    ]
    assert wrong == []


def test_strict_input_is_described_as_strict(document):
    schemas = document["components"]["schemas"]
    assert schemas["TokenBodyRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["TokenShape"]


def test_no_docstring_of_a_base_class_is_in_the_description():
    described = json.dumps(describe_api(), ensure_ascii=False)
    docstrings = [json.dumps(inspect.getdoc(base), ensure_ascii=False)[1:-1] for base in (ApiView, StrictSerializer)]
    assert [text for text in docstrings if text in described] == []


def test_the_description_is_public_and_not_sent_twice(client):
    response = client.get("/api/v1/schema/")
    assert (response.status_code, response.headers["Content-Type"]) == (200, MEDIA_TYPE)
    assert json.loads(response.content)["info"]["title"] == "Chorus"
    again = client.get("/api/v1/schema/", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


class Page(HTMLParser):
    """What a page loads and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [given["href"]] if tag == "a" and given.get("href") else []
        loaded = given.get("src") or (given.get("href") if tag == "link" else None)
        self.loads += [loaded] if loaded else []


@pytest.fixture
def page(client) -> Page:
    response = client.get("/api/v1/docs/")
    assert response.status_code == 200
    page = Page()
    page.feed(response.content.decode())
    return page


def test_the_page_needs_nothing_from_elsewhere_and_of_scripts_only_the_chosen_theme(page):
    assert page.tags & {"iframe", "img", "object", "style"} == set()
    loads = ["site/mark.svg", "site/js/theme-early.js", "site/chorus.css", "api/docs.css"]
    assert (page.loads, page.inline) == ([f"/static/{name}" for name in loads], [])


def test_the_page_leads_back_to_the_site(page):
    assert {"/", "/campaigns/", "/about/", "/terms/", "/me/tokens/"} <= set(page.links)


def test_the_page_has_every_operation_and_every_link_leads_somewhere(page, document):
    names = [described["operationId"] for _, _, described in list_operations(document)]
    assert [name for name in names if name not in page.ids] == []
    assert len(set(page.ids)) == len(page.ids)
    assert [link for link in page.links if link.startswith("#") and link[1:] not in page.ids] == []


def test_the_page_is_sent_with_the_strict_policy(client):
    policy = client.get("/api/v1/docs/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_schema_is_shown_as_rows_with_types_in_words():
    document = {
        "components": {
            "schemas": {"Item": {"type": "object", "properties": {"text": {"type": "string", "maxLength": 9}}}}
        },
        "paths": {
            "/x/{id}/": {
                "get": {
                    "operationId": "show_x",
                    "parameters": [{"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}}],
                    "x-scopes": ["read"],
                    "responses": {
                        "200": {
                            "description": "",
                            "content": {
                                "application/json": {
                                    "schema": {
                                        "type": "object",
                                        "required": ["items"],
                                        "properties": {
                                            "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
                                            "state": {"enum": ["open", "closed"]},
                                            "at": {"type": ["string", "null"], "format": "date-time"},
                                            "n": {"oneOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
                                        },
                                    }
                                }
                            },
                        },
                        "404": {"description": "Nothing."},
                    },
                }
            }
        },
    }
    (group,) = list_groups(document)
    (shown,) = group.operations
    assert (group.name, shown.method, shown.scopes, shown.public) == ("other", "GET", ("read",), False)
    assert [(row.path, row.type, row.required) for row in shown.parameters] == [("id", "integer", True)]
    (body,) = shown.answers[0].bodies
    assert [(row.path, row.type, row.required) for row in body.rows] == [
        ("items", "list of object", True),
        ("items[].text", "string, …9", False),
        ("state", '"open" | "closed"', False),
        ("at", "string (date-time) or null", False),
        ("n", "integer, 1… or null", False),
    ]
    assert json.loads(body.example) == {
        "items": [{"text": "text"}],
        "state": "open",
        "at": "2026-11-21T14:05:00Z",
        "n": 1,
    }
    assert [(answer.status, answer.phrase, answer.about) for answer in shown.refusals] == [
        ("404", "Not Found", "Nothing.")
    ]


def test_page_is_sent_compressed_to_whoever_takes_that(client):
    plain = client.get("/api/v1/docs/")
    packed = client.get("/api/v1/docs/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 5
