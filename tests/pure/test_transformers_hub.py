"""Models by their names on the hub: what is not here is brought, and only once; what cannot be brought is said."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tasks.generation.model_files import Known, ModelFiles, find_model
from tasks.records.local_models import ModelRefused
from tests.tiny_models import build_model, copy_model, make_row, never

pytestmark = pytest.mark.torch

COMMIT = "0123456789abcdef0123456789abcdef01234567"
KNOWN = Known(types={"llama"}, classes={"LlamaForCausalLM"})


class Hub:
    """A hub of one model, `org/tiny`, whose files lie in a folder. `asked`: paths of files that were fetched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.is_gated = False
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self)

            def do_HEAD(self) -> None:
                hub.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(handler.path).path)
        files = {file.name: file for file in self.folder.iterdir()}
        if self.is_gated:
            self.send(handler, 403, {"error": "gated"}, {"X-Error-Code": "GatedRepo"})
        elif path in {"/api/models/org/tiny/revision/main", f"/api/models/org/tiny/revision/{COMMIT}"}:
            siblings = [{"rfilename": name} for name in files]
            self.send(handler, 200, {"id": "org/tiny", "sha": COMMIT, "siblings": siblings})
        elif path.startswith(f"/api/models/org/tiny/tree/{COMMIT}"):
            tree = [
                {"type": "file", "path": name, "size": file.stat().st_size, "oid": f"{at:040x}"}
                for at, (name, file) in enumerate(files.items())
            ]
            self.send(handler, 200, tree)
        elif path.startswith("/org/tiny/resolve/") and path.rsplit("/", 1)[1] in files:
            name = path.rsplit("/", 1)[1]
            if handler.command == "GET":
                self.asked.append(name)
            self.send(handler, 200, files[name].read_bytes(), {"X-Repo-Commit": COMMIT, "ETag": f'"{name}"'})
        elif path.startswith("/api/models/org/tiny/"):
            self.send(handler, 404, {"error": "no such revision"}, {"X-Error-Code": "RevisionNotFound"})
        else:
            self.send(handler, 404, {"error": "no such repository"}, {"X-Error-Code": "RepoNotFound"})

    def send(
        self, handler: BaseHTTPRequestHandler, status: int, content: Any, headers: dict[str, str] | None = None
    ) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    hub = Hub(copy_model(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield hub
    hub.stop()


def find(name: str, cache: Path, *, revision: str = "", check_size: Any = lambda _config, _saved: None) -> ModelFiles:
    return find_model(
        name,
        revision=revision,
        cache_folder=cache,
        trust_remote_code=False,
        known=KNOWN,
        check_size=check_size,
        say=lambda _words: None,
    )


def refuse(name: str, cache: Path, **more: Any) -> str:
    with pytest.raises(ModelRefused) as refused:
        find(name, cache, **more)
    return str(refused.value)


def test_a_model_is_brought_once_and_loaded_by_its_commit(hub: Hub, tmp_path: Path) -> None:
    from tasks.generation.transformers_engine import load_model
    from tasks.records.generation import Loading

    said: list[str] = []
    for _ in range(2):
        model = load_model(
            name="org/tiny",
            revision="main",
            loading=Loading(device_map="cpu"),
            cache_folder=tmp_path / "cache",
            say=said.append,
        )
        assert (model.facts.name, model.facts.revision) == ("org/tiny", COMMIT)
    assert len(model.generate_padded([make_row(model)], is_cut=never)[0].tokens) == 12
    assert said == [
        "Bringing the weights of org/tiny from the hub.",
        *(["Loading org/tiny: 1 MB of weights on cpu."] * 2),
    ]
    small = {"config.json", "generation_config.json", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json"}
    assert sorted(hub.asked) == sorted({"model.safetensors", *small})


def test_code_and_pickles_of_a_model_are_left_where_they_are(hub: Hub, tmp_path: Path) -> None:
    for name in ("modeling.py", "pytorch_model.bin", "setup.sh"):
        (hub.folder / name).write_text("")
    find("org/tiny", tmp_path / "cache")
    assert not set(hub.asked) & {"modeling.py", "pytorch_model.bin", "setup.sh"}


def test_weights_that_do_not_fit_are_not_brought(hub: Hub, tmp_path: Path) -> None:
    sizes: list[int] = []

    def check_size(config: Any, saved: int) -> None:
        assert config["model_type"] == "llama"
        sizes.append(saved)
        raise ModelRefused("It does not fit.")

    assert refuse("org/tiny", tmp_path / "cache", check_size=check_size) == "It does not fit."
    assert sizes == [(hub.folder / "model.safetensors").stat().st_size]
    assert "model.safetensors" not in hub.asked


def test_all_files_of_an_index_are_brought(hub: Hub, tmp_path: Path) -> None:
    (hub.folder / "model.safetensors").unlink()
    build_model(hub.folder, shard_size="100KB")
    files = find("org/tiny", tmp_path / "cache")
    assert sorted(path.name for path in files.weights) == sorted(p.name for p in hub.folder.glob("model-*.safetensors"))
    assert len(files.weights) > 2


def test_a_model_that_was_brought_is_found_without_a_network(hub: Hub, tmp_path: Path) -> None:
    find("org/tiny", tmp_path / "cache")
    hub.stop()
    assert find("org/tiny", tmp_path / "cache").revision == COMMIT
    assert find("org/tiny", tmp_path / "cache", revision=COMMIT).revision == COMMIT


def test_a_model_that_is_not_here_and_cannot_be_brought_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.stop()
    said = refuse("org/tiny", tmp_path / "cache")
    assert said.startswith("The model org/tiny is not (or not whole) on this machine, and the hub cannot be reached (")
    assert said.endswith("Download it where there is a network, and give its folder.")


def test_a_worker_that_is_told_to_stay_offline_asks_nobody(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refuse("org/tiny", tmp_path / "cache").startswith("The model org/tiny is not (or not whole) on this machine")
    assert hub.asked == []


def test_a_name_that_the_hub_does_not_know_is_refused(hub: Hub, tmp_path: Path) -> None:
    assert refuse("org/other", tmp_path / "cache") == (
        "There is no model org/other on the hub that this worker may read. Look at its name; a private one needs HF_TOKEN. "
        "For a folder give its whole path."
    )


def test_a_revision_that_the_hub_does_not_know_is_refused(hub: Hub, tmp_path: Path) -> None:
    assert refuse("org/tiny", tmp_path / "cache", revision="v9") == "The model org/tiny has no revision v9 on the hub."


def test_a_model_whose_terms_nobody_accepted_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.is_gated = True
    assert refuse("org/tiny", tmp_path / "cache").startswith("The makers of org/tiny want its terms accepted first")


def test_a_model_without_safetensors_is_refused(hub: Hub, tmp_path: Path) -> None:
    (hub.folder / "model.safetensors").rename(hub.folder / "pytorch_model.bin")
    assert refuse("org/tiny", tmp_path / "cache").startswith(
        "The model org/tiny has no weights as safetensors on the hub"
    )
    assert "pytorch_model.bin" not in hub.asked
