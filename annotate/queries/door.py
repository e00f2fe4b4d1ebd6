"""The door: a pair to judge for whoever just looks in. Bounded look-ups; nothing is held and nothing is written."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from django.utils.crypto import constant_time_compare, salted_hmac

from annotate.queries.rows import Row, fetch_all, fetch_one
from tasks.vocabulary import Kind

#: Units of each queue that are looked at, and in all. Those in front are the most wanted.
NEAR, WIDE = 12, 48
#: A pair at the door is read in a minute or so; longer ones are for people who came to work.
MOST_CHARS = 3_000
SALT = "annotate.door"

#: A compare queue of an open campaign that takes guests. No languages: any.
FRONT = """
SELECT near.id, queues.language FROM (
  SELECT q.id, q.language FROM annotate_queue q JOIN annotate_campaign c ON c.id = q.campaign_id
  WHERE c.state = 'open' AND c.allow_guests AND q.kind = %(kind)s AND q.kind = ANY(c.kinds)
    AND q.language = ANY(c.languages) AND q.qualification IS NULL AND NOT q.is_gold
    AND (q.language = ANY(%(languages)s) OR cardinality(%(languages)s::text[]) = 0)
  ORDER BY coalesce(array_position(%(languages)s::text[], q.language::text), 0), q.id LIMIT 8) queues
CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u WHERE u.queue_id = queues.id AND u.is_vacant
    AND NOT EXISTS (SELECT 1 FROM annotate_assignment s WHERE s.annotator_id = %(me)s AND s.unit_id = u.id)
    AND NOT EXISTS (SELECT 1 FROM annotate_exclusion e WHERE e.annotator_id = %(me)s AND e.unit_id = u.id)
  ORDER BY u.band DESC, u.tie LIMIT %(near)s) near
LIMIT %(wide)s"""

UNITS = """
SELECT u.id, c.id AS campaign_id, c.slug, c.title, m.language, d.reason_code, d.reason_args::text AS reason_args,
  g.version AS guideline_version,
  (SELECT json_agg(json_build_array(t.id, t.revision, t.role, t.text) ORDER BY array_position(m.thread, t.id))
   FROM annotate_message t WHERE t.id = ANY(m.thread) AND t.removed_at IS NULL AND t.withdrawn_at IS NULL)::text AS thread,
  cardinality(m.thread) AS turns,
  (SELECT json_agg(json_build_array(cm.id, cm.revision, 'assistant', cm.text) ORDER BY cm.id)
   FROM annotate_unitcandidate uc JOIN annotate_message cm ON cm.id = uc.message_id
   WHERE uc.unit_id = u.id AND uc.removed_at IS NULL AND cm.removed_at IS NULL AND cm.withdrawn_at IS NULL)::text AS candidates
FROM annotate_unit u JOIN annotate_unitdetail d ON d.unit_id = u.id JOIN annotate_message m ON m.id = u.subject_id
JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
LEFT JOIN annotate_guideline g ON g.id = c.guideline_id
WHERE u.id = ANY(%(units)s::bigint[]) AND u.kind = %(kind)s AND c.state = 'open' AND c.allow_guests
ORDER BY u.id"""

LANGUAGES = """
SELECT DISTINCT unnest(c.languages) AS language FROM annotate_campaign c WHERE c.state = 'open' AND c.allow_guests
ORDER BY language"""


@dataclass(frozen=True, slots=True)
class Text:
    """A message as it was shown. Its id and revision stay on this side."""

    message: int
    revision: int
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class DoorPair:
    """Two candidates under a thread, in the order shown."""

    unit: int
    campaign_id: int
    slug: str
    title: str
    language: str
    reason_code: str
    reason_args: Mapping[str, Any]
    guideline_version: int | None
    thread: Sequence[Text]
    candidates: Sequence[Text]

    @property
    def digest(self) -> str:
        """Which messages are shown, in which revisions and order; without our key it tells nothing of them."""
        named = [(text.message, text.revision) for text in (*self.thread, *self.candidates)]
        return salted_hmac(SALT, json.dumps([self.unit, named]), algorithm="sha256").hexdigest()[:40]

    @property
    def chars(self) -> int:
        return sum(len(text.text) for text in (*self.thread, *self.candidates))


def find_pair_at_door(*, languages: Sequence[str], annotator_id: int | None, rng: random.Random) -> DoorPair | None:
    """A pair from the front of the queues, short if there is one, by chance: visitors do not all get the same.

    In the first of `languages` in which there is one; of none, in any language.
    """
    params = {"languages": list(languages), "me": annotator_id, "kind": Kind.COMPARE, "near": NEAR, "wide": WIDE}
    front = fetch_all(FRONT, params)
    wanted: Sequence[str | None] = languages or [None]
    for language in wanted:
        # In an order of their own, so that chance alone chooses, and the same dice choose the same.
        ids = sorted(row["id"] for row in front if language in (None, row["language"]))
        pair = _choose_among(rng.sample(ids, min(len(ids), NEAR)), rng=rng)
        if pair is not None:
            return pair
    return None


def find_pair_again(*, unit_id: int, digest: str) -> DoorPair | None:
    """The pair that was shown, if all of it is still there as it was; None where something changed."""
    row = fetch_one(UNITS, {"units": [unit_id], "kind": Kind.COMPARE})
    texts = None if row is None else _read_texts(row)
    if row is None or texts is None:
        return None
    thread, candidates = texts
    pairs = (_make_pair(row, thread, two) for two in permutations(candidates, 2))
    return next((pair for pair in pairs if constant_time_compare(pair.digest, digest)), None)


def list_guest_languages() -> list[str]:
    """Languages of the open campaigns that take guests."""
    return [row["language"] for row in fetch_all(LANGUAGES, {})]


def _choose_among(unit_ids: Sequence[int], *, rng: random.Random) -> DoorPair | None:
    rows = fetch_all(UNITS, {"units": list(unit_ids), "kind": Kind.COMPARE}) if unit_ids else []
    pairs = [pair for row in rows if (pair := _choose_pair(row, rng=rng)) is not None]
    short = [pair for pair in pairs if pair.chars <= MOST_CHARS]
    return rng.choice(short) if short else min(pairs, key=lambda pair: pair.chars, default=None)


def _choose_pair(row: Row, *, rng: random.Random) -> DoorPair | None:
    texts = _read_texts(row)
    return None if texts is None else _make_pair(row, texts[0], rng.sample(texts[1], 2))


def _read_texts(row: Row) -> tuple[list[Text], list[Text]] | None:
    """Thread and candidates; None where a part of the thread is gone or fewer than two candidates are left."""
    thread, candidates = (
        [Text(*values) for values in json.loads(row[name] or "[]")] for name in ("thread", "candidates")
    )
    return None if len(thread) != row["turns"] or len(candidates) < 2 else (thread, candidates)


def _make_pair(row: Row, thread: Sequence[Text], candidates: Sequence[Text]) -> DoorPair:
    return DoorPair(
        unit=row["id"],
        campaign_id=row["campaign_id"],
        slug=row["slug"],
        title=row["title"],
        language=row["language"],
        reason_code=row["reason_code"],
        reason_args=json.loads(row["reason_args"]),
        guideline_version=row["guideline_version"],
        thread=thread,
        candidates=candidates,
    )
