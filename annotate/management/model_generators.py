"""The generators that a worker started from the shell answers for: found by their model, or registered."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from annotate.exceptions import Conflict, NotFound
from annotate.models import Campaign, GenerationRequest, Generator
from annotate.services.campaigns import change_campaign
from annotate.services.generators import create_generator
from tasks.records.campaigns import CampaignSpec, GeneratorUse
from tasks.vocabulary import Engine

#: Why the audit says that something was changed from the shell.
REASON = "manage.py generate"
#: What a model is asked for where nobody says it: enough for an answer, and the temperature that model cards use most.
SAMPLING: Mapping[str, Any] = {"temperature": 0.7, "top_p": 0.95, "max_tokens": 512}


def find_generators(
    *, engine: Engine, model: str, revision: str | None, endpoint: str = "", enabled: bool = True
) -> list[Generator]:
    """Generators of the site with this engine and model; `revision` None: whatever theirs is."""
    found = Generator.objects.filter(campaign__isnull=True, enabled=enabled, engine=engine, model=model).order_by("pk")
    if endpoint:
        found = found.filter(endpoint=endpoint)
    return list(found if revision is None else found.filter(revision=revision))


def register(*, name: str, values: Mapping[str, Any]) -> Generator:
    """Make a generator; where its name stands for another one, the next free number is added. Audited, by nobody."""
    for number in itertools.count(1):
        chosen = name if number == 1 else f"{name} {number}"
        try:
            return create_generator(values={"name": chosen, **values}, actor=None, reason=REASON)
        except Conflict:
            continue
    raise AssertionError("numbers do not end")


def leave_out_asked(*, slug: str, generators: Sequence[Generator]) -> list[Generator]:
    """Those that a campaign never asked: one that it asked before, and names no more, was taken out by its organizers."""
    asked = GenerationRequest.objects.filter(campaign__slug=slug, generator__in=generators)
    known = set(asked.values_list("generator_id", flat=True))
    return [generator for generator in generators if generator.pk not in known]


def name_in_campaign(*, slug: str, generators: Sequence[Generator], samples: int) -> bool:
    """Have a campaign ask these generators, beside those that it names. False when it asks them all already.

    Raises NotFound, and what changing a campaign refuses.
    """
    campaign = Campaign.objects.filter(slug=slug).first()
    if campaign is None:
        raise NotFound(f"There is no campaign {slug!r}. Name one by its address, or make it first.")
    named = [
        GeneratorUse(use.generator.name, use.samples, use.is_for_variety)
        for use in campaign.campaign_generators.select_related("generator").order_by("generator__name")
    ]
    new = [generator for generator in generators if generator.name not in {use.name for use in named}]
    if not new:
        return False
    uses = (*named, *(GeneratorUse(generator.name, samples) for generator in new))
    change_campaign(
        campaign=campaign, spec=CampaignSpec(generators=uses), actor=None, now=timezone.now(), reason=REASON
    )
    return True
