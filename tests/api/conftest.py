"""People, their tokens and clients for the tests of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.models import User
from annotate.services.people import create_user
from annotate.services.tokens import create_token

API = "/api/v1/"
MakeClient = Callable[..., APIClient]


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """Makes an account that has accepted the terms: `make_user("ada")`."""

    def make(name: str = "ada", **given: Any) -> User:
        return create_user(**{"email": f"{name}@example.org", "now": timezone.now(), "with_terms": True, **given})

    return make


@pytest.fixture
def make_client(make_user: Callable[..., User]) -> MakeClient:
    """Makes a client that sends a token: `make_client("ada", scopes=["read"])`, `make_client(user=user)`."""

    def make(
        name: str = "ada",
        *,
        scopes: tuple[str, ...] = ("annotate", "organize", "read"),
        user: User | None = None,
        **given: Any,
    ) -> APIClient:
        user = user or User.objects.filter(email=f"{name}@example.org").first() or make_user(name, **given)
        _, text = create_token(user=user, name="tests", scopes=scopes, expires_at=None, actor=None, now=timezone.now())
        client = APIClient(headers={"Authorization": f"Bearer {text}"})
        client.owner = user
        return client

    return make


@pytest.fixture
def client_of_ada(make_client: MakeClient) -> APIClient:
    """The client of an ordinary account with the scopes annotate, organize and read."""
    return make_client("ada")


@pytest.fixture
def administrator(make_client: MakeClient) -> APIClient:
    """The client of an administrator with every scope."""
    return make_client("root", scopes=("admin",), is_administrator=True)
