"""The fields of a campaign, one reader each: what is written in a file or a request becomes what a record holds."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from annotate.services.campaign_values import LICENCE, Reader, show
from annotate.services.target_shares import read_shares
from tasks.records.campaigns import Anchor, DimensionSpec, GeneratorUse, GuidelineSpec, ReleasePlan, TargetSpec
from tasks.vocabulary import CampaignState, Kind, MessageRole, OutputTerms, Preset, ReleaseSchedule, Widget

#: Slugs that are, or may become, addresses of the site.
RESERVED_SLUGS = frozenset({"new", "mine", "all"})
EXAMPLE_FIELDS = ("title", "prompt", "better", "worse", "text", "why")
DIMENSION_FIELDS = ("name", "title", "widget", "applies_to", "anchors", "mandatory", "simple")


def _slug(reader: Reader, place: str, value: Any) -> str | None:
    slug = reader.slug(place, value)
    if slug in RESERVED_SLUGS:
        reader.refuse(place, _("%(name)s is an address of the site. Choose another name.") % {"name": show(slug)})
        return None
    return slug


def _title(reader: Reader, place: str, value: Any) -> str | None:
    return reader.text(place, value, longest=160)


def _purpose(reader: Reader, place: str, value: Any) -> str | None:
    return reader.text(place, value, longest=10_000, lines=True, blank=True)


def _preset(reader: Reader, place: str, value: Any) -> Preset | None:
    return reader.word(place, value, Preset)


def _state(reader: Reader, place: str, value: Any) -> CampaignState | None:
    return reader.word(place, value, CampaignState)


def _languages(reader: Reader, place: str, value: Any) -> tuple[str, ...] | None:
    languages = reader.items(place, value, reader.language, fewest=1, most=200)
    reader.refuse_doubles(place, iter(languages or ()), _("language"))
    return languages


def _kinds(reader: Reader, place: str, value: Any) -> tuple[Kind, ...] | None:
    kinds = reader.items(place, value, lambda at, item: reader.word(at, item, Kind), fewest=1, most=len(Kind))
    reader.refuse_doubles(place, iter(kinds or ()), _("kind of work"))
    return kinds


def _boolean(reader: Reader, place: str, value: Any) -> bool | None:
    return reader.boolean(place, value)


def _parameters(reader: Reader, place: str, value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return value
    reader.refuse(place, _("This must be a table of names and values."))
    return None


def _guideline(reader: Reader, place: str, value: Any) -> GuidelineSpec | None:
    if isinstance(value, str):
        value = {"text": value}
    table = reader.table(place, value, known=("text", "examples"), needed=("text",))
    if table is None or table.get("text") is None:
        return None
    text = reader.text(f"{place}.text", table["text"], longest=50_000, lines=True)
    examples = reader.items(
        f"{place}.examples", table.get("examples", ()), lambda at, item: _example(reader, at, item), most=50
    )
    return GuidelineSpec(text=text or "", examples=examples or ())


def _example(reader: Reader, place: str, value: Any) -> Mapping[str, str] | None:
    table = reader.table(place, value, known=EXAMPLE_FIELDS)
    if not table:
        if table is not None:
            reader.refuse(place, _("An example has some of %(fields)s.") % {"fields": ", ".join(EXAMPLE_FIELDS)})
        return None
    texts = {
        name: reader.text(f"{place}.{name}", table[name], longest=20_000, lines=True)
        for name in EXAMPLE_FIELDS
        if name in table
    }
    return {name: text for name, text in texts.items() if text is not None}


def _label_schema(reader: Reader, place: str, value: Any) -> tuple[DimensionSpec, ...] | None:
    table = reader.table(place, value, known=("dimensions",), needed=("dimensions",))
    if table is None or table.get("dimensions") is None:
        return None
    place = f"{place}.dimensions"
    dimensions = reader.items(
        place, table["dimensions"], lambda at, item: _dimension(reader, at, item), fewest=1, most=60
    )
    reader.refuse_doubles(place, (dimension.name for dimension in dimensions or ()), _("name"))
    return dimensions


def _dimension(reader: Reader, place: str, value: Any) -> DimensionSpec | None:
    table = reader.table(place, value, known=DIMENSION_FIELDS, needed=("name", "title", "widget"))
    if table is None or any(table.get(name) is None for name in ("name", "title", "widget")):
        return None
    widget = reader.word(f"{place}.widget", table["widget"], Widget)
    name = reader.text(f"{place}.name", table["name"], longest=40)
    if name and not (name.isascii() and name.replace("_", "").isalnum() and name == name.lower()):
        reader.refuse(f"{place}.name", _('Write small letters, digits and underscores, such as "factual_error".'))
    roles = reader.items(
        f"{place}.applies_to",
        table.get("applies_to", list(MessageRole)),
        lambda at, item: reader.word(at, item, MessageRole),
        fewest=1,
        most=len(MessageRole),
    )
    dimension = DimensionSpec(
        name=name or "",
        title=reader.text(f"{place}.title", table["title"], longest=160) or "",
        widget=widget or Widget.FLAG,
        # A set: in one order, and each once.
        applies_to=tuple(role for role in MessageRole if role in (roles or ())),
        anchors=reader.items(
            f"{place}.anchors", table.get("anchors", ()), lambda at, item: _anchor(reader, at, item), most=11
        )
        or (),
        mandatory=reader.boolean(f"{place}.mandatory", table.get("mandatory", False)) or False,
        simple=reader.boolean(f"{place}.simple", table.get("simple", False)) or False,
    )
    if widget is not None:
        _check_anchors(reader, f"{place}.anchors", dimension)
    return dimension


def _anchor(reader: Reader, place: str, value: Any) -> Anchor | None:
    table = reader.table(place, value, known=("value", "title"), needed=("value", "title"))
    if table is None or table.get("value") is None or table.get("title") is None:
        return None
    number = reader.fraction(f"{place}.value", table["value"])
    title = reader.text(f"{place}.title", table["title"], longest=160)
    return None if number is None or title is None else Anchor(value=number, title=title)


def _check_anchors(reader: Reader, place: str, dimension: DimensionSpec) -> None:
    points = [anchor.value for anchor in dimension.anchors]
    if dimension.widget is not Widget.SCALE and points:
        reader.refuse(place, _("Only a scale has anchors. Leave them out, or make this a scale."))
    elif dimension.widget is Widget.SCALE and len(points) < 2:
        reader.refuse(place, _("A scale needs two anchors or more, each with a value from 0 to 1 and a title."))
    elif points != sorted(set(points)):
        reader.refuse(place, _("The values of the anchors must rise from one to the next."))


def _targets(reader: Reader, place: str, value: Any) -> tuple[TargetSpec, ...] | None:
    targets = reader.items(place, value, lambda at, item: _target(reader, at, item), most=5_000)
    reader.refuse_doubles(place, ((target.language, target.topic) for target in targets or ()), _("cell"))
    return targets


def _target(reader: Reader, place: str, value: Any) -> TargetSpec | None:
    fields = ("language", "judgments")
    table = reader.table(place, value, known=("language", "topic", "judgments"), needed=fields)
    if table is None or any(table.get(name) is None for name in fields):
        return None
    language = reader.language(f"{place}.language", table["language"])
    topic = reader.text(f"{place}.topic", table.get("topic", ""), longest=80, blank=True)
    judgments = reader.integer(f"{place}.judgments", table["judgments"], low=1, high=1_000_000_000)
    return None if language is None or topic is None or judgments is None else TargetSpec(language, topic, judgments)


def _generators(reader: Reader, place: str, value: Any) -> tuple[GeneratorUse, ...] | None:
    generators = reader.items(place, value, lambda at, item: _generator(reader, at, item), most=20)
    reader.refuse_doubles(place, (generator.name for generator in generators or ()), _("generator"))
    return generators


def _generator(reader: Reader, place: str, value: Any) -> GeneratorUse | None:
    table = reader.table(place, value, known=("name", "samples", "for_variety"), needed=("name",))
    if table is None or table.get("name") is None:
        return None
    name = reader.text(f"{place}.name", table["name"], longest=120)
    samples = reader.integer(f"{place}.samples", table.get("samples", 1), low=1, high=16)
    for_variety = reader.boolean(f"{place}.for_variety", table.get("for_variety", False))
    return None if name is None or samples is None or for_variety is None else GeneratorUse(name, samples, for_variety)


def _output_terms(reader: Reader, place: str, value: Any) -> tuple[OutputTerms, ...] | None:
    chosen = reader.items(place, value, lambda at, item: reader.word(at, item, OutputTerms), most=len(OutputTerms))
    reader.refuse_doubles(place, iter(chosen or ()), _("word"))
    # A set: in one order.
    return None if chosen is None else tuple(terms for terms in OutputTerms if terms in chosen)


def _model_licences(reader: Reader, place: str, value: Any) -> tuple[str, ...] | None:
    chosen = reader.items(place, value, lambda at, item: _model_licence(reader, at, item), most=40)
    reader.refuse_doubles(place, (licence.casefold() for licence in chosen or ()), _("licence"))
    return None if chosen is None else tuple(sorted(chosen, key=str.casefold))


def _model_licence(reader: Reader, place: str, value: Any) -> str | None:
    text = reader.text(place, value, longest=80)
    if text is not None and not LICENCE.fullmatch(text):
        reader.refuse(place, _("Write the licence by its short name, such as Apache-2.0, MIT or llama3.1."))
        return None
    return text


def _release(reader: Reader, place: str, value: Any) -> tuple[ReleasePlan, int | None] | None:
    table = reader.table(place, value, known=("schedule", "target"))
    if table is None:
        return None
    schedule = table.get("schedule")
    plan = ReleasePlan(None if schedule is None else reader.word(f"{place}.schedule", schedule, ReleaseSchedule))
    wanted = table.get("target")
    return plan, None if wanted is None else reader.integer(f"{place}.target", wanted, low=1, high=1_000_000_000)


FIELDS: Mapping[str, Callable[[Reader, str, Any], Any]] = {
    "slug": _slug,
    "title": _title,
    "purpose": _purpose,
    "licence": Reader.licence,
    "preset": _preset,
    "languages": _languages,
    "kinds": _kinds,
    "allow_guests": _boolean,
    "parameters": _parameters,
    "guideline": _guideline,
    "label_schema": _label_schema,
    "targets": _targets,
    "shares": read_shares,
    "generators": _generators,
    "output_terms": _output_terms,
    "model_licences": _model_licences,
    "release": _release,
    "state": _state,
}
