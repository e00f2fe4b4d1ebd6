"""Lets the units of a campaign follow its parameters and kinds of work, however many they are.

1. Whoever changes a campaign marks it (`StaleKind.CAMPAIGN_UNITS`) in the same transaction.
2. The job claims one mark with a lease and commits.
3. It walks over the messages by ranges of ids and opens the units that are missing, then over the units: those
   that the label schema has no questions for close, and open again when it has; what is open needs what is wanted.
   Each piece is a transaction of its own and idempotent.
4. It settles the mark. Killed in between, it starts anew when the lease has ended and finds less to do.

Where trees grow, it is the trees and the supply of prompts that follow: they are marked, and decided by themselves
(`services.tree_growth`). So are trees that were growing when their campaign ceased to. Of the units themselves, those that
put candidates in order follow the parameters as everywhere.

A kind of work that was taken away is no longer offered (`queries.eligibility`), and its units stay as they are:
what is held may be submitted, and the kind may come back.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from annotate.models import Campaign
from annotate.queries.campaign_parents import find_last_ids, list_parents_without_units
from annotate.queries.growing_trees import list_trees_to_follow
from annotate.services.label_units import follow_label_schema
from annotate.services.stale import Mark, claim_stale, renew_stale, settle_stale
from annotate.services.tree_marks import mark_supply, mark_trees
from annotate.services.units import open_units
from annotate.services.units_needed import change_gold_needed, change_units_needed
from annotate.wake import wake
from tasks.records.parameters import NAMES, read_settings
from tasks.vocabulary import JobName, StaleKind

#: Parameters that are read when somebody asks, submits or computes, so that nothing has to follow them.
READ_WHEN_NEEDED = frozenset(
    {"candidates_shown", "lease_seconds", "offered_lease_seconds", "max_held", "daily_cap", "max_text_chars",
     "require_rationale", "min_judgments", "max_judgments", "release_target", "candidates_per_prompt", "redraws",
     "near_duplicate_similarity", "keep_refusals", "weigh_reliability", "show_leaderboard",
     "gold_share", "training_judgments", "explain_gold"}
)  # fmt: skip
#: A change of these reaches units that are open already, and may open new ones.
FOLLOWED_BY_UNITS = frozenset(
    {"kinds", "languages", "label_schema", *(f"parameters.{name}" for name in NAMES if name not in READ_WHEN_NEEDED)}
)
#: Renewed before each range, which takes seconds.
LEASE_SECONDS = 300.0
#: Ids that one statement looks at, and parents whose units one transaction opens.
IDS_A_RANGE = 20_000
PARENTS_A_BATCH = 200
#: Trees that one statement marks.
TREES_A_BATCH = 1000


def follow_next_campaign(*, clock: Callable[[], datetime]) -> int | None:
    """Do one marked campaign; returns its id, or None when there is none left that nobody else does."""
    marks = claim_stale(kind=StaleKind.CAMPAIGN_UNITS, limit=1, now=clock(), lease_seconds=LEASE_SECONDS)
    if not marks:
        return None
    follow_campaign(mark=marks[0], clock=clock)
    return marks[0].subject_id


def follow_campaign(*, mark: Mark, clock: Callable[[], datetime]) -> None:
    """Open what the campaign's kinds lack, and let every open unit need what its parameters say."""
    campaign = Campaign.objects.filter(pk=mark.subject_id).first()
    if campaign is not None:
        last_message, last_unit = find_last_ids()
        settings = read_settings(campaign.parameters)
        _mark_trees(campaign=campaign, grows=settings.grow_trees)
        for after, last in () if settings.grow_trees else _ranges(last_message):
            mark = renew_stale(mark=mark, now=clock(), lease_seconds=LEASE_SECONDS)
            _open_missing(campaign=campaign, after=after, last=last, now=clock())
        for after, last in _ranges(last_unit):
            mark = renew_stale(mark=mark, now=clock(), lease_seconds=LEASE_SECONDS)
            follow_label_schema(campaign=campaign, after=after, last=last)
            change_units_needed(campaign_id=campaign.pk, settings=settings, after=after, last=last)
        change_gold_needed(campaign_id=campaign.pk, settings=settings)
        wake(JobName.SCHEDULE_UNITS)
    settle_stale(marks=[mark])


def _mark_trees(*, campaign: Campaign, grows: bool) -> None:
    after = 0
    while trees := list_trees_to_follow(campaign_id=campaign.pk, after=after, limit=TREES_A_BATCH, grows=grows):
        mark_trees(tree_ids=trees)
        after = trees[-1]
    mark_supply(campaign_ids=[campaign.pk])


def _open_missing(*, campaign: Campaign, after: int, last: int, now: datetime) -> None:
    parents = list_parents_without_units(
        campaign_id=campaign.pk,
        kinds=list(campaign.kinds),
        label_schema_id=campaign.label_schema_id,
        settings=read_settings(campaign.parameters),
        after=after,
        last=last,
    )
    for start in range(0, len(parents), PARENTS_A_BATCH):
        open_units(campaign_id=campaign.pk, parent_ids=parents[start : start + PARENTS_A_BATCH], now=now)


def _ranges(last: int) -> Iterator[tuple[int, int]]:
    """(after, last) of consecutive ranges that cover 1 to `last`."""
    return ((start, start + IDS_A_RANGE) for start in range(0, last, IDS_A_RANGE))
