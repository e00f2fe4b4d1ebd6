"""Prompt formats for models without a chat template: the exact text in which each family has learnt to read a thread.

A name carries its version (`alpaca/1`), because it is written into the provenance of each candidate: a format never
changes, a better one gets the next number. Text of people goes in defused (`tasks.generation.controls`).

Families that know one turn only (Alpaca, Dolly) get the conversation so far within their instruction. Families without
a place for a system prompt get it in front of what the person asks first.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.generation.controls import Controls, defuse
from tasks.records.generation import Turn
from tasks.vocabulary import MessageRole

_EOS_OF_LLAMA = "</s>"
_EOS_OF_NEOX = "<|endoftext|>"

_INTRODUCTION = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
)
_VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions. "
)
_STABLELM = (
    "# StableLM Tuned (Alpha version)\n"
    "- StableLM is a helpful and harmless open-source AI language model developed by StabilityAI.\n"
    "- StableLM is excited to be able to help the user, but will refuse to do anything that could be considered harmful "
    "to the user.\n"
    "- StableLM is more than just an information source, StableLM is also able to write poetry, short stories, and make "
    "jokes.\n"
    "- StableLM will refuse to participate in anything that could harm a human.\n"
)

#: What a format makes of a thread: its turns, the system prompt ("" for none) and the end token as text.
_Write = Callable[[Sequence[Turn], str, str], str]


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How a family of models reads a thread.

    `stop`: strings before which an answer ends. `stop_tokens`: special tokens that end it; a tokenizer that knows them
    leaves them out of the text, so they are told by their ids. `stop_ids`: those ids, for a server that takes ids alone.
    `eos`: the end token that is written between turns, where the model's own is not known. `words`: the family's name.
    """

    name: str
    words: str
    write: _Write
    controls: Controls
    stop: tuple[str, ...] = ()
    stop_tokens: tuple[str, ...] = ()
    stop_ids: tuple[int, ...] = ()
    eos: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A thread as text, what ends the answer to it, and how many control strings of people were broken up."""

    text: str
    stop: tuple[str, ...]
    stop_tokens: tuple[str, ...]
    stop_ids: tuple[int, ...]
    defused: int = 0


def render(
    name: str, *, thread: Sequence[Turn], system_prompt: str | None = None, model: str = "", eos: str | None = None
) -> Rendered:
    """Write a thread in the format of this name, ready for the answer. Raises LookupError for a name that is none.

    `eos` is the model's end token as text; where it is not known, `model` (a name) tells it as well as a name can.
    """
    form = find_format(name)
    end = eos or guess_eos(form, model=model)
    controls = form.controls + Controls((end,) if end else ())
    parts = [defuse(turn.text, controls=controls) for turn in thread]
    turns = [Turn(turn.role, part.text) for turn, part in zip(thread, parts, strict=True)]
    return Rendered(
        text=write_thread(form, turns=turns, system_prompt=system_prompt, eos=end),
        stop=form.stop,
        stop_tokens=form.stop_tokens,
        stop_ids=form.stop_ids,
        defused=sum(part.count for part in parts),
    )


def write_thread(form: PromptFormat, *, turns: Sequence[Turn], system_prompt: str | None, eos: str) -> str:
    """The text of turns whose control strings are broken up already; `eos` is the end token as text."""
    return form.write(turns, system_prompt or "", eos)


def find_format(name: str) -> PromptFormat:
    """The format of a name; raises LookupError with a sentence that lists the names."""
    form = FORMATS.get(name)
    if form is None:
        raise LookupError(f'There is no prompt format "{name}". Use one of {", ".join(FORMATS)}.')
    return form


def suggest_format(model: str) -> str:
    """The format that fits a model by its name; the plain transcript, which every base model can go on with, if none."""
    for pattern, name in _BY_NAME:
        if pattern.search(model):
            return name
    return "transcript/1"


def guess_eos(form: PromptFormat, *, model: str) -> str:
    """The end token that a format writes, as text. Open Assistant's models have that of what they were made from."""
    if form.name == "oasst/1" and re.search(r"llama|alpaca|vicuna|mistral", model, re.IGNORECASE):
        return _EOS_OF_LLAMA
    return form.eos


def _is_person(turn: Turn) -> bool:
    return turn.role == MessageRole.PROMPTER


def _fold(turns: Sequence[Turn], system_prompt: str) -> str:
    """A whole thread as the instruction of a family that knows one turn only."""
    *earlier, last = turns
    parts = [system_prompt] if system_prompt else []
    if earlier:
        lines = [("User: " if _is_person(turn) else "Assistant: ") + turn.text for turn in earlier]
        parts += ["This is the conversation so far:", "\n".join(lines), "This is the user's next message:"]
    return "\n\n".join([*parts, last.text])


def _put_in_front(turns: Sequence[Turn], system_prompt: str) -> Sequence[Turn]:
    """The system prompt before the first turn, for a family that has no place of its own for it."""
    if not system_prompt:
        return turns
    first, *later = turns
    return [Turn(first.role, f"{system_prompt}\n\n{first.text}"), *later]


def _write_alpaca(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    return f"{_INTRODUCTION}### Instruction:\n{_fold(turns, system_prompt)}\n\n### Response:"


def _write_dolly(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    return f"{_INTRODUCTION}### Instruction:\n{_fold(turns, system_prompt)}\n\n### Response:\n"


def _write_stablelm(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    written = "".join(f"<|{'USER' if _is_person(turn) else 'ASSISTANT'}|>{turn.text}" for turn in turns)
    return f"<|SYSTEM|>{system_prompt or _STABLELM}{written}<|ASSISTANT|>"


def _write_colons(turns: Sequence[Turn], *, opening: str, assistant: str, eos: str) -> str:
    """`USER: … ASSISTANT: …</s>USER: … ASSISTANT:`, as Vicuna and Koala read it."""
    written = [f"USER: {turn.text} " if _is_person(turn) else f"{assistant}: {turn.text}{eos}" for turn in turns]
    return f"{opening}{''.join(written)}{assistant}:"


def _write_vicuna(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    opening = f"{system_prompt} " if system_prompt else _VICUNA
    return _write_colons(turns, opening=opening, assistant="ASSISTANT", eos=eos)


def _write_koala(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    turns = _put_in_front(turns, system_prompt)
    return _write_colons(turns, opening="BEGINNING OF CONVERSATION: ", assistant="GPT", eos=eos)


def _write_oasst(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    written = "".join(f"<|{'prompter' if _is_person(turn) else 'assistant'}|>{turn.text}{eos}" for turn in turns)
    opening = f"<|system|>{system_prompt}{eos}" if system_prompt else ""
    return f"{opening}{written}<|assistant|>"


def _write_chatml(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    written = [("user" if _is_person(turn) else "assistant", turn.text) for turn in turns]
    if system_prompt:
        written.insert(0, ("system", system_prompt))
    return "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in written) + "<|im_start|>assistant\n"


def _write_transcript(turns: Sequence[Turn], system_prompt: str, eos: str) -> str:
    opening = f"{system_prompt}\n\n" if system_prompt else ""
    lines = [f"{'User' if _is_person(turn) else 'Assistant'}: {turn.text}\n" for turn in turns]
    return f"{opening}{''.join(lines)}Assistant:"


_SPEAKERS = ("User:", "Assistant:", "System:")
_SECTIONS = ("### Instruction", "### Input", "### Response", "### End")

FORMATS: Mapping[str, PromptFormat] = {
    form.name: form
    for form in (
        PromptFormat(
            "alpaca/1",
            "Alpaca",
            _write_alpaca,
            Controls(_SECTIONS, _SPEAKERS),
            stop=("### Instruction",),
            eos=_EOS_OF_LLAMA,
        ),
        PromptFormat(
            "dolly/1",
            "Dolly",
            _write_dolly,
            Controls(_SECTIONS, _SPEAKERS),
            stop=("### End",),
            stop_tokens=("### End",),
            eos=_EOS_OF_NEOX,
        ),
        PromptFormat(
            "stablelm/1",
            "StableLM-Tuned-Alpha",
            _write_stablelm,
            Controls(("<|SYSTEM|>", "<|USER|>", "<|ASSISTANT|>", "<|padding|>")),
            stop=("<|USER|>", "<|ASSISTANT|>", "<|SYSTEM|>"),
            stop_tokens=("<|USER|>", "<|ASSISTANT|>", "<|SYSTEM|>", "<|padding|>", _EOS_OF_NEOX),
            stop_ids=(50278, 50279, 50277, 1, 0),
            eos=_EOS_OF_NEOX,
        ),
        PromptFormat(
            "vicuna/1",
            "Vicuna 1.1",
            _write_vicuna,
            Controls(("USER:", "ASSISTANT:"), ("User:", "Assistant:")),
            stop=(_EOS_OF_LLAMA, "USER:"),
            eos=_EOS_OF_LLAMA,
        ),
        PromptFormat(
            "koala/1",
            "Koala",
            _write_koala,
            Controls(("USER:", "GPT:", "BEGINNING OF CONVERSATION:"), ("User:", "GPT:")),
            stop=(_EOS_OF_LLAMA, "USER:"),
            eos=_EOS_OF_LLAMA,
        ),
        PromptFormat(
            "oasst/1",
            "Open Assistant",
            _write_oasst,
            Controls(("<|prompter|>", "<|assistant|>", "<|system|>", "<|prefix_begin|>", "<|prefix_end|>")),
            stop=("<|prompter|>", "<|assistant|>"),
            stop_tokens=("<|prompter|>", "<|assistant|>", "<|system|>"),
            eos=_EOS_OF_NEOX,
        ),
        PromptFormat(
            "chatml/1",
            "ChatML",
            _write_chatml,
            Controls(("<|im_start|>", "<|im_end|>", "<|im_sep|>")),
            stop=("<|im_end|>", "<|im_start|>"),
            stop_tokens=("<|im_end|>", "<|im_start|>"),
        ),
        PromptFormat(
            "transcript/1",
            "plain transcript",
            _write_transcript,
            Controls((), _SPEAKERS),
            stop=("\nUser:",),
        ),
    )
}

_BY_NAME = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"oasst|open-?assistant", "oasst/1"),
        (r"vicuna", "vicuna/1"),
        (r"koala", "koala/1"),
        (r"alpaca", "alpaca/1"),
        (r"dolly", "dolly/1"),
        (r"stablelm-tuned", "stablelm/1"),
        (r"chatml|hermes-2|openhermes|dolphin|qwen.*(?:chat|instruct)", "chatml/1"),
    )
)
