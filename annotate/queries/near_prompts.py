"""Prompts of a campaign that are nearly the same as a text: found by their bands, measured exactly. One statement."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.queries.reading import IS_NO_REJECT, Reader, start_of
from annotate.queries.rows import fetch_all
from tasks.text.fingerprints import fingerprint_of, likeness, list_shingles
from tasks.text.normalise import text_hash

#: From this likeness on a prompt is shown as a neighbour.
NEAR = 0.5
MOST_SHOWN = 3
START_CHARS = 200
#: Rows with a band in common that are counted, and of those the ones that are measured.
MOST_COUNTED, MOST_MEASURED = 2_000, 12

# The bands alone find the rows: a campaign's own are kept of those, and counted before a single text is read.
_FIND = f"""
WITH near AS MATERIALIZED (
  SELECT i.message_id, i.bands FROM annotate_messageindex i
  WHERE i.bands && %(bands)s::bigint[] AND i.campaign_id = %(campaign)s LIMIT {MOST_COUNTED}),
best AS MATERIALIZED (
  SELECT n.message_id AS id FROM near n
  ORDER BY (SELECT count(*) FROM unnest(n.bands) AS band WHERE band = ANY(%(bands)s::bigint[])) DESC, n.message_id
  LIMIT {MOST_MEASURED}),
same AS MATERIALIZED (
  SELECT m.id FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND m.parent_id IS NULL
  WHERE t.campaign_id = %(campaign)s AND t.key = ANY(%(keys)s::text[]))
SELECT m.id, m.tree_id, left(m.text, 20000) AS text, m.text_hash = %(hash)s AS is_same
FROM (SELECT id FROM best UNION SELECT id FROM same) AS found
JOIN annotate_message m ON m.id = found.id JOIN annotate_campaign c ON c.id = %(campaign)s
WHERE m.removed_at IS NULL AND m.withdrawn_at IS NULL AND {IS_NO_REJECT}"""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A prompt that is there already; `similarity` in [0, 1], 1 for the same words."""

    message_id: int
    tree_id: int
    similarity: float
    text: str


def find_near_prompts(*, campaign_id: int, text: str, keys: Sequence[str], reader: Reader) -> list[Neighbour]:
    """At most three prompts that stand and are nearly the same, nearest first; `keys` name trees with the very same prompt."""
    shingles = list_shingles(text)
    params = {
        **reader.as_parameters(),
        "campaign": campaign_id,
        "bands": fingerprint_of(shingles),
        "keys": list(keys),
        "hash": text_hash(text),
    }
    near = [
        Neighbour(
            row["id"],
            row["tree_id"],
            1.0 if row["is_same"] else likeness(shingles, list_shingles(row["text"])),
            start_of(row["text"], length=START_CHARS),
        )
        for row in fetch_all(_FIND, params)
    ]
    near = [each for each in near if each.similarity >= NEAR]
    return sorted(near, key=lambda each: (-each.similarity, each.message_id))[:MOST_SHOWN]
