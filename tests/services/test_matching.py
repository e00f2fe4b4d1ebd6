"""Who is given what at the front, what is drawn by lot, and that nobody can tell."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from annotate.models import (
    Annotator,
    AnnotatorTraits,
    Assignment,
    Campaign,
    Consensus,
    CoverageCell,
    Interest,
    Message,
    PromptPlace,
    Topic,
    Unit,
    UnitDetail,
)
from annotate.queries.rows import run
from annotate.services.holds import release_holds
from annotate.services.undo import undo_judgment
from tests.gold import HEADS, TAILS, choose_item, stand_beside
from tests.loop import NOW, ask, find_drift, make_annotator, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db


def know(annotator: Annotator, campaign: Campaign, **traits) -> Annotator:
    row = {"sharpness": 1.0, "judgments": 50, "computed_at": NOW, **traits}
    AnnotatorTraits.objects.create(campaign=campaign, annotator=annotator, **row)
    return annotator


def make_world(prompts: int = 4, **parameters) -> tuple[Campaign, list[Message]]:
    campaign = make_campaign(**{"redundancy": 50, "random_share": 0, **parameters})
    made = [make_prompt(campaign, f"Prompt {number}?") for number in range(prompts)]
    Unit.objects.update(band=500)
    return campaign, made


def tell_gain(prompt: Message, gain: float) -> None:
    """As the scheduler would, once there is an order."""
    know_order(prompt, uncertainty=0.5)
    UnitDetail.objects.filter(unit__subject=prompt).update(terms={"certainty": gain})


def know_order(prompt: Message, *, uncertainty: float) -> None:
    consensus = Consensus.objects.create(
        parent=prompt, method="test", method_version=1, input_hash=b"x" * 32, n=3, seed=1, result={},
        uncertainty=uncertainty, computed_at=NOW,
    )  # fmt: skip
    Message.objects.filter(pk=prompt.pk).update(current_consensus=consensus)


def place(prompt: Message, topic: Topic) -> CoverageCell:
    cell, _ = CoverageCell.objects.get_or_create(
        campaign_id=topic.campaign_id, language="en", topic=topic, length="short"
    )
    PromptPlace.objects.create(
        message=prompt, campaign_id=topic.campaign_id, tree=prompt.tree, cell=cell, topic=topic, placed_at=NOW
    )
    return cell


def make_topic(campaign: Campaign, number: int) -> Topic:
    run(
        """INSERT INTO annotate_topic (campaign_id, number, name, embedder, centroid)
        VALUES (%(campaign)s, %(number)s, 'topic', 'test', '[1,0]')""",
        {"campaign": campaign.pk, "number": number},
    )
    return Topic.objects.defer("centroid").get(campaign=campaign, number=number)


def count_given(person: Annotator, campaign: Campaign, *, draws: int = 60) -> Counter[int]:
    """How often each subject is given to this person, who gives everything back at once."""
    given: Counter[int] = Counter()
    for seed in range(draws):
        offered = ask(person, campaign, seed=seed)["assignment"]
        given[Unit.objects.get(public_id=offered["unit"]).subject_id] += 1
        release_holds(annotator_id=person.pk, now=NOW)
        Assignment.objects.all().delete()
    assert find_drift() == {}
    return given


def test_who_is_sharp_is_given_what_is_contested_and_who_is_careless_what_is_nearly_known() -> None:
    campaign, (contested, settled) = make_world(2)
    tell_gain(contested, 0.05)
    tell_gain(settled, 0.0005)
    sharp = know(make_annotator("ada"), campaign, sharpness=1.3)
    careless = know(make_annotator("eve"), campaign, sharpness=0.1)
    assert count_given(sharp, campaign)[contested.pk] > 45
    assert count_given(careless, campaign)[settled.pk] > 45


def test_without_a_gain_the_uncertainty_of_the_order_counts() -> None:
    campaign, (contested, settled) = make_world(2)
    know_order(contested, uncertainty=0.9)
    know_order(settled, uncertainty=0.05)
    assert count_given(know(make_annotator(), campaign, sharpness=1.3), campaign)[contested.pk] > 45


def test_people_unlike_those_who_judged_are_asked() -> None:
    campaign, (first, second) = make_world(2)
    for name, prompt, group in (("bob", first, "opinion 1"), ("eve", second, "opinion 2")):
        person = know(make_annotator(name), campaign, group=group)
        Unit.objects.filter(subject=prompt).update(band=600)
        offered = ask(person, campaign)["assignment"]
        assert submit(person, offered["id"], ranking_of(offered))["judgment"]["counted"]
        release_holds(annotator_id=person.pk, now=NOW)
        Unit.objects.update(band=500)
    Assignment.objects.exclude(state="submitted").delete()
    ada = know(make_annotator(), campaign, group="opinion 1")
    kept = [ask(ada, campaign, seed=seed)["assignment"]["unit"] for seed in gave_back(ada, 40)]
    given = Counter(Unit.objects.get(public_id=unit).subject_id for unit in kept)
    assert given[second.pk] > 27


def gave_back(person: Annotator, draws: int):
    """Seeds; between two of them the person gives back what they hold, and has not seen it."""
    for seed in range(draws):
        yield seed
        release_holds(annotator_id=person.pk, now=NOW)
        Assignment.objects.filter(annotator=person, state="released").delete()


def test_what_somebody_likes_comes_more_often() -> None:
    campaign, (liked, disliked) = make_world(2)
    ada = know(make_annotator(), campaign)
    for number, (prompt, likes) in enumerate(((liked, True), (disliked, False)), start=1):
        topic = make_topic(campaign, number)
        place(prompt, topic)
        Interest.objects.create(annotator=ada, topic=topic, likes=likes)
    assert count_given(ada, campaign)[liked.pk] > 43


def test_nobody_is_given_twenty_alike_in_a_row_where_there_is_something_else() -> None:
    campaign, prompts = make_world(24)
    ada = know(make_annotator(), campaign)
    common, rare = make_topic(campaign, 1), make_topic(campaign, 2)
    for number, prompt in enumerate(prompts):
        place(prompt, rare if number == 5 else common)
    Unit.objects.filter(subject=prompts[5]).update(band=480, tie=0)
    Unit.objects.exclude(subject=prompts[5]).filter(subject__in=[one.pk for one in prompts[:12]]).update(band=520)
    offered, done = ask(ada, campaign)["assignment"], []
    for number in range(20):
        subject = Unit.objects.get(public_id=offered["unit"]).subject_id
        done.append(PromptPlace.objects.get(message_id=subject).topic_id)
        offered = submit(ada, offered["id"], ranking_of(offered), seed=number)["next"]["assignment"]
    assert rare.pk in done


def test_a_match_takes_one_statement_more_and_the_same_for_everybody() -> None:
    campaign, prompts = make_world(20)
    for number, prompt in enumerate(prompts):
        tell_gain(prompt, number / 1000)
    counts = {}
    for name, traits in {"new": None, "sharp": 1.4, "careless": 0.0, "typical": 1.0}.items():
        person = make_annotator(name)
        if traits is not None:
            know(person, campaign, sharpness=traits)
        with CaptureQueriesContext(connection) as queries:
            assert ask(person, campaign)["assignment"] is not None
        counts[name] = len(queries)
    assert counts["sharp"] == counts["careless"] == counts["typical"] == counts["new"] + 1


def test_what_is_shown_is_the_same_however_somebody_is_rated() -> None:
    campaign, (prompt,) = make_world(1)
    shown = []
    for name, sharpness in (("ada", 1.4), ("eve", 0.0)):
        offered = ask(know(make_annotator(name), campaign, sharpness=sharpness), campaign, seed=3)["assignment"]
        shown.append({key: value for key, value in offered.items() if key != "id"})
    assert shown[0] == shown[1]
    assert shown[0]["subject"]["thread"][0]["text"] == prompt.text


def test_where_people_are_not_matched_the_most_wanted_comes_first() -> None:
    campaign, (first, second) = make_world(2, match_people=False)
    Unit.objects.filter(subject=second).update(band=520)
    tell_gain(first, 0.5)
    assert count_given(know(make_annotator(), campaign, sharpness=1.4), campaign, draws=10) == {second.pk: 10}


def test_what_nobody_can_be_matched_to_is_looked_for_as_ever() -> None:
    campaign, prompts = make_world(3)
    ada = know(make_annotator(), campaign)
    offered = ask(ada, campaign)["assignment"]
    for _ in prompts[1:]:
        offered = submit(ada, offered["id"], ranking_of(offered))["next"]["assignment"]
    assert submit(ada, offered["id"], ranking_of(offered))["next"]["why_none"]["code"] == "seen_all"
    assert find_drift() == {}


def test_a_share_of_the_work_is_drawn_by_lot_and_says_so() -> None:
    campaign, _prompts = make_world(6, random_share=0.3)
    ada = make_annotator()
    drawn = 0
    for _seed in gave_back(ada, 100):
        hold = ask(ada, campaign, seed=_seed)["assignment"]["id"]
        drawn += Assignment.objects.get(pk=hold).is_random
    assert 18 <= drawn <= 42
    assert find_drift() == {}


def test_what_is_drawn_by_lot_may_be_any_unit_whatever_its_band() -> None:
    campaign, prompts = make_world(10, random_share=0.5)
    campaign.parameters |= {"random_share": 1.0}
    campaign.save()
    for number, prompt in enumerate(prompts):
        Unit.objects.filter(subject=prompt).update(band=100 * number, tie=200_000_000 * number + 1_000)
    assert len(count_given(make_annotator(), campaign, draws=150)) == len(prompts)


def test_a_lot_gives_nobody_what_they_may_not_do_and_falls_back_on_what_is_left() -> None:
    campaign, prompts = make_world(3)
    campaign.parameters |= {"random_share": 1.0}
    campaign.save()
    ada = make_annotator()
    offered, seen = ask(ada, campaign)["assignment"], []
    while offered is not None:
        seen.append(offered["unit"])
        offered = submit(ada, offered["id"], ranking_of(offered), seed=len(seen))["next"]["assignment"]
    assert len(seen) == len(set(seen)) == len(prompts)
    assert find_drift() == {}


def test_work_taken_up_again_is_by_lot_when_it_is_drawn_by_lot() -> None:
    campaign, _prompts = make_world(1)
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]["id"]
    release_holds(annotator_id=ada.pk, now=NOW)
    campaign.parameters |= {"random_share": 1.0}
    campaign.save()
    assert ask(ada, campaign)["assignment"]["id"] == hold
    assert Assignment.objects.get(pk=hold).is_random


def test_a_ballot_undone_is_none_of_what_one_did_last() -> None:
    campaign, _prompts = make_world(2)
    ada = know(make_annotator(), campaign)
    offered = ask(ada, campaign)["assignment"]
    judged = submit(ada, offered["id"], ranking_of(offered))["judgment"]["id"]
    undo_judgment(annotator_id=ada.pk, judgment_id=judged, now=NOW)
    assert ask(ada, campaign)["assignment"] is not None


@pytest.mark.parametrize("units", [1, 3])
def test_a_lot_takes_as_many_statements_as_any_claim(units) -> None:
    campaign, _prompts = make_world(units)
    campaign.parameters |= {"random_share": 1.0}
    campaign.save()
    with CaptureQueriesContext(connection) as queries:
        assert ask(make_annotator(), campaign)["assignment"] is not None
    # person with the savepoint around it, and out of the way of the count: holds, claim, freeze
    assert (
        len([query for query in queries if "SAVEPOINT" not in query["sql"] and 'INSERT INTO "' not in query["sql"]])
        == 4
    )


def draw_gold(person: Annotator, campaign: Campaign) -> int:
    """The subject of the gold item that this person is given, as if it had not been."""
    with transaction.atomic():
        offered = ask(person, campaign, seed=HEADS)["assignment"]
        unit = Unit.objects.select_related("queue").get(public_id=offered["unit"])
        assert unit.queue.is_gold
        transaction.set_rollback(True)
    assert unit.subject_id is not None
    return unit.subject_id


def make_gold_world() -> tuple[Campaign, Topic, Topic, list[Message]]:
    """Two items about each of two topics, the first ones about the first."""
    campaign, prompts = make_world(4, gold_share=0.3)
    one, other = make_topic(campaign, 1), make_topic(campaign, 2)
    for number, prompt in enumerate(prompts):
        choose_item(campaign, prompt)
        place(prompt, (one, one, other, other)[number])
    stand_beside(campaign)
    return campaign, one, other, prompts


def test_gold_heeds_what_somebody_would_rather_be_asked_about_as_other_work_does() -> None:
    campaign, liked, disliked, prompts = make_gold_world()
    about_liked = {prompt.pk for prompt in prompts[:2]}
    before, after = set(), set()
    for number in range(30):
        ada = know(make_annotator(f"ada{number}"), campaign)
        if draw_gold(ada, campaign) in about_liked:
            before.add(ada.pk)
        Interest.objects.create(annotator=ada, topic=liked, likes=True)
        Interest.objects.create(annotator=ada, topic=disliked, likes=False)
        if draw_gold(ada, campaign) in about_liked:
            after.add(ada.pk)
    # The dice of each person stay the same: what is liked only comes nearer.
    assert before < after
    assert len(after) > 15


def test_gold_is_of_something_else_after_very_many_alike() -> None:
    campaign, common, _, prompts = make_gold_world()
    ada = know(make_annotator(), campaign)
    for number in range(12):
        prompt = make_prompt(campaign, f"Common {number}?")
        place(prompt, common)
        Unit.objects.filter(subject=prompt).update(band=900)
        offered = ask(ada, campaign, seed=TAILS)["assignment"]
        assert Unit.objects.get(public_id=offered["unit"]).subject_id == prompt.pk
        submit(ada, offered["id"], ranking_of(offered), seed=TAILS)
        release_holds(annotator_id=ada.pk, now=NOW)
        Assignment.objects.filter(annotator=ada, state="released").delete()
    assert draw_gold(ada, campaign) in {prompt.pk for prompt in prompts[2:]}


def test_a_match_among_gold_takes_no_statement_more() -> None:
    campaign, *_ = make_gold_world()
    plain, known = make_annotator("bob"), know(make_annotator("ada"), campaign)
    taken = []
    for person in (plain, known):
        with CaptureQueriesContext(connection) as seen:
            draw_gold(person, campaign)
        taken.append(len(seen.captured_queries))
    assert taken[0] == taken[1]
