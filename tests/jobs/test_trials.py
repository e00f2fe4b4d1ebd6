"""An administrator asks a generator one prompt: it is answered once, and tells nobody's secrets."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotate.access import Actor
from annotate.exceptions import Conflict, InvalidInput, NotAllowed, NotFound
from annotate.models import GenerationRequest, Generator, GeneratorTrial, Message, Server, User
from annotate.reasons import is_known
from annotate.services import trials as service
from annotate.services.generate_workers import note_problem
from annotate.services.generator_keys import REFUSED
from annotate.services.trials import (
    LEASE,
    MOST_KEPT,
    MOST_OF_ONE,
    MOST_WAITING,
    PATIENCE,
    claim_trials,
    end_lost_trials,
    hand_back_trials,
    settle_trial,
    start_trial,
)
from tasks.jobs.generation import try_generators_job
from tasks.records.generation import GenerationResult
from tasks.vocabulary import GenerationOutcome, JobName
from tests.fake_openai import FakeOpenAI, write_answer
from tests.opinions import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

KEY = "sk-a-secret-of-ours-1234567890"


@pytest.fixture
def server():
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def administrator():
    return Actor(user=User.objects.create(email="ada@example.org", is_superuser=True), scopes=None)


@pytest.fixture
def generator(server):
    return make_generator(server.endpoint)


def make_generator(endpoint: str, name: str = "small", **given) -> Generator:
    given = {"engine": "openai", "model": "fake", "timeout_seconds": 60, **given}
    return Generator.objects.create(name=name, endpoint=endpoint, **given)


def start(administrator, generator, prompt="Why do birds sing?") -> GeneratorTrial:
    return start_trial(generator_id=generator.pk, prompt=prompt, actor=administrator, now=timezone.now())


def claim(*generators, now=None, limit=10):
    token = uuid.uuid4()
    ids = [generator.pk for generator in generators]
    return token, claim_trials(generator_ids=ids, limit=limit, now=now or timezone.now(), token=token)


# --- Starting ----------------------------------------------------------------------------------------


def test_a_trial_waits_and_wakes_whoever_can_ask_the_generator(administrator, generator, monkeypatch) -> None:
    local = make_generator("", "local", engine="transformers")
    woken = []
    monkeypatch.setattr(service, "wake", woken.append)
    trial = start(administrator, generator, "  Why do birds sing? ")
    start(administrator, local)
    assert (trial.state, trial.prompt, trial.created_by) == ("queued", "Why do birds sing?", administrator.user)
    assert woken == [JobName.TRY_GENERATORS, JobName.GENERATE_LOCALLY]


@pytest.mark.parametrize("prompt", ["", " \n", "x" * 20_001, "a\x00b", None])
def test_a_prompt_that_is_none_is_refused_by_name(administrator, generator, prompt) -> None:
    with pytest.raises(InvalidInput) as caught:
        start(administrator, generator, prompt)
    assert (caught.value.code, list(caught.value.details)) == ("trial_invalid", ["prompt"])


def test_only_administrators_try_generators(generator) -> None:
    somebody = Actor(user=User.objects.create(email="bo@example.org"), scopes=None)
    with pytest.raises(NotAllowed):
        start(somebody, generator)


def test_a_generator_that_is_none_or_disabled_or_a_label_is_not_tried(administrator, generator) -> None:
    Generator.objects.update(enabled=False)
    with pytest.raises(Conflict) as caught:
        start(administrator, generator)
    assert caught.value.code == "generator_disabled"
    generator.pk += 1000
    with pytest.raises(NotFound) as missing:
        start(administrator, generator)
    assert missing.value.code == "generator_not_found"


def test_only_so_many_trials_wait_at_once(administrator, generator, server) -> None:
    for _ in range(MOST_OF_ONE):
        start(administrator, generator)
    with pytest.raises(Conflict) as caught:
        start(administrator, generator)
    assert caught.value.code == "too_many_trials"
    others = [make_generator(server.endpoint, f"g{number}") for number in range(MOST_WAITING)]
    for other in others[: MOST_WAITING - MOST_OF_ONE]:
        start(administrator, other)
    with pytest.raises(Conflict):
        start(administrator, others[-1])


def test_the_latest_trials_of_a_generator_are_kept(administrator, generator) -> None:
    for number in range(MOST_KEPT + 5):
        GeneratorTrial.objects.create(generator=generator, prompt=f"{number}", state="done")
    start(administrator, generator)
    kept = GeneratorTrial.objects.order_by("-pk").values_list("prompt", flat=True)
    assert (len(kept), kept[0]) == (MOST_KEPT, "Why do birds sing?")


# --- Answering ---------------------------------------------------------------------------------------


def test_the_job_answers_it_and_tells_what_the_server_serves(administrator, generator, server) -> None:
    server.models = ("fake", "other")
    trial = start(administrator, generator)
    try_generators_job()
    try_generators_job()
    trial.refresh_from_db()
    messages = [{"role": "user", "content": "Why do birds sing?"}]
    text = write_answer(messages, seed=trial.pk)
    assert (trial.state, trial.outcome, trial.text, trial.reason) == ("done", "stored", text, "")
    assert (trial.provenance["models"], trial.completion_tokens) == (["fake", "other"], len(text.split()))
    assert trial.seconds > 0
    assert trial.finished_at is not None
    assert (len(server.requests), Message.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        ("500", "server_error", "The server failed (500)."),
        ("html", "bad_answer", "The server's answer is not JSON."),
        ("truncated", "truncated", "Raise max_tokens"),
        ("only_reasoning:reasoning", "truncated", "still reasoning"),
    ],
)
def test_what_comes_instead_of_a_text_is_told_after_one_attempt(
    administrator, generator, server, fault, outcome, words
) -> None:
    server.add_faults(fault)
    trial = start(administrator, generator)
    try_generators_job()
    trial.refresh_from_db()
    assert (trial.state, trial.outcome, words in trial.reason, len(server.requests)) == ("failed", outcome, True, 1)
    assert "Let me think" not in json.dumps([trial.text, trial.reason, trial.provenance])


def test_a_model_that_the_server_does_not_serve_is_told_with_those_it_serves(administrator, server) -> None:
    server.models = ("llama", "mistral")
    trial = start(administrator, make_generator(server.endpoint, model="tiny"))
    try_generators_job()
    trial.refresh_from_db()
    assert (trial.outcome, trial.reason) == (
        "model_unavailable",
        "The server does not serve “tiny”. It serves: llama, mistral.",
    )
    assert is_known(trial.reason)


def test_an_address_where_nobody_answers_is_told(administrator, free_port) -> None:
    trial = start(administrator, make_generator(f"http://127.0.0.1:{free_port}/v1"))
    try_generators_job()
    trial.refresh_from_db()
    assert (trial.state, trial.outcome, trial.provenance["models"]) == ("failed", "unreachable", [])


def test_a_trial_asks_a_server_that_is_left_alone_and_its_answer_lets_others_go(administrator, generator) -> None:
    Server.objects.create(host=generator.host, failures=9, open_until=timezone.now() + timedelta(minutes=5))
    trial = start(administrator, generator)
    try_generators_job()
    trial.refresh_from_db()
    server = Server.objects.get()
    assert (trial.state, server.failures, server.open_until) == ("done", 0, None)


def test_a_trial_with_a_key_that_works_lets_requests_go_that_waited_for_it(administrator, generator) -> None:
    now = timezone.now()
    note_problem(generator_ids=[generator.pk], problem=REFUSED, now=now)
    generation = GenerationRequest.objects.create(
        campaign=(campaign := make_campaign()), parent=make_prompt(campaign, "Why?"), generator=generator, state="queued",
        outcome="key_refused", not_before=now + timedelta(minutes=15), sample_index=0,
    )  # fmt: skip
    start(administrator, generator)
    try_generators_job()
    generator.refresh_from_db()
    generation.refresh_from_db()
    assert generator.problem == ""
    assert generation.not_before <= timezone.now()


def test_a_key_that_is_not_there_is_told_by_its_variable(administrator, server, monkeypatch) -> None:
    monkeypatch.delenv("LAB_API_KEY", raising=False)
    trial = start(administrator, make_generator(server.endpoint, api_key_variable="LAB_API_KEY"))
    try_generators_job()
    trial.refresh_from_db()
    assert (trial.state, trial.outcome, server.requests) == ("failed", "unreachable", [])
    assert "LAB_API_KEY_FILE" in trial.reason
    assert is_known(trial.reason)


@pytest.mark.parametrize("place", ["variable", "file"])
@pytest.mark.parametrize("echo", ["401", f"text:You sent {KEY}.", f"body:Bad {KEY}", "model"])
def test_a_key_is_used_and_is_nowhere_afterwards(administrator, monkeypatch, caplog, tmp_path, place, echo) -> None:
    """The server repeats the key wherever it can; the database and the log are searched whole."""
    if place == "variable":
        monkeypatch.setenv("LAB_API_KEY", KEY)
    else:
        (tmp_path / "key").write_text(f"{KEY}\n")
        monkeypatch.setenv("LAB_API_KEY_FILE", str(tmp_path / "key"))
    with FakeOpenAI(api_key="another" if echo == "401" else KEY, models=("fake", KEY)) as server, caplog.at_level(0):
        if echo == "model":
            body = {"model": KEY, "system_fingerprint": KEY, "choices": [{"message": {"content": "Hello"}}]}
            server.add_faults(f"body:{json.dumps(body)}")
        elif echo != "401":
            server.add_faults(echo)
        trial = start(administrator, make_generator(server.endpoint, api_key_variable="LAB_API_KEY"))
        try_generators_job()
    trial.refresh_from_db()
    assert trial.state == ("done" if echo == "model" else "failed")
    assert len(server.requests) == 1
    assert KEY not in caplog.text
    assert list(find_in_database(KEY)) == []


def find_in_database(words: str):
    """Every column of every table of ours that holds these words."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{words}%"])
            if cursor.fetchone()[0]:
                yield table


def test_the_search_of_the_database_finds_what_is_there(administrator, generator) -> None:
    start(administrator, generator, f"What is {KEY}?")
    assert list(find_in_database(KEY)) == ["annotate_generatortrial"]


# --- Claims ------------------------------------------------------------------------------------------


def test_a_trial_is_claimed_once_and_settled_by_its_holder_alone(administrator, generator) -> None:
    trial = start(administrator, generator)
    token, (claimed,) = claim(generator)
    assert (claimed.id, claimed.generator_id, claimed.job.thread[0].text) == (trial.pk, generator.pk, trial.prompt)
    assert claim(generator)[1] == ()
    result = GenerationResult(trial.pk, GenerationOutcome.STORED, text="Hi.", provenance={"seed": 1}, reasoning="Hm.")
    now = timezone.now()
    assert settle_trial(token=uuid.uuid4(), result=result, now=now) is False
    assert settle_trial(token=token, result=result, now=now, more={"models": []}) is True
    assert settle_trial(token=token, result=result, now=now) is False
    trial.refresh_from_db()
    assert (trial.text, trial.provenance, trial.lease_token) == ("Hi.", {"seed": 1, "models": []}, None)


def test_trials_of_other_generators_are_left_to_others_and_the_oldest_goes_first(administrator, generator) -> None:
    local = make_generator("", "local", engine="transformers")
    first, _, second = (start(administrator, one) for one in (generator, local, generator))
    assert [claimed.id for claimed in claim(generator, limit=1)[1]] == [first.pk]
    assert [claimed.id for claimed in claim(generator)[1]] == [second.pk]
    try_generators_job()
    assert GeneratorTrial.objects.get(generator=local).state == "queued"


def test_what_a_worker_gives_back_waits_again(administrator, generator) -> None:
    start(administrator, generator)
    token, _ = claim(generator)
    assert hand_back_trials(token=token) == 1
    assert len(claim(generator)[1]) == 1


def test_what_was_lost_and_what_nobody_took_ends_with_a_reason(administrator, generator) -> None:
    lost = start(administrator, generator)
    claim(generator)
    untaken = start(administrator, generator)
    now = timezone.now()
    assert end_lost_trials(now=now) == 0
    assert end_lost_trials(now=now + max(LEASE, PATIENCE) + timedelta(seconds=1)) == 2
    for trial in (lost, untaken):
        trial.refresh_from_db()
    assert [trial.state for trial in (lost, untaken)] == ["failed", "failed"]
    assert lost.reason == "The worker stopped before an answer came. Try it again."
    assert untaken.reason.startswith("No worker took this trial")
    assert all(is_known(trial.reason) for trial in (lost, untaken))
