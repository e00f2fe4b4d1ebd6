"""The pages of the target space: shares by axis, a reference to learn them from, topics; and the map of prompts."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotate.models import AuditEvent, PromptPlace, Stale, TargetShare, Topic, TopicFit
from annotate.web import prompt_map as map_page
from annotate.web.prompt_plane import draw_hexes, scale
from tests.coverage_world import add_cell, add_topic
from tests.loop import make_campaign
from tests.targets import find_places, make_prompts, wake_all
from tests.web.organizing import come_as

pytestmark = pytest.mark.django_db

SPACE, MAP, TOPIC = (
    "/campaigns/birds/coverage/space/",
    "/campaigns/birds/coverage/map/",
    "/campaigns/birds/coverage/space/topics/{}/",
)


@pytest.fixture
def campaign():
    return make_campaign(languages=("en", "de"), topics=4)


@pytest.fixture
def full(campaign):
    make_prompts(campaign)
    find_places(campaign)
    return campaign


@pytest.fixture
def olga(campaign):
    return come_as("organizer", campaign)


def read(response) -> str:
    main = response.content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


@pytest.mark.parametrize("page", [SPACE, MAP])
@pytest.mark.parametrize(
    ("who", "is_shown"),
    [("nobody", False), ("annotator", False), ("moderator", True), ("organizer", True), ("administrator", True)],
)
def test_the_target_space_is_for_those_who_run_the_campaign(campaign, page, who, is_shown):
    answer = come_as(who, campaign).get(page)
    assert (answer.status_code == 200) is is_shown


def test_a_moderator_sees_no_form_and_changes_nothing(full):
    moderator = come_as("moderator", full)
    assert "Save the shares" not in read(moderator.get(SPACE))
    assert moderator.post(SPACE, {"do": "save", "share.language.de": "50"}).status_code == 403
    assert moderator.post(TOPIC.format(1), {"name": "Mine"}).status_code == 403
    assert not TargetShare.objects.exists()


def test_before_there_are_topics_both_pages_say_what_is_missing(campaign, olga):
    make_prompts(campaign, each=2)
    find_places(campaign)
    assert "8 of 8 prompts have a vector by “hashing”. Topics are looked for once 50 prompts have one." in read(
        olga.get(SPACE)
    )
    assert "There is no map yet: it takes 50 prompts with vectors, and there are 8 prompts." in read(olga.get(MAP))


def test_shares_are_saved_and_shown_with_what_is_left(full, olga):
    said = {
        "do": "save",
        "share.language.de": "25",
        "share.length.short": "40,5",
        "new.tag": "maths",
        "new_share.tag": "10",
        "reason": "So",
    }
    answer = olga.post(SPACE, said)
    assert (answer.status_code, answer["Location"]) == (302, SPACE)
    assert set(TargetShare.objects.values_list("axis", "value", "share")) == {
        ("language", "de", 0.25), ("length", "short", 0.405), ("tag", "maths", 0.1),
    }  # fmt: skip
    assert AuditEvent.objects.order_by("-pk").first().reason == "So"
    page = olga.get(SPACE)
    assert 'name="share.language.de" id="f-share-language-de" value="25"' in page.content.decode()
    assert "75 % is left to what is empty." in read(page)
    olga.post(SPACE, {"do": "save"})
    assert not TargetShare.objects.exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"share.language.de": "70", "share.language.en": "40"}, "The shares of the axis language are 1.1 together"),
        ({"share.language.de": "many"}, "Share of Deutsch, in per cent"),
        ({"share.language.de": "140"}, "Share of Deutsch, in per cent"),
        ({"share.language.fr": "10"}, "The campaign has no language"),
        ({"share.topic.77": "10"}, "no topic with the number"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_stays_written(full, olga, said, told):
    answer = olga.post(SPACE, {"do": "save", **said})
    assert answer.status_code == 422
    assert told in read(answer)
    for name, text in said.items():
        if name.startswith("share.language.") and not name.endswith("fr"):
            assert f'name="{name}" id="f-{name.replace(".", "-")}" value="{text}"' in answer.content.decode()
    assert not TargetShare.objects.exists()


def test_a_reference_fills_the_form_and_saves_nothing(full, olga):
    lines = [json.dumps({"prompt": "Wie?", "language": "de", "difficulty": "hard"})] * 3 + [json.dumps("Why is it so?")]
    sent = SimpleUploadedFile("prompts.jsonl", "\n".join(lines).encode())
    answer = olga.post(SPACE, {"do": "learn", "reference": sent})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "These are the shares of 4 prompts. Nothing is saved yet" in read(answer)
    assert 'name="share.language.de" id="f-share-language-de" value="100"' in page
    assert 'name="share.difficulty.hard" id="f-share-difficulty-hard" value="100"' in page
    assert not TargetShare.objects.exists()


def test_another_campaign_is_a_reference_for_whoever_may_see_it(full, olga):
    other = make_campaign(slug="other", state="draft")
    assert olga.post(SPACE, {"do": "learn", "campaign": "other"}).status_code == 404
    other.state = "open"
    other.save()
    answer = olga.post(SPACE, {"do": "learn", "campaign": "other"})
    assert (answer.status_code, "has no prompts yet" in read(answer)) == (409, True)
    make_prompts(other, each=2)
    assert "These are the shares of 8 prompts." in read(olga.post(SPACE, {"do": "learn", "campaign": "other"}))


@pytest.mark.parametrize("sent", [{}, {"reference": SimpleUploadedFile("a.txt", b"\xff\xfe")}])
def test_a_reference_that_says_nothing_is_refused_at_its_field(full, olga, sent):
    answer = olga.post(SPACE, {"do": "learn", **sent})
    assert answer.status_code == 422
    assert 'id="f-reference-error"' in answer.content.decode()


def test_topics_are_named_merged_and_retired(full, olga):
    one = Topic.objects.get(number=1)
    assert olga.post(TOPIC.format(1), {"name": "Sky", "merged_into": ""}).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.is_named) == ("Sky", True)
    olga.post(TOPIC.format(2), {"merged_into": "1"})
    olga.post(TOPIC.format(3), {"is_retired": "on"})
    find_places(full)
    assert set(PromptPlace.objects.values_list("topic__number", flat=True)) == {1, 4}
    assert PromptPlace.objects.count() == 80
    text = read(olga.get(SPACE))
    assert "merged into “Sky”" in text
    assert "retired" in text
    # Looked for again, what was said stays.
    olga.post(SPACE, {"do": "look"})
    find_places(full)
    assert TopicFit.objects.count() == 2
    assert Topic.objects.get(number=1).name == "Sky"
    assert not PromptPlace.objects.filter(topic__number__in=[2, 3]).exists()
    olga.post(TOPIC.format(1), {"name": ""})
    one.refresh_from_db()
    assert (one.name, one.is_named) == (", ".join(one.terms[:3]), False)
    assert AuditEvent.objects.filter(action="topic.changed").count() == 4


@pytest.mark.parametrize(("number", "into", "status"), [(1, "1", 422), (1, "99", 422), (99, "1", 404)])
def test_a_topic_is_merged_into_another_one_that_is_in_use(full, olga, number, into, status):
    assert olga.post(TOPIC.format(number), {"merged_into": into}).status_code == status
    assert not Topic.objects.filter(merged_into__isnull=False).exists()


def test_topics_are_not_merged_in_a_circle(full, olga):
    olga.post(TOPIC.format(1), {"merged_into": "2"})
    assert olga.post(TOPIC.format(2), {"merged_into": "1"}).status_code == 422
    assert olga.post(TOPIC.format(2), {"merged_into": "3"}).status_code == 422
    assert olga.get(TOPIC.format(77)).status_code == 404


def test_why_an_embedder_fails_and_much_drift_are_told(full, olga):
    error = "No encoder works by the name x.\nno such folder where the workers run"
    Stale.objects.filter(kind="turn_vectors").update(error=error, failures=2)
    TopicFit.objects.update(drift=0.4)
    text = read(olga.get(SPACE))
    assert "The embedder made no vectors: No encoder works by the name x." in text
    assert "no such folder" not in text
    assert "no such folder where the workers run" in read(come_as("administrator", full).get(SPACE))
    assert "40 % of the prompts changed their topic" in text
    assert "That is much." in text
    full.parameters["embedder"] = "transformers:other"
    full.save()
    assert "These topics are still of the embedder before." in read(olga.get(SPACE))


def test_how_many_texts_the_embedder_refuses_is_told_with_a_reason(full, olga):
    prompts = list(PromptPlace.objects.order_by("pk").values_list("message_id", flat=True)[:2])
    assert "refuses the text" not in read(olga.get(SPACE))
    for prompt in prompts:
        error = "hashing@1\nThe server of the embedder refused the request (400). It said: flagged"
        Stale.objects.create(kind="text_refused", subject_id=prompt, marked=1, computed=1, error=error)
    text = read(olga.get(SPACE))
    assert "Of 2 prompts the embedder refuses the text; of one of them: The server of the embedder refused" in text
    assert "flagged" in text


def test_the_map_draws_every_prompt_with_a_table_that_says_the_same(full, olga):
    page = olga.get(MAP)
    text, source = read(page), page.content.decode()
    steps = re.findall(r'<path class="dot c\d" d="([^"]*)"/>', source.split("<table")[0])
    assert sum(path.count("M") for path in steps) == 80
    assert source.count('tabindex="-1"><title>') == 4
    for topic in Topic.objects.all():
        assert f"{topic.number} {topic.name} {topic.prompts}" in text
    assert "style=" not in source.partition("<main")[2]


def test_a_topic_is_drawn_alone(full, olga):
    source = olga.get(MAP + "?topic=2").content.decode()
    steps = re.findall(r'<path class="dot c\d" d="([^"]*)"/>', source.split("<table")[0])
    assert sum(path.count("M") for path in steps) == Topic.objects.get(number=2).prompts
    assert "Show all topics" in source
    for odd in ("x", "-1", "99999999", "", "1e5"):
        assert olga.get(MAP, {"topic": odd}).status_code == 200


def test_many_prompts_are_drawn_as_hexagons_that_hold_all_of_them(full, olga, monkeypatch):
    monkeypatch.setattr(map_page, "MOST_DOTS", 10)
    source = olga.get(MAP).content.decode()
    assert '<path class="hex c' in source
    assert '<path class="dot c' not in source.split("<table")[0]
    hexes = map_page.count_hexes(campaign_id=full.pk, topic=None, size=map_page.HEX_SIZE)
    assert sum(one["prompts"] for one in hexes) == 80


def test_a_hexagon_lies_where_its_prompts_are():
    (drawn,) = draw_hexes([{"column": 0, "row": 0, "prompts": 3, "topic": 1, "density": 1.0}])
    x, y = scale(0.028, 0.0)
    assert drawn["path"].startswith(f"M{x:.1f} {y:.1f}L")


@pytest.mark.parametrize("each", [13, 26])
def test_pages_cost_the_same_whatever_their_prompts(campaign, olga, each, django_assert_num_queries):
    make_prompts(campaign, each=each)
    find_places(campaign)
    for page, queries in ((SPACE, 9), (MAP, 7), (TOPIC.format(1), 5)):
        olga.get(page)
        with django_assert_num_queries(queries):
            assert olga.get(page).status_code == 200
    wake_all()


def test_of_many_topics_a_few_are_seen_at_once_and_those_with_a_share_always(campaign, olga):
    topics = [add_topic(campaign, f"topic {number}") for number in range(14)]
    for topic in topics:
        add_cell(campaign, topic=topic, share=0.05, prompts=20 - topic.number)
    TargetShare.objects.create(campaign=campaign, axis="topic", value=str(topics[-1].number), share=0.5)
    page = olga.get(SPACE).content.decode()
    at_once, folded = page.partition('<summary id="rest-topic">')[::2]
    fields = [page.count('name="share.topic.') for page in (at_once, folded)]
    assert fields == [9, 5]
    assert f'name="share.topic.{topics[-1].number}" id' in at_once
    assert "5 more" in folded[:200]


def test_a_few_topics_are_all_seen(campaign, olga):
    for number in range(10):
        add_cell(campaign, topic=add_topic(campaign, f"topic {number}"), share=0.05, prompts=1)
    assert "rest-topic" not in olga.get(SPACE).content.decode()
