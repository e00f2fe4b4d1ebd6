"""How evenly a campaign's generators were asked: for how many prompts each, and which stood beside which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from annotate.models import Campaign
from annotate.queries.lineup import read_lineup
from annotate.queries.rows import fetch_all
from tasks.scheduling.comparison_design import Tally

#: Strata that are told of, those with the most prompts; the others are counted.
MOST_STRATA = 50

#: By how often it was asked there; a stratum in which nobody was asked is none.
_STRATA = """
SELECT p.stratum_id AS id, s.language, s.topic, count(*) OVER () AS strata FROM annotate_generatorpairing p
JOIN annotate_stratum s ON s.id = p.stratum_id
WHERE p.campaign_id = %(campaign)s AND p.first_id = p.second_id AND p.prompts > 0
GROUP BY p.stratum_id, s.language, s.topic ORDER BY sum(p.prompts) DESC, s.language, s.topic LIMIT %(limit)s"""

_PAIRINGS = """
SELECT p.stratum_id, p.first_id, p.second_id, p.prompts FROM annotate_generatorpairing p
WHERE p.campaign_id = %(campaign)s AND p.prompts > 0
  AND (p.stratum_id IS NULL OR p.stratum_id = ANY(%(strata)s::bigint[]))"""


@dataclass(frozen=True, slots=True)
class Balance:
    """How evenly generators were asked: prompts of each, prompts of each two together (None: there are no two).

    `never_met`: pairs that no prompt asked together. `is_connected`: whether comparisons link all of them, directly or
    through others, so that one leaderboard can hold them.
    """

    fewest: int
    most: int
    fewest_together: int | None
    most_together: int | None
    never_met: int
    is_connected: bool


@dataclass(frozen=True, slots=True)
class GeneratorPlace:
    """For how many prompts a generator was asked, and beside each of the others, in the order of the list."""

    id: int
    name: str
    prompts: int
    beside: tuple[int | None, ...]
    has_problem: bool


@dataclass(frozen=True, slots=True)
class StratumBalance:
    """The balance within one language and topic."""

    language: str
    topic: str
    balance: Balance


@dataclass(frozen=True, slots=True)
class Design:
    """Who answers what in a campaign.

    wanted     candidates of each prompt in all; None: all that its generators are named with
    whole      over all prompts, in all strata
    strata     those with the most prompts; more_strata: how many others there are
    """

    wanted: int | None
    generators: tuple[GeneratorPlace, ...]
    whole: Balance
    strata: tuple[StratumBalance, ...]
    more_strata: int


def describe_design(*, campaign: Campaign, now: datetime) -> Design:
    """How evenly the generators that a campaign names now were asked, over the whole campaign and in each stratum."""
    lineup = read_lineup(campaign=campaign, now=now)
    ids = [entry.id for entry in lineup.named]
    rows = fetch_all(_STRATA, {"campaign": campaign.pk, "limit": MOST_STRATA})
    tallies: dict[int | None, Tally] = {stratum: Tally() for stratum in (None, *(row["id"] for row in rows))}
    params = {"campaign": campaign.pk, "strata": [row["id"] for row in rows]}
    for row in fetch_all(_PAIRINGS, params) if rows else ():
        tallies[row["stratum_id"]].count(row["first_id"], row["second_id"], row["prompts"])
    whole = tallies[None]
    return Design(
        wanted=lineup.wanted,
        generators=tuple(
            GeneratorPlace(
                id=entry.id,
                name=entry.name,
                prompts=whole.prompts.get(entry.id, 0),
                beside=tuple(
                    None if other == entry.id else whole.beside.get(entry.id, {}).get(other, 0) for other in ids
                ),
                has_problem=entry.has_problem,
            )
            for entry in lineup.named
        ),
        whole=measure_balance(whole, ids),
        strata=tuple(
            StratumBalance(row["language"], row["topic"], measure_balance(tallies[row["id"]], ids)) for row in rows
        ),
        more_strata=rows[0]["strata"] - len(rows) if rows else 0,
    )


def measure_balance(tally: Tally, generators: Sequence[int]) -> Balance:
    """How evenly these generators were asked, by what was counted. Those that left may still link others."""
    prompts = [tally.prompts.get(generator, 0) for generator in generators]
    meetings = [
        tally.beside.get(first, {}).get(second, 0)
        for place, first in enumerate(generators)
        for second in generators[:place]
    ]
    return Balance(
        fewest=min(prompts, default=0),
        most=max(prompts, default=0),
        fewest_together=min(meetings, default=None),
        most_together=max(meetings, default=None),
        never_met=meetings.count(0),
        is_connected=tally.is_connected(generators),
    )
