"""The catalogues of the interface: what the sources ask gettext for, and what each language says.

Reads sources with Django's own reader of templates and Babel, so that no gettext tools are needed. Babel comes with
the extra `test`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "gettext_noop": None,
}
PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|%%|%[sd]|\{[a-z_]*\}")
#: Languages of the interface besides the one that the sources are written in.
LANGUAGES = tuple(code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE)


def extract_messages() -> Catalog:
    """Every message of the templates and the Python sources, in order, each once."""
    catalog = Catalog(charset="utf-8")
    for path in _list_sources():
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            text = templatize(text, origin=str(path))
        found = extract("python", io.BytesIO(text.encode("utf-8")), keywords=KEYWORDS)
        for _, message, _, context in found:
            catalog.add(message, context=context)
    return catalog


def read_catalog(language: str) -> Catalog:
    """What a language says so far; empty where it has no file yet."""
    path = po_path(language)
    if not path.exists():
        return _empty(language)
    with path.open("rb") as file:
        return read_po(file, locale=language, charset="utf-8")


def update_catalog(language: str) -> Catalog:
    """Bring a language's files up to the sources: new messages come in empty, those that are gone go."""
    known, catalog = read_catalog(language), _empty(language)
    for message in extract_messages():
        if message.id:
            had = known.get(_first(message), message.context)
            string = had.string if had is not None and type(had.id) is type(message.id) else None
            catalog.add(message.id, string, context=message.context, flags=message.flags - {"fuzzy"})
    po_path(language).parent.mkdir(parents=True, exist_ok=True)
    with po_path(language).open("wb") as file:
        write_po(file, catalog, no_location=True, omit_header=False, sort_output=True, width=120, ignore_obsolete=True)
    po_path(language).write_text(_steady(po_path(language).read_text(encoding="utf-8")), encoding="utf-8")
    compiled = read_catalog(language)
    # The same words are the same file, whenever it is written.
    compiled.creation_date = compiled.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    with mo_path(language).open("wb") as file:
        write_mo(file, compiled)
    return read_catalog(language)


def list_gaps(catalog: Catalog) -> list[str]:
    """What is wrong with a catalogue, a line each: not translated, a plural missing, other placeholders."""
    return [f"{_first(message)!r}: {gap}" for message in catalog if message.id for gap in _gaps_of(message, catalog)]


def po_path(language: str) -> Path:
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


def mo_path(language: str) -> Path:
    return po_path(language).with_suffix(".mo")


def _empty(language: str) -> Catalog:
    return Catalog(locale=language, charset="utf-8", header_comment="", project="Chorus", version="1", fuzzy=False)


def _list_sources() -> Iterator[Path]:
    base = Path(settings.BASE_DIR)
    yield from sorted(path for path in (base / "templates").rglob("*") if path.suffix in {".html", ".txt"})
    yield from sorted(
        path for path in (base / "annotate").rglob("*.py") if not {"migrations", "embedded"} & set(path.parts)
    )


def _gaps_of(message: Message, catalog: Catalog) -> Iterator[str]:
    ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    if not strings or not all(strings):
        yield "not translated"
    elif len(ids) > 1 and len(strings) != catalog.num_plurals:
        yield f"{len(strings)} forms where the language has {catalog.num_plurals}"
    else:
        wanted = set(PLACEHOLDER.findall(ids[-1]))
        # A form for exactly one, or two, may say the number as a word.
        for string in strings if len(ids) == 1 else strings[-1:]:
            said = set(PLACEHOLDER.findall(str(string)))
            if said != wanted:
                yield f"placeholders {sorted(said)} instead of {sorted(wanted)}"
    if message.fuzzy:
        yield "marked as fuzzy"


def _first(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, tuple | list) else message.id)


def _steady(text: str) -> str:
    """Without the lines of the header that change with every writing."""
    return re.sub(
        r'^"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|Report-Msgid-Bugs-To): .*"\n',
        "",
        text,
        flags=re.MULTILINE,
    )
