"""Whoever tries a run finds the mail that it would send in the terminal: the code to sign in with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.runs import Run, manage

pytestmark = [pytest.mark.slow]


@pytest.fixture
def run(tmp_path: Path, free_port: int) -> Iterator[Run]:
    started = Run(tmp_path / "data", free_port, CHORUS_STATIC_FILES="live")
    yield started
    started.end()


def test_code_to_sign_in_with_is_printed_and_works(run: Run) -> None:
    run.await_up()
    made = manage(run.places.data, "create_user", "ada@example.org")
    assert made.returncode == 0, made.stderr
    with httpx.Client(base_url=f"http://localhost:{run.port}", timeout=60) as browser:
        send(browser, "/account/login/code/", email="ada@example.org")
        run.await_line("is your code to sign in")
        code = re.search(r"^Mail to ada@example\.org: (\S+) is your code to sign in$", run.output, re.MULTILINE).group(
            1
        )
        assert f"  |     {code}" in run.output
        answer = send(browser, "/account/login/code/confirm/", code=code)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
        assert "ada@example.org" in browser.get("/me/").text
    assert len(list(run.places.mail.glob("*.eml"))) == 1


def send(browser: httpx.Client, address: str, **fields: str) -> httpx.Response:
    """Fill in a form as a browser does."""
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get(address).text).group(1)
    return browser.post(address, data={**fields, "csrfmiddlewaretoken": token})
