"""Perspectives by what people say of themselves: does one part of them judge otherwise than another, beyond chance?

1. Of each question, the answers that at least ten people with enough votes gave. Others, and whoever did not answer, are
   in no group; a question of which fewer than two answers are left says nothing.
2. The groups were not found in the votes, so nothing has to be held out: how much of the disagreement lies between them is
   compared with the same answers dealt out anew among the people (`division`).
3. A candidate's acceptance is told only where ten people of every answer judged it, and only candidates that divide beyond
   noise are listed: at most one in ten of them by chance, over all questions together.
"""

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from tasks.agreement.bridging import accept_in_all
from tasks.agreement.division import Apart, Trial, even_out, pass_beyond_noise, sum_up, try_division
from tasks.agreement.opinions import LEAST_PEOPLE, take_out_levels
from tasks.agreement.perspectives import FALSE_RATE, LEAST_VOTES
from tasks.agreement.votes import Votes, hash_people, keep_people, keep_votes
from tasks.records.perspectives import AnswerAcceptance, AnswerGroup, DescribedCandidate, DescribedDivision

Integers = npt.NDArray[np.int64]

METHOD_VERSION = "1"
#: How often chance alone may say of any question that it divides, shared among the questions.
LEVEL = 0.05
MOST_LISTED = 10
DIGITS = 6


def describe_divisions(
    votes: Votes, answers: Mapping[str, Mapping[str, str]], *, seed: int
) -> tuple[DescribedDivision, ...]:
    """Return what each question says of the disagreement, in the order of `answers`.

    answers  question → annotator → answer; who is missing did not answer
    """
    votes = keep_people(votes, least=LEAST_VOTES)
    tried = [
        (question, *found)
        for question, given in answers.items()
        if (found := _try_question(votes, given, seed=seed)) is not None
    ]
    listed = _list_beyond_noise([trial for _, _, _, trial, _ in tried], [told for *_, told in tried])
    return tuple(
        _describe(question, names, labelled, trial, told=told, level=LEVEL / len(tried), seed=seed)
        for (question, names, labelled, trial, _), told in zip(tried, listed, strict=True)
    )


def hash_described(votes: Votes, answers: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return for everybody who has votes enough and answered something the SHA-256 (hex) of both."""
    votes = keep_people(votes, least=LEAST_VOTES)
    hashes = {}
    for name, digest in zip(votes.people, hash_people(votes), strict=True):
        said = [f"{question} {given[name]}" for question, given in sorted(answers.items()) if name in given]
        if said:
            hashes[name] = sha256("\0".join([METHOD_VERSION, digest, *said]).encode()).hexdigest()
    return hashes


class _Labelled:
    """The votes of those whose answer at least ten people gave, and the place of each one's answer."""

    def __init__(self, votes: Votes, answer_of: Mapping[str, str], names: tuple[str, ...]) -> None:
        in_group = np.array([answer_of.get(person) in names for person in votes.people], bool)
        self.votes = keep_votes(votes, in_group[votes.person])
        self.labels: Integers = np.array([names.index(answer_of[person]) for person in self.votes.people], np.int64)
        self.count = len(names)

    def tabulate(self) -> tuple[Integers, Integers]:
        """Return (candidates, answers) how many judged each candidate, and how many of them accepted it."""
        cell = self.votes.item * self.count + self.labels[self.votes.person]
        shape = (len(self.votes.candidates), self.count)
        judged = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        accepted = np.bincount(cell[self.votes.value > 0], minlength=shape[0] * shape[1]).reshape(shape)
        return judged, accepted


def _try_question(
    votes: Votes, given: Mapping[str, str], *, seed: int
) -> tuple[tuple[str, ...], _Labelled, Trial, Integers] | None:
    """Return the answers, the votes by them, the trial and the candidates that may be told; None: too few people."""
    counts = Counter(given[person] for person in votes.people if person in given)
    names = tuple(sorted(answer for answer, people in counts.items() if people >= LEAST_PEOPLE))
    if len(names) < 2:
        return None
    labelled = _Labelled(votes, given, names)
    mine = labelled.votes
    if len(np.unique(mine.parents)) < 2:
        return None
    residuals = even_out(mine, take_out_levels(mine))
    apart = Apart({len(names): labelled.labels[None]}, np.zeros(len(mine.candidates), np.int64))
    trial = try_division(mine, residuals, apart, count=len(names), seed=seed)
    judged, _ = labelled.tabulate()
    return names, labelled, trial, np.flatnonzero((judged >= LEAST_PEOPLE).all(axis=1))


def _list_beyond_noise(trials: list[Trial], told: list[Integers]) -> list[Integers]:
    """Return of each question the candidates that stand when those of all questions are tested together."""
    if not trials:
        return []
    values = np.concatenate([trial.p_values[places] for trial, places in zip(trials, told, strict=True)])
    stands = pass_beyond_noise(values, rate=FALSE_RATE)
    ends = np.cumsum([len(places) for places in told])[:-1]
    return [places[kept] for places, kept in zip(told, np.split(stands, ends), strict=True)]


def _describe(
    question: str,
    names: tuple[str, ...],
    labelled: _Labelled,
    trial: Trial,
    *,
    told: Integers,
    level: float,
    seed: int,
) -> DescribedDivision:
    votes = labelled.votes
    people = np.bincount(labelled.labels, minlength=len(names)).tolist()
    return DescribedDivision(
        question=question,
        answers=tuple(AnswerGroup(name, count) for name, count in zip(names, people, strict=True)),
        division=sum_up(trial, votes.parents, seed=seed),
        divides=bool(trial.p_value <= level),
        candidates=_list_candidates(names, labelled, trial, told),
    )


def _list_candidates(
    names: tuple[str, ...], labelled: _Labelled, trial: Trial, told: Integers
) -> tuple[DescribedCandidate, ...]:
    judged, accepted = labelled.tabulate()
    _product, mean = accept_in_all(accepted.astype(np.float64), judged.astype(np.float64))
    votes = labelled.votes
    listed = [
        DescribedCandidate(
            candidate=int(votes.candidates[place]),
            parent=int(votes.parents[place]),
            judged=int(judged[place].sum()),
            answers=tuple(
                AnswerAcceptance(name, int(accepted[place, at]), int(judged[place, at]))
                for at, name in enumerate(names)
            ),
            consensus=round(float(mean[place]), DIGITS),
            between=round(float(trial.shares[place]), DIGITS),
            p_value=round(float(trial.p_values[place]), DIGITS),
        )
        for place in told.tolist()
    ]
    listed.sort(key=lambda one: (-one.between, -one.judged, one.candidate))
    return tuple(listed[:MOST_LISTED])
