"""Which terms on the texts of models a campaign, or a release of it, takes: as fields of their forms, and in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from annotate.models import Campaign
from annotate.queries.generator_terms import TERMS
from annotate.web.campaign_words import FIELDS
from annotate.web.fields import Field, Option
from tasks.vocabulary import OutputTerms


def put_terms(post: QueryDict, values: Mapping[str, Any]) -> None:
    """What a campaign takes, as if the form had been sent with it."""
    post.setlist("output_terms", values["output_terms"])
    post["model_licences"] = ", ".join(values["model_licences"])


def read_terms(post: QueryDict) -> dict[str, list[str]]:
    """What the form says, in the names that `read_campaign` takes."""
    written = re.split(r"[,;\s]+", post.get("model_licences", ""))
    return {
        "output_terms": post.getlist("output_terms"),
        "model_licences": [licence for licence in written if licence],
    }


def draw_terms(post: QueryDict) -> list[Field]:
    """The terms as boxes to tick, and the licences in one line."""
    chosen = post.getlist("output_terms")
    options = tuple(Option(terms.value, title, is_chosen=terms.value in chosen) for terms, title in TERMS.items())
    kinds, licences = FIELDS["output_terms"], FIELDS["model_licences"]
    return [
        Field("output_terms", kinds.title, "choices", hint=kinds.hint, options=options),
        Field("model_licences", licences.title, value=post.get("model_licences", ""), hint=licences.hint, most=2_000),
    ]


def limit_terms(campaign: Campaign, post: QueryDict) -> list[Field]:
    """The same for one release: of the terms those that the campaign takes."""
    chosen = post.getlist("output_terms")
    taken = [OutputTerms(terms) for terms in campaign.output_terms] or list(OutputTerms)
    options = tuple(Option(terms.value, TERMS[terms], is_chosen=terms.value in chosen) for terms in taken)
    hint = _("Texts of models under other terms are left out. None ticked: all that the campaign takes.")
    licences = _("Short names with a comma between, of those that the campaign takes. Empty: all.")
    return [
        Field("output_terms", _("Only texts under these terms, and people's"), "chips", hint=hint, options=options),
        Field(
            "model_licences",
            _("Only texts of models with these licences, and people's"),
            value=post.get("model_licences", ""),
            hint=licences,
            most=2_000,
            suggestions=tuple(campaign.model_licences),
        ),
    ]


def write_terms(filters: Mapping[str, Any]) -> list[str]:
    """What a release takes of models, in words; empty for everything."""
    terms = _(", ").join(str(TERMS[OutputTerms(one)]) for one in filters.get("output_terms") or ())
    return [part for part in (terms, _(", ").join(filters.get("model_licences") or ())) if part]
