"""Whatever is sent to a page, by whomever: it is answered, never failed at.

Every page with hostile query strings, and every form that it shows with hostile values in its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from annotate.models import Membership, Message, RevisionProposal, Simulation, Unit, User
from annotate.services.generators import create_generator
from annotate.services.imports import ImportOptions, create_import
from annotate.services.tokens import create_token
from annotate.web import urls
from tasks.records.simulations import Arm, SimulationPlan
from tasks.vocabulary import STARTING_KINDS, FindingKind
from tests.findings import find_kind
from tests.gold import write_item
from tests.kinds import make_brief, open_unit
from tests.loop import ask, make_campaign, make_prompt, ranking_of, submit
from tests.releases import build, make_giver, rank_all
from tests.web.organizing import Forms, come_as

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

#: Sent in each field alone. What is sent in all of them at once may stop at the first that is refused.
SHARP = ("9" * 30, "0001" + "1" * 5_000, "a:0001" + "1" * 5_000, "nan", "x" * 9_000)
VALUES = (
    *SHARP, "a\0b", "-1", "9" * 19, "1e999", "²", "[[1,", "99999-01-01", "9999-12-31T23:59:59-14:00", "http://[::1",
    "<script>alert(1)</script>", "%s%(x)s%d", "\ufffd\u202e\u2028\ufeff", "en\r\nX-Evil: 1",
)  # fmt: skip
#: Names of fields that no form shows but that some page reads.
NAMES = (
    "next", "before", "part", "stored", "again", "kind", "language", "state", "q", "sort", "action", "actor", "object_kind",
    "object_id", "since", "until", "to", "text", "token", "preference", "campaign", "terms", "languages", "tiers",
    "acceptable_tiers", "shown", "draft_version", "active_seconds", "skip_reason", "cannot_tell_reason", "step", "email", "code",
)  # fmt: skip


def walk(patterns: Sequence[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns)
        else:
            yield pattern


PAGES = {str(pattern.name): pattern for pattern in walk(urls.urlpatterns)}
SIMULATED = SimulationPlan((Arm("coverage"),))
KINDS = ("rank", "compare", "label", "write_assistant_reply")
#: Kinds whose units are made by hand, because no loop opens them.
GROWN = ("write_prompt", "write_pair", "write_prompter_reply", "improve_reply")
#: What is nowhere, by the name of an argument of an address.
NOWHERE = {
    "slug": ("nowhere", "x" * 300),
    "public_id": ("00000000-0000-0000-0000-000000000000",),
    "unit": ("00000000-0000-0000-0000-000000000000",),
}
NO_NUMBERS = ("0", str(2**31), str(2**63), "9" * 30, "9" * 5_000)


#: Fields of a form, each with everything that is sent under its name.
Fields = dict[str, list[str]]
ARGUMENT = re.compile(r"<\w+:(\w+)>")


class World:
    """A campaign with work, judgments, an import, a release, a generator and a token; whoever comes may do everything."""

    def __init__(self, kind: str = "rank") -> None:
        campaign = make_campaign(guests=True)
        make_prompt(campaign, replies=2)
        self.client = come_as("administrator", campaign)
        self.client.raise_request_exception = False
        user = User.objects.get(email="root@example.org")
        Membership.objects.create(campaign=campaign, user=user, role="organizer")
        giver = make_giver("ada")
        rank_all(giver, campaign)
        first = ask(user.annotator, campaign)["assignment"]
        given = submit(user.annotator, first["id"], ranking_of(first))
        desk = make_campaign(slug="desk", kinds=(kind,), guests=True)
        cats = make_prompt(desk, "Why do cats purr?", replies=2)
        if kind in GROWN and kind != "improve_reply":  # which the loop opens
            on = {"brief": make_brief(desk)} if kind in STARTING_KINDS else {"subject": cats.replies.first()}
            open_unit(desk, kind, **on)
        prompt = Message.objects.filter(tree__campaign=campaign, parent=None).first()
        proposal = RevisionProposal.objects.create(
            message=prompt, author=user.annotator, base_revision=1, text="Why do birds sing so early?", reason="clearer"
        )
        run = create_import(campaign=campaign, actor=None, chunks=[b"Why?"], file_name="a", options=ImportOptions())
        lab = {"name": "Lab", "engine": "openai", "endpoint": "http://127.0.0.1:9/v1", "model": "m"}
        token, _text = create_token(
            user=user, name="x", scopes=["annotate"], expires_at=None, actor=None, now=timezone.now()
        )
        self.there = {
            "slug": campaign.slug,
            "assignment": ask(user.annotator, desk)["assignment"]["id"],
            "judgment": given["judgment"]["id"],
            "token": token.pk,
            "generator_id": create_generator(values=lab, actor=None).pk,
            "user_id": user.pk,
            "number": build(campaign).number,
            "public_id": run.public_id,
            "brief": make_brief(campaign).pk,
            "tree_id": prompt.tree_id,
            "message_id": prompt.pk,
            "proposal": proposal.pk,
            "item": write_item(campaign).pk,
            "parent_id": prompt.pk,
            "unit": Unit.objects.filter(subject=prompt).values_list("public_id", flat=True)[0],
            "finding_id": find_kind(campaign, giver, FindingKind.RANDOM).pk,
            "simulation_id": Simulation.objects.create(campaign=campaign, asked=SIMULATED.as_json()).pk,
        }

    def address(self, name: str, **instead: object) -> str:
        """Written by hand: `reverse` refuses what nobody should send, and anybody can."""
        return "/" + ARGUMENT.sub(lambda found: str({**self.there, **instead}[found[1]]), str(PAGES[name].pattern))

    def send(
        self, method: str, path: str, fields: Fields | None = None, *, client: Client | None = None, **headers: str
    ) -> str:
        """One request whose effects are undone; what it was if it failed, else nothing."""
        sender = client or self.client
        with transaction.atomic():
            answer = getattr(sender, method)(path, fields or {}, headers=headers)
            if answer.status_code < 500:
                assert not set(answer.headers) & {"X-Evil"}
            transaction.set_rollback(True)
        return f"{answer.status_code} {method} {path[:200]} {str(fields)[:300]}" if answer.status_code >= 500 else ""


@pytest.fixture
def world(settings, tmp_path):
    settings.UPLOAD_DIR, settings.RELEASE_DIR = tmp_path / "uploads", tmp_path / "releases"
    settings.LIMIT_GUESTS = settings.LIMIT_FAILURES = 0
    return World


@pytest.mark.parametrize("name", PAGES)
def test_page_is_answered_whatever_its_address_and_forms_hold(world, name):
    made, failed = world(), []
    for argument in ARGUMENT.findall(str(PAGES[name].pattern)):
        for value in NOWHERE.get(argument, NO_NUMBERS):
            path = made.address(name, **{argument: value})
            failed += [made.send("get", path), made.send("post", path)]
    failed += [made.send("get", made.address(name), {key: [value] for key in NAMES}) for value in VALUES]
    failed += try_forms(made, made.address(name), made.client)
    nobody = Client(raise_request_exception=False)
    failed += [made.send("post", made.address(name), {key: [value] for key in NAMES}, client=nobody) for value in SHARP]
    assert [line for line in failed if line] == []


@pytest.mark.parametrize("kind", KINDS + GROWN)
@pytest.mark.parametrize("name", ["submit_work", "save_draft", "check_work"])
def test_answer_with_anything_in_it_is_answered(world, kind, name):
    made = world(kind)
    page = made.client.get(made.address("work"))
    failed = try_forms(made, made.address(name), made.client, shown=page.text)
    assert [line for line in failed if line] == []


def try_forms(made: World, path: str, client: Client, *, shown: str | None = None) -> list[str]:
    """Each field that the page shows alone with two of the values in turn, then all of them with all that any page reads."""
    page = client.get(path) if shown is None else None
    forms = Forms()
    forms.feed(shown if page is None else page.text if page.status_code == 200 else "")
    whole: Fields = {name: values for _css, fields in forms.forms for name, values in fields.items()}
    alone = [(name, SHARP[(place + turn) % len(SHARP)]) for turn in (0, 2) for place, name in enumerate(whole)]
    failed = [made.send("post", path, {**whole, name: [value]}, client=client) for name, value in alone]
    names = [*whole, *NAMES]
    failed += [made.send("post", path, {key: [value] * 2 for key in names}, client=client) for value in VALUES]
    return failed
