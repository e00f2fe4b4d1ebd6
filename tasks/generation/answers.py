"""Read the body of a chat completion. Whatever a server sends, this gives an `Answer`."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from tasks.vocabulary import GenerationOutcome

#: Words of a server that reach an organizer are cut here (characters).
LONGEST_SERVER_MESSAGE = 300
LONGEST_NAME = 200

_USAGE_KEYS = ("prompt_tokens", "completion_tokens", "total_tokens")
_LARGEST_COUNT = 2**53
#: A reasoning model's notes to itself come before its answer; some servers leave them in the text.
_REASONING = re.compile(r"\A\s*<think>.*?(</think>|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A chat completion as read: the outcome, the text if there is one, and what the server said.

    `text` is present for `STORED` and `TRUNCATED` alone; it holds no NUL and no lone surrogate.
    """

    outcome: GenerationOutcome
    text: str | None = None
    reason: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    finish_reason: str | None = None
    usage: dict[str, int] | None = None


class _UnreadableError(Exception):
    """The body is not a chat completion; the message says why."""


def read_answer(body: bytes) -> Answer:
    """Read the body of a 200 answer to `POST chat/completions` (not streamed, one choice)."""
    try:
        data = _load_object(body)
        if "choices" not in data and "error" in data:
            words = find_error_message(data) or "no message"
            return Answer(GenerationOutcome.REFUSED_BY_SERVER, reason=f"The server answered with an error: {words}")
        choice, message = _find_choice(data)
        content = _join_content(message.get("content"))
    except _UnreadableError as error:
        return Answer(GenerationOutcome.BAD_ANSWER, reason=str(error))
    finish_reason = _clean_name(choice.get("finish_reason"))
    said = Answer(
        GenerationOutcome.STORED,
        model=_clean_name(data.get("model")),
        system_fingerprint=_clean_name(data.get("system_fingerprint")),
        finish_reason=finish_reason,
        usage=_read_usage(data.get("usage")),
    )
    text = _REASONING.sub("", clean_text(content)).strip()
    return replace(said, **_judge_text(text, finish_reason=finish_reason, refusal=message.get("refusal")))


def _load_object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise _UnreadableError(
            "The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API."
        ) from None
    if not isinstance(data, dict):
        raise _UnreadableError("The server's answer is JSON, but not an object with choices.")
    return data


def _find_choice(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first choice and its message."""
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _UnreadableError("The server's answer has no choices.")
    message = choices[0].get("message")
    if not isinstance(message, dict):
        raise _UnreadableError("The server's answer has a choice without a message.")
    return choices[0], message


def _judge_text(text: str, *, finish_reason: str | None, refusal: Any) -> dict[str, Any]:
    """The outcome, text and reason of an answer of the right shape."""
    if finish_reason == "content_filter":
        return {
            "outcome": GenerationOutcome.REFUSED_BY_SERVER,
            "reason": "The server's content filter held the answer back.",
        }
    if finish_reason == "length":
        return {
            "outcome": GenerationOutcome.TRUNCATED,
            "text": text or None,
            "reason": "The answer reached the length limit before its end. Raise max_tokens to get whole answers.",
        }
    if not text and isinstance(refusal, str) and refusal.strip():
        return {
            "outcome": GenerationOutcome.REFUSED_BY_SERVER,
            "reason": f"The model declined to answer: {shorten(refusal)}",
        }
    if not text:
        return {"outcome": GenerationOutcome.EMPTY, "reason": "The model answered with an empty text."}
    return {"outcome": GenerationOutcome.STORED, "text": text}


def find_error_message(data: Any) -> str | None:
    """Find the words of an error body in the shapes that servers use; shortened, `None` if none.

    Known shapes: `{"error": {"message"}}`, `{"error": "…"}`, `{"message"}` and `{"detail"}`.
    """
    if not isinstance(data, dict):
        return None
    error = data.get("error")
    if isinstance(error, dict):
        error = error.get("message")
    for words in (error, data.get("message"), data.get("detail")):
        if isinstance(words, str) and words.strip():
            return shorten(words)
    return None


def shorten(words: str, *, limit: int = LONGEST_SERVER_MESSAGE) -> str:
    """One line of at most `limit` characters, without control characters."""
    line = " ".join(clean_text(words).split())
    line = "".join(character for character in line if character.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean_text(text: str) -> str:
    """Make a text storable: NUL dropped, line ends unified, lone surrogates replaced by U+FFFD."""
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    # UTF-16 pairs that JSON escaped as two halves are joined; a half alone becomes U+FFFD.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _join_content(content: Any) -> str:
    """A message's text; parts of type text are joined."""
    if content is None or isinstance(content, str):
        return content or ""
    texts: list[str] = []
    for part in content if isinstance(content, list) else [None]:
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(part, dict) and part.get("type") != "text":
            continue
        if not isinstance(text, str):
            raise _UnreadableError("The server's answer has a message whose content is not text.")
        texts.append(text)
    return "".join(texts)


def _clean_name(value: Any) -> str | None:
    return shorten(value, limit=LONGEST_NAME) if isinstance(value, str) and value else None


def _read_usage(value: Any) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    counts = {
        key: value[key] for key in _USAGE_KEYS if type(value.get(key)) is int and 0 <= value[key] < _LARGEST_COUNT
    }
    return counts or None
