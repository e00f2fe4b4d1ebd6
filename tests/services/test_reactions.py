"""Reactions: given, taken back, counted for those who reacted; and whom they are refused."""

from __future__ import annotations

import pytest

from annotate.exceptions import ChorusError
from annotate.models import Annotator, Membership, Message, Reaction
from annotate.queries.tree_shapes import Reactions
from annotate.services.reactions import react
from tests.loop import NOW, make_annotator, make_campaign, make_prompt
from tests.trees import make_tree, reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def prompt() -> Message:
    return make_tree(make_campaign(kinds=["label"]))


def give(who: Annotator, message: Message, code="heart", **given) -> Reactions:
    return react(reader=reader(who), message_id=message.pk, code=code, now=NOW, **given)


def refusal(*args, **given) -> str:
    with pytest.raises(ChorusError) as refused:
        give(*args, **given)
    return refused.value.code


def test_a_reaction_is_given_and_taken_back_by_the_same_click(prompt):
    ada, bob = make_annotator("ada"), make_annotator("bob")
    give(bob, prompt)
    assert give(ada, prompt) == Reactions(("heart",), {"heart": 2})
    assert give(ada, prompt, "clap") == Reactions(("clap", "heart"), {"heart": 2, "clap": 1})
    assert give(ada, prompt, "clap") == Reactions(("heart",), {"heart": 2})
    assert give(ada, prompt) == Reactions((), None)


def test_a_reaction_may_be_said_outright_and_then_twice_is_once(prompt):
    ada = make_annotator()
    assert [give(ada, prompt, is_on=True).mine for _ in range(2)] == [("heart",)] * 2
    assert [give(ada, prompt, is_on=False).mine for _ in range(2)] == [()] * 2


def test_thumbs_up_takes_thumbs_down_back(prompt):
    ada = make_annotator()
    give(ada, prompt, "thumbs_down")
    give(ada, prompt, "heart")
    assert give(ada, prompt, "thumbs_up").mine == ("heart", "thumbs_up")
    assert give(ada, prompt, "thumbs_down").mine == ("heart", "thumbs_down")


def test_a_moderator_sees_the_counts_without_reacting(prompt):
    ada, moderator = make_annotator("ada"), make_annotator("mo")
    Membership.objects.create(campaign=prompt.tree.campaign, user=moderator.user, role="moderator")
    give(ada, prompt)
    assert give(moderator, prompt, "clap", is_on=False) == Reactions((), {"heart": 1})


def test_what_is_refused(prompt):
    ada = make_annotator()
    assert refusal(ada, prompt, "thumbs") == "wrong_value"
    Message.objects.update(author=ada)
    assert refusal(ada, prompt) == "own_text"
    Message.objects.update(author=None, removed_at=NOW)
    assert refusal(ada, prompt) == "message_removed"
    Message.objects.update(removed_at=None)
    Annotator.objects.update(suspended_at=NOW)
    assert refusal(ada, prompt) == "suspended"
    assert Reaction.objects.count() == 0


def test_what_is_sealed_takes_no_reaction():
    campaign = make_campaign()
    reply = make_prompt(campaign, replies=2).replies.first()
    assert refusal(make_annotator(), reply) == "message_not_found"
