"""Writes a campaign as the TOML file that `campaign_files` reads: what one can read back, change and apply."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from annotate.models import Campaign
from annotate.queries.campaigns import describe_campaign

PARAMETER = "parameters."
#: Told by the page of its own, never by the file: a file that is applied late must not open what was closed.
LEFT_OUT = frozenset({"state", "preset"})


def write_campaign_file(campaign: Campaign) -> str:
    """Everything that organizers decide but the state. A limit that is not set is left out: TOML has no null."""
    values = describe_campaign(campaign)
    parameters = {name.removeprefix(PARAMETER): value for name, value in values.items() if name.startswith(PARAMETER)}
    plain = {name: value for name, value in values.items() if not name.startswith(PARAMETER) and name not in LEFT_OUT}
    return "\n".join(_write(campaign.slug, plain, parameters)) + "\n"


def _write(slug: str, values: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[str]:
    yield f"slug = {_text(slug)}"
    for name in ("title", "purpose", "licence", "languages", "kinds", "allow_guests", "output_terms", "model_licences"):
        yield f"{name} = {_value(values[name])}"
    # An empty list of tables is a plain value, and those come before the first table.
    yield from (f"{name} = []" for name in ("targets", "shares", "generators") if not values[name])
    yield from _table("parameters", parameters)
    if values["release"]["schedule"] is not None:
        yield from _table("release", values["release"])
    yield from _write_words(values["guideline"] or {}, values["label_schema"] or {})
    yield from _tables("targets", values["targets"])
    yield from _tables("shares", values["shares"])
    yield from _tables("generators", values["generators"])


def _write_words(guideline: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    if guideline:
        yield from _table("guideline", {"text": guideline["text"]})
        yield from _tables("guideline.examples", guideline["examples"])
    yield from _tables("label_schema.dimensions", schema.get("dimensions", ()))


def _tables(name: str, items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for item in items:
        yield from _table(f"[{name}]", item)


def _table(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    yield from (f"{key} = {_value(value)}" for key, value in values.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list):
        items = [_value(item) for item in value]
        has_tables = bool(value) and isinstance(value[0], dict)
        return "[\n  " + ",\n  ".join(items) + ",\n]" if has_tables else "[" + ", ".join(items) + "]"
    return json.dumps(value)


def _text(text: str) -> str:
    if "\n" not in text:
        return _escape(text)
    lines = (_escape(line)[1:-1].replace('\\"', '"').replace('"""', '""\\"') for line in text.split("\n"))
    written = "\n".join(lines)
    # A quote at the very end would run into those that close the text.
    return f'"""\n{written[:-1]}\\""""' if written.endswith('"') else f'"""\n{written}"""'


def _escape(text: str) -> str:
    """A basic string of TOML: JSON's escapes are TOML's, and TOML wants one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
