"""Put first what generators are asked for where volunteers have little left to judge, a bounded number of rows a run."""

from annotate.queries.request_priorities import (
    count_vacant,
    list_front_requests,
    list_requests_after,
    load_waiting_prompts,
)
from annotate.services.request_priorities import write_priorities
from tasks.scheduling.request_priorities import decide_priorities

#: Requests that one run looks at: those that are taken next, and stretches of the walk over all.
FRONT_REQUESTS = 500
WALKED_REQUESTS = 2000
STRETCHES = 5
#: Rows that one run writes at most.
MOST_WRITTEN = 500


def prioritize_requests(campaign_id: int, *, after: int) -> int:
    """Decide anew which of a campaign's requests come first; write what changes.

    Returns where the walk over all of them goes on: a request's id, 0 for its beginning.
    """
    vacant = count_vacant(campaign_id=campaign_id)
    room = MOST_WRITTEN
    found = list_front_requests(campaign_id=campaign_id, limit=FRONT_REQUESTS)
    for _ in range(STRETCHES):
        walked = list_requests_after(campaign_id=campaign_id, after=after, limit=WALKED_REQUESTS)
        prompts = load_waiting_prompts(parent_ids=sorted({parent for _, parent in found + walked}))
        changes = sorted(decide_priorities(prompts, vacant=vacant).items(), key=lambda change: (-change[1], change[0]))
        write_priorities(priorities=dict(changes[:room]))
        if len(changes) > room:  # the rest of this stretch is the next run's
            return after
        if len(walked) < WALKED_REQUESTS:
            return 0
        room, found, after = room - len(changes), [], walked[-1][0]
    return after
