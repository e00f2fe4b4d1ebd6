"""Prompts from lines of text, CSV and Parquet."""

import csv
import io
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.formats.items import parse_item
from tasks.formats.parquet_reader import count_rows
from tasks.formats.readers import open_import
from tasks.formats.refusals import RefusedFile
from tasks.records.imports import BadLine, ImportLimits
from tasks.vocabulary import ImportFormat

LIMITS = ImportLimits(max_text_chars=1_000, max_record_bytes=10_000, max_candidates=4)


@pytest.fixture
def read(tmp_path):
    def read_content(content, file_format, limits=LIMITS):
        path = tmp_path / "import"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(open_import(path, file_format, limits))

    return read_content


def summarise(records):
    return [
        (record.line, record.reason)
        if isinstance(record, BadLine)
        else (record.line, record.text, [(candidate.text, candidate.generator) for candidate in record.candidates])
        for record in records
    ]


def test_each_line_of_text_is_a_prompt(read):
    content = b"\xef\xbb\xbfFirst?\r\n\n  Second?  \n" + b"x" * 10_001 + b"\nnot \xff utf-8\na\x00b\nLast?"
    assert summarise(read(content, ImportFormat.PROMPTS)) == [
        (1, "First?", []),
        (3, "Second?", []),
        (4, "The line is longer than 10,000 bytes. Shorten it."),
        (5, "Not valid UTF-8 at byte 5. Save the file in UTF-8."),
        (6, "Prompt: The text holds a NUL character at position 2. Remove it."),
        (7, "Last?", []),
    ]


def test_json_lines_are_items_and_a_bad_one_leaves_the_others(read):
    content = '"One?"\n{"prompt": "Two?", "candidates": [{"text": "a", "generator": "g"}]}\n{"prompt": 3}\n{oops\n'
    assert summarise(read(content, ImportFormat.JSONL)) == [
        (1, "One?", []),
        (2, "Two?", [("a", "g")]),
        (3, "Prompt: the text must be a string, not a number."),
        (4, "Not valid JSON: Expecting property name enclosed in double quotes at character 2. Correct it."),
    ]


def test_one_json_list_reads_like_lines(read):
    assert summarise(read('[\n "One?",\n {"prompt": "Two?"}\n]', ImportFormat.JSONL)) == [
        (1, "One?", []),
        (2, "Two?", []),
    ]


def test_records_are_numbered_in_order_and_a_run_goes_on_after_the_last(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("a\n\nb\n\x00\nc\n")
    every = list(open_import(path, ImportFormat.PROMPTS, LIMITS))
    assert [(record.ordinal, record.line) for record in every] == [(1, 1), (2, 3), (3, 4), (4, 5)]
    assert [list(open_import(path, ImportFormat.PROMPTS, LIMITS, after=done)) for done in range(5)] == [
        every[done:] for done in range(5)
    ]


def test_csv_cells_may_hold_separators_quotes_and_line_ends(read):
    content = (
        "\ufeffprompt,language,candidate_1,generator_1,candidate_2\r\n"
        '"Why, ""really""?\nYes",en,"a, b",g,c\r\n'
        "\r\n"
        ",,,,\r\n"
        "Second?,,,,\r\n"
    )
    assert summarise(read(content, ImportFormat.CSV)) == [
        (2, 'Why, "really"?\nYes', [("a, b", "g"), ("c", None)]),
        (6, "Second?", []),
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_the_one_that_finds_the_columns(read, separator):
    content = f"Prompt{separator} Candidate {separator}generator\nWhy?{separator}Because.{separator}g\n"
    assert summarise(read(content, ImportFormat.CSV)) == [(2, "Why?", [("Because.", "g")])]


def test_a_bad_row_costs_itself_alone(read):
    content = (
        'prompt,generator,candidate\nGood?,,\n"open,,\nToo,many,cells,here\nfew\nx,g,\n"a"b,,\nnot \x00,,\nLast?,,\n'
    )
    assert summarise(read(content, ImportFormat.CSV)) == [
        (2, "Good?", []),
        (3, "A quote opens in this row and does not close. Close it, or write it twice inside a cell."),
        (4, "The row has 4 cells and the header 3. Quote cells that hold the separator or a line end."),
        (5, "The row has 1 cells and the header 3. Quote cells that hold the separator or a line end."),
        (6, "generator is given, but candidate is empty. Fill both, or none."),
        (
            7,
            "Not valid CSV: ',' expected after '\"'. Quote cells that hold separators, and write a quote inside twice.",
        ),
        (8, "Prompt: The text holds a NUL character at position 5. Remove it."),
        (9, "Last?", []),
    ]


def test_a_quote_that_never_closes_is_given_up_at_the_limit(read):
    content = "prompt\n" + '"' + "x\n" * 9_000 + "Last?\n"
    records = summarise(read(content, ImportFormat.CSV))
    assert records[0] == (2, "A quote opens in this row and does not close. Close it, or write it twice inside a cell.")
    assert records[-1] == (9_002, "Last?", [])
    assert len(records) == 9_001


def test_a_cell_beyond_the_reader_is_refused(read):
    limits = ImportLimits(max_text_chars=10**6)
    content = "prompt\n" + "x" * 200_000 + "\nLast?\n"
    assert summarise(read(content, ImportFormat.CSV, limits)) == [
        (2, "A cell is longer than 131,072 characters. Shorten it."),
        (3, "Last?", []),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "The file is empty. Its first row names the columns, prompt among them."),
        ("text,language\na,en\n", 'There is no column "prompt". Name the columns in the first row.'),
        ("prompt,prompt\na,b\n", 'The column "prompt" stands twice. Keep one.'),
        (
            "prompt,langauge\na,en\n",
            (
                'The column "langauge" is not known. Known columns: prompt, language, topic, difficulty, tags, external_id, candidate, '
                "generator, candidate_1, generator_1, candidate_2, … Rename or remove it."
            ),
        ),
        ("prompt,generator_2\na,b\n", 'The column "generator_2" has no column "candidate_2" beside it.'),
        (b"prompt,\xff\n", "The header is not valid UTF-8. Save the file in UTF-8."),
    ],
)
def test_a_header_that_makes_no_items_is_refused(read, content, reason):
    with pytest.raises(RefusedFile) as refusal:
        read(content, ImportFormat.CSV)
    assert str(refusal.value) == reason


cells = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=30)


@given(st.lists(st.tuples(cells, cells), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_whatever_csv_writes_is_read_back(tmp_path_factory, rows, separator):
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["prompt", "candidate"])
    writer.writerows(rows)
    path.write_bytes(written.getvalue().encode())
    expected = []
    for prompt, candidate in rows:
        item = {"prompt": prompt or None} | ({"candidates": [{"text": candidate}]} if candidate else {})
        if prompt.strip() or candidate.strip():
            expected.append(parse_item(item, 0, LIMITS))
    read = list(open_import(path, ImportFormat.CSV, LIMITS))
    assert [getattr(record, "text", None) for record in read] == [getattr(record, "text", None) for record in expected]
    assert [getattr(record, "candidates", None) for record in read] == [
        getattr(record, "candidates", None) for record in expected
    ]


def write_parquet(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_parquet_rows_are_items_nested_or_flat(tmp_path):
    nested = write_parquet(
        tmp_path / "nested.parquet",
        {
            "prompt": ["Why?", None, "Who?"],
            "language": ["en", "en", None],
            "candidates": [
                [{"text": "a", "generator": "g", "human": None}, {"text": "b", "generator": None, "human": True}],
                [],
                None,
            ],
        },
    )
    assert summarise(open_import(nested, ImportFormat.PARQUET, LIMITS)) == [
        (1, "Why?", [("a", "g"), ("b", None)]),
        (2, 'The key "prompt" is missing. Write {"prompt": "…"}.'),
        (3, "Who?", []),
    ]
    flat = write_parquet(
        tmp_path / "flat.parquet",
        {"prompt": ["Why?"], "candidate_1": ["a"], "generator_1": ["g"], "candidate_2": [None]},
    )
    assert summarise(open_import(flat, ImportFormat.PARQUET, LIMITS)) == [(1, "Why?", [("a", "g")])]


def test_parquet_of_many_row_groups_is_read_in_order(tmp_path):
    path = write_parquet(
        tmp_path / "many.parquet", {"prompt": [f"Prompt {n}?" for n in range(1_000)]}, row_group_size=70
    )
    records = list(open_import(path, ImportFormat.PARQUET, LIMITS))
    assert [record.text for record in records] == [f"Prompt {n}?" for n in range(1_000)]
    assert [record.line for record in records] == list(range(1, 1_001))


def test_a_huge_text_repeated_in_parquet_is_refused_row_by_row(tmp_path):
    path = write_parquet(
        tmp_path / "bomb.parquet",
        {"prompt": ["x" * 100_000] * 500 + ["Last?"], "candidates": [[{"text": "y" * 100_000}]] * 500 + [None]},
    )
    assert path.stat().st_size < 100_000
    records = list(open_import(path, ImportFormat.PARQUET, LIMITS))
    assert {record.reason for record in records[:-1]} == {"A text has more than 1,000 characters. Shorten it."}
    assert summarise(records[-1:]) == [(501, "Last?", [])]


def test_parquet_text_that_is_no_utf8_costs_its_row_alone(tmp_path):
    column = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(bytes([0, 0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0])), pa.py_buffer(b"\xff\xfeWho?")]
    )
    path = write_parquet(tmp_path / "broken.parquet", {"prompt": column})
    assert summarise(open_import(path, ImportFormat.PARQUET, LIMITS)) == [
        (1, "A text is not valid UTF-8. Write it again as UTF-8."),
        (2, "Who?", []),
    ]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"text": ["a"]}, 'The column "text" is not known.'),
        ({"prompt": [1]}, 'The column "prompt" must hold text, not int64.'),
        ({"prompt": ["a"], "candidates": [["b"]]}, 'The column "candidates" must be a list of structs'),
        ({"prompt": ["a"], "candidates": [[{"text": 1}]]}, 'The field "text" of a candidate cannot be int64.'),
        ({"prompt": ["a"], "candidates": [[{"text": "b", "rating": 1}]]}, 'A candidate has an unknown field "rating".'),
        ({"prompt": ["a"], "candidates": [[{"text": "b"}] * 5]}, "Row group 1 has more than 4 candidates a row."),
    ],
)
def test_parquet_columns_that_make_no_items_are_refused(tmp_path, columns, reason):
    path = write_parquet(tmp_path / "wrong.parquet", columns)
    with pytest.raises(RefusedFile) as refusal:
        list(open_import(path, ImportFormat.PARQUET, LIMITS))
    assert str(refusal.value).startswith(reason)


def test_parquet_that_unpacks_beyond_its_size_is_refused(tmp_path):
    path = write_parquet(
        tmp_path / "bomb.parquet",
        {"prompt": ["x" * 500_000 + str(n) for n in range(50)]},
        use_dictionary=False,
        compression="zstd",
    )
    limits = ImportLimits(ratio_from_bytes=1_000_000)
    with pytest.raises(RefusedFile, match="unpacks to more than 200 times its size"):
        list(open_import(path, ImportFormat.PARQUET, limits))
    with pytest.raises(RefusedFile, match="holds more than 1,000,000 bytes"):
        list(open_import(path, ImportFormat.PARQUET, ImportLimits(max_bytes=1_000_000)))


def test_parquet_that_repeats_one_short_text_without_end_is_refused(tmp_path):
    path = write_parquet(tmp_path / "rows.parquet", {"prompt": ["x"] * 2_000_000}, compression="zstd")
    assert path.stat().st_size < 20_000
    with pytest.raises(RefusedFile, match="unpacks to more than 200 times its size"):
        list(open_import(path, ImportFormat.PARQUET, ImportLimits(ratio_from_bytes=1_000_000)))


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1"]
)
def test_parquet_that_is_damaged_is_refused(read, content):
    with pytest.raises(
        RefusedFile, match=r"The Parquet file is damaged or of a kind that is not read: .* Write it again\."
    ):
        read(content, ImportFormat.PARQUET)


def test_the_rows_of_parquet_are_counted_before_they_are_read(tmp_path):
    path = write_parquet(tmp_path / "rows.parquet", {"prompt": ["a", "b", "c"]})
    assert count_rows(path, LIMITS) == 3
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RefusedFile, match="The Parquet file is damaged"):
        count_rows(path, LIMITS)


def find_reader(path):
    """The pid of the process that reads `path` for us."""
    mine = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children"
    children = [int(pid) for pid in Path(mine).read_text().split()]
    return next(pid for pid in children if str(path).encode() in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_when_the_reading_process_dies_the_file_is_refused(tmp_path):
    path = write_parquet(tmp_path / "long.parquet", {"prompt": [f"Prompt {n}? {'x' * 500}" for n in range(20_000)]})
    records = open_import(path, ImportFormat.PARQUET, LIMITS)
    assert next(records).text.startswith("Prompt 0?")
    os.kill(find_reader(path), signal.SIGKILL)
    with pytest.raises(RefusedFile, match="The Parquet file is damaged: reading it failed"):
        list(records)


def test_a_run_that_stops_early_leaves_no_process_behind(tmp_path):
    path = write_parquet(tmp_path / "long.parquet", {"prompt": [f"Prompt {n}? {'x' * 500}" for n in range(20_000)]})
    records = open_import(path, ImportFormat.PARQUET, LIMITS)
    next(records)
    reader = find_reader(path)
    records.close()
    assert not Path(f"/proc/{reader}").exists()


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_parquet_with_any_byte_changed_is_records_or_a_refusal(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("parquet")
    path = write_parquet(folder / "rows.parquet", {"prompt": ["Why?", "Who?"], "topic": ["a", None]})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    records = []
    with suppress(RefusedFile):
        records = list(open_import(path, ImportFormat.PARQUET, LIMITS))
    assert [record.line for record in records] == list(range(1, len(records) + 1))
