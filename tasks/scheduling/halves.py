"""The two halves of a campaign that compares policies: what each reached, with intervals, and how they differ.

Which half a prompt belongs to is a matter of its tree alone (`tasks.scheduling.split`), so that both halves are like each
other but for what scheduled them. Looked at are the cells in which both have prompts. Of each half

coverage    sum over those cells of share * min(1, finished / (wanted / 2)), by their shares: `prompts` of
            `tasks.scheduling.coverage`, with half of what the campaign wants as there is half of the prompts
finished    part of its prompts that is finished, on the mean
certainty   how sure the orders are that are known, on the mean
judgments   that each prompt has, on the mean

Intervals are the 2.5th and 97.5th percentile of as many draws of prompts with replacement, each half for itself; those of
a difference, of the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.scheduling.split import POLICY_ARM, RIVAL_ARM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

FIGURES = ("coverage", "finished", "certainty", "judgments")
RESAMPLES = 400
#: Prompts of a half below which it has no interval.
FEWEST = 10
DIGITS = 4


@dataclass(frozen=True, slots=True)
class ArmPrompts:
    """Prompts of a campaign, one entry each: its half, index of its cell, what is finished of it, how sure its order is.

    certainty  in [0, 1]; nan where nothing is known
    """

    arm: Integers
    cell: Integers
    finished: Floats
    certainty: Floats
    judgments: Floats


def compare_arms(
    prompts: ArmPrompts, *, share: Floats, wanted: Floats, dice: np.random.RandomState, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Both halves and their difference as plain JSON; figures that cannot be said are None.

    share, wanted  of each cell, as the coverage takes them
    """
    halves = {arm: np.flatnonzero(prompts.arm == arm) for arm in (POLICY_ARM, RIVAL_ARM)}
    both = _find_common(prompts, halves, size=len(share))
    shares = np.where(both, share, 0.0)
    needed = np.maximum(wanted / 2, 1e-9)
    figures = {arm: _measure(prompts, places, shares, needed) for arm, places in halves.items()}
    drawn = {
        arm: _draw(prompts, places, shares, needed, dice, resamples) if len(places) >= FEWEST else None
        for arm, places in halves.items()
    }
    return {
        "arms": [
            {
                "prompts": len(halves[arm]),
                **{name: _tell(figures[arm][name], drawn[arm], name) for name in FIGURES},
            }
            for arm in (POLICY_ARM, RIVAL_ARM)
        ],
        "difference": {name: _tell_difference(figures, drawn, name) for name in FIGURES},
        "cells": int(both.sum()),
        "resamples": resamples,
    }


def _find_common(prompts: ArmPrompts, halves: Mapping[int, Integers], *, size: int) -> NDArray[np.bool_]:
    """The cells in which both halves have prompts."""
    both = np.ones(size, dtype=bool)
    for places in halves.values():
        both &= np.bincount(prompts.cell[places], minlength=size)[:size] > 0
    return both


def _measure(prompts: ArmPrompts, places: Integers, share: Floats, needed: Floats) -> dict[str, float]:
    if not len(places):
        return dict.fromkeys(FIGURES, float("nan"))
    finished = np.bincount(prompts.cell[places], weights=prompts.finished[places], minlength=len(share))
    total = share.sum()
    covered = float((share * np.minimum(1.0, finished / needed)).sum() / total) if total > 0 else float("nan")
    known = prompts.certainty[places]
    known = known[~np.isnan(known)]
    return {
        "coverage": covered,
        "finished": float(prompts.finished[places].mean()),
        "certainty": float(known.mean()) if len(known) else float("nan"),
        "judgments": float(prompts.judgments[places].mean()),
    }


def _draw(
    prompts: ArmPrompts,
    places: Integers,
    share: Floats,
    needed: Floats,
    dice: np.random.RandomState,
    resamples: int,
) -> dict[str, Floats]:
    found = [
        _measure(prompts, places[dice.randint(0, len(places), len(places))], share, needed) for _ in range(resamples)
    ]
    return {name: np.array([each[name] for each in found]) for name in FIGURES}


def _tell(value: float, drawn: Mapping[str, Floats] | None, name: str) -> dict[str, float | None]:
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    low, high = _interval(None if drawn is None else drawn[name])
    return {"value": round(value, DIGITS), "low": low, "high": high}


def _tell_difference(
    figures: Mapping[int, Mapping[str, float]], drawn: Mapping[int, Mapping[str, Floats] | None], name: str
) -> dict[str, float | None]:
    value = figures[POLICY_ARM][name] - figures[RIVAL_ARM][name]
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    first, second = drawn[POLICY_ARM], drawn[RIVAL_ARM]
    low, high = _interval(None if first is None or second is None else first[name] - second[name])
    return {"value": round(value, DIGITS), "low": low, "high": high}


def _interval(drawn: Floats | None) -> tuple[float | None, float | None]:
    if drawn is None or np.isnan(drawn).any():
        return None, None
    low, high = np.percentile(drawn, [2.5, 97.5])
    return round(float(low), DIGITS), round(float(high), DIGITS)
