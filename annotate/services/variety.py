"""Ask generators that a campaign keeps for variety, where the candidates of the others are too much alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from annotate.models import Campaign
from annotate.queries.rows import run
from annotate.wake import wake
from tasks.scheduling.request_priorities import HIGHEST_SCHEDULED
from tasks.vocabulary import CampaignState, JobName

_ASK = """
INSERT INTO annotate_generationrequest
  (parent_id, generator_id, sample_index, state, attempts, priority, reason, is_for_variety, created_at)
SELECT n.parent, n.generator, n.sample, 'queued', 0, %(priority)s, '', true, %(now)s
FROM unnest(%(parents)s::bigint[], %(generators)s::bigint[], %(samples)s::smallint[]) AS n (parent, generator, sample)
JOIN annotate_campaigngenerator g ON g.campaign_id = %(campaign)s AND g.generator_id = n.generator AND g.is_for_variety
ORDER BY n.parent
ON CONFLICT (parent_id, generator_id, sample_index) WHERE state IN ('queued', 'running', 'done') DO NOTHING"""


def ask_for_variety(*, campaign_id: int, asks: Sequence[tuple[int, int, int]], now: datetime) -> int:
    """Ask for these samples (message, generator, sample), before what the scheduler orders; returns how many are new.

    Nothing is asked where the campaign closed meanwhile, nor of a generator that it does not keep for variety any more.
    """
    if not asks:
        return 0
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
        if campaign.state != CampaignState.OPEN:
            return 0
        parents, generators, samples = (list(values) for values in zip(*asks, strict=True))
        columns = {"parents": parents, "generators": generators, "samples": samples}
        added = run(_ASK, {**columns, "campaign": campaign_id, "priority": HIGHEST_SCHEDULED, "now": now})
        if added:
            wake(JobName.GENERATE_CANDIDATES)
    return added
