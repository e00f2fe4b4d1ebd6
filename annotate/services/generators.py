"""Generators of the site: administrators' records, the only ones that are ever called.

A generator's name in an import is another record, of its campaign, with the engine `label`; nothing here
finds, makes or changes those. The key of a server stands in an environment variable where candidates are
generated; the record holds the variable's name alone.
"""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import RestrictedError
from django.utils.translation import gettext as _

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import GenerationRequest, Generator
from annotate.queries.campaigns import list_site_generators
from annotate.services.audit import record_event
from annotate.services.campaign_values import Reader
from annotate.services.generator_fields import TRUST, UNSAID, check_whole, describe_fields, name_trusted, read_fields
from tasks.vocabulary import AuditAction

#: What a text came from: fixed once the generator has been asked, so that its name means one thing.
IDENTITY = ("engine", "model", "revision", "system_prompt", "prompt_format", "sampling")
#: The same of how a worker loads its model.
IDENTITY_LOADING = ("dtype", "quantization")


def create_generator(*, values: Mapping[str, Any], actor: Actor | None, reason: str = "") -> Generator:
    """Make a generator. Raises `InvalidInput` with every problem, Conflict `generator_name_taken`."""
    reader = Reader()
    fields = read_fields(reader, values, needed=("name", "engine", "model"))
    fields = {**UNSAID, **name_trusted(reader, fields, model=fields.get("model") or "", trusted="")}
    _refuse(reader.problems)
    _check_whole(Generator(**fields))
    with transaction.atomic():
        generator = _save(Generator(**fields))
        _record(generator, actor, before=None, after=describe_generator(generator), reason=reason)
    return generator


def change_generator(
    *, generator_id: int, values: Mapping[str, Any], actor: Actor | None, reason: str = ""
) -> Generator:
    """Change what `values` say. Raises as `create_generator`, NotFound, and Conflict `generator_in_use`.

    What a text came from (engine, model, revision, prompts, sampling, and in what precision the model is loaded) is
    fixed once it has been asked.
    """
    reader = Reader()
    fields = read_fields(reader, values)
    _refuse(reader.problems)
    with transaction.atomic():
        generator = _lock(generator_id)
        before = describe_generator(generator)
        fields = _name_trusted(generator, fields)
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
    return describe_fields(generator)


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


def _name_trusted(generator: Generator, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse the word that a model's own code may run where the model becomes another one, or its name is wrong."""
    reader = Reader()
    trusted = generator.model if generator.loading.get(TRUST) else ""
    named = name_trusted(reader, fields, model=fields.get("model", generator.model), trusted=trusted)
    _refuse(reader.problems)
    return named


def _check_whole(generator: Generator) -> None:
    reader = Reader()
    check_whole(reader, generator)
    _refuse(reader.problems)


def _check_identity(generator: Generator, changed: Mapping[str, Any]) -> None:
    touched = [field for field in IDENTITY if field in changed]
    if "loading" in changed:
        named = ((name, generator.loading.get(name), changed["loading"].get(name)) for name in IDENTITY_LOADING)
        touched += [f"loading.{name}" for name, before, after in named if before != after]
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
