"""Prompts of the same words in another order are found among very many: in the text's language, as long as it is first."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import CoverageCell, MessageTree, TopicFit
from annotate.queries.alike_prompts import find_alike_prompts
from annotate.queries.reading import Reader
from tests.loop import make_campaign
from tests.subjects import write_prompts
from tests.targets import find_places, make_prompts

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    campaign = make_campaign(topics=4, languages=("en", "de"))
    make_prompts(campaign)
    find_places(campaign)
    assert TopicFit.objects.filter(campaign=campaign).exists()
    return campaign


def turn_round(text: str) -> str:
    return " ".join(reversed(text.split()))


def find(campaign, text: str, language: str = "en"):
    me = Reader(is_administrator=True)
    return [each.text for each in find_alike_prompts(campaign_id=campaign.pk, text=text, language=language, reader=me)]


def test_the_same_words_in_another_order_are_found_with_one_statement(campaign):
    [text] = write_prompts("bread", 1)
    with CaptureQueriesContext(connection) as asked:
        assert find(campaign, turn_round(text))[0] == text
    assert len(asked) == 1


def test_prompts_of_another_language_are_not_looked_through(campaign):
    [text] = write_prompts("bread", 1)
    assert find(campaign, turn_round(text), language="de") == []
    MessageTree.objects.filter(messages__text=text).update(language="de")
    find_places(campaign)
    assert CoverageCell.objects.filter(language="de", prompts=1).exists()
    assert find(campaign, turn_round(text), language="de") == [text]


def test_before_there_are_topics_the_newest_are_looked_through():
    campaign = make_campaign()
    make_prompts(campaign, each=3)
    find_places(campaign)
    [text] = write_prompts("bread", 1)
    assert not TopicFit.objects.exists()
    assert find(campaign, turn_round(text))[0] == text
