"""Krippendorff's alpha of five million labels with a thousand bootstraps, and how often its interval holds the truth.

    python -m tests.bench.speed_alpha

Beside it, on the same labels: the krippendorff package, which gives the figure without an interval, and evalica with the
bootstrap it has, of fewer resamples. Seconds are of one processor.
"""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import evalica
import krippendorff
import numpy as np
import pandas as pd

from tasks.agreement.alpha import VoteTable, measure_votes
from tasks.vocabulary import Metric

UNITS, RATERS, PEOPLE, VALUES = 1_000_000, 5, 2_000, 5
#: Of evalica's bootstrap, which would take minutes for a thousand.
THEIR_RESAMPLES = 20
#: The simulation: samples of so many units each, whose truth is the alpha of `TRUTH` units.
SAMPLES, SAMPLED, TRUTH = 400, 200, 400_000


def draw_votes(rng: np.random.Generator, *, units: int) -> np.ndarray:
    """Return (units, RATERS) answers on a scale of five: what is there, seen through noise."""
    quality = rng.normal(size=(units, 1))
    return np.clip(np.round(quality + rng.normal(size=(units, RATERS))), -2, 2) + 3


def make_table(rng: np.random.Generator, votes: np.ndarray) -> VoteTable:
    """Return the votes as they come from people: each of somebody else, in no order."""
    units = len(votes)
    firsts = rng.integers(0, PEOPLE, size=(units, 1))
    people = (firsts + np.arange(RATERS) * (PEOPLE // RATERS)) % PEOPLE
    order = rng.permutation(votes.size)
    subjects = np.repeat(np.arange(units) + 10**6, RATERS)
    return VoteTable(subjects[order], people.ravel()[order], votes.ravel()[order])


def measure_alpha(*, units: int = UNITS, samples: int = SAMPLES) -> dict[str, Any]:
    """Return seconds of ours and theirs, and the coverage of our 95 % interval."""
    rng = np.random.default_rng(20)
    votes = draw_votes(rng, units=units)
    table = make_table(rng, votes)
    started = process_time()
    record = measure_votes(table, metric=Metric.ORDINAL, seed=1)
    ours = process_time() - started

    counts = np.stack([(votes == value).sum(axis=1) for value in range(1, VALUES + 1)], axis=1)
    started = process_time()
    theirs = krippendorff.alpha(value_counts=counts, value_domain=range(1, VALUES + 1), level_of_measurement="ordinal")
    point = process_time() - started
    assert record.value is not None
    assert abs(theirs - record.value) < 2e-6, (theirs, record.value)

    frame = pd.DataFrame(votes.T)
    started = process_time()
    evalica.alpha_bootstrap(frame, distance="ordinal", n_resamples=THEIR_RESAMPLES)
    bootstrap = process_time() - started
    return {
        "labels": units * RATERS,
        "resamples": record.resamples,
        "alpha": record.value,
        "alpha_s": round(ours, 3),
        "krippendorff_s": round(point, 3),
        "krippendorff_resamples": 0,
        "evalica_s": round(bootstrap, 3),
        "evalica_resamples": THEIR_RESAMPLES,
        "ratio": round(ours / point, 3),
        "coverage": measure_coverage(rng, samples=samples),
    }


def measure_coverage(rng: np.random.Generator, *, samples: int) -> float:
    """Return the share of samples whose interval holds the alpha of many units, the lowest of three metrics."""
    metrics = (Metric.NOMINAL, Metric.ORDINAL, Metric.INTERVAL)
    many = make_table(rng, draw_votes(rng, units=TRUTH))
    truth = {metric: measure_votes(many, metric=metric, seed=1, resamples=1).value for metric in metrics}
    held = dict.fromkeys(metrics, 0)
    for sample in range(samples):
        table = make_table(rng, draw_votes(rng, units=SAMPLED))
        for metric in metrics:
            record = measure_votes(table, metric=metric, seed=sample)
            value = truth[metric]
            assert value is not None
            assert record.low is not None
            assert record.high is not None
            held[metric] += record.low <= value <= record.high
    return round(min(held.values()) / samples, 3)


if __name__ == "__main__":
    print(json.dumps(measure_alpha(), indent=2))
