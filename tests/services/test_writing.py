"""Every kind of writing: offered, kept, stored where it belongs, counted, taken back."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from annotate.access import Actor
from annotate.exceptions import ChorusError, Conflict, Gone, InvalidInput, TooLarge
from annotate.models import (
    Assignment,
    AssignmentCandidate,
    Exclusion,
    Judgment,
    Message,
    MessageOrigin,
    MessageTree,
    RankedCandidate,
    Stale,
    Stratum,
    TextVector,
    Unit,
)
from annotate.queries.judgments import iterate_ballots, load_ballots
from annotate.queries.presentation import get_shown
from annotate.services.guests import create_guest, merge_guest
from annotate.services.holds import expire_leases, release_holds, renew_lease, save_draft
from annotate.services.judgments import skip_assignment
from annotate.services.moderation import remove_message
from annotate.services.terms import CURRENT_TERMS
from annotate.services.tree_growth import advance_trees
from annotate.services.undo import undo_judgment, withdraw_judgment
from tasks.records.ballots import Ballot
from tasks.text.normalise import text_hash
from tests.kinds import make_brief, make_growing, make_tree, open_unit
from tests.loop import NOW, ask, counters, find_drift, make_annotator, make_campaign, state_of, submit

pytestmark = pytest.mark.django_db
DICE = random.Random(7)
LATER = NOW + timedelta(hours=2)


def make_prompt_hold(kind="write_prompt", *, places=1, brief=None, **parameters):
    campaign = make_growing(**parameters)
    brief = make_brief(campaign, **(brief or {}))
    for _ in range(places):
        open_unit(campaign, kind, brief=brief)
    ada = make_annotator()
    return campaign, ada, ask(ada, campaign)["assignment"]


def make_reply_hold(kind="write_assistant_reply", *texts, needed=1, state="growing", **parameters):
    """A hold on the last message of a thread."""
    campaign = make_growing(**parameters)
    thread = make_tree(campaign, *(texts or ("Why do birds sing?",)), state=state)
    open_unit(campaign, kind, subject=thread[-1], needed=needed)
    ada = make_annotator()
    return campaign, ada, ask(ada, campaign)["assignment"], thread


def refuse(annotator, hold, body, error=InvalidInput) -> ChorusError:
    with pytest.raises(error) as refused:
        submit(annotator, hold["id"], body)
    assert refused.value.message.endswith((".", ")"))
    assert Message.objects.filter(author=annotator).count() == 0
    assert find_drift() == {}
    return refused.value


def take_back(annotator, judgment, **given):
    return undo_judgment(annotator_id=annotator.pk, judgment_id=judgment, now=NOW, **given)


# What is offered


def test_a_prompt_is_asked_for_by_its_brief():
    _, _, hold = make_prompt_hold(
        brief={"topic": "Birds", "words": "A question a child would ask."}, max_text_chars=500
    )
    assert (hold["kind"], hold["reason"]) == ("write_prompt", "New conversations are wanted in this language.")
    assert hold["subject"] == {
        "thread": [],
        "candidates": [],
        "language": "en",
        "brief": {
            "language": "en",
            "topic": "Birds",
            "difficulty": None,
            "words": "A question a child would ask.",
            "examples": [],
        },
        "max_chars": 500,
    }


def test_a_turn_of_the_prompter_shows_the_conversation():
    _, _, hold, _ = make_reply_hold("write_prompter_reply", "Why?", "Because.")
    assert hold["subject"] == {
        "thread": [{"role": "prompter", "text": "Why?"}, {"role": "assistant", "text": "Because."}],
        "candidates": [],
        "language": "en",
        "max_chars": 20_000,
    }


def test_an_improvement_shows_the_reply_as_it_was_when_it_was_taken():
    _, _, hold, (_, reply) = make_reply_hold("improve_reply", "Why?", "Becuase.")
    assert hold["subject"] == {
        "thread": [{"role": "prompter", "text": "Why?"}],
        "candidates": [],
        "language": "en",
        "original": "Becuase.",
        "max_chars": 20_000,
    }
    reply.revisions.create(number=1, text=reply.text)
    Message.objects.filter(pk=reply.pk).update(text="Because!", revision=2)
    assert get_shown(assignment_id=hold["id"])["subject"]["original"] == "Becuase."


def test_an_improvement_taken_up_again_shows_the_same():
    campaign, ada, hold, _ = make_reply_hold("improve_reply", "Why?", "Becuase.")
    again = ask(ada, campaign, now=LATER)["assignment"]
    assert (again["id"], again["subject"]) == (hold["id"], hold["subject"])
    assert AssignmentCandidate.objects.count() == 1


def test_prompts_of_a_brief_are_ranked():
    campaign = make_growing()
    prompts = [make_tree(campaign, f"Prompt {n}?", state="waiting")[0] for n in range(3)]
    open_unit(campaign, "rank", brief=make_brief(campaign, topic="Birds"), candidates=prompts, needed=3)
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    assert (hold["subject"]["thread"], hold["subject"]["brief"]["topic"]) == ([], "Birds")
    assert {candidate["text"] for candidate in hold["subject"]["candidates"]} == {p.text for p in prompts}
    submit(ada, hold["id"], {"tiers": [["b"], ["a", "c"]]})
    assert RankedCandidate.objects.count() == 3
    assert Stale.objects.count() == 0
    assert list(iterate_ballots(campaign_id=campaign.pk)) == []
    assert find_drift() == {}


# What is stored


def test_a_prompt_begins_a_tree_that_waits_for_its_review():
    _campaign, ada, hold = make_prompt_hold(brief={"topic": "Birds"}, min_goal_tree_size=3, goal_tree_size=9)
    answer = submit(ada, hold["id"], {"text": "Why do birds sing?"})
    tree, message = MessageTree.objects.get(), Message.objects.get()
    assert (tree.state, tree.state_reason, tree.topic, tree.language, tree.drawn_at) == (
        "prompt_review", "", "Birds", "en", None,
    )  # fmt: skip
    assert 3 <= tree.goal_size <= 9
    assert (tree.brief_id, tree.stratum) == (Unit.objects.get().brief_id, Stratum.objects.get(topic="Birds"))
    assert (message.text, message.role, message.author, message.parent, message.thread) == (
        "Why do birds sing?", "prompter", ada, None, [message.pk],
    )  # fmt: skip
    assert message.review_state == "pending"
    assert list(MessageOrigin.objects.values_list("kind", "annotator_id")) == [("written", ada.pk)]
    judgment = Judgment.objects.get()
    assert (judgment.message, answer["judgment"]) == (message, {"id": judgment.pk, "counted": True})
    assert counters() == (1, 0, 1, 0)
    assert list(Stale.objects.values_list("kind", "subject_id")) == [("tree", tree.pk)]
    assert find_drift() == {}


def test_the_size_of_a_tree_is_drawn_between_its_bounds():
    _campaign, ada, hold = make_prompt_hold(places=12, min_goal_tree_size=2, goal_tree_size=4)
    for number in range(12):
        hold = submit(ada, hold["id"], {"text": f"Question {number}?"}, seed=number)["next"]["assignment"]
    sizes = set(MessageTree.objects.values_list("goal_size", flat=True))
    assert sizes == {2, 3, 4}


def test_without_a_lower_bound_every_tree_grows_to_the_goal():
    _, ada, hold = make_prompt_hold(goal_tree_size=7)
    submit(ada, hold["id"], {"text": "Why?"})
    assert MessageTree.objects.get().goal_size == 7


def test_a_prompt_in_another_language_of_the_campaign_is_a_tree_of_that_language():
    campaign = make_growing(languages=("en", "de"))
    open_unit(campaign, "write_prompt", brief=make_brief(campaign))
    ada = make_annotator()
    submit(ada, ask(ada, campaign)["assignment"]["id"], {"text": "Warum singen Vögel?", "language": "de"})
    tree = MessageTree.objects.get()
    assert (tree.language, tree.stratum.language, Message.objects.get().language) == ("de", "de", "de")


def test_a_pair_begins_a_tree_with_its_first_reply():
    _, ada, hold = make_prompt_hold("write_pair")
    submit(ada, hold["id"], {"prompt": "Why do birds sing?", "reply": "To be heard.", "rationale": "I keep some."})
    prompt, reply = Message.objects.order_by("id")
    assert (prompt.role, reply.role, reply.parent, reply.thread) == (
        "prompter",
        "assistant",
        prompt,
        [prompt.pk, reply.pk],
    )
    assert {(m.author, m.review_state, m.tree) for m in (prompt, reply)} == {(ada, "pending", prompt.tree)}
    judgment = Judgment.objects.get()
    assert (judgment.message, judgment.rationale) == (prompt, "I keep some.")
    assert counters() == (1, 0, 1, 0)


def test_a_turn_of_the_prompter_is_a_reply_in_their_role():
    _campaign, ada, hold, (_, answer) = make_reply_hold("write_prompter_reply", "Why?", "Because.")
    submit(ada, hold["id"], {"text": "Because of what?"})
    turn = Message.objects.get(author=ada)
    assert (turn.role, turn.parent, turn.review_state, turn.thread[-1]) == ("prompter", answer, "pending", turn.pk)
    assert set(Stale.objects.values_list("kind", "subject_id")) == {("parent", answer.pk), ("tree", turn.tree_id)}


def test_a_finished_conversation_is_a_judgment_without_a_message():
    _, ada, hold, _ = make_reply_hold("write_prompter_reply", "Why?", "Because.")
    answer = submit(ada, hold["id"], {"ends_thread": True, "text": "", "rationale": "All said."})
    judgment = Judgment.objects.get()
    assert (judgment.ends_thread, judgment.message, judgment.counted) == (True, None, True)
    assert answer["judgment"] == {"id": judgment.pk, "counted": True}
    assert counters() == (1, 0, 1, 0)
    assert Message.objects.filter(author=ada).count() == 0
    assert get_shown(assignment_id=hold["id"])["draft"] is None


def test_where_trees_do_not_grow_a_reply_needs_no_review():
    campaign = make_campaign(kinds=("write_assistant_reply",))
    (prompt,) = make_tree(campaign, "Why?", state="ranking")
    open_unit(campaign, "write_assistant_reply", subject=prompt)
    ada = make_annotator()
    submit(ada, ask(ada, campaign)["assignment"]["id"], {"text": "Because."})
    assert Message.objects.get(author=ada).review_state == "none"
    assert list(Stale.objects.values_list("kind", flat=True)) == ["parent"]


def test_an_improvement_is_a_sibling_and_a_ballot_of_the_edit_over_its_original():
    campaign, ada, hold, (prompt, original) = make_reply_hold("improve_reply", "Why?", "Becuase.")
    submit(ada, hold["id"], {"text": "Because.", "rationale": "Spelling."})
    edit = Message.objects.get(author=ada)
    assert (edit.parent, edit.role, edit.review_state, edit.text) == (prompt, "assistant", "pending", "Because.")
    assert list(edit.origins.values_list("kind", "provenance")) == [("improved", {"of": original.pk})]
    assert list(AssignmentCandidate.objects.values_list("position", "message_id").order_by("position")) == [
        (0, original.pk),
        (1, edit.pk),
    ]
    assert set(RankedCandidate.objects.values_list("message_id", "tier", "acceptable")) == {
        (edit.pk, 1, None),
        (original.pk, 2, None),
    }
    assert (Judgment.objects.get().message, Unit.objects.get().subject) == (edit, original)
    ballot = Ballot(str(ada.pk), prompt.pk, ((edit.pk,), (original.pk,)), None, (original.pk, edit.pk))
    assert load_ballots(parent_ids=[prompt.pk]) == [ballot]
    assert list(iterate_ballots(campaign_id=campaign.pk)) == []
    assert set(Stale.objects.values_list("kind", "subject_id")) == {("parent", prompt.pk), ("tree", prompt.tree_id)}
    assert get_shown(assignment_id=hold["id"])["subject"] == hold["subject"]
    assert find_drift() == {}


def test_what_is_written_is_stored_as_it_was_written():
    text = '<b onclick="x()">Hi</b> & <!-- you -->\r\n\n\tمرحبا\u200f \U0001f468\u200d\U0001f469 ' + "x" * 12_000
    _, ada, hold, _ = make_reply_hold()
    submit(ada, hold["id"], {"text": text})
    assert Message.objects.get(author=ada).text == text


def test_a_prompt_that_is_only_a_picture_is_for_reviewers_to_judge():
    _, ada, hold = make_prompt_hold()
    submit(ada, hold["id"], {"text": "![](https://example.org/bird.png)"})
    assert Message.objects.get().review_state == "pending"


def test_signals_are_kept_and_block_nothing():
    _, ada, hold, _ = make_reply_hold()
    signals = {"pasted_chars": 900, "typed_chars": 0, "seconds": 0.4}
    submit(ada, hold["id"], {"text": "Pasted.", "signals": signals})
    assert Judgment.objects.get().signals == signals


def test_texts_need_no_reason_where_judgments_do():
    _, ada, hold, _ = make_reply_hold(require_rationale=True)
    submit(ada, hold["id"], {"text": "Because.", "rationale": "I know birds."})
    assert Judgment.objects.get().rationale == "I know birds."


@pytest.mark.parametrize(
    ("kind", "texts", "body"),
    [
        ("write_prompt", None, {"text": "Why do birds sing?"}),
        ("write_pair", None, {"prompt": "Why?", "reply": "Because."}),
        ("write_assistant_reply", ("Why?",), {"text": "Because."}),
        ("write_prompter_reply", ("Why?", "Because."), {"text": "And then?"}),
        ("write_prompter_reply", ("Why?", "Because."), {"ends_thread": True}),
        ("improve_reply", ("Why?", "Becuase."), {"text": "Because."}),
    ],
)
class TestEveryKindOfWriting:
    def hold(self, kind, texts, **more):
        if texts is None:
            return make_prompt_hold(kind, **more)
        return make_reply_hold(kind, *texts, **more)[:3]

    def test_the_same_submit_again_is_answered_the_same(self, kind, texts, body):
        _, ada, hold = self.hold(kind, texts)
        assert submit(ada, hold["id"], body) == submit(ada, hold["id"], body)
        assert Judgment.objects.count() == 1
        with pytest.raises(Conflict) as refused:
            submit(ada, hold["id"], {**body, "rationale": "Other."})
        assert refused.value.code == "already_submitted"

    def test_asking_again_gives_what_is_held_and_what_was_left_is_taken_up_again(self, kind, texts, body):
        campaign, ada, hold = self.hold(kind, texts)
        assert ask(ada, campaign, seed=2)["assignment"] == hold
        assert renew_lease(annotator_id=ada.pk, assignment_id=hold["id"], now=LATER)["state"] == "live"
        release_holds(annotator_id=ada.pk, now=NOW)
        again = ask(ada, campaign, seed=3)["assignment"]
        assert (again["id"], again["subject"]) == (hold["id"], hold["subject"])
        assert find_drift() == {}

    def test_nobody_else_is_offered_the_same_place(self, kind, texts, body):
        campaign, _, hold = self.hold(kind, texts)
        none = ask(make_annotator("bob"), campaign)["why_none"]
        assert (none["code"], hold["kind"]) == ("all_held", kind)

    def test_a_draft_is_kept_and_a_late_submit_fills_a_free_place(self, kind, texts, body):
        _, ada, hold = self.hold(kind, texts)
        save_draft(annotator_id=ada.pk, assignment_id=hold["id"], draft=body, draft_version=0, now=NOW)
        expire_leases(now=LATER)
        assert get_shown(assignment_id=hold["id"])["draft"] == body
        assert submit(ada, hold["id"], body, now=LATER)["judgment"]["counted"] is True
        assert counters() == (1, 0, 1, 0)

    def test_a_late_submit_without_a_place_is_surplus(self, kind, texts, body):
        _, ada, hold = self.hold(kind, texts)
        expire_leases(now=LATER)
        Unit.objects.update(is_open=False)
        MessageTree.objects.update(state="done")
        assert submit(ada, hold["id"], body, now=LATER)["judgment"]["counted"] is False
        assert counters() == (1, 0, 0, 1)
        assert find_drift() == {}

    def test_undo_gives_the_work_back_with_what_was_written(self, kind, texts, body):
        _, ada, hold = self.hold(kind, texts)
        judgment = submit(ada, hold["id"], body)["judgment"]["id"]
        again = take_back(ada, judgment)
        assert (again["id"], again["state"], again["subject"]) == (hold["id"], "live", hold["subject"])
        assert {name: again["draft"][name] for name in body} == body
        assert counters() == (1, 1, 0, 0)
        assert Message.objects.filter(author=ada, withdrawn_at=None).count() == 0
        assert take_back(ada, judgment)["id"] == hold["id"]
        assert find_drift() == {}

    def test_what_was_taken_back_can_be_sent_again_and_again(self, kind, texts, body):
        _, ada, hold = self.hold(kind, texts)
        for _ in range(3):
            judgment = submit(ada, hold["id"], body)["judgment"]["id"]
            take_back(ada, judgment)
        submit(ada, hold["id"], body)
        assert counters() == (1, 0, 1, 0)
        standing = Message.objects.filter(author=ada, withdrawn_at=None)
        assert standing.count() == {"write_pair": 2}.get(kind, 0 if "ends_thread" in body else 1)
        assert find_drift() == {}

    def test_a_withdrawal_blanks_what_was_written_and_frees_the_place(self, kind, texts, body):
        campaign, ada, hold = self.hold(kind, texts)
        judgment = submit(ada, hold["id"], {**body, "rationale": "So."})["judgment"]["id"]
        for message in Message.objects.filter(author=ada):
            TextVector.objects.create(
                message=message,
                campaign_id=campaign.pk,
                revision=1,
                embedder="hashing@1",
                vector="[1,0]",
                computed_at=NOW,
            )
            Stale.objects.create(kind="text_refused", subject_id=message.pk, marked=1, error="it\nNot your words.")
        withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
        assert not TextVector.objects.exists()
        assert not Stale.objects.filter(kind="text_refused").exists()
        assert set(Message.objects.filter(author=ada).values_list("text", flat=True)) <= {""}
        assert Judgment.objects.get().rationale == ""
        assert (counters(), state_of(hold["id"])) == ((1, 0, 0, 0), "withdrawn")
        with pytest.raises(Gone):
            submit(ada, hold["id"], body)
        assert find_drift() == {}

    def test_skipping_gives_the_place_back_with_its_reason(self, kind, texts, body):
        campaign, ada, hold = self.hold(kind, texts)
        skip_assignment(annotator_id=ada.pk, assignment_id=hold["id"], skip_reason="not_my_topic", now=NOW, rng=DICE)
        assert Assignment.objects.get().skip_reason == "not_my_topic"
        assert counters() == (1, 0, 0, 0)
        assert ask(ada, campaign)["assignment"] is None
        assert ask(make_annotator("bob"), campaign)["assignment"]["kind"] == kind


# What is refused


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ({}, "text_required", InvalidInput),
        ({"text": None}, "text_required", InvalidInput),
        ({"text": ["Why?"]}, "text_required", InvalidInput),
        ({"text": " \n\u200b\u3164"}, "text_empty", InvalidInput),
        ({"text": "&nbsp;&#8203;"}, "text_empty", InvalidInput),
        ({"text": "# \n\n> \n\n---"}, "text_empty", InvalidInput),
        ({"text": "x" * 1001}, "text_too_long", TooLarge),
        ({"text": "Why?", "language": "tlh"}, "unknown_language", InvalidInput),
        ({"text": "Why?", "language": ["en"]}, "unknown_language", InvalidInput),
        ({"text": "a\x00"}, "text_has_nul", InvalidInput),
        ({"text": "a\ud800"}, "text_has_surrogate", InvalidInput),
        ({"text": "\x1b[31mred"}, "text_has_control", InvalidInput),
        ({"text": "\u202eyhW"}, "text_has_override", InvalidInput),
        ({"text": "Why\U000e0049\U000e0067?"}, "text_has_hidden", InvalidInput),
        ({"text": "Z" + "\u0301" * 40}, "text_has_stacked_marks", InvalidInput),
        ({"text": "Why?", "signals": []}, "wrong_value", InvalidInput),
        ({"text": "Why?", "signals": {"mouse": 1}}, "wrong_value", InvalidInput),
        ({"text": "Why?", "signals": {"pasted_chars": -1}}, "wrong_value", InvalidInput),
        ({"text": "Why?", "signals": {"pasted_chars": 1.5}}, "wrong_value", InvalidInput),
        ({"text": "Why?", "signals": {"typed_chars": True}}, "wrong_value", InvalidInput),
        ({"text": "Why?", "signals": {"seconds": float("nan")}}, "wrong_value", InvalidInput),
        ({"text": "Why?", "active_seconds": -1}, "wrong_value", InvalidInput),
        ({"text": "Why?", "cannot_tell_reason": "other"}, "unknown_field", InvalidInput),
        ({"text": "Why?", "ends_thread": True}, "unknown_field", InvalidInput),
        ({"prompt": "Why?", "reply": "So."}, "unknown_field", InvalidInput),
    ],
)
def test_a_text_that_cannot_be_taken_says_why_and_the_hold_stays(body, code, error):
    _, ada, hold = make_prompt_hold(max_text_chars=1000)
    refused = refuse(ada, hold, body, error)
    assert refused.code == code
    assert (state_of(hold["id"]), counters()) == ("live", (1, 1, 0, 0))


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"prompt": "Why?"}, "text_required", "reply"),
        ({"reply": "So."}, "text_required", "prompt"),
        ({"prompt": "Why?", "reply": " "}, "text_empty", "reply"),
        ({"prompt": "", "reply": "So."}, "text_empty", "prompt"),
        ({"prompt": "Why?", "reply": "\u202e.oS"}, "text_has_override", "reply"),
    ],
)
def test_half_a_pair_is_no_pair(body, code, field):
    _, ada, hold = make_prompt_hold("write_pair")
    refused = refuse(ada, hold, body)
    assert (refused.code, refused.details["field"]) == (code, field)


@pytest.mark.parametrize("limit", [100, 20_000])
def test_the_limit_is_said_with_the_length(limit):
    _, ada, hold = make_prompt_hold("write_pair", max_text_chars=limit)
    refused = refuse(ada, hold, {"prompt": "Why?", "reply": "x" * (limit + 1)}, TooLarge)
    assert refused.details == {"field": "reply", "chars": limit + 1, "max_chars": limit}
    submit(ada, hold["id"], {"prompt": "Why?", "reply": "x" * limit})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ends_thread": True, "text": "One more thing."}, "ends_thread_with_text"),
        ({"ends_thread": "yes"}, "wrong_value"),
        ({"ends_thread": False}, "text_required"),
        ({"ends_thread": None, "text": ""}, "text_empty"),
    ],
)
def test_either_the_next_turn_or_the_end(body, code):
    _, ada, hold, _ = make_reply_hold("write_prompter_reply", "Why?", "Because.")
    assert refuse(ada, hold, body).code == code


def test_a_prompt_that_the_campaign_has_is_refused_and_the_draft_kept():
    campaign, ada, hold = make_prompt_hold(places=3)
    submit(ada, hold["id"], {"text": "Why do birds sing?"})
    bob = make_annotator("bob")
    other = ask(bob, campaign)["assignment"]
    refused = refuse(bob, other, {"text": "  Why do birds sing?\r\n"}, Conflict)
    assert (refused.code, refused.status) == ("text_duplicate", 409)
    assert get_shown(assignment_id=other["id"])["draft"] == {"text": "  Why do birds sing?\r\n"}
    assert (MessageTree.objects.count(), state_of(other["id"])) == (1, "live")


def test_a_prompt_is_a_duplicate_in_whichever_language_it_is_said_to_be():
    campaign = make_campaign(kinds=("write_prompt",), languages=("en", "de"), grow_trees=True)
    for _ in range(2):
        open_unit(campaign, "write_prompt", brief=make_brief(campaign, words=str(_)))
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    following = submit(ada, hold["id"], {"text": "Hand"})["next"]["assignment"]
    with pytest.raises(Conflict) as refused:
        submit(ada, following["id"], {"text": "Hand", "language": "de"})
    assert refused.value.code == "text_duplicate"


def test_a_prompt_that_was_removed_is_not_written_anew():
    _campaign, ada, hold = make_prompt_hold(places=2)
    following = submit(ada, hold["id"], {"text": "Buy now!"})["next"]["assignment"]
    Message.objects.update(removed_at=NOW)
    with pytest.raises(Conflict) as refused:
        submit(ada, following["id"], {"text": "Buy now!"})
    assert refused.value.code == "text_duplicate"


def test_an_improvement_that_changes_nothing_is_refused():
    _, ada, hold, _ = make_reply_hold("improve_reply", "Why?", "Becuase.")
    refused = refuse(ada, hold, {"text": "Becuase. \r\n"})
    assert (refused.code, refused.details) == ("text_unchanged", {"field": "text"})


def test_an_improvement_equal_to_another_candidate_is_refused():
    _campaign, ada, hold, (prompt, original) = make_reply_hold("improve_reply", "Why?", "Becuase.")
    make = {"tree": original.tree, "role": "assistant", "language": "en", "parent": prompt}
    Message.objects.create(**make, text="Because.", text_hash=text_hash("Because."))
    assert refuse(ada, hold, {"text": "Because."}, Conflict).code == "text_duplicate"
    assert AssignmentCandidate.objects.count() == 1


def test_what_is_improved_and_removed_meanwhile_is_told_and_the_text_kept():
    _campaign, ada, hold, (_, original) = make_reply_hold("improve_reply", "Why?", "Becuase.")
    Message.objects.filter(pk=original.pk).update(removed_at=NOW)
    assert refuse(ada, hold, {"text": "Because."}, Gone).code == "subject_removed"
    assert get_shown(assignment_id=hold["id"])["draft"] == {"text": "Because."}


# Skipping and taking back


def test_skipping_one_place_of_a_brief_is_skipping_them_all():
    campaign, ada, hold = make_prompt_hold(places=3)
    other = open_unit(campaign, "write_prompt", brief=make_brief(campaign, topic="Other"))
    skipped = skip_assignment(
        annotator_id=ada.pk, assignment_id=hold["id"], skip_reason="not_my_topic", now=NOW, rng=DICE
    )
    assert skipped["next"]["assignment"]["subject"]["brief"]["topic"] == "Other"
    submit(ada, skipped["next"]["assignment"]["id"], {"text": "About something else?"})
    assert ask(ada, campaign)["assignment"] is None
    assert other.pk not in Exclusion.objects.values_list("unit_id", flat=True)
    assert ask(make_annotator("bob"), campaign)["assignment"] is not None


def test_who_would_not_write_to_a_brief_may_still_rank_what_others_wrote():
    campaign, ada, hold = make_prompt_hold(places=2)
    prompts = [make_tree(campaign, f"Prompt {n}?", state="waiting")[0] for n in range(2)]
    brief = Unit.objects.first().brief
    open_unit(campaign, "rank", brief=brief, candidates=prompts)
    open_unit(campaign, "write_pair", brief=brief)
    skipped = skip_assignment(
        annotator_id=ada.pk, assignment_id=hold["id"], skip_reason="not_my_topic", now=NOW, rng=DICE
    )
    offered = skipped["next"]["assignment"]
    assert offered["kind"] == "rank"
    after = skip_assignment(annotator_id=ada.pk, assignment_id=offered["id"], skip_reason="other", now=NOW, rng=DICE)
    assert after["next"]["assignment"] is None
    assert set(Exclusion.objects.values_list("unit__kind", "why")) == {
        ("write_prompt", "brief_skipped"),
        ("write_pair", "brief_skipped"),
    }


def test_a_text_that_others_hold_cannot_be_undone():
    campaign, ada, hold, _ = make_reply_hold()
    judgment = submit(ada, hold["id"], {"text": "Because."})["judgment"]["id"]
    open_unit(campaign, "label", subject=Message.objects.get(author=ada))
    assert ask(make_annotator("bob"), campaign)["assignment"]["kind"] == "label"
    with pytest.raises(Conflict) as refused:
        take_back(ada, judgment)
    assert refused.value.code == "tree_moved_on"


@pytest.mark.parametrize("half", [0, 1])
def test_a_pair_of_which_others_hold_a_half_cannot_be_undone(half):
    campaign, ada, hold = make_prompt_hold("write_pair")
    judgment = submit(ada, hold["id"], {"prompt": "Why?", "reply": "Because."})["judgment"]["id"]
    open_unit(campaign, "label", subject=Message.objects.order_by("id")[half])
    assert ask(make_annotator("bob"), campaign)["assignment"]["kind"] == "label"
    with pytest.raises(Conflict) as refused:
        take_back(ada, judgment)
    assert refused.value.code == "tree_moved_on"


def test_a_pair_that_somebody_else_answered_cannot_be_undone():
    campaign, ada, hold = make_prompt_hold("write_pair")
    judgment = submit(ada, hold["id"], {"prompt": "Why?", "reply": "Because."})["judgment"]["id"]
    open_unit(campaign, "write_assistant_reply", subject=Message.objects.get(parent=None))
    bob = make_annotator("bob")
    submit(bob, ask(bob, campaign)["assignment"]["id"], {"text": "So that they hear each other."})
    with pytest.raises(Conflict) as refused:
        take_back(ada, judgment)
    assert refused.value.code == "tree_moved_on"


def test_a_rejected_text_does_not_come_back_to_the_place_that_others_have():
    _campaign, ada, hold, _ = make_reply_hold()
    judgment = submit(ada, hold["id"], {"text": "Spam."})["judgment"]["id"]
    Message.objects.filter(author=ada).update(review_state="rejected")
    Unit.objects.update(needed=2)
    with pytest.raises(Conflict) as refused:
        take_back(ada, judgment)
    assert refused.value.code == "tree_moved_on"
    assert counters() == (2, 0, 1, 0)


def test_the_end_of_a_conversation_is_taken_back_like_everything_else():
    _, ada, hold, (_, _answer) = make_reply_hold("write_prompter_reply", "Why?", "Because.")
    judgment = submit(ada, hold["id"], {"ends_thread": True})["judgment"]["id"]
    take_back(ada, judgment)
    submit(ada, hold["id"], {"text": "Because of what?"})
    assert list(Judgment.objects.order_by("id").values_list("ends_thread", "is_current")) == [
        (True, False),
        (False, True),
    ]
    assert counters() == (1, 0, 1, 0)
    assert find_drift() == {}


def test_a_prompt_that_was_taken_back_may_be_written_by_somebody_else():
    campaign, ada, hold = make_prompt_hold(places=3)
    judgment = submit(ada, hold["id"], {"text": "Why?"})["judgment"]["id"]
    take_back(ada, judgment)
    bob = make_annotator("bob")
    submit(bob, ask(bob, campaign)["assignment"]["id"], {"text": "Why?"})
    with pytest.raises(Conflict) as refused:
        submit(ada, hold["id"], {"text": "Why?"})
    assert refused.value.code == "text_duplicate"
    assert Message.objects.filter(withdrawn_at=None).get().author == bob


def test_an_improvement_taken_back_is_no_ballot_any_more():
    _, ada, hold, (prompt, _original) = make_reply_hold("improve_reply", "Why?", "Becuase.")
    judgment = submit(ada, hold["id"], {"text": "Because."})["judgment"]["id"]
    take_back(ada, judgment)
    assert load_ballots(parent_ids=[prompt.pk]) == []
    submit(ada, hold["id"], {"text": "Because of love."})
    (ballot,) = load_ballots(parent_ids=[prompt.pk])
    assert [Message.objects.get(pk=tier[0]).text for tier in ballot.tiers] == ["Because of love.", "Becuase."]


def test_an_edit_that_is_removed_leaves_no_order_behind():
    campaign, ada, hold, (prompt, original) = make_reply_hold("improve_reply", "Why?", "Becuase.")
    submit(ada, hold["id"], {"text": "Because."})
    remove_message(
        campaign=campaign,
        message_id=Message.objects.get(author=ada).pk,
        actor=Actor(user=None, scopes=None),
        reason="Spam.",
        now=NOW,
    )
    (ballot,) = load_ballots(parent_ids=[prompt.pk])
    assert (ballot.tiers, ballot.shown) == (((original.pk,),), (original.pk,))


def test_a_guest_who_skipped_a_brief_voids_nothing_that_the_account_wrote():
    campaign, ada, hold = make_prompt_hold(places=2)
    submit(ada, hold["id"], {"text": "Why?"})
    Unit.objects.filter(done=1).update(needed=2)
    type(campaign).objects.update(allow_guests=True)
    guest, token = create_guest(languages=[], terms_version=CURRENT_TERMS, now=NOW)
    theirs = ask(guest, campaign)["assignment"]
    skip_assignment(annotator_id=guest.pk, assignment_id=theirs["id"], skip_reason="other", now=NOW, rng=DICE)
    assert merge_guest(annotator_id=ada.pk, device_token=token, now=NOW).voided == 0
    assert Judgment.objects.get().is_current
    assert find_drift() == {}


def test_an_edit_that_reviewers_reject_leaves_no_order_behind():
    _, ada, hold, (prompt, original) = make_reply_hold("improve_reply", "Why?", "Becuase.")
    submit(ada, hold["id"], {"text": "Buy now!"})
    Message.objects.filter(author=ada).update(review_state="rejected")
    (ballot,) = load_ballots(parent_ids=[prompt.pk])
    assert (ballot.tiers, ballot.shown) == (((original.pk,),), (original.pk,))


def test_a_rejected_edit_lets_the_order_of_its_siblings_be_computed_again():
    campaign, ada, hold, (prompt, _) = make_reply_hold("improve_reply", "Why?", "Becuase.", min_reviews=1)
    submit(ada, hold["id"], {"text": "Buy now!"})
    edit = Message.objects.get(author=ada)
    open_unit(campaign, "label", subject=edit)
    bob = make_annotator("bob")
    submit(bob, ask(bob, campaign, kinds=["label"])["assignment"]["id"], {"labels": {"spam": True}})
    before = Stale.objects.get(kind="parent", subject_id=prompt.pk).marked
    advance_trees(tree_ids=[prompt.tree_id], now=NOW, rng=DICE)
    edit.refresh_from_db()
    assert edit.review_state == "rejected"
    assert Stale.objects.get(kind="parent", subject_id=prompt.pk).marked == before + 1


@pytest.mark.parametrize(
    ("kind", "texts", "body", "more"),
    [
        ("write_prompter_reply", ("Why?", "Because."), {"ends_thread": True}, 0),
        # savepoint, tree, parent, siblings, text, origin, savepoint
        ("write_assistant_reply", ("Why?",), {"text": "Because."}, 7),
        ("write_prompter_reply", ("Why?", "Because."), {"text": "And?"}, 7),
        # and what was shown
        ("improve_reply", ("Why?", "Becuase."), {"text": "Because."}, 8),
    ],
)
def test_writing_takes_few_statements_more_than_judging(kind, texts, body, more, django_assert_num_queries):
    campaign, ada, hold, _ = make_reply_hold(kind, *texts)
    open_unit(campaign, "write_prompt", brief=make_brief(campaign))
    with django_assert_num_queries(7 + more):
        assert submit(ada, hold["id"], body)["next"]["assignment"]["kind"] == "write_prompt"


@pytest.mark.parametrize(
    ("kind", "body"), [("write_prompt", {"text": "Why?"}), ("write_pair", {"prompt": "Why?", "reply": "So."})]
)
def test_beginning_a_tree_takes_one_statement_and_two_for_its_index(kind, body, django_assert_num_queries):
    _campaign, ada, hold = make_prompt_hold(kind, places=2)
    with django_assert_num_queries(7 + 3):
        assert submit(ada, hold["id"], body)["next"]["assignment"]["kind"] == kind
