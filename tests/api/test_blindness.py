"""No annotator can learn who wrote a candidate before judging: everything within their reach is fetched twice,
with the generators swapped, and is equal but for tokens and times. A canary's name is planted first."""

from __future__ import annotations

import json
import random
import re
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from rest_framework.test import APIClient

from annotate.api import work
from annotate.models import Message, MessageOrigin, Unit
from annotate.services import import_store
from tasks.jobs.imports import run_imports_job
from tasks.jobs.quality import recompute_stale_job
from tests.loop import ranking_of

API = "/api/v1/"
CANARY, OTHER = "canary-7f3a-model", "finch-2b91-model"
#: What may differ between two worlds: names made of chance, and times.
PASSING = (
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)",
    r"chorus(-guest)?_[\w-]+",
    r'"hint":"[^"]*"',
    r"\b[0-9a-f]{16,64}\b",
    r"\d\d:\d\d UTC",
)
#: Writing operations that are an annotator's own work: the test does them itself, in order.
OWN_WORK = {"offer_next", "submit_answer", "save_draft", "skip_assignment", "undo_judgment", "renew_lease"}

pytestmark = pytest.mark.django_db


class Undone(Exception):
    """Ends a world: everything it wrote is rolled back."""


def normal(text: str) -> str:
    for pattern in PASSING:
        text = re.sub(pattern, "…", text)
    return text


def restart_sequences() -> None:
    """Both worlds number their rows alike."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'S' AND c.relname LIKE 'annotate_%'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER SEQUENCE {name} RESTART WITH 500000")


def build_world(organizer: APIClient, swap: bool) -> None:
    """A running campaign in which two generators and a person wrote the candidates; `swap` exchanges who wrote which."""
    campaign = {
        "slug": "birds", "title": "Birds", "preset": "rank", "languages": ["en"], "redundancy": 3,
        "kinds": ["rank", "compare", "label"],
    }  # fmt: skip
    assert organizer.post(f"{API}campaigns/", campaign, format="json").status_code == 201
    first, second = (OTHER, CANARY) if swap else (CANARY, OTHER)
    writers = [first, second, None, first] if not swap else [first, second, first, None]
    items = [
        {
            "prompt": f"Question {number}?",
            "language": "en",
            "external_id": f"q{number}",
            "candidates": [
                {"text": f"Answer {place} to {number}.", **({"generator": name} if name else {})}
                for place, name in enumerate(writers)
            ],
        }
        for number in range(4)
    ]
    made = organizer.post(f"{API}campaigns/birds/imports/", {"items": items}, format="json")
    assert made.status_code in (201, 202), made.content
    run_imports_job()
    assert organizer.patch(f"{API}campaigns/birds/", {"state": "open"}, format="json").status_code == 200
    assert MessageOrigin.objects.filter(generator__name=CANARY).exists()
    Unit.objects.update(tie=F("id"))  # the database's dice, which a test cannot pass in


def list_reading_operations(client: APIClient) -> list[tuple[str, str, str]]:
    """(operation, method, path) of everything that reads, from the API's own description."""
    described = client.get(f"{API}schema/", headers={"Accept": "application/json"})
    schema = json.loads(described.content)
    found = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method == "get":
                found.append((operation["operationId"], method, path))
    assert len(found) > 15
    return sorted(found)


def fill(path: str, known: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(known.get(match[1], 500000)), path)


def look_around(annotator: APIClient) -> dict[str, str]:
    """Everything that this annotator can fetch, and what their own work answers, by operation."""
    seen: dict[str, str] = {}

    def keep(name: str, response: Any) -> Any:
        body = b"".join(response.streaming_content) if response.streaming else response.content
        headers = {key: value for key, value in response.headers.items() if key not in ("Content-Length", "Date")}
        seen[name] = normal(f"{response.status_code} {headers} {body.decode()}")
        return json.loads(body) if body and "json" in response.headers.get("Content-Type", "") else None

    holds = {}
    for kind in ("rank", "compare", "label"):
        answer = keep(f"next {kind}", annotator.post(f"{API}campaigns/birds/next/", {"kinds": [kind]}, format="json"))
        holds[kind] = answer["assignment"]
    address = f"{API}assignments/{holds['rank']['id']}/"
    keep("draft", annotator.put(f"{address}draft/", {"draft": {"rationale": "So"}, "draft_version": 0}, format="json"))
    keep("renew", annotator.post(f"{address}renew/"))
    wrong = {"tiers": [["z"]]}
    keep("wrong", annotator.post(f"{address}submit/", wrong, format="json"))
    done = keep("submit", annotator.post(f"{address}submit/", ranking_of(holds["rank"]), format="json"))
    keep("undo", annotator.post(f"{API}judgments/{done['judgment']['id']}/undo/"))
    keep("submit again", annotator.post(f"{address}submit/", ranking_of(holds["rank"]), format="json"))
    keep("skip", annotator.post(f"{API}assignments/{holds['compare']['id']}/skip/", {}, format="json"))
    recompute_stale_job()
    known = {
        "slug": "birds",
        "assignment": holds["rank"]["id"],
        "judgment": done["judgment"]["id"],
        "message": Message.objects.order_by("id").first().pk,
        "number": 1,
    }
    for operation, _, path in list_reading_operations(annotator):
        keep(operation, annotator.get(fill(path, known)))
    return seen


def test_everything_an_annotator_can_reach_is_the_same_with_the_generators_swapped(make_client, monkeypatch):
    worlds = []
    for swap in (False, True):
        for module in (work, import_store):
            monkeypatch.setattr(module, "DICE", random.Random(5))
        with suppress(Undone), transaction.atomic():
            restart_sequences()
            build_world(make_client("organizer"), swap)
            worlds.append(look_around(make_client("ada", scopes=("annotate", "read"))))
            raise Undone
    first, second = worlds
    assert list(first) == list(second)
    for name, body in first.items():
        assert body == second[name], name
        assert CANARY not in body, name
        assert OTHER not in body, name
    # The look-around met the work itself, not refusals alone.
    assert first["submit"].startswith("200")
    assert "Answer 2 to" in first["next rank"]
