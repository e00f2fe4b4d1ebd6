"""A reference set of prompts, from which target shares are learned: a file of lines, JSON lines or a table. Standard library.

Of each prompt what is there: `text`, `language`, `difficulty`, `tags`. What a file does not say is not learned.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.records.coverage import length_of
from tasks.vocabulary import TargetAxis

MOST_PROMPTS = 20_000
#: Values of one axis that are learned: the rest is left to its other values.
MOST_VALUES = 50
#: What is rarer is not worth a share.
LEAST_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class ReferencePrompt:
    text: str
    language: str = ""
    difficulty: str = ""
    tags: tuple[str, ...] = ()


def read_reference(data: bytes) -> list[ReferencePrompt]:
    """The prompts of a file, at most `MOST_PROMPTS`. Raises ValueError, whose words are a code: `no_utf8` or `no_prompts`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("no_utf8") from error
    prompts = [prompt for prompt in _read(text) if prompt.text.strip()][:MOST_PROMPTS]
    if not prompts:
        raise ValueError("no_prompts")
    return prompts


def learn_shares(
    prompts: Iterable[ReferencePrompt], *, topics: Iterable[str] = (), languages: Iterable[str] = ()
) -> dict[TargetAxis, dict[str, float]]:
    """The share of each value along each axis, among the prompts that say it; `topics` were found apart.

    `languages`: those that may be set; others are left out, and shares are of what is left.
    """
    counts: dict[TargetAxis, Counter[str]] = {axis: Counter() for axis in TargetAxis}
    allowed, total = set(languages), 0
    for prompt in prompts:
        total += 1
        counts[TargetAxis.LENGTH][str(length_of(len(prompt.text)))] += 1
        if prompt.language in allowed:
            counts[TargetAxis.LANGUAGE][prompt.language] += 1
        if prompt.difficulty:
            counts[TargetAxis.DIFFICULTY][prompt.difficulty] += 1
        counts[TargetAxis.TAG].update(set(prompt.tags))
    counts[TargetAxis.TOPIC].update(topics)
    learned = {}
    for axis, values in counts.items():
        of = total if axis is TargetAxis.TAG else values.total()
        shares = {
            value: _cut(count / of) for value, count in values.most_common(MOST_VALUES) if count / of >= LEAST_SHARE
        }
        if shares:
            learned[axis] = shares
    return learned


def _cut(share: float) -> float:
    """Rounded down, so that the shares of an axis are never more than 1 together."""
    return int(share * 1000) / 1000


def _read(text: str) -> Iterable[ReferencePrompt]:
    first = text.lstrip()[:1]
    if first in ("{", '"'):
        return [_read_item(line) for line in text.splitlines() if line.strip()]
    header = next(csv.reader([text.partition("\n")[0].strip()]), [])
    if "prompt" in [cell.strip().lower() for cell in header]:
        rows = csv.DictReader(io.StringIO(text))
        rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
        return [_make(row) for row in rows]
    return [ReferencePrompt(line.strip()) for line in text.splitlines()]


def _read_item(line: str) -> ReferencePrompt:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        return ReferencePrompt("")
    return (
        ReferencePrompt(item)
        if isinstance(item, str)
        else _make(item)
        if isinstance(item, dict)
        else ReferencePrompt("")
    )


def _make(item: Mapping[str, Any]) -> ReferencePrompt:
    tags = item.get("tags") or ()
    if isinstance(tags, str):
        tags = tags.split(";")
    said = {name: item[name].strip() for name in ("language", "difficulty") if isinstance(item.get(name), str)}
    text = item.get("prompt") or item.get("text") or ""
    named = (
        tuple(tag.strip()[:80] for tag in tags if isinstance(tag, str) and tag.strip())
        if isinstance(tags, list | tuple)
        else ()
    )
    return ReferencePrompt(
        text if isinstance(text, str) else "", said.get("language", "")[:16], said.get("difficulty", "")[:40], named
    )
