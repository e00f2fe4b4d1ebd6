"""Refusals: of a whole file, and of one record in it."""


class RefusedFile(ValueError):
    """A file that cannot be read, or not any further. The message is a sentence for the person who sent it.

    What was read before it stands; a corrected file may be imported again, and adds only what is missing.
    """


class BadRecord(ValueError):
    """One record that cannot be used; readers turn it into a `BadLine` with the same sentence."""


def show(value: str, *, max_chars: int = 40) -> str:
    """Return `value` for use inside a sentence: cut, and with everything unprintable escaped.

    Safe to store and to print: no NUL, no lone surrogate, no line end.
    """
    cut = value[:max_chars]
    shown = cut if cut.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
    return f'"{shown}…"' if len(value) > max_chars else f'"{shown}"'
