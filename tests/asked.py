"""Generators and what is asked of them, written straight into the tables, and claimed as workers do."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from annotate.models import Campaign, CampaignGenerator, GenerationRequest, Generator, Message
from annotate.services.generation_queue import Claim, claim_requests
from tasks.records.generation import GenerationResult
from tasks.vocabulary import GenerationOutcome
from tests.opinions import NOW

#: Tokens with which a claim looks for requests that no worker died over first, and for suspects first.
PLAIN_TURN, SUSPECTS_TURN = 0, 1


def make_local(name: str = "local", *, campaign: Campaign | None = None, **given) -> Generator:
    """A generator whose model a worker loads itself."""
    return _name(Generator.objects.create(name=name, engine="transformers", model="tiny", **given), campaign)


def make_network(name: str = "served", *, campaign: Campaign | None = None, **given) -> Generator:
    """A generator behind an address that nobody listens on."""
    given = {"endpoint": "http://127.0.0.1:9/v1", "max_concurrent": 4, **given}
    return _name(Generator.objects.create(name=name, engine="openai", model=f"{name}-1", **given), campaign)


def ask(prompt: Message, generator: Generator, *, count: int = 1, **given) -> list[GenerationRequest]:
    """So many samples more of one generator under one prompt."""
    first = GenerationRequest.objects.filter(parent=prompt, generator=generator).count()
    given = {"state": "queued", **given}
    return [
        GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=first + number, **given)
        for number in range(count)
    ]


def claim(
    *generators: Generator, limit: int = 10, now: datetime = NOW, turn: int = PLAIN_TURN, is_under_way: bool = False
) -> Claim | None:
    """Claim as a worker does; `turn` says what is looked for first."""
    token = uuid.UUID(int=(uuid.uuid4().int >> 1 << 1) | turn)
    ids = [generator.pk for generator in generators]
    return claim_requests(generator_ids=ids, limit=limit, now=now, token=token, is_under_way=is_under_way)


def claimed(*generators: Generator, **given) -> list[int]:
    """Ids of what a claim takes, in its order."""
    found = claim(*generators, **given)
    return [] if found is None else list(found.request_ids)


def answer(request_id: int, text: str = "Because they can.", **given) -> GenerationResult:
    """A whole answer to a request."""
    given = {"provenance": {"attempts": 1}, **given}
    return GenerationResult(request_id, GenerationOutcome.STORED, text=text, **given)


def failure(request_id: int, outcome: str, **given) -> GenerationResult:
    """What else may come of one."""
    given = {"reason": "It did not work.", "provenance": {"attempts": 1}, **given}
    return GenerationResult(request_id, GenerationOutcome(outcome), **given)


def states(requests: Sequence[GenerationRequest]) -> list[str]:
    """States of these requests, in their order."""
    found = dict(GenerationRequest.objects.values_list("pk", "state"))
    return [found[request.pk] for request in requests]


def _name(generator: Generator, campaign: Campaign | None) -> Generator:
    if campaign is not None:
        CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=1)
    return generator
