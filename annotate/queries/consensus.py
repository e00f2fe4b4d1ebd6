"""Consensus to look at: parents in an order, one parent with its ballots, and how sure each parent of a tree is."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.db.models import ExpressionWrapper, F, FloatField, OrderBy

from annotate.models import Message
from annotate.queries.results import list_consensus
from annotate.queries.rows import Row, fetch_all
from tasks.vocabulary import ORDERING_KINDS, Kind

#: By name: what comes first. The id decides between equals, so that parts of a list fit together.
#: `contested`: those that many people ranked and that are not sure for all that.
ORDERS: dict[str, OrderBy] = {
    "unsure": F("current_consensus__uncertainty").desc(nulls_last=True),
    "newest": F("current_consensus__computed_at").desc(),
    "contested": OrderBy(
        ExpressionWrapper(F("current_consensus__uncertainty") * F("current_consensus__n"), output_field=FloatField()),
        descending=True,
        nulls_last=True,
    ),
}

#: Judgments that put replies of a parent in order, and stand. Of gold items none: they say nothing of the replies.
_BALLOTS = """
SELECT j.id, COALESCE(a.merged_into_id, a.id) AS annotator, person.display_name,
  owner.user_id IS NULL AND owner.device_hash IS NOT NULL AS is_guest, j.kind, j.created_at, j.counted, j.acceptable_tiers,
  j.rest_worse, j.much_better, j.active_seconds, j.rationale, q.language
FROM annotate_unit u
JOIN annotate_queue q ON q.id = u.queue_id AND NOT q.is_gold
JOIN annotate_judgment j ON j.unit_id = u.id AND j.is_current AND j.withdrawn_at IS NULL
JOIN annotate_annotator a ON a.id = j.annotator_id
JOIN annotate_annotator owner ON owner.id = COALESCE(a.merged_into_id, a.id)
LEFT JOIN annotate_user person ON person.id = owner.user_id
JOIN annotate_message subject ON subject.id = u.subject_id AND subject.removed_at IS NULL AND subject.withdrawn_at IS NULL
WHERE (u.subject_id = %(parent)s AND u.kind = ANY(%(kinds)s::text[]))
  OR (u.kind = %(improving)s AND u.subject_id IN (SELECT r.id FROM annotate_message r WHERE r.parent_id = %(parent)s))
ORDER BY j.id LIMIT %(limit)s OFFSET %(offset)s"""

#: As a ballot is read: what was taken away or rejected since is dropped, and what is left keeps its order.
_PLACES = """
SELECT r.judgment_id, r.message_id, r.tier, r.acceptable
FROM annotate_rankedcandidate r JOIN annotate_message m ON m.id = r.message_id
WHERE r.judgment_id = ANY(%(judgments)s::bigint[]) AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND m.review_state <> 'rejected'
ORDER BY r.judgment_id, r.tier, r.message_id"""

_SURENESS = """
SELECT m.id, c.result::text AS result, c.n, c.computed_at FROM annotate_message m JOIN annotate_consensus c ON c.id = m.current_consensus_id
WHERE m.id = ANY(%(parents)s::bigint[])"""


def list_in_order(
    *, campaign_id: int, limit: int, offset: int = 0, language: str | None = None, order: str = "unsure"
) -> list[Message]:
    """Parents of a campaign that have a consensus, in one of `ORDERS`.

    No index puts the parents of a campaign in such an order: ids alone are sorted, and few rows are read whole.
    """
    by = (ORDERS[order], "pk")
    some = list_consensus(campaign_id=campaign_id, language=language).order_by(*by).values("pk")
    return list(list_consensus(campaign_id=campaign_id).filter(pk__in=some[offset : offset + limit]).order_by(*by))


def find_consensus(*, campaign_id: int, parent_id: int) -> Message | None:
    """One parent with its consensus; None where it has none."""
    return list_consensus(campaign_id=campaign_id, parent_id=parent_id).first()


def list_ballots(*, parent_id: int, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """The ballots behind a parent's consensus as they came in, each with whose it is and its tiers of candidates.

    For organizers and moderators alone. Two statements. `acceptable` of a tier: None where no bar was given.
    """
    params = {
        "parent": parent_id,
        "kinds": [kind.value for kind in ORDERING_KINDS],
        "improving": Kind.IMPROVE_REPLY.value,
        "limit": limit,
        "offset": offset,
    }
    ballots = fetch_all(_BALLOTS, params)
    places = fetch_all(_PLACES, {"judgments": [ballot["id"] for ballot in ballots]}) if ballots else []
    tiers: dict[int, list[Row]] = {}
    for (judgment, _tier), members in groupby(places, key=lambda place: (place["judgment_id"], place["tier"])):
        group = list(members)
        tiers.setdefault(judgment, []).append(
            {
                "candidates": [place["message_id"] for place in group],
                "acceptable": group[0]["acceptable"],
                "tier": group[0]["tier"],
            }
        )
    return [{**ballot, "tiers": tiers.get(ballot["id"], [])} for ballot in ballots]


def find_sureness(*, parent_ids: Sequence[int]) -> dict[int, Row]:
    """The consensus of each of these parents that has one: `result`, `n`, `computed_at`."""
    if not parent_ids:
        return {}
    rows = fetch_all(_SURENESS, {"parents": list(parent_ids)})
    return {row["id"]: {**row, "result": json.loads(row["result"])} for row in rows}
