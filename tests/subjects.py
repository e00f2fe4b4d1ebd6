"""Prompts about things that are told apart, written by dice."""

from __future__ import annotations

import random

SUBJECTS = {
    "bread": "bread dough flour yeast oven crust baking loaf sourdough kneading bakery rolls",
    "stars": "planet galaxy telescope orbit comet nebula eclipse astronomy saturn starlight meteor cosmos",
    "boats": "sailing harbour rudder anchor captain mast rowing seaport voyage lighthouse compass tide",
    "music": "violin melody rhythm chord orchestra piano concert harmony singing drummer symphony tempo",
}
OPENINGS = ("About", "On", "Explain")


def write_prompts(subject: str, count: int, *, seed: int = 0) -> list[str]:
    """Different prompts about one subject."""
    rng = random.Random(f"{subject} {seed}")
    words = SUBJECTS[subject].split()
    return [
        f"{rng.choice(OPENINGS)} {', '.join(rng.sample(words, 6))}, case {seed}.{number}?" for number in range(count)
    ]
