"""Settings come from the environment, and wrong ones are refused by name with a sentence."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

import annotate
from annotate.environment import celery_broker_url, parse_database_url

KEY = "k" * 50
SETTINGS = Path(annotate.__file__).with_name("settings.py")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Read the settings file with exactly these variables; gives what it defines."""

    def load_settings(**variables: str) -> dict[str, Any]:
        for name in list(os.environ):
            if name.startswith(("CHORUS_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY")):
                monkeypatch.delenv(name)
        for name, value in {"CHORUS_DATA": str(tmp_path / "data"), **variables}.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(SETTINGS))

    return load_settings


SERVERS = {"DATABASE_URL": "postgresql://u@h/n", "REDIS_URL": "redis://h:6379/0", "SECRET_KEY": KEY}

REFUSED = [
    ({"CHORUS_PROT": "1"}, "CHORUS_PROT is not a setting of Chorus. Did you mean CHORUS_PORT?"),
    ({"CHORUS_QQQQQQQQ": "1"}, "CHORUS_QQQQQQQQ is not a setting of Chorus."),
    ({"CHORUS_PORT": "http"}, "CHORUS_PORT is 'http': write a whole number from 1 to 65535."),
    ({"CHORUS_PORT": "0"}, "CHORUS_PORT is '0': write a whole number from 1 to 65535."),
    ({"CHORUS_PORT": "8000.5"}, "CHORUS_PORT is '8000.5': write a whole number from 1 to 65535."),
    ({"CHORUS_DEBUG": "maybe"}, "CHORUS_DEBUG is 'maybe': write 1 or 0."),
    ({"CHORUS_DEMO": "2"}, "CHORUS_DEMO is '2': write 1 or 0."),
    ({"CHORUS_LOG_LEVEL": "LOUD"}, "CHORUS_LOG_LEVEL is 'LOUD': write one of DEBUG, ERROR, INFO, WARNING."),
    ({"CHORUS_LOG_FORMAT": "xml"}, "CHORUS_LOG_FORMAT is 'xml': write one of json, text."),
    ({"CHORUS_PROCESS": "cook"}, "CHORUS_PROCESS is 'cook': write one of beat, command, generate, web, worker."),
    ({"CHORUS_STATIC_FILES": "dead"}, "CHORUS_STATIC_FILES is 'dead': write one of collected, live."),
    (
        {"CHORUS_ALLOWED_HOSTS": "a.org,https://b.org"},
        "CHORUS_ALLOWED_HOSTS holds 'https://b.org': write host names separated by commas, without scheme, port or path.",
    ),
    (
        {"CHORUS_PUBLIC_URL": "chorus.org"},
        "CHORUS_PUBLIC_URL ('chorus.org') is not a URL: it has no scheme.",
    ),
    (
        {"CHORUS_PUBLIC_URL": "https://chorus.org/app"},
        "CHORUS_PUBLIC_URL is 'https://chorus.org/app': write https:// and the host, without a path.",
    ),
    (
        {"CHORUS_PUBLIC_URL": "https://chorus.org:port"},
        "CHORUS_PUBLIC_URL ('https://chorus.org:port') is not a URL: Port could not be cast to integer value as 'port'.",
    ),
    (
        {"CHORUS_RUN_DIR": "run"},
        "CHORUS_RUN_DIR is 'run': write an absolute path of letters, digits, dots, dashes and slashes.",
    ),
    (
        {"CHORUS_RUN_DIR": "/a path"},
        "CHORUS_RUN_DIR is '/a path': write an absolute path of letters, digits, dots, dashes and slashes.",
    ),
    (
        {"CHORUS_RUN_DIR": "/" + "x" * 100},
        (
            "CHORUS_RUN_DIR is 101 bytes long: the path of a socket must not be longer than 103 bytes, so name a folder "
            "of at most 84 bytes."
        ),
    ),
    ({"SECRET_KEY": "short"}, "SECRET_KEY is shorter than 32 characters: set it to 50 random characters or more."),
    (
        {**SERVERS, "SECRET_KEY": ""},
        "SECRET_KEY is not set: set it, or SECRET_KEY_FILE, to 50 random characters or more.",
    ),
    (
        {**SERVERS, "REDIS_URL": ""},
        "DATABASE_URL is set and REDIS_URL is not: set both to use your servers, or neither to start the embedded ones.",
    ),
    (
        {**SERVERS, "DATABASE_URL": ""},
        "REDIS_URL is set and DATABASE_URL is not: set both to use your servers, or neither to start the embedded ones.",
    ),
    (
        {**SERVERS, "DATABASE_URL": "sqlite:///db"},
        "DATABASE_URL starts with 'sqlite': Chorus runs on PostgreSQL 18 only, write postgresql://user@host/name.",
    ),
    (
        {**SERVERS, "DATABASE_URL": "postgresql://u@h/"},
        "DATABASE_URL names no database: write postgresql://user@host/name.",
    ),
    (
        {**SERVERS, "DATABASE_URL": "postgresql://u@h/n?colour=red"},
        (
            "DATABASE_URL has the option 'colour': allowed are host, port, channel_binding, connect_timeout, sslcert, "
            "sslkey, sslmode, sslrootcert, target_session_attrs."
        ),
    ),
    (
        {**SERVERS, "REDIS_URL": "memory://"},
        "REDIS_URL cannot be used: write redis://host:6379/0, rediss://… or unix:///path.",
    ),
    (
        {**SERVERS, "REDIS_URL": "unix://relative/path"},
        "REDIS_URL cannot be used: write redis://host:6379/0, rediss://… or unix:///path.",
    ),
    (
        {**SERVERS, "SECRET_KEY_FILE": "/nowhere/key"},
        "SECRET_KEY and SECRET_KEY_FILE are both set: keep one of them.",
    ),
]


@pytest.mark.parametrize(("variables", "sentence"), REFUSED)
def test_wrong_setting_is_refused_by_name(load, variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        load(**variables)
    assert str(refusal.value) == sentence


def test_secret_that_cannot_be_read_is_refused_by_name(load, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE names '/nowhere/key', which cannot be read: .*"):
        load(SECRET_KEY_FILE="/nowhere/key")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE names .*, which is empty"):
        load(SECRET_KEY_FILE=str(tmp_path / "empty"))


def test_refusals_never_show_a_password(load) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        for url in ("mysql://u:hush-hush@h/n", "redis://u:hush-hush@h:port/n", "postgresql://u:hush-hush@h/n?x=1"):
            with pytest.raises(ImproperlyConfigured) as refusal:
                load(**{**SERVERS, name: url})
            assert "hush-hush" not in str(refusal.value)


def test_folder_that_is_a_file_is_refused_by_name(load, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ImproperlyConfigured, match=r"CHORUS_DATA is '.*/file', which is not a folder: name a folder"):
        load(CHORUS_DATA=str(tmp_path / "file"))


def test_secrets_are_read_from_the_files_that_the_environment_names(load, tmp_path: Path) -> None:
    files = {}
    for name, value in SERVERS.items():
        (tmp_path / name).write_text(f"{value}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)
    settings = load(**files)
    database = settings["DATABASES"]["default"]
    assert (settings["SECRET_KEY"], settings["REDIS_URL"], settings["EMBEDDED"]) == (KEY, SERVERS["REDIS_URL"], False)
    assert (database["USER"], database["HOST"], database["NAME"]) == ("u", "h", "n")


def test_embedded_run_uses_the_key_in_its_data_folder(load, tmp_path: Path) -> None:
    first, second = load()["SECRET_KEY"], load()["SECRET_KEY"]
    assert (len(first) >= 50, first != second) == (True, True)  # none was made yet: each process has its own
    (tmp_path / "data" / "secrets").mkdir(parents=True)
    (tmp_path / "data" / "secrets" / "secret_key").write_text(f"{KEY}\n")
    settings = load()
    assert (settings["SECRET_KEY"], settings["EMBEDDED"]) == (KEY, True)
    assert settings["DATABASES"]["default"]["HOST"] == str(settings["PLACES"].run)


def test_https_address_makes_cookies_secure_and_http_does_not(load) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS")
    https, http = load(CHORUS_PUBLIC_URL="https://chorus.example", CHORUS_TRUSTED_PROXIES="1"), load()
    assert [bool(https[name]) for name in names] == [True] * 4
    assert [bool(http[name]) for name in names] == [False] * 4
    assert https["ALLOWED_HOSTS"] == ["chorus.example", "localhost", "127.0.0.1", "[::1]"]


def test_domain_gets_on_the_lists_of_browsers_only_where_that_is_asked_for(load) -> None:
    https, asked = {"CHORUS_PUBLIC_URL": "https://chorus.example"}, {"CHORUS_HSTS_PRELOAD": "1"}
    told = [load(**given)["SECURE_HSTS_PRELOAD"] for given in (https, https | asked, asked)]
    assert told == [False, True, False]


def test_http_is_led_to_https_only_where_a_proxy_says_which_it_was(load) -> None:
    """Otherwise every request looks like http, and the site would lead to itself for ever."""
    told = [load(CHORUS_PUBLIC_URL="https://a.example", CHORUS_TRUSTED_PROXIES=count) for count in ("0", "1")]
    assert [settings["SECURE_SSL_REDIRECT"] for settings in told] == [False, True]
    assert [settings["SECURE_PROXY_SSL_HEADER"] for settings in told] == [None, ("HTTP_X_FORWARDED_PROTO", "https")]


def test_mail_goes_to_the_server_that_is_named_and_into_a_folder_without_one(load, tmp_path: Path) -> None:
    without = load()
    assert (without["EMAIL_BACKEND"], without["MAIL_DIR"]) == (
        "annotate.web.mail.FolderBackend",
        tmp_path / "data" / "mail",
    )
    assert (without["VERIFY_ADDRESSES"], without["DEFAULT_FROM_EMAIL"]) == (False, "Chorus <chorus@localhost>")
    (tmp_path / "url").write_text("smtp://u:p@mail.example\n")
    named = load(CHORUS_EMAIL_URL_FILE=str(tmp_path / "url"), CHORUS_EMAIL_FROM="a@b.example")
    assert named["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert [named[name] for name in ("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD")] == [
        "mail.example", 587, "u", "p",
    ]  # fmt: skip
    assert (named["EMAIL_USE_TLS"], named["EMAIL_USE_SSL"], named["DEFAULT_FROM_EMAIL"]) == (True, False, "a@b.example")
    assert (named["VERIFY_ADDRESSES"], load(CHORUS_EMAIL_VERIFICATION="1")["VERIFY_ADDRESSES"]) == (True, True)


def test_database_address_is_taken_apart() -> None:
    address = parse_database_url("postgresql://a%40b:p%2Fw@db.example:6432/chorus?sslmode=require")
    assert (address.user, address.password, address.host, address.port) == ("a@b", "p/w", "db.example", "6432")
    assert (address.name, dict(address.options), "p/w" in repr(address)) == ("chorus", {"sslmode": "require"}, False)
    assert parse_database_url("postgres:///n?host=/run/x").host == "/run/x"


def test_unix_socket_is_named_in_the_words_of_celery() -> None:
    assert celery_broker_url("unix:///run/v.sock?db=3") == "redis+socket:///run/v.sock?virtual_host=3"
    assert celery_broker_url("rediss://u:p@h:1/2") == "rediss://u:p@h:1/2"


def test_every_setting_says_what_it_is() -> None:
    from annotate.settings import ENVIRONMENT

    assert [known.name for known in ENVIRONMENT.known.values() if not known.about.endswith(".")] == []
