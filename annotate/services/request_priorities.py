"""Write which generation requests come first, as the scheduler decided it."""

from collections.abc import Mapping

from annotate.queries.rows import run
from tasks.scheduling.request_priorities import HIGHEST_SCHEDULED

#: Whom a worker just claims, or an organizer calls off, is passed over: nobody waits for whoever writes this.
_WRITE = """
WITH mine AS MATERIALIZED (
  SELECT r.id FROM annotate_generationrequest r
  WHERE r.id = ANY(%(requests)s::bigint[]) AND r.state = 'queued' AND r.priority <= %(highest)s
  ORDER BY r.id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE annotate_generationrequest r SET priority = w.priority
FROM unnest(%(requests)s::bigint[], %(priorities)s::smallint[]) AS w (id, priority)
WHERE r.id = w.id AND r.id = ANY(ARRAY(SELECT id FROM mine)) AND r.priority <> w.priority"""


def write_priorities(*, priorities: Mapping[int, int]) -> int:
    """Give requests that still wait these priorities; returns how many changed.

    What somebody asked to be urgent stays so.
    """
    if not priorities:
        return 0
    params = {"requests": list(priorities), "priorities": list(priorities.values()), "highest": HIGHEST_SCHEDULED}
    return run(_WRITE, params)
