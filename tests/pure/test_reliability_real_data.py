"""Reliability of real crowd workers who compared answers of models: does it foretell what they say next?"""

from __future__ import annotations

import os
from math import exp, log1p
from pathlib import Path
from random import Random

import pytest

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.reliability import estimate_reliability
from tests.bench.real_ballots import load_ballots

pytestmark = pytest.mark.real_data

NU = 1.2


@pytest.fixture(scope="module")
def halves():
    """Four fifths of the ballots to learn from, and the strict ones of the rest to foretell."""
    ballots = load_ballots(Path(os.environ["CHORUS_REAL_DATA"])).ballots
    rng = Random(1)
    drawn = [(rng.random() < 0.8, ballot) for ballot in ballots]
    return [b for first, b in drawn if first], [b for first, b in drawn if not first and len(b.tiers) == 2]


def foretell(records, outcomes, sharpness):
    """Mean log-loss of strict outcomes, everybody following the strengths at their sharpness."""
    scores = {(r.parent, c): score for r in records for c, score in zip(r.candidates, r.scores, strict=True)}
    losses = []
    for ballot in outcomes:
        (better,), (worse,) = ballot.tiers
        if (ballot.parent, better) in scores and (ballot.parent, worse) in scores:
            difference = scores[ballot.parent, better] - scores[ballot.parent, worse]
            losses.append(log1p(exp(-sharpness.get(ballot.annotator, 1.0) * difference)))
    return sum(losses) / len(losses)


def test_sharpness_of_workers_foretells_what_they_say_next(halves) -> None:
    known, later = halves
    record = estimate_reliability(known, seed=1, nu=NU)
    sharpness = record.as_weights()
    plain = combine_rankings(known, seed=1, nu=NU)
    weighed = combine_rankings(known, seed=1, nu=NU, sharpness=sharpness)
    alike, told_apart = foretell(plain, later, {}), foretell(weighed, later, sharpness)
    print(f"log-loss of {len(later)} outcomes: {alike:.4f} where all count alike, {told_apart:.4f} at their sharpness")
    assert told_apart < 0.93 * alike
    careless = [one for one in record.annotators if one.high < 0.4]
    assert 2 <= len(careless) <= 40
    assert record.agreement == pytest.approx(0.43, abs=0.05)
