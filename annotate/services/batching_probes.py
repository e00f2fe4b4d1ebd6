"""What was measured of ways of batching: once for a model and a device, and remembered for every worker."""

from __future__ import annotations

from datetime import datetime

from annotate.models import BatchingProbe
from tasks.vocabulary import Batching


def find_probe(*, key: str, device: str) -> BatchingProbe | None:
    """What was measured of a model on a device, if anything was."""
    return BatchingProbe.objects.filter(key=key[:500], device=device[:120]).first()


def remember_probe(
    *, key: str, device: str, padded: float, continuous: float | None, reason: str, now: datetime
) -> Batching:
    """Keep two speeds (tokens per second; `continuous` None: it cannot), and give the faster way. The last word stays."""
    is_faster = continuous is not None and continuous > padded
    batching = Batching.CONTINUOUS if is_faster else Batching.PADDED
    values = {"batching": batching, "padded": padded, "continuous": continuous, "reason": reason, "measured_at": now}
    BatchingProbe.objects.update_or_create(key=key[:500], device=device[:120], defaults=values)
    return batching
