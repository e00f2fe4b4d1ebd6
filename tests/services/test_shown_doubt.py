"""Where certainty decides, a parent with more candidates than are shown is asked about what is not known of it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import Message
from annotate.queries import doubt as doubts
from annotate.queries.doubt import load_doubt
from annotate.services.shown import _choose
from tasks.jobs.quality import recompute_stale_job
from tasks.records.parameters import read_settings
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db


@pytest.fixture
def contested() -> tuple[Message, list[Message]]:
    """Four candidates: the first two divide people, the others stand clear below them."""
    campaign = make_campaign(redundancy=9)
    prompt = make_prompt(campaign, "one")
    a, b, c, d = add_candidates(prompt, "alpha A.", "beta B.", "gamma C.", "delta D.")
    for number, annotator in enumerate(make_annotators(8)):
        first, second = (a, b) if number % 2 else (b, a)
        rank(annotator, prompt, [first], [second], [c], [d])
    recompute_stale_job()
    return prompt, [a, b, c, d]


def choose(prompt: Message, candidates: list[Message], seed: int, **parameters) -> tuple[frozenset[int], int]:
    """What would be shown next, and how many statements that took."""
    claimed = {"kind": "compare", "unit": prompt.units.get().pk, "assignment": 0, "subject": prompt.pk}
    with CaptureQueriesContext(connection) as context:
        chosen = _choose(
            claimed=claimed,
            settings=read_settings(parameters),
            candidates=[candidate.pk for candidate in candidates],
            rng=Random(seed),
        )
    return frozenset(chosen), len(context)


def test_the_pair_that_divides_people_is_shown_most(contested) -> None:
    prompt, candidates = contested
    chosen = Counter(choose(prompt, candidates, seed, stop_best=0.9)[0] for seed in range(60))
    assert chosen[frozenset({candidates[0].pk, candidates[1].pk})] > 40


def test_with_a_fixed_number_all_are_shown_alike_and_nothing_more_is_asked(contested) -> None:
    prompt, candidates = contested
    results = [choose(prompt, candidates, seed) for seed in range(60)]
    assert len({chosen for chosen, _ in results}) == 6
    assert {queries for _, queries in results} == {1}


def test_one_more_statement_asks_for_what_is_known(contested) -> None:
    assert choose(*contested, 1, stop_best=0.9)[1] == 2


def test_doubt_is_the_chance_that_an_order_is_the_wrong_one(contested) -> None:
    prompt, (a, b, c, d) = contested
    found = load_doubt(message_id=prompt.pk)
    assert found[a.pk, b.pk] == pytest.approx(0.5)
    assert found[a.pk, d.pk] < found[a.pk, c.pk] < 0.1


def test_without_a_consensus_and_of_very_many_nothing_is_known(contested, monkeypatch) -> None:
    other = make_prompt(contested[0].tree.campaign, "two")
    assert load_doubt(message_id=other.pk) == {}
    monkeypatch.setattr(doubts, "MOST_CANDIDATES", 3)
    assert load_doubt(message_id=contested[0].pk) == {}
