"""What was known of parents after each of their rankings: the past, told once, so that any rule of when to stop can be tried.

For a parent with N rankings there is a consensus after each n of 1 to N, from the first n in the order in which they came.
`tasks.scheduling.replay` then only looks up where a rule would have stopped.

Beyond N nobody knows; what can be expected of the confidence with m more rankings is in `Trace.ahead`. Of each pair the
consensus says h = m / √v (see tasks.agreement.gain). One more ballot is taken to add a share s of what is known to each pair,
v2 = v / (1 + s), such that it gives the parent's `gain`; m more then add m s. The rise that follows is multiplied by how
much more each next ranking has raised the confidence here, on the whole, than was expected of it (within 1/3 and 3). Stopping
takes nothing away from that factor: who stops is known before what comes next. In simulation a fixed number of rankings that
is read off what is ahead comes out up to a tenth too high or too low.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from tasks.agreement.consensus import combine_rankings
from tasks.agreement.davidson import DEFAULT_NU
from tasks.agreement.gain import AHEAD, expect_rise
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord
from tasks.records.redundancy import Step, Trace

Floats = npt.NDArray[np.float64]

#: Rankings of one parent that are looked at, and how far ahead is expected.
MOST_STEPS, MOST_AHEAD = 40, 40
#: The rankings behind all the steps, one after n counting n: what bounds the time.
MOST_COUNTED = 60_000
#: Rankings that are asked by how much they raised the confidence.
MOST_MOVES = 2000
DIGITS = 4


def trace_parents(
    streams: Mapping[int, Sequence[Ballot]],
    *,
    seed: int,
    nu: float = DEFAULT_NU,
    sharpness: Mapping[str, float] | None = None,
) -> list[Trace]:
    """Return what was known of each parent after each of its rankings, by id.

    streams    the rankings of each parent in the order in which they came
    sharpness  of the annotators, as for `combine_rankings`

    Parents are taken in the order of the mapping, as long as `MOST_COUNTED` allows. Left out are those of which a single
    candidate was placed, or none: there is no order to be sure of.
    """
    streams = limit_streams(streams)
    longest = max(map(len, streams.values()), default=0)
    after: dict[int, list[ConsensusRecord | None]] = {
        parent: [None] * len(stream) for parent, stream in streams.items()
    }
    for number in range(1, longest + 1):
        ballots = [ballot for stream in streams.values() if len(stream) >= number for ballot in stream[:number]]
        for record in combine_rankings(ballots, seed=seed, nu=nu, sharpness=sharpness, with_gain=True):
            after[record.parent][number - 1] = record
    finals = {
        parent: final
        for parent, records in after.items()
        if (final := records[-1]) is not None and final.confidence is not None
    }
    steps = {parent: tuple(_tell_step(record, finals[parent]) for record in after[parent]) for parent in finals}
    ahead = _look_ahead(finals.values(), factor=_measure_factor(after.values()))
    return [Trace(parent, steps[parent], ahead[parent]) for parent in sorted(steps)]


def limit_streams(streams: Mapping[int, Sequence[Ballot]]) -> dict[int, Sequence[Ballot]]:
    """Return the first parents whose steps count `MOST_COUNTED` rankings at most, each with its first `MOST_STEPS`."""
    taken: dict[int, Sequence[Ballot]] = {}
    counted = 0
    for parent, stream in streams.items():
        some = stream[:MOST_STEPS]
        counted += len(some) * (len(some) + 1) // 2
        if counted > MOST_COUNTED:
            break
        if some:
            taken[parent] = some
    return taken


def _tell_step(record: ConsensusRecord | None, last: ConsensusRecord) -> Step:
    """Return a step against the last one; without an order so far everything is still to be learnt."""
    if record is None or record.confidence is None or record.gain is None:
        return Step(confidence=0.0, p_best=0.0, gain=1.0, tau=0.0, best_kept=0.0)
    known, final = (dict(zip(one.candidates, one.scores, strict=True)) for one in (record, last))
    agreements = [
        _compare(known[one] - known[other], final[one] - final[other]) if one in known and other in known else 0
        for one, other in combinations(final, 2)
    ]
    firsts = _find_firsts(known)
    return Step(
        confidence=round(record.confidence, DIGITS),
        p_best=round(max(record.p_best), DIGITS),
        gain=round(record.gain, DIGITS + 1),
        tau=round(sum(agreements) / len(agreements), DIGITS),
        best_kept=round(len(firsts & _find_firsts(final)) / len(firsts), DIGITS),
    )


def _compare(before: float, last: float) -> int:
    """Return 1 when both say the same of a pair, -1 for opposites, 0 where one ties and the other does not."""
    if before == last == 0:
        return 1
    return (before * last > 0) - (before * last < 0)


def _find_firsts(scores: Mapping[int, float]) -> set[int]:
    best = max(scores.values())
    return {candidate for candidate, score in scores.items() if score == best}


def _measure_factor(after: Iterable[Sequence[ConsensusRecord | None]]) -> float:
    """Return by how much next rankings have raised the confidence, over what was expected of them; within 1/3 and 3."""
    moves = [
        (record, following.confidence)
        for records in after
        for record, following in pairwise(records)
        if record is not None and record.gain is not None and following is not None and following.confidence is not None
    ]
    moves = moves[:: 1 + len(moves) // MOST_MOVES]
    expected = rise = 0.0
    for group in _group_by_size(record for record, _ in moves):
        squared = np.array([_squared_signals(record) for record in group])
        expected += float(_rise_of_share(squared, _find_share(squared, _read_gains(group))).sum())
    for record, confidence in moves:
        rise += confidence - (record.confidence or 0.0)
    return min(max(rise / expected, 1 / 3), 3.0) if expected > 0 else 1.0


def _look_ahead(records: Iterable[ConsensusRecord], *, factor: float) -> dict[int, tuple[float, ...]]:
    """Return for each parent the confidence that is to be expected with 1 to `MOST_AHEAD` more rankings."""
    found: dict[int, tuple[float, ...]] = {}
    for group in _group_by_size(records):
        squared = np.array([_squared_signals(record) for record in group])
        now = np.array([record.confidence or 0.0 for record in group])
        share = _find_share(squared, _read_gains(group))
        rows = [
            np.minimum(now + factor * _rise_of_share(squared, share * more), 1.0) for more in range(1, MOST_AHEAD + 1)
        ]
        found |= {
            record.parent: tuple(row) for record, row in zip(group, np.round(rows, DIGITS).T.tolist(), strict=True)
        }
    return found


def _group_by_size(records: Iterable[ConsensusRecord]) -> Iterable[list[ConsensusRecord]]:
    groups: defaultdict[int, list[ConsensusRecord]] = defaultdict(list)
    for record in records:
        groups[len(record.candidates)].append(record)
    return groups.values()


def _read_gains(records: Sequence[ConsensusRecord]) -> Floats:
    return np.array([record.gain or 0.0 for record in records])


def _squared_signals(record: ConsensusRecord) -> list[float]:
    """Return h² of each pair of candidates, from the probability of its order."""
    normal = NormalDist()
    size = len(record.candidates)
    shares = [record.p_above[i][j] for i, j in combinations(range(size), 2)]
    return [normal.inv_cdf(min(max(share, 1e-7), 1 - 1e-7)) ** 2 for share in shares]


def _rise_of_share(squared: Floats, share: Floats) -> Floats:
    """Return (P,) the rise of the confidence when a share is added to what is known of each pair."""
    angle = np.broadcast_to(np.arctan(np.sqrt(share))[:, None], squared.shape)
    rise: Floats = expect_rise(squared, angle).mean(axis=1)
    return rise


def _find_share(squared: Floats, gain: Floats) -> Floats:
    """Return (P,) the share that one ballot adds, by bisection of its logarithm: what a ballot is worth grows with it."""
    low, high = np.full(len(gain), -14.0), np.full(len(gain), 6.0)
    for _ in range(20):
        middle = (low + high) / 2
        share = np.exp(middle)
        worth = np.max([_rise_of_share(squared, share * more) / more for more in AHEAD], axis=0)
        low, high = np.where(worth < gain, middle, low), np.where(worth < gain, high, middle)
    found: Floats = np.where(gain > 0, np.exp((low + high) / 2), 0.0)
    return found
