"""Target shares: a set, said in a file, a body or a form, checked once, and put upon the cells."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from django.db import connection
from django.utils import timezone

from annotate.exceptions import Conflict, InvalidInput
from annotate.models import AuditEvent, CoverageCell, Message, PromptPlace, Topic
from annotate.queries.alike_prompts import find_nearest_topics
from annotate.queries.target_shares import describe_axes, describe_shares
from annotate.services.campaign_files import read_campaign, read_campaign_file
from annotate.services.campaign_text import write_campaign_file
from annotate.services.campaigns import change_campaign
from annotate.services.learned_shares import learn_from_campaign, learn_from_file
from annotate.services.topics import change_topic
from annotate.services.writing_help import check_text
from tasks.scheduling.shares import share_cells
from tasks.vocabulary import TargetAxis
from tests.loop import make_annotator, make_campaign, make_prompt
from tests.subjects import write_prompts
from tests.targets import find_places, make_prompts

pytestmark = pytest.mark.django_db


def share(axis, value, part):
    return {"axis": axis, "value": value, "share": part}


def put(campaign, *shares):
    return change_campaign(
        campaign=campaign, spec=read_campaign({"shares": list(shares)}), actor=None, now=timezone.now()
    )


def test_shares_are_a_set_and_the_same_twice_changes_nothing():
    campaign = make_campaign(languages=("en", "de"))
    shares = share("language", "de", 0.5), share("length", "short", 0.25), share("tag", "maths", 0.1)
    assert [change.field for change in put(campaign, *shares)] == ["shares"]
    assert put(campaign, *reversed(shares)) == ()
    assert describe_shares(campaign_id=campaign.pk) == {
        "language": {"de": 0.5}, "length": {"short": 0.25}, "tag": {"maths": 0.1},
    }  # fmt: skip
    put(campaign, share("difficulty", "hard", 1))
    assert describe_shares(campaign_id=campaign.pk) == {"difficulty": {"hard": 1.0}}
    event = AuditEvent.objects.order_by("-pk").first()
    assert event.after == {"shares": [share("difficulty", "hard", 1.0)]}


@pytest.mark.parametrize(
    ("shares", "place", "told"),
    [
        ([share("language", "de", 0.5)], "shares[0].value", "The campaign has no language"),
        ([share("length", "short", 0.7), share("length", "long", 0.4)], "shares", "1.1 together"),
        ([share("topic", 7, 0.1)], "shares[0].value", 'no topic with the number "7"'),
        ([share("topic", "seven", 0.1)], "shares[0].value", ""),
        ([share("length", "huge", 0.1)], "shares[0].value", ""),
        ([share("colour", "red", 0.1)], "shares[0].axis", ""),
        ([share("tag", "a", 1.5)], "shares[0].share", ""),
        ([share("tag", "a", 0.5), share("tag", "a", 0.4)], "shares[1]", ""),
        ([{"axis": "tag", "value": "a"}], "shares[0].share", ""),
        ([share("difficulty", "x" * 41, 0.5)], "shares[0].value", ""),
    ],
)
def test_a_share_that_cannot_be_is_refused_at_its_place(shares, place, told):
    campaign = make_campaign()
    with pytest.raises(InvalidInput) as refused:
        put(campaign, *shares)
    assert place in refused.value.details
    assert told in refused.value.details[place][0]
    assert describe_shares(campaign_id=campaign.pk) == {}


def test_more_shares_than_are_put_upon_cells_quickly_are_refused():
    campaign = make_campaign()
    put(campaign, *(share("tag", f"tag{number}", 0.0005) for number in range(1_000)))
    assert len(describe_shares(campaign_id=campaign.pk)["tag"]) == 1_000
    with pytest.raises(InvalidInput) as refused:
        put(campaign, *(share("tag", f"tag{number}", 0.0005) for number in range(1_001)))
    assert "1000" in refused.value.details["shares"][0].replace(",", "")


def test_nobody_waits_for_the_arithmetic_of_shares(monkeypatch):
    campaign = make_campaign()
    make_prompts(campaign, each=1)
    held = []

    def share_outside(cells, shares):
        held.append(list(connection.savepoint_ids))
        return share_cells(cells, shares)

    monkeypatch.setattr("annotate.services.places.share_cells", share_outside)
    find_places(campaign)
    assert held == [[]]
    assert sum(CoverageCell.objects.values_list("share", flat=True)) == pytest.approx(1)


def test_the_file_of_a_campaign_carries_its_shares():
    campaign = make_campaign(languages=("en", "de"))
    put(campaign, share("language", "de", 0.5), share("tag", "maths", 0.125))
    written = write_campaign_file(campaign)
    assert '[[shares]]\naxis = "language"\nvalue = "de"\nshare = 0.5' in written
    spec = read_campaign_file(written.encode())
    assert change_campaign(campaign=campaign, spec=spec, actor=None, now=timezone.now()) == ()


def test_a_retired_topic_has_no_share_any_more_to_give():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    put(campaign, share("topic", "2", 0.5))
    Topic.objects.filter(number=3).update(retired_at=timezone.now())
    with pytest.raises(InvalidInput):
        put(campaign, share("topic", "3", 0.5))


def test_a_share_of_a_topic_that_takes_none_any_more_asks_nobody_for_prompts():
    campaign = make_campaign(topics=4)
    make_prompts(campaign)
    find_places(campaign)
    put(campaign, share("topic", "3", 0.5))
    change_topic(campaign=campaign, number=3, values={"is_retired": True}, actor=None, now=timezone.now())
    find_places(campaign)
    assert not CoverageCell.objects.filter(topic__number=3).exists()
    assert sum(CoverageCell.objects.values_list("share", flat=True)) == pytest.approx(1)


def test_cells_have_the_shares_that_were_asked_for_along_every_axis():
    campaign = make_campaign(topics=4, languages=("en", "sw"))
    make_prompts(campaign)
    put(campaign, share("language", "sw", 0.2), share("length", "long", 0.25))
    find_places(campaign)
    put(campaign, share("language", "sw", 0.2), share("length", "long", 0.25), share("topic", "2", 0.3))
    find_places(campaign)
    axes = {
        str(axis): {row["value"]: round(row["share"], 3) for row in rows}
        for axis, rows in describe_axes(campaign_id=campaign.pk).items()
    }
    assert axes["language"] == {"en": 0.8, "sw": 0.2}
    assert axes["length"]["long"] == 0.25
    assert axes["topic"]["2"] == 0.3
    assert sum(CoverageCell.objects.values_list("share", flat=True)) == pytest.approx(1)


def test_shares_are_learned_from_a_file_topics_and_all():
    campaign = make_campaign(topics=4, languages=("en", "de"))
    make_prompts(campaign)
    find_places(campaign)
    of_stars = Counter(PromptPlace.objects.filter(message__text__contains="a").values_list("topic__number", flat=True))
    assert len(of_stars) == 4
    stars = write_prompts("stars", 30, seed=3)
    number = find_nearest_topics(campaign_id=campaign.pk, texts=stars, languages=["en"] * 30)
    lines = [json.dumps({"prompt": text, "language": "en", "tags": ["sky"]}) for text in stars]
    lines += [json.dumps({"prompt": "x" * 500, "language": "de"})] * 10
    learned, count = learn_from_file(campaign=campaign, data="\n".join(lines).encode())
    assert count == 40
    assert learned[TargetAxis.LANGUAGE] == {"en": 0.75, "de": 0.25}
    assert learned[TargetAxis.TAG] == {"sky": 0.75}
    assert learned[TargetAxis.LENGTH] == {"short": 0.75, "long": 0.25}
    most, times = Counter(number).most_common(1)[0]
    assert times >= 28
    assert learned[TargetAxis.TOPIC][most] >= 0.7
    assert describe_shares(campaign_id=campaign.pk) == {}  # nothing is set by learning


def test_shares_are_learned_from_another_campaign():
    other, campaign = make_campaign(slug="other", languages=("en", "de")), make_campaign()
    make_prompts(other, each=3)
    learned, count = learn_from_campaign(campaign=campaign, other=other)
    assert (count, learned[TargetAxis.LANGUAGE]) == (12, {"en": 1.0})
    assert TargetAxis.TOPIC not in learned  # the campaign has no topics yet
    with pytest.raises(Conflict) as refused:
        learn_from_campaign(campaign=other, other=campaign)
    assert refused.value.code == "no_prompts"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"  \n", b"x" * (8 * 2**20 + 1)])
def test_a_file_that_says_nothing_is_refused(data):
    with pytest.raises(InvalidInput) as refused:
        learn_from_file(campaign=make_campaign(), data=data)
    assert refused.value.code == "bad_reference"
    assert list(refused.value.details) == ["reference"]


def test_whoever_writes_is_shown_prompts_with_the_same_words_in_another_order():
    campaign = make_campaign(kinds=("write_prompt",))
    there = make_prompt(campaign, "Why does sourdough bread need flour, water, yeast, salt and a hot oven?", replies=0)
    annotator = make_annotator()
    text = "A hot oven, salt, yeast, water and flour: why does bread, sourdough, need it?"
    find_places(campaign)

    def look():
        return check_text(campaign=campaign, kind="write_prompt", text=text, language="en", annotator_id=annotator.pk)

    (near,) = look().neighbours
    assert (near.message_id, look().duplicate) == (there.pk, None)
    assert 0.85 <= near.similarity < 1
    campaign.parameters["embedder"] = "server:a/b"
    assert look().neighbours == ()
    campaign.parameters["embedder"] = "hashing"
    Message.objects.filter(pk=there.pk).update(review_state="rejected")
    assert look().neighbours == ()
