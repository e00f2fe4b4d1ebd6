"""Whoever watches the counts of a campaign learns nothing of which work is gold; those who run it see gold apart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotate.models import CampaignProgress, Membership, Stratum
from annotate.queries.annotator_reliability import list_own_reliability
from annotate.queries.campaign_page import load_numbers
from annotate.queries.progress import count_progress, get_progress
from annotate.services.holds import release_holds
from tasks.jobs.reliability import measure_reliability_job
from tasks.jobs.summaries import summarize_in_turn
from tests.gold import HEADS, TAILS, write_item
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, ranking_of, submit
from tests.reliabilities import person, store

pytestmark = pytest.mark.django_db


def watch(campaign, *, is_insider):
    """What the counts say, without the moment; what is complete says when others had given the rest."""
    progress = get_progress(campaign_id=campaign.pk, now=NOW, is_insider=is_insider)
    return {name: value for name, value in progress.items() if name != "computed_at"}


def work_and_watch(*, seed, is_insider=False):
    """A campaign in which one person takes a piece of work and sends it; how the counts change meanwhile."""
    campaign = make_campaign(slug=f"birds-{seed}", gold_share=0.2)
    make_prompt(campaign, topic="birds")
    Stratum.objects.update(target=20)
    write_item(campaign, topic="birds")
    ada = make_annotator(f"ada{seed}")
    seen = [watch(campaign, is_insider=is_insider)]
    assignment = ask(ada, campaign, seed=seed)["assignment"]
    seen.append(watch(campaign, is_insider=is_insider))
    submit(ada, assignment["id"], ranking_of(assignment), seed=TAILS)
    return [*seen, watch(campaign, is_insider=is_insider)]


def test_the_counts_move_alike_for_gold_and_for_other_work():
    gold, ordinary = (work_and_watch(seed=seed) for seed in (HEADS, TAILS))
    assert [seen["units"]["done"] for seen in gold] == [0, 0, 1]
    assert gold[0]["units"]["held"] == 0
    assert gold[1]["units"]["held"] == 1
    # After the first piece the next one is held: an ordinary one each time.
    for before, after in zip(gold, ordinary, strict=True):
        assert before["strata"] == after["strata"]
        assert before["annotators"] == after["annotators"]
        assert {**before["units"], "held": 0} == {**after["units"], "held": 0}


def test_those_who_run_it_see_gold_apart():
    assert [seen["judgments"] for seen in work_and_watch(seed=HEADS, is_insider=True)] == [0, 0, 0]


def test_no_more_is_done_than_is_needed():
    campaign = make_campaign(gold_share=0.2, redundancy=1)
    make_prompt(campaign)
    write_item(campaign)
    for name in ("ada", "bob", "eve"):
        person = make_annotator(name)
        assignment = ask(person, campaign, seed=HEADS)["assignment"]
        submit(person, assignment["id"], ranking_of(assignment), seed=TAILS)
        release_holds(annotator_id=person.pk, now=NOW)
    units = watch(campaign, is_insider=False)["units"]
    assert (units["done"], units["needed"]) == (1, 1)


def test_the_page_tells_everybody_else_the_same():
    campaign = make_campaign(gold_share=0.2)
    make_prompt(campaign)
    write_item(campaign)
    ada = make_annotator()
    assignment = ask(ada, campaign, seed=HEADS)["assignment"]
    submit(ada, assignment["id"], ranking_of(assignment), seed=TAILS)
    summarize_in_turn(campaign.pk)
    today = CampaignProgress.objects.get().computed_at.date().isoformat()
    yesterday = (CampaignProgress.objects.get().computed_at - timedelta(days=1)).date().isoformat()
    CampaignProgress.objects.update(overview={"days": [[yesterday, 2], [today, 3]]})
    run, seen = (load_numbers(campaign=campaign, is_insider=insider, knows_origins=False) for insider in (True, False))
    assert (run.progress["judgments"], seen.progress["judgments"]) == (0, 1)
    assert (len(run.overview["days"]), len(seen.overview["days"])) == (2, 1)
    assert "outside" not in run.progress
    assert "outside" not in seen.progress


def test_a_campaign_without_gold_is_counted_once():
    campaign = make_campaign()
    make_prompt(campaign)
    assert "outside" not in count_progress(campaign_id=campaign.pk)


@pytest.mark.parametrize("seed", [HEADS, TAILS])
def test_ones_own_figures_count_gold_like_any_other_ranking(seed):
    campaign = make_campaign(gold_share=0.2)
    make_prompt(campaign)
    write_item(campaign)
    ada = make_annotator()
    assignment = ask(ada, campaign, seed=seed)["assignment"]
    submit(ada, assignment["id"], ranking_of(assignment), seed=TAILS)
    measure_reliability_job()
    (row,) = list_own_reliability(annotator_id=ada.pk)
    assert (row["n_ballots"], row["agreement"]) == (1, None)


def test_which_of_few_rankings_were_of_gold_is_not_to_be_counted():
    campaign = make_campaign(gold_share=0.2)
    make_prompt(campaign)
    write_item(campaign)
    ada = make_annotator()
    assignment = ask(ada, campaign, seed=HEADS)["assignment"]
    submit(ada, assignment["id"], ranking_of(assignment), seed=TAILS)
    for inputs, shared, told in (("a", 8, 9), ("b", 9, 9), ("c", 10, 11)):
        store(campaign, person(ada, n_ballots=12, n_shared=shared), inputs=inputs)
        (row,) = list_own_reliability(annotator_id=ada.pk)
        assert (row["n_ballots"], row["n_shared"]) == (13, told)


@pytest.mark.parametrize("role", ["organizer", "moderator"])
def test_whoever_can_look_answers_up_is_asked_for_no_gold(role):
    campaign = make_campaign(gold_share=0.2)
    write_item(campaign)
    ada = make_annotator()
    Membership.objects.create(campaign=campaign, user=ada.user, role=role)
    assert ask(ada, campaign, seed=HEADS)["assignment"] is None


def test_who_runs_the_site_is_asked_for_no_gold():
    campaign = make_campaign(gold_share=0.2)
    write_item(campaign)
    ada = make_annotator()
    ada.user.is_superuser = True
    ada.user.save()
    assert ask(ada, campaign, seed=HEADS)["assignment"] is None
