"""Any causal language model, by name or folder, in this process: the only module that knows torch and transformers.

It loads a model and turns rows into tokens. Which files make a model is said in `model_files`, what it needs in memory in
`model_memory`, how a row's tokens are chosen in `row_sampling`, and how rows go through continuous batching in
`continuous`.
"""

import gc
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tasks.generation import model_memory
from tasks.generation.batching_probe import compare_ways
from tasks.generation.continuous import Flow, Terms
from tasks.generation.model_facts import describe, list_control_strings
from tasks.generation.model_files import Known, ModelFiles, find_model
from tasks.generation.model_loading import check_loading, check_quantized, choose_devices, choose_place
from tasks.generation.padded import looks_lost
from tasks.generation.row_sampling import FlowChooser, RowChooser
from tasks.generation.tokenizer_building import build_tokenizer
from tasks.records.generation import Loading
from tasks.records.local_models import DeviceLost, Memory, ModelFacts, ModelRefused, OutOfMemory, Row, RowOutput
from tasks.vocabulary import Batching

KNOWN = Known(
    types=frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    classes=frozenset(
        name
        for names in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
        for name in ((names,) if isinstance(names, str) else names)
    ),
)
_MOST_ROWS = 256
#: Models of fewer parameters are computed faster by one thread of a processor, above all where others want it too.
_TINY = 30_000_000
_CONTINUOUS_LOG = "ContinuousBatchingLogger"
_LEARNING_RATE = 5e-3


class TransformersModel:
    """A model that is loaded, with its tokenizer (see `tasks.records.local_models.LocalModel`)."""

    def __init__(self, model: Any, tokenizer: Any, facts: ModelFacts, *, clock: Callable[[], float]) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.facts = facts
        self._clock = clock
        self._controls = list_control_strings(tokenizer)

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def encode_marked(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False))

    def apply_template(self, messages: Sequence[Mapping[str, str]]) -> str:
        if self.facts.template_sha256 is None:
            raise ValueError("The model has no chat template.")
        try:
            written = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template is a program of the model's makers, and may raise anything
            raise ValueError(f"The model's chat template does not take this thread: {error}") from error
        return str(written)

    def control_strings(self) -> tuple[str, ...]:
        return self._controls

    def decode(self, tokens: Sequence[int]) -> str:
        return self._read(tokens, skip_special_tokens=True)

    def generate_padded(self, rows: Sequence[Row], *, is_cut: Callable[[int], bool]) -> list[RowOutput]:
        if not rows:
            return []
        started = self._clock()
        chooser = RowChooser(rows, stop_ids=self.facts.stop_ids, is_cut=is_cut, clock=self._clock, read=self._read_raw)
        longest = max(len(row.prompt) for row in rows)
        prompts = torch.tensor([[0] * (longest - len(row.prompt)) + list(row.prompt) for row in rows])
        mask = torch.tensor([[0] * (longest - len(row.prompt)) + [1] * len(row.prompt) for row in rows])
        most = max(row.sampling.max_tokens for row in rows)
        settings = transformers.GenerationConfig(do_sample=False, max_new_tokens=most, pad_token_id=0)
        problem = ""
        try:
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("ignore")
                written = self.model.generate(
                    prompts.to(self.model.device),
                    attention_mask=mask.to(self.model.device),
                    generation_config=settings,
                    logits_processor=[chooser],
                    stopping_criteria=[chooser.find_ended],
                )[:, longest:].tolist()
        except RuntimeError as error:
            problem = explain_memory(error)
        if problem:  # outside of the handler, whose traceback would keep the tensors
            self.clear()
            raise OutOfMemory(f"A batch of {len(rows)} rows did not fit: {problem}")
        return chooser.read_outputs(written, seconds=self._clock() - started)

    def generate_continuous(
        self, rows: Iterator[Row], *, is_cut: Callable[[int], bool], cache_tokens: int
    ) -> Iterator[RowOutput]:
        problem = ""
        try:
            flow = self._make_flow(rows, is_cut=is_cut, cache_tokens=cache_tokens)
            yield from flow.run()
        except MemoryError as error:  # the manager's own count, before it takes anything
            problem = str(error)
        except RuntimeError as error:
            problem = explain_memory(error)
        if problem:
            self.clear()
            raise OutOfMemory(f"Continuous batching with a cache of {cache_tokens:,} tokens did not fit: {problem}")
        for row in flow.left:
            yield from self.generate_padded([row], is_cut=is_cut)

    def measure_memory(self) -> Memory:
        return measure_device(str(self.model.device))

    def clear(self) -> None:
        gc.collect()
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.model.device.type == "mps":
            torch.mps.empty_cache()

    def _make_flow(self, rows: Iterator[Row], *, is_cut: Callable[[int], bool], cache_tokens: int) -> Flow:
        stop_ids = self.facts.stop_ids
        is_flash = self.facts.attention.startswith("flash")
        page = 256 if is_flash else 16  # what flash attention takes; else small, so that little of a page lies idle
        settings = transformers.GenerationConfig(
            do_sample=False, max_new_tokens=1, eos_token_id=list(stop_ids) or -1, pad_token_id=0
        )
        batching = transformers.ContinuousBatchingConfig(
            page_size=page,
            num_blocks=-(-cache_tokens // page) + 2,  # a row of so many tokens fits, whatever its last pages leave idle
            max_batch_tokens=max(_MOST_ROWS, 512 if self.model.device.type == "cpu" else 2048),
            max_requests_per_batch=_MOST_ROWS,
            use_cuda_graph=False,  # the chooser is not made of a fixed chain of kernels
            use_async_batching=False,
            auto_switch_to_flash=False,
        )
        chooser = FlowChooser(end_token=stop_ids[0] if stop_ids else 0)
        manager = self.model.init_continuous_batching(generation_config=settings, continuous_batching_config=batching)
        manager.logit_processor = chooser

        terms = Terms(
            stop_ids=stop_ids,
            is_cut=is_cut,
            clock=self._clock,
            read=self._read_raw,
            cache_tokens=batching.num_blocks * page,
            page_tokens=page,
            most_rows=_MOST_ROWS,
        )
        return Flow(manager, chooser, rows=rows, terms=terms)

    def _read_raw(self, tokens: Sequence[int]) -> str:
        return self._read(tokens, skip_special_tokens=False)

    def _read(self, tokens: Sequence[int], *, skip_special_tokens: bool) -> str:
        return str(
            self.tokenizer.decode(
                list(tokens), skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
            )
        )


def load_model(
    *,
    name: str,
    revision: str,
    loading: Loading,
    cache_folder: Path | None = None,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.time,
) -> TransformersModel:
    """Load a model with its tokenizer. Raises ModelRefused with what is missing or does not fit, and what to do.

    Rows' deadlines go by `clock`, which gives seconds.
    """
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger(_CONTINUOUS_LOG).setLevel(logging.ERROR)
    devices = find_devices()
    check_loading(loading, devices=devices)
    chosen = choose_devices(loading.device_map, devices=devices)

    def choose(weights: int) -> str:
        memories = {device: measure_device(device) for device in chosen}
        return choose_place(name, weights, memories=memories, loading=loading)

    def check_size(config: Mapping[str, Any], saved: int) -> None:
        choose(model_memory.guess_weights(saved, config, dtype=loading.dtype, quantization=loading.quantization))

    files = find_model(
        name,
        revision=revision,
        cache_folder=cache_folder,
        trust_remote_code=loading.trust_remote_code,
        known=KNOWN,
        check_size=check_size,
        say=say,
    )
    check_quantized(files, loading)
    try:
        weights = model_memory.measure_weights(files.weights, dtype=loading.dtype, quantization=loading.quantization)
    except model_memory.BrokenWeights as bad:
        raise ModelRefused(f"The weights of {name} are damaged: {bad} Copy or download them again.") from bad
    place = choose(weights.loaded)
    if place == "cpu" and weights.parameters < _TINY:
        torch.set_num_threads(1)
    say(f"Loading {name}: {model_memory.write_bytes(weights.loaded)} of weights on {place}.")
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew at each length: longer than the step
    tokenizer = _load_tokenizer(files, loading)
    model = _load_weights(files, loading, place)
    device = str(model.device)
    facts = describe(
        model,
        tokenizer,
        files=files,
        loading=loading,
        device=f"{device} ({torch.cuda.get_device_name(device)})" if device.startswith("cuda") else device,
        versions={"torch": torch.__version__, "transformers": transformers.__version__},
    )
    model.generation_config = transformers.GenerationConfig()  # each row brings its own; nothing else has a say
    loaded = TransformersModel(model, tokenizer, facts, clock=clock)
    if facts.can_continue and loading.batching != Batching.PADDED:
        problem = try_continuous(loaded)
        loaded.facts = replace(facts, can_continue=not problem, continuous_problem=problem)
    return loaded


def find_devices() -> tuple[str, ...]:
    """The devices of this machine, the best first."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = ("mps",) if torch.backends.mps.is_available() else ()
    return (*(f"cuda:{number}" for number in range(count)), *mps, "cpu")


def measure_device(device: str) -> Memory:
    """The memory of a device now."""
    if device.startswith("cuda"):
        free, total = torch.cuda.mem_get_info(device)
        reserved, used = torch.cuda.memory_reserved(device), torch.cuda.memory_allocated(device)
        return Memory(used=used, free=free + reserved - used, total=total)
    free, total = model_memory.measure_machine()
    return Memory(used=model_memory.measure_process(), free=free, total=total)


def explain_memory(error: RuntimeError) -> str:
    """What an error says, if it is about memory that is full; raises the error (or DeviceLost) if not."""
    words = str(error)
    if isinstance(error, torch.OutOfMemoryError) or "out of memory" in words or "can't allocate memory" in words:
        return words.split("\n", 1)[0]
    if _is_of_device(error):
        raise DeviceLost(words) from error
    raise error


def _is_of_device(error: Exception) -> bool:
    """Whether torch says so by a class, which it has since 2.8."""
    return isinstance(error, getattr(torch, "AcceleratorError", DeviceLost))


def _load_tokenizer(files: ModelFiles, loading: Loading) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return transformers.AutoTokenizer.from_pretrained(
                files.folder, local_files_only=True, trust_remote_code=loading.trust_remote_code
            )
    except Exception as error:  # whatever the library makes of a broken file
        raise ModelRefused(f"The tokenizer of {files.name} cannot be loaded: {_shorten(error)}") from error


def _load_weights(files: ModelFiles, loading: Loading, place: str) -> Any:
    more: dict[str, Any] = {} if place == "cpu" else {"device_map": place if place == "auto" else {"": place}}
    if loading.quantization:
        more["quantization_config"] = _configure_quantization(loading.quantization)
    if loading.attention:
        more["attn_implementation"] = loading.attention
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, found = transformers.AutoModelForCausalLM.from_pretrained(
                files.folder,
                dtype=loading.dtype if loading.dtype == "auto" else getattr(torch, loading.dtype),
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=loading.trust_remote_code,
                output_loading_info=True,
                **more,
            )
    except Exception as error:  # packages that a saved quantization needs, shapes that do not match, memory, …
        raise ModelRefused(_say_why(files.name, error)) from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise ModelRefused(
            f"The weights of {files.name} are not those of a {type(model).__name__}, as its config.json says: {len(missing)} "
            f"tensors are missing, among them {missing[0]}."
        )
    return model.eval()


def _configure_quantization(name: str) -> Any:
    if name.startswith("bnb"):
        return transformers.BitsAndBytesConfig(load_in_4bit=name == "bnb_4bit", load_in_8bit=name == "bnb_8bit")
    from torchao import quantization

    kinds = {"int8": "Int8WeightOnlyConfig", "int4": "Int4WeightOnlyConfig", "float8": "Float8WeightOnlyConfig"}
    return transformers.TorchAoConfig(getattr(quantization, kinds[name])())


def try_continuous(model: TransformersModel) -> str:
    """Why continuous batching does not work with a loaded model, found by using it for some tokens; empty if it does.

    What a version of transformers says of itself is no help here: some models break it that claim to work.
    """
    log = logging.getLogger(_CONTINUOUS_LOG)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        return compare_ways(model)
    except Exception as error:  # noqa: BLE001 - whatever breaks in it breaks nothing else
        model.clear()
        return (
            f"Continuous batching of transformers {transformers.__version__} fails with this model: {_shorten(error)}"
        )
    finally:
        log.setLevel(level)


def _say_why(name: str, error: Exception) -> str:
    """Why a model was not loaded: the memory, the device, or the model itself."""
    words = str(error).lower()
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "out of memory" in words or "can't allocate" in words:
        return (
            f"{name} did not fit in the memory as it was loaded: {_shorten(error)} Other programs may use it. Load it in a "
            "smaller dtype or quantized, or take a smaller model or a larger device."
        )
    if _is_of_device(error) or looks_lost(error):
        return (
            f"The device failed as {name} was loaded: {_shorten(error)} Look at the device and its driver, then start the "
            "worker again."
        )
    return f"{name} cannot be loaded: {_shorten(error)}"


def _shorten(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 300 else f"{words[:299]}…"


def build_demo_model(folder: Path, texts: Sequence[str], *, seconds: float = 20.0, steps: int = 500) -> None:
    """Save in `folder` a tiny LLaMA that learnt from `texts` for some seconds, with its tokenizer and chat template.

    Each text is taken for an answer to the one before it. What the model writes looks like their words, and means nothing.
    """
    transformers.utils.logging.disable_progress_bar()
    size = build_tokenizer(folder, texts, vocabulary=4096, context_tokens=1024)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    threads = [
        [{"role": "user", "content": asked[:300]}, {"role": "assistant", "content": answer[:600]}]
        for asked, answer in pairwise(texts)
    ]
    written = [tokenizer.encode(tokenizer.apply_chat_template(thread, tokenize=False)) for thread in threads]
    config = transformers.LlamaConfig(
        vocab_size=size,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), _one_thread():
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(config)
        _train(model, torch.tensor([token for part in written for token in part]), seconds=seconds, steps=steps)
    model.save_pretrained(folder)


def _train(model: Any, stream: Any, *, seconds: float, steps: int) -> None:
    """Learn from windows of a stream of tokens, for so many steps or seconds; a slow machine gets three times those."""
    width = min(128, len(stream) - 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    began = time.monotonic()
    model.train()
    for step in range(steps):
        passed = (time.monotonic() - began) / max(seconds, 0.1)
        if passed >= 1 and (step >= steps // 4 or passed >= 3):
            break
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * min(1, (step + 1) / 10)
        batch = stream[torch.randint(len(stream) - width, (6, 1)) + torch.arange(width)]
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tiny matrices are computed faster by one thread, and much faster on a machine that has other things to do."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
