"""What is wrong between the fields of a campaign, each of which is right by itself. Pure but for its words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotate.services.target_shares import find_foreign
from tasks.records.parameters import find_problems
from tasks.vocabulary import GROWN_KINDS, ReleaseSchedule

#: How a parameter is named among the fields.
PARAMETER = "parameters."


def find_contradictions(values: Mapping[str, Any]) -> dict[str, str]:
    """A sentence for each contradiction, by the field at which it is said."""
    parameters = {name.removeprefix(PARAMETER): value for name, value in values.items() if name.startswith(PARAMETER)}
    problems = find_problems(parameters)
    for index, target in enumerate(values["targets"]):
        if target["language"] not in values["languages"]:
            problems.setdefault(
                f"targets[{index}].language",
                _('The campaign has no language "%(language)s". Add the language, or drop the target.')
                % {"language": target["language"]},
            )
    problems = find_foreign(values["shares"], languages=values["languages"]) | problems
    if values["release"]["schedule"] == ReleaseSchedule.TARGET and parameters["release_target"] is None:
        problems["release.target"] = _("Say at how many judgments the release is made.")
    grown = [kind for kind in values["kinds"] if kind in GROWN_KINDS]
    if grown and not parameters["grow_trees"]:
        problems["kinds"] = _(
            "%(kinds)s: this work comes only where trees grow. Switch grow_trees on, or leave it out."
        ) % {"kinds": ", ".join(grown)}
    return problems
