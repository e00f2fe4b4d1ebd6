"""Gold items: how often they are asked, and how an answer compares with the one that is known. Standard library only."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

Tiers = Sequence[Sequence[int]]

#: Among a person's first judgments, where a campaign trains: at the beginning, and at the end of it.
FIRST_SHARE, LAST_SHARE = 0.40, 0.10
#: Of a scale from 0 to 1, how far an answer may be off: one step of five.
TOLERANCE = 0.25
#: Stands for the acceptable bar among the candidates; ids of messages are above 0.
BAR = 0


def share_of_gold(*, judgments: int, training: int, share: float) -> float:
    """How much of what a person is asked next is gold, in [0, 1].

    judgments  what this person has given in the campaign
    training   over their first so many the share falls evenly from 0.40 to 0.10; 0: nobody is trained
    share      what it is after that
    """
    if judgments >= training:
        return share
    return FIRST_SHARE - (FIRST_SHARE - LAST_SHARE) * judgments / training


def score_order(
    *, answer: Tiers, answer_bar: int | None, given: Tiers, given_bar: int | None, shown: Sequence[int]
) -> float | None:
    """Share of the answer's ordered pairs that an order has so, in [0, 1]; a tie is half right. None: nothing to compare.

    Pairs are of candidates that were shown, and of each of them with the bar where both drew one. What the answer ties is
    no pair. A pair of which the order does not place both is half right: nothing was said.
    """
    with_bar = answer_bar is not None and given_bar is not None
    right, said = _place(answer, answer_bar if with_bar else None), _place(given, given_bar if with_bar else None)
    items = [item for item in (*dict.fromkeys(shown), *([BAR] if with_bar else [])) if item in right]
    shares = list(_compare(items, right, said))
    return sum(shares) / len(shares) if shares else None


def score_labels(*, answer: Mapping[str, float], given: Mapping[str, float | None]) -> float | None:
    """Share of the answer's dimensions that were answered as known, within a quarter of the scale; None: none was answered.

    given  what was answered, by dimension; None: that it does not apply, which is not what is known. A dimension that was
           left open is not among them.
    """
    known = [(value, given[name]) for name, value in answer.items() if name in given]
    if not known:
        return None
    return sum(said is not None and abs(said - value) <= TOLERANCE + 1e-9 for value, said in known) / len(known)


def _place(tiers: Tiers, bar: int | None) -> dict[int, int]:
    """The place of each candidate, and of the bar, which stands behind the last acceptable tier."""
    places = {item: 2 * tier for tier, members in enumerate(tiers) for item in members}
    return places if bar is None else places | {BAR: 2 * bar - 1}


def _compare(items: Sequence[int], right: Mapping[int, int], said: Mapping[int, int]) -> Iterator[float]:
    for one, other in combinations(items, 2):
        if right[one] == right[other]:
            continue
        if one not in said or other not in said or said[one] == said[other]:
            yield 0.5
        else:
            yield float((right[one] < right[other]) == (said[one] < said[other]))
