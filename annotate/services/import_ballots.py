"""Store rankings that came along with imported trees, as the judgments of people whom only the source knows.

Each pseudonym of the source is one annotator of the campaign, without an account or a device; what they gave stands
under the terms "imported": the organizer who imported it vouches for the consent that the source was given. Nobody
knows in which order candidates were shown, so they stand in the order of their ids.

Called with the locks of the trees held, as by everyone who opens units. Importing the same again adds nothing.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from annotate.models import Campaign
from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import Row, fetch_all, run
from annotate.services.answers import hash_body
from annotate.services.import_planned import PlannedBallot
from annotate.services.stale import mark_stale
from annotate.services.units import START_BAND
from tasks.records.parameters import read_settings
from tasks.vocabulary import ENDED_TREES, Kind, ReasonCode, StaleKind

#: Terms under which imported judgments stand.
IMPORTED_TERMS = "imported"
#: Names the annotators of an import; never change it, or the same people come in twice.
PEOPLE = uuid.UUID("7d1f4a52-6a1b-4a5e-9a34-3f0c0b6ad7a1")

_FIND_PEOPLE = "SELECT id, pseudonym_seed FROM annotate_annotator WHERE pseudonym_seed = ANY(%(seeds)s::uuid[])"

_MAKE_PEOPLE = """
WITH made AS (
  INSERT INTO annotate_annotator (pseudonym_seed, accepted_terms, suspended_reason, created_at)
  SELECT seed, %(terms)s, '', %(now)s FROM unnest(%(seeds)s::uuid[]) AS seed RETURNING id)
INSERT INTO annotate_consent (annotator_id, terms_version, accepted_at) SELECT id, %(terms)s, %(now)s FROM made"""

_MAKE_QUEUES = """
INSERT INTO annotate_queue (campaign_id, kind, language)
SELECT DISTINCT %(campaign)s::bigint, %(kind)s, t.language FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE m.id = ANY(%(parents)s::bigint[]) ORDER BY 3
ON CONFLICT DO NOTHING"""

#: A parent that has no open unit for rankings gets one, with all that stands under it. In a tree that has ended, or that
#: gold was made of, nothing opens: what comes late joins the last unit, or one that asks nobody.
_MAKE_UNITS = f"""
WITH made AS (
  INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
  SELECT gen_random_uuid(), q.id, q.kind, m.id, %(band)s, (random() * 2147483647)::int, %(redundancy)s, 0, 0, 0,
    t.state <> ALL(%(ended)s::text[]) AND t.id <> ALL({GOLD_TREES})
  FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
  JOIN annotate_queue q ON q.campaign_id = t.campaign_id AND q.kind = %(kind)s AND q.language = t.language
    AND q.qualification IS NULL AND NOT q.is_gold
  WHERE m.id = ANY(%(parents)s::bigint[])
    AND NOT EXISTS (SELECT 1 FROM annotate_unit u JOIN annotate_queue uq ON uq.id = u.queue_id AND NOT uq.is_gold
      WHERE u.subject_id = m.id AND u.kind = %(kind)s
        AND (u.is_open OR t.state = ANY(%(ended)s::text[]) OR t.id = ANY({GOLD_TREES})))
  RETURNING id, subject_id),
detail AS (
  INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
  SELECT made.id, t.stratum_id, %(redundancy)s, %(reason)s, '{{}}', '{{}}' FROM made
  JOIN annotate_message m ON m.id = made.subject_id JOIN annotate_messagetree t ON t.id = m.tree_id)
INSERT INTO annotate_unitcandidate (unit_id, message_id, added_at)
SELECT made.id, r.id, %(now)s FROM made JOIN annotate_message r ON r.parent_id = made.subject_id
WHERE r.removed_at IS NULL AND r.withdrawn_at IS NULL"""

#: What is not there yet: somebody ranks the candidates of a parent once, in whichever unit.
_NEW = """
SELECT b.number, u.id AS unit FROM unnest(%(numbers)s::int[], %(parents)s::bigint[], %(people)s::bigint[])
  AS b (number, parent, person)
CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id AND NOT q.is_gold
  WHERE u.subject_id = b.parent AND u.kind = %(kind)s
  ORDER BY u.is_open DESC, u.id DESC LIMIT 1) u
WHERE NOT EXISTS (
  SELECT 1 FROM annotate_assignment s JOIN annotate_unit o ON o.id = s.unit_id
  WHERE s.annotator_id = b.person AND o.subject_id = b.parent AND o.kind = %(kind)s)
ORDER BY b.number"""

_LOCK_UNITS = "SELECT u.id FROM annotate_unit u WHERE u.id = ANY(%(units)s::bigint[]) ORDER BY u.id FOR NO KEY UPDATE"

_STORE = """
WITH given AS (
  SELECT * FROM unnest(%(numbers)s::int[], %(units)s::bigint[], %(people)s::bigint[], %(bars)s::smallint[], %(hashes)s::bytea[])
    AS g (number, unit, person, bar, body_hash)),
counted AS (
  UPDATE annotate_unit u SET done = u.done + c.n, needed = GREATEST(u.needed, u.done + u.held + c.n)
  FROM (SELECT unit, count(*)::int AS n FROM given GROUP BY unit) c WHERE u.id = c.unit),
held AS (
  INSERT INTO annotate_assignment (unit_id, annotator_id, state, lease_grade, reason_code, created_at, closed_at)
  SELECT unit, person, 'submitted', 'active', %(reason)s, %(now)s, %(now)s FROM given ORDER BY number
  RETURNING id, unit_id, annotator_id),
ballot AS (
  INSERT INTO annotate_judgment (assignment_id, unit_id, annotator_id, kind, counted, acceptable_tiers, terms_version,
    body_hash, created_at)
  SELECT held.id, held.unit_id, held.annotator_id, %(kind)s, true, g.bar, %(terms)s, g.body_hash, %(now)s
  FROM held JOIN given g ON g.unit = held.unit_id AND g.person = held.annotator_id ORDER BY g.number
  RETURNING id, assignment_id, unit_id, annotator_id)
SELECT ballot.id AS judgment, ballot.assignment_id AS assignment, g.number
FROM ballot JOIN given g ON g.unit = ballot.unit_id AND g.person = ballot.annotator_id"""

_SHOWN = """
INSERT INTO annotate_assignmentcandidate (assignment_id, position, message_id, revision)
SELECT c.assignment, row_number() OVER (PARTITION BY c.assignment ORDER BY c.message) - 1, c.message, m.revision
FROM unnest(%(assignments)s::bigint[], %(messages)s::bigint[]) AS c (assignment, message)
JOIN annotate_message m ON m.id = c.message"""

_RANKED = """
INSERT INTO annotate_rankedcandidate (judgment_id, assignment_id, message_id, tier, acceptable)
SELECT * FROM unnest(%(judgments)s::bigint[], %(assignments)s::bigint[], %(messages)s::bigint[], %(tiers)s::smallint[],
  %(acceptable)s::boolean[])"""

#: A ranking has twenty tiers at most.
MOST_RANKED = 20


def store_ballots(*, campaign_id: int, ballots: Sequence[PlannedBallot], now: datetime) -> list[int]:
    """Store the rankings that are not there yet, where the campaign asks for rankings; returns the parents of those.

    Locks units: call it before anything is marked but parents.
    """
    ballots = [one for one in ballots if len(one.ranked) <= MOST_RANKED and all(message.id for message in one.ranked)]
    if not ballots:
        return []
    campaign = Campaign.objects.only("kinds", "parameters").get(pk=campaign_id)
    if Kind.RANK not in campaign.kinds:
        return []
    params: Row = {
        "campaign": campaign_id,
        "kind": Kind.RANK,
        "redundancy": read_settings(campaign.parameters).redundancy,
        "reason": ReasonCode.FIRST_JUDGMENT,
        "terms": IMPORTED_TERMS,
        "band": START_BAND,
        "ended": [str(state) for state in ENDED_TREES],
        "now": now,
    }
    people = _find_people(campaign_id=campaign_id, names=[ballot.annotator for ballot in ballots], params=params)
    parents = sorted({ballot.parent.id for ballot in ballots})
    run(_MAKE_QUEUES, params | {"parents": parents})
    run(_MAKE_UNITS, params | {"parents": parents})
    new = _find_new(ballots=ballots, people=people, params=params)
    if not new:
        return []
    _store(ballots=ballots, new=new, people=people, params=params)
    judged = sorted({ballots[number].parent.id for number in new})
    mark_stale(kind=StaleKind.PARENT, subject_ids=judged)
    return judged


def _find_people(*, campaign_id: int, names: Sequence[str], params: Row) -> dict[str, int]:
    """Annotators by the source's pseudonym; those that are missing are made."""
    seeds = {name: uuid.uuid5(PEOPLE, f"{campaign_id}:{name}") for name in sorted(set(names))}
    found = {row["pseudonym_seed"] for row in fetch_all(_FIND_PEOPLE, {"seeds": list(seeds.values())})}
    missing = [seed for seed in seeds.values() if seed not in found]
    if missing:
        run(_MAKE_PEOPLE, params | {"seeds": missing})
    ids = {row["pseudonym_seed"]: row["id"] for row in fetch_all(_FIND_PEOPLE, {"seeds": list(seeds.values())})}
    return {name: ids[seed] for name, seed in seeds.items()}


def _find_new(*, ballots: Sequence[PlannedBallot], people: dict[str, int], params: Row) -> dict[int, int]:
    """Units by the number of each ballot that is to be stored; one a person and parent."""
    first: dict[tuple[int, int], int] = {}
    for number, ballot in enumerate(ballots):
        first.setdefault((ballot.parent.id, people[ballot.annotator]), number)
    rows = fetch_all(
        _NEW,
        params
        | {
            "numbers": list(first.values()),
            "parents": [parent for parent, _ in first],
            "people": [person for _, person in first],
        },
    )
    return {row["number"]: row["unit"] for row in rows}


def _store(*, ballots: Sequence[PlannedBallot], new: dict[int, int], people: dict[str, int], params: Row) -> None:
    run(_LOCK_UNITS, {"units": list(new.values())})
    chosen = [ballots[number] for number in new]
    given = {
        "numbers": list(new),
        "units": list(new.values()),
        "people": [people[ballot.annotator] for ballot in chosen],
        "bars": [0 if ballot.all_bad else None for ballot in chosen],
        "hashes": [hash_body({"ranked": [message.id for message in ballot.ranked]}) for ballot in chosen],
    }
    placed = [
        (row["judgment"], row["assignment"], message.id, tier, False if ballots[row["number"]].all_bad else None)
        for row in fetch_all(_STORE, params | given)
        for tier, message in enumerate(ballots[row["number"]].ranked, start=1)
    ]
    columns: dict[str, object] = dict(
        zip(
            ("judgments", "assignments", "messages", "tiers", "acceptable"),
            (list(column) for column in zip(*placed, strict=True)),
            strict=True,
        )
    )
    run(_SHOWN, columns)
    run(_RANKED, columns)
