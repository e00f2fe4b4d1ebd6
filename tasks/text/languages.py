"""Language codes: BCP 47 tags of the kind `en`, `pt-BR`, `zh-Hant`, written one way."""

import re

MAX_LANGUAGE_CHARS = 16
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")


class BadLanguage(ValueError):
    """A language code that is not one; the message is a sentence."""


def normalise_language(code: str) -> str:
    """Return the code with its usual capitals and hyphens: `PT_br` → `pt-BR`, `zh-hant` → `zh-Hant`.

    Raises `BadLanguage` when it has not the form of a tag or more than 16 characters.
    """
    tag = code.strip()
    if len(tag) > MAX_LANGUAGE_CHARS or not _TAG.fullmatch(tag):
        shown = ascii(tag[:40])[1:-1]
        raise BadLanguage(f'"{shown}" is not a language code. Write one such as "en", "de" or "pt-BR".')
    primary, *rest = tag.replace("_", "-").split("-")
    return "-".join([primary.lower(), *(_write_subtag(subtag) for subtag in rest)])


def base_language(code: str) -> str:
    """Return the code without region and script: `pt-BR` → `pt`."""
    return code.split("-", 1)[0]


def _write_subtag(subtag: str) -> str:
    if len(subtag) == 2 and subtag.isalpha():
        return subtag.upper()
    if len(subtag) == 4 and subtag.isalpha():
        return subtag.title()
    return subtag.lower()
