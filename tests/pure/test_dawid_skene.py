"""True labels and confusions: against the paper's own data, a plain version of it, and known crowds."""

from dataclasses import asdict
from json import dumps
from math import exp, log
from random import Random

import numpy as np
import pytest

from tasks.agreement.dawid_skene import fit_confusion, read_labels
from tasks.records.ballots import LabelVote
from tasks.vocabulary import Answer

#: Dawid and Skene (1979), table 1: how five anaesthetists judged 45 patients, the first of them three times.
ROWS = """
111.1.1.1.1 333.4.3.3.4 112.2.1.2.2 222.3.1.2.1 222.3.2.2.2 222.3.3.2.2 122.2.1.1.1 333.3.4.3.3 222.2.2.2.3
232.2.2.2.3 444.4.4.4.4 222.3.3.4.3 111.1.1.1.1 222.3.2.1.2 121.1.1.1.1 111.2.1.1.1 111.1.1.1.1 111.1.1.1.1
222.2.2.2.1 222.1.3.2.2 222.2.2.2.2 222.2.2.2.1 222.3.2.2.2 221.2.2.2.2 111.1.1.1.1 111.1.1.1.1 232.2.2.2.2
111.1.1.1.1 111.1.1.1.1 112.1.1.2.1 111.1.1.1.1 333.3.2.3.3 111.1.1.1.1 222.2.2.2.2 222.3.2.3.2 433.4.3.4.3
221.2.2.3.2 232.3.2.3.3 333.3.4.3.2 111.1.1.1.1 111.1.1.1.1 121.2.1.1.1 232.2.2.2.2 121.1.1.1.1 222.2.2.2.2
"""
PATIENTS = ROWS.split()


def votes_of_patients():
    return [
        LabelVote(f"observer {observer}", patient, "fitness", float(value))
        for patient, row in enumerate(PATIENTS)
        for observer, values in enumerate(row.split("."))
        for value in values
    ]


def fit_plainly(votes, values, *, rounds):
    """The paper's equations, loop by loop."""
    subjects = sorted({s for _, s, _ in votes})
    annotators = sorted({a for a, _, _ in votes})
    q = {s: [sum(y == k for _, t, y in votes if t == s) for k in values] for s in subjects}
    q = {s: [n / sum(row) for n in row] for s, row in q.items()}
    for _ in range(rounds):
        p = [sum(q[s][k] for s in subjects) / len(subjects) for k in values]
        c = {}
        for a in annotators:
            for k in values:
                seen = [sum(q[s][k] for b, s, y in votes if b == a and y == value) for value in values]
                c[a, k] = [n / sum(seen) if sum(seen) else 0.0 for n in seen]
        for s in subjects:
            logs = [
                log(max(p[k], 1e-300)) + sum(log(max(c[a, k][y], 1e-300)) for a, t, y in votes if t == s)
                for k in values
            ]
            weights = [exp(each - max(logs)) for each in logs]
            q[s] = [w / sum(weights) for w in weights]
    return q


def test_shares_of_the_patients_are_the_published_ones():
    rows = sorted((v.annotator, v.subject, int(v.value) - 1) for v in votes_of_patients())
    names = sorted({name for name, _, _ in rows})
    fit = fit_confusion(
        np.array([names.index(name) for name, _, _ in rows]),
        np.array([subject for _, subject, _ in rows]),
        np.array([value for _, _, value in rows]),
        (5, 45, 4),
        prior=0.0,
        right=0.0,
    )
    assert fit.shares.round(2).tolist() == [0.40, 0.42, 0.11, 0.07]
    plain = fit_plainly(rows, range(4), rounds=fit.rounds)
    assert np.abs(fit.scores - np.array([plain[s] for s in range(45)])).max() < 1e-9


def test_truth_of_the_patients_is_what_most_say():
    record = read_labels(votes_of_patients(), dimension="fitness")
    best = dict(zip(record.subjects, (scores.index(max(scores)) for scores in record.scores), strict=True))
    assert (best[0], best[1], best[10], best[20]) == (0, 2, 3, 1)
    assert record.values == (1.0, 2.0, 3.0, 4.0)
    first = record.annotators[0]
    assert (first.n_votes, first.n_shared) == (135, 135)
    assert 0.7 < first.accuracy < 0.95


def draw_votes(rng, *, subjects=150, each=5, good=20, contrary=0, careless=0, values=(0.0, 1.0, 2.0)):
    truth = {subject: rng.choice(values) for subject in range(subjects)}
    kinds = ["good"] * good + ["contrary"] * contrary + ["careless"] * careless
    votes = []
    for subject, true in truth.items():
        for number in rng.sample(range(len(kinds)), each):
            right = rng.random() < 0.8
            said = true if right else rng.choice(values)
            if kinds[number] == "contrary":
                said = values[(values.index(true) + 1) % len(values)]
            if kinds[number] == "careless":
                said = rng.choice(values)
            votes.append(LabelVote(f"{kinds[number]} {number:02d}", subject, "quality", said))
    return votes, truth


def share_right(record, truth):
    found = [
        record.values[scores.index(max(scores))] == truth[subject]
        for subject, scores in zip(record.subjects, record.scores, strict=True)
    ]
    return sum(found) / len(found)


def test_careless_and_contrary_annotators_are_found_and_cost_little():
    votes, truth = draw_votes(Random(1), good=20, contrary=4, careless=6)
    record = read_labels(votes, dimension="quality")
    accuracy = {one.annotator.split()[0]: [] for one in record.annotators}
    for one in record.annotators:
        accuracy[one.annotator.split()[0]].append(one.accuracy)
    assert max(accuracy["contrary"]) < 0.2
    assert max(accuracy["careless"]) < 0.65 < min(accuracy["good"])
    majority = 0
    for subject, true in truth.items():
        said = [vote.value for vote in votes if vote.subject == subject]
        majority += max(sorted(set(said)), key=said.count) == true
    assert share_right(record, truth) > majority / len(truth)


def test_order_of_votes_changes_nothing():
    votes, _ = draw_votes(Random(2), careless=3)
    assert read_labels(Random(3).sample(votes, len(votes)), dimension="quality") == read_labels(
        votes, dimension="quality"
    )


def test_what_was_not_answered_and_other_dimensions_are_left_out():
    votes = [
        LabelVote("ann", 1, "quality", 1.0),
        LabelVote("bob", 1, "quality", None, Answer.SKIPPED),
        LabelVote("bob", 1, "humor", 0.0),
    ]
    record = read_labels(votes, dimension="quality")
    [ann] = record.annotators
    assert (ann.annotator, ann.n_votes, ann.n_shared, ann.accuracy) == ("ann", 1, 0, None)
    assert (record.values, record.subjects, record.scores) == ((1.0,), (1,), ((1.0,),))


def test_no_votes_are_an_empty_record():
    record = read_labels([], dimension="quality")
    assert (record.values, record.shares, record.subjects, record.scores, record.annotators) == ((), (), (), (), ())


@pytest.mark.parametrize("votes", [1, 2, 4000])
def test_scores_are_finite_however_many_agree(votes):
    one_sided = [LabelVote(f"a{number}", 1, "quality", 1.0) for number in range(votes)]
    record = read_labels([*one_sided, LabelVote("against", 1, "quality", 0.0)], dimension="quality")
    dumps(asdict(record), allow_nan=False)
    assert sum(record.scores[0]) == pytest.approx(1.0)
