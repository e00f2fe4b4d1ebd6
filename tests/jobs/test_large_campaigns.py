"""A tick of a campaign with very many open units does as much as there are changes, and goes on after a day without one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import CoverageCell, Judgment, PromptPlace, Stratum, Topic, TopicFit, Unit, UnitDetail
from annotate.queries.backlog import load_cells
from annotate.queries.planning import count_cells, read_units
from annotate.queries.recent_counts import LONGEST_SINCE, count_cells_since, find_last_count, load_strata_since
from annotate.services.stale import take_turn
from tasks.jobs import scheduling
from tasks.jobs.coverage import measure_campaign
from tasks.jobs.planning import load_pool
from tasks.jobs.scheduling import lay_ground, schedule_campaign
from tasks.vocabulary import StaleKind
from tests import loop, opinions
from tests.opinions import NOW, add_candidates, add_message, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db

FRONT = 3
LATER = NOW + timedelta(minutes=2)


@pytest.fixture(autouse=True)
def _every_campaign_is_large(monkeypatch) -> None:
    monkeypatch.setattr(scheduling, "FRONT_UNITS", FRONT)


@pytest.fixture
def prompts():
    """Six prompts in two languages, each in its cell; two of each language have a topic with a target."""
    campaign = make_campaign(redundancy=3, random_share=0, match_people=False)
    made = []
    for number in range(6):
        language = "de" if number % 2 else "en"
        prompt = make_prompt(campaign, f"prompt {number}", language=language, topic="birds" if number < 4 else "")
        add_candidates(prompt, "alpha Yes.", "beta No.")
        cell, _ = CoverageCell.objects.get_or_create(
            campaign=campaign, language=language, length="short", defaults={"share": 0.5, "prompts": 3}
        )
        PromptPlace.objects.create(
            message=prompt, campaign=campaign, tree=prompt.tree, cell=cell, fit=1, placed_at=NOW, topic=None
        )
        made.append(prompt)
    Stratum.objects.filter(topic="birds").update(target=10)
    return made


def campaign_of(prompts):
    return prompts[0].tree.campaign


def plan_whole(campaign, *, now=NOW) -> None:
    turn = take_turn(kind=StaleKind.TURN_COVERAGE, subject_id=campaign.pk, now=now, lease_seconds=0)
    assert turn is not None
    measure_campaign(turn, now=now)


def judge(prompt, annotator) -> None:
    first, second = prompt.replies.order_by("pk")
    rank(annotator, prompt, [first], [second])


def count_reads(queries) -> int:
    """Statements other than those that write bands, of which there is one a batch."""
    return sum("UPDATE" not in query["sql"] and "SAVEPOINT" not in query["sql"] for query in queries)


def rounded(rows):
    return [
        {name: round(value, 9) if isinstance(value, float) else value for name, value in row.items()} for row in rows
    ]


def test_what_came_since_the_full_plan_is_counted_as_counting_everything_would(prompts, monkeypatch) -> None:
    campaign, people = campaign_of(prompts), make_annotators(4)
    judge(prompts[0], people[0])
    plan_whole(campaign, now=NOW + timedelta(minutes=1))
    since = find_last_count(campaign_id=campaign.pk, now=LATER)

    monkeypatch.setattr(opinions, "NOW", LATER)
    judge(prompts[0], people[1])
    judge(prompts[1], people[1])
    for person in people[:3]:
        judge(prompts[3], person)
    Unit.objects.filter(subject=prompts[3]).update(is_open=False)
    held = loop.make_annotator()
    assert loop.ask(held, campaign, now=LATER)["assignment"]

    assert since is not None
    assert rounded(count_cells_since(campaign_id=campaign.pk, since=since)) == rounded(
        {**row, "groups": {}} for row in count_cells(campaign_id=campaign.pk)
    )
    assert load_strata_since(campaign_id=campaign.pk, since=since) == load_cells(campaign_id=campaign.pk)
    assert {row.done for row in load_cells(campaign_id=campaign.pk)} != {0}


def test_a_judgment_that_replaces_one_from_before_is_counted_once(prompts, monkeypatch) -> None:
    campaign, [person] = campaign_of(prompts), make_annotators(1)
    judge(prompts[0], person)
    first = Unit.objects.get(subject=prompts[0]).judgments.get()
    plan_whole(campaign, now=NOW + timedelta(minutes=1))
    first.is_current = False
    first.save(update_fields=["is_current"])
    fields = {field.attname: getattr(first, field.attname) for field in first._meta.concrete_fields}
    type(first).objects.create(
        **{**fields, "id": None, "is_current": True, "supersedes_id": first.pk, "created_at": LATER}
    )
    rows = count_cells_since(campaign_id=campaign.pk, since=NOW + timedelta(minutes=1))
    assert sorted(row["judgments"] for row in rows) == [0, 1]


def test_a_judgment_that_is_given_again_twice_since_the_full_plan_is_counted_once(prompts) -> None:
    campaign, ada = campaign_of(prompts), loop.make_annotator()
    given = loop.ask(ada, campaign, now=NOW)["assignment"]
    loop.submit(ada, given["id"], loop.ranking_of(given), now=NOW)
    plan_whole(campaign, now=NOW + timedelta(minutes=1))
    since = find_last_count(campaign_id=campaign.pk, now=LATER)
    last = Judgment.objects.get(is_current=True)
    fields = {field.attname: getattr(last, field.attname) for field in last._meta.concrete_fields}
    for minutes in (2, 3):
        Judgment.objects.update(is_current=False)
        before = Judgment.objects.order_by("-pk").first()
        changed = {"id": None, "supersedes_id": before.pk, "created_at": NOW + timedelta(minutes=minutes)}
        Judgment.objects.create(**{**fields, **changed, "is_current": True})
    assert since is not None
    rows = count_cells_since(campaign_id=campaign.pk, since=since)
    assert [row["judgments"] for row in rows] == [row["judgments"] for row in count_cells(campaign_id=campaign.pk)]


def test_strata_that_were_counted_after_the_cells_are_not_counted_twice(prompts, monkeypatch) -> None:
    """A campaign of few open units counts its strata by every tick; then it grows."""
    campaign, [person] = campaign_of(prompts), make_annotators(1)
    plan_whole(campaign)
    monkeypatch.setattr(scheduling, "FRONT_UNITS", 100)
    monkeypatch.setattr(opinions, "NOW", NOW + timedelta(minutes=1))
    judge(prompts[0], person)
    schedule_campaign(campaign.pk, now=LATER)
    monkeypatch.setattr(scheduling, "FRONT_UNITS", FRONT)
    since = find_last_count(campaign_id=campaign.pk, now=LATER)
    assert since == NOW
    assert load_strata_since(campaign_id=campaign.pk, since=since) == load_cells(campaign_id=campaign.pk)
    assert {row.done for row in load_cells(campaign_id=campaign.pk)} == {0, 1}


def test_a_tick_counts_nothing_anew_and_looks_at_no_more_than_the_fronts(prompts, monkeypatch) -> None:
    campaign, looked_at = campaign_of(prompts), []
    plan_whole(campaign)

    def refuse(**_):
        raise AssertionError("everything was counted")

    monkeypatch.setattr(scheduling, "count_cells", refuse)
    monkeypatch.setattr(scheduling, "load_cells", refuse)
    monkeypatch.setattr(
        scheduling,
        "read_units",
        lambda *, unit_ids, now: looked_at.append(unit_ids) or read_units(unit_ids=unit_ids, now=now),
    )
    with CaptureQueriesContext(connection) as few:
        schedule_campaign(campaign.pk, now=LATER)
    for number in range(20):
        add_candidates(make_prompt(campaign, f"another {number}"), "alpha Yes.", "beta No.")
    UnitDetail.objects.update(scored_at=NOW)
    with CaptureQueriesContext(connection) as many:
        schedule_campaign(campaign.pk, now=LATER)
    assert count_reads(few) == count_reads(many)
    fronts = 2 * 16  # sixteen units of each queue at least
    assert [len(units) <= fronts + 2 * FRONT for units in looked_at] == [True, True]


def test_topics_that_were_found_since_and_old_counts_are_no_ground(prompts) -> None:
    campaign = campaign_of(prompts)
    assert find_last_count(campaign_id=campaign.pk, now=NOW) is None
    plan_whole(campaign)
    assert find_last_count(campaign_id=campaign.pk, now=NOW + LONGEST_SINCE) == NOW
    assert find_last_count(campaign_id=campaign.pk, now=NOW + LONGEST_SINCE + timedelta(seconds=1)) is None
    TopicFit.objects.create(
        campaign=campaign, version=1, embedder="test", method="m", method_version=1, seed=1, prompts=1, topics=1,
        fitted_at=LATER,
    )  # fmt: skip
    assert find_last_count(campaign_id=campaign.pk, now=LATER) is None
    assert not Topic.objects.exists()


def test_a_campaign_that_stands_still_is_not_counted_anew_by_every_tick(prompts) -> None:
    campaign = campaign_of(prompts)
    plan_whole(campaign)
    plan_whole(campaign, now=NOW + timedelta(minutes=29))
    assert find_last_count(campaign_id=campaign.pk, now=NOW + timedelta(minutes=29)) == NOW
    plan_whole(campaign, now=NOW + timedelta(minutes=31))
    assert find_last_count(campaign_id=campaign.pk, now=NOW + timedelta(minutes=31)) == NOW + timedelta(minutes=31)


def test_a_tick_that_sees_one_unit_of_a_prompt_values_it_as_the_part_that_it_is(prompts) -> None:
    campaign, tree = campaign_of(prompts), prompts[0].tree
    reply = prompts[0].replies.order_by("pk").first()
    add_candidates(add_message(tree, "And then?", role="prompter", parent=reply), "alpha So.", "beta Not so.")
    plan_whole(campaign)
    units = list(Unit.objects.filter(subject__tree=tree).order_by("pk").values_list("pk", flat=True))
    ground = lay_ground(campaign.pk)
    seen = [
        load_pool([read_units(unit_ids=some, now=NOW)], ground=ground, is_whole=is_whole).pool.part.tolist()
        for some, is_whole in ((units, True), (units[:1], False), (units[:1], True))
    ]
    assert seen == [[0.5, 0.5], [0.5], [1.0]]


def test_work_goes_on_by_the_last_priorities_when_nothing_is_scheduled_for_a_day(prompts) -> None:
    campaign = campaign_of(prompts)
    plan_whole(campaign)
    wanted = dict(Unit.objects.values_list("subject_id", "band"))
    a_day_on, given = NOW + timedelta(days=1), []
    for number in range(3):
        person = loop.make_annotator(f"p{number}", languages=("en",))
        given.append(Unit.objects.get(assignments__pk=loop.ask(person, campaign, now=a_day_on)["assignment"]["id"]))
    highest = max(band for subject, band in wanted.items() if subject in {prompts[n].pk for n in (0, 2, 4)})
    assert [wanted[unit.subject_id] for unit in given] == [unit.band for unit in given]
    assert given[0].band == highest


def test_the_first_tick_after_a_day_looks_at_no_more_than_any_other(prompts, monkeypatch) -> None:
    campaign, looked_at, counted = campaign_of(prompts), [], []
    plan_whole(campaign)
    monkeypatch.setattr(opinions, "NOW", LATER)
    for person, prompt in zip(make_annotators(6), prompts, strict=True):
        judge(prompt, person)
    for number in range(40):
        add_candidates(make_prompt(campaign, f"another {number}"), "alpha Yes.", "beta No.")
    monkeypatch.setattr(
        scheduling,
        "read_units",
        lambda *, unit_ids, now: looked_at.append(unit_ids) or read_units(unit_ids=unit_ids, now=now),
    )
    monkeypatch.setattr(
        scheduling, "count_cells", lambda *, campaign_id: counted.append(1) or count_cells(campaign_id=campaign_id)
    )
    schedule_campaign(campaign.pk, now=NOW + timedelta(days=1))
    assert counted == [1]
    assert len(looked_at) == 1
    assert len(looked_at[0]) <= 2 * 16 + 2 * FRONT
    assert Unit.objects.filter(is_open=True).count() == 46
