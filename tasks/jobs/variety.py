"""Look where candidates are too much alike, and ask a generator that is kept for that: a bounded number a turn."""

import time
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from annotate.models import Campaign
from annotate.queries.lineup import read_lineup
from annotate.queries.variety import list_unjudged_parents, list_varied_campaigns, load_alike_states
from annotate.services.stale import end_turn, rest_after, take_turn
from annotate.services.variety import ask_for_variety
from tasks.records.parameters import read_settings
from tasks.scheduling.variety import are_alike, choose_sample
from tasks.vocabulary import JobName, StaleKind

LEASE_SECONDS = 120.0
#: Messages that one turn looks at.
MESSAGES_A_TURN = 200
SHORTEST_REST = timedelta(seconds=30)


@shared_task(name=str(JobName.ASK_VARIETY))
def ask_variety_job() -> None:
    """Every open campaign that asks for variety and does not rest."""
    for campaign_id in list_varied_campaigns():
        ask_in_turn(campaign_id)


def ask_in_turn(campaign_id: int) -> None:
    """A stretch of one campaign's messages, unless somebody is at it; the next turn goes on from there."""
    turn = take_turn(
        kind=StaleKind.TURN_VARIETY, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    last = look_at_stretch(campaign_id, after=turn.cursor)
    rest = max(SHORTEST_REST, rest_after(time.monotonic() - started))
    end_turn(turn=turn, rest_until=timezone.now() + rest, cursor=last)


def look_at_stretch(campaign_id: int, *, after: int) -> int:
    """Ask where candidates are alike; returns the message to go on from, 0 for the beginning."""
    now = timezone.now()
    campaign = Campaign.objects.get(pk=campaign_id)
    named = [
        (entrant.generator, entrant.samples)
        for entrant in read_lineup(campaign=campaign, now=now, for_variety=True).entrants
    ]
    parents = list_unjudged_parents(campaign_id=campaign_id, after=after, limit=MESSAGES_A_TURN)
    similarity = read_settings(campaign.parameters).near_duplicate_similarity
    asks = []
    for state in load_alike_states(parent_ids=parents) if named else []:
        chosen = choose_sample(named, state.asked)
        if chosen is not None and are_alike(state.texts, near_duplicate=similarity):
            asks.append((state.parent, *chosen))
    ask_for_variety(campaign_id=campaign_id, asks=asks, now=now)
    return parents[-1] if len(parents) == MESSAGES_A_TURN else 0
