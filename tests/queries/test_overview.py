"""What the page of a campaign tells beside its progress: each count, of this campaign alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotate.models import (
    Annotator,
    Assignment,
    CampaignProgress,
    GenerationRequest,
    Generator,
    Judgment,
    LanguageSkill,
    Message,
    Report,
    User,
)
from annotate.queries import overview
from annotate.queries.overview import count_overview, first_day
from tasks.jobs.work import summarize_queues_job
from tests import opinions
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank
from tests.reliabilities import find

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_campaign()


def count(campaign, *, now: datetime = NOW, kinds=("rank",), **more) -> dict:
    return count_overview(campaign_id=campaign.pk, languages=campaign.languages, kinds=kinds, now=now, **more)


@pytest.fixture
def give(monkeypatch):
    """Gives a judgment on a prompt of its own, some time ago."""

    def make(campaign, annotator, text: str, *, ago: timedelta, language: str = "en") -> Judgment:
        first, second = add_candidates(prompt := make_prompt(campaign, text, language=language), "alpha A.", "beta B.")
        monkeypatch.setattr(opinions, "NOW", NOW - ago)
        return rank(annotator, prompt, [first], [second])

    return make


def test_empty_campaign_has_nothing_to_tell(campaign) -> None:
    assert count(campaign) == {
        "days": [],
        "people_week": 0,
        "able": {},
        "generation": [],
        "without_candidates": 0,
        "removed": 0,
        "expired_week": 0,
        "reported": {"messages": 0, "most": []},
        "growth": None,
        "unlike": None,
        "findings": 0,
        "covered": {"now": None, "midnight": None},
    }


def test_judgments_are_counted_by_day_for_thirty_days(campaign, give) -> None:
    ada, ben = make_annotators(2)
    give(campaign, ada, "one", ago=timedelta(hours=1))
    give(campaign, ada, "two", ago=timedelta(hours=2))
    give(campaign, ben, "three", ago=timedelta(days=9))
    give(campaign, ben, "four", ago=timedelta(days=29))
    give(campaign, ben, "five", ago=timedelta(days=30))
    withdrawn = give(campaign, ben, "six", ago=timedelta(hours=1))
    Judgment.objects.filter(pk=withdrawn.pk).update(is_current=False)
    give(make_campaign("fish"), ben, "seven", ago=timedelta(hours=1))
    counted = count(campaign)
    assert counted["days"] == [["2026-04-05", 1], ["2026-04-25", 1], ["2026-05-04", 2]]
    assert counted["people_week"] == 1
    assert first_day(NOW).isoformat() == "2026-04-05T00:00:00+00:00"


def test_merged_guest_is_the_person_they_became(campaign, give) -> None:
    guest, ada = make_annotators(2)
    give(campaign, guest, "one", ago=timedelta(hours=1))
    give(campaign, ada, "two", ago=timedelta(hours=1))
    Annotator.objects.filter(pk=guest.pk).update(merged_into=ada)
    assert (count(campaign)["people_week"], count(campaign)["able"]) == (1, {"en": 1})


def test_people_of_a_language_say_so_or_have_judged_in_it(campaign, give) -> None:
    ada, ben, suspended = make_annotators(3)
    for annotator in (ada, suspended):
        LanguageSkill.objects.create(annotator=annotator, language="de")
    LanguageSkill.objects.create(annotator=ada, language="sw")
    Annotator.objects.filter(pk=suspended.pk).update(suspended_at=NOW)
    give(campaign, ada, "one", ago=timedelta(hours=1), language="de")
    give(campaign, ben, "two", ago=timedelta(hours=1), language="de")
    assert count(campaign)["able"] == {"de": 2}


def test_requests_that_came_to_nothing_are_told_by_generator_and_outcome(campaign) -> None:
    generator = Generator.objects.create(name="pythia", engine="openai", endpoint="http://127.0.0.1/")
    ours, other = make_prompt(campaign, "one"), make_prompt(make_campaign("fish"), "one")
    for place, (prompt, state, outcome) in enumerate(
        [
            (ours, "failed", "empty"),
            (ours, "set_aside", "empty"),
            (ours, "failed", "timed_out"),
            (ours, "done", "stored"),
            (other, "failed", "empty"),
        ]
    ):
        GenerationRequest.objects.create(
            parent=prompt, generator=generator, sample_index=place, state=state, outcome=outcome, finished_at=NOW
        )
    at = NOW.isoformat()
    assert count(campaign)["generation"] == [
        {"generator": "pythia", "outcome": "empty", "requests": 2, "latest": at},
        {"generator": "pythia", "outcome": "timed_out", "requests": 1, "latest": at},
    ]


def test_prompts_without_two_candidates_wait_where_something_is_ordered(campaign) -> None:
    add_candidates(make_prompt(campaign, "whole"), "alpha A.", "beta B.")
    add_candidates(make_prompt(campaign, "one alone"), "alpha A.")
    make_prompt(campaign, "bare")
    gone = make_prompt(campaign, "gone")
    Message.objects.filter(pk=gone.pk).update(removed_at=NOW)
    counted = count(campaign)
    assert (counted["without_candidates"], counted["removed"]) == (2, 1)
    assert count(campaign, kinds=("label",))["without_candidates"] is None


def test_holds_that_ran_out_this_week_are_counted(campaign) -> None:
    add_candidates(prompt := make_prompt(campaign, "one"), "alpha A.", "beta B.")
    unit = prompt.units.get()
    for days, annotator in zip((1, 6, 8), make_annotators(3), strict=True):
        Assignment.objects.create(
            unit=unit, annotator=annotator, state="expired", lease_grade="active", reason_code="first_judgment",
            closed_at=NOW - timedelta(days=days),
        )  # fmt: skip
    assert count(campaign)["expired_week"] == 2


def test_sweep_keeps_it_beside_the_progress(campaign) -> None:
    add_candidates(make_prompt(campaign, "one"), "alpha A.", "beta B.")
    make_prompt(campaign, "bare")
    summarize_queues_job()
    kept = CampaignProgress.objects.get()
    assert kept.overview == count(campaign, now=timezone.now())
    assert kept.overview["without_candidates"] == 1


#: 100,000 prompts with a judgment each, as an import and six years would leave them, and a campaign beside it.
LARGE = """
INSERT INTO annotate_messagetree (id, campaign_id, stratum_id, state, language, topic, key, created_at)
SELECT i, {campaign}, {stratum}, 'ranking', 'en', '', 'large:' || i, now() FROM generate_series(1000000, 1099999) i;
INSERT INTO annotate_message
  (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason, created_at, removed_at)
SELECT i, i, NULL, ARRAY[i], 'prompter', 'question ' || i, decode(md5('q' || i), 'hex'), 'en', 1, '', now(),
  CASE WHEN i % 10000 = 0 THEN now() END FROM generate_series(1000000, 1099999) i;
INSERT INTO annotate_unit (id, public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
SELECT i, gen_random_uuid(), {queue}, 'rank', i, 500, i, 3, 1, 0, 0, true FROM generate_series(1000000, 1099999) i;
INSERT INTO annotate_assignment
  (id, unit_id, annotator_id, state, lease_grade, reason_code, draft_version, rationale, created_at, closed_at)
SELECT i, i, {annotator}, CASE WHEN i % 10 = 0 THEN 'expired' ELSE 'submitted' END, 'active', 'first_judgment', 0, '',
  '{now}', '{now}'::timestamptz - (1099999 - i) * interval '30 minutes' FROM generate_series(1000000, 1099999) i;
INSERT INTO annotate_judgment
  (assignment_id, unit_id, annotator_id, kind, counted, is_current, rest_worse, rationale, terms_version, body_hash, created_at)
SELECT i, i, {annotator}, 'rank', true, true, false, '', '1', decode(md5('b'), 'hex'),
  '{now}'::timestamptz - (1099999 - i) * interval '30 minutes' FROM generate_series(1000000, 1099999) i;
ANALYZE annotate_messagetree; ANALYZE annotate_message; ANALYZE annotate_unit; ANALYZE annotate_assignment;
ANALYZE annotate_judgment; ANALYZE annotate_queue;
"""


def make_tree(campaign, text: str, state: str, *, reason: str = "", language: str = "en", changed: datetime = NOW):
    prompt = make_prompt(campaign, text, language=language)
    tree = prompt.tree
    tree.state, tree.state_reason, tree.state_changed_at = state, reason, changed
    tree.save()
    return prompt


def test_trees_are_counted_by_language_and_state_where_they_grow(campaign) -> None:
    for number, state in enumerate(["growing", "growing", "waiting", "done"]):
        make_tree(campaign, f"Tree {number}", state)
    make_tree(campaign, "Baum", "growing", language="de")
    make_tree(make_campaign("fish"), "Fish", "growing")
    counted = count(campaign, grows=True)
    assert counted["growth"]["trees"] == {"de": {"growing": 1}, "en": {"done": 1, "growing": 2, "waiting": 1}}
    assert counted["without_candidates"] is None
    assert count(campaign)["growth"] is None


def test_trees_that_people_stopped_are_named_the_newest_first(campaign) -> None:
    stopped = [
        make_tree(campaign, f"Tree {n}", "halted", reason="skipped_by_many", changed=NOW + timedelta(hours=n))
        for n in range(4)
    ]
    rejected = make_tree(
        campaign, "Rude", "low_grade", reason="reported", language="de", changed=NOW + timedelta(days=1)
    )
    make_tree(campaign, "By hand", "halted", reason="by_moderator")
    make_tree(campaign, "Poor", "low_grade", reason="prompt_rejected")
    growth = count(campaign, grows=True)["growth"]
    assert growth["stopped"] == 5
    assert growth["newest_stopped"] == [
        [rejected.tree_id, "de", "reported"],
        [stopped[3].tree_id, "en", "skipped_by_many"],
        [stopped[2].tree_id, "en", "skipped_by_many"],
    ]


def test_messages_with_open_reports_are_named_those_that_most_reported_first(campaign) -> None:
    people = make_annotators(3)
    often, once = make_prompt(campaign, "Rude"), make_prompt(campaign, "Odd", language="de")
    handled, elsewhere = make_prompt(campaign, "Fine"), make_prompt(make_campaign("fish"), "Fish")
    for annotator in people:
        Report.objects.create(message=often, annotator=annotator, reason="harmful")
    for message, state in ((once, "open"), (handled, "dismissed"), (elsewhere, "open")):
        Report.objects.create(message=message, annotator=people[0], reason="spam", state=state)
    assert count(campaign)["reported"] == {"messages": 2, "most": [[often.pk, "en", 3], [once.pk, "de", 1]]}


@pytest.mark.slow
def test_counting_a_month_reads_a_month_whatever_lies_before(campaign, django_assert_max_num_queries) -> None:
    """100,000 judgments over six years: what is counted by time or state reads what an index finds, no whole table."""
    User.objects.create(email="ada@example.org")
    annotator = Annotator.objects.create(user=User.objects.get())
    add_candidates(prompt := make_prompt(campaign, "one"), "alpha A.", "beta B.")
    names = {"campaign": campaign.pk, "stratum": prompt.tree.stratum_id, "queue": prompt.units.get().queue_id}
    with connection.cursor() as cursor:
        cursor.execute(LARGE.format(**names, annotator=annotator.pk, now=NOW.isoformat()))
        of = {"campaign": campaign.pk, "since": first_day(NOW), "week": NOW - overview.WEEK, "languages": ["en"]}
        read = {}
        for name in ("_GIVEN", "_REMOVED", "_EXPIRED", "_GENERATION"):
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {getattr(overview, name)}", of)
            read[name] = find_whole_reads(cursor.fetchone()[0][0]["Plan"])
    assert read == {name: [] for name in read}
    with django_assert_max_num_queries(8):
        counted = count(campaign)
    assert sum(judgments for _, judgments in counted["days"]) == 2 * 24 * 29 + 25
    assert (counted["removed"], counted["expired_week"], counted["able"]) == (10, 33, {"en": 1})


def find_whole_reads(plan: dict) -> list[str]:
    """The large tables that a plan reads from end to end."""
    large = {"annotate_judgment", "annotate_assignment", "annotate_message", "annotate_messagetree", "annotate_unit"}
    found = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in large else []
    return found + [name for part in plan.get("Plans", []) for name in find_whole_reads(part)]


def test_findings_are_counted_while_they_wait_and_of_this_campaign_alone(campaign) -> None:
    ada, bob = make_annotators(2)
    find(campaign, ada)
    find(campaign, bob, state="dismissed")
    find(make_campaign("bees"), ada)
    assert count(campaign)["findings"] == 1
