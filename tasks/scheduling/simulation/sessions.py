"""When volunteers come and how much each would do: drawn once a run, before any policy has a say."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.scheduling.simulation.volunteers import Crowd, Profile

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MINUTES_A_DAY = 1440.0
#: Visits of one person that are drawn at most.
MOST_VISITS = 2_000


@dataclass(frozen=True, slots=True)
class Sessions:
    """Visits by their start: minutes since the beginning, who, and judgments they would give."""

    start: Floats
    person: Integers
    judgments: Integers

    @property
    def total(self) -> int:
        """Judgments that all visits together would give, if there were work for all."""
        return int(self.judgments.sum())


def draw_sessions(
    crowd: Crowd, profile: Profile, *, days: float, start_hour: float, rng: np.random.Generator
) -> Sessions:
    """Draw everybody's visits.

    Days between two visits are exponential, the hour of the day follows the profile, and the judgments of a visit are
    geometric. After each visit somebody leaves for good with the profile's chance.
    """
    hours = np.array(profile.hours, dtype=float)
    hours = hours / hours.sum()
    starts: list[Floats] = []
    people: list[Integers] = []
    amounts: list[Integers] = []
    expected = np.minimum(days / np.maximum(crowd.between, 1e-3) + 1, MOST_VISITS)
    for person in range(len(crowd)):
        visits = min(rng.geometric(profile.leave) if profile.leave > 0 else MOST_VISITS, MOST_VISITS)
        most = int(min(visits, expected[person] * 3 + 20))
        gaps = rng.exponential(crowd.between[person], size=most)
        # The first visit may be as far off as half a usual pause, so that not all begin at once.
        gaps[0] *= 0.5
        at = crowd.joins[person] + np.cumsum(gaps)
        day = np.floor(at)
        local = rng.choice(24, size=most, p=hours) + rng.random(most)
        minute = day * MINUTES_A_DAY + ((local - crowd.zone[person] - start_hour) % 24) * 60
        amount = rng.geometric(1 / max(crowd.judgments[person], 1.0), size=most)
        is_in = minute < days * MINUTES_A_DAY
        starts.append(minute[is_in])
        people.append(np.full(int(is_in.sum()), person))
        amounts.append(amount[is_in])
    start = np.concatenate(starts) if starts else np.zeros(0)
    order = np.argsort(start, kind="stable")
    return Sessions(start[order], np.concatenate(people)[order], np.concatenate(amounts)[order])
