"""One item of an import: a prompt with what belongs to it. The same check for API items and every file.

Shape: a string (the prompt), or

    {"prompt": "…", "language": "en", "topic": "history", "difficulty": "hard", "tags": ["dates"], "external_id": "q-17",
     "candidates": [{"text": "…", "generator": "tiny-llama", "human": false, "external_id": "…",
                     "sampling": {"temperature": 0.7}}]}

Only `prompt` and a candidate's `text` are required; null counts as absent. `generator` is a label of
origin. Uses the standard library alone, so that the web process may import it.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping

from tasks.formats.refusals import BadRecord, show
from tasks.records.imports import BadLine, ImportedCandidate, ImportedPrompt, ImportLimits, SamplingValue
from tasks.text.guards import BadText, check_characters, check_text, is_blank
from tasks.text.languages import BadLanguage, normalise_language
from tasks.text.normalise import text_hash

ITEM_KEYS = ("prompt", "language", "topic", "difficulty", "tags", "external_id", "candidates")
CANDIDATE_KEYS = ("text", "generator", "human", "external_id", "sampling")
MAX_SAMPLING_NAME_CHARS = 80
MAX_SAMPLING_TEXT_CHARS = 500


def parse_items(items: Iterable[object], limits: ImportLimits) -> Iterator[ImportedPrompt | BadLine]:
    """Yield one record for each item of an API request, numbered from 1."""
    for number, item in enumerate(items, start=1):
        yield parse_item(item, number, limits)


def parse_item(item: object, line: int, limits: ImportLimits) -> ImportedPrompt | BadLine:
    """Return the record of one item, or the `BadLine` that says why there is none. Never raises."""
    try:
        return read_item(item, line, limits)
    except BadRecord as bad:
        return BadLine(ordinal=line, line=line, reason=str(bad))


def read_item(item: object, line: int, limits: ImportLimits) -> ImportedPrompt:
    """Return the record of one item, or raise `BadRecord` with a sentence."""
    fields = _read_fields({"prompt": item} if isinstance(item, str) else item, ITEM_KEYS, what="Each record")
    if fields.get("prompt") is None:
        raise BadRecord('The key "prompt" is missing. Write {"prompt": "…"}.')
    text = read_text(fields["prompt"], what="Prompt", limits=limits)
    external_id = read_name(fields.get("external_id"), what="external_id", max_chars=limits.max_id_chars)
    digest = text_hash(text)
    return ImportedPrompt(
        ordinal=line,
        line=line,
        key=make_prompt_key(external_id, digest),
        text=text,
        text_hash=digest,
        language=read_language(fields.get("language")),
        topic=read_name(fields.get("topic"), what="topic", max_chars=limits.max_topic_chars),
        external_id=external_id,
        difficulty=read_name(fields.get("difficulty"), what="difficulty", max_chars=limits.max_difficulty_chars),
        tags=read_tags(fields.get("tags"), limits),
        candidates=_read_candidates(fields.get("candidates"), limits),
    )


def make_prompt_key(external_id: str | None, digest: bytes) -> str:
    """Return what names a prompt or tree: its external id, or else the digest of its text."""
    return f"id:{external_id}" if external_id is not None else f"sha256:{digest.hex()}"


def make_candidate(
    *,
    text: str,
    generator: str | None = None,
    human: bool | None = None,
    external_id: str | None = None,
    sampling: Mapping[str, SamplingValue] | None = None,
    sample_index: int | None = None,
) -> ImportedCandidate:
    """Build a candidate from checked parts, with its digest and the key of its origin."""
    digest = text_hash(text)
    return ImportedCandidate(
        text=text,
        text_hash=digest,
        key=make_origin_key(
            digest=digest,
            generator=generator,
            human=human,
            external_id=external_id,
            sampling=sampling,
            sample_index=sample_index,
        ),
        generator=generator,
        human=human,
        external_id=external_id,
        sampling=sampling,
        sample_index=sample_index,
    )


def make_origin_key(
    *,
    digest: bytes,
    generator: str | None,
    human: bool | None,
    external_id: str | None = None,
    sampling: Mapping[str, SamplingValue] | None = None,
    sample_index: int | None = None,
) -> str:
    """Return what names one origin of a text: its external id, or else a digest of all that is known of it."""
    if external_id is not None:
        return f"id:{external_id}"
    known = [digest.hex(), generator, human, dict(sampling or {}), sample_index]
    return f"sha256:{hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()}"


def read_text(value: object, *, what: str, limits: ImportLimits) -> str:
    """Return a text that may be stored. `what` opens the sentence of a refusal: `Candidate 2`."""
    if not isinstance(value, str):
        raise BadRecord(f"{what}: the text must be a string, not {name_type(value)}.")
    try:
        return check_text(value, max_chars=limits.max_text_chars)
    except BadText as bad:
        raise BadRecord(f"{what}: {bad.sentence}") from None


def read_name(value: object, *, what: str, max_chars: int) -> str | None:
    """Return a short text without blanks around it; None when absent or blank. A whole number becomes text."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        value = str(value)
    if not isinstance(value, str):
        raise BadRecord(f"{what} must be a string, not {name_type(value)}.")
    if len(value) > max_chars:
        raise BadRecord(f"{what} has {len(value):,} characters; at most {max_chars} are taken.")
    try:
        check_characters(value)
    except BadText as bad:
        raise BadRecord(f"{what}: {bad.sentence}") from None
    return None if is_blank(value) else value.strip()


def read_tags(value: object, limits: ImportLimits) -> tuple[str, ...]:
    """Return tags, each once, in their order. A table writes them in one cell, with semicolons between."""
    if value is None:
        return ()
    given = value.split(";") if isinstance(value, str) else value
    if not isinstance(given, list):
        raise BadRecord(f"tags must be a list, not {name_type(value)}.")
    if len(given) > limits.max_tags:
        raise BadRecord(f"There are {len(given):,} tags; at most {limits.max_tags} a prompt are taken.")
    read = [read_name(tag, what="A tag", max_chars=limits.max_tag_chars) for tag in given]
    return tuple(dict.fromkeys(tag for tag in read if tag is not None))


def read_language(value: object) -> str | None:
    """Return a language code written the usual way; None when absent or empty."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadRecord(f"language must be a string, not {name_type(value)}.")
    try:
        return normalise_language(value)
    except BadLanguage as bad:
        raise BadRecord(f"language: {bad}") from None


def read_sampling(value: object, *, what: str, limits: ImportLimits) -> dict[str, SamplingValue] | None:
    """Return sampling parameters by name; None when absent or empty."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadRecord(f"{what}: sampling must be an object, not {name_type(value)}.")
    if len(value) > limits.max_sampling_values:
        raise BadRecord(f"{what}: sampling has {len(value):,} values; at most {limits.max_sampling_values} are taken.")
    return {_read_sampling_name(name, what): _read_sampling_value(item, what) for name, item in value.items()} or None


def name_type(value: object) -> str:
    """Return the JSON name of a value's type with its article, for a sentence."""
    names: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        ((int, float), "a number"),
        (str, "a string"),
        (list, "a list"),
        (dict, "an object"),
    )
    return (
        "null" if value is None else next((name for kind, name in names if isinstance(value, kind)), "something else")
    )


def _read_candidates(value: object, limits: ImportLimits) -> tuple[ImportedCandidate, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadRecord(f"candidates must be a list, not {name_type(value)}.")
    if len(value) > limits.max_candidates:
        raise BadRecord(f"There are {len(value):,} candidates; at most {limits.max_candidates} a prompt are taken.")
    return tuple(_read_candidate(item, f"Candidate {number}", limits) for number, item in enumerate(value, start=1))


def _read_candidate(value: object, what: str, limits: ImportLimits) -> ImportedCandidate:
    fields = _read_fields(value, CANDIDATE_KEYS, what=what)
    if fields.get("text") is None:
        raise BadRecord(f'{what}: the key "text" is missing. Write {{"text": "…"}}.')
    generator = read_name(fields.get("generator"), what=f"{what}: generator", max_chars=limits.max_generator_chars)
    return make_candidate(
        text=read_text(fields["text"], what=what, limits=limits),
        generator=generator,
        human=_read_human(fields.get("human"), generator, what),
        external_id=read_name(fields.get("external_id"), what=f"{what}: external_id", max_chars=limits.max_id_chars),
        sampling=read_sampling(fields.get("sampling"), what=what, limits=limits),
    )


def _read_human(value: object, generator: str | None, what: str) -> bool | None:
    """Return who wrote it: a generator's name alone says that no human did."""
    if value is None:
        return None if generator is None else False
    if not isinstance(value, bool):
        raise BadRecord(f"{what}: human must be true or false, not {name_type(value)}.")
    if value and generator is not None:
        raise BadRecord(f"{what}: it names a generator and says that a human wrote it. Keep one of the two.")
    return value


def _read_fields(value: object, known: tuple[str, ...], *, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BadRecord(
            f"{what} must be an object with the key {known[0]!r}, not {name_type(value)}.".replace("'", '"')
        )
    unknown = next((name for name in value if name not in known), None)
    if unknown is not None:
        raise BadRecord(f"{what} has an unknown key {show(str(unknown))}. Known keys: {', '.join(known)}.")
    return value


def _read_sampling_name(name: object, what: str) -> str:
    read = read_name(name, what=f"{what}: a name in sampling", max_chars=MAX_SAMPLING_NAME_CHARS)
    if read is None:
        raise BadRecord(f"{what}: a name in sampling is blank.")
    return read


def _read_sampling_value(value: object, what: str) -> SamplingValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 10**18:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= MAX_SAMPLING_TEXT_CHARS:
        try:
            return check_characters(value)
        except BadText as bad:
            raise BadRecord(f"{what}: sampling: {bad.sentence}") from None
    raise BadRecord(f"{what}: a value in sampling is not a short text, a finite number, true, false or null.")
