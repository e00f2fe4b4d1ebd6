"""What was said of a gold item, compared with its answer in the transaction that stores it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from annotate.models import GoldItem, GoldResult
from annotate.queries.gold import describe_told
from annotate.queries.presentation import HANDLES, find_dimensions
from annotate.queries.rows import Row
from annotate.services.answers import ReadAnswer
from tasks.records.parameters import CampaignSettings
from tasks.scheduling.gold import score_labels, score_order
from tasks.vocabulary import Answer


def store_gold_result(
    *, row: Row, answer: ReadAnswer, judgment_id: int, settings: CampaignSettings, now: datetime
) -> dict[str, Any] | None:
    """Keep how an answer compares; returns what is explained at once, None where nothing is.

    It is explained where the campaign trains, and where the item was retired meanwhile. Of ordinary work nothing is read.
    """
    if not row["is_gold"]:
        return None
    item = GoldItem.objects.get(pk=row["unit"])
    shown = {message: HANDLES[place] for place, message in sorted(row["shown"])}
    score = _compare(item.answer, row=row, answer=answer, shown=shown)
    if score is None:
        return None
    score = min(score, *_list_earlier(row))
    is_told = settings.explain_gold or item.retired_at is not None
    GoldResult.objects.create(judgment_id=judgment_id, item=item, score=score, told_at=now if is_told else None)
    if not is_told:
        return None
    return describe_told(answer=item.answer, explanation=item.explanation, score=score, handles=shown)


def _list_earlier(row: Row) -> list[float]:
    """What this person's answers that they undid said: once it was sent, they could read how others put it, and say the same.

    1 stands among them, so that there is something.
    """
    undone = GoldResult.objects.filter(item_id=row["unit"], judgment__assignment_id=row["assignment"])
    return [1.0, *undone.values_list("score", flat=True)]


def _compare(known: Mapping[str, Any], *, row: Row, answer: ReadAnswer, shown: Mapping[int, str]) -> float | None:
    if "labels" not in known:
        return score_order(
            answer=known["tiers"],
            answer_bar=known["acceptable_tiers"],
            given=answer.tiers,
            given_bar=answer.acceptable_tiers,
            shown=list(shown),
        )
    dimensions = find_dimensions(schema_id=row["label_schema_id"], role=row["role"])
    names = {dimension.pk: dimension.name for dimension in dimensions}
    given = {names[label.dimension_id]: label.value for label in answer.labels if label.answer is not Answer.SKIPPED}
    return score_labels(answer=known["labels"], given=given)
