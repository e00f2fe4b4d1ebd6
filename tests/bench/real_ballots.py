"""Benchmark: real ballots, chosen one after another by what is least known, against as many drawn by lot.

    CHORUS_REAL_DATA=<folder> python -m tests.bench.real_ballots          6 draws by lot and 6 choices, to 4,000 ballots
    QUICK=1 CHORUS_REAL_DATA=<folder> python -m tests.bench.real_ballots  2 of each, to 1,000

Crowd workers compared the answers of some sixty models to 13 prompts (dustalov/llmfao, the folder `llmfao`). The
leaderboard of all these ballots is the truth here. Then ballots are taken one after another, as if no other had come yet:

* by lot, each as likely as any other;
* chosen: a ballot on the two texts for which it is expected to lower the variance of all models' scores most. A score is
  the mean of the model's texts, whose strengths are N(score, `OF_A_TEXT`) around it, so that more ballots on the same two
  texts soon teach nothing. With S the covariance of the texts' strengths, C that of the scores with them, and v the
  variance of an outcome by the ballots so far, the gain is v |C(e_i - e_j)|² / (1 + v (e_i - e_j)ᵀS(e_i - e_j)).

`error` is the share of pairs of models in the wrong order, (1 - tau) / 2. `ratio` is the error of the chosen over that by
lot at the same number of ballots, the mean over budgets; `saved` the share of ballots that choosing saves at the error
that the lot reaches with half of the largest budget. Differences of scores are told too, as they are and scaled to the
truth: close pairs are chosen more often, and of them careless workers flatten less, so that chosen ballots spread the
scores wider than all ballots do. The lot has an advantage: it mixes pairs as the truth does. Agreement, and how much the
left place sways people, are told beside.
"""

import csv
import json
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is loaded

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.concordance import measure_ranking_agreement
from tasks.agreement.controls import control_generators
from tasks.agreement.davidson import DavidsonFit, fit_davidson
from tasks.agreement.encounters import Encounters, list_encounters
from tasks.agreement.leaderboard import PRIOR_VARIANCE, compare_encounters
from tasks.agreement.meetings import add_up, foresee, unfold
from tasks.records.ballots import Ballot
from tasks.records.leaderboard import Control, TextTraits

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BUDGETS = (250, 500, 1000, 2000, 4000)
#: How much models differ, and one model's texts; variances of log-strengths.
OF_A_MODEL, OF_A_TEXT = 2.0, 0.3
#: Ballots chosen between two fits; the covariance follows each of them.
AT_ONCE = 25


class Real(NamedTuple):
    """The ballots, whose texts they compare, and each as an encounter."""

    ballots: list[Ballot]
    origins: dict[int, tuple[str, ...]]
    met: Encounters


def load_ballots(folder: Path) -> Real:
    """The comparisons as ballots, in the order of the file; a text is a prompt's answer by a model."""
    with (folder / "llmfao" / "crowd-comparisons.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ballots, origins = [], {}
    for row in rows:
        left, right = (1000 * int(row["prompt"]) + int(row[name]) for name in ("model_x", "model_y"))
        origins |= {left: (row["left"],), right: (row["right"],)}
        tiers = {"left": ((left,), (right,)), "right": ((right,), (left,)), "tie": ((left, right),)}[row["winner"]]
        ballots.append(Ballot(f"w{row['worker']}", int(row["prompt"]), tiers, None, (left, right)))
    return Real(ballots, origins, list_encounters(ballots, origins))


def take(met: Encounters, which: Sequence[int]) -> Encounters:
    """These encounters alone."""
    at = np.array(which, dtype=np.int64)
    columns = {"winner", "loser", "above", "below", "tie", "weight", "ballot"}
    return replace(met, **{one.name: getattr(met, one.name)[at] for one in fields(met) if one.name in columns})


def fit(met: Encounters, which: Sequence[int]) -> DavidsonFit:
    """Scores by these encounters, and how sure they are."""
    return fit_davidson(*unfold(add_up(take(met, which))), prior_variance=PRIOR_VARIANCE)


def centre(scores: Floats) -> Floats:
    """Scores less their mean."""
    centred: Floats = scores - scores.mean()
    return centred


def draw_by_lot(met: Encounters, rng: Random, budgets: Sequence[int]) -> dict[int, Floats]:
    """Scores by the first of all encounters in an order by lot."""
    order = rng.sample(range(len(met.ballot)), len(met.ballot))
    return {budget: centre(fit(met, order[:budget]).strengths) for budget in budgets}


class Texts(NamedTuple):
    """Pairs of texts that ballots compare: `one`, `other` (K,) texts by number; `waiting`: their ballots, shuffled."""

    model: Integers
    one: Integers
    other: Integers
    waiting: list[list[int]]


def list_texts(met: Encounters, rng: Random) -> Texts:
    """What there is to choose from."""
    known = np.unique(np.concatenate([met.above, met.below]))
    above, below = np.searchsorted(known, met.above), np.searchsorted(known, met.below)
    model = np.zeros(len(known), dtype=np.int64)
    model[above], model[below] = met.winner, met.loser
    keys, pair = np.unique(np.minimum(above, below) * len(known) + np.maximum(above, below), return_inverse=True)
    waiting: list[list[int]] = [[] for _ in keys]
    for number in rng.sample(range(len(pair)), len(pair)):
        waiting[int(pair[number])].append(number)
    return Texts(model, keys // len(known), keys % len(known), waiting)


def choose(met: Encounters, rng: Random, budgets: Sequence[int]) -> dict[int, Floats]:
    """Scores by encounters chosen one after another."""
    texts = list_texts(met, rng)
    one, other = texts.one, texts.other
    covariance = (texts.model[:, None] == texts.model[None, :]) * OF_A_MODEL + np.eye(len(texts.model)) * OF_A_TEXT
    mean = np.zeros((len(met.generators), len(texts.model)))
    mean[texts.model, np.arange(len(texts.model))] = 1.0
    mean /= mean.sum(axis=1, keepdims=True)
    shared = (mean - mean.mean(axis=0)) @ covariance
    left = np.array([len(each) for each in texts.waiting])
    variance = np.full(len(one), 0.2)
    chosen: list[int] = []
    found = {}
    while len(chosen) < max(budgets):
        moved = shared[:, one] - shared[:, other]
        apart = covariance[one, one] + covariance[other, other] - 2 * covariance[one, other]
        share = variance / (1 + variance * apart)
        gain = np.where(left > 0, share * (moved * moved).sum(axis=0), -1.0)
        pick = rng.choice(np.flatnonzero(gain >= gain.max() * (1 - 1e-9)).tolist())
        chosen.append(texts.waiting[pick].pop())
        left[pick] -= 1
        towards = covariance[:, one[pick]] - covariance[:, other[pick]]
        shared -= share[pick] * np.outer(moved[:, pick], towards)
        covariance -= share[pick] * np.outer(towards, towards)
        if len(chosen) % AT_ONCE == 0 or len(chosen) in budgets:
            state = fit(met, chosen)
            ahead = state.strengths[texts.model[one]] - state.strengths[texts.model[other]]
            variance = foresee(ahead, state.nu).variance
            if len(chosen) in budgets:
                found[len(chosen)] = centre(state.strengths)
    return found


def measure_error(scores: Floats, truth: Floats) -> float:
    """The share of pairs in the wrong order; a tie is half of one."""
    first, second = np.triu_indices(len(truth), 1)
    tau = np.sign((scores[first] - scores[second]) * (truth[first] - truth[second])).mean()
    return float((1 - tau) / 2)


def measure_distance(scores: Floats, truth: Floats, *, scaled: bool) -> float:
    """The mean absolute difference of a score; `scaled`: after the scores are stretched to lie as near as can be."""
    factor = float(scores @ truth) / float(scores @ scores) if scaled else 1.0
    return float(np.abs(factor * scores - truth).mean())


def find_saving(by_lot: dict[int, float], chosen: dict[int, float], *, at: int) -> float:
    """The share of `at` ballots that choosing saves: where its error, between budgets in straight lines, is the lot's."""
    wanted = by_lot[at]
    budgets = sorted(chosen)
    reached = np.interp(-wanted, [-chosen[budget] for budget in budgets], budgets)
    return float(1 - reached / at)


def main() -> None:
    folder = os.environ.get("CHORUS_REAL_DATA")
    if not folder:
        sys.exit("Set CHORUS_REAL_DATA to the folder with llmfao/crowd-comparisons.csv.")
    quick = bool(os.environ.get("QUICK"))
    draws, budgets = (2, BUDGETS[:3]) if quick else (6, BUDGETS)
    real = load_ballots(Path(folder))
    met = real.met
    start = perf_counter()
    record = compare_encounters(met, seed=1)
    seconds = perf_counter() - start
    print(f"{record.n_ballots:,} ballots of {record.n_annotators} people on {record.n_parents} prompts, "
          f"{len(record.standings)} models, {record.components} component")  # fmt: skip
    for standing in record.standings[:10]:
        print(f"  {standing.generator:<28} {standing.score:+.2f} ({standing.low:+.2f} to {standing.high:+.2f})  "
              f"rank {standing.rank} to {standing.worst_rank}")  # fmt: skip
    agreement = {one.coefficient.value: one.value for one in measure_ranking_agreement(real.ballots, seed=1)}
    print("agreement:", agreement)
    # The data hold no texts, so that place alone can be held equal.
    traits = {text: TextTraits(1, 0, 0, 0, 0) for text in real.origins}
    held = control_generators(real.ballots, real.origins, traits, seed=1)
    (place,) = (one for one in held.effects if one.control is Control.PLACE)
    print(f"left rather than right: {place.effect} ({place.low} to {place.high})")
    truth = centre(fit(met, range(len(met.ballot))).strengths)
    told: dict[str, dict[str, dict[int, float]]] = {}
    for name, way in (("lot", draw_by_lot), ("chosen", choose)):
        results = [way(met, Random(draw), budgets) for draw in range(draws)]
        told[name] = {
            what: {budget: float(np.mean([measure(each[budget], truth) for each in results])) for budget in budgets}
            for what, measure in MEASURES.items()
        }
    for budget in budgets:
        print(f"{budget:>6} ballots: " + "; ".join(
            f"{what} {told['lot'][what][budget]:.3f} by lot, {told['chosen'][what][budget]:.3f} chosen" for what in MEASURES
        ))  # fmt: skip
    lot, chosen = told["lot"]["error"], told["chosen"]["error"]
    figures = {
        f"{what}_{name}": {str(b): round(v, 4) for b, v in told[name][what].items()}
        for what in MEASURES
        for name in told
    }
    print(json.dumps({
        "bench": "real_ballots",
        "ballots": record.n_ballots,
        "models": len(record.standings),
        "seconds": round(seconds, 3),
        "agreement": agreement,
        "place_effect": place.effect,
        "draws": draws,
        **figures,
        "saved": round(find_saving(lot, chosen, at=budgets[-2]), 3),
        "ratio": round(sum(chosen[budget] / lot[budget] for budget in budgets) / len(budgets), 3),
    }))  # fmt: skip


MEASURES = {
    "error": measure_error,
    "distance": partial(measure_distance, scaled=False),
    "distance_scaled": partial(measure_distance, scaled=True),
}


if __name__ == "__main__":
    main()
