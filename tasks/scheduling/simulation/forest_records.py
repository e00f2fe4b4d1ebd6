"""Records of an imagined campaign that grows: briefs, units and trees; and its rules as the product's decisions take them."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tasks.records.parameters import CampaignSettings
from tasks.records.trees import MessageFact, SupplyRules, TreeRules, UnitFact
from tasks.scheduling.matching import Traits
from tasks.scheduling.simulation.choosing import LAST
from tasks.vocabulary import Kind, MessageRole, TreeReason, TreeState

#: Minute 0, for rules that ask for a date.
BEGAN = datetime(2000, 1, 1, tzinfo=UTC)


def at(minute: float) -> datetime:
    """Return a minute as a date."""
    return BEGAN + timedelta(minutes=minute)


@dataclass(slots=True, eq=False)
class Brief:
    """What prompts are asked for. `wanted` None: as many as trees need. `key`: of the wish it was opened for, by the scheduler."""

    id: int
    language: int
    topic: str = ""
    difficulty: str = ""
    length: str = ""
    wanted: int | None = None
    key: str = ""
    is_open: bool = True
    is_free: bool = False
    standing: int = 0


@dataclass(slots=True, eq=False)
class Work:
    """A unit: what is asked, how many places it has and how many are taken, where it stands, and what is known of it."""

    id: int
    kind: Kind
    language: int
    tree: "Tree | None"
    subject: int
    needed: int
    tie: int
    opened: float
    band: int = 500
    candidates: tuple[int, ...] = ()
    is_simple: bool = False
    brief: Brief | None = None
    done: int = 0
    held: int = 0
    surplus: int = 0
    is_open: bool = True
    judged: float | None = None
    first: float | None = None
    uncertainty: float | None = None
    gain: float | None = None
    groups: list[str] = field(default_factory=list)
    ballots: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    @property
    def is_vacant(self) -> bool:
        return self.is_open and self.needed > self.done + self.held

    def as_fact(self) -> UnitFact:
        return UnitFact(
            self.id, self.kind, self.subject, self.needed, self.done, self.held, self.surplus, self.is_open, self.is_simple,
            self.candidates,
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class Tree:
    """A tree: messages in the order in which they were written, and its units. `cell`: where its prompt lies."""

    id: int
    language: int
    goal: int
    changed: float
    event: float
    brief: Brief
    cell: int
    state: TreeState = TreeState.PROMPT_REVIEW
    reason: TreeReason = TreeReason.NONE
    was_drawn: bool = False
    messages: dict[int, MessageFact] = field(default_factory=dict)
    units: list[Work] = field(default_factory=list)


@dataclass(slots=True)
class Somebody:
    """What a volunteer has seen and done. `skipped`: when each brief that they passed over may be offered again."""

    languages: tuple[int, ...]
    traits: Traits
    left: int = 0
    seen: set[int] = field(default_factory=set)
    past: deque[tuple[str, int | None]] = field(default_factory=lambda: deque(maxlen=LAST))
    skipped: dict[int, float] = field(default_factory=dict)
    days: Counter[int] = field(default_factory=Counter)
    log: list[tuple[Kind, int]] = field(default_factory=list)


def read_rules(
    settings: CampaignSettings, *, kinds: Sequence[Kind], roles: Sequence[MessageRole]
) -> tuple[TreeRules, SupplyRules]:
    """Return what a campaign's parameters ask of its trees, and of their supply."""
    rules = TreeRules(
        kinds=frozenset(kinds),
        reviewed_roles=frozenset(roles),
        full_label_shares={
            "prompts": settings.full_label_share_prompts,
            "prompter": settings.full_label_share_prompter,
            "assistant": settings.full_label_share_assistant,
        },
        ranks_by_certainty=settings.stops_by_certainty,
        **{
            name: getattr(settings, name)
            for name in (
                "max_tree_depth", "replies_wanted", "prompter_replies", "lonely_child_preference", "min_reviews",
                "max_reviews", "review_floor", "acceptance_threshold", "redundancy", "rank_prompter_replies",
                "improvements_wanted", "patience_days",
            )
        },
    )  # fmt: skip
    supply = SupplyRules(
        settings.active_trees, settings.waiting_prompts, settings.max_waiting_prompts, settings.prompt_days,
        settings.pair_share, asks_prompts=Kind.WRITE_PROMPT in kinds, asks_pairs=Kind.WRITE_PAIR in kinds,
    )  # fmt: skip
    return rules, supply
