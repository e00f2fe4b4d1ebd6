"""Which generators a campaign takes by the terms on their texts and the licence of their model. Nothing here writes."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from annotate.models import Campaign, CampaignGenerator, Generator
from tasks.vocabulary import OutputTerms

TERMS: Mapping[OutputTerms, str | Promise] = {
    OutputTerms.FREE: _lazy("Free for every use"),
    OutputTerms.ATTRIBUTION: _lazy("The model must be named"),
    OutputTerms.SHARE_ALIKE: _lazy("Only under the same terms"),
    OutputTerms.NON_COMMERCIAL: _lazy("Not for commercial use"),
    OutputTerms.NO_TRAINING: _lazy("Not for training other models"),
    OutputTerms.UNKNOWN: _lazy("Nobody has looked yet"),
}


def terms_problem(generator: Generator, campaign: Campaign) -> str | None:
    """Why a campaign does not take what this generator writes, as a sentence that names both; None: it does."""
    names = {"generator": generator.name, "campaign": campaign.title}
    if campaign.output_terms and generator.output_terms not in campaign.output_terms:
        return _(
            "The terms on what %(generator)s writes are “%(terms)s”. %(campaign)s takes only: %(accepted)s. Leave the "
            "generator out, or change what the campaign takes."
        ) % {
            **names,
            "terms": TERMS[OutputTerms(generator.output_terms)],
            "accepted": _(", ").join(str(TERMS[OutputTerms(terms)]) for terms in campaign.output_terms),
        }
    licences = {licence.casefold() for licence in campaign.model_licences}
    if licences and generator.licence.casefold() not in licences:
        accepted = {**names, "accepted": _(", ").join(campaign.model_licences)}
        if not generator.licence:
            return (
                _(
                    "Nobody has said under which licence the model of %(generator)s is. %(campaign)s takes only: "
                    "%(accepted)s. Leave the generator out, or ask an administrator to write its licence down."
                )
                % accepted
            )
        return _(
            "The licence of the model of %(generator)s is %(licence)s. %(campaign)s takes only: %(accepted)s. Leave "
            "the generator out, or change what the campaign takes."
        ) % {**accepted, "licence": generator.licence}
    return None


def generators_refused(campaign: Campaign) -> dict[int, str]:
    """The generators that a campaign names and does not ask because of their terms: by id, why. By name; one query.

    A campaign cannot name such a generator; but terms may be written down, or changed, afterwards.
    """
    if not campaign.output_terms and not campaign.model_licences:
        return {}
    uses = CampaignGenerator.objects.filter(campaign=campaign).select_related("generator").order_by("generator__name")
    found = ((use.generator_id, terms_problem(use.generator, campaign)) for use in uses)
    return {generator_id: problem for generator_id, problem in found if problem is not None}
