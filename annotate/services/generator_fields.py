"""The fields of a generator: how each is read, and what must hold between them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from annotate.models import Generator
from annotate.reasons import tell_reason
from annotate.services.campaign_values import Reader, show
from annotate.services.generator_sampling import read_sampling
from tasks.generation.payloads import check_generator
from tasks.generation.prompt_formats import FORMATS
from tasks.records.generation import ATTENTIONS, DTYPES, QUANTIZATIONS, GeneratorRecord, Loading
from tasks.vocabulary import Batching, Engine, ModelRelation, OutputTerms, ServerKind

#: Only names like these: a record must never be a way to send another secret of the server to an endpoint.
KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,70}_(API_KEY|TOKEN)")
#: A licence by its short name: SPDX's, or the one that model cards use.
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,2})?")
CALLED_ENGINES = (Engine.OPENAI, Engine.TRANSFORMERS)
#: The bound of a server's requests per minute, of a batch's rows, and of a context's tokens.
MOST_PER_MINUTE, MOST_ROWS, MOST_TOKENS = 100_000, 1_024, 10_000_000
FEWEST_TOKENS = 16

TRUST = "trust_remote_code"
PLAIN_LOADING: Mapping[str, Any] = asdict(Loading())


def _text(longest: int, *, lines: bool = False, blank: bool = True) -> Callable[[Reader, str, Any], Any]:
    return lambda reader, place, value: reader.text(place, value, longest=longest, lines=lines, blank=blank)


def _whole(low: int, high: int, *, optional: bool = False) -> Callable[[Reader, str, Any], Any]:
    return lambda reader, place, value: (
        None if optional and value is None else reader.integer(place, value, low=low, high=high)
    )


def _one_of(known: tuple[str, ...], *, optional: bool = False) -> Callable[[Reader, str, Any], Any]:
    def read(reader: Reader, place: str, value: Any) -> str | None:
        if (optional and value is None) or (isinstance(value, str) and value in known):
            return value
        reader.refuse(
            place,
            _("%(value)s is not known; write one of %(known)s.%(hint)s")
            % {"value": show(value), "known": ", ".join(known), "hint": ""},
        )
        return None

    return read


def _engine(reader: Reader, place: str, value: Any) -> str | None:
    if value in CALLED_ENGINES:
        return str(value)
    reader.refuse(
        place,
        _("Write one of %(engines)s: labels of origin come from imports alone.")
        % {"engines": ", ".join(CALLED_ENGINES)},
    )
    return None


def _key_variable(reader: Reader, place: str, value: Any) -> str | None:
    if isinstance(value, str) and (not value or KEY_VARIABLE.fullmatch(value)):
        return value
    reader.refuse(
        place,
        _("Write the name of an environment variable that ends with _API_KEY or _TOKEN, never the key itself."),
    )
    return None


def _licence(reader: Reader, place: str, value: Any) -> str | None:
    text = reader.text(place, value, longest=80, blank=True)
    if text and not LICENCE.fullmatch(text):
        reader.refuse(place, _("Write the licence by its short name, such as Apache-2.0, MIT or llama3.1."))
        return None
    return text


def _address(reader: Reader, place: str, value: Any) -> str | None:
    text = reader.text(place, value, longest=400, blank=True)
    if text and not _is_address(text):
        reader.refuse(place, _("This is not the address of a page. Write it as https://host/page."))
        return None
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in text and parts.port != 0
    except ValueError:
        return False


def _relation(reader: Reader, place: str, value: Any) -> str | None:
    return None if value is None else reader.word(place, value, ModelRelation)


def _device(reader: Reader, place: str, value: Any) -> str | None:
    if isinstance(value, str) and DEVICE.fullmatch(value):
        return value
    reader.refuse(place, _("Write auto, cpu, mps, cuda, or one card, such as cuda:1."))
    return None


def _loading(reader: Reader, place: str, value: Any) -> dict[str, Any] | None:
    """What differs from the defaults alone, so that the same choice is always stored alike."""
    table = reader.table(place, value, known=LOADING_READERS)
    if table is None:
        return None
    found = {
        name: LOADING_READERS[name](reader, f"{place}.{name}", given)
        for name, given in table.items()
        if name in LOADING_READERS
    }
    return {name: given for name, given in found.items() if given not in (PLAIN_LOADING[name], "")}


#: `trust_remote_code` is read as a text, the model's name: `name_trusted` turns it into the word that is stored.
LOADING_READERS: Mapping[str, Callable[[Reader, str, Any], Any]] = {
    "dtype": _one_of(DTYPES),
    "device_map": _device,
    "quantization": _one_of(QUANTIZATIONS, optional=True),
    "attention": _one_of(ATTENTIONS, optional=True),
    TRUST: _text(200),
    "batching": lambda reader, place, value: reader.word(place, value, Batching),
    "max_batch": _whole(1, MOST_ROWS, optional=True),
    "context_tokens": _whole(FEWEST_TOKENS, MOST_TOKENS, optional=True),
}

READERS: Mapping[str, Callable[[Reader, str, Any], Any]] = {
    "name": _text(120, blank=False),
    "engine": _engine,
    "endpoint": _text(400),
    "server_kind": lambda reader, place, value: reader.word(place, value, ServerKind),
    "api_key_variable": _key_variable,
    "model": _text(200, blank=False),
    "revision": _text(120),
    "base_model": _text(200),
    "relation": _relation,
    "quantization": _text(40),
    "licence": _licence,
    "output_terms": lambda reader, place, value: reader.word(place, value, OutputTerms),
    "terms_url": _address,
    "system_prompt": _text(20_000, lines=True),
    "prompt_format": _one_of(("", *FORMATS)),
    "sampling": read_sampling,
    "timeout_seconds": _whole(1, 3_600),
    "max_concurrent": _whole(1, 32),
    "requests_per_minute": _whole(1, MOST_PER_MINUTE, optional=True),
    "loading": _loading,
    "enabled": Reader.boolean,
}


#: What the database fills in by itself, as a new record must know it before.
UNSAID: Mapping[str, Any] = {
    "server_kind": ServerKind.ANY,
    "prompt_format": "",
    "base_model": "",
    "quantization": "",
    "licence": "",
    "output_terms": OutputTerms.UNKNOWN,
    "terms_url": "",
}


def read_fields(reader: Reader, values: Mapping[str, Any], *, needed: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields that `values` name, read; what is wrong is the reader's to tell."""
    reader.table("", values, known=READERS, needed=needed)
    return {name: READERS[name](reader, name, value) for name, value in values.items() if name in READERS}


def describe_fields(generator: Generator) -> dict[str, Any]:
    """Every field as it is written: what is read can be sent back. There is no secret in it."""
    loading = {**PLAIN_LOADING, **generator.loading}
    loading[TRUST] = generator.model if loading[TRUST] else ""
    return {field: getattr(generator, field) for field in READERS} | {"loading": loading}


def name_trusted(reader: Reader, fields: Mapping[str, Any], *, model: str, trusted: str) -> dict[str, Any]:
    """The fields with the word that a model's own code may run: it is given by the model's name, for that model alone.

    `trusted`: the model whose code may run so far; empty: none.
    """
    told = fields.get("loading")
    name = trusted if told is None else told.get(TRUST, "")
    if name and name != model:
        reader.refuse(
            f"loading.{TRUST}",
            _(
                "A model's own code runs only where its name is written here as it stands above: %(model)s. Leave this "
                "empty to load the model without any code of its own."
            )
            % {"model": show(model)},
        )
    if told is None:
        return dict(fields)
    loading = {key: value for key, value in told.items() if key != TRUST}
    return {**fields, "loading": loading | ({TRUST: True} if name else {})}


def check_whole(reader: Reader, generator: Generator) -> None:
    """What must hold between the fields."""
    if generator.engine == Engine.OPENAI:
        _check_server(reader, generator)
    else:
        _check_worker(reader, generator)
    if generator.relation and not generator.base_model:
        reader.refuse("base_model", _("Name the model that it was made from, or leave out what it is to that one."))
    if generator.base_model and generator.base_model == generator.model:
        reader.refuse("base_model", _("No model is made from itself. Leave this empty for one that was trained anew."))


def _check_server(reader: Reader, generator: Generator) -> None:
    record = GeneratorRecord(
        id=0,
        name=generator.name,
        engine=Engine.OPENAI,
        endpoint=generator.endpoint,
        model=generator.model,
        sampling=generator.sampling,
    )
    if problem := check_generator(record):
        reader.refuse("endpoint", tell_reason(problem))
    if generator.loading:
        reader.refuse("loading", _("A server loads its model by itself: leave out how it is loaded."))


def _check_worker(reader: Reader, generator: Generator) -> None:
    if generator.endpoint or generator.api_key_variable:
        reader.refuse("endpoint", _("This engine runs in the worker itself: it has neither an endpoint nor a key."))
    if generator.server_kind != ServerKind.ANY:
        reader.refuse("server_kind", _("This engine runs in the worker itself: no server answers for it."))
    if generator.requests_per_minute is not None:
        reader.refuse("requests_per_minute", _("A model in a worker answers as fast as it can. Leave this out."))
    loading = {**PLAIN_LOADING, **generator.loading}
    if (loading["attention"] or "").startswith("flash"):
        if loading["dtype"] == "float32":
            reader.refuse("loading.dtype", _("Flash attention computes in bfloat16 or float16. Choose one of them."))
        if loading["device_map"] in {"cpu", "mps"}:
            reader.refuse("loading.attention", _("Flash attention needs an NVIDIA or AMD card. Choose another."))
