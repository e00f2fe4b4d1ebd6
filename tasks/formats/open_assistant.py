"""Open Assistant's export: message trees, one a line (or in one list), and what a message of it means.

The schema is theirs (`ExportMessageTree`, `ExportMessageNode` of oasst-data), so keys that we do not use,
or that a later version adds, are passed over. Messages that were deleted or failed their review
(`deleted`, `review_result: false`) are left out with everything under them, and counted. One whose review is
open (`review_result: null`) comes in as that. Rankings come along where the export has events.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tasks.formats.items import make_origin_key, make_prompt_key, name_type, read_language, read_name, read_text
from tasks.formats.json_records import iter_json_records
from tasks.formats.refusals import BadRecord, show
from tasks.formats.sources import open_bytes
from tasks.records.imports import BadLine, ImportedBallot, ImportedMessage, ImportedTree, ImportLimits
from tasks.text.normalise import text_hash
from tasks.vocabulary import MessageRole, ReviewState, TreeState

MAX_RANK = 10_000

#: Where a tree of Open Assistant goes on from. Its ready trees are ranked here unless their rankings came along:
#: a consensus without ballots is nobody's judgment.
STAGES = {
    "initial_prompt_review": TreeState.PROMPT_REVIEW,
    "prompt_lottery_waiting": TreeState.WAITING,
    "growing": TreeState.GROWING,
    "ranking": TreeState.RANKING,
    "ready_for_scoring": TreeState.RANKING,
    "ready_for_export": TreeState.RANKING,
    "scoring_failed": TreeState.RANKING,
    "backlog_ranking": TreeState.RANKING,
    "aborted_low_grade": TreeState.LOW_GRADE,
    "halted_by_moderator": TreeState.HALTED,
}


@dataclass(frozen=True, slots=True)
class PlacedMessage:
    """A message without its replies, the index of its parent in a list that has parents first, and rankings it has."""

    message: ImportedMessage
    parent: int | None
    ballots: tuple[ImportedBallot, ...] = ()


def read_trees(path: Path, limits: ImportLimits) -> Iterator[ImportedTree | BadLine]:
    """Yield one tree for each record. A tree with an unusable message is one `BadLine` that names it."""
    with open_bytes(path, limits) as stream:
        for number, value in iter_json_records(stream, limits):
            try:
                if isinstance(value, BadRecord):
                    raise value
                yield _read_tree(value, number, limits)
            except BadRecord as bad:
                yield BadLine(ordinal=number, line=number, reason=str(bad))


def read_node(node: object, *, parent_role: MessageRole | None, limits: ImportLimits) -> ImportedMessage:
    """Return the message of a node, without its replies, or raise `BadRecord`.

    `parent_role`: None for a prompt. Roles take turns, and a tree starts with the prompter.
    """
    fields = check_node(node)
    external_id = read_name(fields.get("message_id"), what="message_id", max_chars=limits.max_id_chars)
    what = f"Message {show(external_id)}" if external_id else "A message without message_id"
    text = read_text(fields.get("text"), what=what, limits=limits)
    generator = read_name(fields.get("model_name"), what=f"{what}: model_name", max_chars=limits.max_generator_chars)
    human = _read_human(fields.get("synthetic"), generator, what)
    digest = text_hash(text)
    return ImportedMessage(
        role=_read_role(fields.get("role"), parent_role, what),
        text=text,
        text_hash=digest,
        key=make_origin_key(digest=digest, generator=generator, human=human, external_id=external_id),
        language=read_language(fields.get("lang")),
        external_id=external_id,
        author=read_name(fields.get("user_id"), what=f"{what}: user_id", max_chars=limits.max_id_chars),
        human=human,
        generator=generator,
        rank=_read_rank(fields.get("rank"), what),
        created_at=_read_time(fields.get("created_date"), what),
        review=_read_review(fields),
    )


def read_ballots(node: dict[str, object], *, limits: ImportLimits) -> tuple[ImportedBallot, ...]:
    """Return the rankings among a node's events; one that several messages carry is told several times."""
    events = node.get("events")
    rankings = events.get("ranking") if isinstance(events, dict) else None
    if rankings is None:
        return ()
    if not isinstance(rankings, list):
        raise BadRecord(f"events.ranking must be a list, not {name_type(rankings)}.")
    return tuple(_read_ballot(event, limits) for event in rankings)


def check_node(node: object) -> dict[str, object]:
    """Return a node as a mapping, or raise `BadRecord`."""
    if not isinstance(node, dict):
        raise BadRecord(f"A message must be an object, not {name_type(node)}.")
    return node


def is_omitted(node: dict[str, object]) -> bool:
    """Tell whether the source had deleted the message, or its review had rejected it."""
    return node.get("deleted") is True or node.get("review_result") is False


def check_prompt_stands(*, omitted: bool) -> None:
    """Refuse a tree whose prompt its source had deleted or rejected."""
    if omitted:
        raise BadRecord("The prompt was deleted or rejected at its source, so nothing of the tree is imported.")


def make_tree(
    placed: list[PlacedMessage], *, line: int, external_id: str | None, state: str | None, omitted: int
) -> ImportedTree:
    """Join messages, parents first, into a tree. Iterative, whatever the depth."""
    children: list[list[ImportedMessage]] = [[] for _ in placed]
    root: ImportedMessage | None = None
    for index in range(len(placed) - 1, -1, -1):
        message = _with_replies(placed[index].message, children[index])
        parent = placed[index].parent
        if parent is None:
            root = message
        else:
            children[parent].append(message)
    if root is None:
        raise BadRecord("The tree has no prompt.")
    _check_ids(placed)
    return ImportedTree(
        ordinal=line,
        line=line,
        key=make_prompt_key(external_id, root.text_hash),
        root=root,
        external_id=external_id,
        state=state,
        stage=None if state is None else STAGES.get(state),
        # In the order of the file, each once: a ranking stands with every message that it ranks.
        ballots=tuple(dict.fromkeys(ballot for item in placed for ballot in item.ballots)),
        message_count=len(placed),
        omitted=omitted,
    )


def read_state(value: object) -> str | None:
    """Return the source's word for the state of a tree."""
    return read_name(value, what="tree_state", max_chars=80)


def _read_tree(value: object, line: int, limits: ImportLimits) -> ImportedTree:
    if not isinstance(value, dict):
        raise BadRecord(f"A tree must be an object, not {name_type(value)}.")
    if value.get("prompt") is None:
        raise BadRecord('The key "prompt" is missing. A tree is {"message_tree_id": "…", "prompt": {…}}.')
    prompt = check_node(value["prompt"])
    check_prompt_stands(omitted=is_omitted(prompt))
    placed, omitted = _place_nested(prompt, limits)
    tree_id = read_name(value.get("message_tree_id"), what="message_tree_id", max_chars=limits.max_id_chars)
    return make_tree(
        placed,
        line=line,
        external_id=tree_id or placed[0].message.external_id,
        state=read_state(value.get("tree_state")),
        omitted=omitted,
    )


def _place_nested(prompt: dict[str, object], limits: ImportLimits) -> tuple[list[PlacedMessage], int]:
    """Return the messages of a nested tree, parents first, and how many were left out."""
    placed: list[PlacedMessage] = []
    omitted = 0
    waiting: list[tuple[dict[str, object], int | None, int]] = [(prompt, None, 1)]
    while waiting:
        node, parent, depth = waiting.pop()
        if is_omitted(node):
            omitted += _count_nodes(node)
            continue
        check_size(len(placed), depth, limits)
        parent_role = None if parent is None else placed[parent].message.role
        message = read_node(node, parent_role=parent_role, limits=limits)
        placed.append(PlacedMessage(message, parent, read_ballots(node, limits=limits)))
        index = len(placed) - 1
        waiting.extend((reply, index, depth + 1) for reply in reversed(_list_replies(node)))
    return placed, omitted


def check_size(messages: int, depth: int, limits: ImportLimits) -> None:
    """Refuse one message more than a tree may have, or one level deeper."""
    if depth > limits.max_tree_depth:
        raise BadRecord(f"The tree is deeper than {limits.max_tree_depth} messages. Cut its longest threads.")
    if messages >= limits.max_tree_messages:
        raise BadRecord(f"The tree has more than {limits.max_tree_messages:,} messages. Split it.")


def _list_replies(node: dict[str, object]) -> list[dict[str, object]]:
    replies = node.get("replies")
    if replies is None:
        return []
    if not isinstance(replies, list):
        raise BadRecord(f"replies must be a list, not {name_type(replies)}.")
    return [check_node(reply) for reply in replies]


def _count_nodes(node: dict[str, object]) -> int:
    count = 0
    waiting = [node]
    while waiting:
        count += 1
        waiting.extend(_list_replies(waiting.pop()))
    return count


def _with_replies(message: ImportedMessage, reversed_replies: list[ImportedMessage]) -> ImportedMessage:
    if not reversed_replies:
        return message
    return ImportedMessage(
        role=message.role,
        text=message.text,
        text_hash=message.text_hash,
        key=message.key,
        language=message.language,
        external_id=message.external_id,
        author=message.author,
        human=message.human,
        generator=message.generator,
        rank=message.rank,
        created_at=message.created_at,
        review=message.review,
        replies=tuple(reversed(reversed_replies)),
    )


def _check_ids(placed: Iterable[PlacedMessage]) -> None:
    seen: set[str] = set()
    for item in placed:
        external_id = item.message.external_id
        if external_id is None:
            continue
        if external_id in seen:
            raise BadRecord(f"Message {show(external_id)} stands twice in the tree. Keep one.")
        seen.add(external_id)


def _read_role(value: object, parent_role: MessageRole | None, what: str) -> MessageRole:
    expected = MessageRole.ASSISTANT if parent_role is MessageRole.PROMPTER else MessageRole.PROMPTER
    if value not in ("prompter", "assistant"):
        given = show(value) if isinstance(value, str) else name_type(value)
        raise BadRecord(f'{what}: role must be "prompter" or "assistant", not {given}.')
    if value != expected:
        place = "a prompt" if parent_role is None else f"a reply to the {parent_role}"
        raise BadRecord(f'{what} is {place}, so its role must be "{expected}", not "{value}".')
    return expected


def _read_human(synthetic: object, generator: str | None, what: str) -> bool | None:
    if synthetic is not None and not isinstance(synthetic, bool):
        raise BadRecord(f"{what}: synthetic must be true or false, not {name_type(synthetic)}.")
    if generator is not None:
        return False
    return None if synthetic is None else not synthetic


def _read_review(fields: dict[str, object]) -> ReviewState:
    """A review that is named and not decided is open; a source that says nothing of reviews has none."""
    if "review_result" not in fields or fields["review_result"] is not None or fields.get("synthetic") is True:
        return ReviewState.NONE
    return ReviewState.PENDING


def _read_ballot(event: object, limits: ImportLimits) -> ImportedBallot:
    if not isinstance(event, dict):
        raise BadRecord(f"A ranking must be an object, not {name_type(event)}.")
    ranked = event.get("ranked_message_ids")
    if not isinstance(ranked, list) or not ranked:
        raise BadRecord("A ranking needs ranked_message_ids, a list of message ids, best first.")
    names = [read_name(name, what="ranked_message_ids", max_chars=limits.max_id_chars) for name in ranked]
    if None in names or len(set(names)) < len(names):
        raise BadRecord("ranked_message_ids must name each message once.")
    return ImportedBallot(
        ranked=tuple(str(name) for name in names),
        annotator=read_name(event.get("user_id"), what="user_id", max_chars=limits.max_id_chars),
        all_bad=event.get("not_rankable") is True,
    )


def _read_rank(value: object, what: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_RANK:
        raise BadRecord(f"{what}: rank must be a whole number from 0 to {MAX_RANK:,}, or null.")
    return value


def _read_time(value: object, what: str) -> datetime | None:
    """Return a time with its zone; one without a zone is taken as UTC, as Open Assistant wrote it."""
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value if isinstance(value, str) else "")
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRecord(f"{what}: created_date must be a time such as 2023-03-01T22:54:26+00:00.") from None
