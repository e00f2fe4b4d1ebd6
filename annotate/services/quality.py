"""Store what was computed from judgments: consensus per parent, agreement and leaderboard per campaign.

A job claims marks (`services.stale`), loads ballots by `queries.judgments`, computes by `tasks.agreement`
and hands the records to these verbs. A result is stored only while it is the newest: in the order of locks
messages come before marks, and a mark that somebody computed from newer ballots drops the older result.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from annotate.queries.rows import Row, fetch_all, run
from annotate.services.stale import Mark, lock_claimed, mark_stale, rest_after, settle_stale
from annotate.wake import wake
from tasks.records.quality import AgreementRecord, ConsensusRecord, LeaderboardRecord
from tasks.vocabulary import JobName, StaleKind

_LOCK_PARENTS = """
SELECT id FROM annotate_message WHERE id = ANY(%(parents)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"""

_ADD = """
INSERT INTO annotate_consensus
  (parent_id, method, method_version, input_hash, reliability_version, n, seed, result, uncertainty, computed_at)
SELECT c.parent, c.method, c.method_version, c.input_hash, 0, c.n, c.seed, c.result, c.uncertainty, %(now)s
FROM unnest(%(parents)s::bigint[], %(methods)s::text[], %(method_versions)s::smallint[], %(hashes)s::bytea[],
  %(ns)s::int[], %(seeds)s::bigint[], %(results)s::jsonb[], %(uncertainties)s::float8[])
  AS c (parent, method, method_version, input_hash, n, seed, result, uncertainty)
ON CONFLICT (parent_id, method, method_version, input_hash, reliability_version) DO NOTHING"""

_POINT = """
UPDATE annotate_message m SET current_consensus_id = c.id
FROM unnest(%(parents)s::bigint[], %(methods)s::text[], %(method_versions)s::smallint[], %(hashes)s::bytea[])
  AS made (parent, method, method_version, input_hash)
JOIN annotate_consensus c ON c.parent_id = made.parent AND c.method = made.method AND c.method_version = made.method_version
  AND c.input_hash = made.input_hash AND c.reliability_version = 0
WHERE m.id = made.parent AND m.current_consensus_id IS DISTINCT FROM c.id
RETURNING m.id"""

_CLEAR = """
UPDATE annotate_message SET current_consensus_id = NULL
WHERE id = ANY(%(parents)s::bigint[]) AND current_consensus_id IS NOT NULL RETURNING id"""

_CAMPAIGNS = """
SELECT DISTINCT t.campaign_id FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.id = ANY(%(parents)s::bigint[]) ORDER BY 1"""

_REPORT = """
INSERT INTO annotate_agreementreport AS a (campaign_id, kind, language, dimension, coefficient, result, computed_at)
SELECT %(campaign)s, r.kind, r.language, r.dimension, r.coefficient, r.result, %(now)s
FROM unnest(%(kinds)s::text[], %(languages)s::text[], %(dimensions)s::text[], %(coefficients)s::text[], %(results)s::jsonb[])
  AS r (kind, language, dimension, coefficient, result)
ON CONFLICT (campaign_id, kind, language, dimension, stratum_id, month, coefficient)
DO UPDATE SET result = excluded.result, computed_at = excluded.computed_at"""

_FORGET_OLD = """
DELETE FROM annotate_agreementreport WHERE campaign_id = %(campaign)s AND computed_at <> %(now)s"""

_LEAD = """
INSERT INTO annotate_leaderboard AS l (campaign_id, result, computed_at) VALUES (%(campaign)s, %(result)s::jsonb, %(now)s)
ON CONFLICT (campaign_id) DO UPDATE SET result = excluded.result, computed_at = excluded.computed_at"""

#: Which figure an agreement record is: kind of work, language and dimension (None: all of them).
ReportKey = tuple[str, str | None, str | None]


def store_consensus(*, marks: Sequence[Mark], records: Sequence[ConsensusRecord], now: datetime) -> list[int]:
    """Store the consensus of the parents of these marks; a parent without a record has no ballots, hence none.

    Rows are added, never changed; the parent points to the current one. The parents' campaigns are marked, and
    so is the need of every parent whose consensus changed. Returns those parents.
    """
    with transaction.atomic():
        run(_LOCK_PARENTS, {"parents": [mark.subject_id for mark in marks]})
        wanted = lock_claimed(marks=marks)
        if not wanted:
            return []
        parents = {mark.subject_id for mark in wanted}
        kept = [record for record in records if record.parent in parents]
        params = _as_columns(kept) | {"now": now}
        run(_ADD, params)
        changed = fetch_all(_POINT, params)
        changed += fetch_all(_CLEAR, {"parents": sorted(parents - {record.parent for record in kept})})
        settle_stale(marks=wanted)
        changed_ids = sorted(row["id"] for row in changed)
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
    leaderboard: LeaderboardRecord,
    now: datetime,
    took_seconds: float,
) -> bool:
    """Store a campaign's agreement and leaderboard, and let it rest; False when newer ones were stored meanwhile."""
    rest_until = now + timedelta(seconds=took_seconds) + rest_after(took_seconds)
    with transaction.atomic():
        if not lock_claimed(marks=[mark]):
            return False
        params: Row = {"campaign": mark.subject_id, "now": now}
        run(_REPORT, {**params, **_as_report_columns(agreement)})
        run(_FORGET_OLD, params)
        run(_LEAD, {**params, "result": json.dumps(leaderboard.as_result())})
        settle_stale(marks=[mark], rest_until=rest_until)
    return True


def _as_columns(records: Sequence[ConsensusRecord]) -> dict[str, object]:
    return {
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
        "kinds": [kind for (kind, _, _), _ in agreement],
        "languages": [language for (_, language, _), _ in agreement],
        "dimensions": [dimension for (_, _, dimension), _ in agreement],
        "coefficients": [record.coefficient for _, record in agreement],
        "results": [json.dumps(record.as_result()) for _, record in agreement],
    }
