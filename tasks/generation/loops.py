"""Whether a model is repeating itself without end."""

from collections.abc import Sequence
from dataclasses import dataclass

#: A loop is the same piece this often in a row at the end, and no shorter than so many tokens in all.
REPEATS = 4
LEAST_TOKENS = 48
#: The longest piece whose repetition is looked for (tokens).
LONGEST_PERIOD = 160


@dataclass(frozen=True, slots=True)
class Loop:
    """`period` tokens, `repeats` times in a row, up to the end."""

    period: int
    repeats: int


def find_loop(tokens: Sequence[int], *, repeats: int = REPEATS, least_tokens: int = LEAST_TOKENS) -> Loop | None:
    """The shortest piece that is repeated at the end of `tokens`, often enough and for long enough; None if none is."""
    length = len(tokens)
    if length < least_tokens:
        return None
    for period in range(1, min(LONGEST_PERIOD, length // repeats) + 1):
        same = period
        while same < length and tokens[length - 1 - same] == tokens[length - 1 - same + period]:
            same += 1
        if same >= max(least_tokens, repeats * period):
            return Loop(period, same // period)
    return None
