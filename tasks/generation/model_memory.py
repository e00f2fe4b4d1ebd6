"""What a model needs in memory, told from its files before anything is loaded, and how much this machine has.

Weights are counted from the headers of the safetensors files (names, shapes and types; no weight is read), the cache of
a running answer from the configuration. All sizes are bytes.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BYTES_OF = {
    "F64": 8.0, "I64": 8.0, "U64": 8.0, "F32": 4.0, "I32": 4.0, "U32": 4.0, "F16": 2.0, "BF16": 2.0, "I16": 2.0, "U16": 2.0,
    "F8_E4M3": 1.0, "F8_E5M2": 1.0, "I8": 1.0, "U8": 1.0, "BOOL": 1.0, "F4": 0.5,
}  # fmt: skip
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
BYTES_OF_DTYPE = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
#: Bytes of one weight after quantization while loading, with its scales.
BYTES_OF_QUANTIZATION = {"bnb_4bit": 0.5625, "bnb_8bit": 1.0625, "int8": 1.0625, "int4": 0.5625, "float8": 1.0625}
#: What the first steps of a batch need beside weights and cache, as a share of the weights, and at least this much.
WORKING_SHARE = 0.05
WORKING_LEAST = 64 * 2**20
_LONGEST_HEADER = 100 * 2**20
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Weights:
    """Numbers of a model's files: how many parameters, their bytes as saved, and once loaded as asked."""

    parameters: int
    saved: int
    loaded: int


class BrokenWeights(Exception):
    """A file of weights whose header cannot be read; the message is a sentence."""


def read_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: tensors by name with `dtype`, `shape` and `data_offsets`."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _LONGEST_HEADER:
                raise BrokenWeights(f"{path.name} is not a safetensors file.")
            raw = file.read(length)
            header = json.loads(raw)
        if not isinstance(header, dict):
            raise BrokenWeights(f"{path.name} is not a safetensors file.")
        header.pop("__metadata__", None)
        end = max((int(tensor["data_offsets"][1]) for tensor in header.values()), default=0)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise BrokenWeights(f"{path.name} cannot be read as a safetensors file.") from error
    size = path.stat().st_size
    if size < 8 + length + end:
        raise BrokenWeights(
            f"{path.name} has {size:,} bytes, and its header promises {8 + length + end:,}: it was not copied whole."
        )
    return header


def measure_weights(files: Sequence[Path], *, dtype: str, quantization: str | None) -> Weights:
    """Add up the headers of a model's files. Raises BrokenWeights for one that is not whole.

    With quantization, matrices count as quantized, all but the embeddings and the head, which stay as they are.
    """
    parameters, saved, loaded = 0, 0.0, 0.0
    for path in files:
        for name, tensor in read_header(path).items():
            kind, shape = str(tensor["dtype"]), tensor["shape"]
            count = math.prod(int(side) for side in shape)
            own = BYTES_OF.get(kind, 4.0)
            each = BYTES_OF_DTYPE.get(dtype, own) if kind in FLOATS else own
            if quantization and len(shape) > 1 and not is_kept_whole(name):
                each = BYTES_OF_QUANTIZATION.get(quantization, each)
            parameters += count
            saved += count * own
            loaded += count * each
    return Weights(parameters=parameters, saved=math.ceil(saved), loaded=math.ceil(loaded))


def guess_weights(saved: int, config: Mapping[str, Any], *, dtype: str, quantization: str | None) -> int:
    """Bytes that weights of `saved` bytes will take, where their files are not here yet."""
    said = str(config.get("dtype") or config.get("torch_dtype") or "bfloat16")
    own = BYTES_OF_DTYPE.get(said, 2.0)
    each = BYTES_OF_QUANTIZATION.get(quantization or "", BYTES_OF_DTYPE.get(dtype, own))
    return math.ceil(saved * each / own)


def is_kept_whole(name: str) -> bool:
    """Whether quantization while loading leaves a tensor as it was: embeddings and the head."""
    return any(part in name for part in ("embed", "wte.", "wpe.", "lm_head"))


def measure_cache(config: Mapping[str, Any], *, bytes_each: float) -> int:
    """Bytes that one token of one row keeps in the cache: a key and a value for each head of each layer."""
    inner = config.get("text_config")
    config = inner if isinstance(inner, Mapping) else config
    layers = _find_number(config, "num_hidden_layers", "n_layer", "num_layers") or 1
    heads = _find_number(config, "num_attention_heads", "n_head", "num_heads") or 1
    width = _find_number(config, "hidden_size", "n_embd", "d_model") or 1
    kept = _find_number(config, "num_key_value_heads") or heads
    head = _find_number(config, "head_dim") or width // heads
    return math.ceil(2 * layers * kept * head * bytes_each)


def add_working_memory(weights: int) -> int:
    """What loading `weights` bytes asks of a device, with what the first batch needs beside them."""
    return weights + max(WORKING_LEAST, math.ceil(weights * WORKING_SHARE))


def write_bytes(count: float) -> str:
    """`3.4 GB`, in units of 1,073,741,824 bytes; small counts in MB."""
    if count < _GIB:
        return f"{math.ceil(count / 2**20):,} MB"
    return f"{count / _GIB:,.1f} GB"


def measure_machine() -> tuple[int, int]:
    """(free, total) bytes of this machine's memory, within the limit that its container sets."""
    free, total = _read_meminfo()
    limit, used = _read_cgroup()
    if limit is not None and limit < total:
        return max(0, min(free, limit - used)), limit
    return free, total


def measure_process() -> int:
    """Bytes that this process holds in memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _read_meminfo() -> tuple[int, int]:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        sizes = {name: int(rest.split()[0]) * 1024 for name, rest in (line.split(":", 1) for line in lines)}
        return sizes["MemAvailable"], sizes["MemTotal"]
    except (OSError, ValueError, KeyError, IndexError):  # no Linux: all there is counts as free
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return total, total


def _read_cgroup() -> tuple[int | None, int]:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text(encoding="ascii"))
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        # what the kernel only keeps because nobody else wants it is free
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        idle = sum(int(line.split()[1]) for line in lines if line.startswith(("inactive_file ", "active_file ")))
    except (OSError, ValueError, IndexError):  # no limit, no cgroup
        return None, 0
    return limit, max(0, used - idle)


def _find_number(config: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and value > 0:
            return value
    return None
