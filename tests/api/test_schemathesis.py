"""Schemathesis over the whole description: whatever is sent, nothing fails and nothing answers but as described.

For every operation, input that fits its description and input that does not, the same in each run; addresses
lead to rows that are there, or to what the generator made up.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from annotate.api.description import describe_api
from annotate.models import (
    Annotator,
    Brief,
    Campaign,
    Generator,
    GeneratorTrial,
    ImportRun,
    Membership,
    Message,
    Release,
    RevisionProposal,
    Simulation,
    Unit,
    User,
)
from annotate.services.people import create_user
from annotate.services.tokens import create_token
from tasks.jobs.quality import recompute_stale_job
from tasks.records.simulations import Arm, SimulationPlan
from tasks.vocabulary import FindingKind
from tests.findings import find_kind
from tests.gold import write_item
from tests.loop import ask, make_campaign, make_prompt, ranking_of, submit

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

EXAMPLES = 10
SIMULATED = SimulationPlan((Arm("coverage"),))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


def takes_input(described: dict[str, Any]) -> bool:
    """Whether something that does not fit can be sent at all: nothing in an address is wrong for a plain text."""
    given = described.get("parameters", ())
    return "requestBody" in described or any(
        one["in"] == "query" or one["schema"] != {"type": "string"} for one in given
    )


DESCRIBED = {
    described["operationId"]: described
    for methods in describe_api()["paths"].values()
    for described in methods.values()
}
CASES = [
    *((name, GenerationMode.POSITIVE) for name in DESCRIBED),
    *((name, GenerationMode.NEGATIVE) for name, described in DESCRIBED.items() if takes_input(described)),
]


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """Operations by name, each a strategy of requests; who asks is not generated, it is always our token."""
    document = copy.deepcopy(describe_api())
    for methods in document["paths"].values():
        for described in methods.values():
            described.pop("security", None)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = WSGIHandler()
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """Requests leave the connection of the test open, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def owner(one_connection: None) -> User:
    """An administrator who organizes a running campaign, holds work in it and has given a judgment."""
    return create_user(email="root@example.org", now=timezone.now(), is_administrator=True, with_terms=True)


@pytest.fixture
def campaign(owner: User) -> Campaign:
    campaign = make_campaign(kinds=("rank", "compare", "label", "write_assistant_reply"), guests=True)
    Membership.objects.create(campaign=campaign, user=owner, role="organizer")
    for place in range(3):
        make_prompt(campaign, f"Prompt {place}?")
    return campaign


@pytest.fixture
def known(owner: User, campaign: Campaign) -> dict[str, Any]:
    """Values of path parameters behind which there is something."""
    annotator, now = Annotator.objects.get(user=owner), timezone.now()
    member = create_user(email="member@example.org", now=now)
    Membership.objects.create(campaign=campaign, user=member, role="annotator")
    first = ask(annotator, campaign, now=now, kinds=["rank"])["assignment"]
    answer = submit(annotator, first["id"], ranking_of(first), now=now)
    spare, _ = create_token(user=owner, name="spare", scopes=["read"], expires_at=None, actor=None, now=now)
    release = Release.objects.create(
        campaign=campaign,
        number=1,
        state="sealed",
        licence="CC-BY-4.0",
        pseudonym_salt=b"",
        requested_at=now,
        sealed_at=now,
    )
    generator = Generator.objects.create(name="ours", engine="openai", endpoint="http://127.0.0.1:9/v1", model="m")
    run = ImportRun.objects.create(campaign=campaign, public_id=uuid4(), state="done", format="jsonl")
    reply = Message.objects.filter(role="assistant").earliest("pk")
    recompute_stale_job()
    proposal = RevisionProposal.objects.create(message=reply, author=member.annotator, base_revision=1, text="Better.")
    return {
        "slug": campaign.slug,
        "brief": Brief.objects.create(campaign=campaign, language="en").pk,
        "tree": reply.tree_id,
        "proposal": proposal.pk,
        "assignment": answer["next"]["assignment"]["id"],
        "judgment": answer["judgment"]["id"],
        "token": spare.pk,
        "annotator": member.annotator.pk,
        "user_id": member.pk,
        "message": reply.pk,
        "number": release.number,
        "generator": generator.pk,
        "trial": GeneratorTrial.objects.create(generator=generator, prompt="Why?", state="done").pk,
        "public_id": str(run.public_id),
        "finding": find_kind(campaign, member.annotator, FindingKind.RANDOM).pk,
        "item": write_item(campaign).pk,
        "simulation": Simulation.objects.create(campaign=campaign, asked=SIMULATED.as_json()).pk,
        "unit": str(Unit.objects.filter(subject__isnull=False).values_list("public_id", flat=True)[0]),
        "parent_id": Message.objects.filter(current_consensus__isnull=False).earliest("pk").pk,
    }


@pytest.fixture
def send(owner: User, known: dict[str, Any]) -> Callable[[Case, bool], None]:
    """Sends a request as the administrator, and checks the answer against the description."""
    _, token = create_token(user=owner, name="tests", scopes=["admin"], expires_at=None, actor=None, now=timezone.now())

    def send_case(case: Case, there: bool) -> None:
        replaced = [name for name in known if there and name in (case.path_parameters or {})]
        for name in replaced:
            case.path_parameters[name] = known[name]
        # A path that we made fit is no reason to refuse.
        checks = [check for check in CHECKS if not replaced or check is not negative_data_rejection]
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=checks)

    return send_case


def test_every_address_has_something_behind_it(known):
    inside = {
        given["name"] for one in DESCRIBED.values() for given in one.get("parameters", ()) if given["in"] == "path"
    }
    assert inside - set(known) == {"name"}  # of a file of a release


@pytest.mark.parametrize(("name", "mode"), CASES, ids=[f"{name}-{mode.value}" for name, mode in CASES])
def test_an_operation_answers_as_it_is_described(operations, send, name, mode):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operations[name].as_strategy(generation_mode=mode), there=st.booleans())
    def attack(case: Case, there: bool) -> None:
        send(case, there)

    attack()
