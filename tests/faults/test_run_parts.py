"""The parts of a run, each alone: folders, copies of engines, logs, watchdog, locks, secrets."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from annotate.embedded import watchdog
from annotate.embedded.account import find_account
from annotate.embedded.binaries import can_run, copy_binaries, find_binaries
from annotate.embedded.children import Child, Recipe
from annotate.embedded.folders import make_engine_folder, make_run_folder, make_secret_key
from annotate.embedded.locks import is_held, try_lock
from annotate.embedded.logfiles import bound_log, tail
from annotate.embedded.places import default_run_folder, find_places
from annotate.embedded.refusals import RunRefused
from annotate.embedded.run import refuse_taken_port
from annotate.embedded.supervisor import Supervisor
from tests.faults.runs import living, wait_until

root_only = pytest.mark.skipif(os.getuid() != 0, reason="only root can give folders away")


def test_run_folder_is_short_and_differs_between_data_folders_and_users(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120) / ("y" * 120)
    folders = [default_run_folder(long, uid=1000), default_run_folder(tmp_path, uid=1000)]
    folders.append(default_run_folder(tmp_path, uid=1001))
    assert len(set(folders)) == 3
    assert max(len(str(folder)) for folder in folders) < 40


def test_run_folder_is_the_same_by_every_way_to_the_data(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert find_places(data=tmp_path / "link") == find_places(data=tmp_path / "real" / ".." / "real")


def test_run_folder_named_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="too long for a socket"):
        make_run_folder(tmp_path / ("x" * 100), find_account())


@root_only
def test_run_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(RunRefused, match="belongs to somebody else"):
        make_run_folder(folder, find_account())


def test_run_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunRefused, match="belongs to somebody else"):
        make_run_folder(tmp_path / "run", find_account())


@root_only
def test_engine_folder_filled_by_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    with pytest.raises(RunRefused, match="belongs to another user"):
        make_engine_folder(folder, find_account())


@root_only
def test_engines_are_copied_where_their_account_cannot_reach_the_wheels(tmp_path: Path) -> None:
    account = find_account()
    wheels = find_binaries(account)
    reachable = Path("/var/tmp") / f"chorus-copy-{os.getpid()}"
    try:
        copy = copy_binaries(wheels, into=reachable)
        assert copy_binaries(wheels, into=reachable) == copy
        assert all(can_run(copy.program(name), account) for name in ("postgres", "initdb", "pg_dump"))
        assert can_run(copy.valkey, account)
        assert [path.name for path in reachable.iterdir() if path.name.startswith(".")] == []
    finally:
        subprocess.run(["rm", "-rf", str(reachable)], check=True)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert can_run(copy_binaries(wheels, into=closed).valkey, account) is False


def test_secret_key_is_made_once_and_is_readable_by_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    made = make_secret_key(path)
    assert (make_secret_key(path), path.stat().st_mode & 0o777, len(made) >= 50) == (made, 0o600, True)
    assert list(tmp_path.iterdir()) == [path]


def test_log_is_bounded_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("a") as writer:
        writer.write("old\n" * 100)
        writer.flush()
        bound_log(log, most_bytes=1000)
        assert log.read_text() == "old\n" * 100
        bound_log(log, most_bytes=100)
        writer.write("new\n")
    assert (log.read_text(), (tmp_path / "web.log.1").read_text()) == ("new\n", "old\n" * 100)
    assert (tail(tmp_path / "web.log.1", lines=2), tail(tmp_path / "none.log")) == ("old\nold", "")


def test_lock_is_held_until_its_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "run"
    assert is_held(path) is False
    with closing(try_lock(path)):
        assert (is_held(path), try_lock(path), path.read_text()) == (True, None, f"{os.getpid()}\n")
    assert is_held(path) is False
    with closing(try_lock(path, shared=True)), closing(try_lock(path, shared=True)):
        assert try_lock(path) is None


@pytest.mark.slow
def test_watchdog_ends_whole_groups_when_the_pipe_closes(tmp_path: Path) -> None:
    """Both do not listen: a leader that ignores the signal, and a leader that dies and leaves a child."""
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    )
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {stubborn!r}]); import time; time.sleep(600)"
    )
    leaders = [
        subprocess.Popen([sys.executable, "-c", program], start_new_session=True, stdout=subprocess.PIPE)
        for program in (stubborn, parent)
    ]
    for leader in leaders:
        assert leader.stdout.readline() == b"1\n"
        leader.stdout.close()
    family = [
        process
        for leader in leaders
        for process in [psutil.Process(leader.pid), *psutil.Process(leader.pid).children()]
    ]
    assert len(family) == 3
    dog = subprocess.Popen([sys.executable, "-I", "-S", watchdog.__file__], stdin=subprocess.PIPE, text=True)
    dog.stdin.write("=\n+ 999999 15\n=\n" + "".join(f"+ {leader.pid} 15\n" for leader in leaders))
    dog.stdin.close()
    assert dog.wait(60) == 0
    wait_until(lambda: living(family) == [], "the end of both groups")
    for leader in leaders:
        leader.wait()


def test_child_writes_to_its_log_and_is_killed_when_it_does_not_end(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
    )
    log = tmp_path / "child.log"
    log.write_text("from before\n")
    child = Child(
        Recipe(
            name="child", command=[sys.executable, "-c", stubborn], cwd=tmp_path, env={}, log=log, seconds_to_stop=0.1
        )
    )
    child.start()
    wait_until(lambda: child.output_since_start() == "here\n", "the child's word")
    child.stop()
    assert (child.is_running(), log.read_text()) == (False, "from before\nhere\n")


def test_start_that_is_excused_is_tried_again_and_counts_for_nothing(tmp_path: Path) -> None:
    """As PostgreSQL's is, while a killed one before it is still being cleared away."""
    gate = tmp_path / "gate"
    program = f"import os, sys, time; os.path.exists({str(gate)!r}) or sys.exit('busy'); print('up', flush=True); time.sleep(600)"
    recipe = Recipe(
        name="engine", command=[sys.executable, "-c", program], cwd=tmp_path, env={}, log=tmp_path / "engine.log",
        is_excused=lambda output: "busy" in output,
    )  # fmt: skip
    said: list[str] = []
    supervisor = Supervisor(("engine",), say=said.append)
    try:
        child = supervisor.start(recipe)
        supervisor.await_answer(lambda: recipe.log.read_text().count("busy") >= 5)
        gate.touch()
        supervisor.await_answer(lambda: "up" in recipe.log.read_text())
        assert (child.quick_deaths, said) == (0, [])
    finally:
        supervisor.stop_all()
    assert said == ["engine has ended."]


@pytest.mark.slow
def test_child_that_a_run_can_do_without_ends_no_run_and_is_tried_less_and_less_often(tmp_path: Path) -> None:
    program = "import sys; sys.exit('The model is not there.')"
    recipe = Recipe(
        name="generate", command=[sys.executable, "-c", program], cwd=tmp_path, env={}, log=tmp_path / "generate.log",
        vital=False,
    )  # fmt: skip
    said: list[str] = []
    supervisor = Supervisor(("generate",), say=said.append)
    try:
        supervisor.start(recipe)
        supervisor.await_answer(lambda: len(said) == 4)
    finally:
        supervisor.stop_all()
    why = "Its last words: The model is not there."
    assert said[:4] == [
        f"generate has ended (exit code 1) and starts again in {pause} s. {why}" for pause in ("0.5", "1", "2", "4")
    ]


def test_port_that_is_no_ones_to_use_is_refused_by_name() -> None:
    with pytest.raises(RunRefused, match=r"CHORUS_HOST is 'no\.such\.host\.invalid'"):
        refuse_taken_port("no.such.host.invalid", 8000)
    with pytest.raises(RunRefused, match="Set CHORUS_PORT, or CHORUS_HOST"):
        refuse_taken_port("192.0.2.1", 8000)
