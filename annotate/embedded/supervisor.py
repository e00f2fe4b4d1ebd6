"""Keeps the children of one run alive, and leaves none behind.

1. A child that dies is started again, after a pause that doubles with each quick death.
2. Three quick deaths in a row of one child end the run, with the end of its log; one that the run can do
   without is tried again, less and less often.
3. A signal ends the run: the children are stopped in order, each waited for; a second signal kills.
4. Should this process itself be killed, the watchdog (and on Linux the kernel) ends the children.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from annotate.embedded.children import SECONDS_BETWEEN_LOOKS, Child, Recipe
from annotate.embedded.logfiles import bound_log, tail
from annotate.embedded.refusals import RunRefused
from annotate.embedded.spawn import start_child

#: A death is quick within this time; for a child that ends by itself its recipe says it.
QUICK_SECONDS = 5.0
MOST_QUICK_DEATHS = 3
MOST_EXCUSED_STARTS = 240
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 120.0
SECONDS_BETWEEN_LOG_CHECKS = 10.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """Somebody asked the run to end while it was starting."""


class Supervisor:
    """The children of one run, in the order in which they are stopped: what serves first, engines last.

    All of it happens in one thread: the kernel's signal at our death is tied to the thread that
    started a child, and a fork beside other threads may hang.
    """

    def __init__(self, order: tuple[str, ...], *, say: Callable[[str], None]) -> None:
        self.order = order
        self.say = say
        self.children: dict[str, Child] = {}
        self.stops_asked = 0
        self.excused: dict[str, int] = {}
        self.logs_checked_at = time.monotonic()
        self.watchdog: subprocess.Popen[bytes] | None = None

    @contextmanager
    def catching_signals(self) -> Iterator[None]:
        """Within this block the signals that end a program ask the run to end."""
        former = {number: signal.signal(number, self._note_signal) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def start(self, recipe: Recipe) -> Child:
        """Start a child that is to live as long as the run."""
        child = self.children[recipe.name] = Child(recipe)
        self._start(child)
        return child

    def run(self, recipe: Recipe) -> int:
        """Run a child that is to end by itself; returns its exit code. The others are tended meanwhile."""
        child = self.start(recipe)
        try:
            while child.is_running():
                self.tend()
                self._refuse_to_go_on()
                time.sleep(SECONDS_BETWEEN_LOOKS)
            return child.process.returncode if child.process else 0
        finally:
            child.stop()
            del self.children[recipe.name]
            self._tell_watchdog()

    def await_answer(self, is_answering: Callable[[], bool]) -> None:
        """Wait for something that the children bring about, and tend them meanwhile."""
        while not is_answering():
            self.tend()
            self._refuse_to_go_on()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def serve(self, *, also: Callable[[], None] = lambda: None) -> None:
        """Tend the children until the run is asked to end; `also` is done in every round."""
        while not self.stops_asked:
            self.tend()
            also()
            time.sleep(0.1)

    def tend(self) -> None:
        """One round: start again what died and whose pause is over, bound the logs."""
        if self.watchdog is None or self.watchdog.poll() is not None:
            self._tell_watchdog()
        for child in self.children.values():
            if child.process is not None and not child.is_running() and not child.recipe.once:
                self._note_death(child)
            if child.start_again_at is not None and time.monotonic() >= child.start_again_at and not self.stops_asked:
                self._start(child)
        if time.monotonic() - self.logs_checked_at > SECONDS_BETWEEN_LOG_CHECKS:
            self.logs_checked_at = time.monotonic()
            for child in self.children.values():
                bound_log(child.recipe.log)

    def stop_all(self) -> None:
        """Stop the children in order; each has ended before the next is asked."""
        asked_before = self.stops_asked
        for name in self.order:
            if child := self.children.get(name):
                child.stop(hurry=lambda: self.stops_asked > max(1, asked_before))
                self.say(f"{name} has ended.")
        if self.watchdog is not None and self.watchdog.stdin is not None:
            self.children.clear()
            self._write_groups()
            self.watchdog.stdin.close()
            self.watchdog.wait()

    def _note_signal(self, _number: int, _frame: object) -> None:
        self.stops_asked += 1

    def _refuse_to_go_on(self) -> None:
        if self.stops_asked:
            raise StopRequested

    def _start(self, child: Child) -> None:
        child.start()
        self._tell_watchdog()

    def _note_death(self, child: Child) -> None:
        assert child.process is not None
        code = child.process.returncode
        child.clear_away()
        self._tell_watchdog()
        lived = time.monotonic() - child.started_at
        output = child.output_since_start()
        child.process = None
        if lived < QUICK_SECONDS and child.recipe.is_excused(output):
            self.excused[child.name] = self.excused.get(child.name, 0) + 1
            if self.excused[child.name] <= MOST_EXCUSED_STARTS:
                child.start_again_at = time.monotonic() + FIRST_PAUSE / 2
                return
        self.excused[child.name] = 0
        is_quick = lived < (QUICK_SECONDS if code < 0 else child.recipe.seconds_to_prove)
        child.quick_deaths = child.quick_deaths + 1 if is_quick else 0
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        if child.quick_deaths >= MOST_QUICK_DEATHS and child.recipe.vital:
            raise RunRefused(
                f"{child.name} has died {MOST_QUICK_DEATHS} times at its start ({how}). "
                f"The end of {child.recipe.log}:\n{tail(child.recipe.log)}"
            )
        pause = min(FIRST_PAUSE * 2 ** max(0, child.quick_deaths - 1), LONGEST_PAUSE)
        child.start_again_at = time.monotonic() + pause
        why = "" if child.recipe.vital or code <= 0 else f" Its last words: {tail(child.recipe.log, lines=1)}"
        self.say(f"{child.name} has ended ({how}) and starts again in {pause:g} s.{why}")

    def _tell_watchdog(self) -> None:
        """Tell the watchdog what to end after us; start one when there is none."""
        if self.watchdog is None or self.watchdog.poll() is not None:
            if self.watchdog is not None and self.watchdog.stdin is not None:
                self.watchdog.stdin.close()
            self.watchdog = start_child(
                [sys.executable, "-I", "-S", Path(__file__).with_name("watchdog.py")],
                cwd=Path("/"), env={}, output=subprocess.DEVNULL, stdin=subprocess.PIPE, on_our_death=None,
            )  # fmt: skip
        self._write_groups()

    def _write_groups(self) -> None:
        assert self.watchdog is not None
        assert self.watchdog.stdin is not None
        lines = ["=\n"]
        for name in self.order:
            child = self.children.get(name)
            if child is not None and child.process is not None:
                lines.append(f"+ {child.process.pid} {int(child.recipe.stop_signal)}\n")
        try:
            os.write(self.watchdog.stdin.fileno(), "".join(lines).encode())
        except BrokenPipeError:
            return  # it died this moment; the next round starts another
