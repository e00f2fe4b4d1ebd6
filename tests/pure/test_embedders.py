"""Vectors of texts by each kind of embedder, and what keeps one from making them."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.generation import embedders_transformers
from tasks.generation.embedders import EmbedderFailed, TextsRefused, as_rows, asks_server, name_embedder, open_embedder
from tasks.records.generation import GeneratorRecord
from tasks.text.hashing_vectors import DIMENSIONS, embed_text
from tasks.vocabulary import Engine


def nearness(one: str, other: str) -> float:
    return float(np.dot(embed_text(one), embed_text(other)))


@given(st.text(max_size=200))
def test_any_text_has_a_vector_of_length_one_or_of_zeros(text):
    vector = embed_text(text)
    assert len(vector) == DIMENSIONS
    assert np.linalg.norm(vector) == pytest.approx(1) or not any(vector)


def test_texts_that_share_words_are_nearer_than_others_in_every_script():
    assert nearness("How do I bake bread?", "Bread: how is it baked?") > 0.4
    assert nearness("How do I bake bread?", "Where is the harbour?") < 0.3
    assert nearness("面包怎么烤", "怎么烤面包") > 0.6
    assert nearness("", "bread") == 0


def test_hashing_is_the_same_for_ever():
    """What is stored by this version is compared with what is made by it."""
    vector = embed_text("Why do birds sing?")
    places = sorted(range(DIMENSIONS), key=lambda place: -abs(vector[place]))[:3]
    assert [(place, round(vector[place], 4)) for place in places] == HASHED


HASHED = [(332, 0.5913), (64, 0.473), (233, 0.3548)]


def test_names_carry_a_version():
    assert name_embedder("hashing") == "hashing@1"
    assert name_embedder("server:a/b/c") == "server:a/b/c@1"
    assert [asks_server(word) for word in ("hashing", "transformers:x", "server:a/b")] == [False, False, True]


@pytest.mark.parametrize(
    "values",
    [[[1.0, 2.0]], [[1.0], [2.0]], [[1.0, float("nan")], [0.0, 1.0]], [["a", "b"], ["c", "d"]], [[1, 2], [1]], None],
)
def test_what_is_no_vector_for_each_text_is_refused(values):
    with pytest.raises(EmbedderFailed):
        as_rows(values, count=2)


def test_rows_have_length_one_and_zeros_stay():
    assert as_rows([[3, 4], [0, 0]], count=2).tolist() == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))


@contextmanager
def serve(answer, status=200):
    """A server that answers every `POST /v1/embeddings` by a function of what was asked; yields its record and the requests."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, self.headers.get("Authorization"), asked))
            body = json.dumps(answer(asked)).encode()
            self.send_response(status if isinstance(status, int) else status(asked))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        endpoint = f"http://127.0.0.1:{server.server_port}/v1"
        yield (
            GeneratorRecord(1, "ours", Engine.OPENAI, endpoint, "m", api_key="secret-key-1", read_timeout_seconds=30),
            seen,
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_server_is_asked_with_its_key_and_numbers_its_answers():
    def answer(asked):
        rows = [{"index": place, "embedding": [place + 1.0, 0.0]} for place in range(len(asked["input"]))]
        rows[1]["embedding"] = [0.0, 5.0]
        return {"data": rows[::-1]}

    with serve(answer) as (record, seen):
        rows = open_embedder("server:ours/small/model", server=record).embed(["a", "b", ""])
    assert rows.tolist() == [[1, 0], [0, 1], [1, 0]]
    path, key, asked = seen[0]
    assert (path, key) == ("/v1/embeddings", "Bearer secret-key-1")
    assert asked == {"model": "small/model", "input": ["a", "b", " "], "encoding_format": "float"}


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        ({"error": {"message": "no model secret-key-1"}}, 404, "refused the request (404). It said: no model [key]"),
        ({"data": []}, 200, "did not give one vector for each text"),
        ({"data": [{"embedding": "x"}]}, 200, "did not give one vector for each text"),
        ({"other": 1}, 200, "holds no vectors"),
        ([1], 200, "holds no vectors"),
    ],
)
def test_what_a_server_does_wrong_is_told_without_its_key(answer, status, told):
    with serve(lambda _asked: answer, status) as (record, _), pytest.raises(EmbedderFailed) as failed:
        open_embedder("server:ours/m", server=record).embed(["a"])
    assert told in str(failed.value)
    assert "secret-key-1" not in str(failed.value)


def test_a_text_that_is_too_long_for_the_model_keeps_no_others_from_their_vectors():
    def refuses(asked):
        return any(len(text) > 300 for text in asked["input"])

    def answer(asked):
        if refuses(asked):
            return {"error": {"message": "too many tokens"}}
        return {"data": [{"index": place, "embedding": [len(text), 1]} for place, text in enumerate(asked["input"])]}

    with serve(answer, lambda asked: 400 if refuses(asked) else 200) as (record, _seen):
        rows = open_embedder("server:it/m", server=record).embed(["a" * 10, "b" * 1_000, "c" * 30])
    assert rows == pytest.approx(as_rows([[10, 1], [250, 1], [30, 1]], count=3))


def test_a_text_that_is_always_refused_is_told_apart_after_a_second_try_and_the_others_have_their_vectors():
    def refuses(asked):
        return "curse" in asked["input"]

    def answer(asked):
        if refuses(asked):
            return {"error": {"message": "flagged"}}
        return {"data": [{"index": place, "embedding": [3, 4]} for place in range(len(asked["input"]))]}

    with serve(answer, lambda asked: 422 if refuses(asked) else 200) as (record, seen):
        with pytest.raises(TextsRefused) as refusal:
            open_embedder("server:it/m", server=record).embed(["a", "curse", "b"])
        with pytest.raises(TextsRefused):
            open_embedder("server:it/m", server=record).embed(["curse"])
    assert refusal.value.vectors == pytest.approx(np.array([[0.6, 0.8], [0, 0], [0.6, 0.8]]))
    assert list(refusal.value.refused) == [1]
    assert "(422). It said: flagged" in refusal.value.refused[1]
    assert [asked["input"] for _, _, asked in seen].count(["curse"]) == 4


def test_a_server_that_refuses_every_text_is_told_and_not_asked_for_ever():
    with (
        serve(lambda _asked: {"error": {"message": "no such model"}}, 400) as (record, seen),
        pytest.raises(EmbedderFailed, match="no such model"),
    ):
        open_embedder("server:it/m", server=record).embed(["a" * 8_000] * 64)
    assert len(seen) < 20


def test_a_server_that_is_not_there_and_one_that_nobody_named_are_told():
    gone = GeneratorRecord(1, "ours", Engine.OPENAI, "http://127.0.0.1:9/v1", "m")
    with pytest.raises(EmbedderFailed, match="cannot be reached"):
        open_embedder("server:ours/m", server=gone).embed(["a"])
    with pytest.raises(EmbedderFailed, match="no generator “ours” on a server"):
        open_embedder("server:ours/m", server=None)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A tiny encoder, built and saved here."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from tasks.generation.tokenizer_building import build_tokenizer
    from tests.tiny_models import TEXTS

    folder = tmp_path_factory.mktemp("encoder")
    build_tokenizer(folder, TEXTS, vocabulary=300, context_tokens=40, chat_template=None)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=40,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.mark.torch
@pytest.mark.parametrize("pooling", ["", "cls", "last"])
def test_an_encoder_gives_the_same_vector_to_a_text_whatever_stands_beside_it(encoder, pooling):
    from tasks.generation.embedders_transformers import forget_encoders

    (encoder / "1_Pooling").mkdir(exist_ok=True)
    said = {"pooling_mode_cls_token": pooling == "cls", "pooling_mode_lasttoken": pooling == "last"}
    (encoder / "1_Pooling" / "config.json").write_text(json.dumps(said))
    forget_encoders()
    embedder = open_embedder(f"transformers:{encoder}", server=None)
    texts = ["The river runs down.", "Bread", "word " * 500]
    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert together.shape == (3, 32)
    assert together == pytest.approx(alone, abs=1e-4)
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1, 1])


@pytest.mark.torch
def test_whether_a_folder_is_there_is_not_to_be_told_from_the_refusal(tmp_path):
    there, gone = tmp_path / "one", tmp_path / "two"
    there.mkdir()
    (there / "config.json").write_text("{}")
    refusals = {}
    for folder in (there, gone):
        with pytest.raises(EmbedderFailed) as refusal:
            open_embedder(f"transformers:{folder}", server=None)
        refusals[folder] = refusal.value
    assert str(refusals[there]).replace(str(there), "x") == str(refusals[gone]).replace(str(gone), "x")
    assert refusals[gone].detail == "no such folder where the workers run"
    assert refusals[there].detail not in ("", refusals[gone].detail)


def test_the_last_two_encoders_are_kept_and_no_more(monkeypatch):
    loaded = []
    held = []

    def load(name):
        held.append(len(embedders_transformers._loaded))
        loaded.append(name)
        return name

    monkeypatch.setattr(embedders_transformers, "_load", load)
    embedders_transformers.forget_encoders()
    for name in ("a", "b", "a", "c", "a", "b"):
        assert embedders_transformers.load_encoder(name) == name
    assert loaded == ["a", "b", "c", "b"]
    assert held == [0, 1, 1, 1]  # the oldest goes before the next takes its memory
    embedders_transformers.forget_encoders()
