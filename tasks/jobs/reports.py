"""Agreement and leaderboard of one campaign: ballots and votes in, records out."""

from collections import defaultdict

from annotate.queries.judgments import KnownBallot, KnownVote, iterate_ballots, iterate_votes
from annotate.queries.origins import load_origins
from annotate.services.quality import ReportKey
from tasks.agreement.alpha import measure_label_agreement
from tasks.agreement.concordance import measure_ranking_agreement
from tasks.agreement.leaderboard import compare_generators
from tasks.records.ballots import Ballot, LabelVote
from tasks.records.quality import AgreementRecord, LeaderboardRecord
from tasks.vocabulary import Kind, Metric, Widget

#: How far apart two answers are, by how the question was asked. The points of a scale have an order, and no more.
METRICS = {Widget.YES_NO: Metric.NOMINAL, Widget.FLAG: Metric.NOMINAL, Widget.SCALE: Metric.ORDINAL}

Reports = list[tuple[ReportKey, AgreementRecord]]


def compute_reports(*, campaign_id: int, seed: int) -> tuple[Reports, LeaderboardRecord]:
    """Every agreement figure of a campaign, and its leaderboard, from the judgments that stand."""
    ballots = list(iterate_ballots(campaign_id=campaign_id))
    reports = measure_rankings(ballots, seed=seed)
    reports += measure_labels(list(iterate_votes(campaign_id=campaign_id)), seed=seed)
    placed = {message for known in ballots for tier in known.ballot.tiers for message in tier}
    leaderboard = compare_generators([known.ballot for known in ballots], load_origins(message_ids=placed), seed=seed)
    return reports, leaderboard


def measure_rankings(ballots: list[KnownBallot], *, seed: int) -> Reports:
    """Three coefficients for each kind of ordering work, over all languages (None) and in each."""
    groups: defaultdict[tuple[Kind, str | None], list[Ballot]] = defaultdict(list)
    for known in ballots:
        groups[known.kind, None].append(known.ballot)
        groups[known.kind, known.language].append(known.ballot)
    return [
        ((kind.value, language, None), record)
        for (kind, language), group in groups.items()
        for record in measure_ranking_agreement(group, seed=seed)
    ]


def measure_labels(votes: list[KnownVote], *, seed: int) -> Reports:
    """Krippendorff's alpha of each dimension, over all languages (None) and in each."""
    groups: defaultdict[tuple[str | None, str], list[LabelVote]] = defaultdict(list)
    metrics: dict[str, Metric] = {}
    for known in votes:
        dimension = known.vote.dimension
        metrics[dimension] = METRICS[Widget(known.widget)]
        groups[None, dimension].append(known.vote)
        groups[known.language, dimension].append(known.vote)
    return [
        (
            (Kind.LABEL.value, language, dimension),
            measure_label_agreement(group, metric=metrics[dimension], seed=seed),
        )
        for (language, dimension), group in groups.items()
    ]
