"""Briefs on their page: added, changed and closed by organizers alone, with or without scripts."""

from __future__ import annotations

import pytest

from annotate.models import Brief, Campaign
from annotate.services.briefs import create_brief
from tests.services.test_briefs import last_event, write_by
from tests.web.organizing import come_as, make_run, read_form, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/briefs/"


@pytest.fixture
def campaign():
    campaign = make_run(state="open")
    campaign.parameters |= {"grow_trees": True}
    campaign.kinds = ["write_prompt", "rank"]
    campaign.allow_guests = True
    campaign.save()
    return campaign


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def add(campaign, **values):
    return create_brief(campaign=campaign, values={"language": "en", **values}, actor=None)


def test_a_brief_is_added_by_the_form(ines, campaign):
    sent = read_form(ines.get(HERE)) | {"topic": "song", "words": "Why do <b>birds</b> sing?", "wanted": "12"}
    answer = ines.post(HERE, {**sent, "reason": "We lack them."})
    brief = Brief.objects.get()
    assert (answer.status_code, answer["Location"], last_event().reason) == (302, HERE, "We lack them.")
    assert (brief.language, brief.topic, brief.words, brief.wanted, brief.created_by.email) == (
        "en",
        "song",
        "Why do <b>birds</b> sing?",
        12,
        "ines@example.org",
    )
    page = ines.get(HERE).text
    assert "Why do &lt;b&gt;birds&lt;/b&gt; sing?" in page
    assert "0 of 12 prompts written" in page


def test_what_is_wrong_is_told_at_its_field_and_kept(ines, campaign):
    answer = ines.post(HERE, {"language": "fr", "topic": "x" * 90, "words": "Why?", "wanted": "many"})
    assert (answer.status_code, Brief.objects.count()) == (422, 0)
    assert [field.name for field in answer.context["wrong"]] == ["language", "topic", "wanted"]
    assert read_form(answer)["wanted"] == ["many"]
    add(campaign, words="Why?")
    taken = ines.post(HERE, {"language": "en", "words": "Why?"})
    assert (taken.status_code, [field.name for field in taken.context["wrong"]]) == (409, ["words"])


def test_a_brief_is_changed_until_somebody_wrote_by_it(ines, campaign):
    brief = add(campaign, words="Why?")
    here = f"{HERE}{brief.pk}/"
    sent = read_form(ines.get(here))
    assert sent["words"] == ["Why?"]
    assert ines.post(here, {**sent, "words": "How?", "wanted": "3"})["Location"] == HERE
    brief.refresh_from_db()
    assert (brief.words, brief.wanted) == ("How?", 3)
    write_by(brief)
    page = ines.get(here)
    assert "words" not in read_form(page)
    assert "its words stay" in page.text
    assert ines.post(here, {**read_form(page), "words": "Where?", "wanted": "4"}).status_code == 302
    brief.refresh_from_db()
    assert (brief.words, brief.wanted) == ("How?", 4)


def test_a_brief_is_closed_and_opened_again_with_one_press(ines, campaign):
    brief = add(campaign)
    for is_open, press in ((False, ""), (True, "on")):
        answer = ines.post(f"{HERE}{brief.pk}/state/", {"is_open": press}, follow=True)
        brief.refresh_from_db()
        assert (answer.status_code, brief.is_open) == (200, is_open)


def test_what_is_wrong_with_a_change_is_told_on_its_page(ines, campaign):
    brief = add(campaign)
    answer = ines.post(f"{HERE}{brief.pk}/", {"language": "en", "wanted": "0"})
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, ["wanted"])
    assert ines.get(f"{HERE}999999/").status_code == 404
    assert ines.post(f"{HERE}999999/state/", {"is_open": ""}).status_code == 404


@pytest.mark.parametrize("who", ["annotator", "moderator", "guest"])
def test_only_organizers_open_the_page(campaign, who):
    brief = add(campaign)
    client = come_as(who, campaign)
    answers = [
        client.get(HERE),
        client.post(HERE, {"language": "en", "words": "x"}),
        client.get(f"{HERE}{brief.pk}/"),
        client.post(f"{HERE}{brief.pk}/", {"wanted": "3"}),
        client.post(f"{HERE}{brief.pk}/state/", {"is_open": ""}),
    ]
    assert {answer.status_code for answer in answers} <= {302, 403}
    assert [(row.wanted, row.is_open) for row in Brief.objects.all()] == [(None, True)]


def test_page_leads_here_only_where_prompts_are_asked_for(ines, campaign):
    assert HERE in ines.get("/campaigns/birds/edit/").text
    Campaign.objects.update(parameters={}, kinds=["rank"])
    assert HERE not in ines.get("/campaigns/birds/edit/").text
    assert "Trees do not grow" in ines.get(HERE).text
    Campaign.objects.update(parameters={"grow_trees": True})
    assert "not among the kinds of work" in ines.get(HERE).text


@pytest.mark.parametrize("briefs", [1, 3])
def test_page_takes_as_many_queries_however_many_briefs(ines, campaign, django_assert_num_queries, briefs):
    for number in range(briefs):
        add(campaign, words=f"Ask {number}")
    ines.get(HERE)
    with django_assert_num_queries(4):
        ines.get(HERE)


def ask_by_itself(campaign, **more):
    given = {
        "language": "en",
        "topic": "bees",
        "wanted": 9,
        "why": {"key": "en/2//", "prompts": 1, "wanted": 30},
        **more,
    }
    return Brief.objects.create(campaign=campaign, origin="scheduler", **given)


def test_a_brief_for_what_nobody_has_written_says_so(ines, campaign):
    ask_by_itself(campaign, why={"prompts": 0, "wanted": 1})
    assert "There was no prompt like this; its share of the target comes to 1." in ines.get(HERE).text


def test_a_brief_of_the_scheduler_says_why_and_can_be_stopped_for_good_and_taken_back(ines, campaign):
    campaign.parameters |= {"open_briefs": True}
    campaign.save()
    brief = ask_by_itself(campaign)
    page = ines.get(HERE).text
    for words in (
        "asked for because few are there",
        "There was 1 prompt like this; its share of the target comes to 30.",
        "Never ask for this",
        "briefs open by themselves",
    ):
        assert words in page
    ines.post(f"{HERE}{brief.pk}/state/", {"is_open": ""})
    page = ines.get(HERE).text
    for words in ("This is not asked for again.", "not to be asked for", "Ask for this after all"):
        assert words in page
    brief.refresh_from_db()
    assert (brief.is_open, brief.vetoed_at is not None) == (False, True)
    ines.post(f"{HERE}{brief.pk}/state/", {"is_open": "on"})
    brief.refresh_from_db()
    assert (brief.is_open, brief.vetoed_at) == (True, None)


def test_one_that_the_scheduler_closed_itself_is_closed_as_any_other(ines, campaign):
    ask_by_itself(campaign, is_open=False)
    page = ines.get(HERE).text
    assert "Open again" in page
    assert "not to be asked for" not in page
