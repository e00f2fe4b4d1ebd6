"""Opinion groups among the people of a campaign: what may be published of them, and what nobody is told."""

from dataclasses import dataclass, fields
from typing import Any

from tasks.vocabulary import OpinionState


@dataclass(frozen=True, slots=True)
class OpinionMember:
    """Where one person stands. Never published: the next run reads it, so that groups keep their numbers.

    group       its number, from 1; None where no groups were found
    x, y        place on the map
    votes_hash  SHA-256 (hex) of the person's votes
    """

    annotator: str
    group: int | None
    x: float
    y: float
    votes_hash: str


@dataclass(frozen=True, slots=True)
class OpinionGroup:
    """A group of at least ten people, with the middle of its members on the map."""

    number: int
    people: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class MapCell:
    """How many people of a group stand in one cell of the map's grid; `x` and `y` are the cell's middle."""

    group: int | None
    x: float
    y: float
    people: int


@dataclass(frozen=True, slots=True)
class GroupAcceptance:
    """How many of a group judged a candidate, at least ten, and how many of them found it acceptable."""

    group: int
    accepted: int
    judged: int


@dataclass(frozen=True, slots=True)
class CandidateOpinion:
    """What the people on the map think of one candidate.

    judged      how many of them judged it
    bridging    the acceptance that is left when viewpoints are taken out, in [0, 1]: of somebody in the middle
    polarity    how much acceptance differs between viewpoints one standard deviation either side, in [0, 1]
    groups      each group's acceptance; empty unless at least ten people of every group judged it
    consensus   geometric mean over groups of (accepted + 1) / (judged + 2); None without `groups`
    between     share of the disagreement about it that lies between groups; None without `groups`
    p_value     how often groups drawn by dice would divide as much; None without `groups`
    """

    candidate: int
    parent: int
    judged: int
    bridging: float
    polarity: float
    groups: tuple[GroupAcceptance, ...] = ()
    consensus: float | None = None
    between: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Division:
    """How much of all disagreement goes along with the groups, tested on prompts that did not form them.

    share      of the variance between people, in [0, 1], above what groups drawn by dice would get
    low, high  95 % bootstrap interval over prompts; None with fewer than ten
    by_chance  the share that groups drawn by dice get
    p_value    how often they get as much as these
    """

    share: float
    low: float | None
    high: float | None
    by_chance: float
    p_value: float


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """People who gave the same answer of themselves; at least ten, with enough votes."""

    answer: str
    people: int


@dataclass(frozen=True, slots=True)
class AnswerAcceptance:
    """How many with an answer judged a candidate, at least ten, and how many of them found it acceptable."""

    answer: str
    accepted: int
    judged: int


@dataclass(frozen=True, slots=True)
class DescribedCandidate:
    """A candidate that people with unlike answers judge unlike; the rest as of `CandidateOpinion`."""

    candidate: int
    parent: int
    judged: int
    answers: tuple[AnswerAcceptance, ...]
    consensus: float
    between: float
    p_value: float


@dataclass(frozen=True, slots=True)
class DescribedDivision:
    """How much of the disagreement goes along with the answers to one question.

    divides     whether that is more than chance, at one in twenty shared among the questions
    candidates  those that divide beyond noise, the strongest first
    """

    question: str
    answers: tuple[AnswerGroup, ...]
    division: Division
    divides: bool
    candidates: tuple[DescribedCandidate, ...]

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes."""
        result = _plain(self)
        assert isinstance(result, dict)
        return result


@dataclass(frozen=True, slots=True)
class PerspectivesRecord:
    """Everything of a campaign's perspectives that may be published.

    groups, map, division   empty and None unless `state` is found
    common, divided         candidates that all groups accept, and those that divide them, the strongest first
    by_groups               False: too few people of every group judged the same candidates, so that both lists come
                            from the viewpoints of all people (`bridging`, `polarity`) and no group's figures are in them
    silhouette              how well the groups stand apart, in [-1, 1]
    n_people                people with enough votes; n_votes, n_candidates, n_parents are of theirs
    input_hash              SHA-256 (hex) of all votes and of the seed
    """

    state: OpinionState
    groups: tuple[OpinionGroup, ...]
    map: tuple[MapCell, ...]
    division: Division | None
    common: tuple[CandidateOpinion, ...]
    divided: tuple[CandidateOpinion, ...]
    by_groups: bool
    silhouette: float | None
    n_people: int
    n_votes: int
    n_candidates: int
    n_parents: int
    least_votes: int
    least_people: int
    method: str
    method_version: str
    seed: int
    input_hash: str

    def as_result(self) -> dict[str, object]:
        """Return the record as a mapping that `json.dumps` takes."""
        result = _plain(self)
        assert isinstance(result, dict)
        return result


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
