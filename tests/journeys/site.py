"""A whole site for journeys: what `make run` starts, people with accounts, campaigns made over HTTP.

Nothing here uses the ORM: the thread that steers a browser runs an event loop, in which Django's refuses to work.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import redis

from tests.conftest import find_free_port
from tests.faults.runs import Run, manage, wait_until
from tests.faults.workplace import Person, query

PEOPLE = 200
API = "/api/v1/"

#: Accounts by the product's own command, with a token and a session as after a sign-in, all in one process.
MAKE_PEOPLE = """
import io, json
from django.core.management import call_command
from annotate.models import User
from tests.bench.serving_data import open_session
quiet = {'stdout': io.StringIO(), 'stderr': io.StringIO()}
def make(name, scopes):
    email = f'{name}@example.org'
    call_command('create_user', email, name=name.title(), administrator='admin' in scopes, **quiet)
    token = call_command('create_token', email, *(f'--scope={scope}' for scope in scopes), **quiet)
    return [token, open_session(User.objects.get(email=email))]
print(json.dumps({name: make(name, scopes) for name, scopes in json.loads(%r).items()}))
"""

LIMITS = {"CHORUS_LIMIT_GUESTS": "0", "CHORUS_LIMIT_ADDRESS": "0", "CHORUS_LIMIT_PERSON": "0"}

SCOPES = ["annotate", "organize", "read"]
CLOSE = {"state": "closed"}


class Volunteer(Person):
    """Somebody with an account: a token for preparing things over HTTP, and a session for a browser."""

    def __init__(self, *, port: int, token: str, session: str, name: str) -> None:
        super().__init__(port=port, token=token, name=name)
        self.session = session

    @property
    def email(self) -> str:
        return f"{self.name}@example.org"

    def hold(self, slug: str) -> str:
        """The address of the page of a piece of work that is this person's now."""
        return f"/work/{self.ask_patiently(slug)}/"

    def ask_patiently(self, slug: str, **wanted: Any) -> int:
        """A piece of work that is this person's now; asks again while others are just taking some."""
        offered: dict[str, Any] = {}

        def is_offered() -> bool:
            offered.update(self.insist("POST", f"campaigns/{slug}/next/", wanted))
            busy = offered["assignment"] is None and offered["why_none"]["code"] == "busy"
            return not busy

        wait_until(is_offered, "work that is free")
        assert offered["assignment"] is not None, offered
        return int(offered["assignment"]["id"])


class Site:
    """One run of the product, its people, and the campaigns that tests make in it."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.run = Run(folder, find_free_port(), **LIMITS, **more)
        self.everybody: list[Volunteer] = []
        self.people: Iterator[Volunteer] = iter(())
        self.numbers = itertools.count(1)
        self.open: list[tuple[Volunteer, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.run.port}"

    def prepare(self, *, people: int = PEOPLE) -> Site:
        self.run.await_up()
        if people:
            self.everybody = self._make_people(people)
            self.people = iter(self.everybody[2:])
        return self

    def _make_people(self, count: int) -> list[Volunteer]:
        scopes = {"root": ["admin"], **{f"person{number:02}": SCOPES for number in range(count)}}
        told = manage(self.run.places.data, "shell", "-v0", "-c", MAKE_PEOPLE % json.dumps(scopes))
        assert told.returncode == 0, told.stderr
        made: Mapping[str, Sequence[str]] = json.loads(told.stdout)
        return [
            Volunteer(port=self.run.port, token=token, session=session, name=name)
            for name, (token, session) in made.items()
        ]

    @property
    def administrator(self) -> Volunteer:
        return self.everybody[0]

    @property
    def organizer(self) -> Volunteer:
        """Whoever makes the campaigns in which others are looked at."""
        return self.everybody[1]

    def person(self, *languages: str) -> Volunteer:
        """Somebody who has done nothing yet."""
        person = next(self.people)
        if languages:
            person.insist("PUT", "me/languages/", {"languages": list(languages)})
        return person

    def sign_up(self) -> str:
        """The session of a new account with a password, made by the form."""
        with httpx.Client(base_url=self.address, trust_env=False) as client:
            page = client.get("/account/signup/").text
            form = {
                **dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)),
                "csrfmiddlewaretoken": client.cookies["csrftoken"],
                "email": f"member-{next(self.numbers)}@example.org",
                "password1": "a nightingale sang there",
            }
            answer = client.post("/account/signup/", data=form)
            assert answer.is_redirect, answer.text
            return client.cookies["sessionid"]

    def make_campaign(
        self,
        organizer: Volunteer,
        *,
        items: Sequence[Mapping[str, Any]],
        title: str = "Birds",
        state: str = "open",
        **spec: Any,
    ) -> str:
        """A campaign of `organizer` with imported prompts; its slug. It is closed when the test ends."""
        slug = f"campaign-{next(self.numbers)}"
        given = {"slug": slug, "title": title, "preset": "rank", "languages": ["en"], "redundancy": 3, **spec}
        organizer.insist("POST", "campaigns/", given)
        if items:
            self.bring_in(organizer, slug, items)
        if state != "draft":
            organizer.insist("PATCH", f"campaigns/{slug}/", {"state": "open"})
            self.open.append((organizer, slug))
        if state not in {"draft", "open"}:
            organizer.insist("PATCH", f"campaigns/{slug}/", {"state": state})
        return slug

    def bring_in(self, organizer: Volunteer, slug: str, items: Sequence[Mapping[str, Any]]) -> None:
        started = organizer.insist("POST", f"campaigns/{slug}/imports/", {"items": list(items)})
        path = f"campaigns/{slug}/imports/{started['id']}/"
        wait_until(lambda: organizer.insist("GET", path)["state"] in {"done", "failed"}, "the end of the import")
        ended = organizer.insist("GET", path)
        assert (ended["state"], ended["errors"]) == ("done", []), ended

    def close_campaigns(self) -> None:
        """What one test opened is no work for the people of the next."""
        while self.open:
            organizer, slug = self.open.pop()
            organizer.ask("PATCH", f"campaigns/{slug}/", CLOSE)

    def forget_cached(self) -> None:
        """What pages remember for a while is looked up anew."""
        with closing(redis.Redis.from_url(self.run.places.redis_url)) as server:
            for key in server.scan_iter("chorus-cache*"):
                server.delete(key)

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        return query(self.run.places.database_url, sql, *values)

    def count(self, table: str, where: str = "true", *values: Any) -> int:
        return int(self.query(f"SELECT count(*) AS n FROM annotate_{table} WHERE {where}", *values)[0]["n"])

    def end(self) -> None:
        for person in self.everybody:
            person.close()
        self.run.end()


def make_items(count: int = 3, *, candidates: int = 4, language: str = "en", **more: Any) -> list[dict[str, Any]]:
    """Prompts with candidates that can be told apart."""
    return [
        {
            "prompt": f"Which bird sings at night, asked for the {number}th time?",
            "language": language,
            "candidates": [
                {"text": f"Answer {place} to question {number}: the nightingale.\n\nIt sings **loudly**.", "generator": f"g{place}"}
                for place in range(candidates)
            ],
            **more,
        }
        for number in range(count)
    ]  # fmt: skip
