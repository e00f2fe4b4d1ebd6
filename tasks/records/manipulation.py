"""What signs of manipulation are read from, and what is found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.records.ballots import Ballot
from tasks.vocabulary import FindingKind


@dataclass(frozen=True, slots=True)
class ObservedBallot:
    """A ballot with how it came to be.

    judgment     its id
    created_at   seconds since 1970 at which it was submitted, UTC
    seconds      how long the page was worked on, as the browser told; None: not told
    words        about how many words there were to read: the parent and every candidate that was shown
    pace_group   within which reading paces compare: the language
    order_known  whether `shown` is the order in which the candidates were shown
    """

    ballot: Ballot
    judgment: int
    created_at: float
    seconds: float | None = None
    words: float = 0.0
    pace_group: str = ""
    order_known: bool = True


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that somebody's ballots may not be honest work, for a person to judge.

    strength  log10 of how much the ballots speak against honest work: at most one honest person in 10^strength comes
              so far by chance, however often it is looked at
    evidence  figures by which anybody can check it, and the `judgments` that show it best
    others    whose ballots go with these
    """

    annotator: str
    kind: FindingKind
    strength: float
    evidence: Mapping[str, Any]
    others: tuple[str, ...] = ()
