"""`manage.py` commands where no run is up: they bring the engines, share them, and take them away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from annotate.embedded.commands import needs_database
from annotate.embedded.places import find_places
from tests.faults.runs import BASE, SECONDS, engines_of, manage, run_environment, wait_until

COUNT = "from django.db import connection; c = connection.cursor(); c.execute('SELECT 41 + 1'); print(c.fetchone()[0])"


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ([], False),
        (["help"], False),
        (["migrate", "--help"], False),
        (["--version"], False),
        (["collectstatic", "--noinput"], False),
        (["makemigrations"], False),
        (["check", "--deploy"], False),
        (["check", "--database", "default"], True),
        (["up"], False),
        (["migrate"], True),
        (["import_data", "demo", "help"], True),
    ],
)
def test_only_commands_that_ask_the_database_bring_engines(words: list[str], needed: bool) -> None:
    assert needs_database(["manage.py", *words]) == needed


@pytest.mark.slow
def test_command_without_a_run_brings_the_engines_and_takes_them_away(tmp_path: Path) -> None:
    told = manage(tmp_path, "shell", "-v0", "-c", COUNT)
    assert (told.returncode, told.stdout, told.stderr) == (0, "42\n", "")
    places = find_places(data=tmp_path)
    assert (engines_of(places), places.run.exists()) == ([], False)


@pytest.mark.slow
def test_command_that_needs_no_database_makes_no_data_folder(tmp_path: Path) -> None:
    told = manage(tmp_path / "data", "help")
    assert (told.returncode, (tmp_path / "data").exists()) == (0, False)


@pytest.mark.slow
def test_commands_at_the_same_time_share_engines_and_the_last_one_is_not_cut_off(tmp_path: Path) -> None:
    """The first, which started the engines, ends while the second is in the middle of its work."""
    gates = [tmp_path / "first-may-end", tmp_path / "second-may-end"]
    places = find_places(data=tmp_path / "data")

    def start(gate: Path) -> subprocess.Popen[str]:
        wait = f"import time, pathlib\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)"
        told = f"{COUNT}\nprint('begun', flush=True)\n{wait}\n{COUNT}"
        return subprocess.Popen(
            [sys.executable, str(BASE / "manage.py"), "shell", "-v0", "-c", told],
            env=run_environment(places.data), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    first = start(gates[0])
    assert [first.stdout.readline(), first.stdout.readline()] == ["42\n", "begun\n"]
    second = start(gates[1])
    assert [second.stdout.readline(), second.stdout.readline()] == ["42\n", "begun\n"]
    gates[0].touch()
    assert [first.stdout.readline(), first.stdout.readline()] == [
        "42\n",
        "Waiting for another command that uses the same database.\n",
    ]
    gates[1].touch()
    assert (second.communicate(timeout=SECONDS)[0], first.communicate(timeout=SECONDS)[0]) == ("42\n", "")
    assert (first.returncode, second.returncode, engines_of(places)) == (0, 0, [])


@pytest.mark.slow
def test_command_that_is_killed_leaves_no_engine(tmp_path: Path) -> None:
    command = subprocess.Popen(
        [sys.executable, str(BASE / "manage.py"), "shell", "-v0", "-c", f"{COUNT}; import time; time.sleep(600)"],
        env=run_environment(tmp_path), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert command.stdout.readline() == "42\n"
    assert len(engines_of(find_places(data=tmp_path))) >= 2
    command.kill()
    command.wait()
    command.stdout.close()
    wait_until(lambda: engines_of(find_places(data=tmp_path)) == [], "the end of the engines")
    told = manage(tmp_path, "shell", "-v0", "-c", COUNT)
    assert (told.returncode, told.stdout) == (0, "42\n")


def test_data_folder_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = manage(tmp_path / "file", "migrate")
    sentence = f"CHORUS_DATA is {str(tmp_path / 'file')!r}, which is not a folder: name a folder.\n"
    assert (told.returncode, told.stderr) == (1, sentence)
