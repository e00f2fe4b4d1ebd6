"""Reads the settings that come from the environment, and refuses wrong ones by name.

Every value is read through one `Environment`, which remembers the names it was asked for:
a variable that starts with `CHORUS_` and that nobody asked for is a spelling mistake and is
refused with the nearest known name. Secrets may be given as files (`NAME_FILE`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

PREFIX = "CHORUS_"
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
HOST_NAME = re.compile(r"\A(\*|\.?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])\Z")


@dataclass(frozen=True)
class Known:
    """One variable that the product reads: its name, and what it is in a sentence."""

    name: str
    about: str
    from_file: bool = False


@dataclass
class Environment:
    """A typed view of environment variables; an empty variable counts as one that is not set.

    Every reader raises `ImproperlyConfigured` with the variable's name, what it held (never for a
    secret) and what is allowed.
    """

    variables: Mapping[str, str]
    known: dict[str, Known] = field(default_factory=dict)

    def declare(self, name: str, about: str, *, from_file: bool = False) -> None:
        """Name a variable that something else reads, so that it is not refused as unknown."""
        self.known[name] = Known(name, about, from_file)
        if from_file:
            self.known[f"{name}_FILE"] = Known(f"{name}_FILE", f"A file that holds {name}.")

    def text(self, name: str, about: str, *, default: str = "") -> str:
        self.declare(name, about)
        return self.variables.get(name, "").strip() or default

    def secret(self, name: str, about: str, *, default: str = "") -> str:
        """A value that may be given as the path of a file instead, in the variable `NAME_FILE`."""
        self.declare(name, about, from_file=True)
        value = self.variables.get(name, "").strip()
        path = self.variables.get(f"{name}_FILE", "").strip()
        if value and path:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one of them.")
        if not path:
            return value or default
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path!r}, which cannot be read: {error}.") from error
        if not value:
            raise ImproperlyConfigured(f"{name}_FILE names {path!r}, which is empty.")
        return value

    def boolean(self, name: str, about: str, *, default: bool) -> bool:
        raw = self.text(name, about).lower()
        if not raw:
            return default
        if raw in TRUE_WORDS | FALSE_WORDS:
            return raw in TRUE_WORDS
        raise ImproperlyConfigured(f"{name} is {raw!r}: write 1 or 0.")

    def integer(self, name: str, about: str, *, default: int, lowest: int, highest: int) -> int:
        raw = self.text(name, about)
        if not raw:
            return default
        if not re.fullmatch(r"-?[0-9]{1,12}", raw) or not lowest <= int(raw) <= highest:
            raise ImproperlyConfigured(f"{name} is {raw!r}: write a whole number from {lowest} to {highest}.")
        return int(raw)

    def choice(self, name: str, about: str, *, default: str, allowed: Collection[str]) -> str:
        raw = self.text(name, about, default=default)
        if raw not in allowed:
            raise ImproperlyConfigured(f"{name} is {raw!r}: write one of {', '.join(sorted(allowed))}.")
        return raw

    def hosts(self, name: str, about: str) -> list[str]:
        """Host names separated by commas, as Django's ALLOWED_HOSTS takes them."""
        names = [part.strip() for part in self.text(name, about).split(",") if part.strip()]
        for host in names:
            if not HOST_NAME.match(host):
                raise ImproperlyConfigured(
                    f"{name} holds {host!r}: write host names separated by commas, without scheme, port or path."
                )
        return names

    def folder(self, name: str, about: str, *, default: Path) -> Path:
        """A folder, which may not exist yet, as an absolute path."""
        path = Path(self.text(name, about) or default).expanduser()
        if path.exists() and not path.is_dir():
            raise ImproperlyConfigured(f"{name} is {str(path)!r}, which is not a folder: name a folder.")
        return path.resolve()

    def web_address(self, name: str, about: str, *, default: str) -> SplitResult:
        """The address of a site: scheme and host, without a path."""
        raw = self.text(name, about, default=default)
        parts = _split_url(name, raw, secret=False)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise ImproperlyConfigured(f"{name} is {raw!r}: write https:// and the host, without a path.")
        return parts

    def refuse_unknown(self) -> None:
        """Refuse variables in our name that nothing reads: they are mistakes that would go unnoticed."""
        for name in sorted(self.variables):
            if name.startswith(PREFIX) and name not in self.known:
                raise ImproperlyConfigured(f"{name} is not a setting of Chorus.{nearest(name, self.known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the most similar known variable, or nothing when none is similar."""
    similar = difflib.get_close_matches(name, sorted(known), n=1)
    return f" Did you mean {similar[0]}?" if similar else ""


@dataclass(frozen=True)
class DatabaseAddress:
    """Where PostgreSQL listens; `host` may be the folder of a unix socket. `options` go to libpq."""

    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


LIBPQ_OPTIONS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "target_session_attrs", "channel_binding"}
)


def parse_database_url(raw: str) -> DatabaseAddress:
    """`postgresql://user:password@host:port/name?sslmode=…`; a socket's folder goes to `?host=/folder`."""
    name = "DATABASE_URL"
    parts = _split_url(name, raw, secret=True)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(
            f"{name} starts with {parts.scheme!r}: Chorus runs on PostgreSQL 18 only, write postgresql://user@host/name."
        )
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise ImproperlyConfigured(f"{name} names no database: write postgresql://user@host/name.")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    port = options.pop("port", "") or str(parts.port or "")
    for option in options:
        if option not in LIBPQ_OPTIONS:
            raise ImproperlyConfigured(
                f"{name} has the option {option!r}: allowed are host, port, {', '.join(sorted(LIBPQ_OPTIONS))}."
            )
    return DatabaseAddress(
        name=database,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=host,
        port=port,
        options=options,
    )


def check_redis_url(raw: str) -> str:
    """`redis://`, `rediss://` or `unix:///path`; returns it as it is."""
    name = "REDIS_URL"
    parts = _split_url(name, raw, secret=True)
    if parts.scheme == "unix" and parts.path not in {"", "/"} and not parts.netloc:
        return raw
    if parts.scheme in {"redis", "rediss"} and parts.hostname and re.fullmatch(r"/?[0-9]*", parts.path):
        return raw
    raise ImproperlyConfigured(f"{name} cannot be used: write redis://host:6379/0, rediss://… or unix:///path.")


def celery_broker_url(redis_url: str) -> str:
    """The same server in the words of Celery, which calls a unix socket `redis+socket`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    number = dict(parse_qsl(parts.query)).get("db", "0")
    return f"redis+socket://{parts.path}?virtual_host={number}"


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. `implicit_tls`: encrypted from the first byte; `starttls`: from a command on."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    implicit_tls: bool = False
    starttls: bool = False


def parse_email_url(raw: str) -> MailServer:
    """`smtps://user:password@host:465`, or `smtp://…:587` with STARTTLS; `?starttls=0` for a relay of your own."""
    name = "CHORUS_EMAIL_URL"
    parts = _split_url(name, raw, secret=True)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ImproperlyConfigured(f"{name} is no address of a mail server: write smtp:// or smtps://user@host:port.")
    options = dict(parse_qsl(parts.query))
    starttls = options.pop("starttls", "1").lower()
    if options or starttls not in TRUE_WORDS | FALSE_WORDS:
        raise ImproperlyConfigured(f"{name} has options that are not known: write starttls=0 or nothing.")
    is_implicit = parts.scheme == "smtps"
    return MailServer(
        host=parts.hostname,
        port=parts.port or (465 if is_implicit else 587),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        implicit_tls=is_implicit,
        starttls=not is_implicit and starttls in TRUE_WORDS,
    )


def _split_url(name: str, raw: str, *, secret: bool) -> SplitResult:
    shown = "" if secret else f" ({raw!r})"
    try:
        parts = urlsplit(raw)
        parts.port  # noqa: B018  (reading it is what checks it)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}{shown} is not a URL: {error}.") from error
    if not parts.scheme:
        raise ImproperlyConfigured(f"{name}{shown} is not a URL: it has no scheme.")
    return parts
