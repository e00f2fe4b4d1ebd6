"""What a completion is asked with, and what a generator's record must be for that."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tasks.generation.controls import Controls, defuse
from tasks.generation.prompt_formats import find_format, render
from tasks.generation.samplings import DEFAULT_MAX_TOKENS
from tasks.generation.servers import find_facts, translate_sampling
from tasks.records.generation import GenerationJob, GeneratorRecord
from tasks.vocabulary import MessageRole

#: Keys of the request that are not the administrator's to set through `sampling`.
OUR_KEYS = frozenset({"model", "messages", "prompt", "seed", "n", "stream", "stream_options"})
#: No generator gets more threads than this, whatever its record says.
MOST_THREADS = 32
#: What the chat templates of open models say who speaks with: a server with such a model reads it in people's text too.
#: `<s>` and `</s>` are left alone, because in people's questions they are HTML.
CHAT_CONTROLS = Controls(
    (
        *("<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>"),
        *("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"),
        *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
        *("<start_of_turn>", "<end_of_turn>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|prompter|>"),
        *("<|start|>", "<|channel|>", "<|message|>", "<|return|>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
        *("<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"),
    )
)

_ROLES = {MessageRole.PROMPTER: "user", MessageRole.ASSISTANT: "assistant"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the path after the endpoint and the body; what of the sampling is used, and what is not.

    `defused`: control strings in people's text that were broken up.
    """

    path: str
    payload: Mapping[str, Any]
    effective: Mapping[str, Any]
    dropped: tuple[str, ...]
    defused: int = 0


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
    return _check_format(generator)


def _check_format(generator: GeneratorRecord) -> str | None:
    if not generator.prompt_format:
        return None
    try:
        find_format(generator.prompt_format)
    except LookupError as error:
        return str(error.args[0])
    if not find_facts(generator.server_kind).takes_prompts:
        return (
            "A server of this kind writes each prompt into the model's own template, so a prompt format has no place "
            "there. Clear the prompt format."
        )
    return None


def count_threads(generator: GeneratorRecord) -> int:
    """How many requests of this generator are in flight at once, at most."""
    return min(max(generator.concurrency, 1), MOST_THREADS)


def build_request(job: GenerationJob, *, generator: GeneratorRecord) -> Asked:
    """Build a request as the server takes it: the sampling, and what each request sets itself; never streamed."""
    facts = find_facts(generator.server_kind)
    sent = translate_sampling(generator.sampling, kind=generator.server_kind)
    effective, dropped = dict(sent.effective), sent.dropped
    payload = {name: _write(value) for name, value in sent.keys.items()}
    if generator.prompt_format:
        path = "completions"
        ours, defused = _write_prompt(job, generator=generator, effective=effective)
    else:
        path = "chat/completions"
        ours, defused = _write_messages(job, generator=generator)
    payload |= {**ours, "model": generator.model, "stream": False}
    if job.seed is not None and facts.has_seeds:
        payload["seed"] = job.seed
    elif job.seed is not None:
        dropped = tuple(sorted({*dropped, "seed"}))
    return Asked(path, payload, effective, dropped, defused)


def _write_messages(job: GenerationJob, *, generator: GeneratorRecord) -> tuple[dict[str, Any], int]:
    """The thread as messages. Whatever serves the model, its tokenizer may read marks of a template out of a text."""
    texts = [defuse(turn.text, controls=CHAT_CONTROLS) for turn in job.thread]
    messages = [{"role": _ROLES[turn.role], "content": text.text} for turn, text in zip(job.thread, texts, strict=True)]
    if generator.system_prompt:
        messages.insert(0, {"role": "system", "content": generator.system_prompt})
    return {"messages": messages}, sum(text.count for text in texts)


def _write_prompt(
    job: GenerationJob, *, generator: GeneratorRecord, effective: dict[str, Any]
) -> tuple[dict[str, Any], int]:
    """The thread in a prompt format. A completion without `max_tokens` is 16 tokens long on many servers."""
    written = render(
        generator.prompt_format,
        thread=job.thread,
        system_prompt=generator.system_prompt,
        model=generator.model,
    )
    own = effective.get("stop") or ()
    stop = list(dict.fromkeys([*([own] if isinstance(own, str) else own), *written.stop]))
    effective.setdefault("max_tokens", DEFAULT_MAX_TOKENS)
    ours: dict[str, Any] = {"prompt": written.text, "max_tokens": effective["max_tokens"]}
    if stop:
        ours["stop"] = effective["stop"] = stop
    if written.stop_ids and find_facts(generator.server_kind).takes_stop_ids:
        ours["stop_token_ids"] = effective["stop_token_ids"] = list(written.stop_ids)
    return ours, written.defused


def _write(value: Any) -> Any:
    """A table goes as JSON text, which is how the one server that has such a key takes it."""
    return json.dumps(value) if isinstance(value, dict) else value


def name_host(endpoint: str) -> str:
    """The scheme, host and port of an endpoint: no path, user, password or query."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
