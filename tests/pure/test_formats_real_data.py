"""Real files of Open Assistant, read as they are. They are not part of this repository."""

import os
from pathlib import Path

import pytest

from tasks.formats.readers import detect_file, open_import
from tasks.formats.refusals import RefusedFile
from tasks.records.imports import BadLine, ImportedPrompt, ImportedTree, ImportLimits
from tasks.text.personal_data import find_personal_data
from tasks.vocabulary import ImportFormat, PersonalDataKind

pytestmark = pytest.mark.real_data

REPORTS = ("sampling_pythia-1b-sft.json", "sampling_pythia-3b-sft.json", "sampling_pythia-12b-sft.json")


def read(name):
    path = Path(os.environ["CHORUS_REAL_DATA"], name)
    return detect_file(path), list(open_import(path, detect_file(path), ImportLimits()))


def list_messages(message):
    return [message, *(below for reply in message.replies for below in list_messages(reply))]


def test_a_hundred_trees_come_in_with_every_message():
    file_format, records = read("open-assistant/en_100_tree.jsonl")
    assert file_format is ImportFormat.OASST_TREES
    assert [type(record) for record in records] == [ImportedTree] * 100
    replies = [reply for record in records for reply in record.root.replies]
    messages = [message for record in records for message in list_messages(record.root)]
    assert (len(replies), sum(reply.human for reply in replies)) == (333, 316)
    assert len(messages) == sum(record.message_count for record in records) == 1_167
    assert (sum(record.omitted for record in records), {message.language for message in messages}) == (0, {"en"})
    assert len({record.key for record in records}) == len({record.root.text_hash for record in records}) == 100


@pytest.mark.parametrize("name", REPORTS)
def test_a_sampling_report_brings_seven_outputs_to_each_of_its_prompts(name):
    file_format, records = read(f"open-assistant/{name}")
    assert file_format is ImportFormat.SAMPLING_REPORT
    assert [(type(record), len(record.candidates)) for record in records] == [(ImportedPrompt, 7)] * 100
    assert len({candidate.generator for record in records for candidate in record.candidates}) == 1
    assert len({(record.key, candidate.key) for record in records for candidate in record.candidates}) == 700


def test_trees_and_reports_meet_at_the_same_prompts():
    _, trees = read("open-assistant/en_100_tree.jsonl")
    parents = {record.root.text_hash: [reply.text_hash for reply in record.root.replies] for record in trees}
    for name in REPORTS:
        for record in read(f"open-assistant/{name}")[1]:
            parents[record.text_hash] += [candidate.text_hash for candidate in record.candidates]
    repeats = [len(hashes) - len(set(hashes)) for hashes in parents.values()]
    counts = [len(hashes) for hashes in parents.values()]
    assert (len(parents), min(counts), max(counts)) == (100, 23, 30)
    assert (sum(repeats), sum(count > 0 for count in repeats)) == (217, 69)


def test_the_prompts_of_volunteers_come_in_one_a_line():
    file_format, records = read("open-assistant/prompt_lottery_en_250_text.jsonl")
    assert file_format is ImportFormat.JSONL
    assert [type(record) for record in records] == [ImportedPrompt] * 250
    assert len({record.key for record in records}) == 250


def test_flat_seed_messages_come_in_as_trees_but_for_two_whose_roles_do_not_alternate():
    file_format, records = read("open-assistant/realistic_seed_data.json")
    assert file_format is ImportFormat.OASST_MESSAGES
    trees = [record for record in records if isinstance(record, ImportedTree)]
    assert (len(trees), sum(tree.message_count for tree in trees)) == (72, 422)
    assert [(record.line, record.reason) for record in records if isinstance(record, BadLine)] == [
        (line, f'Message "{name}" is a reply to the assistant, so its role must be "prompter", not "assistant".')
        for line, name in ((151, "iwe88z5h"), (183, "d5z4582h"))
    ]


def test_a_table_of_comparisons_is_not_taken_for_prompts():
    with pytest.raises(RefusedFile, match='The column "id" is not known'):
        read("llmfao/crowd-comparisons.csv")


def test_real_prompts_hold_hardly_any_false_personal_data():
    _, records = read("open-assistant/prompt_lottery_en_250_text.jsonl")
    assert [span.kind for record in records for span in find_personal_data(record.text)] == []
    assert PersonalDataKind.EMAIL not in {
        span.kind
        for record in read("open-assistant/en_100_tree.jsonl")[1]
        for span in find_personal_data(record.root.text)
    }
