"""Cells, topics and measurements of coverage, written straight into the tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from annotate.models import Campaign, CoverageCell, CoverageReport, Topic


def add_topic(campaign: Campaign, name: str, **more: Any) -> Topic:
    number = Topic.objects.filter(campaign=campaign).count() + 1
    given = {"embedder": "hashing/1", "centroid": "[1,0]", "terms": name.split(", "), **more}
    return Topic.objects.create(campaign=campaign, number=number, name=name, **given)


def add_cell(campaign: Campaign, *, language: str = "en", length: str = "short", **more: Any) -> CoverageCell:
    return CoverageCell.objects.create(
        campaign=campaign, language=language, length=length, counted_at=timezone.now(), **more
    )


def add_report(campaign: Campaign, coverage: float, *, at: datetime | None = None, **more: Any) -> CoverageReport:
    given = {"judgments": 7, "measured_at": at or timezone.now(), **more}
    return CoverageReport.objects.create(campaign=campaign, coverage=coverage, **given)
