"""Imports: whatever waits is run, one after the other, by whoever is woken first."""

from collections.abc import Callable

from celery import shared_task
from django.utils import timezone

from annotate.models import ImportRun
from annotate.services.import_files import find_stored_file, remove_stored_file, sweep_stored_files
from annotate.services.import_leases import LeaseLost, claim_import
from annotate.services.import_runs import run_import
from tasks.formats.import_stream import ImportStream
from tasks.vocabulary import ImportFormat, JobName


@shared_task(name=str(JobName.RUN_IMPORTS))
def run_imports_job() -> None:
    """Run every import that waits, also those whose worker died."""
    while claimed := claim_import(now=timezone.now()):
        try:
            ended = run_import(claimed=claimed, open_records=open_stored_file, clock=timezone.now)
        except LeaseLost:
            continue  # another worker has it
        remove_stored_file(ended)
    sweep_stored_files()


def open_stored_file(run: ImportRun, watch: Callable[[], None]) -> ImportStream:
    """The records of the file of an import."""
    file_format = ImportFormat(run.format) if run.format else None
    return ImportStream(find_stored_file(run), name=run.file_name, file_format=file_format, watch=watch)
