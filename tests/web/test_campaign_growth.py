"""A campaign whose trees grow, on its page: trees by state and language, who reviews them, and what needs somebody."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotate.models import (
    Campaign,
    CampaignGenerator,
    Generator,
    LabelDimension,
    LabelSchema,
    LanguageSupply,
    MessageTree,
    Queue,
    Report,
    Unit,
    UnitDetail,
)
from annotate.queries.campaign_page import load_numbers
from annotate.web.campaign_problems import find_problems
from annotate.web.campaign_trees import describe_trees
from tests.loop import ask, make_annotator
from tests.opinions import make_annotators, make_campaign, make_prompt
from tests.web.organizing import come_as
from tests.web.test_campaign_page import PAGE, ask_again, count, find_buttons, read

pytestmark = pytest.mark.django_db

NOW = timezone.now()
KINDS = ("write_prompt", "write_assistant_reply", "label", "rank")


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(kinds=KINDS, languages=("en", "lt"), grow_trees=True, min_reviews=2)
    schema = LabelSchema.objects.create(campaign=campaign, version=1)
    for name in ("spam", "lang_mismatch"):
        LabelDimension.objects.create(schema=schema, name=name, title=name, widget="flag", applies_to=["prompter"])
    campaign.label_schema = schema
    campaign.allow_guests = True
    campaign.save()
    return campaign


def make_trees(campaign, *states: str, language: str = "en", reason: str = "") -> list[MessageTree]:
    trees = []
    for state in states:
        tree = make_prompt(campaign, f"{MessageTree.objects.count()}", language=language).tree
        tree.state, tree.state_reason = state, reason
        tree.save()
        trees.append(tree)
    return trees


def supply(campaign, language: str, **counts) -> None:
    LanguageSupply.objects.create(campaign=campaign, language=language, counted_at=NOW, **counts)


def add_unit(message, *, kind: str) -> None:
    queue = Queue.objects.create(campaign=message.tree.campaign, kind=kind, language=message.language)
    unit = Unit.objects.create(queue=queue, kind=kind, subject=message, tie=1, needed=2)
    UnitDetail.objects.create(unit=unit, stratum=message.tree.stratum, wanted=2, reason_code="review_wanted")


def load(campaign):
    campaign.refresh_from_db()
    return load_numbers(campaign=campaign, is_insider=True, knows_origins=True)


def find(campaign, *, organizes: bool = True):
    return find_problems(campaign=campaign, numbers=load(campaign), organizes=organizes, now=NOW)


def test_trees_are_told_by_language_and_state_with_people_and_prompts(campaign) -> None:
    make_trees(campaign, "growing", "growing", "waiting", "done", "halted", "retired")
    make_trees(campaign, "prompt_review", language="lt")
    supply(campaign, "en", reviewers=7, prompts_wanted=12)
    count()
    text = read(come_as("nobody", campaign))
    assert "n = 7 trees" in text
    assert "English 0 1 2 0 1 2 7 12 " in text
    assert "Lietuviškai 1 0 0 0 0 0 – – " in text
    assert "All languages 1 1 2 0 1 2 12 " in text


def test_campaign_in_which_none_grow_is_told_nothing_of_them(campaign) -> None:
    Campaign.objects.update(parameters={})
    make_trees(campaign, "ranking")
    count()
    text = read(come_as("organizer", campaign))
    assert "Trees by language" not in text
    assert "Ended early" not in text


@pytest.mark.parametrize(
    ("people", "parameters", "sentence"),
    [
        (1, {}, "Only 1 person reviews in \u2068Lietuviškai\u2069, so 1 review decides."),
        (2, {}, "Only 2 people review in \u2068Lietuviškai\u2069, so 1 review decides."),
        (3, {"min_reviews": 4}, "Only 3 people review in \u2068Lietuviškai\u2069, so 2 reviews decide."),
        (
            1,
            {"min_reviews": 4, "review_floor": 3},
            "Only 1 person reviews in \u2068Lietuviškai\u2069, so 3 reviews decide.",
        ),
        (3, {}, None),
        (2, {"review_floor": 2}, None),
    ],
)
def test_language_with_few_people_says_how_many_reviews_decide(campaign, people, parameters, sentence) -> None:
    Campaign.objects.update(parameters=campaign.parameters | parameters)
    make_trees(campaign, "growing", language="lt")
    supply(campaign, "lt", reviewers=people)
    supply(campaign, "en", reviewers=1)  # nothing is there to review
    count()
    numbers = load(campaign)
    assert describe_trees(campaign, numbers)["notes"] == ([sentence] if sentence else [])


def test_language_in_which_nobody_reviews_needs_somebody_where_something_waits(campaign) -> None:
    (tree,) = make_trees(campaign, "prompt_review", language="lt")
    make_trees(campaign, "growing")  # nothing is written there yet
    add_unit(tree.messages.get(), kind="label")
    supply(campaign, "lt", reviewers=0)
    supply(campaign, "en", reviewers=0)
    count()
    (problem,) = find(campaign)
    assert (problem.code, problem.sentence) == ("nobody_reviews", "Nobody reviews in \u2068Lietuviškai\u2069")
    assert "14 days" in problem.detail
    Campaign.objects.update(state="paused")
    assert find(campaign) == []


def test_campaign_that_goes_well_needs_nobody(campaign) -> None:
    make_trees(campaign, "growing", "ranking")
    supply(campaign, "en", reviewers=9, growing=1)
    count()
    assert find(campaign) == []


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["spam", "lang_mismatch"], None),
        (["spam"], "reviews_miss_something"),
        (["quality"], "reviews_accept_everything"),
    ],
)
def test_questions_that_decide_nothing_are_told(campaign, names, code) -> None:
    LabelDimension.objects.all().delete()
    for name in names:
        LabelDimension.objects.create(
            schema=campaign.label_schema, name=name, title=name, widget="flag", applies_to=["prompter"]
        )
    found = find(campaign)
    assert [problem.code for problem in found] == ([code] if code else [])
    if code == "reviews_miss_something":
        assert "“lang_mismatch”" in found[0].detail.rsplit("lack", 1)[1]


def test_campaign_without_reviews_says_that_everything_is_accepted(campaign) -> None:
    Campaign.objects.update(kinds=[kind for kind in KINDS if kind != "label"])
    assert [problem.code for problem in find(campaign)] == ["no_reviews"]


def test_trees_to_which_nobody_replies_cannot_grow(campaign) -> None:
    Campaign.objects.update(kinds=["write_prompt", "label", "rank"])
    assert [problem.code for problem in find(campaign)] == ["cannot_grow"]
    generator = Generator.objects.create(name="Small", engine="openai", model="small", endpoint="https://a.example/v1")
    CampaignGenerator.objects.create(campaign=campaign, generator=generator)
    assert find(campaign) == []


def test_prompts_that_run_out_while_nobody_may_write_them_are_told(campaign) -> None:
    supply(campaign, "en", growing=10, reviewers=5)
    supply(campaign, "lt", growing=9, reviewers=5)
    assert find(campaign) == []
    Campaign.objects.update(kinds=["write_assistant_reply", "label", "rank"])
    (problem,) = find(campaign)
    assert problem.sentence == "No prompt waits in \u2068Lietuviškai\u2069, and nobody may write one"
    LanguageSupply.objects.filter(language="lt").update(waiting=1)
    assert find(campaign) == []


def test_tree_that_people_stopped_needs_a_moderator(campaign) -> None:
    first, second = make_trees(campaign, "halted", "halted", reason="skipped_by_many")
    make_trees(campaign, "halted", reason="by_moderator")
    count()
    for organizes in (True, False):
        found = find(campaign, organizes=organizes)
        assert {problem.code for problem in found} == {"stopped"}
        assert {problem.sentence for problem in found} == {"A tree in \u2068English\u2069 has stopped"}
        assert all(problem.detail.startswith("Many people skipped one of its messages.") for problem in found)
        assert len(found) == 2
    assert first.pk != second.pk


def test_reported_messages_need_a_moderator_in_every_campaign(campaign) -> None:
    Campaign.objects.update(parameters={}, kinds=["rank"])
    prompts = [make_prompt(campaign, f"Rude {number}") for number in range(4)]
    people = make_annotators(2)
    for prompt in prompts:
        Report.objects.create(message=prompt, annotator=people[0], reason="harmful")
    Report.objects.create(message=prompts[2], annotator=people[1], reason="spam")
    count()
    found = [problem for problem in find(campaign) if problem.code == "reported"]
    assert [problem.sentence for problem in found] == [
        "2 people reported a message in \u2068English\u2069",
        "1 person reported a message in \u2068English\u2069",
        "1 person reported a message in \u2068English\u2069",
    ]
    assert found[0].detail.endswith("1 more message was reported.")


def test_only_those_who_run_it_are_told_what_needs_somebody(campaign) -> None:
    Campaign.objects.update(kinds=["write_prompt", "label", "rank"])
    for who in ("nobody", "annotator", "moderator", "organizer"):
        assert ("Trees cannot grow" in read(come_as(who, campaign))) == (who in {"moderator", "organizer"})


def test_campaign_that_asks_for_prompts_needs_no_import_to_open(campaign) -> None:
    client = come_as("organizer", campaign)
    assert find_buttons(client.get(PAGE).text) == ["pause", "close"]
    assert "Nothing waits at this moment." in read(come_as("annotator", campaign))
    Campaign.objects.update(state="draft")
    assert find_buttons(client.get(PAGE).text) == ["open!", "close"]
    assert "people are asked for them once it is open" in client.get("/campaigns/birds/state/").text
    Campaign.objects.update(kinds=["write_assistant_reply", "label"])
    assert find_buttons(client.get(PAGE).text) == ["import!", "open", "close"]


def test_whoever_finds_no_work_where_trees_grow_is_not_told_to_wait_for_an_import(campaign) -> None:
    why = ask(make_annotator(languages=["en"]), campaign, now=NOW)["why_none"]
    assert (why["code"], why["message"]) == ("empty", "Nothing waits at this moment. Work comes as trees need it.")


@pytest.mark.parametrize(("who", "queries"), [("nobody", 5), ("annotator", 6), ("organizer", 10)])
@pytest.mark.parametrize("languages", [1, 3])
def test_page_takes_as_many_queries_however_much_grows(
    campaign, django_assert_num_queries, who, queries, languages
) -> None:
    for code in ("en", "lt", "de")[:languages]:
        make_trees(campaign, "growing", "waiting", language=code)
        supply(campaign, code, reviewers=1)
    count()
    client = come_as(who, campaign)
    client.get(PAGE)
    with django_assert_num_queries(queries):
        client.get(PAGE)


def test_page_reads_no_table_that_grows_with_the_trees(campaign) -> None:
    make_trees(campaign, "growing")
    count()
    client = come_as("organizer", campaign)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as queries:
        client.get(PAGE)
    read_tables = {name for query in queries for name in re.findall(r"annotate_\w+", query["sql"])}
    assert {"annotate_message", "annotate_judgment"} & read_tables == set()


def test_nothing_is_sent_again_while_only_the_time_of_a_look_changed(campaign) -> None:
    make_trees(campaign, "growing")
    supply(campaign, "en", reviewers=1)
    count()
    client = come_as("organizer", campaign)
    page = client.get(PAGE).text
    LanguageSupply.objects.update(counted_at=timezone.now())
    assert ask_again(client, page).status_code == 204
    LanguageSupply.objects.update(reviewers=2)
    answer = ask_again(client, page)
    assert (answer.status_code, "Only 2 people review" in answer.text) == (200, True)
