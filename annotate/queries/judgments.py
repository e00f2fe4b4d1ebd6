"""Judgments as records: the ballots and label votes that stand, as the worker side reads them.

An improvement is a ballot on the replies of its original's parent: the edit stands above the original.
What stands: current, not withdrawn, surplus included. A guest who became an account counts as that account.
Candidates that were removed, withdrawn or rejected by reviewers are dropped from every ballot, and what is left keeps its order.
Judgments of gold items say something about people, not about candidates: they are read apart (`queries.gold`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, islice

from annotate.queries.rows import Row, fetch_all
from tasks.records.ballots import Ballot, LabelVote
from tasks.vocabulary import ORDERING_KINDS, Answer, Kind

#: Units read by one statement: a campaign is read in short statements, never in one long snapshot.
UNITS_AT_ONCE = 2000
#: Kinds whose judgments put replies of one parent in order.
BALLOT_KINDS = (*ORDERING_KINDS, Kind.IMPROVE_REPLY)

_STANDS = "j.is_current AND j.withdrawn_at IS NULL AND subject.removed_at IS NULL AND subject.withdrawn_at IS NULL"
#: Of a candidate: it stands, and reviewers did not reject it.
_COUNTS = "m.removed_at IS NULL AND m.withdrawn_at IS NULL AND m.review_state <> 'rejected'"

_BALLOTS = f"""
SELECT j.id AS judgment, COALESCE(a.merged_into_id, a.id) AS annotator,
  CASE WHEN u.kind = 'improve_reply' THEN subject.parent_id ELSE u.subject_id END AS parent, j.kind, q.language,
  t.stratum_id AS stratum, date_trunc('month', j.created_at AT TIME ZONE 'UTC')::date AS month,
  j.terms_version <> 'imported' AS order_known, j.acceptable_tiers IS NOT NULL AS has_bar, j.rest_worse,
  ranked.last_tier, ranked.messages, ranked.tiers, ranked.acceptable, shown.messages AS shown
FROM annotate_judgment j
JOIN annotate_unit u ON u.id = j.unit_id
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_message subject ON subject.id = u.subject_id
JOIN annotate_messagetree t ON t.id = subject.tree_id
JOIN annotate_annotator a ON a.id = j.annotator_id
CROSS JOIN LATERAL (
  SELECT max(r.tier) AS last_tier,
    array_agg(r.message_id ORDER BY r.tier, r.message_id) FILTER (WHERE {_COUNTS}) AS messages,
    array_agg(r.tier ORDER BY r.tier, r.message_id) FILTER (WHERE {_COUNTS}) AS tiers,
    array_agg(r.acceptable ORDER BY r.tier, r.message_id) FILTER (WHERE {_COUNTS}) AS acceptable
  FROM annotate_rankedcandidate r JOIN annotate_message m ON m.id = r.message_id WHERE r.judgment_id = j.id) ranked
CROSS JOIN LATERAL (
  SELECT array_agg(s.message_id ORDER BY s.position) AS messages
  FROM annotate_assignmentcandidate s JOIN annotate_message m ON m.id = s.message_id
  WHERE s.assignment_id = j.assignment_id AND s.position >= 0 AND {_COUNTS}) shown
WHERE j.unit_id = ANY(%(units)s::bigint[]) AND j.kind = ANY(%(kinds)s::text[]) AND {_STANDS}
  AND ranked.messages IS NOT NULL
ORDER BY j.id"""

_VOTES = f"""
SELECT COALESCE(a.merged_into_id, a.id) AS annotator, u.subject_id AS subject, q.language, d.name AS dimension, d.widget,
  l.answer, l.value, t.stratum_id AS stratum, date_trunc('month', j.created_at AT TIME ZONE 'UTC')::date AS month
FROM annotate_judgment j
JOIN annotate_unit u ON u.id = j.unit_id
JOIN annotate_queue q ON q.id = u.queue_id
JOIN annotate_message subject ON subject.id = u.subject_id
JOIN annotate_messagetree t ON t.id = subject.tree_id
JOIN annotate_annotator a ON a.id = j.annotator_id
JOIN annotate_label l ON l.judgment_id = j.id
JOIN annotate_labeldimension d ON d.id = l.dimension_id
WHERE j.unit_id = ANY(%(units)s::bigint[]) AND j.kind = %(kind)s AND {_STANDS}
ORDER BY j.id, d.position, d.id"""

_UNITS_UNDER = """
SELECT u.id FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id AND NOT q.is_gold
WHERE u.subject_id = ANY(%(subjects)s::bigint[]) AND u.kind = ANY(%(kinds)s::text[])
UNION ALL
SELECT u.id FROM annotate_message m CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u WHERE u.subject_id = m.id AND u.kind = 'improve_reply' AND u.done + u.surplus > 0 OFFSET 0) AS u
WHERE m.parent_id = ANY(%(subjects)s::bigint[])
ORDER BY id"""

_JUDGED_UNITS = """
SELECT u.id FROM annotate_unit u
WHERE u.queue_id = ANY(ARRAY(
    SELECT q.id FROM annotate_queue q WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold))
  AND u.kind = ANY(%(kinds)s::text[]) AND (u.done > 0 OR u.surplus > 0)
ORDER BY u.id"""


@dataclass(frozen=True, slots=True)
class KnownBallot:
    """A ballot with the kind of work it came from, its language, the stratum of its tree and the first day of its month.

    `order_known`: whether `shown` is the order in which it was shown; nobody told of a ballot that was imported.
    """

    kind: Kind
    language: str
    ballot: Ballot
    stratum: int
    month: date
    order_known: bool
    judgment: int


@dataclass(frozen=True, slots=True)
class KnownVote:
    """A label vote with its language, how the question was asked, the stratum of its tree and the first day of its month."""

    language: str
    widget: str
    vote: LabelVote
    stratum: int
    month: date


def load_ballots(*, parent_ids: Sequence[int]) -> list[Ballot]:
    """The ballots that stand under these parents, improvements included, in the order in which they came in."""
    kinds = [kind.value for kind in ORDERING_KINDS]
    units = [row["id"] for row in fetch_all(_UNITS_UNDER, {"subjects": list(parent_ids), "kinds": kinds})]
    return [known.ballot for known in _read_ballots(units)]


def load_rankings(*, unit_ids: Sequence[int]) -> list[Ballot]:
    """The ballots that stand in these units, in the order in which they came in."""
    return [known.ballot for known in _read_ballots(unit_ids)]


def iterate_ballots(*, campaign_id: int) -> Iterator[KnownBallot]:
    """Every ballot of a campaign that stands, by unit; a statement for each two thousand units.

    Without improvements: whoever makes one chooses no order among what others wrote, so that they measure no agreement.
    """
    for units in _list_judged_units(campaign_id=campaign_id, kinds=[kind.value for kind in ORDERING_KINDS]):
        yield from _read_ballots(units)


def iterate_votes(*, campaign_id: int) -> Iterator[KnownVote]:
    """Every label of a campaign that stands, unanswered ones included, by unit."""
    for units in _list_judged_units(campaign_id=campaign_id, kinds=[Kind.LABEL.value]):
        for row in fetch_all(_VOTES, {"units": units, "kind": Kind.LABEL}):
            vote = LabelVote(
                annotator=str(row["annotator"]),
                subject=row["subject"],
                dimension=row["dimension"],
                value=row["value"],
                answer=Answer(row["answer"]),
            )
            yield KnownVote(row["language"], row["widget"], vote, row["stratum"], row["month"])


def _list_judged_units(*, campaign_id: int, kinds: Sequence[str]) -> Iterator[list[int]]:
    rows = fetch_all(_JUDGED_UNITS, {"campaign": campaign_id, "kinds": list(kinds)})
    units = iter([row["id"] for row in rows])
    while batch := list(islice(units, UNITS_AT_ONCE)):
        yield batch


def _read_ballots(units: Sequence[int]) -> list[KnownBallot]:
    if not units:
        return []
    rows = fetch_all(_BALLOTS, {"units": list(units), "kinds": [kind.value for kind in BALLOT_KINDS]})
    return [
        KnownBallot(
            Kind(row["kind"]),
            row["language"],
            _make_ballot(row),
            row["stratum"],
            row["month"],
            row["order_known"],
            row["judgment"],
        )
        for row in rows
    ]


def _make_ballot(row: Row) -> Ballot:
    placed = list(zip(row["tiers"], row["messages"], row["acceptable"], strict=True))
    tiers = [list(members) for _, members in groupby(placed, key=lambda place: place[0])]
    return Ballot(
        annotator=str(row["annotator"]),
        parent=row["parent"],
        tiers=tuple(tuple(message for _, message, _ in members) for members in tiers),
        acceptable_tiers=_count_acceptable(tiers) if row["has_bar"] else None,
        shown=tuple(row["shown"]),
        # Where all of "the rest" was removed, the last tier is one that somebody put in order.
        rest_worse=row["rest_worse"] and row["tiers"][-1] == row["last_tier"],
    )


def _count_acceptable(tiers: Sequence[Sequence[tuple[int, int, bool | None]]]) -> int:
    return sum(bool(members[0][2]) for members in tiers)
