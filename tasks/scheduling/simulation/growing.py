"""A growing campaign under all ways of a plan, run by run, with intervals. How one way of a run goes, whoever calls says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tasks.records.growing_simulations import GrowingCampaign
from tasks.records.scheduling import GUESSED_MINUTES
from tasks.records.simulations import Arm, SimulatedCampaign, SimulationPlan
from tasks.scheduling.simulation.assumptions import GROWING_ASSUMPTIONS, GROWING_LEFT_OUT
from tasks.scheduling.simulation.comparing import Progress, describe_levels, tell_mean, tell_share
from tasks.scheduling.simulation.fitting import fit_profile
from tasks.scheduling.simulation.sessions import Sessions, draw_sessions
from tasks.scheduling.simulation.volunteers import Crowd, Profile, make_crowd
from tasks.scheduling.simulation.writing import TOPICS
from tasks.vocabulary import Kind

VERSION = 1
#: Numbers of pieces at which figures are taken, evenly up to what all visits could give.
MARKS = 12
#: How a piece of work differs from another of its kind in what it takes (standard deviation of the logarithm).
SPREAD = 0.5
#: Figures along the way that are shares of 1, and that are numbers; figures of the end.
SHARES = ("coverage", "covered", "smallest")
COUNTS = ("trees", "messages")
ENDS = (
    "judgments", "hours", "begun", "low_grade", "rejected", "longest_wait", "usual_wait", "sameness", "found_nothing",
    "stuck",
)  # fmt: skip
END_SHARES = frozenset({"sameness"})


@dataclass(frozen=True, slots=True)
class GrowingRun:
    """What all ways of one run share: volunteers and their visits. `paces`: how long each takes, 1 is usual."""

    languages: tuple[str, ...]
    profile: Profile
    crowd: Crowd
    sessions: Sessions
    minutes: Mapping[Kind, float]
    paces: tuple[float, ...]
    seed: int
    days: int
    marks: tuple[int, ...]


#: Runs one way of a run under these parameters; calls what it is given at every reading.
RunWay = Callable[[GrowingCampaign, GrowingRun, Mapping[str, Any], Callable[[], None]], dict[str, Any]]


def compare_growing(
    campaign: GrowingCampaign,
    plan: SimulationPlan,
    *,
    clock: Callable[[], float],
    progress: Progress,
    run_way: RunWay,
    is_over: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Return the report of a plan, which `json.dumps` takes; `runs` in it is how many were made.

    progress  may raise, to stop
    is_over   asked after each run: whether there is no time for another
    """
    profile = fit_profile(SimulatedCampaign(campaign.title, campaign.languages, (), past=campaign.past))
    began, pieces, done, steps = clock(), 0, 0, len(plan.arms) * plan.runs
    results: list[list[dict[str, Any]]] = [[] for _ in plan.arms]
    for number in range(plan.runs):
        run = draw_run(campaign, profile, plan, seed=plan.seed * 1000 + number)
        for place, arm in enumerate(plan.arms):
            result = run_way(campaign, run, settle(campaign.parameters, arm), partial(progress, done, steps))
            results[place].append(result)
            pieces += int(result["end"]["judgments"])
            done += 1
            progress(done, steps)
        if is_over():
            break
    seconds = max(clock() - began, 1e-9)
    told = {name: value for name, value in profile.tell().items() if name != "seconds"}
    return {
        "version": VERSION,
        "grows": True,
        "campaign": campaign.title,
        "asked": plan.as_json(),
        "runs": len(results[0]),
        "languages": list(campaign.languages),
        "briefs": len(campaign.briefs),
        "volunteers": told,
        "minutes": {
            kind.value: {"minutes": round(minutes, 2), "is_fitted": kind.value in campaign.minutes}
            for kind, minutes in find_minutes(campaign).items()
        },
        "assumed": list(GROWING_ASSUMPTIONS),
        "left_out": list(GROWING_LEFT_OUT),
        "arms": [describe_way(arm, results[place], results[0], number=place) for place, arm in enumerate(plan.arms)],
        "reached": describe_levels(results),
        "judgments": pieces,
        "seconds": round(seconds, 2),
        "per_second": round(pieces / seconds, 1),
    }


def settle(parameters: Mapping[str, Any], arm: Arm) -> dict[str, Any]:
    """Return the parameters of one way: those that hold, with what it changes."""
    return {**parameters, **arm.parameters, "policy": arm.policy, "rival_policy": None}


def find_minutes(campaign: GrowingCampaign) -> dict[Kind, float]:
    """Return the minutes of each kind: as the past tells, or as they are assumed."""
    return {kind: float(campaign.minutes.get(kind.value, assumed)) for kind, assumed in GUESSED_MINUTES.items()}


def draw_run(campaign: GrowingCampaign, profile: Profile, plan: SimulationPlan, *, seed: int) -> GrowingRun:
    """Draw everything that no way of a run decides."""
    crowd = make_crowd(
        profile, languages=campaign.languages, topics=TOPICS, count=plan.annotators, days=plan.days,
        rng=np.random.default_rng([seed, 1]),
    )  # fmt: skip
    sessions = draw_sessions(
        crowd, profile, days=plan.days, start_hour=campaign.past.start_hour, rng=np.random.default_rng([seed, 2])
    )
    return GrowingRun(
        languages=campaign.languages,
        profile=profile,
        crowd=crowd,
        sessions=sessions,
        minutes=find_minutes(campaign),
        paces=tuple((crowd.pace / (profile.seconds / 60)).tolist()),
        seed=seed,
        days=plan.days,
        marks=tuple(dict.fromkeys(round(sessions.total * step / MARKS) for step in range(MARKS + 1))),
    )


def describe_way(
    arm: Arm, results: Sequence[Mapping[str, Any]], first: Sequence[Mapping[str, Any]], *, number: int
) -> dict[str, Any]:
    """Return the means of one way over its runs, with intervals, and its differences to the first way."""
    marks = range(min(len(result["curve"]) for result in results))
    curve = [
        {name: tell_mean([result["curve"][mark][name] for result in results]) for name in ("judgments", "day", *COUNTS)}
        | {name: tell_share([result["curve"][mark][name] for result in results]) for name in SHARES}
        for mark in marks
    ]
    end = {
        name: (tell_share if name in SHARES or name in END_SHARES else tell_mean)(_list_ends(results, name))
        for name in (*ENDS, *COUNTS, *SHARES)
    }
    against = {
        name: tell_mean(
            [
                None if own is None or other is None else own - other
                for own, other in zip(_list_ends(results, name), _list_ends(first, name), strict=True)
            ]
        )
        for name in (*ENDS, *COUNTS, *SHARES)
    }
    return {
        "name": arm.name,
        "policy": arm.policy,
        "parameters": dict(arm.parameters),
        "curve": curve,
        "end": end,
        "against_first": against if number else None,
        "kinds": _mean_by_name(results, "kinds"),
        "minutes": _mean_by_name(results, "minutes"),
        "states": _mean_by_name(results, "states"),
        "tally": _mean_by_name(results, "tally"),
        "refused": _mean_by_name(results, "refused"),
    }


def _list_ends(results: Sequence[Mapping[str, Any]], name: str) -> list[float | None]:
    return [result["end"][name] if name in ENDS else result["curve"][-1][name] for result in results]


def _mean_by_name(results: Sequence[Mapping[str, Any]], part: str) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(name for result in results for name in result[part])
    return {name: tell_mean([float(result[part].get(name, 0)) for result in results]) for name in names}
