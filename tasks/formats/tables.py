"""Rows of a table (CSV or Parquet) as items: which columns there may be, and how a row becomes an item.

A row is a prompt with any number of candidates: the columns `candidate` and `generator` for one, or
`candidate_1`, `generator_1`, `candidate_2`, … for several. A prompt may also stand in several rows, one
candidate in each; the service joins them by the prompt's text. Parquet may have the API's own nested
`candidates` column instead.
"""

import re
from collections.abc import Mapping, Sequence

from tasks.formats.items import CANDIDATE_KEYS, ITEM_KEYS
from tasks.formats.refusals import BadRecord, RefusedFile, show

_PLAIN = ("prompt", "language", "topic", "difficulty", "tags", "external_id")
_CANDIDATE = re.compile(r"(candidate|generator)(?:_([1-9][0-9]{0,2}))?")


def check_columns(names: Sequence[str]) -> None:
    """Raise `RefusedFile` unless the columns make items: known, each once, `prompt` among them."""
    for name in names:
        if name not in ITEM_KEYS and not _CANDIDATE.fullmatch(name):
            raise RefusedFile(
                f"The column {show(name)} is not known. Known columns: {', '.join(_PLAIN)}, candidate, generator, "
                "candidate_1, generator_1, candidate_2, … Rename or remove it."
            )
        if names.count(name) > 1:
            raise RefusedFile(f"The column {show(name)} stands twice. Keep one.")
    if "prompt" not in names:
        raise RefusedFile('There is no column "prompt". Name the columns in the first row.')
    for name in names:
        if name.startswith("generator") and name.replace("generator", "candidate") not in names:
            raise RefusedFile(
                f"The column {show(name)} has no column {show(name.replace('generator', 'candidate'))} beside it."
            )


def make_item(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row as an item of `tasks.formats.items`; empty cells are absent. Raises `BadRecord`."""
    given = {name: value for name, value in row.items() if value is not None and value != ""}
    item: dict[str, object] = {name: given[name] for name in _PLAIN if name in given}
    candidates = given.get("candidates", [])
    if not isinstance(candidates, list):
        raise BadRecord("candidates must be a list.")
    flat = [_make_candidate(name, given) for name in given if name.startswith("candidate") and name != "candidates"]
    stray = next((name for name in given if name.startswith("generator") and _pair(name) not in given), None)
    if stray is not None:
        raise BadRecord(f"{stray} is given, but {_pair(stray)} is empty. Fill both, or none.")
    if candidates or flat:
        item["candidates"] = [*(_drop_absent(candidate) for candidate in candidates), *flat]
    return item


def _make_candidate(name: str, given: Mapping[str, object]) -> dict[str, object]:
    generator = given.get(name.replace("candidate", "generator"))
    return {"text": given[name]} | ({} if generator is None else {"generator": generator})


def _pair(name: str) -> str:
    return name.replace("generator", "candidate")


def _drop_absent(candidate: object) -> object:
    """Leave out the keys of a struct that have no value; columns of a file exist for every row."""
    if not isinstance(candidate, dict):
        return candidate
    return {key: value for key, value in candidate.items() if value is not None or key not in CANDIDATE_KEYS}
