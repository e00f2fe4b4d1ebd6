"""Open Assistant's sampling reports: one model's answers to a list of prompts, under several settings.

    {"model_name": "…", "prompts": [{"prompt": "…", "results": [
        {"sampling_config": "k50", "sampling_params": {"temperature": 1.0}, "outputs": ["…", "…"]}]}]}

The document is read in pieces. Each prompt becomes one record whose candidates carry the model's name;
the service joins it to the prompt of the same text. An unusable output is a `BadLine` of its own, and
the others of its prompt are kept.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tasks.formats.items import make_candidate, make_prompt_key, name_type, read_name, read_sampling, read_text
from tasks.formats.json_text import JsonCursor, parse_json
from tasks.formats.refusals import BadRecord, RefusedFile, show
from tasks.formats.sources import open_bytes
from tasks.records.imports import BadLine, ImportedCandidate, ImportedPrompt, ImportLimits, SamplingValue
from tasks.text.normalise import text_hash


def read_sampling_report(path: Path, limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    """Yield each prompt of a report with its outputs; `line` is its place in the list, from 1."""
    generator = _find_model_name(path, limits)
    with open_bytes(path, limits) as stream:
        cursor = JsonCursor(stream, limits)
        found = False
        for key in cursor.iter_keys(where="the report"):
            if key != "prompts":
                cursor.take_value(where=f"the value of {show(key)}")
                continue
            if found:
                raise RefusedFile('The report has two lists "prompts". Keep one.')
            found = True
            for number, data in enumerate(cursor.iter_list(where='"prompts"'), start=1):
                yield from _read_entry(data, number, generator, limits)
        if cursor.peek():
            raise RefusedFile("There is more after the report's end. Send one report a file.")
    if not found:
        raise RefusedFile('The report has no list "prompts", so there is nothing to import.')


def _find_model_name(path: Path, limits: ImportLimits) -> str:
    """Return the report's model. Its key may come after the prompts, so this is a pass of its own, cut short when found."""
    with open_bytes(path, limits) as stream:
        cursor = JsonCursor(stream, limits)
        if cursor.peek() != b"{":
            raise RefusedFile('A sampling report is one JSON object with "model_name" and "prompts".')
        for key in cursor.iter_keys(where="the report"):
            value = cursor.take_value(where=f"the value of {show(key)}")
            if key == "model_name" and value is not None:
                return _read_model_name(value, limits)
    raise RefusedFile('The report names no model. Add "model_name": it becomes the origin of its outputs.')


def _read_model_name(value: bytes, limits: ImportLimits) -> str:
    try:
        name = read_name(parse_json(value, limits), what="model_name", max_chars=limits.max_generator_chars)
    except BadRecord as bad:
        raise RefusedFile(str(bad)) from None
    if name is None:
        raise RefusedFile("model_name is blank. It becomes the origin of the report's outputs; write the model's name.")
    return name


def _read_entry(
    data: bytes | None, number: int, generator: str, limits: ImportLimits
) -> Iterator[ImportedPrompt | BadLine]:
    try:
        entry = _parse_entry(data, limits)
        text = read_text(entry.get("prompt"), what="Prompt", limits=limits)
        candidates, reasons = _read_results(entry.get("results"), generator, limits)
    except BadRecord as bad:
        yield BadLine(ordinal=number, line=number, reason=str(bad))
        return
    for reason in reasons:
        yield BadLine(ordinal=number, line=number, reason=reason)
    digest = text_hash(text)
    yield ImportedPrompt(
        ordinal=number,
        line=number,
        key=make_prompt_key(None, digest),
        text=text,
        text_hash=digest,
        candidates=candidates,
    )


def _parse_entry(data: bytes | None, limits: ImportLimits) -> dict[str, object]:
    if data is None:
        raise BadRecord(f"The prompt with its outputs is longer than {limits.max_record_bytes:,} bytes. Split it.")
    entry = parse_json(data, limits)
    if not isinstance(entry, dict):
        raise BadRecord(f"Each prompt must be an object, not {name_type(entry)}.")
    return entry


def _read_results(
    results: object, generator: str, limits: ImportLimits
) -> tuple[tuple[ImportedCandidate, ...], list[str]]:
    """Return the usable outputs, and a sentence for each that is not."""
    if not isinstance(results, list):
        raise BadRecord(f"results must be a list, not {name_type(results)}.")
    candidates: list[ImportedCandidate] = []
    reasons: list[str] = []
    for result in results:
        sampling, outputs = _read_settings(result, limits)
        if len(candidates) + len(reasons) + len(outputs) > limits.max_candidates:
            raise BadRecord(f"There are more than {limits.max_candidates} outputs to one prompt. Split the report.")
        for index, output in enumerate(outputs):
            what = f"Output {index + 1} of {show(str((sampling or {}).get('sampling_config', 'its settings')))}"
            try:
                text = read_text(output, what=what, limits=limits)
            except BadRecord as bad:
                reasons.append(str(bad))
            else:
                candidates.append(
                    make_candidate(text=text, generator=generator, human=False, sampling=sampling, sample_index=index)
                )
    return tuple(candidates), reasons


def _read_settings(result: object, limits: ImportLimits) -> tuple[dict[str, SamplingValue] | None, list[object]]:
    """Return the settings of one result, their name among them, and its outputs."""
    if not isinstance(result, dict):
        raise BadRecord(f"Each result must be an object, not {name_type(result)}.")
    outputs = result.get("outputs")
    if not isinstance(outputs, list):
        raise BadRecord(f"outputs must be a list, not {name_type(outputs)}.")
    params = result.get("sampling_params") or {}
    if not isinstance(params, dict):
        raise BadRecord(f"sampling_params must be an object, not {name_type(params)}.")
    named = {
        "sampling_config": result.get("sampling_config"),
        **{key: _flatten(value) for key, value in params.items()},
    }
    given = {key: value for key, value in named.items() if value is not None}
    return read_sampling(given, what="sampling_params", limits=limits), outputs


def _flatten(value: object) -> object:
    """Write a list or object of parameters as its JSON text; provenance keeps it readable."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value
