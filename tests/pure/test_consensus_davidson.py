"""Davidson's model against his own data, against an independent package, and against itself."""

from math import exp, log, sqrt
from random import Random

import evalica
import numpy as np
import pytest
from evalica import Winner

from tasks.agreement.davidson import fit_davidson, fit_strengths

#: Davidson (1970), preferences among six brands of pudding: i, j, i preferred, j preferred, ties.
PUDDINGS = (
    (1, 2, 19, 22, 16),
    (1, 3, 16, 19, 12),
    (2, 3, 19, 19, 10),
    (1, 4, 18, 23, 13),
    (2, 4, 23, 19, 9),
    (3, 4, 19, 20, 15),
    (1, 5, 13, 19, 18),
    (2, 5, 16, 20, 12),
    (3, 5, 16, 15, 17),
    (4, 5, 17, 14, 16),
    (1, 6, 18, 21, 12),
    (2, 6, 22, 20, 12),
    (3, 6, 13, 18, 10),
    (4, 6, 14, 19, 18),
    (5, 6, 11, 21, 12),
)


@pytest.fixture
def puddings():
    wins, ties = np.zeros((6, 6)), np.zeros((6, 6))
    for i, j, first, second, tied in PUDDINGS:
        wins[i - 1, j - 1], wins[j - 1, i - 1] = first, second
        ties[i - 1, j - 1] = ties[j - 1, i - 1] = tied
    return wins, ties


def test_fit_of_the_puddings_is_the_published_one(puddings):
    fit = fit_davidson(*puddings, prior_variance=None)
    worth = np.exp(fit.strengths) / np.exp(fit.strengths).sum()
    errors = np.sqrt(np.diag(fit.covariance))
    assert worth.round(6).tolist() == [0.138803, 0.173001, 0.161747, 0.165373, 0.158685, 0.202389]
    assert fit.strengths.round(4).tolist() == [0, 0.2202, 0.1530, 0.1751, 0.1339, 0.3771]
    assert (round(fit.nu, 6), round(log(fit.nu), 4)) == (0.746823, -0.2919)
    assert errors.round(4).tolist() == [0, 0.1872, 0.1935, 0.1882, 0.1927, 0.1924, 0.0825]


def test_strengths_with_nu_given_are_those_of_the_joint_fit(puddings):
    wins, ties = puddings
    joint = fit_davidson(wins, ties, prior_variance=None)
    fit = fit_strengths(wins[None], ties[None], nu=np.full((6, 6), joint.nu), prior_variance=1e8).strengths[0]
    assert (fit - fit[0]).tolist() == pytest.approx(joint.strengths.tolist(), abs=1e-6)


def test_without_ties_it_is_bradley_terry_as_another_package_fits_it():
    rng = Random(3)
    truth = [0.9, 0.4, 0.0, -0.3, -1.0]
    games = []
    for _ in range(3000):
        i, j = rng.sample(range(5), 2)
        i_wins = rng.random() < 1 / (1 + exp(truth[j] - truth[i]))
        games.append((i, j) if i_wins else (j, i))
    wins = np.zeros((5, 5))
    for winner, loser in games:
        wins[winner, loser] += 1
    theirs = evalica.bradley_terry(
        [str(winner) for winner, _ in games],
        [str(loser) for _, loser in games],
        [Winner.X] * len(games),
        tolerance=1e-12,
        limit=10000,
    ).scores
    fit = fit_davidson(wins, np.zeros((5, 5)), prior_variance=None)
    assert fit.nu == 0.0
    assert (fit.strengths - fit.strengths[0]).tolist() == pytest.approx(
        [log(theirs[str(i)] / theirs["0"]) for i in range(5)], abs=1e-6
    )


def test_one_comparison_under_the_prior_is_the_root_found_by_bisection():
    nu, variance = 0.5, 2.25

    def slope(x):
        p_win = 1 / (1 + exp(-2 * x) + nu * exp(-x))
        return 1 - p_win * (1 + nu * exp(-x) / 2) - x / variance

    low, high = 0.0, 5.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    wins = np.array([[[0.0, 1.0], [0.0, 0.0]]])
    fit = fit_strengths(wins, np.zeros((1, 2, 2)), nu=np.full((2, 2), nu), prior_variance=variance)
    assert fit.strengths[0].tolist() == pytest.approx([low, -low], abs=1e-9)


def test_covariance_is_the_inverse_of_the_curvature_found_by_differences():
    rng = np.random.RandomState(5)
    wins = rng.uniform(0, 4, (1, 4, 4)) * (1 - np.eye(4))
    ties = rng.uniform(0, 2, (1, 4, 4)) * (1 - np.eye(4))
    ties = ties + ties.transpose(0, 2, 1)
    nu = 0.7

    def log_posterior(t):
        total = -(t @ t) / (2 * 2.25)
        for i in range(4):
            for j in range(4):
                if i != j:
                    d = t[i] - t[j]
                    z = log(exp(d / 2) + exp(-d / 2) + nu)
                    total += wins[0, i, j] * (d / 2 - z) + ties[0, i, j] / 2 * (log(nu) - z)
        return total

    fit = fit_strengths(wins, ties, nu=np.full((4, 4), nu), prior_variance=2.25)
    at, h, unit = fit.strengths[0], 1e-4, np.eye(4)
    hessian = [
        [
            (
                log_posterior(at + h * (unit[i] + unit[j]))
                - log_posterior(at + h * (unit[i] - unit[j]))
                - log_posterior(at - h * (unit[i] - unit[j]))
                + log_posterior(at - h * (unit[i] + unit[j]))
            )
            / (4 * h * h)
            for j in range(4)
        ]
        for i in range(4)
    ]
    assert np.abs(fit.covariance[0] + np.linalg.inv(np.array(hessian))).max() < 1e-5


@pytest.mark.parametrize("weight", [1e-6, 1.0, 1e3, 1e7])
def test_strengths_converge_however_lopsided_the_table(weight):
    items = 6
    wins = np.triu(np.full((items, items), weight), 1)[None]
    fit = fit_strengths(wins, np.zeros_like(wins), nu=np.full((items, items), 0.5), prior_variance=2.25)
    steps = -np.diff(fit.strengths[0])
    assert (steps > 0).all()
    assert np.isfinite(fit.covariance).all()
    assert sqrt(fit.covariance[0, 0, 0]) <= 1.5 + 1e-9


def test_maximum_likelihood_of_a_clean_sweep_is_refused_and_a_prior_answers_it():
    wins = np.array([[0.0, 5.0], [0.0, 0.0]])
    none = np.zeros((2, 2))
    with pytest.raises(ArithmeticError, match="Fit them with a prior"):
        fit_davidson(wins, none, prior_variance=None)
    fit = fit_davidson(wins, none, prior_variance=9.0)
    assert fit.strengths[0] == pytest.approx(-fit.strengths[1])
    assert 1 < fit.strengths[0] < 3
