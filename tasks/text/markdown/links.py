"""Where a link leads: only http, https and mailto, with a host that can be read and named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urlsplit

MAX_ADDRESS_CHARS = 2_000

_WEB = re.compile(r"https?://[^/?#]", re.IGNORECASE)
#: Spaces, controls and the backslash, which browsers read as a slash.
_NEVER = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ud800-\udfff\ufdd0-\ufdef]")
_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?"
)
_MAIL = re.compile(r"mailto:([A-Za-z0-9.!#$&'*+/=?^_`{|}~-]{1,64})@([^@/?#%\s]{1,253})\Z", re.IGNORECASE)
_KEPT = "/:?#[]@!$&'()*+,;=%-._~"


@dataclass(frozen=True)
class Target:
    """A place outside: `address` is what a browser may open, `host` the name that decides where it goes.

    `shown_host` is the host in its own script; `said` is what stands before an `@`, which only looks like a place.
    """

    address: str
    scheme: str
    host: str
    shown_host: str
    said: str = ""


def find_target(address: str) -> Target | None:
    """Return where `address` leads, or None for whatever is not an ordinary web or mail address."""
    if len(address) > MAX_ADDRESS_CHARS or _NEVER.search(address):
        return None
    if mail := _MAIL.match(address):
        host = _ascii_host(mail[2])
        return Target(f"mailto:{mail[1]}@{host}", "mailto", host, _shown_host(host)) if host else None
    return _find_web_target(address) if _WEB.match(address) else None


def _find_web_target(address: str) -> Target | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    host = _ascii_host(parts.hostname or "")
    if not host or (parts.scheme not in ("http", "https")):
        return None
    place = host if port is None else f"{host}:{port}"
    rest = parts.path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    said = parts.netloc.rpartition("@")[0]
    return Target(f"{parts.scheme}://{place}{quote(rest, safe=_KEPT)}", parts.scheme, host, _shown_host(host), said)


def _ascii_host(host: str) -> str:
    """The host as it is asked for, or nothing when it is none."""
    if ":" in host:
        return _read_ip(host)
    try:
        name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    if not _HOST.fullmatch(name):
        return ""
    # A last part that is a number makes the whole an address, in one of many disguises.
    last = name.rstrip(".").rpartition(".")[2]
    return _read_ip(name) if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) else name


def _read_ip(host: str) -> str:
    try:
        return f"[{IPv6Address(host)}]" if ":" in host else str(IPv4Address(host))
    except ValueError:
        return ""


def _shown_host(host: str) -> str:
    return ".".join(_shown_label(label) for label in host.split("."))


def _shown_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label
