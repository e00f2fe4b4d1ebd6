"""Keep what came of computing consensuses again: a row for each campaign, for those who run it and for the site's log."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from annotate.models import ConsensusCheck

#: Parents named of one check; all are counted.
MOST_NAMED = 20


def keep_stretch(*, campaign_id: int, checked: int, different: Sequence[int], begins: bool, now: datetime) -> None:
    """Add what a stretch of the walk found; `begins`: it is the first, and what an earlier check found is forgotten."""
    with transaction.atomic():
        row, is_new = ConsensusCheck.objects.select_for_update(no_key=True).get_or_create(
            campaign_id=campaign_id, defaults={"started_at": now}
        )
        if begins and not is_new:
            row.checked, row.different, row.parents = 0, 0, []
            row.reliability, row.started_at, row.finished_at = None, now, None
        row.checked += checked
        row.different += len(different)
        row.parents = [*row.parents, *different][:MOST_NAMED]
        row.save()


def finish_check(*, campaign_id: int, reliability: bool | None, now: datetime) -> None:
    """The walk has reached its end. `reliability`: whether the snapshot came out as it is stored; None: nobody can say."""
    ConsensusCheck.objects.filter(campaign_id=campaign_id).update(reliability=reliability, finished_at=now)
