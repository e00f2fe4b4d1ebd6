"""The OpenAPI document as a page shows it: operations in groups, schemas as rows, one example each. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One line of a schema: its path (`error.code`, `items[].text`), type in words, and what it means."""

    path: str
    type: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class BodyShown:
    """A body in one media type: its fields, and an example as indented JSON (empty where there is none)."""

    media_type: str
    rows: tuple[FieldRow, ...]
    example: str


@dataclass(frozen=True, slots=True)
class AnswerShown:
    status: str
    phrase: str
    about: str
    bodies: tuple[BodyShown, ...]


@dataclass(frozen=True, slots=True)
class OperationShown:
    name: str
    method: str
    path: str
    summary: str
    description: str
    scopes: tuple[str, ...]
    public: bool
    parameters: tuple[FieldRow, ...]
    bodies: tuple[BodyShown, ...]
    answers: tuple[AnswerShown, ...]
    refusals: tuple[AnswerShown, ...]


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    operations: tuple[OperationShown, ...]


def list_groups(document: Mapping[str, Any]) -> list[Group]:
    """The operations by tag, both in the order of the document."""
    groups: dict[str, list[OperationShown]] = {}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            shown = _show_operation(document, path, method, described)
            groups.setdefault((described.get("tags") or ["other"])[0], []).append(shown)
    return [Group(name, tuple(operations)) for name, operations in groups.items()]


def _show_operation(
    document: Mapping[str, Any], path: str, method: str, described: Mapping[str, Any]
) -> OperationShown:
    answers = [_show_answer(document, status, answer) for status, answer in described["responses"].items()]
    return OperationShown(
        name=described["operationId"],
        method=method.upper(),
        path=path,
        summary=described.get("summary", ""),
        description=described.get("description", ""),
        scopes=tuple(described.get("x-scopes", ())),
        public="x-scopes" not in described,
        parameters=tuple(_show_parameter(document, parameter) for parameter in described.get("parameters", ())),
        bodies=_show_bodies(document, described.get("requestBody", {})),
        answers=tuple(answer for answer in answers if answer.status < "400"),
        refusals=tuple(answer for answer in answers if answer.status >= "400"),
    )


def _show_parameter(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> FieldRow:
    schema = parameter.get("schema", {})
    where = f"in the {parameter['in']}"
    about = " ".join(
        part for part in (parameter.get("description") or schema.get("description", ""), f"({where})") if part
    )
    return FieldRow(parameter["name"], _type_in_words(document, schema), parameter.get("required", False), about)


def _show_answer(document: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> AnswerShown:
    answer = _resolve(document, answer)
    phrase = HTTPStatus(int(status)).phrase if status.isdecimal() else ""
    return AnswerShown(status, phrase, answer.get("description", ""), _show_bodies(document, answer))


def _show_bodies(document: Mapping[str, Any], holder: Mapping[str, Any]) -> tuple[BodyShown, ...]:
    return tuple(
        BodyShown(media_type, tuple(_list_rows(document, body.get("schema", {}))), _write_example(document, body))
        for media_type, body in holder.get("content", {}).items()
    )


def _list_rows(
    document: Mapping[str, Any], schema: Mapping[str, Any], prefix: str = "", depth: int = 0
) -> Iterator[FieldRow]:
    schema = _resolve(document, schema)
    required = set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        about = part.get("description") or _resolve(document, part).get("description", "")
        yield FieldRow(path, _type_in_words(document, part), name in required, about)
        if depth < MAX_DEPTH:
            inner, mark = _inner(document, part)
            yield from _list_rows(document, inner, f"{path}{mark}.", depth + 1)


def _inner(document: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The object inside of a field, and `[]` when the field is a list of them."""
    schema = _resolve(document, schema)
    for option in [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())]:
        found = _resolve(document, option)
        if "items" in found:
            return _resolve(document, found["items"]), "[]"
        if "properties" in found:
            return found, ""
    return {}, ""


def _type_in_words(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    schema = _resolve(document, schema)
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type_in_words(document, option) for option in schema[several]))
    if len(schema.get("allOf", ())) == 1:
        return _type_in_words(document, schema["allOf"][0])
    types = schema.get("type", "object" if "properties" in schema else "any value")
    words = [types] if isinstance(types, str) else list(types)
    if "array" in words:
        words[words.index("array")] = f"list of {_type_in_words(document, schema.get('items', {}))}"
    if "string" in words and "format" in schema:
        words[words.index("string")] = f"string ({schema['format']})"
    return " or ".join(words) + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    low = schema.get("minimum", schema.get("minLength", schema.get("minItems")))
    high = schema.get("maximum", schema.get("maxLength", schema.get("maxItems")))
    if low is None and high is None:
        return ""
    return f", {'' if low is None else low}…{'' if high is None else high}"


def _write_example(document: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """The example that was given, else one made from the types; nothing for bodies that are not JSON."""
    for given in body.get("examples", {}).values():
        return json.dumps(given.get("value"), ensure_ascii=False, indent=2)
    made = _make_example(document, body.get("schema", {}), 0)
    return json.dumps(made, ensure_ascii=False, indent=2) if isinstance(made, dict | list) and made else ""


def _make_example(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Any:
    schema = _resolve(document, schema)
    given = [schema[name] for name in ("example", "default", "const") if name in schema] + list(schema.get("enum", ()))
    options = [option for several in ("oneOf", "anyOf", "allOf") for option in schema.get(several, ())]
    if given or depth > MAX_DEPTH:
        return given[0] if given else None
    if options:
        return _make_example(document, options[0], depth)
    if "properties" in schema:
        return {name: _make_example(document, part, depth + 1) for name, part in schema["properties"].items()}
    types = schema.get("type")
    kind = types if isinstance(types, str) else next((name for name in types or () if name != "null"), None)
    if kind == "array":
        return [_make_example(document, schema.get("items", {}), depth + 1)]
    return _PLAIN.get(str(schema.get("format")), _PLAIN.get(str(kind)))


_PLAIN: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "object": {},
    "date-time": "2026-11-21T14:05:00Z",
    "uuid": "9b2f6c1e-5a3d-4b8e-9f0a-1c2d3e4f5a6b",
    "uri": "https://example.org/",
    "email": "name@example.org",
}


def _resolve(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` points at; the node itself where there is none."""
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node
