"""Volunteers as a campaign's past had them. What the past is too short to tell is assumed, and told as assumed."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from tasks.records.simulations import Past, SimulatedCampaign
from tasks.scheduling.simulation.volunteers import Profile, assume_profile

#: A pause longer than this ends a visit (minutes).
VISIT_ENDS = 30.0
#: From so many judgments, visits and people on the past is believed.
FEWEST_JUDGMENTS, FEWEST_VISITS, FEWEST_PEOPLE, FEWEST_SHARP = 200, 30, 10, 8
#: Added to every hour, in judgments: no hour is impossible because nobody happened to come in it.
HOUR_PRIOR = 0.02
#: Whoever was not seen for so many of their usual pauses has left.
LEFT_AFTER = 4.0


def fit_profile(campaign: SimulatedCampaign) -> Profile:
    """Return the profile of a campaign's volunteers: from its past as far as that tells, from assumptions elsewhere."""
    weights = Counter(unit.language for unit in campaign.units)
    assumed = assume_profile(campaign.languages, weights={name: float(count) for name, count in weights.items()})
    past = campaign.past
    known: dict[str, Any] = {}
    people = [person for person in past.people if person.judgments]
    if len(people) >= FEWEST_PEOPLE:
        known["languages"] = _fit_languages(past, campaign.languages)
        known["spam"] = round(sum(person.is_spam for person in people) / len(people), 4)
    if sum(len(person.judgments) for person in people) >= FEWEST_JUDGMENTS:
        known |= _fit_hours(past)
    known |= _fit_visits(past)
    if len(past.seconds) >= FEWEST_JUDGMENTS:
        known["seconds"] = round(float(np.clip(np.median(past.seconds), 2.0, 3600.0)), 1)
    sharp = tuple(person.sharpness for person in people if person.sharpness is not None and not person.is_spam)
    if len(sharp) >= FEWEST_SHARP:
        known["sharpness"] = sharp
    groups = Counter(person.opinion for person in people if person.opinion is not None)
    if sum(groups.values()) >= FEWEST_PEOPLE:
        known["opinions"] = tuple(float(count) for _, count in sorted(groups.items()))
    known = {name: value for name, value in known.items() if value}
    fitted = frozenset(name for name in known if name != "is_utc") | ({"late"} if people else frozenset())
    if people:
        known["late"] = 0.0  # whoever is known from the past is there from the beginning
    return replace(assumed, **known, fitted=fitted)


def _fit_languages(past: Past, languages: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], float], ...]:
    found: Counter[tuple[str, ...]] = Counter()
    for person in past.people:
        some = tuple(language for language in languages if language in person.languages)
        if some:
            found[some] += 1
    return tuple((some, float(count)) for some, count in found.most_common())


def _fit_hours(past: Past) -> dict[str, Any]:
    """Return the judgments of each hour of the day, in UTC."""
    at = np.concatenate([np.array(person.judgments) for person in past.people if person.judgments])
    hours = (past.start_hour + at / 60) % 24
    counts = np.bincount(hours.astype(int) % 24, minlength=24).astype(float)
    counts += HOUR_PRIOR * counts.mean()
    return {"hours": tuple((counts / counts.sum()).round(5).tolist()), "is_utc": True}


def _fit_visits(past: Past) -> dict[str, Any]:
    """Return judgments of a visit, days between two, and the chance to leave after one."""
    lengths: list[int] = []
    pauses: list[float] = []
    visits = left = 0
    for person in past.people:
        if not person.judgments:
            continue
        at = np.array(person.judgments)
        begins = np.append(True, np.diff(at) > VISIT_ENDS)
        starts = at[begins]
        visits += len(starts)
        lengths += np.diff(np.append(np.flatnonzero(begins), len(at))).tolist()
        own = np.diff(starts) / 1440
        pauses += own.tolist()
        usual = float(own.mean()) if len(own) else 3.0
        left += (past.minutes - at[-1]) / 1440 > LEFT_AFTER * max(usual, 0.5)
    if visits < FEWEST_VISITS:
        return {}
    found: dict[str, Any] = {
        "judgments": round(float(np.mean(lengths)), 2),
        "leave": round(float(np.clip(left / visits, 0.001, 0.9)), 4),
    }
    if len(pauses) >= FEWEST_VISITS:
        found["days_between"] = round(float(np.clip(np.mean(pauses), 0.05, 60.0)), 3)
    return found
