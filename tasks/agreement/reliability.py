"""How reliable annotators are, from ballots on the same parents and from gold items.

The method, `davidson_sharpness` (Plackett-Luce with one sharpness an annotator, within our model of ties):
1. Everybody begins at sharpness 1.
2. `ROUNDS` times: the strengths under each parent are fitted, every ballot being read at its annotator's
   sharpness; each annotator's ballots are compared with what the others' make of the same parents
   (tasks.agreement.leave_one_out), and the sharpness becomes its posterior mean (tasks.agreement.sharpness).
   Who is at odds with the others counts less in the next round.
3. The agreement is the mean of Kendall's tau-b of each annotator's ballots with the consensus of the others,
   over the candidates that somebody else placed too. Its interval takes the spread of their own ballots
   together with a usual one, so that three equal ballots do not look like certainty.

Parents that one person alone has ranked say nothing, and nor does the acceptable bar: where it stands is a
matter of taste. There are no dice, and nothing depends on the order in which ballots come.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tasks.agreement.consensus import check_nu, collector_paused
from tasks.agreement.leave_one_out import Expected, SharedParents, compare_orders, expect_without, share_rows
from tasks.agreement.normal import Z_95
from tasks.agreement.sharpness import Evidence, Posterior, estimate_sharpness, fit_kappa, fit_scale, gold_score_of
from tasks.agreement.tally import ParentBallots, collect_parents, group_by_size
from tasks.records.ballots import Ballot
from tasks.records.reliability import AnnotatorReliabilityRecord, GoldBallot, ReliabilityRecord

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHOD = "davidson_sharpness"
METHOD_VERSION = "1"
ROUNDS = 5
DIGITS = 6
#: The usual variance of tau-b among one annotator's ballots, and as how many ballots it counts.
USUAL_VARIANCE, USUAL_BALLOTS = 0.25, 4.0


def estimate_reliability(
    ballots: Sequence[Ballot], *, seed: int, nu: float, gold: Sequence[GoldBallot] = ()
) -> ReliabilityRecord:
    """Return how reliable everybody is who gave a ballot that places something, or answered a gold item.

    seed  of dice, of which there are none: it stands in the record and in its hash alone
    nu    tie parameter, >= 0, as in `combine_rankings`

    Raises ValueError when nu is out of range.
    """
    check_nu(nu)
    gold = sorted(gold, key=lambda answer: (answer.annotator, answer.score))
    with collector_paused():
        parents = list(collect_parents(ballots))
        given = Counter(ballot.annotator for parent in parents for ballot in parent.ballots)
        names = sorted({*given, *(answer.annotator for answer in gold)})
        number = {name: at for at, name in enumerate(names)}
        shared = [share_rows(group, number) for group in group_by_size(filter(_is_shared, parents))]
    who = np.array([number[answer.annotator] for answer in gold], dtype=np.int64)
    scores = np.array([answer.score for answer in gold], dtype=np.float64)
    answered: Integers = np.bincount(who, minlength=len(names)).astype(np.int64)
    right: Floats = np.bincount(who, scores, minlength=len(names)).astype(np.float64)
    posterior = Posterior(*(np.full(len(names), start) for start in (1.0, 0.0, 1.0)))
    scale, kappa, expected = 1.0, 0.0, [Expected(each.won, each.won) for each in shared]
    for _ in range(ROUNDS if names else 0):
        kappa = fit_kappa(scores, posterior.mean[who])
        expected = [expect_without(each, posterior.mean, nu) for each in shared]
        evidence = _gather(shared, expected)
        posterior = estimate_sharpness(evidence, right, answered - right, scale=scale, kappa=kappa)
        scale = fit_scale(evidence, posterior.mean, scale)
    taus, agreement, half_width = _measure_agreement(shared, expected, len(names))
    columns = zip(
        names,
        *(np.round(each, DIGITS).tolist() for each in posterior),
        np.round(agreement, DIGITS).tolist(),
        np.round(np.maximum(agreement - half_width, -1.0), DIGITS).tolist(),
        np.round(np.minimum(agreement + half_width, 1.0), DIGITS).tolist(),
        taus.tolist(),
        answered.tolist(),
        np.round(right, DIGITS).tolist(),
        strict=True,
    )
    return ReliabilityRecord(
        annotators=tuple(
            AnnotatorReliabilityRecord(
                annotator=name,
                sharpness=sharpness,
                low=low,
                high=high,
                agreement=tau if n_shared else None,
                agreement_low=tau_low if n_shared else None,
                agreement_high=tau_high if n_shared else None,
                n_ballots=given[name],
                n_shared=n_shared,
                n_gold=n_gold,
                gold_right=gold_right,
            )
            for name, sharpness, low, high, tau, tau_low, tau_high, n_shared, n_gold, gold_right in columns
        ),
        n_ballots=sum(given.values()),
        agreement=round(float(agreement[taus > 0].mean()), DIGITS) if taus.any() else None,
        gold_score=round(gold_score_of(kappa), DIGITS) if gold else None,
        nu=nu,
        rounds=ROUNDS,
        method=METHOD,
        method_version=METHOD_VERSION,
        seed=seed,
        input_hash=_hash_inputs(parents, gold, seed=seed, nu=nu),
    )


def _is_shared(parent: ParentBallots) -> bool:
    """Whether more than one person placed something there, and there is an order to agree on."""
    return len(parent.candidates) > 1 and len({ballot.annotator for ballot in parent.ballots}) > 1


def _gather(shared: Sequence[SharedParents], expected: Sequence[Expected]) -> Evidence:
    """Return all strict outcomes with what the others say of the difference, in the outcome's direction."""
    parts = []
    for rows, of_others in zip(shared, expected, strict=True):
        for weight, direction in ((rows.won, 1.0), (rows.lost, -1.0)):
            pair, row = np.nonzero((weight > 0) & rows.compared)
            parts.append(
                (
                    rows.annotator[row],
                    direction * of_others.difference[pair, row],
                    of_others.error[pair, row],
                    weight[pair, row],
                )
            )
    if not parts:
        nothing = np.zeros(0)
        return Evidence(np.zeros(0, dtype=np.int64), nothing, nothing, nothing)
    return Evidence(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _measure_agreement(
    shared: Sequence[SharedParents], expected: Sequence[Expected], annotators: int
) -> tuple[Integers, Floats, Floats]:
    """Return (A,) how many ballots can be compared, the mean of their tau-b, and half of its 95 % interval."""
    count, total, squares = (np.zeros(annotators) for _ in range(3))
    for rows, of_others in zip(shared, expected, strict=True):
        tau, defined = compare_orders(rows, of_others)
        who = rows.annotator[defined]
        count += np.bincount(who, minlength=annotators)
        total += np.bincount(who, tau[defined], minlength=annotators)
        squares += np.bincount(who, tau[defined] ** 2, minlength=annotators)
    some = np.maximum(count, 1.0)
    mean = total / some
    spread = np.maximum(squares - count * mean * mean, 0.0) + USUAL_BALLOTS * USUAL_VARIANCE
    variance = spread / (np.maximum(count - 1, 0.0) + USUAL_BALLOTS)
    return count.astype(np.int64), mean, Z_95 * np.sqrt(variance / some)


def _hash_inputs(parents: Iterable[ParentBallots], gold: Iterable[GoldBallot], *, seed: int, nu: float) -> str:
    """Return the SHA-256 of lines of JSON: the settings; each parent's id and below it its ballots; the gold answers."""
    lines = [json.dumps([METHOD, METHOD_VERSION, seed, nu])]
    for parent in parents:
        lines += [str(parent.parent), *parent.inputs]
    lines += [json.dumps([answer.annotator, answer.score]) for answer in gold]
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()
