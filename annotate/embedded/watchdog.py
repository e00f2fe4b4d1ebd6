"""Ends what a killed supervisor left behind. Run as a file, with the supervisor's pipe as its input.

Whenever a child was started or is gone, the supervisor writes the whole list anew: `=`, then
`+ PID SIGNAL` for each (a group leader), in the order in which they are to be stopped. When the pipe
closes, the supervisor is dead, however it died: what is listed is asked to end, one after the other,
and killed when it does not. Needs the standard library alone: it starts fast and stays small.
"""

from __future__ import annotations

import os
import signal
import sys
import time

SECONDS_EACH = 5.0


def watch() -> None:
    """Read the pipe to its end, then end every group that is left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # only the end of the pipe ends the watch
    groups: dict[int, int] = {}
    for line in sys.stdin:
        if line == "=\n":
            groups.clear()
        elif line.startswith("+ ") and line.endswith("\n"):
            leader, number = line[2:].split()
            groups[int(leader)] = int(number)
    for group, stop_signal in groups.items():
        end_group(group, stop_signal)


def end_group(group: int, number: int) -> None:
    """Signal the leader, wait for the whole group to be gone, then kill what is left of it."""
    try:
        os.kill(group, number)
        until = time.monotonic() + SECONDS_EACH
        while time.monotonic() < until:
            os.killpg(group, 0)  # raises when nobody is left
            time.sleep(0.05)
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


if __name__ == "__main__":
    watch()
