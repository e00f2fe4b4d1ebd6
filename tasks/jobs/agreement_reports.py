"""Agreement of one campaign in all its parts: over all, by language, by stratum and by month.

A stratum is told where its language has several, a month where there are several: alone it is the same as the whole.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from annotate.queries.judgments import KnownBallot, KnownVote
from annotate.services.quality import ReportKey
from tasks.agreement.alpha import VoteTable, measure_votes, tabulate_votes
from tasks.agreement.concordance import measure_table
from tasks.agreement.least import find_least_labelling, find_least_pairs, find_least_parents, find_least_subjects
from tasks.agreement.ranking_units import RankingTable, collect_ballots, select_parents, tabulate_rankings
from tasks.records.quality import AgreementRecord
from tasks.vocabulary import Kind, Metric, Widget

#: How far apart two answers are, by how the question was asked. The points of a scale have an order, and no more.
METRICS = {Widget.YES_NO: Metric.NOMINAL, Widget.FLAG: Metric.NOMINAL, Widget.SCALE: Metric.ORDINAL}

Reports = list[tuple[ReportKey, AgreementRecord]]
Key = TypeVar("Key", bound=Hashable)
Each = TypeVar("Each")


def measure_rankings(ballots: Sequence[KnownBallot], *, seed: int) -> Reports:
    """Every coefficient of rankings for each kind of ordering work."""
    kinds = _group((known.kind, known) for known in ballots)
    return [report for kind in sorted(kinds) for report in _measure_kind(kind, kinds[kind], seed=seed)]


def measure_labels(votes: Sequence[KnownVote], *, seed: int) -> Reports:
    """Krippendorff's alpha of each dimension."""
    dimensions = _group((known.vote.dimension, known) for known in votes)
    return [report for name in sorted(dimensions) for report in _measure_dimension(name, dimensions[name], seed=seed)]


def find_least(ballots: Sequence[KnownBallot], votes: Sequence[KnownVote]) -> dict[str, object]:
    """Who and what agrees least, as `annotate.queries.agreement` shows it. People are ids, as text."""
    collected = collect_ballots(known.ballot for known in ballots)
    tables: dict[str, tuple[VoteTable, list[str]]] = {}
    for name, known in _group((each.vote.dimension, each.vote) for each in votes).items():
        tables[name] = tabulate_votes(known), list(dict.fromkeys(vote.annotator for vote in known))
    return {
        "ranking_pairs": find_least_pairs(collected),
        "parents": find_least_parents(collected),
        "label_pairs": find_least_labelling(tables),
        "subjects": find_least_subjects(tables),
    }


def _measure_kind(kind: Kind, ballots: Sequence[KnownBallot], *, seed: int) -> Reports:
    table = tabulate_rankings(collect_ballots(known.ballot for known in ballots))
    languages = _group((known.language, known.ballot.parent) for known in ballots)
    strata = _group(((known.language, known.stratum), known.ballot.parent) for known in ballots)
    reports = _measure_part(ReportKey(kind), table, seed=seed)
    for language in sorted(languages):
        reports += _measure_part(ReportKey(kind, language), select_parents(table, set(languages[language])), seed=seed)
    for language, stratum in find_several(strata):
        key = ReportKey(kind, language, stratum=stratum)
        reports += _measure_part(key, select_parents(table, set(strata[language, stratum])), seed=seed)
    months = _group((known.month, known.ballot) for known in ballots)
    for month in sorted(months) if len(months) > 1 else ():
        alone = tabulate_rankings(collect_ballots(months[month]))
        reports += _measure_part(ReportKey(kind, month=month), alone, seed=seed)
    return reports


def _measure_part(key: ReportKey, table: RankingTable, *, seed: int) -> Reports:
    return [(key, record) for record in measure_table(table, seed=seed) if _is_told(key, record)]


def _measure_dimension(dimension: str, votes: Sequence[KnownVote], *, seed: int) -> Reports:
    table = tabulate_votes(known.vote for known in votes)
    metric = METRICS[Widget(votes[-1].widget)]
    places: dict[ReportKey, list[int]] = {}
    languages = _group((known.language, place) for place, known in enumerate(votes))
    strata = _group(((known.language, known.stratum), place) for place, known in enumerate(votes))
    months = _group((known.month, place) for place, known in enumerate(votes))
    for language in sorted(languages):
        places[ReportKey(Kind.LABEL, language, dimension)] = languages[language]
    for language, stratum in find_several(strata):
        places[ReportKey(Kind.LABEL, language, dimension, stratum)] = strata[language, stratum]
    for month in sorted(months) if len(months) > 1 else ():
        places[ReportKey(Kind.LABEL, None, dimension, None, month)] = months[month]
    reports = [(ReportKey(Kind.LABEL, dimension=dimension), measure_votes(table, metric=metric, seed=seed))]
    for key, chosen in places.items():
        record = measure_votes(_pick_votes(table, chosen), metric=metric, seed=seed)
        if _is_told(key, record):
            reports.append((key, record))
    return reports


def _pick_votes(table: VoteTable, places: Sequence[int]) -> VoteTable:
    chosen = np.array(places, dtype=np.int64)
    return VoteTable(table.subjects[chosen], table.annotators[chosen], table.values[chosen])


def _is_told(key: ReportKey, record: AgreementRecord) -> bool:
    """A stratum or a month in which nothing was judged twice has nothing to say; a language says that."""
    return record.n_units > 0 or (key.stratum is None and key.month is None)


def find_several(strata: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """The strata of languages that have several."""
    by_language = _group(strata)
    for language in sorted(by_language):
        if len(by_language[language]) > 1:
            yield from ((language, stratum) for stratum in sorted(by_language[language]))


def _group(pairs: Iterable[tuple[Key, Each]]) -> dict[Key, list[Each]]:
    groups: defaultdict[Key, list[Each]] = defaultdict(list)
    for key, each in pairs:
        groups[key].append(each)
    return groups
