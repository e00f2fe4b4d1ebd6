"""Which generation requests come first: those that give volunteers something to judge where little is left.

    priority = 10 where the stratum is thin + 1 where the request completes a pair

thin        volunteers have few units left there that ask for an order. Between few and enough a request keeps what it
            has, so that a stratum at the border is not raised and lowered by turns
completes   with it its prompt has two candidates, the fewest that can be put in order

Above `HIGHEST_SCHEDULED` is what somebody asked to be urgent; nothing here changes it. At equal priority campaigns take
turns, and the oldest of each comes first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: A stratum with fewer vacant units is thin, one with so many or more has enough.
FEW_VACANT = 20
ENOUGH_VACANT = 40
THIN_PRIORITY = 10
COMPLETING_PRIORITY = 1
HIGHEST_SCHEDULED = THIN_PRIORITY + COMPLETING_PRIORITY
#: All that is ever decided here.
SCHEDULED_PRIORITIES = (0, COMPLETING_PRIORITY, THIN_PRIORITY, HIGHEST_SCHEDULED)
#: Candidates below which a prompt cannot be ranked.
FEWEST_RANKED = 2


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request that a worker may take now."""

    id: int
    priority: int


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """A prompt with all that waits under it. `candidates`: that it has, or that are being written."""

    stratum: int
    candidates: int
    requests: tuple[WaitingRequest, ...]


def decide_priorities(prompts: Iterable[WaitingPrompt], *, vacant: Mapping[int, int | None]) -> dict[int, int]:
    """The priorities that are to change, by request.

    vacant  units that ask for an order and have room, by stratum; None: more than anybody counted
    """
    changes = {}
    for prompt in prompts:
        urgent_first = sorted(prompt.requests, key=lambda request: (request.priority <= HIGHEST_SCHEDULED, request.id))
        for place, request in enumerate(urgent_first):
            if request.priority > HIGHEST_SCHEDULED:
                continue
            priority = prioritize(place=prompt.candidates + place)
            if _is_thin(vacant[prompt.stratum], was_thin=request.priority >= THIN_PRIORITY):
                priority += THIN_PRIORITY
            if priority != request.priority:
                changes[request.id] = priority
    return changes


def prioritize(*, place: int) -> int:
    """The priority of what comes after so many candidates of its prompt, where the stratum says nothing."""
    return COMPLETING_PRIORITY if place < FEWEST_RANKED else 0


def _is_thin(vacant: int | None, *, was_thin: bool) -> bool:
    if vacant is None or vacant >= ENOUGH_VACANT:
        return False
    return was_thin or vacant < FEW_VACANT
