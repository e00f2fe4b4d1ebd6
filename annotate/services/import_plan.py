"""What a batch of import records asks for, before the database is looked at. Pure: records in, a plan out.

Records that speak of the same prompt become one tree, equal texts under one parent become one message with
several origins; each remembers which record told of it first.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from annotate.services.import_planned import PlannedBallot, PlannedMessage, PlannedOrigin, PlannedTree
from tasks.records.imports import (
    BadLine,
    ImportedBallot,
    ImportedCandidate,
    ImportedMessage,
    ImportedPrompt,
    ImportedTree,
    ImportRecord,
)
from tasks.vocabulary import MessageRole, ReviewState, TreeState

#: The messages of one record by the source's names, each with its parent.
Known = dict[str | None, tuple[PlannedMessage, PlannedMessage | None]]
#: Distinct names that the imports of one campaign may bring.
MAX_GENERATORS = 1_000
MAX_STRATA = 10_000
#: Tags that one prompt has.
MAX_TAGS = 20
#: Fewer candidates are in no order.
FEWEST_RANKED = 2


@dataclass(slots=True)
class ImportRules:
    """What a campaign takes: its languages, what a record that says nothing means, how many names there may be.

    `generators` and `strata` are those that are known so far; records that pass add theirs. `goal_sizes`: where trees
    grow, the bounds of the size that each is to have; None where they do not.
    """

    languages: tuple[str, ...]
    default_language: str | None = None
    default_topic: str = ""
    goal_sizes: tuple[int, int] | None = None
    generators: set[str] = field(default_factory=set)
    strata: set[tuple[str, str]] = field(default_factory=set)

    def find_problem(self, record: ImportRecord) -> str | None:
        """Why the campaign cannot take this record, as a sentence, or None."""
        if isinstance(record, BadLine):
            return record.reason
        named = record.language if isinstance(record, ImportedPrompt) else record.root.language
        language = self.choose_language(named)
        choices = ", ".join(self.languages)
        if language is None:
            return (
                f"The record names no language, and the campaign has several ({choices}). "
                "Name it in the record, or once for the whole import."
            )
        if language not in self.languages:
            return (
                f'The language "{language}" is not one of the campaign\'s ({choices}). Add it there, or leave this out.'
            )
        return self._find_crowding(record, (language, self.choose_topic(record.topic)))

    def choose_language(self, named: str | None) -> str | None:
        """The language that was named, or the import's, or the campaign's only one."""
        only = self.languages[0] if len(self.languages) == 1 else None
        return named or self.default_language or only

    def choose_topic(self, named: str | None) -> str:
        return named or self.default_topic

    def _find_crowding(self, record: ImportedPrompt | ImportedTree, stratum: tuple[str, str]) -> str | None:
        generators = {name for name in iter_generators(record) if name}
        if len(self.generators) + len(generators - self.generators) > MAX_GENERATORS:
            return f"The campaign's imports name more than {MAX_GENERATORS:,} generators. Use the same name for the same origin."
        if stratum not in self.strata and len(self.strata) >= MAX_STRATA:
            return f"The campaign has {MAX_STRATA:,} topics already. Use fewer, broader ones."
        self.generators |= generators
        self.strata.add(stratum)
        return None


@dataclass(slots=True)
class BatchPlan:
    """The trees of one batch by key, and how large they are."""

    rules: ImportRules
    trees: dict[str, PlannedTree] = field(default_factory=dict)
    messages: int = 0
    chars: int = 0

    def add(self, record: ImportedPrompt | ImportedTree) -> None:
        """Take in a record that the rules let through."""
        if isinstance(record, ImportedPrompt):
            self._add_prompt(record)
        else:
            self._add_tree(record)

    def _add_prompt(self, record: ImportedPrompt) -> None:
        language = self.rules.choose_language(record.language) or ""
        tree = self._merge_tree(
            language=language,
            topic=self.rules.choose_topic(record.topic),
            tree_id=record.external_id,
            message_id=record.external_id,
            text=record.text,
            text_hash=record.text_hash,
            record=record.ordinal,
        )
        # Of several records with the same prompt, each tells what those before it did not.
        tree.difficulty = tree.difficulty or record.difficulty or ""
        tree.tags = tuple(dict.fromkeys((*tree.tags, *record.tags)))[:MAX_TAGS]
        provenance = _write_origin(human=None, external_id=record.external_id)
        _tell(tree.root, record.key, PlannedOrigin(None, provenance, record.ordinal))
        for candidate in record.candidates:
            message = self._merge_reply(
                tree.root,
                role=MessageRole.ASSISTANT,
                text=candidate.text,
                text_hash=candidate.text_hash,
                language=language,
                external_id=candidate.external_id,
                record=record.ordinal,
            )
            origin = PlannedOrigin(candidate.generator, _write_candidate(candidate), record.ordinal)
            _tell(message, candidate.key, origin)

    def _add_tree(self, record: ImportedTree) -> None:
        root = record.root
        language = self.rules.choose_language(root.language) or ""
        tree = self._merge_tree(
            language=language,
            topic=self.rules.choose_topic(record.topic),
            tree_id=record.external_id,
            message_id=root.external_id,
            text=root.text,
            text_hash=root.text_hash,
            record=record.ordinal,
        )
        if self.rules.goal_sizes is not None and tree.root.record == record.ordinal:
            tree.state, tree.root.review = record.stage or tree.state, root.review
        known: Known = {root.external_id: (tree.root, None)}
        provenance = _write_message(root, tree_state=record.state, omitted=record.omitted or None)
        _tell(tree.root, root.key, PlannedOrigin(root.generator, provenance, record.ordinal))
        waiting: list[tuple[ImportedMessage, PlannedMessage]] = [(reply, tree.root) for reply in root.replies]
        while waiting:
            told, parent = waiting.pop()
            message = self._merge_reply(
                parent,
                role=told.role,
                text=told.text,
                text_hash=told.text_hash,
                language=told.language or language,
                external_id=told.external_id,
                record=record.ordinal,
                review=told.review,
            )
            known[told.external_id] = (message, parent)
            _tell(message, told.key, PlannedOrigin(told.generator, _write_message(told), record.ordinal))
            waiting.extend((reply, message) for reply in told.replies)
        for number, ballot in enumerate(record.ballots):
            planned = _plan_ballot(ballot, known, unnamed=f"{tree.key}:{number}")
            if planned is not None:
                tree.ballots.append(planned)

    def _merge_tree(
        self,
        *,
        language: str,
        topic: str,
        tree_id: str | None,
        message_id: str | None,
        text: str,
        text_hash: bytes,
        record: int,
    ) -> PlannedTree:
        key = make_tree_key(language=language, text_hash=text_hash)
        tree = self.trees.get(key)
        if tree is None:
            root = PlannedMessage(MessageRole.PROMPTER, text, text_hash, language, message_id, record)
            tree = self.trees[key] = PlannedTree(key, language, topic, tree_id, root)
            if self.rules.goal_sizes is not None:
                # Until a record says more it waits for its turn. Its size is the same whenever it is imported.
                tree.state = TreeState.WAITING
                tree.goal_size = random.Random(key).randint(*self.rules.goal_sizes)  # noqa: S311  (a size, not a secret)
            self._grow(text)
        return tree

    def _merge_reply(
        self,
        parent: PlannedMessage,
        *,
        role: MessageRole,
        text: str,
        text_hash: bytes,
        language: str,
        external_id: str | None,
        record: int,
        review: ReviewState = ReviewState.NONE,
    ) -> PlannedMessage:
        place = (role.value, text_hash)
        message = parent.replies.get(place)
        if message is None:
            message = parent.replies[place] = PlannedMessage(role, text, text_hash, language, external_id, record)
            if self.rules.goal_sizes is not None:
                message.review = review
            self._grow(text)
        return message

    def _grow(self, text: str) -> None:
        self.messages += 1
        self.chars += len(text)


def make_tree_key(*, language: str, text_hash: bytes) -> str:
    """What names a tree in its campaign: equal prompts in one language are one tree, whatever their source calls them.

    So reports of several models on the same prompts, with or without ids, come together.
    """
    return f"{language}:{text_hash.hex()}"


def iter_generators(record: ImportedPrompt | ImportedTree) -> Iterator[str | None]:
    """The generator of each text in a record."""
    if isinstance(record, ImportedPrompt):
        yield from (candidate.generator for candidate in record.candidates)
        return
    waiting = [record.root]
    while waiting:
        message = waiting.pop()
        yield message.generator
        waiting.extend(message.replies)


def _plan_ballot(
    ballot: ImportedBallot,
    known: Known,
    *,
    unnamed: str,
) -> PlannedBallot | None:
    """The ranking on the messages as they are kept; None where fewer than two of one parent are left of it.

    Of equal texts, which are one message here, the better place stands.
    """
    found = [known[name] for name in ballot.ranked if name in known]
    parents = {parent for _, parent in found}
    ranked = tuple(dict.fromkeys(message for message, _ in found))
    if len(parents) != 1 or len(ranked) < FEWEST_RANKED:
        return None
    parent = parents.pop()
    if parent is None:
        return None
    return PlannedBallot(parent, ranked, ballot.annotator or unnamed, ballot.all_bad)


def _tell(message: PlannedMessage, key: str, origin: PlannedOrigin) -> None:
    """A prompter's message keeps the first origin; a candidate has as many as there are."""
    if message.role is MessageRole.ASSISTANT or not message.origins:
        message.origins.setdefault(key, origin)


def _write_candidate(candidate: ImportedCandidate) -> str:
    if candidate.sampling is None and candidate.sample_index is None:
        return _write_origin(human=candidate.human, external_id=candidate.external_id)
    return _write_known(
        human=candidate.human,
        external_id=candidate.external_id,
        sampling=None if candidate.sampling is None else dict(candidate.sampling),
        sample_index=candidate.sample_index,
    )


@lru_cache(maxsize=256)
def _write_origin(*, human: bool | None, external_id: str | None) -> str:
    # Most texts have one of three origins: by a person, by a machine, unknown.
    return _write_known(human=human, external_id=external_id)


def _write_message(message: ImportedMessage, **more: object) -> str:
    return _write_known(
        human=message.human,
        external_id=message.external_id,
        author=message.author,
        rank=message.rank,
        created_at=None if message.created_at is None else message.created_at.isoformat(),
        **more,
    )


def _write_known(**values: object) -> str:
    return json.dumps({name: value for name, value in values.items() if value is not None})
