"""What moderators take away is no longer offered or accepted, comes back whole, and every step is told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection

from annotate.access import Actor
from annotate.exceptions import ChorusError, Conflict, NotFound
from annotate.models import (
    Annotator,
    Assignment,
    AuditEvent,
    Campaign,
    Judgment,
    Message,
    MessageTree,
    Stale,
    Unit,
    UnitCandidate,
    User,
)
from annotate.services.moderation import (
    reinstate_annotator,
    remove_message,
    restore_message,
    suspend_annotator,
)
from annotate.services.undo import undo_judgment
from annotate.services.units import open_units
from tests.loop import (
    NOW,
    add_message,
    ask,
    counters,
    find_drift,
    make_annotator,
    make_campaign,
    make_prompt,
    ranking_of,
    state_of,
    submit,
)

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def moderator(db) -> Actor:
    return Actor(user=User.objects.create(email="mo@example.org"), scopes=None)


def remove(campaign: Campaign, message: Message, moderator: Actor, *, reason="Spam.", now=LATER) -> Message:
    return remove_message(campaign=campaign, message_id=message.pk, actor=moderator, reason=reason, now=now)


def restore(campaign: Campaign, message: Message, moderator: Actor, *, reason="A mistake.", now=LATER) -> Message:
    return restore_message(campaign=campaign, message_id=message.pk, actor=moderator, reason=reason, now=now)


def open_work() -> set[tuple[str, str]]:
    """(kind, first words of the subject) of every open unit."""
    return {(u.kind, u.subject.text) for u in Unit.objects.filter(is_open=True).select_related("subject")}


def shown(unit: Unit) -> list[str]:
    rows = UnitCandidate.objects.filter(unit=unit, removed_at__isnull=True).select_related("message")
    return sorted(row.message.text for row in rows)


# --- Candidates -------------------------------------------------------------------------------


def test_a_removed_candidate_is_no_longer_shown_and_the_others_still_are(moderator):
    campaign = make_campaign()
    prompt = make_prompt(campaign, "P", replies=3)
    remove(campaign, prompt.replies.get(text="P Reply 1."), moderator)
    unit = Unit.objects.get()
    assert (unit.is_open, shown(unit)) == (True, ["P Reply 0.", "P Reply 2."])
    offer = ask(make_annotator(), campaign)["assignment"]
    assert sorted(c["text"] for c in offer["subject"]["candidates"]) == ["P Reply 0.", "P Reply 2."]


def test_a_parent_with_one_candidate_left_is_not_ranked(moderator):
    campaign = make_campaign(kinds=("rank", "compare", "label"))
    prompt = make_prompt(campaign, "P", replies=2)
    remove(campaign, prompt.replies.get(text="P Reply 1."), moderator)
    assert open_work() == {("label", "P"), ("label", "P Reply 0.")}


def test_removal_says_when_why_and_by_whom(moderator):
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    reply = prompt.replies.first()
    unit = Unit.objects.get()
    remove(campaign, reply, moderator, reason="An advertisement.")
    reply.refresh_from_db()
    assert (reply.removed_at, reply.removed_reason, reply.text != "") == (LATER, "An advertisement.", True)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.campaign, event.object_kind, event.object_id, event.reason) == (
        "message.removed",
        moderator.user,
        campaign,
        "message",
        str(reply.pk),
        "An advertisement.",
    )
    assert (event.before, event.after) == ({"removed": False}, {"removed": True, "closed_units": [unit.pk]})


def test_removal_marks_what_depends_on_it(moderator):
    campaign = make_campaign()
    prompt = make_prompt(campaign)
    reply = prompt.replies.first()
    Stale.objects.all().delete()
    remove(campaign, reply, moderator)
    marks = Stale.objects.filter(kind="parent").values_list("subject_id", flat=True)
    assert set(marks) == {prompt.pk, reply.pk}


def test_removing_twice_changes_and_tells_nothing_more(moderator):
    campaign = make_campaign()
    reply = make_prompt(campaign).replies.first()
    remove(campaign, reply, moderator)
    remove(campaign, reply, moderator, reason="Again.", now=LATER + timedelta(hours=1))
    reply.refresh_from_db()
    assert (reply.removed_at, reply.removed_reason, AuditEvent.objects.count()) == (LATER, "Spam.", 1)


def test_current_ballots_stay(moderator):
    campaign = make_campaign()
    prompt, ada = make_prompt(campaign), make_annotator()
    offer = ask(ada, campaign)["assignment"]
    submit(ada, offer["id"], ranking_of(offer))
    remove(campaign, prompt.replies.first(), moderator)
    judgment = Judgment.objects.get()
    assert (judgment.is_current, judgment.counted, judgment.ranked.count(), counters()) == (True, True, 4, (3, 0, 1, 0))


def test_whoever_holds_what_was_removed_is_told_and_keeps_the_draft(moderator):
    campaign = make_campaign()
    prompt, ada = make_prompt(campaign), make_annotator()
    offer = ask(ada, campaign)["assignment"]
    remove(campaign, prompt.replies.first(), moderator)
    with pytest.raises(ChorusError) as refused:
        submit(ada, offer["id"], ranking_of(offer))
    assert refused.value.code == "candidate_removed"


def test_a_message_of_another_campaign_is_not_found(moderator):
    campaign, other = make_campaign(), make_campaign(slug="bees")
    reply = make_prompt(other).replies.first()
    for verb in (remove, restore):
        with pytest.raises(NotFound) as refused:
            verb(campaign, reply, moderator)
        assert refused.value.code == "message_not_found"
    assert AuditEvent.objects.count() == 0


# --- Prompts and what hangs below -------------------------------------------------------------


def make_deep(campaign: Campaign) -> tuple[Message, Message, Message]:
    """A prompt, a reply to it, and a question below that reply with two answers; units for all."""
    prompt = make_prompt(campaign, "P", replies=2)
    reply = prompt.replies.get(text="P Reply 0.")
    tree = MessageTree.objects.get()
    question = add_message(tree, "Q", role="prompter", parent=reply)
    for place in range(2):
        add_message(tree, f"Q Answer {place}.", parent=question)
    open_units(campaign_id=campaign.pk, parent_ids=[question.pk], now=NOW)
    return prompt, reply, question


def test_a_removed_prompt_closes_everything_below_it(moderator):
    campaign = make_campaign(kinds=("rank", "label"))
    prompt, *_ = make_deep(campaign)
    other = make_prompt(campaign, "Other", replies=2)
    remove(campaign, prompt, moderator)
    assert open_work() == {
        ("rank", "Other"),
        *(("label", text) for text in ("Other", "Other Reply 0.", "Other Reply 1.")),
    }
    assert other.removed_at is None


def test_a_removed_reply_closes_the_questions_below_it_and_nothing_beside_it(moderator):
    campaign = make_campaign(kinds=("rank", "label"))
    _, reply, _ = make_deep(campaign)
    remove(campaign, reply, moderator)
    assert open_work() == {("label", "P"), ("label", "P Reply 1.")}


def test_nothing_below_a_removed_message_can_be_submitted(moderator):
    campaign = make_campaign()
    prompt, _, question = make_deep(campaign)
    Unit.objects.exclude(subject=question).update(is_open=False)
    ada = make_annotator()
    offer = ask(ada, campaign)["assignment"]
    remove(campaign, prompt, moderator)
    with pytest.raises(ChorusError) as refused:
        submit(ada, offer["id"], ranking_of(offer))
    assert refused.value.code == "subject_removed"


# --- Restoring --------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["prompt", "reply", "question"])
def test_restoring_reverses_a_removal(moderator, which):
    campaign = make_campaign(kinds=("rank", "label"))
    message = dict(zip(("prompt", "reply", "question"), make_deep(campaign), strict=True))[which]
    before = (
        open_work(),
        sorted(Unit.objects.values_list("id", flat=True)),
        {u.pk: shown(u) for u in Unit.objects.all()},
    )
    remove(campaign, message, moderator)
    assert open_work() != before[0]
    restore(campaign, message, moderator)
    message.refresh_from_db()
    assert (message.removed_at, message.removed_reason) == (None, "")
    assert (
        open_work(),
        sorted(Unit.objects.values_list("id", flat=True)),
        {u.pk: shown(u) for u in Unit.objects.all()},
    ) == before


def test_restoring_says_what_it_reopened(moderator):
    campaign = make_campaign()
    reply = make_prompt(campaign, replies=2).replies.first()
    remove(campaign, reply, moderator)
    restore(campaign, reply, moderator, reason="It was fine.")
    event = AuditEvent.objects.get(action="message.restored")
    assert (event.before, event.after, event.reason) == (
        {"removed": True},
        {"removed": False, "reopened_units": [Unit.objects.get().pk], "dismissed_reports": 0, "forgiven_skips": 0},
        "It was fine.",
    )


def test_restoring_what_was_not_removed_changes_nothing(moderator):
    campaign = make_campaign()
    restore(campaign, make_prompt(campaign), moderator)
    assert AuditEvent.objects.count() == 0


def test_what_was_closed_for_another_reason_stays_closed(moderator):
    campaign = make_campaign(kinds=("rank", "label"))
    prompt = make_prompt(campaign, "P", replies=2)
    Unit.objects.filter(kind="rank").update(is_open=False)
    remove(campaign, prompt, moderator)
    restore(campaign, prompt, moderator)
    assert open_work() == {("label", "P"), ("label", "P Reply 0."), ("label", "P Reply 1.")}


def test_of_two_removals_in_one_tree_the_later_restoring_opens_what_both_closed(moderator):
    campaign = make_campaign(kinds=("rank",))
    prompt, reply, _ = make_deep(campaign)
    before = open_work()
    remove(campaign, prompt, moderator)
    remove(campaign, reply, moderator)
    restore(campaign, prompt, moderator)
    assert open_work() == set()
    restore(campaign, reply, moderator)
    assert open_work() == before


def test_a_unit_with_too_few_candidates_waits_for_the_last_of_them(moderator):
    campaign = make_campaign()
    first, second = make_prompt(campaign, "P", replies=2).replies.order_by("id")
    remove(campaign, first, moderator)
    remove(campaign, second, moderator, now=LATER + timedelta(minutes=1))
    restore(campaign, first, moderator)
    assert open_work() == set()
    restore(campaign, second, moderator)
    assert (open_work(), shown(Unit.objects.get())) == ({("rank", "P")}, ["P Reply 0.", "P Reply 1."])


def test_a_candidate_that_came_meanwhile_is_shown_after_restoring(moderator):
    campaign = make_campaign()
    prompt = make_prompt(campaign, "P", replies=2)
    remove(campaign, prompt, moderator)
    add_message(MessageTree.objects.get(), "New", parent=prompt)
    restore(campaign, prompt, moderator)
    assert shown(Unit.objects.get()) == ["New", "P Reply 0.", "P Reply 1."]


def test_what_its_author_withdrew_does_not_come_back(moderator):
    campaign = make_campaign()
    reply = make_prompt(campaign).replies.first()
    remove(campaign, reply, moderator)
    Message.objects.filter(pk=reply.pk).update(withdrawn_at=LATER)
    with pytest.raises(Conflict) as refused:
        restore(campaign, reply, moderator)
    assert refused.value.code == "message_withdrawn"


def test_a_tree_that_has_ended_opens_nothing(moderator):
    campaign = make_campaign()
    prompt = make_prompt(campaign, replies=2)
    remove(campaign, prompt, moderator)
    MessageTree.objects.update(state="done")
    restore(campaign, prompt, moderator)
    assert open_work() == set()


# --- Texts that people wrote here -------------------------------------------------------------


def write(campaign: Campaign, name: str) -> tuple[Message, int]:
    annotator = make_annotator(name)
    offer = ask(annotator, campaign)["assignment"]
    answer = submit(annotator, offer["id"], {"text": f"A reply by {name}.", "language": "en"})
    return Message.objects.get(author=annotator), answer["judgment"]["id"]


def test_a_removed_reply_gives_its_place_back_and_restoring_takes_it_again(moderator):
    campaign = make_campaign(kinds=("write_assistant_reply",), replies_wanted=2)
    make_prompt(campaign, replies=0)
    reply, judgment = write(campaign, "ada")
    assert counters() == (2, 0, 1, 0)
    remove(campaign, reply, moderator)
    assert (counters(), Judgment.objects.get(pk=judgment).counted, find_drift()) == ((2, 0, 0, 1), False, {})
    restore(campaign, reply, moderator)
    assert (counters(), Judgment.objects.get(pk=judgment).counted, find_drift()) == ((2, 0, 1, 0), True, {})


def test_a_restored_reply_whose_place_is_taken_is_surplus(moderator):
    campaign = make_campaign(kinds=("write_assistant_reply",), replies_wanted=1)
    make_prompt(campaign, replies=0)
    reply, judgment = write(campaign, "ada")
    remove(campaign, reply, moderator)
    write(campaign, "bob")
    restore(campaign, reply, moderator)
    assert (counters(), Judgment.objects.get(pk=judgment).counted, find_drift()) == ((1, 0, 1, 1), False, {})


def test_a_surplus_reply_takes_the_place_of_a_removed_one(moderator):
    campaign = make_campaign(kinds=("write_assistant_reply",), replies_wanted=1)
    make_prompt(campaign, replies=0)
    first, first_judgment = write(campaign, "ada")
    remove(campaign, first, moderator)
    second, second_judgment = write(campaign, "bob")
    restore(campaign, first, moderator)
    remove(campaign, second, moderator)
    counted = dict(Judgment.objects.values_list("pk", "counted"))
    assert (counted, counters(), find_drift()) == ({first_judgment: True, second_judgment: False}, (1, 0, 1, 1), {})


# --- People -----------------------------------------------------------------------------------


def test_a_suspended_annotator_is_offered_nothing_and_gives_back_what_they_hold(moderator):
    campaign, ada = make_campaign(), make_annotator()
    make_prompt(campaign)
    offer = ask(ada, campaign)["assignment"]
    suspend_annotator(annotator_id=ada.pk, campaign=campaign, actor=moderator, reason="Scripted votes.", now=LATER)
    ada.refresh_from_db()
    assert (ada.suspended_at, ada.suspended_reason) == (LATER, "Scripted votes.")
    assert (state_of(offer["id"]), counters(), find_drift()) == ("released", (3, 0, 0, 0), {})
    assert ask(ada, campaign)["why_none"]["code"] == "suspended"
    with pytest.raises(ChorusError) as refused:
        submit(ada, offer["id"], ranking_of(offer))
    assert refused.value.code == "suspended"


def test_suspension_keeps_drafts_and_judgments(moderator):
    campaign, ada = make_campaign(), make_annotator()
    for text in ("P", "Q"):
        make_prompt(campaign, text)
    offer = ask(ada, campaign)["assignment"]
    submit(ada, offer["id"], ranking_of(offer))
    held = Assignment.objects.get(state="live")
    Assignment.objects.filter(pk=held.pk).update(draft={"tiers": [["a"]]})
    suspend_annotator(annotator_id=ada.pk, campaign=campaign, actor=moderator, reason="x", now=LATER)
    held.refresh_from_db()
    assert (held.state, held.draft, Judgment.objects.get().is_current) == ("released", {"tiers": [["a"]]}, True)


def test_a_reinstated_annotator_works_again_and_both_are_told(moderator):
    campaign, ada = make_campaign(), make_annotator()
    make_prompt(campaign)
    ask(ada, campaign)
    for _ in range(2):
        suspend_annotator(annotator_id=ada.pk, campaign=campaign, actor=moderator, reason="Bot?", now=LATER)
    for _ in range(2):
        reinstate_annotator(annotator_id=ada.pk, campaign=campaign, actor=moderator, reason="No bot.")
    ada.refresh_from_db()
    assert (ada.suspended_at, ada.suspended_reason) == (None, "")
    assert ask(ada, campaign)["assignment"] is not None
    told = AuditEvent.objects.order_by("id").values_list("action", "object_id", "before", "after", "reason")
    assert list(told) == [
        ("annotator.suspended", str(ada.pk), {"suspended": False}, {"suspended": True, "released_holds": 1}, "Bot?"),
        ("annotator.reinstated", str(ada.pk), {"suspended": True}, {"suspended": False}, "No bot."),
    ]


def test_an_annotator_who_is_not_there_is_not_found(moderator):
    campaign = make_campaign()
    with pytest.raises(NotFound):
        suspend_annotator(annotator_id=999, campaign=campaign, actor=moderator, reason="x", now=LATER)
    with pytest.raises(NotFound):
        reinstate_annotator(annotator_id=999, campaign=campaign, actor=moderator, reason="x")


# --- At once ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_removal_beside_claims_submits_and_undo_keeps_every_counter_true(moderator):
    campaign = make_campaign(kinds=("rank", "write_assistant_reply"), redundancy=4, replies_wanted=4)
    prompts = [make_prompt(campaign, f"P{number}", replies=3) for number in range(3)]
    annotators = [make_annotator(f"a{number}") for number in range(5)]
    stop = threading.Event()

    with ThreadPoolExecutor(8) as pool:
        moderators = [pool.submit(moderate_until, stop, campaign, prompt, moderator) for prompt in prompts]
        workers = [pool.submit(work_beside, campaign, annotator) for annotator in annotators]
        try:
            for worker in workers:
                worker.result(timeout=60)
        finally:
            stop.set()
        for each in moderators:
            each.result(timeout=60)
    assert find_drift() == {}
    assert [unit.pk for unit in Unit.objects.all() if unit.done + unit.held > unit.needed] == []


def work_beside(campaign: Campaign, annotator: Annotator) -> None:
    """Take work, answer it and undo some; a refusal is part of it."""
    try:
        for turn in range(8):
            offer = ask(annotator, campaign, seed=turn)["assignment"]
            if offer is not None:
                is_text = offer["kind"] == "write_assistant_reply"
                body = {"text": f"{annotator.pk} {turn}", "language": "en"} if is_text else ranking_of(offer)
                with suppress(ChorusError):
                    answer = submit(annotator, offer["id"], body)
                    undo_judgment(annotator_id=annotator.pk, judgment_id=answer["judgment"]["id"], now=NOW)
    finally:
        connection.close()


def moderate_until(stop: threading.Event, campaign: Campaign, prompt: Message, moderator: Actor) -> None:
    """Remove and restore the newest messages of a tree, again and again."""
    try:
        while not stop.is_set():
            for message in Message.objects.filter(thread__contains=[prompt.pk]).order_by("-id")[:4]:
                remove(campaign, message, moderator)
                with suppress(Conflict):  # its author took it back meanwhile
                    restore(campaign, message, moderator)
    finally:
        connection.close()
