"""The one writer of supply: which waiting prompts have their turn, which are retired, how many are asked for.

For a campaign at a time, in one transaction: its briefs are locked first (in the order of locks before trees), so
that two who decide at once never ask for the same places twice; then the trees that change, by id; then units.

A place is a unit that needs one prompt. The demand of a language is asked for by the briefs of organizers that name
a number first; what is missing beyond that by their other open briefs in turn, or by the free one, which is made here
where a language has none. Deciding again on what was written changes nothing.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import cycle, islice

from django.db import transaction

from annotate.models import LanguageSupply
from annotate.queries.rows import fetch_all, run
from annotate.queries.tree_supply import BriefState, CampaignSupply, count_reviewers, count_states, load_supply
from annotate.services.brief_units import (
    Places,
    close_finished,
    close_places,
    close_prompt_rankings,
    open_places,
    rank_prompts,
)
from annotate.services.tree_marks import mark_trees
from annotate.services.tree_states import StateChange, lock_trees_by_id, write_states
from tasks.records.trees import SupplyDecision
from tasks.scheduling.prompt_supply import decide_supply
from tasks.vocabulary import Kind, TreeReason, TreeState

#: People are counted again after so long, and at once where there are so few that reviews depend on each of them.
RECOUNT_SECONDS = 60.0

_MAKE_FREE_BRIEFS = """
INSERT INTO annotate_brief (campaign_id, language, topic, difficulty, words, is_open)
SELECT c.id, l.language, '', '', '', true FROM annotate_campaign c CROSS JOIN LATERAL unnest(c.languages) AS l (language)
WHERE c.id = %(campaign)s AND coalesce((c.parameters->>'grow_trees')::boolean, false) AND NOT EXISTS (
  SELECT 1 FROM annotate_brief b WHERE b.campaign_id = c.id AND b.language = l.language AND b.wanted IS NULL
    AND b.topic = '' AND b.difficulty = '' AND b.words = '')
ORDER BY l.language
ON CONFLICT DO NOTHING"""

_LOCK_BRIEFS = "SELECT id FROM annotate_brief WHERE campaign_id = %(campaign)s ORDER BY id FOR NO KEY UPDATE"

_STILL_WAITING = """
SELECT t.id FROM annotate_messagetree t WHERE t.id = ANY(%(trees)s::bigint[]) AND t.state = %(waiting)s"""


def supply_prompts(*, campaign_id: int, now: datetime, rng: random.Random) -> None:
    """Decide the supply of a campaign in all its languages, and write what follows.

    Where no trees grow, nothing is asked for. While a campaign is not open, nothing is drawn and nothing retired.
    """
    with transaction.atomic():
        run(_MAKE_FREE_BRIEFS, {"campaign": campaign_id})
        run(_LOCK_BRIEFS, {"campaign": campaign_id})
        supply = load_supply(campaign_id=campaign_id, now=now)
        if supply is None or not (supply.settings.grow_trees or supply.briefs):
            return
        grows = supply.settings.grow_trees
        decisions = {
            language: decide_supply(facts, supply.rules, now=now, rng=rng) if grows else SupplyDecision()
            for language, facts in sorted(supply.facts.items())
        }
        drawn = _move_trees(list(decisions.values()), now=now) if supply.is_open else []
        wanted = {language: _share_places(supply, language, decision) for language, decision in decisions.items()}
        _write_places(supply, wanted, now=now)
        if supply.ranks_prompts and grows:
            rank_prompts(supply=supply, drawn=drawn, now=now)
        else:
            close_prompt_rankings(supply=supply)
        _count(supply, wanted, now=now)
        mark_trees(tree_ids=drawn)


def _move_trees(decisions: Sequence[SupplyDecision], *, now: datetime) -> list[int]:
    """Give trees their turn, and retire those that will not be needed; returns the first."""
    drawn = {tree for decision in decisions for tree in decision.drawn}
    retired = {tree for decision in decisions for tree in decision.retired}
    if not drawn | retired:
        return []
    lock_trees_by_id(tree_ids=sorted(drawn | retired))
    params = {"trees": sorted(drawn | retired), "waiting": TreeState.WAITING}
    waiting = {row["id"] for row in fetch_all(_STILL_WAITING, params)}
    changes = [StateChange(tree, TreeState.GROWING, TreeReason.DRAWN) for tree in sorted(drawn & waiting)]
    changes += [StateChange(tree, TreeState.RETIRED, TreeReason.NOT_NEEDED) for tree in sorted(retired & waiting)]
    write_states(changes=changes, now=now)
    return sorted(drawn & waiting)


def _share_places(supply: CampaignSupply, language: str, decision: SupplyDecision) -> dict[Places, int]:
    """How many places each brief of a language should have open, by kind of work."""
    if not supply.settings.grow_trees:
        return {}
    briefs = [brief for brief in supply.briefs if brief.language == language and brief.is_open]
    asked: defaultdict[Places, int] = defaultdict(int)
    if supply.rules.asks_prompts:
        for brief in briefs:
            if brief.wanted is not None:
                asked[Places(brief, Kind.WRITE_PROMPT)] = max(0, brief.wanted - brief.standing)
    rest = max(0, decision.prompts_wanted - sum(asked.values()))
    open_ended = _choose_open_ended(briefs)
    for kind, places in ((Kind.WRITE_PROMPT, rest), (Kind.WRITE_PAIR, decision.pairs_wanted)):
        for brief in islice(cycle(open_ended), places):
            asked[Places(brief, kind)] += 1
    return dict(asked)


def _choose_open_ended(briefs: Sequence[BriefState]) -> list[BriefState]:
    """Briefs that ask for as many prompts as are needed: what organizers name comes before whatever people like."""
    open_ended = [brief for brief in briefs if brief.wanted is None]
    return [brief for brief in open_ended if not brief.is_free] or open_ended


def _write_places(supply: CampaignSupply, wanted: Mapping[str, Mapping[Places, int]], *, now: datetime) -> None:
    close_finished(units=supply.open_units, now=now)
    standing: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for unit in supply.open_units:
        if unit["done"] < unit["needed"]:
            standing[unit["brief_id"], unit["kind"]].append(unit["id"])
    targets = {places.key: (places, number) for asked in wanted.values() for places, number in asked.items()}
    surplus = {key: len(units) - targets.get(key, (None, 0))[1] for key, units in standing.items()}
    for key, number in surplus.items():
        close_places(units=standing[key], number=number)
    lacking = {places: number - len(standing[key]) for key, (places, number) in targets.items()}
    open_places(supply=supply, lacking={places: number for places, number in lacking.items() if number > 0}, now=now)


def _count(supply: CampaignSupply, wanted: Mapping[str, Mapping[Places, int]], *, now: datetime) -> None:
    """Keep what was found, for pages and for the number of reviewers that a message can have."""
    before = {row.language: row for row in LanguageSupply.objects.filter(campaign_id=supply.campaign_id)}
    recent = timedelta(seconds=RECOUNT_SECONDS)
    is_fresh = before.keys() >= supply.facts.keys() and all(
        timedelta() <= now - row.counted_at < recent and row.reviewers > supply.settings.max_reviews
        for row in before.values()
    )
    reviewers: Mapping[str, int] = {language: row.reviewers for language, row in before.items()}
    if not is_fresh:
        reviewers = count_reviewers(campaign_id=supply.campaign_id, days=supply.settings.reviewer_days, now=now)
    states = count_states(campaign_id=supply.campaign_id)  # after this decision
    LanguageSupply.objects.bulk_create(
        [
            LanguageSupply(
                campaign_id=supply.campaign_id,
                language=language,
                reviewers=reviewers.get(language, 0),
                in_review=states.get((language, TreeState.PROMPT_REVIEW), 0),
                waiting=states.get((language, TreeState.WAITING), 0),
                growing=states.get((language, TreeState.GROWING), 0),
                ranking=states.get((language, TreeState.RANKING), 0),
                done=states.get((language, TreeState.DONE), 0),
                prompts_wanted=sum(wanted[language].values()),
                counted_at=now if not is_fresh else before[language].counted_at,
            )
            for language in sorted(supply.facts)
        ],
        update_conflicts=True,
        unique_fields=["campaign", "language"],
        update_fields=[
            "reviewers", "in_review", "waiting", "growing", "ranking", "done", "prompts_wanted", "counted_at",
        ],
    )  # fmt: skip
