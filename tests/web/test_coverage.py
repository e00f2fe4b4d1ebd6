"""What a campaign covers: told to whoever sees the campaign, by what was measured and by nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Campaign, CoverageCell, MessageTree, PromptPlace, Stale, TargetShare, TargetStanding, Topic
from annotate.web.coverage_words import BEHIND
from tasks.records.standing import Behind
from tests.coverage_world import add_cell, add_report, add_topic
from tests.loop import make_annotator
from tests.opinions import make_campaign, make_prompt
from tests.web.organizing import HTMX, come_as

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/coverage/"
TARGET = {
    "language": "en", "topic": "birds", "target": 100, "done": 20, "room": 500, "prompts": 50, "bare": 0, "people": 3,
    "able": 9, "week": 70, "can_be_met": True, "lags": ["on_the_way"],
    "forecast": {
        "on": "2031-03-04", "earliest": "2031-03-01", "latest": "2031-03-09", "per_day": 10.0, "low": 8.0, "high": 12.0,
        "days": 7, "judgments": 70,
    },
}  # fmt: skip


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


@pytest.fixture
def olga(campaign) -> Client:
    return come_as("organizer", campaign)


def read(response) -> str:
    """The words of a page, spaces made one."""
    main = response.content.decode().split("<main", 1)[1]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


def keep_standing(campaign: Campaign, *targets: dict) -> None:
    measured = datetime(2031, 3, 20, 12, 0, tzinfo=UTC)
    TargetStanding.objects.create(campaign=campaign, result={"targets": list(targets)}, measured_at=measured)


@pytest.mark.parametrize("who", ["nobody", "annotator", "moderator", "organizer", "administrator"])
def test_before_anything_is_measured_it_says_so_to_whoever_sees_the_campaign(campaign, who) -> None:
    answer = come_as(who, campaign).get(PAGE)
    assert answer.status_code == 200
    assert "Nothing is measured yet." in read(answer)


def test_a_draft_is_nothing_to_strangers(campaign) -> None:
    Campaign.objects.update(state="draft")
    assert come_as("nobody", campaign).get(PAGE).status_code == 404


def test_the_number_is_told_with_its_parts_and_what_they_mean(campaign, olga) -> None:
    add_report(campaign, 0.4321, prompts=0.5, candidates=0.25, people=0.125, result={"weights": {"prompts": 0.5}})
    text = read(olga.get(PAGE))
    for words in (
        "0.43",
        "Kinds of prompts 0.50",
        "Candidates 0.25",
        "People 0.12",
        "Kinds of prompts (weight 0.50): how much",
    ):
        assert words in text
    assert "Nearness : how near each prompt lies, by its meaning, to one that is finished. Not measured" in text


def test_whoever_judges_is_told_how_it_stood_at_the_last_midnight(campaign, olga) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    add_report(campaign, 0.25, at=midnight - timedelta(hours=3))
    add_report(campaign, 0.75, at=timezone.now())
    told, known = read(come_as("annotator", campaign).get(PAGE)), read(olga.get(PAGE))
    assert ("0.25" in told, "0.75" in told) == (True, False)
    assert "0.75" in known


def test_the_line_runs_over_one_measurement_an_hour_and_before_that_a_day(campaign, olga) -> None:
    now = timezone.now()
    noon = now.replace(hour=12) - timedelta(days=4)
    for at, coverage in (
        (noon, 0.1),
        (noon + timedelta(minutes=6), 0.11),
        (now - timedelta(hours=60), 0.2),
        (now - timedelta(hours=3), 0.3),
        (now - timedelta(hours=1), 0.4),
    ):
        add_report(campaign, coverage, at=at)
    add_report(campaign, 0.9, language="en", at=now)
    text = read(olga.get(PAGE))
    assert "measurements, the last of 7 judgments" in text
    history = olga.get(PAGE).context["history"]["rows"]
    assert [row["coverage"] for row in history] == [0.11, 0.2, 0.3, 0.4]


def test_one_language_has_its_own_line_and_an_unknown_one_changes_nothing(campaign, olga) -> None:
    now = timezone.now()
    for number in (1, 2):
        add_report(campaign, 0.1 * number, at=now - timedelta(hours=number))
        add_report(campaign, 0.3 * number, language="en", at=now - timedelta(hours=number))
        add_report(campaign, 0.4 * number, language="de", at=now - timedelta(hours=number))
    of = lambda query: [round(row["coverage"], 2) for row in olga.get(PAGE + query).context["history"]["rows"]]  # noqa: E731
    assert of("?language=en") == [0.6, 0.3]
    assert of("?language=xx") == of("") == [0.2, 0.1]


def test_cells_are_shown_as_topics_by_languages_where_most_is_missing_first(campaign, olga) -> None:
    birds, bees = add_topic(campaign, "bird, wing"), add_topic(campaign, "bee, honey")
    add_cell(campaign, topic=birds, share=0.1, prompts=40, finished=30, coverage=0.8)
    add_cell(campaign, topic=bees, share=0.6, prompts=4, finished=1, coverage=0.25)
    add_cell(campaign, topic=bees, language="de", share=0.3, prompts=0, coverage=0.0)
    answer = olga.get(PAGE)
    rows = answer.context["map"]["rows"]
    assert [row["name"] for row in rows] == ["bee, honey", "bird, wing"]
    text = read(answer)
    assert "bee, honey 0.25 1 of 4 no prompt bird, wing 0.80 30 of 40 – nothing" in text


def test_cells_of_one_place_are_put_together_by_their_shares(campaign, olga) -> None:
    birds = add_topic(campaign, "birds")
    add_cell(campaign, topic=birds, share=0.3, prompts=10, finished=5, coverage=0.5, length="short")
    add_cell(campaign, topic=birds, share=0.1, prompts=30, finished=1, coverage=0.1, length="long", difficulty="hard")
    assert "0.40 6 of 40" in read(olga.get(PAGE))
    assert "0.50 5 of 10" in read(olga.get(PAGE + "?length=short"))
    assert "0.10 1 of 30" in read(olga.get(PAGE + "?difficulty=hard"))
    assert "No prompt is like that." in read(olga.get(PAGE + "?difficulty=hard&length=short"))
    assert "0.40 6 of 40" in read(olga.get(PAGE + "?length=enormous"))


def test_before_topics_are_found_languages_are_shown_by_length(campaign, olga) -> None:
    add_cell(campaign, share=0.5, prompts=10, finished=5, coverage=0.5, length="long")
    add_cell(campaign, share=0.5, prompts=10, finished=4, coverage=0.4, length="short")
    text = read(olga.get(PAGE))
    assert "Languages by length of the prompt" in text
    assert "English 0.40 4 of 10 0.50 5 of 10" in text


def test_whoever_judges_sees_cells_in_tenths_of_the_last_midnight_and_no_counts_of_what_is_finished(campaign) -> None:
    cell = add_cell(campaign, topic=add_topic(campaign, "birds"), share=1, prompts=40, finished=18.5, coverage=0.4625)
    add_report(campaign, 0.4, at=timezone.now() - timedelta(days=1), result={"tenths": {cell.pk: 3}})
    text = read(come_as("annotator", campaign).get(PAGE))
    assert "0.30 40 prompts" in text
    assert "18.5" not in text
    assert "of 40" not in text
    assert "0.46" not in text


def test_many_topics_are_cut_until_all_are_asked_for(campaign, olga) -> None:
    for number in range(14):
        add_cell(campaign, topic=add_topic(campaign, f"topic {number}"), share=0.05, prompts=2, coverage=number / 20)
    few, everything = read(olga.get(PAGE)), read(olga.get(PAGE + "?all=1"))
    assert ("topic 13" in few, "topic 0" in few, "Show all" in few) == (False, True, True)
    assert ("topic 13" in everything, "Show all" in everything) == (True, False)


def test_a_target_is_told_with_its_date_and_its_pace(campaign, olga) -> None:
    keep_standing(campaign, TARGET)
    text = read(olga.get(PAGE))
    assert "0 of 1 target is reached." in text
    assert "English · birds 20 of 100" in text
    assert "Reached March 4, 2031 (March 1, 2031 to March 9, 2031), if the days go on like the last ones." in text
    assert (
        "70 judgments by 3 people from March 13, 2031 to March 19, 2031. Nothing is wrong: it takes its time." in text
    )


@pytest.mark.parametrize(
    ("week", "people", "says"),
    [(0, 0, "No judgment from"), (0, 2, "No judgment from"), (1, 1, "1 judgment by 1 person from"), (2, 1, "2 judgments by 1 person from")],
)  # fmt: skip
def test_a_pace_is_told_as_people_say_it_with_its_days(campaign, olga, week, people, says) -> None:
    keep_standing(campaign, {**TARGET, "week": week, "people": people, "lags": ["nobody"], "forecast": None})
    text = read(olga.get(PAGE))
    assert f"{says} March 13, 2031 to March 19, 2031." in text
    assert "A date is that" not in text


def test_a_reason_that_says_that_nothing_came_says_it_alone(campaign, olga) -> None:
    keep_standing(campaign, {**TARGET, "week": 0, "people": 0, "lags": ["no_pace"], "forecast": None})
    text = read(olga.get(PAGE))
    assert "Nothing came in the last seven whole days." in text
    assert "No judgment from" not in text


def test_a_target_that_cannot_be_reached_comes_first_with_the_reason(campaign, olga) -> None:
    lost = {
        **TARGET,
        "topic": "bees",
        "can_be_met": False,
        "lags": ["no_room", "all_seen"],
        "room": 3,
        "forecast": None,
    }
    keep_standing(campaign, TARGET, lost, {**TARGET, "topic": "ants", "done": 100})
    text = read(olga.get(PAGE))
    assert "1 of 3 targets are reached. 1 cannot be reached as things are." in text
    assert text.index("bees") < text.index("birds")
    assert "ants" not in text
    assert "What its prompts still ask for is 3 judgments; 80 are missing." in text
    assert "has met all that is open in it. It needs other people, or more prompts." in text


@pytest.mark.parametrize(
    "lag",
    ["not_open", "no_language", "no_prompts", "no_candidates", "no_room", "nobody", "all_seen", "prompts_wanted", "no_pace",
     "far", "few_people", "others_first", "on_the_way"],
)  # fmt: skip
def test_every_reason_is_a_sentence(campaign, olga, lag) -> None:
    keep_standing(campaign, {**TARGET, "lags": [lag]})
    says = olga.get(PAGE).context["targets"]["rows"][0]["says"]
    assert len(says) == 1
    assert says[0].endswith(".")
    assert lag not in says[0]


@pytest.mark.parametrize("who", ["nobody", "annotator"])
def test_targets_and_reasons_are_for_those_who_run_the_campaign(campaign, who) -> None:
    keep_standing(campaign, TARGET)
    add_report(campaign, 0.5, at=timezone.now() - timedelta(days=2))
    text = read(come_as(who, campaign).get(PAGE))
    assert "0.50" in text
    assert "Targets" not in text


def test_shares_that_are_wanted_stand_beside_those_that_are_there(campaign, olga) -> None:
    add_cell(campaign, share=0.5, prompts=30, finished=9, coverage=0.5)
    add_cell(campaign, share=0.5, prompts=10, finished=1, coverage=0.1, language="de", judgments=4)
    TargetShare.objects.create(campaign=campaign, axis="language", value="de", share=0.5)
    TargetShare.objects.create(campaign=campaign, axis="length", value="long", share=0.1)
    TargetShare.objects.create(campaign=campaign, axis="tag", value="code", share=0.2)
    text = read(olga.get(PAGE))
    assert "it moves with everything else that comes in, and may fall again." in text
    assert "Language Deutsch 50 % 25 % 10 % 10" in text
    assert "Length long, over 400 characters no prompt 10 % 0 % 0 % 0" in text
    assert (
        "Tag code no prompt Nobody who writes is asked for tags. Import prompts that have this one. 20 % 0 % – 0"
        in text
    )


def test_a_share_that_cannot_be_reached_is_told_with_the_reason(campaign, olga) -> None:
    birds, gone = add_topic(campaign, "birds"), add_topic(campaign, "bees")
    Topic.objects.filter(pk=gone.pk).update(retired_at=timezone.now())
    add_cell(campaign, topic=birds, share=0.9, prompts=30, finished=9, coverage=0.5)
    add_cell(campaign, share=0.1, prompts=10, finished=1, language="de")
    for axis, value, share in (
        ("language", "sw", 0.2), ("language", "de", 0.5), ("language", "en", 0.1), ("topic", str(gone.number), 0.1),
        ("tag", "code", 0.2),
    ):  # fmt: skip
        TargetShare.objects.create(campaign=campaign, axis=axis, value=value, share=share)
    make_annotator("ada", languages=("en", "de"))
    text = read(olga.get(PAGE))
    assert "Kiswahili no prompt Nobody here knows this language. Invite somebody who does. 20 %" in text
    assert "no prompt This topic takes no prompts any more. Set the share for another one. 10 %" in text
    assert "Tag code no prompt Nobody who writes is asked for tags. Import prompts that have this one. 20 %" in text
    # Until cells have their parts nobody knows what others leave.
    assert "Other shares leave less" not in text
    later = timezone.now() + timedelta(hours=1)
    turn = Stale.objects.create(kind="turn_topics", subject_id=campaign.pk, marked=2, lease_expires_at=later)
    assert "Other shares leave less" not in read(olga.get(PAGE))
    Stale.objects.filter(pk=turn.pk).update(marked=0)
    text = read(olga.get(PAGE))
    assert "Deutsch Other shares leave less to it than that. Make one of them smaller. 50 %" in text
    assert "English 10 %" in text
    Topic.objects.filter(pk=gone.pk).update(retired_at=None)
    make_annotator("swa", languages=("sw",))
    text = read(olga.get(PAGE))
    assert "Nobody here knows" not in text
    assert "takes no prompts any more" not in text


def test_a_tag_that_is_wanted_is_told_with_the_prompts_that_have_it(campaign, olga) -> None:
    cell = add_cell(campaign, share=1, prompts=2, finished=1, coverage=0.5)
    for tags in (["code"], ["maths"]):
        prompt = make_prompt(campaign, f"Of {tags}?")
        MessageTree.objects.filter(pk=prompt.tree_id).update(tags=tags)
        PromptPlace.objects.create(
            message=prompt, campaign=campaign, tree_id=prompt.tree_id, cell=cell, placed_at=timezone.now()
        )
    TargetShare.objects.create(campaign=campaign, axis="tag", value="code", share=0.2)
    assert "Tag code 20 % 50 % – 1" in read(olga.get(PAGE))


def test_what_no_topic_is_asked_for_of_is_a_row_of_any_topic(campaign, olga) -> None:
    add_cell(campaign, topic=add_topic(campaign, "birds"), share=0.5, prompts=4, coverage=0.5)
    hard = add_cell(campaign, share=0.5, prompts=0, difficulty="hard")
    assert "any topic no prompt" in read(olga.get(PAGE))
    CoverageCell.objects.filter(pk=hard.pk).update(prompts=1)
    assert "no topic 0.00" in read(olga.get(PAGE))


def test_measurements_stand_as_far_from_each_other_as_they_were_made(campaign, olga) -> None:
    now = timezone.now()
    for days in (20, 10, 0):
        add_report(campaign, 0.5, at=now - timedelta(days=days))
    add_report(campaign, 0.5, at=now - timedelta(hours=8))
    places = [row["point"].x for row in olga.get(PAGE).context["history"]["rows"]]
    assert places[0] == 8
    assert places[1] == pytest.approx(53.5)
    assert places[-1] == 99
    assert 97 < places[2] < 99


def test_a_choice_for_one_figure_keeps_what_is_chosen_for_the_other(campaign, olga) -> None:
    for hours in (1, 2):
        for language in (None, "en", "de"):
            add_report(campaign, 0.2, language=language, at=timezone.now() - timedelta(hours=hours))
    for length in ("short", "long"):
        add_cell(
            campaign,
            topic=add_topic(campaign, length),
            share=0.5,
            prompts=1,
            coverage=0.1,
            length=length,
            difficulty="hard",
        )
    page = olga.get(PAGE + "?language=de&difficulty=hard&length=long&all=1").content.decode()
    over_time, by_kind = re.findall(r'<form class="filters.*?</form>', page, re.DOTALL)
    hidden = lambda form: set(re.findall(r'type="hidden" name="(\w+)"', form))  # noqa: E731
    assert (hidden(over_time), hidden(by_kind)) == ({"difficulty", "length", "all"}, {"language", "all"})


def test_htmx_is_sent_the_part_that_changes(campaign, olga) -> None:
    add_cell(campaign, share=1, prompts=1, coverage=0)
    answer = olga.get(PAGE, headers={**HTMX, "HX-Target": "covered"}).content.decode()
    assert answer.lstrip().startswith('<div id="covered"')
    assert "<main" not in answer


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_asks_the_same_few_questions_whatever_there_is(
    campaign, olga, rows, django_assert_num_queries
) -> None:
    for number in range(rows):
        add_report(campaign, 0.2, at=timezone.now() - timedelta(hours=number))
        add_cell(campaign, topic=add_topic(campaign, f"topic {number}"), share=0.3, prompts=4, coverage=0.5)
    keep_standing(campaign, *[TARGET] * rows)
    with django_assert_num_queries(7):
        olga.get(PAGE)


def test_what_is_behind_is_told_with_why_to_those_who_run_the_campaign(campaign, olga) -> None:
    bees = add_cell(campaign, topic=add_topic(campaign, "bee, honey"), share=0.6, prompts=1, finished=1, coverage=0.5)
    birds = add_cell(campaign, topic=add_topic(campaign, "bird, wing"), share=0.4, prompts=40, finished=1, coverage=0.2)
    behind = [
        {"cell": bees.pk, "why": "few_prompts", "lacks": 0.3},
        {"cell": birds.pk, "why": "its_turn", "lacks": 0.04},
        {"cell": birds.pk + 99, "why": "no_people", "lacks": 0.01},
    ]
    add_report(campaign, 0.2, result={"behind": behind, "gain": 0.01234}, at=timezone.now() - timedelta(days=2))
    text = read(olga.get(PAGE))
    assert (
        "English · bee, honey short, up to 80 characters stuck lacks 30 % It has too few prompts: more judgments cannot help. 1 of 1 prompt finished"
        in text
    )
    assert "lacks 4 % Nothing is in the way: it comes up as people come. 1 of 40 prompts finished" in text
    assert "would add to the first part is 0.0123." in text
    assert "What is behind" not in read(come_as("annotator", campaign).get(PAGE))


@pytest.mark.parametrize("why", list(Behind))
def test_every_reason_of_a_cell_is_a_sentence(why) -> None:
    assert str(BEHIND[why]).endswith(".")


def figure(value: float | None, low: float | None = None, high: float | None = None, **more) -> dict:
    return {"value": value, "low": low, "high": high, **more}


def test_two_rules_are_compared_with_intervals_and_what_cannot_be_told_apart_is_not(campaign, olga) -> None:
    names = ("coverage", "finished", "certainty", "judgments")
    arm = {**{name: figure(0.5, 0.4, 0.6) for name in names}, "prompts": 40}
    split = {
        "arms": [
            {**arm, "policy": "coverage", "agreement": figure(0.9, 0.8, 1.0, n=30)},
            {**arm, "policy": "uniform", "agreement": figure(0.2, 0.1, 0.3, n=30)},
        ],
        "difference": {
            "coverage": figure(0.2, 0.1, 0.3), "finished": figure(-0.2, -0.3, -0.1), "certainty": figure(0.0, -0.1, 0.1),
            "judgments": figure(None),
        },
        "cells": 3, "resamples": 400, "seed": 1,
    }  # fmt: skip
    TargetStanding.objects.create(campaign=campaign, result={"targets": [], "split": split}, measured_at=timezone.now())
    text = read(olga.get(PAGE))
    assert "Coverage in the first half, At random in the second." in text
    assert (
        "in the cells where both halves have some 0.50 0.40 to 0.60 0.50 0.40 to 0.60 more in the first half difference 0.10 to 0.30"
        in text
    )
    assert "more in the second half difference −0.30 to −0.10" in text
    assert "no clear difference difference −0.10 to 0.10" in text
    assert "which of two is better, α 0.90 0.80 to 1.00 0.20 0.10 to 0.30 more in the first half" in text
    assert "that each prompt has, on the mean 0.50 0.40 to 0.60 0.50 0.40 to 0.60 not enough data" in text
    assert "Two rules" not in read(come_as("annotator", campaign).get(PAGE))


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (
            {"on": None, "earliest": None, "latest": None},
            "More than two years away, if the days go on like the last ones.",
        ),
        (
            {"latest": None},
            "Reached March 4, 2031 (March 1, 2031 at the earliest), if the days go on like the last ones.",
        ),
    ],
)
def test_a_date_without_an_end_says_so(campaign, olga, ends, words) -> None:
    keep_standing(campaign, {**TARGET, "forecast": {**TARGET["forecast"], **ends}})
    assert words in read(olga.get(PAGE))


def test_a_target_of_which_too_little_is_known_has_no_date(campaign, olga) -> None:
    keep_standing(campaign, {**TARGET, "forecast": None, "lags": ["no_pace"]})
    assert "Not enough data for a date: it takes three whole days with 20 judgments." in read(olga.get(PAGE))
