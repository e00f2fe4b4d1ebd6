"""Models are loaded from real files of real architectures, or refused with a sentence."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.generation.model_files import INDEX, WHOLE
from tasks.records.generation import Loading
from tasks.records.local_models import ModelRefused, RowEnd
from tasks.vocabulary import Batching
from tests.tiny_models import (
    ARCHITECTURES,
    CONTEXT,
    DEVICE,
    build_model,
    copy_model,
    find_model,
    load,
    load_tiny,
    make_row,
    never,
)

pytestmark = pytest.mark.torch

CPU = Loading(device_map="cpu")
CLASSES = {
    "llama": "LlamaForCausalLM",
    "gpt_neox": "GPTNeoXForCausalLM",
    "gptj": "GPTJForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "qwen3": "Qwen3ForCausalLM",
}


def refuse(folder: Path | str, loading: Loading = CPU) -> str:
    with pytest.raises(ModelRefused) as refused:
        load(folder, loading)
    return str(refused.value)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_is_loaded_and_says_what_it_is(architecture: str) -> None:
    from tasks.generation.transformers_engine import find_devices

    facts = load_tiny(architecture).facts
    assert (facts.architecture, facts.dtype, facts.quantization, facts.context_tokens) == (
        CLASSES[architecture],
        "float32",
        None,
        CONTEXT,
    )
    assert facts.device.startswith(find_devices()[0] if DEVICE == "auto" else DEVICE)
    assert facts.name == str(find_model(architecture))
    assert facts.revision.startswith("files:")
    assert (facts.eos_text, facts.begin_ids) == ("<|endoftext|>", ())
    assert facts.template_sha256 is not None
    assert len(facts.template_sha256) == 64
    assert set(facts.versions) == {"torch", "transformers"}
    assert 100_000 < facts.parameters < 200_000


def test_the_ends_of_a_model_are_its_end_token_and_its_templates_end_of_turn() -> None:
    model, plain = load_tiny(), load_tiny(chat_template=None)
    assert model.facts.stop_ids == (*model.encode_marked("<|endoftext|>"), *model.encode_marked("<|im_end|>"))
    assert plain.facts.stop_ids == plain.encode_marked("<|endoftext|>")


def test_the_cache_of_a_token_is_what_the_model_keeps() -> None:
    import torch

    for architecture in ARCHITECTURES:
        model = load_tiny(architecture)
        kept = model.model(torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values
        bytes_kept = sum(part.numel() * 4 for layer in kept.layers for part in (layer.keys, layer.values))
        assert model.facts.cache_bytes_per_token * 3 == bytes_kept, architecture


def test_text_of_people_is_read_as_text_and_ours_with_its_marks() -> None:
    model = load_tiny()
    marked = model.encode_marked("<|im_end|>")
    assert len(marked) == 1
    assert len(model.encode("<|im_end|>")) > 1
    assert model.encode("A good answer") == model.encode_marked("A good answer")
    assert model.control_strings() == ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>")


@pytest.mark.parametrize("text", ["Bread  is made,\n\n from flour . ", "Straße 東京 مرحبا 🙂", " leading"])
def test_a_text_comes_back_from_its_tokens_as_it_was(text: str) -> None:
    model = load_tiny()
    assert model.decode((*model.encode(text), *model.facts.stop_ids)) == text


def test_a_thread_is_written_by_the_models_template() -> None:
    written = load_tiny().apply_template([{"role": "user", "content": "Hello"}])
    assert written == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


def test_a_model_without_a_template_says_so() -> None:
    model = load_tiny(chat_template=None)
    assert model.facts.template_sha256 is None
    with pytest.raises(ValueError, match=r"^The model has no chat template\.$"):
        model.apply_template([{"role": "user", "content": "Hello"}])


def test_a_template_that_refuses_a_thread_says_why(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('Only users here.') }}")
    with pytest.raises(ValueError, match=r"^The model's chat template does not take this thread: Only users here\.$"):
        load(folder).apply_template([{"role": "system", "content": "Be kind."}])


def test_sampling_that_a_model_brings_along_is_not_used(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m")
    (folder / "generation_config.json").write_text(
        json.dumps(
            {"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0, "eos_token_id": [1, 9], "max_length": 20}
        )
    )
    model = load(folder)
    assert model.facts.stop_ids == (1, 3, 9)
    row = make_row(load_tiny(), max_tokens=25)
    stopped = load_tiny().generate_padded([replace(row, sampling=replace(row.sampling, stop_ids=(9,)))], is_cut=never)
    assert [out.tokens for out in model.generate_padded([row], is_cut=never)] == [out.tokens for out in stopped]


def test_dtype_and_attention_are_as_asked() -> None:
    facts = load(find_model(), Loading(dtype="bfloat16", device_map="cpu", attention="eager")).facts
    assert (facts.dtype, facts.attention) == ("bfloat16", "eager")
    assert facts.cache_bytes_per_token * 2 == load_tiny().facts.cache_bytes_per_token


def test_a_context_is_never_more_than_the_models() -> None:
    assert load(find_model(), Loading(device_map="cpu", context_tokens=64)).facts.context_tokens == 64
    assert load(find_model(), Loading(device_map="cpu", context_tokens=9_999)).facts.context_tokens == CONTEXT


def test_a_model_of_many_files_is_loaded(tmp_path: Path) -> None:
    folder = build_model(tmp_path / "m", shard_size="100KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    model, whole = load(folder), load_tiny()
    row = make_row(whole)
    assert model.generate_padded([row], is_cut=never)[0].tokens == whole.generate_padded([row], is_cut=never)[0].tokens


def test_a_file_of_weights_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = build_model(tmp_path / "m", shard_size="100KB")
    first = min(folder.glob("model-*.safetensors"))
    first.unlink()
    assert f"are missing, among them {first.name}." in refuse(folder)


def test_weights_that_were_not_copied_whole_are_damaged(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m")
    whole = (folder / WHOLE).read_bytes()
    (folder / WHOLE).write_bytes(whole[: len(whole) // 2])
    said = refuse(folder)
    assert said.startswith(f"The weights of {folder} are damaged: {WHOLE} has ")
    assert said.endswith("it was not copied whole. Copy or download them again.")


def test_an_index_without_its_files_is_refused(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m")
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}}))
    assert "1 of the 1 files of weights" in refuse(folder)


def test_a_tokenizer_that_is_broken_is_said_to_be(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m")
    (folder / "tokenizer.json").write_text("{}")
    assert refuse(folder).startswith(f"The tokenizer of {folder} cannot be loaded: ")


def test_weights_of_another_architecture_are_not_taken(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m", "llama")
    (folder / WHOLE).write_bytes((find_model("gpt2") / WHOLE).read_bytes())
    said = refuse(folder)
    assert said.startswith(f"The weights of {folder} are not those of a LlamaForCausalLM, as its config.json says: ")
    assert "tensors are missing, among them " in said


def test_weights_of_another_size_are_not_taken(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))
    assert refuse(folder).startswith(f"{folder} cannot be loaded: ")


@pytest.mark.parametrize("has_class", [True, False], ids=["torch of now", "torch before 2.8"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "CUDA out of memory. Tried to allocate 2.00 GiB.",
            "{} did not fit in the memory as it was loaded: CUDA out of ",
        ),
        ("CUDA error: device-side assert triggered", "The device failed as {} was loaded: CUDA error: device-side"),
        ("shapes do not match", "{} cannot be loaded: shapes do not match"),
    ],
)
def test_memory_the_device_and_the_model_are_told_apart(
    error: str, said: str, has_class: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    import transformers

    if not has_class:
        monkeypatch.delattr(torch, "AcceleratorError", raising=False)

    def fail(*_args: object, **_named: object) -> None:
        raise RuntimeError(error)

    folder = copy_model(tmp_path / "m")
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", fail)
    assert refuse(folder).startswith(said.format(folder))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "is no causal language model"),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "which"),
        ({"model_type": "own", "auto_map": {"AutoModelForCausalLM": "own.Own"}}, "brings code of its own"),
    ],
)
def test_what_is_no_causal_language_model_of_this_installation_is_refused(
    config: dict[str, object], said: str, tmp_path: Path
) -> None:
    folder = copy_model(tmp_path / "m")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('This must never run.')")
    assert said in refuse(folder)


def test_code_that_came_along_never_runs_without_an_administrators_word(tmp_path: Path) -> None:
    folder = copy_model(tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoModelForCausalLM": "own.Own", "AutoConfig": "own.OwnConfig"}
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": own}))
    (folder / "own.py").write_text("raise SystemExit('This must never run.')")
    assert load(folder).facts.architecture == "LlamaForCausalLM"


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    from tasks.generation import model_memory

    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("Nothing may be loaded.")

    monkeypatch.setattr(model_memory, "measure_machine", lambda: (50 * 2**20, 2**30))
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", fail)
    said = refuse(find_model(), Loading(dtype="float32", device_map="cpu"))
    assert said == (
        f"{find_model()} does not fit: loaded with dtype float32 it needs about 65 MB (1 MB of them weights), and cpu has "
        "50 MB free of 1.0 GB. Load it in a smaller dtype or quantized, or take a smaller model or a larger device."
    )


@pytest.mark.parametrize(
    ("loading", "said"),
    [
        (
            Loading(dtype="float8"),
            'There is no dtype "float8" to load with: take one of auto, float32, bfloat16, float16.',
        ),
        (Loading(attention="magic"), 'There is no attention "magic": take one of sdpa, eager, '),
        (
            Loading(attention="flash_attention_2"),
            'The attention "flash_attention_2" needs a CUDA device and the package',
        ),
        (Loading(quantization="3bit"), 'There is no quantization "3bit" while loading: take one of bnb_4bit, '),
        (Loading(device_map="tpu"), 'There is no device "tpu" for this worker: there is '),
    ],
)
def test_a_setting_that_cannot_be_is_refused(loading: Loading, said: str) -> None:
    assert refuse(find_model(), loading).startswith(said)


@pytest.mark.parametrize(("quantization", "package"), [("bnb_4bit", "bitsandbytes"), ("int8", "torchao")])
def test_a_quantization_whose_package_is_missing_is_refused(
    quantization: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    assert refuse(find_model(), Loading(quantization=quantization)) == (
        f'The quantization "{quantization}" needs the package {package}, which is not installed: `pip install {package}`, '
        "or load the model without it."
    )


def test_a_model_that_was_saved_quantized_is_not_quantized_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    folder = copy_model(tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "quantization_config": {"quant_method": "gptq", "bits": 4}})
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    assert refuse(folder, Loading(quantization="int8", device_map="cpu")) == (
        f'{folder} was saved quantized already (gptq), so it cannot be loaded as "int8": leave the quantization empty.'
    )


def test_a_model_says_how_much_memory_there_is() -> None:
    memory = load_tiny().measure_memory()
    assert 0 < memory.free <= memory.total
    assert 0 < memory.used < memory.total
    load_tiny().clear()


def test_the_demo_model_is_trained_for_a_moment_and_answers_in_words(tmp_path: Path) -> None:
    from tasks.generation.transformers_engine import build_demo_model

    texts = ["What is bread made of?", "Bread is made of flour, water, salt and time.", "Where does the river run?"] * 4
    build_demo_model(tmp_path / "demo", texts, seconds=60, steps=100)
    model = load(tmp_path / "demo")
    prompt = model.encode_marked(model.apply_template([{"role": "user", "content": "What is bread made of?"}]))
    row = replace(make_row(model, max_tokens=30), prompt=prompt)
    output = model.generate_padded([row], is_cut=never)[0]
    assert output.end in {RowEnd.EOS, RowEnd.LENGTH}
    assert set(model.decode(output.tokens).split()) & set(" ".join(texts).split())


def test_the_demo_model_leaves_the_dice_and_threads_of_the_process_alone(tmp_path: Path) -> None:
    import torch

    from tasks.generation.transformers_engine import build_demo_model

    torch.manual_seed(5)
    expected = torch.rand(3).tolist()
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    build_demo_model(tmp_path / "demo", ["one two", "three four"], seconds=0.1, steps=4)
    assert torch.rand(3).tolist() == expected
    assert torch.get_num_threads() == threads


def test_continuous_batching_is_tried_before_it_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    from tasks.generation import transformers_engine

    def fail(model: object) -> str:
        raise TypeError("update() missing 1 required positional argument")

    monkeypatch.setattr(transformers_engine, "compare_ways", fail)
    facts = load(find_model()).facts
    said = f"Continuous batching of transformers {transformers.__version__} fails with this model: update() missing 1 "
    assert (facts.can_continue, facts.continuous_problem) == (False, f"{said}required positional argument")
    monkeypatch.setattr(transformers_engine, "compare_ways", lambda _model: "It says something else.")
    facts = load(find_model()).facts
    assert (facts.can_continue, facts.continuous_problem) == (False, "It says something else.")


def test_continuous_batching_is_not_tried_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.generation import transformers_engine

    tried: list[object] = []
    monkeypatch.setattr(transformers_engine, "compare_ways", lambda model: tried.append(model) or "")
    load(find_model(), Loading(device_map="cpu", batching=Batching.PADDED))
    assert tried == []
    load(find_model(), Loading(device_map="cpu", batching=Batching.AUTO))
    assert len(tried) == 1
