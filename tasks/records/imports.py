"""What readers of import files yield and the import service stores.

A reader turns a file into a stream of records: prompts, whole message trees, and lines that could not be
used. The stream is the same each time for the same file, so its `ordinal` lets an interrupted run go on
where it stopped; `key` and `text_hash` let a repeated one find what is there already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tasks.vocabulary import MessageRole, ReviewState, TreeState

#: What a sampling parameter may be.
SamplingValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """Bounds on what an import may bring. Bytes are counted after decompression.

    `max_ratio` (decompressed to compressed bytes) is checked once `ratio_from_bytes` came out of a file,
    so that a small file of repeated text is not refused. The lengths of names, topics, tags, codes and ids are
    those of the columns that store them.
    """

    max_bytes: int = 16 * 2**30
    max_ratio: float = 200.0
    ratio_from_bytes: int = 32 * 2**20
    max_record_bytes: int = 8 * 2**20
    max_text_chars: int = 50_000
    max_candidates: int = 64
    max_json_depth: int = 128
    max_json_containers: int = 100_000
    max_tree_depth: int = 50
    max_tree_messages: int = 5_000
    max_generator_chars: int = 120
    max_topic_chars: int = 80
    max_difficulty_chars: int = 40
    max_tags: int = 20
    max_tag_chars: int = 80
    max_id_chars: int = 190
    max_sampling_values: int = 40


@dataclass(frozen=True, slots=True)
class ImportedCandidate:
    """A reply that came with its prompt.

    `text_hash`: SHA-256 of the canonical text; equal under one parent means one candidate with several
    origins. `key` names this origin (at most 200 characters), the same each time the same thing is read.
    `generator` is a label of origin, never an address. `human`: True or False where the source says so.
    `sample_index` numbers the samples that a report took under the same settings, from 0.
    """

    text: str
    text_hash: bytes
    key: str
    generator: str | None = None
    human: bool | None = None
    external_id: str | None = None
    sampling: Mapping[str, SamplingValue] | None = None
    sample_index: int | None = None


@dataclass(frozen=True, slots=True)
class ImportedPrompt:
    """A prompt with the candidates that came along.

    `ordinal`: place in the stream, from 1. `line`: where in the file, from 1: a line, a row, or an element
    of a JSON list. `key` (at most 200 characters): `id:` and the external id, or `sha256:` and the digest
    of the canonical text. Records that speak of the same prompt share `text_hash`; the service merges them.
    """

    ordinal: int
    line: int
    key: str
    text: str
    text_hash: bytes
    language: str | None = None
    topic: str | None = None
    external_id: str | None = None
    difficulty: str | None = None
    tags: tuple[str, ...] = ()
    candidates: tuple[ImportedCandidate, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """A message of a tree with its replies, in the order of the file.

    `key` names its origin as in `ImportedCandidate`. `author` is the source's pseudonym. `rank`: place
    among its siblings in the source's own consensus, 0 best. `review`: `pending` where the source says that
    people had not decided on it yet.
    """

    role: MessageRole
    text: str
    text_hash: bytes
    key: str
    language: str | None = None
    external_id: str | None = None
    author: str | None = None
    human: bool | None = None
    generator: str | None = None
    rank: int | None = None
    created_at: datetime | None = None
    review: ReviewState = ReviewState.NONE
    replies: "tuple[ImportedMessage, ...]" = ()


@dataclass(frozen=True, slots=True)
class ImportedBallot:
    """A ranking that came with its tree: ids of messages as the source names them, best first, no ties.

    `annotator` is the source's pseudonym, None where it tells none. `all_bad`: none of them is acceptable.
    """

    ranked: tuple[str, ...]
    annotator: str | None = None
    all_bad: bool = False


@dataclass(frozen=True, slots=True)
class ImportedTree:
    """A whole message tree.

    `stage` is where it goes on from in a campaign that grows trees; None where the source says nothing.
    `message_count` counts the prompt and all replies; `omitted` those left out because their source had
    deleted or rejected them, with everything under them. `state` is the source's own word.
    """

    ordinal: int
    line: int
    key: str
    root: ImportedMessage
    external_id: str | None = None
    topic: str | None = None
    state: str | None = None
    stage: TreeState | None = None
    ballots: tuple[ImportedBallot, ...] = ()
    message_count: int = 1
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line, row or element that was not used, and a sentence that says why and what to do."""

    ordinal: int
    line: int
    reason: str


ImportRecord = ImportedPrompt | ImportedTree | BadLine
