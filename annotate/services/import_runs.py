"""Run an import: read its records, store them batch by batch, say how it ended.

1. A strict run reads the whole file once before it writes anything.
2. A batch is one transaction: its rows, the lines that could not be used, and how far the run is. So a run
   that died goes on after the last batch that was committed, and nothing is stored twice.
3. Whoever finds its lease lost stops; what it had not committed is gone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from django.db import transaction

from annotate.models import Campaign, Generator, ImportRun, Stratum
from annotate.services.import_leases import (
    KEPT_PROBLEMS,
    BatchCounts,
    Place,
    advance,
    finish,
    keep_problems,
    renew_lease,
)
from annotate.services.import_plan import BatchPlan, ImportRules
from annotate.services.import_store import Added, KnownNames, store_plan
from tasks.records.imports import BadLine, ImportRecord
from tasks.records.parameters import read_settings
from tasks.vocabulary import ImportFormat, ImportState

#: How often a run that stores nothing (it checks, or passes over what is done) says that it is alive.
BEAT_SECONDS = 10
REPORT_SECONDS = 0.5
BATCH_RECORDS = 500
BATCH_MESSAGES = 4_000
BATCH_CHARS = 8_000_000


class RecordStream(Protocol):
    """What a run reads: `tasks.formats.import_stream.ImportStream` has this shape."""

    file_format: ImportFormat | None
    bytes_read: int
    refusal: str | None

    def __iter__(self) -> Iterator[ImportRecord]: ...


#: Opens the file of an import at its start; the callback is to be called whenever reading got further.
OpenRecords = Callable[[ImportRun, Callable[[], None]], RecordStream]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `is_checking`: the first pass of a strict one. Of its two passes each counts half the bytes."""

    import_id: int
    is_checking: bool
    read: int
    added: int
    skipped: int
    bad: int
    bytes_read: int
    bytes: int


Report = Callable[[Progress], None]


def run_import(
    *, claimed: ImportRun, open_records: OpenRecords, clock: Callable[[], datetime], report: Report | None = None
) -> ImportRun:
    """Run a claimed import to its end; returns it as it is then. Raises `import_leases.LeaseLost`."""
    work = _Run(claimed=claimed, open_records=open_records, clock=clock, report=report)
    # A strict run that stored something has been through the check.
    if not claimed.strict or claimed.records_done or work.check():
        work.store()
    claimed.refresh_from_db()
    return claimed


def read_rules(*, claimed: ImportRun) -> ImportRules:
    """What the campaign takes now, and what the import says of records that say nothing."""
    languages, parameters = Campaign.objects.values_list("languages", "parameters").get(pk=claimed.campaign_id)
    settings = read_settings(parameters)
    smallest = settings.min_goal_tree_size or settings.goal_tree_size
    return ImportRules(
        languages=tuple(languages),
        goal_sizes=(smallest, settings.goal_tree_size) if settings.grow_trees else None,
        default_language=claimed.defaults.get("language"),
        default_topic=claimed.defaults.get("topic") or "",
        generators=set(Generator.objects.filter(campaign=claimed.campaign_id).values_list("name", flat=True)),
        strata=set(Stratum.objects.filter(campaign=claimed.campaign_id).values_list("language", "topic")),
    )


@dataclass(slots=True)
class _Batch:
    """Records that were read and are not stored yet: those after `after`, up to `done`."""

    plan: BatchPlan
    after: int
    done: int
    usable: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        plan = self.plan
        read = self.done - self.after
        return read >= BATCH_RECORDS or plan.messages >= BATCH_MESSAGES or plan.chars >= BATCH_CHARS


class _Run:
    """One run of one import by one process."""

    def __init__(
        self, *, claimed: ImportRun, open_records: OpenRecords, clock: Callable[[], datetime], report: Report | None
    ) -> None:
        self.claimed = claimed
        self.open_records = open_records
        self.clock = clock
        self.report = report
        self.names = KnownNames()
        self.is_checking = False
        self.read = claimed.read
        self.added, self.skipped, self.bad = claimed.added, claimed.skipped, claimed.bad
        self.beat_at = self.report_at = clock()
        self.stream: RecordStream | None = None

    def check(self) -> bool:
        """Read everything and store nothing. When something is wrong, end the import, say what, and return False."""
        rules = read_rules(claimed=self.claimed)
        problems: list[tuple[int, str]] = []
        self.is_checking = True
        for record in self._open():
            self.read += 1
            reason = rules.find_problem(record)
            if reason is not None:
                self.bad += 1
                if len(problems) < KEPT_PROBLEMS:
                    problems.append((record.line, reason))
            self._beat()
        refusal = self._find_refusal()
        read, bad = self.read, self.bad
        if bad or refusal:
            reason = refusal or f"{bad:,} of {read:,} records cannot be used, so nothing was imported."
            with transaction.atomic():
                keep_problems(claimed=self.claimed, problems=problems)
                self._finish(ImportState.FAILED, reason=reason, read=read, bad=bad)
            return False
        self.is_checking = False
        self.read = 0
        return True

    def store(self) -> None:
        """Store what is not stored yet, batch by batch, and end the import."""
        rules = read_rules(claimed=self.claimed)
        batch = self._start_batch(rules, after=self.claimed.records_done)
        for record in self._open():
            self._beat()
            if record.ordinal <= batch.after:
                continue
            _take(batch, record)
            if batch.is_full:
                self._store_batch(batch)
                batch = self._start_batch(rules, after=batch.done)
        if batch.done > batch.after:
            self._store_batch(batch)
        refusal = self._find_refusal()
        self._finish(ImportState.FAILED if refusal else ImportState.DONE, reason=refusal or "")

    def _open(self) -> RecordStream:
        self.stream = self.open_records(self.claimed, self._beat)
        return self.stream

    @staticmethod
    def _start_batch(rules: ImportRules, *, after: int) -> _Batch:
        return _Batch(BatchPlan(rules), after=after, done=after)

    def _store_batch(self, batch: _Batch) -> None:
        now = self.clock()
        with transaction.atomic():
            added = self._store_plan(batch.plan, now=now)
            keep_problems(claimed=self.claimed, problems=batch.problems[: max(0, KEPT_PROBLEMS - self.bad)])
            counts = BatchCounts(
                records_done=batch.done,
                added=len(added.records),
                skipped=batch.usable - len(added.records),
                bad=len(batch.problems),
                prompts_added=added.prompts,
                candidates_added=added.candidates,
                languages=sorted({tree.language for tree in batch.plan.trees.values()}),
            )
            advance(claimed=self.claimed, counts=counts, place=self._tell_place(), now=now)
        self.beat_at = now
        self.read, self.bad = batch.done, self.bad + counts.bad
        self.added, self.skipped = self.added + counts.added, self.skipped + counts.skipped
        self._report(now)

    def _store_plan(self, plan: BatchPlan, *, now: datetime) -> Added:
        if not plan.trees:
            return Added(frozenset(), 0, 0)
        claimed = self.claimed
        return store_plan(campaign_id=claimed.campaign_id, import_id=claimed.pk, plan=plan, names=self.names, now=now)

    def _beat(self) -> None:
        now = self.clock()
        if now - self.beat_at >= timedelta(seconds=BEAT_SECONDS):
            renew_lease(claimed=self.claimed, place=self._tell_place(), now=now)
            self.beat_at = now
        if self.report is not None and now - self.report_at >= timedelta(seconds=REPORT_SECONDS):
            self._report(now)

    def _report(self, now: datetime) -> None:
        self.report_at = now
        if self.report is not None:
            self.report(
                Progress(
                    import_id=self.claimed.pk,
                    is_checking=self.is_checking,
                    read=self.read,
                    added=self.added,
                    skipped=self.skipped,
                    bad=self.bad,
                    bytes_read=self._tell_place().bytes_read,
                    bytes=self.claimed.bytes,
                )
            )

    def _finish(self, state: ImportState, *, reason: str, read: int = 0, bad: int = 0) -> None:
        now = self.clock()
        finish(claimed=self.claimed, state=state, reason=reason, place=self._tell_place(), now=now, read=read, bad=bad)
        self._report(now)

    def _tell_place(self) -> Place:
        if self.stream is None:
            return Place(0, None)
        position = min(self.stream.bytes_read, self.claimed.bytes)
        if self.claimed.strict:
            position = (position if self.is_checking else self.claimed.bytes + position) // 2
        return Place(position, self.stream.file_format)

    def _find_refusal(self) -> str | None:
        """Why the file could not be read to its end, or None. A file without a usable record is refused too."""
        if self.stream is not None and self.stream.refusal is not None:
            return self.stream.refusal
        if not self.read:
            return "There are no records in this file. Send one with at least one prompt."
        if self.bad == self.read and not self.is_checking:
            return f"None of the {self.read:,} records can be used, so nothing was imported. Mend them by the reasons listed."
        return None


def _take(batch: _Batch, record: ImportRecord) -> None:
    batch.done = record.ordinal
    reason = batch.plan.rules.find_problem(record)
    if isinstance(record, BadLine) or reason is not None:
        batch.problems.append((record.line, reason or ""))
    else:
        batch.usable += 1
        batch.plan.add(record)
