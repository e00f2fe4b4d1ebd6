"""Gold items are written, chosen, promoted and retired by organizers, and nothing else counts them."""

from __future__ import annotations

import pytest

from annotate.exceptions import Conflict, Gone, InvalidInput, NotFound
from annotate.models import (
    AuditEvent,
    Campaign,
    CampaignGenerator,
    Consensus,
    Exclusion,
    Generator,
    GoldItem,
    GoldResult,
    Message,
    MessageTree,
    Queue,
    Stale,
    Unit,
    UnitCandidate,
)
from annotate.queries.backlog import count_queues, list_front_units, load_cells, load_units
from annotate.queries.campaign_lists import find_waiting
from annotate.queries.campaign_parents import list_parents_without_units
from annotate.queries.gold import count_gold_judgments
from annotate.queries.integrity import find_broken_rules
from annotate.queries.judgments import iterate_ballots, iterate_votes, load_ballots
from annotate.queries.overview import count_overview
from annotate.queries.progress import get_progress
from annotate.queries.rows import run
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.generation import ask_missing
from annotate.services.gold import choose_gold, promote_gold, retire_gold
from annotate.services.gold_opening import NO_END
from annotate.services.gold_writing import write_gold
from annotate.services.holds import release_holds
from annotate.services.moderation import remove_message, restore_message
from annotate.services.units import open_units
from tasks.agreement.consensus import combine_rankings
from tasks.records.parameters import read_settings
from tests.gold import HEADS, TAILS, TIERS, choose_item, make_organizer, stand_beside, write_item
from tests.loop import NOW, ask, find_drift, make_annotator, make_campaign, make_prompt, ranking_of, submit

pytestmark = pytest.mark.django_db


def judge_all(campaign, people, *, text="Why do birds sing?"):
    """A prompt whose unit is done: everybody ranks its replies in the order in which they came."""
    prompt = make_prompt(campaign, text)
    place = {pk: index for index, pk in enumerate(prompt.replies.order_by("pk").values_list("text", flat=True))}
    for person in people:
        held = ask(person, campaign)["assignment"]
        shown = sorted(held["subject"]["candidates"], key=lambda candidate: place[candidate["text"]])
        submit(person, held["id"], {"tiers": [[one["id"]] for one in shown], "acceptable_tiers": 2})
    return prompt


def settle(prompt, **said):
    """Its consensus, as the job computes and stores it, but for what is `said` of it."""
    (record,) = combine_rankings(load_ballots(parent_ids=[prompt.pk]), seed=1)
    prompt.current_consensus = Consensus.objects.create(
        parent=prompt, method=record.method, method_version=record.method_version,
        input_hash=bytes.fromhex(record.input_hash), n=record.n_ballots, seed=1, result=record.as_result() | said,
        uncertainty=record.uncertainty, computed_at=NOW,
    )  # fmt: skip
    prompt.save(update_fields=["current_consensus"])
    return record


def test_a_written_item_is_a_conversation_like_an_imported_one_with_a_unit_of_which_no_end_is_needed():
    campaign = make_campaign()
    organizer = make_organizer(campaign)
    item = write_item(campaign, actor=organizer, topic="birds")
    unit = Unit.objects.select_related("queue").get(pk=item.pk)
    replies = {message.text: message.pk for message in unit.subject.replies.all()}
    assert (unit.queue.is_gold, unit.queue.kind, unit.queue.language) == (True, "rank", "en")
    assert (unit.needed, unit.is_open, unit.is_vacant) == (NO_END, True, True)
    assert item.answer == {"tiers": [[replies[text] for text in tier] for tier in TIERS], "acceptable_tiers": 2}
    assert set(UnitCandidate.objects.filter(unit=unit).values_list("message_id", flat=True)) == set(replies.values())
    tree = unit.subject.tree
    assert (tree.state, tree.topic, unit.subject.author_id, unit.subject.origins.count()) == (
        "ranking",
        "birds",
        None,
        0,
    )
    assert {(reply.author_id, reply.created_at) for reply in unit.subject.replies.all()} == {
        (None, unit.subject.created_at)
    }
    assert (item.origin, item.created_by, item.explanation) == ("written", organizer.user, "The first one says why.")
    event = AuditEvent.objects.get(action="gold.added")
    assert (event.object_id, event.actor_id, event.after["message"]) == (
        str(item.pk),
        organizer.user_id,
        unit.subject_id,
    )


def test_labels_of_a_prompt_or_of_a_reply_are_known_too():
    campaign = make_campaign(kinds=("label",))
    one = write_gold(campaign=campaign, actor=None, now=NOW, values={
        "kind": "label", "language": "en", "prompt": "Buy birds now", "labels": {"spam": True}})  # fmt: skip
    two = write_gold(campaign=campaign, actor=None, now=NOW, values={
        "kind": "label", "language": "en", "prompt": "What is a bird?", "reply": "A fish.", "labels": {"quality": 0.0, "spam": False}})  # fmt: skip
    assert one.answer == {"labels": {"spam": 1.0}}
    assert two.answer == {"labels": {"quality": 0.0, "spam": 0.0}}
    assert (one.unit.subject.text, two.unit.subject.text) == ("Buy birds now", "A fish.")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "label"}, "kind"),
        ({"kind": "write_assistant_reply"}, "kind"),
        ({"language": "de"}, "language"),
        ({"prompt": " "}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": "x" * 20_001}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"topic": "x" * 81}, "topic"),
        ({"tiers": "best"}, "tiers"),
        ({"tiers": [["one"]]}, "tiers"),
        ({"tiers": [["one"], []]}, "tiers"),
        ({"tiers": [["same"], ["same"]]}, "tiers"),
        ({"tiers": [[str(n)] for n in range(9)]}, "tiers"),
        ({"tiers": [["one", "two"]], "acceptable_tiers": None}, "tiers"),
        ({"acceptable_tiers": 4}, "acceptable_tiers"),
        ({"acceptable_tiers": True}, "acceptable_tiers"),
        ({"explanation": None}, "explanation"),
        ({"explanation": "x" * 4_001}, "explanation"),
    ],
)
def test_an_item_without_a_usable_answer_is_refused_at_its_field_and_nothing_is_stored(values, field):
    campaign = make_campaign()
    with pytest.raises(InvalidInput) as refused:
        write_item(campaign, **values)
    assert list(refused.value.details) == [field]
    assert (GoldItem.objects.count(), Message.objects.count(), Queue.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize(
    "labels", [{}, None, {"quality": None}, {"unknown": 1}, {"spam": 0.5}, {"spam": "not_applicable"}]
)
def test_labels_that_say_nothing_known_are_refused(labels):
    campaign = make_campaign(kinds=("label",))
    with pytest.raises(InvalidInput):
        write_item(campaign, kind="label", labels=labels)
    assert Message.objects.count() == 0


def test_a_prompt_that_is_there_is_not_written_again():
    campaign = make_campaign()
    write_item(campaign)
    with pytest.raises(Conflict) as refused:
        write_item(campaign)
    assert refused.value.code == "prompt_is_there"


def test_no_gold_is_written_where_trees_grow():
    campaign = make_campaign(grow_trees=True)
    with pytest.raises(Conflict) as refused:
        write_item(campaign)
    assert refused.value.code == "trees_grow"


def test_a_chosen_conversation_asks_for_no_ordinary_work_any_more_and_nobody_meets_it_twice():
    campaign = make_campaign(kinds=("rank", "compare"))
    ada, bob = make_annotator("ada"), make_annotator("bob")
    prompt = make_prompt(campaign)
    prompt.author = bob
    prompt.save()
    held = ask(ada, campaign, kinds=["compare"])["assignment"]
    submit(ada, held["id"], {"tiers": [["a"], ["b"]]})
    release_holds(annotator_id=ada.pk, now=NOW)
    item = choose_item(campaign, prompt)
    ordinary = Unit.objects.filter(queue__is_gold=False)
    assert set(ordinary.values_list("kind", "is_open")) == {("rank", False), ("compare", False)}
    excluded = Exclusion.objects.filter(unit_id=item.pk).values_list("annotator_id", "why")
    assert set(excluded) == {(ada.pk, "met_before"), (bob.pk, "own_text")}
    late = Message.objects.create(
        tree=prompt.tree, parent=prompt, role="assistant", text="Late.", text_hash=b"l", language="en"
    )
    open_units(campaign_id=campaign.pk, parent_ids=[prompt.pk], now=NOW)
    assert not UnitCandidate.objects.filter(message=late).exists()
    assert Unit.objects.filter(is_open=True).get().pk == item.pk
    retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW)
    open_units(campaign_id=campaign.pk, parent_ids=[prompt.pk], now=NOW)
    assert not Unit.objects.filter(is_open=True).exists()
    missing = list_parents_without_units(
        campaign_id=campaign.pk, kinds=["rank", "compare", "label"], label_schema_id=campaign.label_schema_id,
        settings=read_settings(campaign.parameters), after=0, last=10**6,
    )  # fmt: skip
    assert missing == []


def test_what_cannot_be_chosen_is_refused():
    campaign = make_campaign()
    prompt = make_prompt(campaign)
    ask(make_annotator(), campaign)
    with pytest.raises(Conflict) as held:
        choose_item(campaign, prompt)
    other = make_prompt(campaign, "Another?")
    MessageTree.objects.filter(pk=other.tree_id).update(state="halted")
    with pytest.raises(Conflict) as ended:
        choose_item(campaign, other)
    gone = make_prompt(campaign, "Gone?")
    Message.objects.filter(pk=gone.pk).update(removed_at=NOW)
    with pytest.raises(Gone) as removed:
        choose_item(campaign, gone)
    with pytest.raises(NotFound) as foreign:
        choose_item(make_campaign(slug="cats"), other)
    with pytest.raises(NotFound) as nowhere:
        choose_gold(campaign=campaign, values={"kind": "rank", "message": "x"}, actor=None, now=NOW)
    third = make_prompt(campaign, "Third?")
    choose_item(campaign, third)
    with pytest.raises(Conflict) as twice:
        choose_item(campaign, third)
    codes = [error.value.code for error in (held, ended, removed, foreign, nowhere, twice)]
    assert codes == [
        "held_now",
        "tree_ended",
        "subject_removed",
        "message_not_found",
        "message_not_found",
        "is_gold_already",
    ]


def test_a_certain_consensus_is_promoted_with_its_order_as_the_answer():
    campaign = make_campaign(redundancy=6)
    people = [make_annotator(f"p{n}") for n in range(6)]
    prompt = judge_all(campaign, people)
    record = settle(prompt)
    item = promote_gold(campaign=campaign, message_id=prompt.pk, actor=None, now=NOW, confidence=0.5)
    assert (item.origin, item.consensus_id) == ("promoted", prompt.current_consensus_id)
    assert item.answer == {"tiers": [list(tier) for tier in record.tiers], "acceptable_tiers": record.acceptable_tiers}
    assert Exclusion.objects.filter(unit_id=item.pk, why="met_before").count() == 6


def test_what_is_not_certain_or_still_asked_is_not_promoted():
    campaign = make_campaign(redundancy=6)
    people = [make_annotator(f"p{n}") for n in range(6)]
    prompt = judge_all(campaign, people[:5])

    def refused(**more):
        with pytest.raises(Conflict) as error:
            promote_gold(campaign=campaign, message_id=prompt.pk, actor=None, now=NOW, **more)
        return error.value.code

    assert refused() == "not_certain"
    settle(prompt)
    assert refused(ballots=6, confidence=0.1) == "not_certain"
    assert refused(confidence=0.9999) == "not_certain"
    assert refused(confidence=0.1) == "still_asked"
    held = ask(people[5], campaign)["assignment"]
    submit(people[5], held["id"], ranking_of(held))
    settle(prompt)
    Campaign.objects.update(kinds=["label"])
    campaign.refresh_from_db()
    assert refused(confidence=0.1) == "kind_not_wanted"


def test_retiring_closes_the_item_tells_the_audit_and_does_nothing_twice():
    campaign = make_campaign()
    organizer = make_organizer(campaign)
    item = write_item(campaign)
    retire_gold(campaign=campaign, unit_id=item.pk, actor=organizer, now=NOW, reason="It is doubtful.")
    retire_gold(campaign=campaign, unit_id=item.pk, actor=organizer, now=NOW)
    item.refresh_from_db()
    assert (item.retired_at, item.unit.is_open) == (NOW, False)
    assert AuditEvent.objects.get(action="gold.retired").reason == "It is doubtful."
    with pytest.raises(NotFound) as refused:
        retire_gold(campaign=make_campaign(slug="cats"), unit_id=item.pk, actor=organizer, now=NOW)
    assert refused.value.code == "gold_not_found"


def test_gold_is_in_no_count_of_the_campaign():
    campaign = make_campaign(kinds=("rank", "label"), gold_share=0.5)
    make_prompt(campaign, replies=2)
    before = (
        count_queues(campaign_id=campaign.pk), load_cells(campaign_id=campaign.pk), get_progress(campaign_id=campaign.pk, now=NOW, is_insider=True),
        count_overview(campaign_id=campaign.pk, languages=["en"], kinds=["rank"], now=NOW), list_front_units(campaign_id=campaign.pk, limit=99),
    )  # fmt: skip
    item = write_item(campaign)
    ada = make_annotator()
    Campaign.objects.update(parameters={**campaign.parameters, "gold_share": 0.5})
    held = Unit.objects.get(pk=item.pk)
    assignment = ask(ada, campaign, kinds=["rank"], seed=HEADS)["assignment"]
    answer = submit(ada, assignment["id"], ranking_of(assignment), seed=TAILS)
    release_holds(annotator_id=ada.pk, now=NOW)
    after = (
        count_queues(campaign_id=campaign.pk), load_cells(campaign_id=campaign.pk), get_progress(campaign_id=campaign.pk, now=NOW, is_insider=True),
        count_overview(campaign_id=campaign.pk, languages=["en"], kinds=["rank"], now=NOW), list_front_units(campaign_id=campaign.pk, limit=99),
    )  # fmt: skip
    assert answer["judgment"]["counted"] is True
    assert after == before
    assert count_gold_judgments(campaign_id=campaign.pk) == 1
    assert load_ballots(parent_ids=[held.subject_id]) == []
    assert list(iterate_ballots(campaign_id=campaign.pk)) == []
    assert list(iterate_votes(campaign_id=campaign.pk)) == []
    assert load_units(unit_ids=[item.pk]) == []
    assert not Stale.objects.filter(kind="parent", subject_id=held.subject_id).exists()
    assert find_drift() == {}
    assert find_broken_rules() == []


@pytest.mark.parametrize(
    ("rule", "harm"),
    [
        ("a_gold_item_is_in_a_queue_of_gold", "DELETE FROM annotate_golditem"),
        (
            "a_gold_item_is_in_a_queue_of_gold",
            "UPDATE annotate_queue SET is_gold = false WHERE kind = 'rank' AND is_gold",
        ),
        ("a_retired_gold_item_is_not_offered", "UPDATE annotate_golditem SET retired_at = now()"),
        (
            "what_gold_was_made_of_asks_for_no_ordinary_work",
            "UPDATE annotate_unit SET is_open = true WHERE kind = 'compare'",
        ),
    ],
)
def test_a_broken_rule_of_gold_is_seen(rule, harm):
    campaign = make_campaign(kinds=("compare", "rank"))
    choose_item(campaign)
    assert find_broken_rules() == []
    if "is_gold = false" in harm:
        Queue.objects.filter(is_gold=False, kind="rank").update(language="de")
    run(harm, {})
    assert [(finding.rule, finding.count) for finding in find_broken_rules()] == [(rule, 1)]


def test_a_result_of_another_items_judgment_is_seen():
    campaign = make_campaign(gold_share=0.5)
    item, other = write_item(campaign), write_item(campaign, prompt="And why at dusk?")
    stand_beside(campaign)
    ada = make_annotator()
    held = ask(ada, campaign, seed=HEADS)["assignment"]
    submit(ada, held["id"], ranking_of(held), seed=TAILS)
    result = GoldResult.objects.get()
    GoldResult.objects.update(item_id=other.pk if result.item_id == item.pk else item.pk)
    assert [finding.rule for finding in find_broken_rules()] == ["a_gold_result_is_of_a_judgment_of_its_item"]


def test_trees_cannot_begin_to_grow_while_people_are_asked_about_gold():
    campaign = make_campaign()
    organizer = make_organizer(campaign)
    spec = read_campaign({"parameters": {"grow_trees": True}})
    item = write_item(campaign)
    with pytest.raises(InvalidInput) as refused:
        change_campaign(campaign=campaign, spec=spec, actor=organizer, now=NOW)
    assert list(refused.value.details) == ["parameters.grow_trees"]
    retire_gold(campaign=campaign, unit_id=item.pk, actor=organizer, now=NOW)
    change_campaign(campaign=campaign, spec=spec, actor=organizer, now=NOW)
    assert campaign.parameters["grow_trees"] is True


def test_a_removed_candidate_is_asked_about_no_more_and_a_retired_item_does_not_come_back():
    campaign = make_campaign(gold_share=0.5)
    item = write_item(campaign, tiers=[["One."], ["Two."]])
    reply = item.unit.subject.replies.first()
    remove_message(campaign=campaign, message_id=reply.pk, actor=None, reason="x", now=NOW)
    assert ask(make_annotator(), campaign, seed=HEADS)["assignment"] is None
    retire_gold(campaign=campaign, unit_id=item.pk, actor=None, now=NOW)
    restore_message(campaign=campaign, message_id=reply.pk, actor=make_organizer(campaign), reason="y", now=NOW)
    assert not Unit.objects.get(pk=item.pk).is_open


def test_a_generator_is_not_asked_about_gold_and_no_prompt_lacks_candidates_for_it():
    campaign = make_campaign(kinds=("rank", "label"))
    write_item(campaign, kind="label", labels={"spam": True})
    generator = Generator.objects.create(name="small", engine="openai", endpoint="http://g/v1")
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=1)
    assert ask_missing(campaign_id=campaign.pk, now=NOW) == 0
    overview = count_overview(campaign_id=campaign.pk, languages=["en"], kinds=["rank"], now=NOW)
    assert overview["without_candidates"] == 0
    assert find_waiting(campaign_id=campaign.pk).is_waiting is False
