"""A growing campaign in memory: by the product's rules trees are written, reviewed and ranked to their end, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

from tasks.records.growing_simulations import GrowingCampaign
from tasks.records.simulations import Arm, SimulationPlan
from tasks.scheduling.simulation.grove import Grove, run_in_memory
from tasks.scheduling.simulation.growing import compare_growing, draw_run, settle
from tasks.scheduling.simulation.volunteers import assume_profile
from tasks.vocabulary import ENDED_TREES, Kind, ReviewState, TreeState

SMALL = {"grow_trees": True, "active_trees": 3, "waiting_prompts": 2, "goal_tree_size": 5, "redundancy": 2}
#: Only replies of generators are improved, and none writes here.
EVERY_KIND = [kind.value for kind in Kind if kind not in (Kind.COMPARE, Kind.IMPROVE_REPLY)]


def make_campaign(*, languages=("en", "de"), briefs=(), **more: Any) -> GrowingCampaign:
    description = {name: more.pop(name) for name in ("kinds", "shares", "targets", "label_schema") if name in more}
    return GrowingCampaign("Grove", tuple(languages), {**SMALL, **more}, description, tuple(briefs))


def run(campaign: GrowingCampaign, *, people=30, days=5, seed=1, policy="coverage") -> tuple[Grove, dict[str, Any]]:
    plan = SimulationPlan((Arm(policy),), people, days, 1)
    shared = draw_run(campaign, assume_profile(campaign.languages), plan, seed=seed)
    grove = Grove(campaign, shared, settle(campaign.parameters, plan.arms[0]))
    return grove, grove.run(lambda: None)


@cache
def run_usual() -> tuple[Grove, dict[str, Any]]:
    return run(make_campaign(kinds=EVERY_KIND, pair_share=0.3))


def list_works(grove: Grove, *kinds: Kind):
    return [work for work in grove.forest.all_work if work.kind in kinds]


def test_every_kind_of_work_is_done_and_trees_are_finished() -> None:
    _, told = run_usual()
    assert set(told["kinds"]) == set(EVERY_KIND)
    assert told["states"]["done"] > 5
    assert told["curve"][-1]["coverage"] > 0.5
    assert told["curve"][-1]["trees"] == told["states"]["done"]
    assert [row["trees"] for row in told["curve"]] == sorted(row["trees"] for row in told["curve"])


def test_nothing_is_lost() -> None:
    grove, told = run_usual()
    tally = told["tally"]
    assert tally["claims"] == sum(tally[name] for name in ("submitted", "skipped", "run_out", "under_way"))
    assert tally["submitted"] == sum(told["kinds"].values()) == told["end"]["judgments"]
    works = grove.forest.all_work
    assert sum(work.done + work.surplus for work in works) == tally["submitted"]
    assert all(work.held >= 0 and work.done + work.held <= work.needed for work in works if work.is_open)


def test_no_tree_that_has_not_ended_asks_nobody() -> None:
    grove, told = run_usual()
    assert told["end"]["stuck"] == 0
    for tree in grove.forest.trees.values():
        asked = [work for work in tree.units if work.is_open]
        assert bool(asked) == (tree.state not in (*ENDED_TREES, TreeState.WAITING)) or tree.state is TreeState.WAITING


def test_nobody_judges_twice_or_their_own_text() -> None:
    grove, _ = run_usual()
    for tree in grove.forest.trees.values():
        for fact in tree.messages.values():
            reviewers = [verdict.annotator for verdict in fact.verdicts]
            assert len(set(reviewers)) == len(reviewers)
            assert fact.author not in reviewers
    for work in list_works(grove, Kind.RANK):
        people = [person for person, _ in work.ballots]
        assert len(set(people)) == len(people)
        assert all(grove.forest.authors[one] != person for person, order in work.ballots for one in order)


def test_spam_is_mostly_rejected_and_most_of_the_rest_stands() -> None:
    grove, _ = run_usual()
    decided = [
        (grove.forest.texts[fact.id].is_spam, fact.review)
        for tree in grove.forest.trees.values()
        for fact in tree.messages.values()
        if fact.review in (ReviewState.ACCEPTED, ReviewState.REJECTED)
    ]
    spam = Counter(review for is_spam, review in decided if is_spam)
    fine = Counter(review for is_spam, review in decided if not is_spam)
    assert spam[ReviewState.REJECTED] > spam[ReviewState.ACCEPTED]
    assert fine[ReviewState.ACCEPTED] > 9 * fine[ReviewState.REJECTED]


def test_the_same_dice_give_the_same_and_others_do_not() -> None:
    campaign = make_campaign()
    first, again, other = (run(campaign, people=12, days=3, seed=seed)[1] for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_policies_are_compared_with_the_same_volunteers() -> None:
    plan = SimulationPlan((Arm("coverage"), Arm("uniform")), 15, 4, 2)
    report = compare_growing(make_campaign(), plan, clock=lambda: 0.0, progress=lambda *_: None, run_way=run_in_memory)
    first, second = report["arms"]
    assert first["curve"][0] == second["curve"][0]
    assert first["end"]["judgments"]["mean"] > 50
    assert second["against_first"]["trees"]["n"] == 2
    assert first["kinds"] != second["kinds"]


def test_a_brief_is_written_to_until_it_has_what_it_wants() -> None:
    briefs = [{"language": "en", "topic": "birds", "difficulty": "hard", "wanted": 4}]
    grove, _ = run(make_campaign(languages=("en",), briefs=briefs))
    by_brief = [tree for tree in grove.forest.trees.values() if tree.brief.topic == "birds"]
    assert grove.forest.briefs[1].standing == 4
    assert {grove.forest.texts[next(iter(tree.messages))].topic for tree in by_brief} == {"birds"}
    assert {grove.space.names[tree.cell][2] for tree in by_brief} == {"hard"}
    assert len(by_brief) - sum(tree.state is TreeState.LOW_GRADE for tree in by_brief) == 4


def test_the_scheduler_asks_for_what_is_missing_where_it_may() -> None:
    shares = [{"axis": "length", "value": "long", "share": 0.6}]

    def count_long(*, open_briefs: bool) -> float:
        campaign = make_campaign(languages=("en",), shares=shares, open_briefs=open_briefs, active_trees=8)
        grove, _ = run(campaign, people=60)
        lengths = [grove.space.names[tree.cell][3] for tree in grove.forest.trees.values()]
        return lengths.count("long") / len(lengths)

    assert count_long(open_briefs=True) > count_long(open_briefs=False) + 0.1


def test_orders_are_asked_for_until_they_are_certain_where_the_campaign_says_so() -> None:
    campaign = make_campaign(stop_confidence=0.9, min_judgments=2, max_judgments=6)
    grove, told = run(campaign, people=60)
    done = [work.done for work in list_works(grove, Kind.RANK) if not work.is_open and work.done]
    assert told["states"]["done"] > 0
    assert set(done) <= {2, 3, 4, 5, 6}
    assert len(set(done)) > 1


def test_without_reviews_texts_stand_as_they_are() -> None:
    kinds = ["write_prompt", "write_assistant_reply", "rank"]
    _, told = run(make_campaign(kinds=kinds))
    assert "label" not in told["kinds"]
    assert told["states"]["done"] > 0
    assert told["end"]["rejected"] == 0


def test_questions_for_replies_alone_let_prompts_pass() -> None:
    schema = {"dimensions": [{"name": "spam", "applies_to": ["assistant"]}]}
    grove, _ = run(make_campaign(label_schema=schema), days=2)
    prompts = [next(iter(tree.messages.values())) for tree in grove.forest.trees.values()]
    assert all(not fact.verdicts and fact.review is ReviewState.ACCEPTED for fact in prompts)


def test_nobody_does_more_in_a_day_than_they_may() -> None:
    grove, _ = run(make_campaign(daily_cap=5))
    assert max(max(one.days.values(), default=0) for one in grove.people) == 5


def test_whoever_is_alone_writes_and_then_waits_for_others() -> None:
    _, told = run(make_campaign(languages=("en",)), people=1, days=20)
    assert told["kinds"].keys() == {"write_prompt"}
    assert told["states"].keys() == {"prompt_review"}
    assert told["end"]["found_nothing"] > 0


def test_what_is_written_is_put_in_order_though_there_is_always_more_to_write() -> None:
    campaign = make_campaign(languages=("en",), active_trees=20, waiting_prompts=20, goal_tree_size=6, redundancy=3)
    done = {
        policy: run(campaign, people=40, days=10, policy=policy)[1]["states"].get("done", 0)
        for policy in ("coverage", "uniform")
    }
    assert done["uniform"] > 10
    assert done["coverage"] > 0.8 * done["uniform"]


def test_a_target_of_a_language_lifts_its_orders() -> None:
    targets = [{"language": "de", "topic": "", "judgments": 10_000}]
    grove, _ = run(make_campaign(targets=targets), people=10, days=2)
    german, english = (
        next(work for work in grove.forest.all_work if work.tree is not None and work.language == code)
        for code in (1, 0)
    )
    assert grove.space._measure_deficit(german) > 0.9
    assert grove.space._measure_deficit(english) == 0.0


@pytest.mark.parametrize("policy", ["coverage", "uncertainty", "round_robin", "open_assistant", "uniform"])
@pytest.mark.parametrize("people", [2, 5])
def test_under_every_policy_few_people_lose_nothing(policy: str, people: int) -> None:
    campaign = make_campaign(languages=("en",), kinds=EVERY_KIND, patience_days=4, prompt_days=3, max_waiting_prompts=2)
    _, told = run(campaign, people=people, days=40, policy=policy)
    tally = told["tally"]
    assert tally["claims"] == sum(tally[name] for name in ("submitted", "skipped", "run_out", "under_way"))
    assert told["end"]["stuck"] == 0
