"""What a reader is shown of a tree, message by message, and the words for where a text came from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from annotate.queries.rows import Row
from tasks.vocabulary import OriginKind


@dataclass(frozen=True, slots=True)
class LabelAverage:
    """What reviewers said on one question: the mean of the answers given in [0, 1], None where nobody gave one."""

    name: str
    title: str
    widget: str
    mean: float | None
    n: int
    not_applicable: int


@dataclass(frozen=True, slots=True)
class Reactions:
    """`counts` is None until this reader has reacted, unless it is their own text or they moderate."""

    mine: tuple[str, ...] = ()
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Authorship:
    """Where a text came from: `you`, `volunteer`, `generator` or `import`; names of generators where there are some.

    `annotator_id` and `display_name` are there for moderators and organizers alone.
    """

    kind: str
    names: tuple[str, ...] = ()
    is_improved: bool = False
    annotator_id: int | None = None
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class MessageShown:
    """One message as this reader may see it; None says "not for you yet" in review, rank, labels and authorship.

    text            None: it was taken away (authors and moderators still read what was removed)
    created_at      None while it could tell who wrote it
    rank            1 is best, equal ranks are ties; None also when there is no order yet
    is_told_later   this reader has judged it, and may still undo that: then the rest is told
    may_fix         one's own text that nobody has begun to review: it is changed at once
    sealed_replies  replies that this reader sees once they have done their own work on this message
    """

    id: int
    parent_id: int | None
    depth: int
    role: str
    text: str | None
    language: str
    revision: int
    is_mine: bool
    is_removed: bool
    is_withdrawn: bool
    removed_reason: str
    created_at: datetime | None
    review: str | None
    authorship: Authorship | None
    rank: int | None
    labels: tuple[LabelAverage, ...] | None
    reactions: Reactions
    is_reported: bool
    open_reports: int | None
    proposal_id: int | None
    my_label: int | None
    may_fix: bool
    is_told_later: bool
    sealed_replies: int


@dataclass(frozen=True, slots=True)
class TreeShown:
    """A tree, its messages depth first. `next_after`: the message to go on after, None when all are there."""

    id: int
    campaign_id: int
    campaign_slug: str
    campaign_title: str
    campaign_state: str
    language: str
    topic: str
    state: str
    state_reason: str
    state_changed_at: datetime
    goal_size: int | None
    message_count: int
    is_insider: bool
    is_ended: bool
    sealed: int
    messages: tuple[MessageShown, ...]
    next_after: int | None


def describe_reactions(rows: Iterable[Row], *, sees_counts: bool) -> Reactions:
    """Rows of (code, n, is_mine) of one message, with their counts where this reader may know them."""
    rows = list(rows)
    mine = tuple(sorted(row["code"] for row in rows if row["is_mine"]))
    return Reactions(mine, {row["code"]: row["n"] for row in rows} if mine or sees_counts else None)


def describe_authorship(
    row: Row, origins: Sequence[tuple[str, str | None]], *, mine: bool, insider: bool
) -> Authorship:
    kinds = {kind for kind, _name in origins}
    names = tuple(dict.fromkeys(name for _kind, name in origins if name))
    if mine:
        kind = "you"
    elif row["author_id"] is not None:
        kind = "volunteer"
    else:
        kind = "generator" if OriginKind.GENERATED in kinds else "import"
    return Authorship(
        kind,
        names,
        is_improved=OriginKind.IMPROVED in kinds,
        annotator_id=row["author_id"] if insider else None,
        display_name=(row["display_name"] or "") if insider else "",
    )
