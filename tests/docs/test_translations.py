"""Every language of the interface says everything that the interface says."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.test import Client

from annotate.management.translations import LANGUAGES, extract_messages, list_gaps, mo_path, po_path, read_catalog


def test_there_is_a_language_of_either_direction() -> None:
    assert set(LANGUAGES) == {"de", "ar"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_holds_what_the_sources_ask_for_and_nothing_else(language: str) -> None:
    """`manage.py update_translations` brings it up to date."""
    wanted = {(message.context, str(message.id)) for message in extract_messages() if message.id}
    assert {(message.context, str(message.id)) for message in read_catalog(language) if message.id} == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated_with_its_plurals_and_placeholders(language: str) -> None:
    assert list_gaps(read_catalog(language)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_says_what_the_readable_one_says(language: str) -> None:
    with mo_path(language).open("rb") as compiled, po_path(language).open("rb") as readable:
        mo, po = read_mo(compiled), read_po(readable, locale=language)
    assert _read_strings(mo) == _read_strings(po)


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("ar", "rtl"), ("en", "ltr")])
def test_pages_come_in_the_language_that_the_browser_asks_for(client: Client, language: str, direction: str) -> None:
    answer = client.get("/terms/", headers={"Accept-Language": language})
    assert f'<html lang="{language}" dir="{direction}">' in answer.text
    assert answer["Content-Language"] == language


def _read_strings(catalog: Catalog) -> dict[tuple[object, ...], list[object]]:
    return {(message.context, *_as_list(message.id)): _as_list(message.string) for message in catalog if message.id}


def _as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, tuple | list) else [value]
