"""How far each campaign is from its targets, when each is reached, why it is not: measured in turns that rest."""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from annotate.models import Campaign
from annotate.queries.backlog import list_counted_campaigns
from annotate.queries.target_facts import load_campaign_facts, load_target_facts
from annotate.services.stale import Turn, end_turn, rest_after, take_turn
from annotate.services.standing import store_standing
from tasks.jobs.standing_halves import measure_arms
from tasks.records.standing import IMPOSSIBLE, CampaignFacts, TargetFacts
from tasks.scheduling.forecast import Forecast
from tasks.scheduling.lags import count_pace, explain_lag, forecast_target
from tasks.vocabulary import JobName, StaleKind

log = logging.getLogger(__name__)

LEASE_SECONDS = 330.0
SHORTEST_REST, FAILED_REST = timedelta(minutes=1), timedelta(minutes=10)


@shared_task(name=str(JobName.MEASURE_STANDING))
def measure_standing_job() -> None:
    """Every campaign in which something may still change, and that does not rest."""
    for campaign_id in list_counted_campaigns():
        measure_in_turn(campaign_id)


def measure_in_turn(campaign_id: int) -> None:
    """One campaign, unless somebody is at it; one that fails must not cost the others their turn."""
    turn = take_turn(
        kind=StaleKind.TURN_STANDING, subject_id=campaign_id, now=timezone.now(), lease_seconds=LEASE_SECONDS
    )
    if turn is None:
        return
    started = time.monotonic()
    try:
        measure_campaign(turn)
    except (OperationalError, InterfaceError, SoftTimeLimitExceeded):
        raise  # the database is away, or time is: the lease ends, and another one goes on
    except Exception:
        log.exception("could not measure how far campaign %s is from its targets", campaign_id)
        end_turn(turn=turn, rest_until=timezone.now() + FAILED_REST)
        return
    rest = max(SHORTEST_REST, rest_after(time.monotonic() - started))
    end_turn(turn=turn, rest_until=timezone.now() + rest)


def measure_campaign(turn: Turn) -> None:
    """Load, explain, and store with the moment before anything was read."""
    now = timezone.now()
    campaign = Campaign.objects.get(pk=turn.subject_id)
    facts = load_target_facts(campaign=campaign, now=now)
    today = now.astimezone(UTC).date()
    targets = describe_targets(facts, load_campaign_facts(campaign), today=today)
    result = {"targets": targets, "split": measure_arms(campaign)}
    store_standing(turn=turn, result=result, now=now)


def describe_targets(facts: Sequence[TargetFacts], campaign: CampaignFacts, *, today: date) -> list[dict[str, Any]]:
    """Every target as plain JSON: what is known of it, when it is reached at the present pace, and why it is not yet."""
    told = []
    for each in facts:
        lags = explain_lag(each, campaign=campaign, everything=facts, today=today)
        forecast = None if any(lag in IMPOSSIBLE for lag in lags) else forecast_target(each, today=today)
        told.append({
            "language": each.language,
            "topic": each.topic,
            "target": each.target,
            "done": each.done,
            "room": each.room,
            "prompts": each.prompts,
            "bare": each.bare,
            "people": each.people,
            "able": each.able,
            "week": count_pace(each, today=today),
            "can_be_met": not any(lag in IMPOSSIBLE for lag in lags),
            "lags": [str(lag) for lag in lags],
            "forecast": None if forecast is None else describe_forecast(forecast),
        })  # fmt: skip
    return told


def describe_forecast(forecast: Forecast) -> dict[str, Any]:
    """A forecast as plain JSON; dates in ISO 8601."""
    on, earliest, latest = (
        None if day is None else day.isoformat() for day in (forecast.on, forecast.earliest, forecast.latest)
    )
    return {
        "on": on,
        "earliest": earliest,
        "latest": latest,
        "per_day": round(forecast.per_day, 3),
        "low": round(forecast.low, 3),
        "high": round(forecast.high, 3),
        "days": forecast.days,
        "judgments": forecast.judgments,
    }
