"""JSON that the API refuses, and what it takes."""

from __future__ import annotations

import io
import json
import sys

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotate.api.parsers import MAX_DEPTH, Malformed, StrictJSONParser, parse_json, read_body
from annotate.exceptions import TooLarge
from tests.api.helpers import refusal

REFUSED = {
    b"{": "not_json",
    b"": "not_json",
    b"{'a': 1}": "not_json",
    b'{"a": 1,}': "not_json",
    b'{"a": "b\x00c"}': "not_json",
    b'{"a": "tab\there"}': "not_json",
    b"\xef\xbb\xbf{}": "not_json",
    b'{"a": "\xff"}': "not_utf8",
    b'{"a": "\xed\xa0\x80"}': "not_utf8",
    b'{"a": "\\u0000"}': "text_has_nul",
    b'{"\\u0000": 1}': "text_has_nul",
    b'[[{"a": ["\\u0000"]}]]': "text_has_nul",
    b'{"a": "\\ud800"}': "text_has_surrogate",
    b'{"a": "\\udc00\\ud800"}': "text_has_surrogate",
    b'{"a": {"\\ud83d": 1}}': "text_has_surrogate",
    b"NaN": "number_not_finite",
    b'{"a": [Infinity]}': "number_not_finite",
    b'{"a": -Infinity}': "number_not_finite",
    b"1e999": "number_too_large",
    b'{"a": -1e400}': "number_too_large",
    b'{"a": 9223372036854775808}': "number_too_large",
    b'{"a": ' + b"9" * 5000 + b"}": "number_too_large",
    b'{"a": 1, "a": 2}': "name_said_twice",
    b'[{"b": {"a": 1, "c": 2, "a": 1}}]': "name_said_twice",
    b"[" * 33 + b"]" * 33: "nested_too_deep",
    b'{"a":' * 33 + b"1" + b"}" * 33: "nested_too_deep",
    b"[" * 100_000: "nested_too_deep",
    b'{"a":' * 100_000: "nested_too_deep",
}


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: repr(body[:24]))
def test_a_body_that_others_would_read_differently_is_refused(body):
    with pytest.raises(Malformed) as refused:
        parse_json(body)
    assert (refused.value.status, refused.value.code) == (400, REFUSED[body])


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        ('{"a": "e\u0301 \u0627"}'.encode(), {"a": "e\u0301 \u0627"}),
        (b'{"a": 9223372036854775807, "b": -9223372036854775807}', {"a": 2**63 - 1, "b": -(2**63) + 1}),
        (b'{"a": 1.5e3, "b": null, "c": true}', {"a": 1500.0, "b": None, "c": True}),
        (b'{"a": {"x": 1}, "b": {"x": 2}}', {"a": {"x": 1}, "b": {"x": 2}}),
        (b"[]" * 1, []),
        (b"[" + b",".join([b"[1]"] * 100) + b"]", [[1]] * 100),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)),
    ],
)
def test_what_is_json_is_read_as_it_is(body, value):
    assert parse_json(body) == value


def test_a_body_is_refused_and_not_a_recursion_error_wherever_the_stack_stands():
    def call_deeply(levels: int) -> None:
        if levels:
            return call_deeply(levels - 1)
        with pytest.raises(Malformed):
            parse_json(b"[" * 50_000 + b"]" * 50_000)
        return None

    call_deeply(sys.getrecursionlimit() // 2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.booleans())
def test_whatever_was_written_comes_back(value, escaped):
    assert parse_json(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=60))
def test_no_bytes_are_more_than_refused(body):
    assert read_or_refuse(body) in {"read", *REFUSED.values()}


def read_or_refuse(body: bytes) -> str:
    try:
        parse_json(body)
    except Malformed as refused:
        return refused.code
    return "read"


def test_a_body_is_read_up_to_its_limit_and_no_further():
    stream = io.BytesIO(b"x" * 1000)
    with pytest.raises(TooLarge) as refused:
        read_body(stream, limit=100)
    assert (refused.value.status, refused.value.code, refused.value.details) == (
        413,
        "body_too_large",
        {"limit_bytes": 100},
    )
    assert stream.tell() == 101


def test_a_view_may_take_larger_bodies():
    class Roomy(StrictJSONParser):
        limit = 10_000_000

    body = json.dumps(["x" * 5_000_000]).encode()
    assert Roomy().parse(io.BytesIO(body), "application/json", {}) == ["x" * 5_000_000]


@pytest.fixture
def echo(db) -> APIClient:
    with override_settings(ROOT_URLCONF="tests.api.failing_urls"):
        yield APIClient()


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000)
def test_too_large_a_body_is_a_413(echo):
    response = echo.post("/api/v1/echo/", data=b'"' + b"x" * 1000 + b'"', content_type="application/json")
    assert refusal(response) == (413, "body_too_large")


def test_a_body_in_another_charset_is_refused(echo):
    response = echo.post(
        "/api/v1/echo/", data='"é"'.encode("latin-1"), content_type="application/json; charset=latin-1"
    )
    assert refusal(response) == (400, "charset_not_utf8")


def test_no_body_is_an_empty_object(echo):
    assert echo.post("/api/v1/echo/").json() == {"got": {}}


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON"])
def test_the_content_type_is_read_as_it_is_meant(echo, content_type):
    response = echo.post("/api/v1/echo/", data=b'{"a": [1]}', content_type=content_type)
    assert response.json() == {"got": {"a": [1]}}
