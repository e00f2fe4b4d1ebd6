"""Blind: every page that an annotator reaches is fetched twice, with the generators swapped, and is the same but for
tokens and times. The names of canaries are planted first."""

from __future__ import annotations

import random
import re
from contextlib import suppress

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from annotate.models import Assignment, Campaign, Judgment
from annotate.queries.work_pages import get_guideline
from annotate.services.people import create_user
from annotate.web import work_next
from tasks.jobs.quality import recompute_stale_job
from tests.api.test_blindness import CANARY, OTHER, PASSING, Undone, build_world, restart_sequences
from tests.web.workers import HTMX, JSON, ask_next, form_of, post, sign_in

pytestmark = pytest.mark.django_db
#: What may differ between two worlds besides: a form's token and the token of the pair at the door, seconds, minutes.
PASSING_IN_PAGES = (
    r'name="csrfmiddlewaretoken" value="[^"]*"',
    r'"X-CSRFToken": "[^"]*"',
    r'name="token" value="[^"]*"',
    r'data-left="\d+"',
    r'"lease_seconds_left": \d+',
    *PASSING,
)


def normal(text: str) -> str:
    for pattern in PASSING_IN_PAGES:
        text = re.sub(pattern, "…", text)
    return text


def walk(client: Client) -> dict[str, str]:
    """What this annotator sees, by what they did: every kind of work, with and without scripts, in every state."""
    seen: dict[str, str] = {}

    def keep(name: str, answer) -> None:
        headers = {
            key: value for key, value in answer.headers.items() if key not in ("Content-Length", "Date", "Expires")
        }
        seen[name] = normal(f"{answer.status_code} {headers} {answer.text}")

    for place in ("/", "/about/", "/campaigns/", "/campaigns/birds/", "/me/", "/me/contributions/"):
        keep(place, client.get(place))
    held = {kind: ask_next(client, kind=kind) for kind in ("rank", "compare", "label")}
    for kind, assignment in held.items():
        keep(f"{kind} page", client.get(f"/work/{assignment}/"))
        keep(f"{kind} fragment", client.get(f"/work/{assignment}/", headers=HTMX))
        keep(f"{kind} untouched", post(client, assignment, "submit", form_of(client.get(f"/work/{assignment}/"))))
    ranked = {"kind": "rank", "shown": "a b c d", "tiers": ["a:1", "b:2", "c:2", "d:3"], "acceptable_tiers": "1"}
    keep("draft", post(client, held["rank"], "draft", {**ranked, "draft_version": "0"}, **JSON))
    keep("conflict", post(client, held["rank"], "draft", {**ranked, "rationale": "No.", "draft_version": "0"}, **JSON))
    keep("renew", post(client, held["rank"], "renew", {}, **JSON))
    keep("exchange", post(client, held["rank"], "submit", ranked, **HTMX))
    keep("stored", client.get(f"/work/{held['rank']}/"))
    keep("another", post(client, held["rank"], "submit", {**ranked, "tiers": ["d:1", "c:2", "b:3", "a:4"]}))
    judgment = Judgment.objects.get().pk
    keep("undo", client.post(f"/judgments/{judgment}/undo/", headers=HTMX))
    keep("again", post(client, held["rank"], "submit", ranked))
    keep("skip", post(client, held["compare"], "submit", {"skip_reason": "too_long"}, **HTMX))
    keep("skipped", client.get(f"/work/{held['compare']}/"))
    keep("labelled", post(client, held["label"], "submit", {"kind": "label", "shown": "", "label.spam": "no"}, **HTMX))
    recompute_stale_job()
    for place in ("/", "/campaigns/birds/", "/me/", "/me/contributions/"):
        keep(f"{place} after", client.get(place))
    keep("next", client.post("/start/", headers=HTMX))
    Assignment.objects.filter(state="live").update(state="expired", lease_expires_at=None)
    keep("expired", client.get(f"/work/{Assignment.objects.filter(state='expired').first().pk}/"))
    keep("nothing", client.post("/campaigns/birds/next/", {"kind": "label"}))
    keep("landing", Client().get("/"))
    return seen


def sign_in_organizer() -> APIClient:
    user = create_user(email="organizer@example.org", now=timezone.now(), with_terms=True)
    client = APIClient()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_every_page_of_an_annotator_is_the_same_with_the_generators_swapped(monkeypatch) -> None:
    worlds = []
    for swap in (False, True):
        monkeypatch.setattr(work_next, "DICE", random.Random(5))
        for module in ("work_taken", "door"):
            monkeypatch.setattr(f"annotate.web.{module}.DICE", work_next.DICE)
        get_guideline.cache_clear()
        with suppress(Undone), transaction.atomic():
            restart_sequences()
            build_world(sign_in_organizer(), swap)
            Campaign.objects.update(allow_guests=True)
            client = Client()
            sign_in(client)
            worlds.append(walk(client))
            raise Undone
    get_guideline.cache_clear()
    first, second = worlds
    assert list(first) == list(second)
    for name, page in first.items():
        assert page == second[name], name
        assert CANARY not in page, name
        assert OTHER not in page, name
    # The walk met the work itself, not refusals alone.
    assert all(first[name].startswith("200") for name in ("exchange", "rank page", "next", "landing", "undo", "/"))
    assert re.search(r"Answer \d to", first["rank page"])
    assert re.search(r"Answer \d to", first["exchange"])
