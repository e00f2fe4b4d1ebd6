"""Campaigns for tests of the simulator."""

from __future__ import annotations

from random import Random
from typing import Any

from tasks.records.simulations import Arm, Past, PastPerson, SimulatedCampaign, SimulationPlan, WorkUnit

LANGUAGES = ("en", "de", "sw")


def make_campaign(
    prompts: int = 120, *, languages: tuple[str, ...] = LANGUAGES, **parameters: Any
) -> SimulatedCampaign:
    """Uneven languages, topics and lengths."""
    rng = Random(1)
    units = tuple(
        WorkUnit(
            languages[min(int(rng.expovariate(1.2)), len(languages) - 1)],
            rng.choice((50, 200, 800)),
            rng.choice((2, 3, 4)),
            topic=f"topic {min(int(rng.paretovariate(0.9)), 9)}",
        )
        for _ in range(prompts)
    )
    return SimulatedCampaign("Birds", languages, units, {"redundancy": 3, **parameters})


def make_plan(*policies: str, annotators: int = 25, days: int = 4, runs: int = 1, seed: int = 1) -> SimulationPlan:
    return SimulationPlan(tuple(Arm(policy) for policy in policies or ("coverage",)), annotators, days, runs, seed)


def make_past(people: int = 30, visits: int = 5, judgments: int = 6) -> Past:
    """Everybody came every second day at half past nine, and gave so many judgments, a minute each."""
    return Past(
        people=tuple(
            PastPerson(
                languages=("en", "de") if number % 3 == 0 else ("en",),
                judgments=tuple(
                    day * 2880 + 570 + minute + number / 100 for day in range(visits) for minute in range(judgments)
                ),
                sharpness=0.5 + number / people,
                opinion=number % 2,
                is_spam=number == 0,
            )
            for number in range(people)
        ),
        seconds=tuple(40.0 + number % 21 for number in range(400)),
        minutes=visits * 2880.0,
    )
