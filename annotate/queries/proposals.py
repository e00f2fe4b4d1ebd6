"""Proposed revisions of a campaign: what there is to decide, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from annotate.queries.reading import IS_INSIDER, IS_UNSEALED, STANDS, Reader
from annotate.queries.rows import Row, fetch_all
from tasks.vocabulary import ProposalState

PAGE_SIZE = 20

_LIST = f"""
SELECT p.id, p.message_id, m.tree_id, m.role, m.language, m.revision, p.base_revision, p.text, p.reason, p.state,
  p.created_at, p.decided_at, p.author_id = %(me)s::bigint AS is_mine, {IS_INSIDER} AS is_insider,
  m.author_id IS NOT NULL AND m.author_id = %(me)s::bigint AS is_my_message,
  CASE WHEN m.revision = p.base_revision THEN m.text ELSE coalesce((SELECT r.text FROM annotate_messagerevision r
    WHERE r.message_id = m.id AND r.number = p.base_revision), m.text) END AS before,
  (SELECT v.agrees FROM annotate_revisionvote v WHERE v.proposal_id = p.id AND v.annotator_id = %(me)s::bigint) AS my_vote,
  (SELECT count(*) FROM annotate_revisionvote v WHERE v.proposal_id = p.id AND v.agrees) AS agree,
  (SELECT count(*) FROM annotate_revisionvote v WHERE v.proposal_id = p.id AND NOT v.agrees) AS disagree
FROM annotate_revisionproposal p JOIN annotate_message m ON m.id = p.message_id
JOIN annotate_messagetree t ON t.id = m.tree_id JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE c.id = %(campaign)s AND p.state = %(state)s AND (%(before)s::bigint IS NULL OR p.id < %(before)s)
  AND (%(message)s::bigint IS NULL OR m.id = %(message)s)
  AND (p.author_id = %(me)s::bigint OR ({STANDS} AND {IS_UNSEALED}))
ORDER BY p.id DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class ProposalShown:
    """A proposed revision. `agree` and `disagree` are None until one's own word is given, unless one moderates.

    `is_expired`: the message was changed meanwhile, so that it cannot be accepted any more.
    """

    id: int
    message_id: int
    tree_id: int
    role: str
    language: str
    before: str
    text: str
    reason: str
    base_revision: int
    state: str
    is_expired: bool
    is_mine: bool
    is_my_message: bool
    may_vote: bool
    my_vote: bool | None
    agree: int | None
    disagree: int | None
    created_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """One page, newest first. `next_before` is the id to go on before, None on the last page."""

    proposals: tuple[ProposalShown, ...]
    next_before: int | None


def list_proposals(
    *,
    campaign_id: int,
    reader: Reader,
    state: str = ProposalState.OPEN,
    message_id: int | None = None,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> ProposalPage:
    """Proposals in one state about messages that this reader may see, and their own: one statement."""
    given = {"campaign": campaign_id, "state": state, "message": message_id, "before": before, "limit": limit + 1}
    rows = fetch_all(_LIST, {**reader.as_parameters(), **given})
    shown = tuple(_present(row) for row in rows[:limit])
    return ProposalPage(shown, shown[-1].id if len(rows) > limit else None)


def _present(row: Row) -> ProposalShown:
    expired = row["state"] == ProposalState.OPEN and row["revision"] != row["base_revision"]
    mine, told = bool(row["is_mine"]), row["my_vote"] is not None or row["is_insider"]
    return ProposalShown(
        id=row["id"],
        message_id=row["message_id"],
        tree_id=row["tree_id"],
        role=row["role"],
        language=row["language"],
        before=row["before"],
        text=row["text"],
        reason=row["reason"],
        base_revision=row["base_revision"],
        state=row["state"],
        is_expired=expired,
        is_mine=mine,
        is_my_message=bool(row["is_my_message"]),
        may_vote=row["state"] == ProposalState.OPEN and not expired and not mine and row["my_vote"] is None,
        my_vote=row["my_vote"],
        agree=row["agree"] if told else None,
        disagree=row["disagree"] if told else None,
        created_at=row["created_at"],
        decided_at=row["decided_at"],
    )
