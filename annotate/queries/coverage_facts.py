"""What a measurement of coverage is made from, beside the cells: people, sources of candidates, vectors, open places."""

from datetime import datetime, timedelta

from annotate.queries.backlog import QUEUES_OF
from annotate.queries.rows import Row, fetch_all, fetch_one
from tasks.vocabulary import ORDERING_KINDS, StaleKind

#: Judgments, the newest, in which sources of candidates are counted together.
MEETINGS = 20_000
#: People of a language who were here lately and are asked whether anything is left for them.
MOST_ASKED = 200
LATELY = timedelta(days=28)

_GROUPS = """
WITH given AS MATERIALIZED (
SELECT p.cell_id AS cell, q.language, t."group" AS name, j.annotator_id, count(*) AS judgments
FROM annotate_promptplace p JOIN annotate_message m ON m.tree_id = p.tree_id JOIN annotate_unit u ON u.subject_id = m.id
JOIN annotate_queue q ON q.id = u.queue_id AND NOT q.is_gold
JOIN annotate_judgment j ON j.unit_id = u.id AND j.is_current AND j.withdrawn_at IS NULL
JOIN annotate_annotatortraits t ON t.campaign_id = p.campaign_id AND t.annotator_id = j.annotator_id
WHERE p.campaign_id = %(campaign)s AND u.done > 0 AND t."group" <> '' GROUP BY 1, 2, 3, 4)
SELECT cell, language, name, sum(judgments)::bigint AS judgments, max(people) AS people
FROM given JOIN (SELECT language, name, count(DISTINCT annotator_id) AS people FROM given GROUP BY 1, 2) AS known
  USING (language, name)
GROUP BY cell, language, name"""

_MEETINGS = f"""
WITH newest AS (
  SELECT j.id, q.language FROM annotate_queue q JOIN annotate_unit u ON u.queue_id = q.id AND u.done > 0
  JOIN annotate_judgment j ON j.unit_id = u.id AND j.is_current AND j.withdrawn_at IS NULL
  WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold AND q.kind = ANY(%(ordering)s::text[])
  ORDER BY j.id DESC LIMIT {MEETINGS}),
shown AS (
  SELECT DISTINCT n.id, n.language, COALESCE(o.generator_id, 0) AS source
  FROM newest n JOIN annotate_rankedcandidate r ON r.judgment_id = n.id JOIN annotate_messageorigin o ON o.message_id = r.message_id)
SELECT a.language, a.source AS first, b.source AS second, count(*) AS met
FROM shown a JOIN shown b ON b.id = a.id AND b.source > a.source GROUP BY a.language, a.source, b.source"""

_SOURCES = f"""
SELECT q.language, COALESCE(o.generator_id, 0) AS source
FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_unitcandidate c ON c.unit_id = u.id
JOIN annotate_messageorigin o ON o.message_id = c.message_id
WHERE u.queue_id = ANY({QUEUES_OF}) AND u.kind = ANY(%(ordering)s::text[]) AND c.removed_at IS NULL
GROUP BY q.language, COALESCE(o.generator_id, 0)"""

_VACANT = f"""
SELECT p.cell_id AS cell, sum(u.needed - u.done - u.held)::bigint AS places
FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id JOIN annotate_promptplace p ON p.tree_id = m.tree_id
WHERE u.queue_id = ANY({QUEUES_OF}) AND u.is_vacant GROUP BY p.cell_id"""

#: People of each language who were here lately, and how many of them have a vacant unit that they have not met.
_PEOPLE = f"""
WITH lately AS (
  SELECT DISTINCT j.annotator_id AS id FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id
  WHERE j.created_at > %(since)s AND u.queue_id = ANY({QUEUES_OF})),
speakers AS (
  SELECT l.language, a.id, row_number() OVER (PARTITION BY l.language ORDER BY a.id) AS place
  FROM (SELECT DISTINCT language FROM annotate_queue WHERE campaign_id = %(campaign)s) l CROSS JOIN lately a
  WHERE EXISTS (SELECT 1 FROM annotate_languageskill k WHERE k.annotator_id = a.id AND k.language = l.language)
    OR NOT EXISTS (SELECT 1 FROM annotate_languageskill k WHERE k.annotator_id = a.id))
SELECT s.language, count(*) AS people, count(*) FILTER (WHERE s.place <= {MOST_ASKED} AND EXISTS (
  SELECT 1 FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id
  WHERE q.campaign_id = %(campaign)s AND q.language = s.language AND NOT q.is_gold AND u.is_vacant
    AND NOT EXISTS (SELECT 1 FROM annotate_assignment p WHERE p.annotator_id = s.id AND p.unit_id = u.id))) AS with_work
FROM speakers s GROUP BY s.language"""

_LAST = """
SELECT measured_at AS at, judgments, result->>'wanted' AS wanted FROM annotate_coveragereport
WHERE campaign_id = %(campaign)s AND language IS NULL ORDER BY measured_at DESC LIMIT 1"""

_READY = """
SELECT c.id FROM annotate_campaign c LEFT JOIN annotate_stale s ON s.kind = %(kind)s AND s.subject_id = c.id
WHERE c.state = 'open' AND (s.lease_expires_at IS NULL OR s.lease_expires_at <= %(now)s)
ORDER BY s.lease_expires_at NULLS FIRST, c.id"""

_VECTORS = """
SELECT p.tree_id, halfvec_send(v.vector) AS vector
FROM annotate_promptplace p JOIN annotate_textvector v ON v.message_id = p.message_id
JOIN annotate_topicfit f ON f.campaign_id = p.campaign_id AND f.version = p.fit AND f.embedder = v.embedder
WHERE p.campaign_id = %(campaign)s AND p.tree_id = ANY(%(trees)s::bigint[])"""


def count_groups(*, campaign_id: int) -> list[Row]:
    """`cell, language, name, judgments, people`: judgments of each group of people in each cell; its people who judged in
    the language.
    """
    return fetch_all(_GROUPS, {"campaign": campaign_id})


def count_meetings(*, campaign_id: int) -> list[Row]:
    """`language, first, second, met`: newest judgments that put candidates of both sources in order; 0: people."""
    return fetch_all(_MEETINGS, {"campaign": campaign_id, "ordering": _ordering()})


def list_sources(*, campaign_id: int) -> list[Row]:
    """`language, source`: who made the candidates that are put in order in each language; 0: people."""
    return fetch_all(_SOURCES, {"campaign": campaign_id, "ordering": _ordering()})


def count_vacant(*, campaign_id: int) -> dict[int, int]:
    """Open places in each cell, by its id."""
    return {row["cell"]: row["places"] for row in fetch_all(_VACANT, {"campaign": campaign_id})}


def count_people(*, campaign_id: int, now: datetime) -> list[Row]:
    """`language, people, with_work`: of those who judged here in the last four weeks."""
    return fetch_all(_PEOPLE, {"campaign": campaign_id, "since": now - LATELY})


def find_last_report(*, campaign_id: int) -> tuple[datetime | None, tuple[int, str | None] | None]:
    """When the coverage was measured last, and of what: the judgments, and the mark of the shares that were wanted."""
    row = fetch_one(_LAST, {"campaign": campaign_id})
    return (None, None) if row is None else (row["at"], (row["judgments"], row["wanted"]))


def list_plannable(*, now: datetime) -> list[int]:
    """Open campaigns whose full plan does not rest, the one that has rested longest first."""
    return [row["id"] for row in fetch_all(_READY, {"kind": StaleKind.TURN_COVERAGE, "now": now})]


def read_vectors(*, campaign_id: int, tree_ids: list[int]) -> list[tuple[int, bytes]]:
    """Vectors of the prompts of these trees in PostgreSQL's binary form, those of the embedder of the topics in force."""
    return [
        (row["tree_id"], bytes(row["vector"]))
        for row in fetch_all(_VECTORS, {"campaign": campaign_id, "trees": tree_ids})
    ]


def _ordering() -> list[str]:
    return [kind.value for kind in ORDERING_KINDS]
