"""Generators, their requests, trials and workers in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tasks.vocabulary import (
    Batching,
    Engine,
    GenerationOutcome,
    ModelRelation,
    RequestState,
    ServerKind,
    TrialState,
    WorkerState,
)

Words = str | Promise

REQUEST_STATES: dict[RequestState, Words] = {
    RequestState.QUEUED: _("waiting"),
    RequestState.RUNNING: _("under way"),
    RequestState.DONE: _("done"),
    RequestState.FAILED: _("failed"),
    RequestState.CANCELLED: _("called off"),
    RequestState.SET_ASIDE: _("set aside"),
}
OUTCOMES: dict[GenerationOutcome, Words] = {
    GenerationOutcome.STORED: _("stored"),
    GenerationOutcome.DUPLICATE_TEXT: _("the same text as another candidate"),
    GenerationOutcome.NEAR_DUPLICATE: _("nearly the same text as another candidate"),
    GenerationOutcome.DECLINED: _("the model would not answer"),
    GenerationOutcome.LOOPING: _("the model repeated itself without end"),
    GenerationOutcome.NOT_NUMBERS: _("the model's arithmetic broke down"),
    GenerationOutcome.OUT_OF_MEMORY: _("out of memory, even alone"),
    GenerationOutcome.PROMPT_TOO_LONG: _("the prompt is longer than the model can read"),
    GenerationOutcome.MODEL_UNAVAILABLE: _("the model cannot be loaded"),
    GenerationOutcome.EMPTY: _("an empty text"),
    GenerationOutcome.TRUNCATED: _("cut off in the middle"),
    GenerationOutcome.TIMED_OUT: _("took too long"),
    GenerationOutcome.RATE_LIMITED: _("the server wants fewer requests"),
    GenerationOutcome.SERVER_ERROR: _("the server failed"),
    GenerationOutcome.REFUSED_BY_SERVER: _("the server refused"),
    GenerationOutcome.KEY_REFUSED: _("the server refuses the key"),
    GenerationOutcome.BAD_ANSWER: _("an answer that cannot be read"),
    GenerationOutcome.UNREACHABLE: _("the server cannot be reached"),
    GenerationOutcome.WORKER_LOST: _("the worker was lost"),
}
ENGINES: dict[str, Words] = {
    Engine.OPENAI.value: _("A server that speaks OpenAI's API"),
    Engine.TRANSFORMERS.value: _("A model in a worker of this site"),
}
ENGINE_NOTES: dict[str, Words] = {
    Engine.OPENAI.value: _("vLLM, SGLang, llama.cpp, Ollama, LM Studio, or one of somebody else's."),
    Engine.TRANSFORMERS.value: _("A worker loads it by itself, from the Hub or from a folder, onto its own card."),
}
SERVER_KINDS: dict[ServerKind, Words] = {
    ServerKind.ANY: _("Another one, or not known"),
    ServerKind.VLLM: "vLLM",
    ServerKind.SGLANG: "SGLang",
    ServerKind.LLAMA_CPP: "llama.cpp",
    ServerKind.OLLAMA: "Ollama",
    ServerKind.LM_STUDIO: "LM Studio",
    ServerKind.TRANSFORMERS: "transformers serve",
}
RELATIONS: dict[ModelRelation | None, Words] = {
    None: _("not said"),
    ModelRelation.QUANTIZED: _("the same in fewer bits (quantised)"),
    ModelRelation.FINETUNED: _("trained further (fine-tuned)"),
    ModelRelation.ADAPTER: _("with an adapter (LoRA)"),
    ModelRelation.MERGED: _("merged from several"),
}
BATCHINGS: dict[Batching, Words] = {
    Batching.AUTO: _("Whichever is faster on its device"),
    Batching.PADDED: _("In batches of similar length"),
    Batching.CONTINUOUS: _("Continuously, each as it comes"),
}
TRIAL_STATES: dict[TrialState, Words] = {
    TrialState.QUEUED: _("It waits for a worker."),
    TrialState.RUNNING: _("It is being answered."),
    TrialState.DONE: _("It answered."),
    TrialState.FAILED: _("No whole answer came."),
}
WORKER_STATES: dict[WorkerState, Words] = {
    WorkerState.LOADING: _("loading its model"),
    WorkerState.WORKING: _("writing"),
    WorkerState.WAITING: _("waiting for requests"),
    WorkerState.STOPPING: _("finishing what it holds"),
    WorkerState.STOPPED: _("stopped"),
}
GONE: Words = _("not heard of")
#: How a worker may load a model, by their names in transformers.
DTYPES: dict[str, Words] = {
    "auto": _("As it was saved"),
    "bfloat16": "bfloat16",
    "float16": "float16",
    "float32": "float32",
}
QUANTIZATIONS: dict[str, Words] = {
    "": _("As it was saved"),
    "bnb_4bit": _("4 bits (bitsandbytes)"),
    "bnb_8bit": _("8 bits (bitsandbytes)"),
    "int8": "int8 (torchao)",
    "int4": "int4 (torchao)",
    "float8": "float8 (torchao)",
}
ATTENTIONS: dict[str, Words] = {
    "": _("Whichever transformers chooses"),
    "sdpa": "SDPA",
    "eager": "eager",
    "flash_attention_2": "FlashAttention 2",
    "flash_attention_3": "FlashAttention 3",
    "flex_attention": "FlexAttention",
}
