"""Topics of a campaign: a fit is stored by the job, what they are called and which count is said by organizers.

A topic keeps its number for ever. What an organizer said of one (its name, that another one takes its prompts, that it takes
none) no fit changes. After each change the job places the prompts that it concerns again, a part at a time: it finds those
in a topic that takes none by that topic, and all others by the fit's version, of which there is a newer one then.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import InvalidInput, NotFound
from annotate.models import Campaign, Topic, TopicFit
from annotate.queries.rows import run
from annotate.services.audit import record_event
from annotate.services.campaign_values import Reader
from annotate.services.stale import Turn, keep_turn, lock_turn, release_turn
from annotate.services.vectors import write_vector
from annotate.wake import wake
from tasks.records.topics import Fit
from tasks.vocabulary import AuditAction, JobName, StaleKind, TopicsTodo

LONGEST_NAME = 80
#: Fits that are kept, so that their drift can be looked at.
KEPT_FITS = 50

_WRITE_TOPICS = """
INSERT INTO annotate_topic AS o (campaign_id, number, name, is_named, terms, embedder, centroid, prompts, created_at)
SELECT %(campaign)s, g.number, g.name, false, ARRAY(SELECT jsonb_array_elements_text(g.terms)), %(embedder)s,
  g.centroid::halfvec, g.prompts, %(now)s
FROM unnest(%(numbers)s::int[], %(names)s::text[], %(terms)s::jsonb[], %(centroids)s::text[], %(prompts)s::int[])
  AS g (number, name, terms, centroid, prompts)
ORDER BY g.number
ON CONFLICT (campaign_id, number) DO UPDATE SET name = CASE WHEN o.is_named THEN o.name ELSE excluded.name END,
  terms = excluded.terms, embedder = excluded.embedder, centroid = excluded.centroid, prompts = excluded.prompts"""


def store_fit(
    *,
    turn: Turn,
    fit: Fit,
    names: Mapping[int, str],
    embedder: str,
    method: tuple[str, int],
    notes: Mapping[str, Any],
    now: datetime,
) -> int | None:
    """Store a fit and the topics that it found; returns its version, None where the turn is another's by now.

    Topics that it did not find keep their rows, without prompts.
    """
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return None
        last = TopicFit.objects.filter(campaign_id=turn.subject_id).order_by("-version").first()
        version = 1 if last is None else last.version + 1
        Topic.objects.filter(campaign_id=turn.subject_id).update(prompts=0)
        _write_topics(turn.subject_id, fit, names=names, embedder=embedder, now=now)
        TopicFit.objects.create(
            campaign_id=turn.subject_id,
            version=version,
            embedder=embedder,
            method=method[0],
            method_version=method[1],
            seed=fit.seed,
            prompts=fit.prompts,
            topics=len(fit.topics),
            drift=fit.drift,
            result={**fit.as_result(), **notes},
            fitted_at=now,
        )
        TopicFit.objects.filter(campaign_id=turn.subject_id, version__lte=version - KEPT_FITS).delete()
    return version


def read_topic_change(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a topic, checked: `name` ("": its terms again), `merged_into` (a number, or None), `is_retired`."""
    reader = Reader()
    readers: Mapping[str, Callable[[Any], Any]] = {
        "name": lambda value: reader.text("name", value, longest=LONGEST_NAME, blank=True),
        "merged_into": lambda value: None if value is None else reader.integer("merged_into", value, low=1, high=10**6),
        "is_retired": lambda value: reader.boolean("is_retired", value),
    }
    table = reader.table("", values, known=list(readers)) or {}
    read = {name: readers[name](value) for name, value in table.items() if name in readers}
    if reader.problems:
        place, sentence = next(iter(reader.problems.items()))
        raise InvalidInput(f"{place}: {sentence}", details={at: [told] for at, told in reader.problems.items()})
    return read


def change_topic(
    *, campaign: Campaign, number: int, values: Mapping[str, Any], actor: Actor | None, now: datetime, reason: str = ""
) -> Topic:
    """Name a topic, let another one take its prompts, or let it take none; the same twice changes nothing.

    Raises NotFound `topic_not_found`, `InvalidInput`.
    """
    read = read_topic_change(values)
    with transaction.atomic():
        topic = _lock(campaign, number)
        before = _describe(topic)
        _put(campaign, topic, read, now=now)
        after = _describe(topic)
        if after == before:
            return topic
        topic.save(update_fields=["name", "is_named", "merged_into", "retired_at"])
        changed = [name for name in after if before[name] != after[name]]
        record_event(
            actor=actor,
            action=AuditAction.TOPIC_CHANGED,
            object_kind="topic",
            object_id=topic.pk,
            campaign=campaign,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
            reason=reason,
        )
        if "merged_into" in changed or "is_retired" in changed:
            _place_again(campaign, took_some=not (before["merged_into"] or before["is_retired"]))
    return topic


def ask_for_topics(*, campaign: Campaign) -> None:
    """Look for topics again soon, however long ago the last look was."""
    with transaction.atomic():
        release_turn(kind=StaleKind.TURN_TOPICS, subject_id=campaign.pk, todo=TopicsTodo.FIT)
        wake(JobName.FIND_TOPICS)


def _write_topics(campaign_id: int, fit: Fit, *, names: Mapping[int, str], embedder: str, now: datetime) -> None:
    run(
        _WRITE_TOPICS,
        {
            "campaign": campaign_id,
            "embedder": embedder,
            "numbers": [topic.number for topic in fit.topics],
            "names": [names[topic.number] for topic in fit.topics],
            "terms": [json.dumps(list(topic.terms)) for topic in fit.topics],
            "centroids": [write_vector(topic.centroid) for topic in fit.topics],
            "prompts": [topic.prompts for topic in fit.topics],
            "now": now,
        },
    )


def _lock(campaign: Campaign, number: int) -> Topic:
    # Whoever changes one holds the campaign, so that no two are merged into each other, and then the turn: the job holds it
    # while it writes topics and places.
    Campaign.objects.select_for_update(no_key=True).only("pk").get(pk=campaign.pk)
    lock_turn(kind=StaleKind.TURN_TOPICS, subject_id=campaign.pk)
    topic = Topic.objects.filter(campaign=campaign, number=number).first()
    if topic is None:
        raise NotFound(
            _("This campaign has no topic with the number %(number)s. Look at the list of its topics.")
            % {"number": number},
            code="topic_not_found",
        )
    return topic


def _put(campaign: Campaign, topic: Topic, read: Mapping[str, Any], *, now: datetime) -> None:
    if "name" in read:
        topic.is_named = bool(read["name"])
        topic.name = read["name"] or _by_terms(topic.terms, topic.number)
    if "merged_into" in read:
        topic.merged_into = None if read["merged_into"] is None else _find_taker(campaign, topic, read["merged_into"])
    if "is_retired" in read and read["is_retired"] != (topic.retired_at is not None):
        topic.retired_at = now if read["is_retired"] else None


def _find_taker(campaign: Campaign, topic: Topic, number: int) -> Topic:
    taker = Topic.objects.filter(campaign=campaign, number=number, retired_at=None, merged_into=None).first()
    if taker is None or taker.pk == topic.pk:
        sentence = _("Choose another topic of this campaign that is in use.")
        raise InvalidInput(f"merged_into: {sentence}", details={"merged_into": [sentence]})
    if Topic.objects.filter(campaign=campaign, merged_into=topic).exists():
        sentence = _("Other topics were merged into this one. Take them out first, or merge the other into this one.")
        raise InvalidInput(f"merged_into: {sentence}", details={"merged_into": [sentence]})
    return taker


def _by_terms(terms: Sequence[str], number: int) -> str:
    return (", ".join(terms[:3]) or str(number))[:LONGEST_NAME]


def _describe(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "is_named": topic.is_named,
        "merged_into": None if topic.merged_into is None else topic.merged_into.number,
        "is_retired": topic.retired_at is not None,
    }


def _place_again(campaign: Campaign, *, took_some: bool) -> None:
    """Let the job place prompts again: those of a topic that `took_some` until now are found by that it takes none any more.

    Else its prompts lie in other topics, or will come back from them: every place is looked at by the same fit once more.
    Nothing is written here that grows with the campaign.
    """
    fits = TopicFit.objects.filter(campaign=campaign)
    last = None if took_some else fits.order_by("-version").values().first()
    if last is not None:
        TopicFit.objects.create(**{**last, "id": None, "version": last["version"] + 1})
        fits.filter(version__lte=last["version"] + 1 - KEPT_FITS).delete()
    release_turn(kind=StaleKind.TURN_TOPICS, subject_id=campaign.pk, todo=TopicsTodo.SHARES)
    wake(JobName.FIND_TOPICS)
