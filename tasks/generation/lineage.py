"""Which model stands behind a name: one model goes by many names, in fewer bits, in other files, at other servers.

A name becomes a key in these steps:

1. Addresses, folders and routes are taken off: a hub's address, a cache's folder, a router's `:fastest`.
2. What says in how many bits and in which file the model is stored is taken out and kept apart: the same weights in
   fewer bits are the same model.
3. The account is left out where it makes models or only repacks those of others, and where step 2 found something;
   any other account stays in the key: what somebody calls `llama-3.1-8b` may have been trained further.
4. The rest are words: a family and its version apart, sizes and kinds of tuning at the end.

Two names have one key only where nothing that is known of names tells them apart: another size, version or tuning is
another key. A key is no proof: what administrators declare (`base_model`, `relation`) is asked first.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.generation.model_names import MAKERS, PACKAGERS, PACKAGING, ROUTES
from tasks.vocabulary import ModelRelation


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """A model as one name among others.

    key           equal for all names of one model
    root          the key of the model at the start of what is declared; the key itself where nothing is
    relation      what it is to `base`; None: nothing is known
    base          the key of the model that it was made from; None: nothing is known, or it is that one in fewer bits
    quantization  how its weights are stored, such as `q4_k_m`, `awq`, `bnb-4bit`; empty: as they were trained
    """

    key: str
    root: str
    relation: ModelRelation | None = None
    base: str | None = None
    quantization: str = ""


@dataclass(frozen=True, slots=True)
class ModelClaim:
    """What an administrator wrote of a generator's model."""

    name: str
    base_model: str = ""
    relation: ModelRelation | None = None
    quantization: str = ""


_PLAIN = frozenset({"f16", "fp16", "bf16", "f32", "fp32", "float16", "bfloat16", "float32", "16bit", "32bit"})
_BITS = re.compile(
    r"i?q\d(?:[_.]\d|(?:_[kmslx]{1,3}|_xxs|_nl|_\d)+)*"  # GGUF: q4_k_m, q8_0, iq2_xxs
    r"|tq\d_\d|mxfp\d|nvfp\d|nf4|fp[468](?:_e\dm\d|_dynamic|_kv|_block)?|int[248]|w\d+a\d+(?:kv\d+)?"
    r"|[2345678](?:_|\.)?(?:\d{1,2})?_?bpw(?:_h\d)?|[234568]_?bits?"
    r"|gptq(?:_?(?:int)?[2348])?(?:_?bits?)?|awq|bnb|hqq|aqlm|eetq|exl[23]|marlin|qat|dwq|quantized|g?\d{2,3}g"
)
#: A GGUF file whose name does not say in how many bits; and one that says that nothing was left out.
_GGUF, _FULL = (
    re.compile(r"(?:^|[-_.])gg(?:uf|ml)(?:$|[-_.:])"),
    re.compile(r"(?:^|[-_.:])(?:b?f16|fp16|f32|fp32)(?:$|[-_.])"),
)
_PART = re.compile(r"[^-\s:@+/]+")
_SIZE = re.compile(r"(?:\d{1,2}x)?\d{1,4}(?:\.\d+)?[bmt]|a\d{1,3}(?:\.\d+)?b|e\d{1,2}b")
_GLUED = re.compile(
    r"(llama|codellama|qwen|gemma|codegemma|phi|falcon|vicuna|mistral|mixtral|gpt|stablelm|smollm|olmo|granite|internlm"
    r"|chatglm|glm|baichuan|minicpm|exaone|solar|yi|hermes|dolphin|tulu|starcoder|deepseek|bloom|opt|aya)v?(\d{1,2}(?:\.\d+)?)"
)
_VERSION = re.compile(r"v?\d+(?:\.\d+)*")
#: Kinds of tuning; `it` is Gemma's word for instruct.
TUNINGS = frozenset({"instruct", "chat", "base", "pt", "sft", "dpo", "rlhf", "reasoning", "thinking", "coder", "code"})
#: What Ollama means by a name of these families that says no tuning.
_OLLAMA_TUNED = {"llama-2": "chat", "llama": "instruct", "mistral": "instruct", "mixtral": "instruct", "gemma": "instruct",
                 "qwen-2": "instruct", "qwen-2.5": "instruct", "codellama": "", "phi-3": "instruct"}  # fmt: skip
_UNTUNED = frozenset({"text"})
_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|ollama\.com|registry\.ollama\.ai|modelscope\.cn)/"
)
_CACHE = re.compile(r"(?:^|.*/)models--([^/]+?)--([^/]+)(?:/.*)?$")
_OPENER = re.compile(r"^(?:openrouter|huggingface|together_ai|hosted_vllm|vllm|ollama|ollama_chat|lm_studio)/(?=.)")


def identify(
    name: str,
    *,
    base_model: str = "",
    relation: ModelRelation | None = None,
    quantization: str = "",
) -> ModelIdentity:
    """The model that a name names, as far as this name and what is declared of it tell.

    Declared as a quantisation of another, it is that one: its key is the other's. The whole chain is `trace_lineage`'s.
    """
    key, stored = _read(name)
    stored = quantization.strip().lower() or stored
    base = _read(base_model)[0] if base_model.strip() else None
    if base is None or base == key:
        return ModelIdentity(key, key, ModelRelation.QUANTIZED if stored or base == key else relation, None, stored)
    if relation is ModelRelation.QUANTIZED:
        return ModelIdentity(base, base, relation, None, stored)
    return ModelIdentity(key, base, relation or ModelRelation.FINETUNED, base, stored)


def name_publicly(name: str) -> str:
    """The name of a model without where it lies: of a folder or file on somebody's disk its last part alone."""
    plain = name.strip().replace("\\", "/").rstrip("/")
    if cached := _CACHE.match(plain):
        return f"{cached[1]}/{cached[2]}"
    return plain.rpartition("/")[2] if _is_folder(plain) else name.strip()


def trace_lineage(claims: Iterable[ModelClaim]) -> list[ModelIdentity]:
    """The identity of each claim, in order, its root found through what all of them declare.

    Of a key that is declared to come from several models the first in order of names counts. Where what is declared
    goes round in a circle, its smallest key is the root of all in it.
    """
    found = [
        identify(claim.name, base_model=claim.base_model, relation=claim.relation, quantization=claim.quantization)
        for claim in claims
    ]
    bases: dict[str, str] = {}
    for identity in sorted(found, key=lambda one: (one.key, one.base or "")):
        if identity.base is not None:
            bases.setdefault(identity.key, identity.base)
    return [
        ModelIdentity(one.key, _find_root(one.key, bases), one.relation, one.base, one.quantization) for one in found
    ]


def _find_root(key: str, bases: Mapping[str, str]) -> str:
    seen = [key]
    while (after := bases.get(seen[-1])) is not None:
        if after in seen:
            return min(seen[seen.index(after) :])
        seen.append(after)
    return seen[-1]


def _read(name: str) -> tuple[str, str]:
    """The key of a name, and how its weights are stored."""
    whole = " ".join(name.lower().replace("\\", "/").split())
    account, model, tag = _take_apart(whole)
    text = f"{model}:{tag}" if tag else model
    words, stored = _take_storage(text)
    if not stored and _GGUF.search(text) and not _FULL.search(text):
        stored = ["gguf"]
    if tag and _is_ollama(account, tag):
        words = _add_ollama_tuning(words)
    key = "-".join(_order(words))
    if not key:
        return whole or "unknown", ""
    if account and account not in MAKERS and account not in PACKAGERS and not stored:
        key = f"{account}/{key}"
    return key, "-".join(stored)


def _take_apart(name: str) -> tuple[str, str, str]:
    """Account, model and tag; empty where there is none."""
    if cached := _CACHE.match(name):
        return cached[1], cached[2], ""
    path = _OPENER.sub("", _ADDRESS.sub("", name)).rstrip("/")
    is_folder = _is_folder(path)
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "", name, ""
    if parts[-1].endswith((".gguf", ".ggml", ".bin", ".safetensors")) or is_folder:
        parts = parts[-1:] if is_folder or len(parts) < 2 else [parts[0], parts[-1]]
    account, last = (parts[0] if len(parts) > 1 else ""), parts[-1]
    model, _, tag = last.partition(":")
    if tag in ROUTES or re.fullmatch(r"\d", tag):
        tag = ""
    if not account:
        for known in MAKERS | PACKAGERS:
            # As packagers of files write it: `google_gemma-3-12b-it-Q4_0.gguf`.
            if re.match(rf"{re.escape(known)}_[a-z][a-z0-9.]*-", model):
                account, model = known, model[len(known) + 1 :]
                break
    return account, model, tag


def _is_folder(path: str) -> bool:
    return path.startswith(("/", "./", "../", "~")) or re.match(r"[A-Za-z]:/", path) is not None


def _is_ollama(account: str, tag: str) -> bool:
    return account in {"", "library"} and bool(tag)


def _take_storage(text: str) -> tuple[list[str], list[str]]:
    """The words of a name without what says how it is stored, and that."""
    text = re.sub(r"\.(?:gguf|ggml|bin|safetensors)$", "", text)
    # A part of a file that was cut in pieces, and a dot before the bits, as in `llama-2-7b-chat.Q4_K_M`.
    text = re.sub(r"-\d{5}-of-\d{5}$", "", text)
    text = re.sub(r"\.(?=i?q\d|f16\b|bf16\b|fp16\b|gg(?:uf|ml)|gptq|awq|f32\b|w\d+a\d+)", "-", text)
    text = re.sub(r"(?<=[-:])(\d{1,2})_(\d{1,2})(?=[bm](?:[-_:.]|$))", r"\1.\2", text)
    words: list[str] = []
    stored: list[str] = []
    parts = _PART.findall(text)
    place = 0
    while place < len(parts):
        used, bits = _match_bits(parts, place)
        if used:
            stored += [bits] if bits else []
            place += used
            continue
        words += _split_word(parts[place], stored)
        place += 1
    return words, stored


def _match_bits(parts: list[str], place: int) -> tuple[int, str]:
    """How many parts from here on say how the weights are stored, the longest reading first, and what they say."""
    for length in range(min(4, len(parts) - place), 0, -1):
        joined = "_".join(parts[place : place + length])
        if joined in _PLAIN or (length == 1 and joined in PACKAGING):
            return length, ""
        if _BITS.fullmatch(joined):
            return length, joined if length == 1 else "-".join(parts[place : place + length])
    return 0, ""


def _split_word(part: str, stored: list[str]) -> list[str]:
    """Words of a part that underscores hold together, such as `mistral_7b_instruct_q4_k_m`."""
    pieces = part.split("_")
    words: list[str] = []
    place = 0
    while place < len(pieces):
        for length in range(min(4, len(pieces) - place), 0, -1):
            joined = "_".join(pieces[place : place + length])
            if joined in _PLAIN or joined in PACKAGING:
                break
            if _BITS.fullmatch(joined):
                stored.append(joined)
                break
        else:
            words += _split_family(pieces[place]) if pieces[place] else []
            place += 1
            continue
        place += length
    return words


def _split_family(word: str) -> list[str]:
    """A family and its version apart; versions without a zero at their end."""
    if word == "it":
        return ["instruct"]
    glued = _GLUED.fullmatch(word)
    if glued:
        return [glued[1], _write_version(glued[2])]
    return [_write_version(word) if _VERSION.fullmatch(word) else word]


def _write_version(version: str) -> str:
    return re.sub(r"(?:\.0)+$", "", version)


def _order(words: list[str]) -> list[str]:
    """The words with sizes and kinds of tuning at the end, each kind of word in one order."""
    if words[:2] == ["meta", "llama"]:
        words = words[1:]
    sizes = [word for word in words if _SIZE.fullmatch(word)]
    tunings = sorted({word for word in words if word in TUNINGS})
    rest = [word for word in words if word not in sizes and word not in tunings]
    return [*rest, *sorted(sizes, key=lambda size: (size.startswith("a"), size)), *tunings]


def _add_ollama_tuning(words: list[str]) -> list[str]:
    """Ollama's names without a kind of tuning mean the tuned model; `text` says that it is not."""
    if any(word in _UNTUNED for word in words):
        return [word for word in words if word not in _UNTUNED]
    if any(word in TUNINGS for word in words):
        return words
    family = "-".join(words[:2]) if len(words) > 1 and _VERSION.fullmatch(words[1]) else words[0] if words else ""
    tuned = _OLLAMA_TUNED.get(family) or (
        _OLLAMA_TUNED.get(words[0]) if words and words[0] in {"llama", "gemma"} else ""
    )
    return [*words, tuned] if tuned else words
