"""Opinion groups of every campaign, hour by hour: from the ballots that stand, where anything has changed since."""

import time
from collections.abc import Mapping

from celery import shared_task
from django.utils import timezone

from annotate.queries.judgments import iterate_ballots
from annotate.queries.perspectives import list_set_aside, load_members, read_position
from annotate.queries.self_descriptions import load_answers
from annotate.services.perspectives import store_perspectives
from annotate.services.stale import Turn, end_turn, rest_hourly
from annotate.wake import wake
from tasks.agreement.described import describe_divisions, hash_described
from tasks.agreement.perspectives import METHOD_VERSION, find_perspectives
from tasks.agreement.votes import collect_votes
from tasks.jobs.reliability import do_in_turn
from tasks.vocabulary import JobName, StaleKind

#: Longer than the hard limit of the job: whoever has a turn is alone, unless it is taken away.
LEASE_SECONDS = 930.0
SEED = 1


@shared_task(name=str(JobName.FIND_PERSPECTIVES))
def find_perspectives_job() -> None:
    """Every campaign that does not rest."""
    if not do_in_turn(StaleKind.TURN_OPINIONS, find_in_turn, lease=LEASE_SECONDS):
        wake(JobName.FIND_PERSPECTIVES)


def find_in_turn(turn: Turn) -> None:
    """One campaign. The turn's cursor says from which ballots the last run computed."""
    started, campaign_id = time.monotonic(), turn.subject_id
    aside = list_set_aside(campaign_id=campaign_id)
    answers = load_answers(campaign_id=campaign_id)
    position = read_position(
        campaign_id=campaign_id, set_aside=[*aside, *_list_said(answers)], method_version=METHOD_VERSION
    )
    if position != turn.cursor:
        last = load_members(campaign_id=campaign_id)
        ballots = (known.ballot for known in iterate_ballots(campaign_id=campaign_id))
        votes = collect_votes(ballots, without=aside)
        record, members = find_perspectives(votes, seed=SEED, last=last)
        described = (describe_divisions(votes, answers, seed=SEED), hash_described(votes, answers))
        store_perspectives(turn=turn, record=record, members=members, described=described, now=timezone.now())
    end_turn(turn=turn, rest_until=timezone.now() + rest_hourly(time.monotonic() - started), cursor=position)


def _list_said(answers: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Everything that people said of themselves, in an order of its own."""
    return [f"{question} {name} {said[name]}" for question, said in sorted(answers.items()) for name in sorted(said)]
