"""How much of a campaign's target each cell is, from the shares that organizers set along axes. The standard library alone.

A cell's share begins at the square root of its prompts, so that large cells weigh more, and small ones more than their
size. Then, axis by axis and again and again, the cells of each value are scaled to the value's share, those of all other
values together to what is left (iterative proportional fitting, Deming and Stephan 1940): in the end every axis has the shares
that were asked for, as far as cells that there are allow it. A tag is had by a part of a cell's prompts, and counts by that part.

Of a thousand tags each is had by few cells: a step for one changes those, and for all others one number that is common to
them, so that it costs what the tag's cells cost.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any

from tasks.vocabulary import PromptLength, TargetAxis

ROUNDS = 30
#: A round after which no cell's share is other by more than this is the last.
SETTLED = 1e-9
#: By which axes a cell is one; tags lie across.
CELL_AXES = (TargetAxis.LANGUAGE, TargetAxis.TOPIC, TargetAxis.DIFFICULTY, TargetAxis.LENGTH)

Shares = Mapping[TargetAxis, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class CellFacts:
    """A cell of the target space. `topic`: its number as text, "" for none. `tags`: prompts of it that have each."""

    language: str
    topic: str
    difficulty: str
    length: str
    prompts: int
    tags: Mapping[str, int] = field(default_factory=dict)

    def put(self, axis: TargetAxis, value: str) -> "CellFacts":
        """The cell with another value along one axis."""
        named: dict[str, Any] = {str(axis): value}
        return replace(self, **named)

    def value(self, axis: TargetAxis) -> str:
        return {
            TargetAxis.LANGUAGE: self.language,
            TargetAxis.TOPIC: self.topic,
            TargetAxis.DIFFICULTY: self.difficulty,
            TargetAxis.LENGTH: self.length,
        }[axis]


def add_wanted(cells: Sequence[CellFacts], shares: Shares, *, language: str) -> list[CellFacts]:
    """The cells, and an empty one for each value that is wanted and that no prompt has; in `language` where it does not say.

    Else it is as most prompts are, so that one prompt of that kind would fill it.
    """
    there = [cell for cell in cells if cell.prompts]
    lengths = Counter({str(PromptLength.MIDDLE): 0})
    languages = Counter({language: 0})
    for cell in there:
        lengths[cell.length] += cell.prompts
        languages[cell.language] += cell.prompts
    usual = CellFacts(languages.most_common(1)[0][0], "", "", lengths.most_common(1)[0][0], 0)
    added: list[CellFacts] = []
    for axis in CELL_AXES:
        had = {cell.value(axis) for cell in there}
        missing = [value for value, share in shares.get(axis, {}).items() if share > 0 and value not in had]
        added += [usual.put(axis, value) for value in missing]
    return [*there, *_once(added)]


def share_cells(cells: Sequence[CellFacts], shares: Shares) -> list[float]:
    """The share of each cell; together 1 where there is a cell. An empty cell has what its value is asked for."""
    weights = [sqrt(cell.prompts) if cell.prompts else 1.0 for cell in cells]
    weights = _normalise(weights)
    tags = _find_parts(cells, shares.get(TargetAxis.TAG, {}))
    for _ in range(ROUNDS):
        before = weights
        for axis in CELL_AXES:
            if shares.get(axis):
                weights = _fit_axis(cells, weights, axis, shares[axis])
        weights = _fit_tags(weights, tags)
        if all(abs(now - then) <= SETTLED for now, then in zip(weights, before, strict=True)):
            break
    return weights


def _fit_axis(
    cells: Sequence[CellFacts], weights: list[float], axis: TargetAxis, wanted: Mapping[str, float]
) -> list[float]:
    has: defaultdict[str, float] = defaultdict(float)
    for cell, weight in zip(cells, weights, strict=True):
        value = cell.value(axis)
        has[value if value in wanted else _REST] += weight
    asked = {value: share for value, share in wanted.items() if has[value] > 0}
    left = max(0.0, 1 - sum(asked.values())) if has[_REST] > 0 else 0.0
    factors = {value: share / has[value] for value, share in asked.items()}
    factors[_REST] = left / has[_REST] if has[_REST] > 0 else 0.0
    scaled = [
        weight * factors.get(cell.value(axis), factors[_REST]) for cell, weight in zip(cells, weights, strict=True)
    ]
    return _normalise(scaled, otherwise=weights)


def _find_parts(cells: Sequence[CellFacts], wanted: Mapping[str, float]) -> list[tuple[float, list[tuple[int, float]]]]:
    """Of each wanted tag its share, and the cells that have it, with the part of their prompts."""
    parts: dict[str, list[tuple[int, float]]] = {tag: [] for tag in wanted}
    for place, cell in enumerate(cells):
        for tag in cell.tags:
            if tag in parts and (part := _part(cell, tag)):
                parts[tag].append((place, part))
    return [(wanted[tag], found) for tag, found in parts.items() if found]


def _fit_tags(weights: list[float], tags: Sequence[tuple[float, list[tuple[int, float]]]]) -> list[float]:
    """Scale to one tag after the other. What all cells have in common is kept apart, in `common`."""
    own, common = list(weights), 1.0
    for share, parts in tags:
        has = common * sum(own[place] * part for place, part in parts)
        if not 0 < has < 1 - SETTLED:  # nobody has it, or everybody: there is nothing to shift
            continue
        if share >= 1:  # nothing is left to the others
            own, common = _keep_only(own, parts), 1.0
            continue
        without = (1 - share) / (1 - has)
        for place, part in parts:
            own[place] *= part * share / has / without + 1 - part
        common *= without
    return _normalise([weight * common for weight in own], otherwise=weights)


def _keep_only(weights: list[float], parts: Sequence[tuple[int, float]]) -> list[float]:
    kept = [0.0] * len(weights)
    for place, part in parts:
        kept[place] = weights[place] * part
    return _normalise(kept, otherwise=weights)


def _part(cell: CellFacts, tag: str) -> float:
    return cell.tags.get(tag, 0) / cell.prompts if cell.prompts else 0.0


def _normalise(weights: Sequence[float], *, otherwise: list[float] | None = None) -> list[float]:
    total = sum(weights)
    if total <= 0:
        return otherwise if otherwise is not None else list(weights)
    return [weight / total for weight in weights]


def _once(cells: Sequence[CellFacts]) -> list[CellFacts]:
    seen: set[tuple[str, ...]] = set()
    kept = []
    for cell in cells:
        key = (cell.language, cell.topic, cell.difficulty, cell.length)
        if key not in seen:
            seen.add(key)
            kept.append(cell)
    return kept


#: All values that no share was set for; no value is written so.
_REST = "\0"
