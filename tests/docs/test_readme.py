"""The README says what is there: every setting, command, job, format and table; and its example of the API works."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx
import pytest
from django.urls import resolve

from annotate.api.views import UnknownAddress
from annotate.services.campaign_files import read_campaign_file
from annotate.settings import ENVIRONMENT
from tasks.jobs.policy import POLICIES
from tasks.records.parameters import NAMES, CampaignSettings
from tasks.vocabulary import ImportFormat, Kind, Preset, ReleaseTable, Scope, Widget

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECONDS_TO_ANSWER = 60
WORKER_HAS_TO_ACT = {"queued", "running", "requested", "building"}


def section(title):
    """The text below a heading, up to the next one of its level or above. A `#` in code is no heading."""
    masked = re.sub(r"^```.*?^```$", lambda code: "`" * len(code.group()), README, flags=re.MULTILINE | re.DOTALL)
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", masked, re.MULTILINE | re.DOTALL)
    return README[found.start(2) : found.end(2)]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def rows(text):
    """Cells of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [number for number, row in enumerate(cells) if set("".join(row)) <= {"-"}]
    return [row for number, row in enumerate(cells) if number not in rules and number + 1 not in rules]


def list_commands():
    folder = ROOT / "annotate" / "management" / "commands"
    return {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}


def test_the_first_screen_says_what_this_is_and_how_to_run_it():
    first = README.splitlines()[:30]
    assert first[0] == "# Chorus"
    assert "open commons for human feedback on language models" in " ".join(first)
    leading = [line.split("#")[0].strip() for block in blocks("\n".join(first), "sh") for line in block.splitlines()]
    assert leading == ["make run", "make test"]


def test_every_setting_is_in_the_table_and_no_other():
    named = {name for row in rows(section("Settings")) for name in re.findall(r"`([A-Z_]+)`", row[0])}
    assert named == {name for name in ENVIRONMENT.known if not name.endswith("_FILE")}


def test_the_settings_that_may_be_files_are_marked():
    cells = " ".join(row[0] for row in rows(section("Settings")))
    marked = set(re.findall(r"`([A-Z_]+)`\*", cells))
    assert marked == {name.removesuffix("_FILE") for name in ENVIRONMENT.known if name.endswith("_FILE")}


def test_every_management_command_is_in_the_table_and_no_other():
    named = {re.match(r"`(\w+)", row[0]).group(1) for row in rows(section("Running"))}
    assert named == list_commands()


@pytest.mark.parametrize("name", sorted(list_commands()))
def test_the_options_that_the_readme_names_are_options_of_the_command(name):
    [row] = [row for row in rows(section("Running")) if re.match(rf"`{name}\b", row[0])]
    named = set(re.findall(r"--[a-z-]+", " ".join(row)))
    done = subprocess.run(
        [sys.executable, "manage.py", name, "--help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert named - set(re.findall(r"--[a-z-]+", done.stdout)) == set()


def test_every_job_is_in_the_table_with_its_queue():
    table = {row[0].strip("`"): row[1] for row in rows(section("How it is laid out")) if "." in row[0]}
    assert table == {str(job): str(policy.queue) for job, policy in POLICIES.items()}


def test_every_import_format_is_in_the_table():
    named = [name for row in rows(section("Import")) for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(ImportFormat)


def test_every_table_of_a_release_is_there_with_its_files():
    table = {row[0].strip("`"): re.findall(r"`([^`]+)`", row[1]) for row in rows(section("Release"))}
    assert table == {str(name): [f"{name}.jsonl.gz", f"{name}.parquet"] for name in ReleaseTable}


def test_every_parameter_is_there_with_its_default():
    defaults = CampaignSettings()
    text = section("A campaign is one file") + section("Trees and generators").split("### Generators")[0]
    named = {}
    for row in rows(text):
        names = re.findall(r"`(\w+)`", row[0])
        named |= dict(zip(names, row[1].split(", "), strict=True))
    assert set(NAMES) - set(named) - {"min_judgments", "max_judgments"} == set()
    assert f"`min_judgments` ({defaults.min_judgments}) and `max_judgments` ({defaults.max_judgments})" in text
    for name, value in named.items():
        assert {"none": None, "false": False, "true": True}.get(value, value) in (
            getattr(defaults, name),
            str(getattr(defaults, name)),
        )


@pytest.mark.parametrize("words", [Preset, Kind, Widget, Scope], ids=lambda words: words.__name__)
def test_every_word_that_an_organizer_writes_is_named(words):
    assert [word for word in words if not re.search(rf"\b{word}\b", README)] == []


def test_the_campaign_file_in_the_readme_is_one_that_is_taken():
    [file] = blocks(section("A campaign is one file"), "toml")
    spec = read_campaign_file(file.encode())
    assert (spec.slug, spec.preset, spec.parameters) == ("everyday-questions", Preset.RANK, {"redundancy": 3})


def test_every_address_in_the_readme_is_one_of_the_api():
    cells = [row[0] for row in rows(section("The API by example"))]
    addresses = [address for cell in cells for address in re.findall(r"([a-z…][\w{}…/-]*/)`", cell)]
    assert [address for address in addresses if not is_served(address)] == []
    assert len(addresses) >= 14


def is_served(address):
    """Whether an address has a view; one that begins with an ellipsis, or is one word, may be a campaign's."""
    path = address.replace("…/", "campaigns/{slug}/").replace("{slug}", "some-slug")
    path = re.sub(r"\{\w+\}", "1", path.replace("imports/{id}", f"imports/{uuid.UUID(int=1)}"))
    views = [resolve(f"/api/v1/{base}{path}").func for base in ("", "campaigns/some-slug/")]
    return any(getattr(view, "view_class", None) is not UnknownAddress for view in views)


def test_links_inside_the_repository_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []
    anchors = set(re.findall(r"\]\(#([^)]+)\)", README))
    titles = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }
    assert anchors - titles == set()


@pytest.fixture
def site(tmp_path, clone_database, redis_url, free_port):
    """Web and worker processes on servers of the test, as a reader of the README has them running."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")} | {
        "DATABASE_URL": clone_database(),
        "REDIS_URL": f"{redis_url}?db=10",
        "CHORUS_DATA": str(tmp_path),
        "CHORUS_STATIC_FILES": "live",
        "CHORUS_PORT": str(free_port),
        "CHORUS_WEB_WORKERS": "1",
        "CHORUS_WORKER_PROCESSES": "2",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = (tmp_path / "site.log").open("wb")
    started = [
        subprocess.Popen([ROOT / "docker" / "entrypoint.sh", role], cwd=ROOT, env=environment, stdout=log, stderr=log)
        for role in ("web", "worker", "beat")
    ]
    log.close()
    yield f"http://localhost:{free_port}", environment
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
    for process in started:
        process.wait(60)


@pytest.mark.slow
@pytest.mark.django_db
def test_the_example_of_the_api_works_as_it_is_written(site):
    """Runs the commands of the README in their order; waits where a reader would have to."""
    address, environment = site
    lines = "\n".join(blocks(section("The API by example"), "sh"))
    manage = re.findall(r"\.venv/bin/python (manage\.py [^)\n]+)", lines)
    asked = re.findall(
        r"^ask (?:-X (\w+) )?\$API/(\S+)(?: -d '(.*?)')?(?: +#[^\n]*)?$", lines, re.MULTILINE | re.DOTALL
    )
    assert (len(manage), len(asked)) == (2, lines.count("\nask $") + lines.count("\nask -X"))

    outputs = [
        subprocess.run(
            [sys.executable, *command.split()], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()
        for command in manage
    ]
    with httpx.Client(headers={"Authorization": f"Bearer {outputs[-1]}"}, timeout=30) as client:
        await_page(client, f"{address}/readyz")
        answers = [ask(client, f"{address}/api/v1/{path}", method, body) for method, path, body in asked]
    offered, submitted, requested, release = answers[-4:]
    assert [candidate["id"] for candidate in offered["assignment"]["subject"]["candidates"]] == ["a", "b"]
    assert (submitted["judgment"], submitted["next"]["assignment"], submitted["next"]["why_none"]["code"]) == (
        {"id": 1, "counted": True},
        None,
        "done",
    )
    assert (requested, release["state"]) == ({"number": 1, "state": "requested"}, "sealed")
    tables = {f"{table}.{ending}" for table in ReleaseTable for ending in ("jsonl.gz", "parquet")}
    assert {file["name"] for file in release["files"]} == tables | {"MANIFEST.json", "README.md", "withdrawn.jsonl"}
    assert {file["rows"] for file in release["files"] if file["name"].startswith("ballots")} == {1}


def ask(client, url, method, body):
    """One call of the example, tried again while a worker has still to do its part."""
    until = time.monotonic() + SECONDS_TO_ANSWER
    while True:
        answer = client.request(method or ("POST" if body else "GET"), url, json=json.loads(body) if body else None)
        assert answer.status_code < 300, answer.text
        said = answer.json()
        is_waiting = not body and said.get("results", [said])[0].get("state") in WORKER_HAS_TO_ACT
        is_waiting |= url.endswith("/next/") and said["assignment"] is None
        if not is_waiting or time.monotonic() > until:
            return said
        time.sleep(0.2)


def await_page(client, url):
    until = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < until:
        try:
            if client.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"{url} does not answer.")
