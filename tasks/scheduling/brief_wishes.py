"""Where prompts are missing, and which briefs ask for them. Standard library only.

The target space is looked at along languages and topics, and along difficulty and length only where the campaign has set
shares of those: nobody is asked for a hard short question because none happens to be there.

    wanted_g = max(2, share_g * max(prompts of the campaign, 2 * parts))

A part that has less than half of that is asked for, those first that lack most of the campaign's target; its brief is
closed when the part has all of it, or when the brief has what it named. What was vetoed is not asked for again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import ceil

from tasks.records.wishes import StandingWish, Wish, WishCell, WishDecision
from tasks.vocabulary import TargetAxis

#: Prompts that every part of the target should have, and the share of what it wants below which it is asked for.
FEWEST, LOW = 2, 0.5
#: Briefs of the scheduler that are open at once: in a campaign, and in one of its languages.
MOST_OPEN, MOST_A_LANGUAGE = 12, 4
#: Prompts that one brief asks for at most; what is missing then is asked for by another.
MOST_AT_ONCE = 20


def group_cells(cells: Iterable[WishCell], *, axes: frozenset[str], languages: Sequence[str]) -> list[Wish]:
    """The parts of the target space that are looked at, in the order of their keys; only in these languages."""
    groups: defaultdict[str, list[WishCell]] = defaultdict(list)
    for cell in cells:
        if cell.language in languages:
            groups[_name_part(cell, axes)].append(cell)
    total = sum(cell.prompts for group in groups.values() for cell in group)
    base = max(total, FEWEST * len(groups))
    return [_describe(key, groups[key], axes=axes, base=base) for key in sorted(groups)]


def decide_wishes(
    parts: Sequence[Wish], standing: Sequence[StandingWish], *, asked: frozenset[tuple[str, str]] = frozenset()
) -> WishDecision:
    """Which briefs to close, and which to open.

    standing  the scheduler's briefs in the campaign that are open, or that an organizer vetoed
    asked     language and topic of open briefs of organizers: what they ask for is asked for already
    """
    by_key = {part.key: part for part in parts}
    close: dict[int, bool] = {}
    for brief in standing:
        if not brief.is_open:
            continue
        part = by_key.get(brief.key)
        has_enough = brief.wanted is not None and brief.standing >= brief.wanted
        if has_enough or (part is not None and not part.missing):
            close[brief.brief] = True
        elif part is None or part.share <= 0:
            close[brief.brief] = False
    kept = [brief for brief in standing if brief.is_open and brief.brief not in close]
    taken = {brief.key for brief in kept} | {brief.key for brief in standing if brief.is_vetoed}
    lacking = [
        part
        for part in parts
        if part.prompts < max(FEWEST, LOW * part.wanted)
        and part.missing
        and part.share > 0
        and part.key not in taken
        and not (part.topic_name and (part.language, part.topic_name) in asked)
    ]
    return WishDecision(close=close, open=_choose(lacking, kept))


def count_asked(part: Wish) -> int:
    """How many prompts a brief for this part names."""
    return min(part.missing, MOST_AT_ONCE)


def _choose(lacking: Sequence[Wish], kept: Sequence[StandingWish]) -> tuple[Wish, ...]:
    in_language = Counter(brief.language for brief in kept)
    chosen: list[Wish] = []
    for part in sorted(lacking, key=lambda part: (-part.weight, part.key)):
        if len(kept) + len(chosen) >= MOST_OPEN:
            break
        if in_language[part.language] < MOST_A_LANGUAGE:
            in_language[part.language] += 1
            chosen.append(part)
    return tuple(chosen)


def _name_part(cell: WishCell, axes: frozenset[str]) -> str:
    difficulty = cell.difficulty if TargetAxis.DIFFICULTY in axes else ""
    length = cell.length if TargetAxis.LENGTH in axes else ""
    return f"{cell.language}/{'' if cell.topic is None else cell.topic}/{difficulty}/{length}"


def _describe(key: str, cells: Sequence[WishCell], *, axes: frozenset[str], base: int) -> Wish:
    first = max(cells, key=lambda cell: (cell.share, -cell.id))
    share = sum(cell.share for cell in cells)
    prompts = sum(cell.prompts for cell in cells)
    wanted = max(FEWEST, ceil(round(share * base, 6)))
    return Wish(
        key=key,
        cell=first.id,
        language=first.language,
        topic=first.topic,
        topic_name=first.topic_name,
        difficulty=first.difficulty if TargetAxis.DIFFICULTY in axes else "",
        length=first.length if TargetAxis.LENGTH in axes else "",
        share=share,
        prompts=prompts,
        wanted=wanted,
        weight=share * max(0.0, 1 - prompts / wanted),
    )
