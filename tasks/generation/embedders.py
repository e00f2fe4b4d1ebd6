"""What makes vectors of texts, behind one interface: hashing, an encoder of our own, or a server.

    embedder = open_embedder("transformers:sentence-transformers/all-MiniLM-L6-v2", server=None)
    rows = embedder.embed(["Why do birds sing?"])       # float32, one row of length 1 for each text

The word is a campaign's parameter `embedder`. The name that vectors are stored under is the word with a version, so that
another way of making them makes them anew. Whatever fails says so in a sentence for organizers (`EmbedderFailed`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.records.generation import GeneratorRecord
from tasks.text import hashing_vectors

Vectors = NDArray[np.float32]

#: Another way of reading the same model's output is another version.
VERSIONS = {"transformers": 1, "server": 1}
MOST_DIMENSIONS = 8_192


class EmbedderFailed(Exception):
    """No vectors came; the message is a sentence for organizers. `detail`: more, for whoever runs the site alone."""

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.detail = detail


class TextsRefused(EmbedderFailed):
    """Some texts are refused whatever is done with them, by their place, each with the reason; `vectors`: rows of all, theirs zeros."""

    def __init__(self, refused: Mapping[int, str], *, vectors: Vectors) -> None:
        super().__init__(next(iter(refused.values())))
        self.refused, self.vectors = refused, vectors


class Embedder(Protocol):
    """Makes vectors. `at_once`: texts that it takes best in one call."""

    at_once: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of length 1 for each text, or of zeros where there is nothing to say of it. Raises EmbedderFailed, TextsRefused."""


def name_embedder(word: str) -> str:
    """What vectors by this embedder are stored under."""
    kind = word.partition(":")[0]
    return hashing_vectors.NAME if kind == "hashing" else f"{word}@{VERSIONS[kind]}"


def asks_server(word: str) -> bool:
    """Whether this embedder waits for somebody else's server."""
    return word.startswith("server:")


def open_embedder(word: str, *, server: GeneratorRecord | None) -> Embedder:
    """The embedder that a campaign names. `server`: what "server:NAME/MODEL" names. Raises EmbedderFailed."""
    kind, _, rest = word.partition(":")
    if kind == "hashing":
        return HashingEmbedder()
    if kind == "transformers":
        from tasks.generation.embedders_transformers import load_encoder

        return load_encoder(rest)
    from tasks.generation.embedders_server import ServerEmbedder

    name, _, model = rest.partition("/")
    if server is None:
        raise EmbedderFailed(
            f"The site has no generator “{name}” on a server, whose address this embedder would ask. "
            "Administrators make them; or take another embedder.",
        )
    return ServerEmbedder(server, model=model)


class HashingEmbedder:
    """Words hashed into places: no model, nothing to bring."""

    at_once = 256

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([hashing_vectors.embed_text(text) for text in texts], dtype=np.float32).reshape(len(texts), -1)


def as_rows(values: Any, *, count: int) -> Vectors:
    """What a model gave as rows of length 1. Raises EmbedderFailed where that cannot be."""
    try:
        rows = np.asarray(values, dtype=np.float32)
    except (ValueError, TypeError):
        rows = np.empty((0, 0), dtype=np.float32)
    if rows.ndim != 2 or rows.shape[0] != count or not 2 <= rows.shape[1] <= MOST_DIMENSIONS:
        raise EmbedderFailed("The embedder did not give one vector for each text, all of one length.")
    if not np.isfinite(rows).all():
        raise EmbedderFailed("The embedder gave vectors with places that are no numbers.")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled
