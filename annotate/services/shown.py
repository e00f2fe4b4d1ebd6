"""What somebody is shown: chosen when they claim, frozen with their assignment, and shown again as it was.

Work that is taken up again shows what it showed, unless a candidate was removed meanwhile. Then others are chosen,
under letters that were never used in this assignment: a page that still shows the earlier choice cannot order them.
"""

import random
from collections.abc import Sequence
from typing import Any

from annotate.queries.doubt import load_doubt
from annotate.queries.presentation import FREEZE, get_shown, present
from annotate.queries.rows import Row, fetch_all, fetch_row, run
from tasks.records.parameters import CampaignSettings
from tasks.scheduling.pick import choose_doubtful, choose_subset
from tasks.vocabulary import Kind

#: Of what very many were shown, as a gold item, the latest are enough.
EARLIER_SUBSETS = """
SELECT array_agg(ac.message_id ORDER BY ac.position) AS messages FROM (
  SELECT a.id FROM annotate_assignment a
  WHERE a.unit_id = %(unit)s AND a.state IN ('live', 'submitted') AND a.id <> %(assignment)s ORDER BY a.id DESC LIMIT 200) s
JOIN annotate_assignmentcandidate ac ON ac.assignment_id = s.id AND ac.position >= 0
GROUP BY s.id ORDER BY s.id"""

#: What was shown is kept, under positions that show nothing; a ballot that was taken back may speak of it.
SHOW_NO_MORE = """
UPDATE annotate_assignmentcandidate SET position = -1 - position WHERE assignment_id = %(assignment)s AND position >= 0"""

NEXT_POSITION = """
SELECT max(GREATEST(position, -1 - position)) + 1 AS first FROM annotate_assignmentcandidate
WHERE assignment_id = %(assignment)s"""

#: Of a draft on candidates that are not shown any more only what names none of them holds.
FORGET_ORDER = """
UPDATE annotate_assignment SET draft_version = draft_version + 1,
  draft = NULLIF(draft - '{tiers,acceptable_tiers,rest_worse,much_better}'::text[], '{}')
WHERE id = %(assignment)s AND draft IS NOT NULL"""


def freeze_shown(
    *, claimed: Row, settings: CampaignSettings, previous: int | None, rng: random.Random
) -> dict[str, Any]:
    """Choose what is shown, store it and read it in the API's shape."""
    candidates, frozen = claimed["candidates"], claimed["frozen"]
    if claimed["kind"] == Kind.IMPROVE_REPLY:
        candidates = [claimed["subject"]]  # what is improved is shown as it is now, whatever comes to it later
    if frozen and set(frozen) <= set(candidates):
        run(
            "UPDATE annotate_assignment SET next_assignment_id = %(next)s WHERE id = %(previous)s",
            {"next": claimed["assignment"], "previous": previous},
        )
        return get_shown(assignment_id=claimed["assignment"])
    first = stop_showing(claimed["assignment"]) if frozen else 0
    messages: Sequence[int] = ()
    if claimed["kind"] in (Kind.RANK, Kind.COMPARE):
        messages = _choose(claimed=claimed, settings=settings, candidates=candidates, rng=rng)
    elif claimed["kind"] == Kind.IMPROVE_REPLY:
        messages = candidates
    params = {"assignment": claimed["assignment"], "messages": list(messages), "first": first, "previous": previous}
    return present(fetch_row(FREEZE, params))


def stop_showing(assignment_id: int) -> int:
    """A candidate of the earlier hold is gone, and others will be chosen: the first position that was never used."""
    params = {"assignment": assignment_id}
    run(FORGET_ORDER, params)
    run(SHOW_NO_MORE, params)
    return int(fetch_row(NEXT_POSITION, params)["first"])


def _choose(*, claimed: Row, settings: CampaignSettings, candidates: list[int], rng: random.Random) -> Sequence[int]:
    size = 2 if claimed["kind"] == Kind.COMPARE else settings.candidates_shown
    if len(candidates) <= size:
        return rng.sample(candidates, len(candidates))
    # The unit's row is locked by this claim, so that nobody else chooses a subset of this parent meanwhile.
    earlier = fetch_all(EARLIER_SUBSETS, {"unit": claimed["unit"], "assignment": claimed["assignment"]})
    shown = [row["messages"] for row in earlier]
    if not settings.stops_by_certainty:
        return choose_subset(candidates, shown=shown, size=size, rng=rng)
    doubt = load_doubt(message_id=claimed["subject"])
    return choose_doubtful(candidates, shown=shown, doubt=doubt, size=size, rng=rng)
