"""Which terms on the texts of models a campaign takes, as fields of its form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from annotate.queries.generator_terms import TERMS
from annotate.web.campaign_words import FIELDS
from annotate.web.fields import Field, Option


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
