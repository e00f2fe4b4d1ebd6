"""A better wording: at once while nobody has begun, later by two reviewers who agree or a moderator."""

from __future__ import annotations

import pytest

from annotate.access import Actor
from annotate.exceptions import ChorusError
from annotate.models import (
    Annotator,
    AuditEvent,
    Campaign,
    Membership,
    Message,
    MessageIndex,
    MessageRevision,
    MessageTree,
    RevisionProposal,
    RevisionVote,
)
from annotate.queries.proposals import list_proposals
from annotate.services.import_plan import make_tree_key
from annotate.services.revision_votes import vote_on_proposal, withdraw_proposal
from annotate.services.revisions import MAX_REASON_CHARS, Revised, revise_message
from annotate.services.undo import withdraw_judgment
from tasks.text.normalise import text_hash
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, submit
from tests.trees import LATER, label, make_tree, open_work, reader, reply_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["label"])


@pytest.fixture
def ada() -> Annotator:
    return make_annotator("ada")


@pytest.fixture
def prompt(campaign, ada) -> Message:
    prompt = make_tree(campaign)
    key = make_tree_key(language="en", text_hash=bytes(prompt.text_hash))
    MessageTree.objects.update(key=key)
    Message.objects.update(author=ada)
    open_work(campaign, prompt)
    prompt.refresh_from_db()
    return prompt


def revise(who: Annotator, message: Message, text="Why do the birds sing?", reason="An article.", base=1) -> Revised:
    return revise_message(
        reader=reader(who), message_id=message.pk, text=text, reason=reason, base_revision=base, now=LATER
    )


def refusal(function, *args, **given) -> str:
    with pytest.raises(ChorusError) as refused:
        function(*args, **given)
    return refused.value.code


def actor(annotator: Annotator) -> Actor:
    return Actor(user=annotator.user, annotator_id=annotator.pk, scopes=None)


def vote(who: Annotator, proposal: int, *, agrees=True) -> str:
    return vote_on_proposal(actor=actor(who), proposal_id=proposal, agrees=agrees, now=LATER)


def make_reviewers(campaign: Campaign, *names: str) -> list[Annotator]:
    """People who have judged something in the campaign."""
    made = [make_annotator(name) for name in names]
    other = make_tree(campaign, "Another prompt, to be labelled.")
    open_work(campaign, other)
    other.units.update(needed=50, band=900)
    for each in made:
        assert label(each, campaign) == other.pk
    return made


def make_moderator(campaign: Campaign) -> Annotator:
    moderator = make_annotator("mo")
    Membership.objects.create(campaign=campaign, user=moderator.user, role="moderator")
    return moderator


# --- One's own text -----------------------------------------------------------------------------


def test_ones_own_text_is_changed_at_once_while_nobody_has_begun(prompt, ada):
    assert revise(ada, prompt) == Revised(prompt.pk, 2, None)
    prompt.refresh_from_db()
    assert (prompt.text, prompt.revision, bytes(prompt.text_hash)) == (
        "Why do the birds sing?",
        2,
        text_hash("Why do the birds sing?"),
    )
    earlier = MessageRevision.objects.get()
    assert (earlier.number, earlier.text, earlier.author, earlier.reason) == (
        1,
        "Why do birds sing?",
        ada,
        "An article.",
    )
    assert MessageIndex.objects.get().revision == 2
    assert MessageTree.objects.get().key == make_tree_key(language="en", text_hash=text_hash("Why do the birds sing?"))


def test_it_may_be_changed_again(prompt, ada):
    revise(ada, prompt)
    assert revise(ada, prompt, "Why sing the birds?", base=2).revision == 3
    assert refusal(revise, ada, prompt, "Why?", base=2) == "revision_moved"


def test_a_review_in_hand_makes_it_a_proposal(campaign, prompt, ada):
    ask(make_annotator("bob"), campaign)
    revised = revise(ada, prompt)
    assert (revised.is_proposed, revised.revision) == (True, 1)
    prompt.refresh_from_db()
    assert prompt.text == "Why do birds sing?"


def test_a_reply_of_another_makes_it_a_proposal_and_ones_own_does_not(prompt, ada):
    reply = reply_to(prompt, "To find a mate.", author=ada)
    assert revise(ada, prompt).is_proposed is False
    Message.objects.filter(pk=reply.pk).update(author=make_annotator("bob"))
    assert revise(ada, prompt, "Why sing?", base=2).is_proposed is True


def test_what_somebody_else_wrote_is_proposed(prompt):
    revised = revise(make_annotator("bob"), prompt)
    proposal = RevisionProposal.objects.get()
    assert (revised.proposal_id, proposal.text, proposal.base_revision, proposal.state, proposal.reason) == (
        proposal.pk,
        "Why do the birds sing?",
        1,
        "open",
        "An article.",
    )


def test_the_same_prompt_is_not_made_twice_by_a_change(campaign, prompt, ada):
    other = make_tree(campaign, "Why do owls hoot?")
    MessageTree.objects.filter(pk=other.tree_id).update(
        key=make_tree_key(language="en", text_hash=bytes(other.text_hash))
    )
    assert refusal(revise, ada, prompt, "Why do owls hoot?") == "text_duplicate"
    prompt.refresh_from_db()
    assert (prompt.text, MessageRevision.objects.count()) == ("Why do birds sing?", 0)


def test_the_same_words_as_beside_it_are_refused(prompt, ada):
    reply_to(prompt, "One.")
    mine = reply_to(prompt, "Two.", author=ada)
    assert refusal(revise, ada, mine, "One.") == "text_duplicate"


def test_what_is_refused(campaign, prompt, ada):
    assert refusal(revise, ada, prompt, reason=" ") == "reason_required"
    assert refusal(revise, ada, prompt, reason="x" * (MAX_REASON_CHARS + 1)) == "reason_too_long"
    assert refusal(revise, ada, prompt, base=7) == "revision_moved"
    assert refusal(revise, ada, prompt, "  ") == "text_empty"
    assert refusal(revise, ada, prompt, "x\u202ey") == "text_has_override"
    assert refusal(revise, ada, prompt, "x" * 20_001) == "text_too_long"
    assert refusal(revise, ada, prompt, "Why do birds sing? ") == "text_unchanged"
    assert refusal(revise, make_annotator("bob"), prompt, "Why do birds sing? ") == "text_unchanged"
    assert refusal(revise, make_annotator("cyd", terms=""), prompt) == "terms_not_accepted"
    Campaign.objects.update(state="closed")
    assert refusal(revise, ada, prompt) == "campaign_not_open"
    Campaign.objects.update(state="open")
    Message.objects.update(removed_at=NOW)
    assert refusal(revise, ada, prompt) == "message_removed"
    Message.objects.update(removed_at=None)
    Annotator.objects.update(suspended_at=NOW)
    assert refusal(revise, ada, prompt) == "suspended"
    assert (RevisionProposal.objects.count(), MessageRevision.objects.count()) == (0, 0)


def test_what_is_sealed_cannot_be_revised():
    reply = make_prompt(make_campaign(), replies=2).replies.first()
    assert refusal(revise, make_annotator("bob"), reply) == "message_not_found"


def test_of_a_withdrawn_text_nothing_is_kept():
    campaign = make_campaign(kinds=["write_assistant_reply"])
    prompt = make_tree(campaign)
    open_work(campaign, prompt)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    done = submit(ada, ask(ada, campaign)["assignment"]["id"], {"text": "My name is Ada."})
    reply = prompt.replies.get()
    revise(ada, reply, "My name is Ada Lovelace.")
    prompt.units.update(is_open=False)
    revise(bob, reply, "Their name is Ada.", base=2)
    assert MessageIndex.objects.filter(message=reply).exists()
    withdraw_judgment(annotator_id=ada.pk, judgment_id=done["judgment"]["id"], now=LATER)
    reply.refresh_from_db()
    proposal = RevisionProposal.objects.get()
    assert (reply.text, MessageRevision.objects.get().text, proposal.text, proposal.state) == ("", "", "", "rejected")
    assert not MessageIndex.objects.filter(message=reply).exists()


# --- Proposals ----------------------------------------------------------------------------------


def test_a_message_has_one_open_proposal_and_an_outdated_one_makes_place(prompt, ada):
    bob, cyd = make_annotator("bob"), make_annotator("cyd")
    first = revise(bob, prompt).proposal_id
    assert refusal(revise, cyd, prompt, "Why sing?") == "proposal_open"
    revise(ada, prompt, "Why do all birds sing?")
    revise(cyd, prompt, "Why sing?", base=2)
    assert dict(RevisionProposal.objects.values_list("pk", "state"))[first] == "rejected"
    assert RevisionProposal.objects.filter(state="open").count() == 1


def propose(who: Annotator, message: Message) -> int:
    """A proposal, whoever wrote the text and whether or not anybody has begun with it."""
    words = {"text": "Why do the birds sing?", "reason": "An article.", "base_revision": message.revision}
    return RevisionProposal.objects.create(message=message, author=who, **words).pk


def test_two_reviewers_who_agree_make_what_its_author_proposes_the_text(campaign, prompt, ada):
    cyd, dan = make_reviewers(campaign, "cyd", "dan")
    proposal = propose(ada, prompt)
    assert (vote(cyd, proposal), vote(cyd, proposal), vote(dan, proposal)) == ("open", "open", "accepted")
    prompt.refresh_from_db()
    assert (prompt.text, prompt.revision) == ("Why do the birds sing?", 2)
    earlier = MessageRevision.objects.get()
    assert (earlier.text, earlier.author, earlier.reason) == ("Why do birds sing?", ada, "An article.")
    told = AuditEvent.objects.get()
    assert (told.action, told.actor, told.object_id, told.after["agree"], told.after["state"]) == (
        "revision.decided",
        None,
        str(prompt.pk),
        2,
        "accepted",
    )


def test_what_somebody_else_proposes_reviewers_reject_and_only_its_author_accepts(campaign, prompt, ada):
    bob, cyd, dan, eve = make_reviewers(campaign, "bob", "cyd", "dan", "eve")
    proposal = propose(bob, prompt)
    assert [vote(one, proposal) for one in (cyd, dan, eve)] == ["open"] * 3
    prompt.refresh_from_db()
    assert (prompt.text, prompt.revision) == ("Why do birds sing?", 1)
    assert vote(ada, proposal) == "accepted"
    prompt.refresh_from_db()
    assert (prompt.text, prompt.revision) == ("Why do the birds sing?", 2)


def test_its_author_alone_rejects_what_somebody_else_proposes(prompt, ada):
    proposal = propose(make_annotator("bob"), prompt)
    assert vote(ada, proposal, agrees=False) == "rejected"


def test_what_nobody_wrote_here_is_reworded_by_a_moderator_alone(campaign, prompt):
    Message.objects.update(author=None)
    bob, cyd, dan, eve = make_reviewers(campaign, "bob", "cyd", "dan", "eve")
    proposal = propose(bob, prompt)
    assert [vote(one, proposal) for one in (cyd, dan, eve)] == ["open"] * 3
    assert vote(make_moderator(campaign), proposal) == "accepted"


def test_where_reviewers_differ_whoever_is_two_ahead_decides(campaign, prompt):
    bob, cyd, dan, eve, fay = make_reviewers(campaign, "bob", "cyd", "dan", "eve", "fay")
    proposal = revise(bob, prompt).proposal_id
    votes = [vote(cyd, proposal), vote(dan, proposal, agrees=False), vote(eve, proposal, agrees=False)]
    assert [*votes, vote(cyd, proposal, agrees=False)] == ["open", "open", "open", "rejected"]
    assert refusal(vote, fay, proposal) == "proposal_decided"
    prompt.refresh_from_db()
    assert prompt.revision == 1


def test_a_moderator_decides_alone(campaign, prompt):
    moderator = make_moderator(campaign)
    proposal = revise(make_annotator("bob"), prompt).proposal_id
    assert vote(moderator, proposal, agrees=False) == "rejected"
    told = AuditEvent.objects.get()
    assert (told.actor, told.after["state"], RevisionProposal.objects.get().decided_by) == (
        moderator.user,
        "rejected",
        moderator.user,
    )


def test_who_may_not_decide(campaign, prompt):
    bob, cyd = make_reviewers(campaign, "bob", "cyd")
    proposal = revise(bob, prompt).proposal_id
    assert refusal(vote, bob, proposal) == "own_proposal"
    assert refusal(vote, make_annotator("dan"), proposal) == "reviewers_only"
    assert refusal(vote, cyd, 10**9) == "proposal_not_found"
    guest = Annotator.objects.create(device_hash=b"x" * 32, accepted_terms="2026-11")
    assert refusal(vote, guest, proposal) == "account_needed"
    Annotator.objects.filter(pk=cyd.pk).update(suspended_at=NOW)
    assert refusal(vote, cyd, proposal) == "suspended"
    assert RevisionVote.objects.count() == 0


def test_a_proposal_about_an_earlier_text_cannot_be_accepted(campaign, prompt):
    bob, cyd = make_reviewers(campaign, "bob", "cyd")
    proposal = revise(bob, prompt).proposal_id
    Message.objects.filter(pk=prompt.pk).update(text="Why do all birds sing?", revision=2)
    assert refusal(vote, cyd, proposal) == "revision_moved"
    assert list_proposals(campaign_id=campaign.pk, reader=reader(cyd)).proposals[0].is_expired is True


def test_what_was_removed_is_not_decided(campaign, prompt):
    bob, cyd = make_reviewers(campaign, "bob", "cyd")
    proposal = revise(bob, prompt).proposal_id
    Message.objects.filter(pk=prompt.pk).update(removed_at=NOW)
    assert refusal(vote, cyd, proposal) == "message_removed"


def test_its_author_takes_a_proposal_back_until_it_is_decided(campaign, prompt):
    bob, cyd = make_annotator("bob"), make_annotator("cyd")
    proposal = revise(bob, prompt).proposal_id
    assert refusal(withdraw_proposal, reader=reader(cyd), proposal_id=proposal, now=LATER) == "proposal_not_found"
    for _ in range(2):
        withdraw_proposal(reader=reader(bob), proposal_id=proposal, now=LATER)
    assert RevisionProposal.objects.get().state == "withdrawn"
    other = revise(bob, prompt).proposal_id
    vote(make_moderator(campaign), other)
    assert refusal(withdraw_proposal, reader=reader(bob), proposal_id=other, now=LATER) == "proposal_decided"


def test_others_words_are_told_after_ones_own(campaign, prompt):
    bob, cyd, dan = make_reviewers(campaign, "bob", "cyd", "dan")
    proposal = revise(bob, prompt).proposal_id
    vote(cyd, proposal)

    def seen(who: Annotator) -> tuple:
        (shown,) = list_proposals(campaign_id=campaign.pk, reader=reader(who)).proposals
        return shown.my_vote, shown.may_vote, shown.is_mine, shown.agree, shown.disagree

    assert seen(dan) == (None, True, False, None, None)
    assert seen(cyd) == (True, False, False, 1, 0)
    assert seen(bob) == (None, False, True, None, None)
    assert seen(make_moderator(campaign)) == (None, True, False, 1, 0)


def test_proposals_are_listed_with_the_text_that_they_change(campaign, prompt):
    bob = make_annotator("bob")
    revise(bob, prompt)
    (shown,) = list_proposals(campaign_id=campaign.pk, reader=reader(bob)).proposals
    assert (shown.before, shown.text, shown.message_id, shown.tree_id, shown.is_expired) == (
        "Why do birds sing?",
        "Why do the birds sing?",
        prompt.pk,
        prompt.tree_id,
        False,
    )


def test_a_proposal_about_what_is_sealed_is_listed_for_nobody_it_is_sealed_for():
    campaign = make_campaign()
    reply = make_prompt(campaign, replies=2).replies.first()
    RevisionProposal.objects.create(message=reply, author=make_annotator("bob"), base_revision=1, text="Better.")
    moderator = make_moderator(campaign)
    seen = [
        len(list_proposals(campaign_id=campaign.pk, reader=reader(who)).proposals)
        for who in (make_annotator("cyd"), moderator)
    ]
    assert seen == [0, 1]


@pytest.mark.parametrize("proposals", [1, 3])
def test_a_list_of_proposals_is_one_query(django_assert_num_queries, campaign, proposals):
    bob = make_annotator("bob")
    for number in range(proposals):
        revise(bob, make_tree(campaign, f"Prompt {number}"))
    with django_assert_num_queries(1):
        page = list_proposals(campaign_id=campaign.pk, reader=reader(bob), limit=2)
    assert (len(page.proposals), page.next_before is None) == (min(proposals, 2), proposals == 1)
