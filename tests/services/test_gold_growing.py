"""Gold where trees grow: made of what grew there, asked about as often as the rest, gone with its tree, and no step of it.

The hostile reader here watches everything that can be looked up, at every step, of a tree with gold and of its twin.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Consensus, GoldItem, GoldResult, Judgment, Message, MessageTree, Unit
from annotate.queries.annotator_reliability import list_own_reliability
from annotate.queries.gold import iterate_gold
from annotate.queries.home import list_given
from annotate.queries.integrity import find_broken_rules
from annotate.queries.judgments import load_ballots
from annotate.queries.message_lists import list_recent
from annotate.queries.progress import get_progress
from annotate.queries.tree_supply import load_supply
from annotate.services.campaign_files import read_campaign
from annotate.services.campaign_units import follow_next_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.gold import choose_gold, promote_gold, retire_gold
from annotate.services.holds import release_holds
from annotate.services.moderation_trees import halt_tree, restart_tree
from annotate.services.tree_marks import mark_trees
from annotate.services.undo import undo_judgment, withdraw_judgment
from tasks.jobs.quality import recompute_stale_job
from tests.gold import HEADS, TAILS, make_organizer, stand_beside, write_item
from tests.growing import grow, make_growing, make_tree, open_work
from tests.loop import NOW, add_message, ask, find_drift, make_annotator, make_prompt, submit
from tests.trees import leave_window, read, reader

pytestmark = pytest.mark.django_db

REPLIES = ("At dawn.", "At dusk.")


def make_grown(campaign, text, *, author, replies=REPLIES):
    """A tree that has grown, with its rankings still to come."""
    prompt = make_tree(campaign, text, state="ranking", author=author, review="accepted", goal=len(replies) + 1)
    MessageTree.objects.filter(pk=prompt.tree_id).update(drawn_at=NOW, state_reason="goal_reached")
    for reply in replies:
        message = add_message(prompt.tree, reply, role="assistant", parent=prompt)
        Message.objects.filter(pk=message.pk).update(author=author, review_state="accepted", created_at=NOW)
    return prompt


def make_gold(campaign, prompt, **values):
    replies = list(prompt.replies.order_by("pk").values_list("pk", flat=True))
    said = {"message": prompt.pk, "kind": "rank", "tiers": [[reply] for reply in replies], "acceptable_tiers": 1}
    return choose_gold(campaign=campaign, values=said | values, actor=None, now=NOW)


@pytest.fixture
def campaign():
    return make_growing(kinds=("rank",), gold_share=0.5, waiting_prompts=0)


@pytest.fixture
def zed():
    return make_annotator("zed")


@pytest.fixture
def twins(campaign, zed):
    """Two trees alike: the first has gold, the other its ordinary work."""
    gold, plain = (make_grown(campaign, text, author=zed) for text in ("Why sing?", "Why call?"))
    grow()
    make_gold(campaign, gold)
    grow()
    return gold, plain


def rank(person, campaign, prompt, *, tiers=REPLIES, now=NOW):
    """Take exactly this prompt, and put its replies in this order; the judgment."""
    is_gold = GoldItem.objects.filter(unit__subject=prompt).exists()
    held = ask(person, campaign, seed=HEADS if is_gold else TAILS, now=now)["assignment"]
    assert Unit.objects.get(public_id=held["unit"]).subject_id == prompt.pk
    handle = {candidate["text"]: candidate["id"] for candidate in held["subject"]["candidates"]}
    body = {"tiers": [[handle[text]] for text in tiers], "acceptable_tiers": 1}
    judgment = submit(person, held["id"], body, seed=TAILS, now=now)["judgment"]
    release_holds(annotator_id=person.pk, now=now)
    return judgment


def settle():
    """The jobs that follow what people do."""
    recompute_stale_job()
    grow()


def bare(prompt, person):
    """What somebody reads of a tree, without what differs between any two trees."""
    shown = asdict(read(prompt.tree, person))
    place = {message["id"]: number for number, message in enumerate(shown["messages"])}
    own = {"id", "parent_id", "text", "my_label"}
    messages = [
        {name: value for name, value in message.items() if name not in own}
        | {"parent": place.get(message["parent_id"])}
        for message in shown.pop("messages")
    ]
    return {name: value for name, value in shown.items() if name != "id"}, messages


def watch(prompt, people):
    listed = list_recent(reader=reader(people[-1]), limit=99).messages
    return (
        [bare(prompt, person) for person in (*people, None)],
        [(row.tree_state, row.created_at, row.review) for row in listed if row.tree_id == prompt.tree_id],
        [
            [(row["kind"], row["counted"], row["needed"], row["done"], row["is_open"], row["is_told"], row["review"], row["release"])
             for row in list_given(annotator_id=person.pk, limit=99) if row["text"] == prompt.text]
            for person in people
        ],
    )  # fmt: skip


def test_at_every_step_a_tree_with_gold_is_read_like_its_twin(campaign, twins):
    gold, plain = twins
    people = ada, ben, cyd = [make_annotator(name) for name in ("ada", "ben", "cyd")]
    assert watch(gold, people) == watch(plain, people)
    judgments = [rank(ada, campaign, prompt) for prompt in twins]
    assert judgments[0]["counted"] == judgments[1]["counted"]
    settle()
    assert watch(gold, people) == watch(plain, people)
    leave_window(ada)
    assert watch(gold, people) == watch(plain, people)
    for prompt in twins:
        rank(ben, campaign, prompt)
    before = watch(gold, people)
    assert before == watch(plain, people)
    settle()
    ended = watch(gold, people)
    told = [row[:5] + row[6:] for rows in ended[2] for row in rows]
    plain_ended = watch(plain, people)
    assert told == [row[:5] + row[6:] for rows in plain_ended[2] for row in rows]
    assert ended[:2] == plain_ended[:2]
    assert [message["rank"] for message in ended[0][2][1]] == [None, 1, 2]
    assert cyd.judgments.count() == 0
    assert set(MessageTree.objects.values_list("state", "state_reason")) == {("done", "ranked")}
    assert (find_drift(), find_broken_rules()) == ({}, [])


def test_gold_ends_with_its_tree_and_is_told_then(campaign, twins):
    gold, _ = twins
    item = GoldItem.objects.get()
    assert (item.unit.needed, item.unit.detail.wanted) == (2, 2)
    ada, ben = make_annotator("ada"), make_annotator("ben")
    judgment = rank(ada, campaign, gold)
    settle()
    assert MessageTree.objects.get(pk=gold.tree_id).state == "ranking"
    rank(ben, campaign, gold, tiers=REPLIES[::-1])
    settle()
    item.refresh_from_db()
    assert (MessageTree.objects.get(pk=gold.tree_id).state, item.retired_at, item.unit.is_open) == ("done", NOW, False)
    assert set(GoldResult.objects.values_list("told_at", flat=True)) == {NOW}
    assert [ballot.score for ballot in iterate_gold(campaign_id=campaign.pk)] == [1.0, 0.0]
    with pytest.raises(Conflict) as refused:
        undo_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)
    assert refused.value.code == "answer_was_told"


def test_nothing_is_computed_from_it_and_no_ordinary_work_is_asked_about_it(campaign, twins):
    gold, _ = twins
    assert open_work(campaign)["rank"] == 2
    assert [unit.queue.is_gold for unit in gold.units.filter(is_open=True)] == [True]
    for name in ("ada", "ben"):
        rank(make_annotator(name), campaign, gold)
    mark_trees(tree_ids=[gold.tree_id])
    settle()
    assert load_ballots(parent_ids=[gold.pk]) == []
    assert not Consensus.objects.filter(parent=gold).exists()
    assert gold.replies.count() == 2
    assert Unit.objects.filter(subject__tree=gold.tree_id, is_open=True).count() == 0


def test_deciding_again_changes_nothing(campaign, twins):
    def snapshot():
        return (
            list(MessageTree.objects.order_by("pk").values_list("pk", "state", "state_reason", "goal_size")),
            list(Unit.objects.order_by("pk").values_list("pk", "needed", "done", "held", "is_open")),
        )

    before = snapshot()
    for _ in range(2):
        mark_trees(tree_ids=[prompt.tree_id for prompt in twins])
        grow()
        assert snapshot() == before


def test_the_tree_waits_for_its_gold_and_for_its_other_rankings(campaign, zed):
    prompt = make_grown(campaign, "Why sing?", author=zed)
    turn = add_message(prompt.tree, "And when?", role="prompter", parent=prompt.replies.first())
    for text in ("In May.", "In June."):
        add_message(prompt.tree, text, role="assistant", parent=turn)
    mark_trees(tree_ids=[prompt.tree_id])
    grow()
    make_gold(campaign, prompt)
    grow()
    for name in ("ada", "ben"):
        rank(make_annotator(name), campaign, turn, tiers=("In May.", "In June."))
    settle()
    assert MessageTree.objects.get(pk=prompt.tree_id).state == "ranking"
    stand_beside(campaign)
    for name in ("cyd", "dan"):
        rank(make_annotator(name), campaign, prompt)
    settle()
    assert MessageTree.objects.get(pk=prompt.tree_id).state == "done"


def test_a_tree_to_whose_gold_nobody_comes_ends_as_others_do(campaign, twins):
    late = NOW + timedelta(days=40)
    mark_trees(tree_ids=[prompt.tree_id for prompt in twins])
    grow(now=late)
    assert set(MessageTree.objects.values_list("state", "state_reason")) == {("retired", "nobody_came")}
    assert GoldItem.objects.get().retired_at == late


def test_a_tree_to_whose_gold_nobody_comes_any_more_is_done_as_others_are(campaign, twins):
    ada = make_annotator("ada")
    for prompt in twins:
        rank(ada, campaign, prompt)
    late = NOW + timedelta(days=40)
    mark_trees(tree_ids=[prompt.tree_id for prompt in twins])
    grow(now=late)
    assert set(MessageTree.objects.values_list("state", "state_reason")) == {("done", "nobody_came")}


def test_retired_gold_lets_its_tree_go_on(campaign, twins):
    gold, _ = twins
    retire_gold(campaign=campaign, unit_id=GoldItem.objects.get().pk, actor=None, now=NOW)
    mark_trees(tree_ids=[gold.tree_id])
    grow()
    assert MessageTree.objects.get(pk=gold.tree_id).state == "done"
    assert not gold.units.filter(is_open=True).exists()


def test_gold_of_a_tree_that_is_halted_comes_back_no_more(campaign, twins):
    gold, _ = twins
    moderator = Actor(user=make_organizer(campaign).user, scopes=None)
    halt_tree(campaign=campaign, tree_id=gold.tree_id, actor=moderator, reason="x", now=NOW)
    assert GoldItem.objects.get().retired_at == NOW
    restart_tree(campaign=campaign, tree_id=gold.tree_id, actor=moderator, reason="y", now=NOW)
    grow()
    assert not gold.units.filter(is_open=True).exists()
    assert find_broken_rules() == []


def test_a_withdrawn_answer_frees_its_place_as_elsewhere_and_stays_in_its_authors_figure(campaign, twins):
    gold, _ = twins
    ada = make_annotator("ada")
    judgment = rank(ada, campaign, gold, tiers=REPLIES[::-1])
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment["id"], now=NOW)
    unit = GoldItem.objects.get().unit
    assert (unit.done, unit.needed, unit.is_vacant) == (0, 2, True)
    assert [ballot.score for ballot in iterate_gold(campaign_id=campaign.pk)] == [0.0]


def test_an_answer_that_comes_after_the_tree_has_ended_says_nothing(campaign, twins):
    gold, _ = twins
    late = make_annotator("late")
    held = ask(late, campaign, seed=HEADS)["assignment"]
    release_holds(annotator_id=late.pk, now=NOW)
    for name in ("ada", "ben"):
        rank(make_annotator(name), campaign, gold)
    settle()
    handle = {candidate["text"]: candidate["id"] for candidate in held["subject"]["candidates"]}
    body = {"tiers": [[handle[text]] for text in REPLIES], "acceptable_tiers": 1}
    submit(late, held["id"], body, now=NOW + timedelta(minutes=1))
    assert str(late.pk) not in {ballot.annotator for ballot in iterate_gold(campaign_id=campaign.pk)}
    assert Judgment.objects.get(annotator=late).counted is False


def test_what_could_be_told_is_refused_with_its_reason(campaign, zed):
    with pytest.raises(Conflict) as written:
        write_item(campaign)
    assert written.value.code == "trees_grow"
    assert "came all at once" in str(written.value)
    campaign.kinds = ["rank", "label"]
    campaign.save()
    prompt = make_grown(campaign, "Why sing?", author=zed)
    with pytest.raises(Conflict) as labels:
        make_gold(campaign, prompt, kind="label", labels={"spam": True})
    assert labels.value.code == "labels_decide"
    growing = make_tree(campaign, "Why fly?", author=zed, review="accepted", goal=3)
    for text in REPLIES:
        add_message(growing.tree, text, role="assistant", parent=growing)
    with pytest.raises(Conflict) as early:
        make_gold(campaign, growing)
    assert early.value.code == "tree_ended"


def test_a_certain_order_is_promoted_while_its_tree_is_ranked(campaign, zed):
    prompt = make_grown(campaign, "Why sing?", author=zed)
    turn = add_message(prompt.tree, "And when?", role="prompter", parent=prompt.replies.first())
    for text in ("In May.", "In June."):
        add_message(prompt.tree, text, role="assistant", parent=turn)
    mark_trees(tree_ids=[prompt.tree_id])
    grow()
    Unit.objects.filter(subject=turn).update(band=0)
    people = [make_annotator(name) for name in ("ada", "ben")]
    for person in people:
        rank(person, campaign, prompt)
    settle()
    promote_gold(campaign=campaign, message_id=prompt.pk, actor=None, now=NOW, confidence=0.1, ballots=2)
    grow()
    cyd = make_annotator("cyd")
    rank(cyd, campaign, prompt)
    assert MessageTree.objects.get(pk=prompt.tree_id).state == "ranking"
    assert GoldItem.objects.get().origin == "promoted"
    assert Consensus.objects.get(parent=prompt).n == 2


def test_what_was_enough_seems_asked_about_to_whoever_has_not_judged_it_where_gold_is(campaign, zed, twins):
    """Else whoever sees replies openly and is asked to order them knows that their order is known."""
    _, plain = twins
    ada, ben, cyd = (make_annotator(name) for name in ("ada", "ben", "cyd"))
    extra = add_message(plain.tree, "And when?", role="prompter", parent=plain.replies.first())
    for text in ("In May.", "In June."):
        add_message(plain.tree, text, role="assistant", parent=extra)
    mark_trees(tree_ids=[plain.tree_id])
    grow()
    Unit.objects.filter(subject=extra).update(band=0)
    for person in (ada, ben):
        rank(person, campaign, plain)
    settle()
    assert not plain.units.get(kind="rank").is_open
    assert [len(read(plain.tree, person).messages) for person in (ada, cyd, None)] == [4, 1, 1]
    GoldItem.objects.update(retired_at=NOW)
    assert len(read(plain.tree, cyd).messages) == 4


def test_supply_and_counts_move_alike(campaign, twins):
    gold, plain = twins
    ada = make_annotator("ada")
    supply = load_supply(campaign_id=campaign.pk, now=NOW)
    seen = []
    for prompt in (gold, plain):
        before = get_progress(campaign_id=campaign.pk, now=NOW, is_insider=False)
        rank(ada, campaign, prompt)
        after = get_progress(campaign_id=campaign.pk, now=NOW, is_insider=False)
        seen.append((after["judgments"] - before["judgments"], after["units"]["done"] - before["units"]["done"]))
    assert seen[0] == seen[1]
    assert load_supply(campaign_id=campaign.pk, now=NOW) == supply
    assert list_own_reliability(annotator_id=ada.pk) == []


def follow(campaign, **parameters):
    """What an organizer changes, as the job follows it."""
    change_campaign(campaign=campaign, spec=read_campaign({"parameters": parameters}), actor=None, now=NOW)
    while follow_next_campaign(clock=lambda: NOW) is not None:
        pass
    grow()


def test_where_no_trees_grow_no_end_is_needed():
    campaign = make_growing(kinds=("rank",), gold_share=0.5, grow_trees=False)
    prompt = make_prompt(campaign, "Why sing?", replies=2)
    item = make_gold(campaign, prompt)
    follow(campaign, redundancy=5)
    unit = Unit.objects.get(pk=item.pk)
    assert (unit.needed > 1_000, unit.detail.wanted) == (True, 5)


def test_gold_follows_a_change_of_how_many_are_asked(campaign, twins):
    gold, plain = twins
    ada = make_annotator("ada")
    for prompt in twins:
        rank(ada, campaign, prompt)
    follow(campaign, redundancy=4)
    assert watch(gold, [ada]) == watch(plain, [ada])
    units = [Unit.objects.get(subject=prompt, is_open=True) for prompt in twins]
    assert {(unit.needed, unit.done, unit.detail.wanted) for unit in units} == {(4, 1, 4)}
    assert (find_drift(), find_broken_rules()) == ({}, [])
