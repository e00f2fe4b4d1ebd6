"""Trees and their locks: one writer of a tree at a time."""

from collections.abc import Sequence

from annotate.queries.rows import run

_LOCK = """
SELECT t.id FROM annotate_messagetree t
WHERE t.id = ANY(ARRAY(SELECT m.tree_id FROM annotate_message m WHERE m.id = ANY(%(messages)s::bigint[])))
ORDER BY t.id FOR NO KEY UPDATE"""


def lock_trees(*, message_ids: Sequence[int]) -> None:
    """Lock the trees of these messages, by id, until the transaction ends.

    Whoever adds messages or opens units holds this lock, so that two of them never miss each other's rows.
    In the order of locks it comes after the annotator and before assignments and units.
    """
    run(_LOCK, {"messages": list(message_ids)})
