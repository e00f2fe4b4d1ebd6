"""The page of the states of a tree says what the scheduler does, in the reader's language."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import translation

from annotate.web.tree_words import REASONS, STATES
from tasks.scheduling.tree_states import TREE_STATES
from tasks.vocabulary import TreeReason, TreeState

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", TreeState)
def test_page_says_what_the_scheduler_does(state):
    with translation.override("en"):
        said = STATES[state]
        assert (str(said.enters), str(said.leaves)) == (TREE_STATES[state].enters, TREE_STATES[state].leaves)


def test_every_state_and_every_reason_has_its_words():
    assert (set(STATES), set(REASONS)) == (set(TreeState), set(TreeReason))
    assert [reason for reason in TreeReason if reason and not str(REASONS[reason])] == []


def test_page_is_there_for_everybody_and_leads_from_each_state_to_those_that_may_follow():
    answer = Client().get("/trees/states/")
    assert answer.status_code == 200
    sections = re.split(r'<li id="', answer.text)[1:]
    found = {section.split('"')[0]: set(re.findall(r'href="#(\w+)"', section)) for section in sections}
    assert found == {str(state): {str(after) for after in rule.next} for state, rule in TREE_STATES.items()}


def test_page_asks_the_database_nothing_for_nobody(django_assert_num_queries):
    client = Client()
    client.get("/trees/states/")
    with django_assert_num_queries(0):
        client.get("/trees/states/")
