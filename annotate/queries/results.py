"""What was computed of a campaign, as its API and pages show it. Origins are for organizers and moderators alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from annotate.models import Message
from annotate.queries.origins import load_origins
from annotate.queries.rows import fetch_one

_IS_CURRENT = """
SELECT NOT EXISTS (
  SELECT 1 FROM annotate_stale s WHERE s.kind = 'campaign' AND s.subject_id = %(campaign)s AND s.marked > s.computed)
AND NOT EXISTS (
  SELECT 1 FROM annotate_stale s JOIN annotate_message m ON m.id = s.subject_id
  JOIN annotate_messagetree t ON t.id = m.tree_id
  WHERE s.kind = 'parent' AND s.marked > s.computed AND t.campaign_id = %(campaign)s) AS is_current"""


def is_current(*, campaign_id: int) -> bool:
    """Whether everything that was judged in this campaign has been computed."""
    row = fetch_one(_IS_CURRENT, {"campaign": campaign_id})
    return row is not None and bool(row["is_current"])


def list_consensus(*, campaign_id: int, language: str | None = None, parent_id: int | None = None) -> QuerySet[Message]:
    """The parents that have a consensus, each with it; ordering and limit are the caller's."""
    parents = Message.objects.filter(tree__campaign_id=campaign_id, current_consensus__isnull=False)
    if language is not None:
        parents = parents.filter(tree__language=language)
    if parent_id is not None:
        parents = parents.filter(pk=parent_id)
    return parents.select_related("current_consensus", "tree")


def describe_consensus(parents: Sequence[Message], *, with_texts: bool) -> list[dict[str, Any]]:
    """These parents with their tiers of candidates and all that is known of them; two more queries."""
    ids = {candidate for parent in parents for candidate in _list_candidates(_result(parent))}
    origins = load_origins(message_ids=ids)
    fields = ["pk", "external_id", *(["text", "removed_at", "withdrawn_at", "language"] if with_texts else [])]
    candidates = {message.pk: message for message in Message.objects.filter(pk__in=ids).only(*fields)}
    return [_present_parent(parent, candidates, origins, with_texts=with_texts) for parent in parents]


def _stands(message: Message) -> str | None:
    """Its text, unless it was taken away since."""
    return None if message.removed_at or message.withdrawn_at else message.text


def _result(parent: Message) -> Mapping[str, Any]:
    consensus = parent.current_consensus
    assert consensus is not None, "only parents with a consensus are listed"
    result: Mapping[str, Any] = consensus.result
    return result


def _list_candidates(result: Mapping[str, Any]) -> list[int]:
    return [*result["candidates"], *result["unplaced"]]


def _present_parent(
    parent: Message, candidates: Mapping[int, Message], origins: Mapping[int, tuple[str, ...]], *, with_texts: bool
) -> dict[str, Any]:
    result, consensus = _result(parent), parent.current_consensus
    place = {candidate: index for index, candidate in enumerate(result["candidates"])}

    def present(candidate: int, *, is_acceptable: bool | None) -> dict[str, Any]:
        known, at = candidates.get(candidate), place.get(candidate)
        figures = {
            "rank": "ranks", "score": "scores", "standard_error": "standard_errors", "p_best": "p_best",
            "p_acceptable": "p_acceptable", "placements": "placements", "borda": "borda",
        }  # fmt: skip
        shown: dict[str, Any] = {
            "id": candidate,
            "external_id": None if known is None else known.external_id,
            "origins": list(origins.get(candidate, ())),
            "acceptable": is_acceptable,
            **{
                name: None if at is None or result.get(column) is None else result[column][at]
                for name, column in figures.items()
            },
        }
        return shown | ({"text": None if known is None else _stands(known)} if with_texts else {})

    bar = result["acceptable_tiers"]
    return {
        "parent": parent.pk,
        "external_id": parent.external_id or parent.tree.external_id,
        "language": parent.tree.language,
        "topic": parent.tree.topic,
        **({"text": _stands(parent)} if with_texts else {}),
        "tiers": [
            [present(candidate, is_acceptable=None if bar is None else index < bar) for candidate in tier]
            for index, tier in enumerate(result["tiers"])
        ],
        "acceptable_tiers": bar,
        "unplaced": [present(candidate, is_acceptable=None) for candidate in result["unplaced"]],
        # Stored before there were these: they are there as soon as the prompt is computed again.
        "ranked_pairs": result.get("ranked_pairs"),
        "gain": result.get("gain"),
        "reliability_version": 0 if consensus is None else consensus.reliability_version,
        **{
            name: result[name]
            for name in ("bar_score", "confidence", "connected", "n_ballots", "n_annotators", "method", "method_version",
                         "seed", "input_hash")
        },
        "uncertainty": None if consensus is None else consensus.uncertainty,
        "computed_at": None if consensus is None else consensus.computed_at,
    }  # fmt: skip
