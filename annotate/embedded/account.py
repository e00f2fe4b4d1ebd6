"""As whom the engines run: ourselves, or, started by root, a system user of ours.

PostgreSQL refuses to run as root. The system user may be unable to reach the data folder or the
wheels (everything may lie under a root-only home). We never open folders that are not ours, so:
an engine is started *in* its data folder (the change of folder comes before the change of user)
and finds it as its working folder, and its binaries are copied where that user can run them
(`binaries.py`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.embedded.refusals import RunRefused

SYSTEM_USER = "chorus-engines"


@dataclass(frozen=True)
class Account:
    """A user of this machine. `foreign` means: not the one who runs us."""

    name: str
    uid: int
    gid: int
    foreign: bool

    def spawn_options(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen` that make the child run as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.foreign else {}

    def own(self, path: Path) -> None:
        """Hand a folder of ours to this account."""
        if self.foreign:
            os.chown(path, self.uid, self.gid)


def find_account() -> Account:
    """The account for the engines; made on first use when we are root on Linux."""
    if os.getuid() != 0:
        return _account_of(pwd.getpwuid(os.getuid()), foreign=False)
    if not sys.platform.startswith("linux"):
        raise RunRefused(
            "PostgreSQL refuses to run as root. Start Chorus as an ordinary user.",
        )
    try:
        return _account_of(pwd.getpwnam(SYSTEM_USER), foreign=True)
    except KeyError:
        return _make_system_user()


def _make_system_user() -> Account:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    command = [useradd or "useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", "--user-group", SYSTEM_USER]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        problem = made.stderr.strip()
    except OSError as error:
        problem = str(error)
    try:  # another process may have made it at the same moment
        return _account_of(pwd.getpwnam(SYSTEM_USER), foreign=True)
    except KeyError:
        raise RunRefused(
            f"PostgreSQL refuses to run as root, and the system user {SYSTEM_USER!r} could not be made ({problem}). "
            f"Make it with your system's tools, or start Chorus as an ordinary user.",
        ) from None


def _account_of(entry: pwd.struct_passwd, *, foreign: bool) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, foreign=foreign)
