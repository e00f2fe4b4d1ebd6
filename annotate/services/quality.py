"""Store what was computed from judgments: consensus per parent, agreement and leaderboard per campaign.

A job claims marks (`services.stale`), loads ballots by `queries.judgments`, computes by `tasks.agreement`
and hands the records to these verbs. A result is stored only while it is the newest: in the order of locks
messages come before marks, and a mark that somebody computed from newer ballots drops the older result.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from annotate.queries.reliability import Way, find_ways
from annotate.queries.rows import Row, fetch_all, run
from annotate.services.stale import Mark, lock_claimed, mark_stale, rest_after, settle_stale
from annotate.wake import wake
from tasks.records.leaderboard import LeaderboardSlices
from tasks.records.quality import AgreementRecord, ConsensusRecord, LeaderboardRecord
from tasks.vocabulary import JobName, StaleKind

_LOCK_PARENTS = """
SELECT id FROM annotate_message WHERE id = ANY(%(parents)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"""

#: What one more ballot is worth may be asked for later: nothing else depends on it, so that it is filled in.
_ADD = """
INSERT INTO annotate_consensus AS k
  (parent_id, method, method_version, input_hash, reliability_version, n, seed, result, uncertainty, computed_at)
SELECT c.parent, c.method, c.method_version, c.input_hash, c.version, c.n, c.seed, c.result, c.uncertainty, %(now)s
FROM unnest(%(parents)s::bigint[], %(methods)s::text[], %(method_versions)s::smallint[], %(hashes)s::bytea[],
  %(versions)s::int[], %(ns)s::int[], %(seeds)s::bigint[], %(results)s::jsonb[], %(uncertainties)s::float8[])
  AS c (parent, method, method_version, input_hash, version, n, seed, result, uncertainty)
ON CONFLICT (parent_id, method, method_version, input_hash, reliability_version) DO UPDATE SET result = excluded.result
  WHERE k.result->'gain' = 'null' AND excluded.result->'gain' <> 'null'
RETURNING parent_id AS id"""

_POINT = """
UPDATE annotate_message m SET current_consensus_id = c.id
FROM unnest(%(parents)s::bigint[], %(methods)s::text[], %(method_versions)s::smallint[], %(hashes)s::bytea[], %(versions)s::int[])
  AS made (parent, method, method_version, input_hash, version)
JOIN annotate_consensus c ON c.parent_id = made.parent AND c.method = made.method AND c.method_version = made.method_version
  AND c.input_hash = made.input_hash AND c.reliability_version = made.version
WHERE m.id = made.parent AND m.current_consensus_id IS DISTINCT FROM c.id
RETURNING m.id"""

#: Of the weighed ones; a gold item may keep the one that it was made from.
_FORGET_WEIGHED = """
DELETE FROM annotate_consensus c USING annotate_message m
WHERE m.id = ANY(%(parents)s::bigint[]) AND c.parent_id = m.id AND c.reliability_version > 0
  AND c.id IS DISTINCT FROM m.current_consensus_id
  AND NOT EXISTS (SELECT 1 FROM annotate_golditem g WHERE g.consensus_id = c.id)"""

_CLEAR = """
UPDATE annotate_message SET current_consensus_id = NULL
WHERE id = ANY(%(parents)s::bigint[]) AND current_consensus_id IS NOT NULL RETURNING id"""

_CAMPAIGNS = """
SELECT DISTINCT t.campaign_id FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.id = ANY(%(parents)s::bigint[]) ORDER BY 1"""

_REPORT = """
INSERT INTO annotate_agreementreport AS a
  (campaign_id, kind, language, dimension, stratum_id, month, coefficient, result, computed_at)
SELECT %(campaign)s, r.kind, r.language, r.dimension, r.stratum, r.month, r.coefficient, r.result, %(now)s
FROM unnest(%(kinds)s::text[], %(languages)s::text[], %(dimensions)s::text[], %(strata)s::bigint[], %(months)s::date[],
  %(coefficients)s::text[], %(results)s::jsonb[]) AS r (kind, language, dimension, stratum, month, coefficient, result)
ON CONFLICT (campaign_id, kind, language, dimension, stratum_id, month, coefficient)
DO UPDATE SET result = excluded.result, computed_at = excluded.computed_at"""

_FORGET_OLD = """
DELETE FROM annotate_agreementreport WHERE campaign_id = %(campaign)s AND computed_at <> %(now)s"""

_DETAIL = """
INSERT INTO annotate_agreementdetail AS d (campaign_id, result, computed_at) VALUES (%(campaign)s, %(result)s::jsonb, %(now)s)
ON CONFLICT (campaign_id) DO UPDATE SET result = excluded.result, computed_at = excluded.computed_at"""

_LEAD = """
INSERT INTO annotate_leaderboard AS l (campaign_id, result, slices, computed_at)
VALUES (%(campaign)s, %(result)s::jsonb, %(slices)s::jsonb, %(now)s)
ON CONFLICT (campaign_id)
DO UPDATE SET result = excluded.result, slices = excluded.slices, computed_at = excluded.computed_at"""


class ReportKey(NamedTuple):
    """Which figure an agreement record is; None is all of them. `month`: the first day of it."""

    kind: str
    language: str | None = None
    dimension: str | None = None
    stratum: int | None = None
    month: date | None = None


def store_consensus(
    *, marks: Sequence[Mark], records: Sequence[ConsensusRecord], now: datetime, ways: Mapping[int, Way] | None = None
) -> list[int]:
    """Store the consensus of the parents of these marks; a parent without a record has no ballots, hence none.

    `ways`: how each was computed; what is missing was weighed by no snapshot. A parent that is to be computed in another
    way by now is marked again.

    Rows are added, and never say anything else later; the parent points to the current one. The parents' campaigns are marked, and
    so is the need of every parent whose consensus changed. Returns those parents.
    """
    ways = ways or {}
    with transaction.atomic():
        run(_LOCK_PARENTS, {"parents": [mark.subject_id for mark in marks]})
        wanted = lock_claimed(marks=marks)
        if not wanted:
            return []
        parents = {mark.subject_id for mark in wanted}
        kept = [record for record in records if record.parent in parents]
        params = _as_columns(kept, ways) | {"now": now}
        changed = fetch_all(_ADD, params)
        changed += fetch_all(_POINT, params)
        changed += fetch_all(_CLEAR, {"parents": sorted(parents - {record.parent for record in kept})})
        settle_stale(marks=wanted)
        changed_ids = sorted({row["id"] for row in changed})
        if any(record.parent in changed_ids for record in kept if _version_of(record, ways)):
            run(_FORGET_WEIGHED, {"parents": changed_ids})
        _mark_again(kept, ways)
        campaigns = [row["campaign_id"] for row in fetch_all(_CAMPAIGNS, {"parents": sorted(parents)})]
        mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=campaigns)
        mark_stale(kind=StaleKind.SUBJECT_NEED, subject_ids=changed_ids)
        if changed_ids:
            wake(JobName.SCHEDULE_UNITS)
    return changed_ids


def store_reports(
    *,
    mark: Mark,
    agreement: Sequence[tuple[ReportKey, AgreementRecord]],
    detail: Mapping[str, object],
    leaderboard: LeaderboardRecord,
    slices: LeaderboardSlices,
    now: datetime,
    took_seconds: float,
) -> bool:
    """Store a campaign's agreement and leaderboard, and let it rest; False when newer ones were stored meanwhile.

    `detail`: who and what agrees least, as `tasks.agreement.least` finds it.
    """
    rest_until = now + timedelta(seconds=took_seconds) + rest_after(took_seconds)
    with transaction.atomic():
        if not lock_claimed(marks=[mark]):
            return False
        params: Row = {"campaign": mark.subject_id, "now": now}
        run(_REPORT, {**params, **_as_report_columns(agreement)})
        run(_FORGET_OLD, params)
        run(_DETAIL, {**params, "result": json.dumps(detail, allow_nan=False)})
        board, beside = (json.dumps(one.as_result(), allow_nan=False) for one in (leaderboard, slices))
        run(_LEAD, {**params, "result": board, "slices": beside})
        settle_stale(marks=[mark], rest_until=rest_until)
    return True


def _mark_again(records: Sequence[ConsensusRecord], ways: Mapping[int, Way]) -> None:
    """Those for which a newer snapshot came while they were computed, or whose campaign was changed."""
    now = find_ways(parent_ids=[record.parent for record in records])
    changed = [record.parent for record in records if now[record.parent].version != _version_of(record, ways)]
    mark_stale(kind=StaleKind.PARENT, subject_ids=changed)
    if changed:
        wake(JobName.RECOMPUTE_STALE)


def _version_of(record: ConsensusRecord, ways: Mapping[int, Way]) -> int:
    return ways[record.parent].version if record.parent in ways else 0


def _as_columns(records: Sequence[ConsensusRecord], ways: Mapping[int, Way]) -> dict[str, object]:
    return {
        "versions": [_version_of(record, ways) for record in records],
        "parents": [record.parent for record in records],
        "methods": [record.method for record in records],
        "method_versions": [int(record.method_version) for record in records],
        "hashes": [bytes.fromhex(record.input_hash) for record in records],
        "ns": [record.n_ballots for record in records],
        "seeds": [record.seed for record in records],
        "results": [json.dumps(record.as_result()) for record in records],
        "uncertainties": [record.uncertainty for record in records],
    }


def _as_report_columns(agreement: Sequence[tuple[ReportKey, AgreementRecord]]) -> Mapping[str, object]:
    return {
        "kinds": [key.kind for key, _ in agreement],
        "languages": [key.language for key, _ in agreement],
        "dimensions": [key.dimension for key, _ in agreement],
        "strata": [key.stratum for key, _ in agreement],
        "months": [key.month for key, _ in agreement],
        "coefficients": [record.coefficient for _, record in agreement],
        "results": [json.dumps(record.as_result(), allow_nan=False) for _, record in agreement],
    }
