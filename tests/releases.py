"""Campaigns with something to release, and one way to build and read a release; for tests."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from django.conf import settings

from annotate.management.release_tools import list_release_tools
from annotate.models import Annotator, Campaign, Consent, Release
from annotate.services.release_building import build_release, find_folder
from annotate.services.releases import claim_release, request_release
from annotate.services.terms import CURRENT_TERMS
from tests.loop import NOW, ask, make_annotator, make_campaign, make_prompt, ranking_of, submit

TABLES = ("ballots", "generators", "labels", "preference_pairs", "trees")
NAMES = sorted(
    ["MANIFEST.json", "README.md", "withdrawn.jsonl", *(f"{t}.{e}" for t in TABLES for e in ("jsonl.gz", "parquet"))]
)


def make_giver(name: str) -> Annotator:
    """Somebody whose consent to the terms is on record."""
    annotator = make_annotator(name)
    Consent.objects.create(annotator=annotator, terms_version=CURRENT_TERMS, accepted_at=NOW)
    return annotator


def make_given(
    *names: str, prompts: int = 1, slug: str = "birds", **parameters: Any
) -> tuple[Campaign, list[Annotator]]:
    """An open ranking campaign in which each of these people ranked every prompt."""
    campaign = make_campaign(slug=slug, **parameters)
    for number in range(prompts):
        make_prompt(campaign, f"Question {number}")
    people = [make_giver(name) for name in names]
    for annotator in people:
        rank_all(annotator, campaign)
    return campaign, people


def rank_all(annotator: Annotator, campaign: Campaign, **more: Any) -> list[int]:
    """Rank whatever is offered; returns the ids of the judgments."""
    given = []
    hold = ask(annotator, campaign)["assignment"]
    while hold is not None:
        answer = submit(annotator, hold["id"], ranking_of(hold, **more))
        given.append(answer["judgment"]["id"])
        hold = answer["next"]["assignment"]
    return given


def build(campaign: Campaign, **given: Any) -> Release:
    """Ask for a release and build it, as the job does."""
    request_release(campaign=campaign, actor=None, now=NOW, **given)
    claimed = claim_release(now=NOW)
    assert claimed is not None
    return build_release(claimed=claimed, tools=list_release_tools(), clock=lambda: NOW)


def read_lines(release: Release, name: str) -> list[dict[str, Any]]:
    """The rows of a JSONL file of a release."""
    content = (find_folder(release) / name).read_bytes()
    text = gzip.decompress(content) if name.endswith(".gz") else content
    return [json.loads(line) for line in text.decode().splitlines()]


def list_release_dir() -> list[str]:
    """Every file under the folder of releases, and unfinished folders."""
    root = Path(settings.RELEASE_DIR)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))
