"""All ways of a plan, run by run: each run has its own volunteers, visits and truth, which all ways of it share.

Intervals are of the mean over runs, by Student's t; differences to the first way are taken within each run, so that what all
ways of a run share cancels out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import sqrt
from typing import Any

import numpy as np

from tasks.records.parameters import CampaignSettings, read_settings
from tasks.records.simulations import Arm, SimulatedCampaign, SimulationPlan
from tasks.scheduling.coverage import measure_cells
from tasks.scheduling.redundancy import read_redundancy
from tasks.scheduling.simulation.assumptions import ASSUMPTIONS, LEFT_OUT
from tasks.scheduling.simulation.evidence import Evidence, Truth, draw_truth
from tasks.scheduling.simulation.fitting import fit_profile
from tasks.scheduling.simulation.layout import Layout, lay_out
from tasks.scheduling.simulation.measuring import CURVES, Reading, list_cells, place_marks, read_figures, sum_up
from tasks.scheduling.simulation.sessions import Sessions, draw_sessions
from tasks.scheduling.simulation.volunteers import Crowd, Profile, make_crowd
from tasks.scheduling.simulation.world import World

VERSION = 1
#: Two-sided 95 % quantiles of Student's t by degrees of freedom; 1.96 beyond.
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
#: Shares of the least that any way reaches, at which judgments are counted that it takes to get there.
LEVELS = (0.5, 0.7, 0.9)
FIGURES = ("judgments", "longest_wait", "usual_wait", "never_judged", "sameness", "tau")
SHARES = frozenset({"never_judged", "sameness"})

#: Told (done, of how many) at every reading of each way of each run, and after it.
Progress = Callable[[int, int], None]


def compare_arms(
    campaign: SimulatedCampaign,
    plan: SimulationPlan,
    *,
    clock: Callable[[], float],
    progress: Progress,
    run_way: "RunArm | None" = None,
    is_over: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Return the report of a plan, which `json.dumps` takes; `runs` in it is how many were made.

    progress  may raise, to stop
    run_way   what runs one way of a run; in memory when it is left out
    is_over   asked after each run: whether there is no time for another
    Raises ValueError when the campaign has nothing to put in order.
    """
    run_way = run_way or run_arm
    layout = lay_out(campaign)
    profile = fit_profile(campaign)
    began, judgments, done = clock(), 0, 0
    results: list[list[dict[str, Any]]] = [[] for _ in plan.arms]
    for run in range(plan.runs):
        shared = draw_run(campaign, layout, profile, plan, seed=plan.seed * 1000 + run)
        for number, arm in enumerate(plan.arms):
            alive = partial(progress, done, len(plan.arms) * plan.runs)
            result = run_way(shared, settle(campaign.parameters, arm), alive)
            results[number].append(result)
            judgments += int(result["end"]["judgments"])
            done += 1
            progress(done, len(plan.arms) * plan.runs)
        if is_over():
            break
    seconds = max(clock() - began, 1e-9)
    return {
        "version": VERSION,
        "campaign": campaign.title,
        "asked": plan.as_json(),
        "runs": len(results[0]),
        "prompts": len(layout),
        "cells": len(layout.cell_share),
        "languages": list(layout.languages),
        "targets": len(layout.targets),
        "volunteers": profile.tell(),
        "assumed": list(ASSUMPTIONS),
        "left_out": list(LEFT_OUT),
        "arms": [describe_arm(arm, results[number], results[0], number=number) for number, arm in enumerate(plan.arms)],
        "reached": describe_levels(results),
        "judgments": judgments,
        "seconds": round(seconds, 2),
        "per_second": round(judgments / seconds),
    }


def settle(parameters: Mapping[str, Any], arm: Arm) -> CampaignSettings:
    """Return the settings of one way: what holds, with what it changes."""
    return read_settings({**parameters, **arm.parameters, "policy": arm.policy, "rival_policy": None})


@dataclass(frozen=True, slots=True)
class Run:
    """What all ways of one run share: the campaign, volunteers, their visits, and what is true of candidates."""

    layout: Layout
    profile: Profile
    crowd: Crowd
    sessions: Sessions
    truth: Truth
    seed: int
    days: int
    marks: tuple[int, ...]


#: Runs one way of a run; calls what it is given at every reading. Returns curve, end, languages and tally.
RunArm = Callable[[Run, CampaignSettings, Callable[[], None]], dict[str, Any]]


def draw_run(campaign: SimulatedCampaign, layout: Layout, profile: Profile, plan: SimulationPlan, *, seed: int) -> Run:
    """Draw everything that no way of a run decides."""
    crowd = make_crowd(
        profile, languages=layout.languages, topics=len(layout.topics), count=plan.annotators, days=plan.days,
        rng=np.random.default_rng([seed, 1]),
    )  # fmt: skip
    sessions = draw_sessions(
        crowd, profile, days=plan.days, start_hour=campaign.past.start_hour, rng=np.random.default_rng([seed, 2])
    )
    truth = draw_truth(layout.candidates, rng=np.random.default_rng([seed, 3]))
    # Beyond what there is to do, figures stand still.
    there_is = max(count_work(layout, settle(campaign.parameters, arm)) for arm in plan.arms)
    marks = place_marks(min(sessions.total, there_is))
    return Run(layout, profile, crowd, sessions, truth, seed, plan.days, marks)


def count_work(layout: Layout, settings: CampaignSettings) -> int:
    """Return the most judgments that all units together may ask for."""
    redundancy = read_redundancy(settings)
    most = redundancy.maximum if redundancy.is_adaptive else redundancy.base
    return int(np.maximum(most - layout.done, 0).sum())


def start_evidence(run: Run, settings: CampaignSettings) -> Evidence:
    """Return what is known before anything is judged, read as these settings say."""
    return Evidence(
        run.truth, run.layout.candidates, run.crowd, shown=settings.candidates_shown,
        weighs=settings.weigh_reliability, with_best=settings.stop_best is not None,
        with_gain=settings.least_gain is not None,
    )  # fmt: skip


def run_arm(run: Run, settings: CampaignSettings, alive: Callable[[], None]) -> dict[str, Any]:
    """Return what came of one way of a run, in memory."""
    readings: list[Reading] = []

    def watch(world: World, mark: int) -> None:
        readings.append(read_figures(world, mark))
        alive()

    world = World(
        run.layout, run.crowd, run.profile, run.sessions, start_evidence(run, settings), settings, run.seed,
        run.marks, watch,
    )  # fmt: skip
    outcome = world.run()
    return {
        "curve": [reading.as_row() for reading in readings],
        "end": sum_up(outcome, run.layout, seed=run.seed, minutes=run.days * 1440),
        "languages": list_cells(outcome.state, run.layout, measure_cells(world.planner.count_cells())),
        "tally": asdict(outcome.tally),
    }


def describe_arm(
    arm: Arm, results: Sequence[Mapping[str, Any]], first: Sequence[Mapping[str, Any]], *, number: int
) -> dict[str, Any]:
    """Return the means of one way over its runs, with intervals, and its differences to the first way."""
    marks = range(min(len(result["curve"]) for result in results))
    # A share lies between 0 and 1, and so does what is said of it.
    curve = [
        {"share": round(mark / max(len(marks) - 1, 1), 4)}
        | {name: tell_mean([result["curve"][mark][name] for result in results]) for name in ("judgments", "day")}
        | {name: tell_share([result["curve"][mark][name] for result in results]) for name in CURVES}
        for mark in marks
    ]
    end = {
        name: (tell_share if name in SHARES else tell_mean)([result["end"][name] for result in results])
        for name in FIGURES
    }
    end |= {name: tell_share([result["curve"][-1][name] for result in results]) for name in CURVES}
    against = None
    if number:
        against = {
            name: tell_mean(
                [_subtract(own, other) for own, other in zip(_ends(results, name), _ends(first, name), strict=True)]
            )
            for name in (*CURVES, *FIGURES)
        }
    return {
        "name": arm.name,
        "policy": arm.policy,
        "parameters": dict(arm.parameters),
        "curve": curve,
        "end": end,
        "against_first": against,
        "languages": _mean_languages(results),
        "tally": {name: round(_mean([result["tally"][name] for result in results]), 1) for name in results[0]["tally"]},
    }


def describe_levels(results: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return how many judgments each way takes to levels of coverage that all of them reach, and its ratio to the first's."""
    told = []
    lowest = [min(arm[run]["curve"][-1]["coverage"] for arm in results) for run in range(len(results[0]))]
    for level in LEVELS:
        arms = []
        first: list[float | None] = []
        for number, arm in enumerate(results):
            needed = [find_judgments(result["curve"], level * lowest[run]) for run, result in enumerate(arm)]
            first = first if number else needed
            ratios = [_divide(own, other) for own, other in zip(needed, first, strict=True)]
            arms.append({"judgments": tell_mean(needed), "ratio": tell_mean(ratios)})
        told.append({"level": level, "coverage": round(level * _mean(lowest), 4), "arms": arms})
    return told


def find_judgments(curve: Sequence[Mapping[str, float]], level: float) -> float | None:
    """Return the judgments at which a curve first reaches a level, by a straight line between its points; None: it does not."""
    before = curve[0]
    if before["coverage"] >= level:
        return before["judgments"]
    for now in curve[1:]:
        if now["coverage"] >= level:
            share = (level - before["coverage"]) / (now["coverage"] - before["coverage"])
            return round(before["judgments"] + share * (now["judgments"] - before["judgments"]), 1)
        before = now
    return None


def tell_mean(values: Sequence[float | None]) -> dict[str, Any]:
    """Return the mean of those that are known, its 95 % interval (None of fewer than two), and how many they are."""
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "low": None, "high": None, "n": 0}
    mean = _mean(known)
    if len(known) < 2:
        return {"mean": round(mean, 5), "low": None, "high": None, "n": len(known)}
    spread = sqrt(sum((value - mean) ** 2 for value in known) / (len(known) - 1))
    half = (T_95[len(known) - 2] if len(known) - 2 < len(T_95) else 1.96) * spread / sqrt(len(known))
    return {"mean": round(mean, 5), "low": round(mean - half, 5), "high": round(mean + half, 5), "n": len(known)}


def tell_share(values: Sequence[float | None]) -> dict[str, Any]:
    """Return the same of shares of 1: no interval reaches beyond what is possible."""
    told = tell_mean(values)
    return {**told, **{edge: min(max(told[edge], 0.0), 1.0) for edge in ("low", "high") if told[edge] is not None}}


def measure_speed(report: Mapping[str, Any]) -> str:
    """Return a line that tells how fast judgments were imagined."""
    return f"{report['judgments']:,} judgments in {report['seconds']:,.1f} s: {report['per_second']:,} a second"


def _ends(results: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    return [result["curve"][-1][name] if name in CURVES else result["end"][name] for result in results]


def _mean_languages(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**rows[0], "covered": round(_mean([row["covered"] for row in rows]), 5),
         "judgments": round(_mean([row["judgments"] for row in rows]), 1)}
        for rows in zip(*(result["languages"] for result in results), strict=True)
    ]  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _subtract(own: float | None, other: float | None) -> float | None:
    return None if own is None or other is None else own - other


def _divide(own: float | None, other: float | None) -> float | None:
    return None if own is None or not other else own / other


__all__ = ["compare_arms", "measure_speed"]
