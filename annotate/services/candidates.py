"""Add candidates under a parent: imported, generated or written here, as a reply or as an improvement of one.

Equal texts under one parent are one message with several origins. The parent's tree is locked while
candidates are added, and the database's unique constraints hold whatever the lock does not see.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import Gone, NotFound
from annotate.queries.rows import Row, fetch_all, fetch_one
from annotate.services.stale import mark_stale
from annotate.services.trees import lock_trees
from annotate.services.units import open_units
from tasks.text.guards import check_characters
from tasks.text.normalise import text_hash
from tasks.vocabulary import MessageRole, OriginKind, ReviewState, StaleKind


@dataclass(frozen=True, slots=True)
class NewCandidate:
    """A reply, and how its text came to be.

    key         names this origin under its message, the same each time the same thing is told
                (at most 200 characters)
    generator   a generator's id: an endpoint's for a generated text, a label's for an imported one
    request     the generation request that this answers; a request is answered once
    annotator   who wrote it here
    import_run  the import that brought it
    language    None: that of the tree
    provenance  what else is known, for organizers and releases; never shown to annotators
    reasoning   what a model told itself before it answered: kept beside the origin, shown to nobody, in no release
    """

    text: str
    kind: OriginKind
    key: str
    generator_id: int | None = None
    request_id: int | None = None
    annotator_id: int | None = None
    import_run_id: int | None = None
    language: str | None = None
    external_id: str | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    reasoning: str | None = field(default=None, repr=False)

    @classmethod
    def generated(
        cls,
        *,
        text: str,
        request_id: int,
        generator_id: int,
        provenance: Mapping[str, Any],
        reasoning: str | None = None,
    ) -> "NewCandidate":
        """What a generator answered to a request."""
        return cls(
            text=text,
            kind=OriginKind.GENERATED,
            key=f"request:{request_id}",
            generator_id=generator_id,
            request_id=request_id,
            provenance=provenance,
            reasoning=reasoning,
        )

    @classmethod
    def written(
        cls, *, text: str, annotator_id: int, language: str | None = None, improves: int | None = None
    ) -> "NewCandidate":
        """What an annotator wrote here. `improves`: the message of which it is a better version."""
        return cls(
            text=text,
            kind=OriginKind.WRITTEN if improves is None else OriginKind.IMPROVED,
            key=f"annotator:{annotator_id}",
            annotator_id=annotator_id,
            language=language,
            provenance={} if improves is None else {"of": improves},
        )


@dataclass(frozen=True, slots=True)
class StoredCandidate:
    """Where a candidate is kept: `is_new` when its text was not there, `origin_is_new` when its origin was not."""

    message_id: int
    is_new: bool
    origin_is_new: bool


_PARENT = """
SELECT m.tree_id, m.thread, t.language,
  EXISTS (SELECT 1 FROM annotate_message a WHERE a.id = ANY(m.thread)
          AND (a.removed_at IS NOT NULL OR a.withdrawn_at IS NOT NULL)) AS is_gone
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.id = %(parent)s AND t.campaign_id = %(campaign)s"""

_ANSWERED = """
SELECT o.request_id, o.message_id FROM annotate_messageorigin o WHERE o.request_id = ANY(%(requests)s::bigint[])"""

_FIND = """
SELECT m.id, m.text_hash FROM annotate_message m
WHERE m.parent_id = %(parent)s AND m.role = %(role)s AND m.withdrawn_at IS NULL AND m.text_hash = ANY(%(hashes)s::bytea[])"""

_INSERT = """
INSERT INTO annotate_message
  (id, tree_id, parent_id, thread, role, text, text_hash, language, author_id, external_id, revision, review_state,
   removed_reason, created_at)
SELECT n.id, %(tree)s, %(parent)s, %(thread)s::bigint[] || n.id, %(role)s, n.text, n.text_hash, n.language, n.author_id,
  n.external_id, 1, %(review)s, '', %(now)s
FROM (
  SELECT nextval(pg_get_serial_sequence('annotate_message', 'id')) AS id, c.* FROM unnest(
    %(texts)s::text[], %(hashes)s::bytea[], %(languages)s::text[], %(authors)s::bigint[], %(external_ids)s::text[]
  ) AS c (text, text_hash, language, author_id, external_id)) AS n
ON CONFLICT (parent_id, text_hash, role) WHERE parent_id IS NOT NULL AND withdrawn_at IS NULL DO NOTHING
RETURNING id, text_hash"""

_INSERT_ORIGINS = """
INSERT INTO annotate_messageorigin
  (message_id, kind, generator_id, request_id, annotator_id, import_run_id, key, provenance, reasoning, created_at)
SELECT c.*, %(now)s FROM unnest(
  %(messages)s::bigint[], %(kinds)s::text[], %(generators)s::bigint[], %(requests)s::bigint[], %(annotators)s::bigint[],
  %(import_runs)s::bigint[], %(keys)s::text[], %(provenances)s::jsonb[], %(reasonings)s::text[]) AS c
ON CONFLICT (message_id, key) DO NOTHING
RETURNING message_id, key"""

_JUDGED = """
SELECT DISTINCT u.subject_id FROM annotate_unit u
WHERE u.subject_id = ANY(%(parents)s::bigint[]) AND u.done + u.surplus > 0"""


def add_candidates(
    *,
    campaign_id: int,
    parent_id: int,
    candidates: Sequence[NewCandidate],
    now: datetime,
    role: MessageRole = MessageRole.ASSISTANT,
    review: ReviewState = ReviewState.NONE,
) -> list[StoredCandidate]:
    """Store candidates under one parent and open the work they ask for. Returns one answer a candidate, in order.

    `role`: whose turn it is. `review`: `pending` for what reviewers have to accept first; its tree asks for that work
    when it is decided again, which the caller marks it for, last.

    A request that was answered before keeps its first answer. Locks the parent's tree: call it before
    locking assignments or units. Raises NotFound for a parent of another campaign, Gone for one that was
    removed, and `tasks.text.guards.BadText` for characters that cannot be stored.
    """
    hashes = [text_hash(check_characters(candidate.text)) for candidate in candidates]
    with transaction.atomic():
        lock_trees(message_ids=[parent_id])
        parent = _get_parent(campaign_id=campaign_id, parent_id=parent_id)
        answered = _find_answered(candidates)
        wanted = {
            digest: candidate
            for digest, candidate in zip(reversed(hashes), reversed(candidates), strict=True)
            if candidate.request_id not in answered
        }
        params = {"parent": parent_id, "role": role, "review": review, "now": now}
        found, made = _store_messages(parent=parent, wanted=wanted, params=params)
        places = [
            answered.get(candidate.request_id) or found[digest]
            for digest, candidate in zip(hashes, candidates, strict=True)
        ]
        told = _store_origins(candidates=candidates, places=places, answered=answered, now=now)
        if any(place not in made for place, _ in told):
            mark_judged_parents(parent_ids=[parent_id])
        if made and review is ReviewState.NONE:
            open_units(campaign_id=campaign_id, parent_ids=[parent_id], now=now)  # marks the tree where trees grow
    return _list_stored(candidates=candidates, places=places, made=made, told=told)


def mark_judged_parents(*, parent_ids: Sequence[int]) -> None:
    """Mark parents whose known candidates gained an origin: where somebody judged, the leaderboard changes."""
    judged = fetch_all(_JUDGED, {"parents": list(parent_ids)})
    mark_stale(kind=StaleKind.PARENT, subject_ids=[row["subject_id"] for row in judged])


def _get_parent(*, campaign_id: int, parent_id: int) -> Row:
    parent = fetch_one(_PARENT, {"parent": parent_id, "campaign": campaign_id})
    if parent is None:
        raise NotFound(_("There is no such message in this campaign."), code="message_not_found")
    if parent["is_gone"]:
        raise Gone(
            _("The conversation that this answers was removed, so nothing is added to it."), code="subject_removed"
        )
    return parent


def _find_answered(candidates: Sequence[NewCandidate]) -> dict[int | None, int]:
    """Message ids by the request they answer, of requests that have been answered before."""
    requests = [candidate.request_id for candidate in candidates if candidate.request_id is not None]
    if not requests:
        return {}
    return {row["request_id"]: row["message_id"] for row in fetch_all(_ANSWERED, {"requests": requests})}


def _store_messages(
    *, parent: Row, wanted: Mapping[bytes, NewCandidate], params: Row
) -> tuple[dict[bytes, int], set[int]]:
    """Insert the texts that are not there; returns ids by digest, and which of them are new."""
    params = params | {"hashes": list(wanted)}
    found = {bytes(row["text_hash"]): row["id"] for row in fetch_all(_FIND, params)}
    missing = {digest: candidate for digest, candidate in wanted.items() if digest not in found}
    if not missing:
        return found, set()
    params |= {
        "tree": parent["tree_id"],
        "thread": parent["thread"],
        "hashes": list(missing),
        "texts": [candidate.text for candidate in missing.values()],
        "languages": [candidate.language or parent["language"] for candidate in missing.values()],
        "authors": [candidate.annotator_id for candidate in missing.values()],
        "external_ids": [candidate.external_id for candidate in missing.values()],
    }
    made = {bytes(row["text_hash"]): row["id"] for row in fetch_all(_INSERT, params)}
    if len(made) < len(missing):  # somebody who did not hold the tree's lock was faster
        params["hashes"] = list(wanted)
        found = {bytes(row["text_hash"]): row["id"] for row in fetch_all(_FIND, params)}
    return found | made, set(made.values())


def _store_origins(
    *, candidates: Sequence[NewCandidate], places: Sequence[int], answered: Mapping[int | None, int], now: datetime
) -> set[tuple[int, str]]:
    """Insert the origins that are not there; returns which are new, as (message id, key)."""
    rows = {
        (place, candidate.key): candidate
        for place, candidate in zip(places, candidates, strict=True)
        if candidate.request_id not in answered
    }
    if not rows:
        return set()
    params = {
        "now": now,
        "messages": [place for place, _ in rows],
        "keys": [key for _, key in rows],
        "kinds": [candidate.kind for candidate in rows.values()],
        "generators": [candidate.generator_id for candidate in rows.values()],
        "requests": [candidate.request_id for candidate in rows.values()],
        "annotators": [candidate.annotator_id for candidate in rows.values()],
        "import_runs": [candidate.import_run_id for candidate in rows.values()],
        "provenances": [json.dumps(dict(candidate.provenance)) for candidate in rows.values()],
        "reasonings": [candidate.reasoning for candidate in rows.values()],
    }
    return {(row["message_id"], row["key"]) for row in fetch_all(_INSERT_ORIGINS, params)}


def _list_stored(
    *, candidates: Sequence[NewCandidate], places: Sequence[int], made: set[int], told: set[tuple[int, str]]
) -> list[StoredCandidate]:
    """One answer a candidate; of equal texts in one call only the first is new."""
    stored: list[StoredCandidate] = []
    seen: set[int] = set()
    told_now: set[tuple[int, str]] = set()
    for place, candidate in zip(places, candidates, strict=True):
        origin = (place, candidate.key)
        stored.append(
            StoredCandidate(
                message_id=place,
                is_new=place in made and place not in seen,
                origin_is_new=origin in told and origin not in told_now,
            )
        )
        seen.add(place)
        told_now.add(origin)
    return stored
