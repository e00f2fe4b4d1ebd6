"""Count the progress of campaigns, for whoever asks without counting."""

import time

from django.utils import timezone

from annotate.queries.campaigns import get_scope
from annotate.queries.overview import count_overview
from annotate.queries.progress import count_progress
from annotate.services.scheduling import store_progress
from annotate.services.stale import end_turn, rest_after, take_turn
from tasks.vocabulary import StaleKind

LEASE_SECONDS = 60.0


def summarize_in_turn(campaign_id: int) -> None:
    """Count one campaign, unless somebody is at it or it was counted a moment ago."""
    turn = take_turn(
        kind=StaleKind.TURN_SUMMARY, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
    )
    if turn is None:
        return
    started, now = time.monotonic(), timezone.now()
    result = count_progress(campaign_id=campaign_id)
    languages, kinds, grows = get_scope(campaign_id=campaign_id)
    overview = count_overview(campaign_id=campaign_id, languages=languages, kinds=kinds, grows=grows, now=now)
    store_progress(campaign_id=campaign_id, units=result["units"]["units"], result=result, overview=overview, now=now)
    end_turn(turn=turn, rest_until=timezone.now() + rest_after(time.monotonic() - started))
