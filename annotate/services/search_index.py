"""Keep messages findable: by their words, and prompts by what is nearly the same.

A job indexes what came or changed since; whoever writes a prompt or changes a text indexes it at once, so that the
next person finds it.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from annotate.queries.rows import fetch_all, fetch_row, run
from tasks.text.fingerprints import fingerprint
from tasks.text.searching import MOST_SEARCHED_CHARS, list_lexemes, stemmer_of

#: Messages in one transaction.
MESSAGES_AT_ONCE = 200
#: Ids are given before they are seen: what a long import commits late is still looked for so long.
LATE_COMMITS = timedelta(hours=6)
LATE_IDS = 5_000

_READ = """
SELECT m.id, left(m.text, %(most)s) AS text, m.language, m.revision, m.parent_id, t.campaign_id
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.id = ANY(%(messages)s::bigint[]) AND m.withdrawn_at IS NULL ORDER BY m.id"""

_WRITE = """
WITH given AS (
  SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS g (id bigint, campaign bigint, revision smallint, stemmer text, text text, lexemes text[], bands bigint[])),
known AS (
  SELECT k.cfgname, k.oid::regconfig AS config FROM pg_ts_config k WHERE pg_ts_config_is_visible(k.oid))
INSERT INTO annotate_messageindex AS i (message_id, campaign_id, revision, vector, bands)
SELECT g.id, g.campaign, g.revision,
  array_to_tsvector(g.lexemes) || CASE WHEN known.config IS NULL THEN '' ELSE to_tsvector(known.config, g.text) END, g.bands
FROM given g JOIN annotate_message m ON m.id = g.id AND m.withdrawn_at IS NULL
LEFT JOIN known ON known.cfgname = g.stemmer
ORDER BY g.id
ON CONFLICT (message_id) DO UPDATE SET revision = excluded.revision, vector = excluded.vector, bands = excluded.bands
  WHERE i.revision <= excluded.revision"""

_FIND_NEW = """
SELECT m.id FROM annotate_message m
WHERE m.id > %(after)s AND m.withdrawn_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM annotate_messageindex i WHERE i.message_id = m.id)
ORDER BY m.id LIMIT %(limit)s"""

_FIND_SETTLED = """
SELECT GREATEST(%(after)s, LEAST(
  (SELECT max(m.id) FROM annotate_message m) - %(late)s,
  (SELECT max(m.id) FROM annotate_message m WHERE m.id > %(after)s AND m.created_at < %(settled)s))) AS id"""

_FIND_CHANGED = """
SELECT DISTINCT m.id FROM annotate_messagerevision r JOIN annotate_message m ON m.id = r.message_id
JOIN annotate_messageindex i ON i.message_id = m.id
WHERE i.revision <> m.revision AND m.withdrawn_at IS NULL ORDER BY m.id LIMIT %(limit)s"""


def index_prompt(*, message_id: int) -> None:
    """Make a text that was just written or changed findable, in the transaction that stores it."""
    index_messages(message_ids=[message_id])


def index_messages(*, message_ids: Sequence[int]) -> int:
    """Index these messages as they are now; what was withdrawn is passed over. Returns how many were written."""
    rows = fetch_all(_READ, {"messages": list(message_ids), "most": MOST_SEARCHED_CHARS})
    given = [
        {
            "id": row["id"],
            "campaign": row["campaign_id"],
            "revision": row["revision"],
            "stemmer": stemmer_of(row["language"]),
            "text": row["text"],
            "lexemes": list_lexemes(row["text"]),
            "bands": fingerprint(row["text"]) if row["parent_id"] is None else [],
        }
        for row in rows
    ]
    return run(_WRITE, {"rows": json.dumps(given)}) if given else 0


def index_new(*, after: int) -> int | None:
    """Index one batch of messages behind `after` that are not findable yet; returns the last, None when there are none."""
    ids = [row["id"] for row in fetch_all(_FIND_NEW, {"after": after, "limit": MESSAGES_AT_ONCE})]
    if not ids:
        return None
    with transaction.atomic():
        index_messages(message_ids=ids)
    return int(ids[-1])


def find_settled(*, after: int, now: datetime) -> int:
    """From where the next look has to start: nothing before it can still come.

    Rows are seen in another order than their ids were given, so it stays behind what came lately.
    """
    params = {"after": after, "settled": now - LATE_COMMITS, "late": LATE_IDS}
    return int(fetch_row(_FIND_SETTLED, params)["id"])


def index_changed() -> int:
    """Index one batch of messages whose text was changed since they were indexed; returns how many."""
    ids = [row["id"] for row in fetch_all(_FIND_CHANGED, {"limit": MESSAGES_AT_ONCE})]
    with transaction.atomic():
        index_messages(message_ids=ids)
    return len(ids)
