"""What a model needs in memory is told from the headers of its files."""

import importlib.util
import json
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks.generation import model_memory
from tasks.generation.model_facts import find_context
from tasks.generation.model_loading import check_loading, choose_devices, choose_place
from tasks.records.generation import Loading
from tasks.records.local_models import Memory, ModelRefused

GIB = 2**30
LLAMA_7B = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "hidden_size": 4096,
    "dtype": "float16",
}


def write_weights(path: Path, tensors: dict[str, tuple[str, list[int]]], *, missing_bytes: int = 0) -> Path:
    """A safetensors file with these tensors, all zeros."""
    header, at = {}, 0
    for name, (kind, shape) in tensors.items():
        size = int(model_memory.BYTES_OF[kind])
        for side in shape:
            size *= side
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + b"\0" * (at - missing_bytes))
    return path


def test_weights_are_counted_as_saved_and_as_loaded(tmp_path: Path) -> None:
    file = write_weights(
        tmp_path / "a", {"model.embed_tokens": ("F16", [100, 10]), "norm": ("F32", [10]), "n": ("I64", [3])}
    )
    assert model_memory.measure_weights([file], dtype="auto", quantization=None) == model_memory.Weights(
        parameters=1013, saved=2000 + 40 + 24, loaded=2000 + 40 + 24
    )
    assert model_memory.measure_weights([file], dtype="float32", quantization=None).loaded == 4000 + 40 + 24


def test_quantization_leaves_embeddings_and_vectors_as_they_are(tmp_path: Path) -> None:
    tensors = {
        "model.embed_tokens.weight": ("BF16", [10, 10]),
        "mlp.weight": ("BF16", [100, 100]),
        "norm": ("BF16", [100]),
    }
    file = write_weights(tmp_path / "a", tensors)
    found = model_memory.measure_weights([file], dtype="auto", quantization="bnb_4bit")
    assert found.loaded == 200 + 5625 + 200


def test_a_file_that_was_not_copied_whole_is_found_by_its_size(tmp_path: Path) -> None:
    file = write_weights(tmp_path / "model.safetensors", {"a": ("F32", [100])}, missing_bytes=7)
    with pytest.raises(model_memory.BrokenWeights, match=r"its header promises .*: it was not copied whole"):
        model_memory.measure_weights([file], dtype="auto", quantization=None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"version https://git-lfs.github.com/spec/v1",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 20) + b"{}",
        struct.pack("<Q", 2**60),
        struct.pack("<Q", 9) + b'{"a": {}}',
    ],
)
def test_a_file_that_is_no_weights_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(model_memory.BrokenWeights, match=r"^model\.safetensors "):
        model_memory.read_header(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("config", "bytes_each", "expected"),
    [
        (LLAMA_7B, 2, 2 * 32 * 4096 * 2),
        ({"n_layer": 28, "n_head": 16, "n_embd": 4096}, 2, 2 * 28 * 4096 * 2),
        (
            {"num_hidden_layers": 2, "num_attention_heads": 8, "hidden_size": 64, "num_key_value_heads": 2},
            4,
            2 * 2 * 16 * 4,
        ),
        (
            {
                "num_hidden_layers": 2,
                "num_attention_heads": 8,
                "hidden_size": 64,
                "num_key_value_heads": 2,
                "head_dim": 32,
            },
            2,
            2 * 2 * 64 * 2,
        ),
        ({"text_config": {"num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 8}}, 2, 32),
    ],
)
def test_the_cache_of_a_token_follows_the_configuration(
    config: dict[str, object], bytes_each: int, expected: int
) -> None:
    assert model_memory.measure_cache(config, bytes_each=bytes_each) == expected


def test_weights_that_are_not_here_yet_are_guessed_from_their_size() -> None:
    saved = 13 * GIB
    assert model_memory.guess_weights(saved, LLAMA_7B, dtype="auto", quantization=None) == saved
    assert model_memory.guess_weights(saved, LLAMA_7B, dtype="float32", quantization=None) == 2 * saved
    assert model_memory.guess_weights(saved, LLAMA_7B, dtype="auto", quantization="bnb_4bit") == pytest.approx(
        saved * 0.28125
    )


def test_this_machine_has_memory_and_this_process_uses_some_of_it() -> None:
    free, total = model_memory.measure_machine()
    assert 0 < free <= total
    assert 10 * 2**20 < model_memory.measure_process() < total


@pytest.mark.parametrize(
    ("count", "written"), [(1, "1 MB"), (300 * 2**20, "300 MB"), (GIB, "1.0 GB"), (13.45 * GIB, "13.4 GB")]
)
def test_sizes_are_written_for_people(count: float, written: str) -> None:
    assert model_memory.write_bytes(count) == written


def test_a_model_goes_where_there_is_most_room() -> None:
    memories = {"cuda:0": Memory(0, 4 * GIB, 24 * GIB), "cuda:1": Memory(0, 20 * GIB, 24 * GIB)}
    assert choose_place("m", 14 * GIB, memories=memories, loading=Loading()) == "cuda:1"


def test_a_model_that_fits_no_device_alone_lies_on_all_of_them() -> None:
    memories = {f"cuda:{at}": Memory(0, 20 * GIB, 24 * GIB) for at in range(2)}
    assert choose_place("m", 30 * GIB, memories=memories, loading=Loading()) == "auto"


def test_a_model_that_does_not_fit_is_refused_with_figures() -> None:
    memories = {"cuda:0": Memory(4 * GIB, 20 * GIB, 24 * GIB)}
    with pytest.raises(ModelRefused) as refused:
        choose_place("org/model", 26 * GIB, memories=memories, loading=Loading(dtype="bfloat16"))
    assert str(refused.value) == (
        "org/model does not fit: loaded with dtype bfloat16 it needs about 27.3 GB (26.0 GB of them weights), and cuda:0 "
        "has 20.0 GB free of 24.0 GB. Load it in a smaller dtype or quantized, or take a smaller model or a larger device."
    )


@pytest.mark.parametrize(
    ("wish", "devices", "chosen"),
    [
        ("auto", ("cpu",), ("cpu",)),
        ("auto", ("cuda:0", "cuda:1", "cpu"), ("cuda:0", "cuda:1")),
        ("auto", ("mps", "cpu"), ("mps",)),
        ("cuda", ("cuda:0", "cuda:1", "cpu"), ("cuda:0",)),
        ("cuda:1", ("cuda:0", "cuda:1", "cpu"), ("cuda:1",)),
        ("cpu", ("cuda:0", "cpu"), ("cpu",)),
    ],
)
def test_a_setting_names_a_device_or_leaves_it_to_the_worker(
    wish: str, devices: tuple[str, ...], chosen: tuple[str, ...]
) -> None:
    assert choose_devices(wish, devices=devices) == chosen


@pytest.mark.parametrize("wish", ["cuda", "cuda:3", "mps", "tpu"])
def test_a_device_that_is_not_here_is_refused(wish: str) -> None:
    with pytest.raises(ModelRefused, match=f'There is no device "{wish}" for this worker: there is cpu'):
        choose_devices(wish, devices=("cpu",))


@pytest.mark.parametrize("quantization", ["bnb_4bit", "bnb_8bit", "int4"])
def test_a_quantization_that_needs_cuda_is_refused_without(quantization: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    loading = Loading(quantization=quantization)
    with pytest.raises(ModelRefused) as refused:
        check_loading(loading, devices=("cpu",))
    assert str(refused.value) == (f'The quantization "{quantization}" needs a CUDA device, and this worker sees none.')
    check_loading(loading, devices=("cuda:0", "cpu"))


@pytest.mark.parametrize("quantization", [None, "int8", "float8"])
def test_other_quantizations_work_anywhere(quantization: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    check_loading(Loading(quantization=quantization), devices=("cpu",))


@pytest.mark.parametrize(
    ("config", "tokenizer", "context"),
    [
        ({"max_position_embeddings": 4096}, 1000, 4096),
        ({"n_positions": 1024}, 512, 1024),
        ({"seq_length": 2048}, int(1e30), 2048),
        ({}, 512, 512),
        ({}, int(1e30), 2048),
        ({"max_position_embeddings": 10**7}, 512, 2**20),
    ],
)
def test_a_context_is_what_the_configuration_or_the_tokenizer_says(
    config: dict[str, int], tokenizer: int, context: int
) -> None:
    assert find_context(SimpleNamespace(**config), SimpleNamespace(model_max_length=tokenizer)) == context
