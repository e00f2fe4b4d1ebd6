"""Ask generators for candidates: what a campaign lacks, what is called off, what is tried again.

A request is a row, and the row is the queue (`services.generation_queue`). The database holds that a sample
is asked for once; asking again for what is there adds nothing.

Which generators a prompt asks is decided here, by `tasks.scheduling.comparison_design`:

1. Whoever asks locks the campaign's row first, so that two never decide by the same counts, and nobody changes the
   campaign's generators meanwhile. Workers that claim and settle lock requests alone, so they never wait for it.
2. Up to a thousand messages that lack something, found before, are read with what was asked under them, and the counts
   of pairings of their strata and of the campaign.
3. Each message gets its generators in the order of the messages, the lot drawn by campaign and message: asking again
   from the same counts asks the same.
4. Requests and counts are written together.

With `candidates_per_prompt` a message asks for so many samples in all. Counted are those that generators were asked
for, and that did not fail in the end: what people wrote or an import brought is no generator's, and a failure is
answered by another generator of the design that was not asked yet. Without it every generator is asked for all samples.
"""

from collections.abc import Sequence
from datetime import datetime
from random import Random

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, NotFound
from annotate.models import Campaign, User
from annotate.queries.lineup import Lineup, list_lacking, read_lineup, read_prompts, read_tallies
from annotate.queries.rows import fetch_one, run
from annotate.services.audit import record_event
from annotate.wake import wake
from tasks.scheduling.comparison_design import Tally, plan_prompt
from tasks.scheduling.request_priorities import HIGHEST_SCHEDULED, prioritize
from tasks.vocabulary import AuditAction, CampaignState, JobName, MessageRole, RequestState

#: Parents that one call asks for at most; the sweep asks for the rest.
MOST_PARENTS = 1000
#: States in which a campaign may generate: drafts are prepared, open ones kept supplied.
GENERATING_STATES = (CampaignState.DRAFT, CampaignState.OPEN)

_ASK = """
INSERT INTO annotate_generationrequest (parent_id, generator_id, sample_index, state, attempts, priority, reason, created_at)
SELECT n.parent, n.generator, n.sample, 'queued', 0, n.priority, '', %(now)s
FROM unnest(%(parents)s::bigint[], %(generators)s::bigint[], %(samples)s::smallint[], %(priorities)s::smallint[])
  AS n (parent, generator, sample, priority)
ORDER BY n.sample, n.parent, n.generator
ON CONFLICT (parent_id, generator_id, sample_index) WHERE state IN ('queued', 'running', 'done') DO NOTHING"""

_COUNT = """
INSERT INTO annotate_generatorpairing AS p (campaign_id, stratum_id, first_id, second_id, prompts, credit)
SELECT %(campaign)s, n.stratum, n.first, n.second, n.prompts, n.credit
FROM unnest(%(strata)s::bigint[], %(firsts)s::bigint[], %(seconds)s::bigint[], %(prompts)s::int[], %(credits)s::float[])
  AS n (stratum, first, second, prompts, credit)
ON CONFLICT (campaign_id, stratum_id, first_id, second_id)
DO UPDATE SET prompts = excluded.prompts, credit = excluded.credit"""

_OF_CAMPAIGN = """
r.campaign_id = %(campaign)s AND r.generator_id = COALESCE(%(generator)s::bigint, r.generator_id)"""

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

    Returns how many requests are new; the sweep asks for what is beyond. `priority`: 0 leaves the order to the
    scheduler, above 0 they come before all that it orders, the highest first. Raises Conflict when the campaign
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
    """Refuse where a request would wait for ever.

    Raises Conflict `campaign_not_open`, `no_generator`, or `generator_terms_refused` where the campaign takes the terms
    of none that it names.
    """
    if campaign.state not in GENERATING_STATES:
        raise Conflict(
            _("This campaign is %(state)s, so nothing is generated for it. Open it first.") % {"state": campaign.state},
            code="campaign_not_open",
        )
    lineup = read_lineup(campaign=campaign)
    if not lineup.named and lineup.refused:
        raise Conflict(
            next(iter(lineup.refused.values())), code="generator_terms_refused", details={"generators": lineup.refused}
        )
    if not lineup.named:
        raise Conflict(
            _(
                "This campaign names no generator that can be asked for candidates. Name one of the site's "
                "in its settings."
            ),
            code="no_generator",
        )


def ask_missing(*, campaign_id: int, now: datetime, parent_ids: Sequence[int] | None = None, priority: int = 0) -> int:
    """Add the requests that are missing under at most a thousand parents; returns how many. Wakes the workers."""
    lineup = read_lineup(campaign=Campaign.objects.get(pk=campaign_id), now=now)
    # A million prompts are looked through before anything is locked.
    lacking = list_lacking(campaign_id=campaign_id, lineup=lineup, parent_ids=parent_ids, limit=MOST_PARENTS)
    if not lacking:
        return 0
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
        lineup = read_lineup(campaign=campaign, now=now)
        added = _ask(lacking, lineup=lineup, campaign_id=campaign_id, priority=priority, now=now)
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

    A sample that has another request under way or done stays as it is. Where another generator stood in meanwhile, its
    prompt may then have more candidates than the campaign wants.
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


def _ask(parent_ids: Sequence[int], *, lineup: Lineup, campaign_id: int, priority: int, now: datetime) -> int:
    prompts = read_prompts(parent_ids=parent_ids)
    tallies = read_tallies(campaign_id=campaign_id, stratum_ids=sorted({stratum for stratum, _ in prompts}))
    entrants = lineup.entrants
    asks: list[tuple[int, int, int, int]] = []
    for stratum, prompt in prompts:
        planned = plan_prompt(
            prompt,
            entrants,
            wanted=lineup.wanted,
            fills_up=lineup.fills_up,
            tallies=(tallies[stratum], tallies[None]),
            rng=Random(f"{campaign_id}/{prompt.id}"),  # noqa: S311 - a lot among equals, no secret
        )
        in_order = enumerate(
            sorted((sample, generator) for generator, sample in planned), start=sum(prompt.standing.values())
        )
        asks += [
            (prompt.id, generator, sample, HIGHEST_SCHEDULED + priority if priority > 0 else prioritize(place=place))
            for place, (sample, generator) in in_order
        ]
    names = ("parents", "generators", "samples", "priorities")
    added = run(_ASK, {"now": now, **{name: [ask[place] for ask in asks] for place, name in enumerate(names)}})
    _keep_counts(tallies, campaign_id=campaign_id)
    return added


def _keep_counts(tallies: dict[int | None, Tally], *, campaign_id: int) -> None:
    changed = [(stratum, *change) for stratum, tally in tallies.items() for change in tally.list_changes()]
    if changed:
        strata, firsts, seconds, prompts, credits_ = zip(*changed, strict=True)
        columns = {"strata": strata, "firsts": firsts, "seconds": seconds, "prompts": prompts, "credits": credits_}
        run(_COUNT, {"campaign": campaign_id, **{name: list(values) for name, values in columns.items()}})


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
