"""What a batch of an import is to leave behind: trees, messages with their origins, rankings. Records of `import_plan`."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.vocabulary import MessageRole, ReviewState, TreeState


@dataclass(slots=True)
class PlannedOrigin:
    """How a text came to be, what else is known of that as JSON, and the ordinal of the record that says so."""

    generator: str | None
    provenance: str
    record: int


@dataclass(slots=True, eq=False)
class PlannedMessage:
    """A message that must be there in the end. `id` is 0 until it was found or made.

    `is_closed`: it is there but was removed, so nothing is added to it.
    """

    role: MessageRole
    text: str
    text_hash: bytes
    language: str
    external_id: str | None
    record: int
    origins: dict[str, PlannedOrigin] = field(default_factory=dict)
    replies: "dict[tuple[str, bytes], PlannedMessage]" = field(default_factory=dict)
    id: int = 0
    thread: tuple[int, ...] = ()
    is_new: bool = False
    is_closed: bool = False
    review: ReviewState = ReviewState.NONE


@dataclass(slots=True, eq=False)
class PlannedBallot:
    """A ranking by somebody whom the source calls `annotator`: candidates of `parent`, best first."""

    parent: PlannedMessage
    ranked: tuple[PlannedMessage, ...]
    annotator: str
    all_bad: bool


@dataclass(slots=True, eq=False)
class PlannedTree:
    """A tree that must be there in the end; `key` is its name in the campaign, `state` where it starts.

    `gap`: how many numbers of messages are left free before it, where it is new; `free`: these, behind that of a tree
    (`services.spare_places`).
    """

    key: str
    language: str
    topic: str
    external_id: str | None
    root: PlannedMessage
    state: TreeState = TreeState.RANKING
    goal_size: int | None = None
    difficulty: str = ""
    tags: tuple[str, ...] = ()
    ballots: list[PlannedBallot] = field(default_factory=list)
    id: int = 0
    gap: int = 0
    free: list[int] = field(default_factory=list)


def iter_messages(root: PlannedMessage) -> Iterator[tuple[PlannedMessage, PlannedMessage | None]]:
    """Every message with its parent, parents first. What lies under a closed one is left out."""
    waiting: list[tuple[PlannedMessage, PlannedMessage | None]] = [(root, None)]
    while waiting:
        message, parent = waiting.pop()
        yield message, parent
        if not message.is_closed:
            waiting.extend((reply, message) for reply in reversed(message.replies.values()))
