"""The parts of a model's worker that need no model: threads that fit, loops, sampling, batches, and what a text comes to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.generation.batches import (
    BATCHES_TO_GROW,
    MEMORY_SHARE,
    MOST_WASTE,
    Limits,
    Size,
    count_cells,
    find_most_waste,
    plan_batch,
)
from tasks.generation.loops import LEAST_TOKENS, Loop, find_loop
from tasks.generation.outputs import Reading, read_output
from tasks.generation.samplings import DEFAULT_MAX_TOKENS, check_sampling, read_sampling, without
from tasks.generation.threads import Fitted, fit_thread
from tasks.records.generation import Turn
from tasks.records.local_models import RowEnd, Sampling
from tasks.vocabulary import GenerationOutcome, MessageRole

PROMPTER, ASSISTANT = MessageRole.PROMPTER, MessageRole.ASSISTANT


def make_thread(*lengths):
    return tuple(Turn((PROMPTER, ASSISTANT)[at % 2], "x" * length) for at, length in enumerate(lengths))


def fit(thread, room):
    """Written with a system prompt of three tokens."""
    return fit_thread(
        thread, write=lambda turns: "sys" + "".join(turn.text for turn in turns), count=len, room_tokens=room
    )


def test_a_thread_that_fits_stays_whole():
    assert fit(make_thread(5, 4, 3), 15) == Fitted("sys" + "x" * 12, 15, 0, 15)


@pytest.mark.parametrize(
    ("room", "left_out", "tokens"), [(31, 2, 28), (28, 2, 28), (27, 4, 18), (18, 4, 18), (17, 6, 8), (8, 6, 8)]
)
def test_the_oldest_turns_go_first_and_what_is_left_begins_with_a_prompter(room, left_out, tokens):
    thread = make_thread(5, 5, 5, 5, 5, 5, 5)
    fitted = fit(thread, room)
    assert (fitted.turns_left_out, fitted.tokens, fitted.tokens_left_out) == (left_out, tokens, 38 - tokens)
    assert thread[left_out].role == PROMPTER


def test_the_last_turn_stays_although_it_is_too_long():
    fitted = fit(make_thread(5, 5, 50), 20)
    assert (fitted.turns_left_out, fitted.tokens) == (2, 53)
    assert fit(make_thread(50), 20) == Fitted("sys" + "x" * 50, 53, 0, 53)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=15), st.integers(0, 200))
def test_no_more_turns_are_left_out_than_must_be(lengths, room):
    thread = make_thread(*lengths)
    fitted = fit(thread, room)
    starts = [0, *(at for at, turn in enumerate(thread) if at and turn.role == PROMPTER)]
    fits = [at for at in starts if 3 + sum(lengths[at:]) <= room]
    assert fitted.turns_left_out == (fits[0] if fits else starts[-1])


@pytest.mark.parametrize(
    ("tokens", "loop"),
    [
        ([7] * LEAST_TOKENS, Loop(1, LEAST_TOKENS)),
        ([7] * (LEAST_TOKENS - 1), None),
        ([*range(100), *[1, 2, 3] * 20], Loop(3, 20)),
        ([*range(100), *[1, 2, 3] * 20, 1, 2], Loop(3, 20)),
        ([*[1, 2, 3] * 20, 9], None),
        (list(range(20)) * 4, Loop(20, 4)),
        (list(range(20)) * 3, None),
        (list(range(150)) * 4, Loop(150, 4)),
        (list(range(200)) * 4, None),
        ([], None),
        (list(range(5000)), None),
    ],
)
def test_a_loop_is_the_same_piece_often_enough_and_for_long_enough(tokens, loop):
    assert find_loop(tokens) == loop


def test_sampling_is_read_in_the_words_of_openai_and_of_transformers():
    effective = read_sampling(
        {"temperature": 0.7, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "repetition_penalty": 1.1, "max_new_tokens": 64}
        | {"stop": ["END"], "presence_penalty": 0.5, "logprobs": True, "user": None},
        stop=("\nUser:", "END"),
        stop_ids=(5,),
    )
    assert effective.sampling == Sampling(0.7, 0.9, 40, 0.05, 1.1, 64, ("END", "\nUser:"), (5,))
    assert effective.dropped == ("logprobs", "presence_penalty")
    assert effective.record == {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "max_tokens": 64,
        "stop": ["END", "\nUser:"],
        "stop_ids": [5],
    }


def test_what_nobody_set_is_off_and_an_answer_has_a_length():
    assert read_sampling({}).sampling == Sampling(1.0, None, None, None, None, DEFAULT_MAX_TOKENS, (), ())
    assert read_sampling({}).dropped == ()
    off = read_sampling({"top_p": 1, "top_k": 0, "min_p": 0, "repetition_penalty": 1, "stop": "END"})
    assert off.sampling == Sampling(1.0, None, None, None, None, DEFAULT_MAX_TOKENS, ("END",), ())
    assert off.dropped == ()


def test_the_likeliest_token_needs_no_filters():
    effective = read_sampling({"temperature": 0, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "max_tokens": 5})
    assert effective.sampling == Sampling(0.0, None, None, None, None, 5, (), ())
    assert effective.dropped == ("min_p", "top_k", "top_p")


def test_a_length_is_said_once_and_no_longer_than_there_is_room():
    effective = read_sampling({"max_tokens": 100, "max_new_tokens": 50}, most_tokens=80)
    assert (effective.sampling.max_tokens, effective.dropped) == (80, ("max_new_tokens",))


def test_what_a_way_of_batching_does_not_follow_is_told():
    names = ("seed", "repetition_penalty", "min_p")
    effective = without(read_sampling({"min_p": 0.1, "foo": 1}), names)
    assert (effective.record["min_p"], effective.dropped) == (None, ("foo", "min_p", "seed"))
    assert without(read_sampling({"temperature": 0}), names).dropped == ()
    assert without(read_sampling({"min_p": 0.1}), ()).dropped == ()


@pytest.mark.parametrize(
    ("sampling", "problem"),
    [
        ({"temperature": 0.7, "top_k": -1, "max_tokens": 1, "stop": ["x"], "other": object()}, None),
        ({"temperature": None, "stop": None}, None),
        ({"temperature": "hot"}, "The generator's sampling sets temperature to 'hot'; it must be from 0 to 10."),
        ({"temperature": True}, "The generator's sampling sets temperature to True; it must be from 0 to 10."),
        ({"temperature": float("nan")}, "The generator's sampling sets temperature to nan; it must be from 0 to 10."),
        ({"top_p": 1.5}, "The generator's sampling sets top_p to 1.5; it must be from 0 to 1."),
        ({"top_k": 2.5}, "The generator's sampling sets top_k to 2.5; it must be from -1 to 1,000,000."),
        (
            {"repetition_penalty": 0},
            "The generator's sampling sets repetition_penalty to 0; it must be from 0.01 to 10.",
        ),
        ({"max_tokens": 0}, "The generator's sampling sets max_tokens to 0; it must be from 1 to 131,072."),
        ({"max_new_tokens": 1.5}, "The generator's sampling sets max_new_tokens to 1.5; it must be from 1 to 131,072."),
        ({"stop": [""]}, "The generator's sampling sets stop to something else than at most 16 texts."),
        ({"stop": 5}, "The generator's sampling sets stop to something else than at most 16 texts."),
        ({"stop": ["x"] * 17}, "The generator's sampling sets stop to something else than at most 16 texts."),
    ],
)
def test_sampling_that_cannot_be_followed_is_a_sentence(sampling, problem):
    assert check_sampling(sampling) == problem


SIZES = st.lists(st.builds(Size, st.integers(1, 2000), st.integers(1, 600)), min_size=1, max_size=40)


@settings(max_examples=300, deadline=None)
@given(SIZES, st.integers(1, 40), st.integers(1, 100_000))
def test_a_batch_has_the_first_row_and_keeps_its_bounds(sizes, rows, cells):
    places = plan_batch(sizes, most_rows=rows, most_cells=cells)
    chosen = [sizes[place] for place in places]
    assert 0 in places
    assert len(places) == len(set(places)) <= rows
    assert chosen == sorted(chosen, key=lambda size: size.prompt)
    if len(places) > 1:
        assert count_cells(chosen) <= cells
        assert count_cells(chosen) <= MOST_WASTE * sum(size.tokens for size in chosen)


def test_rows_of_like_length_go_together():
    sizes = [Size(length, 10) for length in (100, 10, 105, 12, 95, 11, 3000)]
    assert plan_batch(sizes, most_rows=3, most_cells=10_000) == [4, 0, 2]


def test_a_few_rows_of_different_length_still_share_a_batch():
    sizes = [Size(length, 512) for length in (20, 400, 100, 30)]
    assert plan_batch(sizes, most_rows=8, most_cells=100_000) == [0, 3, 2, 1]


def test_short_rows_are_not_padded_to_a_very_long_one():
    sizes = [Size(20, 32)] * 8 + [Size(4000, 32)]
    assert plan_batch(sizes, most_rows=16, most_cells=1_000_000) == list(range(8))


def test_on_an_accelerator_rows_of_unlike_length_share_a_batch():
    sizes = [Size(10, 16), *[Size(20, 256)] * 2, *[Size(200, 32)] * 5]
    apart = plan_batch(sizes, most_rows=16, most_cells=1_000_000, most_waste=find_most_waste("cpu"))
    together = plan_batch(sizes, most_rows=16, most_cells=1_000_000, most_waste=find_most_waste("cuda:0 (a GPU)"))
    assert len(apart) < len(together) == len(sizes)


def test_nothing_waits_nothing_is_planned():
    assert plan_batch([], most_rows=8, most_cells=100) == []


@settings(max_examples=100, deadline=None)
@given(SIZES, st.integers(1, 8))
def test_what_waits_behind_others_has_its_turn_after_as_many_batches_at_most(sizes, rows):
    """However many rows of other lengths keep coming."""
    waiting = list(enumerate(sizes))
    last = len(sizes) - 1
    for batch in range(len(sizes)):
        places = plan_batch([size for _, size in waiting], most_rows=rows, most_cells=10_000)
        if any(waiting[place][0] == last for place in places):
            break
        waiting = [one for place, one in enumerate(waiting) if place not in places]
        waiting += [(1000 + batch, Size(1, 1))] * rows
    else:
        pytest.fail("it was never answered")


def test_limits_are_halved_and_grow_back_slowly():
    limits = Limits(most_rows=32)
    free, each = 1000 * 1000, 10
    cells = int(free * MEMORY_SHARE / each)
    assert (limits.rows, limits.count_cells(free_bytes=free, bytes_per_token=each)) == (32, cells)
    limits.halve([Size(100, 100)] * 32)
    assert (limits.rows, limits.count_cells(free_bytes=free, bytes_per_token=each)) == (16, 3200)
    limits.halve([Size(100, 100)] * 16)
    assert (limits.rows, limits.count_cells(free_bytes=free, bytes_per_token=each)) == (8, 1600)
    grown = []
    for _ in range(8):
        for _ in range(BATCHES_TO_GROW):
            limits.note_success()
        grown.append((limits.rows, limits.count_cells(free_bytes=free, bytes_per_token=each)))
    assert grown == [(rows, int(1600 * 1.25 ** (at + 1))) for at, rows in enumerate((10, 12, 15, 18, 22, 27, 32))] + [
        (32, cells)
    ]


def test_a_single_row_may_always_be_tried():
    limits = Limits(most_rows=4)
    limits.halve([Size(1, 1)])
    assert (limits.rows, limits.count_cells(free_bytes=0, bytes_per_token=0)) == (1, 1)


def read(text, end=RowEnd.EOS, **changes):
    return read_output(text, **{"tokens": tuple(map(ord, text)), "end": end, "stop": (), **changes})


LIMIT = "The answer reached the length limit before its end. Raise max_tokens to get whole answers."
STORED, TRUNCATED = GenerationOutcome.STORED, GenerationOutcome.TRUNCATED


@pytest.mark.parametrize("end", [RowEnd.EOS, RowEnd.STOP])
def test_a_whole_answer_is_stored_without_blanks_around_it(end):
    assert read("  Blue.\r\nReally.\x00 \n", end) == Reading(STORED, "stop", text="Blue.\nReally.")


def test_an_answer_ends_before_the_first_stop_string():
    assert read("Blue.\nUser: And red?\nEND", RowEnd.LENGTH, stop=("END", "\nUser:", "")) == Reading(
        STORED, "stop", text="Blue."
    )
    assert read("Blue, as light scat", RowEnd.STOP, stop=("END",)) == Reading(
        STORED, "stop", text="Blue, as light scat"
    )


def test_an_answer_that_reached_its_limit_is_truncated_without_half_a_character():
    assert read("Bl\u00fc\ufffd\ufffd", RowEnd.LENGTH) == Reading(TRUNCATED, "length", text="Blü", reason=LIMIT)
    assert read("\ufffd", RowEnd.LENGTH) == Reading(TRUNCATED, "length", text=None, reason=LIMIT)
    assert read("what \ufffd", RowEnd.EOS).text == "what \ufffd"


def test_an_answer_that_repeats_itself_to_its_limit_is_looping():
    reason = "The model repeated itself without end. Raise its temperature, or set a repetition_penalty."
    assert read("No. " * 20, RowEnd.LENGTH) == Reading(GenerationOutcome.LOOPING, "length", reason=reason)
    assert read("No. ", RowEnd.LOOP) == Reading(GenerationOutcome.LOOPING, "loop", reason=reason)
    assert read("ha " * 40, RowEnd.EOS).outcome == STORED


def test_numbers_that_are_none_are_an_outcome():
    assert read("whatever", RowEnd.NOT_NUMBERS) == Reading(
        GenerationOutcome.NOT_NUMBERS,
        "not_numbers",
        reason="The model computed probabilities that are no numbers. Try another dtype, such as bfloat16 or float32.",
    )


def test_an_empty_answer_is_an_outcome():
    assert read(" \n") == Reading(GenerationOutcome.EMPTY, "stop", reason="The model answered with an empty text.")


def test_reasoning_is_kept_apart_from_the_answer():
    assert read("<think>\nBlue?\n</think>\n\nBlue.") == Reading(STORED, "stop", text="Blue.", reasoning="Blue?")
    assert read("Blue?</think>Blue.", open_tag="<think>") == Reading(STORED, "stop", text="Blue.", reasoning="Blue?")


def test_reasoning_without_an_answer_is_no_answer():
    assert read("<think>Blue?</think> ") == Reading(
        GenerationOutcome.EMPTY,
        "stop",
        reason="The model reasoned and then ended without an answer.",
        reasoning="Blue?",
    )
    assert read("<think>Blue, or", RowEnd.LENGTH) == Reading(
        TRUNCATED,
        "length",
        reason="The answer reached the length limit while the model was still reasoning. Raise max_tokens so that an answer can follow.",
        reasoning="Blue, or",
    )


def test_a_refusal_is_a_text_like_any_other_unless_it_is_not_wanted():
    text = "I'm sorry, but I can't help with that."
    assert read(text) == Reading(STORED, "stop", text=text, is_refusal=True)
    assert read(text, keep_refusals=False) == Reading(
        GenerationOutcome.DECLINED, "stop", reason=f"The model declined to answer: {text}", is_refusal=True
    )
