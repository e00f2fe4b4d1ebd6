"""One child of a run: how it is started, whether it lives, how it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from annotate.embedded.account import Account
from annotate.embedded.locks import holder, wait_for_lock
from annotate.embedded.refusals import RunRefused
from annotate.embedded.spawn import kill_group, start_child

SECONDS_BETWEEN_LOOKS = 0.02


#: How long the process of a run that was killed may take to end.
SECONDS_FOR_FORMER = 60.0


def never_excused(_output: str) -> bool:
    """A start that failed counts as a failure."""
    return False


@dataclass(frozen=True)
class Recipe:
    """How to run one child. `stop_signal` asks it to end in order; after `seconds_to_stop` it is killed.

    `is_excused` looks at what a failed start wrote: True means that trying again will do. `once`: it is
    to end by itself and is not started again. `lock`: a file that the process holds locked for as long as
    it lives, so that no second one is ever started on the same data, also not by another run. `vital`: the
    run ends when it cannot be kept alive; one that is not is tried again after longer and longer pauses.
    `seconds_to_prove`: one that ends by itself sooner is broken. It takes a while to find that out: on a busy
    machine Python alone takes seconds to see that a module is missing, and a model is read first.
    """

    name: str
    command: Sequence[str | Path]
    cwd: Path
    env: Mapping[str, str]
    log: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    seconds_to_stop: float = 15.0
    is_excused: Callable[[str], bool] = never_excused
    once: bool = False
    lock: Path | None = None
    vital: bool = True
    seconds_to_prove: float = 30.0


@dataclass
class Child:
    """A recipe and the process that runs it now, if any."""

    recipe: Recipe
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float | None = None
    quick_deaths: int = 0
    _log_begin: int = field(default=0, repr=False)

    @property
    def name(self) -> str:
        return self.recipe.name

    def start(self) -> None:
        """Start the process; its output is added to its log."""
        recipe = self.recipe
        held = _take_lock(recipe)
        descriptor = os.open(recipe.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._log_begin = os.fstat(descriptor).st_size
            self.process = start_child(
                recipe.command, cwd=recipe.cwd, env=recipe.env, output=descriptor,
                account=recipe.account, on_our_death=recipe.stop_signal,
                keep_open=[held.fileno()] if held else [],
            )  # fmt: skip
        finally:
            os.close(descriptor)
            if held:
                held.close()  # the child has its own hold on it
        self.started_at = time.monotonic()
        self.start_again_at = None

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def output_since_start(self) -> str:
        """What this process has written to its log."""
        return self.recipe.log.read_bytes()[self._log_begin :].decode(errors="replace")

    def clear_away(self) -> None:
        """End what a dead process left behind: its own children, which share its group."""
        if self.process is not None:
            kill_group(self.process.pid, signal.SIGKILL)

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Ask it to end, wait for it, kill it when it does not (at once when `hurry` says so)."""
        self.start_again_at = None
        if self.process is None:
            return
        until = time.monotonic() + self.recipe.seconds_to_stop
        if self.process.poll() is None:
            self.process.send_signal(self.recipe.stop_signal)
        while self.process.poll() is None and time.monotonic() < until and not hurry():
            time.sleep(SECONDS_BETWEEN_LOOKS)
        kill_group(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None


def _take_lock(recipe: Recipe) -> IO[str] | None:
    """The held lock of a recipe that has one."""
    if recipe.lock is None:
        return None
    held = wait_for_lock(recipe.lock, seconds=SECONDS_FOR_FORMER)
    if held is None:
        raise RunRefused(
            f"The {recipe.name} of an earlier run (process {holder(recipe.lock)}) still works on this data."
        )
    return held
