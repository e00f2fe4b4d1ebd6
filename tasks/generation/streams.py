"""Answers that come as server-sent events although nobody asked for a stream, and comments before an answer.

Some servers stream whatever they are asked; some send lines that start with `:` so that the connection stays open. The
chunks are put together into the body that was asked for.
"""

import json
import re
from typing import Any

_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_COMMENTS = re.compile(rb"\s*(?::[^\n]*(?:\n\s*|\Z))*")
#: What a delta adds to a message, by the names that servers use.
_ADDED = ("content", "reasoning", "reasoning_content", "refusal", "text")


def is_stream(body: bytes) -> bool:
    """Whether a body is one of server-sent events, or begins with their comments."""
    return body.lstrip().startswith(_FIELDS)


def strip_comments(body: bytes) -> bytes:
    """The body without the comments (lines that start with `:`) and empty lines before it."""
    return body[_COMMENTS.match(body).end() :]  # type: ignore[union-attr]  # it matches whatever there is


def join_stream(body: bytes) -> dict[str, Any] | None:
    """Put the chunks of a stream together; None when it breaks off. Raises ValueError for what is no stream of JSON.

    An error among the chunks is the answer.
    """
    whole: dict[str, Any] = {}
    texts: dict[str, str] = {}
    calls: list[Any] = []
    is_done = False
    finish_reason: Any = None
    for event in _read_events(body):
        if event == "[DONE]":
            is_done = True
            continue
        chunk = json.loads(event)
        if not isinstance(chunk, dict):
            raise ValueError("a chunk that is no object")  # noqa: TRY004  (of the same kind as broken JSON)
        if chunk.get("error"):
            return {"error": chunk["error"]}
        whole |= {key: chunk[key] for key in ("model", "system_fingerprint", "usage") if chunk.get(key)}
        choice = _first(chunk.get("choices"))
        finish_reason = choice.get("finish_reason") or finish_reason
        delta = next((part for part in (choice.get("delta"), choice.get("message")) if isinstance(part, dict)), choice)
        for name in _ADDED:
            if isinstance(delta.get(name), str):
                texts[name] = texts.get(name, "") + delta[name]
        if isinstance(delta.get("tool_calls"), list):
            calls += delta["tool_calls"]
    if not is_done and finish_reason is None:
        return None
    message: dict[str, Any] = {"content": texts.pop("text", None), **texts, "tool_calls": calls}
    return {**whole, "choices": [{"message": message, "finish_reason": finish_reason}]}


def _read_events(body: bytes) -> list[str]:
    """The data of each event; comments and other fields are passed over."""
    events: list[list[str]] = [[]]
    for line in body.decode("utf-8", "replace").splitlines():
        if not line:
            events.append([])
        elif line.startswith("data:"):
            events[-1].append(line.removeprefix("data:").removeprefix(" "))
    return ["\n".join(event).strip() for event in events if event]


def _first(choices: Any) -> dict[str, Any]:
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
