"""`manage.py import_data CAMPAIGN FILE…`: imports files where they lie, in the foreground, and goes on where it stopped."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.models import Campaign, ImportRun
from annotate.queries.imports import list_problems
from annotate.services.import_leases import KEPT_PROBLEMS, stop_import
from annotate.services.import_runs import Progress, run_import
from annotate.services.imports import ImportOptions, start_own_import
from tasks.formats.import_stream import ImportStream
from tasks.vocabulary import ImportFormat, ImportState

MIB = 2**20
#: Seconds between two lines of progress where they do not replace each other.
SECONDS_A_LINE = 10.0


class Command(BaseCommand):
    help = (
        "Import prompts, candidates and message trees from files. The same file twice adds nothing; a file whose import "
        "was stopped goes on after what is stored. Fails when a file cannot be read, and with --strict also when one of "
        "its records cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", metavar="CAMPAIGN", help="the campaign's slug")
        parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
        parser.add_argument(
            "--format", choices=[word.value for word in ImportFormat], help="told from each file by default"
        )
        parser.add_argument(
            "--strict", action="store_true", help="import nothing of a file in which a record cannot be used"
        )
        parser.add_argument("--language", metavar="CODE", help="of records that name none")
        parser.add_argument("--topic", help="of records that name none")

    def handle(self, *, campaign: str, files: list[Path], **options: Any) -> None:
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None:
            raise CommandError(f'There is no campaign "{campaign}". Make it with manage.py apply_campaign.')
        wanted = ImportOptions(
            file_format=ImportFormat(options["format"]) if options["format"] else None,
            strict=options["strict"],
            language=options["language"],
            topic=options["topic"],
        )
        # Each file is tried, whatever became of the one before it.
        failed = [path for path in files if not self._import(found, path.absolute(), wanted)]
        if failed:
            raise CommandError(f"Not imported to the end: {', '.join(path.name for path in failed)}.")

    def _import(self, campaign: Campaign, path: Path, options: ImportOptions) -> bool:
        """Import one file and say what became of it; False when it failed."""
        try:
            claimed = start_own_import(campaign=campaign, path=path, options=options, now=timezone.now())
            if claimed.records_done:
                self.stderr.write(f"{path.name}: going on after record {claimed.records_done:,}.")
            ended = self._run(claimed, path)
        except ChorusError as refusal:
            self.stderr.write(f"{path.name}: {refusal.message}")
            return False
        for problem in list_problems(ended):
            self.stderr.write(f"{path.name}:{problem['line']}: {problem['reason']}")
        if ended.bad > KEPT_PROBLEMS:
            self.stderr.write(f"{path.name}: {ended.bad - KEPT_PROBLEMS:,} more records cannot be used.")
        self.stdout.write(f"{path.name}: {summarize(ended)}")
        return ended.state == ImportState.DONE

    def _run(self, claimed: ImportRun, path: Path) -> ImportRun:
        def open_records(run: ImportRun, watch: Callable[[], None]) -> ImportStream:
            file_format = ImportFormat(run.format) if run.format else None
            return ImportStream(path, name=path.name, file_format=file_format, watch=watch)

        def write(text: str) -> None:
            self.stderr.write(text, style_func=str, ending="")
            self.stderr.flush()

        shown = ProgressLine(write, is_terminal=self.stderr.isatty(), name=path.name, clock=time.monotonic)
        try:
            return run_import(claimed=claimed, open_records=open_records, clock=timezone.now, report=shown.show)
        except KeyboardInterrupt:
            stop_import(claimed=claimed, now=timezone.now())
            raise
        finally:
            shown.end()


class ProgressLine:
    """How far an import is: one line that is written over on a terminal, a line now and then elsewhere."""

    def __init__(
        self, write: Callable[[str], None], *, is_terminal: bool, name: str, clock: Callable[[], float]
    ) -> None:
        self.write = write
        self.is_terminal = is_terminal
        self.name = name
        self.clock = clock
        self.started = clock()
        self.first: Progress | None = None
        self.shown_at = self.started
        self.is_open = False

    def show(self, progress: Progress) -> None:
        """Write the progress, if it is time to."""
        if self.first is None or self.first.is_checking != progress.is_checking:
            self.first, self.started = progress, self.clock()
        text = self.describe(progress)
        if self.is_terminal:
            self.write(f"\r\x1b[K{text}")
            self.is_open = True
        elif self.clock() - self.shown_at >= SECONDS_A_LINE:
            self.shown_at = self.clock()
            self.write(f"{text}\n")

    def end(self) -> None:
        """Leave the line."""
        if self.is_open:
            self.write("\n")
            self.is_open = False

    def describe(self, progress: Progress) -> str:
        """`items.jsonl: importing, 12,000 records, 14 of 62 MiB, 2,300 records/s, 0:21 left`."""
        first = self.first or progress
        seconds = self.clock() - self.started
        rate = (progress.read - first.read) / seconds if seconds > 0 else 0.0
        doing = "checking" if progress.is_checking else "importing"
        parts = [
            f"{self.name}: {doing}",
            f"{progress.read:,} records",
            f"{progress.bytes_read / MIB:,.0f} of {progress.bytes / MIB:,.0f} MiB",
        ]
        if rate > 0:
            parts.append(f"{rate:,.0f} records/s")
        moved = progress.bytes_read - first.bytes_read
        if moved > 0 and seconds > 0:
            left = round((progress.bytes - progress.bytes_read) * seconds / moved)
            parts.append(f"{left // 60}:{left % 60:02} left")
        return ", ".join(parts)


def summarize(run: ImportRun) -> str:
    """What became of an import, in one line."""
    counts = (
        f"{run.read:,} records read, {run.added:,} added ({run.prompts_added:,} prompts, "
        f"{run.candidates_added:,} candidates), {run.skipped:,} there already, {run.bad:,} not usable"
    )
    return f"{counts}." if run.state == ImportState.DONE else f"{run.reason} ({counts})"
