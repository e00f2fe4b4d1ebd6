"""Gold items are served by chance among other work, never twice, and answers to them are compared and explained."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Assignment, Campaign, GoldResult, Judgment, Membership, Unit, UnitDetail
from annotate.queries.gold import iterate_gold
from annotate.queries.gold_items import list_gold_items
from annotate.queries.home import list_given
from annotate.services.claims import offer_next
from annotate.services.gold import retire_gold
from annotate.services.guests import create_guest, merge_guest
from annotate.services.holds import give_back, release_holds
from annotate.services.terms import CURRENT_TERMS
from annotate.services.undo import undo_judgment, withdraw_judgment
from tasks.vocabulary import AssignmentState
from tests.gold import HEADS, TAILS, TIERS, choose_item, stand_beside, take_gold, write_item
from tests.loop import NOW, ask, find_drift, make_annotator, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db


def is_gold(assignment):
    return Unit.objects.get(assignments=assignment["id"]).queue.is_gold


def answer_in_order(assignment, tiers=TIERS, *, bar=2):
    """The body that places the candidates by their texts."""
    handle = {candidate["text"]: candidate["id"] for candidate in assignment["subject"]["candidates"]}
    return {"tiers": [[handle[text] for text in tier] for tier in tiers], "acceptable_tiers": bar}


hold_gold = take_gold


def test_a_coin_decides_and_what_is_left_is_ordinary_work():
    campaign = make_campaign(gold_share=0.2)
    make_prompt(campaign)
    item = write_item(campaign)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    given, other = ask(ada, campaign, seed=HEADS), ask(bob, campaign, seed=TAILS)
    assert (is_gold(given["assignment"]), is_gold(other["assignment"])) == (True, False)
    give_back(annotator_id=ada.pk, assignment_ids=[given["assignment"]["id"]], state=AssignmentState.SKIPPED, now=NOW)
    assert not is_gold(ask(ada, campaign, seed=HEADS)["assignment"])
    assert Unit.objects.get(pk=item.pk).held == 0


def test_a_campaign_without_gold_tosses_no_coin():
    campaign = make_campaign()
    make_prompt(campaign)
    rng = random.Random(5)
    state = random.Random(5)
    offer_next(annotator_id=make_annotator().pk, slug=campaign.slug, now=NOW, rng=rng)
    state.sample(range(4), 4)
    assert rng.random() == state.random()


def test_a_gold_item_is_never_ordinary_work():
    campaign = make_campaign()
    write_item(campaign)
    offer = ask(make_annotator(), campaign, seed=HEADS)
    assert offer["assignment"] is None
    assert offer["why_none"]["code"] == "empty"


def test_the_share_falls_with_what_somebody_has_given_in_this_campaign():
    campaign = make_campaign(training_judgments=3, redundancy=1)
    for number in range(4):
        make_prompt(campaign, f"Prompt {number}?", replies=2)
    write_item(campaign)
    ada = make_annotator()

    class Dice(random.Random):
        def random(self):
            return 0.31

    def next_is_gold():
        offer = offer_next(annotator_id=ada.pk, slug=campaign.slug, now=NOW, rng=Dice(1))
        found = is_gold(offer.assignment)
        release_holds(annotator_id=ada.pk, now=NOW)
        return found

    assert next_is_gold()
    held = ask(ada, campaign, seed=2)["assignment"]
    assert not is_gold(held)
    submit(ada, held["id"], ranking_of(held), seed=2)
    release_holds(annotator_id=ada.pk, now=NOW)
    assert not next_is_gold()


def test_only_kinds_and_languages_that_are_asked_for_are_served():
    campaign = make_campaign(kinds=("rank", "compare"), languages=("en", "de"), gold_share=0.5)
    write_item(campaign)
    write_item(campaign, language="de", prompt="Warum?")
    ada = make_annotator("ada", languages=["de"])
    held = hold_gold(ada, campaign)
    assert (is_gold(held), held["subject"]["language"]) == (True, "de")
    assert hold_gold(make_annotator("bob"), campaign, kinds=["compare"]) is None


def test_nobody_meets_as_gold_what_they_met_as_ordinary_work():
    campaign = make_campaign(gold_share=0.5)
    prompt = make_prompt(campaign)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    held = ask(ada, campaign, seed=TAILS)["assignment"]
    submit(ada, held["id"], ranking_of(held), seed=TAILS)
    choose_item(campaign, prompt)
    assert hold_gold(ada, campaign) is None
    assert is_gold(hold_gold(bob, campaign))


def test_whoever_met_it_after_it_was_chosen_is_not_offered_it_either():
    campaign = make_campaign(gold_share=0.5)
    prompt = make_prompt(campaign)
    ada = make_annotator()
    item = choose_item(campaign, prompt)
    ordinary = Unit.objects.exclude(pk=item.pk).get()
    Assignment.objects.create(
        unit=ordinary, annotator=ada, state="expired", lease_grade="active", reason_code="more_voices"
    )
    assert hold_gold(ada, campaign) is None


def test_a_retired_item_is_offered_no_more_but_whoever_holds_it_may_answer_and_is_told():
    campaign = make_campaign(gold_share=0.5)
    item = write_item(campaign)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    held = hold_gold(ada, campaign)
    retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW)
    assert hold_gold(bob, campaign) is None
    answer = submit(ada, held["id"], answer_in_order(held))
    assert answer["told"]["score"] == 1.0
    assert find_drift() == {}


def test_the_reason_is_one_of_ordinary_work():
    campaign = make_campaign(gold_share=0.5)
    prompt = make_prompt(campaign)
    write_item(campaign)
    args = {"where": "en", "done": "3", "target": "40"}
    UnitDetail.objects.filter(unit__subject=prompt).update(reason_code="stratum_thin", reason_args=args)
    held = hold_gold(make_annotator(), campaign)
    assert is_gold(held)
    assert held["reason"] == "en: 3 of 40 judgments so far."


def test_gold_has_the_shape_of_ordinary_work_to_the_last_field():
    campaign = make_campaign(gold_share=0.5)
    make_prompt(campaign, "Why do birds sing at noon?")
    write_item(campaign)
    gold, plain = (
        hold_gold(make_annotator("ada"), campaign),
        ask(make_annotator("bob"), campaign, seed=TAILS)["assignment"],
    )
    assert (is_gold(gold), is_gold(plain)) == (True, False)

    def shape(value):
        if isinstance(value, dict):
            return {name: shape(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [shape(inner) for inner in value]
        return type(value)

    assert shape(gold) == shape(plain)
    fixed = ("kind", "campaign", "state", "reason", "guideline_version", "lease_expires_at", "draft", "draft_version")
    assert {name: gold[name] for name in fixed} == {name: plain[name] for name in fixed}
    assert [one["id"] for one in gold["subject"]["candidates"]] == [one["id"] for one in plain["subject"]["candidates"]]
    assert "gold" not in json.dumps(gold)


def test_an_answer_is_compared_with_what_is_known_and_told_later():
    campaign = make_campaign(gold_share=0.5)
    item = write_item(campaign)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    for person, tiers, bar in ((ada, TIERS, 2), (bob, TIERS[::-1], 2)):
        held = hold_gold(person, campaign)
        answer = submit(person, held["id"], answer_in_order(held, tiers, bar=bar), seed=TAILS)
        assert set(answer) == {"judgment", "next"}
    scores = dict(GoldResult.objects.values_list("judgment__annotator_id", "score"))
    assert scores == {ada.pk: 1.0, bob.pk: pytest.approx(1 / 9)}
    assert [(ballot.annotator, round(ballot.score, 6)) for ballot in iterate_gold(campaign_id=campaign.pk)] == [
        (str(ada.pk), 1.0),
        (str(bob.pk), 0.111111),
    ]
    assert set(GoldResult.objects.values_list("told_at", flat=True)) == {None}
    retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW)
    assert set(GoldResult.objects.values_list("told_at", flat=True)) == {NOW}


def test_where_the_campaign_trains_the_answer_comes_with_the_next_work_and_again_with_the_same_submit():
    campaign = make_campaign(gold_share=0.5, explain_gold=True)
    make_prompt(campaign)
    write_item(campaign)
    ada = make_annotator()
    held = hold_gold(ada, campaign)
    body = answer_in_order(held, [TIERS[0], TIERS[2], TIERS[1]], bar=1)
    answer = submit(ada, held["id"], body, seed=TAILS)
    right = answer_in_order(held)
    assert answer["told"] == {
        "tiers": [sorted(tier) for tier in right["tiers"]],
        "acceptable_tiers": 2,
        "labels": None,
        "explanation": "The first one says why.",
        "score": pytest.approx(6 / 9, abs=1e-6),
    }
    assert answer["next"]["assignment"] is not None
    assert submit(ada, held["id"], body, seed=TAILS) == answer
    with pytest.raises(Conflict) as refused:
        undo_judgment(annotator_id=ada.pk, judgment_id=answer["judgment"]["id"], now=NOW)
    assert refused.value.code == "answer_was_told"


def test_labels_are_compared_by_their_questions():
    campaign = make_campaign(kinds=("label",), gold_share=0.5, explain_gold=True)
    write_item(campaign, kind="label", reply="A fish.", labels={"quality": 0.0, "spam": False})
    ada = make_annotator()
    held = hold_gold(ada, campaign)
    answer = submit(ada, held["id"], {"labels": {"spam": False, "quality": 1.0, "humor": 0.5}}, seed=TAILS)
    assert answer["told"]["score"] == 0.5
    assert answer["told"]["labels"] == {"quality": 0.0, "spam": 0.0}


def test_whoever_takes_back_a_wrong_answer_has_given_it_all_the_same():
    campaign = make_campaign(gold_share=0.5)
    write_item(campaign)
    write_item(campaign, prompt="And at dusk?")
    ada = make_annotator()
    held = hold_gold(ada, campaign)
    first = submit(ada, held["id"], answer_in_order(held, TIERS[::-1]), seed=TAILS)["judgment"]
    again = undo_judgment(annotator_id=ada.pk, judgment_id=first["id"], now=NOW)
    said = list(iterate_gold(campaign_id=campaign.pk))
    assert [(ballot.annotator, ballot.score < 0.5) for ballot in said] == [(str(ada.pk), True)]
    second = submit(ada, again["id"], answer_in_order(again, TIERS[::-1]), seed=TAILS)["judgment"]
    assert list(iterate_gold(campaign_id=campaign.pk)) == said
    withdraw_judgment(annotator_id=ada.pk, judgment_id=second["id"], now=NOW)
    assert list(iterate_gold(campaign_id=campaign.pk)) == said
    assert find_drift() == {}


def test_of_a_withdrawn_answer_to_gold_its_figure_alone_is_kept():
    campaign = make_campaign(gold_share=0.5)
    item = write_item(campaign)
    ada = make_annotator()
    held = hold_gold(ada, campaign)
    body = answer_in_order(held, TIERS[::-1]) | {"rationale": "I am Ada of 3 Mill Lane."}
    judgment = submit(ada, held["id"], body, seed=TAILS)["judgment"]
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)
    assert Judgment.objects.get().rationale == ""
    assert list_gold_items(campaign_id=campaign.pk, limit=9)[0]["answers"] == 0
    assert GoldResult.objects.values("item", "told_at").get() == {"item": item.pk, "told_at": None}


def test_an_answer_that_comes_once_it_was_told_says_nothing_about_its_author():
    campaign = make_campaign(gold_share=0.5)
    item = write_item(campaign)
    ada = make_annotator()
    held = hold_gold(ada, campaign)
    retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW)
    later = NOW + timedelta(minutes=1)
    submit(ada, held["id"], answer_in_order(held), now=later)
    assert GoldResult.objects.get().score == 1.0
    assert list(iterate_gold(campaign_id=campaign.pk)) == []


def test_ones_own_list_tells_a_gold_item_like_other_work():
    campaign = make_campaign(gold_share=0.5)
    make_prompt(campaign)
    write_item(campaign)
    ada = make_annotator()
    for seed in (HEADS, TAILS):
        held = ask(ada, campaign, seed=seed)["assignment"]
        submit(ada, held["id"], ranking_of(held), seed=TAILS)
        release_holds(annotator_id=ada.pk, now=NOW)
    gold, plain = sorted(list_given(annotator_id=ada.pk, limit=9), key=lambda row: "dawn" not in row["text"])
    differing = {name for name in plain if gold[name] != plain[name]}
    assert differing <= {"id", "assignment", "text", "created_at"}


def test_many_who_answer_all_fit():
    campaign = make_campaign(gold_share=0.5, redundancy=1)
    item = write_item(campaign)
    for number in range(5):
        person = make_annotator(f"p{number}")
        held = hold_gold(person, campaign)
        submit(person, held["id"], answer_in_order(held), seed=TAILS)
    unit = Unit.objects.get(pk=item.pk)
    assert (unit.done, unit.held, unit.surplus, unit.is_vacant) == (5, 0, 0, True)
    assert Judgment.objects.filter(counted=True).count() == 5


def test_a_claim_without_gold_asks_no_more_of_the_database_than_before():
    campaign = make_campaign()
    for number in range(3):
        make_prompt(campaign, f"Prompt {number}?")
    ada, bob = make_annotator("ada"), make_annotator("bob")
    with CaptureQueriesContext(connection) as without:
        ask(ada, campaign, seed=TAILS)
    Campaign.objects.update(parameters={**campaign.parameters, "gold_share": 0.1})
    with CaptureQueriesContext(connection) as tails:
        ask(bob, campaign, seed=TAILS)
    assert len(without) == len(tails)


def test_who_can_look_the_answers_up_is_asked_for_none():
    campaign = make_campaign(gold_share=0.5)
    administrator = Actor(user=make_annotator("root").user, scopes=None)
    write_item(campaign, actor=administrator)
    olga = make_annotator("olga")
    Membership.objects.create(campaign=campaign, user=olga.user, role="organizer")
    assert hold_gold(olga, campaign) is None
    assert hold_gold(administrator.user.annotator, campaign) is None
    assert is_gold(hold_gold(make_annotator("ada"), campaign))


def test_whoever_has_done_all_other_work_of_a_kind_is_given_no_gold_of_it_as_its_own_mark():
    campaign = make_campaign(gold_share=0.5)
    write_item(campaign)
    write_item(campaign, prompt="And at dusk?")
    prompt = make_prompt(campaign)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    held = ask(ada, campaign, seed=TAILS)["assignment"]
    assert submit(ada, held["id"], ranking_of(held), seed=HEADS)["next"]["why_none"] is not None
    assert [ask(ada, campaign, seed=seed)["assignment"] for seed in (HEADS, TAILS)] == [None, None]
    assert is_gold(ask(bob, campaign, seed=HEADS)["assignment"])
    assert prompt.units.get().done == 1
    stand_beside(campaign)
    assert is_gold(ask(ada, campaign, seed=HEADS)["assignment"])


def test_whoever_works_alone_past_the_front_is_given_gold_all_the_same():
    campaign = make_campaign(gold_share=0.5, redundancy=3)
    write_item(campaign)
    for number in range(35):
        make_prompt(campaign, f"Question {number}?", replies=2)
    ada = make_annotator("ada")
    for _ in range(34):
        held = ask(ada, campaign, seed=TAILS)["assignment"]
        submit(ada, held["id"], ranking_of(held), seed=TAILS)
    release_holds(annotator_id=ada.pk, now=NOW)
    assert is_gold(ask(ada, campaign, seed=HEADS)["assignment"])


def test_two_who_hold_at_the_same_time_both_get_gold():
    campaign = make_campaign(gold_share=0.5)
    write_item(campaign)
    write_item(campaign, prompt="And at dusk?")
    ada, bob = make_annotator("ada"), make_annotator("bob")
    assert {is_gold(hold_gold(ada, campaign)), is_gold(hold_gold(bob, campaign))} == {True}
    gold = Unit.objects.filter(queue__is_gold=True)
    assert sorted(gold.values_list("held", flat=True)) in ([0, 2], [1, 1])


def test_a_guest_who_becomes_an_account_keeps_what_gold_says_of_them():
    campaign = make_campaign(gold_share=0.5, guests=True)
    write_item(campaign)
    ada = make_annotator()
    guest, token = create_guest(terms_version=CURRENT_TERMS, languages=(), now=NOW)
    held = hold_gold(guest, campaign)
    submit(guest, held["id"], answer_in_order(held), seed=TAILS)
    merge_guest(annotator_id=ada.pk, device_token=token, now=NOW)
    assert [(ballot.annotator, ballot.score) for ballot in iterate_gold(campaign_id=campaign.pk)] == [
        (str(ada.pk), 1.0)
    ]
    assert hold_gold(ada, campaign) is None


def test_whoever_undoes_an_answer_and_says_what_they_read_since_is_no_better_for_it():
    campaign = make_campaign(gold_share=0.2, explain_gold=False)
    write_item(campaign)
    ada = make_annotator()
    assignment = hold_gold(ada, campaign)
    wrong = answer_in_order(
        assignment, tiers=[["No idea.", "Birds are green."], ["They like it."], ["Because of spring."]]
    )
    first = submit(ada, assignment["id"], wrong, seed=TAILS)["judgment"]
    (told,) = [one.score for one in iterate_gold(campaign_id=campaign.pk)]
    undo_judgment(annotator_id=ada.pk, judgment_id=first["id"], now=NOW)
    submit(ada, assignment["id"], answer_in_order(assignment), seed=TAILS)
    assert [one.score for one in iterate_gold(campaign_id=campaign.pk)] == [told]
    assert told < 0.5


def test_whoever_undoes_a_right_answer_for_a_wrong_one_has_said_the_wrong_one():
    campaign = make_campaign(gold_share=0.2, explain_gold=False)
    write_item(campaign)
    ada = make_annotator()
    assignment = hold_gold(ada, campaign)
    first = submit(ada, assignment["id"], answer_in_order(assignment), seed=TAILS)["judgment"]
    assert [one.score for one in iterate_gold(campaign_id=campaign.pk)] == [1.0]
    undo_judgment(annotator_id=ada.pk, judgment_id=first["id"], now=NOW)
    wrong = answer_in_order(
        assignment, tiers=[["No idea.", "Birds are green."], ["They like it."], ["Because of spring."]]
    )
    submit(ada, assignment["id"], wrong, seed=TAILS)
    assert [one.score < 0.5 for one in iterate_gold(campaign_id=campaign.pk)] == [True]
