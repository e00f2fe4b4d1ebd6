"""Campaigns that are not there yet: from prompts alone, or from nothing but a description."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.records.simulations import SimulatedCampaign, WorkUnit

#: Of prompts that are made up: topics and how uneven they and languages are (Zipf), and characters that some have.
TOPICS, TOPIC_SKEW, LANGUAGE_SKEW = 30, 1.1, 1.0
CHARACTERS = (40, 200, 900)
LENGTH_SHARES = (0.45, 0.4, 0.15)


def imagine_campaign(
    *,
    title: str,
    languages: Sequence[str],
    parameters: Mapping[str, Any],
    targets: Mapping[tuple[str, str], int],
    prompts: int,
    seed: int,
) -> SimulatedCampaign:
    """Return a campaign with so many made-up prompts: the first language has most, topics are uneven too.

    Each prompt has as many candidates as are shown at once. Topics that a target names are among the topics.
    """
    rng = np.random.default_rng([seed, 4])
    named = [topic for _, topic in targets if topic]
    topics = list(dict.fromkeys([*named, *(f"topic {number}" for number in range(1, TOPICS + 1))]))
    language = rng.choice(len(languages), size=prompts, p=_uneven(len(languages), LANGUAGE_SKEW))
    topic = rng.choice(len(topics), size=prompts, p=_uneven(len(topics), TOPIC_SKEW))
    length = rng.choice(len(CHARACTERS), size=prompts, p=LENGTH_SHARES)
    shown = int(parameters.get("candidates_shown", 4))
    units = tuple(
        WorkUnit(languages[spoken], CHARACTERS[long], shown, topic=topics[about])
        for spoken, about, long in zip(language.tolist(), topic.tolist(), length.tolist(), strict=True)
    )
    return SimulatedCampaign(title, tuple(languages), units, dict(parameters), {}, dict(targets))


def imagine_candidates(*, title: str, prompts: Sequence[WorkUnit], parameters: Mapping[str, Any]) -> SimulatedCampaign:
    """Return a campaign of prompts that are there; what has fewer than two candidates has as many as are shown at once."""
    shown = int(parameters.get("candidates_shown", 4))
    units = tuple(
        unit
        if unit.candidates > 1
        else WorkUnit(unit.language, unit.characters, shown, topic=unit.topic, difficulty=unit.difficulty)
        for unit in prompts
    )
    return SimulatedCampaign(title, tuple(dict.fromkeys(unit.language for unit in units)), units, dict(parameters))


def _uneven(count: int, skew: float) -> Any:
    weights = 1.0 / np.arange(1, count + 1) ** skew
    return weights / weights.sum()
