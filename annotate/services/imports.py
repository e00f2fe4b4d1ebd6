"""Start an import: its file is stored first, then its row, then a worker is woken."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotate.access import Actor
from annotate.exceptions import InvalidInput
from annotate.models import Campaign, ImportRun, User
from annotate.reasons import tell_reason
from annotate.services.audit import record_event
from annotate.services.import_files import FOLDER, clean_file_name, read_digest, store_file
from annotate.services.import_leases import resume_import
from annotate.services.spare_places import SPARE
from annotate.wake import wake
from tasks.text.guards import BadText, check_characters
from tasks.text.languages import BadLanguage, normalise_language
from tasks.vocabulary import AuditAction, ImportFormat, ImportState, JobName

MAX_TOPIC_CHARS = 80


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be read. `file_format` None: told from the file. `language` and `topic`: of records that name none."""

    file_format: ImportFormat | None = None
    strict: bool = False
    language: str | None = None
    topic: str | None = None


def create_import(
    *,
    campaign: Campaign,
    actor: Actor | User | None,
    chunks: Iterable[bytes],
    file_name: str,
    options: ImportOptions,
    max_bytes: int | None = None,
) -> ImportRun:
    """Store a file and queue its import. `max_bytes`: the largest file that is taken, that of the settings by default.

    Raises InvalidInput for an empty file or wrong options, TooLarge for a file over the limit.
    """
    defaults = check_options(campaign=campaign, options=options)
    public_id = uuid.uuid4()
    stored_path = f"{FOLDER}/{public_id}"
    path = settings.UPLOAD_DIR / stored_path
    digest, size = store_file(path, chunks, max_bytes=settings.MAX_IMPORT_BYTES if max_bytes is None else max_bytes)
    try:
        with transaction.atomic():
            run = ImportRun.objects.create(
                campaign=campaign,
                public_id=public_id,
                state=ImportState.QUEUED,
                format=options.file_format or "",
                file_name=clean_file_name(file_name),
                stored_path=stored_path,
                sha256=digest,
                bytes=size,
                strict=options.strict,
                defaults=defaults,
                created_by_id=actor.user_id if isinstance(actor, Actor) else getattr(actor, "pk", None),
            )
            _record(run, campaign=campaign, actor=actor)
            wake(JobName.RUN_IMPORTS)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return run


def create_items_import(
    *, campaign: Campaign, actor: Actor | User | None, items: Sequence[Any], options: ImportOptions
) -> ImportRun:
    """Queue items of a request, one a line of a stored file; the number of an item is its line."""
    lines = (json.dumps(item).encode("ascii") + b"\n" for item in items)
    options = ImportOptions(ImportFormat.JSONL, options.strict, options.language, options.topic)
    return create_import(campaign=campaign, actor=actor, chunks=lines, file_name="", options=options)


def start_own_import(*, campaign: Campaign, path: Path, options: ImportOptions, now: datetime) -> ImportRun:
    """Take the lease of the import of a file where it lies, for the command that asks: an earlier one goes on.

    An earlier import is one of the same content with the same options that is not done. Raises InvalidInput
    for a file that cannot be read, and `import_leases.LeaseLost` while another command runs it.
    """
    defaults = check_options(campaign=campaign, options=options)
    digest, size = read_digest(path)
    with transaction.atomic():
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        earlier = ImportRun.objects.filter(
            # One that failed before it stored anything is not gone on with: it would only fail again.
            Q(state__in=(ImportState.QUEUED, ImportState.RUNNING))
            | Q(state=ImportState.FAILED) & (Q(added__gt=0) | Q(skipped__gt=0)),
            campaign=campaign,
            sha256=digest,
            strict=options.strict,
            defaults__contains=defaults,
            stored_path__startswith="/",
            format__in=["", options.file_format] if options.file_format else ["", *ImportFormat],
        )
        said_there = [name for name in ("language", "topic") if name not in defaults]
        run = earlier.exclude(defaults__has_any_keys=said_there).order_by("-pk").first()
        if run is None:
            run = ImportRun.objects.create(
                campaign=campaign,
                public_id=uuid.uuid4(),
                state=ImportState.QUEUED,
                format=options.file_format or "",
                file_name=clean_file_name(path.name),
                stored_path=str(path),
                sha256=digest,
                bytes=size,
                strict=options.strict,
                defaults=defaults,
            )
            _record(run, campaign=campaign, actor=None)
        elif run.stored_path != str(path):
            ImportRun.objects.filter(pk=run.pk).update(stored_path=str(path))
        return resume_import(import_id=run.pk, now=now)


def check_options(*, campaign: Campaign, options: ImportOptions) -> dict[str, str]:
    """What records that name none get, by name. Raises InvalidInput."""
    defaults: dict[str, str] = {}
    if options.language:
        try:
            defaults["language"] = normalise_language(options.language)
        except BadLanguage as bad:
            sentence = tell_reason(str(bad))
            raise InvalidInput(sentence, details={"language": [sentence]}) from None
        if defaults["language"] not in campaign.languages:
            sentence = _("The campaign's languages are %(languages)s. Name one of them, or add this one there.") % {
                "languages": ", ".join(campaign.languages)
            }
            raise InvalidInput(sentence, details={"language": [sentence]})
    if options.topic and options.topic.strip():
        defaults["topic"] = _check_topic(options.topic.strip())
    return defaults


def _check_topic(topic: str) -> str:
    sentence = ""
    try:
        check_characters(topic)
    except BadText as bad:
        sentence = tell_reason(bad.sentence)
    if len(topic) > MAX_TOPIC_CHARS:
        sentence = ngettext(
            "A topic has at most %(most)s character.", "A topic has at most %(most)s characters.", MAX_TOPIC_CHARS
        ) % {"most": MAX_TOPIC_CHARS}
    if sentence:
        raise InvalidInput(sentence, details={"topic": [sentence]})
    return topic


def _record(run: ImportRun, *, campaign: Campaign, actor: Actor | User | None) -> None:
    after: Mapping[str, Any] = {
        "file": run.file_name,
        "bytes": run.bytes,
        "sha256": bytes(run.sha256 or b"").hex(),
        "format": run.format or None,
        "strict": run.strict,
        **{name: value for name, value in run.defaults.items() if name != SPARE},
    }
    record_event(
        actor=actor,
        action=AuditAction.IMPORT_STARTED,
        object_kind="import",
        object_id=run.public_id,
        campaign=campaign,
        after=after,
    )
