"""The key of a server: from an environment variable, or from the file that the variable's twin `NAME_FILE` names.

A key is read when it is needed, so that one that was changed counts at once. It goes into one header and nowhere else:
no sentence, record or log of ours holds it.
"""

from collections.abc import Mapping
from pathlib import Path

#: No key is longer (bytes); what is longer is some other file.
LONGEST_KEY = 8_192
#: Keys shorter than this are no secrets: local servers take any word, such as "none".
SHORTEST_SECRET = 8


def read_key(name: str, *, environment: Mapping[str, str]) -> str:
    """The key that the variable `name` holds, or the file that `name`_FILE names.

    Raises LookupError with a sentence for an organizer, which names variables and never what they hold.
    """
    value = environment.get(name, "").strip()
    path = environment.get(f"{name}_FILE", "").strip()
    if value and path:
        raise LookupError(f"{name} and {name}_FILE are both set where candidates are generated: keep one of them.")
    if path:
        return _read_file(name, path)
    if not value:
        raise LookupError(
            f"Neither the environment variable {name}, which the generator names for its key, nor {name}_FILE is set "
            "where candidates are generated. Set one there and start that process again."
        )
    return value


def _read_file(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            value = file.read(LONGEST_KEY + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LookupError(
            f"The file that {name}_FILE names, for the key of a generator, cannot be read ({type(error).__name__})."
        ) from None
    if not value or len(value) > LONGEST_KEY or not value.isprintable():
        raise LookupError(f"The file that {name}_FILE names holds no key: it must be one line of text.")
    return value


def hide_key(words: str, *, key: str | None) -> str:
    """The words without the key, which a server may repeat in what it says."""
    return words.replace(key, "[key]") if key else words


def holds_key(text: str | None, *, key: str | None) -> bool:
    """Whether a text holds a key that is a secret."""
    return bool(text and key and len(key) >= SHORTEST_SECRET and key in text)
