"""Reads of releases, in the shape that the API gives."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from annotate.models import Campaign, Release, ReleaseFile
from annotate.queries.rows import Row, fetch_all
from annotate.reasons import tell_reason
from tasks.vocabulary import CampaignState, ReleaseSchedule, ReleaseState

#: States in which a release is sealed, whatever became of it afterwards.
SEALED = (ReleaseState.SEALED, ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN)

_REACHED = """
SELECT count(*) >= %(target)s AS reached FROM (
  SELECT 1 FROM annotate_queue q JOIN annotate_unit u ON u.queue_id = q.id AND u.done + u.surplus > 0
  JOIN annotate_judgment j ON j.unit_id = u.id AND j.is_current
  WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold LIMIT %(target)s) given"""


def list_releases(*, campaign_id: int) -> QuerySet[Release]:
    """The releases of a campaign; the page orders them."""
    return Release.objects.filter(campaign_id=campaign_id).defer("manifest")


def find_release(*, campaign_id: int, number: int) -> Release | None:
    """One release of a campaign with its files, or None; two queries."""
    found = Release.objects.filter(campaign_id=campaign_id, number=number).defer("manifest")
    return found.prefetch_related("files").first()


def find_release_file(*, campaign_id: int, number: int, name: str) -> ReleaseFile | None:
    """One file of a release that was sealed, with its release, or None."""
    files = ReleaseFile.objects.filter(release__campaign_id=campaign_id, release__number=number, name=name)
    return files.filter(release__state__in=SEALED).select_related("release").defer("release__manifest").first()


def find_path(file: ReleaseFile) -> Path | None:
    """Where a file of a release lies; None when it is not there."""
    path = Path(settings.RELEASE_DIR) / file.path
    return path if path.is_file() else None


def describe_release(release: Release) -> dict[str, Any]:
    """How a release stands, without its files. A reason for a withdrawal is told as its organizer wrote it."""
    is_ours = release.state != ReleaseState.WITHDRAWN
    return {
        "number": release.number,
        "state": release.state,
        "reason": (tell_reason(release.reason) if is_ours else release.reason) or None,
        "trigger": release.trigger,
        "filters": release.filters,
        "licence": release.licence,
        "counts": release.counts,
        "personal_data": release.personal_data,
        "requested_at": release.requested_at,
        "frozen_at": release.frozen_at,
        "sealed_at": release.sealed_at,
    }


def list_files(release: Release) -> list[ReleaseFile]:
    """The files of a release by name; those that came along with it."""
    return sorted(release.files.all(), key=lambda file: file.name)


def find_last_sealed(*, campaign_id: int) -> Release | None:
    """The newest sealed release of a campaign, or None."""
    return (
        Release.objects.filter(campaign_id=campaign_id, state__in=SEALED).order_by("-number").defer("manifest").first()
    )


def list_due_campaigns(*, now: datetime) -> list[Campaign]:
    """Campaigns whose date for a release has come, by that date."""
    due = Campaign.objects.filter(next_release_at__lte=now).exclude(state=CampaignState.DRAFT)
    return list(due.filter(~Q(release_schedule=None)).order_by("next_release_at", "pk"))


def list_waiting_campaigns() -> list[Campaign]:
    """Campaigns that wait for a number of judgments and had no release for it."""
    waiting = Campaign.objects.filter(release_schedule=ReleaseSchedule.TARGET).exclude(state=CampaignState.DRAFT)
    return [campaign for campaign in waiting.order_by("pk") if _wants(campaign)]


def is_target_reached(*, campaign_id: int, target: int) -> bool:
    """Whether so many judgments stand; counts no further than to the target."""
    rows: list[Row] = fetch_all(_REACHED, {"campaign": campaign_id, "target": target})
    return bool(rows[0]["reached"])


def has_release_of_target(*, campaign_id: int, target: int) -> bool:
    """Whether a release was made, or tried, because this number of judgments was reached."""
    return Release.objects.filter(
        campaign_id=campaign_id, trigger=ReleaseSchedule.TARGET, filters__target=target
    ).exists()


def _wants(campaign: Campaign) -> bool:
    target = campaign.parameters.get("release_target")
    return target is not None and not has_release_of_target(campaign_id=campaign.pk, target=target)
