"""Leaderboards of thousands: the same figures as of few, in bounded memory; and ranks as intervals."""

from random import Random

import evalica
import numpy as np
import pytest
from evalica import Winner

from tasks.agreement.davidson import fit_davidson
from tasks.agreement.encounters import list_encounters
from tasks.agreement.leaderboard import MOST_PAIRED, PRIOR_VARIANCE, compare_encounters, compare_generators
from tasks.agreement.many_davidson import fit_many
from tasks.agreement.meetings import add_up, find_components, unfold
from tasks.agreement.resampling import FEW, Fit, draw_strengths
from tasks.agreement.standings import find_ranks
from tests.bench.speed_leaderboard import make_ballots, make_encounters
from tests.pure.test_leaderboard_generators import ballot, pudding_ballots


def test_many_are_fitted_as_few_are() -> None:
    met, _ = make_encounters(comparisons=3000, models=40)
    pairs = add_up(met)
    few = fit_davidson(*unfold(pairs), prior_variance=PRIOR_VARIANCE)
    strengths, nu = fit_many(pairs, prior_variance=PRIOR_VARIANCE)
    assert strengths == pytest.approx(few.strengths, abs=1e-6)
    assert nu == pytest.approx(few.nu, abs=1e-6)


def test_many_without_ties_stand_as_an_independent_library_finds_them(monkeypatch) -> None:
    monkeypatch.setattr("tasks.agreement.many_davidson.LOG_NU_VARIANCE", 1e9)
    met, _ = make_encounters(comparisons=6000, models=30)
    kept = np.flatnonzero(~met.tie)
    names = [met.generators[at] for at in met.winner[kept]], [met.generators[at] for at in met.loser[kept]]
    theirs = evalica.bradley_terry(*names, [Winner.X] * len(kept), tolerance=1e-14, limit=100_000).scores
    columns = (met.above[kept], met.below[kept], kept)
    ballots = [
        ballot([above], [below], who=f"a{at}", parent=at)
        for above, below, at in zip(*(column.tolist() for column in columns), strict=True)
    ]
    found = list_encounters(ballots, make_ballots(met)[1])
    strengths, _ = fit_many(add_up(found), prior_variance=1e12)
    expected = np.log([theirs[name] for name in found.generators])
    assert strengths - strengths.mean() == pytest.approx(expected - expected.mean(), abs=1e-6)


def test_few_without_ties_stand_as_an_independent_library_finds_them_to_the_sixth_digit() -> None:
    met, _ = make_encounters(comparisons=6000, models=12)
    pairs = add_up(met)
    wins = np.zeros((12, 12))
    kept = ~met.tie
    np.add.at(wins, (met.winner[kept], met.loser[kept]), 1.0)
    ours = fit_davidson(wins, np.zeros_like(wins), prior_variance=None).strengths
    names = [met.generators[at] for at in met.winner[kept]], [met.generators[at] for at in met.loser[kept]]
    theirs = evalica.bradley_terry(*names, [Winner.X] * int(kept.sum()), tolerance=1e-14, limit=100_000).scores
    expected = np.log([theirs[name] for name in met.generators])
    assert ours - ours.mean() == pytest.approx(expected - expected.mean(), abs=1e-6)
    assert pairs.size == 12


def test_many_draws_vary_as_fits_of_every_draw_do(monkeypatch) -> None:
    met, _ = make_encounters(comparisons=20_000, models=30)
    pairs = add_up(met)
    found = fit_davidson(*unfold(pairs), prior_variance=PRIOR_VARIANCE)
    fit = Fit(found.strengths, found.nu, 1 / PRIOR_VARIANCE)

    def spread() -> np.ndarray:
        drawn = draw_strengths(met, pairs, met.annotator, fit=fit, dice=np.random.RandomState(1), resamples=100)
        return (drawn - drawn.mean(axis=1, keepdims=True)).std(axis=0)

    again = spread()
    monkeypatch.setattr("tasks.agreement.resampling.FEW", 2)
    assert spread() == pytest.approx(again, rel=0.05)


@pytest.mark.slow
def test_ten_thousand_generators_stand_in_one_leaderboard() -> None:
    met, truth = make_encounters(comparisons=60_000, models=10_000)
    record = compare_encounters(met, seed=1)
    assert (len(record.standings) + len(record.not_compared), record.components) == (10_000, 1)
    assert [len(row) for row in record.p_above] == [MOST_PAIRED] * MOST_PAIRED
    numbers = [n for s in record.standings for n in (s.score, s.low, s.high)]
    assert np.isfinite(numbers).all()
    assert all(1 <= s.rank <= s.worst_rank <= len(record.standings) for s in record.standings)
    held = [s.low <= truth[int(s.generator.split()[1])] <= s.high for s in record.standings]
    assert 0.91 <= sum(held) / len(held) <= 0.99


def test_just_above_and_just_below_the_limit_of_few_the_intervals_are_alike(monkeypatch) -> None:
    monkeypatch.setattr("tasks.agreement.resampling.FEW", 30)
    monkeypatch.setattr("tasks.agreement.leaderboard.FEW", 30)

    def widths(models: int) -> float:
        met, _ = make_encounters(comparisons=60 * models, models=models)
        record = compare_encounters(met, seed=1)
        return float(np.mean([s.high - s.low for s in record.standings]))

    assert widths(31) == pytest.approx(widths(30), rel=0.08)


def test_more_clusters_than_groups_give_the_same_width() -> None:
    ballots, origins = pudding_ballots()
    apart = compare_generators(ballots, origins, seed=1)
    widths = [s.high - s.low for s in apart.standings]
    few = [ballot(*b.tiers, who=f"{int(b.annotator.split()[1]) % 400}", parent=b.parent % 400) for b in ballots]
    again = compare_generators(few, origins, seed=1)
    assert [s.high - s.low for s in again.standings] == pytest.approx(widths, rel=0.3)


def test_a_rank_runs_from_those_surely_better_to_those_surely_worse() -> None:
    component = np.array([0, 0, 0, 0, 1, -1])
    low = np.array([0.9, 0.5, 0.4, -2.0, 0.0, 0.0])
    high = np.array([1.2, 1.0, 0.6, -1.0, 1.0, 0.0])
    best, worst = find_ranks(component, low, high)
    assert (best.tolist(), worst.tolist()) == ([1, 1, 2, 4, 1, 0], [2, 3, 3, 4, 1, 0])


def test_intervals_that_touch_are_not_apart() -> None:
    best, worst = find_ranks(np.array([0, 0]), np.array([1.0, 0.0]), np.array([2.0, 1.0]))
    assert (best.tolist(), worst.tolist()) == ([1, 1], [2, 2])


@pytest.mark.parametrize("seed", range(20))
def test_ranks_by_sorting_are_the_ranks_by_counting(seed) -> None:
    dice = np.random.RandomState(seed)
    component = dice.randint(-1, 3, 25)
    low = np.round(dice.normal(size=25), 1)
    high = np.round(low + dice.random_sample(25), 1)
    best, worst = find_ranks(component, low, high)
    for i in np.flatnonzero(component >= 0):
        peers = [j for j in range(25) if component[j] == component[i]]
        assert best[i] == 1 + sum(low[j] > high[i] for j in peers)
        assert worst[i] == len(peers) - sum(high[j] < low[i] for j in peers)


def test_components_are_those_that_a_walk_finds() -> None:
    rng = Random(3)
    for _ in range(30):
        edges = [(rng.randrange(12), rng.randrange(12)) for _ in range(rng.randrange(9))]
        edges = [(i, j) for i, j in edges if i != j]
        ballots = [ballot([i], [j], parent=n) for n, (i, j) in enumerate(edges)]
        met = list_encounters(ballots, {i: (f"g{i:02d}",) for i in range(12)})
        found = find_components(add_up(met))
        groups = [{i} for i in range(12)]
        for i, j in edges:
            one, other = (next(g for g in groups if k in g) for k in (i, j))
            if one is not other:
                groups.remove(other)
                one |= other
        expected = {frozenset(g) for g in groups if len(g) > 1}
        assert {frozenset(np.flatnonzero(found == c).tolist()) for c in set(found.tolist()) - {-1}} == expected
        sizes = [int((found == c).sum()) for c in range(found.max(initial=-1) + 1)]
        assert sizes == sorted(sizes, reverse=True)


def test_the_order_of_ballots_changes_no_bit_of_a_leaderboard_of_many() -> None:
    met, _ = make_encounters(comparisons=4000, models=FEW + 10)
    ballots, origins = make_ballots(met)
    record = compare_generators(ballots, origins, seed=1)
    Random(1).shuffle(ballots)
    assert compare_generators(ballots, origins, seed=1) == record
