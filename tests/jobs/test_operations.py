"""The rules of the rows: each is seen when it is broken, told, and left as it is."""

from __future__ import annotations

import logging
import random
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from annotate.models import (
    CampaignGenerator,
    Consensus,
    Generator,
    GeneratorPairing,
    Judgment,
    Message,
    Release,
    Stale,
    Unit,
)
from annotate.queries import integrity
from annotate.queries.integrity import OF_ALL, OF_UNITS, find_broken_rules
from annotate.services.generation import ask_missing
from annotate.services.tree_growth import advance_trees
from tasks.jobs.operations import check_integrity_job
from tests.growing import make_growing, make_tree
from tests.loop import NOW, ask, make_annotator, make_campaign
from tests.releases import make_given

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_given("ada", "bob", prompts=3)[0]


def run(sql: str) -> None:
    """Break a rule as no service would."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


def broken() -> dict[str, int]:
    return {finding.rule: finding.count for finding in find_broken_rules()}


def test_a_campaign_at_work_breaks_no_rule(campaign):
    ask(make_annotator("cy"), campaign)
    assert Judgment.objects.count() == 6
    assert broken() == {}


BREAKS = {
    "held_is_the_number_of_live_assignments": "UPDATE annotate_unit SET held = held + 1",
    "done_is_the_number_of_counted_judgments": "UPDATE annotate_unit SET done = done - 1",
    "surplus_is_the_number_of_judgments_above": "UPDATE annotate_unit SET surplus = surplus + 1",
    "a_current_judgment_has_a_submitted_assignment": "UPDATE annotate_assignment SET state = 'skipped'",
    "a_judgment_belongs_to_whoever_held_the_work": """
        WITH n AS (INSERT INTO annotate_annotator (pseudonym_seed, accepted_terms, suspended_reason)
          VALUES (gen_random_uuid(), '', '') RETURNING id)
        UPDATE annotate_assignment s SET annotator_id = n.id FROM n
        WHERE s.annotator_id = (SELECT min(annotator_id) FROM annotate_assignment)""",
    "a_tree_that_ended_has_no_open_unit": "UPDATE annotate_messagetree SET state = 'done'",
    "an_open_unit_is_about_something_that_stands": "UPDATE annotate_message SET removed_at = now() WHERE parent_id IS NULL",
}


@pytest.mark.parametrize("rule", sorted(BREAKS))
def test_a_broken_rule_is_seen(campaign, rule):
    run(BREAKS[rule])
    expected = 6 if "judgment_has" in rule else 3
    assert broken() == {rule: expected}


def test_a_submitted_assignment_without_a_judgment_is_seen(campaign):
    Judgment.objects.filter(counted=True).update(is_current=False)
    Unit.objects.update(done=0)
    assert broken() == {"a_submitted_assignment_has_a_current_judgment": 6}


def test_a_consensus_of_another_parent_is_seen(campaign):
    first, second = Message.objects.filter(parent=None)[:2]
    stray = Consensus.objects.create(
        parent=first, method="m", method_version=1, input_hash=bytes(32), n=1, seed=1, result={}, computed_at=NOW
    )
    second.current_consensus = stray
    second.save()
    assert broken() == {"a_message_points_to_its_own_consensus": 1}


def test_a_withdrawal_without_its_tombstone_is_seen(campaign):
    Judgment.objects.filter(pk=Judgment.objects.first().pk).update(withdrawn_at=NOW)
    assert broken() == {"a_withdrawn_judgment_has_its_tombstone": 1}


def test_a_sealed_release_without_files_is_seen(campaign):
    Release.objects.create(
        campaign=campaign,
        number=1,
        state="sealed",
        licence="X",
        pseudonym_salt=bytes(32),
        requested_at=NOW,
        sealed_at=NOW,
    )
    assert broken() == {"a_sealed_release_has_files": 1}


def test_a_growing_tree_that_asks_for_nothing_and_will_not_be_looked_at_is_seen():
    prompt = make_tree(make_growing())
    assert broken() == {}  # marked
    Stale.objects.filter(kind="tree").delete()
    assert broken() == {"a_growing_tree_asks_for_work_or_will_be_decided": 1}
    advance_trees(tree_ids=[prompt.tree_id], now=NOW, rng=random.Random(1))
    assert broken() == {}  # it asks for replies


def test_a_text_whose_request_is_not_done_is_seen(campaign):
    run(
        f"""WITH g AS (INSERT INTO annotate_generator (name, engine, endpoint, model, revision, system_prompt, sampling,
              api_key_variable, timeout_seconds, max_concurrent, enabled)
              VALUES ('g', 'openai', 'http://g', '', '', '', '{{}}', '', 1, 1, true) RETURNING id),
            r AS (INSERT INTO annotate_generationrequest (parent_id, generator_id, sample_index, state, attempts, priority,
              reason, created_at, finished_at)
              SELECT {Message.objects.filter(parent=None).first().pk}, g.id, 0, 'failed', 1, 0, '', now(), now() FROM g
              RETURNING id)
            INSERT INTO annotate_messageorigin (message_id, kind, request_id, key, provenance)
            SELECT {Message.objects.last().pk}, 'generated', r.id, '{uuid.uuid4()}', '{{}}' FROM r"""
    )
    assert broken() == {
        "a_generated_text_has_a_request_that_is_done": 1,
        "a_pairing_counts_the_prompts_that_asked_both": 1,
    }


def test_a_pairing_that_counts_what_was_not_asked_is_seen(campaign):
    first, second = (
        Generator.objects.create(name=name, engine="openai", endpoint="http://g/v1") for name in ("small", "large")
    )
    for generator in (first, second):
        CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=2)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    assert broken() == {}
    together = GeneratorPairing.objects.filter(stratum=None, first=first, second=second)
    assert together.update(prompts=2) == 1
    assert broken() == {"a_pairing_counts_the_prompts_that_asked_both": 1}
    together.delete()
    assert broken() == {"a_pairing_counts_the_prompts_that_asked_both": 1}


@pytest.mark.parametrize(
    ("rule", "harm"),
    [
        (
            "a_request_that_is_done_has_its_text",
            "UPDATE annotate_generationrequest SET state = 'done', finished_at = now()",
        ),
        ("a_request_that_ended_says_when", "UPDATE annotate_generationrequest SET state = 'cancelled'"),
        ("a_request_that_ended_says_when", "UPDATE annotate_generationrequest SET finished_at = now()"),
        (
            "a_request_is_of_its_parents_campaign",
            """SET CONSTRAINTS ALL IMMEDIATE;
               ALTER TABLE annotate_generationrequest DISABLE TRIGGER a_request_is_of_its_parents_campaign;
               UPDATE annotate_generationrequest SET campaign_id = (SELECT id FROM annotate_campaign WHERE slug = 'fish')""",
        ),
    ],
)
def test_a_request_in_a_state_that_cannot_be_is_seen(campaign, rule, harm):
    make_campaign(slug="fish")
    generator = Generator.objects.create(name="small", engine="openai", endpoint="http://g/v1")
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=1)
    asked = ask_missing(campaign_id=campaign.pk, now=NOW)
    assert broken() == {}
    run(harm)
    assert broken() == {rule: asked}


def test_every_rule_has_a_test_that_breaks_it():
    tested = {*BREAKS, "a_submitted_assignment_has_a_current_judgment", "a_message_points_to_its_own_consensus"}
    tested |= {"a_withdrawn_judgment_has_its_tombstone", "a_sealed_release_has_files"}
    tested |= {"a_growing_tree_asks_for_work_or_will_be_decided", "a_pairing_counts_the_prompts_that_asked_both"}
    tested |= {"a_request_that_is_done_has_its_text", "a_request_that_ended_says_when"}
    tested |= {"a_request_is_of_its_parents_campaign"}
    # tests/services/test_gold.py
    tested |= {"a_gold_item_is_in_a_queue_of_gold", "a_retired_gold_item_is_not_offered"}
    tested |= {"what_gold_was_made_of_asks_for_no_ordinary_work", "a_gold_result_is_of_a_judgment_of_its_item"}
    # tests/jobs/test_reliability.py
    tested |= {"a_consensus_comes_out_as_it_is_stored", "reliability_comes_out_as_it_is_stored"}
    assert tested | {"a_generated_text_has_a_request_that_is_done"} == {*OF_UNITS, *OF_ALL}


def test_units_are_looked_at_in_ranges_and_all_of_them(campaign, monkeypatch):
    monkeypatch.setattr(integrity, "UNITS_AT_ONCE", 1)
    run("UPDATE annotate_unit SET surplus = surplus + 1")
    assert broken() == {"surplus_is_the_number_of_judgments_above": 3}


def test_what_is_right_again_at_the_second_look_is_not_told(campaign, monkeypatch):
    answers = iter([[{"id": 7}, {"id": 8}], [{"id": 8}]])
    monkeypatch.setattr(integrity, "fetch_all", lambda *_: next(answers, []))
    assert broken() == {"held_is_the_number_of_live_assignments": 1}


def test_the_job_tells_the_log_and_repairs_nothing(campaign, caplog):
    run("UPDATE annotate_unit SET surplus = surplus + 1")
    ids = sorted(Unit.objects.values_list("pk", flat=True))
    with caplog.at_level(logging.INFO, logger="tasks.jobs.operations"):
        check_integrity_job()
        check_integrity_job()
    told = f"integrity: surplus_is_the_number_of_judgments_above: not so for {', '.join(map(str, ids))}"
    assert [record.getMessage() for record in caplog.records] == [told, told]
    assert set(Unit.objects.values_list("surplus", flat=True)) == {1}


def test_the_command_fails_when_a_rule_does_not_hold(campaign, capsys, monkeypatch):
    call_command("check_integrity")
    assert capsys.readouterr().out == f"{len(OF_UNITS) + len(OF_ALL)} rules hold.\n"
    run("UPDATE annotate_unit SET surplus = surplus + 1")
    monkeypatch.setattr(integrity, "MOST_TOLD", 1)
    with pytest.raises(CommandError, match="1 rules do not hold"):
        call_command("check_integrity")
    first = Unit.objects.order_by("pk").first().pk
    assert capsys.readouterr().out == f"surplus_is_the_number_of_judgments_above: not so for {first} and 2 more\n"
