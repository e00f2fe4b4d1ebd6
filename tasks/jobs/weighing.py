"""Consensus of parents, each by the snapshot of its annotators' reliability that it names."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from annotate.queries.reliability import Way, load_sharpness
from tasks.agreement.consensus import combine_rankings
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord

#: The draws behind P(best): the same for every parent, so that a consensus depends on its ballots alone.
SEED = 1


def combine_weighed(ballots: Sequence[Ballot], *, ways: Mapping[int, Way]) -> list[ConsensusRecord]:
    """The consensus of every parent on which something was placed, each in its own way, by parent id."""
    groups: defaultdict[Way, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        way = ways[ballot.parent]
        # Where nobody is weighed it matters not whose campaign it is.
        groups[way if way.version else Way(0, 0, with_gain=way.with_gain)].append(ballot)
    records = [record for way, group in groups.items() for record in _combine(group, way)]
    return sorted(records, key=lambda record: record.parent)


def _combine(ballots: Sequence[Ballot], way: Way) -> list[ConsensusRecord]:
    if not way.version:
        return combine_rankings(ballots, seed=SEED, with_gain=way.with_gain)
    sharpness = load_sharpness(
        campaign_id=way.campaign_id, version=way.version, annotators={ballot.annotator for ballot in ballots}
    )
    return combine_rankings(ballots, seed=SEED, sharpness=sharpness, with_gain=way.with_gain)
