"""What each kind of server is sent: names, defaults, what is dropped; and what is never sent to any."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.payloads import build_request
from tasks.generation.servers import FACTS, find_facts, translate_sampling
from tasks.records.generation import GenerationJob, GeneratorRecord, Turn
from tasks.vocabulary import Engine, MessageRole, ServerKind

ASKED = {
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.05,
    "repetition_penalty": 1.1,
    "max_tokens": 64,
    "stop": ["END"],
}
JOB = GenerationJob(1, (Turn(MessageRole.PROMPTER, "Hello"),), seed=41)


def make_generator(kind, **changes) -> GeneratorRecord:
    record = GeneratorRecord(
        id=1, name="a", engine=Engine.OPENAI, endpoint="http://host/v1", model="tiny", server_kind=kind, sampling=ASKED
    )
    return replace(record, **changes)


def test_every_kind_of_server_has_its_facts():
    assert set(FACTS) == set(ServerKind)


@pytest.mark.parametrize(
    ("kind", "sent", "dropped"),
    [
        (ServerKind.ANY, ASKED, ()),
        (ServerKind.VLLM, {**ASKED, "presence_penalty": 0.0, "frequency_penalty": 0.0}, ()),
        (ServerKind.SGLANG, {**ASKED, "presence_penalty": 0.0, "frequency_penalty": 0.0}, ()),
        (
            ServerKind.LLAMA_CPP,
            {
                **{name: value for name, value in ASKED.items() if name != "repetition_penalty"},
                "repeat_penalty": 1.1,
                "presence_penalty": 0.0,
                "frequency_penalty": 0.0,
            },
            (),
        ),
        (
            ServerKind.OLLAMA,
            {
                "temperature": 0.7,
                "top_p": 0.9,
                "max_tokens": 64,
                "stop": ["END"],
                "presence_penalty": 0.0,
                "frequency_penalty": 0.0,
            },
            ("min_p", "repetition_penalty", "top_k"),
        ),
        (
            ServerKind.LM_STUDIO,
            {
                "temperature": 0.7,
                "top_p": 0.9,
                "top_k": 40,
                "repeat_penalty": 1.1,
                "max_tokens": 64,
                "stop": ["END"],
                "presence_penalty": 0.0,
                "frequency_penalty": 0.0,
            },
            ("min_p",),
        ),
        (
            ServerKind.TRANSFORMERS,
            {
                "max_tokens": 64,
                "stop": ["END"],
                "generation_config": {
                    "do_sample": True,
                    "temperature": 0.7,
                    "top_p": 0.9,
                    "top_k": 40,
                    "min_p": 0.05,
                    "repetition_penalty": 1.1,
                },
            },
            (),
        ),
    ],
)
def test_the_same_sampling_goes_to_each_server_under_its_names(kind, sent, dropped):
    found = translate_sampling(ASKED, kind=kind)
    assert (found.keys, found.dropped) == (sent, dropped)
    assert {name: found.effective[name] for name in ASKED if name not in dropped} == {
        name: value for name, value in ASKED.items() if name not in dropped
    }


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (ServerKind.ANY, {}),
        (
            ServerKind.VLLM,
            {
                "temperature": 1.0,
                "top_p": 1.0,
                "top_k": -1,
                "min_p": 0.0,
                "repetition_penalty": 1.0,
                "max_tokens": 512,
                "presence_penalty": 0.0,
                "frequency_penalty": 0.0,
            },
        ),
        (
            ServerKind.LLAMA_CPP,
            {
                "temperature": 1.0,
                "top_p": 1.0,
                "top_k": 0,
                "min_p": 0.0,
                "repeat_penalty": 1.0,
                "max_tokens": 512,
                "presence_penalty": 0.0,
                "frequency_penalty": 0.0,
            },
        ),
        (
            ServerKind.TRANSFORMERS,
            {
                "max_tokens": 512,
                "generation_config": {
                    "do_sample": True,
                    "temperature": 1.0,
                    "top_p": 1.0,
                    "top_k": 0,
                    "repetition_penalty": 1.0,
                },
            },
        ),
    ],
)
def test_a_value_that_nobody_set_is_sent_so_that_no_server_takes_its_own(kind, sent):
    assert translate_sampling({"temperature": None}, kind=kind).keys == (
        {"temperature": None} if kind is ServerKind.ANY else sent
    )


def test_one_meaning_has_one_name_however_it_was_written():
    found = translate_sampling({"repeat_penalty": 1.2, "max_new_tokens": 7}, kind=ServerKind.VLLM)
    assert (found.keys["repetition_penalty"], found.keys["max_tokens"], found.dropped) == (1.2, 7, ())


def test_greedy_decoding_of_transformers_draws_nothing():
    found = translate_sampling({"temperature": 0, "top_p": 0.9}, kind=ServerKind.TRANSFORMERS)
    assert found.keys["generation_config"] == {"do_sample": False, "repetition_penalty": 1.0}


@pytest.mark.parametrize("kind", list(ServerKind))
def test_a_request_sets_its_own_keys_and_never_asks_for_several_or_for_a_stream(kind):
    asked = build_request(JOB, generator=make_generator(kind))
    assert (asked.path, asked.payload["model"], asked.payload["stream"], asked.payload["seed"]) == (
        "chat/completions",
        "tiny",
        False,
        41,
    )
    assert "n" not in asked.payload
    assert asked.payload["messages"] == [{"role": "user", "content": "Hello"}]


def test_the_configuration_of_transformers_goes_as_text():
    asked = build_request(JOB, generator=make_generator(ServerKind.TRANSFORMERS))
    assert json.loads(asked.payload["generation_config"])["top_k"] == 40
    assert "temperature" not in asked.payload


@pytest.mark.parametrize("kind", [kind for kind in ServerKind if find_facts(kind).takes_prompts])
def test_a_completion_always_says_how_long_it_may_be(kind):
    generator = make_generator(kind, sampling={}, prompt_format="stablelm/1")
    asked = build_request(JOB, generator=generator)
    assert (asked.path, asked.payload["max_tokens"], asked.effective["max_tokens"]) == ("completions", 512, 512)
    has_ids = kind in (ServerKind.VLLM, ServerKind.SGLANG)
    assert asked.payload.get("stop_token_ids") == ([50278, 50279, 50277, 1, 0] if has_ids else None)


@given(
    st.dictionaries(
        st.sampled_from([*ASKED, "grammar", "nonsense", "n_predict"]), st.none() | st.floats(0, 2), max_size=6
    ),
    st.sampled_from(list(ServerKind)),
)
def test_whatever_was_asked_is_used_or_named_as_dropped(asked, kind):
    found = translate_sampling(asked, kind=kind)
    wanted = {name for name, value in asked.items() if value is not None or kind is ServerKind.ANY}
    names = {"n_predict": "max_tokens"} if kind is not ServerKind.ANY else {}
    assert all(names.get(name, name) in found.effective or name in found.dropped for name in wanted)
    assert not set(found.dropped) & set(found.effective)
