"""Build a release that was claimed.

1. Freeze the ids of what is in it, once (`release_freezing`), and what the card says of the campaign then.
2. Write the files, tree by tree, in short statements, into a folder beside the place where they belong.
3. Seal: in one transaction make sure that the lease is ours and that nothing was taken back meanwhile (else write
   again), store files, manifest and counts, and give the folder its name.

A builder that dies leaves a folder that the next one throws away. Equal items give equal bytes.
"""

import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotate.models import Release, ReleaseFile
from annotate.queries.generator_identity import describe_released_generators
from annotate.queries.gold import count_gold_judgments
from annotate.services.release_freezing import count_left_out, freeze_items, prune_items
from annotate.services.release_writing import ReleaseTools, Written, describe_campaign, write_release
from annotate.services.releases import renew_release, write_under_lease

#: How often a release is written anew because something in it was taken back meanwhile.
MOST_WRITINGS = 5

_SEAL = """
UPDATE annotate_release SET state = 'sealed', sealed_at = %(now)s, manifest = %(manifest)s::jsonb, counts = %(counts)s::jsonb,
  personal_data = %(personal_data)s::jsonb, reason = '', lease_token = NULL, lease_expires_at = NULL
WHERE id = %(id)s AND state = 'building' AND lease_token = %(token)s"""

_FROZEN = """
UPDATE annotate_release SET frozen_at = %(now)s, manifest = %(manifest)s::jsonb
WHERE id = %(id)s AND state = 'building' AND lease_token = %(token)s"""


class KeepsChanging(RuntimeError):
    """Every time the files were written, something in them had been taken back meanwhile."""


def build_release(*, claimed: Release, tools: ReleaseTools, clock: Callable[[], datetime]) -> Release:
    """Build a claimed release to its end; returns it sealed. Raises `releases.LeaseLost`, and whatever went wrong."""
    if claimed.frozen_at is None:
        freeze_release(claimed=claimed, now=clock())
    part = find_folder(claimed).with_name(f".{claimed.number}.{claimed.lease_token}")
    try:
        for _ in range(MOST_WRITINGS):
            prune_release(claimed=claimed, now=clock())
            discard_parts(claimed)
            written = write_release(
                release=claimed, folder=part, tools=tools, beat=lambda: renew_release(claimed=claimed, now=clock())
            )
            if seal_release(claimed=claimed, written=written, part=part, now=clock()):
                claimed.refresh_from_db()
                return claimed
        raise KeepsChanging
    finally:
        shutil.rmtree(part, ignore_errors=True)


def freeze_release(*, claimed: Release, now: datetime) -> None:
    """Note what is in the release, and what the card will say of the campaign: from now on neither changes."""
    with transaction.atomic():
        frozen = describe_campaign(claimed.campaign, now=now)
        write_under_lease(_FROZEN, claimed, {"now": now, "manifest": json.dumps({"frozen": frozen})})
        limits = {"campaign_id": claimed.campaign_id, "filters": claimed.filters}
        freeze_items(release_id=claimed.pk, **limits)
        frozen |= {
            "generators": describe_released_generators(release_id=claimed.pk),
            "left_out": count_left_out(**limits),
            "gold": count_gold_judgments(campaign_id=claimed.campaign_id),
        }
        write_under_lease(_FROZEN, claimed, {"now": now, "manifest": json.dumps({"frozen": frozen})})
    claimed.refresh_from_db()


def seal_release(*, claimed: Release, written: Written, part: Path, now: datetime) -> bool:
    """Seal what was written and give its folder its name; False when something in it was taken back meanwhile."""
    final = find_folder(claimed)
    with transaction.atomic():
        frozen = (claimed.manifest or {})["frozen"]
        told = {
            "now": now,
            "manifest": json.dumps({**written.manifest, "frozen": frozen}),
            "counts": json.dumps(dict(written.counts)),
            "personal_data": json.dumps(written.personal_data),
        }
        if prune_release(claimed=claimed, now=now):
            return False
        write_under_lease(_SEAL, claimed, told)
        ReleaseFile.objects.bulk_create(
            ReleaseFile(
                release=claimed,
                name=file.name,
                path=f"{final.relative_to(settings.RELEASE_DIR)}/{file.name}",
                rows=file.rows,
                bytes=file.bytes,
                sha256=file.sha256,
            )
            for file in written.files
        )
        if final.exists():
            shutil.rmtree(final)  # a builder died between naming its folder and committing
        part.rename(final)
        _sync(final.parent)
    return True


def find_folder(release: Release) -> Path:
    """Where the files of a release are once it is sealed."""
    return Path(settings.RELEASE_DIR) / release.campaign.slug / str(release.number)


def discard_parts(release: Release) -> None:
    """Throw away what earlier builders of this release left unfinished."""
    final = find_folder(release)
    for path in final.parent.glob(f".{release.number}.*"):
        shutil.rmtree(path, ignore_errors=True)


def prune_release(*, claimed: Release, now: datetime) -> int:
    """Take out of the release what may not be published any more; returns how much that was. Raises LeaseLost.

    The row stays locked until the caller's transaction ends: the items and the folder are this builder's alone.
    """
    with transaction.atomic():
        renew_release(claimed=claimed, now=now)
        return prune_items(release_id=claimed.pk, campaign_id=claimed.campaign_id, filters=claimed.filters)


def explain_failure(error: Exception) -> str:
    """Why building failed, for organizers: a sentence that says what to do."""
    if isinstance(error, OSError):
        return (
            f"The files could not be written: {error.strerror or type(error).__name__}. "
            "Ask whoever runs the site to look at the disk of releases, then ask for a new release."
        )
    if isinstance(error, KeepsChanging):
        return (
            "Each time the files were written, somebody had taken back something in them. Ask for a new release later."
        )
    return (
        f"Building failed ({type(error).__name__}), and the workers' log says more. Tell whoever runs the site, "
        "then ask for a new release."
    )


def _sync(folder: Path) -> None:
    """Have the names in a folder outlive a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
