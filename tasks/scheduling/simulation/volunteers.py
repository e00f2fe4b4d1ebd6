"""Volunteers that a program makes up, as arrays: one entry for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

#: How probable a visit is in each hour of somebody's own day.
WAKING = (1, 0.5, 0.3, 0.2, 0.2, 0.4, 1, 2, 3, 3.5, 3.5, 3.5, 4, 3.5, 3.5, 3.5, 3.5, 4, 4.5, 5.5, 6, 5.5, 4, 2)
#: Hours ahead of UTC at which speakers of a language mostly live; 0 where nothing is said here.
ZONES: Mapping[str, tuple[float, ...]] = {
    "en": (-8, -5, -5, 0, 0, 5.5), "es": (-6, -5, -3, 1), "pt": (-3, 0), "fr": (0, 1, 1), "de": (1,), "it": (1,), "nl": (1,),
    "pl": (1,), "uk": (2,), "ru": (3, 5), "tr": (3,), "ar": (1, 2, 3), "sw": (3,), "ha": (1,), "yo": (1,), "hi": (5.5,),
    "bn": (6,), "ur": (5,), "id": (7,), "vi": (7,), "th": (7,), "zh": (8,), "ja": (9,), "ko": (9,),
}  # fmt: skip
#: Interests: how much a topic that somebody likes, or dislikes, weighs against one they are indifferent to.
LIKED, DISLIKED = 0.25, 0.15


@dataclass(frozen=True, slots=True)
class Profile:
    """How the volunteers of a campaign are made.

    languages     combinations of languages, with their weights
    hours         24 weights of hours of the day; in UTC when `is_utc`, else of somebody's own day
    judgments     mean judgments of a visit, which differs between people by `spread` (standard deviation of its logarithm)
    days_between  mean days between two visits of the same person; how often people come differs likewise
    leave         chance to leave for good after a visit
    seconds       median seconds of a judgment
    sharpness     values to draw from; empty: log-normal about 1
    opinions      share of the people in each group of opinion
    spam          share of people who answer by dice
    skip, abandon chances to pass something over, and to let a hold run out
    late          share of people who join later than the first day, evenly over the campaign's first half
    fitted        names of what is from the campaign's past; everything else is assumed
    """

    languages: tuple[tuple[tuple[str, ...], float], ...]
    hours: tuple[float, ...] = WAKING
    is_utc: bool = False
    judgments: float = 12.0
    days_between: float = 3.0
    spread: float = 0.7
    leave: float = 0.08
    seconds: float = 90.0
    sharpness: tuple[float, ...] = ()
    opinions: tuple[float, ...] = (0.65, 0.35)
    spam: float = 0.03
    skip: float = 0.03
    abandon: float = 0.01
    late: float = 0.5
    fitted: frozenset[str] = field(default_factory=frozenset)

    def tell(self) -> dict[str, object]:
        """Return every figure by its name, and which are from the past; for the report."""
        told: dict[str, object] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "languages":
                total = sum(weight for _, weight in value) or 1.0
                told[one.name] = [[list(some), round(weight / total, 4)] for some, weight in value[:20]]
            elif one.name == "sharpness":
                told[one.name] = [round(float(np.quantile(value, q)), 3) for q in (0.1, 0.5, 0.9)] if value else None
            elif one.name == "fitted":
                told[one.name] = sorted(value)
            else:
                told[one.name] = [round(float(x), 4) for x in value] if isinstance(value, tuple) else value
        return told


@dataclass(frozen=True, slots=True)
class Crowd:
    """Volunteers.

    speaks     (V, languages) who works in what
    likes      (V, topics) how much somebody wants a topic: 1 indifferent, below: rather not
    zone       hours ahead of UTC
    judgments  mean of a visit
    between    mean days between two visits
    joins      day of the first visit at the earliest
    pace       minutes of a judgment, median
    sharpness  how clearly they see what candidates are worth; 0: dice
    opinion    group of opinion
    """

    speaks: Booleans
    likes: Floats
    zone: Floats
    judgments: Floats
    between: Floats
    joins: Floats
    pace: Floats
    sharpness: Floats
    opinion: Integers
    is_spam: Booleans

    def __len__(self) -> int:
        return len(self.zone)


def assume_profile(languages: Sequence[str], *, weights: Mapping[str, float] | None = None) -> Profile:
    """Return volunteers of whom nothing is known: most speak one language of the campaign, a fifth a second one.

    `weights`: how much work there is in each language; people come in proportion to its square root, since no campaign
    finds as many speakers of a small language as it would like, nor as few as it has texts.
    """
    given = {
        language: 1.0 if weights is None else max(weights.get(language, 0.0), 1e-9) ** 0.5 for language in languages
    }
    combos: list[tuple[tuple[str, ...], float]] = []
    for language, weight in given.items():
        others = [other for other in given if other != language]
        combos.append(((language,), weight * (0.8 if others else 1.0)))
        total = sum(given[other] for other in others)
        combos += [((language, other), weight * 0.2 * given[other] / total) for other in others]
    return Profile(languages=tuple(combos))


def make_crowd(
    profile: Profile, *, languages: Sequence[str], topics: int, count: int, days: float, rng: np.random.Generator
) -> Crowd:
    """Draw `count` volunteers. Everybody speaks a language of the campaign at least."""
    place = {language: number for number, language in enumerate(languages)}
    weights = np.array([weight for _, weight in profile.languages], dtype=float)
    drawn = rng.choice(len(weights), size=count, p=weights / weights.sum())
    speaks = np.zeros((count, len(languages)), dtype=bool)
    zone = np.zeros(count)
    for person, combo in enumerate(drawn.tolist()):
        some = profile.languages[combo][0]
        speaks[person, [place[language] for language in some if language in place]] = True
        zones = ZONES.get(some[0].split("-")[0], (0.0,))
        zone[person] = 0.0 if profile.is_utc else zones[rng.integers(len(zones))]
    spread = profile.spread
    steady = -spread * spread / 2  # so that the mean of the drawn means is the profile's
    sharpness = (
        rng.choice(np.array(profile.sharpness), size=count)
        if profile.sharpness
        else rng.lognormal(-0.04, 0.35, size=count)
    )
    is_spam = rng.random(count) < profile.spam
    shares = np.array(profile.opinions, dtype=float)
    late = rng.random(count) < profile.late
    likes = np.ones((count, max(topics, 1)))
    fate = rng.random(likes.shape)
    likes[fate < DISLIKED] = 0.3
    likes[fate > 1 - LIKED] = 2.0
    return Crowd(
        speaks=speaks,
        likes=likes,
        zone=zone,
        judgments=profile.judgments * rng.lognormal(steady, spread, size=count),
        between=profile.days_between / rng.lognormal(steady, spread, size=count),
        joins=np.where(late, rng.random(count) * days / 2, 0.0),
        pace=profile.seconds / 60 * rng.lognormal(0.0, 0.3, size=count),
        sharpness=np.where(is_spam, 0.0, sharpness),
        opinion=rng.choice(len(shares), size=count, p=shares / shares.sum()),
        is_spam=is_spam,
    )
