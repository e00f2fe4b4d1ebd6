"""Why a target is behind, and whether it can be reached at all. Standard library only.

The reasons are looked at from what makes a target impossible to what only slows it, and all that hold are told, the
weightiest first. A target that lacks nothing has none.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from tasks.records.standing import CampaignFacts, Lag, TargetFacts
from tasks.scheduling.forecast import DAYS, Forecast, forecast_end

#: People at most whom a stratum depends on, and the smallest share of what it should have had that is no neglect.
FEW, NEGLECTED = 2, 0.5
#: Judgments of all targets in the last days below which nothing is said about who had how much of them.
FEWEST_JUDGMENTS = 20


def explain_lag(
    facts: TargetFacts, *, campaign: CampaignFacts, everything: Sequence[TargetFacts], today: date
) -> list[Lag]:
    """The reasons why one target is not reached, the weightiest first; `everything`: all targets of the campaign."""
    if not facts.missing:
        return []
    impossible = _find_impossible(facts, campaign)
    if impossible:
        return impossible
    return _find_slow(facts, everything=everything, today=today) or [Lag.ON_THE_WAY]


def forecast_target(facts: TargetFacts, *, today: date) -> Forecast | None:
    """When it is reached, if the last whole days go on; None: nothing is missing, or too little is known."""
    return forecast_end(facts.days, remaining=facts.missing, today=today)


def count_pace(facts: TargetFacts, *, today: date) -> int:
    """Judgments in the last seven whole days."""
    return sum(facts.days.get(today - timedelta(days=back), 0) for back in range(1, DAYS + 1))


def _find_impossible(facts: TargetFacts, campaign: CampaignFacts) -> list[Lag]:
    if not campaign.is_open:
        return [Lag.NOT_OPEN]
    if facts.language not in campaign.languages:
        return [Lag.NO_LANGUAGE]
    found = []
    may_come = campaign.grows and campaign.asks
    if not facts.prompts and not may_come:
        found.append(Lag.NO_PROMPTS)
    elif facts.prompts and facts.prompts == facts.bare and not campaign.grows:
        found.append(Lag.NO_CANDIDATES)
    elif facts.prompts and facts.room < facts.missing and not campaign.grows:
        found.append(Lag.NO_ROOM)
    if not facts.able:
        found.append(Lag.NOBODY)
    elif facts.fresh == 0 and facts.room:
        found.append(Lag.ALL_SEEN)
    return found


def _find_slow(facts: TargetFacts, *, everything: Sequence[TargetFacts], today: date) -> list[Lag]:
    found = []
    pace = count_pace(facts, today=today)
    if not facts.prompts:
        found.append(Lag.PROMPTS_WANTED)
    elif not pace:
        found.append(Lag.NO_PACE)
    forecast = forecast_target(facts, today=today)
    if forecast is not None and forecast.on is None:
        found.append(Lag.FAR)
    if pace and facts.people <= FEW:
        found.append(Lag.FEW_PEOPLE)
    of_all = sum(count_pace(each, today=today) for each in everything)
    missing = sum(each.missing for each in everything)
    if len(everything) > 1 and of_all >= FEWEST_JUDGMENTS and missing:
        fair = of_all * facts.missing / missing
        if pace < NEGLECTED * fair:
            found.append(Lag.OTHERS_FIRST)
    return found
