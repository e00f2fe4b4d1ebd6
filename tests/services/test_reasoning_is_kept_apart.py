"""What a model told itself before it answered is kept, and nobody ever reads it: in no release, page or answer of the API."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from django.urls import URLResolver, get_resolver

from annotate.models import Campaign, Membership, Message, MessageOrigin, User
from annotate.services.generation_results import settle_request
from annotate.services.release_building import find_folder
from tasks.jobs.quality import recompute_stale_job
from tests.api.test_blindness import fill, list_reading_operations
from tests.asked import answer, ask, claim, make_local
from tests.loop import ask as give_work
from tests.loop import make_annotator
from tests.releases import build, make_given, rank_all

pytestmark = pytest.mark.django_db

SECRET = "the-user-wants-a-canary-5d1e"
TEXT = "Canaries sing to be heard, and so do all the others."
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


@pytest.fixture
def campaign(settings, tmp_path) -> Campaign:
    """A campaign with a judged candidate that has a reasoning, and one that was thrown away with another."""
    settings.RELEASE_DIR = tmp_path / "releases"
    campaign, people = make_given("ada", "bob")
    prompt = Message.objects.get(parent=None)
    generator = make_local("thinker", campaign=campaign)
    first, second = ask(prompt, generator, count=2)
    token = claim(generator).token
    for request, text in ((first, TEXT), (second, TEXT)):
        settle_request(
            token=token, result=answer(request.pk, text, reasoning=f"I see: {SECRET}"), now=request.created_at
        )
    for annotator in people:
        rank_all(annotator, campaign)
    recompute_stale_job()
    assert MessageOrigin.objects.get(message__text=TEXT).reasoning == f"I see: {SECRET}"
    return campaign


def read(path: Path) -> str:
    if path.suffix == ".parquet":
        return json.dumps(pd.read_parquet(path).to_dict("records"), default=str, ensure_ascii=False)
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode()


def test_it_is_in_no_file_of_a_release(campaign) -> None:
    folder = find_folder(build(campaign))
    files = {path.name: read(path) for path in folder.iterdir()}
    assert TEXT in files["trees.jsonl.gz"]
    assert [name for name, content in files.items() if SECRET in content] == []


@pytest.mark.parametrize("name", ["organizer", "administrator", "annotator"])
def test_it_is_in_no_answer_of_the_api(campaign, client, name) -> None:
    build(campaign)
    user = make_person(name, campaign)
    client.force_login(user)
    known = {"slug": campaign.slug, "message": Message.objects.get(parent=None).pk, "number": 1}
    seen = {}
    for operation, _, path in list_reading_operations(client):
        response = client.get(fill(path, known))
        seen[operation] = (b"".join(response.streaming_content) if response.streaming else response.content).decode(
            errors="replace"
        )
    offered = client.post(f"/api/v1/campaigns/{campaign.slug}/next/", {}, content_type="application/json")
    seen["next"] = offered.content.decode()
    assert [operation for operation, body in seen.items() if SECRET in body] == []
    assert any(TEXT in body for body in seen.values())


@pytest.mark.parametrize("name", ["organizer", "administrator", "annotator"])
def test_it_is_on_no_page(campaign, client, name) -> None:
    build(campaign)
    person = make_person(name, campaign)
    client.force_login(person)
    hold = give_work(person.annotator, campaign)["assignment"]
    prompt = Message.objects.get(parent=None)
    thinker = MessageOrigin.objects.get(message__text=TEXT).generator_id
    known = {
        "slug": campaign.slug,
        "message": prompt.pk,
        "tree": prompt.tree_id,
        "generator": thinker,
        "assignment": hold["id"],
    }
    seen = {}
    for pattern in list_patterns(get_resolver()):
        response = client.get(f"/{PLACE.sub(lambda match: str(known.get(match[1], 1)), pattern)}")
        body = b"".join(response.streaming_content) if response.streaming else response.content
        seen[pattern] = body.decode(errors="replace")
    assert len(seen) > 50
    assert [pattern for pattern, body in seen.items() if SECRET in body] == []
    assert any(TEXT in body for body in seen.values())


def list_patterns(resolver: URLResolver) -> Iterator[str]:
    """The addresses of the site's own pages."""
    for part in resolver.url_patterns:
        if isinstance(part, URLResolver):
            if str(getattr(part.urlconf_module, "__name__", "")).startswith("annotate.web"):
                yield from list_patterns(part)
        elif resolver.pattern is not None:
            yield str(part.pattern)


def make_person(name: str, campaign: Campaign) -> User:
    user = make_annotator(name).user
    User.objects.filter(pk=user.pk).update(is_superuser=name == "administrator")
    if name == "organizer":
        Membership.objects.create(campaign=campaign, user=user, role="organizer")
    return user
