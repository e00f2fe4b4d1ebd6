"""How many rankings each order took, and the rankings themselves in the order in which they came. Nothing here writes.

Gold items are not among them: they have no end of need.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.models import Campaign, Saving
from annotate.queries.judgments import UNITS_AT_ONCE, load_rankings
from annotate.queries.rows import Row, fetch_all, fetch_row
from tasks.records.ballots import Ballot
from tasks.records.parameters import find_problems, read_settings
from tasks.records.redundancy import Trace
from tasks.records.scheduling import Redundancy
from tasks.scheduling.redundancy import Certainty, read_redundancy
from tasks.vocabulary import ORDERING_KINDS

#: Parameters that make a rule, as far as the past can tell.
RULE_NAMES = ("stop_confidence", "stop_best", "least_gain", "min_judgments", "max_judgments")
#: Parents whose past is told ranking by ranking.
MOST_PARENTS = 2000

_QUEUES = """ARRAY(SELECT q.id FROM annotate_queue q
  WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold AND q.kind = ANY(%(ordering)s::text[]))"""

_RANKED = f"""
SELECT u.id FROM annotate_unit u WHERE u.queue_id = ANY({_QUEUES}) AND u.done + u.surplus > 0 ORDER BY u.id"""

_UNITS = """
SELECT u.subject_id AS parent, u.done, u.surplus, u.done >= u.needed AS is_decided, c.uncertainty,
  (SELECT max(p::float8) FROM jsonb_array_elements_text(c.result->'p_best') p) AS p_best,
  (c.result->>'gain')::float8 AS gain
FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id
LEFT JOIN annotate_consensus c ON c.id = m.current_consensus_id
WHERE u.id = ANY(%(units)s::bigint[]) ORDER BY u.id"""

#: Drawn by a hash of the parent, so that the same ones are looked at again: what changes are their rankings alone.
_SAMPLE = f"""
SELECT u.subject_id AS parent, array_agg(u.id ORDER BY u.id) AS units
FROM annotate_unit u WHERE u.queue_id = ANY({_QUEUES}) AND u.done + u.surplus > 0
GROUP BY u.subject_id ORDER BY hashint8extended(u.subject_id, 1), u.subject_id LIMIT %(most)s"""

_SECONDS = f"""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY j.active_seconds) AS median, count(j.active_seconds) AS timed
FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id
WHERE u.queue_id = ANY({_QUEUES}) AND j.is_current AND j.withdrawn_at IS NULL"""

#: What was measured is old when an agreement of the campaign was computed since, or its parameters are others by now.
_IS_OLD = """
SELECT s.campaign_id IS NULL OR s.computed_at <= l.computed_at OR s.result->'rule' IS DISTINCT FROM %(rule)s::jsonb AS is_old
FROM annotate_leaderboard l LEFT JOIN annotate_saving s ON s.campaign_id = l.campaign_id
WHERE l.campaign_id = %(campaign)s"""


@dataclass(frozen=True, slots=True)
class RankedUnit:
    """An order that was asked for: rankings that stand, and those that count towards what it needs; whether it has these."""

    parent: int
    given: int
    done: int
    is_decided: bool
    certainty: Certainty


def load_rule(*, campaign_id: int) -> Redundancy:
    """When units of this campaign stop asking."""
    return read_redundancy(read_settings(Campaign.objects.values_list("parameters", flat=True).get(pk=campaign_id)))


def read_tried_rule(values: Mapping[str, Any]) -> Redundancy:
    """A rule to try on the past; what is not named among `RULE_NAMES` is as by default. Raises `InvalidInput`.

    Without any rule of certainty every order gets `max_judgments`.
    """
    if problems := find_problems(values):
        raise InvalidInput(
            _("This rule cannot be tried. See what is wrong with it; nothing was changed."),
            details={name: [problem] for name, problem in problems.items()},
        )
    settings = read_settings({"redundancy": 1, **values})
    least = settings.min_judgments if settings.stops_by_certainty else settings.max_judgments
    return replace(read_redundancy(settings), base=least, minimum=least, maximum=settings.max_judgments)


def is_saving_old(*, campaign_id: int, rule: str) -> bool:
    """Whether something was ranked, or the rule changed (as JSON), since the saving was measured; False while nothing was."""
    rows = fetch_all(_IS_OLD, {"campaign": campaign_id, "rule": rule})
    return bool(rows and rows[0]["is_old"])


def iterate_ranked_units(*, campaign_id: int) -> Iterator[RankedUnit]:
    """Every order of a campaign with a ranking; a statement for each two thousand."""
    units = iter([row["id"] for row in fetch_all(_RANKED, _name(campaign_id))])
    while batch := list(islice(units, UNITS_AT_ONCE)):
        for row in fetch_all(_UNITS, {"units": batch}):
            yield RankedUnit(
                parent=row["parent"],
                given=row["done"] + row["surplus"],
                done=row["done"],
                is_decided=row["is_decided"],
                certainty=Certainty(
                    None if row["uncertainty"] is None else round(1 - row["uncertainty"], 6), row["p_best"], row["gain"]
                ),
            )


def load_streams(*, campaign_id: int) -> dict[int, list[Ballot]]:
    """The rankings of up to `MOST_PARENTS` parents, drawn by lot, each in the order in which they came in."""
    sample = fetch_all(_SAMPLE, {**_name(campaign_id), "most": MOST_PARENTS})
    streams: dict[int, list[Ballot]] = {row["parent"]: [] for row in sample}
    units = iter([unit for row in sample for unit in row["units"]])
    while batch := list(islice(units, UNITS_AT_ONCE)):
        for ballot in load_rankings(unit_ids=batch):
            streams[ballot.parent].append(ballot)
    return streams


def measure_seconds(*, campaign_id: int) -> tuple[float | None, int]:
    """The median of the seconds that people were at a ranking, and of how many that is known; None of none."""
    row = fetch_row(_SECONDS, _name(campaign_id))
    return row["median"], row["timed"]


def get_saving(*, campaign_id: int) -> Saving | None:
    """What was last measured, without what was known after each ranking."""
    return Saving.objects.filter(campaign_id=campaign_id).defer("traces").first()


def load_traces(*, campaign_id: int) -> list[Trace]:
    """What was known after each ranking of the parents that were drawn; empty while nothing was measured."""
    rows: Sequence[Sequence[Any]] | None = (
        Saving.objects.filter(campaign_id=campaign_id).values_list("traces", flat=True).first()
    )
    return [Trace.from_row(row) for row in rows or ()]


def _name(campaign_id: int) -> Row:
    return {"campaign": campaign_id, "ordering": [kind.value for kind in ORDERING_KINDS]}
