"""A gold item that is answered, chosen and retired at the same moment: nobody waits in a circle, and nobody is forgotten."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import transaction

from annotate.models import Exclusion, GoldResult, Unit
from annotate.services.gold import retire_gold
from tests.faults.test_tabs import Tab, make_url, wait_for
from tests.gold import HEADS, TAILS, choose_item, stand_beside, write_item
from tests.loop import NOW, ask, find_drift, make_annotator, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db(transaction=True)


class Paused:
    """A call in a transaction that ends when it is told to."""

    def __init__(self, call):
        self.done, self.may_end, self.call = threading.Event(), threading.Event(), call
        self.tab = Tab(self.run)
        assert self.done.wait(30)

    def run(self):
        with transaction.atomic():
            result = self.call()
            self.done.set()
            assert self.may_end.wait(30)
        return result

    def end(self):
        self.may_end.set()
        self.tab.join(30)
        return self.tab.result


@pytest.fixture
def watcher():
    with psycopg.connect(make_url(), autocommit=True) as connection:
        yield connection


def test_whoever_submits_while_the_item_is_retired_is_told(watcher):
    campaign = make_campaign(gold_share=0.5)
    item, ada = write_item(campaign), make_annotator()
    stand_beside(campaign)
    held = ask(ada, campaign, seed=HEADS)["assignment"]
    submitting = Paused(lambda: submit(ada, held["id"], ranking_of(held), seed=TAILS))
    retiring = Tab(lambda: retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW))
    wait_for(watcher, 1)
    assert "judgment" in submitting.end()
    retiring.join(30)
    assert retiring.result.retired_at == NOW
    assert GoldResult.objects.get().told_at == NOW
    assert find_drift() == {}


def test_whoever_submits_after_the_item_was_retired_is_told_with_the_answer(watcher):
    campaign = make_campaign(gold_share=0.5)
    item, ada = write_item(campaign), make_annotator()
    stand_beside(campaign)
    held = ask(ada, campaign, seed=HEADS)["assignment"]
    retiring = Paused(lambda: retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW))
    submitting = Tab(lambda: submit(ada, held["id"], ranking_of(held), seed=TAILS))
    wait_for(watcher, 1)
    retiring.end()
    submitting.join(30)
    assert "told" in submitting.result
    assert GoldResult.objects.get().told_at is not None


def test_whoever_takes_ordinary_work_while_it_becomes_gold_is_never_offered_it_as_gold(watcher):
    campaign = make_campaign(gold_share=0.5)
    prompt, ada = make_prompt(campaign), make_annotator()
    asking = Paused(lambda: ask(ada, campaign, seed=TAILS))
    choosing = Tab(lambda: choose_item(campaign, prompt))
    wait_for(watcher, 1)
    assert asking.end()["assignment"] is not None
    choosing.join(30)
    assert choosing.result.code == "held_now"
    held = ask(ada, campaign, seed=TAILS)["assignment"]
    submit(ada, held["id"], ranking_of(held), seed=TAILS)
    item = choose_item(campaign, prompt)
    assert Exclusion.objects.filter(unit_id=item.pk, annotator=ada).exists()
    assert ask(ada, campaign, seed=HEADS)["assignment"] is None
    assert Unit.objects.filter(is_open=True).get().pk == item.pk
