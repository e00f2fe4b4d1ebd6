"""What a release is made of: records that the release service loads and the writers turn into rows.

Ids here are strings made for one release (`tasks.formats.pseudonyms`), never those of the database, so
that two releases cannot be joined by person. Times have a zone. What was not given is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tasks.records.generation import Turn
from tasks.records.quality import AgreementRecord
from tasks.records.released_generators import GenerationFacts, ReleasedGenerator
from tasks.vocabulary import (
    Answer,
    CannotTellReason,
    Kind,
    MessageRole,
    OriginKind,
    Outcome,
    PersonalDataKind,
    ReleaseTable,
    ReviewState,
    SkipReason,
    TreeState,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedJudgment:
    """What ballots and label sets have in common.

    `unit_id` joins judgments on the same piece of work. `message_tree_id`: None where prompts of several trees were put
    in order. `counted`: it filled a place; False is surplus.
    `asked_at_random`: its unit was drawn by lot from all that this person could
    have done, so that those who were given work by choice can be compared with this.
    `interface`: how it was given (`web`, `api`, …). `guideline_version`: the instructions then in force.
    `personal_data`: what a scan found in the rationale, each kind once.
    """

    judgment_id: str
    annotator_id: str
    unit_id: str
    message_tree_id: str | None
    kind: Kind
    outcome: Outcome
    language: str
    counted: bool
    created_at: datetime
    asked_at_random: bool = False
    cannot_tell_reason: CannotTellReason | None = None
    skip_reason: SkipReason | None = None
    topic: str | None = None
    rationale: str | None = None
    active_seconds: float | None = None
    guideline_version: int | None = None
    interface: str | None = None
    personal_data: tuple[PersonalDataKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedBallot(ReleasedJudgment):
    """One annotator's order of the candidates under `parent_id` (None: of prompts).

    Of kind `improve_reply`: the annotator wrote the first tier as a better version of the second one.

    `tiers`: candidate ids best first, ties share a tier; None when the annotator could not tell.
    `acceptable_tiers`: how many leading tiers are good enough, 0 all bad, None no bar was given.
    `shown`: every candidate that was shown, in that order. `rest_worse`: the last tier is "the rest",
    unordered inside. `much_better`: of two candidates, the first by far; None where it was not asked.
    """

    parent_id: str | None
    shown: tuple[str, ...]
    tiers: tuple[tuple[str, ...], ...] | None = None
    acceptable_tiers: int | None = None
    rest_worse: bool = False
    much_better: bool | None = None


@dataclass(frozen=True, slots=True)
class ReleasedLabel:
    """One answer on one dimension; `value` in [0, 1] exactly when the answer was given."""

    dimension: str
    answer: Answer
    value: float | None

    def __post_init__(self) -> None:
        if (self.value is not None) != (self.answer is Answer.GIVEN):
            raise ValueError("A label has a value exactly when its answer was given.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedLabelSet(ReleasedJudgment):
    """One annotator's labels of one message: every dimension of the schema, answered or not.

    `is_simple`: they were asked the simple form, so that a dimension may be unanswered because nobody asked.
    """

    message_id: str
    label_schema_version: int | None = None
    is_simple: bool = False
    labels: tuple[ReleasedLabel, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleasedOrigin:
    """One way in which a text came to be. `human`: None where an import did not say.

    `generation`: how a generator made it; None for what was written or imported.
    """

    kind: OriginKind
    generator: str | None = None
    human: bool | None = None
    generation: GenerationFacts | None = None


@dataclass(frozen=True, slots=True)
class LabelMean:
    """The mean of the answers given on one dimension, and how many; None without any."""

    value: float | None
    count: int


@dataclass(frozen=True, slots=True)
class ReleasedConsensus:
    """The combined order of the replies to a message. `tiers` as in a ballot; `confidence` in [0, 1]."""

    method: str
    method_version: str
    n_ballots: int
    tiers: tuple[tuple[str, ...], ...]
    acceptable_tiers: int | None
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedMessage:
    """A message with its replies, best first where there is a consensus.

    `rank`: place among its siblings, 0 best, ties share one; None without a consensus. `score` and its
    `standard_error` are log-strengths, comparable among siblings only. `p_acceptable` in [0, 1].
    `consensus` is that of its replies. `ends_thread`: prompters who said that the conversation is finished with it.
    `improved_from`: the message of which it is a better version. `rationale`: words of its author on it.
    """

    message_id: str
    role: MessageRole
    text: str
    language: str
    created_at: datetime
    author_id: str | None = None
    origins: tuple[ReleasedOrigin, ...] = ()
    rank: int | None = None
    score: float | None = None
    standard_error: float | None = None
    p_acceptable: float | None = None
    labels: Mapping[str, LabelMean] = field(default_factory=dict)
    review_count: int = 0
    consensus: ReleasedConsensus | None = None
    personal_data: tuple[PersonalDataKind, ...] = ()
    review_state: ReviewState = ReviewState.NONE
    ends_thread: int = 0
    improved_from: str | None = None
    rationale: str | None = None
    replies: "tuple[ReleasedMessage, ...]" = ()

    @property
    def review_result(self) -> bool | None:
        """Whether reviewers accepted it; None where they had not decided, or nobody was asked."""
        return {ReviewState.ACCEPTED: True, ReviewState.REJECTED: False}.get(self.review_state)

    @property
    def synthetic(self) -> bool | None:
        """True when only generators wrote it, False when a human did (too), None when nobody knows."""
        if any(origin.kind in (OriginKind.WRITTEN, OriginKind.IMPROVED) or origin.human for origin in self.origins):
            return False
        known = [origin for origin in self.origins if origin.generator is not None or origin.human is False]
        return True if known else None

    @property
    def model_name(self) -> str | None:
        """The generator of its first origin that names one."""
        return next((origin.generator for origin in self.origins if origin.generator is not None), None)


@dataclass(frozen=True, slots=True)
class ReleasedBrief:
    """What the writer of a prompt was asked for; None: as they liked."""

    topic: str | None = None
    difficulty: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedTree:
    """A prompt with all replies that may be published. `brief`: what it was written to, where it was."""

    message_tree_id: str
    tree_state: TreeState
    prompt: ReleasedMessage
    topic: str | None = None
    external_id: str | None = None
    brief: ReleasedBrief | None = None


@dataclass(frozen=True, slots=True)
class PairCandidate:
    """A candidate as a preference pair shows it. `personal_data`: what a scan found in its text.

    `improved_from`: the message of which it is a better version.
    """

    message_id: str
    text: str
    model_name: str | None = None
    personal_data: tuple[PersonalDataKind, ...] = ()
    improved_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSubject:
    """What the pairs under one parent share. `candidates` by the id that ballots and consensus use.

    `personal_data`: what a scan found in the thread.
    """

    message_tree_id: str
    parent_id: str
    thread: tuple[Turn, ...]
    candidates: Mapping[int, PairCandidate]
    language: str
    topic: str | None = None
    personal_data: tuple[PersonalDataKind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePair:
    """Of two candidates under one parent, the one that annotators prefer.

    `source`: `consensus` or `ballots`. `confidence`: P(chosen is better) of the consensus, in [0.5, 1];
    None from ballots. Votes count the annotators that ordered (or tied) just these two.
    """

    message_tree_id: str
    parent_id: str
    thread: tuple[Turn, ...]
    chosen: PairCandidate
    rejected: PairCandidate
    source: str
    votes_chosen: int
    votes_rejected: int
    votes_tied: int
    language: str
    topic: str | None = None
    confidence: float | None = None
    score_chosen: float | None = None
    score_rejected: float | None = None
    personal_data: tuple[PersonalDataKind, ...] = ()

    @property
    def is_improvement(self) -> bool:
        """Whether one of the two was written as a better version of the other."""
        return (
            self.chosen.improved_from == self.rejected.message_id
            or self.rejected.improved_from == self.chosen.message_id
        )


ReleaseRecord = ReleasedBallot | ReleasedLabelSet | ReleasedTree | PreferencePair | ReleasedGenerator


@dataclass(frozen=True, slots=True)
class WithdrawnObject:
    """What an earlier release held and was withdrawn since: its kind and its id there, never its content."""

    kind: str
    release: int
    id: str
    withdrawn_at: datetime


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A finished file. `rows`: None for a file that is no table. `sha256` in hexadecimal."""

    name: str
    rows: int | None
    bytes: int
    sha256: str
    table: ReleaseTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseManifest:
    """What a release says of itself to machines. `filters`: what was asked for; `methods`: version by name.

    `personal_data` counts each text once; `personal_data_by_table` counts what stands in each table, where
    texts of the trees stand again in the pairs.
    """

    number: int
    campaign: str
    title: str
    licence: str
    frozen_at: datetime
    filters: Mapping[str, object]
    counts: Mapping[str, int]
    personal_data: Mapping[PersonalDataKind, int]
    methods: Mapping[str, str]
    files: tuple[WrittenFile, ...]
    software: str
    personal_data_by_table: Mapping[ReleaseTable, Mapping[PersonalDataKind, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """A coefficient of the campaign, over one kind of work, language and label dimension; None: over all."""

    kind: Kind
    language: str | None
    dimension: str | None
    agreement: AgreementRecord


@dataclass(frozen=True, slots=True)
class StratumLine:
    """How many judgments a cell of the target space has, and how many were wanted; None: no target."""

    language: str
    topic: str | None
    done: int
    target: int | None


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """How much of the target space was covered when the release was frozen, in [0, 1]; language None: of all.

    `parts`: what the number is made of, None where it could not be said. `weights`: what each counts in it.
    """

    language: str | None
    coverage: float
    parts: Mapping[str, float | None]
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCard:
    """What the card of a release tells people.

    `languages`: judgments by code. `generators`: those whose texts were judged, or labels of imports. `left_out`: texts
    of generators whose terms the release does not take; None: it takes any. `gold`: judgments
    of items whose answer was known, which are in no release. `terms_versions`: the terms under which the contributions were given. `withdrawn`: judgments
    and texts that had been given and were taken back before this release.
    """

    manifest: ReleaseManifest
    purpose: str
    languages: Mapping[str, int]
    kinds: tuple[Kind, ...]
    annotators: int
    first_at: datetime | None
    last_at: datetime | None
    generators: tuple[ReleasedGenerator, ...] = ()
    left_out: int | None = None
    gold: int = 0
    guideline_versions: tuple[int, ...] = ()
    terms_versions: tuple[str, ...] = ()
    agreement: tuple[AgreementLine, ...] = ()
    strata: tuple[StratumLine, ...] = ()
    coverage: tuple[CoverageLine, ...] = ()
    withdrawn: int = 0
