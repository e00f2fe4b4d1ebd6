"""Agreement of a campaign as it was computed: figures in all their parts, and who and what agrees least."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F, OrderBy, QuerySet
from django.utils.translation import ngettext

from annotate.models import AgreementDetail, AgreementReport
from annotate.queries.reading import start_of
from annotate.queries.rows import Row, fetch_all

#: Whoever judges sees an agreement from this many units on: of fewer it would tell what others thought of them.
FEWEST_UNITS = 10
#: Characters of a text in a list.
START_CHARS = 140

#: Parts in which a figure is told, and which rows are of that part.
PARTS: Mapping[str, Mapping[str, bool]] = {
    "language": {"stratum__isnull": True, "month__isnull": True},
    "stratum": {"stratum__isnull": False},
    "month": {"month__isnull": False},
}

_PEOPLE = """
SELECT a.id, u.display_name, a.user_id IS NULL AND a.device_hash IS NOT NULL AS is_guest
FROM annotate_annotator a LEFT JOIN annotate_user u ON u.id = a.user_id WHERE a.id = ANY(%(people)s::bigint[])"""

_MESSAGES = """
SELECT m.id, left(m.text, 1200) AS text, m.language, m.role, m.tree_id, m.current_consensus_id IS NOT NULL AS has_consensus
FROM annotate_message m
WHERE m.id = ANY(%(messages)s::bigint[]) AND m.removed_at IS NULL AND m.withdrawn_at IS NULL"""


def list_agreement(
    *,
    campaign_id: int,
    is_insider: bool,
    part: str = "language",
    kind: str | None = None,
    language: str | None = None,
) -> list[dict[str, Any]]:
    """Every figure of a part: by kind, language (None: all), topic or month, dimension and coefficient.

    For anybody but organizers and moderators a figure of few units has no value, and says so.
    """
    reports: QuerySet[AgreementReport] = AgreementReport.objects.filter(campaign_id=campaign_id, **PARTS[part])
    if kind is not None:
        reports = reports.filter(kind=kind)
    if language is not None:
        reports = reports.filter(language=language)
    order: list[str | OrderBy] = ["month", F("dimension").asc(nulls_first=True), "coefficient"]
    if part == "stratum":
        reports = reports.select_related("stratum")
        order.insert(0, "stratum__topic")
    reports = reports.order_by("kind", F("language").asc(nulls_first=True), *order)
    return [_present_report(report, is_insider=is_insider) for report in reports]


def list_measured_kinds(*, campaign_id: int) -> list[str]:
    """The kinds of work of which there is a figure."""
    reports = AgreementReport.objects.filter(campaign_id=campaign_id, **PARTS["language"])
    return sorted(reports.values_list("kind", flat=True).distinct())


def describe_least(*, campaign_id: int) -> dict[str, Any]:
    """Pairs of people, parents and labelled messages that agree least, with names and texts: three queries at most.

    For organizers and moderators alone. What was taken away since is left out.
    """
    detail = AgreementDetail.objects.filter(campaign_id=campaign_id).first()
    lists: dict[str, list[Row]] = {"ranking_pairs": [], "parents": [], "label_pairs": [], "subjects": []}
    if detail is None:
        return {"computed_at": None, **lists}
    lists |= detail.result
    pairs = lists["ranking_pairs"] + lists["label_pairs"]
    people = _find_people({int(pair[side]) for pair in pairs for side in ("one", "other")})
    items = [*(row["parent"] for row in lists["parents"]), *(row["subject"] for row in lists["subjects"])]
    messages = _find_messages(set(items))
    return {
        "computed_at": detail.computed_at,
        "ranking_pairs": [_name_pair(pair, people) for pair in lists["ranking_pairs"]],
        "label_pairs": [_name_pair(pair, people) for pair in lists["label_pairs"]],
        "parents": [{**row, **messages[row["parent"]]} for row in lists["parents"] if row["parent"] in messages],
        "subjects": [{**row, **messages[row["subject"]]} for row in lists["subjects"] if row["subject"] in messages],
    }


def find_computed_at(reports: list[dict[str, Any]]) -> datetime | None:
    """When the newest of these was computed."""
    return max((report["computed_at"] for report in reports), default=None)


def _find_people(ids: set[int]) -> dict[int, Row]:
    if not ids:
        return {}
    return {row["id"]: row for row in fetch_all(_PEOPLE, {"people": sorted(ids)})}


def _find_messages(ids: set[int]) -> dict[int, Row]:
    if not ids:
        return {}
    rows = fetch_all(_MESSAGES, {"messages": sorted(ids)})
    return {row.pop("id"): {**row, "text": start_of(row["text"], length=START_CHARS)} for row in rows}


def _name_pair(pair: Row, people: Mapping[int, Row]) -> Row:
    """`one` and `other` as people: id, display name (None where none was given), and whether it is a guest."""
    sides = {side: people.get(int(pair[side])) for side in ("one", "other")}
    named = {
        side: {
            "annotator": int(pair[side]),
            "display_name": (found or {}).get("display_name") or None,
            "is_guest": bool(found and found["is_guest"]),
        }
        for side, found in sides.items()
    }
    return {**pair, **named}


def _present_report(report: AgreementReport, *, is_insider: bool) -> dict[str, Any]:
    shown = {
        "kind": report.kind,
        "language": report.language,
        "topic": None if report.stratum_id is None or report.stratum is None else report.stratum.topic,
        "month": report.month,
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
