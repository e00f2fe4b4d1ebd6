"""Why there is nothing for somebody, and what is nearest. Bounded look-ups only; never a scan of a campaign."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.queries.eligibility import Clause
from annotate.queries.presentation import format_time
from annotate.queries.rows import Row, fetch_all, fetch_one, fetch_row
from tasks.vocabulary import STARTING_KINDS, WhyNone

# Each look is one descent of an index, said so that the planner cannot make a join of it: believing that every queue has
# units, it would read all the units of a campaign to find that one queue has none.
_HAS_VACANT = """(SELECT u.id FROM annotate_unit u WHERE u.queue_id = {queue} AND u.is_vacant
    ORDER BY u.band DESC, u.tie LIMIT 1) IS NOT NULL"""
_HAS_OPEN = """(SELECT u.queue_id FROM annotate_unit u WHERE u.queue_id >= {queue} AND u.is_open
    ORDER BY u.queue_id LIMIT 1) IS NOT DISTINCT FROM {queue}"""

LOOK = f"""
WITH mine AS MATERIALIZED (
  SELECT q.id FROM annotate_queue q
  WHERE q.campaign_id = %(campaign)s AND q.kind = ANY(%(kinds)s) AND q.language = ANY(%(languages)s)
    AND NOT q.is_gold)
SELECT
  (SELECT COALESCE((c.parameters->>'grow_trees')::boolean, false) FROM annotate_campaign c WHERE c.id = %(campaign)s) AS grows,
  EXISTS (SELECT 1 FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold
    AND {_HAS_OPEN.format(queue="q.id")}) AS any_open,
  EXISTS (SELECT 1 FROM mine WHERE {_HAS_OPEN.format(queue="mine.id")}) AS mine_open,
  EXISTS (SELECT 1 FROM mine WHERE {_HAS_VACANT.format(queue="mine.id")}) AS mine_vacant,
  (SELECT s.lease_expires_at FROM annotate_assignment s JOIN annotate_unit u ON u.id = s.unit_id JOIN mine ON mine.id = u.queue_id
     WHERE s.state = 'live' AND s.annotator_id <> %(me)s AND u.is_open
       AND NOT EXISTS (SELECT 1 FROM annotate_assignment p WHERE p.annotator_id = %(me)s AND p.unit_id = u.id
                         AND p.state NOT IN ('expired', 'released'))
       AND NOT EXISTS (SELECT 1 FROM annotate_exclusion e WHERE e.annotator_id = %(me)s AND e.unit_id = u.id)
     ORDER BY s.lease_expires_at LIMIT 1) AS next_lease_end"""

NEAREST = f"""
SELECT c.slug, q.kind, q.language FROM annotate_queue q JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE c.state = 'open' AND q.kind = ANY(c.kinds) AND q.language = ANY(c.languages) AND NOT q.is_gold
  AND NOT (c.id = %(campaign)s AND q.kind = ANY(%(kinds)s) AND q.language = ANY(%(languages)s))
  AND (c.allow_guests OR %(user)s::bigint IS NOT NULL)
  AND {_HAS_VACANT.format(queue="q.id")}
ORDER BY (c.id = %(campaign)s) DESC, (q.language = ANY(%(languages)s)) DESC, c.id, q.id LIMIT 3"""

#: What a campaign needs instead of prompts, and how many pieces of it, counted up to a bound.
MOST_COUNTED = 100
NEEDED = f"""
SELECT c.slug, q.kind, q.language, (SELECT count(*) FROM (
  SELECT 1 FROM annotate_unit u WHERE u.queue_id = q.id AND u.is_vacant ORDER BY u.band DESC, u.tie LIMIT {MOST_COUNTED}) AS n) AS open
FROM annotate_queue q JOIN annotate_campaign c ON c.id = q.campaign_id
WHERE q.campaign_id = %(campaign)s AND q.kind = ANY(c.kinds) AND NOT q.kind = ANY(%(kinds)s) AND q.language = ANY(%(languages)s)
  AND NOT q.is_gold
  AND {_HAS_VACANT.format(queue="q.id")}
ORDER BY open DESC, q.id LIMIT 3"""

OLDEST_IN_WINDOW = """
SELECT min(j.created_at) AS moment FROM annotate_judgment j
WHERE j.annotator_id = %(me)s AND j.is_current AND j.created_at > %(now)s - interval '24 hours'
  AND (SELECT q.campaign_id FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id WHERE u.id = j.unit_id)
    = %(campaign)s"""

SENTENCES = {
    WhyNone.BUSY: gettext_lazy("Others are taking the last pieces of work at this moment. Ask again in a second."),
    WhyNone.EMPTY: gettext_lazy(
        "This campaign has no work yet. Its organizers have to bring in prompts or candidates first."
    ),
    WhyNone.DONE: gettext_lazy("Everything in your languages has as many judgments as it needs. Thank you."),
    WhyNone.SEEN_ALL: gettext_lazy(
        "You have seen everything here that still needs judgments. What is left needs other people."
    ),
    WhyNone.NONE_IN_YOUR_LANGUAGES: gettext_lazy("There is no work in your languages now."),
    WhyNone.NO_SUCH_KIND: gettext_lazy("This campaign does not ask for that kind of work."),
    WhyNone.PROMPTS_NOT_NEEDED: gettext_lazy(
        "No new prompts are needed in your languages now: those that are here wait for replies and reviews first."
    ),
    WhyNone.NO_LANGUAGE: gettext_lazy("None of your work languages is a language of this campaign (%(languages)s)."),
}
#: Said instead of `empty` where organizers need not bring anything in.
GROWING = gettext_lazy("Nothing waits at this moment. Work comes as trees need it.")


@dataclass(frozen=True, slots=True)
class NoneReason:
    """Why nothing is offered: a code, a sentence, when to ask again, and what is nearest.

    `open` of what is nearest: how many pieces wait there, where that was counted; `MOST_COUNTED` stands for more.
    """

    code: str
    message: str | Promise
    retry_at: datetime | None = None
    retry_after_seconds: int = 60
    nearest: list[dict[str, Any]] = field(default_factory=list)

    def as_answer(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": str(self.message),
            "retry_at": format_time(self.retry_at),
            "retry_after_seconds": self.retry_after_seconds,
            "nearest": self.nearest,
        }


def explain_nothing(
    *, row: Row, clause: Clause | None, kinds: list[str], languages: list[str], now: datetime, busy: bool = False
) -> NoneReason:
    """Why this person is offered nothing in this campaign. `row` has the columns of the claim's context."""
    params = {
        "me": row["me"],
        "user": row["user_id"],
        "campaign": row["campaign"],
        "kinds": kinds,
        "languages": languages,
        "now": now,
    }
    if clause is not None and clause.why_none is not None:
        retry_at = _cap_ends(params) if clause.name == "capped" else None
        nearest = _find_nearest(params) if clause.why_none in (WhyNone.CAMPAIGN_NOT_OPEN, WhyNone.CAPPED) else []
        code = clause.name if clause.name in ("guests_not_allowed", "too_many_holds") else str(clause.why_none)
        return NoneReason(code, clause.refusal, retry_at, _seconds_until(retry_at, now, default=300), nearest)
    if busy:
        return NoneReason(WhyNone.BUSY, SENTENCES[WhyNone.BUSY], None, 1)
    if not kinds:
        return NoneReason(WhyNone.NO_SUCH_KIND, SENTENCES[WhyNone.NO_SUCH_KIND], None, 3600, _find_nearest(params))
    if not languages:
        sentence = str(SENTENCES[WhyNone.NO_LANGUAGE]) % {"languages": ", ".join(row["languages"])}
        return NoneReason(WhyNone.NO_LANGUAGE, sentence, None, 3600, _find_nearest(params))
    return _explain_queues(params=params, now=now)


def _explain_queues(*, params: Row, now: datetime) -> NoneReason:
    look = fetch_row(LOOK, params)
    if not look["mine_open"] and set(params["kinds"]) <= set(STARTING_KINDS):
        nearest = _find_needed(params) or _find_nearest(params)
        code = WhyNone.PROMPTS_NOT_NEEDED
        return NoneReason(code, SENTENCES[code], None, 600, nearest)
    nearest = _find_nearest(params)
    if not look["any_open"]:
        nothing = GROWING if look["grows"] else SENTENCES[WhyNone.EMPTY]
        return NoneReason(WhyNone.EMPTY, nothing, None, 300, nearest)
    if look["next_lease_end"] is not None:
        end = look["next_lease_end"]
        sentence = _(
            "All that is left for you is held by others until %(time)s UTC at the latest; what they leave comes back then."
        ) % {"time": f"{end:%H:%M}"}
        return NoneReason(WhyNone.ALL_HELD, sentence, end, _seconds_until(end, now, default=1), nearest)
    if look["mine_vacant"]:
        return NoneReason(WhyNone.SEEN_ALL, SENTENCES[WhyNone.SEEN_ALL], None, 600, nearest)
    if look["mine_open"]:
        return NoneReason(WhyNone.DONE, SENTENCES[WhyNone.DONE], None, 600, nearest)
    return NoneReason(WhyNone.NONE_IN_YOUR_LANGUAGES, SENTENCES[WhyNone.NONE_IN_YOUR_LANGUAGES], None, 600, nearest)


def _find_nearest(params: Row) -> list[dict[str, Any]]:
    keys = ("campaign", "kinds", "languages", "user")
    rows = fetch_all(NEAREST, {key: params[key] for key in keys})
    return [{"campaign": row["slug"], "kind": row["kind"], "language": row["language"]} for row in rows]


def _find_needed(params: Row) -> list[dict[str, Any]]:
    rows = fetch_all(NEEDED, {key: params[key] for key in ("campaign", "kinds", "languages")})
    return [
        {"campaign": row["slug"], "kind": row["kind"], "language": row["language"], "open": row["open"]} for row in rows
    ]


def _cap_ends(params: Row) -> datetime | None:
    row = fetch_one(OLDEST_IN_WINDOW, params)
    return None if row is None or row["moment"] is None else row["moment"] + timedelta(hours=24)


def _seconds_until(moment: datetime | None, now: datetime, *, default: int) -> int:
    return default if moment is None else max(1, int((moment - now).total_seconds()) + 1)
