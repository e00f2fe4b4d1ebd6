"""Preference pairs, from a consensus or straight from ballots. A tie gives no pair; nor does what nobody compared."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord
from tasks.records.releases import PairSubject, PreferencePair

#: Wins of the first over the second, of the second over the first, ties; keyed by ids in ascending order.
Votes = dict[tuple[int, int], tuple[int, int, int]]


def pairs_from_consensus(
    consensus: ConsensusRecord, subject: PairSubject, *, ballots: Iterable[Ballot] = (), min_confidence: float = 0.5
) -> Iterator[PreferencePair]:
    """Yield a pair for every two candidates in different tiers of the consensus, best first.

    `min_confidence`: least P(chosen is better), in [0.5, 1]. Candidates that the subject does not hold
    (removed, withdrawn) are passed over. `ballots` fill in the votes.
    """
    votes = count_votes(ballots)
    place = {candidate: index for index, candidate in enumerate(consensus.candidates)}
    for upper, lower in combinations(consensus.tiers, 2):
        for chosen in upper:
            for rejected in lower:
                confidence = consensus.p_above[place[chosen]][place[rejected]]
                if confidence < min_confidence or not {chosen, rejected} <= subject.candidates.keys():
                    continue
                yield _make_pair(
                    subject,
                    chosen,
                    rejected,
                    votes=votes,
                    source="consensus",
                    confidence=confidence,
                    scores=(consensus.scores[place[chosen]], consensus.scores[place[rejected]]),
                )


def pairs_from_ballots(
    ballots: Iterable[Ballot], subject: PairSubject, *, min_votes: int = 1
) -> Iterator[PreferencePair]:
    """Yield a pair for every two candidates of which a majority preferred one, by ascending ids.

    `min_votes`: least number of annotators that placed both. Equal numbers of wins give no pair.
    """
    votes = count_votes(ballots)
    for (first, second), (wins, losses, ties) in sorted(votes.items()):
        if wins == losses or wins + losses + ties < min_votes or not {first, second} <= subject.candidates.keys():
            continue
        chosen, rejected = (first, second) if wins > losses else (second, first)
        yield _make_pair(subject, chosen, rejected, votes=votes, source="ballots")


def count_votes(ballots: Iterable[Ballot]) -> Votes:
    """Return for every two candidates that a ballot placed both who won how often.

    Inside a last tier that is "the rest" nothing was said, so nothing is counted.
    """
    tally: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for ballot in ballots:
        placed = [(candidate, tier) for tier, members in enumerate(ballot.tiers) for candidate in members]
        rest = len(ballot.tiers) - 1 if ballot.rest_worse else None
        for (first, first_tier), (second, second_tier) in combinations(sorted(placed), 2):
            if first_tier == second_tier == rest:
                continue
            outcome = 2 if first_tier == second_tier else int(first_tier > second_tier)
            tally[first, second][outcome] += 1
    return {pair: (wins, losses, ties) for pair, (wins, losses, ties) in tally.items()}


def _make_pair(
    subject: PairSubject,
    chosen: int,
    rejected: int,
    *,
    votes: Votes,
    source: str,
    confidence: float | None = None,
    scores: Sequence[float | None] = (None, None),
) -> PreferencePair:
    wins, losses, ties = votes.get((min(chosen, rejected), max(chosen, rejected)), (0, 0, 0))
    if chosen > rejected:
        wins, losses = losses, wins
    return PreferencePair(
        message_tree_id=subject.message_tree_id,
        parent_id=subject.parent_id,
        thread=subject.thread,
        chosen=subject.candidates[chosen],
        rejected=subject.candidates[rejected],
        source=source,
        votes_chosen=wins,
        votes_rejected=losses,
        votes_tied=ties,
        language=subject.language,
        topic=subject.topic,
        confidence=confidence,
        score_chosen=scores[0],
        score_rejected=scores[1],
        personal_data=tuple(
            sorted(
                {
                    *subject.personal_data,
                    *subject.candidates[chosen].personal_data,
                    *subject.candidates[rejected].personal_data,
                }
            )
        ),
    )
