"""Agreement and leaderboard of one campaign: ballots and votes in, records out."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from annotate.queries.generator_identity import find_alike
from annotate.queries.judgments import KnownBallot, KnownVote, iterate_ballots, iterate_votes
from annotate.queries.origins import load_origins
from annotate.services.quality import ReportKey
from tasks.agreement.alpha import measure_label_agreement
from tasks.agreement.concordance import measure_ranking_agreement
from tasks.agreement.leaderboard import compare_generators, pool_models
from tasks.records.ballots import Ballot, LabelVote
from tasks.records.quality import AgreementRecord, LeaderboardRecord, ModelStanding
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
    leaderboard = lead_generators(
        campaign_id=campaign_id,
        ballots=[known.ballot for known in ballots],
        origins=load_origins(message_ids=placed),
        seed=seed,
    )
    return reports, leaderboard


def lead_generators(
    *, campaign_id: int, ballots: list[Ballot], origins: Mapping[int, tuple[str, ...]], seed: int
) -> LeaderboardRecord:
    """The generators compared, each by itself; beside them those that are one model, as one."""
    names = {name for behind in origins.values() for name in behind}
    # A key that is a generator's name too must not make one of both.
    models = {f"model:{key}": found for key, found in find_alike(campaign_id=campaign_id, names=names).items()}
    pooled = pool_models(ballots, origins, models, seed=seed)
    return replace(compare_generators(ballots, origins, seed=seed), models=tuple(name_model(model) for model in pooled))


def name_model(model: ModelStanding) -> ModelStanding:
    """The model under its key alone."""
    key = model.model_key.removeprefix("model:")
    standing = None if model.standing is None else replace(model.standing, generator=key)
    return replace(model, model_key=key, standing=standing)


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
