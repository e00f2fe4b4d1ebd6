"""Reliability is measured hour by hour, consensus follows it where it weighs, and every night all of it comes out again."""

from __future__ import annotations

import logging
import random
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotate.models import (
    Annotator,
    AnnotatorReliability,
    Campaign,
    Consensus,
    ConsensusCheck,
    GoldItem,
    GoldResult,
    Judgment,
    Message,
    Queue,
    ReliabilitySnapshot,
    Stale,
    Tombstone,
    Unit,
    User,
)
from annotate.queries.integrity import find_broken_rules
from annotate.services.guests import merge_guest
from annotate.services.reliability import bring_forward
from annotate.services.stale import mark_stale
from annotate.services.tokens import hash_token
from tasks.jobs import consensus_check, reliability
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.reliability import check_consensus_job, measure_reliability_job
from tasks.vocabulary import StaleKind
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.reliabilities import find

pytestmark = pytest.mark.django_db

PROMPTS = 12


def judge(campaign: Campaign, *, honest: int = 4, careless: int = 1) -> tuple[list[Annotator], list[Annotator]]:
    """Prompts with four replies of clear quality: the honest all but agree, the careless throw dice."""
    good, bad = make_annotators(honest), make_annotators(careless)
    dice = random.Random(7)
    for number in range(PROMPTS):
        prompt = make_prompt(campaign, f"Question {number}?")
        candidates = add_candidates(prompt, *(f"{name} {number}." for name in ("alpha", "beta", "gamma", "delta")))
        for annotator in good:
            order = list(candidates)
            swapped = dice.randrange(8)
            if swapped < 3:
                order[swapped], order[swapped + 1] = order[swapped + 1], order[swapped]
            rank(annotator, prompt, *[[one] for one in order])
        for annotator in bad:
            rank(annotator, prompt, *[[one] for one in dice.sample(candidates, 4)])
    return good, bad


def measure() -> None:
    """The job, after every rest, what came before it and what it marks."""
    recompute_stale_job()
    Stale.objects.filter(kind="turn_reliability").update(lease_expires_at=None)
    measure_reliability_job()
    recompute_stale_job()


def check() -> ConsensusCheck:
    Stale.objects.filter(kind="turn_check").update(lease_expires_at=None)
    check_consensus_job()
    return ConsensusCheck.objects.get()


def sharpness() -> dict[int, float]:
    newest = ReliabilitySnapshot.objects.order_by("-version").first()
    return dict(AnnotatorReliability.objects.filter(snapshot=newest).values_list("annotator_id", "sharpness"))


def current() -> list[tuple[int, int, bytes, dict]]:
    rows = Message.objects.filter(current_consensus__isnull=False).order_by("pk").select_related("current_consensus")
    return [
        (row.pk, one.reliability_version, bytes(one.input_hash), one.result)
        for row in rows
        if (one := row.current_consensus) is not None
    ]


def versions() -> set[int]:
    return {version for _, version, _, _ in current()}


def test_who_follows_the_others_is_sharper_than_who_throws_dice() -> None:
    honest, careless = judge(make_campaign())
    measure()
    found = sharpness()
    assert max(found[one.pk] for one in careless) < min(found[one.pk] for one in honest)
    snapshot = ReliabilitySnapshot.objects.get()
    assert (snapshot.version, snapshot.n_annotators, snapshot.n_ballots) == (1, 5, 5 * PROMPTS)


def test_where_nothing_has_changed_no_ballot_is_read(monkeypatch) -> None:
    campaign = make_campaign()
    _, careless = judge(campaign)
    measure()
    read: list[int] = []
    real = reliability.measure_campaign

    def count(campaign_id: int):
        read.append(campaign_id)
        return real(campaign_id)

    monkeypatch.setattr(reliability, "measure_campaign", count)
    measure()
    Campaign.objects.update(state="closed")
    measure()
    assert read == []
    find(campaign, careless[0], state="upheld")
    measure()
    assert read == [campaign.pk]
    assert sharpness()[careless[0].pk] == 0
    measure()
    Judgment.objects.filter(annotator=careless[0]).update(withdrawn_at=NOW)
    mark_stale(kind=StaleKind.PARENT, subject_ids=Message.objects.filter(role="prompter").values_list("pk", flat=True))
    measure()
    assert read == [campaign.pk, campaign.pk]
    assert careless[0].pk not in sharpness()


def test_what_failed_is_tried_again_although_no_ballot_has_changed(monkeypatch) -> None:
    judge(make_campaign())
    with monkeypatch.context() as patch:
        patch.setattr(reliability, "store_reliability", lambda **_given: 1 / 0)
        measure()
    assert ReliabilitySnapshot.objects.count() == 0
    measure()
    assert ReliabilitySnapshot.objects.count() == 1


def test_the_job_run_twice_writes_one_version_and_a_ballot_makes_the_next() -> None:
    campaign = make_campaign()
    judge(campaign)
    measure()
    measure()
    assert ReliabilitySnapshot.objects.count() == 1
    rank(
        make_annotators(1)[0],
        Message.objects.filter(role="prompter").first(),
        list(Message.objects.filter(role="assistant")[:1]),
    )
    measure()
    assert list(ReliabilitySnapshot.objects.order_by("version").values_list("version", "n_annotators")) == [
        (1, 5),
        (2, 6),
    ]


def test_a_campaign_rests_between_two_turns(monkeypatch) -> None:
    judge(make_campaign())
    asked = []
    done = reliability.measure_campaign
    monkeypatch.setattr(
        reliability, "measure_campaign", lambda campaign_id: asked.append(campaign_id) or done(campaign_id)
    )
    for _ in range(2):
        measure_reliability_job()
    rest = Stale.objects.get(kind="turn_reliability").lease_expires_at - timezone.now()
    assert (len(asked), timedelta(minutes=4) < rest <= timedelta(hours=1)) == (1, True)


def test_a_lost_message_costs_an_hour_at_most() -> None:
    """Nobody was woken; the next round of beat finds the campaign."""
    judge(make_campaign())
    measure_reliability_job()
    assert ReliabilitySnapshot.objects.count() == 1


def test_where_nothing_is_weighed_consensus_names_no_version() -> None:
    judge(make_campaign())
    recompute_stale_job()
    before = current()
    measure()
    assert (current(), versions()) == (before, {0})


def test_where_it_is_weighed_every_consensus_settles_at_the_newest_version() -> None:
    campaign = make_campaign(weigh_reliability=True)
    judge(campaign)
    recompute_stale_job()
    unweighed = current()
    measure()
    weighed = current()
    assert ({one[1] for one in unweighed}, {one[1] for one in weighed}) == ({0}, {1})
    assert all(before[2] != after[2] for before, after in zip(unweighed, weighed, strict=True))
    prompt = Message.objects.get(pk=unweighed[0][0])
    rank(
        make_annotators(1)[0], prompt, list(prompt.replies.order_by("pk")[:1]), list(prompt.replies.order_by("pk")[1:])
    )
    measure()
    assert versions() == {2}


def test_weighing_turned_off_gives_the_numbers_back_exactly() -> None:
    campaign = make_campaign(weigh_reliability=True)
    judge(campaign)
    Campaign.objects.update(parameters={"redundancy": 3})
    recompute_stale_job()
    before = current()
    for is_on in (True, False):
        Campaign.objects.update(parameters={"redundancy": 3, "weigh_reliability": is_on})
        bring_forward(campaign_id=campaign.pk)
        measure_reliability_job()
        recompute_stale_job()
        assert versions() == {int(is_on)}
    assert current() == before


def test_ballots_that_are_withdrawn_give_the_numbers_back_exactly() -> None:
    campaign = make_campaign(weigh_reliability=True)
    judge(campaign)
    recompute_stale_job()
    measure()
    before = [(parent, result) for parent, _, _, result in current()], sharpness()
    stranger, prompt = make_annotators(1)[0], Message.objects.filter(role="prompter").first()
    judgment = rank(stranger, prompt, *[[one] for one in prompt.replies.order_by("-pk")])
    measure()
    assert ([(parent, result) for parent, _, _, result in current()], sharpness()) != before
    Tombstone.objects.create(campaign=campaign, kind="judgment", object_id=judgment.pk)
    Judgment.objects.filter(pk=judgment.pk).update(is_current=False, withdrawn_at=timezone.now())
    mark_stale(kind=StaleKind.PARENT, subject_ids=[prompt.pk])
    measure()
    assert ([(parent, result) for parent, _, _, result in current()], sharpness()) == before
    assert versions() == {3}


def test_a_finding_that_was_upheld_silences_somebody_and_leaves_the_others_as_without_them() -> None:
    campaign = make_campaign(weigh_reliability=True)
    honest, careless = judge(campaign)
    measure()
    find(campaign, careless[0], state="upheld")
    bring_forward(campaign_id=campaign.pk)
    measure_reliability_job()
    recompute_stale_job()
    found = sharpness()
    assert (found[careless[0].pk], versions()) == (0.0, {2})
    row = AnnotatorReliability.objects.get(snapshot__version=2, annotator=careless[0])
    assert (row.low, row.high, row.n_ballots, row.agreement is not None, row.details) == (
        0,
        0,
        PROMPTS,
        True,
        {"upheld": True},
    )
    assert {result["n_annotators"] for *_, result in current()} == {len(honest)}
    others = {one.pk: found[one.pk] for one in honest}
    Judgment.objects.filter(annotator=careless[0]).update(is_current=False)
    measure()
    assert {one.pk: sharpness()[one.pk] for one in honest} == others


def test_a_prompt_that_the_silenced_alone_have_ranked_has_no_consensus_until_all_count_again() -> None:
    campaign = make_campaign(weigh_reliability=True)
    _, (careless,) = judge(campaign)
    prompt = make_prompt(campaign, "Alone?")
    rank(careless, prompt, *[[one] for one in add_candidates(prompt, "alpha A.", "beta B.")])
    find(campaign, careless, state="upheld")
    recompute_stale_job()
    measure()
    assert prompt.pk not in {parent for parent, *_ in current()}
    Campaign.objects.update(parameters={"redundancy": 3})
    measure()
    assert (prompt.pk in {parent for parent, *_ in current()}, versions()) == (True, {0})


def test_one_campaign_that_fails_keeps_no_other_from_its_turn(monkeypatch, caplog) -> None:
    campaigns = [make_campaign("first"), make_campaign("second")]
    for campaign in campaigns:
        judge(campaign)
    done = reliability.measure_campaign

    def fail_first(campaign_id):
        if campaign_id == campaigns[0].pk:
            raise ValueError("broken")
        return done(campaign_id)

    monkeypatch.setattr(reliability, "measure_campaign", fail_first)
    measure_reliability_job()
    assert list(ReliabilitySnapshot.objects.values_list("campaign_id", flat=True)) == [campaigns[1].pk]
    assert "could not do turn_reliability" in caplog.text
    rest = Stale.objects.get(kind="turn_reliability", subject_id=campaigns[0].pk).lease_expires_at - timezone.now()
    assert rest <= timedelta(minutes=10)


def test_what_was_measured_before_a_finding_was_upheld_is_not_stored(monkeypatch) -> None:
    campaign = make_campaign(weigh_reliability=True)
    _, (careless,) = judge(campaign)
    done = reliability.measure_campaign

    def measure_slowly(campaign_id):
        found = done(campaign_id)
        monkeypatch.setattr(reliability, "measure_campaign", done)
        find(campaign, careless, state="upheld")
        bring_forward(campaign_id=campaign_id)
        return found

    monkeypatch.setattr(reliability, "measure_campaign", measure_slowly)
    measure_reliability_job()
    assert not ReliabilitySnapshot.objects.exists()
    measure_reliability_job()
    assert sharpness()[careless.pk] == 0


@pytest.mark.parametrize("weighs", [False, True])
def test_the_nightly_check_finds_that_everything_comes_out_again(weighs, caplog) -> None:
    judge(make_campaign(weigh_reliability=weighs, least_gain=0.01))
    recompute_stale_job()
    measure()
    row = check()
    assert (row.checked, row.different, row.parents, row.reliability) == (PROMPTS, 0, [], True)
    assert (row.finished_at is not None, [one for one in caplog.records if one.levelno >= logging.ERROR]) == (True, [])


def write_over(sql: str, *params: object) -> None:
    """Change consensuses as nobody can: the database refuses it to everybody else."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE annotate_consensus DISABLE TRIGGER consensus_is_append_only")
        cursor.execute(sql, params)
        cursor.execute("ALTER TABLE annotate_consensus ENABLE TRIGGER consensus_is_append_only")


HARM = """
UPDATE annotate_consensus SET result = jsonb_set(result, '{scores,0}', '0.123456')
WHERE id = (SELECT current_consensus_id FROM annotate_message WHERE id = %s)"""


def test_one_digit_that_differs_is_found_told_and_left_as_it_is(caplog) -> None:
    judge(make_campaign(weigh_reliability=True))
    recompute_stale_job()
    measure()
    parent = current()[3][0]
    write_over(HARM, parent)
    before = current()
    row = check()
    assert (row.checked, row.different, row.parents, row.reliability) == (PROMPTS, 1, [parent], True)
    assert f"consensus of {parent} in campaign" in caplog.text
    assert current() == before
    assert [(one.rule, one.ids) for one in find_broken_rules()] == [
        ("a_consensus_comes_out_as_it_is_stored", (parent,))
    ]


def test_a_ballot_that_came_meanwhile_is_no_difference() -> None:
    judge(make_campaign())
    recompute_stale_job()
    prompt = Message.objects.filter(role="prompter").first()
    rank(make_annotators(1)[0], prompt, *[[one] for one in prompt.replies.order_by("-pk")])
    row = check()
    assert (row.checked, row.different) == (PROMPTS, 0)


def test_a_ballot_without_its_mark_is_a_difference() -> None:
    judge(make_campaign())
    recompute_stale_job()
    prompt = Message.objects.filter(role="prompter").first()
    rank(make_annotators(1)[0], prompt, *[[one] for one in prompt.replies.order_by("-pk")])
    Stale.objects.filter(kind="parent").update(marked=1, computed=1)
    assert check().parents == [prompt.pk]


def test_a_newer_consensus_that_somebody_stored_meanwhile_is_no_difference(monkeypatch) -> None:
    judge(make_campaign())
    recompute_stale_job()
    prompt = Message.objects.filter(role="prompter").first()
    done = consensus_check.load_ballots

    def load_slowly(**given):
        rank(make_annotators(1)[0], prompt, *[[one] for one in prompt.replies.order_by("-pk")])
        found = done(**given)
        recompute_stale_job()
        return found

    monkeypatch.setattr(consensus_check, "load_ballots", load_slowly)
    assert check().different == 0


def test_what_an_older_method_made_is_not_compared() -> None:
    judge(make_campaign())
    recompute_stale_job()
    write_over("UPDATE annotate_consensus SET method_version = 1")
    assert (check().checked, ConsensusCheck.objects.get().different) == (0, 0)


def test_reliability_that_comes_out_otherwise_is_told(caplog) -> None:
    campaign = make_campaign()
    judge(campaign)
    recompute_stale_job()
    measure()
    row = AnnotatorReliability.objects.first()
    AnnotatorReliability.objects.filter(annotator_id=row.annotator_id).update(sharpness=row.high)
    assert check().reliability is False
    assert f"the reliability of campaign {campaign.pk} does not come out" in caplog.text
    assert [(one.rule, one.ids) for one in find_broken_rules()] == [
        ("reliability_comes_out_as_it_is_stored", (campaign.pk,))
    ]


def test_reliability_of_ballots_that_changed_is_left_alone() -> None:
    judge(make_campaign())
    measure()
    prompt = Message.objects.filter(role="prompter").first()
    rank(make_annotators(1)[0], prompt, *[[one] for one in prompt.replies.order_by("-pk")])
    recompute_stale_job()
    assert check().reliability is None


def test_a_large_campaign_is_checked_in_stretches_and_counted_once(monkeypatch) -> None:
    judge(make_campaign())
    recompute_stale_job()
    monkeypatch.setattr(consensus_check, "PARENTS_AT_ONCE", 5)
    monkeypatch.setattr(consensus_check, "LONGEST_TURN_SECONDS", -1.0)
    parents = [parent for parent, *_ in current()]
    cursors = []
    for _ in range(3):
        check_consensus_job()
        row = ConsensusCheck.objects.get()
        cursors.append((Stale.objects.get(kind="turn_check").marked, row.checked, row.finished_at is not None))
    assert cursors == [(parents[4], 5, False), (parents[9], 10, False), (0, PROMPTS, True)]
    assert check().checked == 5


def test_a_check_rests_a_day() -> None:
    judge(make_campaign())
    recompute_stale_job()
    check_consensus_job()
    rest = Stale.objects.get(kind="turn_check").lease_expires_at - timezone.now()
    assert timedelta(hours=23) < rest <= timedelta(hours=24)


def test_of_weighed_consensuses_a_busy_campaign_keeps_one_for_each_prompt() -> None:
    judge(make_campaign(weigh_reliability=True))
    measure()
    for _ in range(3):
        prompt = Message.objects.filter(role="prompter").last()
        rank(make_annotators(1)[0], prompt, *[[one] for one in prompt.replies.order_by("pk")])
        measure()
    assert Consensus.objects.filter(reliability_version__gt=0).count() == PROMPTS


def test_a_guest_who_becomes_an_account_leaves_no_consensus_behind() -> None:
    """A consensus depends on whose ballots it is made of, so that it is computed again."""
    judge(make_campaign())
    user = User.objects.create(email="ada@example.org")
    account = Annotator.objects.create(user=user)
    token = "guest-of-a-test"
    guest = Annotator.objects.create(device_hash=hash_token(token))
    prompt = Message.objects.filter(role="prompter").first()
    rank(guest, prompt, *[[one] for one in prompt.replies.order_by("pk")])
    recompute_stale_job()
    before = current()
    merge_guest(annotator_id=account.pk, device_token=token, now=timezone.now())
    recompute_stale_job()
    assert [parent for (parent, *one), (_, *other) in zip(before, current(), strict=True) if one != other] == [
        prompt.pk
    ]
    assert check().different == 0


def test_answers_to_gold_items_count_and_are_no_ballots() -> None:
    """Of two who ranked nothing that others ranked, the one who knew the answers is sharper."""
    campaign = make_campaign()
    right, wrong = make_annotators(2)
    for number in range(8):
        prompt = make_prompt(campaign, f"Known {number}?")
        good, bad = add_candidates(prompt, "alpha A.", "beta B.")
        make_gold(prompt, [[good.pk], [bad.pk]])
        for annotator, score in ((right, 1.0), (wrong, 0.0)):
            order = [good, bad] if score else [bad, good]
            judgment = rank(annotator, prompt, *[[one] for one in order])
            GoldResult.objects.create(judgment=judgment, item_id=judgment.unit_id, score=score)
    measure()
    rows = {row.annotator_id: (row.n_ballots, row.n_shared, row.n_gold, row.gold_right) for row in people()}
    assert rows == {right.pk: (0, 0, 8, 8.0), wrong.pk: (0, 0, 8, 0.0)}
    assert sharpness()[wrong.pk] < 1 < sharpness()[right.pk]
    Judgment.objects.filter(annotator=wrong).update(is_current=False)
    measure()
    # What was undone was said all the same.
    assert set(sharpness()) == {right.pk, wrong.pk}


def make_gold(prompt: Message, tiers: list[list[int]]) -> None:
    """A gold item as its service leaves it: its unit in a queue of its own."""
    unit = Unit.objects.get(subject=prompt)
    queue = unit.queue
    hidden, _ = Queue.objects.get_or_create(
        campaign=queue.campaign,
        kind=queue.kind,
        language=queue.language,
        qualification=queue.qualification,
        is_gold=True,
    )
    unit.queue = hidden
    unit.save()
    GoldItem.objects.create(
        unit=unit,
        campaign=queue.campaign,
        origin="written",
        answer={"tiers": tiers, "acceptable_tiers": None},
        created_at=NOW,
    )


def people() -> list[AnnotatorReliability]:
    return list(AnnotatorReliability.objects.filter(snapshot=ReliabilitySnapshot.objects.order_by("-version").first()))
