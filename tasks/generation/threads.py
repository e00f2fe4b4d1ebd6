"""A long thread made to fit: whole turns are left out at its front, the oldest first, never the last one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tasks.records.generation import Turn
from tasks.vocabulary import MessageRole

Prompt = TypeVar("Prompt")


@dataclass(frozen=True, slots=True)
class Fitted(Generic[Prompt]):
    """What is asked: `prompt` without the first `turns_left_out` turns. `whole_tokens`: how long it was before.

    `tokens` may still be more than there is room for: then the last turn alone is too long.
    """

    prompt: Prompt
    tokens: int
    turns_left_out: int
    whole_tokens: int

    @property
    def tokens_left_out(self) -> int:
        return max(self.whole_tokens - self.tokens, 0)


def fit_thread(
    thread: Sequence[Turn],
    *,
    write: Callable[[Sequence[Turn]], Prompt],
    count: Callable[[Prompt], int],
    room_tokens: int,
) -> Fitted[Prompt]:
    """Leave out as few turns as it takes to have at most `room_tokens`.

    What is left begins with a prompter's turn, as chat templates want it. `write` makes the prompt of some turns
    (the system prompt is its own business), `count` tells its length; a thread with fewer turns is taken to be shorter.
    """
    whole = write(thread)
    whole_tokens = count(whole)
    if whole_tokens <= room_tokens:
        return Fitted(whole, whole_tokens, 0, whole_tokens)
    starts = [at for at, turn in enumerate(thread) if at and turn.role == MessageRole.PROMPTER]
    if not starts:
        return Fitted(whole, whole_tokens, 0, whole_tokens)
    low, high = 0, len(starts) - 1
    while low < high:
        middle = (low + high) // 2
        if count(write(thread[starts[middle] :])) <= room_tokens:
            high = middle
        else:
            low = middle + 1
    prompt = write(thread[starts[low] :])
    return Fitted(prompt, count(prompt), starts[low], whole_tokens)
