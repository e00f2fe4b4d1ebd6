"""Give somebody the work that a campaign needs most among what they may do.

1. Lock the person's row: their tabs and double clicks take turns.
2. A live hold of theirs that fits is given again: asking twice never hoards. One that could not be submitted any
   more, because something it shows was removed, goes back instead.
3. Probe the front of each queue they may work in, and lock one unit, skipping whatever others lock: the one that is
   wanted most, or of those the one that fits them (`services.matching`). Now and then one is drawn by lot from all.
4. Only when the probe finds nothing, look behind the unit they have just done, and then deep: past everything
   they have already seen.
   Where a coin says so, gold items come before all that (`services.gold_claims`); else nobody looks at them.
5. Freeze what is shown: which candidates, in which order, in which revision, under which versions of guideline and
   label schema. Work taken up again shows what it showed, unless a candidate was removed meanwhile.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotate.exceptions import NotFound
from annotate.queries.eligibility import (
    Level,
    Moment,
    find_refusal,
    render_columns,
)
from annotate.queries.rows import Row, fetch_one, fetch_row
from annotate.queries.traits import TRAITS
from annotate.queries.vacancies import NoneReason, explain_nothing
from annotate.services.claim_filters import check_filters
from annotate.services.claim_statements import (
    CLAIM_BEHIND,
    CLAIM_BY_LOT,
    CLAIM_DEEP,
    CLAIM_GOLD,
    CLAIM_GOLD_MATCHED,
    CLAIM_MATCHED,
    CLAIM_NEAR,
)
from annotate.services.gold_claims import GOLD_WIDTHS, look_alike, toss_for_gold
from annotate.services.held import find_held, give_again
from annotate.services.holds import expire_leases
from annotate.services.matching import draw_tie, draw_units, read_traits
from annotate.services.shown import freeze_shown
from annotate.services.terms import CURRENT_TERMS
from tasks.records.parameters import CampaignSettings, parse_settings
from tasks.scheduling.matching import Traits
from tasks.vocabulary import LeaseGrade, WhyNone

#: How many front rows of each queue a probe looks at, keeps of each queue, and keeps in all. A second and third
#: attempt, after contention, look further.
PROBE_WIDTHS = (
    {"depth": 32, "near": 8, "wide": 16},
    {"depth": 128, "near": 32, "wide": 64},
    {"depth": 512, "near": 128, "wide": 256},
)

CONTEXT = f"""
SELECT a.id AS me, a.user_id, c.id AS campaign, c.slug, c.state, c.parameters::text AS parameters, c.kinds, c.languages,
  ARRAY(SELECT k.language FROM annotate_languageskill k WHERE k.annotator_id = a.id) AS skills,
  EXISTS (SELECT 1 FROM annotate_membership mb WHERE mb.campaign_id = c.id AND mb.user_id = a.user_id)
    OR EXISTS (SELECT 1 FROM annotate_user au WHERE au.id = a.user_id AND au.is_superuser) AS is_member,
  {TRAITS} AS traits, {render_columns(moment=Moment.OFFER, level=Level.PERSON)}
FROM annotate_annotator a CROSS JOIN annotate_campaign c
WHERE a.id = %(me)s AND c.slug = %(slug)s
FOR NO KEY UPDATE OF a"""


@dataclass(frozen=True, slots=True)
class Offer:
    """Either an assignment in the API's shape, or why there is none."""

    assignment: dict[str, Any] | None
    why_none: NoneReason | None

    def as_answer(self) -> dict[str, Any]:
        return {
            "assignment": self.assignment,
            "why_none": None if self.why_none is None else self.why_none.as_answer(),
        }


@dataclass(frozen=True, slots=True)
class Claimant:
    """Somebody about to be offered work in one campaign, their row locked."""

    annotator_id: int
    campaign_id: int
    settings: CampaignSettings
    kinds: list[str]
    languages: list[str]
    traits: Traits | None


def offer_next(
    *,
    annotator_id: int,
    slug: str,
    now: datetime,
    rng: random.Random,
    kinds: Collection[str] | None = None,
    languages: Collection[str] | None = None,
) -> Offer:
    """The next work of this person in a campaign, or why there is none. One transaction."""
    with transaction.atomic():
        params = {"me": annotator_id, "slug": slug, "now": now, "terms": CURRENT_TERMS, "closing": None, "giving": 0}
        row = fetch_one(CONTEXT, params)
        if row is None or (row["state"] == "draft" and not row["is_member"]):
            raise NotFound(
                _("There is no such campaign. Look at the list of campaigns for its address."),
                code="campaign_not_found",
            )
        check_filters(row=row, kinds=kinds, languages=languages)
        return claim_for(row=row, now=now, rng=rng, kinds=kinds, languages=languages)


def claim_for(
    *,
    row: Row,
    now: datetime,
    rng: random.Random,
    kinds: Collection[str] | None = None,
    languages: Collection[str] | None = None,
    previous: int | None = None,
) -> Offer:
    """Claim for a locked person (`row` has the columns of `CONTEXT`). Must be the last thing in its transaction.

    `previous` is the assignment whose submit asks: what is given then is a short hold until its first activity. `row`
    then also has where its unit stood: `queue`, `band`, `tie`.
    """
    refusal = find_refusal(row, moment=Moment.OFFER, level=Level.PERSON)
    claimant = _claimant(row=row, kinds=kinds, languages=languages)
    if refusal is not None and refusal.name != "too_many_holds":
        return Offer(
            None, explain_nothing(row=row, clause=refusal, kinds=claimant.kinds, languages=claimant.languages, now=now)
        )
    params = {"me": claimant.annotator_id, "campaign": claimant.campaign_id, "now": now, "kinds": claimant.kinds,
              "languages": claimant.languages}  # fmt: skip
    held, full = find_held(params, may_wait=previous is None)
    if held is not None:
        return Offer(
            give_again(assignment_id=held, lease_seconds=claimant.settings.lease_seconds, previous=previous, now=now),
            None,
        )
    refusal = refusal or full
    if refusal is not None:
        return Offer(
            None, explain_nothing(row=row, clause=refusal, kinds=claimant.kinds, languages=claimant.languages, now=now)
        )
    if previous is not None:
        params |= {"queue": row["queue"], "band": row["band"], "tie": row["tie"]}
    params |= _lease(claimant=claimant, previous=previous, now=now)
    claimed = (
        _claim_gold(claimant=claimant, params=params, rng=rng)
        or _claim_by_lot(claimant=claimant, params=params, rng=rng)
        or _claim_unit(claimant=claimant, params=params, now=now, rng=rng)
    )
    if isinstance(claimed, WhyNone):
        return Offer(None, explain_nothing(row=row, clause=None, kinds=claimant.kinds, languages=claimant.languages, now=now,
                                           busy=claimed is WhyNone.BUSY))  # fmt: skip
    return Offer(freeze_shown(claimed=claimed, settings=claimant.settings, previous=previous, rng=rng), None)


def _claimant(*, row: Row, kinds: Collection[str] | None, languages: Collection[str] | None) -> Claimant:
    skills = row["skills"] or row["languages"]
    return Claimant(
        annotator_id=row["me"],
        campaign_id=row["campaign"],
        settings=parse_settings(row["parameters"]),
        kinds=[kind for kind in row["kinds"] if kinds is None or kind in kinds],
        languages=[
            language
            for language in row["languages"]
            if language in skills and (languages is None or language in languages)
        ],
        traits=read_traits(row),
    )


def _claim_unit(*, claimant: Claimant, params: Row, now: datetime, rng: random.Random) -> Row | WhyNone:
    """A claimed row; or BUSY when others locked all that was picked; or EMPTY when nothing is there for this person."""
    statements: tuple[str, ...] = (
        (CLAIM_NEAR, CLAIM_BEHIND, CLAIM_DEEP) if "queue" in params else (CLAIM_NEAR, CLAIM_DEEP)
    )
    matched = _claim_matched(claimant=claimant, params=params, rng=rng)
    if not isinstance(matched, WhyNone | None):
        return matched
    if matched is WhyNone.EMPTY:
        statements = statements[1:]
    for swept in (False, True):
        looked: Row | WhyNone = WhyNone.EMPTY
        for widths in PROBE_WIDTHS:
            looked = _look(params={**params, **widths}, statements=statements)
            if not isinstance(looked, WhyNone):
                return looked
            if looked is WhyNone.EMPTY:
                break
        if looked is WhyNone.BUSY:
            return looked
        # Holds that ran out may not have been swept yet; their places are free to whoever asks.
        if swept or not expire_leases(now=now, campaign_id=claimant.campaign_id):
            break
    return WhyNone.EMPTY


def _claim_matched(*, claimant: Claimant, params: Row, rng: random.Random) -> Row | WhyNone | None:
    """As `_claim_unit`, of what fits this person among what is wanted most; None where nobody is matched."""
    if claimant.traits is None or not claimant.settings.match_people:
        return None
    units = draw_units(traits=claimant.traits, params=params, rng=rng)
    return _look(params={**params, "units": units}, statements=(CLAIM_MATCHED,)) if units else WhyNone.EMPTY


def _claim_by_lot(*, claimant: Claimant, params: Row, rng: random.Random) -> Row | None:
    """A claimed row, drawn from all that this person may do; None where no lot is drawn, or it finds nothing."""
    share = claimant.settings.random_share
    if not share or rng.random() >= share:
        return None
    looked = _look(
        params={**params, "from": draw_tie(rng), "near": PROBE_WIDTHS[0]["near"]}, statements=(CLAIM_BY_LOT,)
    )
    return None if isinstance(looked, WhyNone) else looked


def _claim_gold(*, claimant: Claimant, params: Row, rng: random.Random) -> Row | None:
    """A claimed gold item; None where the coin says no, or there is none for this person."""
    me, campaign = claimant.annotator_id, claimant.campaign_id
    if not toss_for_gold(annotator_id=me, campaign_id=campaign, settings=claimant.settings, rng=rng):
        return None
    is_matched = claimant.traits is not None and claimant.settings.match_people
    statement = CLAIM_GOLD_MATCHED if is_matched else CLAIM_GOLD
    for wide in GOLD_WIDTHS:
        looked = _look(params={**params, "gold_wide": wide}, statements=(statement,))
        if not isinstance(looked, WhyNone):
            look_alike(looked)
            return looked
        if looked is WhyNone.EMPTY:
            break
    return None


def _lease(*, claimant: Claimant, previous: int | None, now: datetime) -> Row:
    grade = LeaseGrade.ACTIVE if previous is None else LeaseGrade.OFFERED
    settings = claimant.settings
    seconds = settings.lease_seconds if previous is None else settings.offered_lease_seconds
    return {"lease_grade": grade, "lease_expires_at": now + timedelta(seconds=seconds)}


def _look(*, params: Row, statements: Sequence[str]) -> Row | WhyNone:
    """One probe, and further looks where it picks nothing. BUSY: picked, but all locked by others."""
    for sql in statements:
        row = fetch_row(sql, params)
        if row["assignment"] is not None:
            return row
        if row["held"]:
            raise IntegrityError("a unit was held for an assignment that could not be written")
        if row["looked"]:
            return WhyNone.BUSY
    return WhyNone.EMPTY
