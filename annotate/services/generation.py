"""Ask generators for candidates: what a campaign lacks, what is called off, what is tried again.

A request is a row, and the row is the queue (`services.generation_queue`). The database holds that a sample
is asked for once; asking again for what is there adds nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, NotFound
from annotate.models import Campaign, CampaignGenerator, User
from annotate.queries.rows import fetch_all, fetch_one, run
from annotate.services.audit import record_event
from annotate.wake import wake
from tasks.vocabulary import AuditAction, CampaignState, Engine, JobName, MessageRole, RequestState

#: Parents that one call asks for at most; the sweep asks for the rest.
MOST_PARENTS = 1000
#: States in which a campaign may generate: drafts are prepared, open ones kept supplied.
GENERATING_STATES = (CampaignState.DRAFT, CampaignState.OPEN)

#: Prompts are roots; a message further down is asked for by its id.
_LACKING = """
SELECT m.id FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE t.campaign_id = %(campaign)s AND t.state = 'ranking' AND m.removed_at IS NULL AND m.withdrawn_at IS NULL
  AND m.role = %(prompter)s
  AND CASE WHEN %(parents)s::bigint[] IS NULL THEN m.parent_id IS NULL ELSE m.id = ANY(%(parents)s::bigint[]) END
  AND EXISTS (
    SELECT 1 FROM annotate_campaigngenerator cg JOIN annotate_generator g ON g.id = cg.generator_id
    WHERE cg.campaign_id = t.campaign_id AND g.enabled AND g.engine <> %(label)s
      AND cg.samples > (SELECT count(DISTINCT r.sample_index) FROM annotate_generationrequest r
                        WHERE r.parent_id = m.id AND r.generator_id = cg.generator_id AND r.sample_index < cg.samples))
ORDER BY m.id LIMIT %(limit)s"""

#: A sample that failed or was called off before is not asked for anew: that is what retrying is for.
_ASK = """
INSERT INTO annotate_generationrequest (parent_id, generator_id, sample_index, state, attempts, priority, reason, created_at)
SELECT parent, cg.generator_id, sample, 'queued', 0, %(priority)s, '', %(now)s
FROM unnest(%(parents)s::bigint[]) AS parent
CROSS JOIN annotate_campaigngenerator cg JOIN annotate_generator g ON g.id = cg.generator_id
CROSS JOIN LATERAL generate_series(0, cg.samples - 1) AS sample
WHERE cg.campaign_id = %(campaign)s AND g.enabled AND g.engine <> %(label)s AND NOT EXISTS (
  SELECT 1 FROM annotate_generationrequest r
  WHERE r.parent_id = parent AND r.generator_id = cg.generator_id AND r.sample_index = sample)
ORDER BY sample, parent, cg.generator_id
ON CONFLICT (parent_id, generator_id, sample_index) WHERE state IN ('queued', 'running', 'done') DO NOTHING"""

_OF_CAMPAIGN = """
r.generator_id = COALESCE(%(generator)s::bigint, r.generator_id) AND EXISTS (
  SELECT 1 FROM annotate_message p JOIN annotate_messagetree t ON t.id = p.tree_id
  WHERE p.id = r.parent_id AND t.campaign_id = %(campaign)s)"""

#: A worker that is at it finds its lease gone and drops the text.
_CANCEL = f"""
WITH mine AS MATERIALIZED (
  SELECT r.id FROM annotate_generationrequest r
  WHERE r.state IN ('queued', 'running') AND {_OF_CAMPAIGN} ORDER BY r.id FOR NO KEY UPDATE)
UPDATE annotate_generationrequest r
SET state = 'cancelled', lease_token = NULL, lease_expires_at = NULL, not_before = NULL, finished_at = %(now)s,
  reason = %(reason)s
FROM mine WHERE r.id = mine.id"""

_RETRY = f"""
WITH mine AS MATERIALIZED (
  SELECT r.id FROM annotate_generationrequest r
  WHERE r.state = ANY(%(states)s::text[]) AND {_OF_CAMPAIGN}
    AND (%(requests)s::bigint[] IS NULL OR r.id = ANY(%(requests)s::bigint[]))
    AND NOT EXISTS (
      SELECT 1 FROM annotate_generationrequest twin
      WHERE twin.parent_id = r.parent_id AND twin.generator_id = r.generator_id AND twin.sample_index = r.sample_index
        AND (twin.state IN ('queued', 'running', 'done') OR twin.id > r.id))
  ORDER BY r.id FOR NO KEY UPDATE OF r)
UPDATE annotate_generationrequest r
SET state = 'queued', attempts = 0, losses = 0, outcome = NULL, reason = '', not_before = NULL, finished_at = NULL
FROM mine WHERE r.id = mine.id"""


def request_candidates(
    *,
    campaign: Campaign,
    actor: Actor | User | None,
    now: datetime,
    parent_ids: Sequence[int] | None = None,
    priority: int = 0,
) -> int:
    """Ask the campaign's generators for what these parents lack (None: the first thousand prompts that lack something).

    Returns how many requests are new; the sweep asks for what is beyond. Raises Conflict when the campaign
    names no generator that can be asked, or is paused or closed, and NotFound for a parent that is not its own.
    """
    check_may_generate(campaign=campaign)
    parents = None if parent_ids is None else sorted(set(parent_ids))
    with transaction.atomic():
        if parents is not None:
            _check_parents(campaign=campaign, parent_ids=parents)
        added = ask_missing(campaign_id=campaign.pk, now=now, parent_ids=parents, priority=priority)
        if actor is not None:
            _record(AuditAction.GENERATION_REQUESTED, actor=actor, campaign=campaign, after={"requests": added})
    return added


def check_may_generate(*, campaign: Campaign) -> None:
    """Refuse where a request would wait for ever."""
    if campaign.state not in GENERATING_STATES:
        raise Conflict(
            _("This campaign is %(state)s, so nothing is generated for it. Open it first.") % {"state": campaign.state},
            code="campaign_not_open",
        )
    named = CampaignGenerator.objects.filter(campaign=campaign, generator__enabled=True)
    if not named.exclude(generator__engine=Engine.LABEL).exists():
        raise Conflict(
            _(
                "This campaign names no generator that can be asked for candidates. Name one of the site's "
                "in its settings."
            ),
            code="no_generator",
        )


def ask_missing(*, campaign_id: int, now: datetime, parent_ids: Sequence[int] | None = None, priority: int = 0) -> int:
    """Add the requests that are missing under at most a thousand parents; returns how many. Wakes the workers."""
    params = {"campaign": campaign_id, "label": Engine.LABEL, "prompter": MessageRole.PROMPTER, "now": now}
    with transaction.atomic():
        lacking = fetch_all(
            _LACKING, {**params, "parents": None if parent_ids is None else list(parent_ids), "limit": MOST_PARENTS}
        )
        added = 0
        if lacking:
            added = run(_ASK, {**params, "parents": [row["id"] for row in lacking], "priority": priority})
        if added:
            wake(JobName.GENERATE_CANDIDATES)
    return added


def cancel_requests(*, campaign: Campaign, actor: Actor | User, now: datetime, generator_id: int | None = None) -> int:
    """Call off what is queued or under way (of one generator, or of all); returns how many requests ended."""
    reason = "An organizer called this off."
    with transaction.atomic():
        params = {"campaign": campaign.pk, "generator": generator_id, "now": now, "reason": reason}
        ended = run(_CANCEL, params)
        _record(AuditAction.GENERATION_CANCELLED, actor=actor, campaign=campaign, after=_tell(ended, generator_id))
    return ended


def retry_requests(
    *,
    campaign: Campaign,
    actor: Actor | User,
    generator_id: int | None = None,
    request_ids: Sequence[int] | None = None,
    states: Sequence[RequestState] = (RequestState.FAILED, RequestState.SET_ASIDE),
) -> int:
    """Queue again what failed or was set aside (also what was called off, where `states` says so); returns how many.

    A sample that has another request under way or done stays as it is.
    """
    check_may_generate(campaign=campaign)
    with transaction.atomic():
        queued = run(
            _RETRY,
            {
                "campaign": campaign.pk,
                "generator": generator_id,
                "requests": None if request_ids is None else list(request_ids),
                "states": [state.value for state in states],
            },
        )
        _record(AuditAction.GENERATION_RETRIED, actor=actor, campaign=campaign, after=_tell(queued, generator_id))
        if queued:
            wake(JobName.GENERATE_CANDIDATES)
    return queued


def _check_parents(*, campaign: Campaign, parent_ids: Sequence[int]) -> None:
    row = fetch_one(
        """SELECT array_agg(wanted ORDER BY wanted) AS missing FROM unnest(%(parents)s::bigint[]) AS wanted
           WHERE NOT EXISTS (SELECT 1 FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
             WHERE m.id = wanted AND t.campaign_id = %(campaign)s AND m.role = %(prompter)s
               AND m.removed_at IS NULL AND m.withdrawn_at IS NULL)""",
        {"parents": list(parent_ids), "campaign": campaign.pk, "prompter": MessageRole.PROMPTER},
    )
    if row is not None and row["missing"]:
        raise NotFound(
            _("This campaign has no prompt %(prompt)s that a generator could answer.") % {"prompt": row["missing"][0]},
            code="message_not_found",
            details={"parents": row["missing"]},
        )


def _tell(requests: int, generator_id: int | None) -> dict[str, int | None]:
    return {"requests": requests, "generator": generator_id}


def _record(
    action: AuditAction, *, actor: Actor | User, campaign: Campaign, after: dict[str, int] | dict[str, int | None]
) -> None:
    record_event(
        actor=actor, action=action, object_kind="campaign", object_id=campaign.slug, campaign=campaign, after=after
    )
