"""What is known of generators: their figures in words of the API, how long what waits will take, trials and servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from annotate.models import GenerationRequest, GeneratorTrial, Server
from annotate.queries.campaigns import list_site_generators
from annotate.queries.generation_figures import Figures

MOST_NAMED = 100
#: Under which the API tells what has no outcome.
NO_OUTCOME = "unknown"


def describe_figures(figures: Figures) -> dict[str, Any]:
    """Figures in the API's shape."""
    return {
        "hour": figures.hour,
        "day": figures.day,
        "failed": figures.failed,
        "redrawn": figures.redrawn,
        "is_whole": figures.is_whole,
        "seconds_per_candidate": figures.seconds_per_candidate,
        "tokens_per_second": figures.tokens_per_second,
        "failures": {outcome or NO_OUTCOME: count for outcome, count in figures.failures.items()},
        "waits": {outcome or NO_OUTCOME: count for outcome, count in figures.waits.items()},
    }


def estimate_seconds(waiting: Mapping[int, int], figures: Mapping[int, Figures], *, now: datetime) -> float | None:
    """How long until what is asked for is there, by what each generator did lately; None where one did nothing."""
    longest = 0.0
    for one, count in waiting.items():
        rate = figures[one].per_hour(now=now) if count else None
        if count and not rate:
            return None
        longest = max(longest, 3600 * count / rate if rate else 0.0)
    return longest


def was_asked(*, generator_id: int) -> bool:
    """Whether a candidate was ever asked of it, which fixes what its texts come from."""
    return GenerationRequest.objects.filter(generator_id=generator_id).exists()


def list_base_models() -> list[str]:
    """Models that generators of the site were made from, or are: what another one may have been made from."""
    named = list_site_generators().order_by("-pk").values_list("model", "base_model")[:MOST_NAMED]
    return sorted({name for pair in named for name in pair if name})


def list_trials(*, generator_id: int) -> QuerySet[GeneratorTrial]:
    """Trials of a generator; order and limit are the caller's."""
    return GeneratorTrial.objects.filter(generator_id=generator_id)


def list_servers() -> QuerySet[Server]:
    """What is known of the servers that were asked, by host."""
    return Server.objects.order_by("host")


def find_server(*, host: str) -> Server | None:
    """What is known of one of them; nothing of one that never failed."""
    return Server.objects.filter(host=host).first() if host else None
