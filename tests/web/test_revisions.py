"""Proposed wordings on their page: what would change word by word, one's vote, a moderator's decision."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from annotate.models import Annotator, Campaign, Message, MessageTree, RevisionProposal, RevisionVote
from annotate.web.word_differences import MOST_PIECES, Piece, compare_words
from tests.loop import NOW, make_annotator, make_campaign, make_prompt
from tests.trees import label, make_tree, open_work
from tests.web.organizing import come_as
from tests.web.page_walk import STORED_ATTACKS, find_wrongs

PATH = "/campaigns/birds/revisions/"
db = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["label", "write_assistant_reply"])


@pytest.fixture
def ada() -> Annotator:
    return make_annotator("ada")


@pytest.fixture
def prompt(campaign) -> Message:
    return make_tree(campaign)


def sign_in(annotator: Annotator) -> Client:
    client = Client()
    client.force_login(annotator.user)
    return client


def propose(message: Message, author: Annotator, text="Why do owls sing?", **more) -> RevisionProposal:
    return RevisionProposal.objects.create(
        message=message,
        author=author,
        base_revision=message.revision,
        text=text,
        reason="Owls.",
        created_at=NOW,
        **more,
    )


def make_reviewer(campaign: Campaign, name: str) -> Client:
    """Somebody who has judged something in the campaign."""
    reviewer = make_annotator(name)
    other = make_tree(campaign, f"For {name} to label.")
    open_work(campaign, other)
    label(reviewer, campaign)
    return sign_in(reviewer)


def shown(answer) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [int(number) for number in re.findall(r'id="p(\d+)"', answer.text)]


# --- The difference -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("a b c", "a x c", [Piece("", "a "), Piece("-", "b"), Piece("+", "x"), Piece("", " c")]),
        ("a", "a b", [Piece("", "a"), Piece("+", " b")]),
        ("a b", "a", [Piece("", "a"), Piece("-", " b")]),
        ("a", "a", [Piece("", "a")]),
        ("Hi!", "Hi?", [Piece("", "Hi"), Piece("-", "!"), Piece("+", "?")]),
        ("", "a", [Piece("+", "a")]),
    ],
)
def test_words_are_compared(before, after, pieces):
    assert compare_words(before, after) == pieces


@given(st.text(alphabet="ab .\n\u0301é", max_size=60), st.text(alphabet="ab .\n\u0301é", max_size=60))
def test_both_texts_are_whole_in_the_difference(before, after):
    pieces = compare_words(before, after)
    assert "".join(piece.text for piece in pieces if piece.sign != "+") == before
    assert "".join(piece.text for piece in pieces if piece.sign != "-") == after


def test_a_text_of_countless_words_is_compared_by_lines_or_not_at_all():
    words = "a " * MOST_PIECES
    assert compare_words(f"{words}\nb", f"{words}\nc") == [Piece("", f"{words}\n"), Piece("-", "b"), Piece("+", "c")]
    lines = "a\n" * MOST_PIECES
    assert compare_words(lines, lines + "b") == [Piece("-", lines), Piece("+", lines + "b")]


# --- The page -------------------------------------------------------------------------------------


@db
def test_what_would_change_is_marked_and_said(prompt, ada):
    proposal = propose(prompt, make_annotator("bob"))
    answer = sign_in(ada).get(PATH)
    assert shown(answer) == [proposal.pk]
    text = re.sub(r"\s+", " ", answer.text)
    assert re.search(r'<del><span class="sr" lang="en">\[gone: </span>birds<span class="sr">\]</span></del>', text)
    assert re.search(r'<ins><span class="sr" lang="en">\[new: </span>owls<span class="sr">\]</span></ins>', text)
    assert ("Owls." in text, "bob" in text) == (True, False)


@db
def test_proposals_are_listed_by_state_and_message(campaign, prompt, ada):
    bob = make_annotator("bob")
    first = propose(prompt, bob)
    other = propose(make_tree(campaign, "And bees?"), bob)
    gone = propose(make_tree(campaign, "And ants?"), bob, state="rejected", decided_at=NOW)
    client = sign_in(ada)
    assert shown(client.get(PATH)) == [other.pk, first.pk]
    assert shown(client.get(f"{PATH}?message={prompt.pk}")) == [first.pk]
    assert shown(client.get(f"{PATH}?state=rejected")) == [gone.pk]
    assert shown(client.get(f"{PATH}?state=nonsense&before=x")) == [other.pk, first.pk]
    assert "Nothing is to decide." in client.get(f"{PATH}?message=1").text


@db
def test_two_reviewers_who_agree_decide(campaign, prompt):
    bob = make_annotator("bob")
    Message.objects.filter(pk=prompt.pk).update(author=bob)
    proposal = propose(prompt, bob)
    first, second = make_reviewer(campaign, "cyd"), make_reviewer(campaign, "dan")
    assert "does not" not in first.get(PATH).text
    vote = f"{PATH}{proposal.pk}/vote/"
    assert (
        first.post(vote, {"agrees": "yes", "next": f"{PATH}?message={prompt.pk}"})["Location"]
        == f"{PATH}?message={prompt.pk}"
    )
    told = first.get(PATH).text
    assert ("1 agrees" in told, "you agree" in told, vote in told) == (True, True, False)
    assert second.post(vote, {"agrees": "yes", "next": "https://evil.example/"})["Location"] == PATH
    prompt.refresh_from_db()
    assert prompt.text == "Why do owls sing?"
    assert "the message has the new words now" in second.get(PATH).text


@db
def test_a_moderator_decides_alone(campaign, prompt):
    proposal = propose(prompt, make_annotator("bob"))
    moderator = come_as("moderator", campaign)
    assert "Your word decides at once." in moderator.get(PATH).text
    moderator.post(f"{PATH}{proposal.pk}/vote/", {"agrees": "no"})
    proposal.refresh_from_db()
    assert proposal.state == "rejected"
    assert "0 agree, 1 does not" in moderator.get(f"{PATH}?state=rejected").text


@db
def test_ones_own_proposal_is_taken_back_and_not_voted_for(prompt, ada):
    proposal = propose(prompt, ada)
    client = sign_in(ada)
    page = client.get(PATH).text
    assert (f"{proposal.pk}/withdraw/" in page, f"{proposal.pk}/vote/" in page) == (True, False)
    assert client.post(f"{PATH}{proposal.pk}/vote/", {"agrees": "yes"}).status_code == 409
    assert client.post(f"{PATH}{proposal.pk}/withdraw/")["Location"] == PATH
    assert shown(client.get(f"{PATH}?state=withdrawn")) == [proposal.pk]


@db
def test_what_is_refused(campaign, prompt, ada):
    proposal = propose(prompt, make_annotator("bob"))
    vote, client = f"{PATH}{proposal.pk}/vote/", sign_in(ada)
    assert client.post(vote, {"agrees": "yes"}).status_code == 403  # has judged nothing yet
    assert client.post(vote, {"agrees": "perhaps"}).status_code == 422
    assert client.post(f"{PATH}999999/vote/", {"agrees": "yes"}).status_code == 404
    assert client.post(f"{PATH}{proposal.pk}/withdraw/").status_code == 404
    assert client.get("/campaigns/none/revisions/").status_code == 404
    assert client.post(f"/campaigns/none/revisions/{proposal.pk}/vote/", {"agrees": "yes"}).status_code == 404
    assert Client().get(PATH).status_code == 302
    assert Client().post(vote, {"agrees": "yes"}).status_code == 401
    reviewer = make_reviewer(campaign, "cyd")
    Message.objects.filter(pk=prompt.pk).update(removed_at=NOW)
    assert reviewer.post(vote, {"agrees": "yes"}).status_code == 410
    Message.objects.filter(pk=prompt.pk).update(removed_at=None, revision=2)
    assert reviewer.post(vote, {"agrees": "yes"}).status_code == 409
    assert not RevisionVote.objects.exists()


@db
def test_an_outdated_proposal_says_so_and_takes_no_vote(prompt, ada):
    proposal = propose(prompt, make_annotator("bob"))
    Message.objects.update(revision=2)
    page = sign_in(ada).get(PATH).text
    assert ("was changed meanwhile" in page, f"{proposal.pk}/vote/" in page) == (True, False)


@db
def test_proposals_of_sealed_texts_are_in_no_list(ada):
    prompt = make_prompt(make_campaign(), replies=2)
    proposal = propose(prompt.replies.first(), make_annotator("bob"), text="Sealed words.")
    assert "Sealed words." not in sign_in(ada).get(PATH).text
    MessageTree.objects.update(state="done")
    assert shown(sign_in(ada).get(PATH)) == [proposal.pk]


@db
@pytest.mark.parametrize("way", STORED_ATTACKS)
def test_hostile_wordings_stay_texts(campaign, ada, way):
    for text in STORED_ATTACKS[way][:10]:
        propose(make_tree(campaign, text), ada, text=text + " more")
    answer = sign_in(ada).get(PATH)
    assert len(shown(answer)) == min(10, len(STORED_ATTACKS[way]))
    assert find_wrongs(answer.text) == []


@db
@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_takes_as_many_queries_whatever_its_length(campaign, ada, rows, django_assert_num_queries):
    for number in range(rows):
        propose(make_tree(campaign, f"Prompt {number}"), ada)
    client = sign_in(ada)
    client.get(PATH)
    with django_assert_num_queries(3):
        assert len(shown(client.get(PATH))) == rows
