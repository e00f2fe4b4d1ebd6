"""The form of a generator: its fields in groups, and what of them belongs to which engine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from annotate.queries.generator_terms import TERMS
from annotate.services.generator_fields import MOST_PER_MINUTE, MOST_ROWS, MOST_TOKENS
from annotate.services.generator_sampling import SAMPLING_RANGES, WHOLE_SAMPLING
from annotate.web import generator_words as words
from annotate.web.editing import MAX_REASON_CHARS
from annotate.web.fields import Field, Option, Problems, Words, check_fields
from annotate.web.generator_posts import MORE, SAMPLING
from tasks.generation.prompt_formats import FORMATS
from tasks.vocabulary import Engine

BOTH, SERVER, WORKER = "", Engine.OPENAI.value, Engine.TRANSFORMERS.value
#: Fixed once it was asked; each is a field of the form, or several.
FIXED = ("engine", "model", "revision", "system_prompt", "prompt_format", "sampling", "loading.dtype",
         "loading.quantization")  # fmt: skip
NEW: Mapping[str, str] = {
    "engine": SERVER,
    "server_kind": "any",
    "output_terms": "unknown",
    "timeout_seconds": "120",
    "max_concurrent": "4",
    "enabled": "on",
    "loading.dtype": "auto",
    "loading.device_map": "auto",
    "loading.batching": "auto",
}
LICENCES = ("Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0",
            "CC0-1.0", "OpenRAIL", "bigscience-bloom-rail-1.0", "llama2", "llama3", "llama3.1", "gemma")  # fmt: skip
#: Open models that others were made from.
BASES = ("EleutherAI/gpt-j-6b", "EleutherAI/pythia-6.9b", "EleutherAI/pythia-12b", "cerebras/Cerebras-GPT-6.7B",
         "stabilityai/stablelm-base-alpha-7b", "huggyllama/llama-7b", "meta-llama/Llama-3.1-8B",
         "mistralai/Mistral-7B-v0.1", "Qwen/Qwen3-8B-Base", "google/gemma-2-9b")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Fields of a group; `engine`: shown with this one alone."""

    engine: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the form with its title; `engine`: all of it is shown with this one alone."""

    title: Words
    parts: list[Part]
    engine: str = BOTH
    note: Words = ""


def at_fields(problems: Problems) -> Problems:
    """Problems of sampling that has no field of its own are at the field for the rest."""
    own = {f"{SAMPLING}{name}" for name in (*SAMPLING_RANGES, "stop")}
    is_rest = {at: at.partition(".")[0] == "sampling" and at not in own for at in problems}
    return {MORE + at.removeprefix("sampling") if is_rest[at] else at: told for at, told in problems.items()}


def make_groups(
    post: QueryDict, problems: Problems, *, engine: str, bases: Iterable[str] = (), fixed: Collection[str] = ()
) -> list[Group]:
    """The form in its groups. `fixed`: fields that are shown elsewhere, as they stay."""
    groups = [
        Group(_("What it is called, and how it is reached"), [Part(BOTH, name_fields(post)), Part(SERVER, server_fields(post))]),
        Group(_("The model, and what it was made from"), [Part(BOTH, model_fields(post, bases))]),
        Group(_("Licence, and terms on its texts"), [Part(BOTH, terms_fields(post))],
              note=_("Campaigns and releases choose by them whose texts they take.")),
        Group(_("How it is asked"), [Part(BOTH, prompt_fields(post))]),
        Group(_("How its texts are drawn"), [Part(BOTH, sampling_fields(post))],
              note=_("What is left empty is as the model or its server has it.")),
        Group(_("Limits"), [Part(BOTH, [number("timeout_seconds", _("Wait for an answer, in seconds"), post, 1, 3600)]), Part(SERVER, limit_fields(post))]),
        Group(_("How a worker loads it"), [Part(BOTH, loading_fields(post))], WORKER),
        Group(_("The model's own code"), [Part(BOTH, trust_fields(post))], WORKER, note=_(
            "Some models bring code of their own, which runs with everything the worker may do: read its files, its keys "
            "and its database, and call others. Allow it only for a model whose code you have read, at a revision that "
            "you name.")),
    ]  # fmt: skip
    for group in groups:
        group.parts[:] = [
            Part(part.engine, check_fields([one for one in part.fields if not is_fixed(one.name, fixed)], problems))
            for part in group.parts
            if not fixed or part.engine in {BOTH, engine}
        ]
    shown = [group for group in groups if any(part.fields for part in group.parts)]
    return [group for group in shown if not fixed or group.engine in {BOTH, engine}]


def is_fixed(name: str, fixed: Collection[str]) -> bool:
    return name in fixed or (name.startswith("sampling") and "sampling" in fixed)


def all_fields(groups: Iterable[Group]) -> list[Field]:
    return [field for group in groups for part in group.parts for field in part.fields]


def select(name: str, title: Words, post: QueryDict, options: Mapping[Any, Words], hint: Words = "") -> Field:
    chosen = post.get(name, "")
    made = tuple(
        Option(str(value or ""), told, is_chosen=str(value or "") == chosen) for value, told in options.items()
    )
    return Field(name, title, "select", hint=hint, options=made)


def number(name: str, title: Words, post: QueryDict, low: float, high: float, *, step: str = "1", hint: Words = "") -> Field:  # fmt: skip
    return Field(name, title, "number", post.get(name, ""), hint, low=f"{low:g}", high=f"{high:.0f}" if high > 10 else f"{high:g}", step=step)  # fmt: skip


def name_fields(post: QueryDict) -> list[Field]:
    chosen = post.get("engine", "")
    engines = tuple(
        Option(value, title, words.ENGINE_NOTES[value], is_chosen=chosen == value)
        for value, title in words.ENGINES.items()
    )
    return [
        Field("name", _("Name"), value=post.get("name", ""), hint=_("What organizers see. Annotators never do."), is_needed=True, most=120),
        Field("enabled", _("In use"), "check", "on", _("What is switched off is asked nothing; its texts stay."), is_checked=bool(post.get("enabled"))),
        Field("engine", _("How it is reached"), "choice", options=engines),
    ]  # fmt: skip


def server_fields(post: QueryDict) -> list[Field]:
    return [
        Field("endpoint", _("Address of the server"), value=post.get("endpoint", ""), hint=_("Up to its version, such as https://host/v1."), most=400),
        select("server_kind", _("Which program answers there"), post, words.SERVER_KINDS, _("What it leaves out is then not asked of it.")),
        Field("api_key_variable", _("Environment variable with the key"), value=post.get("api_key_variable", ""),
              hint=_("Its name, such as LAB_API_KEY; never the key itself. It is read where candidates are generated."), most=80),
    ]  # fmt: skip


def model_fields(post: QueryDict, bases: Iterable[str]) -> list[Field]:
    suggested = tuple(sorted({*BASES, *bases}))
    return [
        Field("model", _("Model"), value=post.get("model", ""), is_needed=True, most=200,
              hint=_("As its server calls it; for a worker its name on the Hub, or a folder where the worker runs.")),
        Field("revision", _("Revision"), value=post.get("revision", ""), most=120,
              hint=_("A commit or tag, so that the name always means the same weights. May stay empty.")),
        Field("base_model", _("Made from"), value=post.get("base_model", ""), most=200, suggestions=suggested,
              hint=_("The model that it was made from, as its card says. Empty for one that was trained anew.")),
        select("relation", _("What it is to that one"), post, words.RELATIONS),
        Field("quantization", _("Quantised as"), value=post.get("quantization", ""), most=40,
              hint=_("As its card or its file says, such as Q4_K_M or gptq-4bit. May stay empty.")),
    ]  # fmt: skip


def terms_fields(post: QueryDict) -> list[Field]:
    return [
        Field("licence", _("Licence"), value=post.get("licence", ""), most=80, suggestions=LICENCES,
              hint=_("By its short name, as the model's card has it.")),
        select("output_terms", _("What may be done with its texts"), post, TERMS,
               _("As its licence or its maker says. The strictest that holds.")),
        Field("terms_url", _("Where that is written"), value=post.get("terms_url", ""), most=400),
    ]  # fmt: skip


def prompt_fields(post: QueryDict) -> list[Field]:
    formats = {"": _("The model's own chat template"), **{name: form.words for name, form in FORMATS.items()}}
    return [
        Field("system_prompt", _("System prompt"), "area", post.get("system_prompt", ""), rows=3),
        select("prompt_format", _("How a conversation is written out"), post, formats,
               _("A format of ours is for models that have no template of their own.")),
    ]  # fmt: skip


def sampling_fields(post: QueryDict) -> list[Field]:
    titles = {
        "temperature": _("Temperature"),
        "top_p": _("Top p"),
        "top_k": _("Top k"),
        "min_p": _("Min p"),
        "repetition_penalty": _("Repetition penalty"),
        "max_tokens": _("Longest answer, in tokens"),
    }
    return [
        *(number(SAMPLING + name, title, post, *SAMPLING_RANGES[name], step="1" if name in WHOLE_SAMPLING else "any")
          for name, title in titles.items()),
        Field(f"{SAMPLING}stop", _("Where an answer ends"), "area", post.get(f"{SAMPLING}stop", ""), rows=2,
              hint=_("Texts, one a line; \\n stands for a new line.")),
        Field(MORE, _("What else its server knows, as JSON"), "area", post.get(MORE, ""), rows=2,
              hint=_("Sent as it is. What an engine does not follow is recorded with each text.")),
    ]  # fmt: skip


def limit_fields(post: QueryDict) -> list[Field]:
    return [
        number("max_concurrent", _("Requests at once"), post, 1, 32),
        number("requests_per_minute", _("Requests a minute"), post, 1, MOST_PER_MINUTE, hint=_("Empty: as fast as it answers.")),
    ]  # fmt: skip


def loading_fields(post: QueryDict) -> list[Field]:
    return [
        select("loading.dtype", _("Precision"), post, words.DTYPES),
        select("loading.quantization", _("Quantised while loading"), post, words.QUANTIZATIONS),
        Field("loading.device_map", _("Device"), value=post.get("loading.device_map", ""), most=10,
              suggestions=("auto", "cpu", "cuda", "cuda:0", "cuda:1", "mps"), hint=_("auto: whatever the worker has.")),
        select("loading.attention", _("Attention"), post, words.ATTENTIONS),
        select("loading.batching", _("How requests share it"), post, words.BATCHINGS),
        number("loading.max_batch", _("Requests in a batch"), post, 1, MOST_ROWS, hint=_("Empty: what fits into memory.")),
        number("loading.context_tokens", _("Context, in tokens"), post, 16, MOST_TOKENS, hint=_("Empty: as the model says; never more than that.")),
    ]  # fmt: skip


def trust_fields(post: QueryDict) -> list[Field]:
    return [
        Field("loading.trust_remote_code", _("To let it run, write the model's name again"), most=200,
              value=post.get("loading.trust_remote_code", ""), hint=_("Empty: no code but ours runs.")),
    ]  # fmt: skip


def reason_field(post: QueryDict) -> Field:
    return Field("reason", _("Why (for the audit, optional)"), value=post.get("reason", ""), most=MAX_REASON_CHARS)
