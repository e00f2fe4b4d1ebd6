"""How generators, servers and workers do, in words and in the reader's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.figures import two, whole
from annotate.models import Generator, Server
from annotate.queries.generation_figures import Figures
from annotate.queries.generator_terms import TERMS
from annotate.reasons import tell_reason
from annotate.web import generator_words as words
from annotate.web.generator_words import Words
from tasks.vocabulary import Engine, GenerationOutcome, ModelRelation, OutputTerms, WorkerState

#: Below this many of something its first decimal is told.
FEW = 10
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def tenths(value: float | None) -> str:
    """A number with a decimal where it is small, with two where it is very small; a dash where it is not known."""
    if value is None or value < 1:
        return two(value)
    return whole(value) if round(value, 1) >= FEW else number_format(round(value, 1), decimal_pos=1, use_l10n=True)


def last_long(seconds: float) -> str:
    """How long something takes, as people say it: "40 minutes", "3 hours", "12 days"."""
    minutes = max(1, round(seconds / MINUTE))
    if minutes < HOUR / MINUTE:
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": whole(minutes)}
    if seconds < 2 * DAY:
        hours = round(seconds / HOUR)
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": whole(hours)}
    days = round(seconds / DAY)
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": whole(days)}


def list_failures(failures: Mapping[str, int]) -> list[tuple[Words, int]]:
    """Why requests came to nothing, in words, and how many did; what has no word of its own is the last."""
    told: dict[str, int] = {}
    for outcome, count in failures.items():
        known = words.OUTCOMES.get(GenerationOutcome(outcome)) if outcome in set(GenerationOutcome) else None
        title = str(known or _("without a reason"))
        told[title] = told.get(title, 0) + count
    return list(told.items())


def present_figures(figures: Figures) -> dict[str, Any]:
    return {
        "hour": figures.hour,
        "day": figures.day,
        "failed": figures.failed,
        "redrawn": figures.redrawn,
        "is_whole": figures.is_whole,
        "seconds": tenths(figures.seconds_per_candidate),
        "tokens_per_second": tenths(figures.tokens_per_second),
        "failures": list_failures(figures.failures),
        "waits": list_failures(figures.waits),
        "all_failed": sum(figures.failures.values()),
        "is_idle": not (figures.day or figures.failed),
    }


def present_identity(generator: Generator) -> dict[str, Any]:
    """What a generator is and under which terms, as everybody who chooses among them sees it."""
    relation = ModelRelation(generator.relation) if generator.relation else None
    return {
        "id": generator.pk,
        "name": generator.name,
        "model": generator.model,
        "revision": generator.revision,
        "base_model": generator.base_model,
        "relation": words.RELATIONS[relation] if relation else "",
        "quantization": generator.quantization,
        "licence": generator.licence,
        "terms": TERMS[OutputTerms(generator.output_terms)],
        "terms_url": generator.terms_url,
        "is_unknown": generator.output_terms == OutputTerms.UNKNOWN,
        "is_local": generator.engine == Engine.TRANSFORMERS,
        "enabled": generator.enabled,
        "problem": tell_reason(generator.problem),
        "problem_at": generator.problem_at,
    }


def present_worker(worker: Mapping[str, Any]) -> dict[str, Any]:
    """What a worker said of itself, as `list_workers` reads it. Of one that is gone the speed means nothing any more."""
    is_alive, used, total = worker["is_alive"], worker["memory_used"], worker["memory_total"]
    is_known = is_alive or worker["state"] == WorkerState.STOPPED
    return {
        **worker,
        "state_title": words.WORKER_STATES[WorkerState(worker["state"])] if is_known else words.GONE,
        "problem": tell_reason(worker["problem"]),
        "tokens_per_second": tenths(worker["tokens_per_second"] if is_alive else None),
        "has_memory": is_alive and used is not None and bool(total),
    }


def present_server(server: Server, *, now: datetime) -> dict[str, Any]:
    return {
        "host": server.host,
        "failures": server.failures,
        "open_until": server.open_until,
        "is_open": server.open_until is not None and server.open_until > now,
        "last_error": tell_reason(server.last_error),
    }
