"""Imports: what comes in, what is there already, what cannot be used, and what each file says of itself."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from annotate.exceptions import InvalidInput, TooLarge
from annotate.models import (
    AuditEvent,
    Generator,
    ImportProblem,
    ImportRun,
    Message,
    MessageOrigin,
    MessageTree,
    Stratum,
    Unit,
    UnitCandidate,
)
from annotate.services import import_runs
from annotate.services.import_files import find_stored_file, sweep_stored_files
from annotate.services.import_leases import (
    INTERRUPTED,
    LEASE_SECONDS,
    MOST_ATTEMPTS,
    WORN_OUT,
    LeaseLost,
    claim_import,
    resume_import,
)
from annotate.services.import_runs import Progress, run_import
from annotate.services.imports import ImportOptions, create_import, start_own_import
from tasks.formats.import_stream import ImportStream
from tasks.jobs.imports import open_stored_file, run_imports_job
from tests.services.imports import (
    count_trees,
    import_bytes,
    import_items,
    item,
    lines,
    make_campaign,
    outcome,
    pack,
    problems,
    queue_bytes,
    run_next,
    tree_texts,
)

pytestmark = pytest.mark.django_db


def count_rows() -> tuple[int, ...]:
    models = (MessageTree, Message, MessageOrigin, Generator, Stratum, Unit, UnitCandidate)
    return tuple(model.objects.count() for model in models)


# --- What comes in ------------------------------------------------------------------------------


def test_items_become_trees_candidates_origins_and_units() -> None:
    campaign = make_campaign()
    run = import_items(
        campaign, item("Why?", "Because.", "No idea.", topic="Birds", external_id="q-1"), item("How?", "So.")
    )

    assert outcome(run) == ("done", 2, 2, 0, 0)
    assert (run.prompts_added, run.candidates_added, run.languages_seen) == (2, 3, ["en"])
    assert (run.bytes_read, run.reason, run.lease_token, run.lease_expires_at) == (run.bytes, "", None, None)
    assert run.finished_at is not None
    tree = MessageTree.objects.get(external_id="q-1")
    assert (tree.campaign_id, tree.language, tree.topic, tree.state, tree.import_run_id) == (
        campaign.pk, "en", "Birds", "ranking", run.pk,
    )  # fmt: skip
    assert (tree.stratum.language, tree.stratum.topic, tree.stratum.target) == ("en", "Birds", None)
    prompt = tree.messages.get(parent=None)
    assert (prompt.role, prompt.text, prompt.thread, prompt.author_id) == ("prompter", "Why?", [prompt.pk], None)
    reply = prompt.replies.get(text="Because.")
    assert (reply.role, reply.thread, reply.tree_id, reply.language) == (
        "assistant",
        [prompt.pk, reply.pk],
        tree.pk,
        "en",
    )
    origin = reply.origins.get()
    assert (origin.kind, origin.generator.name, origin.generator.engine, origin.generator.campaign_id, origin.import_run_id) == (
        "imported", "g0", "label", campaign.pk, run.pk,
    )  # fmt: skip
    assert origin.provenance == {"human": False}
    assert prompt.origins.get().provenance == {"external_id": "q-1"}
    unit = Unit.objects.get()
    assert (unit.kind, unit.subject_id, unit.needed) == ("rank", prompt.pk, 3)
    assert set(unit.candidates.values_list("message__text", flat=True)) == {"Because.", "No idea."}
    assert unit.detail.stratum_id == tree.stratum_id


def test_a_name_in_an_import_is_never_an_endpoint() -> None:
    campaign = make_campaign()
    site_wide = Generator.objects.create(name="g0", engine="openai", endpoint="http://localhost:1/v1")
    import_items(campaign, item("Why?", "Because."))
    label = Generator.objects.exclude(pk=site_wide.pk).get()
    assert (label.name, label.campaign_id, label.engine, label.endpoint) == ("g0", campaign.pk, "label", "")
    assert MessageOrigin.objects.filter(generator=site_wide).count() == 0


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("prompts.txt", b"Why?\n\nHow?\n", {"Why?": set(), "How?": set()}),
        ("items.jsonl", lines([item("Why?", "So.")]), {"Why?": {"So."}}),
        ("items.jsonl.gz", pack(lines([item("Why?", "So.")])), {"Why?": {"So."}}),
        ("items.csv", b"prompt,candidate_1,candidate_2\nWhy?,So.,Thus.\n", {"Why?": {"So.", "Thus."}}),
    ],
)
def test_the_format_is_told_from_the_file(name, content, expected) -> None:
    campaign = make_campaign()
    run = import_bytes(campaign, content, name=name)
    assert run.state == "done", run.reason
    assert run.format == {"txt": "prompts", "jsonl": "jsonl", "gz": "jsonl", "csv": "csv"}[name.rsplit(".")[-1]]
    assert tree_texts(campaign) == expected


def test_parquet_comes_in_with_its_rows_as_lines(tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"prompt": f"Prompt {number}", "candidates": [{"text": "A"}, {"text": "B"}]} for number in range(3)]
    rows[1]["prompt"] = " "
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "items.parquet")
    campaign = make_campaign()
    run = import_bytes(campaign, (tmp_path / "items.parquet").read_bytes(), name="items.parquet")
    assert outcome(run) == ("done", 3, 2, 0, 1)
    assert run.bytes_read == run.bytes
    assert [line for line, _ in problems(run)] == [2]
    assert Unit.objects.count() == 2


def nested_tree(external_id: str = "t-1") -> dict:
    def message(identity, role, text, *replies, **more):
        return {"message_id": identity, "role": role, "text": text, "lang": "en", "replies": list(replies), **more}

    deep = message("m-5", "assistant", "Two.", rank=0)
    asked = message("m-4", "prompter", "Which?", deep, message("m-6", "assistant", "Three.", rank=1))
    first = message("m-2", "assistant", "One.", asked, rank=0, synthetic=False, user_id="u-1")
    second = message("m-3", "assistant", "Machine.", synthetic=True, model_name="tiny")
    root = message("m-1", "prompter", "How many?", first, second)
    return {"message_tree_id": external_id, "tree_state": "ready_for_export", "prompt": root}


def test_a_whole_tree_comes_in_and_every_parent_with_two_replies_is_ranked() -> None:
    campaign = make_campaign()
    run = import_bytes(campaign, lines([nested_tree()]), name="trees.jsonl")
    assert (run.format, outcome(run)) == ("oasst_trees", ("done", 1, 1, 0, 0))
    assert (run.prompts_added, run.candidates_added) == (1, 4)
    by_id = {message.external_id: message for message in Message.objects.all()}
    assert by_id["m-5"].thread == [by_id[name].pk for name in ("m-1", "m-2", "m-4", "m-5")]
    assert set(Unit.objects.values_list("kind", "subject_id")) == {("rank", by_id["m-1"].pk), ("rank", by_id["m-4"].pk)}
    human, machine = MessageOrigin.objects.get(message=by_id["m-2"]), MessageOrigin.objects.get(message=by_id["m-3"])
    assert (human.generator_id, human.provenance) == (
        None,
        {"external_id": "m-2", "human": True, "author": "u-1", "rank": 0},
    )
    assert (machine.generator.name, machine.provenance) == ("tiny", {"external_id": "m-3", "human": False})


def report(model: str, **prompts: list[str]) -> bytes:
    results = [
        {
            "prompt": prompt,
            "results": [{"sampling_config": "k50", "sampling_params": {"top_k": 50}, "outputs": outputs}],
        }
        for prompt, outputs in prompts.items()
    ]
    return json.dumps({"model_name": model, "prompts": results}).encode()


@pytest.mark.parametrize("trees_first", [True, False])
def test_reports_and_trees_on_the_same_prompt_become_one_tree(trees_first) -> None:
    campaign = make_campaign()
    files = [
        (lines([nested_tree()]), "trees.jsonl"),
        (report("small", **{"How many?": ["One.", "None."]}), "small.json"),
        (report("large", **{"How many? ": ["None.", "None."], "Other?": ["Yes."]}), "large.json"),
    ]
    for content, name in files if trees_first else reversed(files):
        assert import_bytes(campaign, content, name=name).state == "done"
    assert tree_texts(campaign) == {
        Message.objects.get(parent=None, text__startswith="How many").text: {"One.", "Machine.", "None."},
        "Other?": {"Yes."},
    }
    unit = Unit.objects.get(subject__parent=None)
    assert set(unit.candidates.values_list("message__text", flat=True)) == {"One.", "Machine.", "None."}
    one, none = Message.objects.get(text="One."), Message.objects.get(text="None.")
    assert sorted(o.generator.name if o.generator else "human" for o in one.origins.all()) == ["human", "small"]
    told = sorted((o.generator.name, o.provenance["sample_index"]) for o in none.origins.all())
    assert told == [("large", 0), ("large", 1), ("small", 1)]


# --- What is there already ----------------------------------------------------------------------


def test_the_same_file_twice_adds_nothing() -> None:
    campaign = make_campaign(kinds=["rank", "compare"])
    content = lines([item(f"Prompt {number}", "A", "B", "A") for number in range(20)] + [item("Bare")])
    first = import_bytes(campaign, content)
    before = count_rows()
    again = import_bytes(campaign, content)
    assert (outcome(first), outcome(again)) == (("done", 21, 21, 0, 0), ("done", 21, 0, 21, 0))
    assert (again.prompts_added, again.candidates_added) == (0, 0)
    assert count_rows() == before


def test_a_known_prompt_with_new_candidates_gets_just_those() -> None:
    campaign = make_campaign()
    import_items(campaign, item("Why?", "A", "B"))
    run = import_items(campaign, item("Why?  \r\n", "B", "C"))
    assert outcome(run) == ("done", 1, 1, 0, 0)
    assert (run.prompts_added, run.candidates_added) == (0, 1)
    assert tree_texts(campaign) == {"Why?": {"A", "B", "C"}}
    assert Unit.objects.get().candidates.count() == 3


def test_equal_records_in_one_file_are_counted_once() -> None:
    campaign = make_campaign()
    run = import_items(campaign, item("Why?", "A"), item("Why?", "A"), item("Why?", "B"), item("Why?"))
    assert outcome(run) == ("done", 4, 2, 2, 0)
    assert tree_texts(campaign) == {"Why?": {"A", "B"}}


def test_counts_do_not_depend_on_where_batches_end(monkeypatch) -> None:
    content = [
        item("Why?", "A", external_id="1"),
        item("Why?", "A", external_id="2"),
        item("Why?", "B"),
        item("Why?", "A"),
    ]
    together = import_items(make_campaign("together"), *content)
    monkeypatch.setattr(import_runs, "BATCH_RECORDS", 1)
    apart = import_items(make_campaign("apart"), *content)
    assert outcome(together) == outcome(apart) == ("done", 4, 2, 2, 0)


def test_the_same_prompt_in_two_languages_is_two_trees() -> None:
    campaign = make_campaign(languages=["en", "de"])
    import_items(campaign, item("Hallo", language="de"), item("Hallo", language="en"))
    assert sorted(MessageTree.objects.values_list("language", flat=True)) == ["de", "en"]


def test_a_removed_prompt_takes_nothing_more() -> None:
    campaign = make_campaign()
    import_items(campaign, item("Why?", "A"))
    Message.objects.filter(parent=None).update(removed_at=timezone.now())
    run = import_items(campaign, item("Why?", "A", "B"))
    assert outcome(run) == ("done", 1, 0, 1, 0)
    assert tree_texts(campaign) == {"Why?": {"A"}}


def test_a_removed_candidate_does_not_come_back() -> None:
    campaign = make_campaign()
    import_items(campaign, item("Why?", "A", "B"))
    Message.objects.filter(text="A").update(removed_at=timezone.now())
    assert outcome(import_items(campaign, item("Why?", "A", "B"))) == ("done", 1, 0, 1, 0)
    assert Message.objects.filter(text="A").count() == 1


# --- Languages and topics -----------------------------------------------------------------------


def test_a_missing_language_is_the_only_one_of_the_campaign() -> None:
    campaign = make_campaign(languages=["sw"])
    import_items(campaign, item("Kwa nini?"))
    assert MessageTree.objects.get().language == "sw"


def test_a_missing_language_or_topic_is_that_of_the_import() -> None:
    campaign = make_campaign(languages=["en", "de"])
    import_items(campaign, item("Warum?"), item("Why?", language="en", topic="Own"), language="DE", topic=" Birds ")
    assert set(MessageTree.objects.values_list("language", "topic")) == {("de", "Birds"), ("en", "Own")}


def test_a_record_of_no_or_another_language_is_a_bad_line_that_says_so() -> None:
    campaign = make_campaign(languages=["en", "de"])
    run = import_items(campaign, item("Why?"), item("Pourquoi ?", language="fr"), item("Warum?", language="de"))
    assert outcome(run) == ("done", 3, 1, 0, 2)
    unnamed = (
        "The record names no language, and the campaign has several (en, de). "
        "Name it in the record, or once for the whole import."
    )
    foreign = 'The language "fr" is not one of the campaign\'s (en, de). Add it there, or leave this out.'
    assert problems(run) == [(1, unnamed), (2, foreign)]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"language": "fr"}, "language"),
        ({"language": "no such"}, "language"),
        ({"topic": "x" * 81}, "topic"),
        ({"topic": "a\0"}, "topic"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_stored(options, field) -> None:
    with pytest.raises(InvalidInput) as refusal:
        queue_bytes(make_campaign(), b"Why?\n", **options)
    assert list(refusal.value.details) == [field]
    assert ImportRun.objects.count() == 0


# --- Bad lines ----------------------------------------------------------------------------------

BAD = [item("First", "A"), "{not json", {"text": "no prompt"}, item("Last", "A"), item("Nul \u0000")]


def test_bad_lines_are_told_by_number_and_the_others_come_in() -> None:
    campaign = make_campaign()
    run = import_bytes(campaign, lines(BAD))
    assert outcome(run) == ("done", 5, 2, 0, 3)
    assert [line for line, _ in problems(run)] == [2, 3, 5]
    assert all(reason.endswith(".") for _, reason in problems(run))
    assert tree_texts(campaign) == {"First": {"A"}, "Last": {"A"}}


def test_a_file_in_which_every_line_is_bad_fails_and_lists_each() -> None:
    run = import_bytes(make_campaign(), lines(["{", {"prompt": ""}, "nonsense"]))
    assert outcome(run) == ("failed", 3, 0, 0, 3)
    assert run.reason == "None of the 3 records can be used, so nothing was imported. Mend them by the reasons listed."
    assert [line for line, _ in problems(run)] == [1, 2, 3]
    assert count_rows() == (0,) * 7


def test_a_file_with_one_usable_line_is_done() -> None:
    run = import_bytes(make_campaign(), lines(["{", item("Why?", "Because."), "nonsense"]))
    assert (outcome(run), run.reason) == (("done", 3, 1, 0, 2), "")


def test_a_file_of_what_is_there_already_is_done_beside_bad_lines() -> None:
    campaign = make_campaign()
    import_bytes(campaign, lines([item("Why?", "Because.")]))
    run = import_bytes(campaign, lines(["{", item("Why?", "Because.")]))
    assert (outcome(run), run.reason) == (("done", 2, 0, 1, 1), "")


def test_strict_imports_nothing_when_a_line_is_bad() -> None:
    campaign = make_campaign()
    before = count_rows()
    run = import_bytes(campaign, lines(BAD), strict=True)
    assert outcome(run) == ("failed", 5, 0, 0, 3)
    assert run.reason == "3 of 5 records cannot be used, so nothing was imported."
    assert [line for line, _ in problems(run)] == [2, 3, 5]
    assert count_rows() == before


def test_strict_imports_everything_when_all_is_well() -> None:
    campaign = make_campaign()
    run = import_bytes(campaign, lines([item(f"Prompt {n}", "A", "B") for n in range(7)]), strict=True)
    assert outcome(run) == ("done", 7, 7, 0, 0)
    assert (Unit.objects.count(), run.bytes_read) == (7, run.bytes)


def test_the_first_thousand_bad_lines_are_kept_and_all_are_counted() -> None:
    for strict in (False, True):
        run = import_bytes(make_campaign(f"strict-{strict}"), lines(["{"] * 1203 + [item("Good")]), strict=strict)
        assert (run.bad, run.errors.count()) == (1203, 1000)
        assert list(run.errors.values_list("line", flat=True)) == list(range(1, 1001))


def test_one_import_cannot_bring_names_without_end(monkeypatch) -> None:
    monkeypatch.setattr("annotate.services.import_plan.MAX_GENERATORS", 2)
    monkeypatch.setattr("annotate.services.import_plan.MAX_STRATA", 2)
    campaign = make_campaign()
    run = import_items(
        campaign,
        item("One", "A", "B", topic="x"),
        item("Two", "A", "B", "C", topic="x"),
        item("Three", topic="y"),
        item("Four", topic="z"),
    )
    assert outcome(run) == ("done", 4, 2, 0, 2)
    assert [line for line, _ in problems(run)] == [2, 4]


# --- Files that cannot be read ------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("bomb.jsonl.gz", pack(b'{"prompt": "' + b"0" * 80_000_000 + b'"}'), "bomb"),
        ("archive.zip", b"PK\x03\x04" + b"0" * 100, "zip"),
        ("blank.txt", b"\n\n \n", "empty"),
        ("header.csv", b"prompt,candidate\n", "no records"),
        ("table.parquet", b"PAR1 but not really", "Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_a_sentence(name, content, word, strict) -> None:
    campaign = make_campaign()
    run = import_bytes(campaign, content, name=name, strict=strict)
    assert (run.state, run.added) == ("failed", 0)
    assert word in run.reason
    assert run.reason.endswith(".")
    assert count_trees(campaign) == 0


def test_what_came_before_the_damage_stands() -> None:
    packed = pack(lines([item(f"Prompt {number} {os.urandom(400).hex()}") for number in range(2000)]))
    campaign = make_campaign()
    run = import_bytes(campaign, packed[: len(packed) // 2], name="cut.jsonl.gz")
    assert run.state == "failed"
    assert "damaged" in run.reason
    assert 300 < run.added == count_trees(campaign) < 1100
    assert run.read == run.added + run.bad


def test_an_empty_file_is_refused_at_once() -> None:
    with pytest.raises(InvalidInput) as refusal:
        queue_bytes(make_campaign(), b"")
    assert refusal.value.code == "file_empty"
    assert ImportRun.objects.count() == 0


def test_a_file_over_the_limit_is_refused_and_leaves_nothing_behind() -> None:
    folder = settings.UPLOAD_DIR / "imports"
    before = set(folder.glob("*")) if folder.exists() else set()
    endless = iter(lambda: b"x" * 1000, b"")
    with pytest.raises(TooLarge) as refusal:
        create_import(
            campaign=make_campaign(),
            actor=None,
            chunks=endless,
            file_name="a.txt",
            options=ImportOptions(),
            max_bytes=5000,
        )
    assert (refusal.value.code, refusal.value.details) == ("file_too_large", {"limit_bytes": 5000})
    assert set(folder.glob("*")) == before


# --- Rows and files -----------------------------------------------------------------------------


def test_starting_an_import_is_audited() -> None:
    campaign = make_campaign()
    run = queue_bytes(campaign, b"Why?\n", name="../../etc/prompts.txt", strict=True, topic="Birds")
    event = AuditEvent.objects.get()
    assert (event.action, event.object_kind, event.object_id, event.campaign_id) == (
        "import.started", "import", str(run.public_id), campaign.pk,
    )  # fmt: skip
    assert event.after == {
        "file": "prompts.txt", "bytes": 5, "sha256": run.sha256.hex(), "format": None, "strict": True, "topic": "Birds",
    }  # fmt: skip


def test_the_stored_file_goes_when_the_import_has_ended(django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        run = queue_bytes(make_campaign(), b"Why?\n", name="prompts.txt")
    assert len(callbacks) == 1  # a worker is woken
    assert find_stored_file(run).read_bytes() == b"Why?\n"
    run_imports_job()
    run.refresh_from_db()
    assert run.state == "done"
    assert not find_stored_file(run).exists()


def test_running_the_job_again_does_nothing() -> None:
    campaign = make_campaign()
    for number in range(3):
        queue_bytes(campaign, f"Prompt {number}\n".encode(), name="prompts.txt")
    run_imports_job()
    before = list(ImportRun.objects.order_by("pk").values()), count_rows()
    run_imports_job()
    assert (list(ImportRun.objects.order_by("pk").values()), count_rows()) == before
    assert count_trees(campaign) == 3


def test_files_that_nobody_needs_are_swept_when_they_are_a_day_old() -> None:
    waiting = find_stored_file(queue_bytes(make_campaign(), b"Why?\n", name="prompts.txt"))
    orphan, fresh = waiting.with_name("orphan.part"), waiting.with_name("fresh.part")
    for path in (waiting, orphan, fresh):
        path.write_bytes(b"Why?\n")
    for path in (waiting, orphan):
        os.utime(path, times=(time.time() - 90_000,) * 2)
    assert sweep_stored_files() == 1
    assert [path.exists() for path in (waiting, orphan, fresh)] == [True, False, True]
    fresh.unlink()


def test_a_stored_file_that_vanished_fails_its_import() -> None:
    run = queue_bytes(make_campaign(), b"Why?\n", name="prompts.txt")
    find_stored_file(run).unlink()
    ended = run_next()
    assert (ended.state, ended.reason) == ("failed", "The file is no longer where it was put. Send it again.")


# --- Leases -------------------------------------------------------------------------------------


def test_an_import_that_somebody_runs_is_not_claimed() -> None:
    queue_bytes(make_campaign(), b"Why?\n", name="prompts.txt")
    now = timezone.now()
    assert claim_import(now=now) is not None
    assert claim_import(now=now + timedelta(seconds=LEASE_SECONDS - 1)) is None
    assert claim_import(now=now + timedelta(seconds=LEASE_SECONDS)) is not None


def test_whoever_lost_the_lease_stores_nothing(monkeypatch) -> None:
    monkeypatch.setattr(import_runs, "BATCH_RECORDS", 2)
    campaign = make_campaign()
    queue_bytes(campaign, lines([item(f"Prompt {number}") for number in range(6)]))
    now = timezone.now()
    slow = claim_import(now=now)
    quick = claim_import(now=now + timedelta(seconds=LEASE_SECONDS))
    assert slow is not None
    assert quick is not None
    with pytest.raises(LeaseLost):
        run_import(claimed=slow, open_records=open_stored_file, clock=timezone.now)
    assert count_trees(campaign) == 0
    ended = run_import(claimed=quick, open_records=open_stored_file, clock=timezone.now)
    assert outcome(ended) == ("done", 6, 6, 0, 0)


class Killed(BaseException):
    """Stands for a process that ends without a word."""


def die_after(records: int):
    """Opens the file of an import, and dies when so many of its records were read."""

    class Dying(ImportStream):
        def __iter__(self):
            for number, record in enumerate(super().__iter__()):
                if number == records:
                    raise Killed
                yield record

    def open_records(run, watch):
        return Dying(find_stored_file(run), name=run.file_name, file_format=None, watch=watch)

    return open_records


@pytest.mark.parametrize("strict", [False, True])
def test_a_run_that_died_goes_on_after_its_last_batch(monkeypatch, strict) -> None:
    monkeypatch.setattr(import_runs, "BATCH_RECORDS", 3)
    campaign = make_campaign()
    records = [item(f"Prompt {number}", "A", "B") for number in range(10)]
    queued = queue_bytes(campaign, lines(records if strict else [*records[:4], "{", *records[4:]]), strict=strict)
    now = timezone.now()
    claimed = claim_import(now=now)
    assert claimed is not None
    passes = iter([open_stored_file, die_after(8)] if strict else [die_after(8)])

    def open_records(run, watch):
        return next(passes)(run, watch)

    with pytest.raises(Killed):
        run_import(claimed=claimed, open_records=open_records, clock=timezone.now)
    queued.refresh_from_db()
    assert (queued.state, queued.records_done, queued.attempts, count_trees(campaign)) == (
        "running",
        6,
        0,
        6 if strict else 5,
    )

    read_again: list[Progress] = []
    later = claim_import(now=timezone.now() + timedelta(seconds=LEASE_SECONDS))
    assert later is not None
    ended = run_import(claimed=later, open_records=open_stored_file, clock=timezone.now, report=read_again.append)
    assert outcome(ended) == (("done", 10, 10, 0, 0) if strict else ("done", 11, 10, 0, 1))
    assert (count_trees(campaign), Unit.objects.count(), ended.prompts_added) == (10, 10, 10)
    assert [progress.read for progress in read_again if not progress.is_checking][-1] == ended.read


def test_an_import_that_kills_its_worker_each_time_is_given_up() -> None:
    run = queue_bytes(make_campaign(), b"Why?\n", name="prompts.txt")
    now = timezone.now()
    for attempt in range(MOST_ATTEMPTS):
        assert claim_import(now=now + timedelta(seconds=attempt * LEASE_SECONDS)) is not None
    assert claim_import(now=now + timedelta(seconds=MOST_ATTEMPTS * LEASE_SECONDS)) is None
    run.refresh_from_db()
    assert (run.state, run.reason, run.lease_token) == ("failed", WORN_OUT, None)


def test_a_run_that_reads_for_long_says_that_it_is_alive() -> None:
    queue_bytes(make_campaign(), lines([item("Why?")]))
    start = timezone.now()
    claimed = claim_import(now=start)
    assert claimed is not None
    now = [start]
    leases = []

    def open_records(run, watch):
        def watch_for_long():
            for _ in range(12):
                now[0] += timedelta(seconds=5)
                watch()
                leases.append(ImportRun.objects.get(pk=run.pk).lease_expires_at - start)

        return open_stored_file(run, watch_for_long)

    run_import(claimed=claimed, open_records=open_records, clock=lambda: now[0])
    renewed = [
        timedelta(seconds=LEASE_SECONDS + seconds) for seconds in (0, 10, 10, 20, 20, 30, 30, 40, 40, 50, 50, 60)
    ]
    assert leases[:12] == renewed


def test_progress_is_reported_and_never_goes_back() -> None:
    queue_bytes(make_campaign(), lines([item(f"Prompt {number}") for number in range(1200)]), strict=True)
    claimed = claim_import(now=timezone.now())
    assert claimed is not None
    ticks = iter(claimed.created_at + timedelta(seconds=number) for number in range(100_000))
    seen: list[Progress] = []
    run_import(claimed=claimed, open_records=open_stored_file, clock=lambda: next(ticks), report=seen.append)
    positions = [progress.bytes_read for progress in seen]
    assert positions == sorted(positions)
    assert seen[-1] == Progress(claimed.pk, False, 1200, 1200, 0, 0, claimed.bytes, claimed.bytes)
    assert {progress.is_checking for progress in seen} == {True, False}


# --- Somebody's own file ------------------------------------------------------------------------


def test_an_own_file_is_read_where_it_lies_and_stays(tmp_path) -> None:
    campaign = make_campaign()
    path = tmp_path / "prompts.txt"
    path.write_text("Why?\n")
    claimed = start_own_import(campaign=campaign, path=path, options=ImportOptions(), now=timezone.now())
    ended = run_import(claimed=claimed, open_records=open_stored_file, clock=timezone.now)
    assert (ended.state, path.exists(), count_trees(campaign)) == ("done", True, 1)


def test_workers_leave_an_own_file_to_its_command_and_say_when_that_died(tmp_path) -> None:
    campaign = make_campaign()
    path = tmp_path / "prompts.txt"
    path.write_text("Why?\n")
    now = timezone.now()
    claimed = start_own_import(campaign=campaign, path=path, options=ImportOptions(), now=now)
    with pytest.raises(LeaseLost):
        start_own_import(campaign=campaign, path=path, options=ImportOptions(), now=now)
    later = now + timedelta(seconds=LEASE_SECONDS)
    assert claim_import(now=later) is None
    claimed.refresh_from_db()
    assert (claimed.state, claimed.reason) == ("failed", INTERRUPTED)


def test_the_same_command_goes_on_where_it_was_stopped(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(import_runs, "BATCH_RECORDS", 2)
    campaign = make_campaign()
    path, moved = tmp_path / "items.jsonl", tmp_path / "moved.jsonl"
    path.write_bytes(lines([item(f"Prompt {number}") for number in range(7)]))
    now = timezone.now()
    claimed = start_own_import(campaign=campaign, path=path, options=ImportOptions(), now=now)
    with pytest.raises(Killed):
        run_import(claimed=claimed, open_records=die_after(5), clock=timezone.now)
    path.rename(moved)
    later = now + timedelta(seconds=2 * LEASE_SECONDS)
    again = start_own_import(campaign=campaign, path=moved, options=ImportOptions(), now=later)
    assert (again.pk, again.records_done) == (claimed.pk, 4)
    ended = run_import(claimed=again, open_records=open_stored_file, clock=timezone.now)
    assert outcome(ended) == ("done", 7, 7, 0, 0)
    anew = start_own_import(campaign=campaign, path=moved, options=ImportOptions(), now=later)
    assert anew.pk != claimed.pk


def test_a_done_import_is_not_resumed() -> None:
    run = import_items(make_campaign(), item("Why?"))
    with pytest.raises(LeaseLost):
        resume_import(import_id=run.pk, now=timezone.now())
    assert ImportProblem.objects.count() == 0


# --- Statements ---------------------------------------------------------------------------------


def test_a_batch_takes_as_many_statements_whatever_its_size(django_assert_num_queries) -> None:
    campaign = make_campaign()
    for count in (1, 400):
        queue_bytes(campaign, lines([item(f"Of {count}: {number}", "A", "B") for number in range(count)]))
        claimed = claim_import(now=timezone.now())
        assert claimed is not None
        # The first batch also looks up names, and makes them when they are new.
        with django_assert_num_queries(31 if count == 1 else 27):
            run_import(claimed=claimed, open_records=open_stored_file, clock=timezone.now)


def test_difficulty_and_tags_come_along_and_fill_what_is_not_known():
    campaign = make_campaign()
    import_items(campaign, item("Why?"), {"prompt": "How?", "difficulty": "easy", "tags": ["a"]})
    import_bytes(campaign, b"prompt,difficulty,tags\nWhy?,hard,x; y\nHow?,hard,b\n", name="more.csv")
    known = MessageTree.objects.order_by("pk").values_list("messages__text", "difficulty", "tags")
    assert sorted(set(map(str, known))) == ["('How?', 'easy', ['a'])", "('Why?', 'hard', ['x', 'y'])"]
