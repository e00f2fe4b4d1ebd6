"""What a chat completion is asked with, and what a generator's record must be for that."""

from typing import Any
from urllib.parse import urlsplit

from tasks.records.generation import GenerationJob, GeneratorRecord
from tasks.vocabulary import MessageRole

#: Keys of the request that are not the administrator's to set through `sampling`.
OUR_KEYS = frozenset({"model", "messages", "seed", "n", "stream", "stream_options"})
#: No generator gets more threads than this, whatever its record says.
MOST_THREADS = 32

_ROLES = {MessageRole.PROMPTER: "user", MessageRole.ASSISTANT: "assistant"}


def check_generator(generator: GeneratorRecord) -> str | None:
    """Check what a server could not tell us: the sentence that says what is wrong, or `None`."""
    try:
        parts = urlsplit(generator.endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and parts.port != 0 and generator.endpoint.isascii()
    except ValueError:
        usable = False
    if not usable or any(c.isspace() or not c.isprintable() for c in generator.endpoint):
        return "The generator's endpoint is not an address. Write it as https://host/v1."
    if parts.username is not None or parts.password is not None:
        return "The generator's endpoint holds a user name or password. Store the key as the API key."
    if parts.query or parts.fragment:
        return "The generator's endpoint has a query or fragment. Write it as https://host/v1."
    if generator.api_key and not (generator.api_key.isascii() and generator.api_key.isprintable()):
        return "The generator's API key holds characters that a header cannot carry. Enter it again."
    ours = sorted(OUR_KEYS & set(generator.sampling))
    if ours:
        return f"The generator's sampling sets {', '.join(ours)}, which each request sets itself. Remove it."
    return None


def count_threads(generator: GeneratorRecord) -> int:
    """How many requests of this generator are in flight at once, at most."""
    return min(max(generator.concurrency, 1), MOST_THREADS)


def build_payload(job: GenerationJob, *, generator: GeneratorRecord) -> dict[str, Any]:
    """Build the request's body: the sampling as written, and what each request sets itself."""
    messages = [{"role": _ROLES[turn.role], "content": turn.text} for turn in job.thread]
    if generator.system_prompt:
        messages.insert(0, {"role": "system", "content": generator.system_prompt})
    payload = {**generator.sampling, "model": generator.model, "messages": messages, "stream": False}
    if job.seed is not None:
        payload["seed"] = job.seed
    return payload


def name_host(endpoint: str) -> str:
    """The scheme, host and port of an endpoint: no path, user, password or query."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
