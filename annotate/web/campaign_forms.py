"""The settings of a campaign as a form: drawn from what is posted, or from what holds; read into plain values.

Names of fields are the places that `services.campaign_files` tells problems at, so that each stands at its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from annotate.web.campaign_terms import draw_terms, put_terms, read_terms
from annotate.web.campaign_words import (
    CHOICE_WORDS,
    FIELDS,
    GENERATION_PARAMETERS,
    PARAMETER,
    PARAMETER_GROUPS,
    PRESETS,
    SCHEDULES,
)
from annotate.web.field_words import Words
from annotate.web.fields import Field, Option, Problems
from annotate.web.growth_words import GROWTH_GROUPS
from annotate.web.names import KIND_NOTES, kind_name, language_name
from tasks.records.parameters import BOOLEAN, CHOICES, FORMS, FRACTIONAL, NAMES, RANGES, CampaignSettings
from tasks.vocabulary import Kind, Preset

#: Offered as boxes to tick; any other language is written by its code.
COMMON_LANGUAGES = ("en", "es", "de", "fr", "pt", "ar", "zh", "hi", "ja", "ru", "sw", "id")
LICENCES = ("CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "ODC-By-1.0", "Apache-2.0")
DEFAULT_LICENCE = "CC-BY-4.0"
Group = tuple[Words, list[Field]]
#: As many as a campaign may have.
MOST_LANGUAGES = 200
PLAIN = ("title", "purpose", "licence")
SWITCHES = BOOLEAN
#: Whether trees grow is the preset's to say when a campaign is made, and a switch of its own from then on.
GROWTH_SWITCH = "grow_trees"
NEW_PARAMETERS = (
    *(name for _title, names in (*PARAMETER_GROUPS, *GROWTH_GROUPS) for name in names),
    *GENERATION_PARAMETERS,
)
PARAMETER_NAMES = (*NEW_PARAMETERS, GROWTH_SWITCH)
_AS_MANY = _lazy("This must be at least as many as the line above.")
#: Parameters that are measured against another one: how such a sentence ends, and what the form says instead.
AGAINST: Mapping[str, tuple[tuple[str, Words], ...]] = {
    "max_judgments": (
        (" min_judgments.", _AS_MANY),
        (
            " redundancy where certainty stops asking.",
            _lazy("This must be at least as many as each piece asks for at first."),
        ),
    ),
    "max_reviews": ((" min_reviews.", _AS_MANY),),
    "review_floor": ((" min_reviews.", _lazy("This must be at most as many as decide where people agree.")),),
    "min_goal_tree_size": ((" goal_tree_size.", _lazy("This must be at most as many as the line above.")),),
    "offered_lease_seconds": ((" lease_seconds.", _lazy("This must be at most as long as the line above.")),),
}


def as_post(values: Mapping[str, Any]) -> QueryDict:
    """A campaign as `describe_campaign` tells it, as if the form had been sent with it."""
    post = QueryDict(mutable=True)
    for name in PLAIN:
        post[name] = values[name]
    post.setlist("languages", values["languages"])
    post.setlist("kinds", values["kinds"])
    if values["allow_guests"]:
        post["allow_guests"] = "on"
    put_terms(post, values)
    post["release.schedule"] = values["release"]["schedule"] or ""
    for name in (*PARAMETER_NAMES, "release_target"):
        put_parameter(post, name, values[f"{PARAMETER}{name}"])
    return post


def default_post() -> QueryDict:
    """A form that nobody has filled yet: the defaults."""
    post = QueryDict(mutable=True)
    post.update({"licence": DEFAULT_LICENCE, "preset": Preset.RANK.value})
    post.setlist("languages", ["en"])
    for name, value in asdict(CampaignSettings()).items():
        put_parameter(post, name, value)
    return post


def put_parameter(post: QueryDict, name: str, value: Any) -> None:
    if name in SWITCHES:
        post[f"{PARAMETER}{name}"] = "on" if value else ""
    else:
        post[f"{PARAMETER}{name}"] = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def read_settings_form(post: QueryDict, parameters: tuple[str, ...] = PARAMETER_NAMES) -> dict[str, Any]:
    """What the form says, in the names that `read_campaign` takes."""
    return {
        **{name: post.get(name, "") for name in PLAIN},
        "languages": read_languages(post),
        "kinds": post.getlist("kinds"),
        "allow_guests": bool(post.get("allow_guests")),
        **read_terms(post),
        "parameters": read_parameters(post, parameters),
    }


def read_languages(post: QueryDict) -> list[str]:
    """The languages that are ticked, then those that are written."""
    written = [code for code in re.split(r"[,;\s]+", post.get("languages_more", "")) if code]
    return [*post.getlist("languages"), *written]


def read_parameters(post: QueryDict, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: read_parameter(name, post.get(f"{PARAMETER}{name}", "")) for name in names}


def read_parameter(name: str, text: str) -> Any:
    """A number where it is one; None for an empty limit; else the text, which is then refused with its bounds."""
    text = text.strip()
    if name in SWITCHES:
        return bool(text)
    if name in CHOICES:
        return text or None
    if name in FORMS:
        return text
    if not text:
        return None if RANGES[name].optional else ""
    try:
        return float(text.replace(",", ".")) if name in FRACTIONAL else int(text)
    except ValueError:
        return text


def plain_field(name: str, post: QueryDict, **more: Any) -> Field:
    words = FIELDS[name]
    return Field(name=name, title=words.title, hint=words.hint, value=post.get(name, ""), **more)


def main_fields(post: QueryDict) -> list[Field]:
    """Title, purpose, languages and who may take part."""
    return [
        plain_field("title", post, most=160, is_needed=True),
        plain_field("purpose", post, kind="area", rows=4, most=10_000),
        *language_fields(post),
        kinds_field(post),
        plain_field("licence", post, most=64, suggestions=LICENCES),
        guests_field(post),
    ]


def language_fields(post: QueryDict) -> list[Field]:
    chosen = post.getlist("languages")
    codes = [*COMMON_LANGUAGES, *(code for code in chosen if code not in COMMON_LANGUAGES)]
    options = tuple(Option(code, language_name(code), is_chosen=code in chosen, language=code) for code in codes)
    words = FIELDS["languages"]
    return [
        Field("languages", words.title, "chips", hint=words.hint, options=options),
        Field(
            "languages_more",
            _("Other languages"),
            value=post.get("languages_more", ""),
            hint=_("Their codes, such as “ha, yo” or “pt-BR”, with a comma between."),
            place="languages_more",
        ),
    ]


def kinds_field(post: QueryDict) -> Field:
    chosen = post.getlist("kinds")
    options = tuple(
        Option(kind.value, kind_name(kind), KIND_NOTES[kind], is_chosen=kind.value in chosen) for kind in Kind
    )
    return Field("kinds", FIELDS["kinds"].title, "choices", options=options)


def guests_field(post: QueryDict) -> Field:
    words = FIELDS["allow_guests"]
    return Field(
        "allow_guests", words.title, "check", hint=words.hint, value="on", is_checked=bool(post.get("allow_guests"))
    )


def preset_field(post: QueryDict) -> Field:
    options = tuple(
        Option(preset.value, words.title, words.hint, post.get("preset") == preset.value)
        for preset, words in PRESETS.items()
    )
    return Field("preset", FIELDS["preset"].title, "choice", options=options)


def schedule_fields(post: QueryDict) -> list[Field]:
    """When releases are made by themselves."""
    chosen = post.get("release.schedule", "")
    options = tuple(
        Option(schedule or "", title, is_chosen=(schedule or "") == chosen) for schedule, title in SCHEDULES.items()
    )
    schedule = Field("release.schedule", _("When"), "select", options=options, place="release")
    return [schedule, parameter_field("release_target", post)]


def parameter_groups(post: QueryDict) -> list[Group]:
    """The parameters of every campaign with their bounds, by what they are about; the last group has fields beside them."""
    written = [parameter_field(name, post) for name in GENERATION_PARAMETERS]
    return [*_draw_groups(PARAMETER_GROUPS, post), (_("What generators write"), [*written, *draw_terms(post)])]


def growth_groups(post: QueryDict) -> list[Group]:
    """The parameters of growing trees, which the pages fold where none grow."""
    return _draw_groups(GROWTH_GROUPS, post)


def _draw_groups(groups: Iterable[tuple[Words, tuple[str, ...]]], post: QueryDict) -> list[Group]:
    return [(title, [parameter_field(name, post) for name in names]) for title, names in groups]


def parameter_field(name: str, post: QueryDict) -> Field:
    full, words = f"{PARAMETER}{name}", FIELDS[f"{PARAMETER}{name}"]
    value = post.get(full, "")
    if name in SWITCHES:
        return Field(full, words.title, "check", "on", words.hint, is_checked=bool(value))
    if name in CHOICES:
        options = tuple(
            Option(word or "", str(CHOICE_WORDS[word]), is_chosen=(word or "") == value) for word in CHOICES[name]
        )
        return Field(full, words.title, "select", hint=words.hint, options=options)
    if name in FORMS:
        return Field(full, words.title, "text", value, words.hint)
    bounds = RANGES[name]
    return Field(
        full,
        words.title,
        "number",
        value,
        words.hint,
        bounds=_("%(low)s to %(high)s") % {"low": f"{bounds.low:g}", "high": write_bound(bounds.high)},
        low=f"{bounds.low:g}",
        high=f"{bounds.high:.3f}".rstrip("0").rstrip("."),
        step="any" if name in FRACTIONAL else "1",
    )


def at_fields(problems: Problems, post: QueryDict) -> Problems:
    """Problems of parameters and of languages that were written at their fields, in the words of the form."""
    written = {f"languages[{place}]" for place in range(len(post.getlist("languages")), MOST_LANGUAGES)}
    told: dict[str, list[str]] = {}
    for at, sentences in problems.items():
        if at in written:
            told.setdefault("languages_more", []).extend(sentences)
            continue
        name = at.removeprefix(PARAMETER)
        if name in NAMES:
            told[f"{PARAMETER}{name}"] = [explain_parameter(name, sentence) for sentence in sentences]
        else:
            told[at] = list(sentences)
    if "languages" in told:
        told["languages"] = [explain_empty(_("Choose at least one language."), one) for one in told["languages"]]
    if "kinds" in told:
        told["kinds"] = [explain_empty(_("Choose at least one kind of work."), one) for one in told["kinds"]]
    return told


def explain_empty(words: str, sentence: str) -> str:
    return words if sentence.startswith("This has 0 items") else sentence


def explain_parameter(name: str, sentence: str) -> str:
    """What a parameter may be, without the names that files use."""
    for ending, told in AGAINST.get(name, ()):
        if sentence.endswith(ending):
            return str(told)
    if name in FORMS:
        return _("Write hashing, transformers: and the name of a model, or server: and a server’s name, / and a model.")
    if name not in RANGES or " must be " not in sentence:
        return sentence
    words = (
        _("Write a number from %(low)s to %(high)s.")
        if name in FRACTIONAL
        else _("Write a whole number from %(low)s to %(high)s.")
    )
    return words % {"low": f"{RANGES[name].low:g}", "high": write_bound(RANGES[name].high)}


def write_bound(number: float) -> str:
    text = f"{number:,.3f}"
    return text.rstrip("0").rstrip(".")
