"""Which generators answer which prompt: a balanced, connected design of incomplete blocks, one prompt after the other.

A prompt is a block, the generators that answer it stand in it. Nothing is planned ahead, because nobody knows how many
prompts will come, and generators join and leave. Each prompt takes the generators that, by what was asked before,

1. are of a model that does not stand in this block yet, while there are such (one model under two names tells nothing);
2. were asked least in the stratum, so that no two of them are ever more than one prompt apart (but where 1 or a prompt
   that has asked them before holds one back);
3. join parts of the stratum that no comparison links yet: with all of them there, everybody is linked after
   ceil((g - 1) / (k - 1)) prompts, which is the fewest that can do it;
4. stood beside each other least in the stratum;
5. by 2 to 4 over the whole campaign, so that many strata of a few prompts are balanced together;
6. are drawn by lot.

By 2 a block is filled from the least asked upwards, one generator after the other, each by 3 to 6; several first ones
are tried and the best block is taken. That costs O(k² g) for each of at most `MOST_STARTS` blocks.

**Joining and coming back.** Who is more than one prompt behind the one that was asked most gets the difference as
credit: it counts as asked for these. Each prompt that it is then asked for counts half and uses up half a prompt of
credit, so that it is asked up to `1 / HALF` times as often as the others until it is level with them. Of g generators
of which m catch up, one that catches up stands in at most min(1, 2k / (g + m)) of the new prompts, and one of the
others still in k / (g + m) of them: in half of its share k / g at least. Who left is not looked at.

**Samples.** A generator stands in a block once. Only where fewer generators are named than a prompt wants do its
further samples fill what is left, turn by turn, at most as many as it is named with.

Counted is what was asked, whatever came of it: a generator that fails often is not asked more often for it. Where a
request came to nothing in the end, another generator of the design stands in, by the same rules.

After Cochran and Cox 1957, "Experimental designs", chapters 9 and 11; credit after Waldspurger and Weihl 1995, "Stride
scheduling".
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

#: First generators that are tried for a block.
MOST_STARTS = 8
#: What a prompt counts for a generator that catches up.
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Entrant:
    """A generator that can be asked now: how often a prompt may ask it, and which model it is (None: one of its own)."""

    generator: int
    samples: int = 1
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A message that generators answer. `asked`: samples asked of each so far, whatever came of them.

    `standing`: how many samples of each are queued, running, done or called off; what failed leaves its place.
    """

    id: int
    asked: Mapping[int, Collection[int]] = field(default_factory=dict)
    standing: Mapping[int, int] = field(default_factory=dict)


class Tally:
    """Who was asked for how many prompts, and beside whom: in one stratum, or in the whole campaign."""

    def __init__(self) -> None:
        self.prompts: dict[int, int] = {}
        self.credit: dict[int, float] = {}
        self.beside: dict[int, dict[int, int]] = {}
        self._part: dict[int, int] = {}
        self._changed: set[tuple[int, int]] = set()

    def count(self, first: int, second: int, prompts: int) -> None:
        """Add what is known of two generators, or of one (`first` is `second`)."""
        if first == second:
            self.prompts[first] = self.prompts.get(first, 0) + prompts
            return
        for one, other in ((first, second), (second, first)):
            row = self.beside.setdefault(one, {})
            row[other] = row.get(other, 0) + prompts
        if prompts:
            self._part[self.find_part(first)] = self.find_part(second)

    def add_prompt(self, new: Collection[int], before: Collection[int] = ()) -> None:
        """Count a prompt that asks `new` generators and has asked those `before` them."""
        for place, generator in enumerate(new):
            self.count(generator, generator, 1)
            self.credit[generator] = max(0.0, self.credit.get(generator, 0.0) - HALF)
            self._changed.add((generator, generator))
            for other in (*before, *list(new)[:place]):
                self.count(generator, other, 1)
                self._changed.add((min(generator, other), max(generator, other)))

    def give_credit(self, present: Sequence[int]) -> None:
        """Let nobody of those present be more than one prompt behind the one that was asked most."""
        least = max(map(self.level, present), default=0) - 1
        for generator in present:
            if (missing := least - self.level(generator)) > 0:
                self.credit[generator] = self.credit.get(generator, 0.0) + missing
                self._changed.add((generator, generator))

    def level(self, generator: int) -> float:
        """For how many prompts a generator counts as asked."""
        return self.prompts.get(generator, 0) + self.credit.get(generator, 0.0)

    def list_changes(self) -> list[tuple[int, int, int, float]]:
        """What is not as it was counted at first, in order: two generators (or one twice), prompts, credit."""
        return [
            (first, second, self.prompts.get(first, 0), self.credit.get(first, 0.0))
            if first == second
            else (first, second, self.beside[first][second], 0.0)
            for first, second in sorted(self._changed)
        ]

    def find_part(self, generator: int) -> int:
        """Stands for all generators that are linked to this one by comparisons."""
        while (above := self._part.setdefault(generator, generator)) != generator:
            self._part[generator] = generator = self._part[above]
        return generator

    def is_connected(self, generators: Sequence[int]) -> bool:
        """Whether comparisons, direct or through others, link all of these."""
        return len({self.find_part(generator) for generator in generators}) < 2


def plan_prompt(
    prompt: Prompt,
    entrants: Sequence[Entrant],
    *,
    wanted: int | None,
    fills_up: bool,
    tallies: tuple[Tally, Tally],
    rng: Random,
) -> tuple[tuple[int, int], ...]:
    """Return what to ask for under one prompt, as pairs of generator and sample, and count it in both tallies.

    wanted    samples that a prompt has in all; None: all samples of all generators
    fills_up  whether further samples may fill what generators leave, because fewer are named than are wanted
    tallies   of the prompt's stratum, and of the campaign
    """
    if wanted is None:
        asks = [
            (entrant.generator, sample)
            for entrant in entrants
            for sample in range(entrant.samples)
            if sample not in prompt.asked.get(entrant.generator, ())
        ]
        new = list(dict.fromkeys(generator for generator, _ in asks if generator not in prompt.asked))
    else:
        room = wanted - sum(prompt.standing.values())
        new = list(choose_generators(prompt, entrants, room=room, tallies=tallies, rng=rng))
        asks = [(generator, 0) for generator in new]
        if fills_up:
            asks += _fill_up(prompt, entrants, asks, room=room - len(asks))
    for tally in tallies:
        tally.add_prompt(new, tuple(prompt.asked))
    return tuple(asks)


def choose_generators(
    prompt: Prompt, entrants: Sequence[Entrant], *, room: int, tallies: tuple[Tally, Tally], rng: Random
) -> tuple[int, ...]:
    """Return up to `room` generators that this prompt has not asked yet. Gives credit to whoever needs it."""
    free = [entrant.generator for entrant in entrants if entrant.generator not in prompt.asked]
    if room <= 0 or not free:
        return ()
    for tally in tallies:
        tally.give_credit([entrant.generator for entrant in entrants])
    rng.shuffle(free)
    models = {entrant.generator: entrant.model for entrant in entrants if entrant.model is not None}
    standing = [generator for generator, samples in prompt.standing.items() if samples]
    views = tuple(_View(tally, [*free, *standing]) for tally in tallies)
    starts = _Block(standing, models, views).list_least(free)
    starts.sort(key=views[1].level.__getitem__)
    blocks = [
        _fill_block(start, free, _Block(standing, models, views), room=room)
        for start in starts[: MOST_STARTS if room > 1 else 1]
    ]
    return tuple(min(blocks, key=lambda block: block.cost).chosen)


class _View:
    """What a tally says of a few generators, looked up once for all the blocks of a prompt."""

    def __init__(self, tally: Tally, generators: Sequence[int]) -> None:
        self.level = {generator: tally.level(generator) for generator in generators}
        self.part = {generator: tally.find_part(generator) for generator in generators}
        self.beside = {generator: tally.beside.get(generator, {}) for generator in generators}

    def count_meetings(self, generator: int, others: Sequence[int]) -> int:
        row = self.beside[generator]
        return sum(row[other] for other in others if other in row) if row else 0


class _Block:
    """Generators that stand together under one prompt, and what that costs. Costs compare from left to right."""

    def __init__(self, standing: Sequence[int], models: Mapping[int, str], views: Sequence[_View]) -> None:
        self.chosen: list[int] = []
        self.cost: tuple[float, ...] = (0.0,) * 7
        self._members = list(standing)
        self._models = models
        self._views = views
        self._seen = {models[generator] for generator in standing if generator in models}
        self._parts = [{view.part[generator] for generator in standing} for view in views]

    def list_least(self, free: Sequence[int]) -> list[int]:
        """Those of another model than all in the block, if there are any; of them those that were asked least."""
        others = [generator for generator in free if not self._clashes(generator)] or free
        level = self._views[0].level
        least = min(level[generator] for generator in others)
        return [generator for generator in others if level[generator] == least]

    def weigh(self, generator: int) -> tuple[float, ...]:
        """What it costs to add a generator: for each tally its level, whether it links nothing, and its meetings."""
        weight: list[float] = []
        for view, parts in zip(self._views, self._parts, strict=True):
            meetings = view.count_meetings(generator, self._members)
            weight += (view.level[generator], view.part[generator] in parts, meetings)
        return tuple(weight)

    def add(self, generator: int, weight: tuple[float, ...]) -> None:
        costs = (float(self._clashes(generator)), *weight)
        self.cost = tuple(one + other for one, other in zip(self.cost, costs, strict=True))
        self.chosen.append(generator)
        self._members.append(generator)
        if generator in self._models:
            self._seen.add(self._models[generator])
        for view, parts in zip(self._views, self._parts, strict=True):
            parts.add(view.part[generator])

    def _clashes(self, generator: int) -> bool:
        return self._models.get(generator) in self._seen


def _fill_block(start: int, free: Sequence[int], block: _Block, *, room: int) -> _Block:
    left = list(free)
    chosen = start
    while True:
        left.remove(chosen)
        block.add(chosen, block.weigh(chosen))
        if len(block.chosen) == room or not left:
            return block
        chosen = min(block.list_least(left), key=block.weigh)


def _fill_up(
    prompt: Prompt, entrants: Sequence[Entrant], asks: Sequence[tuple[int, int]], *, room: int
) -> list[tuple[int, int]]:
    """Further samples, turn by turn: of those with the fewest under this prompt first."""
    taken = {entrant.generator: set(prompt.asked.get(entrant.generator, ())) for entrant in entrants}
    for generator, sample in asks:
        taken[generator].add(sample)
    more: list[tuple[int, int]] = []
    while len(more) < room:
        free = [entrant for entrant in entrants if len(taken[entrant.generator]) < entrant.samples]
        if not free:
            break
        chosen = min(free, key=lambda entrant: len(taken[entrant.generator]))
        sample = next(number for number in range(chosen.samples) if number not in taken[chosen.generator])
        taken[chosen.generator].add(sample)
        more.append((chosen.generator, sample))
    return more
