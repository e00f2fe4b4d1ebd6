"""Let the open units of trees be those that were decided, and no others: the difference, in a few statements.

The caller holds the locks of the trees. Counters move meanwhile: whoever judges locks a unit and no tree. So a
unit's need is never written below what it has and holds, and is never lowered when somebody judged since the
facts were read; the mark of that judgment lets the tree be decided again.

Where the scheduler says how much what is to be ordered is wanted, its word stands: such a unit keeps its band, and its
need too where the campaign ranks until it is certain (`TreeRules.ranks_by_certainty`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from annotate.queries.rows import Row, run
from annotate.queries.tree_facts import LoadedTree
from annotate.services.tree_states import lock_units
from annotate.services.units import OWN_TEXT
from tasks.records.trees import UnitFact, Wish
from tasks.vocabulary import ORDERING_KINDS, Kind, ReasonCode

REASONS = {
    Kind.LABEL: ReasonCode.REVIEW_WANTED,
    Kind.RANK: ReasonCode.FIRST_JUDGMENT,
    Kind.COMPARE: ReasonCode.FIRST_JUDGMENT,
    Kind.WRITE_ASSISTANT_REPLY: ReasonCode.REPLY_WANTED,
    Kind.WRITE_PROMPTER_REPLY: ReasonCode.TURN_WANTED,
    Kind.WRITE_PROMPT: ReasonCode.PROMPT_WANTED,
    Kind.WRITE_PAIR: ReasonCode.PROMPT_WANTED,
    Kind.IMPROVE_REPLY: ReasonCode.IMPROVEMENT_WANTED,
}

_CLOSE = "UPDATE annotate_unit SET is_open = false WHERE id = ANY(%(closed)s::bigint[]) AND is_open"

_KEPT = """unnest(%(units)s::bigint[], %(needs)s::smallint[], %(bands)s::smallint[], %(judged)s::int[])
  AS w (id, needed, band, judged)"""

_KEEP = f"""
WITH told AS (
  UPDATE annotate_unit u SET is_open = true, band = CASE WHEN u.kind = ANY(%(ordering)s::text[]) THEN u.band ELSE w.band END,
    needed = GREATEST(w.needed, u.done + u.held, CASE WHEN u.done + u.surplus <> w.judged THEN u.needed END)
  FROM {_KEPT} WHERE u.id = w.id RETURNING u.id, u.needed)
UPDATE annotate_unitdetail d SET wanted = told.needed FROM told WHERE d.unit_id = told.id AND d.wanted <> told.needed"""

_MAKE_QUEUES = """
INSERT INTO annotate_queue (campaign_id, kind, language)
SELECT DISTINCT w.campaign, w.kind, w.language
FROM unnest(%(campaigns)s::bigint[], %(kinds)s::text[], %(languages)s::text[]) AS w (campaign, kind, language)
WHERE NOT EXISTS (SELECT 1 FROM annotate_queue q
  WHERE q.campaign_id = w.campaign AND q.kind = w.kind AND q.language = w.language AND q.qualification IS NULL AND NOT q.is_gold)
ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING"""

_MAKE = """
WITH w AS MATERIALIZED (
  SELECT * FROM unnest(%(campaigns)s::bigint[], %(kinds)s::text[], %(languages)s::text[], %(subjects)s::bigint[],
    %(strata)s::bigint[], %(needs)s::smallint[], %(bands)s::smallint[], %(simple)s::boolean[], %(reasons)s::text[])
    AS w (campaign, kind, language, subject, stratum, needed, band, is_simple, reason)),
made AS (
  INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, is_simple, band, tie, needed, done, held, surplus, is_open)
  SELECT gen_random_uuid(), q.id, w.kind, w.subject, w.is_simple, w.band, (random() * 2147483647)::int, w.needed, 0, 0, 0, true
  FROM w JOIN annotate_queue q
    ON q.campaign_id = w.campaign AND q.kind = w.kind AND q.language = w.language AND q.qualification IS NULL
    AND NOT q.is_gold
  ON CONFLICT (kind, subject_id) WHERE is_open DO NOTHING
  RETURNING id, kind, subject_id, needed)
INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
SELECT made.id, w.stratum, made.needed, w.reason, '{}', '{}' FROM made JOIN w ON w.kind = made.kind AND w.subject = made.subject_id"""

_SHOWN = "unnest(%(kinds)s::text[], %(subjects)s::bigint[], %(messages)s::bigint[]) AS w (kind, subject, message)"

#: A candidate that comes back after a removal is the same row again.
_ADD_CANDIDATES = f"""
INSERT INTO annotate_unitcandidate AS c (unit_id, message_id)
SELECT u.id, w.message FROM {_SHOWN} JOIN annotate_unit u ON u.subject_id = w.subject AND u.kind = w.kind AND u.is_open
ON CONFLICT (unit_id, message_id) DO UPDATE SET removed_at = NULL WHERE c.removed_at IS NOT NULL"""

_DROP_CANDIDATES = f"""
UPDATE annotate_unitcandidate c SET removed_at = %(now)s
FROM annotate_unit u WHERE u.id = c.unit_id AND c.removed_at IS NULL AND u.is_open
  AND u.subject_id = ANY(%(subjects)s::bigint[]) AND u.kind = ANY(%(kinds)s::text[])
  AND NOT EXISTS (SELECT 1 FROM {_SHOWN} WHERE w.subject = u.subject_id AND w.kind = u.kind AND w.message = c.message_id)"""

#: Nobody reviews, ranks or improves their own text, nor answers themselves.
_EXCLUDE_AUTHORS = """
INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
SELECT DISTINCT s.author_id, s.unit_id, %(own_text)s FROM (
  SELECT m.author_id, u.id AS unit_id FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id
  WHERE u.subject_id = ANY(%(subjects)s::bigint[]) AND u.is_open AND u.kind <> ALL(%(ordering)s::text[])
  UNION ALL
  SELECT m.author_id, u.id FROM annotate_unit u
  JOIN annotate_unitcandidate c ON c.unit_id = u.id AND c.removed_at IS NULL JOIN annotate_message m ON m.id = c.message_id
  WHERE u.subject_id = ANY(%(subjects)s::bigint[]) AND u.is_open AND u.kind = ANY(%(ordering)s::text[])) s
WHERE s.author_id IS NOT NULL
ORDER BY 1, 2
ON CONFLICT DO NOTHING"""


@dataclass(slots=True)
class UnitChanges:
    """What differs between the units of some trees and what was wished: units to close, to keep otherwise, to make."""

    closed: list[int] = field(default_factory=list)
    kept: list[tuple[UnitFact, Wish]] = field(default_factory=list)
    made: list[tuple[LoadedTree, Wish]] = field(default_factory=list)
    shown: list[Wish] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.closed or self.kept or self.made or self.shown)

    def compare(self, tree: LoadedTree, wishes: Iterable[Wish]) -> None:
        """Add what one tree lacks, and what it should not have."""
        wished = {(wish.kind, wish.subject): wish for wish in wishes}
        found = {(unit.kind, unit.subject): unit for unit in tree.facts.units if unit.is_open}
        self.closed += [unit.id for key, unit in found.items() if key not in wished]
        for key, wish in wished.items():
            unit = found.get(key) or _find_closed(tree.facts.units, wish)
            if unit is None:
                self.made.append((tree, _begin_anew(tree.facts.units, wish)))
            elif not unit.is_open or _differs(unit, wish, band=tree.bands[unit.id]):
                self.kept.append((unit, wish))
            if wish.candidates and (unit is None or set(unit.candidates) != set(wish.candidates)):
                self.shown.append(wish)


def write_units(*, changes: UnitChanges, now: datetime) -> None:
    """Make the difference. Locks units in the order of ids."""
    if changes.is_empty:
        return
    lock_units(unit_ids=sorted([*changes.closed, *(unit.id for unit, _ in changes.kept)]))
    if changes.closed:
        run(_CLOSE, {"closed": changes.closed})
    if changes.kept:
        run(_KEEP, _name_kept(changes.kept))
    if changes.made:
        rows = _name_made(changes.made)
        run(_MAKE_QUEUES, rows)
        run(_MAKE, rows)
    if changes.shown:
        rows = _name_shown(changes.shown) | {"now": now}
        run(_ADD_CANDIDATES, rows)
        run(_DROP_CANDIDATES, rows)
    wishes = [*(wish for _, wish in changes.kept), *(wish for _, wish in changes.made), *changes.shown]
    subjects = sorted({wish.subject for wish in wishes})
    run(_EXCLUDE_AUTHORS, {"subjects": subjects, "ordering": _ORDERING, "own_text": OWN_TEXT})


_ORDERING = [str(kind) for kind in ORDERING_KINDS]


def _find_closed(units: Sequence[UnitFact], wish: Wish) -> UnitFact | None:
    """The unit to open again: the latest of the kind on the subject, so that nobody is asked twice.

    What has more to order than any unit before knew is another question, put anew to everybody.
    """
    closed = [unit for unit in units if (unit.kind, unit.subject) == (wish.kind, wish.subject)]
    last = max(closed, key=lambda unit: unit.id, default=None)
    if last is None or not set(wish.candidates) <= set(last.candidates):
        return None
    return last


def _begin_anew(units: Sequence[UnitFact], wish: Wish) -> Wish:
    """What a new unit needs: none of what another one of the kind on the subject has."""
    last = max((u for u in units if (u.kind, u.subject) == (wish.kind, wish.subject)), key=lambda u: u.id, default=None)
    return wish if last is None else replace(wish, needed=max(1, wish.needed - last.done - last.held))


def _differs(unit: UnitFact, wish: Wish, *, band: int) -> bool:
    """Whether an open unit asks for another number of judgments than was wished, or stands elsewhere."""
    is_elsewhere = band != wish.band and unit.kind not in ORDERING_KINDS
    return is_elsewhere or unit.needed != max(wish.needed, unit.done + unit.held)


def _name_kept(kept: Sequence[tuple[UnitFact, Wish]]) -> Row:
    return {
        "units": [unit.id for unit, _ in kept],
        "needs": [wish.needed for _, wish in kept],
        "bands": [wish.band for _, wish in kept],
        "judged": [unit.done + unit.surplus for unit, _ in kept],
        "ordering": _ORDERING,
    }


def _name_made(made: Sequence[tuple[LoadedTree, Wish]]) -> Row:
    return {
        "campaigns": [tree.campaign_id for tree, _ in made],
        "kinds": [str(wish.kind) for _, wish in made],
        "languages": [tree.facts.language for tree, _ in made],
        "subjects": [wish.subject for _, wish in made],
        "strata": [tree.stratum_id for tree, _ in made],
        "needs": [wish.needed for _, wish in made],
        "bands": [wish.band for _, wish in made],
        "simple": [wish.is_simple for _, wish in made],
        "reasons": [str(REASONS[wish.kind]) for _, wish in made],
    }


def _name_shown(shown: Sequence[Wish]) -> Row:
    rows = [(str(wish.kind), wish.subject, message) for wish in shown for message in wish.candidates]
    return {
        "kinds": [kind for kind, _, _ in rows],
        "subjects": [subject for _, subject, _ in rows],
        "messages": [message for _, _, message in rows],
    }
