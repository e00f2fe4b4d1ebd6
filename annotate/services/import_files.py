"""Files of imports: stored whole or not at all, removed when their import has ended.

A file lies in the folder of imports until then. What a crash leaves there is swept away when it is a day old.
An import whose `stored_path` is absolute reads somebody's own file, which stays where it is.
"""

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput, TooLarge
from annotate.figures import whole
from annotate.models import ImportRun
from tasks.vocabulary import ImportState

#: The folder of stored files, in the folder of uploads; `ImportRun.stored_path` starts with it.
FOLDER = "imports"
MAX_FILE_NAME_CHARS = 255
CHUNK_BYTES = 1024 * 1024
ORPHAN_SECONDS = 24 * 60 * 60


def store_file(path: Path, chunks: Iterable[bytes], *, max_bytes: int) -> tuple[bytes, int]:
    """Write a file so that it is there whole or not at all; returns its SHA-256 and its size.

    Raises TooLarge over `max_bytes`, and InvalidInput when nothing is in it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    digest, size = hashlib.sha256(), 0
    try:
        with draft.open("xb") as file:
            for chunk in chunks:
                size += len(chunk)
                _check_size(size, max_bytes)
                digest.update(chunk)
                file.write(chunk)
            _check_content(size)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return digest.digest(), size


def read_digest(path: Path) -> tuple[bytes, int]:
    """The SHA-256 and the size of a file. Raises InvalidInput when it cannot be read, or nothing is in it."""
    digest, size = hashlib.sha256(), 0
    try:
        for chunk in _iter_chunks(path):
            digest.update(chunk)
            size += len(chunk)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", code="file_unreadable") from error
    _check_content(size)
    return digest.digest(), size


def find_stored_file(run: ImportRun) -> Path:
    """Where the file of an import lies."""
    return Path(settings.UPLOAD_DIR, run.stored_path)


def remove_stored_file(run: ImportRun) -> None:
    """Remove the stored file of an import that has ended; somebody's own file stays."""
    if run.state in (ImportState.DONE, ImportState.FAILED) and not run.stored_path.startswith("/"):
        find_stored_file(run).unlink(missing_ok=True)


def sweep_stored_files() -> int:
    """Remove files older than a day whose import has ended or was never made; returns how many."""
    folder = settings.UPLOAD_DIR / FOLDER
    # The files first, then the rows: a file that is made meanwhile is not old.
    old = [path for path in folder.glob("*") if _is_old(path)]
    alive = set(
        ImportRun.objects.filter(state__in=(ImportState.QUEUED, ImportState.RUNNING)).values_list(
            "stored_path", flat=True
        )
    )
    orphans = [path for path in old if f"{FOLDER}/{path.name}" not in alive]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def clean_file_name(name: str) -> str:
    """The last part of a name that a sender gave, for show alone: nothing is ever opened by it."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in last if character.isprintable())
    return printable.encode("utf-8", "ignore").decode("utf-8")[:MAX_FILE_NAME_CHARS]


def _is_old(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - ORPHAN_SECONDS
    except FileNotFoundError:  # another sweep was faster
        return False


def _iter_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise TooLarge(
            _("The file is larger than %(bytes)s bytes. Split it, or import it with `manage.py import_data`.")
            % {"bytes": whole(max_bytes)},
            code="file_too_large",
            details={"limit_bytes": max_bytes},
        )


def _check_content(size: int) -> None:
    if not size:
        raise InvalidInput(
            _("The file is empty. Send one with at least one prompt."),
            code="file_empty",
            details={"file": [_("The file is empty.")]},
        )
