"""Perspectives of a campaign: groups of people who judge alike, what all of them accept, and what divides them.

1. Votes from ballots (`votes`), of people with at least seven: fewer say too little of anybody.
2. Where twenty such people and two prompts are there, a map and groups (`opinions`). They count as found where they
   divide prompts that did not form them by more than chance, at one in a hundred shared among the four numbers of
   groups that were tried (`division`).
3. Viewpoints by factors (`bridging`), for what people of all viewpoints accept, and what depends on them.
4. A candidate's acceptance by group is told only where ten people of every group judged it. Nothing else of a group is
   in the record but its size, at least ten, and where its people stand, in cells of a grid; those of a group of fewer
   than twenty in one cell. Groups together are all people on the map, so that no difference reveals a smaller one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.agreement.bridging import Bridging, accept_in_all, fit_bridging
from tasks.agreement.division import (
    Trial,
    choose_count,
    even_out,
    find_labels_apart,
    pass_beyond_noise,
    sum_up,
    try_division,
)
from tasks.agreement.opinions import (
    COUNTS,
    LEAST_PEOPLE,
    Grouping,
    group_people,
    number_groups,
    place_people,
    take_out_levels,
    turn_map,
)
from tasks.agreement.votes import Votes, hash_people, hash_votes, keep_people
from tasks.records.perspectives import (
    CandidateOpinion,
    Division,
    GroupAcceptance,
    MapCell,
    OpinionGroup,
    OpinionMember,
    PerspectivesRecord,
)
from tasks.vocabulary import OpinionState

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METHOD = "opinion_groups"
METHOD_VERSION = "1"
LEAST_VOTES = 7
#: Two groups of the smallest size.
FEWEST_PEOPLE = 2 * LEAST_PEOPLE
#: How often noise alone may be taken for groups.
LEVEL = 0.01
#: Share of noise among the candidates that are told to divide.
FALSE_RATE = 0.1
#: A candidate is accepted from here on. Judged by fewer people, it is in no list.
ACCEPTED, FEWEST_JUDGED = 0.5, 5
#: Candidates in each list, cells of the map across and down, and the size from which a group has several.
MOST_LISTED = 20
ACROSS, DOWN = 40, 26
FEWEST_SCATTERED = 20
DIGITS = 6

Last = Mapping[str, OpinionMember]
#: What all accept, what divides, and whether groups' figures say so.
Lists = tuple[tuple[CandidateOpinion, ...], tuple[CandidateOpinion, ...], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """Groups that are there beyond noise."""

    grouping: Grouping
    trial: Trial
    division: Division


def find_perspectives(
    votes: Votes, *, seed: int, last: Last | None = None
) -> tuple[PerspectivesRecord, tuple[OpinionMember, ...]]:
    """Return what may be published of these votes, and where each person stands.

    last  where people stood in the run before: groups keep their numbers, and the map its direction
    """
    last = last or {}
    input_hash = hash_votes(votes, seed=seed, method_version=METHOD_VERSION)
    votes = keep_people(votes, least=LEAST_VOTES)
    enough = len(votes.people) >= FEWEST_PEOPLE and len(np.unique(votes.parents)) > 1
    bridging = fit_bridging(votes, seed=seed) if len(votes.people) else None
    found, places = None, np.zeros((len(votes.people), 2))
    if enough:
        places, found = _look_for_groups(votes, seed=seed, last=last)
    numbers: list[int] = []
    if found is not None:
        groups_then = {name: member.group for name, member in last.items()}
        numbers = number_groups(found.grouping.labels, found.grouping.count, votes.people, groups_then)
    lists: Lists = ((), (), False)
    if enough and bridging is not None:
        lists = _list_candidates(votes, bridging, found, numbers)
    record = PerspectivesRecord(
        state=OpinionState.TOO_FEW if not enough else OpinionState.NONE if found is None else OpinionState.FOUND,
        groups=() if found is None else _describe_groups(places, found.grouping, numbers),
        map=() if found is None else _draw_map(places, found.grouping, numbers),
        division=None if found is None else found.division,
        common=lists[0],
        divided=lists[1],
        by_groups=lists[2],
        silhouette=None if found is None else round(found.grouping.silhouette, DIGITS),
        n_people=len(votes.people),
        n_votes=len(votes.value),
        n_candidates=len(votes.candidates),
        n_parents=len(np.unique(votes.parents)),
        least_votes=LEAST_VOTES,
        least_people=LEAST_PEOPLE,
        method=METHOD,
        method_version=METHOD_VERSION,
        seed=seed,
        input_hash=input_hash,
    )
    return record, _list_members(votes, places, found, numbers)


def _look_for_groups(votes: Votes, *, seed: int, last: Last) -> tuple[Floats, Found | None]:
    """Return the map, and the groups on it if they are more than noise."""
    residuals = take_out_levels(votes)
    places = place_people(votes, residuals, seed=seed)
    places = turn_map(places, votes.people, {name: (member.x, member.y) for name, member in last.items()})
    groupings = group_people(places, seed=seed)
    if not groupings or not _is_disputed(votes):
        return places, None
    apart = find_labels_apart(votes, residuals, seed=seed)
    residuals = even_out(votes, residuals)
    before = len({member.group for member in last.values()} - {None})
    count = choose_count(votes, residuals, apart, groupings, last=before or None)
    trial = try_division(votes, residuals, apart, count=count, seed=seed)
    division = sum_up(trial, votes.parents, seed=seed)
    if trial.p_value > LEVEL / len(COUNTS) or division.share <= 0:
        return places, None
    return places, Found(groupings[count], trial, division)


def _is_disputed(votes: Votes) -> bool:
    """Whether there is a candidate that some accept and others do not."""
    accepted = np.bincount(votes.item, votes.value > 0, len(votes.candidates))
    return bool(((accepted > 0) & (accepted < votes.judged)).any())


def _list_candidates(votes: Votes, bridging: Bridging, found: Found | None, numbers: list[int]) -> Lists:
    """Return what all accept and what divides, by groups where enough of each judged the same."""
    opinions, judged = _describe_by_viewpoint(votes, bridging), votes.judged
    if found is not None:
        with_groups = _describe_by_group(votes, found, numbers, opinions)
        if with_groups:
            common = [one for one in with_groups if _is_common(one)]
            common.sort(key=lambda one: (-(one.consensus or 0), -one.judged, one.candidate))
            tested = np.array([one.p_value for one in with_groups])
            stands = pass_beyond_noise(tested, rate=FALSE_RATE)
            divided = [one for one, is_beyond in zip(with_groups, stands.tolist(), strict=True) if is_beyond]
            divided.sort(key=lambda one: (-(one.between or 0), -one.judged, one.candidate))
            return tuple(common[:MOST_LISTED]), tuple(divided[:MOST_LISTED]), True
    known = [one for one, count in zip(opinions, judged.tolist(), strict=True) if count >= FEWEST_JUDGED]
    accepted = [one for one in known if one.bridging - one.polarity / 2 >= ACCEPTED]
    accepted.sort(key=lambda one: (-one.bridging, -one.judged, one.candidate))
    taken = {one.candidate for one in accepted[:MOST_LISTED]}
    parting = [one for one in known if found is not None and one.polarity > 0 and one.candidate not in taken]
    parting.sort(key=lambda one: (-one.polarity, -one.judged, one.candidate))
    return tuple(accepted[:MOST_LISTED]), tuple(parting[:MOST_LISTED]), False


def _describe_by_viewpoint(votes: Votes, bridging: Bridging) -> list[CandidateOpinion]:
    """Return every candidate with what somebody in the middle would think of it, and how much viewpoints matter."""
    accepted = np.clip(bridging.mean + bridging.candidate, 0.0, 1.0)
    polarity = np.clip(2 * np.abs(bridging.polarity), 0.0, 1.0)
    columns = (votes.candidates, votes.parents, votes.judged, np.round(accepted, DIGITS), np.round(polarity, DIGITS))
    return [CandidateOpinion(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _describe_by_group(
    votes: Votes, found: Found, numbers: list[int], opinions: list[CandidateOpinion]
) -> list[CandidateOpinion]:
    """Return the candidates that ten people of every group judged, with each group's figures."""
    count = found.grouping.count
    cell = votes.item * count + found.grouping.labels[votes.person]
    shape = (len(votes.candidates), count)
    judged = np.bincount(cell, minlength=shape[0] * count).reshape(shape)
    accepted = np.bincount(cell, votes.value > 0, shape[0] * count).reshape(shape)
    _product, mean = accept_in_all(accepted.astype(np.float64), judged.astype(np.float64))
    told = np.flatnonzero((judged >= LEAST_PEOPLE).all(axis=1)).tolist()
    order = sorted(range(count), key=lambda label: numbers[label])
    return [
        CandidateOpinion(
            candidate=opinions[place].candidate,
            parent=opinions[place].parent,
            judged=opinions[place].judged,
            bridging=opinions[place].bridging,
            polarity=opinions[place].polarity,
            groups=tuple(
                GroupAcceptance(numbers[label], int(accepted[place, label]), int(judged[place, label]))
                for label in order
            ),
            consensus=round(float(mean[place]), DIGITS),
            between=round(float(found.trial.shares[place]), DIGITS),
            p_value=round(float(found.trial.p_values[place]), DIGITS),
        )
        for place in told
    ]


def _is_common(opinion: CandidateOpinion) -> bool:
    """Whether more than half of every group accept it."""
    return all(group.accepted > ACCEPTED * group.judged for group in opinion.groups)


def _describe_groups(places: Floats, grouping: Grouping, numbers: list[int]) -> tuple[OpinionGroup, ...]:
    scaled = _scale(places)
    groups = []
    for label, number in enumerate(numbers):
        mine = scaled[grouping.labels == label]
        x, y = (round(float(one), DIGITS) for one in mine.mean(axis=0))
        groups.append(OpinionGroup(number, len(mine), x, y))
    return tuple(sorted(groups, key=lambda group: group.number))


def _draw_map(places: Floats, grouping: Grouping, numbers: list[int]) -> tuple[MapCell, ...]:
    """Return how many people of each group stand in each cell; a small group stands in one, at its middle."""
    size = np.array([ACROSS, DOWN])
    cells = np.minimum(((_scale(places) + 1) / 2 * size).astype(np.int64), size - 1)
    drawn = []
    for label, number in enumerate(numbers):
        mine = cells[grouping.labels == label]
        if len(mine) < FEWEST_SCATTERED:
            mine = np.repeat(np.round(mine.mean(axis=0)).astype(np.int64)[None], len(mine), axis=0)
        taken, counts = np.unique(mine, axis=0, return_counts=True)
        middles = np.round((taken + 0.5) / size * 2 - 1, 4)
        drawn += [
            MapCell(number, x, y, people) for (x, y), people in zip(middles.tolist(), counts.tolist(), strict=True)
        ]
    return tuple(sorted(drawn, key=lambda cell: (cell.group, cell.y, cell.x)))


def _scale(places: Floats) -> Floats:
    """Return the places in [-1, 1]; who stands further out than 49 of 50 stands at the edge."""
    reach = float(np.quantile(np.abs(places), 0.98, axis=0).max())
    scaled: Floats = np.clip(places / reach, -1.0, 1.0) if reach > 0 else np.zeros_like(places)
    return scaled


def _list_members(votes: Votes, places: Floats, found: Found | None, numbers: list[int]) -> tuple[OpinionMember, ...]:
    labels = [None] * len(votes.people) if found is None else [numbers[one] for one in found.grouping.labels.tolist()]
    rows = zip(votes.people, labels, np.round(places, DIGITS).tolist(), hash_people(votes), strict=True)
    return tuple(OpinionMember(name, group, x, y, digest) for name, group, (x, y), digest in rows)
