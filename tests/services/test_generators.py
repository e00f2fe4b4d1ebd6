"""Generators of the site: made and changed by their fields, told, and never mistaken for a label of origin."""

from __future__ import annotations

import pytest

from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import AuditEvent, CampaignGenerator, GenerationRequest, Generator
from annotate.queries.campaigns import find_site_generators
from annotate.services.generator_fields import ATTENTIONS, DTYPES, QUANTIZATIONS
from annotate.services.generator_sampling import MOST_STOPS, SAMPLING_RANGES
from annotate.services.generators import change_generator, create_generator, delete_generator, describe_generator
from tasks.generation import model_loading, model_memory
from tasks.generation.samplings import check_sampling
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

LOADING = {
    "dtype": "auto",
    "device_map": "auto",
    "quantization": None,
    "attention": None,
    "trust_remote_code": "",
    "batching": "auto",
    "max_batch": None,
    "context_tokens": None,
}
VALUES = {
    "name": "small",
    "engine": "openai",
    "endpoint": "https://models.example.org/v1",
    "server_kind": "vllm",
    "api_key_variable": "LAB_API_KEY",
    "model": "lab/small-1b",
    "revision": "r1",
    "base_model": "lab/base-1b",
    "relation": "finetuned",
    "quantization": "gptq-4bit",
    "licence": "Apache-2.0",
    "output_terms": "attribution",
    "terms_url": "https://models.example.org/terms",
    "system_prompt": "Answer briefly.",
    "prompt_format": "",
    "sampling": {"temperature": 0.7, "stop": ["###"], "top_p": 1, "logit_bias": None},
    "timeout_seconds": 60,
    "max_concurrent": 8,
    "requests_per_minute": 90,
    "loading": LOADING,
    "enabled": True,
}
#: The same, loaded by a worker.
LOCAL = {
    **VALUES,
    "engine": "transformers",
    "endpoint": "",
    "server_kind": "any",
    "api_key_variable": "",
    "requests_per_minute": None,
    "loading": {
        "dtype": "bfloat16",
        "device_map": "cuda:1",
        "quantization": "bnb_4bit",
        "attention": "sdpa",
        "trust_remote_code": "lab/small-1b",
        "batching": "padded",
        "max_batch": 16,
        "context_tokens": 4096,
    },
}


def make(**values) -> Generator:
    return create_generator(values={**VALUES, **values}, actor=None)


@pytest.mark.parametrize("values", [VALUES, LOCAL])
def test_a_generator_keeps_what_was_said(values):
    make(**values)
    generator = Generator.objects.get()
    assert (describe_generator(generator), generator.campaign_id) == (values, None)


@pytest.mark.parametrize("values", [VALUES, LOCAL])
def test_what_was_read_can_be_sent_back_and_changes_nothing(values):
    generator = make(**values)
    change_generator(generator_id=generator.pk, values=describe_generator(generator), actor=None)
    assert AuditEvent.objects.count() == 1


def test_of_how_a_model_is_loaded_only_what_was_chosen_is_stored():
    make(**{**LOCAL, "loading": {**LOADING, "max_batch": 8}})
    assert Generator.objects.get().loading == {"max_batch": 8}


def test_what_is_not_said_has_its_default():
    create_generator(
        values={"name": "small", "engine": "openai", "model": "m", "endpoint": "http://127.0.0.1:1/v1"}, actor=None
    )
    assert describe_generator(Generator.objects.get()) == {
        "name": "small",
        "engine": "openai",
        "endpoint": "http://127.0.0.1:1/v1",
        "server_kind": "any",
        "api_key_variable": "",
        "model": "m",
        "revision": "",
        "base_model": "",
        "relation": None,
        "quantization": "",
        "licence": "",
        "output_terms": "unknown",
        "terms_url": "",
        "system_prompt": "",
        "prompt_format": "",
        "sampling": {},
        "timeout_seconds": 120,
        "max_concurrent": 4,
        "requests_per_minute": None,
        "loading": LOADING,
        "enabled": True,
    }


def test_making_and_changing_and_deleting_are_told():
    generator = make()
    change_generator(generator_id=generator.pk, values={"enabled": False}, actor=None, reason="It costs too much.")
    delete_generator(generator_id=generator.pk, actor=None)
    told = AuditEvent.objects.order_by("id").values_list("action", "object_kind", "before", "after", "reason")
    assert list(told) == [
        ("generator.changed", "generator", None, VALUES, ""),
        ("generator.changed", "generator", {"enabled": True}, {"enabled": False}, "It costs too much."),
        ("generator.changed", "generator", {**VALUES, "enabled": False}, None, ""),
    ]


def test_changing_nothing_tells_nothing():
    generator = make()
    change_generator(generator_id=generator.pk, values=VALUES, actor=None)
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "ftp://models.example.org"}, "endpoint"),
        ({"endpoint": "file:///etc/passwd"}, "endpoint"),
        ({"endpoint": "https://key@models.example.org/v1"}, "endpoint"),
        ({"endpoint": "https://models.example.org/v1?key=1"}, "endpoint"),
        ({"endpoint": "https://"}, "endpoint"),
        ({"endpoint": 3}, "endpoint"),
        ({"engine": "label"}, "engine"),
        ({"engine": "magic"}, "engine"),
        ({"server_kind": "magic"}, "server_kind"),
        ({"server_kind": None}, "server_kind"),
        ({"base_model": 7}, "base_model"),
        ({"base_model": ""}, "base_model"),
        ({"base_model": "lab/small-1b"}, "base_model"),
        ({"relation": "cousin"}, "relation"),
        ({"quantization": "x" * 41}, "quantization"),
        ({"licence": "do what you want"}, "licence"),
        ({"output_terms": "whatever"}, "output_terms"),
        ({"output_terms": None}, "output_terms"),
        ({"terms_url": "the card"}, "terms_url"),
        ({"terms_url": "javascript:alert(1)"}, "terms_url"),
        ({"terms_url": "https://[x"}, "terms_url"),
        ({"prompt_format": "poem"}, "prompt_format"),
        ({"prompt_format": []}, "prompt_format"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"loading": {"max_batch": 8}}, "loading"),
        ({"loading": []}, "loading"),
        ({"name": ""}, "name"),
        ({"model": " "}, "model"),
        ({"api_key_variable": "sk-1234567890"}, "api_key_variable"),
        ({"api_key_variable": "SECRET_KEY"}, "api_key_variable"),
        ({"api_key_variable": "DATABASE_URL"}, "api_key_variable"),
        ({"api_key": "sk-1234567890"}, "api_key"),
        ({"campaign": 1}, "campaign"),
        ({"sampling": {"model": "other"}}, "sampling.model"),
        ({"sampling": {"messages": []}}, "sampling.messages"),
        ({"sampling": {"tools": {"a": 1}}}, "sampling.tools"),
        ({"sampling": [1]}, "sampling"),
        ({"sampling": {"temperature": "warm"}}, "sampling.temperature"),
        ({"sampling": {"temperature": -1}}, "sampling.temperature"),
        ({"sampling": {"top_p": True}}, "sampling.top_p"),
        ({"sampling": {"max_tokens": 1.5}}, "sampling.max_tokens"),
        ({"sampling": {"stop": 7}}, "sampling.stop"),
        ({"sampling": {"stop": ["a", ""]}}, "sampling.stop"),
        ({"sampling": {"stop": ["a"] * 17}}, "sampling.stop"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"max_concurrent": 99}, "max_concurrent"),
        ({"enabled": "no"}, "enabled"),
    ],
)
def test_what_cannot_be_a_generator_is_refused_at_its_place(values, place):
    with pytest.raises(InvalidInput) as refused:
        make(**values)
    assert (refused.value.code, list(refused.value.details)) == ("generator_invalid", [place])
    generator = make()
    with pytest.raises(InvalidInput) as refused:
        change_generator(generator_id=generator.pk, values=values, actor=None)
    assert list(refused.value.details) == [place]


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"endpoint": "https://models.example.org/v1"}, "endpoint"),
        ({"api_key_variable": "LAB_API_KEY"}, "endpoint"),
        ({"server_kind": "ollama"}, "server_kind"),
        ({"requests_per_minute": 60}, "requests_per_minute"),
        ({"loading": {"dtype": "float8"}}, "loading.dtype"),
        ({"loading": {"dtype": None}}, "loading.dtype"),
        ({"loading": {"device_map": "gpu"}}, "loading.device_map"),
        ({"loading": {"device_map": 0}}, "loading.device_map"),
        ({"loading": {"quantization": "1bit"}}, "loading.quantization"),
        ({"loading": {"attention": "full"}}, "loading.attention"),
        ({"loading": {"batching": "one by one"}}, "loading.batching"),
        ({"loading": {"max_batch": 0}}, "loading.max_batch"),
        ({"loading": {"context_tokens": 1.5}}, "loading.context_tokens"),
        ({"loading": {"device": "cpu"}}, "loading.device"),
        ({"loading": {"attention": "flash_attention_2", "dtype": "float32"}}, "loading.dtype"),
        ({"loading": {"attention": "flash_attention_2", "device_map": "cpu"}}, "loading.attention"),
        ({"loading": {"trust_remote_code": True}}, "loading.trust_remote_code"),
        ({"loading": {"trust_remote_code": "yes"}}, "loading.trust_remote_code"),
        ({"loading": {"trust_remote_code": "lab/base-1b"}}, "loading.trust_remote_code"),
    ],
)
def test_what_cannot_be_a_model_in_a_worker_is_refused_at_its_place(values, place):
    with pytest.raises(InvalidInput) as refused:
        make(**{**LOCAL, **values})
    assert (refused.value.code, list(refused.value.details)) == ("generator_invalid", [place])
    generator = make(**LOCAL)
    with pytest.raises(InvalidInput) as refused:
        change_generator(generator_id=generator.pk, values=values, actor=None)
    assert list(refused.value.details) == [place]


def test_a_server_is_not_made_a_model_in_a_worker_by_its_engine_alone():
    generator = make()
    with pytest.raises(InvalidInput) as refused:
        change_generator(generator_id=generator.pk, values={"engine": "transformers"}, actor=None)
    assert list(refused.value.details) == ["endpoint", "server_kind", "requests_per_minute"]


def test_a_models_own_code_runs_for_the_model_that_was_named_and_for_no_other():
    generator = make(**LOCAL)
    assert generator.loading["trust_remote_code"] is True
    with pytest.raises(InvalidInput) as refused:
        change_generator(generator_id=generator.pk, values={"model": "lab/other"}, actor=None)
    assert list(refused.value.details) == ["loading.trust_remote_code"]
    named = {"model": "lab/other", "loading": {"trust_remote_code": "lab/other"}}
    assert change_generator(generator_id=generator.pk, values=named, actor=None).loading == {"trust_remote_code": True}
    assert change_generator(generator_id=generator.pk, values={"loading": {}}, actor=None).loading == {}
    assert [event.after["loading"]["trust_remote_code"] for event in AuditEvent.objects.order_by("pk")] == [
        "lab/small-1b",
        "lab/other",
        "",
    ]


def test_what_is_missing_is_told_at_once():
    with pytest.raises(InvalidInput) as refused:
        create_generator(values={}, actor=None)
    assert list(refused.value.details) == ["name", "engine", "model"]


def test_a_name_is_taken_once_on_the_site():
    make()
    with pytest.raises(Conflict) as refused:
        make(model="another")
    assert refused.value.code == "generator_name_taken"
    other = make(name="large")
    with pytest.raises(Conflict) as refused:
        change_generator(generator_id=other.pk, values={"name": "small"}, actor=None)
    assert refused.value.code == "generator_name_taken"


def test_a_label_of_origin_with_the_same_name_is_another_record_that_nobody_can_reach():
    label = Generator.objects.create(campaign=make_campaign(), name="small", engine="label")
    generator = make()
    assert find_site_generators() == {"small": generator}
    for verb in (
        lambda: change_generator(generator_id=label.pk, values={"engine": "openai"}, actor=None),
        lambda: delete_generator(generator_id=label.pk, actor=None),
    ):
        with pytest.raises(NotFound) as refused:
            verb()
        assert refused.value.code == "generator_not_found"
    label.refresh_from_db()
    assert (label.engine, label.endpoint) == ("label", "")


def ask(generator: Generator) -> None:
    prompt = make_prompt(make_campaign())
    GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=0, state="queued")


@pytest.mark.parametrize(
    "values",
    [
        {"model": "other"},
        {"revision": "r2"},
        {"sampling": {}},
        {"system_prompt": ""},
        {"engine": "transformers"},
        {"prompt_format": "alpaca/1"},
    ],
)
def test_what_a_text_came_from_is_fixed_once_it_was_asked_for(values):
    generator = make()
    ask(generator)
    with pytest.raises(Conflict) as refused:
        change_generator(generator_id=generator.pk, values=values, actor=None)
    assert (refused.value.code, refused.value.details) == ("generator_in_use", {"fixed": list(values)})


@pytest.mark.parametrize("change", [{"dtype": "float16"}, {"quantization": None}])
def test_in_what_precision_a_model_is_loaded_is_fixed_once_it_was_asked(change):
    generator = make(**LOCAL)
    ask(generator)
    loading = {**LOCAL["loading"], **change}
    with pytest.raises(Conflict) as refused:
        change_generator(generator_id=generator.pk, values={"loading": loading}, actor=None)
    assert (refused.value.code, refused.value.details) == (
        "generator_in_use",
        {"fixed": [f"loading.{next(iter(change))}"]},
    )


def test_where_and_how_fast_a_model_runs_may_change_while_it_is_in_use():
    generator = make(**LOCAL)
    ask(generator)
    loading = {
        **LOCAL["loading"],
        "device_map": "cpu",
        "attention": "eager",
        "trust_remote_code": "",
        "batching": "auto",
        "max_batch": 2,
        "context_tokens": None,
    }
    changed = change_generator(generator_id=generator.pk, values={"loading": loading}, actor=None)
    assert describe_generator(changed) == {**LOCAL, "loading": loading}


def test_how_it_is_reached_may_change_while_it_is_in_use():
    generator = make()
    ask(generator)
    values = {
        "endpoint": "https://other.example.org/v1",
        "server_kind": "sglang",
        "api_key_variable": "OTHER_TOKEN",
        "max_concurrent": 2,
        "requests_per_minute": None,
        "base_model": "",
        "relation": None,
        "quantization": "",
        "licence": "llama3.1",
        "output_terms": "no_training",
        "terms_url": "",
    }
    assert {**VALUES, **values} == describe_generator(
        change_generator(generator_id=generator.pk, values=values, actor=None)
    )


def test_a_generator_that_was_asked_cannot_be_deleted():
    generator = make()
    ask(generator)
    with pytest.raises(Conflict) as refused:
        delete_generator(generator_id=generator.pk, actor=None)
    assert (refused.value.code, Generator.objects.count()) == ("generator_in_use", 1)


def test_a_generator_that_a_campaign_names_cannot_be_deleted():
    generator = make()
    CampaignGenerator.objects.create(campaign=make_campaign(), generator=generator)
    with pytest.raises(Conflict) as refused:
        delete_generator(generator_id=generator.pk, actor=None)
    assert refused.value.code == "generator_in_use"


def test_every_way_of_loading_that_can_be_chosen_is_one_that_a_worker_knows():
    assert (DTYPES, ATTENTIONS) == (model_loading.DTYPES, model_loading.ATTENTIONS)
    assert set(QUANTIZATIONS) == set(model_memory.BYTES_OF_QUANTIZATION)


def test_sampling_that_can_be_written_is_sampling_that_a_model_in_a_worker_follows():
    for at in (0, 1):
        written = {name: bounds[at] for name, bounds in SAMPLING_RANGES.items()}
        assert check_sampling({**written, "stop": ["#"] * MOST_STOPS}) is None
        assert make(name=f"edge {at}", sampling=written).sampling == written
