"""Vectors of every prompt, by what its campaign names: what came, what was changed, and all of it when the embedder changes.

Encoders of our own and hashing work in the queue `compute`, servers of others are asked in `network`, each campaign in its
turn. Vectors are stored batch by batch, so that a run that ends early loses one. What an embedder fails with is kept at the
turn, shown to organizers, and tried again after a pause that doubles; a single text that it takes in no case is set aside.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence

from celery import shared_task
from django.utils import timezone

from annotate.models import Campaign
from annotate.queries.generation import describe_generator
from annotate.queries.reliability import list_ready_campaigns
from annotate.queries.rows import Row
from annotate.queries.vectors import find_server, list_unembedded
from annotate.services.stale import Turn, end_turn, fail_turn, rest_after, take_turn
from annotate.services.vectors import set_aside, store_vectors
from annotate.wake import wake
from tasks.generation.embedders import (
    Embedder,
    EmbedderFailed,
    TextsRefused,
    Vectors,
    asks_server,
    name_embedder,
    open_embedder,
)
from tasks.jobs.reliability import do_safely
from tasks.records.generation import GeneratorRecord
from tasks.records.parameters import read_settings
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

#: Longer than the hard limit of the job: whoever has a turn is alone, unless it is taken away.
LEASE_SECONDS = 930.0
#: A run that works longer than this wakes its successor and ends (seconds), so that others have the queue in between.
LONGEST_RUN_SECONDS = 60.0


@shared_task(name=str(JobName.EMBED_TEXTS))
def embed_texts_job() -> None:
    """Campaigns whose embedder works here."""
    embed_campaigns(lambda word: not asks_server(word), again=JobName.EMBED_TEXTS)


@shared_task(name=str(JobName.EMBED_BY_SERVERS))
def embed_by_servers_job() -> None:
    """Campaigns whose embedder is somebody else's server."""
    embed_campaigns(asks_server, again=JobName.EMBED_BY_SERVERS)


def embed_campaigns(is_mine: Callable[[str], bool], *, again: JobName) -> None:
    """One turn after the other, until nothing is missing or the time is up."""
    ends = time.monotonic() + LONGEST_RUN_SECONDS
    ready = list_ready_campaigns(kind=StaleKind.TURN_VECTORS, now=timezone.now())
    words = {
        campaign_id: read_settings(parameters).embedder
        for campaign_id, parameters in Campaign.objects.filter(pk__in=ready).values_list("pk", "parameters")
    }
    for campaign_id in (one for one in ready if one in words and is_mine(words[one])):
        if time.monotonic() > ends:
            wake(again)
            return
        turn = take_turn(
            kind=StaleKind.TURN_VECTORS, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
        )
        if turn is not None:
            word = words[campaign_id]
            do_safely(lambda turn, word=word: embed_in_turn(turn, word, ends=ends, again=again), turn)  # type: ignore[misc]


def embed_in_turn(turn: Turn, word: str, *, ends: float, again: JobName) -> None:
    """One campaign, batch by batch."""
    started = time.monotonic()
    try:
        is_done = embed_missing(turn, word, ends=ends)
    except EmbedderFailed as error:
        log.warning("campaign %s: %s %s", turn.subject_id, error, error.detail)
        fail_turn(turn=turn, error=f"{error}\n{error.detail}".rstrip("\n"), now=timezone.now())
        return
    if not is_done:
        wake(again)
    end_turn(turn=turn, rest_until=timezone.now() + rest_after(time.monotonic() - started) if is_done else None)


def embed_missing(turn: Turn, word: str, *, ends: float) -> bool:
    """Whether nothing is missing any more, as far as one walk by id says it. Raises EmbedderFailed."""
    name, embedder, after = name_embedder(word), None, 0
    while True:
        missing = list_unembedded(
            campaign_id=turn.subject_id, embedder=name, limit=embedder.at_once * 4 if embedder else 1, after=after
        )
        if not missing:
            return True
        if embedder is None:
            embedder, after = open_named(word), missing[0]["id"] - 1
            continue
        after = missing[-1]["id"]
        if not store_embedded(turn, missing, *embed_apart(embedder, missing), name=name):
            return True  # the turn is another's by now, and so is the rest
        if time.monotonic() > ends:
            return False


def embed_apart(embedder: Embedder, rows: Sequence[Row]) -> tuple[Vectors, Mapping[int, str]]:
    """The vectors, and by their place why some texts have none. Raises EmbedderFailed where that concerns all."""
    try:
        return embedder.embed([row["text"] for row in rows]), {}
    except TextsRefused as refusal:
        return refusal.vectors, refusal.refused


def store_embedded(turn: Turn, rows: Sequence[Row], vectors: Vectors, refused: Mapping[int, str], *, name: str) -> bool:
    """Store what came, and set aside what is refused, so that others go on; False where the turn is another's by now."""
    texts = [(row["id"], row["revision"]) for place, row in enumerate(rows) if place not in refused]
    found = [vector for place, vector in enumerate(vectors.tolist()) if place not in refused]
    if store_vectors(turn=turn, embedder=name, texts=texts, vectors=found, now=timezone.now()) is None:
        return False
    if refused:
        log.warning(
            "campaign %s: %s texts are refused: %s", turn.subject_id, len(refused), next(iter(refused.values()))
        )
        told = [(rows[place]["id"], rows[place]["revision"], reason) for place, reason in refused.items()]
        return set_aside(turn=turn, embedder=name, refused=told)
    return True


def open_named(word: str) -> Embedder:
    """The embedder that a campaign names, with the server that it names. Raises EmbedderFailed."""
    return open_embedder(word, server=find_named(word))


def find_named(word: str) -> GeneratorRecord | None:
    """The server of "server:NAME/MODEL", or None where there is none. Raises EmbedderFailed where its key cannot be read."""
    if not asks_server(word):
        return None
    generator = find_server(name=word.partition(":")[2].partition("/")[0])
    try:
        return None if generator is None else describe_generator(generator=generator, environment=os.environ)
    except LookupError as error:
        raise EmbedderFailed(str(error)) from None
