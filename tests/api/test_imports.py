"""Imports over HTTP: what is taken, what is refused, and how an import is looked at."""

from __future__ import annotations

import gzip
import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from annotate.models import AuditEvent, Campaign, ImportRun, Membership, MessageTree, Unit
from annotate.services.import_files import find_stored_file
from tasks.jobs.imports import run_imports_job
from tests.api.conftest import API
from tests.services.imports import item, make_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


@pytest.fixture
def organizer(make_client, campaign) -> APIClient:
    client = make_client("ada")
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


def address(campaign: Campaign, *parts: str) -> str:
    return f"{API}campaigns/{campaign.slug}/imports/" + "".join(f"{part}/" for part in parts)


def post_file(client: APIClient, campaign: Campaign, content: bytes, name: str = "items.jsonl", **fields):
    upload = SimpleUploadedFile(name, content)
    return client.post(address(campaign), {"file": upload, **fields}, format="multipart")


def test_items_are_queued_and_come_in(organizer, campaign) -> None:
    answer = organizer.post(address(campaign), {"items": [item("Why?", "A", "B"), {"nothing": 1}, "How?"]})
    assert (answer.status_code, answer.json()) == (202, {"id": answer.json()["id"], "state": "queued"})

    waiting = organizer.get(address(campaign, answer.json()["id"])).json()
    assert (waiting["state"], waiting["read"], waiting["errors"], waiting["finished_at"]) == ("queued", 0, [], None)
    run_imports_job()
    done = organizer.get(address(campaign, answer.json()["id"])).json()
    reason = done["errors"][0].pop("reason")
    assert {name: done[name] for name in done if name not in {"created_at", "finished_at"}} == {
        "id": answer.json()["id"],
        "state": "done",
        "format": "jsonl",
        "file": None,
        "strict": False,
        "language": None,
        "topic": None,
        "read": 3,
        "added": 2,
        "skipped": 0,
        "bad": 1,
        "prompts_added": 2,
        "candidates_added": 2,
        "bytes": done["bytes_read"],
        "bytes_read": done["bytes"],
        "reason": None,
        "errors": [{"line": 2}],
    }
    assert "nothing" in reason
    assert (MessageTree.objects.count(), Unit.objects.count()) == (2, 1)


def test_a_file_is_stored_with_what_was_said_of_it(organizer, campaign) -> None:
    content = gzip.compress(b"Why?\nHow?\n")
    answer = post_file(
        organizer, campaign, content, "../prompts.txt.gz", format="prompts", strict="true", language="en", topic="Birds"
    )
    assert answer.status_code == 202
    run = ImportRun.objects.get()
    assert find_stored_file(run).read_bytes() == content
    assert (run.file_name, run.format, run.strict, run.defaults) == (
        "prompts.txt.gz", "prompts", True, {"language": "en", "topic": "Birds"},
    )  # fmt: skip
    assert run.created_by == organizer.owner
    assert AuditEvent.objects.get(action="import.started").actor == organizer.owner
    run_imports_job()
    assert set(MessageTree.objects.values_list("language", "topic")) == {("en", "Birds")}


def test_the_list_has_the_newest_first(organizer, campaign) -> None:
    ids = [organizer.post(address(campaign), {"items": ["Why?"]}).json()["id"] for _ in range(3)]
    page = organizer.get(address(campaign), {"limit": 2}).json()
    assert [entry["id"] for entry in page["results"]] == [ids[2], ids[1]]
    rest = organizer.get(address(campaign), {"limit": 2, "cursor": page["next"]}).json()
    assert ([entry["id"] for entry in rest["results"]], rest["next"]) == ([ids[0]], None)


def test_reading_takes_as_many_queries_whatever_there_is(organizer, campaign, django_assert_num_queries) -> None:
    for count in (1, 3):
        for _ in range(count):
            organizer.post(address(campaign), {"items": [{"nothing": 1}] * count})
        run_imports_job()
        with django_assert_num_queries(3):
            organizer.get(address(campaign))
        latest = address(campaign, str(ImportRun.objects.latest("pk").public_id))
        with django_assert_num_queries(4):
            organizer.get(latest)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": "Why?"}, "items"),
        ({"items": ["Why?"], "format": "csv"}, "format"),
        ({"items": ["Why?"], "language": "fr"}, "language"),
        ({"items": ["Why?"], "language": "no such"}, "language"),
        ({"items": ["Why?"], "topic": "x" * 81}, "topic"),
        ({"items": ["Why?"], "strict": "yes"}, "strict"),
        ({"items": ["Why?"] * 10_001}, "items"),
    ],
)
def test_wrong_items_are_refused_by_field(organizer, campaign, body, field) -> None:
    answer = organizer.post(address(campaign), body)
    assert answer.status_code == 422, answer.json()
    assert field in answer.json()["error"]["details"]
    assert ImportRun.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "fields", "code", "field"),
    [
        (b"", {}, "file_empty", "file"),
        (b"Why?", {"format": "docx"}, "invalid_input", "format"),
        (b"Why?", {"colour": "red"}, "invalid_input", "colour"),
        (b"Why?", {"language": "fr"}, "invalid_input", "language"),
        (b"Why?", {"topic": "a\x00b"}, "invalid_input", "topic"),
    ],
)
def test_wrong_files_are_refused_by_field(organizer, campaign, content, fields, code, field) -> None:
    answer = post_file(organizer, campaign, content, **fields)
    assert answer.status_code == 422, answer.json()
    assert (answer.json()["error"]["code"], list(answer.json()["error"]["details"])) == (code, [field])
    assert ImportRun.objects.count() == 0


def test_a_form_without_a_file_is_refused(organizer, campaign) -> None:
    answer = organizer.post(address(campaign), {"file": "not a file"}, format="multipart")
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (422, ["file"])


def test_a_file_over_the_limit_is_refused(organizer, campaign, settings) -> None:
    settings.MAX_IMPORT_BYTES = 1000
    answer = post_file(organizer, campaign, b"x" * 1001)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")
    assert answer.json()["error"]["details"] == {"limit_bytes": 1000}


def test_a_body_that_says_it_is_too_long_is_refused_unread(organizer, campaign, settings) -> None:
    settings.MAX_IMPORT_BYTES = 1000
    answer = organizer.generic(
        "POST", address(campaign), b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=str(2**40)
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")


def test_more_items_than_a_request_takes_are_refused(organizer, campaign) -> None:
    answer = organizer.post(address(campaign), {"items": ["x" * 50_000] * 400})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_a_broken_form_and_another_type_are_refused(organizer, campaign) -> None:
    broken = organizer.generic("POST", address(campaign), b"junk", content_type="multipart/form-data")
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "malformed")
    other = organizer.generic("POST", address(campaign), b"Why?", content_type="text/plain")
    assert (other.status_code, other.json()["error"]["code"]) == (415, "media_type_not_supported")


def test_only_organizers_import_and_look(make_client, organizer, campaign) -> None:
    run = organizer.post(address(campaign), {"items": ["Why?"]}).json()["id"]
    campaign.state = "open"
    campaign.save()
    nobody, stranger, moderator = APIClient(), make_client("eve"), make_client("mia")
    Membership.objects.create(campaign=campaign, user=moderator.owner, role="moderator")
    reader = make_client("ada", scopes=("read",))
    for client, expected in ((nobody, 401), (stranger, 403), (moderator, 403)):
        assert client.post(address(campaign), {"items": ["Why?"]}).status_code == expected
        assert client.get(address(campaign)).status_code == expected
        assert client.get(address(campaign, run)).status_code == expected
    assert reader.get(address(campaign, run)).status_code == 200
    assert reader.post(address(campaign), {"items": ["Why?"]}).status_code == 403
    assert ImportRun.objects.count() == 1


def test_an_import_of_another_campaign_is_not_found(organizer, campaign) -> None:
    other = make_campaign("other")
    Membership.objects.create(campaign=other, user=organizer.owner, role="organizer")
    run = organizer.post(address(other), {"items": ["Why?"]}).json()["id"]
    for public_id in (run, str(uuid.uuid4())):
        answer = organizer.get(address(campaign, public_id))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "import_not_found")


def test_a_file_that_cannot_be_read_says_why(organizer, campaign) -> None:
    run = post_file(organizer, campaign, b"PK\x03\x04zip", "archive.zip").json()["id"]
    run_imports_job()
    failed = organizer.get(address(campaign, run)).json()
    assert (failed["state"], failed["errors"], "zip" in failed["reason"]) == ("failed", [], True)


def test_a_sampling_report_comes_in_by_its_shape(organizer, campaign) -> None:
    results = [{"sampling_config": "k50", "sampling_params": {}, "outputs": ["A", "B"]}]
    content = json.dumps({"model_name": "tiny", "prompts": [{"prompt": "Why?", "results": results}]}).encode()
    run = post_file(organizer, campaign, content, "report.json").json()["id"]
    run_imports_job()
    done = organizer.get(address(campaign, run)).json()
    assert (done["format"], done["prompts_added"], done["candidates_added"]) == ("sampling_report", 1, 2)
