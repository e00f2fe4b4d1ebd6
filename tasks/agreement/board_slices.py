"""The leaderboard of one language or topic at a time: only where there are ballots enough to say something."""

from collections.abc import Mapping, Sequence

from tasks.agreement.leaderboard import RESAMPLES, compare_generators
from tasks.records.ballots import Ballot
from tasks.records.leaderboard import FEWEST_BALLOTS, MOST_SLICES, MOST_STANDINGS, BoardSlice

TOO_FEW = f"not enough data: fewer than {FEWEST_BALLOTS} ballots"
TOO_MANY = f"only the {MOST_SLICES} with the most ballots are compared"


def slice_generators(
    groups: Mapping[str, Sequence[Ballot]],
    origins: Mapping[int, Sequence[str]],
    *,
    total: int,
    seed: int,
    resamples: int = RESAMPLES,
) -> tuple[BoardSlice, ...]:
    """Return the leaderboard of each group of ballots by its name, that with the most ballots first.

    total  ballots in all; a group that holds them all would say what the whole says, and is left out
    """
    groups = {name: ballots for name, ballots in groups.items() if len(ballots) < total}
    ordered = sorted(groups, key=lambda name: (-len(groups[name]), name))
    return tuple(
        _slice(name, groups[name], origins, seed=seed, resamples=resamples, is_late=number >= MOST_SLICES)
        for number, name in enumerate(ordered)
    )


def _slice(
    name: str,
    ballots: Sequence[Ballot],
    origins: Mapping[int, Sequence[str]],
    *,
    seed: int,
    resamples: int,
    is_late: bool,
) -> BoardSlice:
    if is_late or len(ballots) < FEWEST_BALLOTS:
        people, parents = {ballot.annotator for ballot in ballots}, {ballot.parent for ballot in ballots}
        reason = TOO_FEW if len(ballots) < FEWEST_BALLOTS else TOO_MANY
        return BoardSlice(name, len(ballots), len(people), len(parents), 0, (), (), reason)
    placed = {candidate for ballot in ballots for tier in ballot.tiers for candidate in tier}
    theirs = {candidate: origins[candidate] for candidate in placed if candidate in origins}
    board = compare_generators(ballots, theirs, seed=seed, resamples=resamples)
    return BoardSlice(
        name,
        board.n_ballots,
        board.n_annotators,
        board.n_parents,
        board.components,
        board.standings[:MOST_STANDINGS],
        board.not_compared,
        board.reason,
    )
