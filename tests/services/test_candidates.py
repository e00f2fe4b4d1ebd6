"""Candidates: equal texts are one message with several origins, whoever adds them and how many at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from annotate.exceptions import Gone, NotFound
from annotate.models import (
    Annotator,
    Campaign,
    GenerationRequest,
    Generator,
    Message,
    MessageOrigin,
    MessageTree,
    Stale,
    Unit,
    UnitCandidate,
)
from annotate.services.candidates import NewCandidate, StoredCandidate, add_candidates
from tasks.text.guards import BadText
from tasks.text.normalise import text_hash
from tests.services.test_units import NOW, add_replies, candidates_of, make_campaign, make_tree

LATER = datetime(2026, 5, 5, tzinfo=UTC)


def imported(text: str, key: str = "id:1", **more) -> NewCandidate:
    return NewCandidate(text=text, kind="imported", key=key, **more)


def add(campaign: Campaign, prompt: Message, *candidates: NewCandidate) -> list[StoredCandidate]:
    return add_candidates(campaign_id=campaign.pk, parent_id=prompt.pk, candidates=candidates, now=NOW)


def make_generator(name: str = "tiny") -> Generator:
    return Generator.objects.create(name=name, engine="openai", endpoint="http://localhost:1/v1")


def make_request(prompt: Message, generator: Generator, sample_index: int = 0) -> GenerationRequest:
    return GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=sample_index, state="done")


@pytest.mark.django_db
def test_new_texts_become_messages_with_origins_and_a_unit() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign, language="de")

    stored = add(
        campaign,
        prompt,
        imported("For joy."),
        imported("To be heard.", "id:2", external_id="r-2", provenance={"human": True}),
    )

    assert [(one.is_new, one.origin_is_new) for one in stored] == [(True, True)] * 2
    first, second = (Message.objects.get(pk=one.message_id) for one in stored)
    assert (first.text, first.parent_id, first.tree_id, first.role, first.language, first.thread) == (
        "For joy.", prompt.pk, prompt.tree_id, "assistant", "de", [prompt.pk, first.pk],
    )  # fmt: skip
    assert bytes(first.text_hash) == text_hash("For joy.")
    assert (first.created_at, first.revision, first.author_id) == (NOW, 1, None)
    assert second.external_id == "r-2"
    assert MessageOrigin.objects.get(message=second).provenance == {"human": True}
    assert candidates_of(Unit.objects.get()) == {first.pk, second.pk}


@pytest.mark.django_db
def test_equal_texts_are_one_message_with_several_origins() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    stored = add(
        campaign, prompt, imported("For joy.", "id:1"), imported("For joy.  \r\n", "id:2"), imported("For joy.", "id:1")
    )
    assert [(one.is_new, one.origin_is_new) for one in stored] == [(True, True), (False, True), (False, False)]
    assert len({one.message_id for one in stored}) == 1
    assert Message.objects.filter(parent=prompt).count() == 1
    assert set(MessageOrigin.objects.filter(message__parent=prompt).values_list("key", flat=True)) == {"id:1", "id:2"}


@pytest.mark.django_db
def test_telling_the_same_again_adds_nothing() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    first = add(campaign, prompt, imported("For joy."))
    again = add(campaign, prompt, imported("For joy."))
    assert [(one.is_new, one.origin_is_new) for one in again] == [(False, False)]
    assert [one.message_id for one in again] == [one.message_id for one in first]
    assert MessageOrigin.objects.filter(message__parent=prompt).count() == 1


@pytest.mark.django_db
def test_a_request_is_answered_once_whatever_the_second_answer_says() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    generator = make_generator()
    request = make_request(prompt, generator)

    def answer(text: str) -> StoredCandidate:
        candidate = NewCandidate.generated(
            text=text, request_id=request.pk, generator_id=generator.pk, provenance={"model": "tiny"}
        )
        return add(campaign, prompt, candidate)[0]

    first, second = answer("For joy."), answer("To be heard.")
    assert (first.is_new, first.origin_is_new) == (True, True)
    assert second == StoredCandidate(message_id=first.message_id, is_new=False, origin_is_new=False)
    assert list(Message.objects.filter(parent=prompt).values_list("text", flat=True)) == ["For joy."]
    origin = MessageOrigin.objects.get(request=request)
    assert (origin.kind, origin.generator_id, origin.key) == ("generated", generator.pk, f"request:{request.pk}")


@pytest.mark.django_db
def test_the_database_refuses_a_second_origin_of_one_request() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    request = make_request(prompt, make_generator())
    first, second = add_replies(prompt, "One", "Two")
    MessageOrigin.objects.create(message=first, kind="generated", request=request, key="a")
    with pytest.raises(IntegrityError), transaction.atomic():
        MessageOrigin.objects.create(message=second, kind="generated", request=request, key="b")


@pytest.mark.django_db
def test_the_database_refuses_an_equal_text_under_one_parent() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    add_replies(prompt, "One")
    with pytest.raises(IntegrityError, match="equal_texts_under_one_parent"), transaction.atomic():
        add_replies(prompt, "One")


@pytest.mark.django_db
def test_a_written_reply_has_its_author() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    writer = Annotator.objects.create()
    (stored,) = add(campaign, prompt, NewCandidate.written(text="For joy.", annotator_id=writer.pk, language="de"))
    message = Message.objects.get(pk=stored.message_id)
    assert (message.author_id, message.language) == (writer.pk, "de")
    assert list(MessageOrigin.objects.filter(message=message).values_list("kind", "annotator_id")) == [
        ("written", writer.pk)
    ]


@pytest.mark.django_db
def test_a_withdrawn_text_may_come_again() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    (gone,) = add_replies(prompt, "For joy.")
    Message.objects.filter(pk=gone.pk).update(withdrawn_at=NOW)
    (stored,) = add(campaign, prompt, imported("For joy."))
    assert stored.is_new
    assert stored.message_id != gone.pk


@pytest.mark.django_db
def test_another_origin_of_a_judged_text_marks_its_parent() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    add(campaign, prompt, imported("For joy."), imported("To be heard."))
    add(campaign, prompt, imported("For joy.", "id:2"))
    assert Stale.objects.count() == 0  # nobody has judged yet
    Unit.objects.update(done=1)
    add(campaign, prompt, imported("Something new."))
    assert Stale.objects.count() == 0  # no ballot speaks of it
    add(campaign, prompt, imported("For joy.", "id:3"))
    assert list(Stale.objects.values_list("kind", "subject_id", "marked")) == [("parent", prompt.pk, 1)]


@pytest.mark.django_db
def test_a_parent_elsewhere_is_not_found() -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    other = Campaign.objects.create(slug="other", title="Other", preset="rank", languages=["en"], kinds=["rank"])
    with pytest.raises(NotFound):
        add(other, prompt, imported("For joy."))


@pytest.mark.django_db
@pytest.mark.parametrize("gone", ["removed_at", "withdrawn_at"])
def test_nothing_is_added_to_a_conversation_that_was_removed(gone) -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    Message.objects.filter(pk=prompt.pk).update(**{gone: NOW})
    with pytest.raises(Gone):
        add(campaign, prompt, imported("For joy."))


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_characters_that_cannot_be_stored_are_refused_before_the_database(text) -> None:
    campaign = make_campaign()
    prompt = make_tree(campaign)
    with pytest.raises(BadText):
        add(campaign, prompt, imported(text))


@pytest.mark.django_db(transaction=True)
def test_eight_writers_at_once_leave_one_message_a_text_and_one_unit() -> None:
    campaign = make_campaign(kinds=["rank", "compare"])
    prompt = make_tree(campaign)
    generator = make_generator()
    requests = [make_request(prompt, generator, number).pk for number in range(8)]
    start = threading.Barrier(8)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            start.wait()
            # Each answers a request of its own, twice, with one of two texts; all bring the same import.
            for _ in range(2):
                add(
                    campaign,
                    prompt,
                    NewCandidate.generated(
                        text=f"Text {number % 2}", request_id=requests[number], generator_id=generator.pk, provenance={}
                    ),
                    imported("The same."),
                )
        except BaseException as failure:  # noqa: BLE001  (whatever it is, the test tells)
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    texts = Message.objects.filter(parent=prompt).values_list("text", flat=True)
    assert sorted(texts) == ["Text 0", "Text 1", "The same."]
    assert MessageOrigin.objects.filter(kind="generated").count() == 8
    assert MessageOrigin.objects.filter(kind="imported", key="id:1").count() == 1
    assert sorted(Unit.objects.values_list("kind", flat=True)) == ["compare", "rank"]
    assert UnitCandidate.objects.count() == 2 * 3


@pytest.mark.django_db(transaction=True)
def test_two_candidates_that_arrive_together_are_ranked_together() -> None:
    campaign = make_campaign()
    prompts = [make_tree(campaign, f"Prompt {number}") for number in range(10)]
    start = threading.Barrier(2)

    def write(text: str) -> None:
        try:
            for prompt in prompts:
                start.wait()
                add(campaign, prompt, imported(text))
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(text,)) for text in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert MessageTree.objects.count() == Unit.objects.filter(is_open=True).count() == 10
    assert UnitCandidate.objects.count() == 20
