"""Mail: to the server that is named, or into a folder that the run prints."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection

from annotate.embedded.mailbox import Mailbox
from annotate.environment import MailServer, parse_email_url
from annotate.web import mail

FOLDER = "annotate.web.mail.FolderBackend"


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    settings.MAIL_DIR = tmp_path / "mail"
    return tmp_path / "mail"


def send(subject: str = "7 is your code", body: str = "Type it:\n\n    7\n", to: str = "ada@example.org") -> int:
    message = EmailMessage(subject, body, "chorus@example.org", [to])
    return get_connection(FOLDER).send_messages([message])


def test_mail_without_a_server_is_a_private_file(folder: Path) -> None:
    assert send() == 1
    [path] = folder.iterdir()
    assert (path.suffix, stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (
        ".eml",
        0o600,
        0o700,
    )
    assert b"Subject: 7 is your code" in path.read_bytes()


def test_oldest_mail_goes_when_there_is_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MOST_KEPT", 2)
    for number in range(4):
        send(subject=f"Mail {number}")
    assert [b"Mail 2" in p.read_bytes() or b"Mail 3" in p.read_bytes() for p in sorted(folder.iterdir())] == [
        True,
        True,
    ]


def test_run_prints_new_mail_once_and_whole(folder: Path) -> None:
    send(subject="Of yesterday")
    said: list[str] = []
    mailbox = Mailbox(folder, say=said.append)
    mailbox.tell_new()
    send(body="Größe: ä\n\n    7\n")
    mailbox.tell_new()
    mailbox.tell_new()
    assert said == ["Mail to ada@example.org: 7 is your code\n  | Größe: ä\n  | \n  |     7"]


def test_mail_cannot_command_the_terminal(folder: Path) -> None:
    said: list[str] = []
    mailbox = Mailbox(folder, say=said.append)
    send(body="red \x1b[31m and \x07 bell")
    mailbox.tell_new()
    assert said == ["Mail to ada@example.org: 7 is your code\n  | red [31m and  bell"]


def test_mailbox_without_a_folder_says_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    Mailbox(tmp_path / "nowhere", say=said.append).tell_new()
    assert said == []


def test_mail_that_goes_while_it_is_read_is_nothing(folder: Path) -> None:
    said: list[str] = []
    mailbox = Mailbox(folder, say=said.append)
    folder.mkdir()
    os.symlink(folder / "gone", folder / "1.eml")
    mailbox.tell_new()
    assert said == []


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("smtps://u%40x:p%2Fw@mail.example", MailServer("mail.example", 465, "u@x", "p/w", implicit_tls=True)),
        ("smtp://mail.example", MailServer("mail.example", 587, starttls=True)),
        ("smtp://localhost:25?starttls=0", MailServer("localhost", 25)),
    ],
)
def test_address_of_a_mail_server_is_taken_apart(given: str, wanted: MailServer) -> None:
    assert parse_email_url(given) == wanted
    assert "p/w" not in repr(parse_email_url(given))


@pytest.mark.parametrize(
    "given", ["mail.example", "http://mail.example", "smtp://", "smtp://mail.example/box", "smtp://m.example?tls=1",
              "smtp://m.example?starttls=perhaps", "smtp://m.example:port"],
)  # fmt: skip
def test_wrong_address_of_a_mail_server_is_refused_without_showing_it(given: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="CHORUS_EMAIL_URL") as refused:
        parse_email_url(given.replace("://", "://me:hidden@") if "://" in given and not given.endswith("//") else given)
    assert "hidden" not in str(refused.value)
