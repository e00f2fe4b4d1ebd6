"""What reliability is measured from, the snapshots that were made, and which of them each consensus is weighed by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from annotate.models import AnnotatorReliability, ReliabilitySnapshot
from annotate.queries.gold import iterate_gold
from annotate.queries.positions import read_position
from annotate.queries.rows import Row, fetch_all
from tasks.records.reliability import GoldBallot
from tasks.vocabulary import ORDERING_KINDS, StaleKind

#: Whether a campaign `c` weighs what its annotators say.
WEIGHS = "COALESCE((c.parameters->>'weigh_reliability')::boolean, false)"
#: The snapshot in force for the consensus of a campaign `c`; 0: none, all count alike.
_VERSION = f"""CASE WHEN {WEIGHS} THEN
    COALESCE((SELECT max(s.version) FROM annotate_reliabilitysnapshot s WHERE s.campaign_id = c.id), 0) ELSE 0 END"""
#: Whether the worth of one more ballot decides there who is asked.
_WITH_GAIN = "c.parameters->>'least_gain' IS NOT NULL"

#: Campaigns whose turn of a kind neither rests nor is taken, those that wait longest first.
_READY = """
SELECT c.id FROM annotate_campaign c
LEFT JOIN annotate_stale s ON s.kind = %(kind)s AND s.subject_id = c.id
WHERE c.state <> 'draft' AND (s.lease_expires_at IS NULL OR s.lease_expires_at <= %(now)s)
ORDER BY s.lease_expires_at NULLS FIRST, c.id"""

_UPHELD = """
SELECT DISTINCT COALESCE(a.merged_into_id, a.id) AS annotator
FROM annotate_finding f JOIN annotate_annotator a ON a.id = f.annotator_id
WHERE f.campaign_id = %(campaign)s AND f.state = 'upheld' ORDER BY 1"""

_WAYS = f"""
SELECT m.id AS parent, t.campaign_id AS campaign, {_VERSION} AS version, {_WITH_GAIN} AS with_gain
FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE m.id = ANY(%(parents)s::bigint[]) ORDER BY m.id"""

_SHARPNESS = """
SELECT r.annotator_id AS annotator, r.sharpness FROM annotate_annotatorreliability r
JOIN annotate_reliabilitysnapshot s ON s.id = r.snapshot_id
WHERE s.campaign_id = %(campaign)s AND s.version = %(version)s
  AND r.annotator_id = ANY(%(annotators)s::bigint[])
ORDER BY r.annotator_id"""

_OUTDATED = f"""
SELECT m.id FROM annotate_campaign c
JOIN annotate_messagetree t ON t.campaign_id = c.id
JOIN annotate_message m ON m.tree_id = t.id
JOIN annotate_consensus k ON k.id = m.current_consensus_id
WHERE c.id = %(campaign)s
  AND (k.reliability_version <> {_VERSION} OR (k.method, k.method_version) <> (%(method)s, %(method_version)s)
    OR {_WITH_GAIN} AND NOT k.result ? 'gain' OR {_WITH_GAIN} AND k.result->'gain' = 'null' AND k.uncertainty IS NOT NULL)
UNION
SELECT u.subject_id FROM annotate_queue q
JOIN annotate_unit u ON u.queue_id = q.id JOIN annotate_message m ON m.id = u.subject_id
WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold AND u.kind = ANY(%(kinds)s::text[])
  AND (u.done > 0 OR u.surplus > 0) AND m.current_consensus_id IS NULL
ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Way:
    """How the consensus of a parent is computed: by which snapshot of its campaign (0: none, all count alike), and
    whether with what one more ballot is worth.
    """

    campaign_id: int
    version: int
    with_gain: bool = False


def list_ready_campaigns(*, kind: StaleKind, now: datetime) -> list[int]:
    """Campaigns whose turn of this kind may be taken now; drafts have nothing to measure."""
    return [row["id"] for row in fetch_all(_READY, {"kind": kind, "now": now})]


def load_gold(*, campaign_id: int) -> list[GoldBallot]:
    """How everybody did on the campaign's gold items, retired ones included; a guest who became an account counts as that."""
    return list(iterate_gold(campaign_id=campaign_id))


def list_upheld(*, campaign_id: int) -> list[str]:
    """Annotators of whom a moderator upheld a finding in this campaign."""
    return [str(row["annotator"]) for row in fetch_all(_UPHELD, {"campaign": campaign_id})]


def read_inputs(*, campaign_id: int, method_version: str) -> int:
    """A number that is another one when ballots, answers to gold items, upheld findings or the method have changed."""
    gold = sorted((answer.annotator, answer.score) for answer in load_gold(campaign_id=campaign_id))
    return read_position(
        campaign_id=campaign_id, said=[method_version, repr(gold), *list_upheld(campaign_id=campaign_id)]
    )


def find_ways(*, parent_ids: Sequence[int]) -> dict[int, Way]:
    """How the consensus of each of these parents is computed now."""
    rows = fetch_all(_WAYS, {"parents": list(parent_ids)})
    return {row["parent"]: Way(row["campaign"], row["version"], with_gain=row["with_gain"]) for row in rows}


def load_sharpness(*, campaign_id: int, version: int, annotators: Iterable[str]) -> dict[str, float]:
    """The sharpness of these annotators in a snapshot; who is not in it is left out."""
    wanted = sorted({int(name) for name in annotators})
    params: Row = {"campaign": campaign_id, "version": version, "annotators": wanted}
    return {str(row["annotator"]): row["sharpness"] for row in fetch_all(_SHARPNESS, params)}


def list_outdated_parents(*, campaign_id: int, method: str, method_version: int) -> list[int]:
    """Parents whose consensus is of another snapshot than the one in force, or of another method, or lacks what it needs,
    by id; and those that were judged and have none: nobody who ranked them may have counted until now.
    """
    kinds = [kind.value for kind in ORDERING_KINDS]
    params = {"campaign": campaign_id, "method": method, "method_version": method_version, "kinds": kinds}
    return [row["id"] for row in fetch_all(_OUTDATED, params)]


def find_snapshot(*, campaign_id: int) -> ReliabilitySnapshot | None:
    """The newest snapshot of a campaign."""
    return ReliabilitySnapshot.objects.filter(campaign_id=campaign_id).order_by("-version").first()


def list_people(*, snapshot_id: int) -> list[AnnotatorReliability]:
    """Everybody in a snapshot."""
    return list(AnnotatorReliability.objects.filter(snapshot_id=snapshot_id).order_by("annotator_id"))
