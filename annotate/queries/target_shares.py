"""Target shares of a campaign, what it has along each axis, and its cells as the shares are put upon them."""

from collections.abc import Mapping
from typing import Any

from annotate.models import TargetShare, Topic
from annotate.queries.rows import Row, fetch_all
from annotate.queries.vectors import GONE, STANDING
from tasks.scheduling.shares import CellFacts, Shares
from tasks.vocabulary import TargetAxis

#: Values of one axis that a page lists.
MOST_VALUES = 200

_CELLS = """
SELECT c.id, c.language, COALESCE(o.number::text, '') AS topic, c.difficulty, c.length, c.prompts
FROM annotate_coveragecell c LEFT JOIN annotate_topic o ON o.id = c.topic_id
WHERE c.campaign_id = %(campaign)s ORDER BY c.id"""

_TAGS = """
SELECT p.cell_id, tag, count(*) AS prompts FROM annotate_promptplace p JOIN annotate_messagetree t ON t.id = p.tree_id
CROSS JOIN LATERAL (SELECT DISTINCT unnest(t.tags) AS tag) AS tagged
WHERE p.campaign_id = %(campaign)s AND tag = ANY(%(tags)s::text[]) GROUP BY 1, 2"""

_HAS = """
SELECT axis, value, sum(prompts)::bigint AS prompts, round(sum(share)::numeric, 9)::float8 AS share FROM (
  SELECT 'language' AS axis, c.language AS value, c.prompts, c.share FROM annotate_coveragecell c WHERE c.campaign_id = %(campaign)s
  UNION ALL SELECT 'topic', COALESCE(o.number::text, ''), c.prompts, c.share FROM annotate_coveragecell c
    LEFT JOIN annotate_topic o ON o.id = c.topic_id WHERE c.campaign_id = %(campaign)s
  UNION ALL SELECT 'difficulty', c.difficulty, c.prompts, c.share FROM annotate_coveragecell c WHERE c.campaign_id = %(campaign)s
  UNION ALL SELECT 'length', c.length, c.prompts, c.share FROM annotate_coveragecell c WHERE c.campaign_id = %(campaign)s
) AS parts GROUP BY axis, value ORDER BY axis, sum(prompts) DESC, value"""

_HAS_TAGS = """
SELECT 'tag' AS axis, tag AS value, count(*) AS prompts,
  sum(c.share / GREATEST(c.prompts, 1)) AS share
FROM annotate_promptplace p JOIN annotate_messagetree t ON t.id = p.tree_id JOIN annotate_coveragecell c ON c.id = p.cell_id
CROSS JOIN LATERAL (SELECT DISTINCT unnest(t.tags) AS tag) AS tagged
WHERE p.campaign_id = %(campaign)s GROUP BY tag ORDER BY count(*) DESC, tag LIMIT %(limit)s"""


_LIKE_REFERENCE = f"""
SELECT left(m.text, 8000) AS text, t.language, t.difficulty, t.tags
FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id AND {STANDING}
ORDER BY hashint8(m.id) LIMIT %(limit)s"""


def list_prompts_like_reference(*, campaign_id: int, limit: int) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Prompts of a campaign as a reference for another one: text, language, difficulty, tags."""
    rows = fetch_all(_LIKE_REFERENCE, {"campaign": campaign_id, "gone": list(GONE), "limit": limit})
    return [(row["text"], row["language"], row["difficulty"], tuple(row["tags"])) for row in rows]


def load_shares(*, campaign_id: int) -> dict[TargetAxis, dict[str, float]]:
    """The shares that are set, by axis and value, as they are said; axes without any are left out."""
    shares: dict[TargetAxis, dict[str, float]] = {}
    for row in TargetShare.objects.filter(campaign_id=campaign_id).order_by("axis", "value"):
        shares.setdefault(TargetAxis(row.axis), {})[row.value] = row.share
    return shares


def load_served_shares(*, campaign_id: int) -> dict[TargetAxis, dict[str, float]]:
    """The same without those of topics that take no prompts any more: no prompt could serve them."""
    shares = load_shares(campaign_id=campaign_id)
    if TargetAxis.TOPIC in shares:
        used = Topic.objects.filter(campaign_id=campaign_id, retired_at=None, merged_into=None)
        numbers = {str(number) for number in used.values_list("number", flat=True)}
        shares[TargetAxis.TOPIC] = {
            number: share for number, share in shares[TargetAxis.TOPIC].items() if number in numbers
        }
    return shares


def describe_shares(*, campaign_id: int) -> dict[str, dict[str, float]]:
    """The same as plain JSON, axes in their order."""
    shares = load_shares(campaign_id=campaign_id)
    return {str(axis): shares[axis] for axis in TargetAxis if axis in shares}


def load_cell_facts(*, campaign_id: int, shares: Shares) -> list[CellFacts]:
    """The cells of a campaign, with the tags that shares are set for."""
    tags: dict[int, dict[str, int]] = {}
    if wanted := list(shares.get(TargetAxis.TAG, {})):
        for row in fetch_all(_TAGS, {"campaign": campaign_id, "tags": wanted}):
            tags.setdefault(row["cell_id"], {})[row["tag"]] = row["prompts"]
    return [
        CellFacts(
            row["language"], row["topic"], row["difficulty"], row["length"], row["prompts"], tags.get(row["id"], {})
        )
        for row in fetch_all(_CELLS, {"campaign": campaign_id})
    ]


def describe_axes(*, campaign_id: int) -> dict[TargetAxis, list[Row]]:
    """What the campaign has along each axis: `value`, `prompts`, and `share`, the part of the target that is there. Two statements."""
    axes: dict[TargetAxis, list[Row]] = {axis: [] for axis in TargetAxis}
    params: Mapping[str, Any] = {"campaign": campaign_id, "limit": MOST_VALUES}
    for row in [*fetch_all(_HAS, params), *fetch_all(_HAS_TAGS, params)]:
        if len(axes[TargetAxis(row["axis"])]) < MOST_VALUES:
            axes[TargetAxis(row["axis"])].append(row)
    return axes
