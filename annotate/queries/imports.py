"""Reads of imports, in the shape that the API gives."""

import uuid
from typing import Any

from django.db.models import QuerySet

from annotate.models import ImportRun
from annotate.reasons import tell_reason


def find_import(*, campaign_id: int, public_id: uuid.UUID) -> ImportRun | None:
    """One import of a campaign, or None."""
    return ImportRun.objects.filter(campaign_id=campaign_id, public_id=public_id).first()


def list_imports(*, campaign_id: int) -> QuerySet[ImportRun]:
    """The imports of a campaign; the page orders them."""
    return ImportRun.objects.filter(campaign_id=campaign_id)


def describe_import(run: ImportRun) -> dict[str, Any]:
    """How an import stands, without its lines that could not be used."""
    return {
        "id": str(run.public_id),
        "state": run.state,
        "format": run.format or None,
        "file": run.file_name or None,
        "strict": run.strict,
        "language": run.defaults.get("language"),
        "topic": run.defaults.get("topic"),
        "read": run.read,
        "added": run.added,
        "skipped": run.skipped,
        "bad": run.bad,
        "prompts_added": run.prompts_added,
        "candidates_added": run.candidates_added,
        "bytes": run.bytes,
        "bytes_read": run.bytes_read,
        "reason": tell_reason(run.reason) or None,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
    }


def list_problems(run: ImportRun) -> list[dict[str, Any]]:
    """Lines that could not be used, by number; at most the thousand that are kept."""
    rows = run.errors.order_by("line", "pk").values_list("line", "reason")
    return [{"line": line, "reason": tell_reason(reason)} for line, reason in rows]
