"""Topics of every campaign, and every prompt in its place: new ones within a minute, all of them after each fit.

A campaign's turn goes: forget what stands no more, fit where it is time, place what is not in its place, share out the
target among the cells. A run that ends in between leaves a fit by which the next one goes on placing.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from celery import shared_task
from django.utils import timezone

from annotate.models import Campaign
from annotate.queries.rows import Row
from annotate.queries.topics import FitState, draw_placed, find_fit, list_unplaced, load_topics, was_asked_for
from annotate.queries.vectors import Embedded, count_embedded, iterate_vectors
from annotate.services.places import NewPlace, forget_gone, share_out, store_places
from annotate.services.stale import Turn, end_turn, rest_after
from annotate.services.topics import store_fit
from annotate.wake import wake
from tasks.generation.embedders import name_embedder
from tasks.jobs.reliability import do_in_turn
from tasks.records.coverage import length_of
from tasks.records.parameters import CampaignSettings, read_settings
from tasks.records.topics import FEWEST_PROMPTS, KnownTopic, Place
from tasks.scheduling.topics import METHOD, METHOD_VERSION, HalfVectors, Vectors, center
from tasks.scheduling.topics_fit import Prompts, fit_topics, place_by_fit
from tasks.scheduling.topics_plane import SAMPLE
from tasks.scheduling.topics_terms import name_topic
from tasks.vocabulary import JobName, StaleKind, TopicsTodo

log = logging.getLogger(__name__)

LEASE_SECONDS = 930.0
SEED = 1
#: Prompts that are placed in one transaction.
PLACED_AT_ONCE = 1_000
#: A run that places longer than this wakes its successor and ends (seconds).
LONGEST_RUN_SECONDS = 120.0
#: Topics are looked for again when there are so many times the prompts, and not before so long, in a large campaign.
GROWTH, LARGE = 1.2, 2_000
SHORTEST_PAUSE, SHORTEST_PAUSE_SMALL = timedelta(hours=1), timedelta(minutes=5)
#: Topics are found among so many prompts at most, drawn by a hash, so that all of them are in memory; others are placed by them.
MOST_FITTED = 100_000
#: Bytes before the numbers of a vector as PostgreSQL sends it.
HEADER = 4
#: Of prompts so many must have their vectors, so that topics are not those of what came first.
EMBEDDED_SHARE = 0.9


@shared_task(name=str(JobName.FIND_TOPICS))
def find_topics_job() -> None:
    """Every campaign that does not rest."""
    if not do_in_turn(StaleKind.TURN_TOPICS, place_in_turn, lease=LEASE_SECONDS):
        wake(JobName.FIND_TOPICS)


def place_in_turn(turn: Turn) -> None:
    """One campaign."""
    started = time.monotonic()
    campaign = Campaign.objects.get(pk=turn.subject_id)
    settings = read_settings(campaign.parameters)
    forget_gone(campaign_id=campaign.pk)
    fit = find_fit(campaign_id=campaign.pk)
    embedder = name_embedder(settings.embedder)
    state = count_embedded(campaign_id=campaign.pk, embedder=embedder)
    asked = was_asked_for(campaign_id=campaign.pk)
    if is_time_to_fit(fit, state, settings=settings, embedder=embedder, asked=asked, now=timezone.now()):
        share = min(1.0, MOST_FITTED / max(state.reviewed, 1))
        fit_campaign(turn, fit, settings=settings, embedder=embedder, share=share)
        fit = find_fit(campaign_id=campaign.pk)
    is_done = place_missing(turn, fit, ends=started + LONGEST_RUN_SECONDS)
    share_out(turn=turn, language=campaign.languages[0])
    if not is_done:
        wake(JobName.FIND_TOPICS)
    rest = timezone.now() + rest_after(time.monotonic() - started) if is_done else None
    end_turn(turn=turn, rest_until=rest, cursor=0 if is_done else TopicsTodo.SHARES)


def is_time_to_fit(
    fit: FitState | None, state: Embedded, *, settings: CampaignSettings, embedder: str, asked: bool, now: datetime
) -> bool:
    """Whether topics are to be looked for: at first, when asked, and when prompts, parameter or embedder are others."""
    if state.reviewed < FEWEST_PROMPTS or state.embedded < EMBEDDED_SHARE * (state.prompts - state.refused):
        return False
    if fit is None or asked or fit.embedder != embedder or fit.result.get("wanted") != settings.topics:
        return True
    pause = SHORTEST_PAUSE if state.reviewed > LARGE else SHORTEST_PAUSE_SMALL
    return min(state.reviewed, MOST_FITTED) >= GROWTH * fit.prompts and now - fit.fitted_at >= pause


def fit_campaign(
    turn: Turn, last: FitState | None, *, settings: CampaignSettings, embedder: str, share: float = 1.0
) -> None:
    """Find topics among all prompts, and put each in its place; what a run leaves undone is done by `place_missing`.

    Topics are called by words of their prompts, and everybody reads them: what waits for its review is placed, and no more.
    """
    rows, vectors = read_prompts(turn.subject_id, embedder, share)
    if len(rows) < FEWEST_PROMPTS:
        return
    prompts = len(rows)
    columns = Prompts(
        vectors, [row["language"] for row in rows], [row["text"] for row in rows], [row["topic"] for row in rows]
    )
    known = [as_known(row) for row in load_topics(campaign_id=turn.subject_id)]
    fit, places, pairs = fit_topics(
        columns,
        wanted=settings.topics,
        known=known,
        places={}
        if last is None
        else {int(number): (at["x"], at["y"]) for number, at in last.result["topics"].items()},
        is_same_space=last is not None and last.embedder == embedder,
        seed=SEED if last is None else SEED + last.version,
    )
    notes: dict[str, Any] = {
        "wanted": settings.topics,
        "pairs": [[rows[pair.one]["id"], rows[pair.other]["id"], round(pair.nearness, 4)] for pair in pairs],
    }
    names = {topic.number: name_topic(topic.terms, topic.number) for topic in fit.topics}
    version = store_fit(
        turn=turn,
        fit=fit,
        names=names,
        embedder=embedder,
        method=(METHOD, METHOD_VERSION),
        notes=notes,
        now=timezone.now(),
    )
    log.info("campaign %s: %s topics among %s prompts, drift %s", turn.subject_id, len(fit.topics), prompts, fit.drift)
    if version is None:
        return
    topics = {row["number"]: row for row in load_topics(campaign_id=turn.subject_id)}
    for start in range(0, prompts, PLACED_AT_ONCE):
        end = start + PLACED_AT_ONCE
        part = [make_place(row, at, topics=topics) for row, at in zip(rows[start:end], places[start:end], strict=True)]
        if not store_places(turn=turn, fit=version, places=part, now=timezone.now()):
            return


def read_prompts(campaign_id: int, embedder: str, share: float) -> tuple[list[Row], HalfVectors]:
    """Reviewed prompts, and their vectors as they are stored: half of what the numbers that we compute with take.

    Of vectors of several lengths those of the most common one: a server may have changed its model under one name.
    """
    by_length: dict[int, tuple[list[Row], bytearray]] = {}
    for row in iterate_vectors(campaign_id=campaign_id, embedder=embedder, part=share):
        if not row["is_pending"]:
            sent = bytes(row.pop("vector"))[HEADER:]
            rows, data = by_length.setdefault(len(sent), ([], bytearray()))
            rows.append(row)
            data += sent
    if not by_length:
        return [], np.zeros((0, 0), dtype=np.float16)
    rows, data = max(by_length.values(), key=lambda kept: len(kept[0]))
    return rows, np.frombuffer(data, dtype=">f2").reshape(len(rows), -1)


def place_missing(turn: Turn, fit: FitState | None, *, ends: float) -> bool:
    """Place what is not in its place; False when time ran out before."""
    version, embedder = (fit.version, fit.embedder) if fit else (0, "")
    topics = {row["number"]: row for row in load_topics(campaign_id=turn.subject_id)}
    sample: Vectors | None = None
    after = 0
    while True:
        rows = list_unplaced(
            campaign_id=turn.subject_id, fit=version, embedder=embedder, limit=PLACED_AT_ONCE, after=after
        )
        if not rows:
            return True
        after = rows[-1]["id"]
        found: dict[int, Place] = {}
        if fit is not None:
            if sample is None:
                sample = load_sample(turn.subject_id, fit)
            found = place_rows(rows, fit, topics=topics, sample=sample)
        placed = [make_place(row, found.get(row["id"]), topics=topics) for row in rows]
        # What has no vector yet is in its place by this fit too, and found again when it has one.
        if not store_places(turn=turn, fit=version, places=placed, now=timezone.now()):
            return True  # the turn is another's by now, and so is the rest
        if time.monotonic() > ends:
            return False


def place_rows(rows: Sequence[Row], fit: FitState, *, topics: dict[int, Row], sample: Vectors) -> dict[int, Place]:
    """Places by a fit of those rows that have a vector of its kind."""
    retired = {number for number, row in topics.items() if row["is_retired"]}
    alive = {
        number: row
        for number, row in topics.items()
        if str(number) in fit.result["topics"] and not {number, row["merged_into"]} & retired
    }
    if not alive:
        return {}
    middles = {number: decode_one(row["centroid"]).tolist() for number, row in alive.items()}
    dimensions = len(next(iter(middles.values())))
    fitting = [row for row in rows if row["vector"] is not None and len(bytes(row["vector"])) == 4 + 2 * dimensions]
    if not fitting:
        return {}
    into = {number: row["merged_into"] for number, row in topics.items() if row["merged_into"] is not None}
    places = place_by_fit(
        decode(fitting),
        [row["language"] for row in fitting],
        topics=middles,
        result=fit.result,
        into=into,
        sample=sample,
    )
    return {row["id"]: place for row, place in zip(fitting, places, strict=True)}


def load_sample(campaign_id: int, fit: FitState) -> Vectors:
    """Some prompts, as the fit compares them; to these nearness is measured."""
    rows = list(iterate_sample(campaign_id, fit))
    if not rows:
        return np.zeros((0, 2), dtype=np.float32)
    centred, _ = center(decode(rows), [row["language"] for row in rows], fit.result["means"])
    return centred


def iterate_sample(campaign_id: int, fit: FitState) -> Iterable[Row]:
    """Of the fit's own places; before there are any, of all vectors."""
    drawn = draw_placed(campaign_id=campaign_id, fit=fit.version, embedder=fit.embedder, limit=SAMPLE)
    if len(drawn) < min(SAMPLE, fit.prompts):
        part = min(1.0, 2 * SAMPLE / max(fit.prompts, 1))
        drawn = list(iterate_vectors(campaign_id=campaign_id, embedder=fit.embedder, part=part))
        drawn = drawn[:: max(1, len(drawn) // SAMPLE)][:SAMPLE]
    return keep_one_length(drawn)


def make_place(row: Row, place: Place | None, *, topics: dict[int, Row]) -> NewPlace:
    at = (row["id"], row["tree"], row["language"])
    length = str(length_of(row["chars"]))
    if place is None:
        return NewPlace(*at, None, row["difficulty"], length)
    return NewPlace(*at, topics[place.topic]["id"], row["difficulty"], length, place.x, place.y, place.density)


def as_known(row: Row) -> KnownTopic:
    centroid = decode_one(row["centroid"]).tolist()
    return KnownTopic(row["number"], centroid, merged_into=row["merged_into"], is_retired=row["is_retired"])


def keep_one_length(rows: list[Row]) -> list[Row]:
    """The rows whose vectors have the most common length: a server may have changed its model under one name."""
    if not rows:
        return rows
    length = Counter(len(row["vector"]) for row in rows).most_common(1)[0][0]
    return [row for row in rows if len(row["vector"]) == length]


def decode(rows: Sequence[Row]) -> Vectors:
    """Vectors of rows, all of one length, as PostgreSQL sends them."""
    data = np.frombuffer(b"".join(bytes(row["vector"]) for row in rows), dtype=">u2").reshape(len(rows), -1)
    return np.ascontiguousarray(data[:, HEADER // 2 :]).view(">f2").astype(np.float32)


def decode_one(data: bytes) -> Vectors:
    return np.frombuffer(bytes(data)[HEADER:], dtype=">f2").astype(np.float32)
