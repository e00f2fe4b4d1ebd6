"""Opinion groups among real crowd workers who compared answers of models, and among the same with planted views."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from tasks.agreement.perspectives import find_perspectives
from tasks.agreement.votes import collect_votes
from tasks.records.ballots import Ballot
from tests.pure.opinion_crowds import adjusted_rand

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def ballots() -> list[Ballot]:
    """A comparison is a ballot of two tiers, or of one for a tie; an answer is a model's to a prompt."""
    with (Path(os.environ["CHORUS_REAL_DATA"]) / "llmfao" / "crowd-comparisons.csv").open() as file:
        return [read_row(row) for row in csv.DictReader(file)]


def read_row(row: dict[str, str]) -> Ballot:
    prompt = int(row["prompt"])
    left, right = (1000 * prompt + int(row[name]) for name in ("model_x", "model_y"))
    tiers = {"left": ((left,), (right,)), "right": ((right,), (left,)), "tie": ((left, right),)}[row["winner"]]
    return Ballot(row["worker"].zfill(4), prompt, tiers, None, (left, right))


def test_what_real_people_say_of_models_gives_figures_and_groups_of_ten_or_none(ballots) -> None:
    record, members = find_perspectives(collect_votes(ballots), seed=1)
    json.dumps(record.as_result(), allow_nan=False)
    assert record.n_people > 50
    assert record.n_parents > 10
    assert all(group.people >= 10 for group in record.groups)
    assert sum(group.people for group in record.groups) in {0, record.n_people}
    assert find_perspectives(collect_votes(ballots[::-1]), seed=1) == (record, members)
    print(record.state, [group.people for group in record.groups], record.division, record.n_people, record.n_votes)


def test_two_views_planted_among_real_people_are_found(ballots) -> None:
    """On every second prompt half of the workers prefer models with an even number, and half those with an odd one."""
    taught = [take_side(one) for one in ballots]
    record, members = find_perspectives(collect_votes(taught), seed=1)
    print(record.state, [group.people for group in record.groups], record.division)
    assert (record.state, len(record.groups)) == ("found", 2)
    truth = [int(member.annotator) % 2 for member in members]
    assert adjusted_rand([member.group or 0 for member in members], truth) > 0.6


def take_side(ballot: Ballot) -> Ballot:
    left, right = ballot.shown
    if ballot.parent % 2 or left % 2 == right % 2:
        return ballot
    first, second = (left, right) if left % 2 == int(ballot.annotator) % 2 else (right, left)
    return Ballot(ballot.annotator, ballot.parent, ((first,), (second,)), None, ballot.shown)
