"""Compressed files, bombs, formats told by name and content, and memory that does not grow with the file."""

import gzip
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats.detection import HEAD_BYTES, detect_format
from tasks.formats.readers import detect_file, find_reader, open_import
from tasks.formats.refusals import RefusedFile, show
from tasks.records.imports import BadLine, ImportLimits
from tasks.vocabulary import ImportFormat

LIMITS = ImportLimits(max_bytes=10_000_000, ratio_from_bytes=1_000_000)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path):
    def write_content(content, name="import"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_content


def texts(path, file_format=ImportFormat.PROMPTS, limits=LIMITS):
    return [record.text for record in open_import(path, file_format, limits)]


def test_gzip_is_unpacked_whatever_the_file_is_called(write):
    assert texts(write(gzip.compress(b"\xef\xbb\xbfOne?\nTwo?\n"))) == ["One?", "Two?"]


def test_gzip_of_several_members_is_read_to_its_end(write):
    assert texts(write(gzip.compress(b"One?\n") + gzip.compress(b"Two?\n"))) == ["One?", "Two?"]


def test_a_small_file_that_unpacks_a_thousandfold_is_stopped(write):
    path = write(gzip.compress(b"x" * 9_000_000))
    with pytest.raises(
        RefusedFile, match="unpacks to more than 200 times its size, which looks like a decompression bomb"
    ):
        texts(path)


def test_lines_before_a_bomb_goes_off_are_read(write):
    path = write(gzip.compress(b"One?\n" + b"x" * 9_000_000))
    records = open_import(path, ImportFormat.PROMPTS, LIMITS)
    assert next(records).text == "One?"
    with pytest.raises(RefusedFile):
        list(records)


def test_a_small_file_of_repeated_text_is_read(write):
    assert len(texts(write(gzip.compress(b"The same?\n" * 5_000)))) == 5_000


def test_a_file_beyond_the_bytes_allowed_is_stopped(write):
    for content in (b"One?\n" * 21_000, gzip.compress(b"One?\n" * 21_000)):
        with pytest.raises(RefusedFile, match="holds more than 100,000 bytes"):
            texts(write(content), limits=ImportLimits(max_bytes=100_000))


@pytest.mark.parametrize("cut", [5, 12, -9, -3])
def test_a_gzip_that_was_cut_is_refused(write, cut):
    path = write(gzip.compress(json.dumps([f"{n}?" for n in range(10_000)]).encode())[:cut])
    with pytest.raises(RefusedFile, match="The compressed file is damaged or was cut"):
        texts(path, ImportFormat.JSONL)


@given(st.binary(min_size=1, max_size=200), st.integers(0, 10**6), st.integers(0, 255))
def test_a_gzip_with_a_byte_changed_is_read_or_refused(tmp_path_factory, content, place, value):
    packed = bytearray(gzip.compress(content))
    packed[2 + place % (len(packed) - 2)] = value
    path = tmp_path_factory.mktemp("gzip") / "file.gz"
    path.write_bytes(packed)
    try:
        records = list(open_import(path, ImportFormat.PROMPTS, LIMITS))
    except RefusedFile as refusal:
        records = [BadLine(1, 1, str(refusal))]
    assert [record.ordinal for record in records] == list(range(1, len(records) + 1))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\xfd7zXZ\x00rest", "compressed with xz"),
        (b"BZh9rest", "compressed with bzip2"),
        (b"\x28\xb5\x2f\xfdrest", "compressed with zstd"),
        ("One?".encode("utf-16"), "text in UTF-16"),
    ],
)
def test_containers_that_are_not_read_are_refused_by_name(write, content, name):
    reason = f"The file is {name}. Send it as UTF-8 text, plain or compressed with gzip, or as Parquet."
    for path in (write(content), write(gzip.compress(content))):
        with pytest.raises(RefusedFile) as refusal:
            texts(path)
        assert str(refusal.value) == reason
    with pytest.raises(RefusedFile, match=name):
        detect_format("prompts.txt", content)


def test_a_file_compressed_twice_is_refused(write):
    with pytest.raises(RefusedFile, match="compressed twice"):
        texts(write(gzip.compress(gzip.compress(b"One?"))))


@pytest.mark.parametrize(
    ("name", "content", "file_format"),
    [
        ("prompts.txt", "Why?\n", ImportFormat.PROMPTS),
        ("prompts.TXT.gz", gzip.compress(b"Why?\n", mtime=0), ImportFormat.PROMPTS),
        ("rows.csv", "prompt\nWhy?\n", ImportFormat.CSV),
        ("rows.tsv", "prompt\tlanguage\nWhy?\ten\n", ImportFormat.CSV),
        ("rows", "language;prompt\nen;Why?\n", ImportFormat.CSV),
        ("rows.bin", b"PAR1\x15\x00", ImportFormat.PARQUET),
        ("x.jsonl", '"Why?"\n', ImportFormat.JSONL),
        ("x.json", '["Why?"]', ImportFormat.JSONL),
        ("x", ' \n{"prompt": "Why?"}\n', ImportFormat.JSONL),
        ("x", '[{"topic": "{[", "prompt": "Why?"}]', ImportFormat.JSONL),
        ("x.jsonl", '{"promt": "Why?"}\n', ImportFormat.JSONL),
        ("x.jsonl.gz", gzip.compress(b'{"message_tree_id": "t", "prompt": {', mtime=0), ImportFormat.OASST_TREES),
        ("x", '{"prompt": {"text": "Why?"}}', ImportFormat.OASST_TREES),
        ("x", '{"message_id": "m", "message_tree_id": "t", "text": "Why?"}', ImportFormat.OASST_MESSAGES),
        ("x", '[{"user_message_id": "m", "text": "Why?"}]', ImportFormat.OASST_MESSAGES),
        ("x", '{\n "model_name": "m",\n "prompts": [', ImportFormat.SAMPLING_REPORT),
        ("x", '{"date": "now", "prompts": [{"prompt": "Why?"', ImportFormat.SAMPLING_REPORT),
    ],
)
def test_the_format_is_told_by_name_and_content(name, content, file_format, write):
    data = content if isinstance(content, bytes) else content.encode()
    assert detect_format(name, data) is file_format
    assert detect_file(write(data), name=name) is file_format


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x", b"", "The file is empty."),
        ("x.txt", b"\xef\xbb\xbf \n", "The file is empty."),
        ("notes", b"some words\n", "The format of this file cannot be told. Name it: prompts, jsonl,"),
        ("notes", b'{"id": 1}\n', "The format of this file cannot be told."),
        ("x.gz", b"\x1f\x8bnot gzip at all", "The compressed file is damaged."),
    ],
)
def test_a_file_of_no_known_format_is_refused(name, content, reason):
    with pytest.raises(RefusedFile) as refusal:
        detect_format(name, content)
    assert str(refusal.value).startswith(reason)


@given(st.binary(max_size=300), st.sampled_from(["", ".json", ".gz", ".csv"]))
def test_whatever_a_file_holds_its_format_is_told_or_refused(content, ending):
    try:
        found = detect_format(f"x{ending}", content)
    except RefusedFile as refusal:
        found = str(refusal)
    assert found


@pytest.mark.parametrize("piece", ['{"', '"', '{"a":"', "[[", '{"a":{'])
def test_a_hostile_head_is_looked_at_once(piece):
    found = detect_format("x.jsonl", ("{" + piece * HEAD_BYTES).encode()[:HEAD_BYTES])
    assert found is ImportFormat.JSONL


@pytest.mark.parametrize("file_format", list(ImportFormat))
def test_every_format_has_a_reader(file_format):
    assert callable(find_reader(file_format))


def test_what_is_shown_in_a_sentence_can_be_stored():
    assert show("a\x00\n\ud800b" + "c" * 100) == f'"a\\x00\\n\\ud800b{"c" * 35}…"'


def write_big(path, file_format):
    """About 12 MB of records, each small, and how many there are."""
    text = "word " * 600
    if file_format is ImportFormat.SAMPLING_REPORT:
        entry = json.dumps({"prompt": text, "results": [{"outputs": [text] * 7}]})
        path.write_text('{"model_name": "m", "prompts": [' + ", ".join([entry] * 600) + "]}")
        return 600
    if file_format is ImportFormat.OASST_MESSAGES:
        lines = [json.dumps({"message_id": f"m{n}", "text": text, "role": "prompter"}) for n in range(4_000)]
        path.write_text("\n".join(lines))
        return 4_000
    line = {
        ImportFormat.PROMPTS: text,
        ImportFormat.JSONL: json.dumps({"prompt": text}),
        ImportFormat.OASST_TREES: json.dumps({"prompt": {"text": text, "role": "prompter"}}),
        ImportFormat.CSV: f'"{text}"',
    }[file_format]
    lines = ["prompt"] if file_format is ImportFormat.CSV else []
    path.write_text("\n".join(lines + [line] * 4_000))
    return 4_000


@pytest.mark.parametrize("file_format", [item for item in ImportFormat if item is not ImportFormat.PARQUET])
def test_memory_does_not_grow_with_the_file(tmp_path, file_format):
    path = tmp_path / "big"
    expected = write_big(path, file_format)
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_import(path, file_format, ImportLimits()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == expected
    assert peak < 3_000_000


def test_the_web_process_can_check_items_without_numpy_or_arrow():
    code = (
        "import sys, tasks.formats.items, tasks.formats.detection, tasks.formats.readers, tasks.text.personal_data;"
        "print(sorted({'numpy', 'pyarrow', 'django', 'celery', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
