"""The OpenAI-compatible client against a real server on loopback, with faults by script."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from urllib.request import Request, urlopen

import pytest

from tasks.generation.engines import EngineUnavailable, find_engine
from tasks.generation.openai_client import generate
from tasks.records.generation import GenerationJob, GeneratorRecord, Turn
from tasks.vocabulary import Engine, GenerationOutcome, MessageRole
from tests.fake_openai import FakeOpenAI, write_answer

THREAD = (Turn(MessageRole.PROMPTER, "Why is the sky blue?"),)
MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
SENTENCE_OF_TIME = (
    "The server did not finish its answer in time (a read may take {read} s, the whole exchange {total} s)."
)


class FakeTime:
    """A clock that moves when somebody sleeps, and remembers the sleeps."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.sleeps: list[float] = []
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.sleeps.append(seconds)
            self.now += seconds


@pytest.fixture
def server():
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def fake_time():
    return FakeTime()


def make_generator(endpoint, **changes):
    record = GeneratorRecord(
        id=1,
        name="fake",
        engine=Engine.OPENAI,
        endpoint=endpoint,
        model="tiny",
        revision="abc123",
        sampling={"temperature": 0.7, "max_tokens": 64},
        concurrency=1,
        read_timeout_seconds=10.0,
    )
    return replace(record, **changes)


def make_jobs(count):
    return [GenerationJob(request_id=n, thread=THREAD, sample_index=n, seed=n) for n in range(count)]


def run(jobs, *, generator, fake_time, seed=0):
    results = generate(
        jobs,
        generator=generator,
        sleep=fake_time.sleep,
        rng=random.Random(seed),
        clock=fake_time.clock,
    )
    return sorted(results, key=lambda result: result.request_id)


def run_one(server, fake_time, **changes):
    [result] = run(make_jobs(1), generator=make_generator(server.endpoint, **changes), fake_time=fake_time)
    return result


def test_generate_gives_the_text_with_its_provenance(server, fake_time):
    result = run_one(server, fake_time, system_prompt="Be kind.")
    messages = [{"role": "system", "content": "Be kind."}, *MESSAGES]
    text = write_answer(messages, seed=0)
    words = len(text.split())
    assert (result.outcome, result.text, result.reason) == (GenerationOutcome.STORED, text, None)
    assert result.provenance == {
        "engine": "openai",
        "engine_version": "fake-openai/1",
        "server_kind": "any",
        "host": server.endpoint.removesuffix("/v1"),
        "model_requested": "tiny",
        "model": "tiny@fake",
        "revision": "abc123",
        "system_fingerprint": "fake-1",
        "sampling": {"temperature": 0.7, "max_tokens": 64},
        "effective_sampling": {"temperature": 0.7, "max_tokens": 64},
        "dropped_sampling": [],
        "seed": 0,
        "system_prompt": "Be kind.",
        "prompt_format": None,
        "defused": 0,
        "reads_like_refusal": False,
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 10, "completion_tokens": words, "total_tokens": 10 + words},
        "latency_ms": 0,
        "attempts": 1,
        "truncated": None,
    }
    assert (result.prompt_tokens, result.completion_tokens, result.compute_seconds) == (10, words, 0.0)
    assert result.reasoning is None


def test_generate_sends_the_thread_with_the_sampling_as_written(server, fake_time):
    thread = (
        Turn(MessageRole.PROMPTER, "Hello"),
        Turn(MessageRole.ASSISTANT, "Hi!"),
        Turn(MessageRole.PROMPTER, "What is 2 + 2?"),
    )
    run([GenerationJob(7, thread, seed=41)], generator=make_generator(server.endpoint), fake_time=fake_time)
    assert server.requests == [
        {
            "temperature": 0.7,
            "max_tokens": 64,
            "model": "tiny",
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hi!"},
                {"role": "user", "content": "What is 2 + 2?"},
            ],
            "stream": False,
            "seed": 41,
        }
    ]


def test_generate_without_a_seed_sends_none(server, fake_time):
    run([GenerationJob(1, THREAD)], generator=make_generator(server.endpoint), fake_time=fake_time)
    assert "seed" not in server.requests[0]


def test_generate_answers_every_job_of_a_batch_once(server, fake_time):
    generator = make_generator(server.endpoint, concurrency=8)
    results = run(make_jobs(40), generator=generator, fake_time=fake_time)
    assert [result.request_id for result in results] == list(range(40))
    assert Counter(result.outcome for result in results) == {GenerationOutcome.STORED: 40}
    assert [result.text for result in results] == [write_answer(MESSAGES, seed=n) for n in range(40)]


def test_generate_keeps_to_its_thread_limit(server, fake_time):
    names = set()

    class Sleeper(FakeTime):
        def clock(self):
            names.add(threading.current_thread().name)
            return super().clock()

    run(make_jobs(12), generator=make_generator(server.endpoint, concurrency=3), fake_time=Sleeper())
    assert len({name for name in names if name.startswith("generate")}) <= 3


def test_a_retry_after_in_seconds_is_waited_for(server, fake_time):
    server.add_faults("429:7")
    result = run_one(server, fake_time)
    assert (result.outcome, fake_time.sleeps, result.provenance["attempts"]) == (
        GenerationOutcome.STORED,
        [7.0],
        2,
    )


def test_a_long_retry_after_gives_the_request_back_without_sleeping(server, fake_time):
    server.add_faults("429:120")
    result = run_one(server, fake_time)
    assert (result.outcome, result.retry_after_seconds, fake_time.sleeps) == (
        GenerationOutcome.RATE_LIMITED,
        120.0,
        [],
    )
    assert result.reason == "The server is limiting its rate (429). It said: The script says 429."


def test_a_long_retry_after_holds_the_rest_of_the_batch_back(server, fake_time):
    server.add_faults("429:120")
    results = run(make_jobs(5), generator=make_generator(server.endpoint), fake_time=fake_time)
    assert len(server.requests) == 1
    assert {(result.outcome, result.retry_after_seconds) for result in results} == {
        (GenerationOutcome.RATE_LIMITED, 120.0)
    }
    assert results[1].reason == "The server asked for a pause of 120 seconds; the request waits for it."


def test_an_endless_retry_after_is_capped_at_an_hour(server, fake_time):
    server.add_faults("429:99999999999999999999999")
    assert run_one(server, fake_time).retry_after_seconds == 3600.0


def test_a_429_without_retry_after_backs_off_with_jitter(server, fake_time):
    server.add_faults("429", "429", "429")
    result = run_one(server, fake_time)
    assert (result.outcome, len(fake_time.sleeps)) == (GenerationOutcome.STORED, 3)
    assert all(0 <= pause <= bound for pause, bound in zip(fake_time.sleeps, (0.5, 1, 2), strict=True))


def test_server_errors_are_tried_again_until_one_works(server, fake_time):
    server.add_faults("500", "503", "502")
    result = run_one(server, fake_time)
    assert (result.outcome, result.provenance["attempts"]) == (GenerationOutcome.STORED, 4)


def test_server_errors_without_end_are_reported_with_the_server_s_words(server, fake_time):
    server.add_faults(*["500"] * 4)
    result = run_one(server, fake_time)
    assert (result.outcome, result.text, result.retry_after_seconds, len(server.requests)) == (
        GenerationOutcome.SERVER_ERROR,
        None,
        None,
        4,
    )
    assert result.reason == "The server failed (500). It said: The script says 500."


def test_attempts_end_with_the_deadline(server, fake_time):
    server.add_faults(*["503:8"] * 9)
    result = run_one(server, fake_time, attempts=9, deadline_seconds=20.0)
    assert (result.outcome, fake_time.sleeps, len(server.requests)) == (
        GenerationOutcome.SERVER_ERROR,
        [8.0, 8.0],
        3,
    )


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_is_final(server, fake_time, status):
    server.add_faults(str(status))
    result = run_one(server, fake_time)
    assert (result.outcome, result.reason, len(server.requests)) == (
        GenerationOutcome.REFUSED_BY_SERVER,
        f"The server refused the request ({status}). It said: The script says {status}.",
        1,
    )


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_told_apart_and_what_has_not_begun_is_not_sent(server, fake_time, status):
    server.add_faults(*[str(status)] * 9)
    generator = make_generator(server.endpoint, concurrency=2)
    results = run(make_jobs(9), generator=generator, fake_time=fake_time)
    assert {(result.outcome, result.reason) for result in results} == {
        (GenerationOutcome.KEY_REFUSED, f"The server refuses the key ({status}). It said: The script says {status}.")
    }
    assert len({result.request_id for result in results}) == 9
    assert len(server.requests) < 9


def test_a_prompt_that_a_server_does_not_like_is_no_refused_key(server, fake_time):
    server.add_faults("flagged")
    assert run_one(server, fake_time).outcome == GenerationOutcome.REFUSED_BY_SERVER


def test_the_api_key_is_sent_and_never_shown(fake_time):
    with FakeOpenAI(api_key="sk-right") as server:
        assert run_one(server, fake_time, api_key="sk-right").outcome == GenerationOutcome.STORED
        result = run_one(server, fake_time, api_key="sk-canary")
        assert result.reason == "The server refuses the key (401). It said: Wrong key: Bearer [key]"
        assert "sk-canary" not in repr(result)
        assert "sk-canary" not in repr(make_generator(server.endpoint, api_key="sk-canary"))


def test_a_redirect_is_not_followed(server, fake_time):
    server.add_faults("redirect")
    result = run_one(server, fake_time)
    assert (result.outcome, result.reason, len(server.requests)) == (
        GenerationOutcome.REFUSED_BY_SERVER,
        "The server refused the request (307). Redirects are not followed: enter the address where the API is.",
        1,
    )


def test_an_empty_text_is_empty(server, fake_time):
    server.add_faults("empty")
    result = run_one(server, fake_time)
    assert (result.outcome, result.text, result.reason) == (
        GenerationOutcome.EMPTY,
        None,
        "The model answered with an empty text.",
    )


def test_a_truncated_text_is_kept_apart_with_what_there_is(server, fake_time):
    server.add_faults("truncated")
    whole = write_answer(MESSAGES, seed=0)
    result = run_one(server, fake_time)
    assert (result.outcome, result.text, result.provenance["finish_reason"]) == (
        GenerationOutcome.TRUNCATED,
        whole[: len(whole) // 2].strip(),
        "length",
    )


@pytest.mark.parametrize("fault", ["huge:70000", "huge_unsized:70000"])
def test_a_huge_answer_is_refused(server, fake_time, fault):
    server.add_faults(fault)
    result = run_one(server, fake_time, max_response_bytes=65_536)
    assert (result.outcome, result.reason) == (
        GenerationOutcome.BAD_ANSWER,
        "The server's answer is larger than 65536 bytes.",
    )


def test_a_connection_reset_in_the_middle_is_tried_again(server, fake_time):
    server.add_faults("reset")
    result = run_one(server, fake_time)
    assert (result.outcome, result.provenance["attempts"]) == (GenerationOutcome.STORED, 2)


def test_connections_that_always_break_are_reported(server, fake_time):
    server.add_faults("reset", "reset")
    result = run_one(server, fake_time, attempts=2)
    assert (result.outcome, result.reason) == (
        GenerationOutcome.SERVER_ERROR,
        "The server broke the connection off before its answer was whole.",
    )


def test_a_server_that_is_not_there_is_unreachable(fake_time):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    [result] = run(make_jobs(1), generator=make_generator(f"http://127.0.0.1:{port}/v1"), fake_time=fake_time)
    assert (result.outcome, result.provenance["attempts"], len(fake_time.sleeps)) == (
        GenerationOutcome.UNREACHABLE,
        4,
        3,
    )


def run_in_real_time(server, **changes):
    results = generate(
        make_jobs(1),
        generator=make_generator(server.endpoint, **changes),
        sleep=time.sleep,
        rng=random.Random(0),
        clock=time.time,
    )
    [result] = results
    return result


def test_a_server_that_hangs_times_out_once(server):
    server.add_faults("hang")
    result = run_in_real_time(server, read_timeout_seconds=2.0)
    assert (result.outcome, result.reason, len(server.requests)) == (
        GenerationOutcome.TIMED_OUT,
        SENTENCE_OF_TIME.format(read=2, total=300),
        1,
    )


@pytest.mark.parametrize("fault", ["drip:0.02", "drip_headers:0.02"])
def test_a_server_that_drips_times_out_at_the_deadline(server, fault):
    server.add_faults(fault)
    result = run_in_real_time(server, deadline_seconds=2.0)
    assert (result.outcome, result.reason, len(server.requests)) == (
        GenerationOutcome.TIMED_OUT,
        SENTENCE_OF_TIME.format(read=10, total=2),
        1,
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"endpoint": "ftp://host/v1"},
            "The generator's endpoint is not an address. Write it as https://host/v1.",
        ),
        (
            {"endpoint": "http://host:99999/v1"},
            "The generator's endpoint is not an address. Write it as https://host/v1.",
        ),
        (
            {"endpoint": "http://me:secret@host/v1"},
            "The generator's endpoint holds a user name or password. Store the key as the API key.",
        ),
        (
            {"endpoint": "http://host/v1?key=secret"},
            "The generator's endpoint has a query or fragment. Write it as https://host/v1.",
        ),
        (
            {"api_key": "line\nbreak"},
            "The generator's API key holds characters that a header cannot carry. Enter it again.",
        ),
        (
            {"sampling": {"n": 4, "stream": True}},
            "The generator's sampling sets n, stream, which each request sets itself. Remove it.",
        ),
    ],
)
def test_a_wrong_record_is_said_without_a_request(server, fake_time, changes, reason):
    generator = replace(make_generator(server.endpoint), **changes)
    [result] = run(make_jobs(1), generator=generator, fake_time=fake_time)
    assert (result.outcome, result.reason, server.requests) == (
        GenerationOutcome.UNREACHABLE,
        reason,
        [],
    )


def test_a_job_that_cannot_be_sent_costs_the_others_nothing(server, fake_time):
    jobs = [GenerationJob(0, (Turn(MessageRole.PROMPTER, "half a pair: \ud800"),)), *make_jobs(3)[1:]]
    results = run(jobs, generator=make_generator(server.endpoint), fake_time=fake_time)
    assert [result.outcome for result in results] == [
        GenerationOutcome.BAD_ANSWER,
        GenerationOutcome.STORED,
        GenerationOutcome.STORED,
    ]
    assert results[0].reason == ("The exchange with the server failed in an unforeseen way (UnicodeEncodeError).")


def test_jobs_that_the_batch_has_no_time_for_are_handed_back(server, fake_time):
    server.add_faults("429:9")
    results = sorted(
        generate(
            make_jobs(3),
            generator=make_generator(server.endpoint, attempts=1, longest_wait_seconds=20),
            sleep=fake_time.sleep,
            rng=random.Random(0),
            clock=fake_time.clock,
            until=fake_time.now + 9.5,
        ),
        key=lambda result: result.request_id,
    )
    assert [(result.outcome, result.retry_after_seconds) for result in results] == [
        (GenerationOutcome.RATE_LIMITED, 9.0),
        (GenerationOutcome.STORED, None),
        (GenerationOutcome.STORED, None),
    ]
    fake_time.now += 0.5
    [late] = generate(
        make_jobs(1),
        generator=make_generator(server.endpoint),
        sleep=fake_time.sleep,
        rng=random.Random(0),
        clock=fake_time.clock,
        until=fake_time.now,
    )
    assert (late.outcome, late.retry_after_seconds, late.reason) == (
        GenerationOutcome.TIMED_OUT,
        0.0,
        "The batch's time was over before this request began; it goes back to the queue.",
    )


def test_closing_the_iterator_drops_what_has_not_started(server, fake_time):
    server.add_faults("ok", *["hang:0.2"] * 20)
    results = generate(
        make_jobs(20),
        generator=make_generator(server.endpoint),
        sleep=fake_time.sleep,
        rng=random.Random(0),
        clock=fake_time.clock,
    )
    next(results)
    results.close()
    assert len(server.requests) <= 2


def test_the_fake_server_runs_as_a_process():
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_openai", "--fault", "503"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        endpoint = process.stdout.readline().strip()
        base = endpoint.removesuffix("/v1")
        body = json.dumps(["429:1"]).encode()
        urlopen(Request(f"{base}/faults", data=body), timeout=60).close()
        fake_time = FakeTime()
        [result] = run(make_jobs(1), generator=make_generator(endpoint), fake_time=fake_time)
        assert (result.outcome, result.provenance["attempts"]) == (GenerationOutcome.STORED, 3)
        with urlopen(f"{base}/requests", timeout=60) as response:
            assert len(json.load(response)) == 3
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def test_the_engine_for_openai_is_this_client():
    assert find_engine(Engine.OPENAI) is generate


def test_a_label_of_origin_cannot_be_asked():
    with pytest.raises(EngineUnavailable) as caught:
        find_engine(Engine.LABEL)
    assert str(caught.value) == (
        "This generator is a label of origin for imported texts and cannot be asked for new ones. "
        "Name a generator with an endpoint instead."
    )
