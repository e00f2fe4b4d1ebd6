"""Rows of a release as records: ids get the names of the release, texts are scanned. Reads and writes nothing.

A ballot stands as it was given, with candidates that were removed since. For the consensus they are dropped from it,
as everywhere, so that what a release says follows from the ballots in it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from annotate.queries.release_content import TreeBatch
from annotate.queries.rows import Row
from annotate.services.release_freezing import REVIEWS, TREE_STATES
from annotate.services.release_parts import (
    Found,
    average,
    describe_place,
    kinds,
    list_tiers,
    make_origin,
    make_standing,
    scan,
)
from tasks.records.ballots import Ballot
from tasks.records.generation import Turn
from tasks.records.quality import ConsensusRecord
from tasks.records.released_generators import ReleasedGenerator
from tasks.records.releases import (
    LabelMean,
    PairCandidate,
    PairSubject,
    ReleasedBallot,
    ReleasedBrief,
    ReleasedConsensus,
    ReleasedLabel,
    ReleasedLabelSet,
    ReleasedMessage,
    ReleasedOrigin,
    ReleasedTree,
)
from tasks.vocabulary import (
    ORDERING_KINDS,
    REPLYING_KINDS,
    STARTING_KINDS,
    Answer,
    CannotTellReason,
    Kind,
    MessageRole,
    Outcome,
    ReviewState,
    SkipReason,
)

#: Gives an object its id in the release: (kind, identity) to name.
Name = Callable[[str, int | str], str]
#: Kinds whose judgments put candidates in order: an improvement puts the edit above its original.
BALLOT_KINDS = (*ORDERING_KINDS, Kind.IMPROVE_REPLY)


@dataclass(slots=True)
class Assembly:
    """One batch of trees on its way from rows to records."""

    batch: TreeBatch
    name: Name
    briefs: Mapping[int, ReleasedBrief] = field(default_factory=dict)
    generators: Mapping[int, ReleasedGenerator] = field(default_factory=dict)
    found: dict[int, Found] = field(init=False)
    messages: dict[int, Row] = field(init=False)
    replies: dict[int, list[int]] = field(init=False)
    origins: dict[int, list[ReleasedOrigin]] = field(init=False)
    labels: dict[int, list[ReleasedLabel]] = field(init=False)
    trees: dict[int, Row] = field(init=False)
    improves: dict[int, int] = field(init=False)
    ends: Counter[int] = field(init=False)
    words: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self.trees = {row["id"]: row for row in self.batch.trees}
        self.messages = {row["id"]: row for row in self.batch.messages}
        self.found = {row["id"]: scan(row["text"]) for row in self.batch.messages}
        self.replies = defaultdict(list)
        for row in self.batch.messages:
            if row["parent"] is not None:
                self.replies[row["parent"]].append(row["id"])
        self.origins = defaultdict(list)
        for row in self.batch.origins:
            self.origins[row["message"]].append(make_origin(row, name=self.name_generator(row)))
        self.improves = {row["message"]: row["improves"] for row in self.batch.origins if row["improves"] is not None}
        self.ends = Counter(row["subject"] for row in self.batch.judgments if row["ends_thread"])
        self.words = {row["message"]: row["rationale"] for row in self.batch.judgments if is_writing(row)}
        self.labels = defaultdict(list)
        for row in self.batch.labels:
            self.labels[row["judgment"]].append(ReleasedLabel(row["dimension"], Answer(row["answer"]), row["value"]))

    def name_generator(self, origin: Row) -> str | None:
        """As it was called when the release was frozen."""
        known = self.generators.get(origin["generator_id"])
        name: str | None = origin["generator"] if known is None else known.name
        return name

    def name_message(self, message_id: int) -> str:
        return self.name("message", message_id)

    def make_ballots(self) -> list[ReleasedBallot]:
        """Tree by tree, every ranking and comparison, then the ones who could not tell or skipped."""
        return [
            self._make_ballot(row, tiers=list_tiers(row) if "terms_version" in row else None)
            for row in self.list_given()
            if row["kind"] in BALLOT_KINDS
        ]

    def make_label_sets(self) -> list[ReleasedLabelSet]:
        """Tree by tree, every set of labels, then the ones who could not tell or skipped."""
        rows = [row for row in self.list_given() if row["kind"] == Kind.LABEL]
        return [
            ReleasedLabelSet(
                **self._describe_given(row),
                message_id=self.name_message(row["subject"]),
                label_schema_version=row.get("label_schema_version"),
                is_simple=row["is_simple"],
                labels=tuple(self.labels.get(row["id"], ())) if "terms_version" in row else (),
            )
            for row in rows
        ]

    def list_given(self) -> list[Row]:
        """Judgments, then outcomes, tree by tree: the order of rows does not depend on where a batch ends."""
        return sorted((*self.batch.judgments, *self.batch.outcomes), key=lambda row: row["tree"] or 0)

    def list_standing_ballots(self) -> list[Ballot]:
        """The rankings for a consensus: candidates that are not in the release, or were rejected, are dropped."""
        rows = [row for row in self.batch.judgments if row["kind"] in BALLOT_KINDS]
        known = {message: row for message, row in self.messages.items() if read_review(row) is not ReviewState.REJECTED}
        parents = [(row, self.find_parent(row)) for row in rows]
        made = [make_standing(row, parent=parent, known=known) for row, parent in parents if parent is not None]
        return [ballot for ballot in made if ballot is not None]

    def find_parent(self, row: Row) -> int | None:
        """The message whose replies a ballot puts in order; None for one of prompts."""
        subject: int | None = row["subject"]
        if row["kind"] != Kind.IMPROVE_REPLY or subject is None:
            return subject
        parent: int | None = self.messages[subject]["parent"]
        return parent

    def list_rationales(self) -> list[tuple[Row, Found]]:
        """What was found in the words that people gave with judgments and outcomes."""
        rows = (*self.batch.judgments, *self.batch.outcomes)
        return [(row, found) for row in rows if (found := scan(row["rationale"]))]

    def make_trees(self, consensus: Mapping[int, ConsensusRecord]) -> list[ReleasedTree]:
        """Every tree whose prompt may be published, each message with what its siblings' consensus says of it."""
        means = self._average_labels()
        roots = [row for row in self.batch.messages if row["parent"] is None]
        return [self._make_tree(root, consensus, means) for root in sorted(roots, key=lambda row: row["tree"])]

    def make_pair_subject(self, parent_id: int) -> PairSubject:
        """What the pairs under a message share; candidates are its assistant replies."""
        parent, thread = self.messages[parent_id], self._list_thread(parent_id)
        tree = self.trees[parent["tree"]]
        candidates = [self.messages[reply] for reply in self.replies[parent_id]]
        return PairSubject(
            message_tree_id=self.name("tree", tree["id"]),
            parent_id=self.name_message(parent_id),
            thread=tuple(Turn(MessageRole(row["role"]), row["text"]) for row in thread),
            candidates={
                row["id"]: self._make_candidate(row) for row in candidates if row["role"] == MessageRole.ASSISTANT
            },
            language=parent["language"],
            topic=tree["topic"] or None,
            personal_data=kinds(sum((self.found[row["id"]] for row in thread), Counter())),
        )

    def count_in_pair(self, parent_id: int, *candidates: int) -> Found:
        """What a scan finds in the texts of one pair."""
        texts = [row["id"] for row in self._list_thread(parent_id)] + list(candidates)
        return sum((self.found[text] for text in texts), Counter())

    def _make_candidate(self, row: Row) -> PairCandidate:
        models = (origin.generator for origin in self.origins[row["id"]] if origin.generator is not None)
        original = self.improves.get(row["id"])
        return PairCandidate(
            self.name_message(row["id"]),
            row["text"],
            next(models, None),
            kinds(self.found[row["id"]]),
            None if original is None else self.name_message(original),
        )

    def _list_thread(self, message_id: int) -> list[Row]:
        thread = []
        at: int | None = message_id
        while at is not None:
            thread.append(self.messages[at])
            at = self.messages[at]["parent"]
        return thread[::-1]

    def _describe_given(self, row: Row) -> dict[str, Any]:
        """What every judgment and outcome has, by the names of `ReleasedJudgment`."""
        is_judged = "terms_version" in row
        could_not = None if is_judged else row["cannot_tell_reason"]
        skipped = None if is_judged or could_not else row["skip_reason"]
        return {
            "judgment_id": self.name("judgment" if is_judged else "assignment", row["id"]),
            "annotator_id": self.name("annotator", str(row["annotator"])),
            "unit_id": self.name("unit", row["unit"]),
            "message_tree_id": None if row["tree"] is None else self.name("tree", row["tree"]),
            "kind": Kind(row["kind"]),
            "outcome": Outcome.JUDGED if is_judged else Outcome.CANNOT_TELL if could_not else Outcome.SKIPPED,
            "cannot_tell_reason": CannotTellReason(could_not) if could_not else None,
            "skip_reason": SkipReason(skipped) if skipped else None,
            "language": row["language"],
            "topic": self._find_topic(row),
            "counted": is_judged and row["counted"],
            "asked_at_random": row["asked_at_random"],
            "created_at": row["created_at"],
            "rationale": row["rationale"] or None,
            "active_seconds": row.get("active_seconds"),
            "guideline_version": row.get("guideline_version"),
            "personal_data": kinds(scan(row["rationale"])),
        }

    def _find_topic(self, row: Row) -> str | None:
        if row["tree"] is not None:
            return self.trees[row["tree"]]["topic"] or None
        brief = self.briefs.get(row["brief"])
        return None if brief is None else brief.topic

    def _make_ballot(self, row: Row, *, tiers: list[list[int]] | None) -> ReleasedBallot:
        parent = self.find_parent(row)
        return ReleasedBallot(
            **self._describe_given(row),
            parent_id=None if parent is None else self.name_message(parent),
            shown=tuple(self.name_message(message) for message in row["shown"]),
            tiers=None if tiers is None else tuple(tuple(map(self.name_message, tier)) for tier in tiers),
            acceptable_tiers=row.get("acceptable_tiers"),
            rest_worse=row.get("rest_worse", False),
            much_better=row.get("much_better"),
        )

    def _average_labels(self) -> dict[int, tuple[dict[str, LabelMean], int]]:
        """By message: the mean of each dimension, and how many label sets there are."""
        sets: defaultdict[int, list[int]] = defaultdict(list)
        for row in self.batch.judgments:
            if row["kind"] == Kind.LABEL:
                sets[row["subject"]].append(row["id"])
        return {
            message: (average([label for one in judgments for label in self.labels[one]]), len(judgments))
            for message, judgments in sets.items()
        }

    def _make_tree(
        self,
        root: Row,
        consensus: Mapping[int, ConsensusRecord],
        means: Mapping[int, tuple[dict[str, LabelMean], int]],
    ) -> ReleasedTree:
        tree = self.trees[root["tree"]]
        order, waiting = [], [root["id"]]
        while waiting:
            order.append(waiting.pop())
            waiting.extend(self.replies.get(order[-1], ()))
        made: dict[int, ReleasedMessage] = {}
        for message in reversed(order):  # replies before what they answer, however deep the conversation is
            made[message] = self._make_message(message, consensus, means, made)
        return ReleasedTree(
            message_tree_id=self.name("tree", tree["id"]),
            tree_state=TREE_STATES[tree["state"] - 1],
            prompt=made[root["id"]],
            topic=tree["topic"] or None,
            external_id=tree["external_id"],
            brief=self.briefs.get(tree["brief"]),
        )

    def _make_message(
        self,
        message: int,
        consensus: Mapping[int, ConsensusRecord],
        means: Mapping[int, tuple[dict[str, LabelMean], int]],
        made: Mapping[int, ReleasedMessage],
    ) -> ReleasedMessage:
        row = self.messages[message]
        labels, reviews = means.get(message, ({}, 0))
        below = consensus.get(message)
        ranks = {} if below is None else dict(zip(below.candidates, below.ranks, strict=True))
        replies = sorted(self.replies.get(message, ()), key=lambda reply: (ranks.get(reply, len(ranks) + 1), reply))
        return ReleasedMessage(
            message_id=self.name_message(message),
            role=MessageRole(row["role"]),
            text=row["text"],
            language=row["language"],
            created_at=row["created_at"],
            author_id=None if row["author"] is None else self.name("annotator", str(row["author"])),
            origins=tuple(self.origins.get(message, ())),
            **describe_place(message, consensus.get(row["parent"])),
            labels=labels,
            review_count=reviews,
            consensus=None if below is None else self._make_consensus(below),
            personal_data=kinds(self.found[message] + scan(self.words.get(message, ""))),
            review_state=read_review(row),
            ends_thread=self.ends[message],
            improved_from=None if message not in self.improves else self.name_message(self.improves[message]),
            rationale=self.words.get(message) or None,
            replies=tuple(made[reply] for reply in replies),
        )

    def _make_consensus(self, record: ConsensusRecord) -> ReleasedConsensus:
        return ReleasedConsensus(
            method=record.method,
            method_version=record.method_version,
            n_ballots=record.n_ballots,
            tiers=tuple(tuple(map(self.name_message, tier)) for tier in record.tiers),
            acceptable_tiers=record.acceptable_tiers,
            confidence=record.confidence,
        )


def is_writing(row: Row) -> bool:
    """Whether a judgment is a text whose words of reason stand with its message; those of an edit stand in its ballot."""
    return row["kind"] in (*REPLYING_KINDS, *STARTING_KINDS) and row["message"] is not None


def read_review(message: Row) -> ReviewState:
    """What reviewers had made of a message when the release was frozen."""
    return ReviewState.NONE if message["review"] is None else REVIEWS[message["review"] - 1]
