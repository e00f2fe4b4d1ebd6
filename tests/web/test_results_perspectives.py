"""The page of perspectives: a map without names, and nothing that says what few people think."""

from __future__ import annotations

import html
import random
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotate.models import Campaign, Message, OpinionMember, Perspectives
from annotate.web.opinion_map import SHAPES, draw_mark, place_mark
from tasks.jobs.perspectives import find_perspectives_job
from tests.opinion_world import OpinionWorld, make_world
from tests.web.organizing import come_as

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/results/perspectives/"


@pytest.fixture
def world() -> OpinionWorld:
    world = make_world(first=21, second=14)
    find_perspectives_job()
    return world


def read(client: Client) -> str:
    """The words of the page, one blank between any two."""
    response = client.get(PAGE)
    assert response.status_code == 200
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


@pytest.mark.parametrize("who", ["organizer", "moderator", "administrator"])
def test_groups_with_their_sizes_and_what_they_accept(world, who) -> None:
    text = read(come_as(who, world.campaign))
    for said in (
        "2 groups among 35 people",
        "Group 1 21 60 %",
        "Group 2 14 40 %",
        "n = 35 people with 7 votes or more; 1,680 votes on 48 candidates of 12 prompts.",
        "of the disagreement lies between the groups",
        "What every group accepts",
        "What divides the groups",
        "More than half of each group accept it.",
    ):
        assert said in text
    assert text.count("On: Question") == 12 + 20


def test_map_has_a_title_a_description_and_a_table_and_a_small_group_is_one_mark(world) -> None:
    page = come_as("organizer", world.campaign).get(PAGE).content.decode()
    svg = re.search(r'<svg viewBox.*?class="chart opinion-map">.*?</svg>', page, re.DOTALL).group()
    assert '<title id="map-t">Map of people by how alike they judge</title>' in svg
    assert "Group 1: 21 people, 60 %. Group 2: 14 people, 40 %." in svg
    assert svg.count('<path class="g2"') == 1 < svg.count('<path class="g1"')
    assert '<table class="legend-of" aria-labelledby="map-h">' in page


def test_each_bar_says_how_many_of_how_many(world) -> None:
    page = come_as("organizer", world.campaign).get(PAGE).content.decode()
    told = Perspectives.objects.get().result["divided"][0]["groups"][0]
    share = round(100 * told["accepted"] / told["judged"], 1)
    assert f'class="g1" width="{share}%"' in page
    assert f"{told['accepted']} of 21" in page


def test_a_candidate_leads_to_what_it_answers(world) -> None:
    page = come_as("organizer", world.campaign).get(PAGE).content.decode()
    assert f'href="/messages/{Perspectives.objects.get().result["common"][0]["parent"]}/"' in page


def test_the_page_names_nobody(world) -> None:
    page = come_as("organizer", world.campaign).get(PAGE).content.decode()
    assert not [one.pk for one in world.people if f">{one.pk}<" in page or f"Volunteer {one.pk}" in page]


def test_nobody_is_told_which_group_they_are_in(world) -> None:
    client = come_as("moderator", world.campaign)
    before = read(client)
    user = world.campaign.memberships.get(role="moderator").user
    OpinionMember.objects.filter(annotator=world.people[0]).update(annotator=user.annotator)
    assert read(client) == before


def test_texts_of_others_are_shown_as_text(world) -> None:
    first = Perspectives.objects.get().result["common"][0]
    Message.objects.filter(pk=first["candidate"]).update(text="<script>alert(1)</script> **bold**")
    page = come_as("organizer", world.campaign).get(PAGE).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; bold" in page


@pytest.mark.parametrize("who", ["nobody", "annotator"])
def test_whoever_judges_is_refused_until_the_campaign_is_closed(world, who) -> None:
    client = come_as(who, world.campaign)
    response = client.get(PAGE)
    assert (response.status_code, b"Answer 0" in response.content) == (403, False)
    Campaign.objects.update(state="closed")
    assert "Answer 0" in read(client)


def test_a_draft_is_unknown_to_others(world) -> None:
    Campaign.objects.update(state="draft")
    assert come_as("annotator", world.campaign).get(PAGE).status_code == 404


def test_before_anything_was_computed_the_page_says_so() -> None:
    world = make_world(judging=False)
    assert "Nothing is computed yet. Ballots are looked at about once an hour" in read(
        come_as("organizer", world.campaign)
    )


def test_of_too_few_people_it_says_how_many_it_takes() -> None:
    world = make_world(first=10, second=9)
    find_perspectives_job()
    text = read(come_as("organizer", world.campaign))
    assert (
        "it takes 20 people with 7 votes each, on two prompts or more. Now there are 19 people and 12 prompts." in text
    )
    assert "What every group accepts" not in text


def test_where_a_group_would_be_of_fewer_than_ten_there_are_no_groups() -> None:
    world = make_world(first=21, second=9)
    find_perspectives_job()
    text = read(come_as("organizer", world.campaign))
    assert "There are no groups: people differ, but not in groups of 10 or more" in text
    assert "Accepted across views" in text
    assert not re.search(r"Group \d|divides|\b9 people|\b21 people", text)


def test_where_too_few_of_each_group_judged_the_same_no_group_is_quoted() -> None:
    world = make_world(first=20, second=20, judging=False, prompts=40)
    for number, person in enumerate(world.people):
        world.vote([person], sorted(random.Random(number).sample(range(40), 13)), seed=number)
    find_perspectives_job()
    assert (Perspectives.objects.get().result["state"], Perspectives.objects.get().result["by_groups"]) == (
        "found",
        False,
    )
    text = read(come_as("organizer", world.campaign))
    assert "No candidate has that many yet" in text
    assert "Acceptance differs by" in text
    assert not re.search(r"\d+ of \d+ \d+ %", text)


@pytest.mark.parametrize("kept", [1, 3])
def test_as_many_queries_whatever_is_listed(world, kept) -> None:
    row = Perspectives.objects.get()
    row.result["common"] = row.result["common"][:kept]
    row.result["divided"] = row.result["divided"][:kept]
    row.save()
    client = come_as("organizer", world.campaign)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as queries:
        assert read(client).count("On: Question") == 2 * kept
    assert len(queries) == 4


@pytest.mark.parametrize("group", range(1, 6))
def test_marks_of_groups_differ_in_shape_and_stand_where_they_are_put(group) -> None:
    path = draw_mark(group, 100, 50, 6)
    assert len({draw_mark(number, 100, 50, 6) for number in range(1, 6)}) == len(SHAPES) == 5
    start = [float(number) for number in re.match(r"M([\d.]+) ([\d.]+)", path).groups()]
    assert abs(start[0] - 100) <= 9
    assert abs(start[1] - 50) <= 9


def test_up_is_up_and_everything_is_inside() -> None:
    assert place_mark(-1, 1) == (36.0, 36.0)
    assert place_mark(1, -1) == (604.0, 364.0)
    assert place_mark(0, 0) == (320.0, 200.0)
