"""What a model's tokens come to: the outcome, the text, and what kind of text it is. Pure, and tried in this order.

1. Tokens that were computed from no numbers are no answer; neither is one that was cut off.
2. The text ends before the first stop string, and before half a character.
3. What the model told itself comes off the front.
4. An answer that reached its limit is looping, or truncated; it is whole if a stop string came first.
5. A whole answer may be empty, or a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.generation.answers import ONLY_REASONING, TOO_SHORT, clean_text, shorten
from tasks.generation.loops import find_loop
from tasks.generation.reasoning import split_reasoning
from tasks.generation.refusals import reads_like_refusal
from tasks.records.local_models import RowEnd
from tasks.vocabulary import GenerationOutcome

_HALF = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as read. `text` is there for `STORED` and `TRUNCATED` alone. `finish_reason` is in OpenAI's words."""

    outcome: GenerationOutcome
    finish_reason: str
    text: str | None = None
    reason: str | None = None
    reasoning: str | None = None
    is_refusal: bool = False


def read_output(
    decoded: str,
    *,
    tokens: Sequence[int],
    end: RowEnd,
    stop: Sequence[str],
    open_tag: str | None = None,
    keep_refusals: bool = True,
) -> Reading:
    """Read what came of a row that was not cut off."""
    if end == RowEnd.NOT_NUMBERS:
        return Reading(
            GenerationOutcome.NOT_NUMBERS,
            "not_numbers",
            reason="The model computed probabilities that are no numbers. Try another dtype, such as bfloat16 or float32.",
        )
    whole, is_stopped = cut_at_stop(clean_text(decoded), stop)
    if is_stopped:
        end = RowEnd.STOP
    if end != RowEnd.EOS:
        whole = whole.rstrip(_HALF)
    split = split_reasoning(whole, open_tag=open_tag)
    text = split.text.strip()
    if end == RowEnd.LOOP or (end == RowEnd.LENGTH and find_loop(tokens)):
        return Reading(
            GenerationOutcome.LOOPING,
            "length" if end == RowEnd.LENGTH else "loop",
            reason="The model repeated itself without end. Raise its temperature, or set a repetition_penalty.",
            reasoning=split.reasoning,
        )
    if end == RowEnd.LENGTH:
        return Reading(
            GenerationOutcome.TRUNCATED,
            "length",
            text=text or None,
            reason=ONLY_REASONING if split.reasoning and not text else TOO_SHORT,
            reasoning=split.reasoning,
        )
    return _read_whole(text, reasoning=split.reasoning, keep_refusals=keep_refusals)


def cut_at_stop(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of the stop strings, and whether there was one."""
    places = [place for one in stop if one and (place := text.find(one)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def _read_whole(text: str, *, reasoning: str | None, keep_refusals: bool) -> Reading:
    if not text:
        reason = "The model answered with an empty text."
        if reasoning:
            reason = "The model reasoned and then ended without an answer."
        return Reading(GenerationOutcome.EMPTY, "stop", reason=reason, reasoning=reasoning)
    is_refusal = reads_like_refusal(text)
    if is_refusal and not keep_refusals:
        return Reading(
            GenerationOutcome.DECLINED,
            "stop",
            reason=f"The model declined to answer: {shorten(text)}",
            reasoning=reasoning,
            is_refusal=True,
        )
    return Reading(GenerationOutcome.STORED, "stop", text=text, reasoning=reasoning, is_refusal=is_refusal)
