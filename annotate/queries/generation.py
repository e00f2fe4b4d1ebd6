"""Reads of generators and their requests: what a worker needs to call an engine, what an organizer sees."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from annotate.models import CampaignGenerator, GenerationRequest, Generator
from annotate.queries.generation_lanes import READY, RIPE, SUSPECT
from annotate.queries.rows import fetch_all
from annotate.reasons import tell_reason
from tasks.generation.keys import read_key
from tasks.records.generation import GenerationJob, GeneratorRecord, Loading, Turn
from tasks.records.parameters import parse_settings
from tasks.vocabulary import Batching, CampaignState, Engine, GenerationOutcome, MessageRole, RequestState, ServerKind

#: States that ask an organizer to look: something went wrong, and the row says what.
PROBLEM_STATES = (RequestState.FAILED, RequestState.SET_ASIDE)
#: A worker's batch must end within its job's time limit, so no exchange may take longer (seconds).
LONGEST_EXCHANGE_SECONDS = 780
#: Retries within one exchange share this, unless the generator's own time-out is longer (seconds).
PATIENCE_SECONDS = 400

# The first of each lane in the order of its index: however long the queue is, it is looked at from its front.
_DUE = f"""
SELECT g.id FROM annotate_generator g
WHERE g.enabled AND g.engine = ANY(%(engines)s::text[]) AND COALESCE(
  (SELECT r.id FROM annotate_generationrequest r WHERE r.generator_id = g.id AND {READY} ORDER BY r.campaign_id LIMIT 1),
  (SELECT r.id FROM annotate_generationrequest r WHERE r.generator_id = g.id AND {SUSPECT} ORDER BY r.campaign_id LIMIT 1),
  (SELECT ripe.id FROM unnest(%(outcomes)s::text[]) AS o (outcome) CROSS JOIN LATERAL (
    SELECT r.id FROM annotate_generationrequest r WHERE r.generator_id = g.id AND r.outcome = o.outcome AND {RIPE}
    ORDER BY r.not_before LIMIT 1) ripe LIMIT 1)) IS NOT NULL
ORDER BY g.id"""

_THREADS = """
SELECT r.id, r.parent_id, r.generator_id, r.sample_index, r.attempts, r.draws, c.parameters::text AS parameters,
  array_agg(t.role ORDER BY array_position(p.thread, t.id)) AS roles,
  array_agg(t.text ORDER BY array_position(p.thread, t.id)) AS texts,
  bool_or(t.removed_at IS NOT NULL OR t.withdrawn_at IS NOT NULL) AS is_gone
FROM annotate_generationrequest r
JOIN annotate_campaign c ON c.id = r.campaign_id
JOIN annotate_message p ON p.id = r.parent_id
JOIN annotate_message t ON t.id = ANY(p.thread)
WHERE r.id = ANY(%(requests)s::bigint[])
GROUP BY r.id, c.id ORDER BY array_position(%(requests)s::bigint[], r.id)"""

_COUNTS = """
SELECT r.generator_id, r.state, count(*) AS requests, max(r.not_before) FILTER (WHERE r.state = 'queued') AS waits_until
FROM annotate_generationrequest r
WHERE r.campaign_id = %(campaign)s
GROUP BY r.generator_id, r.state"""


@dataclass(frozen=True, slots=True)
class JobSheet:
    """Requests ready to be answered, and those whose conversation is gone."""

    jobs: tuple[GenerationJob, ...]
    gone: tuple[int, ...]


def list_generating_campaigns() -> list[int]:
    """Ids of open campaigns that name a generator which can be asked."""
    named = CampaignGenerator.objects.filter(campaign__state=CampaignState.OPEN, generator__enabled=True)
    return list(
        named.exclude(generator__engine=Engine.LABEL)
        .order_by("campaign_id")
        .values_list("campaign_id", flat=True)
        .distinct()
    )


def find_generator(*, generator_id: int) -> Generator | None:
    """A generator's record as its administrator wrote it."""
    return Generator.objects.filter(pk=generator_id).first()


def list_due_generators(*, engines: Sequence[str], now: datetime) -> list[int]:
    """Ids of enabled generators of these engines with a request that may be tried now."""
    params = {"engines": list(engines), "now": now, "outcomes": [outcome.value for outcome in GenerationOutcome]}
    return [row["id"] for row in fetch_all(_DUE, params)]


def describe_generator(*, generator: Generator, environment: Mapping[str, str]) -> GeneratorRecord:
    """The record that an engine takes. The key comes from the variable that the generator names, or from a file.

    Raises LookupError, with a sentence for an organizer, when there is none here.
    """
    name = generator.api_key_variable
    seconds = min(generator.timeout_seconds, LONGEST_EXCHANGE_SECONDS)
    return GeneratorRecord(
        id=generator.pk,
        name=generator.name,
        engine=Engine(generator.engine),
        endpoint=generator.endpoint,
        model=generator.model,
        revision=generator.revision,
        sampling=generator.sampling,
        system_prompt=generator.system_prompt or None,
        api_key=read_key(name, environment=environment) if name else None,
        read_timeout_seconds=seconds,
        deadline_seconds=max(seconds, min(2 * seconds, PATIENCE_SECONDS)),
        concurrency=generator.max_concurrent,
        server_kind=ServerKind(generator.server_kind),
        prompt_format=generator.prompt_format,
        loading=read_loading(generator.loading),
    )


def read_loading(stored: Mapping[str, Any]) -> Loading:
    """How a worker loads a model, from what is stored: what is not there is as by default."""
    given = {field.name: stored[field.name] for field in fields(Loading) if field.name in stored}
    if "batching" in given:
        given["batching"] = Batching(given["batching"])
    return Loading(**given)


def load_jobs(*, request_ids: Sequence[int]) -> JobSheet:
    """The threads that these requests answer, from the root to their parent."""
    rows = fetch_all(_THREADS, {"requests": list(request_ids)})
    return JobSheet(
        jobs=tuple(_make_job(row) for row in rows if not row["is_gone"]),
        gone=tuple(row["id"] for row in rows if row["is_gone"]),
    )


def draw_seed(*, parent_id: int, generator_id: int, sample_index: int, attempts: int, draws: int) -> int:
    """The seed of one try, in [0, 2³¹): another one for each sample, try and draw, the same whoever asks."""
    key = f"{parent_id}/{generator_id}/{sample_index}/{attempts}/{draws}".encode("ascii")
    return int.from_bytes(hashlib.sha256(key).digest()[:4]) >> 1


def count_requests(*, campaign_id: int) -> list[dict[str, Any]]:
    """For each generator that the campaign names or ever asked: its record and how many requests are in each state."""
    samples = dict(CampaignGenerator.objects.filter(campaign_id=campaign_id).values_list("generator_id", "samples"))
    counts: dict[int, dict[str, int]] = {}
    waits: dict[int, datetime | None] = {}
    for row in fetch_all(_COUNTS, {"campaign": campaign_id}):
        counts.setdefault(row["generator_id"], {})[row["state"]] = row["requests"]
        waits[row["generator_id"]] = row["waits_until"] or waits.get(row["generator_id"])
    generators = Generator.objects.filter(pk__in={*samples, *counts}).order_by("name", "pk")
    return [
        {
            "id": generator.pk,
            "name": generator.name,
            "engine": generator.engine,
            "model": generator.model,
            "enabled": generator.enabled,
            "samples": samples.get(generator.pk, 0),
            "problem": tell_reason(generator.problem),
            "waits_until": waits.get(generator.pk),
            "requests": {state.value: counts.get(generator.pk, {}).get(state, 0) for state in RequestState},
        }
        for generator in generators
    ]


def list_problems(*, campaign_id: int) -> QuerySet[GenerationRequest]:
    """Requests that came to nothing, with their reasons; ordering and limit are the caller's."""
    return GenerationRequest.objects.filter(
        campaign_id=campaign_id, state__in=[state.value for state in PROBLEM_STATES]
    ).select_related("generator")


def present_problem(request: GenerationRequest) -> dict[str, Any]:
    """One request that came to nothing, as an organizer reads it."""
    return {
        "id": request.pk,
        "generator": request.generator.name,
        "parent": request.parent_id,
        "sample_index": request.sample_index,
        "state": request.state,
        "outcome": request.outcome,
        "reason": tell_reason(request.reason),
        "attempts": request.attempts,
        "finished_at": request.finished_at,
    }


def _make_job(row: Mapping[str, Any]) -> GenerationJob:
    turns = zip(row["roles"], row["texts"], strict=True)
    return GenerationJob(
        request_id=row["id"],
        thread=tuple(Turn(MessageRole(role), text) for role, text in turns),
        sample_index=row["sample_index"],
        seed=draw_seed(
            parent_id=row["parent_id"],
            generator_id=row["generator_id"],
            sample_index=row["sample_index"],
            attempts=row["attempts"],
            draws=row["draws"],
        ),
        keep_refusals=parse_settings(row["parameters"]).keep_refusals,
    )
