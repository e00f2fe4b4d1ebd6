"""A trial of a generator as its page shows it: what came back, how fast, and how it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.figures import whole
from annotate.models import GeneratorTrial
from annotate.reasons import tell_reason
from annotate.web import generator_words as words
from annotate.web.generator_figures import tenths
from annotate.web.generator_identity import Fact, tell_sampling
from tasks.vocabulary import GenerationOutcome, TrialState

ENDED = frozenset({TrialState.DONE.value, TrialState.FAILED.value})
SHORT = 120
#: Seconds below which no speed is told.
SHORTEST = 0.1


def present_trial(trial: GeneratorTrial) -> dict[str, Any]:
    state = TrialState(trial.state)
    outcome = GenerationOutcome(trial.outcome) if trial.outcome else None
    is_whole = outcome in {None, GenerationOutcome.STORED}
    return {
        "id": trial.pk,
        "generator": trial.generator_id,
        "prompt": trial.prompt,
        "short": trial.prompt if len(trial.prompt) <= SHORT else trial.prompt[:SHORT].rstrip() + "…",
        "state": state.value,
        "state_title": words.TRIAL_STATES[state],
        "is_ended": state.value in ENDED,
        "is_failed": state is TrialState.FAILED,
        "outcome": "" if is_whole else words.OUTCOMES[outcome],  # type: ignore[index]  # not None where not whole
        "text": trial.text,
        "reason": tell_reason(trial.reason),
        "created_at": trial.created_at,
        "speed": tell_speed(trial),
        "facts": list_facts(trial.provenance),
        "models": list_models(trial.provenance),
    }


def tell_speed(trial: GeneratorTrial) -> str:
    """How long it took and how much it wrote, as far as that is known."""
    seconds, tokens = trial.seconds, trial.completion_tokens
    if seconds is None:
        return ""
    is_long = seconds >= SHORTEST
    told = _("%(seconds)s seconds") % {"seconds": tenths(seconds)} if is_long else _("under a tenth of a second")
    if tokens is None:
        return told
    counted = ngettext("%(n)s token", "%(n)s tokens", tokens) % {"n": whole(tokens)}
    pace = _("%(n)s tokens a second") % {"n": tenths(tokens / seconds)} if is_long else ""
    return _(", ").join(filter(None, [told, counted, pace]))


def list_facts(provenance: Mapping[str, Any]) -> list[Fact]:
    """How it was asked and by what it was answered, as the engine recorded it; what it did not say is left out."""
    dropped = [str(name) for name in provenance.get("dropped_sampling") or ()]
    facts: list[Fact] = [
        (_("Answered by"), str(provenance.get("model") or "")),
        (_("How its text was drawn"), tell_sampling(_mapping(provenance.get("effective_sampling")))),
        (_("Asked for, and not followed"), _(", ").join(dropped)),
        (_("Left out of the prompt"), tell_truncation(provenance.get("truncated"))),
        (_("Seed"), str(provenance.get("seed") or "")),
        (_("Device"), str(provenance.get("device") or "")),
        (_("Engine"), str(provenance.get("engine_version") or "")),
    ]
    return [fact for fact in facts if fact[1]]


def tell_truncation(truncated: Any) -> str:
    """What of a long conversation was left out at its front; nothing where it was whole."""
    turns = _mapping(truncated).get("turns")
    if not isinstance(turns, int) or turns < 1:
        return ""
    return ngettext("%(n)s turn at its front", "%(n)s turns at its front", turns) % {"n": whole(turns)}


def list_models(provenance: Mapping[str, Any]) -> list[str]:
    """The models that the server said it serves, where the trial asked it."""
    models = provenance.get("models")
    return [str(model) for model in models] if isinstance(models, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
