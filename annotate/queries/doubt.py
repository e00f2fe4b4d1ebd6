"""What is not yet known of the order under a message, for the choice of what to show next."""

import json

from annotate.queries.rows import fetch_all

#: Under a message with more candidates the choice stays balanced: somebody waits for it.
MOST_CANDIDATES = 64

_ORDER = """
SELECT c.result->'candidates' AS candidates, c.result->'p_above' AS p_above
FROM annotate_message m JOIN annotate_consensus c ON c.id = m.current_consensus_id
WHERE m.id = %(message)s AND jsonb_array_length(c.result->'candidates') <= %(most)s"""


def load_doubt(*, message_id: int) -> dict[tuple[int, int], float]:
    """Of each pair of candidates, the lower id first, the chance that the consensus has its order the wrong way round.

    Empty while there is no consensus, or where there are very many candidates.
    """
    found = {}
    for row in fetch_all(_ORDER, {"message": message_id, "most": MOST_CANDIDATES}):
        candidates, above = json.loads(row["candidates"]), json.loads(row["p_above"])
        for place, one in enumerate(candidates):
            for behind, other in enumerate(candidates[place + 1 :], start=place + 1):
                share = above[place][behind]
                found[min(one, other), max(one, other)] = min(share, 1 - share)
    return found
