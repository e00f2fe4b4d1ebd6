"""Prompts get vectors, topics and places: within a minute, in the same topics as data grows, whatever fails."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import (
    Brief,
    CoverageCell,
    Message,
    MessageTree,
    PromptPlace,
    Stale,
    TargetShare,
    TextVector,
    Topic,
    TopicFit,
)
from annotate.queries.coverage_page import list_share_rows
from annotate.queries.vectors import count_embedded, list_unembedded
from annotate.services.stale import end_turn, take_turn
from annotate.services.target_shares import set_shares
from annotate.services.topics import change_topic
from annotate.services.vectors import embed_again
from tasks.generation import embedders
from tasks.generation.embedders import EmbedderFailed, TextsRefused
from tasks.jobs import topics as topic_jobs
from tasks.jobs import vectors as vector_jobs
from tasks.jobs.topics import find_topics_job
from tasks.jobs.vectors import embed_by_servers_job, embed_texts_job
from tasks.records.campaigns import ShareSpec
from tasks.vocabulary import StaleKind, TargetAxis
from tests.loop import make_campaign, make_prompt
from tests.subjects import SUBJECTS, write_prompts
from tests.targets import find_places, make_prompts, wake_all

pytestmark = pytest.mark.django_db


def topic_of(text: str) -> int | None:
    place = PromptPlace.objects.select_related("topic").get(message__text=text)
    return None if place.topic is None else place.topic.number


def purity() -> float:
    """The share of prompts that are in the topic most of their subject are in."""
    of = defaultdict(Counter)
    for place in PromptPlace.objects.select_related("message"):
        subject = next(
            name for name, words in SUBJECTS.items() if any(word in place.message.text for word in words.split())
        )
        of[subject][place.topic_id] += 1
    return sum(counts.most_common(1)[0][1] for counts in of.values()) / sum(c.total() for c in of.values())


def test_fewer_than_fifty_prompts_have_vectors_and_places_but_no_topics():
    campaign = make_campaign()
    make_prompts(campaign, each=12)
    find_places(campaign)
    assert TextVector.objects.filter(embedder="hashing@1").count() == 48
    assert not TopicFit.objects.exists()
    cells = list(CoverageCell.objects.values_list("language", "topic", "difficulty", "length", "prompts"))
    assert sum(cell[4] for cell in cells) == 48
    assert {cell[:3] for cell in cells} == {("en", None, "")}
    assert sum(CoverageCell.objects.values_list("share", flat=True)) == pytest.approx(1)


def test_topics_are_what_prompts_are_about_and_named_by_their_words():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    fit = TopicFit.objects.get()
    assert (fit.version, fit.prompts, fit.topics, fit.drift) == (1, 80, 4, None)
    assert sorted(Topic.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert purity() > 0.9
    words = set(" ".join(SUBJECTS.values()).split())
    for topic in Topic.objects.all():
        assert set(topic.terms[:3]) <= words
        assert topic.name == ", ".join(topic.terms[:3])
    assert PromptPlace.objects.filter(x__range=(-1, 1), y__range=(-1, 1), density__gt=0).count() == 80
    assert sum(Topic.objects.values_list("prompts", flat=True)) == 80


def test_jobs_that_run_again_change_nothing():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    then = (
        list(PromptPlace.objects.order_by("pk").values()),
        list(TextVector.objects.order_by("pk").values("computed_at")),
    )
    find_places(campaign)
    assert (
        list(PromptPlace.objects.order_by("pk").values()),
        list(TextVector.objects.order_by("pk").values("computed_at")),
    ) == then
    assert TopicFit.objects.count() == 1


def test_a_new_prompt_is_placed_without_a_new_fit():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    (text,) = write_prompts("stars", 1, seed=9)
    make_prompt(campaign, text, replies=0)
    find_places(campaign)
    assert TopicFit.objects.count() == 1
    stars = Counter(topic_of(other) for other in write_prompts("stars", 20))
    assert topic_of(text) == stars.most_common(1)[0][0]


def test_numbers_and_names_stay_as_prompts_are_added():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    Topic.objects.filter(number=2).update(name="Mine", is_named=True)
    before = {text: topic_of(text) for text in write_prompts("boats", 20)}
    make_prompts(campaign, each=10, seed=5)
    TopicFit.objects.update(fitted_at=TopicFit.objects.get().fitted_at - timedelta(hours=2))
    find_places(campaign)
    second = TopicFit.objects.get(version=2)
    assert second.drift < 0.1
    assert sorted(Topic.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert Topic.objects.get(number=2).name == "Mine"
    after = {text: topic_of(text) for text in before}
    assert sum(before[text] == after[text] for text in before) >= 18
    assert set(PromptPlace.objects.values_list("fit", flat=True)) == {2}


def test_a_text_that_was_changed_is_embedded_and_placed_again():
    campaign = make_campaign(topics=4)
    prompts = make_prompts(campaign)
    find_places(campaign)
    (text,) = write_prompts("music", 1, seed=7)
    Message.objects.filter(pk=prompts[0].pk).update(text=text, revision=2)
    find_places(campaign)
    assert TextVector.objects.get(pk=prompts[0].pk).revision == 2
    music = Counter(topic_of(other) for other in write_prompts("music", 20))
    assert topic_of(text) == music.most_common(1)[0][0]


def test_another_number_of_topics_is_looked_for_when_the_parameter_says_so():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    campaign.parameters["topics"] = 2
    campaign.save()
    find_places(campaign)
    fit = TopicFit.objects.get(version=2)
    assert fit.topics == 2
    assert set(PromptPlace.objects.values_list("topic__number", flat=True)) < {1, 2, 3, 4}
    assert not CoverageCell.objects.filter(prompts=0).exists()


def test_what_stands_no_more_leaves_the_target_space():
    campaign = make_campaign()
    prompts = make_prompts(campaign, each=3)
    find_places(campaign)
    MessageTree.objects.filter(pk=prompts[0].tree_id).update(state="retired")
    Message.objects.filter(pk=prompts[1].pk).update(review_state="rejected")
    find_places(campaign)
    assert PromptPlace.objects.count() == 10
    assert sum(CoverageCell.objects.values_list("prompts", flat=True)) == 10


class Elsewhere:
    """An embedder in another space, with other dimensions."""

    at_once = 8

    def __init__(self, word):
        self.word = word

    def embed(self, texts):
        rows = embedders.HashingEmbedder().embed(texts)
        return embedders.as_rows(rows[:, ::-1][:, :300], count=len(texts))


def test_an_embedder_changed_midway_embeds_everything_anew_and_keeps_the_numbers(monkeypatch):
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    before = dict(PromptPlace.objects.values_list("message_id", "topic__number"))
    campaign.parameters["embedder"] = "transformers:other"
    campaign.save()
    monkeypatch.setattr(vector_jobs, "open_named", Elsewhere)
    wake_all()
    find_topics_job()
    assert TopicFit.objects.count() == 1  # no vectors by the new one yet: what there is stays
    find_places(campaign)
    assert set(TextVector.objects.values_list("embedder", flat=True)) == {"transformers:other@1"}
    fit = TopicFit.objects.get(version=2)
    assert (fit.embedder, fit.topics) == ("transformers:other@1", 4)
    after = dict(PromptPlace.objects.values_list("message_id", "topic__number"))
    assert sum(before[one] == after[one] for one in before) >= 72


def test_an_embedder_that_fails_says_why_and_is_tried_again_later(monkeypatch):
    campaign = make_campaign(embedder="transformers:nowhere")
    make_prompt(campaign, replies=0)

    def refuse(word):
        raise EmbedderFailed("There is no such model.")

    monkeypatch.setattr(vector_jobs, "open_named", refuse)
    embed_texts_job()
    turn = Stale.objects.get(kind="turn_vectors", subject_id=campaign.pk)
    assert (turn.error, turn.failures) == ("There is no such model.", 1)
    embed_texts_job()  # it rests
    assert Stale.objects.get(kind="turn_vectors", subject_id=campaign.pk).failures == 1
    find_topics_job()
    assert PromptPlace.objects.get().topic is None  # placed all the same
    monkeypatch.setattr(vector_jobs, "open_named", Elsewhere)
    wake_all()
    embed_texts_job()
    turn.refresh_from_db()
    assert (turn.error, turn.failures, TextVector.objects.count()) == ("", 0, 1)


class Prudish(Elsewhere):
    """Takes no text with "bread" in it."""

    def embed(self, texts):
        refused = {place: "Flagged." for place, text in enumerate(texts) if "bread" in text}
        rows = super().embed(texts)
        if refused:
            raise TextsRefused(refused, vectors=rows)
        return rows


def test_a_text_that_the_embedder_always_refuses_is_set_aside_and_the_others_go_on(monkeypatch):
    campaign = make_campaign(embedder="server:it/m")
    flagged, *others = [make_prompt(campaign, text, replies=0) for text in ("Why bread?", "Why rain?", "Why wind?")]
    monkeypatch.setattr(vector_jobs, "open_named", Prudish)
    embed_by_servers_job()
    assert set(TextVector.objects.values_list("message", flat=True)) == {other.pk for other in others}
    state = count_embedded(campaign_id=campaign.pk, embedder="server:it/m@1")
    assert (state.prompts, state.embedded, state.refused, state.missing) == (3, 2, 1, 0)
    assert (state.refusal, state.problem) == ("Flagged.", "")
    assert not list_unembedded(campaign_id=campaign.pk, embedder="server:it/m@1", limit=9)
    # A changed text, another embedder, or an organizer who looks again: it is asked for anew.
    assert len(list_unembedded(campaign_id=campaign.pk, embedder="server:it/m@2", limit=9)) == 3
    with transaction.atomic():
        embed_again(campaign_id=campaign.pk)
        assert len(list_unembedded(campaign_id=campaign.pk, embedder="server:it/m@1", limit=9)) == 1
        transaction.set_rollback(True)
    Message.objects.filter(pk=flagged.pk).update(text="Why toast?", revision=2)
    wake_all()
    embed_by_servers_job()
    assert TextVector.objects.count() == 3
    assert not count_embedded(campaign_id=campaign.pk, embedder="server:it/m@1").refused
    # Of a text that was withdrawn nothing is kept.
    Message.objects.filter(pk=flagged.pk).update(withdrawn_at=timezone.now(), text="")
    wake_all()
    find_topics_job()
    assert not Stale.objects.filter(kind="text_refused").exists()


def test_a_wanted_value_that_no_prompt_has_is_an_empty_cell_with_a_share():
    campaign = make_campaign(languages=("en", "sw"))
    make_prompts(campaign, each=3)
    TargetShare.objects.create(campaign=campaign, axis="language", value="sw", share=0.25)
    find_places(campaign)
    empty = CoverageCell.objects.get(prompts=0)
    assert (empty.language, empty.topic, empty.length) == ("sw", None, "short")
    assert empty.share == pytest.approx(0.25)
    assert sum(CoverageCell.objects.values_list("share", flat=True)) == pytest.approx(1)
    TargetShare.objects.all().delete()
    find_places(campaign)
    assert not CoverageCell.objects.filter(prompts=0).exists()


def test_vectors_of_another_length_under_one_name_do_not_stop_a_fit():
    campaign = make_campaign(topics=4)
    prompts = make_prompts(campaign)
    wake_all()
    embed_texts_job()
    TextVector.objects.filter(pk=prompts[0].pk).update(vector="[1,0,0]")
    find_topics_job()
    assert TopicFit.objects.get().prompts == 79
    assert PromptPlace.objects.get(pk=prompts[0].pk).topic is None


def test_a_cell_that_nothing_is_left_of_stays_without_a_share_where_a_brief_names_it():
    campaign = make_campaign(languages=("en", "de"))
    make_prompts(campaign, each=1)
    share = TargetShare.objects.create(campaign=campaign, axis="language", value="de", share=0.5)
    find_places(campaign)
    brief = Brief.objects.create(campaign=campaign, language="de", cell=CoverageCell.objects.get(language="de"))
    share.delete()
    find_places(campaign)
    connection.check_constraints()
    cell = CoverageCell.objects.get(language="de")
    assert (cell.share, cell.prompts) == (0, 0)
    brief.delete()
    find_places(campaign)
    assert not CoverageCell.objects.filter(language="de").exists()


def test_whoever_changes_a_topic_holds_the_turn_before_what_the_job_writes_in_it():
    """In the job's own order: else one of both ends in a deadlock."""
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    with CaptureQueriesContext(connection) as seen:
        change_topic(campaign=campaign, number=1, values={"merged_into": 2}, actor=None, now=timezone.now())
    statements = [query["sql"] for query in seen.captured_queries]
    holds = next(
        place for place, sql in enumerate(statements) if "annotate_stale" in sql and "FOR NO KEY UPDATE" in sql
    )
    writes = [place for place, sql in enumerate(statements) if re.match(r'UPDATE "annotate_(topic|promptplace)"', sql)]
    assert writes
    assert holds < min(writes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"is_retired": True}),
        ({"is_retired": True}, {"is_retired": False}),
        ({"merged_into": 2}, {"merged_into": 3}),
    ],
    ids=["retired", "back", "merged elsewhere"],
)
def test_a_request_that_changes_a_topic_writes_no_places_and_the_job_finds_what_it_concerns(before, after, monkeypatch):
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    own = set(PromptPlace.objects.filter(topic__number=1).values_list("pk", flat=True))
    change_topic(campaign=campaign, number=1, values=before, actor=None, now=timezone.now())
    find_places(campaign)
    with CaptureQueriesContext(connection) as seen:
        change_topic(campaign=campaign, number=1, values=after, actor=None, now=timezone.now())
    assert not [query["sql"] for query in seen.captured_queries if "annotate_promptplace" in query["sql"]]
    # A few at a time, and by one run after another: as if the first had been killed.
    monkeypatch.setattr(topic_jobs, "PLACED_AT_ONCE", 7)
    monkeypatch.setattr(topic_jobs, "LONGEST_RUN_SECONDS", -1.0)
    for _ in range(12):
        wake_all()
        find_topics_job()
    topics = set(PromptPlace.objects.filter(pk__in=own).values_list("topic__number", flat=True))
    if after == {"is_retired": True}:
        assert len(own) > 7
        assert 1 not in topics
    else:
        assert topics == ({1} if after == {"is_retired": False} else {3})
    with CaptureQueriesContext(connection) as seen:
        wake_all()
        find_topics_job()
    assert not [query for query in seen.captured_queries if "INSERT INTO annotate_promptplace" in query["sql"]]


def test_prompts_of_a_topic_whose_taker_is_retired_go_to_others():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    change_topic(campaign=campaign, number=1, values={"merged_into": 2}, actor=None, now=timezone.now())
    find_places(campaign)
    change_topic(campaign=campaign, number=2, values={"is_retired": True}, actor=None, now=timezone.now())
    find_places(campaign)
    assert set(PromptPlace.objects.values_list("topic__number", flat=True)) == {3, 4}
    assert PromptPlace.objects.exclude(x=None).count() == 80


def test_what_nobody_has_reviewed_is_placed_but_names_no_topic():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    spam = [make_prompt(campaign, f"Casino bonus jackpot casino number {number}", replies=0) for number in range(20)]
    Message.objects.filter(pk__in=[message.pk for message in spam]).update(review_state="pending")
    find_places(campaign)
    assert (TopicFit.objects.get().prompts, PromptPlace.objects.exclude(topic=None).count()) == (80, 100)
    assert not {"casino", "bonus", "jackpot"} & {term for topic in Topic.objects.all() for term in topic.terms}


def test_servers_are_asked_by_a_job_of_their_own_and_what_they_fail_with_is_told():
    campaign = make_campaign(embedder="server:nobody/small")
    make_prompt(campaign, replies=0)
    embed_texts_job()
    assert not Stale.objects.filter(kind="turn_vectors").exists()
    embed_by_servers_job()
    assert "no generator “nobody”" in Stale.objects.get(kind="turn_vectors").error
    assert not TextVector.objects.exists()


def test_of_very_many_prompts_topics_are_found_among_a_part_and_all_are_placed(monkeypatch):
    monkeypatch.setattr(topic_jobs, "MOST_FITTED", 65)
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    assert 50 <= TopicFit.objects.get().prompts < 80
    assert PromptPlace.objects.filter(fit=1).exclude(topic=None).count() == 80
    find_places(campaign)
    assert TopicFit.objects.count() == 1


def test_what_has_its_vector_is_not_gone_through_again_for_each_batch(monkeypatch):
    asked = []

    def listen(**named):
        rows = list_unembedded(**named)
        asked.append((named["after"], [row["id"] for row in rows]))
        return rows

    monkeypatch.setattr(vector_jobs, "list_unembedded", listen)
    monkeypatch.setattr(embedders.HashingEmbedder, "at_once", 5)
    campaign = make_campaign()
    ids = sorted(prompt.pk for prompt in make_prompts(campaign, each=12))
    embed_texts_job()
    # The first one is looked for alone, before an embedder is opened; then batches of twenty, each from where the last ended.
    assert asked == [
        (0, ids[:1]),
        (ids[0] - 1, ids[:20]),
        (ids[19], ids[20:40]),
        (ids[39], ids[40:]),
        (ids[-1], []),
    ]
    assert TextVector.objects.count() == 48


def test_shares_are_not_told_of_before_a_turn_that_began_after_them_has_ended():
    campaign = make_campaign()
    make_prompts(campaign, each=1)

    def is_settled() -> bool:
        [row] = list_share_rows(campaign_id=campaign.pk)
        return bool(row["is_settled"])

    def want(share: float) -> None:
        with transaction.atomic():
            set_shares(campaign=campaign, shares=[ShareSpec(axis=TargetAxis.LANGUAGE, value="en", share=share)])

    want(0.5)
    first = take_turn(kind=StaleKind.TURN_TOPICS, subject_id=campaign.pk, now=timezone.now(), lease_seconds=60)
    assert not is_settled()
    want(0.6)
    end_turn(turn=first, rest_until=timezone.now())
    assert not is_settled()
    wake_all()
    find_topics_job()
    assert is_settled()
    want(0.7)
    assert not is_settled()
