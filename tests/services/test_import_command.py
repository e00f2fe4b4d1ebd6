"""`manage.py import_data`: what it prints, how it ends, and how it goes on."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotate.management.commands.import_data import ProgressLine
from annotate.models import ImportRun, MessageTree
from annotate.services import import_runs
from annotate.services.import_leases import INTERRUPTED
from annotate.services.import_runs import Progress
from tests.services.imports import item, lines, make_campaign

pytestmark = pytest.mark.django_db


def write(folder: Path, name: str, *records: object) -> Path:
    path = folder / name
    path.write_bytes(lines(records))
    return path


def run(*arguments: object) -> tuple[str, str]:
    """What is on standard output and on standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command("import_data", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_says_what_became_of_each_file(tmp_path) -> None:
    make_campaign()
    first = write(tmp_path, "first.jsonl", item("Why?", "A", "B"), "{", item("How?"))
    second = tmp_path / "second.txt"
    second.write_text("Why?\nWhen?\n")
    out, err = run("birds", first, second)
    assert out.splitlines() == [
        "first.jsonl: 3 records read, 2 added (2 prompts, 2 candidates), 0 there already, 1 not usable.",
        "second.txt: 2 records read, 1 added (1 prompts, 0 candidates), 1 there already, 0 not usable.",
    ]
    assert [line.split(": ")[0] for line in err.splitlines()] == ["first.jsonl:2"]
    assert MessageTree.objects.count() == 3


def test_a_strict_import_of_a_bad_line_fails_and_the_next_file_comes_in(tmp_path) -> None:
    make_campaign()
    bad, good = write(tmp_path, "bad.jsonl", item("Why?"), "{"), write(tmp_path, "good.jsonl", item("How?"))
    with pytest.raises(CommandError, match=r"^Not imported to the end: bad\.jsonl\.$"):
        run("birds", bad, good, "--strict")
    assert list(MessageTree.objects.values_list("messages__text", flat=True)) == ["How?"]


def test_options_reach_the_records(tmp_path) -> None:
    make_campaign(languages=["en", "de"])
    path = write(tmp_path, "prompts", "Warum?")
    run("birds", path, "--format", "prompts", "--language", "de", "--topic", "Birds")
    assert list(MessageTree.objects.values_list("language", "topic")) == [("de", "Birds")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fish", "x.txt"), "no campaign"),
        (("birds", "missing.txt"), "Not imported to the end: missing.txt"),
        (("birds", "empty.txt"), "Not imported to the end: empty.txt"),
        (("birds", "archive.zip"), "Not imported to the end: archive.zip"),
        (("birds", "good.txt", "--language", "fr"), "Not imported to the end: good.txt"),
    ],
)
def test_what_cannot_be_done_fails_with_a_sentence(tmp_path, monkeypatch, arguments, sentence) -> None:
    monkeypatch.chdir(tmp_path)
    make_campaign()
    Path("empty.txt").touch()
    Path("archive.zip").write_bytes(b"PK\x03\x04")
    Path("good.txt").write_text("Why?\n")
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert MessageTree.objects.count() == 0


def test_ctrl_c_leaves_what_is_stored_and_the_next_run_goes_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(import_runs, "BATCH_RECORDS", 2)
    make_campaign()
    path = write(tmp_path, "items.jsonl", *(item(f"Prompt {number}") for number in range(7)))
    stored = import_runs.store_plan
    calls = []

    def interrupt(**given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return stored(**given)

    monkeypatch.setattr(import_runs, "store_plan", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run("birds", path)
    interrupted = ImportRun.objects.get()
    assert (interrupted.state, interrupted.reason, interrupted.records_done) == ("failed", INTERRUPTED, 4)
    assert MessageTree.objects.count() == 4
    out, err = run("birds", path)
    assert err == "items.jsonl: going on after record 4.\n"
    assert out == "items.jsonl: 7 records read, 7 added (7 prompts, 0 candidates), 0 there already, 0 not usable.\n"
    assert ImportRun.objects.count() == 1


def make_progress(read: int, bytes_read: int, *, is_checking: bool = False) -> Progress:
    return Progress(1, is_checking, read, read, 0, 0, bytes_read, 100 * 2**20)


def test_progress_tells_records_bytes_rate_and_the_time_left() -> None:
    now = [0.0]
    line = ProgressLine(lambda _: None, is_terminal=False, name="a.jsonl", clock=lambda: now[0])
    line.show(make_progress(1000, 10 * 2**20))
    now[0] = 10.0
    assert line.describe(make_progress(3000, 30 * 2**20)) == (
        "a.jsonl: importing, 3,000 records, 30 of 100 MiB, 200 records/s, 0:35 left"
    )


@pytest.mark.parametrize(
    ("is_terminal", "expected"),
    [
        (True, ["\r\x1b[K", "\r\x1b[K", "\r\x1b[K", "\n"]),
        (False, [""]),  # one line in twelve seconds
    ],
)
def test_progress_is_written_over_on_a_terminal_and_now_and_then_elsewhere(is_terminal, expected) -> None:
    now, written = [0.0], []
    line = ProgressLine(written.append, is_terminal=is_terminal, name="a.jsonl", clock=lambda: now[0])
    for second in (0.0, 6.0, 12.0):
        now[0] = second
        line.show(make_progress(1000, 10 * 2**20))
    line.end()
    assert [text.split("a.jsonl")[0] for text in written] == expected
