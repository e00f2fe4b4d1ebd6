"""A campaign as arrays: what every arm of a simulation shares."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tasks.records.coverage import KIND_CODES, length_of
from tasks.records.simulations import SimulatedCampaign, WorkUnit
from tasks.vocabulary import Kind

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Name = TypeVar("Name", bound=Hashable)

#: Candidates of one prompt that are imagined at most.
MOST_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Units and cells of a campaign, one entry each.

    language, topic, cell, kind, queue  codes of each unit; topic -1: none. A queue is a kind and a language
    candidates                          of each unit, from 2 to `MOST_CANDIDATES`
    done, confidence, waited            as the campaign stands: judgments, certainty (nan: none), days
    stratum                             the target that counts for each unit, -1: none
    queue_language, queue_kind          codes of each queue
    cell_share, cell_language, cell_topic, cell_prompts
    cell_names                          language, topic, difficulty and length of each cell
    targets                             judgments that each target asks for
    target_names                        language and topic of each target
    """

    languages: tuple[str, ...]
    topics: tuple[str, ...]
    language: Integers
    topic: Integers
    cell: Integers
    kind: Integers
    queue: Integers
    candidates: Integers
    done: Integers
    confidence: Floats
    waited: Floats
    stratum: Integers
    queue_language: Integers
    queue_kind: Integers
    cell_share: Floats
    cell_language: Integers
    cell_topic: Integers
    cell_prompts: Integers
    cell_names: tuple[tuple[str, str, str, str], ...]
    targets: Floats
    target_names: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.cell)


def lay_out(campaign: SimulatedCampaign) -> Layout:
    """Return the arrays of a campaign. Raises ValueError when it has no order to ask for."""
    units = campaign.units
    if not units:
        raise ValueError("This campaign has nothing to put in order: no prompt of it has two candidates.")
    languages = tuple(dict.fromkeys([*campaign.languages, *(unit.language for unit in units)]))
    topics = tuple(dict.fromkeys(unit.topic for unit in units if unit.topic))
    names = [(unit.language, unit.topic, unit.difficulty, length_of(unit.characters).value) for unit in units]
    prompts = Counter(names)
    # A cell that is wanted and has no prompt is part of the target all the same.
    cells = tuple(dict.fromkeys([*prompts, *campaign.shares]))
    languages = tuple(dict.fromkeys([*languages, *(cell[0] for cell in cells)]))
    code, topic_code = _number(languages), _number(topics) | {"": -1}
    place = _number(cells)
    language = np.array([code[unit.language] for unit in units])
    kind = np.array([KIND_CODES[Kind(unit.kind)] for unit in units])
    queues, queue = np.unique(kind * len(languages) + language, return_inverse=True)
    targets = {name: wanted for name, wanted in campaign.targets.items() if wanted}
    target_place = _number(tuple(targets))
    return Layout(
        languages=languages,
        topics=topics,
        language=language,
        topic=np.array([topic_code[unit.topic] for unit in units]),
        cell=np.array([place[name] for name in names]),
        kind=kind,
        queue=queue.astype(np.int64),
        candidates=np.array([min(max(unit.candidates, 2), MOST_CANDIDATES) for unit in units]),
        done=np.array([unit.done for unit in units]),
        confidence=np.array([np.nan if unit.confidence is None else unit.confidence for unit in units]),
        waited=np.array([unit.waited for unit in units], dtype=float),
        stratum=np.array([_find_target(unit, target_place) for unit in units]),
        queue_language=queues % len(languages),
        queue_kind=queues // len(languages),
        cell_share=_share_cells(campaign, cells, prompts),
        cell_language=np.array([code[cell[0]] for cell in cells]),
        cell_topic=np.array([topic_code.get(cell[1], -1) for cell in cells]),
        cell_prompts=np.array([prompts.get(cell, 0) for cell in cells]),
        cell_names=cells,
        targets=np.array(list(targets.values()), dtype=float),
        target_names=tuple(targets),
    )


def _share_cells(
    campaign: SimulatedCampaign,
    cells: tuple[tuple[str, str, str, str], ...],
    prompts: Counter[tuple[str, str, str, str]],
) -> Floats:
    """Return the share of each cell: the campaign's own, or in proportion to the square root of its prompts.

    Shares that lie where there is no prompt at all are of another time, before the prompts had their places.
    """
    if sum(share for cell, share in campaign.shares.items() if prompts.get(cell)) > 0:
        shares = np.array([campaign.shares.get(cell, 0.0) for cell in cells])
    else:
        shares = np.sqrt([float(prompts.get(cell, 0)) for cell in cells])
    normal: Floats = shares / shares.sum()
    return normal


def _find_target(unit: WorkUnit, places: dict[tuple[str, str], int]) -> int:
    """Return the target that counts for a unit: of its topic, or of its whole language; -1: none."""
    topic = unit.topic if unit.target_topic is None else unit.target_topic
    return places.get((unit.language, topic), places.get((unit.language, ""), -1))


def _number(names: Sequence[Name]) -> dict[Name, int]:
    return {name: number for number, name in enumerate(names)}
