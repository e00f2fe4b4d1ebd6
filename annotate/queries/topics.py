"""Topics of a campaign, their fits, and where its prompts lie among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotate.models import Topic, TopicFit
from annotate.queries.rows import Row, fetch_all, fetch_one
from annotate.queries.vectors import GONE, STANDING
from tasks.vocabulary import StaleKind, TopicsTodo

#: Of a prompt, as a list shows it.
START_CHARS = 160

_PROMPTS = f"annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND {STANDING}"

_TOPICS = """
SELECT o.id, o.number, halfvec_send(o.centroid) AS centroid, i.number AS merged_into, o.retired_at IS NOT NULL AS is_retired
FROM annotate_topic o LEFT JOIN annotate_topic i ON i.id = o.merged_into_id
WHERE o.campaign_id = %(campaign)s ORDER BY o.number"""

_UNPLACED = f"""
SELECT m.id, t.id AS tree, t.language, t.difficulty, char_length(m.text) AS chars,
  CASE WHEN v.embedder = %(embedder)s THEN halfvec_send(v.vector) END AS vector
FROM {_PROMPTS}
LEFT JOIN annotate_promptplace p ON p.message_id = m.id LEFT JOIN annotate_coveragecell c ON c.id = p.cell_id
LEFT JOIN annotate_textvector v ON v.message_id = m.id
WHERE m.id > %(after)s AND (p.message_id IS NULL OR c.language <> t.language OR c.difficulty <> t.difficulty
  OR (%(fit)s > 0 AND v.embedder = %(embedder)s
    AND (p.fit <> %(fit)s OR p.placed_at < v.computed_at OR p.topic_id = ANY(ARRAY(SELECT g.id FROM annotate_topic g
      WHERE g.campaign_id = %(campaign)s AND (g.retired_at IS NOT NULL OR g.merged_into_id IS NOT NULL))))))
ORDER BY m.id LIMIT %(limit)s"""

_SAMPLE = """
SELECT halfvec_send(v.vector) AS vector, c.language FROM annotate_promptplace p
JOIN annotate_textvector v ON v.message_id = p.message_id AND v.embedder = %(embedder)s
JOIN annotate_coveragecell c ON c.id = p.cell_id
WHERE p.campaign_id = %(campaign)s AND p.fit = %(fit)s ORDER BY hashint8(p.message_id) LIMIT %(limit)s"""

_ASKED = """
SELECT (marked & %(todo)s) > 0 AS asked FROM annotate_stale WHERE kind = %(kind)s AND subject_id = %(campaign)s"""

_LISTED = """
SELECT o.number, o.name, o.is_named, o.terms, o.prompts, o.retired_at, i.number AS merged_into, i.name AS merged_name
FROM annotate_topic o LEFT JOIN annotate_topic i ON i.id = o.merged_into_id
WHERE o.campaign_id = %(campaign)s ORDER BY o.retired_at IS NOT NULL, o.merged_into_id IS NOT NULL, o.prompts DESC, o.number"""

_PROMPTS_OF = """
SELECT m.id, left(m.text, 400) AS text, c.language, p.density FROM annotate_promptplace p
JOIN annotate_message m ON m.id = p.message_id JOIN annotate_coveragecell c ON c.id = p.cell_id
WHERE p.campaign_id = %(campaign)s AND p.topic_id = %(topic)s ORDER BY p.density DESC NULLS LAST, m.id LIMIT %(limit)s"""

_POINTS = """
SELECT p.x, p.y, p.density, o.number AS topic FROM annotate_promptplace p JOIN annotate_topic o ON o.id = p.topic_id
WHERE p.campaign_id = %(campaign)s AND p.x IS NOT NULL AND (%(topic)s::int IS NULL OR o.number = %(topic)s)
ORDER BY hashint8(p.message_id) LIMIT %(limit)s"""

_HEXES = """
WITH scaled AS (
  SELECT o.number AS topic, p.density, p.x / (%(size)s * 1.5) AS q1, p.y / %(size)s AS r1
  FROM annotate_promptplace p JOIN annotate_topic o ON o.id = p.topic_id
  WHERE p.campaign_id = %(campaign)s AND p.x IS NOT NULL AND (%(topic)s::int IS NULL OR o.number = %(topic)s))
SELECT round(q1)::int AS column,
  round(r1 / sqrt(3.0) - CASE WHEN round(q1)::int %% 2 <> 0 THEN 0.5 ELSE 0 END)::int AS row,
  count(*) AS prompts, mode() WITHIN GROUP (ORDER BY topic) AS topic, avg(density) AS density
FROM scaled GROUP BY 1, 2 ORDER BY 1, 2"""

_THIN = """
SELECT m.id, left(m.text, 400) AS text, c.language, p.density, o.number AS topic, o.name FROM annotate_promptplace p
JOIN annotate_message m ON m.id = p.message_id JOIN annotate_coveragecell c ON c.id = p.cell_id
JOIN annotate_topic o ON o.id = p.topic_id
WHERE p.campaign_id = %(campaign)s AND p.density IS NOT NULL AND (%(topic)s::int IS NULL OR o.number = %(topic)s)
ORDER BY p.density, m.id LIMIT %(limit)s"""

_DENSITIES = """
SELECT o.number, o.name, o.is_named, o.terms, count(*) AS prompts, avg(p.density) AS density,
  count(*) FILTER (WHERE p.density < %(thin)s) AS thin, avg(p.x) AS x, avg(p.y) AS y
FROM annotate_promptplace p JOIN annotate_topic o ON o.id = p.topic_id
WHERE p.campaign_id = %(campaign)s AND p.x IS NOT NULL GROUP BY o.id ORDER BY count(*) DESC, o.number"""

_TEXTS = "SELECT id, left(text, 400) AS text FROM annotate_message WHERE id = ANY(%(messages)s::bigint[]) AND withdrawn_at IS NULL AND removed_at IS NULL"


@dataclass(frozen=True, slots=True)
class FitState:
    """The newest fit of a campaign."""

    version: int
    embedder: str
    prompts: int
    topics: int
    drift: float | None
    result: Mapping[str, Any]
    fitted_at: datetime


def find_fit(*, campaign_id: int) -> FitState | None:
    """None before the first."""
    fit = TopicFit.objects.filter(campaign_id=campaign_id).order_by("-version").first()
    if fit is None:
        return None
    return FitState(fit.version, fit.embedder, fit.prompts, fit.topics, fit.drift, fit.result, fit.fitted_at)


def load_topics(*, campaign_id: int) -> list[Row]:
    """Every topic that ever was: `id`, `number`, `centroid` as bytes, `merged_into` (a number), `is_retired`."""
    return fetch_all(_TOPICS, {"campaign": campaign_id})


def list_unplaced(*, campaign_id: int, fit: int, embedder: str, limit: int, after: int = 0) -> list[Row]:
    """Prompts that are not in their place: new ones, those placed by an older fit or by another text, and those in a topic
    that takes none any more. By id, from behind `after`.

    `vector` is None where there is none by the fit's embedder. `fit` 0: there is none.
    """
    params = {"campaign": campaign_id, "fit": fit, "embedder": embedder, "gone": list(GONE), "limit": limit}
    return fetch_all(_UNPLACED, {**params, "after": after})


def draw_placed(*, campaign_id: int, fit: int, embedder: str, limit: int) -> list[Row]:
    """Some of the prompts that a fit placed, always the same: `vector`, `language`."""
    return fetch_all(_SAMPLE, {"campaign": campaign_id, "fit": fit, "embedder": embedder, "limit": limit})


def was_asked_for(*, campaign_id: int) -> bool:
    """Whether an organizer asked to look for topics again."""
    row = fetch_one(_ASKED, {"campaign": campaign_id, "kind": StaleKind.TURN_TOPICS, "todo": TopicsTodo.FIT})
    return row is not None and row["asked"]


def list_topics(*, campaign_id: int) -> list[Row]:
    """Every topic as organizers see it: those in use first, largest first."""
    return fetch_all(_LISTED, {"campaign": campaign_id})


def find_topic(*, campaign_id: int, number: int) -> Topic | None:
    return Topic.objects.filter(campaign_id=campaign_id, number=number).select_related("merged_into").first()


def list_prompts_of(*, campaign_id: int, topic_id: int, limit: int) -> list[Row]:
    """Prompts of a topic, those in its midst first."""
    return fetch_all(_PROMPTS_OF, {"campaign": campaign_id, "topic": topic_id, "limit": limit})


def list_densities(*, campaign_id: int, thin: float) -> list[Row]:
    """Each topic with prompts on the plane: how many, their mean density, and how many are thinner than `thin`."""
    return fetch_all(_DENSITIES, {"campaign": campaign_id, "thin": thin})


def list_points(*, campaign_id: int, topic: int | None, limit: int) -> list[Row]:
    """Prompts on the plane, at most `limit` of them, drawn always alike."""
    return fetch_all(_POINTS, {"campaign": campaign_id, "topic": topic, "limit": limit})


def count_hexes(*, campaign_id: int, topic: int | None, size: float) -> list[Row]:
    """How many prompts lie in each hexagon of the plane, which topic most of them have, and how dense they are."""
    return fetch_all(_HEXES, {"campaign": campaign_id, "topic": topic, "size": size})


def list_thinnest(*, campaign_id: int, topic: int | None, limit: int) -> list[Row]:
    """Prompts with the fewest others near them."""
    return fetch_all(_THIN, {"campaign": campaign_id, "topic": topic, "limit": limit})


def load_starts(*, message_ids: list[int]) -> dict[int, str]:
    """The beginnings of some texts."""
    return {row["id"]: row["text"] for row in fetch_all(_TEXTS, {"messages": message_ids})}
