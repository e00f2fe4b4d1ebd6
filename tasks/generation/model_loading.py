"""Whether a model can be loaded here as somebody wishes: settings, devices and memory, told before anything is loaded.

Pure: what devices there are, and how much of their memory is free, is passed in.
"""

import importlib.util
from collections.abc import Mapping, Sequence

from tasks.generation import model_memory
from tasks.generation.model_files import ModelFiles
from tasks.records.generation import ATTENTIONS, DTYPES, QUANTIZATIONS, Loading
from tasks.records.local_models import Memory, ModelRefused

_ON_CUDA = ("bnb_4bit", "bnb_8bit", "int4")
_PACKAGES = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}


def check_loading(loading: Loading, *, devices: Sequence[str]) -> None:
    """Refuse settings that cannot work here, before anything is read or brought. Raises ModelRefused."""
    if loading.dtype not in DTYPES:
        raise ModelRefused(f'There is no dtype "{loading.dtype}" to load with: take one of {", ".join(DTYPES)}.')
    has_cuda = any(device.startswith("cuda") for device in devices)
    attention, quantization = loading.attention, loading.quantization
    if attention is not None and attention not in ATTENTIONS:
        raise ModelRefused(f'There is no attention "{attention}": take one of {", ".join(ATTENTIONS)}, or none.')
    package = _PACKAGES.get(attention or "")
    if package and not (has_cuda and importlib.util.find_spec(package)):
        raise ModelRefused(
            f'The attention "{attention}" needs a CUDA device and the package {package}, which this worker does not have. '
            'Take "sdpa", or leave it to transformers.'
        )
    if quantization is None:
        return
    if quantization not in QUANTIZATIONS:
        known = ", ".join(QUANTIZATIONS)
        raise ModelRefused(f'There is no quantization "{quantization}" while loading: take one of {known}, or none.')
    package = "bitsandbytes" if quantization.startswith("bnb") else "torchao"
    if importlib.util.find_spec(package) is None:
        raise ModelRefused(
            f'The quantization "{quantization}" needs the package {package}, which is not installed: '
            f"`pip install {package}`, or load the model without it."
        )
    if quantization in _ON_CUDA and not has_cuda:
        raise ModelRefused(f'The quantization "{quantization}" needs a CUDA device, and this worker sees none.')


def check_quantized(files: ModelFiles, loading: Loading) -> None:
    """Refuse to quantize what was saved quantized."""
    saved = files.config.get("quantization_config")
    if saved and loading.quantization:
        method = saved.get("quant_method", "another way") if isinstance(saved, Mapping) else "another way"
        raise ModelRefused(
            f'{files.name} was saved quantized already ({method}), so it cannot be loaded as "{loading.quantization}": '
            "leave the quantization empty."
        )


def choose_devices(device_map: str, *, devices: Sequence[str]) -> tuple[str, ...]:
    """The devices that a setting leaves to choose from. `devices`: all there are, the best first, `cpu` last."""
    if device_map == "auto":
        best = devices[0].partition(":")[0]
        return tuple(device for device in devices if device.partition(":")[0] == best)
    if device_map in devices:
        return (device_map,)
    of_kind = [device for device in devices if device.partition(":")[0] == device_map]
    if of_kind:
        return (of_kind[0],)
    raise ModelRefused(
        f'There is no device "{device_map}" for this worker: there is {", ".join(devices)}. "auto" takes the best.'
    )


def choose_place(name: str, weights: int, *, memories: Mapping[str, Memory], loading: Loading) -> str:
    """The device that has room for `weights` bytes, or `auto`: all of them together. Raises ModelRefused with figures."""
    needed = model_memory.add_working_memory(weights)
    best = max(memories, key=lambda device: memories[device].free)
    if memories[best].free >= needed:
        return best
    together = sum(memory.free for memory in memories.values())
    if len(memories) > 1 and together >= needed + model_memory.WORKING_LEAST * len(memories):
        return "auto"
    write = model_memory.write_bytes
    there = ", ".join(f"{device} has {write(m.free)} free of {write(m.total)}" for device, m in memories.items())
    how = f"{loading.dtype}, {loading.quantization}" if loading.quantization else f"dtype {loading.dtype}"
    raise ModelRefused(
        f"{name} does not fit: loaded with {how} it needs about {write(needed)} ({write(weights)} of them weights), and "
        f"{there}. Load it in a smaller dtype or quantized, or take a smaller model or a larger device."
    )
