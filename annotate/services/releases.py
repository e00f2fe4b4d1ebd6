"""Releases as rows: asked for, taken up by a builder, sealed or failed.

requested → building: a builder took the lease; building → requested: it failed, and another one tries again after a
pause; building → sealed: every file is there; building → failed: it failed too often. A sealed release never changes;
sealed → withdrawn: its files are given to nobody any more. It keeps its number and its items, so that the next release
is made as if it had not been withdrawn.

Every statement of a builder says whose lease it writes under; where no row answers, somebody else builds now.
"""

import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import Campaign, Release, User
from annotate.queries.rows import fetch_all, fetch_one, run
from annotate.services.audit import record_event
from annotate.services.release_freezing import drop_items, has_something
from annotate.services.release_terms import intersect, limit_filters
from annotate.wake import wake
from tasks.vocabulary import AuditAction, CampaignState, JobName, Kind, OutputTerms, ReleaseState

LEASE_SECONDS = 300
#: A release that failed or lost its builder this often is not tried again.
MOST_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 60
SALT_BYTES = 32
ON_REQUEST = "request"
ONE_AT_A_TIME = "a_campaign_builds_one_release_at_a_time"
LONGEST_REASON = 500
FETCHED = (ReleaseState.SEALED, ReleaseState.PUBLISHED)

WORN_OUT = "Each worker that built this release died on the way. Look at the workers' log, then ask for a new release."

_CLAIM = """
UPDATE annotate_release r
SET state = 'building', lease_token = %(token)s, lease_expires_at = %(lease_expires_at)s, attempts = r.attempts + 1
WHERE r.id = (
  SELECT w.id FROM annotate_release w
  WHERE w.state IN ('requested', 'building') AND (w.lease_expires_at IS NULL OR w.lease_expires_at <= %(now)s)
    AND w.attempts < %(most_attempts)s
  ORDER BY w.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING r.id"""

_WORN_OUT = """
SELECT id FROM annotate_release
WHERE state IN ('requested', 'building') AND (lease_expires_at IS NULL OR lease_expires_at <= %(now)s)
  AND attempts >= %(most_attempts)s
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED"""

_MINE = "WHERE id = %(id)s AND state = 'building' AND lease_token = %(token)s"
_RENEW = f"UPDATE annotate_release SET lease_expires_at = %(lease_expires_at)s {_MINE}"
_PAUSE = f"""
UPDATE annotate_release SET state = 'requested', lease_token = NULL, lease_expires_at = %(again_at)s, reason = %(reason)s
{_MINE}"""
_FAIL = f"""
UPDATE annotate_release SET state = 'failed', lease_token = NULL, lease_expires_at = NULL, reason = %(reason)s {_MINE}"""
_GIVE_UP = """
UPDATE annotate_release SET state = 'failed', lease_token = NULL, lease_expires_at = NULL, reason = %(reason)s
WHERE id = %(id)s"""


class LeaseLost(Conflict):
    """Somebody else builds this release now, or it is done."""

    code = "release_taken"


def request_release(
    *,
    campaign: Campaign,
    actor: Actor | User | None,
    now: datetime,
    trigger: str = ON_REQUEST,
    filters: Mapping[str, Any] | None = None,
) -> Release:
    """Queue a release of what the campaign holds; a worker builds it.

    `filters`: `languages` and `kinds` limit it; `output_terms` and `model_licences` those of generators, within what the
    campaign takes, which holds for every release; `target` notes the number of judgments that asked for it.
    Raises Conflict: `campaign_draft`, `nothing_to_release`, `release_in_progress`.
    """
    wanted = {name: value for name, value in (filters or {}).items() if value is not None}
    try:
        with transaction.atomic():
            release = _create(campaign=campaign, actor=actor, trigger=trigger, filters=wanted, now=now)
    except IntegrityError as error:
        if ONE_AT_A_TIME not in str(error):
            raise
        raise _in_progress() from error
    return release


def start_own_release(*, campaign: Campaign, now: datetime, filters: Mapping[str, Any] | None = None) -> Release:
    """Ask for a release and take its lease at once, for the command that builds it itself."""
    with transaction.atomic():
        release = request_release(campaign=campaign, actor=None, now=now, filters=filters)
        Release.objects.filter(pk=release.pk).update(state=ReleaseState.BUILDING, attempts=1, **_make_lease(now=now))
        release.refresh_from_db()
    return release


def claim_release(*, now: datetime) -> Release | None:
    """Take the lease of the first release that waits, also one whose builder died. Ends those that failed too often."""
    with transaction.atomic():
        for worn in fetch_all(_WORN_OUT, {"now": now, "most_attempts": MOST_ATTEMPTS}):
            run(_GIVE_UP, {"id": worn["id"], "reason": WORN_OUT})
            drop_items(release_id=worn["id"])
        params = {"token": uuid.uuid4(), "lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)}
        row = fetch_one(_CLAIM, {"now": now, "most_attempts": MOST_ATTEMPTS, **params})
        return None if row is None else Release.objects.select_related("campaign").get(pk=row["id"])


def renew_release(*, claimed: Release, now: datetime) -> None:
    """Say that the builder is alive. Raises LeaseLost."""
    write_under_lease(_RENEW, claimed, {"lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)})


def stop_release(*, claimed: Release, reason: str, now: datetime, is_final: bool = False) -> None:
    """Building failed: try again after a pause, or end the release when that was the last attempt. `reason` is for organizers."""
    told = {"reason": reason[:LONGEST_REASON]}
    with transaction.atomic():
        if is_final or claimed.attempts >= MOST_ATTEMPTS:
            write_under_lease(_FAIL, claimed, told)
            drop_items(release_id=claimed.pk)
        else:
            pause = timedelta(seconds=FIRST_PAUSE_SECONDS * 2 ** (claimed.attempts - 1))
            write_under_lease(_PAUSE, claimed, {**told, "again_at": now + pause})


def withdraw_release(*, campaign: Campaign, number: int, actor: Actor | User | None, reason: str) -> Release:
    """Give the files of a sealed release to nobody any more. They stay where they lie; `reason` is told instead of them.

    Raises InvalidInput without a reason, NotFound `release_not_found`, and Conflict: `release_withdrawn`,
    `release_not_sealed`.
    """
    told = reason.strip()
    if not told:
        sentence = _("Say why: whoever looks for the files reads it instead.")
        raise InvalidInput(sentence, details={"reason": [sentence]})
    with transaction.atomic():
        release = Release.objects.select_for_update(no_key=True).filter(campaign=campaign, number=number).first()
        before = _check_withdrawable(release)
        Release.objects.filter(pk=before.pk).update(state=ReleaseState.WITHDRAWN, reason=told)
        record_event(
            actor=actor,
            action=AuditAction.RELEASE_WITHDRAWN,
            object_kind="release",
            object_id=number,
            campaign=campaign,
            before={"state": before.state},
            after={"state": ReleaseState.WITHDRAWN},
            reason=told,
        )
        before.refresh_from_db()
    return before


def write_under_lease(sql: str, claimed: Release, params: Mapping[str, Any]) -> None:
    """Run an UPDATE that names `id` and `token`. Raises LeaseLost where the lease is no longer this builder's."""
    if not run(sql, {**params, "id": claimed.pk, "token": claimed.lease_token}):
        raise LeaseLost("Another worker builds this release now, or it is done. Look at its state.")


def _create(
    *, campaign: Campaign, actor: Actor | User | None, trigger: str, filters: Mapping[str, Any], now: datetime
) -> Release:
    locked = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if locked.state == CampaignState.DRAFT:
        raise Conflict(
            _("This campaign is a draft, so nobody has given anything yet. Open it first."), code="campaign_draft"
        )
    if locked.releases.filter(state__in=(ReleaseState.REQUESTED, ReleaseState.BUILDING)).exists():
        raise _in_progress()
    filters = limit_filters(campaign=locked, filters=filters)
    if not has_something(campaign_id=locked.pk, filters=filters):
        raise Conflict(
            _(
                "There is nothing to release yet: no judgment that was given with consent, or none that "
                "these filters leave."
            ),
            code="nothing_to_release",
        )
    number = (locked.releases.aggregate(last=Max("number"))["last"] or 0) + 1
    release = Release.objects.create(
        campaign=locked,
        number=number,
        state=ReleaseState.REQUESTED,
        trigger=trigger,
        filters=dict(filters),
        licence=locked.licence,
        pseudonym_salt=secrets.token_bytes(SALT_BYTES),
        requested_by_id=actor.user_id if isinstance(actor, Actor) else getattr(actor, "pk", None),
        requested_at=now,
    )
    record_event(
        actor=actor,
        action=AuditAction.RELEASE_REQUESTED,
        object_kind="release",
        object_id=number,
        campaign=locked,
        after={"number": number, "trigger": trigger, "filters": dict(filters)},
    )
    wake(JobName.BUILD_RELEASES)
    return release


def check_filters(*, campaign: Campaign, filters: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with filters, by name, each as sentences; empty when they can be used."""
    problems = {}
    if strange := sorted(set(filters.get("languages") or ()) - set(campaign.languages)):
        problems["languages"] = [
            _("%(name)s is not a language of the campaign; those are %(languages)s.")
            % {"name": strange[0], "languages": ", ".join(campaign.languages)}
        ]
    if strange := sorted(set(filters.get("kinds") or ()) - {kind.value for kind in Kind}):
        problems["kinds"] = [
            _("There is no kind of work %(name)s; there are %(kinds)s.")
            % {"name": strange[0], "kinds": ", ".join(Kind)}
        ]
    if strange := sorted(set(filters.get("output_terms") or ()) - {terms.value for terms in OutputTerms}):
        problems["output_terms"] = [
            _("There are no terms %(name)s; there are %(terms)s.")
            % {"name": strange[0], "terms": ", ".join(OutputTerms)}
        ]
    for name in ("output_terms", "model_licences"):
        own, asked = getattr(campaign, name), filters.get(name)
        if name not in problems and own and asked and not intersect(own, asked):
            problems[name] = [
                _("The campaign takes only %(own)s, so that nothing by a generator would be left. Choose among these.")
                % {"own": ", ".join(own)}
            ]
    return problems


def _check_withdrawable(release: Release | None) -> Release:
    if release is None:
        raise NotFound(
            _("This campaign has no release of this number. Look at the list of its releases."),
            code="release_not_found",
        )
    if release.state == ReleaseState.WITHDRAWN:
        raise Conflict(_("This release was withdrawn already. Nothing was changed."), code="release_withdrawn")
    if release.state not in FETCHED:
        raise Conflict(
            _("This release is not sealed, so nobody can fetch it and there is nothing to withdraw."),
            code="release_not_sealed",
        )
    return release


def _make_lease(*, now: datetime) -> dict[str, Any]:
    return {"lease_token": uuid.uuid4(), "lease_expires_at": now + timedelta(seconds=LEASE_SECONDS)}


def _in_progress() -> Conflict:
    return Conflict(
        _("A release of this campaign is being made already. Wait until it is sealed, then ask for the next one."),
        code="release_in_progress",
    )
