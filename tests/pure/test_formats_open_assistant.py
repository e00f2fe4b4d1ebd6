"""Open Assistant's trees, flat messages and sampling reports."""

import json
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats.readers import open_import
from tasks.formats.refusals import RefusedFile
from tasks.records.imports import BadLine, ImportedMessage, ImportLimits
from tasks.text.normalise import text_hash
from tasks.vocabulary import ImportFormat, MessageRole

LIMITS = ImportLimits(max_text_chars=1_000, max_candidates=8, max_tree_depth=6, max_tree_messages=12)
TREES, MESSAGES, REPORT = ImportFormat.OASST_TREES, ImportFormat.OASST_MESSAGES, ImportFormat.SAMPLING_REPORT


def node(name, *replies, role="prompter", **more):
    other = "assistant" if role == "prompter" else "prompter"
    return {
        "message_id": name,
        "text": f"Text of {name}.",
        "role": role,
        "replies": [reply if isinstance(reply, dict) else reply(role=other) for reply in replies],
        **more,
    }


def reply(name, *replies, **more):
    return lambda role: node(name, *replies, role=role, **more)


def tree(prompt, **more):
    return {"message_tree_id": prompt["message_id"], "tree_state": "ready_for_export", "prompt": prompt, **more}


def flatten(prompt, parent=None):
    """The messages of a nested prompt as Open Assistant writes them one by one."""
    fields = {key: value for key, value in prompt.items() if key != "replies"}
    return [
        fields | ({} if parent is None else {"parent_id": parent}),
        *(message for child in prompt["replies"] for message in flatten(child, prompt["message_id"])),
    ]


def outline(message):
    """A message as nested lists of ids."""
    return [message.external_id, *(outline(child) for child in message.replies)]


@pytest.fixture
def read(tmp_path):
    def read_records(records, file_format, limits=LIMITS):
        path = tmp_path / "import"
        content = records if isinstance(records, str) else "".join(json.dumps(record) + "\n" for record in records)
        path.write_text(content)
        return list(open_import(path, file_format, limits))

    return read_records


def reasons(records):
    return [(record.line, record.reason) for record in records if isinstance(record, BadLine)]


def test_a_message_keeps_what_its_source_says_of_it(read):
    told = {
        "user_id": "u-1",
        "lang": "pt-br",
        "synthetic": True,
        "model_name": "tiny",
        "rank": 0,
        "created_date": "2023-03-01T22:54:26.5+01:00",
        "emojis": {"+1": 2},
        "labels": {"quality": {"value": 0.5, "count": 2}},
        "a_later_version": [1],
    }
    (record,) = read([tree(node("p", reply("a", **told), synthetic=False))], TREES)
    assert (record.key, record.external_id, record.state, record.message_count, record.omitted) == (
        "id:p",
        "p",
        "ready_for_export",
        2,
        0,
    )
    assert (record.root.human, record.root.generator, record.root.role) == (True, None, MessageRole.PROMPTER)
    assert record.root.replies == (
        ImportedMessage(
            role=MessageRole.ASSISTANT,
            text="Text of a.",
            text_hash=text_hash("Text of a."),
            key="id:a",
            language="pt-BR",
            external_id="a",
            author="u-1",
            human=False,
            generator="tiny",
            rank=0,
            created_at=datetime(2023, 3, 1, 21, 54, 26, 500_000, tzinfo=UTC),
        ),
    )


def test_replies_stay_nested_and_in_order(read):
    prompt = node("p", reply("a", reply("a1"), reply("a2", reply("a2x"))), reply("b"), reply("c", reply("c1")))
    (record,) = read([tree(prompt)], TREES)
    assert outline(record.root) == ["p", ["a", ["a1"], ["a2", ["a2x"]]], ["b"], ["c", ["c1"]]]
    assert record.message_count == 8


def test_deleted_and_rejected_messages_go_with_all_under_them(read):
    prompt = node(
        "p",
        reply("a", reply("a1"), deleted=True),
        reply("b", reply("b1", review_result=False)),
        reply("c", deleted=False, review_result=True),
    )
    (record,) = read([tree(prompt)], TREES)
    assert outline(record.root) == ["p", ["b"], ["c"]]
    assert (record.message_count, record.omitted) == (3, 3)
    (from_messages,) = read(flatten(prompt), MESSAGES)
    assert (from_messages.root, from_messages.omitted) == (record.root, 3)


def test_a_tree_without_an_id_is_named_by_its_text(read):
    (record,) = read([{"prompt": {"text": "Why?", "role": "prompter"}}], TREES)
    assert record.key == f"sha256:{text_hash('Why?').hex()}"
    assert record.root.key.startswith("sha256:")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (5, "A tree must be an object, not a number."),
        ({}, 'The key "prompt" is missing. A tree is {"message_tree_id": "…", "prompt": {…}}.'),
        ({"prompt": "p"}, "A message must be an object, not a string."),
        (
            tree(node("p", deleted=True)),
            "The prompt was deleted or rejected at its source, so nothing of the tree is imported.",
        ),
        (
            tree(node("p", reply("a", text=" "))),
            'Message "a": The text is blank. Write something that can be read, or leave it out.',
        ),
        (tree(node("p", reply("a", text=None))), 'Message "a": the text must be a string, not null.'),
        (
            tree(node("p", role="assistant")),
            'Message "p" is a prompt, so its role must be "prompter", not "assistant".',
        ),
        (
            tree(node("p", node("a"))),
            'Message "a" is a reply to the prompter, so its role must be "assistant", not "prompter".',
        ),
        (
            tree(node("p", node("a", role="system"))),
            'Message "a": role must be "prompter" or "assistant", not "system".',
        ),
        (tree(node("p", reply("a"), reply("a"))), 'Message "a" stands twice in the tree. Keep one.'),
        (tree({**node("p"), "replies": {}}), "replies must be a list, not an object."),
        (tree({**node("p"), "replies": ["a"]}), "A message must be an object, not a string."),
        (tree(node("p", rank=-1)), 'Message "p": rank must be a whole number from 0 to 10,000, or null.'),
        (tree(node("p", synthetic="no")), 'Message "p": synthetic must be true or false, not a string.'),
        (
            tree(node("p", created_date="yesterday")),
            'Message "p": created_date must be a time such as 2023-03-01T22:54:26+00:00.',
        ),
        (
            tree(node("p", created_date="0001-01-01T00:00:00+23:59")),
            'Message "p": created_date must be a time such as 2023-03-01T22:54:26+00:00.',
        ),
        (
            tree(node("p", lang="english")),
            'language: "english" is not a language code. Write one such as "en", "de" or "pt-BR".',
        ),
        (tree(node("p", *(reply(f"a{n}") for n in range(12)))), "The tree has more than 12 messages. Split it."),
    ],
)
def test_a_tree_that_cannot_be_used_is_one_sentence_and_leaves_the_others(read, record, reason):
    first, *others = read([record, tree(node("q"))], TREES)
    assert first == BadLine(ordinal=1, line=1, reason=reason)
    assert [outline(other.root) for other in others] == [["q"]]


def nest(depth, role="prompter"):
    """A thread of `depth` messages as JSON text, made without recursion."""
    start = [
        f'{{"message_id": "m{n}", "text": "t", "role": "{("prompter", "assistant")[n % 2]}", "replies": ['
        for n in range(depth)
    ]
    return "".join(start) + "]}" * depth


@pytest.mark.parametrize(
    ("depth", "reason"),
    [
        (7, "The tree is deeper than 6 messages. Cut its longest threads."),
        (100, "The JSON nests deeper than 128 levels. Flatten it."),
        (100_000, "The JSON nests deeper than 128 levels. Flatten it."),
    ],
)
def test_a_tree_that_is_too_deep_is_refused(read, depth, reason):
    records = read(f'{{"prompt": {nest(depth)}}}\n{{"prompt": {nest(6)}}}\n', TREES)
    assert reasons(records) == [(1, reason)]
    assert records[1].message_count == 6


def test_trees_in_one_json_list_read_like_lines(read):
    assert [
        outline(record.root) for record in read(json.dumps([tree(node("p")), tree(node("q"))], indent=1), TREES)
    ] == [
        ["p"],
        ["q"],
    ]


@given(st.integers(0, 2**32))
def test_messages_in_any_order_make_the_same_trees(tmp_path_factory, seed):
    dice = random.Random(seed)
    prompts = [node("p", reply("a", reply("a1"), reply("a2")), reply("b")), node("q"), node("r", reply("c"))]
    messages = [message for prompt in prompts for message in flatten(prompt)]
    dice.shuffle(messages)
    path = tmp_path_factory.mktemp("messages") / "messages.jsonl"
    path.write_text("".join(json.dumps(message) + "\n" for message in messages))
    records = list(open_import(path, MESSAGES, LIMITS))
    trees = {record.external_id: sort_outline(outline(record.root)) for record in records}
    assert trees == {"p": ["p", ["a", ["a1"], ["a2"]], ["b"]], "q": ["q"], "r": ["r", ["c"]]}
    assert [record.line for record in records] == sorted(record.line for record in records)
    assert list(open_import(path, MESSAGES, LIMITS, after=1)) == records[1:]


def sort_outline(parts):
    return [parts[0], *sorted(sort_outline(part) for part in parts[1:])]


def test_messages_that_belong_to_no_tree_are_named(read):
    records = read(
        [
            {"message_id": "lost", "parent_id": "gone", "text": "t", "role": "assistant"},
            {"message_id": "x", "parent_id": "y", "text": "t", "role": "assistant"},
            {"message_id": "y", "parent_id": "x", "text": "t", "role": "prompter"},
            {"message_id": "p", "text": "t", "role": "prompter"},
            {"message_id": "p", "text": "t", "role": "prompter"},
            {"text": "t", "role": "prompter"},
            {"message_id": "z", "parent_id": "p", "text": "", "role": "assistant"},
        ],
        MESSAGES,
    )
    lost = "leads to no prompt: a message above it is not in the file, or could not be used. Send whole trees."
    assert [record.ordinal for record in records] == list(range(1, 8))
    assert reasons(records) == [
        (5, 'Message "p" stands already on line 4. Keep one.'),
        (6, 'The key "message_id" is missing. Messages are joined into trees by it and "parent_id".'),
        (7, 'Message "z": The text is blank. Write something that can be read, or leave it out.'),
        (1, f'Message "lost" {lost}'),
        (2, f'Message "x" {lost}'),
        (3, f'Message "y" {lost}'),
    ]
    assert [outline(record.root) for record in records if not isinstance(record, BadLine)] == [["p"]]


def test_a_tree_of_too_many_messages_is_one_sentence(read):
    records = read([*flatten(node("p", *(reply(f"a{n}") for n in range(12)))), *flatten(node("q"))], MESSAGES)
    assert reasons(records) == [(1, "The tree has more than 12 messages. Split it.")]
    assert outline(records[1].root) == ["q"]


def test_the_seed_data_of_open_assistant_reads_as_messages(read):
    records = read(
        json.dumps(
            [
                {
                    "task_message_id": "t1",
                    "user_message_id": "p",
                    "parent_message_id": None,
                    "text": "a",
                    "role": "prompter",
                },
                {
                    "task_message_id": "t2",
                    "user_message_id": "r",
                    "parent_message_id": "p",
                    "text": "b",
                    "role": "assistant",
                },
            ]
        ),
        MESSAGES,
    )
    assert [outline(record.root) for record in records] == [["p", ["r"]]]


def report(prompts, **more):
    return json.dumps({"model_name": "tiny", "prompts": prompts, **more})


def answers(*outputs, config="k50", **params):
    return {"sampling_config": config, "sampling_params": params, "outputs": list(outputs)}


def test_each_output_of_a_report_is_a_candidate_with_its_settings(read):
    records = read(
        report([{"prompt": "Why?", "results": [answers("a", "b", temperature=1.0), answers("c", config="greedy")]}]),
        REPORT,
    )
    (record,) = records
    assert (record.key, record.text) == (f"sha256:{text_hash('Why?').hex()}", "Why?")
    assert [(c.text, c.generator, c.human, c.sampling, c.sample_index) for c in record.candidates] == [
        ("a", "tiny", False, {"sampling_config": "k50", "temperature": 1.0}, 0),
        ("b", "tiny", False, {"sampling_config": "k50", "temperature": 1.0}, 1),
        ("c", "tiny", False, {"sampling_config": "greedy"}, 0),
    ]


def test_equal_outputs_of_one_setting_are_two_origins_of_one_text(read):
    (record,) = read(report([{"prompt": "Why?", "results": [answers("a", "a")]}]), REPORT)
    first, second = record.candidates
    assert first.text_hash == second.text_hash
    assert first.key != second.key


def test_the_name_of_the_model_may_stand_last(read):
    content = (
        '{"args": {"deep": [[]]}, "prompts": [{"prompt": "p", "results": [{"outputs": ["a"]}]}], "model_name": "tiny"}'
    )
    (record,) = read(content, REPORT)
    assert [(c.generator, c.sampling) for c in record.candidates] == [("tiny", None)]


def test_an_unusable_output_costs_itself_alone(read):
    records = read(
        report([{"prompt": "Why?", "results": [answers("a", " ", 5, "\x00")]}, 7, {"prompt": "Who?", "results": []}]),
        REPORT,
    )
    assert [record.ordinal for record in records] == [1, 2, 3, 4, 5, 6]
    assert reasons(records) == [
        (1, 'Output 2 of "k50": The text is blank. Write something that can be read, or leave it out.'),
        (1, 'Output 3 of "k50": the text must be a string, not a number.'),
        (1, 'Output 4 of "k50": The text holds a NUL character at position 1. Remove it.'),
        (2, "Each prompt must be an object, not a number."),
    ]
    assert [[c.text for c in record.candidates] for record in records if not isinstance(record, BadLine)] == [["a"], []]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"prompt": "p"}, "results must be a list, not null."),
        ({"prompt": 1, "results": []}, "Prompt: the text must be a string, not a number."),
        ({"prompt": "p", "results": ["a"]}, "Each result must be an object, not a string."),
        ({"prompt": "p", "results": [{"outputs": "a"}]}, "outputs must be a list, not a string."),
        (
            {"prompt": "p", "results": [{"outputs": [], "sampling_params": 1}]},
            "sampling_params must be an object, not a number.",
        ),
        (
            {"prompt": "p", "results": [answers(*"abcdefghi")]},
            "There are more than 8 outputs to one prompt. Split the report.",
        ),
    ],
)
def test_an_entry_that_cannot_be_used_is_one_sentence(read, entry, reason):
    assert reasons(read(report([entry]), REPORT)) == [(1, reason)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[]", 'A sampling report is one JSON object with "model_name" and "prompts".'),
        ('{"prompts": []}', 'The report names no model. Add "model_name": it becomes the origin of its outputs.'),
        (
            '{"model_name": " ", "prompts": []}',
            "model_name is blank. It becomes the origin of the report's outputs; write the model's name.",
        ),
        ('{"model_name": ["a"]}', "model_name must be a string, not a list."),
        ('{"model_name": "m"}', 'The report has no list "prompts", so there is nothing to import.'),
        ('{"model_name": "m", "prompts": [], "prompts": []}', 'The report has two lists "prompts". Keep one.'),
        ('{"model_name": "m", "prompts": []} {}', "There is more after the report's end. Send one report a file."),
        (
            '{"model_name": "m", "prompts": [{"prompt": "p"',
            'The file ends inside element 1 of "prompts". It was cut; send the whole file.',
        ),
        (
            '{"model_name": "m", "prompts": {}}',
            'The document is not valid JSON at "prompts": [ should stand where "{" is.',
        ),
        ('{"model_name" "m"}', 'The document is not valid JSON at key "model_name": : should stand where """ is.'),
        ("{1: 2}", "The document is not valid JSON: a key of the report is not a string."),
    ],
)
def test_a_report_that_cannot_be_read_is_refused(read, content, reason):
    with pytest.raises(RefusedFile) as refusal:
        read(content, REPORT)
    assert str(refusal.value) == reason


def test_a_prompt_with_too_many_bytes_is_passed_over(read):
    content = report([{"prompt": "x" * 5_000, "results": []}, {"prompt": "p", "results": []}])
    records = read(content, REPORT, ImportLimits(max_record_bytes=1_000))
    assert reasons(records) == [(1, "The prompt with its outputs is longer than 1,000 bytes. Split it.")]
    assert records[1].text == "p"
