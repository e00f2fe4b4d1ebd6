"""A snapshot of reliability is a new version exactly when something that it depends on has changed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from annotate.access import Actor
from annotate.models import AnnotatorReliability, Consensus, Message, ReliabilitySnapshot, Stale, User
from annotate.queries.judgments import load_ballots
from annotate.queries.reliability import Way, find_ways, list_ready_campaigns, list_upheld, load_gold, load_sharpness
from annotate.services.campaigns import change_campaign
from annotate.services.quality import store_consensus
from annotate.services.release_building import find_folder
from annotate.services.reliability import (
    KEPT,
    bring_forward,
    forget_old_snapshots,
    mark_outdated,
    store_reliability,
)
from annotate.services.stale import claim_stale, end_turn, take_turn
from tasks.agreement.consensus import METHOD, METHOD_VERSION, combine_rankings
from tasks.jobs.quality import recompute_stale_job
from tasks.records.campaigns import CampaignSpec
from tasks.records.reliability import GoldBallot
from tasks.vocabulary import StaleKind
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.releases import build, make_given, read_lines
from tests.reliabilities import find, make_record, newcomer, person, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_campaign(weigh_reliability=True)


@pytest.fixture
def people():
    return make_annotators(3)


def take(campaign, *, now=NOW):
    return take_turn(kind=StaleKind.TURN_RELIABILITY, subject_id=campaign.pk, now=now, lease_seconds=60)


def marked(kind: str = "parent") -> dict[int, int]:
    return dict(Stale.objects.filter(kind=kind).values_list("subject_id", "marked"))


def judge(campaign, people, text="Why do birds sing?") -> Message:
    """A prompt with a consensus, and no mark that stands."""
    prompt = make_prompt(campaign, text)
    for annotator in people:
        rank(annotator, prompt, *[[one] for one in add_candidates(prompt, "alpha One.", "beta Two.")])
    return prompt


def combine(*prompts: Message, version: int) -> None:
    """Consensuses of this version, whatever the ballots weigh."""
    marks = claim_stale(kind=StaleKind.PARENT, limit=9, now=NOW + timedelta(days=1), lease_seconds=1)
    records = combine_rankings(load_ballots(parent_ids=[prompt.pk for prompt in prompts]), seed=1)
    ways = {prompt.pk: Way(prompt.tree.campaign_id, version) for prompt in prompts}
    store_consensus(marks=marks, records=records, ways=ways, now=NOW)


def test_a_snapshot_has_everybody_with_their_figures(campaign, people) -> None:
    ada, bob, _ = people
    snapshot = store(campaign, person(ada, sharpness=1.5, n_gold=4, gold_right=3.5), newcomer(bob))
    assert (snapshot.version, snapshot.n_annotators, snapshot.n_ballots) == (1, 2, 22)
    rows = AnnotatorReliability.objects.filter(snapshot=snapshot).order_by("annotator_id")
    assert [(row.annotator_id, row.sharpness, row.low, row.high, row.agreement, row.gold_right) for row in rows] == [
        (ada.pk, 1.5, 1.25, 1.75, 0.5, 3.5),
        (bob.pk, 1.0, 0.3, 2.5, None, 0.0),
    ]


def test_the_same_inputs_make_no_new_version(campaign, people) -> None:
    store(campaign, person(people[0]))
    assert store(campaign, person(people[0])) is None
    assert store(campaign, person(people[0]), inputs="b").version == 2


def test_a_finding_that_was_upheld_makes_a_new_version_of_the_same_ballots(campaign, people) -> None:
    store(campaign, person(people[0]))
    snapshot = store(campaign, person(people[0], sharpness=0.0, low=0.0, high=0.0), upheld=people[:1])
    assert (snapshot.version, AnnotatorReliability.objects.get(snapshot=snapshot).details) == (2, {"upheld": True})


def test_nobody_makes_no_first_snapshot_but_is_a_later_one(campaign, people) -> None:
    """When the last ballot was withdrawn, the numbers go back."""
    assert store(campaign) is None
    store(campaign, person(people[0]))
    assert store(campaign, inputs="b").n_annotators == 0


def test_who_has_lost_the_turn_stores_nothing(campaign, people) -> None:
    turn = take(campaign)
    bring_forward(campaign_id=campaign.pk)
    record = make_record([person(people[0])])
    assert store_reliability(turn=turn, record=record, upheld=[], now=NOW) is None
    assert not ReliabilitySnapshot.objects.exists()


def test_a_version_is_there_once(campaign, people) -> None:
    snapshot = store(campaign, person(people[0]))
    with pytest.raises(IntegrityError, match="a_version_of_reliability_is_one_snapshot"), transaction.atomic():
        ReliabilitySnapshot.objects.create(
            campaign=campaign, version=snapshot.version, method="m", method_version=1, seed=1, input_hash=bytes(32),
            n_annotators=0, n_ballots=0, computed_at=NOW,
        )  # fmt: skip


def test_what_is_brought_forward_ends_its_rest_and_wakes_the_job(campaign, monkeypatch) -> None:
    woken = []
    monkeypatch.setattr("annotate.services.reliability.wake", lambda job: woken.append(str(job)))
    end_turn(turn=take(campaign), rest_until=NOW + timedelta(hours=1))
    assert list_ready_campaigns(kind=StaleKind.TURN_RELIABILITY, now=NOW) == []
    bring_forward(campaign_id=campaign.pk)
    assert list_ready_campaigns(kind=StaleKind.TURN_RELIABILITY, now=NOW) == [campaign.pk]
    assert woken == ["reliability.measure_reliability"]


def test_who_was_never_measured_has_the_first_turn_and_drafts_have_none() -> None:
    first, second = make_campaign("first"), make_campaign("second")
    make_campaign("draft", state="draft")
    end_turn(turn=take(first), rest_until=NOW - timedelta(minutes=1))
    assert list_ready_campaigns(kind=StaleKind.TURN_RELIABILITY, now=NOW) == [second.pk, first.pk]


def test_weighing_on_or_off_brings_the_next_turn_forward(campaign, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr("annotate.services.campaigns.bring_forward", lambda *, campaign_id: asked.append(campaign_id))
    actor = Actor(user=User.objects.create(email="olga@example.org"), scopes=None)
    for name, value in (("daily_cap", 7), ("weigh_reliability", False), ("weigh_reliability", True)):
        change_campaign(campaign=campaign, spec=CampaignSpec(parameters={name: value}), actor=actor, now=NOW)
    assert asked == [campaign.pk, campaign.pk]


def test_every_consensus_of_another_version_is_marked(campaign, people, monkeypatch) -> None:
    monkeypatch.setattr("annotate.services.reliability.PARENTS_AT_ONCE", 1)
    prompts = [judge(campaign, people[:1], text) for text in ("One?", "Two?")]
    combine(*prompts, version=0)
    before = marked()
    of = {"campaign_id": campaign.pk, "method": METHOD, "method_version": int(METHOD_VERSION)}
    assert mark_outdated(**of) == 0
    store(campaign, person(people[0]))
    assert mark_outdated(**of) == 2
    assert marked() == {prompt.pk: before[prompt.pk] + 1 for prompt in prompts}


def test_where_nothing_is_weighed_a_new_snapshot_marks_nothing(people) -> None:
    campaign = make_campaign()
    combine(judge(campaign, people[:1]), version=0)
    store(campaign, person(people[0]))
    assert mark_outdated(campaign_id=campaign.pk, method=METHOD, method_version=int(METHOD_VERSION)) == 0


def test_what_an_older_method_made_is_marked(campaign, people) -> None:
    prompt = judge(campaign, people[:1])
    combine(prompt, version=0)
    before = marked()[prompt.pk]
    assert mark_outdated(campaign_id=campaign.pk, method=METHOD, method_version=int(METHOD_VERSION) + 1) == 1
    assert marked()[prompt.pk] == before + 1


def test_what_was_computed_while_a_snapshot_came_is_marked_again(campaign, people) -> None:
    prompt = judge(campaign, people[:1])
    store(campaign, person(people[0]))
    combine(prompt, version=0)
    assert Stale.objects.get(kind="parent", subject_id=prompt.pk).marked == 2
    combine(prompt, version=1)
    row = Stale.objects.get(kind="parent", subject_id=prompt.pk)
    assert (row.marked, row.computed) == (2, 2)


def test_of_weighed_consensuses_only_the_current_one_is_kept(campaign, people) -> None:
    prompt = judge(campaign, people[:1])
    combine(prompt, version=0)
    for version in (1, 2, 3):
        store(campaign, person(people[0]), inputs="abc"[version - 1])
        mark_outdated(campaign_id=campaign.pk, method=METHOD, method_version=int(METHOD_VERSION))
        combine(prompt, version=version)
    assert list(Consensus.objects.order_by("pk").values_list("reliability_version", flat=True)) == [0, 3]


def test_a_campaign_is_weighed_by_its_newest_snapshot_alone(campaign, people) -> None:
    other = make_campaign("other")
    prompts = [make_prompt(campaign, "One?"), make_prompt(other, "Two?")]
    for one in (campaign, other):
        store(one, person(people[0], sharpness=0.5))
        store(one, person(people[0], sharpness=2.0), inputs="b")
    ways = find_ways(parent_ids=[prompt.pk for prompt in prompts])
    assert [(way.campaign_id, way.version) for way in ways.values()] == [(campaign.pk, 2), (other.pk, 0)]
    of = {"campaign_id": campaign.pk, "annotators": {str(people[0].pk), str(people[1].pk)}}
    assert load_sharpness(**of, version=1) == {str(people[0].pk): 0.5}
    assert load_sharpness(**of, version=2) == {str(people[0].pk): 2.0}


def test_findings_that_were_upheld_count_for_the_account_that_a_guest_became(campaign, people) -> None:
    guest, account, honest = people
    find(campaign, guest, state="upheld")
    find(campaign, honest, state="dismissed")
    find(make_campaign("other"), honest, state="upheld")
    assert list_upheld(campaign_id=campaign.pk) == [str(guest.pk)]
    guest.merged_into = account
    guest.save()
    assert list_upheld(campaign_id=campaign.pk) == [str(account.pk)]


def test_no_gold_is_no_answer(campaign) -> None:
    assert load_gold(campaign_id=campaign.pk) == list[GoldBallot]()


def test_people_of_old_snapshots_that_nothing_names_are_forgotten(campaign, people) -> None:
    prompt = judge(campaign, people[:1])
    for inputs in "abc":
        store(campaign, person(people[0]), inputs=inputs)
    combine(prompt, version=2)
    assert forget_old_snapshots(campaign_id=campaign.pk, now=NOW + KEPT) == 0
    assert forget_old_snapshots(campaign_id=campaign.pk, now=NOW + KEPT + timedelta(seconds=1)) == 1
    assert sorted(AnnotatorReliability.objects.values_list("snapshot__version", flat=True)) == [2, 3]
    assert ReliabilitySnapshot.objects.count() == 3


def test_a_consensus_says_nothing_else_later_and_only_weighed_ones_go(campaign, people) -> None:
    prompt = judge(campaign, people[:1])
    combine(prompt, version=0)
    row = Consensus.objects.get()
    for harm in ({"n": 7}, {"result": {**row.result, "n_ballots": 7}}, {"reliability_version": 1}):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            Consensus.objects.update(**harm)
    Message.objects.update(current_consensus=None)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Consensus.objects.all().delete()


def test_what_one_more_ballot_is_worth_is_filled_in_once(campaign, people) -> None:
    prompt = judge(campaign, people[:1])
    combine(prompt, version=0)
    row = Consensus.objects.get()
    assert row.result["gain"] is None
    Consensus.objects.update(result={**row.result, "gain": 0.25})
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Consensus.objects.update(result={**row.result, "gain": 0.5})


def test_a_release_counts_all_ballots_alike_and_says_so_also_where_its_campaign_weighs_them() -> None:
    """Whoever has the files alone can compute its consensus again."""
    campaign, givers = make_given("ada", "bob", weigh_reliability=True)
    store(campaign, person(givers[0], sharpness=0.1, low=0.0), person(givers[1], sharpness=2.5))
    recompute_stale_job()
    weighed = Consensus.objects.get()
    release = build(campaign)
    prompt = Message.objects.get(role="prompter", tree__campaign=campaign)
    alike = combine_rankings(load_ballots(parent_ids=[prompt.pk]), seed=1)[0]
    (root,) = read_lines(release, "trees.jsonl.gz")
    assert root["prompt"]["consensus"]["confidence"] == alike.confidence != weighed.result["confidence"]
    assert json.loads((find_folder(release) / "MANIFEST.json").read_text())["ballots_count"] == "alike"
    assert "Every ballot counts alike" in (find_folder(release) / "README.md").read_text()
