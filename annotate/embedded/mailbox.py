"""Prints the mail of a run that names no mail server: whoever tries it finds the code to sign in with."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from pathlib import Path

MOST_BYTES = 100_000


class Mailbox:
    """The folder that annotate.web.mail writes to. What lay there before the run is not told again."""

    def __init__(self, folder: Path, *, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.say = say
        self.told = set(self._list())

    def tell_new(self) -> None:
        """Say what came since, whole, in the order in which it was written."""
        found = self._list()
        for name in found:
            if name not in self.told and (text := read_mail(self.folder / name)):
                self.say(text)
        self.told = set(found)

    def _list(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.eml"))


def read_mail(path: Path) -> str:
    """A message as a person reads it; nothing when it is gone. Its control characters do not reach the terminal."""
    try:
        raw = path.read_bytes()[:MOST_BYTES]
    except OSError:
        return ""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    body = message.get_body(("plain",))
    lines = [f"Mail to {message['To']}: {message['Subject']}", *(body.get_content() if body else "").splitlines()]
    return "\n  | ".join("".join(c for c in line if c.isprintable()) for line in lines).rstrip("\n |")
