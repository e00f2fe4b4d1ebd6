"""A reply written by an annotator becomes a candidate under its parent."""

from datetime import datetime

from django.utils.translation import gettext as _

from annotate.exceptions import Conflict
from annotate.queries.rows import Row
from annotate.services.candidates import NewCandidate, add_candidates


def write_reply(*, row: Row, text: str, language: str, now: datetime) -> int:
    """Add the text as a candidate and return its message id; the caller's transaction, before the unit is locked.

    Raises Conflict `text_duplicate` when the same words are already a candidate there.
    """
    written = NewCandidate.written(text=text, annotator_id=row["me"], language=language)
    (stored,) = add_candidates(campaign_id=row["campaign"], parent_id=row["subject"], candidates=[written], now=now)
    if not stored.is_new:
        raise Conflict(
            _(
                "This very reply is already here, word for word. Your text is saved under Drafts; change it, "
                "or skip this work."
            ),
            code="text_duplicate",
        )
    return stored.message_id
