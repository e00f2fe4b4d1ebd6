"""Gold items: pieces of work whose answer is known. They are counted apart, and read here alone.

A conversation that gold was made of asks for no ordinary work any more, so that nobody meets it twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from annotate.queries.presentation import HANDLES
from annotate.queries.rows import fetch_all, fetch_one, fetch_row
from tasks.records.reliability import GoldBallot

#: Results read by one statement.
RESULTS_AT_ONCE = 5000

#: The conversations of a campaign that gold was made of, retired ones too, as an array: computed once a statement.
GOLD_TREES = """ARRAY(SELECT gm.tree_id FROM annotate_golditem gi JOIN annotate_unit gu ON gu.id = gi.unit_id
  JOIN annotate_message gm ON gm.id = gu.subject_id WHERE gi.campaign_id = %(campaign)s)"""

#: Of a judgment `j`: it stands. A guest who became an account counts as that account.
_STANDS = "j.is_current AND j.withdrawn_at IS NULL"

_JUDGMENTS = f"""
SELECT count(*) AS n FROM annotate_golditem gi JOIN annotate_judgment j ON j.unit_id = gi.unit_id AND {_STANDS}
WHERE gi.campaign_id = %(campaign)s"""

_TOLD = """
SELECT gi.answer::text AS answer, gi.explanation, r.score, ARRAY(
  SELECT ARRAY[ac.position, ac.message_id] FROM annotate_assignmentcandidate ac
  WHERE ac.assignment_id = j.assignment_id AND ac.position >= 0 ORDER BY ac.position) AS shown
FROM annotate_goldresult r JOIN annotate_golditem gi ON gi.unit_id = r.item_id JOIN annotate_judgment j ON j.id = r.judgment_id
WHERE r.judgment_id = %(judgment)s AND r.told_at IS NOT NULL"""

_TITLES = """
SELECT d.name, d.title, d.widget FROM annotate_judgment j JOIN annotate_labeldimension d ON d.schema_id = j.label_schema_id
WHERE j.id = %(judgment)s"""

#: Of a judgment: it was given while nobody was told the answer.
_UNTOLD = "(gi.retired_at IS NULL OR {judgment}.created_at <= gi.retired_at)"

#: The last answer of each person to each item, whether it stands, was undone or withdrawn: whoever takes back what was wrong
#: has said it all the same. Of one that was taken back nothing but this figure is kept.
_RESULTS = f"""
SELECT r.judgment_id AS id, COALESCE(a.merged_into_id, a.id) AS annotator, r.score
FROM annotate_golditem gi JOIN annotate_goldresult r ON r.item_id = gi.unit_id
JOIN annotate_judgment j ON j.id = r.judgment_id AND {_UNTOLD.format(judgment="j")}
JOIN annotate_annotator a ON a.id = j.annotator_id
WHERE gi.campaign_id = %(campaign)s AND r.judgment_id > %(after)s AND NOT EXISTS (
  SELECT 1 FROM annotate_judgment lj JOIN annotate_goldresult lr ON lr.judgment_id = lj.id
  WHERE lj.assignment_id = j.assignment_id AND lj.id > j.id AND {_UNTOLD.format(judgment="lj")})
ORDER BY r.judgment_id LIMIT %(limit)s"""


def count_gold_judgments(*, campaign_id: int) -> int:
    """Judgments of a campaign's gold items that stand."""
    return int(fetch_row(_JUDGMENTS, {"campaign": campaign_id})["n"])


def iterate_gold(*, campaign_id: int) -> Iterator[GoldBallot]:
    """How everybody's last answer to each gold item compares with what is known, in the order in which they came in."""
    after = 0
    params = {"campaign": campaign_id, "limit": RESULTS_AT_ONCE}
    while rows := fetch_all(_RESULTS, {**params, "after": after}):
        after = rows[-1]["id"]
        for row in rows:
            yield GoldBallot(annotator=str(row["annotator"]), score=row["score"])


def find_told(*, judgment_id: int) -> dict[str, Any] | None:
    """What was explained about a judgment; None where it was of no gold item, or nothing is told yet."""
    row = fetch_one(_TOLD, {"judgment": judgment_id})
    if row is None:
        return None
    handles = {message: HANDLES[place] for place, message in row["shown"]}
    return describe_told(
        answer=json.loads(row["answer"]), explanation=row["explanation"], score=row["score"], handles=handles
    )


def list_label_titles(*, judgment_id: int) -> dict[str, tuple[str, str]]:
    """Title and widget of the questions that were asked for a judgment, by name."""
    return {row["name"]: (row["title"], row["widget"]) for row in fetch_all(_TITLES, {"judgment": judgment_id})}


def describe_told(
    *, answer: Mapping[str, Any], explanation: str, score: float, handles: Mapping[int, str]
) -> dict[str, Any]:
    """The known answer in the letters in which this person saw the candidates, why, and how theirs compares.

    Candidates that they were not shown are left out, and tiers without one.
    """
    told: dict[str, Any] = {"tiers": None, "acceptable_tiers": None, "labels": answer.get("labels")}
    if "tiers" in answer:
        tiers = [[handles[message] for message in tier if message in handles] for tier in answer["tiers"]]
        bar = answer["acceptable_tiers"]
        told["tiers"] = [sorted(tier) for tier in tiers if tier]
        told["acceptable_tiers"] = None if bar is None else sum(bool(tier) for tier in tiers[:bar])
    return told | {"explanation": explanation, "score": round(score, 6)}
