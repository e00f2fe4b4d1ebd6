"""What `manage.py simulate` starts from: a campaign that is there, one that a file describes, or prompts."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import CommandError
from django.utils import timezone

from annotate.exceptions import ChorusError
from annotate.models import Campaign
from annotate.queries.simulations import load_simulated
from annotate.services.campaign_files import MAX_FILE_BYTES, read_campaign_file
from tasks.formats.prompt_files import read_json_items
from tasks.records.imports import BadLine, ImportedPrompt, ImportLimits
from tasks.records.simulations import SimulatedCampaign, WorkUnit
from tasks.scheduling.simulation.imagining import imagine_campaign, imagine_candidates

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


def read_description(path: Path, *, prompts: int, seed: int) -> SimulatedCampaign:
    """A campaign's file, as `apply_campaign` takes it, with so many prompts made up."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        spec = read_campaign_file(content)
    except ChorusError as refusal:
        raise CommandError(refusal.message) from refusal
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{path} is not TOML: {error}.") from error
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
