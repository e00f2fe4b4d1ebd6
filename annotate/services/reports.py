"""Report a message: somebody should look at it. Enough open reports hide it until a moderator has."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import Conflict, InvalidInput, TooLarge
from annotate.figures import whole
from annotate.limits import take_report
from annotate.queries.message_access import get_touchable
from annotate.queries.reading import Reader
from annotate.queries.rows import fetch_row, run
from annotate.services.tree_marks import mark_tree_of
from tasks.vocabulary import ReportReason

MAX_NOTE_CHARS = 2000

_STORE = """
INSERT INTO annotate_report AS r (message_id, annotator_id, reason, state, note, created_at)
VALUES (%(message)s, %(me)s, %(reason)s, 'open', %(note)s, %(now)s)
ON CONFLICT (message_id, annotator_id) WHERE state = 'open'
  DO UPDATE SET reason = excluded.reason, note = excluded.note
RETURNING r.id"""

_TAKE_BACK = "DELETE FROM annotate_report WHERE message_id = %(message)s AND annotator_id = %(me)s AND state = 'open'"


def report_message(*, reader: Reader, message_id: int, reason: str, note: str = "", now: datetime) -> int:
    """Report a message with a reason, and words where the reason alone says too little; returns the report's id.

    Reporting again while the report is open changes its reason and words. Raises `NotFound`, `Gone`
    (`message_removed`), `NotAllowed` (`suspended`), `Conflict` (`own_text`), `InvalidInput` (`wrong_value`,
    `note_required`), `TooLarge` (`note_too_long`) and `TooManyRequests`.
    """
    words = _check(reason=reason, note=note)
    with transaction.atomic():
        row = get_touchable(message_id=message_id, reader=reader)
        if row["is_mine"]:
            raise Conflict(
                _("This is your own text. If it should not be here, withdraw it among your contributions."),
                code="own_text",
            )
        take_report(annotator_id=reader.annotator_id)
        params = {"message": message_id, "me": reader.annotator_id, "reason": reason, "note": words, "now": now}
        stored = fetch_row(_STORE, params)
        mark_tree_of(message_ids=[message_id], any_campaign=True)
    return int(stored["id"])


def take_back_report(*, reader: Reader, message_id: int) -> bool:
    """Take one's open report back; whether there was one. What a moderator has decided stays decided."""
    with transaction.atomic():
        gone = run(_TAKE_BACK, {"message": message_id, "me": reader.annotator_id})
        if gone:
            mark_tree_of(message_ids=[message_id], any_campaign=True)
    return bool(gone)


def _check(*, reason: str, note: str) -> str:
    if reason not in set(ReportReason):
        raise InvalidInput(
            _("There is no such reason; the reasons are %(reasons)s.") % {"reasons": ", ".join(ReportReason)},
            code="wrong_value",
            details={"field": "reason"},
        )
    words = note.strip()
    if reason == ReportReason.OTHER and not words:
        raise InvalidInput(
            _("Say in a few words what is wrong with this message, so that a moderator knows what to look for."),
            code="note_required",
            details={"field": "note"},
        )
    if len(words) > MAX_NOTE_CHARS:
        raise TooLarge(
            _("Your words are %(chars)s characters long; %(most)s are the most. Shorten them and send again.")
            % {"chars": whole(len(words)), "most": whole(MAX_NOTE_CHARS)},
            code="note_too_long",
            details={"field": "note", "chars": len(words), "max_chars": MAX_NOTE_CHARS},
        )
    return words
