"""The parameters of a campaign: their names, defaults, ranges and what each means. Validated here, once."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Range:
    """What a number may be, ends included."""

    low: float
    high: float
    optional: bool = False


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """Values in force for one campaign.

    redundancy              judgments each unit needs (unless certainty decides, see stop_confidence)
    candidates_shown        candidates one ranking shows at most; a parent with more is ranked by subsets
    replies_wanted          replies by people that a prompt asks for, where writing is enabled
    lease_seconds           how long a hold lasts without activity
    offered_lease_seconds   how long one given along with a submit lasts until its first sign of activity
    max_held                holds one person may have at once in the campaign
    daily_cap               judgments one person may give in 24 hours; None: no limit
    max_text_chars          longest text somebody may write
    require_rationale       whether every judgment needs its reason in words
    stop_confidence         certainty at which a unit stops asking; None: fixed redundancy
    min_judgments           fewest judgments before certainty may close a unit
    max_judgments           most judgments that uncertainty may ask for
    release_target          judgments at which a release is made, with schedule "target"; None: none
    """

    redundancy: int = 3
    candidates_shown: int = 4
    replies_wanted: int = 3
    lease_seconds: float = 1800
    offered_lease_seconds: float = 120
    max_held: int = 8
    daily_cap: int | None = None
    max_text_chars: int = 20_000
    require_rationale: bool = False
    stop_confidence: float | None = None
    min_judgments: int = 2
    max_judgments: int = 12
    release_target: int | None = None


RANGES: Mapping[str, Range] = {
    "redundancy": Range(1, 100),
    "candidates_shown": Range(2, 8),
    "replies_wanted": Range(1, 20),
    "lease_seconds": Range(30, 86_400),
    "offered_lease_seconds": Range(15, 3_600),
    "max_held": Range(1, 100),
    "daily_cap": Range(1, 100_000, optional=True),
    "max_text_chars": Range(100, 200_000),
    "stop_confidence": Range(0.5, 0.999, optional=True),
    "min_judgments": Range(1, 100),
    "max_judgments": Range(1, 100),
    "release_target": Range(1, 1_000_000_000, optional=True),
}
NAMES = tuple(f.name for f in fields(CampaignSettings))
FRACTIONAL = frozenset({"lease_seconds", "offered_lease_seconds", "stop_confidence"})


def find_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with `values`, by name, each as a sentence; empty when they can be used."""
    problems = {
        name: f"There is no parameter {name!r}; the parameters are {', '.join(NAMES)}."
        for name in values
        if name not in NAMES
    }
    for name, value in values.items():
        if name in NAMES and (problem := _problem(name, value)):
            problems[name] = problem
    if not problems:
        settings = read_settings(values)
        if settings.max_judgments < settings.min_judgments:
            problems["max_judgments"] = "max_judgments must be at least min_judgments."
        if settings.offered_lease_seconds > settings.lease_seconds:
            problems["offered_lease_seconds"] = "offered_lease_seconds must be at most lease_seconds."
    return problems


def read_settings(values: Mapping[str, Any]) -> CampaignSettings:
    """Settings from stored values; a name that an older version stored and this one dropped is passed over."""
    return CampaignSettings(**{name: value for name, value in values.items() if name in NAMES})


def _problem(name: str, value: Any) -> str | None:
    if name == "require_rationale":
        return None if isinstance(value, bool) else "require_rationale must be true or false."
    allowed = RANGES[name]
    if value is None and allowed.optional:
        return None
    number = float if name in FRACTIONAL else int
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (number is int and not isinstance(value, int)) or not allowed.low <= value <= allowed.high:
        kind = "a number" if number is float else "a whole number"
        none = " or null" if allowed.optional else ""
        return f"{name} must be {kind} from {allowed.low:g} to {allowed.high:g}{none}."
    return None
