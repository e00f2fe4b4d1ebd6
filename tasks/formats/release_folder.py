"""The folder of one release while it is written: five tables, what was withdrawn, the card and the manifest."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.formats.card import CARD_NAME, format_card
from tasks.formats.manifest import MANIFEST_NAME, format_manifest
from tasks.formats.pairs import pairs_from_consensus
from tasks.formats.pseudonyms import make_pseudonym
from tasks.formats.rows import format_time
from tasks.formats.writers import TableWriter, list_writer_versions, write_file
from tasks.records.ballots import Ballot
from tasks.records.quality import ConsensusRecord
from tasks.records.released_generators import ReleasedGenerator
from tasks.records.releases import (
    PairSubject,
    PreferencePair,
    ReleaseCard,
    ReleasedBallot,
    ReleasedLabelSet,
    ReleasedTree,
    WithdrawnObject,
    WrittenFile,
)
from tasks.vocabulary import ReleaseTable

#: What earlier releases held and was withdrawn since: one JSON object a line, named as in that release.
WITHDRAWN_NAME = "withdrawn.jsonl"


class ReleaseFolder:
    """Writes the files of a release into `path`, which must not be there yet. A context manager.

    Equal calls in equal order give equal bytes. When the block fails, what was written is left for the caller,
    who owns the folder.
    """

    def __init__(self, path: Path, *, salt: bytes) -> None:
        self.path = path
        self.files: tuple[WrittenFile, ...] = ()
        self._salt = salt
        self._open = ExitStack()
        self._tables: dict[ReleaseTable, TableWriter] = {}

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True)
        with ExitStack() as opened:
            self._tables = {table: opened.enter_context(TableWriter(self.path, table)) for table in ReleaseTable}
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def name(self, kind: str, identity: int | str) -> str:
        """The id that this release gives to an object."""
        return make_pseudonym(kind, identity, salt=self._salt)

    def write_ballot(self, ballot: ReleasedBallot) -> None:
        self._tables[ReleaseTable.BALLOTS].write(ballot)

    def write_labels(self, labels: ReleasedLabelSet) -> None:
        self._tables[ReleaseTable.LABELS].write(labels)

    def write_tree(self, tree: ReleasedTree) -> None:
        self._tables[ReleaseTable.TREES].write(tree)

    def write_generator(self, generator: ReleasedGenerator) -> None:
        self._tables[ReleaseTable.GENERATORS].write(generator)

    def write_pairs(
        self, *, consensus: ConsensusRecord, subject: PairSubject, ballots: Sequence[Ballot]
    ) -> list[PreferencePair]:
        """Write the pairs that follow from a consensus, and return them."""
        pairs = list(pairs_from_consensus(consensus, subject, ballots=ballots))
        for pair in pairs:
            self._tables[ReleaseTable.PREFERENCE_PAIRS].write(pair)
        return pairs

    def finish(self, card: ReleaseCard, *, withdrawn: Iterable[WithdrawnObject]) -> bytes:
        """Close the tables, write the rest, and return the manifest; `files` then names every file.

        `card` comes with a manifest that lacks files and the versions of the writers.
        """
        self._open.close()
        files = [file for writer in self._tables.values() for file in writer.files]
        rows = [_describe_withdrawn(item) for item in withdrawn]
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        files.append(replace(write_file(self.path, WITHDRAWN_NAME, content), rows=len(rows)))
        methods = {**card.manifest.methods, **list_writer_versions()}
        card = replace(card, manifest=replace(card.manifest, methods=methods, files=tuple(files)))
        files.append(write_file(self.path, CARD_NAME, format_card(card).encode()))
        manifest = format_manifest(replace(card.manifest, files=tuple(files)))
        files.append(write_file(self.path, MANIFEST_NAME, manifest))
        self.files = tuple(sorted(files, key=lambda file: file.name))
        sync_folder(self.path)
        return manifest


def sync_folder(path: Path) -> None:
    """Have the names in a folder outlive a loss of power."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _describe_withdrawn(item: WithdrawnObject) -> Mapping[str, str | int]:
    when: datetime = item.withdrawn_at
    return {"kind": item.kind, "release": item.release, "id": item.id, "withdrawn_at": format_time(when)}
