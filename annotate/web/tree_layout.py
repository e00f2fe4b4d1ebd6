"""A tree as a page lays it out: a conversation runs on while nobody answers twice; where it splits, it branches.

Steps are flat, so that no depth of a conversation is a depth of calls: `message`, and around branches `split`,
`branch`, `end_branch` and `end_split`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from annotate.queries.tree_shapes import MessageShown

#: Splits within each other that are drawn; what is deeper runs on, and says what it answers.
MOST_LEVELS = 16


@dataclass(slots=True)
class Step:
    """A piece of the page. `place` of `places` siblings; `below`: messages of a branch; `answers`: where that is not above."""

    kind: str
    message: MessageShown | None = None
    place: int = 0
    places: int = 0
    below: int = 0
    is_open: bool = True
    answers: int | None = None


def lay_out(messages: Sequence[MessageShown], *, opened: int | None = None, all_open: bool = False) -> list[Step]:
    """Steps in the order of the page: siblings by their place where the reader knows it, else as they came.

    Of branches the first is open, the one that `opened` lies in, and every one with `all_open`.
    """
    here = {message.id: message for message in messages}
    replies: dict[int | None, list[MessageShown]] = defaultdict(list)
    for message in messages:
        replies[message.parent_id if message.parent_id in here else None].append(message)
    for siblings in replies.values():
        siblings.sort(key=lambda each: (each.rank is None, each.rank or 0, each.id))
    below, path = _count_below(messages, here), _find_path(opened, here)
    steps: list[Step] = []
    waiting: list[tuple[Step, int]] = [
        (Step("message", root, answers=root.parent_id), 0) for root in reversed(replies[None])
    ]
    while waiting:
        step, level = waiting.pop()
        steps.append(step)
        if step.kind != "message" or step.message is None:
            continue
        answers = replies[step.message.id]
        if len(answers) < 2:
            waiting += [(Step("message", answer), level) for answer in answers]
        elif level >= MOST_LEVELS:
            waiting += [(Step("message", answer, answers=step.message.id), level) for answer in reversed(answers)]
        else:
            split = _split(answers, below=below, path=path, all_open=all_open)
            waiting += [(each, level + 1) for each in reversed(split)]
    return steps


def _split(answers: Sequence[MessageShown], *, below: dict[int, int], path: set[int], all_open: bool) -> list[Step]:
    steps = [Step("split")]
    for place, answer in enumerate(answers, start=1):
        is_open = all_open or place == 1 or answer.id in path
        steps += [
            Step("branch", answer, place, len(answers), below[answer.id], is_open),
            Step("message", answer, place, len(answers)),
            Step("end_branch"),
        ]
    return [*steps, Step("end_split")]


def _count_below(messages: Sequence[MessageShown], here: dict[int, MessageShown]) -> dict[int, int]:
    """How many messages answer each one, at whatever depth."""
    below = dict.fromkeys(here, 0)
    for message in reversed(messages):  # depth first, so that what answers comes behind
        if message.parent_id in below:
            below[message.parent_id] += below[message.id] + 1
    return below


def _find_path(message_id: int | None, here: dict[int, MessageShown]) -> set[int]:
    path = set[int]()
    while message_id is not None and message_id in here and message_id not in path:
        path.add(message_id)
        message_id = here[message_id].parent_id
    return path
