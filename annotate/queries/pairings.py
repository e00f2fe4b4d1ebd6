"""Reads of the design of comparisons: who can be asked, what messages lack, and how evenly generators were asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from annotate.models import Campaign
from annotate.queries.rows import fetch_all
from tasks.records.parameters import read_settings
from tasks.scheduling.comparison_design import Entrant, Prompt, Tally
from tasks.vocabulary import Engine, MessageRole

#: What keeps a generator from answering is forgotten after this time, so that it is tried again.
PROBLEM_SECONDS = 3600.0

_NAMED = """
SELECT g.id, g.name, cg.samples, g.model, g.problem <> '' AND g.problem_at > %(since)s AS has_problem,
  (cardinality(c.output_terms) = 0 OR g.output_terms = ANY(c.output_terms))
    AND (cardinality(c.model_licences) = 0 OR EXISTS (
      SELECT 1 FROM unnest(c.model_licences) AS accepted WHERE lower(accepted) = lower(g.licence))) AS is_accepted
FROM annotate_campaigngenerator cg
JOIN annotate_generator g ON g.id = cg.generator_id JOIN annotate_campaign c ON c.id = cg.campaign_id
WHERE cg.campaign_id = %(campaign)s AND g.enabled AND g.engine <> %(label)s
ORDER BY g.id"""

#: Prompts are roots; a message further down is asked for by its id. A sample that failed or was called off before is
#: not asked for anew: that is what retrying is for.
_LACKING = """
SELECT m.id FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE t.campaign_id = %(campaign)s AND t.state = 'ranking' AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND m.role = %(prompter)s
  AND CASE WHEN %(parents)s::bigint[] IS NULL THEN m.parent_id IS NULL ELSE m.id = ANY(%(parents)s::bigint[]) END
  AND (%(wanted)s::int IS NULL OR %(wanted)s > (
    SELECT count(*) FROM annotate_generationrequest r
    WHERE r.parent_id = m.id AND r.state NOT IN ('failed', 'set_aside')))
  AND EXISTS (
    SELECT 1 FROM unnest(%(generators)s::bigint[], %(samples)s::int[]) AS e (generator_id, samples)
    WHERE e.samples > (SELECT count(DISTINCT r.sample_index) FROM annotate_generationrequest r
                       WHERE r.parent_id = m.id AND r.generator_id = e.generator_id AND r.sample_index < e.samples))
ORDER BY m.id LIMIT %(limit)s"""

_STRATA = """
SELECT m.id, t.stratum_id FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.id = ANY(%(parents)s::bigint[]) ORDER BY m.id"""

_ASKED = """
SELECT r.parent_id, r.generator_id, array_agg(DISTINCT r.sample_index) AS samples,
  count(*) FILTER (WHERE r.state NOT IN ('failed', 'set_aside')) AS standing
FROM annotate_generationrequest r WHERE r.parent_id = ANY(%(parents)s::bigint[])
GROUP BY r.parent_id, r.generator_id ORDER BY r.parent_id, r.generator_id"""

_PAIRINGS = """
SELECT p.stratum_id, p.first_id, p.second_id, p.prompts, p.credit FROM annotate_generatorpairing p
WHERE p.campaign_id = %(campaign)s AND (p.stratum_id IS NULL OR p.stratum_id = ANY(%(strata)s::bigint[]))
ORDER BY p.first_id, p.second_id"""


@dataclass(frozen=True, slots=True)
class Named:
    """A generator that a campaign names and that is switched on."""

    id: int
    name: str
    samples: int
    model: str
    has_problem: bool


@dataclass(frozen=True, slots=True)
class Lineup:
    """Who can be asked by a campaign, and for how many samples a message.

    named     those whose terms the campaign accepts; barred: the others
    wanted    samples of each message in all; None: all samples of all generators
    """

    named: tuple[Named, ...]
    barred: tuple[Named, ...]
    wanted: int | None

    @property
    def entrants(self) -> tuple[Entrant, ...]:
        """Those that can be asked now."""
        return tuple(
            Entrant(entry.id, entry.samples, model=entry.model or None) for entry in self.named if not entry.has_problem
        )

    @property
    def fills_up(self) -> bool:
        """Whether a message asks for further samples, because its campaign names fewer generators than it wants.

        Not while one of them has a problem: its turn comes when that is over.
        """
        return (
            self.wanted is not None
            and len(self.named) < self.wanted
            and not any(entry.has_problem for entry in self.named)
        )


def read_lineup(*, campaign_id: int, now: datetime | None = None) -> Lineup:
    """Who a campaign can ask. Without `now` problems are passed over."""
    since = None if now is None else now - timedelta(seconds=PROBLEM_SECONDS)
    rows = fetch_all(_NAMED, {"campaign": campaign_id, "label": Engine.LABEL, "since": since})
    entries = [
        (row["is_accepted"], Named(row["id"], row["name"], row["samples"], row["model"], bool(row["has_problem"])))
        for row in rows
    ]
    parameters = Campaign.objects.values_list("parameters", flat=True).get(pk=campaign_id)
    return Lineup(
        named=tuple(entry for is_accepted, entry in entries if is_accepted),
        barred=tuple(entry for is_accepted, entry in entries if not is_accepted),
        wanted=read_settings(parameters).candidates_per_prompt,
    )


def list_lacking(*, campaign_id: int, lineup: Lineup, parent_ids: Sequence[int] | None, limit: int) -> list[int]:
    """Messages under which somebody can be asked for something, by id: of these, or else of all prompts."""
    entrants = lineup.entrants
    once = lineup.wanted is not None and not lineup.fills_up
    params = {
        "campaign": campaign_id,
        "prompter": MessageRole.PROMPTER,
        "parents": None if parent_ids is None else list(parent_ids),
        "wanted": lineup.wanted,
        "generators": [entrant.generator for entrant in entrants],
        "samples": [1 if once else entrant.samples for entrant in entrants],
        "limit": limit,
    }
    return [row["id"] for row in fetch_all(_LACKING, params)] if entrants else []


def read_prompts(*, parent_ids: Sequence[int]) -> list[tuple[int, Prompt]]:
    """Each message with what was asked under it, after the stratum in which it counts; by id."""
    asked: dict[int, dict[int, frozenset[int]]] = {}
    standing: dict[int, dict[int, int]] = {}
    for row in fetch_all(_ASKED, {"parents": list(parent_ids)}):
        asked.setdefault(row["parent_id"], {})[row["generator_id"]] = frozenset(row["samples"])
        standing.setdefault(row["parent_id"], {})[row["generator_id"]] = row["standing"]
    return [
        (row["stratum_id"], Prompt(row["id"], asked.get(row["id"], {}), standing.get(row["id"], {})))
        for row in fetch_all(_STRATA, {"parents": list(parent_ids)})
    ]


def read_tallies(*, campaign_id: int, stratum_ids: Sequence[int]) -> dict[int | None, Tally]:
    """What was asked so far in each of these strata and, by None, in the whole campaign."""
    tallies: dict[int | None, Tally] = {stratum: Tally() for stratum in (None, *stratum_ids)}
    for row in fetch_all(_PAIRINGS, {"campaign": campaign_id, "strata": list(stratum_ids)}):
        tally = tallies[row["stratum_id"]]
        tally.count(row["first_id"], row["second_id"], row["prompts"])
        if row["credit"]:
            tally.credit[row["first_id"]] = row["credit"]
    return tallies
