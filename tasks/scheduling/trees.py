"""What becomes of a message tree: its reviews, its state, and the work it asks for. Standard library only.

Decided from facts and the clock alone. What looks like chance (which parent first, which form) follows from
ids, so that deciding again on the same facts, or once the decision was carried out, changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tasks.records.trees import MessageFact, TreeDecision, TreeFacts, TreeRules, UnitFact, Verdict, Wish
from tasks.scheduling.tree_states import find_restart_state
from tasks.scheduling.tree_wishes import (
    Standing,
    draw_fraction,
    find_rankings,
    read_standing,
    wish_improvements,
    wish_rankings,
    wish_replies,
    wish_unit,
)
from tasks.vocabulary import ENDED_TREES, Kind, MessageRole, ReviewState, TreeReason, TreeState

#: States in which reviewers are asked, and in which what they say decides.
_REVIEWING = (TreeState.PROMPT_REVIEW, TreeState.WAITING, TreeState.GROWING)
#: Reviews of a growing tree come before others: its next replies wait for them.
_BAND_REVIEW = {TreeState.PROMPT_REVIEW: 600, TreeState.WAITING: 500, TreeState.GROWING: 700}
_BAND_BEGUN = 100

_Step = tuple[TreeState, TreeReason]


def minimum_reviews(rules: TreeRules, author: int | None) -> int:
    """How many reviewers who agree decide: fewer where a language has fewer besides the author, never under the floor."""
    return max(rules.review_floor, _at_most(rules.min_reviews, rules, author))


def maximum_reviews(rules: TreeRules, author: int | None) -> int:
    """How many reviewers are asked at most: no more than there are, or a dispute would wait for somebody who is not there."""
    return max(minimum_reviews(rules, author), _at_most(rules.max_reviews, rules, author))


def _at_most(number: int, rules: TreeRules, author: int | None) -> int:
    if rules.reviewers is None:
        return number
    return min(number, rules.reviewers - (author is not None))


def decide_review(
    verdicts: Sequence[Verdict], *, needed_minimum: int, max_reviews: int, threshold: float
) -> ReviewState:
    """What reviewers have decided of a message so far.

    1. Nobody reviewed it: pending.
    2. At least `needed_minimum` reviewed it and all agree: as they say.
    3. The share without an objection would be above `threshold` (or would not) whatever those still to come up
       to `max_reviews` say: decided now.
    A reviewer who answered neither question has raised no objection.
    """
    given = len(verdicts)
    fine = sum(not verdict.objects for verdict in verdicts)
    if not given:
        return ReviewState.PENDING
    if given >= needed_minimum and fine in (0, given):
        return ReviewState.ACCEPTED if fine else ReviewState.REJECTED
    final = max(given, max_reviews)
    if fine / final > threshold:
        return ReviewState.ACCEPTED
    if (fine + final - given) / final <= threshold:
        return ReviewState.REJECTED
    return ReviewState.PENDING


def count_reviews_wanted(
    verdicts: Sequence[Verdict], *, needed_minimum: int, max_reviews: int, threshold: float
) -> int:
    """How many reviews a message should have in all by now; those given are the least.

    Its unit then needs `done + max(held, wanted - given)` places. Each verdict that leaves reviewers divided
    raises the number by one, so that the unit has a free place as soon as that verdict is stored.
    """
    given = len(verdicts)
    decided = decide_review(verdicts, needed_minimum=needed_minimum, max_reviews=max_reviews, threshold=threshold)
    return given if decided is not ReviewState.PENDING else max(needed_minimum, given + 1)


def decide_tree(facts: TreeFacts, rules: TreeRules, *, now: datetime) -> TreeDecision:
    """Return the state that a tree should be in, the reviews that are decided, and the units that should be open.

    1. A tree that ended stays as it is and asks for nothing, but for one that was halted because its prompt was
       removed: when the prompt is back, so is the tree.
    2. Pending messages are decided by their reviewers, while the tree is in review, waits or grows.
    3. The state moves on as far as facts allow; each step is one of `tasks.scheduling.tree_states`.
    4. The state that is reached asks for its work.

    `Wish.needed` counts what the unit that carries the work has done and holds: the open one of its kind and
    subject, else the latest, which is opened again (who has seen it is not asked twice), else a new one.
    """
    steps: list[_Step] = []
    if _is_back(facts):
        steps.append((_restart(facts), TreeReason.RESTARTED))
    elif facts.state in ENDED_TREES:
        return TreeDecision(state=facts.state, reason=facts.reason)
    reviews: dict[int, ReviewState] = {}
    if (steps[-1][0] if steps else facts.state) in _REVIEWING:
        reviews = _settle(facts, rules)
    if reviews:
        settled = (replace(m, review=reviews[m.id]) if m.id in reviews else m for m in facts.messages)
        facts = replace(facts, messages=tuple(settled))
    standing = read_standing(facts)
    state = steps[-1][0] if steps else facts.state
    while step := _step(standing, rules, state) or (
        None if steps or reviews else _lose_patience(standing, rules, state, now)
    ):
        steps.append(step)
        state = step[0]
    return TreeDecision(
        state=state,
        reason=steps[-1][1] if steps else facts.reason,
        passed=tuple(passed for passed, _ in steps[:-1]),
        reviews=reviews,
        wishes=tuple(_wish(standing, rules, state)),
    )


def _find_root(facts: TreeFacts) -> MessageFact | None:
    return next((message for message in facts.messages if message.parent is None), None)


def _is_back(facts: TreeFacts) -> bool:
    root = _find_root(facts)
    was_removed = facts.state is TreeState.HALTED and facts.reason is TreeReason.PROMPT_REMOVED
    return was_removed and root is not None and root.is_live


def _restart(facts: TreeFacts) -> TreeState:
    root = _find_root(facts)
    review = root.review if root else ReviewState.NONE
    return find_restart_state(prompt_review=review, was_drawn=facts.was_drawn)


def _settle(facts: TreeFacts, rules: TreeRules) -> dict[int, ReviewState]:
    """Reviews that are decided now. Where nobody is asked about a text, it is accepted as it is."""
    reviews = {}
    for message in facts.messages:
        if message.review is not ReviewState.PENDING or not message.is_live:
            continue
        if not _is_reviewed(message.role, rules):
            reviews[message.id] = ReviewState.ACCEPTED
            continue
        decided = decide_review(
            _read_verdicts(message),
            needed_minimum=minimum_reviews(rules, message.author),
            max_reviews=maximum_reviews(rules, message.author),
            threshold=rules.acceptance_threshold,
        )
        if decided is not ReviewState.PENDING:
            reviews[message.id] = decided
    return reviews


def _is_reviewed(role: MessageRole, rules: TreeRules) -> bool:
    return Kind.LABEL in rules.kinds and role in rules.reviewed_roles


def _read_verdicts(message: MessageFact) -> list[Verdict]:
    """An author's word on their own text decides nothing."""
    return [v for v in message.verdicts if message.author is None or v.annotator != message.author]


def _step(standing: Standing, rules: TreeRules, state: TreeState) -> _Step | None:
    """The next step that the facts alone ask for; None: the tree stays in its state."""
    root = standing.root
    if state in ENDED_TREES or (state is TreeState.RANKING and not rules.is_growing):
        return None
    if root is None or not root.is_live:
        return TreeState.HALTED, TreeReason.PROMPT_REMOVED
    if root.review is ReviewState.REJECTED:
        return TreeState.LOW_GRADE, TreeReason.PROMPT_REJECTED
    if not rules.is_growing:
        ends = TreeState.RANKING if state is TreeState.GROWING else TreeState.RETIRED
        return ends, TreeReason.GROWTH_ENDED
    return _complete(standing, rules, state)


def _complete(standing: Standing, rules: TreeRules, state: TreeState) -> _Step | None:
    """The next step of a tree that goes well: this state has what it was for."""
    if state is TreeState.PROMPT_REVIEW:
        is_reviewed = standing.root is not None and standing.root.id in standing.stands
        return (TreeState.WAITING, TreeReason.REVIEWED) if is_reviewed else None
    if state is TreeState.GROWING and not standing.pending:
        if standing.size >= standing.facts.goal_size:
            return TreeState.RANKING, TreeReason.GOAL_REACHED
        is_written = not wish_replies(standing, rules)
        return (TreeState.RANKING, TreeReason.NOTHING_LEFT_TO_WRITE) if is_written else None
    if state is TreeState.RANKING:
        needs, gold = find_rankings(standing, rules), standing.facts.gold
        is_done = all(need.done >= need.wanted for need in needs) and not any(map(_is_asked, gold))
        return (TreeState.DONE, TreeReason.RANKED if needs or gold else TreeReason.NOTHING_TO_RANK) if is_done else None
    return None


def _is_asked(unit: UnitFact) -> bool:
    """Whether people are asked about a unit, or at it."""
    return unit.is_open and (unit.done < unit.needed or unit.held > 0)


def _lose_patience(standing: Standing, rules: TreeRules, state: TreeState, now: datetime) -> _Step | None:
    """How a tree ends that nobody has come to for long and nobody is at.

    What was written is not lost with it: where replies can be ranked they are, and a ballot for each parent will
    do. A prompt that waits for its turn waits for nobody.
    """
    facts = standing.facts
    if state not in (TreeState.PROMPT_REVIEW, TreeState.GROWING, TreeState.RANKING) or not rules.is_growing:
        return None
    if any(unit.held for unit in (*facts.units, *facts.gold)):
        return None
    if now - max(facts.last_event_at, facts.state_changed_at) <= timedelta(days=rules.patience_days):
        return None
    needs = find_rankings(standing, rules)
    if state is TreeState.GROWING and needs:
        return TreeState.RANKING, TreeReason.NOBODY_CAME
    is_judged = all(need.ballots for need in needs) and all(
        unit.done + unit.surplus for unit in facts.gold if unit.is_open
    )
    if state is TreeState.RANKING and is_judged:
        return TreeState.DONE, TreeReason.NOBODY_CAME
    return TreeState.RETIRED, TreeReason.NOBODY_CAME


def _wish(standing: Standing, rules: TreeRules, state: TreeState) -> list[Wish]:
    """The work of a state. Where a campaign grows no trees, its ordinary units follow: nothing is wished here."""
    if not rules.is_growing:
        return []
    wishes: list[Wish] = []
    if state in _REVIEWING:
        wishes += [_wish_review(standing, rules, state, message) for message in standing.pending]
    if state is TreeState.GROWING:
        wishes += wish_replies(standing, rules)
    if state is TreeState.RANKING:
        wishes += wish_rankings(standing, rules)
    if state in (TreeState.GROWING, TreeState.RANKING):
        wishes += wish_improvements(standing, rules)
    return wishes


def _wish_review(standing: Standing, rules: TreeRules, state: TreeState, message: MessageFact) -> Wish:
    verdicts = _read_verdicts(message)
    wanted = count_reviews_wanted(
        verdicts,
        needed_minimum=minimum_reviews(rules, message.author),
        max_reviews=maximum_reviews(rules, message.author),
        threshold=rules.acceptance_threshold,
    )
    return wish_unit(
        standing,
        Kind.LABEL,
        message.id,
        free=max(0, wanted - len(verdicts) - standing.held(Kind.LABEL, message.id)),
        is_simple=_is_simple(standing, rules.full_label_shares, message),
        band=_BAND_REVIEW[state] + (_BAND_BEGUN if verdicts else 0),
    )


def _is_simple(standing: Standing, shares: Mapping[str, float], message: MessageFact) -> bool:
    """Which form reviewers see: drawn once for each message, and kept by a unit that is there."""
    unit = standing.units.get((Kind.LABEL, message.id))
    if unit:
        return unit.is_simple
    name = "prompts" if message.parent is None else str(message.role)
    return draw_fraction(standing.facts.id, message.id, "form") >= shares.get(name, 1.0)
