"""What the form of a generator sends, and the values that a service takes: one made from the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from annotate.exceptions import InvalidInput
from annotate.services.generator_sampling import SAMPLING_RANGES, WHOLE_SAMPLING
from annotate.web.rows import to_number
from tasks.vocabulary import Engine

#: Fields whose values are texts, of every engine and of a server.
TEXTS = ("name", "engine", "model", "revision", "base_model", "quantization", "licence", "output_terms", "terms_url",
         "system_prompt", "prompt_format")  # fmt: skip
SERVER_TEXTS = ("endpoint", "server_kind", "api_key_variable")
#: What these hold where a worker loads the model.
NO_SERVER: Mapping[str, Any] = {
    "endpoint": "",
    "server_kind": "any",
    "api_key_variable": "",
    "requests_per_minute": None,
}
LOADING = "loading."
LOADING_TEXTS = ("dtype", "device_map", "trust_remote_code", "batching")
LOADING_NUMBERS = ("max_batch", "context_tokens")
SAMPLING = "sampling."
#: What of the sampling has no field of its own, as JSON.
MORE = "sampling_more"


def read_form(post: QueryDict, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What the form says, in the names that the service takes; what it does not hold stays as it is in `kept`.

    What belongs to the other engine is not looked at: it was not to be seen.
    """
    engine = post.get("engine", kept.get("engine", ""))
    values: dict[str, Any] = {name: read_text(post, name) for name in TEXTS if name in post}
    values["timeout_seconds"] = to_number(post.get("timeout_seconds", ""), int)
    values["relation"] = post.get("relation") or None
    values["enabled"] = bool(post.get("enabled"))
    if MORE in post:
        values["sampling"] = read_sampling(post)
    if engine == Engine.TRANSFORMERS:
        return {**values, **NO_SERVER, "loading": read_loading(post, kept.get("loading", {}))}
    values |= {name: read_text(post, name) for name in SERVER_TEXTS}
    values["max_concurrent"] = to_number(post.get("max_concurrent", ""), int)
    values["requests_per_minute"] = read_limit(post, "requests_per_minute")
    return {**values, "loading": {}}


def read_text(post: QueryDict, name: str) -> str:
    return post.get(name, "").strip().replace("\r\n", "\n")


def read_limit(post: QueryDict, name: str) -> Any:
    """A whole number; None for an empty field."""
    text = post.get(name, "").strip()
    return to_number(text, int) if text else None


def read_loading(post: QueryDict, kept: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {name: read_text(post, LOADING + name) for name in LOADING_TEXTS if LOADING + name in post}
    given |= {name: post[LOADING + name] or None for name in ("quantization", "attention") if LOADING + name in post}
    given |= {name: read_limit(post, LOADING + name) for name in LOADING_NUMBERS if LOADING + name in post}
    return {**kept, **given}


def read_sampling(post: QueryDict) -> dict[str, Any]:
    """The fields that hold something, over what is written as JSON."""
    sampling = read_json(post.get(MORE, ""))
    for name in SAMPLING_RANGES:
        text = post.get(SAMPLING + name, "").strip()
        if text:
            sampling[name] = to_number(text, int if name in WHOLE_SAMPLING else float)
    stops = [line.replace("\\n", "\n") for line in post.get(f"{SAMPLING}stop", "").splitlines() if line]
    return sampling | ({"stop": stops} if stops else {})


def read_json(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        return told
    sentence = _('This is not a table in JSON. Write it like {"presence_penalty": 0.5}.')
    raise InvalidInput(sentence, details={MORE: [sentence]})


def as_post(values: Mapping[str, Any]) -> QueryDict:
    """A generator as its form would send it."""
    post = QueryDict(mutable=True)
    sampling, loading = dict(values["sampling"]), values["loading"]
    plain = {name: value for name, value in values.items() if name not in {"sampling", "loading"}}
    plain |= {LOADING + name: value for name, value in loading.items()}
    plain |= {SAMPLING + name: as_number(sampling.pop(name)) for name in SAMPLING_RANGES if name in sampling}
    if "stop" in sampling:
        stop = sampling.pop("stop") or []
        texts = [stop] if isinstance(stop, str) else stop
        plain[f"{SAMPLING}stop"] = "\n".join(text.replace("\n", "\\n") for text in texts)
    plain[MORE] = json.dumps(sampling, ensure_ascii=False, indent=1) if sampling else ""
    for name, value in plain.items():
        post[name] = "" if value is None else str(value)
    post["enabled"] = "on" if values["enabled"] else ""
    return post


def as_number(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else value
