"""A claim looks at a few pages, whatever waits in the queue: in other campaigns, in paused ones, behind others."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from annotate.models import GenerationRequest
from annotate.queries import generation, generation_figures, local_generation, request_priorities
from annotate.queries.generation_lanes import FRONT_READY, FRONT_SUSPECTS
from annotate.queries.rows import run
from annotate.services import generation_queue
from annotate.services import request_priorities as written_priorities
from tasks.scheduling.request_priorities import HIGHEST_SCHEDULED, SCHEDULED_PRIORITIES
from tasks.vocabulary import Engine
from tests import plugin
from tests.asked import ask, make_local, make_network
from tests.opinions import NOW, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

REQUESTS = 30_000
#: Pages of 8 kB that one look may read; the table has more than a thousand.
FEW_PAGES = 400
TYPES = {
    "generators": "bigint[]", "generating": "text[]", "limit": "int", "now": "timestamptz", "outcomes": "text[]",
    "most": "int", "host": "text", "pausing": "text[]", "campaign": "bigint", "hour": "timestamptz", "day": "timestamptz",
    "engines": "text[]", "engine": "text", "token": "uuid", "lease_expires_at": "timestamptz", "requests": "bigint[]",
    "outcome": "text", "queued_again": "text", "set_aside": "text", "levels": "smallint[]", "after": "bigint",
    "parents": "bigint[]", "assistant": "text", "kinds": "text[]", "priorities": "smallint[]", "highest": "smallint",
}  # fmt: skip

#: Samples by the thousand; the parent's campaign is written by the database.
FILL = """
INSERT INTO annotate_generationrequest (campaign_id, parent_id, generator_id, sample_index, state, attempts, losses, priority,
  outcome, reason, not_before, finished_at)
SELECT NULL, m.id, %(generator)s, i, %(state)s, 0, %(losses)s, %(priority)s, %(outcome)s, '', %(not_before)s, %(finished_at)s
FROM annotate_message m, generate_series(%(first)s, %(first)s + %(count)s - 1) i WHERE m.id = %(parent)s"""


def fill(prompt, generator, *, count: int = REQUESTS, first: int = 0, **given) -> None:
    plain = {"state": "queued", "losses": 0, "priority": 0, "outcome": None, "not_before": None, "finished_at": None}
    run(FILL, {**plain, "parent": prompt.pk, "generator": generator.pk, "count": count, "first": first, **given})


def look(sql: str, params: dict[str, Any]) -> tuple[int, int]:
    """Rows that the statement answers, and pages that it reads with the plan that is made once for everybody."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    for place, name in enumerate(names, start=1):
        sql = sql.replace(f"%({name})s", f"${place}")
    connection.ensure_connection()
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE look ({', '.join(TYPES[name] for name in names)}) AS {sql}")
        given = ", ".join(["%s"] * len(names))
        cursor.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE look ({given})", [params[name] for name in names]
        )
        answered = cursor.fetchone()[0]
        cursor.execute("DEALLOCATE look")
    plan = (json.loads(answered) if isinstance(answered, str) else answered)[0]["Plan"]
    return int(plan["Actual Rows"]), int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.fixture(autouse=True)
def swept(db) -> None:
    """What other tests rolled back is not there to be read."""
    url = plugin.PLACES.database_url.replace("/chorus?", f"/{connection.settings_dict['NAME']}?")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("VACUUM annotate_generationrequest")


@pytest.fixture
def crowd(swept):
    """Thirty thousand requests of a paused campaign at the front, as many that wait, were lost, and ended; ten are ready."""
    paused, busy = make_campaign("paused", state="paused"), make_campaign("birds")
    generators = [make_local(str(number)) for number in range(5)]
    mine = generators[0]
    prompt = make_prompt(busy, "Why do birds sing?")
    fill(make_prompt(paused, "Why do fish swim?"), mine, priority=9)
    fill(prompt, mine, outcome="server_error", not_before=NOW + timedelta(hours=1))
    fill(make_prompt(busy, "Why do moles dig?"), mine, state="done", outcome="stored", finished_at=NOW)
    fill(make_prompt(paused, "Why do ants walk?"), mine, losses=1, count=1000)
    for generator in generators:
        ask(prompt, generator, count=2, priority=1)
    run("ANALYZE annotate_generationrequest", {})
    return prompt, generators


def params_of(generators, **given) -> dict[str, Any]:
    return {
        "generators": [generator.pk for generator in generators],
        "generating": ["draft", "open"],
        "limit": 8,
        "now": NOW,
        "token": uuid.UUID(int=7),
        "outcomes": [outcome.value for outcome in generation_queue.GenerationOutcome],
        "most": generation_queue.MOST_RIPENED,
        "pausing": [outcome.value for outcome in generation_queue.PAUSING],
        **given,
    }


def test_the_front_of_a_crowded_queue_is_found_with_a_few_looks(crowd) -> None:
    _, generators = crowd
    assert GenerationRequest.objects.count() > 3 * REQUESTS
    rows, pages = look(FRONT_READY, params_of(generators))
    assert (rows, pages < FEW_PAGES) == (8, True), pages
    rows, pages = look(FRONT_SUSPECTS, params_of(generators, limit=1))
    assert (rows, pages < FEW_PAGES) == (0, True), pages


@pytest.mark.parametrize("statement", ["_RIPEN", "_SWEEP", "_LOCK_GENERATORS"])
def test_what_else_a_claim_does_takes_a_few_looks(crowd, statement) -> None:
    _, generators = crowd
    words = {"outcome": "worker_lost", "queued_again": "", "set_aside": ""}
    sql = getattr(generation_queue, statement)
    _, pages = look(sql, params_of(generators, **words, **({"limit": 2} if statement == "_SWEEP" else {})))
    assert pages < FEW_PAGES, pages


def test_what_a_server_has_room_for_takes_a_few_looks(crowd) -> None:
    prompt, _ = crowd
    served = make_network("served")
    fill(prompt, served, outcome="server_error", not_before=NOW + timedelta(hours=1))
    run("ANALYZE annotate_generationrequest", {})
    rows, pages = look(generation_queue._SERVER, params_of([served], host=served.host))
    assert (rows, pages < FEW_PAGES) == (1, True), pages


def test_what_is_due_is_found_with_a_few_looks(crowd) -> None:
    _, generators = crowd
    given = {"engines": ["transformers"], "now": NOW}
    assert generation.list_due_generators(**given) == [generator.pk for generator in generators]
    _, pages = look(generation._DUE, params_of(generators, **given))
    assert pages < FEW_PAGES, pages


def test_what_waits_for_workers_with_a_model_is_found_with_a_few_looks(crowd) -> None:
    _, generators = crowd
    waiting = local_generation.count_waiting(generator_ids=[generator.pk for generator in generators])
    assert waiting == REQUESTS + 2 * len(generators)
    assert local_generation.list_wanted(engine=Engine.TRANSFORMERS, now=NOW) == [one.pk for one in generators]
    rows, pages = look(local_generation._WANTED, params_of([], engine="transformers"))
    assert (rows, pages < FEW_PAGES) == (len(generators), True), pages
    _, pages = look(local_generation._WAITING, params_of(generators, most=200))
    assert pages < FEW_PAGES, pages


@pytest.mark.parametrize("statement", ["_OF_ALL_CAMPAIGNS", "_OF_ONE_CAMPAIGN", "_OUTCOMES_OF_ALL", "_OUTCOMES_OF_ONE"])
def test_figures_read_so_much_and_no_more(crowd, statement) -> None:
    prompt, generators = crowd
    given = {"campaign": prompt.tree.campaign_id, "hour": NOW - timedelta(hours=1), "day": NOW - timedelta(days=1)}
    sql = getattr(generation_figures, statement)
    _, pages = look(sql, params_of(generators, **given, most=200))
    assert pages < 2 * FEW_PAGES, pages


@pytest.mark.parametrize("statement", ["_FRONT", "_AFTER"])
def test_what_the_scheduler_orders_is_looked_at_by_a_few_pages_at_a_time(crowd, statement) -> None:
    prompt, generators = crowd
    fill(make_prompt(prompt.tree.campaign, "Why do owls see?"), generators[0])
    run("ANALYZE annotate_generationrequest", {})
    after = 0 if statement == "_FRONT" else GenerationRequest.objects.latest("pk").pk - REQUESTS // 2
    given = {"campaign": prompt.tree.campaign_id, "after": after, "limit": 500, "levels": list(SCHEDULED_PRIORITIES)}
    rows, pages = look(getattr(request_priorities, statement), given)
    assert (rows, pages < FEW_PAGES) == (500, True), pages


def test_priorities_are_decided_and_written_by_a_few_pages(crowd) -> None:
    prompt, generators = crowd
    asked = make_prompt(prompt.tree.campaign, "Why do owls see?")
    requests = [request.pk for generator in generators for request in ask(asked, generator, count=4)]
    rows, pages = look(request_priorities._PROMPTS, {"parents": [asked.pk], "assistant": "assistant"})
    assert (rows, pages < 2 * FEW_PAGES) == (1, True), pages
    given = {"requests": requests, "priorities": [1] * len(requests), "highest": HIGHEST_SCHEDULED}
    _, pages = look(written_priorities._WRITE, given)
    assert pages < 2 * FEW_PAGES, pages
    assert GenerationRequest.objects.filter(pk__in=requests, priority=1).count() == len(requests)
