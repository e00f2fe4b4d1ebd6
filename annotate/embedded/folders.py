"""Makes the folders of a run, and refuses those that are not ours."""

from __future__ import annotations

import os
import secrets as random
import stat
import sys
from contextlib import suppress
from pathlib import Path

from annotate.embedded.account import Account
from annotate.embedded.places import LONGEST_SOCKET, LONGEST_SOCKET_NAME, Places, default_run_folder
from annotate.embedded.refusals import RunRefused

PRIVATE = 0o700


def make_folders(places: Places, account: Account) -> None:
    """Data, engines', logs', backups' and the sockets' folder, each private to whom it belongs."""
    try:
        places.data.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        for folder in (places.logs, places.backups, places.locks, places.secret_key.parent):
            folder.mkdir(mode=PRIVATE, exist_ok=True)
        make_engine_folder(places.valkey, account)
        if places.postgres.exists():
            make_engine_folder(places.postgres, account)
    except OSError as error:
        raise RunRefused(f"The data folder {places.data} cannot be used: {error}. Set CHORUS_DATA.") from error
    make_run_folder(places.run, account)


def make_run_folder(folder: Path, account: Account) -> None:
    """The sockets' folder: 0700, the engines' account's, and refused when somebody else's."""
    if len(os.fsencode(folder)) + 1 + len(LONGEST_SOCKET_NAME) > LONGEST_SOCKET:
        raise RunRefused(f"The path {folder} is too long for a socket. Set CHORUS_RUN_DIR to a shorter one.")
    try:
        folder.mkdir(mode=PRIVATE, exist_ok=True)
        held = folder.lstat()
        if not stat.S_ISDIR(held.st_mode) or held.st_uid not in {os.getuid(), account.uid}:
            raise RunRefused(
                f"{folder} belongs to somebody else, so the engines' sockets are not put there. "
                "Remove it, or set CHORUS_RUN_DIR to a folder of your own."
            )
        account.own(folder)
        folder.chmod(PRIVATE)
    except OSError as error:
        raise RunRefused(f"The folder {folder} cannot be used for sockets: {error}. Set CHORUS_RUN_DIR.") from error


def remove_run_folder(places: Places) -> None:
    """Leave no empty folder behind; one that CHORUS_RUN_DIR names is its owner's and stays."""
    if places.run == default_run_folder(places.data, uid=os.getuid()):
        with suppress(OSError):  # not there, or somebody's sockets are still in it
            places.run.rmdir()


def make_engine_folder(folder: Path, account: Account) -> None:
    """A folder that the engines' account owns; one that another user's engine has filled is refused."""
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    owner = folder.stat().st_uid
    if owner == account.uid:
        return
    if owner != os.getuid() or any(folder.iterdir()):
        raise RunRefused(
            f"{folder} belongs to another user (number {owner}), so that {account.name!r} cannot run an engine in it. "
            "Start Chorus as the user who started it before, or set CHORUS_DATA to another folder."
        )
    account.own(folder)


def make_secret_key(path: Path) -> str:
    """The key that signs sessions: read, or made once, whole, readable by us alone."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(random.token_urlsafe(50) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails when another process was faster: then its key is the key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


def engine_home(folder: Path) -> str:
    """How an engine started *in* `folder` names it: by no path, because it may not be able to walk there."""
    return "/proc/self/cwd" if sys.platform.startswith("linux") else str(folder)
