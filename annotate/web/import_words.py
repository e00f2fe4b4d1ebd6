"""Imports in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotate.models import ImportRun
from tasks.vocabulary import ImportFormat, ImportState

STATES: dict[ImportState, str | Promise] = {
    ImportState.QUEUED: gettext_lazy("waits its turn"),
    ImportState.RUNNING: gettext_lazy("being read"),
    ImportState.DONE: gettext_lazy("done"),
    ImportState.FAILED: gettext_lazy("failed"),
}
FORMATS: dict[ImportFormat, str | Promise] = {
    ImportFormat.PROMPTS: gettext_lazy("Prompts, one a line"),
    ImportFormat.JSONL: gettext_lazy("JSON Lines: prompts with candidates"),
    ImportFormat.CSV: gettext_lazy("CSV"),
    ImportFormat.PARQUET: gettext_lazy("Parquet"),
    ImportFormat.OASST_TREES: gettext_lazy("Open Assistant: trees"),
    ImportFormat.OASST_MESSAGES: gettext_lazy("Open Assistant: messages"),
    ImportFormat.SAMPLING_REPORT: gettext_lazy("Open Assistant: sampling report"),
}


def import_title(run: ImportRun) -> str:
    """The name of its file, or what it was instead."""
    return run.file_name or (
        _("Pasted prompts") if run.format == ImportFormat.PROMPTS else _("Records sent by the API")
    )
