"""What is wrong with a model's files is found before anything of them is loaded, and said in a sentence."""

import json
from pathlib import Path

import pytest

from tasks.generation.model_files import INDEX, WHOLE, Known, ModelFiles, find_model, read_folder
from tasks.records.local_models import ModelRefused
from tests.pure.test_model_memory import write_weights

KNOWN = Known(types={"llama", "bert"}, classes={"LlamaForCausalLM"})
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of one file."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(LLAMA))
    (made / "tokenizer.json").write_text("{}")
    write_weights(made / WHOLE, {"a": ("F32", [2])})
    return made


def read(folder: Path, *, trust_remote_code: bool = False) -> ModelFiles:
    return read_folder("m", folder, revision="", trust_remote_code=trust_remote_code, known=KNOWN)


def refuse(folder: Path) -> str:
    with pytest.raises(ModelRefused) as refused:
        read(folder)
    return str(refused.value)


def test_a_whole_folder_is_read(folder: Path) -> None:
    files = read(folder)
    assert (files.name, files.folder, files.weights, files.config, files.needs_code) == (
        "m",
        folder,
        (folder / WHOLE,),
        LLAMA,
        False,
    )


def test_two_folders_of_the_same_model_have_the_same_revision_and_another_model_has_not(
    folder: Path, tmp_path: Path
) -> None:
    first = read(folder).revision
    assert first.startswith("files:")
    assert read(folder.rename(tmp_path / "moved")).revision == first
    write_weights(tmp_path / "moved" / WHOLE, {"a": ("F32", [3])})
    assert read(tmp_path / "moved").revision != first


def test_a_revision_that_was_asked_for_names_a_folder(folder: Path) -> None:
    assert read_folder("m", folder, revision="v2", trust_remote_code=False, known=KNOWN).revision == "v2"


def test_a_folder_of_the_hubs_cache_has_its_commit_for_a_revision(folder: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = folder.rename(folder.parent / commit)
    assert read_folder("m", snapshot, revision="main", trust_remote_code=False, known=KNOWN).revision == commit


def test_files_of_an_index_are_all_needed(folder: Path) -> None:
    (folder / WHOLE).unlink()
    names = {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-2.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": names}))
    write_weights(folder / "model-1.safetensors", {"a": ("F32", [2])})
    assert refuse(folder) == (
        "1 of the 2 files of weights of m are missing, among them model-2.safetensors. Copy or download it again."
    )
    write_weights(folder / "model-2.safetensors", {"b": ("F32", [2])})
    assert read(folder).weights == (folder / "model-1.safetensors", folder / "model-2.safetensors")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": 3}'])
def test_an_index_that_cannot_be_read_is_said(content: str, folder: Path) -> None:
    (folder / INDEX).write_text(content)
    assert refuse(folder).startswith(f"{INDEX} of the model cannot be read")


def test_an_index_names_no_files_elsewhere(folder: Path) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": {"a": "../other/model.safetensors"}}))
    assert refuse(folder) == f"{INDEX} of the model names files outside of its folder."


def test_weights_that_are_missing_are_said(folder: Path) -> None:
    (folder / WHOLE).unlink()
    assert refuse(folder) == f"The weights of m are missing: there is neither {WHOLE} nor {INDEX}."


def test_pickled_weights_are_not_loaded(folder: Path) -> None:
    (folder / WHOLE).rename(folder / "pytorch_model.bin")
    assert refuse(folder).startswith(
        "The weights of m are there as pytorch_model.bin alone, a format that can run code of whoever made it."
    )


def test_a_tokenizer_is_needed(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    assert refuse(folder).startswith("The folder of m holds no tokenizer")
    (folder / "vocab.json").write_text("{}")
    assert refuse(folder).startswith("The folder of m holds no tokenizer")
    (folder / "merges.txt").write_text("")
    assert read(folder).name == "m"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "The config.json of m cannot be read: "),
        ("[]", "The config.json of m does not say what kind of model it is"),
        ('{"hidden_size": 3}', "The config.json of m does not say what kind of model it is"),
        (
            '{"model_type": "bert", "architectures": ["BertForMaskedLM"]}',
            "m is no causal language model: its config.json says BertForMaskedLM.",
        ),
        ('{"model_type": "llama", "architectures": ["LlamaModel"]}', "m is no causal language model"),
        ('{"model_type": "newest"}', 'This installation does not know models of the type "newest", which m is.'),
        (
            '{"model_type": "own", "auto_map": {"AutoModelForCausalLM": "modeling_own.Own"}}',
            "m brings code of its own, which would run on this machine, and this was not allowed.",
        ),
    ],
)
def test_a_configuration_that_is_none_of_a_causal_language_model_is_refused(
    content: str, said: str, folder: Path
) -> None:
    (folder / "config.json").write_text(content)
    assert refuse(folder).startswith(said)


def test_code_of_a_model_runs_on_an_administrators_word(folder: Path) -> None:
    (folder / "config.json").write_text(
        '{"model_type": "own", "auto_map": {"AutoModelForCausalLM": "modeling_own.Own"}}'
    )
    (folder / "tokenizer.json").unlink()
    assert read(folder, trust_remote_code=True).needs_code


def test_code_that_is_not_needed_is_not_asked_about(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({**LLAMA, "auto_map": {"AutoModelForCausalLM": "modeling.Own"}}))
    assert not read(folder).needs_code


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("adapter_config.json", "m is an adapter, not a model. Merge it into its base model"),
        ("model.Q4_K_M.gguf", "m holds GGUF files, which llama.cpp and Ollama read."),
        ("notes.md", "m has no config.json, so it is no model that can be loaded, or it was not copied whole."),
    ],
)
def test_a_folder_without_a_configuration_says_what_it_looks_like(file: str, said: str, folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / file).write_text("")
    assert refuse(folder).startswith(said)


@pytest.mark.parametrize("name", ["", "/nowhere/model", "./model", "~/model", "a/b/c", "C:\\model", "a b"])
def test_a_name_that_is_no_folder_and_no_name_on_the_hub_is_not_looked_for_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = f"There is no folder {name} on this machine." if name else "No model was named."
    with pytest.raises(ModelRefused) as refused:
        find_model(
            name,
            revision="",
            cache_folder=tmp_path,
            trust_remote_code=False,
            known=KNOWN,
            check_size=lambda _config, _saved: None,
            say=lambda _words: None,
        )
    assert str(refused.value).startswith(said)
