"""Columns of a release in Parquet, explicit so that an empty or all-null column has its type too."""

from typing import Any

import pyarrow as pa

from tasks.vocabulary import ReleaseTable

_TIME = pa.timestamp("us", tz="UTC")
_STRINGS = pa.list_(pa.string())
_TIERS = pa.list_(_STRINGS)
_TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_JOIN_KEYS = [("annotator_id", pa.string()), ("unit_id", pa.string()), ("message_tree_id", pa.string())]
_OUTCOME = [
    ("kind", pa.string()),
    ("outcome", pa.string()),
    ("cannot_tell_reason", pa.string()),
    ("skip_reason", pa.string()),
]
_CIRCUMSTANCES = [
    ("rationale", pa.string()),
    ("active_seconds", pa.float64()),
    ("guideline_version", pa.int64()),
    ("language", pa.string()),
    ("topic", pa.string()),
    ("counted", pa.bool_()),
    ("asked_at_random", pa.bool_()),
    ("created_at", _TIME),
    ("interface", pa.string()),
    ("personal_data", _STRINGS),
]

#: How a generator made a text; `effective_sampling` and `more` are JSON.
_GENERATION = pa.struct(
    [
        ("model", pa.string()),
        ("revision", pa.string()),
        ("engine", pa.string()),
        ("engine_version", pa.string()),
        ("dtype", pa.string()),
        ("quantization", pa.string()),
        ("batching", pa.string()),
        ("prompt_format", pa.string()),
        ("template_sha256", pa.string()),
        ("seed", pa.int64()),
        ("finish_reason", pa.string()),
        ("effective_sampling", pa.string()),
        ("dropped_sampling", _STRINGS),
        ("truncated_turns", pa.int64()),
        ("truncated_tokens", pa.int64()),
        ("more", pa.string()),
    ]
)

BALLOTS = pa.schema(
    [
        ("ballot_id", pa.string()),
        *_JOIN_KEYS,
        ("parent_id", pa.string()),
        *_OUTCOME,
        ("tiers", _TIERS),
        ("acceptable_tiers", pa.int64()),
        ("rest_worse", pa.bool_()),
        ("much_better", pa.bool_()),
        ("shown", _STRINGS),
        *_CIRCUMSTANCES,
    ]
)

LABELS = pa.schema(
    [
        ("label_set_id", pa.string()),
        *_JOIN_KEYS,
        ("message_id", pa.string()),
        *_OUTCOME,
        ("dimension", pa.string()),
        ("answer", pa.string()),
        ("value", pa.float64()),
        ("label_schema_version", pa.int64()),
        ("is_simple", pa.bool_()),
        *_CIRCUMSTANCES,
    ]
)

TREES = pa.schema(
    [
        ("message_tree_id", pa.string()),
        ("tree_state", pa.string()),
        ("topic", pa.string()),
        ("brief", pa.struct([("topic", pa.string()), ("difficulty", pa.string()), ("words", pa.string())])),
        ("depth", pa.int64()),
        ("message_id", pa.string()),
        ("parent_id", pa.string()),
        ("user_id", pa.string()),
        ("text", pa.string()),
        ("role", pa.string()),
        ("lang", pa.string()),
        ("review_count", pa.int64()),
        ("review_result", pa.bool_()),
        ("review_state", pa.string()),
        ("deleted", pa.bool_()),
        ("rank", pa.int64()),
        ("synthetic", pa.bool_()),
        ("model_name", pa.string()),
        ("improved_from", pa.string()),
        ("ends_thread", pa.int64()),
        ("rationale", pa.string()),
        ("created_date", _TIME),
        ("labels", pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64()), ("count", pa.int64())]))),
        ("score", pa.float64()),
        ("standard_error", pa.float64()),
        ("p_acceptable", pa.float64()),
        ("personal_data", _STRINGS),
        (
            "origins",
            pa.list_(
                pa.struct(
                    [
                        ("kind", pa.string()),
                        ("generator", pa.string()),
                        ("human", pa.bool_()),
                        ("generation", _GENERATION),
                    ]
                )
            ),
        ),
        (
            "consensus",
            pa.struct(
                [
                    ("method", pa.string()),
                    ("method_version", pa.string()),
                    ("n_ballots", pa.int64()),
                    ("tiers", _TIERS),
                    ("acceptable_tiers", pa.int64()),
                    ("confidence", pa.float64()),
                ]
            ),
        ),
    ]
)

PREFERENCE_PAIRS = pa.schema(
    [
        ("prompt", _TURNS),
        ("chosen", _TURNS),
        ("rejected", _TURNS),
        ("message_tree_id", pa.string()),
        ("parent_id", pa.string()),
        ("chosen_id", pa.string()),
        ("rejected_id", pa.string()),
        ("chosen_model", pa.string()),
        ("rejected_model", pa.string()),
        ("score_chosen", pa.float64()),
        ("score_rejected", pa.float64()),
        ("confidence", pa.float64()),
        ("votes_chosen", pa.int64()),
        ("votes_rejected", pa.int64()),
        ("votes_tied", pa.int64()),
        ("source", pa.string()),
        ("is_improvement", pa.bool_()),
        ("language", pa.string()),
        ("topic", pa.string()),
        ("personal_data", _STRINGS),
    ]
)

GENERATORS = pa.schema(
    [
        ("generator", pa.string()),
        ("engine", pa.string()),
        ("model", pa.string()),
        ("revision", pa.string()),
        ("model_key", pa.string()),
        ("root_key", pa.string()),
        ("base_model", pa.string()),
        ("relation", pa.string()),
        ("quantization", pa.string()),
        ("licence", pa.string()),
        ("output_terms", pa.string()),
        ("terms_url", pa.string()),
        ("texts", pa.int64()),
        ("share", pa.float64()),
    ]
)

SCHEMAS: dict[ReleaseTable, Any] = {
    ReleaseTable.BALLOTS: BALLOTS,
    ReleaseTable.LABELS: LABELS,
    ReleaseTable.TREES: TREES,
    ReleaseTable.PREFERENCE_PAIRS: PREFERENCE_PAIRS,
    ReleaseTable.GENERATORS: GENERATORS,
}
