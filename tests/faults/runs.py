"""Real runs (`manage.py up`) for tests: started, watched, killed, and looked after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from annotate.embedded.places import Places, find_places

BASE = Path(__file__).resolve().parents[2]
#: Generous: the machine may be busy with other things. Nothing is asserted about how long it takes.
SECONDS = 300
CHILDREN = {
    "web": "granian",
    "worker": "celery -A annotate.celery worker",
    "beat": "celery -A annotate.celery beat",
    "valkey": "valkey-server",
    "postgres": "bin/postgres -D",
}
#: What only a run with a model has besides.
WITH_MODEL = {"generate": "manage.py generate"}


def wait_until(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.05)


def run_environment(data: Path, **more: str) -> dict[str, str]:
    """The environment of an embedded run on `data`, without what the tests set for themselves."""
    ours = ("CHORUS_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_", "TESTS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    small = {"CHORUS_WEB_WORKERS": "1", "CHORUS_WORKER_PROCESSES": "1", "CHORUS_DEMO": "0"}
    # What a command prints is read line by line while it runs.
    return {**kept, "PYTHONUNBUFFERED": "1", "CHORUS_DATA": str(data), **small, **more}


def manage(data: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """One `manage.py` command, to its end."""
    return subprocess.run(
        [sys.executable, str(BASE / "manage.py"), *arguments],
        env=run_environment(data, **more), capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip


class Run:
    """One `manage.py up`. Whatever a test does with it, `end` leaves nothing of it behind."""

    def __init__(self, data: Path, port: int, **more: str) -> None:
        self.places: Places = find_places(data=data)
        self.port = port
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(BASE / "manage.py"), "up"],
            env=run_environment(data, CHORUS_PORT=str(port), **more),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.supervisor = psutil.Process(self.process.pid)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def await_line(self, part: str) -> None:
        wait_until(
            lambda: part in self.output or self.process.poll() is not None, f"{part!r} in the output:\n{self.output}"
        )
        self.reader.join(1 if self.process.poll() is None else SECONDS)
        assert part in self.output, self.output

    def await_up(self) -> Run:
        self.await_line("Chorus is up")
        return self

    def await_end(self) -> int:
        code = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        return code

    def child(self, name: str) -> psutil.Process | None:
        """The child of this name that is running now."""
        for process in self.supervisor.children():
            try:
                if (CHILDREN | WITH_MODEL)[name] in " ".join(
                    process.cmdline()
                ) and process.status() != psutil.STATUS_ZOMBIE:
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    def family(self) -> list[psutil.Process]:
        """Every process of this run: the supervisor and all below it."""
        return [self.supervisor, *self.supervisor.children(recursive=True)]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        status, body = self.get("/readyz")
        return status == 200 and json.loads(body) == {"ready": True, "database": "ok", "valkey": "ok"}

    def end(self) -> None:
        if self.process.poll() is None:
            family = self.family()
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                for process in family:
                    try:
                        process.kill()
                    except psutil.NoSuchProcess:
                        continue
        self.process.wait()
        self.reader.join(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


def living(family: list[psutil.Process]) -> list[str]:
    """What of a family still runs; the dead that nobody has collected yet do not."""
    found = []
    for process in family:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()) or process.name())
        except psutil.NoSuchProcess:
            continue
    return found


def engines_of(places: Places) -> list[int]:
    """Processes that work in this run's engine folders, whoever started them."""
    found = []
    for process in psutil.process_iter(["pid", "status"]):
        try:
            if process.info["status"] != psutil.STATUS_ZOMBIE and Path(process.cwd()).parent == places.data:
                found.append(process.info["pid"])
        except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
            continue
    return found
