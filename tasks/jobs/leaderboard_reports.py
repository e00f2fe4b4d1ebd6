"""The leaderboard of one campaign with all that stands beside it: models, controls, languages and topics."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from annotate.queries.generator_identity import find_alike
from annotate.queries.judgments import KnownBallot
from annotate.queries.leaderboards import iterate_texts, list_topics
from annotate.queries.origins import load_origins
from tasks.agreement.board_slices import slice_generators
from tasks.agreement.controls import control_generators
from tasks.agreement.leaderboard import compare_generators, pool_models
from tasks.records.ballots import Ballot
from tasks.records.leaderboard import LeaderboardSlices
from tasks.records.quality import LeaderboardRecord, ModelStanding
from tasks.text.style import measure_style


def lead_generators(
    *, campaign_id: int, ballots: Sequence[KnownBallot], seed: int
) -> tuple[LeaderboardRecord, LeaderboardSlices]:
    """The generators compared, each by itself; beside them those that are one model, as one, and the slices."""
    placed = {message for known in ballots for tier in known.ballot.tiers for message in tier}
    origins = load_origins(message_ids=placed)
    alone = [known.ballot for known in ballots]
    names = {name for behind in origins.values() for name in behind}
    # A key that is a generator's name too must not make one of both.
    models = {f"model:{key}": found for key, found in find_alike(campaign_id=campaign_id, names=names).items()}
    pooled = pool_models(alone, origins, models, seed=seed)
    board = replace(compare_generators(alone, origins, seed=seed), models=tuple(name_model(model) for model in pooled))
    return board, slice_board(campaign_id=campaign_id, ballots=ballots, origins=origins, seed=seed)


def slice_board(
    *, campaign_id: int, ballots: Sequence[KnownBallot], origins: Mapping[int, Sequence[str]], seed: int
) -> LeaderboardSlices:
    """The same with what sways held equal, and by language and topic; prompts without a topic are in no slice."""
    topics = list_topics(campaign_id=campaign_id)
    by_topic = group_ballots((topics.get(known.stratum, ""), known.ballot) for known in ballots)
    by_topic.pop("", None)
    by_language = group_ballots((known.language, known.ballot) for known in ballots)
    traits = {message: measure_style(text) for message, text in iterate_texts(message_ids=origins)}
    return LeaderboardSlices(
        controlled=control_generators(
            [known.ballot for known in ballots],
            origins,
            traits,
            seed=seed,
            order_known=[known.order_known for known in ballots],
        ),
        languages=slice_generators(by_language, origins, total=len(ballots), seed=seed),
        topics=slice_generators(by_topic, origins, total=len(ballots), seed=seed),
    )


def group_ballots(named: Iterable[tuple[str, Ballot]]) -> dict[str, list[Ballot]]:
    """Ballots by a name."""
    groups: defaultdict[str, list[Ballot]] = defaultdict(list)
    for name, ballot in named:
        groups[name].append(ballot)
    return dict(groups)


def name_model(model: ModelStanding) -> ModelStanding:
    """The model under its key alone."""
    key = model.model_key.removeprefix("model:")
    standing = None if model.standing is None else replace(model.standing, generator=key)
    return replace(model, model_key=key, standing=standing)
