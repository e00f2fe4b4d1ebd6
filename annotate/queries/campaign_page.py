"""What the page of a campaign shows, as it was last counted and computed: a few rows, whatever the campaign's size."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from annotate.models import Campaign, CampaignProgress, ImportRun, Release
from annotate.queries.agreement import list_agreement
from annotate.queries.growth import GrowthSetup, load_growth_setup, load_supply_rows
from annotate.queries.imports import list_imports
from annotate.queries.leaderboards import get_short_leaderboard
from annotate.queries.progress import OUTSIDE, choose_progress
from tasks.records.parameters import read_settings

#: Of a campaign's imports only the latest can be a problem that is shown.
LATEST_IMPORTS = 20


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that is known of one campaign at a moment.

    progress, overview   as the sweep stored them (see `queries.progress`, `queries.overview`); empty before its first turn
    counted_at           when that was; None: not yet
    agreement            every figure by language, see `queries.agreement`
    leaderboard          its first entries; None for whoever must not know who wrote what
    imports, release     the latest ones, newest first; nothing for whoever does not run the campaign
    supply               a row a language, see `queries.growth`; nothing where no trees grow
    setup                for whoever runs a campaign in which trees grow
    """

    state: str
    progress: Mapping[str, Any]
    overview: Mapping[str, Any]
    counted_at: datetime | None
    agreement: list[dict[str, Any]]
    leaderboard: dict[str, Any] | None
    imports: list[ImportRun] = field(default_factory=list)
    release: Release | None = None
    supply: list[dict[str, Any]] = field(default_factory=list)
    setup: GrowthSetup | None = None

    def fingerprint(self, *, today: date) -> str:
        """Says whether anything that is shown has changed; not when it was counted."""
        shown = [
            self.state,
            today.isoformat(),
            self.progress,
            self.overview,
            [(report["computed_at"].isoformat(), report["value"]) for report in self.agreement],
            None if self.leaderboard is None else str(self.leaderboard["computed_at"]),
            [(run.pk, run.state) for run in self.imports],
            None if self.release is None else (self.release.number, self.release.state),
            [{**row, "counted_at": None} for row in self.supply],
            None if self.setup is None else (self.setup.has_generators, sorted(self.setup.asked)),
        ]
        text = json.dumps(shown, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_numbers(*, campaign: Campaign, is_insider: bool, knows_origins: bool) -> Numbers:
    """Two to seven queries, each of rows that a campaign has few of."""
    grows = read_settings(campaign.parameters).grow_trees
    stored = CampaignProgress.objects.filter(campaign_id=campaign.pk).first()
    return Numbers(
        state=campaign.state,
        progress={} if stored is None else choose_progress(stored.result, is_insider=is_insider),
        overview={} if stored is None else _choose_overview(stored, is_insider=is_insider),
        counted_at=None if stored is None else stored.computed_at,
        agreement=list_agreement(campaign_id=campaign.pk, is_insider=is_insider),
        leaderboard=get_short_leaderboard(campaign_id=campaign.pk) if knows_origins else None,
        imports=_list_latest_imports(campaign.pk) if is_insider else [],
        release=_find_latest_release(campaign.pk) if is_insider else None,
        supply=load_supply_rows(campaign_id=campaign.pk) if grows else [],
        setup=load_growth_setup(campaign_id=campaign.pk) if grows and is_insider else None,
    )


def _choose_overview(stored: CampaignProgress, *, is_insider: bool) -> Mapping[str, Any]:
    """Where there are gold items, today's judgments are told to those who run the campaign: gold is not among them."""
    overview: Mapping[str, Any] = stored.overview
    if is_insider:
        return overview
    if covered := overview.get("covered"):
        overview = {**overview, "covered": {**covered, "now": covered["midnight"]}}
    if OUTSIDE not in stored.result or "days" not in overview:
        return overview
    today = stored.computed_at.astimezone(UTC).date().isoformat()
    return {**overview, "days": [[day, count] for day, count in overview["days"] if day < today]}


def _list_latest_imports(campaign_id: int) -> list[ImportRun]:
    return list(list_imports(campaign_id=campaign_id).order_by("-pk")[:LATEST_IMPORTS])


def _find_latest_release(campaign_id: int) -> Release | None:
    releases = Release.objects.filter(campaign_id=campaign_id).defer("manifest", "personal_data", "counts", "filters")
    return releases.order_by("-number").first()
