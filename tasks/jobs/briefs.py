"""Ask for prompts where they are missing, by briefs that close when the prompts are there: in turns that rest."""

import time
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from annotate.models import Campaign
from annotate.queries.backlog import list_open_campaigns
from annotate.queries.wishes import (
    list_asked,
    list_axes,
    list_standing_wishes,
    list_wish_cells,
    list_wishing_campaigns,
)
from annotate.services.stale import end_turn, rest_after, take_turn
from annotate.services.wanted_briefs import carry_out_wishes
from tasks.records.parameters import read_settings
from tasks.scheduling.brief_wishes import count_asked, decide_wishes, group_cells
from tasks.vocabulary import JobName, Kind, StaleKind

LEASE_SECONDS = 120.0
SHORTEST_REST = timedelta(minutes=1)


@shared_task(name=str(JobName.OPEN_BRIEFS))
def open_briefs_job() -> None:
    """Every open campaign that lets the scheduler ask for prompts, or did, and does not rest."""
    for campaign_id in list_wishing_campaigns(campaign_ids=list_open_campaigns()):
        open_in_turn(campaign_id)


def open_in_turn(campaign_id: int) -> None:
    """One campaign, unless somebody is at it."""
    turn = take_turn(
        kind=StaleKind.TURN_BRIEFS, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    follow_wishes(campaign_id)
    rest = max(SHORTEST_REST, rest_after(time.monotonic() - started))
    end_turn(turn=turn, rest_until=timezone.now() + rest)


def follow_wishes(campaign_id: int) -> None:
    """Decide by what is there now, and write what follows. Where nobody writes prompts, nothing is asked for."""
    campaign = Campaign.objects.get(pk=campaign_id)
    settings = read_settings(campaign.parameters)
    standing = list_standing_wishes(campaign_id=campaign_id)
    if not (settings.open_briefs and settings.grow_trees and Kind.WRITE_PROMPT in campaign.kinds):
        close = {brief.brief: False for brief in standing if brief.is_open}
        carry_out_wishes(campaign_id=campaign_id, close=close, opened=())
        return
    parts = group_cells(
        list_wish_cells(campaign_id=campaign_id),
        axes=list_axes(campaign_id=campaign_id),
        languages=campaign.languages,
    )
    decision = decide_wishes(parts, standing, asked=list_asked(campaign_id=campaign_id))
    opened = [(wish, count_asked(wish)) for wish in decision.open]
    carry_out_wishes(campaign_id=campaign_id, close=decision.close, opened=opened)
