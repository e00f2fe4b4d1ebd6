"""The breaker and the bucket of a server, as arithmetic: states in, states out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.breaker import (
    FAILURES_TO_OPEN,
    FIRST_OPEN_SECONDS,
    LONGEST_OPEN_SECONDS,
    ServerState,
    admit,
    count_open_seconds,
    find_pause,
    record,
)
from tasks.generation.bucket import Level, count_seconds_to_token, fill, find_capacity
from tasks.vocabulary import GenerationOutcome

NOW = 1_800_000_000.0
FAILED = GenerationOutcome.SERVER_ERROR
ANSWERED = GenerationOutcome.STORED


def fail(state, *, times, now=NOW, pause=None) -> ServerState:
    for _ in range(times):
        state = record(state, outcome=FAILED, pause_seconds=pause, now=now)
    return state


def test_failures_in_a_row_open_it_and_fewer_do_not():
    nearly = fail(ServerState(), times=FAILURES_TO_OPEN - 1)
    assert find_pause(nearly, now=NOW) is None
    opened = fail(nearly, times=1)
    pause = find_pause(opened, now=NOW)
    assert (pause.seconds, pause.outcome, pause.reason) == (
        FIRST_OPEN_SECONDS,
        GenerationOutcome.UNREACHABLE,
        "The server failed 5 times in a row and is left alone for 15 seconds.",
    )


def test_an_answer_in_between_starts_the_count_anew():
    state = record(
        fail(ServerState(), times=4), outcome=GenerationOutcome.REFUSED_BY_SERVER, pause_seconds=None, now=NOW
    )
    assert (state.failures, find_pause(fail(state, times=4), now=NOW)) == (0, None)


def test_after_its_time_one_request_tries_it_and_the_others_wait():
    opened = fail(ServerState(), times=FAILURES_TO_OPEN)
    later = NOW + FIRST_OPEN_SECONDS
    trying, pause = admit(opened, now=later, per_minute=None, try_seconds=60.0)
    assert pause is None
    again, waits = admit(trying, now=later + 1, per_minute=None, try_seconds=60.0)
    assert (again, waits.seconds) == (trying, 59.0)


def test_the_one_that_tries_closes_it_or_opens_it_for_longer():
    opened = fail(ServerState(), times=FAILURES_TO_OPEN)
    later = NOW + FIRST_OPEN_SECONDS
    trying, _ = admit(opened, now=later, per_minute=None, try_seconds=60.0)
    assert record(trying, outcome=ANSWERED, pause_seconds=None, now=later) == ServerState()
    worse = record(trying, outcome=FAILED, pause_seconds=None, now=later + 9, is_try=True)
    assert find_pause(worse, now=later + 9).seconds == 2 * FIRST_OPEN_SECONDS


def test_requests_that_were_under_way_when_it_opened_do_not_open_it_for_longer():
    opened = fail(ServerState(), times=FAILURES_TO_OPEN)
    assert fail(opened, times=30, now=NOW + 1) == opened
    assert find_pause(fail(opened, times=1, pause=60.0), now=NOW).seconds == 60.0


def test_whoever_tries_and_is_never_heard_of_again_leaves_the_place_to_another():
    opened = fail(ServerState(), times=FAILURES_TO_OPEN)
    trying, _ = admit(opened, now=NOW + 15, per_minute=None, try_seconds=60.0)
    assert admit(trying, now=NOW + 76, per_minute=None, try_seconds=60.0)[1] is None


@given(st.integers(0, 10_000))
def test_the_time_that_it_stays_open_grows_to_its_limit(failures):
    assert count_open_seconds(failures) <= count_open_seconds(failures + 1) <= LONGEST_OPEN_SECONDS


def test_a_pause_that_was_asked_for_holds_for_all_and_is_no_failure():
    state = record(ServerState(), outcome=GenerationOutcome.RATE_LIMITED, pause_seconds=30.0, now=NOW)
    assert (state.failures, find_pause(state, now=NOW).reason) == (
        0,
        "The server asked for a pause of 30 seconds; the request waits for it.",
    )
    # An answer to a request that was under way does not end it; its time does, and then everybody may go.
    under_way = record(state, outcome=ANSWERED, pause_seconds=None, now=NOW + 1)
    assert find_pause(under_way, now=NOW + 1).seconds == 29.0
    assert admit(under_way, now=NOW + 30, per_minute=None, try_seconds=60.0) == (under_way, None)


def test_a_shorter_pause_does_not_shorten_a_longer_one():
    state = record(ServerState(), outcome=GenerationOutcome.RATE_LIMITED, pause_seconds=30.0, now=NOW)
    state = record(state, outcome=FAILED, pause_seconds=5.0, now=NOW)
    assert find_pause(state, now=NOW).seconds == 30.0


def test_a_minute_s_requests_are_sent_and_then_one_after_the_other():
    state, sent, now = ServerState(), [], NOW
    while now < NOW + 120:
        state, pause = admit(state, now=now, per_minute=60, try_seconds=1.0)
        if pause is None:
            sent.append(now)
        else:
            assert pause.reason == "The server takes 60 requests a minute; the request waits for its turn."
            now += pause.seconds
    assert sent[3] == NOW
    assert sent[4] == pytest.approx(NOW + 1)
    assert len(sent) == 4 + 119


@given(st.integers(1, 10_000), st.lists(st.floats(0, 90), max_size=40), st.integers(1, 30))
def test_in_no_minute_are_there_more_than_its_requests_and_the_burst(per_minute, gaps, asked):
    state, sent, now = ServerState(), [], NOW
    for gap in gaps:
        now += gap
        for _ in range(asked):
            state, pause = admit(state, now=now, per_minute=per_minute, try_seconds=1.0)
            if pause is None:
                sent.append(now)
    for start in sent:
        within = sum(start <= moment < start + 60 for moment in sent)
        assert within <= per_minute + find_capacity(per_minute) + 1


@given(st.integers(1, 10_000), st.floats(-5, 50))
def test_after_the_pause_there_is_a_token(per_minute, tokens):
    level = Level(min(tokens, find_capacity(per_minute)), NOW)
    wait = count_seconds_to_token(level, per_minute=per_minute)
    later = fill(level, per_minute=per_minute, now=NOW + wait + 0.001)
    assert count_seconds_to_token(later, per_minute=per_minute) == 0


def test_a_clock_that_goes_back_fills_nothing():
    level = fill(Level(0.5, NOW), per_minute=60, now=NOW - 3_600)
    assert level == Level(0.5, NOW)
