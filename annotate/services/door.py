"""One judgment from the door: whoever presses a button under a pair becomes a guest and has judged it.

1. The token of the pair was checked before anybody was made: a pair that changed makes no guest.
2. Meet the guest: the same press sent twice from one browser is the same guest, because their device is derived from
   the page and the browser.
3. In one transaction: lock the person; lock an assignment of theirs on this unit, if there is one; take a place, if one
   is free; freeze those two in that order, under the guideline that was shown; submit. Without a place it is surplus.
4. What comes next is another pair, if there is one: more of what they came in with.
"""

import base64
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from annotate.exceptions import ChorusError, Conflict, Gone, NotAllowed, NotFound
from annotate.queries.door import DoorPair, find_pair_again
from annotate.queries.eligibility import Level, Moment, find_refusal
from annotate.queries.people import find_guest
from annotate.queries.presentation import FREEZE, HANDLES
from annotate.queries.rows import Row, fetch_one, fetch_row
from annotate.services.claims import CONTEXT
from annotate.services.guests import create_guest
from annotate.services.judgments import submit_answer
from annotate.services.shown import stop_showing
from annotate.services.terms import CURRENT_TERMS
from annotate.services.tokens import GUEST_PREFIX, hash_token
from tasks.vocabulary import AssignmentState, Kind

SALT = "annotate.door.device"

#: Before the unit, as everywhere.
MINE = """
SELECT s.id, s.state,
  (SELECT array_agg(ac.message_id ORDER BY ac.position) FROM annotate_assignmentcandidate ac
   WHERE ac.assignment_id = s.id AND ac.position >= 0) AS shown,
  (SELECT min(ac.position) FROM annotate_assignmentcandidate ac WHERE ac.assignment_id = s.id AND ac.position >= 0) AS first
FROM annotate_assignment s WHERE s.annotator_id = %(me)s AND s.unit_id = %(unit)s FOR NO KEY UPDATE OF s"""

EXCLUDED = "SELECT 1 FROM annotate_exclusion WHERE annotator_id = %(me)s AND unit_id = %(unit)s"

TAKE_PLACE = """
UPDATE annotate_unit SET held = held + 1 WHERE id = %(unit)s AND is_vacant RETURNING id"""

#: A hold of this moment: it is submitted in the same transaction, or goes with it.
PUT = """
INSERT INTO annotate_assignment AS s (unit_id, annotator_id, state, lease_expires_at, lease_grade, reason_code, guideline_id,
  label_schema_id, closed_at)
SELECT d.unit_id, %(me)s, %(state)s, %(lease_expires_at)s, 'active', d.reason_code,
  (SELECT g.id FROM annotate_guideline g WHERE g.campaign_id = c.id AND g.version = %(guideline_version)s::int),
  c.label_schema_id, %(closed_at)s
FROM annotate_unitdetail d JOIN annotate_campaign c ON c.id = %(campaign)s WHERE d.unit_id = %(unit)s
ON CONFLICT (annotator_id, unit_id) DO UPDATE
  SET state = excluded.state, lease_expires_at = excluded.lease_expires_at, lease_grade = excluded.lease_grade,
      guideline_id = excluded.guideline_id, closed_at = excluded.closed_at
RETURNING s.id"""


def meet_guest(*, device: str, languages: Sequence[str], now: datetime, allow: Callable[[], None]) -> tuple[int, str]:
    """The guest of a page in a browser (`device` names both), and the token of their device.

    `allow` is asked before somebody new is made, and raises where that is too many. A guest who was merged into an
    account meanwhile is somebody new here. Consent to the terms is given by the press itself.
    """
    digest = salted_hmac(SALT, device, algorithm="sha256").digest()
    token = GUEST_PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    known = find_guest(device_hash=hash_token(token))
    if known is None:
        allow()
        try:
            with transaction.atomic():
                guest, _text = create_guest(languages=languages, terms_version=CURRENT_TERMS, now=now, token=token)
            return guest.pk, token
        except IntegrityError:  # the other press of a double click was first
            known = find_guest(device_hash=hash_token(token))
    if known is not None and known.merged_into is None:
        return known.annotator_id, token
    allow()
    guest, text = create_guest(languages=languages, terms_version=CURRENT_TERMS, now=now)
    return guest.pk, text


def judge_at_door(
    *,
    annotator_id: int,
    pair: DoorPair,
    better: int | None,
    much_better: bool | None,
    now: datetime,
    rng: random.Random,
) -> dict[str, Any]:
    """Store which of the two is `better` (0, 1, or None: neither): the judgment and the next work, as `submit_answer`.

    The same press again is answered the same. Raises what `submit_answer` raises, and the refusals of an offer.
    """
    with transaction.atomic():
        row = _lock_person(annotator_id=annotator_id, pair=pair, now=now)
        mine = fetch_one(MINE, {"me": annotator_id, "unit": pair.unit})
        shown = [text.message for text in pair.candidates]
        if mine is not None and mine["state"] == AssignmentState.SUBMITTED:
            _check_same_pair(mine, shown)
            assignment, first = mine["id"], mine["first"]
        else:
            _check(row=row, mine=mine, pair=pair)
            assignment = _put_assignment(row=row, pair=pair, now=now)
            first = _freeze(assignment=assignment, shown=shown, is_new=mine is None)
        body = _make_body(HANDLES[first : first + 2], better=better, much_better=much_better)
        return submit_answer(
            annotator_id=annotator_id, assignment_id=assignment, body=body, now=now, rng=rng, rather=[Kind.COMPARE]
        )


def _lock_person(*, annotator_id: int, pair: DoorPair, now: datetime) -> Row:
    params = {"me": annotator_id, "slug": pair.slug, "now": now, "terms": CURRENT_TERMS, "closing": None, "giving": 0}
    row = fetch_one(CONTEXT, params)
    if row is None:
        raise NotFound(_("There is no such campaign. Look at the list of campaigns for its address."), code="campaign_not_found")  # fmt: skip
    return row


def _check(*, row: Row, mine: Row | None, pair: DoorPair) -> None:
    """What an offer refuses, but for the number of holds: this one lasts no moment."""
    if find_pair_again(unit_id=pair.unit, digest=pair.digest) is None:
        raise Conflict(
            _("This pair has just changed, so your choice was not stored. Here is another."), code="pair_changed"
        )
    known = {**row, "may_too_many_holds": True}
    clause = find_refusal(known, moment=Moment.OFFER, level=Level.PERSON)
    if clause is not None:
        refused: type[ChorusError] = NotAllowed if clause.status == 403 else Conflict
        raise refused(str(clause.refusal), code=clause.name)
    if mine is not None and mine["state"] == AssignmentState.WITHDRAWN:
        raise Gone(_("You withdrew your judgment on this pair, and that is for good."), code="withdrawn")
    if fetch_one(EXCLUDED, {"me": row["me"], "unit": pair.unit}) is not None:
        raise Conflict(_("Part of this is your own work, so others judge it."), code="own_work")


def _check_same_pair(mine: Row, shown: list[int]) -> None:
    if mine["shown"] != shown:
        raise Conflict(
            _("You have already judged this, and it stands. Here is what comes next."), code="already_judged"
        )


def _put_assignment(*, row: Row, pair: DoorPair, now: datetime) -> int:
    """An assignment of this person on the unit, with a place where one is free. A live one of theirs has its place."""
    params: dict[str, Any] = {"me": row["me"], "unit": pair.unit, "campaign": row["campaign"],
                              "guideline_version": pair.guideline_version}  # fmt: skip
    mine = fetch_one("SELECT state FROM annotate_assignment WHERE annotator_id = %(me)s AND unit_id = %(unit)s", params)
    has_place = (mine is not None and mine["state"] == AssignmentState.LIVE) or fetch_one(
        TAKE_PLACE, params
    ) is not None
    state = AssignmentState.LIVE if has_place else AssignmentState.EXPIRED
    lease = {
        "lease_expires_at": now + timedelta(minutes=1) if has_place else None,
        "closed_at": None if has_place else now,
    }
    return int(fetch_row(PUT, {**params, "state": state, **lease})["id"])


def _freeze(*, assignment: int, shown: Sequence[int], is_new: bool) -> int:
    """Keep what was shown, under letters that were never used in this assignment; returns the first one's position."""
    first = 0 if is_new else stop_showing(assignment)
    params = {"assignment": assignment, "messages": list(shown), "first": first, "previous": None}
    fetch_row(FREEZE, params)
    return first


def _make_body(handles: Sequence[str], *, better: int | None, much_better: bool | None) -> Mapping[str, Any]:
    tiers = [list(handles)] if better is None else [[handles[better]], [handles[1 - better]]]
    return {"tiers": tiers, "much_better": much_better}
