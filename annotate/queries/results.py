"""What was computed of a campaign, as its API and pages show it. Origins are for organizers and moderators alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.models import AgreementReport, Leaderboard, Message
from annotate.queries.origins import load_origins
from annotate.queries.rows import fetch_one

#: Whoever judges sees an agreement from this many units on: of fewer it would tell what others thought of them.
FEWEST_UNITS = 10

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


def list_agreement(*, campaign_id: int, is_insider: bool) -> list[dict[str, Any]]:
    """Every agreement figure: by kind, language (None: all), dimension and coefficient.

    For anybody but organizers and moderators a figure of few units has no value, and says so.
    """
    reports = AgreementReport.objects.filter(campaign_id=campaign_id).order_by(
        "kind", F("language").asc(nulls_first=True), F("dimension").asc(nulls_first=True), "coefficient"
    )
    return [_present_report(report, is_insider=is_insider) for report in reports]


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
    fields = ["pk", "external_id", *(["text"] if with_texts else [])]
    candidates = {message.pk: message for message in Message.objects.filter(pk__in=ids).only(*fields)}
    return [_present_parent(parent, candidates, origins, with_texts=with_texts) for parent in parents]


def get_leaderboard(*, campaign_id: int) -> dict[str, Any]:
    """The generators of a campaign compared, and which are one model under different names. `p_above[i][j]`: P(entry i is stronger than entry j)."""
    board = Leaderboard.objects.filter(campaign_id=campaign_id).first()
    if board is None:
        return {
            "computed_at": None, "entries": [], "not_compared": [], "p_above": [], "components": 0, "n_ballots": 0,
            "n_annotators": 0, "n_parents": 0, "nu": None, "resamples": 0, "seed": None, "method": None,
            "method_version": None, "reason": _("nothing was computed yet"), "models": [],
        }  # fmt: skip
    result = {"models": [], **board.result}
    return {"computed_at": board.computed_at, "entries": result.pop("standings"), **result}


def _present_report(report: AgreementReport, *, is_insider: bool) -> dict[str, Any]:
    shown = {
        "kind": report.kind,
        "language": report.language,
        "dimension": report.dimension,
        "coefficient": report.coefficient,
        **{name: value for name, value in report.result.items() if name != "coefficient"},
        "computed_at": report.computed_at,
    }
    if not is_insider and report.result["n_units"] < FEWEST_UNITS:
        shown |= {"value": None, "low": None, "high": None, "reason": _say_too_few()}
    return shown


def _say_too_few() -> str:
    return ngettext(
        "fewer than %(count)s unit was judged by several people; shown from %(count)s on",
        "fewer than %(count)s units were judged by several people; shown from %(count)s on",
        FEWEST_UNITS,
    ) % {"count": FEWEST_UNITS}


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
            "p_acceptable": "p_acceptable", "placements": "placements",
        }  # fmt: skip
        shown: dict[str, Any] = {
            "id": candidate,
            "external_id": None if known is None else known.external_id,
            "origins": list(origins.get(candidate, ())),
            "acceptable": is_acceptable,
            **{
                name: None if at is None or result[column] is None else result[column][at]
                for name, column in figures.items()
            },
        }
        return shown | ({"text": None if known is None else known.text} if with_texts else {})

    bar = result["acceptable_tiers"]
    return {
        "parent": parent.pk,
        "external_id": parent.external_id or parent.tree.external_id,
        "language": parent.tree.language,
        "topic": parent.tree.topic,
        **({"text": parent.text} if with_texts else {}),
        "tiers": [
            [present(candidate, is_acceptable=None if bar is None else index < bar) for candidate in tier]
            for index, tier in enumerate(result["tiers"])
        ],
        "acceptable_tiers": bar,
        "unplaced": [present(candidate, is_acceptable=None) for candidate in result["unplaced"]],
        **{
            name: result[name]
            for name in ("bar_score", "confidence", "connected", "n_ballots", "n_annotators", "method", "method_version",
                         "seed", "input_hash")
        },
        "uncertainty": None if consensus is None else consensus.uncertainty,
        "computed_at": None if consensus is None else consensus.computed_at,
    }  # fmt: skip
