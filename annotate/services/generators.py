"""Generators of the site: administrators' records, the only ones that are ever called.

A generator's name in an import is another record, of its campaign, with the engine `label`; nothing here
finds, makes or changes those. The key of a server stands in an environment variable where candidates are
generated; the record holds the variable's name alone.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import RestrictedError
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import GenerationRequest, Generator
from annotate.queries.campaigns import list_site_generators
from annotate.reasons import tell_reason
from annotate.services.audit import record_event
from annotate.services.campaign_values import Reader
from tasks.generation.payloads import OUR_KEYS, check_generator
from tasks.records.generation import GeneratorRecord
from tasks.vocabulary import AuditAction, Engine

#: Only names like these: a record must never be a way to send another secret of the server to an endpoint.
KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,70}_(API_KEY|TOKEN)")
#: What a text came from: fixed once the generator has been asked, so that its name means one thing.
IDENTITY = ("engine", "model", "revision", "system_prompt", "sampling")
CALLED_ENGINES = (Engine.OPENAI, Engine.TRANSFORMERS)
MAX_SAMPLING_VALUES = 40


def create_generator(*, values: Mapping[str, Any], actor: Actor | None, reason: str = "") -> Generator:
    """Make a generator. Raises `InvalidInput` with every problem, Conflict `generator_name_taken`."""
    fields = _read(values, needed=("name", "engine", "model"))
    _check_whole(Generator(**fields))
    with transaction.atomic():
        generator = _save(Generator(**fields))
        _record(generator, actor, before=None, after=describe_generator(generator), reason=reason)
    return generator


def change_generator(
    *, generator_id: int, values: Mapping[str, Any], actor: Actor | None, reason: str = ""
) -> Generator:
    """Change what `values` say. Raises as `create_generator`, NotFound, and Conflict `generator_in_use`.

    What a text came from (engine, model, revision, system prompt, sampling) is fixed once it has been asked.
    """
    fields = _read(values)
    with transaction.atomic():
        generator = _lock(generator_id)
        before = describe_generator(generator)
        changed = {field: value for field, value in fields.items() if getattr(generator, field) != value}
        _check_identity(generator, changed)
        for field, value in changed.items():
            setattr(generator, field, value)
        _check_whole(generator)
        if changed:
            _save(generator)
            after = describe_generator(generator)
            told = {field: before[field] for field in changed}
            _record(generator, actor, before=told, after={field: after[field] for field in changed}, reason=reason)
    return generator


def delete_generator(*, generator_id: int, actor: Actor | None, reason: str = "") -> None:
    """Delete a generator that no campaign names and that was never asked. Raises Conflict `generator_in_use`."""
    with transaction.atomic():
        generator = _lock(generator_id)
        _record(generator, actor, before=describe_generator(generator), after=None, reason=reason)
        try:
            generator.delete()
        except RestrictedError as error:
            raise Conflict(
                _("Campaigns name this generator, or it has been asked for candidates: disable it instead."),
                code="generator_in_use",
            ) from error


def describe_generator(generator: Generator) -> dict[str, Any]:
    """The record as plain JSON, as administrators see it. It holds no secret."""
    return {field: getattr(generator, field) for field in READERS}


def _lock(generator_id: int) -> Generator:
    generator = list_site_generators().select_for_update(no_key=True).filter(pk=generator_id).first()
    return check_found(generator)


def check_found(generator: Generator | None) -> Generator:
    """The generator; raises NotFound where there is none, which is also the answer for the label of an import."""
    if generator is None:
        raise NotFound(_("The site has no such generator."), code="generator_not_found")
    return generator


def _save(generator: Generator) -> Generator:
    try:
        with transaction.atomic():
            generator.save()
    except IntegrityError as error:
        if Generator.objects.filter(campaign__isnull=True, name=generator.name).exclude(pk=generator.pk).exists():
            raise Conflict(
                _("The site has a generator of this name already. Choose another."), code="generator_name_taken"
            ) from error
        raise
    return generator


def _read(values: Mapping[str, Any], needed: tuple[str, ...] = ()) -> dict[str, Any]:
    reader = Reader()
    reader.table("", values, known=READERS, needed=needed)
    fields = {name: READERS[name](reader, name, value) for name, value in values.items() if name in READERS}
    _refuse(reader.problems)
    return fields


def _check_whole(generator: Generator) -> None:
    """What must hold between the fields."""
    if generator.engine == Engine.OPENAI:
        record = GeneratorRecord(
            id=0,
            name=generator.name,
            engine=Engine.OPENAI,
            endpoint=generator.endpoint,
            model=generator.model,
            sampling=generator.sampling,
        )
        if problem := check_generator(record):
            _refuse({"endpoint": tell_reason(problem)})
    elif generator.endpoint or generator.api_key_variable:
        _refuse({"endpoint": _("This engine runs in the worker itself: it has neither an endpoint nor a key.")})


def _check_identity(generator: Generator, changed: Mapping[str, Any]) -> None:
    touched = [field for field in IDENTITY if field in changed]
    if touched and GenerationRequest.objects.filter(generator=generator).exists():
        raise Conflict(
            _(
                "This generator has been asked for candidates, so its %(fields)s stay as they are. Make "
                "another generator, and disable this one."
            )
            % {"fields": ", ".join(touched)},
            code="generator_in_use",
            details={"fixed": touched},
        )


def _refuse(problems: Mapping[str, str]) -> None:
    if problems:
        place, sentence = next(iter(problems.items()))
        details = {place: [sentence] for place, sentence in problems.items()}
        raise InvalidInput(f"{place}: {sentence}", code="generator_invalid", details=details)


def _record(
    generator: Generator,
    actor: Actor | None,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    reason: str,
) -> None:
    record_event(
        actor=actor,
        action=AuditAction.GENERATOR_CHANGED,
        object_kind="generator",
        object_id=generator.pk,
        before=before,
        after=after,
        reason=reason,
    )


def _engine(reader: Reader, place: str, value: Any) -> str | None:
    if value in CALLED_ENGINES:
        return str(value)
    reader.refuse(
        place,
        _("Write one of %(engines)s: labels of origin come from imports alone.")
        % {"engines": ", ".join(CALLED_ENGINES)},
    )
    return None


def _sampling(reader: Reader, place: str, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping) or len(value) > MAX_SAMPLING_VALUES:
        reader.refuse(
            place, _("This must be a table of at most %(most)s names and values.") % {"most": MAX_SAMPLING_VALUES}
        )
        return None
    for name, setting in value.items():
        if name in OUR_KEYS:
            reader.refuse(f"{place}.{name}", _("Each request sets this itself. Remove it."))
        elif not _is_setting(setting):
            reader.refuse(f"{place}.{name}", _("This must be a text, a number, true, false, null or a list of texts."))
    return dict(value)


def _is_setting(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_SAMPLING_VALUES and all(isinstance(item, str) for item in value)
    return value is None or isinstance(value, str | int | float)


def _key_variable(reader: Reader, place: str, value: Any) -> str | None:
    if isinstance(value, str) and (not value or KEY_VARIABLE.fullmatch(value)):
        return value
    reader.refuse(
        place,
        _("Write the name of an environment variable that ends with _API_KEY or _TOKEN, never the key itself."),
    )
    return None


def _endpoint(reader: Reader, place: str, value: Any) -> str | None:
    return reader.text(place, value, longest=400, blank=True)


READERS: Mapping[str, Callable[[Reader, str, Any], Any]] = {
    "name": lambda reader, place, value: reader.text(place, value, longest=120),
    "engine": _engine,
    "endpoint": _endpoint,
    "model": lambda reader, place, value: reader.text(place, value, longest=200),
    "revision": lambda reader, place, value: reader.text(place, value, longest=120, blank=True),
    "system_prompt": lambda reader, place, value: reader.text(place, value, longest=20_000, lines=True, blank=True),
    "sampling": _sampling,
    "api_key_variable": _key_variable,
    "timeout_seconds": lambda reader, place, value: reader.integer(place, value, low=1, high=3_600),
    "max_concurrent": lambda reader, place, value: reader.integer(place, value, low=1, high=32),
    "enabled": Reader.boolean,
}
