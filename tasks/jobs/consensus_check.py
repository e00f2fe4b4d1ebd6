"""Compute every current consensus of a campaign again, under the very versions that it names, and compare bit for bit.

1. Parents are walked through by id, some at a time: what is stored is read, then the ballots, and both are compared.
2. What comes out otherwise is no difference while a mark stands, or when somebody stored a newer one meanwhile: then ballots
   came, or went, and will be followed.
3. The newest snapshot is measured again, too; where its ballots have changed since, it is left alone.

Nothing is repaired: a difference means that the same ballots no longer give the same numbers on this machine, or that a change
of ballots was not followed, and somebody must look.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence

from django.utils import timezone

from annotate.models import AnnotatorReliability, ReliabilitySnapshot
from annotate.queries.consensus_check import StoredConsensus, keep_unexplained, list_with_consensus, load_stored
from annotate.queries.judgments import load_ballots
from annotate.queries.reliability import find_snapshot, list_people
from annotate.services.consensus_check import finish_check, keep_stretch
from annotate.services.reliability import as_row, hash_inputs
from tasks.agreement.consensus import METHOD, METHOD_VERSION
from tasks.jobs.weighing import combine_weighed
from tasks.records.quality import ConsensusRecord
from tasks.records.reliability import ReliabilityRecord

log = logging.getLogger(__name__)

PARENTS_AT_ONCE = 500
#: A turn that works longer than this leaves the rest to the next (seconds).
LONGEST_TURN_SECONDS = 240.0

Measure = Callable[[int], tuple[ReliabilityRecord, list[str]]]


def check_campaign(campaign_id: int, *, after: int, measure: Measure) -> int:
    """Check the parents after one, then the snapshot; returns where the next turn goes on, 0 when all is done."""
    ends = time.monotonic() + LONGEST_TURN_SECONDS
    parents = list_with_consensus(campaign_id=campaign_id, after=after)
    keep_stretch(campaign_id=campaign_id, checked=0, different=[], begins=after == 0, now=timezone.now())
    for start in range(0, len(parents), PARENTS_AT_ONCE):
        batch = parents[start : start + PARENTS_AT_ONCE]
        checked, different = check_parents(batch)
        keep_stretch(campaign_id=campaign_id, checked=checked, different=different, begins=False, now=timezone.now())
        for parent in different:
            log.error("consensus of %s in campaign %s does not come out as it is stored", parent, campaign_id)
        if time.monotonic() > ends and batch[-1] != parents[-1]:
            return batch[-1]
    same = check_snapshot(campaign_id, measure)
    if same is False:
        log.error("the reliability of campaign %s does not come out as it is stored", campaign_id)
    finish_check(campaign_id=campaign_id, reliability=same, now=timezone.now())
    return 0


def check_parents(parent_ids: Sequence[int]) -> tuple[int, list[int]]:
    """How many of these could be computed again, and which of them came out otherwise for no reason."""
    known = load_stored(parent_ids=parent_ids)
    # What an older method made cannot be made again; it is marked, and gives way.
    stored = {
        parent: one
        for parent, one in known.items()
        if (one.method, one.method_version) == (METHOD, int(METHOD_VERSION))
    }
    records = combine_weighed(
        load_ballots(parent_ids=sorted(stored)), ways={parent: one.way for parent, one in stored.items()}
    )
    again = {record.parent: record for record in records}
    suspects = [one for parent, one in stored.items() if not is_same(one, again.get(parent))]
    return len(stored), keep_unexplained(stored=suspects) if suspects else []


def is_same(stored: StoredConsensus, record: ConsensusRecord | None) -> bool:
    """Whether a consensus is what was computed now, digit by digit."""
    if record is None:
        return False
    computed = {
        "seed": record.seed,
        "n": record.n_ballots,
        "uncertainty": record.uncertainty,
        "result": record.as_result(),
        "input_hash": record.input_hash,
    }
    return write(stored.columns) == write(computed)


def check_snapshot(campaign_id: int, measure: Measure) -> bool | None:
    """Whether the newest snapshot comes out as it is stored; None without one, or when what it is made of has changed."""
    snapshot = find_snapshot(campaign_id=campaign_id)
    if snapshot is None:
        return None
    record, upheld = measure(campaign_id)
    if bytes(snapshot.input_hash) != hash_inputs(record, upheld=upheld):
        return None
    rows = [as_row(snapshot, person, is_upheld=person.annotator in upheld) for person in record.annotators]
    return describe(snapshot, rows) == describe(snapshot, list_people(snapshot_id=snapshot.pk)) and write(
        snapshot.result
    ) == write(record.as_result())


def describe(snapshot: ReliabilitySnapshot, rows: Sequence[AnnotatorReliability]) -> str:
    """Everybody in a snapshot, digit by digit."""
    fields = [field.attname for field in AnnotatorReliability._meta.concrete_fields]  # noqa: SLF001  (Django's documented API of models)
    ordered = sorted(rows, key=lambda row: row.annotator_id)
    return write([[snapshot.version, *(getattr(row, name) for name in fields if name != "pk")] for row in ordered])


def write(value: object) -> str:
    """JSON in which equal things are written alike; tuples are lists there, and keys are sorted."""
    return json.dumps(value, sort_keys=True, allow_nan=False)
