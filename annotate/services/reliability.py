"""Keep how reliable annotators were found: a versioned snapshot for each campaign, and what must follow a new one.

1. A job takes a campaign's turn (`StaleKind.TURN_RELIABILITY`), loads ballots and gold answers, and computes.
2. `store_reliability` writes what it found as the next version, if anything that it depends on has changed, and only
   while the turn is still its own: who brings the next turn forward makes what is being computed worthless.
3. `mark_outdated` marks every parent whose consensus was computed under another version than the one in force. It looks at
   the rows as they are, so that a worker that died before the last mark costs nothing but an hour.

Rows are never changed. The people in snapshots that nothing names any more are deleted after a week.
"""

import hashlib
import json
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from annotate.models import AnnotatorReliability, ReliabilitySnapshot
from annotate.queries.reliability import find_snapshot, list_outdated_parents
from annotate.queries.rows import run
from annotate.services.stale import Turn, keep_turn, mark_for_later, release_turn
from annotate.wake import wake
from tasks.records.reliability import AnnotatorReliabilityRecord, ReliabilityRecord
from tasks.vocabulary import JobName, StaleKind

#: Parents that one transaction marks, and people that one statement writes.
PARENTS_AT_ONCE = 1000
PEOPLE_AT_ONCE = 2000
#: How long the people of a snapshot are kept when no consensus names it.
KEPT = timedelta(days=7)

_FORGET = """
DELETE FROM annotate_annotatorreliability r USING annotate_reliabilitysnapshot s
WHERE s.id = r.snapshot_id AND s.campaign_id = %(campaign)s AND s.computed_at < %(before)s
  AND s.version < (SELECT max(n.version) FROM annotate_reliabilitysnapshot n WHERE n.campaign_id = %(campaign)s)
  AND s.version NOT IN (
    SELECT k.reliability_version FROM annotate_messagetree t JOIN annotate_message m ON m.tree_id = t.id
    JOIN annotate_consensus k ON k.id = m.current_consensus_id WHERE t.campaign_id = %(campaign)s)"""


def bring_forward(*, campaign_id: int) -> None:
    """Let reliability be measured anew as soon as this transaction has ended; call it last in the transaction.

    What somebody is measuring at this moment from older rows is not stored.
    """
    release_turn(kind=StaleKind.TURN_RELIABILITY, subject_id=campaign_id)
    wake(JobName.MEASURE_RELIABILITY)


def store_reliability(
    *, turn: Turn, record: ReliabilityRecord, upheld: Collection[str], now: datetime
) -> ReliabilitySnapshot | None:
    """Write a snapshot as the next version; None when the newest says the same, or the turn is another's by now.

    `upheld`: annotators of whom a finding was upheld; `record` says already that nothing is known from them.
    """
    input_hash = hash_inputs(record, upheld=upheld)
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return None
        newest = find_snapshot(campaign_id=turn.subject_id)
        if newest is None and not record.annotators:
            return None
        if newest is not None and bytes(newest.input_hash) == input_hash:
            return None
        snapshot = ReliabilitySnapshot.objects.create(
            campaign_id=turn.subject_id,
            version=1 if newest is None else newest.version + 1,
            method=record.method,
            method_version=int(record.method_version),
            seed=record.seed,
            input_hash=input_hash,
            n_annotators=record.n_annotators,
            n_ballots=record.n_ballots,
            result=record.as_result(),
            computed_at=now,
        )
        AnnotatorReliability.objects.bulk_create(
            (as_row(snapshot, person, is_upheld=person.annotator in upheld) for person in record.annotators),
            batch_size=PEOPLE_AT_ONCE,
        )
    return snapshot


def hash_inputs(record: ReliabilityRecord, *, upheld: Collection[str]) -> bytes:
    """SHA-256 of everything that a snapshot depends on: what the record names, and whose findings were upheld."""
    named = [record.method, record.method_version, record.seed, record.input_hash, sorted(upheld)]
    return hashlib.sha256(json.dumps(named).encode("ascii")).digest()


def as_row(
    snapshot: ReliabilitySnapshot, person: AnnotatorReliabilityRecord, *, is_upheld: bool
) -> AnnotatorReliability:
    """One annotator of a record as a row."""
    return AnnotatorReliability(
        snapshot=snapshot,
        annotator_id=int(person.annotator),
        sharpness=person.sharpness,
        low=person.low,
        high=person.high,
        agreement=person.agreement,
        agreement_low=person.agreement_low,
        agreement_high=person.agreement_high,
        n_ballots=person.n_ballots,
        n_shared=person.n_shared,
        n_gold=person.n_gold,
        gold_right=float(person.gold_right),
        details={"upheld": True} if is_upheld else {},
    )


def mark_outdated(*, campaign_id: int, method: str, method_version: int) -> int:
    """Mark every parent whose consensus names another version than the one in force, for later; returns how many."""
    parents = list_outdated_parents(campaign_id=campaign_id, method=method, method_version=method_version)
    for start in range(0, len(parents), PARENTS_AT_ONCE):
        with transaction.atomic():
            mark_for_later(kind=StaleKind.PARENT, subject_ids=parents[start : start + PARENTS_AT_ONCE])
            wake(JobName.RECOMPUTE_STALE)
    return len(parents)


def forget_old_snapshots(*, campaign_id: int, now: datetime) -> int:
    """Delete the people of old snapshots that no current consensus names; the snapshots stay. Returns how many."""
    return run(_FORGET, {"campaign": campaign_id, "before": now - KEPT})
