"""Releases over HTTP: who may ask for one and fetch it, what is answered, and at what cost."""

from __future__ import annotations

import hashlib
import io

import pandas as pd
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import AuditEvent, Campaign, Membership, Release, ReleaseFile
from annotate.services.release_building import find_folder
from tasks.jobs.releases import build_releases_job
from tests.api.conftest import API
from tests.api.helpers import details, refusal
from tests.releases import NAMES, make_given

pytestmark = pytest.mark.django_db

RELEASES = f"{API}campaigns/birds/releases/"


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"


@pytest.fixture
def campaign():
    return make_given("bob", "cy")[0]


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


def ask_for(client, body=None):
    return client.post(RELEASES, body or {}, format="json")


def read(response) -> bytes:
    return b"".join(response.streaming_content)


def test_a_release_is_asked_for_built_and_fetched(organizer):
    answer = ask_for(organizer)
    assert (answer.status_code, answer.json()) == (202, {"number": 1, "state": "requested"})
    waiting = organizer.get(f"{RELEASES}1/").json()
    assert (waiting["state"], waiting["files"], waiting["counts"], waiting["sealed_at"]) == ("requested", [], {}, None)
    build_releases_job()
    found = organizer.get(f"{RELEASES}1/").json()
    assert (found["state"], found["reason"], found["licence"], found["trigger"]) == (
        "sealed",
        None,
        "CC-BY-4.0",
        "request",
    )
    assert (found["counts"]["ballots"], found["personal_data"]["trees"]["email"]) == (2, 0)
    assert [file["name"] for file in found["files"]] == NAMES
    for file in found["files"]:
        fetched = organizer.get(file["url"])
        content = read(fetched)
        assert (fetched.status_code, len(content)) == (200, file["bytes"])
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert fetched["ETag"] == f'"{file["sha256"]}"'
        assert fetched["Content-Disposition"] == f'attachment; filename="birds-1-{file["name"]}"'
    (ballots,) = [file for file in found["files"] if file["name"] == "ballots.parquet"]
    assert len(pd.read_parquet(io.BytesIO(read(organizer.get(ballots["url"]))))) == ballots["rows"] == 2


def test_whoever_has_a_file_is_told_so(organizer):
    ask_for(organizer)
    build_releases_job()
    file = organizer.get(f"{RELEASES}1/").json()["files"][0]
    again = organizer.get(file["url"], headers={"If-None-Match": f'"{file["sha256"]}"'})
    other = organizer.get(file["url"], headers={"If-None-Match": '"another"'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", f'"{file["sha256"]}"')
    assert (other.status_code, len(read(other))) == (200, file["bytes"])


def test_an_audit_tells_who_asked(organizer):
    ask_for(organizer, {"languages": ["en"]})
    event = AuditEvent.objects.get(action="release.requested")
    assert (event.actor_id, event.object_kind, event.object_id) == (organizer.owner.pk, "release", "1")
    assert event.after == {"number": 1, "trigger": "request", "filters": {"languages": ["en"]}}
    assert Release.objects.get().requested_by_id == organizer.owner.pk


def test_it_is_limited_by_the_terms_of_models_within_what_the_campaign_takes(organizer, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(output_terms=["free", "attribution"])
    assert ask_for(organizer, {"output_terms": ["free", "unknown"], "model_licences": ["MIT"]}).status_code == 202
    assert organizer.get(f"{RELEASES}1/").json()["filters"] == {"output_terms": ["free"], "model_licences": ["MIT"]}


def test_a_second_one_has_to_wait(organizer):
    ask_for(organizer)
    assert refusal(ask_for(organizer)) == (409, "release_in_progress")


def test_a_draft_has_nothing_to_release(organizer, campaign):
    Campaign.objects.update(state="draft")
    assert refusal(ask_for(organizer)) == (409, "campaign_draft")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"languages": ["xx"]}, "languages"),
        ({"kinds": ["sing"]}, "kinds"),
        ({"languages": []}, "languages"),
        ({"output_terms": ["gratis"]}, "output_terms"),
        ({"model_licences": []}, "model_licences"),
        ({"since": "2026"}, "since"),
    ],
)
def test_a_wrong_limit_is_refused_by_its_name(organizer, body, field):
    answer = ask_for(organizer, body)
    assert refusal(answer) == (422, "invalid_input")
    assert list(details(answer)) == [field]
    assert Release.objects.count() == 0


def test_what_is_not_there_is_not_found(organizer, campaign):
    assert refusal(organizer.get(f"{RELEASES}1/")) == (404, "release_not_found")
    assert refusal(organizer.get(f"{RELEASES}99999999999999999999/")) == (404, "release_not_found")
    ask_for(organizer)
    build_releases_job()
    for name in ("nothing.txt", "..", "%2e%2e%2fMANIFEST.json", ".part"):
        assert refusal(organizer.get(f"{RELEASES}1/files/{name}"))[0] == 404
    assert refusal(organizer.get(f"{RELEASES}1/files/nothing.txt")) == (404, "release_file_not_found")


def test_a_file_that_is_gone_is_said_to_be(organizer):
    ask_for(organizer)
    build_releases_job()
    (find_folder(Release.objects.get()) / "README.md").unlink()
    assert refusal(organizer.get(f"{RELEASES}1/files/README.md")) == (410, "file_missing")


def withdraw(client, reason="Names are in it.", number=1):
    return client.post(f"{RELEASES}{number}/withdraw/", {"reason": reason}, format="json")


def test_a_withdrawn_release_says_why_and_gives_no_file(organizer):
    ask_for(organizer)
    build_releases_job()
    file = organizer.get(f"{RELEASES}1/").json()["files"][0]
    answer = withdraw(organizer)
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (
        200,
        "withdrawn",
        "Names are in it.",
    )
    for headers in ({}, {"If-None-Match": f'"{file["sha256"]}"'}):
        gone = organizer.get(file["url"], headers=headers)
        assert refusal(gone) == (410, "release_withdrawn")
        assert "Release 1 was withdrawn" in gone.json()["error"]["message"]
        assert "Names are in it." in gone.json()["error"]["message"]
    shown = organizer.get(f"{RELEASES}1/").json()
    assert (shown["state"], shown["files"][0]["sha256"]) == ("withdrawn", file["sha256"])
    assert organizer.get(RELEASES).json()["results"][0]["reason"] == "Names are in it."
    assert ask_for(organizer).json() == {"number": 2, "state": "requested"}


def test_a_withdrawal_is_refused(organizer):
    assert refusal(withdraw(organizer)) == (404, "release_not_found")
    assert refusal(withdraw(organizer, number=10**30)) == (404, "release_not_found")
    ask_for(organizer)
    assert refusal(withdraw(organizer)) == (409, "release_not_sealed")
    build_releases_job()
    for reason in ("", "  ", None, "x" * 2_001):
        answer = withdraw(organizer, reason)
        assert (refusal(answer), list(details(answer))) == ((422, "invalid_input"), ["reason"])
    assert withdraw(organizer).status_code == 200
    assert refusal(withdraw(organizer)) == (409, "release_withdrawn")


def test_only_organizers_withdraw(campaign, organizer, client_of_ada, client, make_client):
    moderator = make_client("mo", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=moderator.owner, role="moderator")
    ask_for(organizer)
    build_releases_job()
    assert [refusal(withdraw(other)) for other in (client_of_ada, moderator)] == [(403, "role_missing")] * 2
    assert refusal(withdraw(make_client(user=organizer.owner, scopes=("read",)))) == (403, "scope_missing")
    assert client.post(f"{RELEASES}1/withdraw/", {"reason": "x"}).status_code == 401
    assert Release.objects.get().state == "sealed"


def test_only_organizers_reach_a_release(campaign, organizer, client_of_ada, administrator, client, make_client):
    moderator = make_client("mo", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=moderator.owner, role="moderator")
    ask_for(organizer)
    build_releases_job()
    addresses = [RELEASES, f"{RELEASES}1/", f"{RELEASES}1/files/ballots.jsonl.gz"]
    for allowed in (organizer, administrator):
        assert [allowed.get(address).status_code for address in addresses[:2]] == [200, 200]
        assert read(allowed.get(addresses[2]))
    for other in (client_of_ada, moderator):
        assert [refusal(other.get(address)) for address in addresses] == [(403, "role_missing")] * 3
        assert refusal(ask_for(other)) == (403, "role_missing")
    assert [client.get(address).status_code for address in addresses] == [401, 401, 401]
    limited = make_client(user=organizer.owner, scopes=("annotate",))
    assert [refusal(limited.get(address))[1] for address in addresses] == ["scope_missing"] * 3


def test_a_release_of_another_campaign_is_not_reached(organizer, make_client):
    other, _ = make_given("dee", slug="fish")
    Membership.objects.create(campaign=other, user=organizer.owner, role="organizer")
    ask_for(organizer)
    build_releases_job()
    assert refusal(organizer.get(f"{API}campaigns/fish/releases/1/files/README.md")) == (404, "release_file_not_found")


@pytest.mark.parametrize("count", [1, 3])
def test_looking_takes_as_many_queries_whatever_there_is(organizer, campaign, count):
    for number in range(1, count + 1):
        release = Release.objects.create(
            campaign=campaign,
            number=number,
            state="failed",
            licence="X",
            pseudonym_salt=bytes(32),
            requested_at="2026-05-04T12:00Z",
        )
    ReleaseFile.objects.bulk_create(
        ReleaseFile(release=release, name=f"{name}.txt", path="x", bytes=1, sha256="0") for name in range(count)
    )
    with CaptureQueriesContext(connection) as queries:
        listed = organizer.get(RELEASES).json()["results"]
    assert [row["number"] for row in listed] == list(range(count, 0, -1))
    assert len([one for one in queries.captured_queries if "annotate_release" in one["sql"]]) == 1
    with CaptureQueriesContext(connection) as queries:
        shown = organizer.get(f"{RELEASES}{count}/").json()
    assert len(shown["files"]) == count
    assert len([one for one in queries.captured_queries if "annotate_release" in one["sql"]]) == 2
