"""What waits to be done, as the scheduler and the summaries read it. Nothing here writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from annotate.models import Campaign
from annotate.queries.rows import Row, fetch_all
from tasks.records.parameters import CampaignSettings, read_settings
from tasks.records.scheduling import StratumState, UnitState
from tasks.vocabulary import ORDERING_KINDS, CampaignState, Kind

_STATES = """
SELECT u.id, u.kind, u.band, u.done, u.held, u.needed, d.wanted, d.stratum_id, d.scored_at IS NOT NULL AS is_scored,
  c.uncertainty, q.campaign_id,
  CASE WHEN k.parameters->>'stop_best' IS NOT NULL THEN (
    SELECT max(p::float8) FROM jsonb_array_elements_text(c.result->'p_best') p) END AS p_best,
  CASE WHEN k.parameters->>'least_gain' IS NOT NULL THEN (c.result->>'gain')::float8 END AS gain
FROM annotate_unit u
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_campaign k ON k.id = q.campaign_id
JOIN annotate_unitdetail d ON d.unit_id = u.id
JOIN annotate_message m ON m.id = u.subject_id
LEFT JOIN annotate_consensus c ON c.id = m.current_consensus_id AND u.kind = ANY(%(ordering)s::text[])
WHERE u.id = ANY(%(units)s::bigint[]) AND u.is_open AND NOT q.is_gold
ORDER BY u.id"""

#: Gold items are counted apart, and nothing decides how many judgments they need.
QUEUES_OF = "ARRAY(SELECT q.id FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold)"

_FRONT = f"""
SELECT near.id FROM unnest({QUEUES_OF}) AS queues (id) CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u WHERE u.queue_id = queues.id AND u.is_vacant
  ORDER BY u.band DESC, u.tie LIMIT GREATEST(16, %(limit)s / cardinality({QUEUES_OF}))) near"""

_UNDER = """
SELECT u.id FROM annotate_unit u WHERE u.subject_id = ANY(%(subjects)s::bigint[]) AND u.is_open
  AND u.kind = ANY(%(ordering)s::text[]) ORDER BY u.id"""

#: Judgments that stand in each cell. An empty topic means any: such a cell counts all of its language.
_STRATA = f"""
WITH counts AS (
  SELECT d.stratum_id, sum(u.done) AS done, sum(u.held) AS held
  FROM annotate_unit u JOIN annotate_unitdetail d ON d.unit_id = u.id
  WHERE u.queue_id = ANY({QUEUES_OF}) AND (u.done > 0 OR u.held > 0) GROUP BY d.stratum_id)
SELECT s.id, s.language, s.topic, s.target,
  COALESCE(CASE WHEN s.topic = '' THEN sum(c.done) OVER (PARTITION BY s.language) ELSE c.done END, 0)::bigint AS done,
  COALESCE(CASE WHEN s.topic = '' THEN sum(c.held) OVER (PARTITION BY s.language) ELSE c.held END, 0)::bigint AS held
FROM annotate_stratum s LEFT JOIN counts c ON c.stratum_id = s.id
WHERE s.campaign_id = %(campaign)s ORDER BY s.language, s.topic"""

_QUEUES = """
SELECT q.id, q.kind, q.language,
  count(u.id) AS units,
  count(u.id) FILTER (WHERE u.is_open) AS open,
  count(u.id) FILTER (WHERE u.is_open AND u.done >= u.needed) AS complete,
  COALESCE(sum(CASE WHEN u.is_open THEN u.needed ELSE u.done END), 0)::bigint AS needed,
  COALESCE(sum(u.done), 0)::bigint AS done,
  COALESCE(sum(u.held), 0)::bigint AS held,
  COALESCE(sum(u.surplus), 0)::bigint AS surplus
FROM annotate_queue q LEFT JOIN annotate_unit u ON u.queue_id = q.id
WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold GROUP BY q.id ORDER BY q.kind, q.language, q.id"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A stratum with what stands in it; for an empty topic that of the whole language."""

    id: int
    language: str
    topic: str
    target: int | None
    done: int
    held: int

    @property
    def label(self) -> str:
        """How the cell is named to people."""
        return f"{self.topic} ({self.language})" if self.topic else self.language


def list_open_campaigns() -> list[int]:
    """Ids of the campaigns that offer work."""
    return list(Campaign.objects.filter(state=CampaignState.OPEN).order_by("pk").values_list("pk", flat=True))


def list_counted_campaigns() -> list[int]:
    """Ids of the campaigns in which something may still be counted: all but those that closed long ago."""
    return [row["id"] for row in fetch_all(
        """SELECT c.id FROM annotate_campaign c LEFT JOIN annotate_campaignprogress p ON p.campaign_id = c.id
           WHERE c.state <> 'closed' OR p.computed_at IS NULL OR p.computed_at < c.state_changed_at + interval '2 days'
           ORDER BY c.id""", {})]  # fmt: skip


def find_settings(*, campaign_ids: Iterable[int]) -> dict[int, CampaignSettings]:
    """The parameters in force, by campaign."""
    rows = Campaign.objects.filter(pk__in=set(campaign_ids)).values_list("pk", "parameters")
    return {pk: read_settings(parameters) for pk, parameters in rows}


def list_front_units(*, campaign_id: int, limit: int) -> list[int]:
    """The units that are offered next: about `limit`, shared evenly by the queues, sixteen of each at least."""
    return [row["id"] for row in fetch_all(_FRONT, {"campaign": campaign_id, "limit": limit})]


def list_ordering_units(*, subject_ids: Sequence[int]) -> list[int]:
    """Open units that ask for an order of what is under these messages."""
    return [row["id"] for row in fetch_all(_UNDER, {"subjects": list(subject_ids), "ordering": _ordering()})]


def load_units(*, unit_ids: Sequence[int]) -> list[tuple[int, UnitState]]:
    """Campaign and state of each of these units that is open, by id. `stratum` is the id of its cell as text."""
    rows = fetch_all(_STATES, {"units": list(unit_ids), "ordering": _ordering()})
    return [(row["campaign_id"], _make_state(row)) for row in rows]


def load_cells(*, campaign_id: int) -> list[Cell]:
    """The cells of a campaign's target space, counted now."""
    return [Cell(**row) for row in fetch_all(_STRATA, {"campaign": campaign_id})]


def describe_cells(cells: Sequence[Cell]) -> list[StratumState]:
    """The cells as the scheduler takes them."""
    return [
        StratumState(stratum=str(cell.id), target=cell.target, done=cell.done, held=cell.held, label=cell.label)
        for cell in cells
    ]


def count_queues(*, campaign_id: int) -> list[Row]:
    """Every queue of a campaign, counted now.

    `id, kind, language, units, open, complete, needed, done, held, surplus`; a closed unit needs what it has.
    """
    return fetch_all(_QUEUES, {"campaign": campaign_id})


def _make_state(row: Row) -> UnitState:
    return UnitState(
        unit=row["id"],
        kind=Kind(row["kind"]),
        stratum=str(row["stratum_id"]),
        done=row["done"],
        held=row["held"],
        needed=row["needed"],
        wanted=row["wanted"],
        band=row["band"] if row["is_scored"] else None,
        uncertainty=row["uncertainty"],
        p_best=row["p_best"],
        gain=row["gain"],
    )


def _ordering() -> list[str]:
    return [kind.value for kind in ORDERING_KINDS]
