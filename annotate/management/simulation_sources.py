"""What `manage.py simulate` starts from: a campaign that is there, one that a file describes, or prompts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import CommandError
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.models import Campaign
from annotate.queries.simulations import grows_from_nothing, load_growing, load_simulated
from annotate.services.campaign_files import MAX_FILE_BYTES, read_campaign_file
from tasks.formats.prompt_files import read_json_items
from tasks.records.campaigns import CampaignSpec
from tasks.records.growing_simulations import DECIDED, GrowingCampaign
from tasks.records.imports import BadLine, ImportedPrompt, ImportLimits
from tasks.records.presets import PRESETS
from tasks.records.simulations import SimulatedCampaign, WorkUnit
from tasks.scheduling.simulation.imagining import imagine_campaign, imagine_candidates
from tasks.vocabulary import Preset

#: Of prompts that name no language.
LANGUAGE = "en"


def find_source(target: str, *, prompts: int, seed: int) -> SimulatedCampaign:
    """The campaign of this slug; else what the file of this name describes. Raises CommandError."""
    campaign = Campaign.objects.filter(slug=target).first()
    if campaign is not None:
        return load_simulated(campaign=campaign, now=timezone.now())
    path = Path(target)
    if not path.is_file():
        raise CommandError(f'There is no campaign "{target}", and no file of that name.')
    return read_description(path, prompts=prompts, seed=seed) if path.suffix == ".toml" else read_prompts(path)


def find_growing(target: str) -> GrowingCampaign | None:
    """The campaign of this slug, or that a file describes, where it grows trees. Raises CommandError."""
    campaign = Campaign.objects.filter(slug=target).first()
    if campaign is not None:
        grows = grows_from_nothing(parameters=campaign.parameters, kinds=campaign.kinds)
        return load_growing(campaign=campaign, now=timezone.now()) if grows else None
    path = Path(target)
    if path.suffix != ".toml" or not path.is_file():
        return None
    spec = read_spec(path)
    preset = PRESETS[spec.preset or Preset.RANK]
    parameters = {**preset.parameters, **spec.parameters}
    if not grows_from_nothing(parameters=parameters, kinds=spec.kinds or preset.kinds):
        return None
    decided = spec.as_values()
    return GrowingCampaign(
        title=spec.title or spec.slug or path.stem,
        languages=spec.languages or (LANGUAGE,),
        parameters=parameters,
        description={"kinds": list(preset.kinds)} | {name: decided[name] for name in DECIDED if decided.get(name)},
    )


def read_spec(path: Path) -> CampaignSpec:
    """A campaign's file, as `apply_campaign` takes it. Raises CommandError."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        return read_campaign_file(content)
    except ChorusError as refusal:
        raise CommandError(refusal.message) from refusal


def read_description(path: Path, *, prompts: int, seed: int) -> SimulatedCampaign:
    """A campaign's file with so many prompts made up."""
    spec = read_spec(path)
    return imagine_campaign(
        title=spec.title or spec.slug or path.stem,
        languages=spec.languages or (LANGUAGE,),
        parameters=spec.parameters,
        targets={(one.language, one.topic): one.judgments for one in spec.targets or ()},
        prompts=prompts,
        seed=seed,
    )


def read_prompts(path: Path) -> SimulatedCampaign:
    """Prompts as `import_data` takes them, one JSON item a line."""
    records = list(read_json_items(path, ImportLimits()))
    bad = next((record for record in records if isinstance(record, BadLine)), None)
    if bad is not None:
        raise CommandError(f"{path}, line {bad.line}: {bad.reason}")
    if not records:
        raise CommandError(f"{path} has no prompt in it.")
    return imagine_candidates(title=path.stem, prompts=list(_make_units(records)), parameters={})


def _make_units(records: list[ImportedPrompt | BadLine]) -> Iterator[WorkUnit]:
    for record in records:
        if isinstance(record, ImportedPrompt):
            yield WorkUnit(
                record.language or LANGUAGE,
                len(record.text),
                len({candidate.text_hash for candidate in record.candidates}),
                topic=record.topic or "",
                difficulty=record.difficulty or "",
            )
