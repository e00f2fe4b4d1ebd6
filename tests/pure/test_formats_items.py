"""One item of an import: what is read, and the sentence of each refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats.items import parse_item, parse_items
from tasks.records.imports import BadLine, ImportedCandidate, ImportedPrompt, ImportLimits
from tasks.text.normalise import text_hash

LIMITS = ImportLimits(max_text_chars=200, max_candidates=3, max_sampling_values=2)
HUGE = 10**10_000


def test_a_whole_item_becomes_a_prompt_with_its_candidates():
    item = {
        "prompt": "Why is the sky blue?",
        "language": "EN",
        "topic": " science ",
        "difficulty": " hard",
        "tags": ["optics", " light ", "optics", ""],
        "external_id": "q-17",
        "candidates": [
            {"text": "Air scatters blue light.", "generator": "tiny", "sampling": {"temperature": 0.7}},
            {"text": "Because.", "human": True, "external_id": "c-2"},
        ],
    }
    record = parse_item(item, 5, LIMITS)
    assert record == ImportedPrompt(
        ordinal=5,
        line=5,
        key="id:q-17",
        text="Why is the sky blue?",
        text_hash=text_hash("Why is the sky blue?"),
        language="en",
        topic="science",
        external_id="q-17",
        difficulty="hard",
        tags=("optics", "light"),
        candidates=(
            ImportedCandidate(
                text="Air scatters blue light.",
                text_hash=text_hash("Air scatters blue light."),
                key=record.candidates[0].key,
                generator="tiny",
                human=False,
                sampling={"temperature": 0.7},
            ),
            ImportedCandidate(
                text="Because.", text_hash=text_hash("Because."), key="id:c-2", human=True, external_id="c-2"
            ),
        ),
    )
    assert record.candidates[0].key.startswith("sha256:")


def test_a_string_is_a_prompt_whose_key_is_its_digest():
    record = parse_item("Hello?", 1, LIMITS)
    assert record.key == f"sha256:{text_hash('Hello?').hex()}"
    assert record.candidates == ()


def test_null_and_blank_fields_are_absent():
    record = parse_item(
        {"prompt": "Hello?", "language": "", "topic": " ", "external_id": None, "candidates": None}, 1, LIMITS
    )
    assert record == parse_item("Hello?", 1, LIMITS)


def test_the_key_of_an_origin_differs_by_all_that_is_known_of_it():
    variants = [
        {"text": "a"},
        {"text": "b"},
        {"text": "a", "generator": "g"},
        {"text": "a", "human": True},
        {"text": "a", "generator": "g", "sampling": {"t": 1}},
        {"text": "a", "external_id": "x"},
    ]
    keys = [parse_item({"prompt": "p", "candidates": [variant]}, 1, LIMITS).candidates[0].key for variant in variants]
    assert len(set(keys)) == len(variants)
    assert all(len(key) <= 200 for key in keys)


def test_a_number_as_an_external_id_becomes_text():
    assert parse_item({"prompt": "p", "external_id": 17}, 1, LIMITS).key == "id:17"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (17, 'Each record must be an object with the key "prompt", not a number.'),
        (None, 'Each record must be an object with the key "prompt", not null.'),
        ([], 'Each record must be an object with the key "prompt", not a list.'),
        ({}, 'The key "prompt" is missing. Write {"prompt": "…"}.'),
        ({"prompt": None}, 'The key "prompt" is missing. Write {"prompt": "…"}.'),
        ({"prompt": 5}, "Prompt: the text must be a string, not a number."),
        ({"prompt": " \n"}, "Prompt: The text is blank. Write something that can be read, or leave it out."),
        ({"prompt": "x" * 201}, "Prompt: The text has 201 characters; at most 200 are taken. Shorten it."),
        ({"prompt": "a\x00"}, "Prompt: The text holds a NUL character at position 2. Remove it."),
        (
            {"prompt": "a\ud800"},
            (
                "Prompt: The text holds half of a character (a lone surrogate) at position 2. It was cut or decoded "
                "wrongly; send the whole character."
            ),
        ),
        ({"prompt": "x", "tags": {}}, "tags must be a list, not an object."),
        ({"prompt": "x", "tags": [[]]}, "A tag must be a string, not a list."),
        ({"prompt": "x", "tags": ["t"] * 21}, "There are 21 tags; at most 20 a prompt are taken."),
        ({"prompt": "x", "difficulty": "d" * 41}, "difficulty has 41 characters; at most 40 are taken."),
        (
            {"promt": "x"},
            'Each record has an unknown key "promt". Known keys: prompt, language, topic, difficulty, tags, external_id, candidates.',
        ),
        (
            {"prompt": "x", "a\x00\ud800": 1},
            'Each record has an unknown key "a\\x00\\ud800". Known keys: prompt, language, topic, difficulty, tags, external_id, candidates.',
        ),
        (
            {"prompt": "x", "language": "english"},
            'language: "english" is not a language code. Write one such as "en", "de" or "pt-BR".',
        ),
        ({"prompt": "x", "language": 1}, "language must be a string, not a number."),
        ({"prompt": "x", "topic": ["a"]}, "topic must be a string, not a list."),
        ({"prompt": "x", "topic": "t" * 81}, "topic has 81 characters; at most 80 are taken."),
        ({"prompt": "x", "topic": "t\x00"}, "topic: The text holds a NUL character at position 2. Remove it."),
        ({"prompt": "x", "external_id": True}, "external_id must be a string, not true or false."),
        ({"prompt": "x", "external_id": HUGE}, "external_id must be a string, not a number."),
        ({"prompt": "x", "candidates": "a"}, "candidates must be a list, not a string."),
        ({"prompt": "x", "candidates": [{"text": "a"}] * 4}, "There are 4 candidates; at most 3 a prompt are taken."),
        ({"prompt": "x", "candidates": ["a"]}, 'Candidate 1 must be an object with the key "text", not a string.'),
        ({"prompt": "x", "candidates": [{}]}, 'Candidate 1: the key "text" is missing. Write {"text": "…"}.'),
        (
            {"prompt": "x", "candidates": [{"text": "a"}, {"text": ""}]},
            "Candidate 2: The text is blank. Write something that can be read, or leave it out.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "model": "g"}]},
            'Candidate 1 has an unknown key "model". Known keys: text, generator, human, external_id, sampling.',
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "generator": "g", "human": True}]},
            "Candidate 1: it names a generator and says that a human wrote it. Keep one of the two.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "human": "yes"}]},
            "Candidate 1: human must be true or false, not a string.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "sampling": []}]},
            "Candidate 1: sampling must be an object, not a list.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "sampling": {"a": 1, "b": 2, "c": 3}}]},
            "Candidate 1: sampling has 3 values; at most 2 are taken.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "sampling": {"a": [1]}}]},
            "Candidate 1: a value in sampling is not a short text, a finite number, true, false or null.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "sampling": {"a": float("nan")}}]},
            "Candidate 1: a value in sampling is not a short text, a finite number, true, false or null.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "sampling": {"a": HUGE}}]},
            "Candidate 1: a value in sampling is not a short text, a finite number, true, false or null.",
        ),
        (
            {"prompt": "x", "candidates": [{"text": "a", "sampling": {" ": 1}}]},
            "Candidate 1: a name in sampling is blank.",
        ),
    ],
)
def test_an_item_that_cannot_be_used_is_one_sentence(item, reason):
    assert parse_item(item, 3, LIMITS) == BadLine(ordinal=3, line=3, reason=reason)


def test_items_are_numbered_and_a_bad_one_leaves_the_others():
    records = list(parse_items(["a", 5, "b"], LIMITS))
    assert [(type(record).__name__, record.ordinal, record.line) for record in records] == [
        ("ImportedPrompt", 1, 1),
        ("BadLine", 2, 2),
        ("ImportedPrompt", 3, 3),
    ]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["prompt", "candidates", "text", "generator", "sampling", "language", "topic", "human"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(anything)
def test_whatever_comes_is_a_record_or_a_sentence_that_can_be_stored(item):
    record = parse_item(item, 1, LIMITS)
    assert isinstance(record, ImportedPrompt | BadLine)
    if isinstance(record, BadLine):
        assert record.reason.isprintable()
        assert record.reason.encode("utf-8")
    else:
        assert json.dumps(record.text)


@given(st.text(min_size=1, max_size=50).filter(lambda text: not text.isspace()))
def test_the_same_item_has_the_same_keys_each_time(text):
    item = {"prompt": text, "candidates": [{"text": text, "generator": "g", "sampling": {"b": 1, "a": 2}}]}
    turned = {"candidates": [{"sampling": {"a": 2, "b": 1}, "generator": "g", "text": text}], "prompt": text}
    assert parse_item(item, 1, LIMITS) == parse_item(turned, 1, LIMITS)
