"""The work that a message tree asks for: who stands in it, what is left to write, review, improve and rank."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heapify, heappop, heappush

from tasks.records.trees import MessageFact, TreeFacts, TreeRules, UnitFact, Wish
from tasks.vocabulary import ORDERING_KINDS, Kind, MessageRole, ReviewState

#: Where units stand among those of their kind, from 0 to 1000.
_BAND = 600
_BAND_LONELY = 750
_BAND_GROWN = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """A tree once reviews are decided.

    stands    ids of messages that are live and accepted (or needed no review), up to the prompt
    replies   by parent that stands, what counts under it: replies that stand or whose review is pending
    units     by kind and subject, the unit that carries this work: the open one, or the latest
    """

    facts: TreeFacts
    root: MessageFact | None
    stands: frozenset[int]
    pending: tuple[MessageFact, ...]
    replies: Mapping[int, tuple[MessageFact, ...]]
    units: Mapping[tuple[Kind, int], UnitFact]

    @property
    def size(self) -> int:
        """Messages that people wrote, accepted or pending. What a generator wrote is ranked, and never fills a tree."""
        return sum(not message.is_generated for message in self.facts.messages if message.id in self.stands) + sum(
            not message.is_generated for message in self.pending
        )

    def standing_replies(self, parent: int, role: MessageRole) -> list[MessageFact]:
        return [reply for reply in self.replies.get(parent, ()) if reply.id in self.stands and reply.role is role]

    def held(self, kind: Kind, subject: int) -> int:
        """Places that people hold in any unit of the kind on the subject: what they make will count."""
        return sum(unit.held for unit in self.facts.units if (unit.kind, unit.subject) == (kind, subject))

    def is_held(self, kind: Kind, subject: int) -> bool:
        """Whether somebody is at the unit that carries this work."""
        unit = self.units.get((kind, subject))
        return unit is not None and unit.held > 0


def read_standing(facts: TreeFacts) -> Standing:
    """What stands in a tree and what is pending; what was removed or rejected is passed over with all under it."""
    stands: set[int] = set()
    pending: list[MessageFact] = []
    replies: dict[int, list[MessageFact]] = defaultdict(list)
    counted: set[int] = set()
    root = None
    for message in sorted(facts.messages, key=lambda message: (message.depth, message.id)):
        if message.parent is None:
            root = message
        elif message.parent not in counted:
            continue
        if not message.is_live or message.review is ReviewState.REJECTED:
            continue
        counted.add(message.id)
        if message.review is ReviewState.PENDING:
            pending.append(message)
        elif message.parent is None or message.parent in stands:
            stands.add(message.id)
        if message.parent in stands:
            replies[message.parent].append(message)
    units: dict[tuple[Kind, int], UnitFact] = {}
    for unit in sorted(facts.units, key=lambda unit: (unit.is_open, unit.id)):
        units[unit.kind, unit.subject] = unit
    return Standing(
        facts=facts,
        root=root,
        stands=frozenset(stands),
        pending=tuple(pending),
        replies={parent: tuple(children) for parent, children in replies.items()},
        units=units,
    )


def draw_fraction(*ids: object) -> float:
    """A number from 0 to 1 that looks drawn and is the same whenever the same is asked."""
    digest = blake2b(":".join(map(str, ids)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def wish_unit(
    standing: Standing,
    kind: Kind,
    subject: int,
    *,
    free: int,
    band: float = _BAND,
    candidates: Sequence[int] = (),
    is_simple: bool = False,
) -> Wish:
    """A unit with so many free places beyond those that are done or held."""
    unit = standing.units.get((kind, subject))
    taken = unit.done + unit.held if unit else 0
    return Wish(
        kind=kind,
        subject=subject,
        needed=taken + free,
        candidates=tuple(candidates),
        is_simple=is_simple,
        band=min(1000, round(band)),
    )


@dataclass(frozen=True, slots=True)
class _Parent:
    """A message that may be answered. `wanted`: places beyond those held; `present`: candidates, held places included."""

    id: int
    kind: Kind
    wanted: int
    held: int
    is_held: bool
    present: int
    prefers: bool


def wish_replies(standing: Standing, rules: TreeRules) -> list[Wish]:
    """Replies to ask for: no more free places than the goal has left, one by one to whichever parent has first claim.

    1. A prompter's message with exactly one reply, as often as the campaign prefers those: with a second it can be ranked.
    2. Where only one place is left, replies before turns by prompters, which nobody could answer any more.
    3. Else by a draw over parents and places.
    Held places come first of all, and stay held whatever the goal.
    """
    parents = _list_parents(standing, rules)
    free = standing.facts.goal_size - standing.size - sum(parent.held for parent in parents)
    given = _give_places(standing.facts.id, parents, free)
    grown = _BAND_GROWN * min(1.0, standing.size / max(1, standing.facts.goal_size))
    return [
        wish_unit(
            standing,
            parent.kind,
            parent.id,
            free=given[parent.id],
            band=grown + (_BAND_LONELY if parent.prefers and parent.present == 1 else _BAND),
        )
        for parent in parents
        if given[parent.id] or parent.is_held
    ]


def _list_parents(standing: Standing, rules: TreeRules) -> list[_Parent]:
    """Messages that stand and may be answered, within the depth of a tree.

    A turn by a prompter is asked for only where an answer to it would fit.
    """
    parents = []
    for message in standing.facts.messages:
        is_prompter = message.role is MessageRole.PROMPTER
        kind = Kind.WRITE_ASSISTANT_REPLY if is_prompter else Kind.WRITE_PROMPTER_REPLY
        below = 1 if is_prompter else 2
        if message.id not in standing.stands or kind not in rules.kinds or message.depth + below > rules.max_tree_depth:
            continue
        replies = [reply for reply in standing.replies.get(message.id, ()) if reply.role is not message.role]
        written = sum(not reply.is_generated for reply in replies)
        wanted = rules.replies_wanted if is_prompter else rules.prompter_replies - message.finished
        held = standing.held(kind, message.id)
        parents.append(
            _Parent(
                id=message.id,
                kind=kind,
                wanted=wanted - written - held,
                held=held,
                is_held=standing.is_held(kind, message.id),
                present=len(replies) + held,
                prefers=is_prompter
                and draw_fraction(standing.facts.id, message.id, "lonely") < rules.lonely_child_preference,
            )
        )
    return parents


def _give_places(tree: int, parents: Sequence[_Parent], free: int) -> Counter[int]:
    """How many free places each parent is given, by id."""
    given: Counter[int] = Counter()
    wanting = [(_order(tree, parent, given=0), parent.id, parent) for parent in parents if parent.wanted > 0]
    heapify(wanting)
    while wanting and free > 0:
        if free == 1:
            wanting = [min(wanting, key=_order_last)]
        _, _, parent = heappop(wanting)
        given[parent.id] += 1
        free -= 1
        if parent.wanted > given[parent.id]:
            heappush(wanting, (_order(tree, parent, given=given[parent.id]), parent.id, parent))
    return given


def _order(tree: int, parent: _Parent, *, given: int) -> tuple[bool, float]:
    present = parent.present + given
    return not (parent.prefers and present == 1), draw_fraction(tree, parent.id, present)


def _order_last(place: tuple[tuple[bool, float], int, _Parent]) -> tuple[bool, bool, float]:
    (is_not_lonely, drawn), _, parent = place
    return is_not_lonely, parent.kind is Kind.WRITE_PROMPTER_REPLY, drawn


def wish_improvements(standing: Standing, rules: TreeRules) -> list[Wish]:
    """Improvements of one imported or generated reply under each prompter's message: work beside, which nothing waits for."""
    if Kind.IMPROVE_REPLY not in rules.kinds:
        return []
    wishes = []
    gold = standing.facts.gold_subjects
    for message in standing.facts.messages:
        if message.id not in standing.stands or message.role is not MessageRole.PROMPTER or message.id in gold:
            continue
        offered = [r for r in standing.standing_replies(message.id, MessageRole.ASSISTANT) if r.author is None]
        siblings = {reply.id for reply in offered}
        units = [u for u in standing.facts.units if u.kind is Kind.IMPROVE_REPLY and u.subject in siblings]
        free = rules.improvements_wanted - sum(unit.done + unit.held for unit in units)
        chosen = min(offered, key=lambda reply: _order_improved(standing, reply), default=None)
        for reply in offered:
            if standing.is_held(Kind.IMPROVE_REPLY, reply.id) or (free > 0 and reply is chosen):
                places = max(0, free) if reply is chosen else 0
                wishes.append(wish_unit(standing, Kind.IMPROVE_REPLY, reply.id, free=places))
    return wishes


def _order_improved(standing: Standing, reply: MessageFact) -> tuple[bool, float]:
    """The one that was asked for before stays, whatever comes beside it."""
    return (Kind.IMPROVE_REPLY, reply.id) not in standing.units, draw_fraction(standing.facts.id, reply.id, "improve")


@dataclass(frozen=True, slots=True)
class RankingNeed:
    """A parent to be ranked: ballots that count as done, ballots in all, and how many are wanted as done."""

    kind: Kind
    parent: int
    candidates: tuple[int, ...]
    done: int
    ballots: int
    wanted: int


def find_rankings(standing: Standing, rules: TreeRules) -> list[RankingNeed]:
    """Every parent with two or more candidates that stand, for each kind of ordering that the campaign has.

    Not those whose order is known beforehand.
    """
    gold = standing.facts.gold_subjects
    kinds = [kind for kind in ORDERING_KINDS if kind in rules.kinds]
    needs = []
    for message in standing.facts.messages:
        is_prompter = message.role is MessageRole.PROMPTER
        is_ranked = message.id in standing.stands and message.id not in gold
        if not is_ranked or not (is_prompter or rules.rank_prompter_replies):
            continue
        role = MessageRole.ASSISTANT if is_prompter else MessageRole.PROMPTER
        candidates = tuple(sorted(reply.id for reply in standing.standing_replies(message.id, role)))
        if len(candidates) < 2:
            continue
        for kind in kinds:
            units = [unit for unit in standing.facts.units if (unit.kind, unit.subject) == (kind, message.id)]
            done = sum(unit.done for unit in units)
            ballots = done + sum(unit.surplus for unit in units)
            wanted = rules.redundancy
            unit = standing.units.get((kind, message.id))
            # What certainty made of a unit's need holds when it has enough and closes, or it would be opened again.
            if rules.ranks_by_certainty and unit and (unit.is_open or unit.done):
                wanted = done - unit.done + unit.needed
            needs.append(RankingNeed(kind, message.id, candidates, done=done, ballots=ballots, wanted=wanted))
    return needs


def wish_rankings(standing: Standing, rules: TreeRules) -> list[Wish]:
    """Rankings that are still wanted, and those that somebody is at."""
    wishes = []
    for need in find_rankings(standing, rules):
        held = standing.held(need.kind, need.parent)
        free = max(0, need.wanted - need.done - held)
        if free or standing.is_held(need.kind, need.parent):
            share = min(1.0, need.done / max(1, need.wanted))
            wishes.append(
                wish_unit(
                    standing,
                    need.kind,
                    need.parent,
                    free=free,
                    candidates=need.candidates,
                    band=_BAND + _BAND_GROWN * share,
                )
            )
    return wishes
