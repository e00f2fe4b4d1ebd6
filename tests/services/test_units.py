"""Units are opened for what a campaign asks, once, and gain candidates that come later."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from annotate.models import (
    Annotator,
    Campaign,
    Exclusion,
    LabelDimension,
    LabelSchema,
    Message,
    MessageOrigin,
    MessageTree,
    Queue,
    Stratum,
    Unit,
    UnitCandidate,
    UnitDetail,
)
from annotate.services.units import START_BAND, open_units
from tasks.text.normalise import text_hash

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def make_campaign(*, kinds=("rank",), languages=("en", "de"), **parameters) -> Campaign:
    return Campaign.objects.create(
        slug="birds",
        title="Birds",
        preset="rank",
        languages=list(languages),
        kinds=list(kinds),
        parameters={"redundancy": 3, **parameters},
    )


def make_tree(campaign: Campaign, text: str = "Why do birds sing?", *, language: str = "en", author=None) -> Message:
    stratum, _ = Stratum.objects.get_or_create(campaign=campaign, language=language, topic="")
    tree = MessageTree.objects.create(campaign=campaign, stratum=stratum, language=language, key=text)
    return add_message(tree, text, role="prompter", parent=None, author=author)


def add_message(
    tree: MessageTree, text: str, *, role: str = "assistant", parent: Message | None, author=None
) -> Message:
    message = Message.objects.create(
        tree=tree, parent=parent, role=role, text=text, text_hash=text_hash(text), language=tree.language, author=author
    )
    message.thread = [*(parent.thread if parent else []), message.pk]
    message.save(update_fields=["thread"])
    kind = "written" if author else "imported"
    MessageOrigin.objects.create(message=message, kind=kind, annotator=author, key=f"{kind}:{author and author.pk}")
    return message


def add_replies(prompt: Message, *texts: str, author=None) -> list[Message]:
    return [add_message(prompt.tree, text, parent=prompt, author=author) for text in texts]


def list_units() -> set[tuple[str, int, int]]:
    return set(Unit.objects.filter(is_open=True).values_list("kind", "subject_id", "needed"))


def candidates_of(unit: Unit) -> set[int]:
    return set(UnitCandidate.objects.filter(unit=unit, removed_at=None).values_list("message_id", flat=True))


def open_under(campaign: Campaign, *parents: Message) -> int:
    return open_units(campaign_id=campaign.pk, parent_ids=[parent.pk for parent in parents], now=NOW)


def test_two_candidates_make_a_ranking_with_its_queue_and_detail() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign, language="de")
    replies = add_replies(prompt, "To be heard.", "For joy.")

    assert open_under(campaign, prompt) == 1

    unit = Unit.objects.get()
    queue = Queue.objects.get()
    assert (queue.campaign_id, queue.kind, queue.language, queue.qualification) == (campaign.pk, "rank", "de", None)
    assert (unit.queue_id, unit.kind, unit.subject_id, unit.band) == (queue.pk, "rank", prompt.pk, START_BAND)
    assert (unit.needed, unit.done, unit.held, unit.surplus, unit.is_open, unit.is_vacant) == (3, 0, 0, 0, True, True)
    assert candidates_of(unit) == {reply.pk for reply in replies}
    detail = UnitDetail.objects.get()
    assert (detail.unit_id, detail.stratum_id, detail.wanted, detail.reason_code, detail.reason_args, detail.terms) == (
        unit.pk, prompt.tree.stratum_id, 3, "first_judgment", {}, {},
    )  # fmt: skip


def test_one_candidate_is_nothing_to_rank() -> None:
    campaign = make_campaign(kinds=["rank", "compare"])
    prompt = make_tree(campaign)
    add_replies(prompt, "To be heard.")
    assert open_under(campaign, prompt) == 0
    assert list_units() == set()


def test_replies_by_the_prompter_are_no_candidates() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    add_replies(prompt, "To be heard.")
    add_message(prompt.tree, "Tell me more.", role="prompter", parent=prompt)
    assert open_under(campaign, prompt) == 0


@pytest.mark.parametrize("gone", ["removed_at", "withdrawn_at"])
def test_a_removed_or_withdrawn_candidate_is_not_counted(gone) -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    first, second, third = add_replies(prompt, "To be heard.", "For joy.", "By instinct.")
    Message.objects.filter(pk=third.pk).update(**{gone: NOW})
    assert open_under(campaign, prompt) == 1
    assert candidates_of(Unit.objects.get()) == {first.pk, second.pk}
    Unit.objects.update(is_open=False)
    Message.objects.filter(pk=second.pk).update(**{gone: NOW})
    assert open_under(campaign, prompt) == 0


def test_opening_again_changes_nothing() -> None:
    campaign = make_campaign(kinds=["rank", "compare", "label", "write_assistant_reply"])
    add_schema(campaign, ["prompter", "assistant"])
    prompt = make_tree(campaign)
    add_replies(prompt, "To be heard.", "For joy.")
    assert open_under(campaign, prompt) == 6
    before = list(Unit.objects.order_by("pk").values())
    assert open_under(campaign, prompt) == 0
    assert list(Unit.objects.order_by("pk").values()) == before
    assert UnitCandidate.objects.count() == 4


def test_a_later_candidate_joins_the_open_unit() -> None:
    campaign = make_campaign(kinds=["rank", "compare"])
    prompt = make_tree(campaign)
    replies = add_replies(prompt, "To be heard.", "For joy.")
    assert open_under(campaign, prompt) == 2
    replies += add_replies(prompt, "By instinct.")
    assert open_under(campaign, prompt) == 0
    assert [candidates_of(unit) for unit in Unit.objects.all()] == [{reply.pk for reply in replies}] * 2


def test_a_closed_ranking_is_opened_again_only_for_a_candidate_it_did_not_know() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    replies = add_replies(prompt, "To be heard.", "For joy.")
    open_under(campaign, prompt)
    Unit.objects.update(is_open=False)
    assert open_under(campaign, prompt) == 0
    replies += add_replies(prompt, "By instinct.")
    assert open_under(campaign, prompt) == 1
    assert candidates_of(Unit.objects.get(is_open=True)) == {reply.pk for reply in replies}


def test_a_restored_candidate_comes_back_into_its_unit() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    replies = add_replies(prompt, "To be heard.", "For joy.")
    open_under(campaign, prompt)
    UnitCandidate.objects.filter(message=replies[0]).update(removed_at=NOW)
    open_under(campaign, prompt)
    assert candidates_of(Unit.objects.get()) == {reply.pk for reply in replies}


def add_schema(campaign: Campaign, applies_to: list[str]) -> None:
    schema = LabelSchema.objects.create(campaign=campaign, version=1)
    LabelDimension.objects.create(schema=schema, name="quality", title="Quality", widget="scale", applies_to=applies_to)
    Campaign.objects.filter(pk=campaign.pk).update(label_schema=schema)


@pytest.mark.parametrize(
    ("applies_to", "expected"),
    [(["prompter"], ["prompt"]), (["assistant"], ["reply"]), (["prompter", "assistant"], ["prompt", "reply"])],
)
def test_what_the_schema_applies_to_is_labelled(applies_to, expected) -> None:
    campaign = make_campaign(kinds=["label"])
    add_schema(campaign, applies_to)
    prompt = make_tree(campaign)
    (reply,) = add_replies(prompt, "To be heard.")
    assert open_under(campaign, prompt) == len(expected)
    ids = {"prompt": prompt.pk, "reply": reply.pk}
    assert list_units() == {("label", ids[name], 3) for name in expected}


def test_without_a_schema_nothing_is_labelled() -> None:
    campaign = make_campaign(kinds=["label"])
    prompt = make_tree(campaign)
    assert open_under(campaign, prompt) == 0


def test_a_text_is_labelled_once_even_after_its_unit_closed() -> None:
    campaign = make_campaign(kinds=["label"])
    add_schema(campaign, ["prompter"])
    prompt = make_tree(campaign)
    open_under(campaign, prompt)
    Unit.objects.update(is_open=False)
    assert open_under(campaign, prompt) == 0


def test_replies_are_wanted_minus_those_that_people_wrote() -> None:
    campaign = make_campaign(kinds=["write_assistant_reply"], replies_wanted=3)
    prompt = make_tree(campaign)
    add_replies(prompt, "Imported: does not count.")
    add_replies(prompt, "Written here.", author=Annotator.objects.create())
    assert open_under(campaign, prompt) == 1
    assert list_units() == {("write_assistant_reply", prompt.pk, 2)}
    assert list(UnitDetail.objects.values_list("reason_code", "wanted")) == [("reply_wanted", 2)]


def test_enough_replies_ask_for_no_more() -> None:
    campaign = make_campaign(kinds=["write_assistant_reply"], replies_wanted=1)
    prompt = make_tree(campaign)
    add_replies(prompt, "Written here.", author=Annotator.objects.create())
    assert open_under(campaign, prompt) == 0


def test_nobody_is_asked_about_their_own_text() -> None:
    campaign = make_campaign(kinds=["rank", "label", "write_assistant_reply"])
    add_schema(campaign, ["prompter", "assistant"])
    asker, writer = Annotator.objects.create(), Annotator.objects.create()
    prompt = make_tree(campaign, author=asker)
    add_replies(prompt, "Imported.")
    (own,) = add_replies(prompt, "Written here.", author=writer)
    open_under(campaign, prompt)
    assert set(Exclusion.objects.values_list("annotator_id", "unit__kind", "unit__subject_id", "why")) == {
        (writer.pk, "rank", prompt.pk, "own_text"),
        (writer.pk, "label", own.pk, "own_text"),
        (asker.pk, "label", prompt.pk, "own_text"),
        (asker.pk, "write_assistant_reply", prompt.pk, "own_text"),
    }


def test_an_ended_tree_and_a_removed_prompt_ask_for_nothing() -> None:
    campaign = make_campaign()
    ended, removed = make_tree(campaign, "Ended"), make_tree(campaign, "Removed")
    for prompt in (ended, removed):
        add_replies(prompt, "To be heard.", "For joy.")
    MessageTree.objects.filter(pk=ended.tree_id).update(state="done")
    Message.objects.filter(pk=removed.pk).update(removed_at=NOW)
    assert open_under(campaign, ended, removed) == 0


def test_parents_of_another_campaign_are_left_alone() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    add_replies(prompt, "To be heard.", "For joy.")
    other = Campaign.objects.create(slug="other", title="Other", preset="rank", languages=["en"], kinds=["rank"])
    assert open_under(other, prompt) == 0


def test_the_number_of_statements_does_not_grow_with_the_parents(django_assert_num_queries) -> None:
    campaign = make_campaign(kinds=["rank", "label", "write_assistant_reply"])
    add_schema(campaign, ["prompter", "assistant"])
    prompts = [make_tree(campaign, f"Prompt {number}") for number in range(4)]
    for prompt in prompts:
        add_replies(prompt, "To be heard.", "For joy.")
    for few in (prompts[:1], prompts[1:]):
        with django_assert_num_queries(12):
            open_under(campaign, *few)
    assert Unit.objects.count() == 4 * 5


def test_the_database_refuses_a_second_open_unit() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    add_replies(prompt, "To be heard.", "For joy.")
    open_under(campaign, prompt)
    unit = Unit.objects.get()
    with pytest.raises(IntegrityError, match="a_subject_has_one_open_unit_a_kind"), transaction.atomic():
        Unit.objects.create(queue_id=unit.queue_id, kind=unit.kind, subject_id=unit.subject_id, tie=0, needed=1)


def test_of_the_replies_that_nobody_wrote_here_the_first_may_be_improved_once() -> None:
    campaign = make_campaign(kinds=["improve_reply"], improvements_wanted=2)
    ada = Annotator.objects.create()
    prompt = make_tree(campaign)
    add_message(prompt.tree, "By Ada.", parent=prompt, author=ada)
    generated = add_message(prompt.tree, "By a machine.", parent=prompt)
    add_message(prompt.tree, "By another one.", parent=prompt)
    for _ in range(2):
        open_units(campaign_id=campaign.pk, parent_ids=[prompt.pk], now=NOW)
    unit = Unit.objects.get()
    assert (unit.kind, unit.subject, unit.needed) == ("improve_reply", generated, 2)
    assert UnitDetail.objects.get().reason_code == "improvement_wanted"


def test_what_people_wrote_is_not_improved() -> None:
    campaign = make_campaign(kinds=["improve_reply"])
    prompt = make_tree(campaign)
    add_message(prompt.tree, "By Ada.", parent=prompt, author=Annotator.objects.create())
    assert open_units(campaign_id=campaign.pk, parent_ids=[prompt.pk], now=NOW) == 0
