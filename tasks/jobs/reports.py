"""Agreement and leaderboard of one campaign: ballots and votes in, records out."""

from collections.abc import Mapping
from dataclasses import replace

from annotate.queries.generator_identity import find_alike
from annotate.queries.judgments import iterate_ballots, iterate_votes
from annotate.queries.origins import load_origins
from tasks.agreement.leaderboard import compare_generators, pool_models
from tasks.jobs.agreement_reports import Reports, find_least, measure_labels, measure_rankings
from tasks.records.ballots import Ballot
from tasks.records.quality import LeaderboardRecord, ModelStanding


def compute_reports(*, campaign_id: int, seed: int) -> tuple[Reports, dict[str, object], LeaderboardRecord]:
    """Every agreement figure of a campaign, who and what agrees least, and its leaderboard, from the judgments that stand."""
    ballots = list(iterate_ballots(campaign_id=campaign_id))
    votes = list(iterate_votes(campaign_id=campaign_id))
    reports = measure_rankings(ballots, seed=seed) + measure_labels(votes, seed=seed)
    detail = find_least(ballots, votes)
    placed = {message for known in ballots for tier in known.ballot.tiers for message in tier}
    leaderboard = lead_generators(
        campaign_id=campaign_id,
        ballots=[known.ballot for known in ballots],
        origins=load_origins(message_ids=placed),
        seed=seed,
    )
    return reports, detail, leaderboard


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
