"""What a release holds, as rows: trees in batches by id, each with all that was given in it.

Every statement is short and by index, whatever the size of the release: no snapshot is held while files are
written. What was withdrawn after the release was sealed is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from annotate.queries.rows import Row, fetch_all

TREES_AT_ONCE = 100

_TREES = """
SELECT t.id, t.language, t.topic, t.external_id, t.brief_id AS brief, i.version AS state
FROM annotate_releaseitem i JOIN annotate_messagetree t ON t.id = i.object_id
WHERE i.release_id = %(release)s AND i.kind = 'tree' AND i.object_id > %(after)s
ORDER BY i.object_id LIMIT %(limit)s"""

_MESSAGES = """
SELECT m.id, m.tree_id AS tree, m.parent_id AS parent, m.role, m.language, m.created_at, author.pseudonym_seed AS author,
  (SELECT v.version FROM annotate_releaseitem v WHERE v.release_id = %(release)s AND v.kind = 'review' AND v.object_id = m.id)
    AS review,
  CASE WHEN m.revision = i.version THEN m.text ELSE COALESCE((
    SELECT r.text FROM annotate_messagerevision r WHERE r.message_id = m.id AND r.number = i.version), m.text) END AS text
FROM annotate_message m
JOIN annotate_releaseitem i ON i.release_id = %(release)s AND i.kind = 'message' AND i.object_id = m.id
LEFT JOIN annotate_annotator writer ON writer.id = m.author_id
LEFT JOIN annotate_annotator author ON author.id = COALESCE(writer.merged_into_id, writer.id)
WHERE m.tree_id = ANY(%(trees)s::bigint[]) AND m.withdrawn_at IS NULL
ORDER BY m.id"""

_ORIGINS = """
SELECT o.message_id AS message, o.kind, o.generator_id, g.name AS generator,
  CASE WHEN o.kind = 'generated' THEN o.provenance END AS provenance, (o.provenance->>'human')::boolean AS human,
  (o.provenance->>'of')::bigint AS improves
FROM annotate_messageorigin o
JOIN annotate_releaseitem i ON i.release_id = %(release)s AND i.kind = 'origin' AND i.object_id = o.id
LEFT JOIN annotate_generator g ON g.id = o.generator_id
WHERE o.message_id = ANY(%(messages)s::bigint[])
ORDER BY o.message_id, o.id"""

_GIVEN = """u.id AS unit, {about} AS subject, m.tree_id AS tree, u.kind, u.is_simple, u.brief_id AS brief, q.language, a.id AS annotator_id,
  a.pseudonym_seed AS annotator,
  (SELECT asked.is_random FROM annotate_assignment asked WHERE asked.id = {assignment}) AS asked_at_random,
  ARRAY(SELECT s.message_id FROM annotate_assignmentcandidate s
        WHERE s.assignment_id = {assignment} AND s.position >= 0 ORDER BY s.position) AS shown"""

_OF_TREES = """
JOIN annotate_unit u ON u.id = j.unit_id
JOIN annotate_queue q ON q.id = u.queue_id
LEFT JOIN annotate_message m ON m.id = {about}
JOIN annotate_annotator giver ON giver.id = j.annotator_id
JOIN annotate_annotator a ON a.id = COALESCE(giver.merged_into_id, giver.id)
WHERE {those}"""

#: What a judgment is about: the subject of its unit, or the prompt that it wrote to a brief.
_ABOUT = "COALESCE(u.subject_id, j.message_id)"

_JUDGED_THERE = """j.id = ANY(ARRAY(
  SELECT t.id FROM annotate_unit v JOIN annotate_judgment t ON t.unit_id = v.id WHERE v.subject_id = ANY(%(messages)s::bigint[])
  UNION ALL
  SELECT t.id FROM annotate_judgment t JOIN annotate_unit v ON v.id = t.unit_id
  WHERE t.message_id = ANY(%(messages)s::bigint[]) AND v.subject_id IS NULL))"""

_OUTCOMES_THERE = "u.subject_id = ANY(%(messages)s::bigint[])"

#: Orders of prompts, which belong to no tree, and who had none to give.
_JUDGED_NOWHERE = "u.subject_id IS NULL AND j.message_id IS NULL AND j.id > %(after)s"
_OUTCOMES_NOWHERE = "u.subject_id IS NULL AND j.id > %(after)s"

_JUDGMENTS = f"""
SELECT j.id, {_GIVEN.format(assignment="j.assignment_id", about=_ABOUT)}, i.version = 1 AS counted, j.created_at, j.rationale,
  j.ends_thread, j.active_seconds, j.acceptable_tiers, j.rest_worse, j.much_better, j.terms_version, j.message_id AS message,
  (SELECT g.version FROM annotate_guideline g WHERE g.id = j.guideline_id) AS guideline_version,
  (SELECT l.version FROM annotate_labelschema l WHERE l.id = j.label_schema_id) AS label_schema_version,
  ranked.messages, ranked.tiers
FROM annotate_judgment j
JOIN annotate_releaseitem i ON i.release_id = %(release)s AND i.kind = 'judgment' AND i.object_id = j.id
CROSS JOIN LATERAL (
  SELECT array_agg(r.message_id ORDER BY r.tier, s.position) AS messages, array_agg(r.tier ORDER BY r.tier, s.position) AS tiers
  FROM annotate_rankedcandidate r
  JOIN annotate_assignmentcandidate s ON s.assignment_id = r.assignment_id AND s.message_id = r.message_id
  WHERE r.judgment_id = j.id) ranked
{_OF_TREES.format(about=_ABOUT, those="{those}")} AND j.withdrawn_at IS NULL
ORDER BY m.tree_id, j.id {{limit}}"""

_OUTCOMES = f"""
SELECT j.id, {_GIVEN.format(assignment="j.id", about="u.subject_id")}, j.skip_reason, j.cannot_tell_reason, j.rationale,
  COALESCE(j.closed_at, j.created_at) AS created_at
FROM annotate_assignment j
JOIN annotate_releaseitem i ON i.release_id = %(release)s AND i.kind = 'assignment' AND i.object_id = j.id
{_OF_TREES.format(about="u.subject_id", those="{those}")}
ORDER BY m.tree_id, j.id {{limit}}"""

_LABELS = """
SELECT l.judgment_id AS judgment, d.name AS dimension, l.answer, l.value
FROM annotate_label l JOIN annotate_labeldimension d ON d.id = l.dimension_id
WHERE l.judgment_id = ANY(%(judgments)s::bigint[])
ORDER BY l.judgment_id, d.position, d.id"""

#: What was withdrawn and stands in a sealed release before this one; a text goes with the judgment that gave it.
_WITHDRAWN = """
SELECT i.kind, i.object_id, earlier.number, earlier.pseudonym_salt AS salt, t.created_at
FROM annotate_releaseitem mine
JOIN annotate_tombstone t ON t.id = mine.object_id
JOIN annotate_release this ON this.id = mine.release_id
LEFT JOIN annotate_judgment j ON t.kind = 'judgment' AND j.id = t.object_id
JOIN annotate_releaseitem i ON (i.kind = t.kind AND i.object_id = t.object_id)
  OR (i.kind = 'message' AND (i.object_id = j.message_id OR i.object_id = (
    SELECT r.id FROM annotate_message p JOIN annotate_message r ON r.parent_id = p.id AND r.author_id = p.author_id
    WHERE j.kind = 'write_pair' AND p.id = j.message_id ORDER BY r.id LIMIT 1)))
JOIN annotate_release earlier ON earlier.id = i.release_id AND earlier.campaign_id = this.campaign_id
  AND earlier.number < this.number AND earlier.state IN ('sealed', 'published', 'withdrawn')
WHERE mine.release_id = %(release)s AND mine.kind = 'tombstone' AND mine.object_id > %(after)s
  AND mine.object_id <= %(upto)s
ORDER BY t.id, earlier.number, i.kind DESC"""

_TOMBSTONES = """
SELECT object_id AS id FROM annotate_releaseitem
WHERE release_id = %(release)s AND kind = 'tombstone' AND object_id > %(after)s ORDER BY object_id LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class TreeBatch:
    """Some trees of a release with everything in them; each list by tree, then id."""

    trees: list[Row]
    messages: list[Row]
    origins: list[Row]
    judgments: list[Row]
    outcomes: list[Row]
    labels: list[Row]


def iterate_trees(*, release_id: int) -> Iterator[TreeBatch]:
    """The trees of a release by id, some at once; six short statements for each batch."""
    after = 0
    while trees := fetch_all(_TREES, {"release": release_id, "after": after, "limit": TREES_AT_ONCE}):
        after = trees[-1]["id"]
        yield _load_batch(release_id, trees)


def iterate_orders_of_prompts(*, release_id: int) -> Iterator[TreeBatch]:
    """What was given on prompts that were put in order, by id: batches without trees."""
    for sql, those, name in (
        (_JUDGMENTS, _JUDGED_NOWHERE, "judgments"),
        (_OUTCOMES, _OUTCOMES_NOWHERE, "outcomes"),
    ):
        after = 0
        statement = sql.format(those=those, limit="LIMIT %(limit)s")
        while rows := fetch_all(statement, {"release": release_id, "after": after, "limit": 1000}):
            after = rows[-1]["id"]
            yield TreeBatch(**{"trees": [], "messages": [], "origins": [], "judgments": [], "outcomes": [], "labels": [],
                               name: rows})  # fmt: skip


def iterate_withdrawn(*, release_id: int) -> Iterator[Row]:
    """What earlier releases held and was withdrawn before this one was frozen: kind, object_id, number, salt, created_at."""
    after = 0
    while ids := fetch_all(_TOMBSTONES, {"release": release_id, "after": after, "limit": 1000}):
        yield from fetch_all(_WITHDRAWN, {"release": release_id, "after": after, "upto": ids[-1]["id"]})
        after = ids[-1]["id"]


def count_items(*, release_id: int, kind: str) -> int:
    """How many items of a kind a release holds."""
    (row,) = fetch_all(
        "SELECT count(*) AS n FROM annotate_releaseitem WHERE release_id = %(release)s AND kind = %(kind)s",
        {"release": release_id, "kind": kind},
    )
    return int(row["n"])


def _load_batch(release_id: int, trees: list[Row]) -> TreeBatch:
    messages = fetch_all(_MESSAGES, {"release": release_id, "trees": [tree["id"] for tree in trees]})
    of_messages = {"release": release_id, "messages": [message["id"] for message in messages]}
    judgments = fetch_all(_JUDGMENTS.format(those=_JUDGED_THERE, limit=""), of_messages)
    return TreeBatch(
        trees=trees,
        messages=messages,
        origins=fetch_all(_ORIGINS, of_messages),
        judgments=judgments,
        outcomes=fetch_all(_OUTCOMES.format(those=_OUTCOMES_THERE, limit=""), of_messages),
        labels=fetch_all(_LABELS, {"judgments": [row["id"] for row in judgments if row["kind"] == "label"]}),
    )
