"""Ids for one release: stable inside it, unrelated to those of another release or of the database."""

import hashlib
import hmac

#: 80 bits: among ten million ids a collision has a chance of one in 10^10.
ID_HEX_CHARS = 20
MIN_SALT_BYTES = 16


def make_pseudonym(kind: str, identity: int | str, *, salt: bytes) -> str:
    """Return the id that a release gives to an object: `annotator-3f2a…`, with its kind in front.

    The salt is random, kept with the release (rebuilding gives the same ids) and never published: with it
    ids could be found out by trying. The word in front keeps readers from taking an id for a number.
    """
    if len(salt) < MIN_SALT_BYTES:
        raise ValueError(f"The salt of a release has {len(salt)} bytes; at least {MIN_SALT_BYTES} are needed.")
    digest = hmac.new(salt, f"{kind}:{identity}".encode(), hashlib.sha256).hexdigest()
    return f"{kind}-{digest[:ID_HEX_CHARS]}"
