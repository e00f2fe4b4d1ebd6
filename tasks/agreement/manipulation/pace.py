"""How fast ballots come, and how evenly.

`hurried`: a ballot is too fast where it was read `TIMES_USUAL` faster than is usual in the campaign and language, and faster than
anybody reads (`FASTEST` words a second: 600 a minute, twice a practised reader's pace). People skim, so honest work may be too
fast in a third of the ballots.
`scripted`: a gap between two ballots is even where it differs from the median of the eight gaps before by less than a tenth;
people's gaps vary by half, so that two of five may be even by chance. Or: in 24 hours with work no pause lasts three hours; once
in five such days that may happen. What was imported
was not submitted at its time, so that nothing is said of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tasks.agreement.manipulation.betting import bet, mean_by, mean_evidence
from tasks.agreement.manipulation.orders import iterate_people, pick_examples
from tasks.records.manipulation import ObservedBallot, Sign
from tasks.vocabulary import FindingKind

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FASTEST = 10.0
TIMES_USUAL = 5.0
FAST_ALLOWED = 1 / 3
FEWEST_PEOPLE = 5
FEWEST_WORDS = 40
#: A second less than the clock of a browser tells.
SHORTEST_SECONDS = 0.1

GAPS_BEFORE = 8
EVENLY = 0.1
EVEN_ALLOWED = 0.4
#: Longer gaps are pauses.
LONGEST_GAP = 1800.0
DAY, PAUSE = 86_400.0, 10_800.0
FEWEST_A_DAY = 12
RESTLESS_ALLOWED = 0.2
EXAMPLES = 8


def find_hurried(
    ballots: Sequence[ObservedBallot], numbers: dict[str, int], *, names: list[str], threshold: float
) -> Iterator[Sign]:
    """Yield whose ballots come faster than they can be read."""
    people = len(names)
    rows = [row for row, each in enumerate(ballots) if each.seconds is not None and each.words >= FEWEST_WORDS]
    if not rows:
        return
    order = np.array(rows, dtype=np.int64)
    who = np.array([numbers[ballots[row].ballot.annotator] for row in rows], dtype=np.int64)
    pace = np.array([ballots[row].words / max(ballots[row].seconds or 0.0, SHORTEST_SECONDS) for row in rows])
    usual = _find_usual([ballots[row].pace_group for row in rows], who, pace)
    known = usual > 0
    order, who, pace, usual = order[known], who[known], pace[known], usual[known]
    limit = np.maximum(TIMES_USUAL * usual, FASTEST)
    fast = (pace > limit).astype(np.float64)
    evidence = bet(who, fast / FAST_ALLOWED - 1.0, people=people)
    share, count = mean_by(who, fast, people=people)
    for person, strength in iterate_people(evidence, above=threshold):
        mine = who == person
        examples = pick_examples(who, order, pace, person=person, most=EXAMPLES)
        figures = {
            "n": int(count[person]),
            "observed": round(float(share[person]), 4),
            "expected": round(FAST_ALLOWED, 4),
            "words_per_second": round(float(np.median(pace[mine])), 2),
            "usual_words_per_second": round(float(np.median(usual[mine])), 2),
            "judgments": [ballots[row].judgment for row in examples],
        }
        yield Sign(names[person], FindingKind.HURRIED, strength, figures)


def _find_usual(groups: Sequence[str], who: Integers, pace: Floats) -> Floats:
    """Return (n,) the median over people of their median pace in the group of each ballot; 0 where too few are known."""
    by_group: defaultdict[str, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for group, person, value in zip(groups, who.tolist(), pace.tolist(), strict=True):
        by_group[group][person].append(value)
    usual = {
        group: float(np.median([np.median(values) for values in people.values()]))
        if len(people) >= FEWEST_PEOPLE
        else 0.0
        for group, people in by_group.items()
    }
    return np.array([usual[group] for group in groups])


def find_scripted(
    ballots: Sequence[ObservedBallot], numbers: dict[str, int], *, names: list[str], threshold: float
) -> Iterator[Sign]:
    """Yield whose ballots come at the pace of a program."""
    people = len(names)
    ballots = [each for each in ballots if each.order_known]
    if not ballots:
        return
    who = np.array([numbers[each.ballot.annotator] for each in ballots], dtype=np.int64)
    times = np.array([each.created_at for each in ballots])
    order = np.lexsort((np.arange(len(ballots)), times, who))
    rows: list[tuple[int, int]] = []
    evenness: list[float] = []
    days: list[int] = []
    restless: list[float] = []
    for part in np.split(order, np.flatnonzero(np.diff(who[order])) + 1):
        person, moments = int(who[part[0]]), times[part]
        later, told = _look_at_gaps(moments)
        rows += [(person, int(part[place])) for place in later]
        evenness += told
        without = _look_at_days(moments)
        days += [person] * len(without)
        restless += without
    gap_who = np.array([person for person, _ in rows], dtype=np.int64)
    even, day_who, awake = np.array(evenness), np.array(days, dtype=np.int64), np.array(restless)
    evidence = mean_evidence(
        bet(gap_who, even / EVEN_ALLOWED - 1.0, people=people),
        bet(day_who, awake / RESTLESS_ALLOWED - 1.0, people=people),
    )
    share, count = mean_by(gap_who, even, people=people)
    awake_share, day_count = mean_by(day_who, awake, people=people)
    gap_rows = np.array([row for _, row in rows], dtype=np.int64)
    for person, strength in iterate_people(evidence, above=threshold):
        examples = pick_examples(gap_who, gap_rows, even, person=person, most=EXAMPLES)
        figures = {
            "n": int(count[person]),
            "observed": round(float(share[person]), 4),
            "expected": EVEN_ALLOWED,
            "days": int(day_count[person]),
            "restless_days": round(float(awake_share[person] * day_count[person])),
            "judgments": [ballots[row].judgment for row in examples],
        }
        yield Sign(names[person], FindingKind.SCRIPTED, strength, figures)


def _look_at_gaps(moments: Floats) -> tuple[list[int], list[float]]:
    """Return the places that end a gap of a session, and 1 where it is as long as those before."""
    gaps = np.diff(moments)
    places = np.flatnonzero(gaps < LONGEST_GAP)
    gaps = gaps[places]
    if len(gaps) <= GAPS_BEFORE:
        return [], []
    before = np.median(np.lib.stride_tricks.sliding_window_view(gaps, GAPS_BEFORE)[:-1], axis=1)
    even = np.abs(gaps[GAPS_BEFORE:] - before) < EVENLY * before
    return (places[GAPS_BEFORE:] + 1).tolist(), even.astype(np.float64).tolist()


def _look_at_days(moments: Floats) -> list[float]:
    """Return for each 24 hours with work, from the first moment on, 1 where no pause lasts three hours."""
    day = np.floor((moments - moments[0]) / DAY).astype(np.int64)
    said = []
    for part in np.split(moments, np.flatnonzero(np.diff(day)) + 1):
        if len(part) < FEWEST_A_DAY:
            continue
        start = moments[0] + DAY * np.floor((part[0] - moments[0]) / DAY)
        gaps = np.diff(np.concatenate([[start], part, [start + DAY]]))
        said.append(float(gaps.max() < PAUSE))
    return said
