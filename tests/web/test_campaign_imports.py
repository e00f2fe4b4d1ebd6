"""Prompts come in by a file or pasted, their import is watched, and what could not be used is told by line."""

from __future__ import annotations

import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from annotate.models import ImportRun, MessageTree
from annotate.services.import_files import find_stored_file
from tasks.jobs.imports import run_imports_job
from tests.web.organizing import HTMX, make_person, make_run, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/imports/"


@pytest.fixture(autouse=True)
def uploads(settings, tmp_path):
    settings.UPLOAD_DIR = tmp_path
    return tmp_path


@pytest.fixture
def campaign():
    return make_run()


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def send(client, *lines, **more):
    """Paste these lines; the page that it leads to."""
    answer = client.post(HERE, {"lines": "\r\n".join(lines), **more})
    assert answer.status_code == 302, answer.context["rest"] or answer.context["wrong"]
    return answer["Location"]


def test_pasted_prompts_come_in_one_a_line(ines, campaign):
    here = send(ines, "Why do birds sing?", "", "How do they fly?", language="de", topic="songs")
    assert "It waits its turn." in ines.get(here).text
    run_imports_job()
    page = ines.get(here).text
    assert ("2 prompts came in," in page, "Go on: open the campaign" in page) == (True, True)
    trees = MessageTree.objects.order_by("pk").values_list("language", "topic")
    assert list(trees) == [("de", "songs"), ("de", "songs")]
    assert "Pasted prompts" in ines.get(HERE).text


def test_file_comes_in_with_what_was_said_of_it(ines, campaign):
    content = "\n".join(json.dumps({"prompt": f"Q{n}", "candidates": [{"text": "A"}, {"text": "B"}]}) for n in range(3))
    upload = SimpleUploadedFile("../birds.jsonl", content.encode())
    answer = ines.post(HERE, {"file": upload, "lines": "", "language": "en", "format": "jsonl", "strict": "1"})
    run = ImportRun.objects.get()
    assert (run.file_name, run.format, run.strict, run.defaults) == ("birds.jsonl", "jsonl", True, {"language": "en"})
    assert find_stored_file(run).read_bytes() == content.encode()
    run_imports_job()
    assert "3 prompts came in, with 6 candidates." in " ".join(ines.get(answer["Location"]).text.split())


@pytest.mark.parametrize(
    ("sent", "field", "status"),
    [
        ({"lines": ""}, "file", 422),
        ({"lines": "Why?", "language": "fr"}, "language", 422),
        ({"lines": "Why?", "language": "not a language"}, "language", 422),
        ({"lines": "Why?", "topic": "x" * 81}, "topic", 422),
    ],
)
def test_what_cannot_be_taken_is_told_at_its_field_and_kept(ines, sent, field, status):
    answer = ines.post(HERE, sent)
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (status, [field])
    assert ImportRun.objects.count() == 0
    assert sent["lines"] in answer.text


def test_file_over_the_limit_is_refused_before_it_is_read(ines, settings, uploads):
    settings.MAX_IMPORT_BYTES = 2**20
    upload = SimpleUploadedFile("big.txt", b"x" * (2**21 + 1))
    answer = ines.post(HERE, {"file": upload})
    assert (answer.status_code, "1 MiB" in answer.text, list(uploads.iterdir())) == (413, True, [])
    small = ines.post(HERE, {"file": SimpleUploadedFile("a.txt", b"x" * (2**20 + 1))})
    assert (small.status_code, [wrong.name for wrong in small.context["wrong"]]) == (413, ["file"])


def test_who_may_not_import_is_refused_before_anything_is_read(campaign):
    make_person("ada")

    class Unread:
        def read(self, *_args):
            pytest.fail("the body was read")

        readline = read

    client = sign_in("ada")
    answer = client.generic("POST", HERE, content_type="multipart/form-data; boundary=x", **{"wsgi.input": Unread()})
    assert answer.status_code == 404


def test_form_without_its_token_imports_nothing(ines, campaign):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = ines.cookies
    answer = strict.post(HERE, {"lines": "Why?"})
    assert (answer.status_code, ImportRun.objects.count()) == (403, 0)


def test_progress_is_asked_for_until_it_ends(ines, campaign):
    here = send(ines, "Why?", language="en")
    asking = {**HTMX, "HX-Target": "import"}
    waiting = ines.get(here, headers=asking)
    assert (waiting.status_code, 'hx-trigger="every 2s"' in waiting.text, "<html" in waiting.text) == (200, True, False)
    run_imports_job()
    done = ines.get(here, headers=asking)
    assert (done.status_code, "hx-trigger" in done.text) == (286, False)
    assert ines.get(here).status_code == 200


def test_reload_is_a_link_without_scripts(ines):
    assert "Look again" in ines.get(send(ines, "Why?", language="en")).text


def test_lines_that_cannot_be_used_are_told_with_reasons_by_parts(ines, campaign):
    content = "\n".join(['{"prompt": "Why?"}', *['{"nothing": 1}'] * 60])
    upload = SimpleUploadedFile("birds.jsonl", content.encode())
    here = ines.post(HERE, {"file": upload, "language": "en"})["Location"]
    run_imports_job()
    first = ines.get(here)
    assert [row["line"] for row in first.context["part"].rows] == list(range(2, 52))
    second = ines.get(here + first.context["part"].older)
    assert [row["line"] for row in second.context["part"].rows] == list(range(52, 62))
    assert (second.context["part"].older, second.context["part"].newest) == (None, "?")


def test_import_that_failed_says_why_and_what_is_safe(ines, campaign):
    upload = SimpleUploadedFile("birds.jsonl", b'{"nothing": 1}\n')
    here = ines.post(HERE, {"file": upload, "language": "en", "strict": "1"})["Location"]
    run_imports_job()
    page = ines.get(here).text
    assert ("This import failed." in page, "Import again" in page) == (True, True)


def test_import_of_another_campaign_is_not_found(ines, campaign):
    make_run("fish")
    here = send(ines, "Why?", language="en")
    assert ines.get(here.replace("birds", "fish")).status_code == 404
    assert ines.get(reverse("import_run", args=["birds", "00000000-0000-0000-0000-000000000000"])).status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_whatever_its_length(ines, campaign, rows, django_assert_num_queries):
    for number in range(rows):
        send(ines, f"Why {number}?", language="en")
    with django_assert_num_queries(5):
        assert len(ines.get(HERE).context["runs"]) == rows


def test_reasons_are_told_in_the_language_of_the_reader(ines, campaign):
    failed = ImportRun.objects.create(
        campaign=campaign, public_id=uuid.uuid4(), state="failed", format="jsonl", bad=1, read=2,
        reason="1 of 2 records cannot be used, so nothing was imported.",
    )  # fmt: skip
    failed.errors.create(line=2, reason="Candidate 1: The text holds a NUL character at position 12,345. Remove it.")
    page = ines.get(f"{HERE}{failed.public_id}/", headers={"Accept-Language": "de"}).text
    assert "1 von 2 Einträgen sind nicht zu gebrauchen, deshalb wurde nichts importiert." in page
    assert "Kandidat 1: Der Text enthält ein NUL-Zeichen an Stelle 12.345. Entferne es." in page
