"""`manage.py build_release CAMPAIGN`: asks for a release, builds it here and prints its files."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.management.release_tools import list_release_tools
from annotate.models import Campaign, Release
from annotate.queries.releases import SEALED, list_files
from annotate.services.release_building import build_release, explain_failure, find_folder
from annotate.services.releases import check_filters, request_release, start_own_release, stop_release
from tasks.vocabulary import ReleaseState

#: Seconds between two looks at a release that a worker builds.
SECONDS_A_LOOK = 1.0


class Command(BaseCommand):
    help = "Build and seal a release of a campaign now, and print each of its files with its rows and SHA-256."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("campaign", metavar="CAMPAIGN", help="the campaign's slug")
        parser.add_argument("--language", metavar="CODE", action="append", help="only this language (repeat it)")
        parser.add_argument("--kind", metavar="KIND", action="append", help="only this kind of work (repeat it)")
        parser.add_argument("--terms", metavar="TERMS", action="append", help="of models only texts under these terms")
        parser.add_argument("--licence", metavar="NAME", action="append", help="only of models with this licence")
        parser.add_argument("--wait", action="store_true", help="let a worker build it, and wait until it is sealed")

    def handle(
        self,
        *,
        campaign: str,
        language: list[str] | None,
        kind: list[str] | None,
        terms: list[str] | None,
        licence: list[str] | None,
        wait: bool,
        **options: Any,
    ) -> None:
        found = Campaign.objects.filter(slug=campaign).first()
        if found is None:
            raise CommandError(f'There is no campaign "{campaign}". Make it with manage.py apply_campaign.')
        said = {"languages": language, "kinds": kind, "output_terms": terms, "model_licences": licence}
        filters = {name: value for name, value in said.items() if value}
        if problems := check_filters(campaign=found, filters=filters):
            raise CommandError(next(iter(problems.values()))[0])
        try:
            release = self._wait(found, filters) if wait else self._build(found, filters)
        except ChorusError as refusal:
            raise CommandError(refusal.message) from refusal
        if release.state not in SEALED:
            raise CommandError(f"Release {release.number} failed. {release.reason}")
        self._print(release)

    def _build(self, campaign: Campaign, filters: dict[str, Any]) -> Release:
        claimed = start_own_release(campaign=campaign, now=timezone.now(), filters=filters)
        try:
            return build_release(claimed=claimed, tools=list_release_tools(), clock=timezone.now)
        except ChorusError:
            raise
        except (Exception, KeyboardInterrupt) as error:
            reason = (
                explain_failure(error) if isinstance(error, Exception) else "The command that built it was stopped."
            )
            stop_release(claimed=claimed, reason=reason, now=timezone.now(), is_final=True)
            raise

    def _wait(self, campaign: Campaign, filters: dict[str, Any]) -> Release:
        release = request_release(campaign=campaign, actor=None, now=timezone.now(), filters=filters)
        self.stderr.write(f"Release {release.number} waits for a worker.")
        while release.state in (ReleaseState.REQUESTED, ReleaseState.BUILDING):
            time.sleep(SECONDS_A_LOOK)
            release.refresh_from_db()
        return release

    def _print(self, release: Release) -> None:
        self.stderr.write(f"Release {release.number} is sealed, in {find_folder(release)}")
        for file in list_files(release):
            rows = "-" if file.rows is None else str(file.rows)
            self.stdout.write(f"{file.sha256}  {rows:>9}  {file.bytes:>12}  {file.name}")
