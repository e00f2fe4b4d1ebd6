"""Targets and generators of a campaign: sets, each replaced as a whole. The caller holds the campaign's row."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.models import Campaign, CampaignGenerator, Stratum
from annotate.queries.campaigns import find_site_generators
from annotate.queries.generator_terms import generators_refused
from annotate.services.campaign_files import refuse_problems
from annotate.services.campaign_values import nearest, show
from tasks.records.campaigns import GeneratorUse, TargetSpec


def set_targets(*, campaign: Campaign, targets: Sequence[TargetSpec]) -> None:
    """Give these cells their targets, and take every other cell's away. Cells themselves are never deleted."""
    # By id, as everybody who locks several cells does.
    cells = {
        (cell.language, cell.topic): cell
        for cell in Stratum.objects.select_for_update(no_key=True).filter(campaign=campaign).order_by("pk")
    }
    wanted = {(target.language, target.topic): target.judgments for target in targets}
    changed = [cell for key, cell in cells.items() if cell.target != wanted.get(key)]
    for cell in changed:
        cell.target = wanted.get((cell.language, cell.topic))
    Stratum.objects.bulk_update(changed, ["target"], batch_size=500)
    # An import may make the same cell at this moment; then it gets its target here.
    Stratum.objects.bulk_create(
        (
            Stratum(campaign=campaign, language=language, topic=topic, target=judgments)
            for (language, topic), judgments in sorted(wanted.items())
            if (language, topic) not in cells
        ),
        batch_size=500,
        update_conflicts=True,
        unique_fields=["campaign", "language", "topic"],
        update_fields=["target"],
    )


def set_generators(*, campaign: Campaign, generators: Sequence[GeneratorUse]) -> None:
    """Ask these generators of the site, and no others.

    Raises `InvalidInput` for a name that no generator of the site has: the label of an import is none of them.
    """
    known = find_site_generators(names=[use.name for use in generators])
    missing = [index for index, use in enumerate(generators) if use.name not in known]
    if missing:
        everybody = find_site_generators()
        refuse_problems(
            {
                f"generators[{index}].name": _("The site has no generator %(name)s.%(hint)s Administrators make them.")
                % {"name": show(generators[index].name), "hint": nearest(generators[index].name, everybody)}
                for index in missing
            }
        )
    ids = [known[use.name].pk for use in generators]
    CampaignGenerator.objects.filter(campaign=campaign).exclude(generator_id__in=ids).delete()
    CampaignGenerator.objects.bulk_create(
        (
            CampaignGenerator(
                campaign=campaign, generator_id=generator_id, samples=use.samples, is_for_variety=use.for_variety
            )
            for generator_id, use in zip(ids, generators, strict=True)
        ),
        update_conflicts=True,
        unique_fields=["campaign", "generator"],
        update_fields=["samples", "is_for_variety"],
    )


def check_generator_terms(*, campaign: Campaign, named: Sequence[GeneratorUse] | None) -> None:
    """Refuse a campaign that names a generator whose terms or licence it does not take.

    `named`: the generators as they were just written; None: it is the campaign's terms that were changed. Raises
    `InvalidInput` `generator_terms_refused`: the first in the message, each at its place in the details.
    """
    refused = generators_refused(campaign)
    if not refused:
        return
    details: dict[str, list[str]] = {}
    if named is None:
        details["output_terms" if campaign.output_terms else "model_licences"] = list(refused.values())
    else:
        known = find_site_generators(names=[use.name for use in named])
        for index, use in enumerate(named):
            if problem := refused.get(known[use.name].pk):
                details[f"generators[{index}].name"] = [problem]
    raise InvalidInput(next(iter(refused.values())), code="generator_terms_refused", details=details)
