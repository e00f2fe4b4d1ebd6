"""Read the body of a completion. Whatever a server sends, this gives an `Answer`."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from tasks.generation.reasoning import split_reasoning
from tasks.generation.streams import is_stream, join_stream, strip_comments
from tasks.vocabulary import GenerationOutcome

#: Words of a server that reach an organizer are cut here (characters).
LONGEST_SERVER_MESSAGE = 300
LONGEST_NAME = 200
BROKEN_OFF = "The server broke the connection off before its answer was whole."
TOO_SHORT = "The answer reached the length limit before its end. Raise max_tokens to get whole answers."
ONLY_REASONING = (
    "The answer reached the length limit while the model was still reasoning. Raise max_tokens so that an answer can "
    "follow."
)

_USAGE_KEYS = ("prompt_tokens", "completion_tokens", "total_tokens")
_LARGEST_COUNT = 2**53
_STATUS = re.compile(r"[1-5]\d\d")
#: Finish reasons that say that something else than the end of the answer came first.
_FILTERED = frozenset({"content_filter", "safety"})
_FAILED = frozenset({"error", "abort"})
_CALLED = frozenset({"tool_calls", "function_call"})
#: Where servers put what the model told itself.
_REASONING_FIELDS = ("reasoning", "reasoning_content", "thinking")
_REASONING_PARTS = frozenset({"thinking", "reasoning"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion as read: the outcome, the text if there is one, and what the server said.

    `text` is present for `STORED` and `TRUNCATED` alone; it holds no NUL and no lone surrogate. `SERVER_ERROR` and
    `RATE_LIMITED` are failures that came with a 200: another attempt may do better.
    """

    outcome: GenerationOutcome
    text: str | None = None
    reason: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    finish_reason: str | None = None
    usage: dict[str, int] | None = None
    reasoning: str | None = None


class _UnreadableError(Exception):
    """The body is not a completion; the message says why."""


def read_answer(body: bytes) -> Answer:
    """Read the body of a 200 answer to `POST chat/completions` or `completions` (one choice, streamed or not)."""
    try:
        data = _load_object(body)
        if data is None:
            return Answer(GenerationOutcome.SERVER_ERROR, reason=BROKEN_OFF)
        if data.get("error") and not data.get("choices"):
            return _read_error(data)
        choice, message = _find_choice(data)
        content, notes = _join_content(message.get("content"))
    except _UnreadableError as error:
        return Answer(GenerationOutcome.BAD_ANSWER, reason=str(error))
    finish_reason = _clean_name(choice.get("finish_reason"))
    if choice.get("error") or finish_reason in _FAILED:
        return _read_error(choice, is_failure=finish_reason in _FAILED)
    split = split_reasoning(clean_text(content))
    told = [*notes, *(message.get(field) for field in _REASONING_FIELDS), split.reasoning]
    said = Answer(
        GenerationOutcome.STORED,
        model=_clean_name(data.get("model")),
        system_fingerprint=_clean_name(data.get("system_fingerprint")),
        finish_reason=finish_reason,
        usage=_read_usage(data.get("usage")),
        reasoning=_join_reasoning(told),
    )
    calls = bool(message.get("tool_calls") or message.get("function_call")) or finish_reason in _CALLED
    if calls:
        reason = "The model called a tool instead of answering, and none was offered to it."
        return replace(said, outcome=GenerationOutcome.BAD_ANSWER, reason=reason)
    return _judge_text(said, text=split.text, refusal=message.get("refusal"))


def _load_object(body: bytes) -> dict[str, Any] | None:
    """The completion; None when it breaks off."""
    body = strip_comments(body)
    if not body:
        return None
    try:
        data = join_stream(body) if is_stream(body) else json.loads(body)
    except (ValueError, RecursionError):
        if body.startswith(b"{") and not body.rstrip().endswith(b"}"):
            return None
        raise _UnreadableError(_say_not_json(body)) from None
    if not isinstance(data, dict | None):
        raise _UnreadableError("The server's answer is JSON, but not an object with choices.")
    return data


def _say_not_json(body: bytes) -> str:
    reason = "The server's answer is not JSON. Check that the endpoint is an OpenAI-compatible API."
    words = shorten(body[:4096].decode("utf-8", "replace"))
    is_prose = words[:1].isalpha() and "\ufffd" not in words
    return f"{reason} It said: {words}" if is_prose else reason


def _read_error(data: dict[str, Any], *, is_failure: bool = False) -> Answer:
    """An error with status 200: what its own code says about it, where it has one."""
    words = find_error_message(data) or "no message"
    status = find_error_status(data)
    outcome = GenerationOutcome.REFUSED_BY_SERVER
    if status == 429:
        outcome = GenerationOutcome.RATE_LIMITED
    elif status >= 500 or is_failure:
        outcome = GenerationOutcome.SERVER_ERROR
    return Answer(outcome, reason=f"The server answered with an error: {words}")


def _find_choice(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first choice and its message; the text of a completion without messages counts as one."""
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _UnreadableError("The server's answer has no choices.")
    message = choices[0].get("message")
    if message is None and isinstance(choices[0].get("text"), str):
        message = {"content": choices[0]["text"]}
    if not isinstance(message, dict):
        raise _UnreadableError("The server's answer has a choice without a message.")
    return choices[0], message


def _judge_text(said: Answer, *, text: str, refusal: Any) -> Answer:
    """The outcome, text and reason of an answer of the right shape."""
    if said.finish_reason in _FILTERED:
        reason = "The server's content filter held the answer back."
        return replace(said, outcome=GenerationOutcome.REFUSED_BY_SERVER, reason=reason)
    if said.finish_reason == "length":
        reason = ONLY_REASONING if said.reasoning and not text else TOO_SHORT
        return replace(said, outcome=GenerationOutcome.TRUNCATED, text=text or None, reason=reason)
    if text:
        return replace(said, text=text)
    if isinstance(refusal, str) and refusal.strip():
        reason = f"The model declined to answer: {shorten(refusal)}"
        return replace(said, outcome=GenerationOutcome.DECLINED, reason=reason)
    reason = "The model answered with an empty text."
    if said.reasoning:
        reason = "The model reasoned and then ended without an answer."
    return replace(said, outcome=GenerationOutcome.EMPTY, reason=reason)


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


def find_error_status(data: dict[str, Any]) -> int:
    """The HTTP status that an error with status 200 names within; 0 where it names none."""
    error = data.get("error")
    places = error if isinstance(error, dict) else data
    for value in (places.get("code"), places.get("status")):
        if _STATUS.fullmatch(str(value)):
            return int(str(value))
    return 0


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


def _join_content(content: Any) -> tuple[str, list[str]]:
    """A message's text, and the reasoning among its parts; parts of type text are joined."""
    if content is None or isinstance(content, str):
        return content or "", []
    texts: list[str] = []
    notes: list[str] = []
    for part in content if isinstance(content, list) else [None]:
        if isinstance(part, dict) and _clean_name(part.get("type")) in _REASONING_PARTS:
            inner = next((part[key] for key in ("thinking", "text", "reasoning") if part.get(key)), "")
            # Mistral's servers put parts into a part.
            notes += [inner] if isinstance(inner, str) else [_join_content(inner)[0]]
            continue
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(part, dict) and part.get("type") != "text":
            continue
        if not isinstance(text, str):
            raise _UnreadableError("The server's answer has a message whose content is not text.")
        texts.append(text)
    return "".join(texts), notes


def _join_reasoning(told: list[Any]) -> str | None:
    """What the model told itself, once where a server says it in two fields."""
    notes = [clean_text(note).strip() for note in told if isinstance(note, str)]
    return "\n\n".join(dict.fromkeys(filter(None, notes))) or None


def _clean_name(value: Any) -> str | None:
    return shorten(value, limit=LONGEST_NAME) if isinstance(value, str) and value else None


def _read_usage(value: Any) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    counts = {
        key: value[key] for key in _USAGE_KEYS if type(value.get(key)) is int and 0 <= value[key] < _LARGEST_COUNT
    }
    return counts or None
