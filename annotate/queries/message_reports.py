"""Reports of a message that nobody has looked at yet: one's own, and all of them for moderators."""

from annotate.models import Report
from annotate.queries.rows import Row
from tasks.vocabulary import ReportState

#: Reports that a moderator is shown of one message.
MOST_REPORTS = 50


def find_own_report(*, message_id: int, annotator_id: int) -> Row | None:
    """The reason and the words of one's open report."""
    mine = Report.objects.filter(message_id=message_id, annotator_id=annotator_id, state=ReportState.OPEN)
    found = mine.values_list("reason", "note").first()
    return None if found is None else {"reason": found[0], "note": found[1]}


def list_open_reports(*, message_id: int) -> list[Row]:
    """What people say is wrong with a message, newest first; who they are is not told."""
    reports = Report.objects.filter(message_id=message_id, state=ReportState.OPEN)
    rows = reports.order_by("-pk").values_list("reason", "note", "created_at")[:MOST_REPORTS]
    return [{"reason": reason, "note": note, "created_at": at} for reason, note, at in rows]
