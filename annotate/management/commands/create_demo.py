"""`manage.py create_demo`: the demo campaign with its prompts and candidates, open for work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.models import Campaign, ImportRun
from annotate.services.campaign_files import read_campaign_file
from annotate.services.campaigns import apply_campaign, change_campaign
from tasks.records.campaigns import CampaignSpec
from tasks.vocabulary import CampaignState, ImportState

FOLDER = Path(__file__).resolve().parents[2] / "demo"
CAMPAIGN_FILE = FOLDER / "demo.toml"
PROMPTS_FILE = FOLDER / "demo.jsonl"


class Command(BaseCommand):
    help = "Make the demo campaign, import its prompts and candidates, and open it. The second time nothing is done."

    def handle(self, **options: Any) -> None:
        spec = read_campaign_file(CAMPAIGN_FILE.read_bytes())
        campaign = Campaign.objects.filter(slug=spec.slug).first()
        if campaign is not None and campaign.state != CampaignState.DRAFT:
            # Somebody may have changed, paused or closed it since: it is theirs now.
            self.stdout.write(f"The demo campaign {spec.slug} is there.")
            return
        try:
            # A draft is what an interrupted run left: it is gone on with.
            campaign = apply_campaign(spec=spec, actor=None, now=timezone.now()).campaign
            self.import_prompts(campaign)
            change_campaign(
                campaign=campaign, spec=CampaignSpec(state=CampaignState.OPEN), actor=None, now=timezone.now()
            )
        except ChorusError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(self.style.SUCCESS(f"The demo campaign {campaign.slug} is open."))

    def import_prompts(self, campaign: Campaign) -> None:
        if not ImportRun.objects.filter(campaign=campaign, state=ImportState.DONE).exists():
            call_command("import_data", campaign.slug, str(PROMPTS_FILE), stdout=self.stdout, stderr=self.stderr)
