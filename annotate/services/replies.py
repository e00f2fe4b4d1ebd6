"""What an annotator wrote under a message becomes a candidate there: a reply, or a better version of one."""

from datetime import datetime

from django.utils.translation import gettext as _

from annotate.exceptions import Conflict, InvalidInput
from annotate.queries.rows import Row, run
from annotate.services.candidates import NewCandidate, add_candidates
from tasks.text.normalise import text_hash
from tasks.vocabulary import MessageRole, ReviewState

#: The edit is shown with its original, in a place that was never used: the ballot of the two may speak of it.
_SHOW_EDIT = """
INSERT INTO annotate_assignmentcandidate (assignment_id, position, message_id, revision)
SELECT %(assignment)s, (SELECT max(GREATEST(position, -1 - position)) + 1 FROM annotate_assignmentcandidate
  WHERE assignment_id = %(assignment)s), %(edit)s, 1"""


def write_reply(*, row: Row, text: str, language: str, review: ReviewState, now: datetime) -> int:
    """Add the text as a reply to the subject and return its message id; the caller's transaction, before units are locked.

    Raises Conflict `text_duplicate` when the same words stand there already.
    """
    is_prompt = row["role"] == MessageRole.PROMPTER
    role = MessageRole.ASSISTANT if is_prompt else MessageRole.PROMPTER
    written = NewCandidate.written(text=text, annotator_id=row["me"], language=language)
    return _add(row=row, parent_id=row["subject"], written=written, role=role, review=review, now=now)


def write_improvement(*, row: Row, text: str, language: str, review: ReviewState, now: datetime) -> int:
    """Add the text as a sibling of the subject, which it improves, and return its message id.

    Raises InvalidInput `text_unchanged` for the text that was shown, and Conflict `text_duplicate` for that of another
    candidate.
    """
    if text_hash(text) == bytes(row["original_hash"]):
        raise InvalidInput(
            _("This is the reply as it was, word for word. Change what can be better in it, or skip this work."),
            code="text_unchanged",
            details={"field": "text"},
        )
    written = NewCandidate.written(text=text, annotator_id=row["me"], language=language, improves=row["subject"])
    edit = _add(row=row, parent_id=row["parent"], written=written, role=row["role"], review=review, now=now)
    run(_SHOW_EDIT, {"assignment": row["assignment"], "edit": edit})
    return edit


def _add(
    *, row: Row, parent_id: int, written: NewCandidate, role: MessageRole, review: ReviewState, now: datetime
) -> int:
    (stored,) = add_candidates(
        campaign_id=row["campaign"], parent_id=parent_id, candidates=[written], now=now, role=role, review=review
    )
    if not stored.is_new:
        raise Conflict(
            _(
                "This very reply is already here, word for word. Your text is saved under Drafts; change it, "
                "or skip this work."
            ),
            code="text_duplicate",
        )
    return stored.message_id
