"""What a simulation starts from, and what it was asked: a campaign's open work as it stands, and its people's past."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks.records.parameters import NAMES, check_value, find_problems
from tasks.vocabulary import PolicyName

#: Bounds of what may be asked, so that a simulation ends and never starves other work.
MOST_ANNOTATORS, MOST_DAYS, MOST_RUNS, MOST_ARMS = 20_000, 365, 30, 8
#: What a page or the API may ask for; a command of an administrator may ask for more.
PAGE_ANNOTATORS, PAGE_DAYS, PAGE_RUNS = 2_000, 90, 10
#: Judgments that a simulation from a page may imagine, as volunteers come who are assumed.
PAGE_JUDGMENTS = 3_000_000
#: Pieces of work that it may imagine in each repetition where trees grow, which takes longer.
PAGE_PIECES = 150_000
USUAL_VISIT, USUAL_PAUSE_DAYS = 12, 3


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run the campaign: a policy, and parameters over those that hold."""

    policy: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How the arm is called in reports: the policy, and what differs."""
        told = ", ".join(f"{name}={_write(value)}" for name, value in sorted(self.parameters.items()))
        return f"{self.policy}, {told}" if told else self.policy


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """What is asked.

    arms        ways to run the campaign; all of them meet the same volunteers at the same times, run by run
    annotators  volunteers
    days        of the campaign, from now
    runs        times that all of it is repeated with other dice, for the intervals
    seed        of the dice
    """

    arms: tuple[Arm, ...]
    annotators: int = 100
    days: int = 14
    runs: int = 5
    seed: int = 1

    @property
    def expected_judgments(self) -> int:
        """About how many judgments are imagined, if the volunteers are as they are assumed to be."""
        visits = self.annotators * (self.days / USUAL_PAUSE_DAYS + 1)
        return round(len(self.arms) * self.runs * visits * USUAL_VISIT)

    def as_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        return asdict(self) | {"arms": [asdict(arm) for arm in self.arms]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "SimulationPlan":
        """Return the plan that `as_json` made this of."""
        arms = tuple(Arm(arm["policy"], dict(arm["parameters"])) for arm in told["arms"])
        return cls(arms, told["annotators"], told["days"], told["runs"], told["seed"])


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """An order that is asked for, of candidates under one prompt.

    language, topic, difficulty  "" where the prompt has no topic or difficulty
    characters                   of the prompt
    candidates                   there are to put in order
    done                         judgments that stand
    confidence                   of the consensus so far, in [0, 1]; None while there is none
    waited                       days since it was opened
    kind                         rank or compare
    target_topic                 the topic by which targets count it, where prompts are grouped in another way
    """

    language: str
    characters: int
    candidates: int
    topic: str = ""
    difficulty: str = ""
    done: int = 0
    confidence: float | None = None
    waited: float = 0.0
    kind: str = "rank"
    target_topic: str | None = None


@dataclass(frozen=True, slots=True)
class PastPerson:
    """Somebody of the campaign's past, without a name.

    languages   that they work in
    judgments   at these minutes since the past began, in order
    sharpness   as it was estimated; None where it was not
    opinion     the group of opinion they were found in, None where they were in none
    is_spam     whether a finding about them was upheld
    """

    languages: tuple[str, ...]
    judgments: tuple[float, ...]
    sharpness: float | None = None
    opinion: int | None = None
    is_spam: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a campaign's people. `start_hour`: the hour of the day (UTC) at which minute 0 lies."""

    people: tuple[PastPerson, ...] = ()
    start_hour: float = 0.0
    seconds: tuple[float, ...] = ()
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedCampaign:
    """A campaign as a simulation starts from it.

    title       how the report calls it
    parameters  those that hold
    shares      share of the target of each cell: (language, topic, difficulty, length) → share
    targets     judgments wanted of a language and topic; "" is any topic
    """

    title: str
    languages: tuple[str, ...]
    units: tuple[WorkUnit, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    shares: Mapping[tuple[str, str, str, str], float] = field(default_factory=dict)
    targets: Mapping[tuple[str, str], int] = field(default_factory=dict)
    past: Past = field(default_factory=Past)

    def as_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        return {
            **asdict(self),
            "shares": [[list(cell), share] for cell, share in self.shares.items()],
            "targets": [[list(name), wanted] for name, wanted in self.targets.items()],
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "SimulatedCampaign":
        """Return the campaign that `as_json` made this of."""
        return cls(
            title=told["title"],
            languages=tuple(told["languages"]),
            units=tuple(WorkUnit(**one) for one in told["units"]),
            parameters=told["parameters"],
            shares={(cell[0], cell[1], cell[2], cell[3]): share for cell, share in told["shares"]},
            targets={(name[0], name[1]): wanted for name, wanted in told["targets"]},
            past=read_past(told["past"]),
        )


def read_past(told: Mapping[str, Any]) -> Past:
    """Return the past that `asdict` made this of."""
    people = tuple(
        PastPerson(**{**one, "languages": tuple(one["languages"]), "judgments": tuple(one["judgments"])})
        for one in told["people"]
    )
    return Past(people, told["start_hour"], tuple(told["seconds"]), told["minutes"])


def plan_arms(
    *, policies: Sequence[str], tried: Mapping[str, Sequence[Any]], parameters: Mapping[str, Any]
) -> tuple[Arm, ...]:
    """Return every policy with every choice of the values tried; `parameters` are those that hold.

    Without a policy it is the campaign's own.
    """
    chosen = list(dict.fromkeys(policies)) or [parameters.get("policy", PolicyName.COVERAGE.value)]
    combined: list[dict[str, Any]] = [{}]
    for name, values in tried.items():
        different = [value for at, value in enumerate(values) if value not in values[:at]]
        # Cut where it is too many all the same: what is left is refused for its number.
        combined = [{**so_far, name: value} for so_far in combined for value in different][: MOST_ARMS + 1]
    return tuple(Arm(str(policy), values) for policy in chosen for values in combined)


def find_plan_problems(plan: SimulationPlan, *, parameters: Mapping[str, Any], limits: bool) -> dict[str, str]:
    """What is wrong with a plan, by the name of what is; empty when it can be run. `limits`: those of a page hold."""
    people, days, runs = (PAGE_ANNOTATORS, PAGE_DAYS, PAGE_RUNS) if limits else (MOST_ANNOTATORS, MOST_DAYS, MOST_RUNS)
    problems = {
        name: f"{name} must be a whole number from 1 to {most}."
        for name, value, most in (
            ("annotators", plan.annotators, people),
            ("days", plan.days, days),
            ("runs", plan.runs, runs),
        )
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most
    }
    if not isinstance(plan.seed, int) or not 0 <= plan.seed < 2**31:
        problems["seed"] = "seed must be a whole number from 0 to 2147483647."
    if not 1 <= len(plan.arms) <= MOST_ARMS:
        problems["arms"] = (
            f"At most {MOST_ARMS} ways are compared at once, and at least one; this asks for {len(plan.arms)}."
        )
    if limits and not problems and plan.expected_judgments > PAGE_JUDGMENTS:
        problems["annotators"] = (
            f"This asks for about {plan.expected_judgments} judgments, more than the {PAGE_JUDGMENTS} that are imagined at once."
        )
    if limits and not problems and parameters.get("grow_trees") and plan.expected_judgments > PAGE_PIECES * plan.runs:
        problems["annotators"] = (
            f"This asks for about {plan.expected_judgments // plan.runs} pieces of work in each repetition, more than the "
            f"{PAGE_PIECES} that are imagined at once where trees grow."
        )
    for arm in plan.arms:
        if problem := check_value("policy", arm.policy):
            problems["policy"] = problem
            continue
        values = {**parameters, **arm.parameters, "policy": arm.policy, "rival_policy": None}
        problems |= {f"parameters.{name}": told for name, told in _check_tried(arm.parameters, values).items()}
    return problems


def _check_tried(tried: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    strange = {name: f"There is no parameter {name!r}." for name in tried if name not in NAMES}
    fixed = {
        name: f"{name} is not tried as a parameter: name the policies to compare instead."
        for name in ("policy", "rival_policy")
        if name in tried
    }
    wrong = {name: told for name in tried if name in NAMES and (told := check_value(name, tried[name]))}
    known = {name: value for name, value in values.items() if name in NAMES}
    return strange or fixed or wrong or find_problems(known)


def _write(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
