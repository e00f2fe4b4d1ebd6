"""Reads a campaign as its organizers write it, from a TOML file or the body of a request.

Everything is checked before anything is said: a wrong campaign is refused once, with every problem at its place.
"""

import tomllib
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.exceptions import InvalidInput
from annotate.figures import whole
from annotate.services.campaign_fields import FIELDS
from annotate.services.campaign_values import Reader, nearest, show
from tasks.records.campaigns import CampaignSpec
from tasks.records.parameters import NAMES, check_value

MAX_FILE_BYTES = 4 * 2**20


def read_campaign_file(content: bytes) -> CampaignSpec:
    """The campaign that a TOML file describes. Raises `InvalidInput` with every problem."""
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInput(
            _("The file has more than %(bytes)s bytes, which no campaign needs.") % {"bytes": whole(MAX_FILE_BYTES)},
            code="campaign_invalid",
        )
    try:
        values = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(_("The file is not TOML: %(error)s.") % {"error": error}, code="campaign_invalid") from None
    spec = read_campaign(values)
    if spec.slug is None:
        raise InvalidInput(
            _('The file names no campaign: add a line such as slug = "everyday-questions".'),
            code="campaign_invalid",
            details={"slug": [_("This is missing.")]},
        )
    return spec


def read_campaign(values: Mapping[str, Any]) -> CampaignSpec:
    """What `values` say of a campaign, in `CampaignSpec`'s names; parameters on top or under `parameters`.

    Raises `InvalidInput`, whose details map each place to a list of sentences.
    """
    reader = Reader()
    reader.table("", values, known=[*FIELDS, *NAMES])
    read = {name: FIELDS[name](reader, name, value) for name, value in values.items() if name in FIELDS}
    parameters = _read_parameters(reader, values, read.pop("parameters", None) or {})
    release = read.pop("release", None)
    if release is not None:
        read["release"], wanted = release
        if wanted is not None and parameters.setdefault("release_target", wanted) != wanted:
            reader.refuse("release.target", _("This is said twice: here and as release_target. Keep one."))
    spec = CampaignSpec(**read, parameters=parameters)
    _check_targets(reader, spec)
    refuse_problems(reader.problems)
    return spec


def refuse_problems(problems: Mapping[str, str]) -> None:
    """Raise `InvalidInput` when there is a problem: the first in the message, all of them in the details."""
    if not problems:
        return
    place, sentence = next(iter(problems.items()))
    more = len(problems) - 1
    message = _("The campaign cannot be used as it is written. %(place)s: %(sentence)s") % {
        "place": place,
        "sentence": sentence,
    }
    if more:
        message += " " + ngettext(
            "And %(more)s more thing is wrong: see the details.",
            "And %(more)s more things are wrong: see the details.",
            more,
        ) % {"more": more}
    raise InvalidInput(
        message,
        code="campaign_invalid",
        details={place: [sentence] for place, sentence in problems.items()},
    )


def _read_parameters(reader: Reader, values: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: values[name] for name in NAMES if name in values}
    for name in table:
        if name in named:
            reader.refuse(f"parameters.{name}", _("This parameter is said twice: here and on top. Keep one."))
        elif name not in NAMES:
            reader.refuse(
                f"parameters.{name}",
                _("There is no parameter %(name)s.%(hint)s") % {"name": show(name), "hint": nearest(name, NAMES)},
            )
    parameters = {name: value for name, value in (named | dict(table)).items() if name in NAMES}
    for name, value in parameters.items():
        # One at a time: what must hold between them depends on the values that the campaign has already.
        if problem := check_value(name, value):
            reader.refuse(name if name in named else f"parameters.{name}", problem)
    return parameters


def _check_targets(reader: Reader, spec: CampaignSpec) -> None:
    if spec.targets is not None and spec.languages is not None:
        for index, target in enumerate(spec.targets):
            if target.language not in spec.languages:
                languages = ", ".join(spec.languages)
                reader.refuse(
                    f"targets[{index}].language",
                    _("The campaign has no language %(language)s; it has %(languages)s.")
                    % {"language": show(target.language), "languages": languages},
                )
