"""What a server says that it serves, by `GET models`."""

import json
import threading
from collections.abc import Sequence
from typing import Any

import httpx

from tasks.generation.answers import LONGEST_NAME, shorten
from tasks.generation.bodies import UnreadableBody, read_body
from tasks.generation.keys import holds_key
from tasks.records.generation import GeneratorRecord

#: Models that are kept of a list; a hosted service has hundreds.
MOST_MODELS = 500
#: Models that a sentence names.
MOST_NAMED = 8


def list_models(generator: GeneratorRecord, *, client: httpx.Client) -> tuple[str, ...]:
    """The names of what a server serves, in its order; never raises. Some do not say, and work all the same: empty."""
    url = f"{generator.endpoint.rstrip('/')}/models"
    try:
        with client.stream("GET", url, headers=make_headers(generator)) as response:
            if response.status_code != httpx.codes.OK:
                return ()
            body = read_body(response, limit=generator.max_response_bytes)
        models = _read_names(json.loads(body or b""))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError, UnreadableBody):
        return ()
    return tuple(name for name in models if not holds_key(name, key=generator.api_key))


def make_headers(generator: GeneratorRecord) -> dict[str, str]:
    """The headers of every request: the key goes in here and nowhere else."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if generator.api_key:
        headers["Authorization"] = f"Bearer {generator.api_key}"
    return headers


def say_missing(model: str, *, served: Sequence[str]) -> str | None:
    """The sentence that says that a server does not serve a model; None where it does, or does not say."""
    if not served or model in served:
        return None
    named = ", ".join([*served[:MOST_NAMED], *(["…"] if len(served) > MOST_NAMED else [])])
    return f"The server does not serve “{model}”. It serves: {named}."


class Models:
    """A server's list, asked for once by whichever thread needs it first."""

    def __init__(self, generator: GeneratorRecord, *, client: httpx.Client) -> None:
        self._generator = generator
        self._client = client
        self._lock = threading.Lock()
        self._served: tuple[str, ...] | None = None

    def find_missing(self) -> str | None:
        """The sentence of `say_missing` for the generator's model."""
        with self._lock:
            if self._served is None:
                self._served = list_models(self._generator, client=self._client)
            return say_missing(self._generator.model, served=self._served)


def _read_names(data: Any) -> tuple[str, ...]:
    """Names in the shapes that servers use: `{"data": [{"id"}]}`, `{"models": [{"name"}]}`, or the list alone."""
    if isinstance(data, dict):
        data = next((data[key] for key in ("data", "models") if isinstance(data.get(key), list)), [])
    names = []
    for item in data[:MOST_MODELS] if isinstance(data, list) else []:
        found = [item.get(key) for key in ("id", "name", "model")] if isinstance(item, dict) else [item]
        names += [shorten(name, limit=LONGEST_NAME) for name in found if isinstance(name, str) and name][:1]
    return tuple(dict.fromkeys(names))
