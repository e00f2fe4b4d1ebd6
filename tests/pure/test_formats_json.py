"""JSON from strangers: bounds before anything is built, and documents read in pieces."""

import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats import json_text
from tasks.formats.json_records import iter_json_records
from tasks.formats.json_text import JsonCursor, parse_json
from tasks.formats.refusals import BadRecord, RefusedFile
from tasks.formats.sources import iter_lines
from tasks.records.imports import ImportLimits

LIMITS = ImportLimits(max_json_depth=10, max_json_containers=100, max_record_bytes=5_000_000)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def stream_of(data):
    return io.BufferedReader(io.BytesIO(data))


@given(values)
def test_what_json_writes_is_read_back(value):
    assert parse_json(json.dumps(value).encode(), ImportLimits()) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[" * 11 + b"]" * 11, "The JSON nests deeper than 10 levels. Flatten it."),
        (b"[" * 4_000_000, "The JSON nests deeper than 10 levels. Flatten it."),
        (b'{"a":' * 500_000, "The JSON nests deeper than 10 levels. Flatten it."),
        (b"[" + b"[]," * 100 + b"[]]", "The JSON holds more than 100 lists and objects. Split it."),
        (b"1" * 100_000, "A number has 100,000 digits; at most 18 are taken. Write it as text."),
        (b"-" + b"9" * 20, "A number has 21 digits; at most 18 are taken. Write it as text."),
        (b"1e999", 'The number "1e999" is too large. Write it as text.'),
        (b"[NaN]", "NaN is not JSON. Write null for a missing number."),
        (b"-Infinity", "-Infinity is not JSON. Write null for a missing number."),
        (b'{"a": 1, "b": 2, "a": 3}', 'The key "a" stands twice in one object. Keep one.'),
        (b'"\xff"', "Not valid UTF-8 at byte 2. Save the file in UTF-8."),
        (b'"a\x00b"', "Not valid JSON: Invalid control character at at character 3. Correct it."),
        (b'"open', "Not valid JSON: Unterminated string starting at at character 1. Correct it."),
        (b"{} {}", "Not valid JSON: Extra data at character 4. Correct it."),
        (b"", "Not valid JSON: Expecting value at character 1. Correct it."),
    ],
)
def test_json_beyond_the_bounds_is_one_sentence(data, reason):
    with pytest.raises(BadRecord) as refusal:
        parse_json(data, LIMITS)
    assert str(refusal.value) == reason


def test_brackets_inside_strings_do_not_nest():
    text = "[" * 1_000 + '"' + "\\" + "{" * 1_000
    assert parse_json(json.dumps([text]).encode(), LIMITS) == [text]


@pytest.mark.parametrize("piece", [b'"', b'\\"', b"\\", b'"[', b'{"a', b"[]", b'"\\"\\'])
def test_millions_of_hostile_bytes_are_answered(piece):
    # Searching on from every quote to the end would not end within a day.
    with pytest.raises(BadRecord):
        parse_json(b"[" * 20 + piece * (3_000_000 // len(piece)), ImportLimits(max_json_depth=15))


def test_hundreds_of_thousands_of_keys_with_one_doubled_are_answered():
    keys = b",".join(b'"%d":1' % number for number in range(300_000))
    with pytest.raises(BadRecord, match="stands twice"):
        parse_json(b"{" + keys + b',"299999":1}', ImportLimits())


@given(st.lists(values, max_size=6), st.integers(1, 20), st.sampled_from([None, 2]))
def test_a_list_is_read_in_pieces_wherever_the_buffer_ends(items, chunk, indent):
    original = json_text.CHUNK_BYTES
    json_text.CHUNK_BYTES = chunk
    try:
        cursor = JsonCursor(stream_of(json.dumps(items, indent=indent, ensure_ascii=False).encode()), ImportLimits())
        pieces = list(cursor.iter_list(where="the list"))
    finally:
        json_text.CHUNK_BYTES = original
    assert [json.loads(piece) for piece in pieces] == items
    assert cursor.peek() == b""


@given(st.dictionaries(st.text(max_size=4), values, max_size=5))
def test_an_object_is_read_key_by_key(fields):
    cursor = JsonCursor(stream_of(json.dumps(fields).encode()), ImportLimits())
    read = {key: json.loads(cursor.take_value(where="a value")) for key in cursor.iter_keys(where="the object")}
    assert read == fields


def test_an_element_that_is_too_long_is_passed_over():
    data = json.dumps(["short", "x" * 5_000, ["y" * 5_000], 7]).encode()
    cursor = JsonCursor(stream_of(data), ImportLimits(max_record_bytes=100))
    assert list(cursor.iter_list(where="the list")) == [b'"short"', None, None, b"7"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'["a", "b', "The file ends inside element 2 of the list. It was cut; send the whole file."),
        (b'["a", {"b": [', "The file ends inside element 2 of the list. It was cut; send the whole file."),
        (
            b'["a"',
            "The file ends where , should stand, at the end of element 1 of the list. It was cut; send the whole file.",
        ),
        (
            b'["a" "b"]',
            'The document is not valid JSON at the end of element 1 of the list: , should stand where """ is.',
        ),
        (b'["a",,"b"]', 'The document is not valid JSON at element 2 of the list: a value should stand where "," is.'),
        (b"[", "The file ends where a value should stand, at element 1 of the list. It was cut; send the whole file."),
    ],
)
def test_a_broken_list_ends_in_one_sentence(data, reason):
    cursor = JsonCursor(stream_of(data), LIMITS)
    with pytest.raises(RefusedFile) as refusal:
        list(cursor.iter_list(where="the list"))
    assert str(refusal.value) == reason


@given(st.binary(max_size=60).map(lambda tail: b"[" + tail))
def test_whatever_comes_as_a_list_is_records_or_one_refusal(data):
    records = []
    with suppress(RefusedFile):
        records = list(iter_json_records(stream_of(data), LIMITS))
    assert [number for number, _ in records] == list(range(1, len(records) + 1))


def test_more_after_the_list_is_refused():
    with pytest.raises(RefusedFile, match="There is more after the list"):
        list(iter_json_records(stream_of(b'["a"]\n["b"]'), LIMITS))


def test_lines_keep_the_numbers_of_an_editor():
    records = list(iter_json_records(stream_of(b'\n"a"\r\n  \n{bad\n"b"'), LIMITS))
    assert [(number, value if isinstance(value, str) else str(value)) for number, value in records] == [
        (2, "a"),
        (4, "Not valid JSON: Expecting property name enclosed in double quotes at character 2. Correct it."),
        (5, "b"),
    ]


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b""))), st.integers(1, 10)
)
def test_lines_come_whole_or_not_at_all(lines, limit):
    read = list(iter_lines(stream_of(b"".join(line + b"\n" for line in lines)), max_line_bytes=limit))
    assert read == [(number, line if len(line) <= limit else None) for number, line in enumerate(lines, start=1)]


def test_a_line_of_just_the_limit_with_either_end_is_taken():
    read = list(iter_lines(stream_of(b"12345\r\n12345\n123456\r\n12345"), max_line_bytes=5))
    assert read == [(1, b"12345"), (2, b"12345"), (3, None), (4, b"12345")]
