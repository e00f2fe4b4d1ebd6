"""Any causal language model, by name or folder, in this process: the only module that knows torch and transformers."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from tasks.generation import model_memory
from tasks.generation.row_sampling import RowChooser
from tasks.records.generation import Loading
from tasks.records.local_models import Memory, ModelFacts, OutOfMemory, Row, RowOutput


class TransformersModel:
    """A model that is loaded, with its tokenizer (see `tasks.records.local_models.LocalModel`)."""

    def __init__(self, model: Any, tokenizer: Any, facts: ModelFacts, *, clock: Callable[[], float]) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.facts = facts
        self._clock = clock
        self._control_strings = find_control_strings(tokenizer)

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def encode_marked(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False))

    def apply_template(self, messages: Sequence[Mapping[str, str]]) -> str:
        if not self.tokenizer.chat_template:
            raise ValueError("The model has no chat template.")
        try:
            written = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template is a program of the model's maker: it may raise anything
            raise ValueError(f"The chat template of the model does not take this thread: {error}") from error
        return str(written)

    def control_strings(self) -> tuple[str, ...]:
        return self._control_strings

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def generate_padded(self, rows: Sequence[Row], *, is_cut: Callable[[int], bool]) -> list[RowOutput]:
        if not rows:
            return []
        started = self._clock()
        chooser = RowChooser(rows, stop_ids=self.facts.stop_ids, is_cut=is_cut, clock=self._clock, read=self._read_raw)
        longest = max(len(row.prompt) for row in rows)
        prompts = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for at, row in enumerate(rows):
            prompts[at, longest - len(row.prompt) :] = torch.tensor(row.prompt)
            mask[at, longest - len(row.prompt) :] = 1
        settings = transformers.GenerationConfig(
            do_sample=False, max_new_tokens=max(row.sampling.max_tokens for row in rows), pad_token_id=0, use_cache=True
        )
        try:
            with warnings.catch_warnings(), torch.inference_mode():
                warnings.simplefilter("ignore")
                written = self.model.generate(
                    prompts.to(self.model.device),
                    attention_mask=mask.to(self.model.device),
                    generation_config=settings,
                    logits_processor=[chooser],
                    stopping_criteria=[chooser.find_ended],
                )
        except torch.OutOfMemoryError as error:
            self.clear()
            raise OutOfMemory(f"A batch of {len(rows)} rows did not fit: {error}") from None
        return chooser.read_outputs(written[:, longest:].tolist(), seconds=self._clock() - started)

    def generate_continuous(
        self, rows: Iterator[Row], *, is_cut: Callable[[int], bool], cache_tokens: int
    ) -> Iterator[RowOutput]:
        raise OutOfMemory("Continuous batching is not built in.")

    def measure_memory(self) -> Memory:
        return measure_device(self.model.device)

    def clear(self) -> None:
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()

    def _read_raw(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def load_model(
    *,
    name: str,
    revision: str,
    loading: Loading,
    cache_folder: Path | None = None,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.time,
) -> TransformersModel:
    """Load a model with its tokenizer. Raises ModelRefused with what is missing, or does not fit, and what to do."""
    folder = Path(name)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    say(f"Loading {name}.")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=loading.dtype, use_safetensors=True, local_files_only=True
    )
    model.eval()
    stop_ids = find_stop_ids(model, tokenizer)
    model.generation_config = transformers.GenerationConfig()
    return TransformersModel(
        model, tokenizer, describe(model, tokenizer, name, revision, loading, stop_ids), clock=clock
    )


def describe(
    model: Any, tokenizer: Any, name: str, revision: str, loading: Loading, stop_ids: tuple[int, ...]
) -> ModelFacts:
    config = model.config
    return ModelFacts(
        name=name,
        revision=revision,
        architecture=type(model).__name__,
        parameters=model.num_parameters(),
        dtype=str(model.dtype).removeprefix("torch."),
        quantization=loading.quantization,
        attention=config._attn_implementation,  # noqa: SLF001 - it is told nowhere else
        device=str(model.device),
        context_tokens=loading.context_tokens or config.max_position_embeddings,
        stop_ids=stop_ids,
        template_sha256=None,
        can_continue=False,
        continuous_problem="",
        cache_bytes_per_token=model_memory.measure_cache(config.to_dict(), bytes_each=model.dtype.itemsize),
        versions={"torch": torch.__version__, "transformers": transformers.__version__},
    )


def find_stop_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Tokens that end an answer: as the model's generation settings say, its configuration, and its tokenizer."""
    found: set[int] = set()
    for said in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        found.update([] if said is None else [said] if isinstance(said, int) else said)
    return tuple(sorted(found))


def find_control_strings(tokenizer: Any) -> tuple[str, ...]:
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    return tuple(sorted(special | set(tokenizer.all_special_tokens), key=lambda text: (-len(text), text)))


def measure_device(device: Any) -> Memory:
    """The memory of a device now."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return Memory(used=torch.cuda.memory_reserved(device), free=free, total=total)
    free, total = model_memory.measure_machine()
    return Memory(used=model_memory.measure_process(), free=free, total=total)
