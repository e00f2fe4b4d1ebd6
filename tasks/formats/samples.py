"""One line of each table, as the card shows it: type × format, made by the writers' own rows from records."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tasks.formats.generator_rows import generator_rows
from tasks.formats.rows import Row, ballot_rows, format_time, label_rows, nested_tree, pair_rows
from tasks.records.generation import Turn
from tasks.records.released_generators import GenerationFacts, ReleasedGenerator
from tasks.records.releases import (
    LabelMean,
    PairCandidate,
    PreferencePair,
    ReleasedBallot,
    ReleasedConsensus,
    ReleasedLabel,
    ReleasedLabelSet,
    ReleasedMessage,
    ReleasedOrigin,
    ReleasedTree,
)
from tasks.vocabulary import (
    Answer,
    Engine,
    Kind,
    MessageRole,
    ModelRelation,
    OriginKind,
    Outcome,
    OutputTerms,
    ReleaseTable,
    TreeState,
)

_TIME = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
_TREE, _PROMPT, _GOOD, _POOR = "tree-01", "message-01", "message-02", "message-03"
_QUESTION, _GOOD_TEXT, _POOR_TEXT = "Why is the sky blue?", "Air scatters blue light most.", "Because of the sea."

SAMPLE_BALLOT = ReleasedBallot(
    judgment_id="ballot-01",
    annotator_id="annotator-01",
    unit_id="unit-01",
    message_tree_id=_TREE,
    kind=Kind.RANK,
    outcome=Outcome.JUDGED,
    language="en",
    counted=True,
    asked_at_random=True,
    created_at=_TIME,
    topic="science",
    rationale="Only the first is true.",
    active_seconds=31.5,
    guideline_version=1,
    interface="web",
    parent_id=_PROMPT,
    shown=(_POOR, _GOOD),
    tiers=((_GOOD,), (_POOR,)),
    acceptable_tiers=1,
)

SAMPLE_LABELS = ReleasedLabelSet(
    judgment_id="label-set-01",
    annotator_id="annotator-01",
    unit_id="unit-02",
    message_tree_id=_TREE,
    kind=Kind.LABEL,
    outcome=Outcome.JUDGED,
    language="en",
    counted=True,
    created_at=_TIME,
    topic="science",
    active_seconds=8.25,
    guideline_version=1,
    interface="web",
    message_id=_GOOD,
    label_schema_version=1,
    labels=(ReleasedLabel("quality", Answer.GIVEN, 0.75), ReleasedLabel("humor", Answer.SKIPPED, None)),
)

SAMPLE_TREE = ReleasedTree(
    message_tree_id=_TREE,
    tree_state=TreeState.DONE,
    topic="science",
    prompt=ReleasedMessage(
        message_id=_PROMPT,
        role=MessageRole.PROMPTER,
        text=_QUESTION,
        language="en",
        created_at=_TIME,
        author_id="annotator-02",
        origins=(ReleasedOrigin(OriginKind.WRITTEN, human=True),),
        consensus=ReleasedConsensus(
            method="davidson",
            method_version="1",
            n_ballots=3,
            tiers=((_GOOD,), (_POOR,)),
            acceptable_tiers=1,
            confidence=0.9,
        ),
        replies=(
            ReleasedMessage(
                message_id=_GOOD,
                role=MessageRole.ASSISTANT,
                text=_GOOD_TEXT,
                language="en",
                created_at=_TIME,
                author_id="annotator-03",
                origins=(ReleasedOrigin(OriginKind.WRITTEN, human=True),),
                rank=0,
                score=1.2,
                standard_error=0.6,
                p_acceptable=0.95,
                labels={"humor": LabelMean(None, 0), "quality": LabelMean(0.75, 1)},
                review_count=1,
            ),
            ReleasedMessage(
                message_id=_POOR,
                role=MessageRole.ASSISTANT,
                text=_POOR_TEXT,
                language="en",
                created_at=_TIME,
                origins=(
                    ReleasedOrigin(
                        OriginKind.GENERATED,
                        generator="tiny-llama",
                        human=False,
                        generation=GenerationFacts(
                            model="TinyLlama/TinyLlama-1.1B-Chat-v1.0",
                            revision="fe8a4ea1ffedaf415f4da2f062534de366a451e6",
                            engine="transformers",
                            engine_version="5.24.0",
                            dtype="bfloat16",
                            batching="padded",
                            seed=7,
                            finish_reason="stop",
                            effective_sampling={"max_tokens": 256, "temperature": 0.7},
                        ),
                    ),
                ),
                rank=1,
                score=-1.2,
                standard_error=0.6,
                p_acceptable=0.05,
            ),
        ),
    ),
)

SAMPLE_PAIR = PreferencePair(
    message_tree_id=_TREE,
    parent_id=_PROMPT,
    thread=(Turn(MessageRole.PROMPTER, _QUESTION),),
    chosen=PairCandidate(_GOOD, _GOOD_TEXT),
    rejected=PairCandidate(_POOR, _POOR_TEXT, "tiny-llama"),
    source="consensus",
    votes_chosen=3,
    votes_rejected=0,
    votes_tied=0,
    language="en",
    topic="science",
    confidence=0.98,
    score_chosen=1.2,
    score_rejected=-1.2,
)


SAMPLE_GENERATOR = ReleasedGenerator(
    name="tiny-llama",
    engine=Engine.TRANSFORMERS,
    model="TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    revision="fe8a4ea1ffedaf415f4da2f062534de366a451e6",
    model_key="tinyllama-v1-1.1b-chat",
    root_key="tinyllama-1.1b",
    base_model="TinyLlama/TinyLlama-1.1B",
    relation=ModelRelation.FINETUNED,
    quantization="",
    licence="Apache-2.0",
    output_terms=OutputTerms.FREE,
    terms_url="",
    texts=1,
    share=0.5,
)


def sample_rows(table: ReleaseTable) -> Iterator[Row]:
    """Yield the sample of a table as its JSONL lines, times as text."""
    rows = {
        ReleaseTable.BALLOTS: lambda: ballot_rows(SAMPLE_BALLOT),
        ReleaseTable.LABELS: lambda: label_rows(SAMPLE_LABELS),
        ReleaseTable.TREES: lambda: iter([nested_tree(SAMPLE_TREE)]),
        ReleaseTable.PREFERENCE_PAIRS: lambda: pair_rows(SAMPLE_PAIR),
        ReleaseTable.GENERATORS: lambda: generator_rows(SAMPLE_GENERATOR),
    }
    for row in rows[table]():
        yield {name: format_time(value) if isinstance(value, datetime) else value for name, value in row.items()}
