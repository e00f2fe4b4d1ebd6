"""People in browsers, and what they find on a work page: for the tests of work in the site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator, User
from annotate.services.people import create_user

#: What htmx sends from the form of a work page.
HTMX = {"HX-Request": "true", "HX-Target": "work"}
JSON = {"Accept": "application/json", "HX-Request": "true"}


def sign_in(client: Client, name: str = "ada", **given: Any) -> Annotator:
    """An account with consent, signed in in this browser; returns its annotator."""
    email = f"{name}@example.org"
    user = User.objects.filter(email=email).first()
    if user is None:
        user = create_user(email=email, now=timezone.now(), with_terms=True, **given)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user.annotator


def ask_next(client: Client, slug: str = "birds", **wanted: str) -> int:
    """Press "next"; returns the id of the work that one is led to."""
    answer = client.post(f"/campaigns/{slug}/next/", wanted)
    assert answer.status_code == 302, answer.text
    return work_id(answer["Location"])


def work_id(address: str) -> int:
    match = re.fullmatch(r"/work/(\d+)/(\?stored=\d+)?", address)
    assert match is not None, address
    return int(match[1])


def judgment_id(address: str) -> int:
    return int(re.search(r"stored=(\d+)", address)[1])


def post(client: Client, assignment: int, verb: str, fields: Mapping[str, Any], **headers: str) -> HttpResponse:
    return client.post(f"/work/{assignment}/{verb}/", fields, headers=headers)


def form_of(answer: HttpResponse | str) -> dict[str, Any]:
    """The fields of the form `answer` as a browser without scripts would send them, as they stand."""
    parser = FormParser()
    parser.feed(answer if isinstance(answer, str) else answer.text)
    return {name: values if len(values) > 1 else values[0] for name, values in parser.fields.items()}


class FormParser(HTMLParser):
    """Reads the successful controls of the form whose id is `answer`."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.inside = False
        self.select: str | None = None
        self.chosen: str | None = None
        self.first: str | None = None
        self.area: str | None = None
        self.typed = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.inside = given.get("id") == "answer"
        if not self.inside:
            return
        name = given.get("name")
        if tag == "input" and name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.add(name, given.get("value") or "")
        elif tag == "select":
            self.select, self.chosen, self.first = name, None, None
        elif tag == "option" and self.select:
            value = given.get("value") or ""
            self.first = value if self.first is None else self.first
            self.chosen = value if "selected" in given else self.chosen
        elif tag == "textarea":
            self.area, self.typed = name, ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.typed += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select" and self.select:
            self.add(self.select, self.first or "" if self.chosen is None else self.chosen)
            self.select = None
        elif tag == "textarea" and self.area:
            self.add(self.area, self.typed.removeprefix("\n"))
            self.area = None

    def add(self, name: str, value: str) -> None:
        if name != "csrfmiddlewaretoken":
            self.fields.setdefault(name, []).append(value)


def text_of(answer: HttpResponse) -> str:
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))
