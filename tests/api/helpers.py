"""Reading answers of the API in tests."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse


def refusal(response: HttpResponse) -> tuple[int, str]:
    """Status and code of a refusal, after checking that the envelope is whole and has a sentence."""
    body: dict[str, Any] = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "details"]
    assert body["error"]["message"].endswith((".", "?", ")"))
    assert isinstance(body["error"]["details"], dict)
    return response.status_code, body["error"]["code"]


def details(response: HttpResponse) -> dict[str, Any]:
    return dict(response.json()["error"]["details"])
