"""One model under many names has one key; another size, version or tuning has another."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation.lineage import ModelClaim, ModelIdentity, identify, name_publicly, trace_lineage
from tasks.vocabulary import ModelRelation

#: Names as they are met at hubs, servers, routers and on disks: key → (name, how its weights are stored).
NAMES = {
    "llama-3.1-8b-instruct": [
        ("meta-llama/Llama-3.1-8B-Instruct", ""),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", ""),
        ("NousResearch/Meta-Llama-3.1-8B-Instruct", ""),
        ("llama3.1:8b-instruct-q4_K_M", "q4_k_m"),
        ("llama3.1:8b-instruct-fp16", ""),
        ("llama3.1:8b", ""),
        ("library/llama3.1:8b", ""),
        ("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", "bnb-4bit"),
        ("unsloth/Llama-3.1-8B-Instruct-unsloth-bnb-4bit", "bnb-4bit"),
        ("lmstudio-community/Meta-Llama-3.1-8B-Instruct-GGUF/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "q4_k_m"),
        ("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "q4_k_m"),
        ("Meta-Llama-3.1-8B-Instruct-IQ2_XXS.gguf", "iq2_xxs"),
        ("Meta-Llama-3.1-8B-Instruct-f16.gguf", ""),
        ("meta-llama-3.1-8b-instruct", ""),
        ("meta-llama-3.1-8b-instruct@q8_0", "q8_0"),
        ("hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M", "q4_k_m"),
        ("hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", "gguf"),
        ("mradermacher/Meta-Llama-3.1-8B-Instruct-i1-GGUF", "gguf"),
        ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "awq-int4"),
        ("hugging-quants/Meta-Llama-3.1-8B-Instruct-GPTQ-INT4", "gptq-int4"),
        ("neuralmagic/Meta-Llama-3.1-8B-Instruct-FP8", "fp8"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8-dynamic", "fp8-dynamic"),
        ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "quantized-w4a16"),
        ("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit", "4bit"),
        ("meta-llama/Llama-3.1-8B-Instruct:fastest", ""),
        ("meta-llama/Llama-3.1-8B-Instruct:together", ""),
        ("meta-llama/llama-3.1-8b-instruct:free", ""),
        ("https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct", ""),
        ("/srv/models/Llama-3.1-8B-Instruct/", ""),
        ("C:\\models\\Meta-Llama-3.1-8B-Instruct-Q8_0.gguf", "q8_0"),
        ("~/.cache/huggingface/hub/models--meta-llama--Llama-3.1-8B-Instruct/snapshots/0e9e39f", ""),
        ("somebody/Llama-3.1-8B-Instruct-GGUF", "gguf"),
    ],
    "llama-3.1-8b": [("meta-llama/Llama-3.1-8B", ""), ("llama3.1:8b-text-q4_0", "q4_0"), ("unsloth/Meta-Llama-3.1-8B", "")],
    "llama-3.1-70b-instruct": [("meta-llama/Llama-3.1-70B-Instruct", ""), ("llama3.1:70b", "")],
    "llama-3-8b-instruct": [("meta-llama/Meta-Llama-3-8B-Instruct", ""), ("llama3:8b", "")],
    "llama-3.2-1b-instruct": [("meta-llama/Llama-3.2-1B-Instruct", ""), ("llama3.2:1b", "")],
    "llama-2-7b-chat": [
        ("meta-llama/Llama-2-7b-chat-hf", ""),
        ("TheBloke/Llama-2-7B-Chat-GGUF", "gguf"),
        ("llama2:7b", ""),
        ("llama-2-7b-chat.Q4_0.gguf", "q4_0"),
    ],
    "llama-2-7b": [("meta-llama/Llama-2-7b-hf", ""), ("llama2:7b-text", "")],
    "codellama-7b-instruct": [("codellama/CodeLlama-7b-Instruct-hf", ""), ("codellama:7b-instruct", "")],
    "mistral-v0.2-7b-instruct": [
        ("mistralai/Mistral-7B-Instruct-v0.2", ""),
        ("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", "awq"),
        ("TheBloke/Mistral-7B-Instruct-v0.2-GPTQ", "gptq"),
        ("mistral:7b-instruct-v0.2-q5_K_M", "q5_k_m"),
        ("mistral-7b-instruct-v0.2.Q4_K_M.gguf", "q4_k_m"),
        ("mistralai_Mistral-7B-Instruct-v0.2-Q6_K_L.gguf", "q6_k_l"),
    ],
    "mistral-v0.3-7b-instruct": [("mistralai/Mistral-7B-Instruct-v0.3", "")],
    "mistral-v0.1-7b": [("mistralai/Mistral-7B-v0.1", "")],
    "mixtral-v0.1-8x7b-instruct": [
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", ""),
        ("mixtral:8x7b-instruct-v0.1-q4_0", "q4_0"),
        ("LoneStriker/Mixtral-8x7B-Instruct-v0.1-4.0bpw-h6-exl2", "4.0bpw-h6-exl2"),
    ],
    "gemma-2-9b-instruct": [
        ("google/gemma-2-9b-it", ""),
        ("gemma2:9b-instruct-q4_0", "q4_0"),
        ("gemma2:9b", ""),
        ("bartowski/gemma-2-9b-it-GGUF", "gguf"),
    ],
    "gemma-2-9b": [("google/gemma-2-9b", "")],
    "gemma-3-12b-instruct": [
        ("google/gemma-3-12b-it", ""),
        ("gemma3:12b-it-qat", "qat"),
        ("google_gemma-3-12b-it-qat-Q4_0.gguf", "qat-q4_0"),
    ],
    "gemma-3-12b-pt": [("google/gemma-3-12b-pt", "")],
    "qwen-2.5-7b-instruct": [
        ("Qwen/Qwen2.5-7B-Instruct", ""),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "gptq-int4"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "awq"),
        ("qwen2.5:7b", ""),
        ("qwen2.5-7b-instruct:2", ""),
        ("qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf", "q4_k_m"),
    ],
    "qwen-2.5-7b": [("Qwen/Qwen2.5-7B", "")],
    "qwen-3-8b": [("Qwen/Qwen3-8B", ""), ("qwen3:8b", ""), ("Qwen/Qwen3-8B-FP8", "fp8")],
    "qwen-3-8b-base": [("Qwen/Qwen3-8B-Base", "")],
    "qwen-3-30b-a3b": [("Qwen/Qwen3-30B-A3B-FP8", "fp8"), ("qwen3:30b-a3b-q4_K_M", "q4_k_m")],
    "stablelm-2-1.6b-chat": [("stabilityai/stablelm-2-1_6b-chat", ""), ("stablelm2:1.6b-chat", "")],
    "tinyllama-v1-1.1b-chat": [("TinyLlama/TinyLlama-1.1B-Chat-v1.0", ""), ("tinyllama:1.1b-chat-v1-q4_0", "q4_0")],
    "vicuna-v1.5-7b": [("lmsys/vicuna-7b-v1.5", ""), ("vicuna:7b-v1.5-q4_0", "q4_0")],
    "gpt-2": [("openai-community/gpt2", ""), ("gpt2", ""), ("GPT-2", "")],
    "gpt-j-6b": [("EleutherAI/gpt-j-6b", ""), ("gpt-j-6B", "")],
    "gpt-oss-20b": [("openai/gpt-oss-20b", ""), ("gpt-oss:20b", ""), ("ggml-org/gpt-oss-20b-GGUF", "gguf")],
    "pythia-deduped-1.4b": [("EleutherAI/pythia-1.4b-deduped", "")],
    "pythia-1.4b": [("EleutherAI/pythia-1.4b", "")],
    "cerebras-gpt-1.3b": [("cerebras/Cerebras-GPT-1.3B", "")],
    "somebody/llama-3.1-8b-instruct": [("somebody/Llama-3.1-8B-Instruct", "")],
    "mannix/llama-3.1-abliterated-8b": [("mannix/llama3.1-8b-abliterated:latest", "")],
    "demo": [("demo", ""), ("/var/lib/chorus/models/demo", "")],
    "gguf": [("GGUF", "")],
}  # fmt: skip
ALL = [(name, key, stored) for key, names in NAMES.items() for name, stored in names]


@pytest.mark.parametrize(("name", "key", "stored"), ALL)
def test_a_name_says_the_model_and_how_its_weights_are_stored(name, key, stored):
    found = identify(name)
    assert (found.key, found.root, found.quantization) == (key, key, stored)
    assert found.relation == (ModelRelation.QUANTIZED if stored else None)


@pytest.mark.parametrize("key", NAMES)
def test_a_key_is_a_name_of_its_own_model(key):
    assert identify(key) == ModelIdentity(key, key)


@pytest.mark.parametrize(("name", "key", "stored"), ALL)
def test_large_and_small_letters_and_space_around_say_nothing(name, key, stored):
    assert {identify(f"  {told}\n").key for told in (name.upper(), name.lower(), name)} == {key}


@pytest.mark.parametrize("key", [key for key in NAMES if "/" not in key])
def test_what_stands_between_words_says_nothing(key):
    assert {identify(key.replace("-", between)).key for between in ("-", "_", " ", "--")} == {key}


FAMILIES = st.sampled_from(["llama-3", "llama-3.1", "qwen-2.5", "gemma-2", "mistral", "yi-1.5", "falcon", "nobodys"])
SIZES = st.sampled_from(["1b", "7b", "70b", "1.5b", "8x7b", "30b-a3b"])
TUNINGS = st.sampled_from(["", "instruct", "chat", "base"])
VERSIONS = st.sampled_from(["", "v0.1", "v0.2", "v1.5"])
STORED = st.sampled_from(
    ["", "-AWQ", "-GPTQ-Int4", "-bnb-4bit", "-GGUF", "-Q4_K_M.gguf", "-FP8", "-4bit", "-IQ3_XS.gguf"]
)
MODELS = st.tuples(FAMILIES, SIZES, VERSIONS, TUNINGS)


def write(model, stored="", account=""):
    return account + "-".join(part for part in model if part) + stored


@given(MODELS, MODELS, STORED, STORED)
def test_names_are_one_model_exactly_when_family_size_version_and_tuning_are(first, second, stored, other):
    same = identify(write(first, stored)).key == identify(write(second, other, "TheBloke/")).key
    assert same == (first == second)


@given(st.text(max_size=60))
def test_any_text_has_a_key_that_keeps_itself(name):
    key = identify(name).key
    assert key
    assert identify(key).key == key


def test_no_two_keys_of_the_table_are_alike():
    assert all(identify(a).key != identify(b).key for a, b in combinations(NAMES, 2))


# --- What is declared -------------------------------------------------------------------------


def test_a_quantisation_is_the_model_that_it_says_it_is_of():
    found = identify(
        "house/fast-one", base_model="Qwen/Qwen2.5-7B-Instruct", relation=ModelRelation.QUANTIZED, quantization="W8A8"
    )
    assert found == ModelIdentity(
        "qwen-2.5-7b-instruct", "qwen-2.5-7b-instruct", ModelRelation.QUANTIZED, None, "w8a8"
    )  # fmt: skip


@pytest.mark.parametrize("relation", [None, ModelRelation.FINETUNED, ModelRelation.ADAPTER, ModelRelation.MERGED])
def test_a_model_made_from_another_is_its_own_with_that_ones_root(relation):
    found = identify("teknium/OpenHermes-2.5-Mistral-7B", base_model="mistralai/Mistral-7B-v0.1", relation=relation)
    assert found == ModelIdentity(
        "teknium/openhermes-2.5-mistral-7b", "mistral-v0.1-7b", relation or ModelRelation.FINETUNED, "mistral-v0.1-7b"
    )


def test_a_base_that_is_the_model_itself_makes_it_a_quantisation():
    found = identify("TheBloke/Llama-2-7B-Chat-AWQ", base_model="meta-llama/Llama-2-7b-chat-hf")
    assert found == ModelIdentity("llama-2-7b-chat", "llama-2-7b-chat", ModelRelation.QUANTIZED, None, "awq")


def test_roots_are_found_through_all_that_is_declared():
    found = trace_lineage(
        [
            ModelClaim("house/answers", "teknium/OpenHermes-2.5-Mistral-7B", ModelRelation.ADAPTER),
            ModelClaim("TheBloke/OpenHermes-2.5-Mistral-7B-GGUF"),
            ModelClaim("openhermes-2.5-mistral-7b", "mistralai/Mistral-7B-v0.1"),
            ModelClaim("house/small", "house/answers", ModelRelation.QUANTIZED, "int4"),
            ModelClaim("teknium/OpenHermes-2.5-Mistral-7B", "mistral-7b-v0.1", ModelRelation.FINETUNED),
            ModelClaim("gpt2"),
        ]
    )
    assert [(one.key, one.root, one.quantization) for one in found] == [
        ("house/answers", "mistral-v0.1-7b", ""),
        ("openhermes-2.5-mistral-7b", "mistral-v0.1-7b", "gguf"),
        ("openhermes-2.5-mistral-7b", "mistral-v0.1-7b", ""),
        ("house/answers", "mistral-v0.1-7b", "int4"),
        ("teknium/openhermes-2.5-mistral-7b", "mistral-v0.1-7b", ""),
        ("gpt-2", "gpt-2", ""),
    ]


def test_what_is_declared_in_a_circle_has_one_root():
    found = trace_lineage([ModelClaim("b", "c"), ModelClaim("a", "b"), ModelClaim("c", "b"), ModelClaim("d", "d")])
    assert [(one.key, one.root) for one in found] == [("b", "b"), ("a", "b"), ("c", "b"), ("d", "d")]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", *"abcdef"])), max_size=8))
def test_any_declarations_have_roots_that_do_not_hang_on_their_order(told):
    claims = [ModelClaim(name, base) for name, base in told]
    roots = dict(zip(claims, (one.root for one in trace_lineage(claims)), strict=True))
    turned = claims[::-1]
    assert dict(zip(turned, (one.root for one in trace_lineage(turned)), strict=True)) == roots


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"),
        ("llama3.1:8b", "llama3.1:8b"),
        ("/srv/lab/Tiny-Chat/", "Tiny-Chat"),
        ("./models/tiny.gguf", "tiny.gguf"),
        ("~/tiny", "tiny"),
        ("C:\\lab\\tiny", "tiny"),
        ("/home/ann/hub/models--org--Name/snapshots/0e9e39f", "org/Name"),
        ("", ""),
    ],
)
def test_a_name_is_told_without_where_the_model_lies(name, public):
    assert name_publicly(name) == public
