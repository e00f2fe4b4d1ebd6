"""What lies where in an embedded run, computed from the data folder alone.

The data folder may have any path, however long, with spaces. The path of a unix socket ends at
107 bytes, so the sockets lie in a short folder of their own whose name is derived from the data
folder's path: two runs with two data folders never meet, and every process of one run (and every
management command) finds the same folder without being told.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROLE = "chorus"
DATABASE = "chorus"
POSTGRES_PORT = 5432  # only names the socket's file; nothing listens on a port
#: The longest path of a unix socket, in bytes: 107 on Linux, 103 on macOS.
LONGEST_SOCKET = 103
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Places:
    """The folders and files of one embedded run."""

    data: Path
    run: Path

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def valkey(self) -> Path:
        return self.data / "valkey"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def mail(self) -> Path:
        """Mail that no server was named for, one file a message."""
        return self.data / "mail"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    @property
    def secret_key(self) -> Path:
        return self.data / "secrets" / "secret_key"

    @property
    def locks(self) -> Path:
        return self.data / "locks"

    @property
    def postgres_socket(self) -> Path:
        return self.run / f".s.PGSQL.{POSTGRES_PORT}"

    @property
    def valkey_socket(self) -> Path:
        return self.run / "valkey.sock"

    @property
    def database_url(self) -> str:
        return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.run))}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.valkey_socket}"


def find_places(*, data: Path, run_folder: str = "") -> Places:
    """The places of the run on `data`; `run_folder` overrides where the sockets lie."""
    data = data.resolve()
    return Places(data=data, run=Path(run_folder) if run_folder else default_run_folder(data, uid=os.getuid()))


def default_run_folder(data: Path, *, uid: int) -> Path:
    """A short private folder: in /run for root where that can be written, else in /tmp.

    Not in TMPDIR, which is long on macOS and differs between two shells of one person.
    """
    key = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    if uid == 0 and os.access("/run", os.W_OK):
        return Path(f"/run/chorus-{key}")
    return Path(f"/tmp/chorus-{uid}-{key}")  # noqa: S108  (made 0700, and refused if it is somebody else's)
