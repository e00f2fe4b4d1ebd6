"""Trees grow from prompts to rankings by what people do, and each message waits for its reviewers."""

from __future__ import annotations

import pytest

from annotate.models import Message, MessageTree
from annotate.queries.integrity import find_broken_rules
from tests.growing import do, grow, make_growing, states
from tests.loop import find_drift, make_annotator

pytestmark = pytest.mark.django_db


def test_a_tree_grows_from_a_prompt_to_done():
    campaign = make_growing(waiting_prompts=0)
    people = [make_annotator(name) for name in ("ada", "ben", "cyd", "dan", "eve")]
    grow()
    done = [do(person, campaign) for _ in range(12) for person in people]
    assert "done" in states(campaign)
    tree = MessageTree.objects.filter(state="done").first()
    assert (tree.state_reason, tree.goal_size) == ("ranked", 3)
    assert Message.objects.filter(tree=tree, review_state="accepted").count() >= 3
    assert {"write_prompt", "write_assistant_reply", "label", "rank"} <= set(done)
    assert (find_drift(), find_broken_rules()) == ({}, [])
