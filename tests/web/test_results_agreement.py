"""The page of agreement: who sees what of it, which figures it shows, and where people agree least."""

from __future__ import annotations

import html
from datetime import UTC, datetime

import pytest

from annotate.models import AgreementDetail, AgreementReport, Annotator, Campaign, Message, User
from tasks.jobs.quality import recompute_stale_job
from tests import opinions
from tests.opinions import add_candidates, add_labels, label, make_annotators, make_campaign, make_prompt, rank
from tests.web.organizing import WHO, come_as

pytestmark = pytest.mark.django_db

PAGE = "/campaigns/birds/results/agreement/"
INSIDERS = ("moderator", "organizer", "administrator")
FRAGMENT = {"HX-Request": "true", "HX-Target": "agreement"}
MAY, JUNE = (datetime(2026, month, 4, 12, tzinfo=UTC) for month in (5, 6))


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(kinds=("rank", "label"), languages=("en", "de", "sw"))
    Campaign.objects.update(allow_guests=True)
    return campaign


def judge(
    campaign: Campaign, people, *, count: int, language: str = "en", topic: str = "", first: int = 0
) -> list[Message]:
    """Prompts that all rank alike but the last person, who ranks the other way."""
    prompts = []
    for number in range(first, first + count):
        prompt = make_prompt(campaign, f"{language} {topic} question {number}", language=language, topic=topic)
        good, fair, bad = add_candidates(prompt, "alpha One.", "beta Two.", "gamma Three.")
        for person in people[:-1]:
            rank(person, prompt, [good], [fair], [bad], acceptable_tiers=1)
        rank(people[-1], prompt, [bad], [fair], [good], acceptable_tiers=1)
        prompts.append(prompt)
    return prompts


@pytest.fixture
def people() -> list[Annotator]:
    ada, bert, contrary = make_annotators(3)
    for person, name in ((ada, "Ada"), (contrary, "Contrary")):
        person.user = User.objects.create(email=f"{name.lower()}@example.org", display_name=name)
        person.save()
    return [ada, bert, contrary]


@pytest.fixture
def judged(campaign, people, monkeypatch) -> list[Message]:
    """Twelve prompts in two languages, English in two topics, over two months."""
    monkeypatch.setattr(opinions, "NOW", MAY)
    prompts = judge(campaign, people, count=4, topic="health")
    monkeypatch.setattr(opinions, "NOW", JUNE)
    prompts += judge(campaign, people, count=4, topic="law") + judge(campaign, people, count=4, language="de")
    recompute_stale_job()
    return prompts


def read(who: str, campaign: Campaign, path: str = PAGE, **more) -> str:
    answer = come_as(who, campaign).get(path, **more)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


@pytest.mark.parametrize("who", [who for who in WHO if who != "nobody"])
def test_everybody_who_sees_the_campaign_sees_its_figures(campaign, judged, who) -> None:
    page = read(who, campaign)
    assert "How much people agree" in page
    assert "Which of two is better, α" in page
    assert "Low agreement is normal for preferences" in page


@pytest.mark.parametrize("who", WHO)
def test_who_and_what_agrees_least_is_told_to_those_who_run_it(campaign, judged, who) -> None:
    page = read(who, campaign)
    assert ("Prompts on which rankings agree least" in page, "Contrary" in page) == ((who in INSIDERS,) * 2)


def test_figures_of_few_prompts_are_hidden_from_those_who_judge(campaign, people) -> None:
    judge(campaign, people, count=3)
    recompute_stale_job()
    mean_tau = "33 % agree"
    assert mean_tau in read("organizer", campaign)
    page = read("annotator", campaign)
    assert mean_tau not in page
    assert "Not enough data yet: it takes replies that several people put in order." in page


def test_a_sentence_says_what_the_figure_means(campaign, judged) -> None:
    assert (
        "Of two people who order the same two replies, 33 % agree (33 % to 33 %); by chance it would be 50 %"
        in read("organizer", campaign)
    )


def test_parts_are_languages_then_the_topics_of_the_chosen_one(campaign, judged) -> None:
    page = read("organizer", campaign)
    assert "By language" in page
    assert ">Deutsch</bdi>" in page
    page = read("organizer", campaign, f"{PAGE}?language=en")
    assert "By topic" in page
    assert (">health</bdi>" in page, ">law</bdi>" in page, ">Deutsch</bdi>" in page) == (True, True, False)


def test_one_topic_has_its_own_figures(campaign, judged) -> None:
    page = read("organizer", campaign, f"{PAGE}?language=en&topic=law")
    assert '<bdi lang="en">English</bdi>, <bdi>law</bdi>' in page
    assert '<option value="law" selected>' in page


def test_months_are_a_line_with_its_table(campaign, judged) -> None:
    page = read("organizer", campaign)
    assert "Month by month" in page
    assert '<th scope="row">June 2026</th>' in page
    assert '<th scope="row">May 2026</th>' in page


def test_one_month_is_no_line(campaign, people) -> None:
    judge(campaign, people, count=3)
    recompute_stale_job()
    assert "Month by month" not in read("organizer", campaign)


def test_pairs_lead_to_people_and_prompts_to_their_consensus(campaign, judged, people) -> None:
    page = read("organizer", campaign)
    assert f'href="/campaigns/birds/results/annotators/?who={people[-1].pk}"' in page
    assert f'href="/campaigns/birds/results/consensus/{judged[0].pk}/"' in page
    assert "−1.00" in page
    assert f"Volunteer {people[1].pk}" in page


def test_a_prompt_that_was_taken_away_is_not_listed(campaign, judged) -> None:
    Message.objects.filter(pk=judged[0].pk).update(removed_at=JUNE)
    page = read("organizer", campaign)
    assert judged[0].text not in page
    assert judged[1].text in page


def test_labels_are_shown_by_question_with_messages_that_differ(campaign, people) -> None:
    add_labels(campaign, "quality", "humor")
    prompts = judge(campaign, people, count=12)
    for number, prompt in enumerate(prompts):
        for place, person in enumerate(people):
            label(person, prompt, quality=float(number % 2), humor=float((number + place) % 2))
    recompute_stale_job()
    page = read("organizer", campaign, f"{PAGE}?kind=label&question=humor")
    assert "Messages whose labels agree least" in page
    assert ">quality</bdi>" in page
    assert f'href="/messages/{prompts[0].pk}/"' in page
    assert "33 %" in page
    assert '<option value="humor" selected>' in page


def test_what_the_address_makes_up_is_left_aside(campaign, judged) -> None:
    page = read("organizer", campaign, f"{PAGE}?kind=dance&language=xx&topic=%00&question=none")
    assert "Which of two is better, α" in page


def test_before_anything_was_measured_the_page_says_what_it_takes(campaign) -> None:
    assert "Nothing is measured yet" in read("organizer", campaign)


def test_a_draft_is_unknown_to_others(campaign) -> None:
    Campaign.objects.update(state="draft")
    assert [come_as(who, campaign).get(PAGE).status_code for who in ("nobody", "annotator", "organizer")] == [
        404,
        404,
        200,
    ]


def test_filters_answer_with_the_part_that_changes(campaign, judged) -> None:
    page = read("organizer", campaign, f"{PAGE}?language=en", headers=FRAGMENT)
    assert page.startswith('<div id="agreement"')
    assert 'hx-swap-oob="true"' in page
    assert '<select name="topic" id="by-topic">' in page
    assert "<h1" not in page


def test_titles_and_names_are_text(campaign, judged, people) -> None:
    User.objects.filter(pk=people[-1].user_id).update(display_name="<b>Contrary</b>")
    answer = come_as("organizer", campaign).get(PAGE).content.decode()
    assert "<b>Contrary" not in answer
    assert "&lt;b&gt;Contrary" in answer


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("who", "queries"), [("organizer", 9), ("annotator", 6)])
def test_page_takes_as_many_queries_however_much_there_is(
    campaign, people, who, queries, count, django_assert_num_queries
) -> None:
    languages = ("en", "de", "sw")[:count]
    for language in languages:
        judge(campaign, people, count=count * 3, language=language)
    recompute_stale_job()
    client = come_as(who, campaign)
    client.get(PAGE)
    assert AgreementReport.objects.count() == 6 * (1 + count)
    assert AgreementDetail.objects.get().result["parents"]
    with django_assert_num_queries(queries):
        client.get(PAGE)
