"""What cannot wait for a moderator happens by itself and can be undone; trees are halted and restarted; texts are edited."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from annotate.access import Actor
from annotate.exceptions import Conflict, Gone, NotFound
from annotate.models import Annotator, AuditEvent, Message, MessageRevision, MessageTree, Report, Unit, User
from annotate.queries.integrity import find_broken_rules
from annotate.services.judgments import skip_assignment
from annotate.services.message_texts import edit_message
from annotate.services.moderation import remove_message, restore_message
from annotate.services.moderation_reports import keep_message
from annotate.services.moderation_trees import halt_tree, restart_tree
from annotate.services.reports import report_message
from annotate.services.tree_marks import mark_tree_of
from tests.growing import grow, judge, make_growing, make_tree, open_work
from tests.loop import NOW, add_message, ask, find_drift, make_annotator, make_campaign, make_prompt, ranking_of, submit
from tests.trees import reader

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def moderator(db) -> Actor:
    user = User.objects.create(email="mo@example.org")
    return Actor(user=user, annotator_id=make_annotator("mo2").pk, scopes=None)


def report(message: Message, number: int, *, reason="spam") -> None:
    for one in range(number):
        person = make_annotator(f"reporter{message.pk}-{Report.objects.count()}-{one}")
        Report.objects.create(message=message, annotator=person, reason=reason, created_at=NOW)
    mark_tree_of(message_ids=[message.pk], any_campaign=True)
    grow()


def skip(campaign, message: Message, number: int, *, kind="write_assistant_reply") -> None:
    for _ in range(number):
        person = make_annotator(f"skipper{User.objects.count()}")
        assignment = ask(person, campaign, kinds=[kind])["assignment"]
        skip_assignment(
            annotator_id=person.pk, assignment_id=assignment["id"], skip_reason="other", now=NOW, rng=random.Random(1)
        )
    grow()


def state() -> tuple[str, str]:
    tree = MessageTree.objects.order_by("pk").first()
    return tree.state, tree.state_reason


def is_sound() -> bool:
    return (find_drift(), find_broken_rules()) == ({}, [])


# --- By itself -----------------------------------------------------------------------------------------


def test_a_reply_that_many_report_is_hidden_and_asked_for_again():
    campaign = make_growing(report_limit=3, goal_tree_size=6)
    prompt = make_tree(campaign)
    reply = add_message(prompt.tree, "Buy pills.", parent=prompt)
    grow()
    report(reply, 2)
    reply.refresh_from_db()
    assert reply.removed_at is None
    report(reply, 1)
    reply.refresh_from_db()
    assert reply.removed_at == NOW
    assert reply.removed_reason == "Hidden by itself: reported by 3 people. A moderator will look at it."
    event = AuditEvent.objects.get(action="message.removed")
    assert (event.actor, event.after["automatic"], event.after["reports"], event.reason) == (
        None, True, 3, reply.removed_reason,
    )  # fmt: skip
    assert state() == ("growing", "")
    assert is_sound()


def test_a_prompt_that_many_report_ends_its_tree_until_a_moderator_has_looked(moderator):
    campaign = make_growing(report_limit=2)
    prompt = make_tree(campaign)
    grow()
    report(prompt, 2)
    assert state() == ("low_grade", "reported")
    assert not Unit.objects.filter(subject=prompt, is_open=True).exists()
    restore_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="A joke.", now=LATER)
    grow(now=LATER)
    assert state() == ("growing", "restarted")
    assert open_work(campaign)["write_assistant_reply"] == 1
    assert set(Report.objects.values_list("state", "handled_by__email")) == {("dismissed", "mo@example.org")}
    mark_tree_of(message_ids=[prompt.pk])
    grow(now=LATER)
    assert state() == ("growing", "restarted")
    report(prompt, 2)  # others, since
    assert state() == ("low_grade", "reported")
    assert is_sound()


def test_a_prompt_that_many_skip_is_halted_and_the_same_skips_do_not_halt_it_again(moderator):
    campaign = make_growing(skip_limit=3)
    prompt = make_tree(campaign)
    grow()
    skip(campaign, prompt, 2)
    assert state()[0] == "growing"
    skip(campaign, prompt, 1)
    assert state() == ("halted", "skipped_by_many")
    restore_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="It is fine.", now=LATER)
    grow(now=LATER)
    assert AuditEvent.objects.get(action="message.restored").after["forgiven_skips"] == 3
    skip(campaign, prompt, 2)
    assert state() == ("growing", "restarted")
    skip(campaign, prompt, 1)
    assert state() == ("halted", "skipped_by_many")


def test_who_skips_all_work_on_a_message_has_skipped_it_once():
    campaign = make_growing(skip_limit=2)
    prompt = make_tree(campaign, review="pending")
    grow()
    eve = make_annotator("eve")
    for kind in ("label", "write_assistant_reply"):
        held = ask(eve, campaign, kinds=[kind])["assignment"]["id"]
        skip_assignment(annotator_id=eve.pk, assignment_id=held, skip_reason="other", now=NOW, rng=random.Random(1))
        Message.objects.filter(pk=prompt.pk).update(review_state="accepted")
        grow()
    assert Unit.objects.filter(subject=prompt, assignments__state="skipped").count() == 2
    assert state()[0] == "growing"


def test_those_whose_reports_were_dismissed_do_not_hide_the_message_again(moderator):
    campaign = make_growing(report_limit=2)
    prompt = make_tree(campaign)
    grow()
    brigade = [make_annotator(name) for name in ("eve", "mallory")]

    def report_all() -> None:
        for person in brigade:
            report_message(reader=reader(person), message_id=prompt.pk, reason="spam", now=NOW)
        grow()

    report_all()
    assert state() == ("low_grade", "reported")
    restore_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="It is fine.", now=LATER)
    grow(now=LATER)
    report_all()
    assert (state()[0], Report.objects.filter(state="open").count()) == ("growing", 2)
    report(prompt, 2)
    assert state() == ("low_grade", "reported")


def test_reports_of_people_who_were_suspended_hide_nothing():
    campaign = make_growing(report_limit=2)
    prompt = make_tree(campaign)
    grow()
    report(prompt, 1)
    Annotator.objects.filter(reports__message=prompt).update(suspended_at=NOW)
    report(prompt, 1)
    assert state()[0] == "growing"
    report(prompt, 1)
    assert state() == ("low_grade", "reported")


def test_reports_change_nothing_of_how_a_tree_has_ended(moderator):
    campaign = make_growing(report_limit=2)
    prompt = make_tree(campaign)
    grow()
    halt_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="Let us talk first.", now=NOW)
    report(prompt, 2)
    prompt.refresh_from_db()
    assert (prompt.removed_at, state()) == (NOW, ("halted", "by_moderator"))
    restore_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="It is fine.", now=LATER)
    grow(now=LATER)
    assert (state(), is_sound()) == (("halted", "by_moderator"), True)


def test_where_no_trees_grow_reports_hide_and_skips_do_not():
    campaign = make_campaign(report_limit=2, skip_limit=1)
    prompt = make_prompt(campaign, replies=3)
    reply = prompt.replies.first()
    skip(campaign, prompt, 2, kind="rank")
    report(reply, 2)
    reply.refresh_from_db()
    prompt.refresh_from_db()
    assert (reply.removed_at, prompt.removed_at, state()) == (NOW, None, ("ranking", ""))
    assert is_sound()


def test_what_is_hidden_by_itself_is_hidden_once():
    campaign = make_growing(report_limit=1)
    prompt = make_tree(campaign)
    grow()
    report(prompt, 1)
    report(prompt, 3)
    assert AuditEvent.objects.filter(action="message.removed").count() == 1


def test_a_report_that_a_moderator_dismissed_hides_nothing(moderator):
    campaign = make_growing(report_limit=2)
    prompt = make_tree(campaign)
    grow()
    report(prompt, 1)
    Report.objects.update(state="dismissed", handled_by=moderator.user, handled_at=NOW)
    report(prompt, 1)
    assert state()[0] == "growing"


# --- Whole trees --------------------------------------------------------------------------------------------


def test_a_halted_tree_offers_nothing_and_what_is_held_may_be_submitted(moderator):
    campaign = make_growing()
    prompt = make_tree(campaign)
    grow()
    ada, ben = make_annotator("ada"), make_annotator("ben")
    held = ask(ada, campaign, kinds=["write_assistant_reply"])["assignment"]
    halt_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="A dispute.", now=NOW)
    grow()
    assert (state(), ask(ben, campaign, kinds=["write_assistant_reply"])["assignment"]) == (
        ("halted", "by_moderator"), None,
    )  # fmt: skip
    kept = submit(ada, held["id"], {"text": "Because they can."})
    grow()
    assert kept["judgment"] is not None
    assert open_work(campaign)["label"] == 0
    assert is_sound()


def test_a_restarted_tree_goes_on_from_where_it_was_and_reviews_what_came_meanwhile(moderator):
    campaign = make_growing()
    prompt = make_tree(campaign)
    grow()
    ada = make_annotator("ada")
    held = ask(ada, campaign, kinds=["write_assistant_reply"])["assignment"]
    halt_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="A dispute.", now=NOW)
    submit(ada, held["id"], {"text": "Because they can."})
    restart_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="Settled.", now=LATER)
    grow(now=LATER)
    assert state() == ("growing", "restarted")
    assert open_work(campaign)["label"] == 1
    told = {event.action: (event.before, event.after["state"], event.reason) for event in AuditEvent.objects.all()}
    assert told == {
        "tree.halted": ({"state": "growing"}, "halted", "A dispute."),
        "tree.restarted": ({"state": "halted"}, "growing", "Settled."),
    }
    assert is_sound()


def test_halting_and_restarting_twice_change_nothing(moderator):
    campaign = make_growing()
    prompt = make_tree(campaign)
    for verb in (halt_tree, restart_tree):
        for _ in range(2):
            verb(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="x", now=NOW)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == ["tree.halted", "tree.restarted"]


def test_a_tree_that_waited_waits_again(moderator):
    campaign = make_growing(active_trees=1)
    make_tree(campaign)
    other = make_tree(campaign, "Why do fish swim?", state="waiting")
    halt_tree(campaign=campaign, tree_id=other.tree_id, actor=moderator, reason="x", now=NOW)
    tree = restart_tree(campaign=campaign, tree_id=other.tree_id, actor=moderator, reason="x", now=NOW)
    assert (tree.state, tree.drawn_at) == ("waiting", None)


def test_a_moderator_overrules_reviewers_who_rejected_a_prompt(moderator):
    campaign = make_growing()
    prompt = make_tree(campaign, state="prompt_review", author=make_annotator("ada"), review="pending")
    grow()
    for name in ("ben", "cyd"):
        judge(make_annotator(name), prompt, spam=True)
    grow()
    assert state() == ("low_grade", "prompt_rejected")
    restart_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="It is fine.", now=LATER)
    grow(now=LATER)
    prompt.refresh_from_db()
    assert (state(), prompt.review_state) == (("growing", "drawn"), "accepted")


def test_a_tree_that_is_done_is_neither_halted_nor_restarted(moderator):
    campaign = make_growing()
    prompt = make_tree(campaign, state="done")
    for verb, code in ((halt_tree, "tree_ended"), (restart_tree, "tree_done")):
        with pytest.raises(Conflict) as refused:
            verb(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="x", now=NOW)
        assert refused.value.code == code


def test_a_tree_without_its_prompt_is_not_restarted(moderator):
    campaign = make_growing()
    prompt = make_tree(campaign)
    remove_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="Spam.", now=NOW)
    grow()
    with pytest.raises(Conflict) as refused:
        restart_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="x", now=NOW)
    assert refused.value.code == "prompt_removed"
    restore_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="A mistake.", now=LATER)
    grow(now=LATER)
    assert state() == ("growing", "restarted")


def test_trees_of_other_campaigns_are_out_of_reach(moderator):
    campaign, other = make_growing(), make_growing("forest")
    prompt = make_tree(other)
    for verb in (halt_tree, restart_tree):
        with pytest.raises(NotFound) as refused:
            verb(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="x", now=NOW)
        assert refused.value.code == "tree_not_found"


def test_where_no_trees_grow_a_restart_reopens_what_halting_closed(moderator):
    campaign = make_campaign(kinds=("rank", "label"))
    prompt = make_prompt(campaign, replies=2)
    before = set(Unit.objects.filter(is_open=True).values_list("pk", flat=True))
    ada = make_annotator("ada")
    assignment = ask(ada, campaign, kinds=["rank"])["assignment"]
    submit(ada, assignment["id"], ranking_of(assignment))
    halt_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="x", now=NOW)
    assert (Unit.objects.filter(is_open=True).count(), state()[0]) == (0, "halted")
    restart_tree(campaign=campaign, tree_id=prompt.tree_id, actor=moderator, reason="x", now=NOW)
    assert (set(Unit.objects.filter(is_open=True).values_list("pk", flat=True)), state()[0]) == (before, "ranking")
    assert is_sound()


# --- Texts ----------------------------------------------------------------------------------------------------


def edit(campaign, message: Message, text: str, moderator: Actor, **given) -> Message:
    return edit_message(
        campaign=campaign, message_id=message.pk, text=text, actor=moderator, reason="A telephone number.", now=LATER,
        **given,
    )  # fmt: skip


def test_an_edited_text_keeps_the_earlier_one_with_who_and_why(moderator):
    campaign = make_growing()
    prompt = make_tree(campaign, "Call me at 555-0101: why do birds sing?")
    edited = edit(campaign, prompt, "Why do birds sing?", moderator)
    assert (edited.text, edited.revision) == ("Why do birds sing?", 2)
    kept = MessageRevision.objects.get()
    assert (kept.number, kept.text, kept.author_id, kept.reason, kept.created_at) == (
        1, "Call me at 555-0101: why do birds sing?", moderator.annotator_id, "A telephone number.", LATER,
    )  # fmt: skip
    event = AuditEvent.objects.get()
    assert (event.action, event.before, event.after, event.reason) == (
        "message.edited", {"revision": 1}, {"revision": 2}, "A telephone number.",
    )  # fmt: skip


def test_whoever_ranks_sees_what_they_were_shown_when_a_text_is_edited(moderator):
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    ada = make_annotator()
    shown = ask(ada, campaign)["assignment"]["subject"]["candidates"]
    edit(campaign, prompt.replies.first(), "Something else.", moderator)
    assert ask(ada, campaign)["assignment"]["subject"]["candidates"] == shown


@pytest.mark.parametrize(
    ("text", "code"), [("Why do birds sing? Reply 0.  ", "text_unchanged"), ("Why do birds sing? Reply 1.", "text_duplicate")]
)  # fmt: skip
def test_an_edit_that_changes_nothing_or_repeats_its_neighbour_is_refused(moderator, text, code):
    campaign = make_campaign()
    reply = make_prompt(campaign, replies=2).replies.get(text="Why do birds sing? Reply 0.")
    with pytest.raises(Conflict) as refused:
        edit(campaign, reply, text, moderator)
    assert refused.value.code == code
    reply.refresh_from_db()
    assert (reply.text, reply.revision, MessageRevision.objects.count()) == ("Why do birds sing? Reply 0.", 1, 0)


def test_a_message_that_is_withdrawn_or_elsewhere_is_not_edited(moderator):
    campaign, other = make_growing(), make_growing("forest")
    gone, foreign = make_tree(campaign), make_tree(other)
    Message.objects.filter(pk=gone.pk).update(withdrawn_at=NOW)
    with pytest.raises(Gone) as refused:
        edit(campaign, gone, "New.", moderator)
    assert refused.value.code == "message_withdrawn"
    with pytest.raises(NotFound) as refused:
        edit(campaign, foreign, "New.", moderator)
    assert refused.value.code == "message_not_found"


# --- what a moderator says of reports


def test_a_message_that_is_kept_has_no_open_report_and_may_be_reported_again(moderator) -> None:
    campaign = make_growing(report_limit=3)
    prompt = make_tree(campaign)
    report(prompt, 2)
    keep_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="It is fine.", now=LATER)
    handled = Report.objects.values_list("state", "handled_by", "handled_at")
    assert set(handled) == {("dismissed", moderator.user.pk, LATER)}
    event = AuditEvent.objects.get(action="reports.handled")
    assert (event.object_id, event.reason, event.before) == (str(prompt.pk), "It is fine.", {"open_reports": 2})
    report(prompt, 2)
    prompt.refresh_from_db()
    assert prompt.removed_at is None


def test_without_a_report_there_is_nothing_to_dismiss(moderator) -> None:
    campaign = make_growing()
    prompt = make_tree(campaign)
    with pytest.raises(Conflict) as refused:
        keep_message(campaign=campaign, message_id=prompt.pk, actor=moderator, reason="?", now=LATER)
    assert refused.value.code == "no_reports"


def test_reports_of_what_a_moderator_hides_were_right_also_after_it_hid_itself(moderator) -> None:
    campaign = make_growing(report_limit=2)
    by_hand, by_itself = make_tree(campaign), make_tree(campaign, "Another one?")
    report(by_hand, 1)
    report(by_itself, 2)
    assert set(Report.objects.filter(message=by_itself).values_list("state", flat=True)) == {"open"}
    for message in (by_hand, by_itself):
        remove_message(campaign=campaign, message_id=message.pk, actor=moderator, reason="Spam.", now=LATER)
    assert set(Report.objects.values_list("state", flat=True)) == {"upheld"}
