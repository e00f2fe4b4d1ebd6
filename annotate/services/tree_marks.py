"""Marks of trees that must be decided again, and of campaigns whose supply of prompts must.

Whoever writes something that a tree depends on marks it last in the same transaction: a judgment, a skip, a
report, a removal, a candidate, an import. Trees of campaigns that grow none are passed by, so that whoever
writes need not know. In the order of locks a tree's mark comes after its parents' and before its campaign's.
"""

from collections.abc import Iterable

from annotate.queries.rows import run
from annotate.services.stale import mark_stale
from annotate.wake import wake
from tasks.vocabulary import JobName, StaleKind

#: Whether `c` is a campaign whose trees grow. One that never said so has no such word among its parameters.
GROWS = "coalesce((c.parameters->>'grow_trees')::boolean, false)"

_MARK = """
INSERT INTO annotate_stale AS s (kind, subject_id, marked)
SELECT 'tree', t.id, 1 FROM annotate_messagetree t JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE {those} ORDER BY t.id
ON CONFLICT (kind, subject_id) DO UPDATE SET marked = s.marked + 1"""

_MARK_OF_MESSAGES = _MARK.format(
    those=f"""t.id = ANY(ARRAY(SELECT m.tree_id FROM annotate_message m WHERE m.id = ANY(%(messages)s::bigint[])))
  AND ({GROWS} OR %(any_campaign)s::boolean)"""
)

_MARK_OF_UNITS = _MARK.format(
    those=f"""t.id = ANY(ARRAY(SELECT m.tree_id FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id
  WHERE u.id = ANY(%(units)s::bigint[]))) AND {GROWS}"""
)


def mark_tree_of(*, message_ids: Iterable[int], any_campaign: bool = False) -> int:
    """Let the trees of these messages be decided again; returns how many were marked.

    `any_campaign`: also where trees do not grow, for what is moderated by itself everywhere.
    """
    messages = sorted(set(message_ids))
    if not messages:
        return 0
    marked = run(_MARK_OF_MESSAGES, {"messages": messages, "any_campaign": any_campaign})
    if marked:
        wake(JobName.ADVANCE_TREES)
    return marked


def mark_tree_of_units(*, unit_ids: Iterable[int]) -> int:
    """The same for the trees that these units are about."""
    units = sorted(set(unit_ids))
    marked = run(_MARK_OF_UNITS, {"units": units}) if units else 0
    if marked:
        wake(JobName.ADVANCE_TREES)
    return marked


def mark_trees(*, tree_ids: Iterable[int]) -> None:
    """Let these trees be decided again, whatever their campaign does."""
    trees = sorted(set(tree_ids))
    if trees:
        mark_stale(kind=StaleKind.TREE, subject_ids=trees)
        wake(JobName.ADVANCE_TREES)


def mark_supply(*, campaign_ids: Iterable[int]) -> None:
    """Let it be decided again how many prompts these campaigns want, and whose turn it is."""
    campaigns = sorted(set(campaign_ids))
    if campaigns:
        mark_stale(kind=StaleKind.SUPPLY, subject_ids=campaigns)
        wake(JobName.ADVANCE_TREES)
