"""Signs of manipulation are looked for hour by hour, where ballots changed, from what stands in the tables."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from annotate.models import Campaign, Finding, Judgment, Message, Queue, Stale
from annotate.queries.observations import load_observed
from annotate.services.stale import mark_stale
from tasks.jobs import manipulation
from tasks.jobs.manipulation import find_manipulation_job
from tasks.vocabulary import StaleKind
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


@pytest.fixture
def prompts(campaign) -> list[list[Message]]:
    return [
        add_candidates(make_prompt(campaign, f"Why {at}?"), *(f"{name} {at}" for name in "ABCD")) for at in range(40)
    ]


def run_again(campaign: Campaign, *, changed: bool = True) -> None:
    """The next hour's run."""
    Stale.objects.filter(kind="turn_findings").update(lease_expires_at=None)
    if changed:
        mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=[campaign.pk])
    find_manipulation_job()


def take_the_first(prompts: list[list[Message]]) -> int:
    """Somebody who puts the first above the others, whatever it is; returns who."""
    dice = Random(1)
    (lazy,) = make_annotators(1)
    for row in prompts:
        shown = dice.sample(row, len(row))
        rank(lazy, row[0].parent, *[[one] for one in [shown[0], *dice.sample(shown[1:], 3)]], shown=shown)
    return lazy.pk


def test_somebody_who_always_takes_the_first_is_found_with_their_judgments(campaign, prompts) -> None:
    lazy = take_the_first(prompts)
    find_manipulation_job()
    finding = Finding.objects.get()
    assert (finding.annotator_id, finding.kind, finding.evidence["habit"]) == (lazy, "position", "first_best")
    assert (finding.evidence["n"], finding.evidence["observed"], finding.evidence["expected"]) == (40, 1.0, 0.25)
    assert set(finding.evidence["judgments"]) <= set(Judgment.objects.values_list("pk", flat=True))


def test_run_twice_it_changes_nothing(campaign, prompts) -> None:
    take_the_first(prompts)
    find_manipulation_job()
    first = Finding.objects.values().get()
    run_again(campaign)
    assert {**Finding.objects.values().get(), "seen_at": first["seen_at"]} == first


def test_a_campaign_rests_and_where_nothing_changed_nothing_is_read(campaign, prompts, monkeypatch) -> None:
    read = []
    monkeypatch.setattr(manipulation, "load_observed", lambda *, campaign_id: read.append(campaign_id) or [])
    find_manipulation_job()
    find_manipulation_job()
    assert read == [campaign.pk]
    assert Stale.objects.get(kind="turn_findings").lease_expires_at - manipulation.timezone.now() > timedelta(minutes=4)
    run_again(campaign, changed=False)
    assert read == [campaign.pk]
    run_again(campaign)
    assert read == [campaign.pk] * 2


def test_when_the_ballots_are_taken_back_the_finding_goes_away(campaign, prompts) -> None:
    take_the_first(prompts)
    find_manipulation_job()
    Judgment.objects.update(withdrawn_at=manipulation.timezone.now())
    run_again(campaign)
    assert Finding.objects.get().state == "gone"


def test_answers_to_gold_items_are_left_out(campaign, prompts) -> None:
    take_the_first(prompts)
    Queue.objects.update(is_gold=True)
    assert load_observed(campaign_id=campaign.pk) == []


def test_a_ballot_is_observed_with_its_time_and_what_there_was_to_read(campaign, prompts) -> None:
    (ada,) = make_annotators(1)
    row = prompts[0]
    judgment = rank(ada, row[0].parent, row[:2], row[2:], active_seconds=12.5)
    (seen,) = load_observed(campaign_id=campaign.pk)
    letters = len("Why 0?") + 4 * len("A 0")
    assert (seen.judgment, seen.created_at, seen.seconds) == (judgment.pk, judgment.created_at.timestamp(), 12.5)
    assert (seen.words, seen.pace_group, seen.order_known) == (letters / 6, "en", True)


def test_a_campaign_that_fails_leaves_the_others_their_turn(campaign, prompts, monkeypatch) -> None:
    lazy = take_the_first(prompts)
    broken = make_campaign("broken")
    load = load_observed

    def load_or_fail(*, campaign_id):
        if campaign_id == broken.pk:
            raise ArithmeticError("broken")
        return load(campaign_id=campaign_id)

    monkeypatch.setattr(manipulation, "load_observed", load_or_fail)
    find_manipulation_job()
    assert Finding.objects.get().annotator_id == lazy
    assert Stale.objects.filter(kind="turn_findings").count() == 2
