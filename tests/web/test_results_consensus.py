"""Pages of consensus: who may look, what a list and one prompt say, every ballot behind it, and trees that say how sure."""

from __future__ import annotations

import html
import re
from functools import partial

import pytest

from annotate.models import Annotator, Campaign, Judgment, Message, User
from annotate.queries.results import list_consensus
from tasks.jobs.quality import recompute_stale_job
from tests import opinions
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.web.organizing import WHO, come_as

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/results/consensus/"
INSIDERS = ("moderator", "organizer", "administrator")
CANARY = "canary-7"


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign()
    Campaign.objects.update(allow_guests=True)
    return campaign


@pytest.fixture
def people() -> list[Annotator]:
    people = make_annotators(3)
    people[0].user = User.objects.create(email="ada@example.org", display_name="Ada")
    people[0].save()
    return people


def make_judged(campaign: Campaign, people, text: str, *, language: str = "en", agree: bool = True) -> Message:
    """A prompt with three candidates that the people ranked, all alike or the third in another way."""
    prompt = make_prompt(campaign, text, language=language)
    good, fair, bad = add_candidates(prompt, f"{CANARY} **good**", "beta fair", "gamma bad")
    for place, person in enumerate(people):
        rest = [[bad], [fair]] if place == 2 and not agree else [[fair], [bad]]
        rank(person, prompt, [good], *rest, acceptable_tiers=2)
    return prompt


@pytest.fixture
def prompt(campaign, people) -> Message:
    prompt = make_judged(campaign, people, "Why do birds sing?")
    recompute_stale_job()
    return prompt


def read(who: str, campaign: Campaign, path: str = PAGE, **more) -> str:
    answer = come_as(who, campaign).get(path, **more)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def one(prompt: Message) -> str:
    return f"{PAGE}{prompt.pk}/"


@pytest.mark.parametrize("state", ["open", "paused", "closed"])
@pytest.mark.parametrize("who", WHO)
def test_consensus_is_for_those_who_run_the_campaign_until_it_is_closed(campaign, prompt, who, state) -> None:
    client = come_as(who, campaign)
    Campaign.objects.update(state=state)
    answers = [client.get(path) for path in (PAGE, one(prompt))]
    if who in INSIDERS or state == "closed":
        assert [answer.status_code for answer in answers] == [200, 200]
        assert all(CANARY in answer.content.decode() for answer in answers)
    else:
        assert {answer.status_code for answer in answers} <= {302, 403}
        assert not any(CANARY in answer.content.decode() for answer in answers)


@pytest.mark.parametrize("who", WHO)
def test_who_gave_which_ranking_stays_with_those_who_run_it(campaign, prompt, who) -> None:
    Campaign.objects.update(state="open")
    client = come_as(who, campaign)
    Campaign.objects.update(state="closed")
    page = client.get(one(prompt)).content.decode()
    assert ("Every ranking behind it" in page, "Ada" in page) == ((who in INSIDERS,) * 2)


def test_tabs_lead_only_where_one_may_go(campaign, prompt) -> None:
    agreement = "/campaigns/birds/results/agreement/"
    assert f'href="{PAGE}"' in read("organizer", campaign, agreement)
    assert f'href="{PAGE}"' not in read("annotator", campaign, agreement)


def test_list_shows_replies_in_places_with_how_likely_each_is_best(campaign, prompt) -> None:
    page = read("organizer", campaign)
    places = re.findall(r'<span class="at">(\d)</span><span class="start"[^>]*>([^<]*)<', page)
    assert places == [("1", f"{CANARY} good"), ("2", "beta fair"), ("3", "gamma bad")]
    assert "% sure" in page
    assert len(re.findall(r"best (under )?\d+ %", page)) == 3
    assert len(re.findall(r"acceptable (under )?\d+ %", page)) == 3


def test_least_sure_comes_first_and_other_orders_are_in_the_address(campaign, people) -> None:
    """One ranking is less sure than three that nearly agree; but these are many, and not certain either."""
    few = make_judged(campaign, people[:1], "Few", language="de")
    recompute_stale_job()
    many = make_judged(campaign, people, "Many", agree=False)
    recompute_stale_job()

    def order(query: str = "") -> list[int]:
        page = read("organizer", campaign, PAGE + query)
        return [int(number) for number in re.findall(rf'href="{PAGE}(\d+)/"', page)]

    assert order() == [few.pk, many.pk]
    assert order("?order=contested") == [many.pk, few.pk]
    assert order("?order=newest") == [many.pk, few.pk]
    assert order("?language=en") == [many.pk]
    assert order("?language=xx&order=none&part=x") == [few.pk, many.pk]


def test_long_lists_come_in_parts(campaign, people, monkeypatch) -> None:
    monkeypatch.setattr("annotate.web.results_consensus.PAGE_SIZE", 2)
    for number in range(3):
        make_judged(campaign, people, f"Question {number}")
    recompute_stale_job()
    page = read("organizer", campaign)
    assert (page.count('class="what read"'), 'href="?part=2"' in page) == (2, True)
    page = read("organizer", campaign, f"{PAGE}?part=2")
    assert (page.count('class="what read"'), 'rel="next"' in page) == (1, False)
    assert "There is nothing here." in read("organizer", campaign, f"{PAGE}?part=9")


def test_list_without_a_consensus_says_when_there_will_be_one(campaign) -> None:
    assert "it appears seconds after somebody ranks the replies" in read("organizer", campaign)


def test_one_prompt_tells_its_verdict_tiers_and_other_ways_of_counting(campaign, prompt) -> None:
    page = read("organizer", campaign, one(prompt))
    assert "A is probably the best" in page or "A is the best, almost for certain" in page
    assert page.count('class="order">A > B > C<') == 5  # ours, ranked pairs, three ballots
    assert "<strong>good</strong>" in page
    assert "Pair by pair" in page
    assert "+1.00" in page
    assert f'href="/messages/{prompt.pk}/"' in page


def test_every_ballot_is_there_with_name_and_time(campaign, prompt, people) -> None:
    page = read("organizer", campaign, one(prompt))
    assert [int(who) for who in re.findall(r'\?who=(\d+)"', page)] == [person.pk for person in people]
    assert ("Ada" in page, f"Volunteer {people[1].pk}" in page) == (True, True)
    assert page.count("the first 2 places acceptable") == 3
    assert '<time datetime="2026-05-04T12:00:00+00:00">' in page


def test_ballots_that_do_not_stand_are_not_listed(campaign, prompt, people) -> None:
    Judgment.objects.filter(annotator=people[1]).update(is_current=False)
    page = read("organizer", campaign, one(prompt))
    assert [int(who) for who in re.findall(r'\?who=(\d+)"', page)] == [people[0].pk, people[2].pk]


def test_many_ballots_come_in_parts(campaign, prompt, people, monkeypatch) -> None:
    monkeypatch.setattr("annotate.web.results_consensus.BALLOTS", 2)
    assert 'href="?part=2"' in read("organizer", campaign, one(prompt))
    page = read("organizer", campaign, f"{one(prompt)}?part=2")
    assert [int(who) for who in re.findall(r'\?who=(\d+)"', page)] == [people[2].pk]


def test_that_none_is_acceptable_is_an_answer(campaign, people) -> None:
    prompt = make_prompt(campaign, "Which of these?")
    candidates = add_candidates(prompt, "alpha One.", "beta Two.")
    for person in people:
        rank(person, prompt, *[[each] for each in candidates], acceptable_tiers=0)
    recompute_stale_job()
    page = read("organizer", campaign, one(prompt))
    assert "None of them is acceptable." in page
    assert page.count("none acceptable") == 3
    assert "none acceptable" in read("organizer", campaign)


def test_replies_never_compared_are_said_to_be(campaign, people) -> None:
    prompt = make_prompt(campaign, "Which of these?")
    a, b, c, d = add_candidates(prompt, "alpha One.", "beta Two.", "gamma Three.", "delta Four.")
    rank(people[0], prompt, [a], [b])
    rank(people[1], prompt, [c], [d])
    recompute_stale_job()
    assert "were never compared" in read("organizer", campaign, one(prompt))
    assert "some never compared" in read("organizer", campaign)


def test_shown_and_not_placed_is_told_apart(campaign, people) -> None:
    prompt = make_prompt(campaign, "Which of these?")
    a, b, c = add_candidates(prompt, "alpha One.", "beta Two.", "gamma Three.")
    rank(people[0], prompt, [a], [b], shown=[a, b, c])
    recompute_stale_job()
    page = read("organizer", campaign, one(prompt))
    assert 'Shown, but placed by nobody: <a href="#reply-C"><b>C</b></a>' in page


def test_one_reply_alone_has_no_order(campaign, people) -> None:
    prompt = make_prompt(campaign, "Which of these?")
    a, b = add_candidates(prompt, "alpha One.", "beta Two.")
    rank(people[0], prompt, [a], shown=[a, b])
    recompute_stale_job()
    assert "Only one reply was ranked, so there is no order to find." in read("organizer", campaign, one(prompt))


def test_consensus_of_an_earlier_version_is_shown_without_what_it_lacks(campaign, prompt) -> None:
    stored = list_consensus(campaign_id=campaign.pk).get().current_consensus
    for name in ("ranked_pairs", "borda", "margins", "gain"):
        stored.result.pop(name)
    stored.pk, stored.method_version = None, 1
    stored.save()
    Message.objects.filter(pk=prompt.pk).update(current_consensus=stored)
    page = read("organizer", campaign, one(prompt))
    assert ("Ranked pairs</dt>" in page, "Pair by pair" in page) == (False, True)


def test_text_that_was_taken_away_since_is_not_shown(campaign, prompt) -> None:
    Message.objects.filter(parent=prompt, text__contains=CANARY).update(removed_at=NOW)
    for path in (PAGE, one(prompt)):
        assert "**good**" not in read("organizer", campaign, path)
        assert "<strong>good" not in read("organizer", campaign, path)


@pytest.mark.parametrize("number", [0, 99_999_999, 10**30])
def test_a_message_without_a_consensus_is_not_found(campaign, prompt, number) -> None:
    answer = come_as("organizer", campaign).get(f"{PAGE}{number}/")
    assert answer.status_code == 404
    assert "has no consensus here" in answer.content.decode()


def test_a_prompt_of_another_campaign_is_not_found(campaign, prompt) -> None:
    other = make_campaign("fish")
    answer = come_as("administrator", other).get(f"/campaigns/fish/results/consensus/{prompt.pk}/")
    assert (answer.status_code, CANARY in answer.content.decode()) == (404, False)


def test_texts_are_text(campaign, people, monkeypatch) -> None:
    judge = partial(opinions._judge, rationale="<i>because</i>")
    monkeypatch.setattr(opinions, "_judge", judge)
    prompt = make_prompt(campaign, "<script>alert(1)</script> Which?")
    a, b = add_candidates(prompt, "alpha <img src=x onerror=y>", "beta <b>Two</b>")
    rank(people[0], prompt, [a], [b])
    recompute_stale_job()
    for path in (PAGE, one(prompt)):
        page = come_as("organizer", campaign).get(path).content.decode()
        assert ("<script>alert" in page, "<img src=x" in page, "<i>because" in page) == (False, False, False)
    assert "&lt;i&gt;because&lt;/i&gt;" in page


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_as_many_queries_however_long_it_is(campaign, people, count, django_assert_num_queries) -> None:
    for number in range(count):
        make_judged(campaign, people, f"Question {number}")
    recompute_stale_job()
    client = come_as("organizer", campaign)
    client.get(PAGE)
    with django_assert_num_queries(5):
        client.get(PAGE)


@pytest.mark.parametrize("count", [1, 3])
def test_one_prompt_takes_as_many_queries_however_many_ballots(
    campaign, people, count, django_assert_num_queries
) -> None:
    prompt = make_judged(campaign, people[:count], "Question")
    recompute_stale_job()
    client = come_as("organizer", campaign)
    client.get(one(prompt))
    with django_assert_num_queries(7):
        client.get(one(prompt))


@pytest.mark.parametrize("state", ["open", "closed"])
@pytest.mark.parametrize("who", ["annotator", "moderator", "organizer", "administrator"])
def test_a_tree_says_how_sure_its_order_is_to_those_who_may_know(campaign, prompt, who, state) -> None:
    client = come_as(who, campaign)
    Campaign.objects.update(state=state)
    answer = client.get(f"/trees/{prompt.tree_id}/")
    page = html.unescape(answer.content.decode())
    knows = who in INSIDERS or state == "closed"
    assert answer.status_code == 200
    assert (
        re.search(r"The order is \d+ % sure, from 3 rankings\.", page) is not None,
        f'href="{one(prompt)}"' in page,
    ) == ((knows,) * 2)
    if who in INSIDERS:
        assert re.search(r"The one in place 1 is the best with a probability of \d+ %", page)


def test_a_tree_says_what_is_open_where_the_first_two_are_tied(campaign, people) -> None:
    prompt = make_prompt(campaign, "Which of these?")
    a, b = add_candidates(prompt, "alpha One.", "beta Two.")
    for person in people:
        rank(person, prompt, [a, b])
    recompute_stale_job()
    page = read("organizer", campaign, f"/trees/{prompt.tree_id}/")
    assert re.search(r"The order is (under )?\d+ % sure, from 3 rankings\. Which is best is still open\.", page)
