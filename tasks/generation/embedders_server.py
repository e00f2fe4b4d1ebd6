"""Vectors by a server with OpenAI's `POST embeddings` (vLLM, SGLang, llama.cpp, Ollama, text-embeddings-inference, hosted ones).

The address and the key are those of a generator of the site, so that administrators say once which servers are asked.
One request at a time, no redirects, bounded answers. What goes wrong for a while is tried again by the next run. A text that
the server refuses twice, alone and short, while it takes a plain word, is told apart, so that it keeps no others waiting.
"""

import json
from collections.abc import Sequence
from typing import Any

import httpx

from tasks.generation.answers import shorten
from tasks.generation.bodies import UnreadableBody, read_body, read_error_words
from tasks.generation.embedders import EmbedderFailed, TextsRefused, Vectors, as_rows
from tasks.generation.keys import hide_key
from tasks.generation.listing import make_headers
from tasks.records.generation import GeneratorRecord

#: Characters of a text that are sent: models take no more tokens than that has.
MOST_CHARS = 8_000
MOST_ANSWER_BYTES = 64 * 2**20
#: How servers say that a text is too long for the model; it is then cut in half until it fits, down to so few characters.
TOO_LONG = (400, 413, 422)
FEWEST_CHARS = 100
#: What any model takes: a server that refuses this too refuses everything.
PLAIN = "word"


class Refused(EmbedderFailed):
    """The server did not take these texts; it may take each alone, or its beginning."""


class ServerEmbedder:
    """Asks for the vectors of one model."""

    at_once = 64

    def __init__(self, server: GeneratorRecord, *, model: str) -> None:
        self._server, self._model = server, model

    def embed(self, texts: Sequence[str]) -> Vectors:
        try:
            with httpx.Client(
                timeout=httpx.Timeout(self._server.read_timeout_seconds, connect=self._server.connect_timeout_seconds),
                follow_redirects=False,
                trust_env=False,
            ) as client:
                found = self._ask_apart(client, [text[:MOST_CHARS] or " " for text in texts])
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnreadableBody) as error:
            words = hide_key(shorten(str(error)) or type(error).__name__, key=self._server.api_key)
            raise EmbedderFailed(f"The server of the embedder cannot be reached: {words}") from error
        return _tell_apart(found)

    def _ask_apart(self, client: httpx.Client, texts: Sequence[str]) -> list[Any]:
        """Ask for all at once; where the server refuses, for halves of them, and for the beginning of one that is too long.

        So one text keeps no others of a campaign without vectors. Where one is refused all the same, its place has the refusal.
        """
        try:
            return self._ask(client, texts)
        except Refused:
            if len(texts) > 1:
                middle = len(texts) // 2
                return [*self._ask_apart(client, texts[:middle]), *self._ask_apart(client, texts[middle:])]
            if len(texts[0]) > FEWEST_CHARS:
                return self._ask_apart(client, [texts[0][: len(texts[0]) // 2]])
            self._ask(client, [PLAIN])
            return self._ask_again(client, texts)

    def _ask_again(self, client: httpx.Client, texts: Sequence[str]) -> list[Any]:
        try:
            return self._ask(client, texts)
        except Refused as refusal:
            return [refusal]

    def _ask(self, client: httpx.Client, texts: Sequence[str]) -> list[Any]:
        url = f"{self._server.endpoint.rstrip('/')}/embeddings"
        asked = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        with client.stream("POST", url, json=asked, headers=make_headers(self._server)) as response:
            if response.status_code != httpx.codes.OK:
                words = hide_key(read_error_words(response), key=self._server.api_key)
                failure = Refused if response.status_code in TOO_LONG else EmbedderFailed
                raise failure(f"The server of the embedder refused the request ({response.status_code}).{words}")
            body = read_body(response, limit=MOST_ANSWER_BYTES)
        if body is None:
            raise EmbedderFailed(f"The answer of the embedder's server is larger than {MOST_ANSWER_BYTES} bytes.")
        return _read_vectors(body, count=len(texts))


def _tell_apart(found: Sequence[Any]) -> Vectors:
    """The rows. Raises TextsRefused where the server took some texts, or a plain word, and others not."""
    refused = {place: str(one) for place, one in enumerate(found) if isinstance(one, Refused)}
    if not refused:
        return as_rows(found, count=len(found))
    taken = next((one for one in found if not isinstance(one, Refused)), [0.0, 0.0])
    zeros = [0.0] * len(taken) if isinstance(taken, list) else taken
    rows = as_rows([zeros if isinstance(one, Refused) else one for one in found], count=len(found))
    raise TextsRefused(refused, vectors=rows)


def _read_vectors(body: bytes, *, count: int) -> list[Any]:
    """The vectors in the order of the texts; servers may answer in another one and number them."""
    try:
        data = json.loads(body)["data"]
        numbered = sorted((item.get("index", place), place, item["embedding"]) for place, item in enumerate(data))
        vectors = [vector for _, _, vector in numbered]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EmbedderFailed("The server of the embedder gave an answer that holds no vectors.") from error
    if len(vectors) != count:
        raise EmbedderFailed("The server of the embedder did not give one vector for each text.")
    return vectors
