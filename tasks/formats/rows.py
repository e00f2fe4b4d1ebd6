"""Records of a release as rows: plain dictionaries, their keys in the order of the columns.

Type × format, one line of each in `tasks.formats.samples`:

| table            | JSONL                                        | Parquet                                    |
|------------------|----------------------------------------------|--------------------------------------------|
| ballots          | one ballot a line                            | the same columns                           |
| labels           | one answer a line, on one dimension          | the same columns                           |
| trees            | one tree a line, replies nested: Open        | one message a row, a prompt before its     |
|                  | Assistant's `ExportMessageTree`              | replies: the shape of its own data set     |
| preference_pairs | TRL's conversational preference, with the    | the same columns                           |
|                  | prompt explicit                              |                                            |
| generators       | one generator a line                         | the same columns                           |

Times are UTC: text ending in `Z` in JSONL, timestamps in Parquet. Whatever was not given is null.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tasks.formats.generator_rows import origin_row
from tasks.records.generation import Turn
from tasks.records.releases import (
    PreferencePair,
    ReleasedBallot,
    ReleasedConsensus,
    ReleasedJudgment,
    ReleasedLabel,
    ReleasedLabelSet,
    ReleasedMessage,
    ReleasedTree,
)
from tasks.vocabulary import MessageRole, PersonalDataKind

Row = dict[str, object]

_CHAT_ROLES = {MessageRole.PROMPTER: "user", MessageRole.ASSISTANT: "assistant"}


def ballot_rows(ballot: ReleasedBallot) -> Iterator[Row]:
    """Yield the row of a ballot."""
    yield {
        "ballot_id": ballot.judgment_id,
        **_join_keys(ballot),
        "parent_id": ballot.parent_id,
        **_outcome(ballot),
        "tiers": None if ballot.tiers is None else [list(tier) for tier in ballot.tiers],
        "acceptable_tiers": ballot.acceptable_tiers,
        "rest_worse": ballot.rest_worse,
        "much_better": ballot.much_better,
        "shown": list(ballot.shown),
        **_circumstances(ballot),
    }


def label_rows(labels: ReleasedLabelSet) -> Iterator[Row]:
    """Yield a row for each dimension; one without a dimension when the annotator answered none of them."""
    answers: tuple[ReleasedLabel | None, ...] = labels.labels or (None,)
    for label in answers:
        yield {
            "label_set_id": labels.judgment_id,
            **_join_keys(labels),
            "message_id": labels.message_id,
            **_outcome(labels),
            "dimension": None if label is None else label.dimension,
            "answer": None if label is None else str(label.answer),
            "value": None if label is None else label.value,
            "label_schema_version": labels.label_schema_version,
            "is_simple": labels.is_simple,
            **_circumstances(labels),
        }


def pair_rows(pair: PreferencePair) -> Iterator[Row]:
    """Yield the row of a pair: TRL's `prompt`, `chosen`, `rejected`, then what is known about them."""
    yield {
        "prompt": [_chat_turn(turn) for turn in pair.thread],
        "chosen": [_chat_turn(Turn(MessageRole.ASSISTANT, pair.chosen.text))],
        "rejected": [_chat_turn(Turn(MessageRole.ASSISTANT, pair.rejected.text))],
        "message_tree_id": pair.message_tree_id,
        "parent_id": pair.parent_id,
        "chosen_id": pair.chosen.message_id,
        "rejected_id": pair.rejected.message_id,
        "chosen_model": pair.chosen.model_name,
        "rejected_model": pair.rejected.model_name,
        "score_chosen": pair.score_chosen,
        "score_rejected": pair.score_rejected,
        "confidence": pair.confidence,
        "votes_chosen": pair.votes_chosen,
        "votes_rejected": pair.votes_rejected,
        "votes_tied": pair.votes_tied,
        "source": pair.source,
        "is_improvement": pair.is_improvement,
        "language": pair.language,
        "topic": pair.topic,
        "personal_data": _kinds(pair.personal_data),
    }


def nested_tree(tree: ReleasedTree) -> Row:
    """Return a tree as Open Assistant's `ExportMessageTree`, with our additions under names of their own.

    Theirs: `message_tree_id`, `tree_state`, `prompt`, and of a message all from `message_id` to `labels`
    and `replies`. Ours: `topic`, `external_id`, `brief`; `review_state`, `improved_from`, `ends_thread`, `rationale`,
    `score`, `standard_error`, `p_acceptable`, `personal_data`, `origins`, `consensus` (of a message's replies).
    """
    nodes: list[tuple[ReleasedMessage, Row]] = []
    prompt = _make_node(tree.prompt, None)
    waiting = [(tree.prompt, prompt)]
    while waiting:
        message, node = waiting.pop()
        nodes.append((message, node))
        replies = [(reply, _make_node(reply, message.message_id)) for reply in message.replies]
        node["replies"] = [reply_node for _, reply_node in replies]
        waiting.extend(replies)
    return {
        "message_tree_id": tree.message_tree_id,
        "tree_state": str(tree.tree_state),
        "prompt": prompt,
        "topic": tree.topic,
        "external_id": tree.external_id,
        "brief": _brief(tree),
    }


def message_rows(tree: ReleasedTree) -> Iterator[Row]:
    """Yield a row for each message of a tree, depth first, a parent before its replies."""
    waiting: list[tuple[ReleasedMessage, str | None, int]] = [(tree.prompt, None, 0)]
    while waiting:
        message, parent_id, depth = waiting.pop()
        waiting.extend((reply, message.message_id, depth + 1) for reply in reversed(message.replies))
        consensus = message.consensus
        yield {
            "message_tree_id": tree.message_tree_id,
            "tree_state": str(tree.tree_state),
            "topic": tree.topic,
            "brief": _brief(tree),
            "depth": depth,
            **_message_fields(message, parent_id),
            "created_date": message.created_at,
            "labels": [
                {"name": name, "value": mean.value, "count": mean.count}
                for name, mean in sorted(message.labels.items())
            ],
            "score": message.score,
            "standard_error": message.standard_error,
            "p_acceptable": message.p_acceptable,
            "personal_data": _kinds(message.personal_data),
            "origins": [origin_row(origin) for origin in message.origins],
            "consensus": None if consensus is None else _consensus(consensus),
        }


def format_time(time: datetime) -> str:
    """Return a time as text in UTC: `2026-11-20T12:00:00.000000Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _join_keys(judgment: ReleasedJudgment) -> Row:
    return {
        "annotator_id": judgment.annotator_id,
        "unit_id": judgment.unit_id,
        "message_tree_id": judgment.message_tree_id,
    }


def _outcome(judgment: ReleasedJudgment) -> Row:
    reason, skip_reason = judgment.cannot_tell_reason, judgment.skip_reason
    return {
        "kind": str(judgment.kind),
        "outcome": str(judgment.outcome),
        "cannot_tell_reason": None if reason is None else str(reason),
        "skip_reason": None if skip_reason is None else str(skip_reason),
    }


def _circumstances(judgment: ReleasedJudgment) -> Row:
    return {
        "rationale": judgment.rationale,
        "active_seconds": judgment.active_seconds,
        "guideline_version": judgment.guideline_version,
        "language": judgment.language,
        "topic": judgment.topic,
        "counted": judgment.counted,
        "asked_at_random": judgment.asked_at_random,
        "created_at": judgment.created_at,
        "interface": judgment.interface,
        "personal_data": _kinds(judgment.personal_data),
    }


def _make_node(message: ReleasedMessage, parent_id: str | None) -> Row:
    consensus = message.consensus
    return {
        **_message_fields(message, parent_id),
        "created_date": format_time(message.created_at),
        "emojis": {},
        "labels": {name: {"value": mean.value, "count": mean.count} for name, mean in sorted(message.labels.items())},
        "score": message.score,
        "standard_error": message.standard_error,
        "p_acceptable": message.p_acceptable,
        "personal_data": _kinds(message.personal_data),
        "origins": [origin_row(origin) for origin in message.origins],
        "consensus": None if consensus is None else _consensus(consensus),
        "replies": [],
    }


def _message_fields(message: ReleasedMessage, parent_id: str | None) -> Row:
    """Return what a message has in both shapes, by Open Assistant's names."""
    return {
        "message_id": message.message_id,
        "parent_id": parent_id,
        "user_id": message.author_id,
        "text": message.text,
        "role": str(message.role),
        "lang": message.language,
        "review_count": message.review_count,
        "review_result": message.review_result,
        "review_state": str(message.review_state),
        "deleted": False,
        "rank": message.rank,
        "synthetic": message.synthetic,
        "model_name": message.model_name,
        "improved_from": message.improved_from,
        "ends_thread": message.ends_thread,
        "rationale": message.rationale,
    }


def _kinds(found: Iterable[PersonalDataKind]) -> list[str]:
    """Return what a scan found in a row's texts, each kind once, in a fixed order; empty: nothing was found."""
    return sorted(str(kind) for kind in found)


def _brief(tree: ReleasedTree) -> Row | None:
    brief = tree.brief
    return None if brief is None else {"topic": brief.topic, "difficulty": brief.difficulty, "words": brief.words}


def _consensus(consensus: ReleasedConsensus) -> Row:
    return {
        "method": consensus.method,
        "method_version": consensus.method_version,
        "n_ballots": consensus.n_ballots,
        "tiers": [list(tier) for tier in consensus.tiers],
        "acceptable_tiers": consensus.acceptable_tiers,
        "confidence": consensus.confidence,
    }


def _chat_turn(turn: Turn) -> Row:
    return {"role": _CHAT_ROLES[turn.role], "content": turn.text}
