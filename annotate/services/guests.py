"""Guests: made for a device, and merged into an account once.

Merging, under the locks annotators → trees → assignments → units, each by id:

1. The guest's row says into whom it is merged; from then on its judgments may change hands.
2. The guest's live holds are released; an open hold of the account on a unit that the guest has judged is given up.
3. Void are the guest's judgments where the account has its own, and every judgment on a unit with a text of
   either in it: it is one's own work now. Their places go to the oldest surplus.
4. What the guest was shown, wrote and judged belongs to the account. Where both had met a unit, the one that has
   the standing judgment is the account's, and the other stays with the guest's row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import Conflict, NotAllowed, NotFound
from annotate.models import Annotator, Campaign, LanguageSkill
from annotate.queries.rows import Row, fetch_all, run
from annotate.services.holds import give_back
from annotate.services.people import check_languages
from annotate.services.self_descriptions import MOVE_DESCRIPTION
from annotate.services.stale import mark_stale
from annotate.services.terms import accept_terms
from annotate.services.tokens import GUEST_PREFIX, hash_token, make_token_text
from annotate.services.tree_marks import mark_tree_of_units
from annotate.services.trees import lock_trees
from annotate.wake import wake
from tasks.vocabulary import AssignmentState, CampaignState, JobName, StaleKind


@dataclass(frozen=True, slots=True)
class Merge:
    """What came of a merge: judgments that are the account's now, those that are void, holds that were released."""

    moved: int
    voided: int
    released: int


def create_guest(
    *, languages: Iterable[str], terms_version: str, now: datetime, token: str | None = None
) -> tuple[Annotator, str]:
    """A guest with consent to the terms, and the token of their device, which cannot be had again.

    `token` is one that was made already; it raises `IntegrityError` when it has a guest.
    Raises `NotAllowed` (`guests_not_allowed`) when no campaign takes guests now.
    """
    skills = check_languages(languages)
    if not Campaign.objects.filter(allow_guests=True, state=CampaignState.OPEN).exists():
        raise NotAllowed(
            _("No campaign takes guests at present: make an account to take part."), code="guests_not_allowed"
        )
    text = token or make_token_text(GUEST_PREFIX)
    with transaction.atomic():
        guest = Annotator.objects.create(device_hash=hash_token(text), created_at=now)
        LanguageSkill.objects.bulk_create(LanguageSkill(annotator=guest, language=code) for code in skills)
        accept_terms(annotator_id=guest.pk, terms_version=terms_version, now=now)
    return guest, text


def merge_guest(*, annotator_id: int, device_token: str, now: datetime) -> Merge:
    """Make what a guest gave the account's own; the guest's token ends with it. Merging again changes nothing.

    Raises `NotFound` for an unknown token, `Conflict` (`guest_merged`) for a guest that another account has, and
    `NotAllowed` (`guest_suspended`).
    """
    with transaction.atomic():
        guest, account = _lock_both(annotator_id=annotator_id, device_hash=hash_token(device_token))
        if guest.merged_into_id == account.pk:
            return Merge(0, 0, 0)
        _check(guest)
        guest.merged_into = account
        guest.save(update_fields=["merged_into"])
        pair = {"guest": guest.pk, "account": account.pk, "now": now}
        _move_texts(pair)
        units = _lock_work(pair)
        released = _end_holds(units, pair)
        judged = [row["parent"] for row in fetch_all(JUDGED_PARENTS, pair)]
        voided = fetch_all(VOID, pair)
        moved = _move_work(units, pair)
        run(PROMOTE, {"units": sorted({row["unit_id"] for row in voided})})
        _move_person(pair)
        # A consensus names whose ballots it is made of.
        parents = judged + [row["subject_id"] for row in voided if row["subject_id"]]
        mark_stale(kind=StaleKind.PARENT, subject_ids=parents)
        mark_tree_of_units(unit_ids=[row["unit_id"] for row in voided])
        if parents:
            wake(JobName.RECOMPUTE_STALE)
    return Merge(moved, len(voided), released)


def _lock_both(*, annotator_id: int, device_hash: bytes) -> tuple[Annotator, Annotator]:
    found = Annotator.objects.filter(device_hash=device_hash).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound(_("There is no guest with this token. Check that it is whole."), code="guest_not_found")
    rows = Annotator.objects.select_for_update(no_key=True, of=("self",)).order_by("pk").in_bulk([found, annotator_id])
    if len(rows) < 2 or rows[annotator_id].user_id is None:
        raise NotAllowed(_("A guest can be merged into an account only."), code="account_needed")
    return rows[found], rows[annotator_id]


def _check(guest: Annotator) -> None:
    if guest.merged_into_id is not None:
        raise Conflict(_("This guest was merged into another account already."), code="guest_merged")
    if guest.suspended_at is not None:
        raise NotAllowed(
            _("This guest is suspended and cannot be merged; write to the organizers."), code="guest_suspended"
        )


def _move_texts(pair: dict[str, Any]) -> None:
    """What the guest wrote is the account's, and so is the rule that nobody judges their own."""
    written = fetch_all("SELECT id FROM annotate_message WHERE author_id = %(guest)s ORDER BY id", pair)
    lock_trees(message_ids=[row["id"] for row in written])
    for statement in MOVE_TEXTS:
        run(statement, pair)


def _lock_work(pair: dict[str, Any]) -> list[Row]:
    """Lock the assignments and units that the merge may touch, and say who stands where on each unit."""
    run(LOCK_ASSIGNMENTS, pair)
    run(LOCK_UNITS, pair)
    return fetch_all(UNITS, pair)


def _end_holds(units: list[Row], pair: dict[str, Any]) -> int:
    """Give places back: the guest's, and the account's on units that are judged or its own work now."""
    now = pair["now"]
    given_up = [row["mine"] for row in units if row["mine_open"] and row["theirs_judged"]]
    give_back(annotator_id=pair["account"], assignment_ids=given_up, state=AssignmentState.SKIPPED, now=now)
    own_work = [row["mine"] for row in units if row["mine_live"] and row["own_work"] and row["mine"] not in given_up]
    give_back(annotator_id=pair["account"], assignment_ids=own_work, state=AssignmentState.RELEASED, now=now)
    live = [row["theirs"] for row in units if row["theirs_live"]]
    return give_back(annotator_id=pair["guest"], assignment_ids=live, state=AssignmentState.RELEASED, now=now)


def _move_work(units: list[Row], pair: dict[str, Any]) -> int:
    """Re-point assignments and judgments; returns how many standing judgments changed hands."""
    met_by_both = [
        row["mine"]
        for row in units
        if row["mine"] and row["theirs"] and row["theirs_judged"] and not row["mine_judged"]
    ]
    between = Annotator.objects.create(merged_into_id=pair["account"]) if met_by_both else None
    if between is not None:
        _hand_over(met_by_both, to=between.pk)
    moving = [row["theirs"] for row in units if row["theirs"] and (not row["mine"] or row["mine"] in met_by_both)]
    _hand_over(moving, to=pair["account"])
    if between is not None:
        _hand_over(met_by_both, to=pair["guest"])
        between.delete()
    run(COPY_DRAFTS, pair)
    run(MOVE_JUDGMENTS, {**pair, "assignments": moving})
    standing = "SELECT count(*) AS n FROM annotate_judgment WHERE assignment_id = ANY(%(ids)s::bigint[]) AND is_current"
    return int(fetch_all(standing, {"ids": moving})[0]["n"])


def _hand_over(assignment_ids: list[int], *, to: int) -> None:
    run(
        "UPDATE annotate_assignment SET annotator_id = %(to)s WHERE id = ANY(%(ids)s::bigint[])",
        {"to": to, "ids": assignment_ids},
    )


def _move_person(pair: dict[str, Any]) -> None:
    for statement in MOVE_PERSON:
        run(statement, pair)


MOVE_TEXTS = (
    "UPDATE annotate_message SET author_id = %(account)s WHERE author_id = %(guest)s",
    "UPDATE annotate_messagerevision SET author_id = %(account)s WHERE author_id = %(guest)s",
    "UPDATE annotate_messageorigin SET annotator_id = %(account)s WHERE annotator_id = %(guest)s",
    """INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
       SELECT %(account)s, unit_id, why FROM annotate_exclusion WHERE annotator_id = %(guest)s ON CONFLICT DO NOTHING""",
    "DELETE FROM annotate_exclusion WHERE annotator_id = %(guest)s",
)

#: Of the account only what lies on units that the guest has met, or that are its own work now.
LOCK_ASSIGNMENTS = """
SELECT s.id FROM annotate_assignment s
WHERE s.annotator_id = %(guest)s
   OR s.annotator_id = %(account)s AND (
        s.unit_id IN (SELECT unit_id FROM annotate_assignment WHERE annotator_id = %(guest)s)
        OR s.unit_id IN (SELECT unit_id FROM annotate_exclusion WHERE annotator_id = %(account)s))
ORDER BY s.id FOR NO KEY UPDATE"""

LOCK_UNITS = """
SELECT u.id FROM annotate_unit u
WHERE u.id IN (SELECT unit_id FROM annotate_assignment WHERE annotator_id = %(guest)s)
   OR u.id IN (SELECT s.unit_id FROM annotate_assignment s JOIN annotate_exclusion e
                 ON e.annotator_id = s.annotator_id AND e.unit_id = s.unit_id WHERE s.annotator_id = %(account)s)
ORDER BY u.id FOR NO KEY UPDATE"""

#: `theirs` the guest's assignment on the unit, `mine` the account's. Own work is void, so it is not judged.
UNITS = """
WITH met AS (
  SELECT unit_id FROM annotate_assignment WHERE annotator_id = %(guest)s
  UNION SELECT s.unit_id FROM annotate_assignment s JOIN annotate_exclusion e
    ON e.annotator_id = s.annotator_id AND e.unit_id = s.unit_id WHERE s.annotator_id = %(account)s)
SELECT met.unit_id, theirs.id AS theirs, mine.id AS mine, own.unit_id IS NOT NULL AS own_work,
  coalesce(theirs.state = 'live', false) AS theirs_live, coalesce(mine.state = 'live', false) AS mine_live,
  coalesce(mine.state IN ('live', 'expired', 'released'), false) AS mine_open,
  own.unit_id IS NULL AND EXISTS (SELECT 1 FROM annotate_judgment j
    WHERE j.annotator_id = %(guest)s AND j.unit_id = met.unit_id AND j.is_current) AS theirs_judged,
  own.unit_id IS NULL AND EXISTS (SELECT 1 FROM annotate_judgment j
    WHERE j.annotator_id = %(account)s AND j.unit_id = met.unit_id AND j.is_current) AS mine_judged
FROM met
LEFT JOIN annotate_assignment theirs ON theirs.annotator_id = %(guest)s AND theirs.unit_id = met.unit_id
LEFT JOIN annotate_assignment mine ON mine.annotator_id = %(account)s AND mine.unit_id = met.unit_id
LEFT JOIN annotate_exclusion own ON own.annotator_id = %(account)s AND own.unit_id = met.unit_id AND own.why <> 'brief_skipped'
ORDER BY met.unit_id"""

JUDGED_PARENTS = """
SELECT DISTINCT CASE WHEN u.kind = 'improve_reply' THEN m.parent_id ELSE m.id END AS parent
FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_message m ON m.id = u.subject_id
WHERE j.annotator_id = %(guest)s AND j.is_current AND (u.kind <> 'improve_reply' OR m.parent_id IS NOT NULL) ORDER BY 1"""

VOID = """
WITH void AS MATERIALIZED (
  SELECT j.id, j.unit_id, j.assignment_id, j.counted FROM annotate_judgment j
  WHERE j.is_current AND (
    j.annotator_id = %(guest)s AND EXISTS (SELECT 1 FROM annotate_judgment own
      WHERE own.annotator_id = %(account)s AND own.unit_id = j.unit_id AND own.is_current)
    OR j.annotator_id IN (%(guest)s, %(account)s) AND EXISTS (SELECT 1 FROM annotate_exclusion e
      WHERE e.annotator_id = %(account)s AND e.unit_id = j.unit_id AND e.why <> 'brief_skipped'))),
ended AS (UPDATE annotate_judgment j SET is_current = false FROM void WHERE j.id = void.id),
closed AS (UPDATE annotate_assignment s SET state = 'withdrawn' FROM void WHERE s.id = void.assignment_id),
sums AS (
  SELECT unit_id, count(*) FILTER (WHERE counted) AS done, count(*) FILTER (WHERE NOT counted) AS surplus
  FROM void GROUP BY unit_id),
units AS (
  UPDATE annotate_unit u SET done = u.done - sums.done, surplus = u.surplus - sums.surplus
  FROM sums WHERE u.id = sums.unit_id RETURNING u.id, u.subject_id)
SELECT void.id, void.unit_id, units.subject_id FROM void JOIN units ON units.id = void.unit_id ORDER BY void.id"""

#: A place that a void judgment frees is taken by the oldest surplus ballots of the unit.
PROMOTE = """
WITH free AS (
  SELECT id, needed - done - held AS places FROM annotate_unit
  WHERE id = ANY(%(units)s::bigint[]) AND surplus > 0 AND done + held < needed),
waiting AS (
  SELECT j.id, j.unit_id, row_number() OVER (PARTITION BY j.unit_id ORDER BY j.id) AS turn, free.places
  FROM annotate_judgment j JOIN free ON free.id = j.unit_id LEFT JOIN annotate_message m ON m.id = j.message_id
  WHERE j.is_current AND NOT j.counted AND m.removed_at IS NULL),
promoted AS (
  UPDATE annotate_judgment j SET counted = true FROM waiting w
  WHERE j.id = w.id AND w.turn <= w.places RETURNING j.unit_id),
sums AS (SELECT unit_id, count(*) AS n FROM promoted GROUP BY unit_id)
UPDATE annotate_unit u SET done = u.done + sums.n, surplus = u.surplus - sums.n FROM sums WHERE u.id = sums.unit_id"""

#: Nothing typed is lost: an open hold of the account without a draft takes the guest's.
COPY_DRAFTS = """
UPDATE annotate_assignment mine SET draft = theirs.draft, draft_version = mine.draft_version + 1
FROM annotate_assignment theirs
WHERE theirs.annotator_id = %(guest)s AND theirs.draft IS NOT NULL AND mine.annotator_id = %(account)s
  AND mine.unit_id = theirs.unit_id AND mine.draft IS NULL AND mine.state IN ('live', 'expired', 'released')"""

MOVE_JUDGMENTS = """
UPDATE annotate_judgment SET annotator_id = %(account)s
WHERE annotator_id = %(guest)s AND assignment_id = ANY(%(assignments)s::bigint[])"""

#: Whoever withdrew the account's consent withdrew the guest's with it; a stricter wish is never undone.
MOVE_PERSON = (
    """UPDATE annotate_consent c SET withdrawn_at = %(now)s WHERE c.annotator_id = %(guest)s AND c.withdrawn_at IS NULL
         AND EXISTS (SELECT 1 FROM annotate_consent w WHERE w.annotator_id = %(account)s AND w.withdrawn_at IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM annotate_consent w WHERE w.annotator_id = %(account)s AND w.withdrawn_at IS NULL)""",
    """UPDATE annotate_consent c SET annotator_id = %(account)s WHERE c.annotator_id = %(guest)s
         AND NOT EXISTS (SELECT 1 FROM annotate_consent s WHERE s.annotator_id = %(account)s
           AND s.terms_version = c.terms_version AND s.withdrawn_at IS NULL)""",
    """UPDATE annotate_annotator a SET accepted_terms = g.accepted_terms FROM annotate_annotator g
       WHERE a.id = %(account)s AND g.id = %(guest)s AND a.accepted_terms = '' AND EXISTS (
         SELECT 1 FROM annotate_consent c WHERE c.annotator_id = a.id AND c.terms_version = g.accepted_terms
           AND c.withdrawn_at IS NULL)""",
    """INSERT INTO annotate_languageskill (annotator_id, language)
       SELECT %(account)s, language FROM annotate_languageskill WHERE annotator_id = %(guest)s
         AND EXISTS (SELECT 1 FROM annotate_languageskill WHERE annotator_id = %(account)s) ON CONFLICT DO NOTHING""",
    "DELETE FROM annotate_languageskill WHERE annotator_id = %(guest)s",
    # Of what both said of the same message or proposal the account's stands.
    """INSERT INTO annotate_reaction (message_id, annotator_id, code, created_at)
       SELECT message_id, %(account)s, code, created_at FROM annotate_reaction WHERE annotator_id = %(guest)s
       ON CONFLICT DO NOTHING""",
    "DELETE FROM annotate_reaction WHERE annotator_id = %(guest)s",
    """DELETE FROM annotate_report r USING annotate_report mine WHERE r.annotator_id = %(guest)s AND r.state = 'open'
         AND mine.annotator_id = %(account)s AND mine.message_id = r.message_id AND mine.state = 'open'""",
    "UPDATE annotate_report SET annotator_id = %(account)s WHERE annotator_id = %(guest)s",
    "UPDATE annotate_revisionproposal SET author_id = %(account)s WHERE author_id = %(guest)s",
    *MOVE_DESCRIPTION,
)
