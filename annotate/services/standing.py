"""Keep how far a campaign is from its targets, while the turn at measuring it is one's own."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from annotate.queries.rows import run
from annotate.services.stale import Turn, keep_turn

_STORE = """
INSERT INTO annotate_targetstanding AS s (campaign_id, result, measured_at)
VALUES (%(campaign)s, %(result)s::jsonb, %(now)s)
ON CONFLICT (campaign_id) DO UPDATE SET result = excluded.result, measured_at = excluded.measured_at"""


def store_standing(*, turn: Turn, result: Mapping[str, Any], now: datetime) -> bool:
    """Replace what was measured before; False when the turn is another's by now."""
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return False
        run(_STORE, {"campaign": turn.subject_id, "result": json.dumps(result, allow_nan=False), "now": now})
    return True
