"""What a page of work says around the work itself: its campaign, its guideline, and how the hold stands. Never writes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from annotate.models import Guideline, Judgment
from annotate.queries.eligibility import Clause, Level, Moment, find_refusal, render_columns
from annotate.queries.presentation import present, render_shown
from annotate.queries.rebuild import rebuild_answer
from annotate.queries.rows import Row, fetch_all, fetch_one, fetch_row
from tasks.records.parameters import CampaignSettings, parse_settings

_SURROUNDINGS = """s.guideline_id, c.title, c.state AS campaign_state, c.parameters::text AS parameters, c.languages"""

FRAME = f"""
SELECT s.state, s.reason_code, d.reason_args::text AS reason_args, c.slug AS campaign, {_SURROUNDINGS}
FROM annotate_assignment s
JOIN annotate_unit u ON u.id = s.unit_id JOIN annotate_unitdetail d ON d.unit_id = u.id
JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE s.id = %(assignment)s AND s.annotator_id = %(me)s"""

#: Of a judgment `j`: it was of a gold item, and its answer was explained.
_IS_TOLD = """EXISTS (SELECT 1 FROM annotate_goldresult gr WHERE gr.judgment_id = j.id AND gr.told_at IS NOT NULL)"""

_STANDING = f"""
  s.skip_reason, s.cannot_tell_reason, u.is_open, u.is_vacant, u.needed, u.done, u.held, j.id AS judgment, j.counted, {_IS_TOLD} AS is_told,
  {render_columns(moment=Moment.SUBMIT, level=Level.PERSON)},
  {render_columns(moment=Moment.SUBMIT, level=Level.HOLD)}"""

#: What a hold shows, what surrounds it and how it stands, in one question.
HOLD = (
    render_shown(
        more=f",\n  {_SURROUNDINGS},{_STANDING}",
        joins="""
JOIN annotate_annotator a ON a.id = s.annotator_id
LEFT JOIN annotate_judgment j ON j.assignment_id = s.id AND j.is_current""",
    )
    + " AND s.annotator_id = %(me)s"
)

#: Whether this person may be offered anything in the campaign of a hold of theirs.
OFFER = f"""
SELECT {render_columns(moment=Moment.OFFER, level=Level.PERSON)}
FROM annotate_assignment s
JOIN annotate_annotator a ON a.id = s.annotator_id JOIN annotate_unit u ON u.id = s.unit_id
JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE s.id = %(assignment)s AND s.annotator_id = %(me)s"""

#: Where somebody judged last, then what else is open to them. The look back is bounded; a site has few open campaigns.
CAMPAIGNS = """
WITH me AS (SELECT id, user_id FROM annotate_annotator WHERE id = %(me)s),
lately AS MATERIALIZED (
  SELECT j.unit_id, j.created_at FROM annotate_judgment j
  WHERE j.annotator_id = %(me)s AND j.is_current ORDER BY j.created_at DESC LIMIT 50),
worked AS MATERIALIZED (
  SELECT q.campaign_id, max(lately.created_at) AS moment FROM lately
  JOIN annotate_unit u ON u.id = lately.unit_id JOIN annotate_queue q ON q.id = u.queue_id GROUP BY q.campaign_id)
SELECT c.slug FROM annotate_campaign c CROSS JOIN me LEFT JOIN worked ON worked.campaign_id = c.id
WHERE c.state = 'open' AND (c.allow_guests OR me.user_id IS NOT NULL)
  AND (NOT EXISTS (SELECT 1 FROM annotate_languageskill k WHERE k.annotator_id = %(me)s)
       OR EXISTS (SELECT 1 FROM annotate_languageskill k WHERE k.annotator_id = %(me)s AND k.language = ANY(c.languages)))
ORDER BY worked.moment DESC NULLS LAST, c.id LIMIT %(most)s"""

JUDGMENT = f"""
SELECT j.id, j.kind, j.counted, j.assignment_id AS assignment, {_IS_TOLD} AS is_told FROM annotate_judgment j
WHERE j.id = %(judgment)s AND j.annotator_id = %(me)s AND j.is_current"""


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds a piece of work."""

    slug: str
    title: str
    campaign_state: str
    languages: Sequence[str]
    settings: CampaignSettings
    state: str
    reason_code: str
    reason_args: Mapping[str, Any]
    guideline: Guideline | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a hold stands: its unit's places, its judgment, and why an answer to it would not be taken (None: it would)."""

    skip_reason: str | None
    cannot_tell_reason: str | None
    is_open: bool
    is_vacant: bool
    needed: int
    done: int
    held: int
    judgment: int | None
    counted: bool | None
    is_told: bool
    submit: Clause | None


#: What a standing has of its row as it is.
STANDING_NAMES = (
    "skip_reason",
    "cannot_tell_reason",
    "is_open",
    "is_vacant",
    "needed",
    "done",
    "held",
    "judgment",
    "counted",
    "is_told",
)


def find_frame(*, annotator_id: int, assignment_id: int) -> Frame | None:
    """What surrounds an assignment of this person; None when it is not theirs."""
    row = fetch_one(FRAME, {"assignment": assignment_id, "me": annotator_id})
    return None if row is None else _make_frame(row)


def find_hold(*, annotator_id: int, assignment_id: int, now: datetime) -> tuple[dict[str, Any], Frame, Standing] | None:
    """An assignment of this person as it was shown, what surrounds it and how it stands; None when it is not theirs.

    One query.
    """
    row = fetch_one(HOLD, {"assignment": assignment_id, "me": annotator_id, "now": now})
    return None if row is None else (present(row), _make_frame(row), _make_standing(row))


def find_offer_refusal(*, annotator_id: int, assignment_id: int, now: datetime, terms: str) -> Clause | None:
    """Why a hold of this person that ended could not be taken up again, if its place were free; None: it could."""
    params = {"assignment": assignment_id, "me": annotator_id, "now": now, "terms": terms, "closing": assignment_id,
              "giving": 0}  # fmt: skip
    return find_refusal(fetch_row(OFFER, params), moment=Moment.OFFER, level=Level.PERSON)


def list_campaigns_for(*, annotator_id: int, most: int) -> list[str]:
    """Slugs of the open campaigns that somebody may work in, at most `most`, those they judged in last first."""
    return [row["slug"] for row in fetch_all(CAMPAIGNS, {"me": annotator_id, "most": most})]


def find_judgment(*, annotator_id: int, judgment_id: int) -> Row | None:
    """`id, kind, counted, assignment, is_told` of a judgment of this person that stands."""
    return fetch_one(JUDGMENT, {"judgment": judgment_id, "me": annotator_id})


@lru_cache(maxsize=256)
def get_guideline(guideline_id: int) -> Guideline:
    """A version of a guideline; it never changes once it exists, so that a process may remember it."""
    return Guideline.objects.get(pk=guideline_id)


def _make_standing(row: Row) -> Standing:
    return Standing(
        **{name: row[name] for name in STANDING_NAMES},
        submit=_find_submit_refusal(row),
    )


def _find_submit_refusal(row: Row) -> Clause | None:
    """As submit asks, but for a judgment of this very assignment: that is told apart."""
    known = {**row, "may_already_judged": row["may_already_judged"] or row["judgment"] is not None}
    person = find_refusal(known, moment=Moment.SUBMIT, level=Level.PERSON)
    return person or find_refusal(known, moment=Moment.SUBMIT, level=Level.HOLD)


def _make_frame(row: Row) -> Frame:
    return Frame(
        slug=row["campaign"],
        title=row["title"],
        campaign_state=row["campaign_state"],
        languages=row["languages"],
        settings=parse_settings(row["parameters"]),
        state=row["state"],
        reason_code=row["reason_code"],
        reason_args=json.loads(row["reason_args"]),
        guideline=None if row["guideline_id"] is None else get_guideline(row["guideline_id"]),
    )


def rebuild_stored(*, judgment_id: int) -> dict[str, Any]:
    """The answer that was stored as this judgment, in the shape in which it was sent."""
    return rebuild_answer(judgment=Judgment.objects.select_related("message").get(pk=judgment_id))
