"""Numbers that an import leaves free, here and there, so that what an organizer writes later stands among what it brought.

A conversation that was written after an import would be the newest of its campaign: whoever lists conversations by number
or by time would know which are gold. So behind some trees of an import numbers are left out, of a tree and of as many
messages as an item may have; some of these places are kept with the run, for gold. Most gaps stay what they are.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from annotate.queries.rows import fetch_one, fetch_row, run
from annotate.services.import_planned import PlannedTree
from tasks.vocabulary import ImportState

#: Where a run notes its places, beside what it takes records to say.
SPARE = "spare"
#: A prompt and eight replies.
PLACE_MESSAGES = 9
#: Of the new trees of an import: those before which a place is kept, and those before which there is a gap besides.
SPARE_SHARE, GAP_SHARE = 1 / 16, 3 / 16

_KEEP = """
UPDATE annotate_importrun SET defaults = jsonb_set(defaults, '{spare}', COALESCE(defaults->'spare', '[]') || %(places)s::jsonb)
WHERE id = %(import_run)s"""

#: Of runs that are over, so that nobody waits for a worker.
_FIND = """
SELECT r.id, (r.defaults->'spare')::text AS places FROM annotate_importrun r
WHERE r.campaign_id = %(campaign)s AND r.state = %(done)s AND jsonb_array_length(COALESCE(r.defaults->'spare', '[]')) > 0
ORDER BY random() LIMIT 1 FOR UPDATE"""

_LEAVE = "UPDATE annotate_importrun SET defaults = jsonb_set(defaults, '{spare}', %(places)s::jsonb) WHERE id = %(import_run)s"

_NEXT = """
SELECT nextval(pg_get_serial_sequence('annotate_messagetree', 'id')) AS tree, ARRAY(
  SELECT nextval(pg_get_serial_sequence('annotate_message', 'id')) FROM generate_series(1, %(count)s)) AS messages"""


@dataclass(frozen=True, slots=True)
class Place:
    """Free numbers of a tree and of messages in a row, and when those beside them came."""

    tree: int
    messages: tuple[int, ...]
    created_at: datetime


def leave_gaps(trees: Sequence[PlannedTree], *, rng: random.Random) -> None:
    """Say of each tree how many numbers of messages are left out before it: a whole place before one at least."""
    for tree in trees:
        tree.gap = _draw_gap(rng)
    if trees and all(tree.gap != PLACE_MESSAGES for tree in trees):
        rng.choice(trees).gap = PLACE_MESSAGES


def _draw_gap(rng: random.Random) -> int:
    drawn = rng.random()
    if drawn < SPARE_SHARE:
        return PLACE_MESSAGES
    return rng.randrange(1, PLACE_MESSAGES) if drawn < SPARE_SHARE + GAP_SHARE else 0


def keep_places(*, import_id: int, trees: Iterable[PlannedTree], now: datetime) -> None:
    """Note the whole places before new trees of a batch. The caller's transaction."""
    places = [[*tree.free, now.isoformat()] for tree in trees if tree.gap == PLACE_MESSAGES]
    if places:
        run(_KEEP, {"import_run": import_id, "places": json.dumps(places)})


def take_place(*, campaign_id: int, messages: int, now: datetime, rng: random.Random) -> Place:
    """A place among what was imported, or else at the end of everything. The caller's transaction."""
    found = fetch_one(_FIND, {"campaign": campaign_id, "done": ImportState.DONE})
    if found is None:
        row = fetch_row(_NEXT, {"count": messages})
        return Place(row["tree"], tuple(row["messages"]), now)
    places = json.loads(found["places"])
    tree, *free, when = places.pop(rng.randrange(len(places)))
    run(_LEAVE, {"import_run": found["id"], "places": json.dumps(places)})
    start = rng.randrange(PLACE_MESSAGES - messages + 1)
    return Place(tree, tuple(free[start : start + messages]), datetime.fromisoformat(when))
