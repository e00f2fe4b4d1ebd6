"""What asking generators reads: who can be asked, which messages lack something, what was asked so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from annotate.models import Campaign, CampaignGenerator, Generator
from annotate.queries.generation_lanes import FRONT_READY
from annotate.queries.generator_terms import terms_problem
from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import fetch_all
from tasks.generation.lineage import identify
from tasks.records.parameters import read_settings
from tasks.scheduling.comparison_design import Entrant, Prompt, Tally
from tasks.vocabulary import CampaignState, Engine, MessageRole, ModelRelation

#: What keeps a generator from answering is forgotten after this time, so that it is tried again; but not while requests
#: of it are there to be tried.
PROBLEM_SECONDS = 3600.0

#: Prompts are roots; a message further down is asked for by its id. A sample that failed or was called off before is
#: not asked for anew: that is what retrying is for.
_LACKING = f"""
SELECT m.id FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE t.campaign_id = %(campaign)s AND t.state = 'ranking' AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND m.role = %(prompter)s AND t.id <> ALL({GOLD_TREES})
  AND CASE WHEN %(parents)s::bigint[] IS NULL THEN m.parent_id IS NULL ELSE m.id = ANY(%(parents)s::bigint[]) END
  AND (%(wanted)s::int IS NULL OR %(wanted)s > (
    SELECT count(*) FROM annotate_generationrequest r
    WHERE r.parent_id = m.id AND NOT r.is_for_variety AND r.state NOT IN ('failed', 'set_aside')))
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
FROM annotate_generationrequest r WHERE r.parent_id = ANY(%(parents)s::bigint[]) AND NOT r.is_for_variety
GROUP BY r.parent_id, r.generator_id ORDER BY r.parent_id, r.generator_id"""

_PAIRINGS = """
SELECT p.stratum_id, p.first_id, p.second_id, p.prompts, p.credit FROM annotate_generatorpairing p
WHERE p.campaign_id = %(campaign)s AND (p.stratum_id IS NULL OR p.stratum_id = ANY(%(strata)s::bigint[]))
ORDER BY p.first_id, p.second_id"""


@dataclass(frozen=True, slots=True)
class Named:
    """A generator that a campaign names and that is switched on. `model`: one key for all names of its model."""

    id: int
    name: str
    samples: int
    model: str | None
    has_problem: bool


@dataclass(frozen=True, slots=True)
class Lineup:
    """Who can be asked by a campaign, and for how many samples a message.

    named     those whose terms the campaign takes, by id; refused: why it does not take the others', by name
    wanted    samples of each message in all; None: all samples of all generators
    """

    named: tuple[Named, ...]
    refused: Mapping[str, str]
    wanted: int | None

    @property
    def entrants(self) -> tuple[Entrant, ...]:
        """Those that can be asked now."""
        return tuple(
            Entrant(entry.id, entry.samples, model=entry.model) for entry in self.named if not entry.has_problem
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


def read_lineup(*, campaign: Campaign, now: datetime | None = None, for_variety: bool = False) -> Lineup:
    """Who a campaign can ask: those of the design, or those that are kept for variety. A problem of which nobody will tell whether it is over is forgotten after an hour; without
    `now` all of them are.
    """
    uses = CampaignGenerator.objects.filter(campaign=campaign, generator__enabled=True).select_related("generator")
    uses = uses.filter(is_for_variety=for_variety)
    refused = {}
    named = []
    for use in uses.exclude(generator__engine=Engine.LABEL).order_by("generator_id"):
        generator = use.generator
        if problem := terms_problem(generator, campaign):
            refused[generator.name] = problem
            continue
        model, has_problem = _find_model(generator), _has_problem(generator, now)
        named.append(Named(generator.pk, generator.name, use.samples, model, has_problem))
    return Lineup(tuple(named), refused, read_settings(campaign.parameters).candidates_per_prompt)


def _find_model(generator: Generator) -> str | None:
    identity = identify(
        generator.model,
        base_model=generator.base_model,
        relation=ModelRelation(generator.relation) if generator.relation else None,
        quantization=generator.quantization,
    )
    return identity.key or None


def _has_problem(generator: Generator, now: datetime | None) -> bool:
    if not generator.problem or generator.problem_at is None or now is None:
        return False
    return generator.problem_at > now - timedelta(seconds=PROBLEM_SECONDS) or _is_waited_for(generator)


def _is_waited_for(generator: Generator) -> bool:
    """Whether a worker could try a generator now, and say whether its problem is over."""
    states = [CampaignState.DRAFT.value, CampaignState.OPEN.value]
    params = {"generators": [generator.pk], "generating": states, "limit": 1, "token": UUID(int=0)}
    return bool(fetch_all(FRONT_READY, params))


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
