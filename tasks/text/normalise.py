"""Canonical text for equality, and its digest.

What is stored and shown is the text as given. What is compared is its canonical form: two texts that
a reader cannot tell apart by their line ends, trailing blanks or way of composing accents are equal.
"""

import hashlib
import unicodedata

#: Unicode's stream-safe format allows 30 combining marks in a row (UAX 15, section 13). Beyond that
#: normalising costs the square of the run, so such a text is compared as it is.
MAX_COMBINING_RUN = 30


def canonical_text(text: str) -> str:
    """Return `text` as compared: line feeds only, no blanks at line ends or around the whole, NFC.

    Linear in the length of the text, whatever it holds. Idempotent.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    tidy = "\n".join(line.rstrip() for line in lines).strip()
    if tidy.isascii() or unicodedata.is_normalized("NFC", tidy) or longest_combining_run(tidy) > MAX_COMBINING_RUN:
        return tidy
    return unicodedata.normalize("NFC", tidy)


def text_hash(text: str) -> bytes:
    """Return the SHA-256 (32 bytes) of the canonical text in UTF-8.

    A lone surrogate, which no stored text holds, is hashed by its code point instead of failing.
    """
    return hashlib.sha256(canonical_text(text).encode("utf-8", "surrogatepass")).digest()


def longest_combining_run(text: str) -> int:
    """Return the greatest number of combining marks in a row."""
    longest = run = 0
    for character in text:
        # Nothing below U+0300 combines; most characters stop here.
        if character >= "\u0300" and unicodedata.combining(character):
            run += 1
            longest = max(longest, run)
        else:
            run = 0
    return longest
