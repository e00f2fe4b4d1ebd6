"""Keep what a campaign's rule of when to stop saved, while the turn at measuring it is one's own."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.queries.rows import run
from annotate.services.stale import Turn, keep_turn
from tasks.records.redundancy import Trace

_STORE = """
INSERT INTO annotate_saving AS s (campaign_id, result, traces, computed_at)
VALUES (%(campaign)s, %(result)s::jsonb, %(traces)s::jsonb, %(now)s)
ON CONFLICT (campaign_id) DO UPDATE SET result = excluded.result, traces = excluded.traces, computed_at = excluded.computed_at"""


def store_saving(*, turn: Turn, result: Mapping[str, Any], traces: Sequence[Trace], now: datetime) -> bool:
    """Replace what was measured before; False when the turn is another's by now."""
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return False
        run(
            _STORE,
            {
                "campaign": turn.subject_id,
                "result": json.dumps(result, allow_nan=False),
                "traces": json.dumps([trace.as_row() for trace in traces], allow_nan=False),
                "now": now,
            },
        )
    return True
