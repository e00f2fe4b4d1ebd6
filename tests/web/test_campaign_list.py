"""The list of campaigns: open ones for everybody, others for those who may see them, by filters in the address."""

from __future__ import annotations

import pytest
from django.test import Client

from annotate.models import Campaign, Stratum
from tests.loop import make_campaign, make_prompt
from tests.web.organizing import HTMX, make_run, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/"


def titles(answer):
    return [campaign["title"] for campaign in answer.context["campaigns"]]


def test_languages_to_choose_from_include_those_of_what_is_shown():
    make_campaign(slug="birds", languages=("yo",))
    chosen = Client().get(HERE, {"language": "zu"})
    assert '<option value="zu" lang="zu" selected>IsiZulu</option>' in chosen.text
    assert '<option value="yo" lang="yo">Yorùbá</option>' in Client().get(HERE).text


def test_open_campaigns_are_shown_to_everybody_with_what_they_are_about():
    make_run("birds", state="open", purpose="Why they sing.", allow_guests=True)
    for state in ("draft", "paused", "closed"):
        make_campaign(slug=state, state=state)
    answer = Client().get(HERE)
    assert titles(answer) == ["Birds"]
    shown = ("Why they sing.", "English", "Deutsch", "Rank replies", "CC-BY-4.0", "no account needed")
    assert [words for words in shown if words not in answer.text] == []
    assert ">organizer<" not in answer.text


def test_campaign_says_what_is_missing_most():
    campaign = make_campaign(slug="birds", languages=("en", "de"))
    for topic, target, done in (("songs", 9, 8), ("nests", 9, 2), ("eggs", 4, 4), ("wings", 5, 1), ("beaks", 5, 0)):
        Stratum.objects.create(campaign=campaign, language="de", topic=topic, target=target, done=done)
    needs = Client().get(HERE).context["campaigns"][0]["needs"]
    assert [(cell.topic, cell.done, cell.target) for cell in needs.missing] == [
        ("nests", 2, 9),
        ("beaks", 0, 5),
        ("wings", 1, 5),
    ]
    assert needs.cells == 4


def test_work_is_offered_where_some_waits():
    make_campaign(slug="empty")
    make_prompt(make_campaign(slug="full"))
    done = make_campaign(slug="done")
    make_prompt(done, replies=1)
    page = Client().get(HERE).text
    assert [f'action="/campaigns/{slug}/next/"' in page for slug in ("empty", "full", "done")] == [False, True, False]
    assert ("No prompts yet." in page, "Nothing waits now" in page) == (True, True)


def test_members_find_theirs_in_every_state_with_their_role():
    make_run("birds")
    make_run("fish", owner="otto", state="open")
    answer = sign_in("ines").get(HERE, {"mine": "1"})
    assert [(row["title"], row["state"], row["role"]) for row in answer.context["campaigns"]] == [
        ("Birds", "draft", "organizer")
    ]
    assert titles(Client().get(HERE, {"mine": "1"})) == ["Fish"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"language": "de"}, ["B"]),
        ({"language": "DE"}, ["B"]),
        ({"state": "any"}, ["C", "B", "A"]),
        ({"state": "closed"}, ["C"]),
        ({"state": "closed", "language": "en"}, ["C"]),
        ({"state": "draft"}, []),
        ({"state": "nonsense", "language": "not a language", "before": "x", "mine": "1"}, ["B", "A"]),
    ],
)
def test_filters_are_in_the_address(query, found):
    make_campaign(slug="a")
    make_campaign(slug="b", languages=("de",))
    make_campaign(slug="c", state="closed")
    make_campaign(slug="d", state="draft")
    assert titles(Client().get(HERE, query)) == found


def test_long_list_goes_on_where_it_stopped_with_its_filters():
    made = [make_campaign(slug=f"c{number:02}").title for number in range(32)]
    first = Client().get(HERE, {"language": "en"})
    assert titles(first) == made[:1:-1]
    assert "language=en" in first.context["part"].older
    second = Client().get(HERE + first.context["part"].older)
    assert titles(second) == made[1::-1]
    assert (second.context["part"].older, second.context["part"].newest) == (None, "?language=en")


def test_htmx_gets_the_list_alone():
    make_campaign(slug="a")
    answer = Client().get(HERE, {"state": "open"}, headers={**HTMX, "HX-Target": "found"})
    assert answer.text.startswith('<div id="found">')
    assert ("<html" in answer.text, "/campaigns/a/" in answer.text) == (False, True)


def test_empty_list_says_so_and_what_to_do():
    assert "No campaign is open now." in Client().get(HERE).text
    assert "Show the open ones" in Client().get(HERE, {"state": "closed"}).text
    assert "/campaigns/new/" in sign_in("ines").get(HERE).text
    assert "/campaigns/new/" not in Client().get(HERE).text


@pytest.mark.parametrize("rows", [1, 3])
def test_list_asks_three_questions_whatever_its_length(rows, django_assert_num_queries):
    for number in range(rows):
        campaign = make_campaign(slug=f"c{number}")
        make_prompt(campaign, topic="songs")
        Stratum.objects.filter(campaign=campaign).update(target=5)
    client = Client()
    with django_assert_num_queries(3):
        assert len(titles(client.get(HERE))) == rows


def test_titles_in_any_script_and_without_a_space_are_shown_whole():
    Campaign.objects.filter(pk=make_campaign().pk).update(title="鳥" * 160, purpose="<b>" + "x" * 9_000)
    page = Client().get(HERE).text
    assert ("鳥" * 160 in page, "<b>xx" in page, "&lt;b&gt;xx" in page) == (True, False, True)
