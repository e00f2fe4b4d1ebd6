"""Helpers of tests about imports: a campaign, files in every shape, and one way to run them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.utils import timezone

from annotate.models import Campaign, ImportRun, Message, MessageTree
from annotate.services.import_leases import claim_import
from annotate.services.import_runs import run_import
from annotate.services.imports import ImportOptions, create_import, create_items_import
from tasks.jobs.imports import open_stored_file


def make_campaign(
    slug: str = "birds", *, languages: Iterable[str] = ("en",), kinds: Iterable[str] = ("rank",)
) -> Campaign:
    return Campaign.objects.create(
        slug=slug,
        title="Birds",
        preset="rank",
        languages=list(languages),
        kinds=list(kinds),
        parameters={"redundancy": 3},
    )


def item(prompt: str, *candidates: str, **more: Any) -> dict[str, Any]:
    """An item whose candidates name the generators g0, g1, …"""
    named = [{"text": text, "generator": f"g{number}"} for number, text in enumerate(candidates)]
    return {"prompt": prompt, **more, **({"candidates": named} if named else {})}


def lines(records: Iterable[object]) -> bytes:
    """JSONL; a record that is text stands as it is."""
    return b"".join(
        (r if isinstance(r, str) else json.dumps(r)).encode("utf-8", "surrogatepass") + b"\n" for r in records
    )


def queue_bytes(campaign: Campaign, content: bytes, *, name: str = "items.jsonl", **options: Any) -> ImportRun:
    chunks = (content[start : start + 1000] for start in range(0, len(content), 1000))
    return create_import(campaign=campaign, actor=None, chunks=chunks, file_name=name, options=ImportOptions(**options))


def run_next() -> ImportRun:
    """Run the import that waits, as the job does, in this process."""
    claimed = claim_import(now=timezone.now())
    assert claimed is not None
    return run_import(claimed=claimed, open_records=open_stored_file, clock=timezone.now)


def import_bytes(campaign: Campaign, content: bytes, *, name: str = "items.jsonl", **options: Any) -> ImportRun:
    queued = queue_bytes(campaign, content, name=name, **options)
    ended = run_next()
    assert ended.pk == queued.pk
    return ended


def import_file(campaign: Campaign, path: Path, **options: Any) -> ImportRun:
    return import_bytes(campaign, path.read_bytes(), name=path.name, **options)


def import_items(campaign: Campaign, *items: object, **options: Any) -> ImportRun:
    create_items_import(campaign=campaign, actor=None, items=items, options=ImportOptions(**options))
    return run_next()


def pack(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def outcome(run: ImportRun) -> tuple[str, int, int, int, int]:
    """State, read, added, skipped, bad."""
    return run.state, run.read, run.added, run.skipped, run.bad


def problems(run: ImportRun) -> list[tuple[int, str]]:
    return list(run.errors.values_list("line", "reason"))


def tree_texts(campaign: Campaign) -> dict[str, set[str]]:
    """Each prompt with the texts right under it."""
    prompts = Message.objects.filter(tree__campaign=campaign, parent=None)
    return {prompt.text: set(prompt.replies.values_list("text", flat=True)) for prompt in prompts}


def count_trees(campaign: Campaign) -> int:
    return MessageTree.objects.filter(campaign=campaign).count()
