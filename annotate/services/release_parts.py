"""Small parts of the records of a release: ballots as a consensus takes them, means, origins, what a scan finds."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from annotate.queries.rows import Row
from annotate.services.release_generators import read_facts
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord
from tasks.records.releases import LabelMean, ReleasedLabel, ReleasedOrigin
from tasks.text.personal_data import find_personal_data
from tasks.vocabulary import OriginKind, PersonalDataKind

Found = Counter[PersonalDataKind]


def scan(text: str) -> Found:
    """How many spans of each kind of personal data a text holds; kinds that it lacks are left out."""
    return Counter(span.kind for span in find_personal_data(text))


def list_tiers(row: Row) -> list[list[int]]:
    """The tiers of a ballot, best first, inside a tier in the order shown."""
    placed = zip(row["tiers"] or (), row["messages"] or (), strict=True)
    return [[message for _, message in members] for _, members in groupby(placed, key=lambda place: place[0])]


def make_standing(row: Row, *, parent: int, known: Mapping[int, Row]) -> Ballot | None:
    """The ballot less what is not in the release or was rejected by reviewers; None when nothing is left of it."""
    tiers = list_tiers(row)
    kept = [(number, [message for message in tier if message in known]) for number, tier in enumerate(tiers, start=1)]
    kept = [(number, tier) for number, tier in kept if tier]
    if not kept:
        return None
    bar = row["acceptable_tiers"]
    return Ballot(
        annotator=str(row["annotator_id"]),
        parent=parent,
        tiers=tuple(tuple(sorted(tier)) for _, tier in kept),
        acceptable_tiers=None if bar is None else sum(number <= bar for number, _ in kept),
        shown=tuple(message for message in row["shown"] if message in known),
        # Where all of "the rest" is gone, the last tier is one that somebody put in order.
        rest_worse=row["rest_worse"] and kept[-1][0] == len(tiers),
    )


def describe_place(message: int, siblings: ConsensusRecord | None) -> dict[str, Any]:
    if siblings is None or message not in siblings.candidates:
        return {}
    at = siblings.candidates.index(message)
    return {
        "rank": siblings.ranks[at] - 1,
        "score": siblings.scores[at],
        "standard_error": siblings.standard_errors[at],
        "p_acceptable": None if siblings.p_acceptable is None else siblings.p_acceptable[at],
    }


def average(labels: Iterable[ReleasedLabel]) -> dict[str, LabelMean]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for label in labels:
        given = [] if label.value is None else [label.value]
        values[label.dimension].extend(given)
    return {
        name: LabelMean(round(sum(given) / len(given), 6) if given else None, len(given))
        for name, given in values.items()
    }


def make_origin(row: Row, *, name: str | None) -> ReleasedOrigin:
    """One way in which a text came to be. `name`: of its generator."""
    kind = OriginKind(row["kind"])
    is_human = {OriginKind.WRITTEN: True, OriginKind.IMPROVED: True, OriginKind.GENERATED: False}.get(
        kind, row["human"]
    )
    generation = read_facts(row["provenance"]) if kind is OriginKind.GENERATED else None
    return ReleasedOrigin(kind, name, is_human, generation)


def kinds(found: Mapping[PersonalDataKind, int]) -> tuple[PersonalDataKind, ...]:
    return tuple(sorted(kind for kind, count in found.items() if count))
