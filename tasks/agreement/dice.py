"""Seeded dice whose throws are the same with every release of numpy.

numpy keeps the streams of its legacy `RandomState` frozen for good, and promises nothing of the
kind for `default_rng`; what is published as recomputable from a seed is therefore thrown with these.
"""

import numpy as np


def throw_dice(seed: int, *purpose: int) -> np.random.RandomState:
    """Return the dice for one purpose, e.g. one size of problem; seed and purposes are >= 0."""
    words = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, *purpose]
    return np.random.RandomState(np.array(words, dtype=np.uint32))
