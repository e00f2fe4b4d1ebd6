"""Whose turn it is to grow, which prompts will not be needed, and how many to ask for. Standard library only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from math import floor
from random import Random

from tasks.records.trees import LanguageFacts, SupplyDecision, SupplyRules, WaitingPrompt

#: What a prompt that nobody ranked weighs among those of its author, and what the lowest one weighs at least.
_UNRANKED = 0.5
_LEAST = 0.05


def decide_supply(facts: LanguageFacts, rules: SupplyRules, *, now: datetime, rng: Random) -> SupplyDecision:
    """Return the trees whose turn has come, those that will not be needed, and the prompts to ask for in one language.

    1. As many trees as are missing from those that grow at once have their turn, by `draw_turns`.
    2. Of those that people wrote and that still wait, the oldest beyond `max_waiting_prompts` are retired, and then the
       oldest that have waited for more than `prompt_days` while more than `waiting_prompts` wait. What was imported was
       brought on purpose: it waits until its turn comes.
    3. Wanted is what is missing from trees that grow and from prompts that wait, less those in review. It is the
       number of places that should be open in all, held ones included: whoever opens units opens or closes the
       difference. A `pair_share` of them (rounded, a half upwards) asks for a prompt with its reply.

    Once this was carried out, deciding again draws nothing, retires nothing and wants the same.
    """
    missing = max(0, rules.active_trees - facts.growing)
    drawn = draw_turns(facts.waiting, facts.merits, number=missing, is_ranked=rules.rank_prompts, rng=rng)
    turns = set(drawn)
    waiting = sorted(
        (prompt for prompt in facts.waiting if prompt.tree not in turns),
        key=lambda prompt: (prompt.waiting_since, prompt.tree),
    )
    # Were more asked for than may wait, each new prompt would be paid for with the oldest.
    kept = min(rules.waiting_prompts, rules.max_waiting_prompts)
    oldest = now - timedelta(days=rules.prompt_days)
    written = [prompt for prompt in waiting if prompt.author is not None]
    retired = [
        prompt.tree
        for place, prompt in enumerate(written)
        if (left := len(written) - place) > rules.max_waiting_prompts or (left > kept and prompt.waiting_since < oldest)
    ]
    wanted = max(0, missing - len(drawn) + kept - (len(waiting) - len(retired)) - facts.in_review)
    pairs = _count_pairs(wanted, rules)
    return SupplyDecision(
        drawn=drawn,
        retired=tuple(retired),
        prompts_wanted=wanted - pairs if rules.asks_prompts else 0,
        pairs_wanted=pairs,
    )


def draw_turns(
    waiting: Sequence[WaitingPrompt], merits: Mapping[int, int], *, number: int, is_ranked: bool, rng: Random
) -> tuple[int, ...]:
    """Return up to `number` trees, in the order of a draw over authors, then over the prompts of the author drawn.

    - Each turn goes to an author with a chance in proportion to merits + 1, however many prompts they have waiting:
      who writes more prompts takes no turn from others.
    - All imported prompts together are one author without merits. Were each an author of its own, an import of a
      thousand would leave volunteers no turn; as one, it fills every turn that they leave.
    - Within an author, where prompts are ranked, in proportion to their rank score (a half where nobody ranked it,
      and never under 0.05, so that none is without a chance); else all alike.
    """
    lines: dict[int | None, list[WaitingPrompt]] = defaultdict(list)
    for prompt in sorted(waiting, key=lambda prompt: prompt.tree):
        lines[prompt.author].append(prompt)
    weights = {author: 1 if author is None else merits.get(author, 0) + 1 for author in lines}
    turns = {author: _order_line(line, is_ranked=is_ranked, rng=rng) for author, line in lines.items()}
    # Each author's turns come at the beats of a clock of their own, faster with more weight. Beats have no memory,
    # so each next one is a draw over all authors in proportion to their weights, at the cost of a heap's step.
    clocks = [(rng.expovariate(weights[author]), place, author) for place, author in enumerate(lines)]
    heapify(clocks)
    drawn: list[int] = []
    while clocks and len(drawn) < number:
        beat, place, author = heappop(clocks)
        drawn.append(turns[author].pop())
        if turns[author]:
            heappush(clocks, (beat + rng.expovariate(weights[author]), place, author))
    return tuple(drawn)


def _order_line(line: Sequence[WaitingPrompt], *, is_ranked: bool, rng: Random) -> list[int]:
    """The trees of one author, the one to be drawn first at the end.

    The first of several clocks to beat is a draw in proportion to their weights, here without putting back.
    """
    beats = [(rng.expovariate(_weigh_prompt(prompt) if is_ranked else 1), prompt.tree) for prompt in line]
    return [tree for _, tree in sorted(beats, reverse=True)]


def _weigh_prompt(prompt: WaitingPrompt) -> float:
    return max(_LEAST, _UNRANKED if prompt.rank_score is None else prompt.rank_score)


def _count_pairs(wanted: int, rules: SupplyRules) -> int:
    if not rules.asks_pairs:
        return 0
    return floor(wanted * rules.pair_share + 0.5) if rules.asks_prompts else wanted
