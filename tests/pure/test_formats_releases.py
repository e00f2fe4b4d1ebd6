"""The files of a release: the same bytes for the same records, and read back without glue."""

import gc
import gzip
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats import writers
from tasks.formats.card import format_card
from tasks.formats.manifest import format_manifest
from tasks.formats.parquet_schemas import SCHEMAS
from tasks.formats.pseudonyms import make_pseudonym
from tasks.formats.readers import detect_file, open_import
from tasks.formats.rows import format_time
from tasks.formats.samples import (
    SAMPLE_BALLOT,
    SAMPLE_GENERATOR,
    SAMPLE_LABELS,
    SAMPLE_PAIR,
    SAMPLE_TREE,
    sample_rows,
)
from tasks.formats.writers import TableWriter, list_writer_versions, write_file
from tasks.records.imports import ImportLimits
from tasks.records.quality import AgreementRecord
from tasks.records.released_generators import GenerationFacts, ReleasedGenerator
from tasks.records.releases import (
    AgreementLine,
    CoverageLine,
    PreferencePair,
    ReleaseCard,
    ReleasedBallot,
    ReleasedLabel,
    ReleasedOrigin,
    ReleasedTree,
    ReleaseManifest,
    StratumLine,
    WrittenFile,
)
from tasks.text.personal_data import count_personal_data
from tasks.vocabulary import (
    Answer,
    CannotTellReason,
    Coefficient,
    ImportFormat,
    Kind,
    OriginKind,
    Outcome,
    OutputTerms,
    PersonalDataKind,
    ReleaseTable,
)

CANNOT_TELL = replace(
    SAMPLE_BALLOT,
    judgment_id="ballot-02",
    outcome=Outcome.CANNOT_TELL,
    cannot_tell_reason=CannotTellReason.NEED_EXPERTISE,
    tiers=None,
    acceptable_tiers=None,
    rationale=None,
    active_seconds=None,
    topic=None,
    counted=False,
    asked_at_random=False,
)
RECORDS = {
    ReleaseTable.BALLOTS: [SAMPLE_BALLOT, CANNOT_TELL],
    ReleaseTable.LABELS: [SAMPLE_LABELS, replace(SAMPLE_LABELS, judgment_id="label-set-02", labels=())],
    ReleaseTable.TREES: [SAMPLE_TREE],
    ReleaseTable.PREFERENCE_PAIRS: [SAMPLE_PAIR],
    ReleaseTable.GENERATORS: [SAMPLE_GENERATOR],
}
HOSTILE = 'line\nend\u2028\u2029\x85 "quotes" \\ 👩‍👩‍👧 \ufeff'


def write_table(folder, table, records):
    folder.mkdir(exist_ok=True)
    with TableWriter(folder, table) as writer:
        for record in records:
            writer.write(record)
    return writer.files


def to_plain(value):
    """What pandas gives for a cell, as plain Python: arrays as lists, anything missing as None."""
    if hasattr(value, "tolist") and not isinstance(value, pd.Timestamp):
        value = value.tolist()
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: to_plain(item) for name, item in value.items()}
    if isinstance(value, pd.Timestamp):
        return format_time(value.to_pydatetime())
    return None if pd.isna(value) else value


def read_frame(path):
    read = pd.read_parquet if path.suffix == ".parquet" else lambda file: pd.read_json(file, lines=True)
    return [{name: to_plain(cell) for name, cell in row.items()} for row in read(path).to_dict("records")]


@pytest.mark.parametrize("table", list(ReleaseTable))
def test_both_files_say_what_was_written(tmp_path, table):
    jsonl, parquet = write_table(tmp_path, table, RECORDS[table])
    assert [file.name for file in (jsonl, parquet)] == [f"{table}.jsonl.gz", f"{table}.parquet"]
    for file in (jsonl, parquet):
        content = (tmp_path / file.name).read_bytes()
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert jsonl.rows == gzip.decompress((tmp_path / jsonl.name).read_bytes()).count(b"\n")
    assert parquet.rows == pq.ParquetFile(tmp_path / parquet.name).metadata.num_rows
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([jsonl.name, parquet.name])


@pytest.mark.parametrize("table", list(ReleaseTable))
def test_the_same_records_give_the_same_bytes(tmp_path, table):
    assert write_table(tmp_path / "a", table, RECORDS[table]) == write_table(tmp_path / "b", table, RECORDS[table])


@pytest.mark.parametrize("table", [table for table in ReleaseTable if table != "trees"])
def test_pandas_reads_the_same_rows_from_both_files(tmp_path, table):
    write_table(tmp_path, table, RECORDS[table])
    from_parquet, from_jsonl = (read_frame(tmp_path / f"{table}.{ending}") for ending in ("parquet", "jsonl.gz"))
    assert from_parquet == from_jsonl
    assert list(from_parquet[0]) == SCHEMAS[table].names


def test_a_ballot_that_could_not_tell_is_null_and_not_empty(tmp_path):
    write_table(tmp_path, ReleaseTable.BALLOTS, [CANNOT_TELL])
    (row,) = read_frame(tmp_path / "ballots.parquet")
    assert row == {
        "ballot_id": "ballot-02",
        "annotator_id": "annotator-01",
        "unit_id": "unit-01",
        "message_tree_id": "tree-01",
        "parent_id": "message-01",
        "kind": "rank",
        "outcome": "cannot_tell",
        "cannot_tell_reason": "need_expertise",
        "skip_reason": None,
        "tiers": None,
        "acceptable_tiers": None,
        "rest_worse": False,
        "much_better": None,
        "shown": ["message-03", "message-02"],
        "rationale": None,
        "active_seconds": None,
        "guideline_version": 1,
        "language": "en",
        "topic": None,
        "counted": False,
        "asked_at_random": False,
        "created_at": "2026-11-20T12:00:00.000000Z",
        "interface": "web",
        "personal_data": [],
    }


def test_a_label_that_was_skipped_is_none_and_zero_is_zero(tmp_path):
    labels = replace(
        SAMPLE_LABELS,
        labels=(
            ReleasedLabel("spam", Answer.GIVEN, 0.0),
            ReleasedLabel("humor", Answer.SKIPPED, None),
            ReleasedLabel("code", Answer.NOT_APPLICABLE, None),
        ),
    )
    write_table(tmp_path, ReleaseTable.LABELS, [labels])
    for name in ("labels.parquet", "labels.jsonl.gz"):
        assert [(row["dimension"], row["answer"], row["value"]) for row in read_frame(tmp_path / name)] == [
            ("spam", "given", 0.0),
            ("humor", "skipped", None),
            ("code", "not_applicable", None),
        ]


@pytest.mark.parametrize(("answer", "value"), [(Answer.GIVEN, None), (Answer.SKIPPED, 0.0)])
def test_a_label_has_a_value_exactly_when_it_was_given(answer, value):
    with pytest.raises(ValueError, match="exactly when"):
        ReleasedLabel("quality", answer, value)


def test_a_pair_has_the_columns_that_trl_reads(tmp_path):
    write_table(tmp_path, ReleaseTable.PREFERENCE_PAIRS, [SAMPLE_PAIR])
    (row,) = read_frame(tmp_path / "preference_pairs.parquet")
    assert {name: row[name] for name in ("prompt", "chosen", "rejected")} == {
        "prompt": [{"role": "user", "content": "Why is the sky blue?"}],
        "chosen": [{"role": "assistant", "content": "Air scatters blue light most."}],
        "rejected": [{"role": "assistant", "content": "Because of the sea."}],
    }


OPTIONAL = {
    "parent_id": "string",
    "user_id": "string",
    "created_date": "string",
    "lang": "string",
    "review_count": "integer",
    "review_result": "boolean",
    "deleted": "boolean",
    "rank": "integer",
    "synthetic": "boolean",
    "model_name": "string",
}
#: Open Assistant's `ExportMessageTree`, written from its field list; fields that it does not know pass.
OASST_SCHEMA = {
    "$defs": {
        "node": {
            "type": "object",
            "required": ["message_id", "text", "role"],
            "properties": {
                "message_id": {"type": "string"},
                "text": {"type": "string"},
                "role": {"enum": ["prompter", "assistant"]},
                **{name: {"type": [kind, "null"]} for name, kind in OPTIONAL.items()},
                "emojis": {"type": ["object", "null"], "additionalProperties": {"type": "integer"}},
                "replies": {"type": ["array", "null"], "items": {"$ref": "#/$defs/node"}},
                "labels": {
                    "type": ["object", "null"],
                    "additionalProperties": {
                        "type": "object",
                        "required": ["value", "count"],
                        "properties": {"value": {"type": ["number", "null"]}, "count": {"type": "integer"}},
                    },
                },
            },
        }
    },
    "type": "object",
    "required": ["message_tree_id"],
    "properties": {
        "message_tree_id": {"type": "string"},
        "tree_state": {"type": ["string", "null"]},
        "prompt": {"$ref": "#/$defs/node"},
        "origin": {"type": ["string", "null"]},
    },
}


def test_a_tree_fits_the_schema_of_open_assistant(tmp_path):
    write_table(tmp_path, ReleaseTable.TREES, [SAMPLE_TREE])
    (line,) = gzip.decompress((tmp_path / "trees.jsonl.gz").read_bytes()).splitlines()
    jsonschema.validate(json.loads(line), OASST_SCHEMA)


def test_a_released_tree_can_be_imported_again(tmp_path):
    write_table(tmp_path, ReleaseTable.TREES, [SAMPLE_TREE])
    path = tmp_path / "trees.jsonl.gz"
    assert detect_file(path) is ImportFormat.OASST_TREES
    (tree,) = open_import(path, ImportFormat.OASST_TREES, ImportLimits())
    assert (tree.external_id, tree.state, tree.message_count) == ("tree-01", "done", 3)
    assert [(m.external_id, m.text, m.generator, m.human, m.rank) for m in (tree.root, *tree.root.replies)] == [
        ("message-01", "Why is the sky blue?", None, True, None),
        ("message-02", "Air scatters blue light most.", None, True, 0),
        ("message-03", "Because of the sea.", "tiny-llama", False, 1),
    ]


def test_the_messages_of_a_tree_are_rows_with_parents_first(tmp_path):
    write_table(tmp_path, ReleaseTable.TREES, [SAMPLE_TREE])
    rows = read_frame(tmp_path / "trees.parquet")
    assert [(row["depth"], row["message_id"], row["parent_id"], row["rank"]) for row in rows] == [
        (0, "message-01", None, None),
        (1, "message-02", "message-01", 0),
        (1, "message-03", "message-01", 1),
    ]
    assert rows[0]["consensus"]["tiers"] == [["message-02"], ["message-03"]]
    assert rows[1]["labels"] == [
        {"name": "humor", "value": None, "count": 0},
        {"name": "quality", "value": 0.75, "count": 1},
    ]


def test_a_tree_far_deeper_than_any_conversation_is_written(tmp_path):
    message = SAMPLE_TREE.prompt.replies[1]
    for number in range(200):
        message = replace(message, message_id=f"message-{number}", replies=(message,))
    (jsonl, parquet) = write_table(tmp_path, ReleaseTable.TREES, [replace(SAMPLE_TREE, prompt=message)])
    assert (jsonl.rows, parquet.rows) == (1, 201)


@pytest.mark.parametrize(
    ("origins", "synthetic"),
    [
        ((), None),
        ((ReleasedOrigin(OriginKind.IMPORTED),), None),
        ((ReleasedOrigin(OriginKind.IMPORTED, "g"),), True),
        ((ReleasedOrigin(OriginKind.GENERATED, "g", human=False),), True),
        ((ReleasedOrigin(OriginKind.WRITTEN),), False),
        ((ReleasedOrigin(OriginKind.GENERATED, "g"), ReleasedOrigin(OriginKind.IMPORTED, human=True)), False),
    ],
)
def test_a_text_is_synthetic_when_only_generators_wrote_it(origins, synthetic):
    assert replace(SAMPLE_TREE.prompt, origins=origins).synthetic is synthetic


texts = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40) | st.just(HOSTILE)
EAST = timezone(timedelta(hours=5, minutes=30))
times = st.integers(0, 10**15).map(lambda micros: datetime(2000, 1, 1, tzinfo=EAST) + timedelta(microseconds=micros))


@given(st.lists(st.tuples(texts, times, st.floats(0, 1e6) | st.none(), st.booleans()), max_size=5))
def test_ballots_of_any_text_come_back_as_they_were(tmp_path_factory, drawn):
    ballots = [
        replace(
            SAMPLE_BALLOT,
            judgment_id=f"ballot-{n}",
            rationale=text,
            created_at=time,
            active_seconds=seconds,
            much_better=flag,
        )
        for n, (text, time, seconds, flag) in enumerate(drawn)
    ]
    folder = tmp_path_factory.mktemp("release")
    write_table(folder, ReleaseTable.BALLOTS, ballots)
    lines = gzip.decompress((folder / "ballots.jsonl.gz").read_bytes()).decode().splitlines()
    from_jsonl = [json.loads(line) for line in lines]
    from_parquet = pq.read_table(folder / "ballots.parquet").to_pylist()
    expected = [
        (
            ballot.judgment_id,
            ballot.rationale,
            ballot.active_seconds,
            ballot.much_better,
            format_time(ballot.created_at),
        )
        for ballot in ballots
    ]
    names = ("ballot_id", "rationale", "active_seconds", "much_better", "created_at")
    assert [tuple(row[name] for name in names) for row in from_jsonl] == expected
    assert [(*(row[name] for name in names[:-1]), format_time(row["created_at"])) for row in from_parquet] == expected


def test_an_empty_table_has_its_columns(tmp_path):
    for table in ReleaseTable:
        jsonl, parquet = write_table(tmp_path, table, [])
        assert (jsonl.rows, parquet.rows) == (0, 0)
        assert pd.read_parquet(tmp_path / parquet.name).columns.tolist() == SCHEMAS[table].names


def test_row_groups_are_cut_by_rows_and_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "ROW_GROUP_ROWS", 4)
    write_table(tmp_path, ReleaseTable.BALLOTS, [SAMPLE_BALLOT] * 10)
    metadata = pq.ParquetFile(tmp_path / "ballots.parquet").metadata
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [4, 4, 2]
    monkeypatch.setattr(writers, "ROW_GROUP_CHARS", 1)
    write_table(tmp_path, ReleaseTable.BALLOTS, [SAMPLE_BALLOT] * 3)
    assert pq.ParquetFile(tmp_path / "ballots.parquet").metadata.num_row_groups == 3


def test_a_block_that_fails_leaves_the_earlier_files_alone(tmp_path):
    before = write_table(tmp_path, ReleaseTable.BALLOTS, [SAMPLE_BALLOT])
    with pytest.raises(TypeError, match="The table ballots takes ReleasedBallot, not PreferencePair"):
        write_table(tmp_path, ReleaseTable.BALLOTS, [CANNOT_TELL, SAMPLE_PAIR])
    gc.collect()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ballots.jsonl.gz", "ballots.parquet"]
    assert write_table(tmp_path, ReleaseTable.BALLOTS, [SAMPLE_BALLOT]) == before


def test_a_number_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_table(tmp_path, ReleaseTable.BALLOTS, [replace(SAMPLE_BALLOT, active_seconds=float("nan"))])
    assert list(tmp_path.iterdir()) == []


def test_a_pseudonym_is_stable_in_a_release_and_unrelated_in_the_next():
    salt, other = b"a" * 32, b"b" * 32
    assert make_pseudonym("annotator", 17, salt=salt) == make_pseudonym("annotator", 17, salt=salt)
    assert re.fullmatch(r"annotator-[0-9a-f]{20}", make_pseudonym("annotator", 17, salt=salt))
    every = [make_pseudonym(kind, n, salt=s) for kind in ("annotator", "unit") for n in (17, 18) for s in (salt, other)]
    assert len({name.split("-")[1] for name in every}) == 8
    with pytest.raises(ValueError, match="at least 16"):
        make_pseudonym("annotator", 17, salt=b"short")


def make_manifest(files=(), **changes):
    manifest = ReleaseManifest(
        number=2,
        campaign="sky",
        title="Sky *and* sea",
        licence="CC-BY-4.0",
        frozen_at=datetime(2026, 11, 21, tzinfo=UTC),
        filters={"languages": ["en"]},
        counts={"ballots": 2, "label_sets": 0},
        personal_data=count_personal_data(["a@b.example"]),
        methods={"davidson": "1"} | list_writer_versions(),
        files=tuple(files),
        software="chorus 0.1.0",
    )
    return replace(manifest, **changes)


def make_card(manifest, **changes):
    card = ReleaseCard(
        manifest=manifest,
        purpose="Why\nis it <blue>?",
        languages={"en": 2, "pt-BR": 1},
        kinds=(Kind.RANK, Kind.LABEL),
        annotators=3,
        first_at=datetime(2026, 11, 1, tzinfo=UTC),
        last_at=datetime(2026, 11, 20, tzinfo=UTC),
        generators=(SAMPLE_GENERATOR,),
        guideline_versions=(1, 2),
        terms_versions=("2026-11",),
        agreement=(
            AgreementLine(
                Kind.RANK,
                None,
                None,
                AgreementRecord(
                    coefficient=Coefficient.KENDALL_TAU,
                    metric=None,
                    value=0.4321,
                    low=0.3,
                    high=0.55,
                    n_units=7,
                    n_judgments=21,
                    n_annotators=3,
                    reason=None,
                    resamples=1000,
                    seed=1,
                    method_version="1",
                ),
            ),
        ),
        strata=(StratumLine("en", None, 2, 10),),
        withdrawn=4,
    )
    return replace(card, **changes)


def front_matter(card):
    return yaml.safe_load(format_card(card).split("---\n")[1])


def test_the_manifest_names_every_file_with_its_checksum(tmp_path):
    files = [file for table in ReleaseTable for file in write_table(tmp_path, table, RECORDS[table])]
    card = write_file(tmp_path, "README.md", format_card(make_card(make_manifest(files))).encode())
    content = format_manifest(make_manifest([*files, card]))
    manifest = json.loads(content)
    assert [entry["name"] for entry in manifest["files"]] == sorted(path.name for path in tmp_path.iterdir())
    assert {entry["name"]: entry["sha256"] for entry in manifest["files"]} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()
    }
    assert (manifest["schema"], manifest["number"], manifest["frozen_at"]) == (
        "chorus-release/1",
        2,
        "2026-11-21T00:00:00.000000Z",
    )
    assert manifest["personal_data"]["email"] == 1
    assert content == format_manifest(make_manifest([card, *reversed(files)]))


def test_the_head_of_the_card_is_what_the_hub_reads(tmp_path):
    files = [file for table in ReleaseTable for file in write_table(tmp_path, table, RECORDS[table])]
    head = front_matter(make_card(make_manifest(files)))
    assert {
        name: head[name] for name in ("pretty_name", "license", "language", "language_bcp47", "multilinguality")
    } == {
        "pretty_name": "Sky *and* sea · release 2",
        "license": "cc-by-4.0",
        "language": ["en", "pt"],
        "language_bcp47": ["en", "pt-BR"],
        "multilinguality": ["multilingual"],
    }
    assert head["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in head["configs"]] == [
        "preference_pairs", "ballots", "labels", "trees", "generators",
    ]  # fmt: skip
    assert [config.get("default") for config in head["configs"]] == [True, None, None, None, None]
    for config in head["configs"]:
        (split,) = config["data_files"]
        assert len(pd.read_parquet(tmp_path / split["path"])) > 0


def test_a_table_without_rows_is_no_configuration(tmp_path):
    files = [
        *write_table(tmp_path, ReleaseTable.BALLOTS, []),
        *write_table(tmp_path, ReleaseTable.LABELS, [SAMPLE_LABELS]),
    ]
    head = front_matter(make_card(make_manifest(files), languages={"en": 1}))
    assert [(config["config_name"], config.get("default")) for config in head["configs"]] == [("labels", True)]
    assert "language_bcp47" not in head


@pytest.mark.parametrize(
    ("rows", "size"), [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**9, "100M<n<1B")]
)
def test_the_size_is_told_in_the_hub_s_words(rows, size):
    files = [WrittenFile("ballots.parquet", rows, 1, "0" * 64, ReleaseTable.BALLOTS)]
    assert front_matter(make_card(make_manifest(files)))["size_categories"] == [size]


def test_a_licence_that_the_hub_does_not_know_goes_by_name():
    head = front_matter(make_card(make_manifest(licence="Our Own Terms 2")))
    assert (head["license"], head["license_name"]) == ("other", "our-own-terms-2")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_a_title_of_any_text_stays_inside_its_field(title):
    manifest = make_manifest(title=title)
    assert front_matter(make_card(manifest))["pretty_name"] == f"{title} · release 2"
    body = format_card(make_card(manifest)).split("\n---\n\n", 1)[1]
    assert body.split("\n", 1)[0].endswith(", release 2")


def test_the_card_says_how_it_was_made(tmp_path):
    files = [file for table in ReleaseTable for file in write_table(tmp_path, table, RECORDS[table])]
    card = format_card(make_card(make_manifest(files)))
    for sentence in (
        "# Sky \\*and\\* sea, release 2",
        "Why is it \\<blue\\>?",
        "| rank | all | – | kendall_tau | 0.432 | 0.300 to 0.550 | 7 | 21 |",
        "| en | any | 2 | 10 |",
        "between 2026-11-01 and 2026-11-20",
        "- e-mail addresses: 1",
        "Withdrawn before this release, and not in it: 4.",
        "(terms: 2026-11)",
        f"| `ballots.parquet` | 2 | {files[1].bytes} | `{files[1].sha256}` |",
    ):
        assert sentence in card
    assert card == format_card(make_card(make_manifest(files)))


@pytest.mark.parametrize("table", list(ReleaseTable))
def test_the_sample_of_a_table_is_what_its_writer_writes(tmp_path, table):
    first = {table: records[0] for table, records in RECORDS.items()}
    write_table(tmp_path, table, [first[table]])
    lines = gzip.decompress((tmp_path / f"{table}.jsonl.gz").read_bytes()).splitlines()
    assert [json.loads(line) for line in lines] == list(sample_rows(table))


def test_every_kind_of_personal_data_is_named_on_the_card():
    card = format_card(make_card(make_manifest(personal_data=dict.fromkeys(PersonalDataKind, 7))))
    assert card.count(": 7\n") == len(PersonalDataKind)


def test_records_of_each_table_are_told_apart():
    assert [type(records[0]) for records in RECORDS.values()] == [
        ReleasedBallot,
        type(SAMPLE_LABELS),
        ReleasedTree,
        PreferencePair,
        ReleasedGenerator,
    ]


def test_how_a_text_was_made_stands_with_its_origin_in_both_files(tmp_path):
    facts = GenerationFacts(
        model="m",
        seed=2**63 - 1,
        effective_sampling={"top_p": 0.9, "max_tokens": 8},
        dropped_sampling=("min_p",),
        truncated_turns=2,
        truncated_tokens=310,
        more={"usage": {"prompt_tokens": 4}},
    )
    origins = (
        ReleasedOrigin(OriginKind.GENERATED, "tiny", False, facts),
        ReleasedOrigin(OriginKind.WRITTEN, human=True),
    )
    tree = replace(SAMPLE_TREE, prompt=replace(SAMPLE_TREE.prompt, origins=origins, replies=()))
    write_table(tmp_path, ReleaseTable.TREES, [tree])
    (line,) = gzip.decompress((tmp_path / "trees.jsonl.gz").read_bytes()).splitlines()
    (row,) = pq.read_table(tmp_path / "trees.parquet").to_pylist()
    told = json.loads(line)["prompt"]["origins"]
    assert told == row["origins"]
    silent = dict.fromkeys(
        ("revision", "engine", "engine_version", "dtype", "quantization", "batching", "prompt_format", "template_sha256",
         "finish_reason")
    )  # fmt: skip
    assert told == [
        {
            "kind": "generated",
            "generator": "tiny",
            "human": False,
            "generation": {
                **silent,
                "model": "m",
                "seed": 2**63 - 1,
                "effective_sampling": '{"max_tokens": 8, "top_p": 0.9}',
                "dropped_sampling": ["min_p"],
                "truncated_turns": 2,
                "truncated_tokens": 310,
                "more": '{"usage": {"prompt_tokens": 4}}',
            },
        },
        {"kind": "written", "generator": None, "human": True, "generation": None},
    ]


def test_the_card_names_models_with_their_terms_and_who_is_the_same():
    again = replace(
        SAMPLE_GENERATOR,
        name="tiny | fast",
        quantization="q4_0",
        licence="",
        output_terms=OutputTerms.NO_TRAINING,
        terms_url="https://m.example/terms",
        base_model="",
        texts=3,
        share=None,
    )
    card = format_card(make_card(make_manifest(), generators=(SAMPLE_GENERATOR, again), left_out=7))
    for line in (
        "| tiny-llama | TinyLlama/TinyLlama-1.1B-Chat-v1.0 | TinyLlama/TinyLlama-1.1B | Apache-2.0 | free for every use | 1 | 50.0% |",
        "| tiny \\| fast | TinyLlama/TinyLlama-1.1B-Chat-v1.0 q4\\_0 | – | not said | not for training other models (https://m.example/terms) | 3 | – |",
        "One model under several names, tinyllama-v1-1.1b-chat: tiny-llama, tiny \\| fast.",
        "Left out because of the terms of their models: 7. Ballots name them by id alone.",
    ):
        assert line in card
    assert "## Models" not in format_card(make_card(make_manifest(), generators=()))
    assert "Left out because of" not in format_card(make_card(make_manifest(), generators=(SAMPLE_GENERATOR,)))
    assert "Left out because of the terms of their models: 0." in format_card(
        make_card(make_manifest(), generators=(), left_out=0)
    )


def test_the_card_tells_what_was_covered_with_its_definition():
    parts = {"prompts": 0.5, "people": None, "facility": 0.25, "candidates": 1.0}
    weights = {"prompts": 0.5, "people": 0.2, "facility": 0.2, "candidates": 0.1}
    lines = (CoverageLine(None, 0.5, parts, weights), CoverageLine("sw", 0.25, parts, weights))
    card = format_card(make_card(make_manifest(), coverage=lines))
    assert "## Coverage" in card
    assert "(prompts 50 %, people 20 %, facility 20 %, candidates 10 %)" in card
    assert "| language | coverage | prompts | people | facility | candidates |" in card
    assert "| all | 0.500 | 0.500 | – | 0.250 | 1.000 |" in card
    assert "## Coverage" not in format_card(make_card(make_manifest()))
