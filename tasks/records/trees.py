"""What is known of a message tree when its state and its open work are decided, and what is decided.

Ids are the database's; `now` is passed in where a moment matters. A message without `review` needed none
(imported, generated) and stands like an accepted one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.vocabulary import Kind, MessageRole, ReviewState, TreeReason, TreeState


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reviewer says of a message: an objection is spam or a wrong language; None was not answered."""

    annotator: int
    spam: bool | None = None
    wrong_language: bool | None = None

    @property
    def objects(self) -> bool:
        return bool(self.spam) or bool(self.wrong_language)


@dataclass(frozen=True, slots=True)
class MessageFact:
    """One message of a tree. `depth` is 0 for the prompt; `is_live`: neither removed nor withdrawn, nor under one that is.

    `finished`: prompters who said that the conversation ends with this message.
    `author` is None for what was imported or generated. `is_generated`: a generator wrote it, here or before an
    import; such a text is ranked and improved, but fills neither the goal of a tree nor the replies it wants.
    """

    id: int
    parent: int | None
    role: MessageRole
    depth: int
    review: ReviewState
    author: int | None
    is_live: bool = True
    is_generated: bool = False
    finished: int = 0
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitFact:
    """One unit of a tree, open or not, and how many places of it are taken."""

    id: int
    kind: Kind
    subject: int
    needed: int
    done: int
    held: int
    surplus: int
    is_open: bool
    is_simple: bool = False
    candidates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """A tree as it is now. `last_event_at`: when anything was last written, judged or decided in it.

    `gold`: units whose answer is known beforehand. Nothing else is asked about their subjects, and nothing follows
    from them; the tree ends no sooner than they have been asked.
    """

    id: int
    state: TreeState
    reason: TreeReason
    language: str
    goal_size: int
    was_drawn: bool
    state_changed_at: datetime
    last_event_at: datetime
    messages: tuple[MessageFact, ...]
    units: tuple[UnitFact, ...] = ()
    gold: tuple[UnitFact, ...] = ()

    @property
    def gold_subjects(self) -> frozenset[int]:
        return frozenset(unit.subject for unit in self.gold)


@dataclass(frozen=True, slots=True)
class TreeRules:
    """What the campaign asks of its trees: parameters of the same names, and what is known of the language.

    reviewers       people who worked in this language lately, None where nobody has counted yet
    reviewed_roles  roles of which the label schema asks anything; a text of another role is accepted as it is
    kinds           kinds of work that the campaign has
    full_label_shares   shares by "prompts", "prompter" and "assistant"; 1 where one is missing
    is_growing      whether trees grow here at all
    ranks_by_certainty  rankings are asked for until the order is certain: an open unit then knows how many it needs
    """

    kinds: frozenset[Kind]
    reviewed_roles: frozenset[MessageRole]
    is_growing: bool = True
    reviewers: int | None = None
    max_tree_depth: int = 4
    replies_wanted: int = 3
    prompter_replies: int = 1
    lonely_child_preference: float = 0.75
    min_reviews: int = 2
    max_reviews: int = 5
    review_floor: int = 1
    acceptance_threshold: float = 0.6
    full_label_shares: Mapping[str, float] = field(default_factory=dict)
    redundancy: int = 3
    ranks_by_certainty: bool = False
    rank_prompter_replies: bool = False
    improvements_wanted: int = 0
    patience_days: int = 30


@dataclass(frozen=True, slots=True)
class Wish:
    """A unit that should be open: how many judgments it should have in all, and what it may show.

    `needed` counts what is done and held in the unit that carries the work: the open one of this kind and subject,
    else the latest, which is opened again, else a new one.
    `band`: where it stands among the others of its kind, 0 to 1000.
    """

    kind: Kind
    subject: int
    needed: int
    candidates: tuple[int, ...] = ()
    is_simple: bool = False
    band: int = 600


@dataclass(frozen=True, slots=True)
class TreeDecision:
    """The state that a tree should be in, what becomes of reviews, and the units that should be open: no others.

    `passed`: the states it goes through on the way, each a step of its own. A turn to grow is never decided here.
    """

    state: TreeState
    reason: TreeReason
    passed: tuple[TreeState, ...] = ()
    reviews: Mapping[int, ReviewState] = field(default_factory=dict)
    wishes: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """A tree that waits for its turn. `rank_score` in [0, 1]: how high others ranked its prompt; None: nobody did."""

    tree: int
    author: int | None
    waiting_since: datetime
    rank_score: float | None = None


@dataclass(frozen=True, slots=True)
class LanguageFacts:
    """What one language of a campaign has: trees in review, growing and waiting.

    `merits`: by author, accepted contributions and firsts of late; more of them, more weight in the draw.
    """

    language: str
    in_review: int
    growing: int
    waiting: tuple[WaitingPrompt, ...] = ()
    merits: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SupplyRules:
    """How many trees and prompts a campaign wants in each language; parameters of the same names."""

    active_trees: int
    waiting_prompts: int
    max_waiting_prompts: int
    prompt_days: int
    pair_share: float
    asks_prompts: bool = True
    asks_pairs: bool = False
    rank_prompts: bool = False


@dataclass(frozen=True, slots=True)
class SupplyDecision:
    """Trees whose turn has come, trees that will not be needed, and how many prompts and pairs to ask for.

    Wanted are places that should be open in all, those that somebody holds included.
    """

    drawn: tuple[int, ...] = ()
    retired: tuple[int, ...] = ()
    prompts_wanted: int = 0
    pairs_wanted: int = 0
