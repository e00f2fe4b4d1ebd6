"""Reading answers, pauses and back-offs: the parts that need no server."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.answers import (
    BROKEN_OFF,
    ONLY_REASONING,
    TOO_SHORT,
    Answer,
    clean_text,
    find_error_message,
    read_answer,
    shorten,
)
from tasks.generation.retries import draw_backoff_seconds, read_retry_after_seconds
from tasks.vocabulary import GenerationOutcome

NOW = 1_794_225_600.0  # Mon, 09 Nov 2026 12:00:00 GMT

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "error", "finish_reason", "type", "text", "usage"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def make_body(message, **changes):
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}], **changes}).encode()


@given(st.binary(max_size=200))
def test_read_answer_makes_something_of_any_bytes(body):
    assert isinstance(read_answer(body), Answer)


@given(JSON)
def test_read_answer_makes_something_of_any_json(data):
    answer = read_answer(json.dumps(data).encode())
    assert (answer.outcome == GenerationOutcome.STORED) == bool(answer.text and answer.reason is None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API."),
        (b"\xff\xfe\xfd", "The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API."),
        (b"[" * 100_000, "The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API."),
        (b"9" * 10_000, "The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API."),
        (b"[]", "The server's answer is JSON, but not an object with choices."),
        (b"{}", "The server's answer has no choices."),
        (b'{"choices": []}', "The server's answer has no choices."),
        (b'{"choices": [null]}', "The server's answer has no choices."),
        (b'{"choices": [{}]}', "The server's answer has a choice without a message."),
        (
            b'{"choices": [{"message": {"content": 5}}]}',
            "The server's answer has a message whose content is not text.",
        ),
    ],
)
def test_read_answer_of_a_wrong_shape_says_what_is_wrong(body, reason):
    assert read_answer(body) == Answer(GenerationOutcome.BAD_ANSWER, reason=reason)


def test_read_answer_of_an_error_with_status_200_is_a_refusal():
    assert read_answer(b'{"error": {"message": "model not loaded"}}') == Answer(
        GenerationOutcome.REFUSED_BY_SERVER,
        reason="The server answered with an error: model not loaded",
    )


def test_read_answer_joins_parts_of_text():
    parts = [{"type": "text", "text": "Hello "}, {"type": "image"}, {"type": "text", "text": "you"}]
    assert read_answer(make_body({"content": parts})).text == "Hello you"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<think>It is 4.</think>\n\nFour.", "Four."),
        ("\n<think>\nline\nline</think>Four.", "Four."),
        ("The tag <think> is used like this: <think>x</think>", "The tag <think> is used like this: <think>x</think>"),
    ],
)
def test_read_answer_takes_the_reasoning_before_an_answer_off_it(content, text):
    assert read_answer(make_body({"content": content})).text == text


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "<think>It is 4.</think>\n\nFour."}, "Four.", "It is 4."),
        ({"content": "<THINKING>a</THINKING>\n<think>b</think>Four."}, "Four.", "a\n\nb"),
        ({"content": "It is 4.\n</think>\n\nFour."}, "Four.", "It is 4."),
        ({"content": "It is 4.</think>\n\nFour."}, "Four.", "It is 4."),
        ({"content": "</think>\n\nFour."}, "Four.", None),
        ({"content": "Write </think> where your notes end."}, "Write </think> where your notes end.", None),
        ({"content": "[THINK]It is 4.[/THINK]Four."}, "Four.", "It is 4."),
        (
            {
                "content": "<|channel|>analysis<|message|>It is 4.<|end|><|start|>assistant<|channel|>final<|message|>Four."
            },
            "Four.",
            "It is 4.",
        ),
        ({"content": "Four.", "reasoning": "It is 4."}, "Four.", "It is 4."),
        ({"content": "Four.", "reasoning_content": "It is 4."}, "Four.", "It is 4."),
        ({"content": "Four.", "reasoning": "It is 4.", "reasoning_content": "It is 4."}, "Four.", "It is 4."),
        ({"content": "Four.", "reasoning": None, "reasoning_content": 5}, "Four.", None),
        (
            {"content": [{"type": "thinking", "thinking": "It is 4."}, {"type": "text", "text": "Four."}]},
            "Four.",
            "It is 4.",
        ),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "It is 4."}]},
                    {"type": "text", "text": "Four."},
                ]
            },
            "Four.",
            "It is 4.",
        ),
        (
            {"content": [{"type": "reasoning", "text": "It is 4."}, {"type": "text", "text": "Four."}]},
            "Four.",
            "It is 4.",
        ),
    ],
)
def test_what_a_model_tells_itself_is_kept_apart_from_its_text(message, text, reasoning):
    answer = read_answer(make_body(message))
    assert (answer.outcome, answer.text, answer.reasoning) == (GenerationOutcome.STORED, text, reasoning)


@pytest.mark.parametrize(
    ("message", "finish_reason", "outcome", "reason"),
    [
        ({"content": "<think>I never stop"}, "length", GenerationOutcome.TRUNCATED, ONLY_REASONING),
        ({"content": None, "reasoning": "I never stop"}, "length", GenerationOutcome.TRUNCATED, ONLY_REASONING),
        ({"content": "Half an"}, "length", GenerationOutcome.TRUNCATED, TOO_SHORT),
        (
            {"content": "<think>Done</think>"},
            "stop",
            GenerationOutcome.EMPTY,
            "The model reasoned and then ended without an answer.",
        ),
        ({"content": " "}, "stop", GenerationOutcome.EMPTY, "The model answered with an empty text."),
    ],
)
def test_reasoning_without_an_answer_says_what_was_missing(message, finish_reason, outcome, reason):
    body = json.dumps({"choices": [{"message": message, "finish_reason": finish_reason}]}).encode()
    answer = read_answer(body)
    assert (answer.outcome, answer.reason) == (outcome, reason)
    assert answer.text == ("Half an" if reason == TOO_SHORT else None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"message": "out of luck", "code": 502}, GenerationOutcome.SERVER_ERROR),
        ({"message": "out of luck", "code": "503"}, GenerationOutcome.SERVER_ERROR),
        ({"message": "out of luck", "status": 429}, GenerationOutcome.RATE_LIMITED),
        ({"message": "out of luck", "code": 400}, GenerationOutcome.REFUSED_BY_SERVER),
        ({"message": "out of luck", "code": "model_not_found"}, GenerationOutcome.REFUSED_BY_SERVER),
        ("out of luck", GenerationOutcome.REFUSED_BY_SERVER),
    ],
)
def test_an_error_with_status_200_is_what_its_own_code_says(error, outcome):
    assert read_answer(json.dumps({"error": error}).encode()) == Answer(
        outcome, reason="The server answered with an error: out of luck"
    )


@pytest.mark.parametrize("odd", [[], {}, 5, True])
def test_odd_values_at_known_places_are_passed_over(odd):
    choice = {"message": {"content": [{"type": odd}, {"type": "text", "text": "Hi"}]}, "finish_reason": odd}
    body = {"choices": [choice], "model": odd, "usage": odd, "system_fingerprint": odd}
    assert read_answer(json.dumps(body).encode()).text == "Hi"


def test_an_error_within_a_choice_is_a_failure():
    choice = {"message": {"content": "Hal"}, "finish_reason": "error", "error": {"message": "upstream died"}}
    answer = read_answer(json.dumps({"choices": [choice]}).encode())
    assert (answer.outcome, answer.text) == (GenerationOutcome.SERVER_ERROR, None)
    assert answer.reason == "The server answered with an error: upstream died"


@pytest.mark.parametrize(
    "body", [b"", b"  ", b'{"choices": [{"message": {"content": "ha', b": ping\n\n", b'data: {"choices": []}']
)
def test_an_answer_that_breaks_off_is_a_failure(body):
    assert read_answer(body) == Answer(GenerationOutcome.SERVER_ERROR, reason=BROKEN_OFF)


def test_a_text_that_is_no_json_is_told():
    assert read_answer(b"Internal Server Error").reason == (
        "The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API. It said: Internal Server "
        "Error"
    )


@pytest.mark.parametrize(
    "body",
    [
        (
            b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'
            b'data: {"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}\n'
        ),
        b': hi\n\nevent: message\ndata: {"choices": [{"text": "Hello"}]}\n\ndata: [DONE]\n\n',
        b'data: {"choices":\ndata: [{"delta": {"content": "Hello"}}]}\n\ndata: [DONE]',
        b': ping\n: ping\n{"choices": [{"message": {"content": "Hello"}}]}',
    ],
)
def test_a_stream_that_nobody_asked_for_is_put_together(body):
    answer = read_answer(body)
    assert (answer.outcome, answer.text) == (GenerationOutcome.STORED, "Hello")


PIECES = [b"data: ", b"\n", b"[DONE]", b'{"choices": [{"delta": {"content": "x"}}]}', b": ", b"{", b"[]"]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_pieces_of_streams_in_any_order_make_an_answer(pieces):
    assert isinstance(read_answer(b"".join(pieces)), Answer)


def test_read_answer_of_a_tool_call_is_empty():
    assert read_answer(make_body({"content": None, "tool_calls": []})).outcome == GenerationOutcome.EMPTY


@pytest.mark.parametrize("more", [{"tool_calls": [{"id": "1"}]}, {"function_call": {"name": "x"}}])
def test_a_call_of_a_tool_is_no_answer(more):
    answer = read_answer(make_body({"content": "Let me look.", **more}))
    assert (answer.outcome, answer.text) == (GenerationOutcome.BAD_ANSWER, None)
    assert answer.reason == "The model called a tool instead of answering, and none was offered to it."


def test_a_completion_without_messages_is_its_text():
    body = json.dumps({"choices": [{"text": " Four.", "finish_reason": "stop"}]}).encode()
    assert read_answer(body).text == "Four."


def test_read_answer_of_a_refusal_carries_its_words():
    assert read_answer(make_body({"content": None, "refusal": "I cannot help."})) == Answer(
        GenerationOutcome.DECLINED,
        reason="The model declined to answer: I cannot help.",
        finish_reason="stop",
    )


def test_read_answer_held_back_by_a_filter_has_no_text():
    body = json.dumps({"choices": [{"message": {"content": "half"}, "finish_reason": "content_filter"}]})
    assert read_answer(body.encode()) == Answer(
        GenerationOutcome.REFUSED_BY_SERVER,
        reason="The server's content filter held the answer back.",
        finish_reason="content_filter",
    )


def test_read_answer_keeps_only_counts_of_the_usage():
    usage = {"prompt_tokens": 5, "completion_tokens": -1, "total_tokens": True, "price": 3}
    assert read_answer(make_body({"content": "x"}, usage=usage)).usage == {"prompt_tokens": 5}


def test_clean_text_makes_a_text_that_a_database_takes():
    assert clean_text("a\x00b\r\nc\rd\ud83d\ude00e\ud800f") == "ab\nc\nd😀e\ufffdf"


@given(st.text(alphabet=st.characters(), max_size=50))
def test_clean_text_is_always_utf_8(text):
    assert "\x00" not in clean_text(text).encode().decode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"error": {"message": "no"}}, "no"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"detail": [{"loc": []}]}, None),
        ({"error": None}, None),
        ("no", None),
    ],
)
def test_find_error_message_knows_the_shapes_of_servers(data, message):
    assert find_error_message(data) == message


def test_shorten_makes_one_line_of_printable_characters():
    assert shorten("a\n b\x1b[31m\tc" + "d" * 400, limit=12) == "a b[31m cdd…"


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        (None, None, None),
        ("0", None, 0.0),
        (" 17 ", None, 17.0),
        ("-5", None, None),
        ("soon", None, None),
        ("1.5", None, None),
        ("999999999", None, 3600.0),
        ("9" * 40, None, 3600.0),
        ("Mon, 09 Nov 2026 12:00:30 GMT", None, 30.0),
        ("Mon, 09 Nov 2026 11:00:00 GMT", None, 0.0),
        ("Mon, 09 Nov 2026 12:00:30 GMT", "Mon, 09 Nov 2026 12:00:10 GMT", 20.0),
        ("Mon, 09 Nov 2026 12:00:30 GMT", "yesterday", 30.0),
        ("Mon, 99 Nov 2026 12:00:30 GMT", None, None),
    ],
)
def test_read_retry_after_gives_seconds_from_now(value, date, seconds):
    assert read_retry_after_seconds(value, date=date, now=NOW) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_read_retry_after_of_anything_is_in_range_or_none(value, date):
    seconds = read_retry_after_seconds(value, date=date, now=NOW)
    assert seconds is None or 0 <= seconds <= 3600


@given(st.integers(1, 2000), st.integers(0, 1000))
def test_draw_backoff_stays_within_its_doubling_bound(failures, seed):
    pause = draw_backoff_seconds(failures=failures, rng=random.Random(seed))
    assert 0 <= pause <= min(20.0, 0.5 * 2 ** min(failures - 1, 16))
