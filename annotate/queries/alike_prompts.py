"""Prompts of a campaign that lie next to a text by their vectors: looked for among the topics that it is nearest to.

The cells of the target space are the index: three topics are looked through in the text's language, prompts as long as it is
first, and before there are any topics, the newest vectors. Only where the campaign's embedder is hashing: no other one works
while somebody waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from annotate.queries.near_prompts import START_CHARS, Neighbour
from annotate.queries.reading import IS_NO_REJECT, Reader, start_of
from annotate.queries.rows import fetch_all, fetch_one
from tasks.records.coverage import length_of
from tasks.text.hashing_vectors import NAME, embed_text

#: From this nearness (cosine) on a prompt is shown.
NEAR = 0.85
MOST_SHOWN = 3
#: Topics that are looked through, and vectors of all of them together: some 15 ms.
TOPICS, MOST_MEASURED = 3, 3_000

_MEANS = """
SELECT f.version, COALESCE(f.result->'means'->%(language)s, f.result->'means'->'')::text AS mean,
  ARRAY(SELECT jsonb_object_keys(f.result->'topics')::int) AS numbers
FROM annotate_topicfit f WHERE f.campaign_id = %(campaign)s AND f.embedder = %(embedder)s
  AND f.version = (SELECT max(version) FROM annotate_topicfit WHERE campaign_id = %(campaign)s)"""

_NEAREST_TOPICS = """
SELECT g.n, (
  SELECT COALESCE(i.number, o.number) FROM annotate_topic o LEFT JOIN annotate_topic i ON i.id = o.merged_into_id
  WHERE o.campaign_id = %(campaign)s AND o.retired_at IS NULL AND o.number = ANY(%(numbers)s::int[])
  ORDER BY o.centroid <=> (g.vector::halfvec - g.mean::halfvec) LIMIT 1) AS topic
FROM unnest(%(vectors)s::text[], %(means)s::text[]) WITH ORDINALITY AS g (vector, mean, n) ORDER BY g.n"""

_FIND = f"""
WITH fit AS MATERIALIZED (
  SELECT COALESCE(f.result->'means'->%(language)s, f.result->'means'->'')::text::halfvec AS mean FROM annotate_topicfit f
  WHERE f.campaign_id = %(campaign)s AND f.embedder = %(embedder)s ORDER BY f.version DESC LIMIT 1),
topics AS MATERIALIZED (
  SELECT COALESCE(o.merged_into_id, o.id) AS id, row_number() OVER (ORDER BY o.centroid <=> (%(vector)s::halfvec - fit.mean)) AS place
  FROM annotate_topic o, fit
  WHERE o.campaign_id = %(campaign)s AND o.embedder = %(embedder)s AND o.retired_at IS NULL ORDER BY place LIMIT {TOPICS}),
cells AS MATERIALIZED (
  SELECT c.id FROM annotate_coveragecell c JOIN topics t ON t.id = c.topic_id
  WHERE c.campaign_id = %(campaign)s AND c.language = %(language)s GROUP BY c.id ORDER BY c.length <> %(length)s, min(t.place), c.id),
looked_at AS MATERIALIZED (
  (SELECT p.id FROM cells CROSS JOIN LATERAL (
     SELECT p.message_id AS id FROM annotate_promptplace p WHERE p.cell_id = cells.id LIMIT {MOST_MEASURED}) p LIMIT {MOST_MEASURED})
  UNION ALL
  (SELECT v.message_id FROM annotate_textvector v WHERE v.campaign_id = %(campaign)s AND v.embedder = %(embedder)s
    AND NOT EXISTS (SELECT 1 FROM fit) LIMIT {MOST_MEASURED})),
near AS MATERIALIZED (
  SELECT v.message_id AS id, 1 - (v.vector <=> %(vector)s::halfvec) AS nearness
  FROM looked_at l JOIN annotate_textvector v ON v.message_id = l.id AND v.embedder = %(embedder)s
  ORDER BY v.vector <=> %(vector)s::halfvec LIMIT {2 * MOST_SHOWN})
SELECT m.id, m.tree_id, left(m.text, 400) AS text, near.nearness FROM near JOIN annotate_message m ON m.id = near.id
JOIN annotate_campaign c ON c.id = %(campaign)s
WHERE near.nearness >= {NEAR} AND m.removed_at IS NULL AND m.withdrawn_at IS NULL AND {IS_NO_REJECT}
ORDER BY near.nearness DESC, m.id LIMIT {MOST_SHOWN}"""


def find_alike_prompts(*, campaign_id: int, text: str, language: str, reader: Reader) -> list[Neighbour]:
    """At most three prompts that stand and lie next to this text, nearest first. One statement."""
    vector = embed_text(text)
    if not any(vector):
        return []
    params = {
        **reader.as_parameters(),
        "campaign": campaign_id,
        "embedder": NAME,
        "language": language,
        "length": length_of(len(text)),
        "vector": _write(vector),
    }
    return [
        # The very same words are told of by other means: this is never 1.
        Neighbour(row["id"], row["tree_id"], min(row["nearness"], 0.99), start_of(row["text"], length=START_CHARS))
        for row in fetch_all(_FIND, params)
    ]


def find_nearest_topics(*, campaign_id: int, texts: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The numbers of the topics that these texts are about, where the campaign's topics are by hashing; else none."""
    numbers: list[str] = []
    params: dict[str, Any] = {"campaign": campaign_id, "embedder": NAME}
    means: dict[str, Mapping[str, Any] | None] = {
        language: fetch_one(_MEANS, params | {"language": language}) for language in sorted(set(languages))
    }
    for language, fit in means.items():
        mine = [text for text, other in zip(texts, languages, strict=True) if other == language]
        if fit is None:
            return []
        vectors = [_write(embed_text(text)) for text in mine]
        asked = params | {"numbers": fit["numbers"], "vectors": vectors, "means": [fit["mean"]] * len(vectors)}
        numbers += [str(row["topic"]) for row in fetch_all(_NEAREST_TOPICS, asked) if row["topic"] is not None]
    return numbers


def _write(vector: Sequence[float]) -> str:
    return f"[{','.join(f'{value:.5g}' for value in vector)}]"
