"""Agreement and leaderboard of one campaign: ballots and votes in, records out."""

from annotate.queries.judgments import iterate_ballots, iterate_votes
from tasks.jobs.agreement_reports import Reports, find_least, measure_labels, measure_rankings
from tasks.jobs.leaderboard_reports import lead_generators
from tasks.records.leaderboard import LeaderboardSlices
from tasks.records.quality import LeaderboardRecord


def compute_reports(
    *, campaign_id: int, seed: int
) -> tuple[Reports, dict[str, object], LeaderboardRecord, LeaderboardSlices]:
    """Every agreement figure of a campaign, who and what agrees least, and its leaderboard, from the judgments that stand."""
    ballots = list(iterate_ballots(campaign_id=campaign_id))
    votes = list(iterate_votes(campaign_id=campaign_id))
    reports = measure_rankings(ballots, seed=seed) + measure_labels(votes, seed=seed)
    detail = find_least(ballots, votes)
    leaderboard, slices = lead_generators(campaign_id=campaign_id, ballots=ballots, seed=seed)
    return reports, detail, leaderboard, slices
