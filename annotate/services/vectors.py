"""Store the vectors of texts, each under its embedder's name and the revision of the text that it was made of."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from annotate.queries.rows import run
from annotate.services.stale import LONGEST_ERROR, Turn, keep_turn, release_turn
from annotate.wake import wake
from tasks.vocabulary import JobName, StaleKind

#: A message that was changed, or erased, since it was read gets its vector by the next run.
_WRITE = """
INSERT INTO annotate_textvector AS v (message_id, campaign_id, revision, embedder, vector, computed_at)
SELECT m.id, %(campaign)s, given.revision, %(embedder)s, given.vector::halfvec, %(now)s
FROM unnest(%(messages)s::bigint[], %(revisions)s::smallint[], %(vectors)s::text[]) AS given (message, revision, vector)
JOIN annotate_message m ON m.id = given.message AND m.revision = given.revision AND m.withdrawn_at IS NULL
ORDER BY m.id
ON CONFLICT (message_id) DO UPDATE SET campaign_id = excluded.campaign_id, revision = excluded.revision,
  embedder = excluded.embedder, vector = excluded.vector, computed_at = excluded.computed_at
  WHERE v.revision <= excluded.revision"""


#: `error` begins with the embedder's name, on a line of its own: another one is asked anew.
_SET_ASIDE = """
INSERT INTO annotate_stale AS s (kind, subject_id, marked, computed, error)
SELECT %(kind)s, m.id, given.revision, given.revision, %(embedder)s || chr(10) || given.reason
FROM unnest(%(messages)s::bigint[], %(revisions)s::int[], %(reasons)s::text[]) AS given (message, revision, reason)
JOIN annotate_message m ON m.id = given.message AND m.withdrawn_at IS NULL ORDER BY m.id
ON CONFLICT (kind, subject_id) DO UPDATE SET marked = excluded.marked, computed = excluded.computed, error = excluded.error"""

_TRY_AGAIN = """
DELETE FROM annotate_stale s USING annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE s.kind = %(kind)s AND m.id = s.subject_id AND t.campaign_id = %(campaign)s"""


def store_vectors(
    *,
    turn: Turn,
    embedder: str,
    texts: Sequence[tuple[int, int]],
    vectors: Iterable[Sequence[float]],
    now: datetime,
) -> int | None:
    """Store the vectors of these messages, each named with its revision; returns how many, None where the turn is another's."""
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return None
        return run(
            _WRITE,
            {
                "campaign": turn.subject_id,
                "embedder": embedder,
                "messages": [message for message, _ in texts],
                "revisions": [revision for _, revision in texts],
                "vectors": [write_vector(vector) for vector in vectors],
                "now": now,
            },
        )


def set_aside(*, turn: Turn, embedder: str, refused: Sequence[tuple[int, int, str]]) -> bool:
    """Ask this embedder no more for the vectors of these messages, each named with its revision and the reason.

    A changed text is asked for again, and all are by another embedder. False where the turn is another's.
    """
    with transaction.atomic():
        if not keep_turn(turn=turn):
            return False
        messages, revisions, reasons = zip(*refused, strict=True)
        run(
            _SET_ASIDE,
            {
                "kind": StaleKind.TEXT_REFUSED,
                "embedder": embedder,
                "messages": list(messages),
                "revisions": list(revisions),
                "reasons": [reason[:LONGEST_ERROR] for reason in reasons],
            },
        )
    return True


def write_vector(vector: Iterable[float]) -> str:
    """A vector as PostgreSQL reads it; 16-bit floats have no more digits."""
    return f"[{','.join(f'{value:.5g}' for value in vector)}]"


def embed_again(*, campaign_id: int) -> None:
    """End the rest after a failure, or before the next look: an organizer changed what was wrong. Last in a transaction.

    Texts that were refused are tried once more.
    """
    run(_TRY_AGAIN, {"kind": StaleKind.TEXT_REFUSED, "campaign": campaign_id})
    release_turn(kind=StaleKind.TURN_VECTORS, subject_id=campaign_id)
    wake(JobName.EMBED_TEXTS)
