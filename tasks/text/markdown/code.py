"""Code with colours: Pygments' lexers, and ten classes of ours in place of its eighty."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from tasks.text.markdown.unseen import write_text

MAX_COLOURED_CHARS = 6_000
MAX_COLOURED_LINE = 240
_ODD = re.compile(rf"[^\n]{{{MAX_COLOURED_LINE}}}|(?:\n[ \t]*){{12}}")

#: Name after the fence → Pygments' alias. A name that is not here is shown without colours; none is guessed.
LANGUAGES: dict[str, str] = {
    alias: name
    for name, aliases in {
        "bash": "bash sh shell zsh",
        "c": "c h",
        "cpp": "cpp c++ cc hpp cxx",
        "csharp": "csharp c# cs",
        "css": "css",
        "dart": "dart",
        "diff": "diff patch",
        "docker": "docker dockerfile",
        "elixir": "elixir ex exs",
        "erlang": "erlang erl",
        "fortran": "fortran f90",
        "go": "go golang",
        "graphql": "graphql gql",
        "haskell": "haskell hs",
        "html": "html",
        "ini": "ini cfg",
        "java": "java",
        "javascript": "javascript js jsx node",
        "json": "json json5 jsonc",
        "julia": "julia jl",
        "kotlin": "kotlin kt",
        "lua": "lua",
        "make": "make makefile",
        "matlab": "matlab octave",
        "objective-c": "objective-c objc",
        "perl": "perl pl",
        "php": "php",
        "powershell": "powershell ps1",
        "python": "python py python3 py3",
        "r": "r",
        "ruby": "ruby rb",
        "rust": "rust rs",
        "scala": "scala",
        "scss": "scss",
        "sql": "sql mysql postgresql postgres sqlite",
        "swift": "swift",
        "tex": "tex latex",
        "toml": "toml",
        "typescript": "typescript ts tsx",
        "vb.net": "vb vbnet vb.net",
        "xml": "xml svg",
        "yaml": "yaml yml",
    }.items()
    for alias in aliases.split()
}

#: Pygments' short names → our classes; the longest beginning of the short name decides.
CLASSES = {
    "k": "k", "kc": "v", "kt": "t", "s": "s", "m": "n", "c": "c", "cp": "p", "na": "t", "nb": "b", "nc": "f",
    "nd": "p", "ne": "f", "nf": "f", "nt": "k", "nv": "v", "no": "v", "ow": "k", "gd": "gd", "gi": "gi", "gh": "k",
    "gu": "k", "l": "n",
}  # fmt: skip


def write_code(code: str, language: str) -> str:
    """Return `code` as escaped HTML, coloured where its language is known and it is not too long."""
    name = LANGUAGES.get(language.lower())
    if name is None or len(code) > MAX_COLOURED_CHARS or _is_odd(code):
        return write_text(code, code=True)
    try:
        return "".join(_write_token(_class_of(kind), text) for kind, text in _find_lexer(name).get_tokens(code))
    except (Exception, RecursionError):  # noqa: BLE001  (a lexer that fails costs its colours, not the code)
        return write_text(code, code=True)


def _is_odd(code: str) -> bool:
    """Lines or gaps such as nobody writes, over which some lexers take the square of their length."""
    return _ODD.search(code) is not None


def _find_lexer(name: str) -> Any:
    # A lexer of its own each time: some keep state, and pages are made by several threads.
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@lru_cache(maxsize=512)
def _class_of(kind: Any) -> str:
    from pygments.token import STANDARD_TYPES

    while kind not in STANDARD_TYPES:
        kind = kind.parent
    short = STANDARD_TYPES[kind]
    return next((CLASSES[short[:length]] for length in (2, 1) if short[:length] in CLASSES), "")


def _write_token(name: str, text: str) -> str:
    written = write_text(text, code=True)
    return f'<span class="{name}">{written}</span>' if name and not text.isspace() else written
