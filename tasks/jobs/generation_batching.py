"""Which way of batching a worker takes for a model that it loaded: what was said, else what a probe shows."""

from __future__ import annotations

import logging

from django.utils import timezone

from annotate.services.batching_probes import find_probe, remember_probe
from tasks.generation.batching_probe import probe_batching
from tasks.records.local_models import LocalModel, OutOfMemory
from tasks.vocabulary import Batching

log = logging.getLogger(__name__)

#: A larger model on a processor would be probed for longer than it is worth: there, padded batches have always won.
MOST_PARAMETERS_ON_CPU = 1_000_000_000


def choose_batching(model: LocalModel, *, wanted: Batching) -> Batching:
    """The way to answer with this model. It is probed once for each model and device; all workers know the outcome."""
    facts = model.facts
    if wanted != Batching.AUTO or not facts.can_continue:
        return Batching.CONTINUOUS if wanted == Batching.CONTINUOUS and facts.can_continue else Batching.PADDED
    if facts.device.startswith("cpu") and facts.parameters > MOST_PARAMETERS_ON_CPU:
        return Batching.PADDED
    key = describe_model(model)
    known = find_probe(key=key, device=facts.device)
    if known is not None:
        return Batching(known.batching)
    log.info("measuring which way of batching is faster for %s on %s", facts.name, facts.device)
    try:
        padded, continuous, reason = probe_batching(model)
    except OutOfMemory as error:
        log.warning("ways of batching could not be measured: %s", error)
        return Batching.PADDED
    finally:
        model.clear()
    log.info("%s", reason)
    return remember_probe(
        key=key, device=facts.device, padded=padded, continuous=continuous, reason=reason, now=timezone.now()
    )


def describe_model(model: LocalModel) -> str:
    """What the speeds of a model depend on, but for its device."""
    facts = model.facts
    versions = " ".join(f"{name}/{version}" for name, version in sorted(facts.versions.items()))
    words = (facts.name, facts.revision, facts.dtype, facts.quantization or "", facts.attention, versions)
    return " ".join(word for word in words if word)
