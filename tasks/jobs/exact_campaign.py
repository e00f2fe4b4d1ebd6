"""The campaign of an exact simulation: made by the services, of made-up texts that name their topic."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management import call_command
from django.utils import timezone

from annotate.access import Actor
from annotate.models import Annotator, Campaign, Message, Unit, User
from annotate.services.campaigns import change_campaign, create_campaign
from annotate.services.people import create_user
from tasks.records.campaigns import CampaignSpec, TargetSpec
from tasks.records.parameters import CampaignSettings
from tasks.scheduling.simulation.layout import Layout
from tasks.scheduling.simulation.volunteers import Crowd
from tasks.vocabulary import CampaignState, Kind, Preset

OWNER = "owner@simulation.invalid"
#: Sentences that make a prompt as long as its cell says.
SENTENCES: Mapping[str, int] = {"short": 0, "middle": 12, "long": 50}


def make_campaign(layout: Layout, settings: CampaignSettings, *, now: datetime) -> Campaign:
    """Return an open campaign with the prompts and candidates of a layout."""
    number = Campaign.objects.count() + 1
    targets = zip(layout.target_names, layout.targets.tolist(), strict=True)
    campaign = create_campaign(
        spec=CampaignSpec(
            slug=f"imagined-{number}", title=f"Imagined {number}", preset=Preset.RANK, kinds=(Kind.RANK,),
            languages=layout.languages, state=CampaignState.OPEN,
            parameters={name: value for name, value in asdict(settings).items() if name != "grow_trees"},
            targets=tuple(TargetSpec(language, topic, int(wanted)) for (language, topic), wanted in targets),
        ),
        actor=Actor(user=find_owner(now=now), scopes=None),
        now=now,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prompts.jsonl"
        path.write_text("\n".join(json.dumps(item) for item in list_items(layout)), encoding="utf-8")
        call_command("import_data", campaign.slug, str(path), "--strict", verbosity=0, stdout=StringIO())
    return campaign


def list_items(layout: Layout) -> list[dict[str, Any]]:
    """Return the prompts as files have them, each named by its number."""
    items = []
    for unit, cell in enumerate(layout.cell.tolist()):
        language, topic, difficulty, length = layout.cell_names[cell]
        text = f"Question {unit} about {topic or 'anything'}. " + "More of it. " * SENTENCES[length]
        item: dict[str, Any] = {"prompt": text.strip(), "language": language, "external_id": str(unit)}
        item |= {name: value for name, value in (("topic", topic), ("difficulty", difficulty)) if value}
        count = int(layout.candidates[unit])
        item["candidates"] = [{"text": f"Answer {one} to question {unit}."} for one in range(count)]
        items.append(item)
    return items


def find_places(campaign: Campaign) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
    """Return the number of each unit by its id, and of each candidate by its id the unit's number and its own."""
    prompts = Message.objects.filter(tree__campaign=campaign, parent=None)
    number = {pk: int(name or 0) for pk, name in prompts.values_list("pk", "tree__external_id")}
    units = Unit.objects.filter(queue__campaign=campaign).values_list("pk", "subject_id")
    replies = Message.objects.filter(tree__campaign=campaign, parent__isnull=False).values_list(
        "pk", "parent_id", "text"
    )
    return (
        {pk: number[subject] for pk, subject in units if subject is not None},
        {pk: (number[parent], int(text.split()[1])) for pk, parent, text in replies if parent is not None},
    )


def make_people(crowd: Crowd, *, languages: Sequence[str], seed: int) -> list[int]:
    """An account for each volunteer of a run, the same ones for all its ways; returns their annotators."""
    made = []
    for person in range(len(crowd)):
        email = f"volunteer-{seed}-{person}@simulation.invalid"
        found = Annotator.objects.filter(user__email=email).values_list("pk", flat=True).first()
        if found is None:
            spoken = [languages[code] for code in np.flatnonzero(crowd.speaks[person]).tolist()]
            user = create_user(email=email, now=timezone.now(), languages=spoken, with_terms=True)
            found = Annotator.objects.get(user=user).pk
        made.append(found)
    return made


def find_owner(*, now: datetime) -> User:
    """Whoever makes every campaign."""
    found = User.objects.filter(email=OWNER).first()
    return found or create_user(email=OWNER, now=now, is_administrator=True, with_terms=True)


def close_campaign(campaign: Campaign, *, now: datetime) -> None:
    """Let jobs pass it over from now on."""
    campaign.refresh_from_db()
    change_campaign(campaign=campaign, spec=CampaignSpec(state=CampaignState.CLOSED), actor=None, now=now)
