"""Reports: one open a person and message, told to the tree, and whom they are refused."""

from __future__ import annotations

import pytest

from annotate import limits
from annotate.exceptions import ChorusError
from annotate.models import Annotator, Message, Report, Stale
from annotate.services.reports import MAX_NOTE_CHARS, report_message, take_back_report
from tests.loop import NOW, make_annotator, make_campaign, make_prompt
from tests.trees import make_tree, reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def prompt() -> Message:
    return make_tree(make_campaign(kinds=["label"]))


def report(who: Annotator, message: Message, reason="spam", note="") -> int:
    return report_message(reader=reader(who), message_id=message.pk, reason=reason, note=note, now=NOW)


def refusal(*args, **given) -> str:
    with pytest.raises(ChorusError) as refused:
        report(*args, **given)
    return refused.value.code


def marks(message: Message) -> int:
    return sum(Stale.objects.filter(kind="tree", subject_id=message.tree_id).values_list("marked", flat=True))


def test_a_report_is_kept_and_its_tree_is_looked_at(prompt):
    ada = make_annotator()
    pk = report(ada, prompt, "copied", "  From a book.  ")
    kept = Report.objects.get()
    assert (kept.pk, kept.message, kept.annotator, kept.reason, kept.note, kept.state) == (
        pk,
        prompt,
        ada,
        "copied",
        "From a book.",
        "open",
    )
    assert marks(prompt) == 1


def test_reporting_again_changes_the_open_report(prompt):
    ada = make_annotator()
    first = report(ada, prompt)
    assert report(ada, prompt, "harmful", "Look.") == first
    assert list(Report.objects.values_list("reason", "note")) == [("harmful", "Look.")]
    Report.objects.update(state="dismissed")
    assert report(ada, prompt) != first
    assert report(make_annotator("bob"), prompt) != first
    assert Report.objects.count() == 3


def test_a_report_is_taken_back_while_nobody_has_decided(prompt):
    ada, bob = make_annotator("ada"), make_annotator("bob")
    report(ada, prompt)
    assert [take_back_report(reader=reader(who), message_id=prompt.pk) for who in (bob, ada, ada)] == [
        False,
        True,
        False,
    ]
    assert marks(prompt) == 2
    report(ada, prompt)
    Report.objects.update(state="upheld")
    assert take_back_report(reader=reader(ada), message_id=prompt.pk) is False


def test_what_is_refused(prompt):
    ada = make_annotator()
    assert refusal(ada, prompt, "because") == "wrong_value"
    assert refusal(ada, prompt, "other", "  ") == "note_required"
    assert refusal(ada, prompt, "spam", "x" * (MAX_NOTE_CHARS + 1)) == "note_too_long"
    Message.objects.update(author=ada)
    assert refusal(ada, prompt) == "own_text"
    Message.objects.update(author=None, withdrawn_at=NOW)
    assert refusal(ada, prompt) == "message_removed"
    Message.objects.update(withdrawn_at=None)
    Annotator.objects.update(suspended_at=NOW)
    assert refusal(ada, prompt) == "suspended"
    assert (Report.objects.count(), marks(prompt)) == (0, 0)


def test_what_is_sealed_cannot_be_reported():
    assert refusal(make_annotator(), make_prompt(make_campaign(), replies=2).replies.first()) == "message_not_found"


def test_a_flood_of_reports_is_stopped(prompt, monkeypatch):
    monkeypatch.setattr(limits, "MOST_REPORTS", 2)
    ada = make_annotator()
    report(ada, prompt)
    report(ada, prompt)
    assert refusal(ada, prompt) == "too_many_requests"
