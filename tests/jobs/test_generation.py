"""Requests are answered over HTTP and stored once, whatever the server and the workers do."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import (
    CampaignGenerator,
    GenerationRequest,
    Generator,
    Message,
    MessageOrigin,
    Stale,
    Unit,
)
from annotate.services.generation import ask_missing, cancel_requests, request_candidates, retry_requests
from annotate.services.generation_queue import (
    LOST_LIMIT,
    claim_requests,
    hand_back,
    hold_requests,
    sweep_lost_requests,
)
from annotate.services.generation_results import settle_request
from annotate.services.people import create_user
from tasks.jobs import generation
from tasks.jobs.generation import generate_batch, generate_candidates_job, sweep_requests_job
from tasks.records.generation import GenerationResult
from tasks.vocabulary import GenerationOutcome, RequestState
from tests.fake_openai import FakeOpenAI
from tests.opinions import NOW, add_message, make_campaign, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def server():
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def prompt(campaign):
    return make_prompt(campaign, "Why do birds sing?")


@pytest.fixture
def generator(campaign, server):
    return name_generator(campaign, "small", server.endpoint)


def name_generator(campaign, name: str, endpoint: str, *, samples: int = 2, **given) -> Generator:
    generator = Generator.objects.create(
        name=name, engine="openai", endpoint=endpoint, model=f"{name}-1", max_concurrent=2, timeout_seconds=60, **given
    )
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=samples)
    return generator


def requests() -> list[tuple]:
    return list(GenerationRequest.objects.order_by("pk").values_list("sample_index", "state", "outcome", "attempts"))


def claim(generator: Generator, *, now=None, limit: int = 10):
    return claim_requests(generator_ids=[generator.pk], limit=limit, now=now or timezone.now(), token=uuid.uuid4())


def answer_all(generator: Generator) -> None:
    while generate_batch(generator.pk):
        pass


def answer_of(request_id: int, text: str = "Because they can.") -> GenerationResult:
    return GenerationResult(request_id, GenerationOutcome.STORED, text=text, provenance={"attempts": 1})


# --- Asking ------------------------------------------------------------------------------------------


def test_each_prompt_is_asked_of_each_generator_as_often_as_the_campaign_wants(campaign, prompt, generator) -> None:
    other = make_prompt(campaign, "Why do fish swim?")
    label = Generator.objects.create(campaign=campaign, name="a label", engine="label")
    off = Generator.objects.create(name="off", engine="openai", endpoint="http://x/v1", enabled=False)
    for useless in (label, off):
        CampaignGenerator.objects.create(campaign=campaign, generator=useless, samples=1)
    add_message(prompt.tree, "Tell me more.", role="prompter", parent=add_message(prompt.tree, "So.", parent=prompt))

    added = ask_missing(campaign_id=campaign.pk, now=NOW)

    asked = GenerationRequest.objects.values_list("parent_id", "generator_id", "sample_index", "state")
    assert (added, set(asked)) == (
        4,
        {(parent.pk, generator.pk, sample, "queued") for parent in (prompt, other) for sample in (0, 1)},
    )


def test_asking_again_adds_nothing_and_more_samples_add_the_missing_ones(campaign, prompt, generator) -> None:
    assert [ask_missing(campaign_id=campaign.pk, now=NOW) for _ in range(2)] == [2, 0]
    GenerationRequest.objects.filter(sample_index=0).update(state="failed")
    CampaignGenerator.objects.update(samples=3)
    assert ask_missing(campaign_id=campaign.pk, now=NOW) == 1
    assert [(index, state) for index, state, _, _ in requests()] == [(0, "failed"), (1, "queued"), (2, "queued")]


def test_a_sweep_asks_for_what_open_campaigns_lack_and_then_rests(campaign, prompt, generator) -> None:
    sweep_requests_job()
    sweep_requests_job()
    assert requests() == [(0, "queued", None, 0), (1, "queued", None, 0)]
    assert Stale.objects.get(kind="turn_requests").lease_expires_at > timezone.now()


@pytest.mark.parametrize("state", ["paused", "closed", "draft"])
def test_a_sweep_asks_for_nothing_in_other_campaigns(campaign, prompt, generator, state) -> None:
    campaign.state = state
    campaign.save()
    sweep_requests_job()
    assert requests() == []


# --- Answering ---------------------------------------------------------------------------------------


def test_answers_become_candidates_with_their_provenance_and_open_the_work(campaign, prompt, generator, server) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)

    assert generate_batch(generator.pk)

    assert requests() == [(0, "done", "stored", 1), (1, "done", "stored", 1)]
    candidates = Message.objects.filter(parent=prompt).order_by("pk")
    origins = [message.origins.get() for message in candidates]
    assert [origin.request.sample_index for origin in origins] == [0, 1] or [
        origin.request.sample_index for origin in origins
    ] == [1, 0]
    assert {(origin.kind, origin.generator_id) for origin in origins} == {("generated", generator.pk)}
    assert {origin.provenance["model"] for origin in origins} == {"small-1@fake"}
    assert {origin.provenance["seed"] for origin in origins} == {body["seed"] for body in server.requests}
    assert [body["messages"] for body in server.requests] == [[{"role": "user", "content": prompt.text}]] * 2
    assert Unit.objects.get().candidates.count() == 2


def test_the_job_run_twice_answers_each_request_once(campaign, prompt, generator, server) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    for _ in range(2):
        generate_candidates_job(generator.pk)
    assert (len(server.requests), Message.objects.filter(parent=prompt).count()) == (2, 2)


def test_a_whole_thread_is_sent(campaign, prompt, generator, server) -> None:
    reply = add_message(prompt.tree, "To be heard.", parent=prompt)
    question = add_message(prompt.tree, "By whom?", role="prompter", parent=reply)
    request_candidates(campaign=campaign, actor=None, now=NOW, parent_ids=[question.pk])
    generate_batch(generator.pk)
    assert server.requests[0]["messages"] == [
        {"role": "user", "content": "Why do birds sing?"},
        {"role": "assistant", "content": "To be heard."},
        {"role": "user", "content": "By whom?"},
    ]
    assert Message.objects.filter(parent=question).count() == 2


def test_a_text_that_is_there_already_is_drawn_again_with_another_seed(campaign, prompt, generator, server) -> None:
    server.add_faults("text:The very same.", "text:The very same.")
    ask_missing(campaign_id=campaign.pk, now=NOW)
    answer_all(generator)
    drawn = GenerationRequest.objects.order_by("draws").values_list("draws", "attempts", "state", "outcome")
    assert list(drawn) == [(0, 1, "done", "stored"), (1, 2, "done", "stored")]
    texts = [message.text for message in Message.objects.filter(parent=prompt).order_by("pk")]
    assert (texts[0], len(set(texts))) == ("The very same.", 2)
    assert len({body["seed"] for body in server.requests}) == 3


def test_the_same_text_again_and_again_is_one_candidate_with_two_origins(campaign, prompt, generator, server) -> None:
    server.add_faults(*["text:The very same."] * 4)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    answer_all(generator)
    ended = GenerationRequest.objects.order_by("draws").values_list("draws", "state", "outcome")
    assert list(ended) == [(0, "done", "stored"), (2, "done", "duplicate_text")]
    assert MessageOrigin.objects.filter(message__parent=prompt).count() == 2
    assert Message.objects.get(parent=prompt).text == "The very same."


def test_without_an_id_the_job_wakes_each_generator_that_has_something_to_do(
    campaign, prompt, server, monkeypatch
) -> None:
    busy = name_generator(campaign, "busy", server.endpoint)
    idle = Generator.objects.create(name="idle", engine="openai", endpoint=server.endpoint)
    local = Generator.objects.create(name="local", engine="transformers", model="gpt-x")
    ask_missing(campaign_id=campaign.pk, now=NOW)
    for generator in (idle, local):
        GenerationRequest.objects.create(
            parent=prompt, generator=generator, sample_index=0, state="queued" if generator == local else "done"
        )
    woken = []
    monkeypatch.setattr(generation, "wake", lambda *message: woken.append(message))
    generate_candidates_job()
    assert woken == [("generation.generate_candidates", busy.pk)]


def test_an_engine_that_is_not_here_is_left_to_workers_that_have_it(campaign, prompt) -> None:
    local = Generator.objects.create(name="local", engine="transformers", model="gpt-x")
    GenerationRequest.objects.create(parent=prompt, generator=local, sample_index=0, state="queued")
    assert not generate_batch(local.pk)
    assert requests() == [(0, "queued", None, 0)]


# --- What servers do ---------------------------------------------------------------------------------


def test_a_long_pause_that_a_server_asks_for_is_kept_by_all_of_its_requests(campaign, prompt, server) -> None:
    generator = name_generator(campaign, "limited", server.endpoint, samples=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    server.add_faults("429:600")

    assert generate_batch(generator.pk)

    limited = GenerationRequest.objects.get()
    assert (limited.state, limited.outcome, limited.attempts) == ("queued", "rate_limited", 1)
    assert timedelta(minutes=9) < limited.not_before - timezone.now() <= timedelta(minutes=10)
    assert "429" in limited.reason

    make_prompt(campaign, "Why do fish swim?")
    ask_missing(campaign_id=campaign.pk, now=NOW)
    assert (generate_batch(generator.pk), len(server.requests)) == (False, 1)

    later = timezone.now() + timedelta(minutes=11)
    assert len(claim(generator, now=later).request_ids) == 2


def test_requests_that_only_waited_have_lost_no_attempt(campaign, prompt, generator, server) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    Generator.objects.update(max_concurrent=1)
    server.add_faults("429:600")
    generate_batch(generator.pk)
    assert sorted(attempts for _, _, _, attempts in requests()) == [0, 1]
    assert {state for _, state, _, _ in requests()} == {"queued"}


@pytest.mark.parametrize("fault", ["500", "503", "reset"])
def test_a_server_that_fails_is_asked_again_within_the_same_attempt(campaign, prompt, generator, server, fault) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    server.add_faults(fault)
    generate_batch(generator.pk)
    assert [state for _, state, _, _ in requests()] == ["done", "done"]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("outcome", "attempts"),
    [
        ("server_error", 5),
        ("timed_out", 3),
        ("rate_limited", 24),
        ("unreachable", 24),
        ("model_unavailable", 24),
    ],
)
def test_attempts_are_bounded_and_the_last_one_says_how_many(campaign, prompt, generator, outcome, attempts) -> None:
    CampaignGenerator.objects.update(samples=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    now = NOW
    states = []
    for _ in range(attempts):
        now += timedelta(days=1)
        claimed = claim(generator, now=now)
        result = GenerationResult(
            claimed.request_ids[0], GenerationOutcome(outcome), reason="It failed.", provenance={"attempts": 4}
        )
        states.append(settle_request(token=claimed.token, result=result, now=now))
    assert states == [RequestState.QUEUED] * (attempts - 1) + [RequestState.FAILED]
    request = GenerationRequest.objects.get()
    assert (request.reason, request.finished_at) == (f"It failed. It was tried {attempts} times.", now)


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        ("400", "refused_by_server", "The server refused the request (400). It said: The script says 400."),
        ("body:<html>", "bad_answer", "The server's answer is not JSON."),
    ],
)
def test_what_no_other_attempt_can_better_fails_with_a_reason(campaign, prompt, server, fault, outcome, words) -> None:
    generator = name_generator(campaign, "odd", server.endpoint, samples=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    server.add_faults(fault)
    generate_batch(generator.pk)
    request = GenerationRequest.objects.get()
    assert (request.state, request.outcome, request.attempts) == ("failed", outcome, 1)
    assert words in request.reason
    assert not Message.objects.filter(parent=prompt).exists()


def test_an_answer_that_is_cut_every_time_fails_with_what_to_do(campaign, prompt, server) -> None:
    generator = name_generator(campaign, "odd", server.endpoint, samples=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    server.add_faults(*["truncated"] * 3)
    answer_all(generator)
    request = GenerationRequest.objects.get()
    assert (request.state, request.outcome, request.attempts, request.draws) == ("failed", "truncated", 3, 3)
    assert "Raise max_tokens" in request.reason
    assert request.reason.endswith("It was tried 3 times.")
    assert not Message.objects.filter(parent=prompt).exists()


def test_a_server_that_hangs_times_out_and_is_tried_later(campaign, prompt, server) -> None:
    generator = name_generator(campaign, "slow", server.endpoint, samples=1)
    Generator.objects.update(timeout_seconds=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    server.add_faults("hang:3")
    generate_batch(generator.pk)
    request = GenerationRequest.objects.get()
    assert (request.state, request.outcome, request.attempts) == ("queued", "timed_out", 1)
    assert request.not_before > timezone.now()


def test_the_key_is_read_when_it_is_needed_and_never_told(campaign, prompt, monkeypatch) -> None:
    with FakeOpenAI(api_key="s3cret-key") as server:
        generator = name_generator(campaign, "closed", server.endpoint, samples=1, api_key_variable="CLOSED_API_KEY")
        ask_missing(campaign_id=campaign.pk, now=NOW)
        monkeypatch.setenv("CLOSED_API_KEY", "wrong-key")
        generate_batch(generator.pk)
        request = GenerationRequest.objects.get()
        assert (request.state, request.outcome, "wrong-key" in request.reason) == ("queued", "key_refused", False)

        GenerationRequest.objects.update(not_before=None)
        monkeypatch.setenv("CLOSED_API_KEY", "s3cret-key")
        generate_batch(generator.pk)
    assert GenerationRequest.objects.get().state == "done"
    assert "s3cret-key" not in str(MessageOrigin.objects.get().provenance)


def test_requests_wait_while_the_key_is_refused_and_go_on_by_themselves_when_it_is_taken_again(
    campaign, prompt, monkeypatch
) -> None:
    now = timezone.now()
    with FakeOpenAI(api_key="s3cret-key") as server:
        generator = name_generator(campaign, "closed", server.endpoint, samples=6, api_key_variable="CLOSED_API_KEY")
        other = name_generator(campaign, "open", server.endpoint, samples=1, api_key_variable="OTHER_API_KEY")
        Generator.objects.update(max_concurrent=4)
        ask_missing(campaign_id=campaign.pk, now=NOW)
        monkeypatch.setenv("CLOSED_API_KEY", "revoked")
        monkeypatch.setenv("OTHER_API_KEY", "s3cret-key")
        generate_batch(generator.pk)
        generator.refresh_from_db()
        assert generator.problem.startswith("The server refuses the key. Requests wait")
        assert generator.problem_at is not None
        mine = GenerationRequest.objects.filter(generator=generator)
        # None of them has lost a try but that with which it began; until the moment comes none is claimed, whoever asks.
        assert sorted(mine.values_list("state", "attempts")) == [*[("queued", 0)] * 5, ("queued", 1)]
        assert claim(generator) is None
        # The server works, and takes other keys.
        answer_all(other)
        assert GenerationRequest.objects.get(generator=other).state == "done"
        generator.refresh_from_db()
        assert generator.problem

        # One request tries it, and no other while that is under way; refused, all wait for longer.
        later = now + timedelta(minutes=11)
        trying = claim(generator, now=later)
        assert len(trying.request_ids) == 1
        assert claim(generator, now=later) is None
        refused = GenerationResult(
            trying.request_ids[0], GenerationOutcome.KEY_REFUSED, reason="The server refuses the key (401)."
        )
        assert settle_request(token=trying.token, result=refused, now=later) == "queued"
        waiting = mine.get(pk=trying.request_ids[0])
        assert timedelta(minutes=10) < waiting.not_before - later <= timedelta(minutes=15)
        assert claim(generator, now=later + timedelta(minutes=10)) is None

        monkeypatch.setenv("CLOSED_API_KEY", "s3cret-key")
        mine.update(not_before=None)  # the moment has come
        assert generate_batch(generator.pk)
        generator.refresh_from_db()
        assert (generator.problem, generator.problem_at) == ("", None)
        answer_all(generator)
    assert set(mine.values_list("state", flat=True)) <= {"done", "failed"}
    assert mine.filter(state="done").count() >= 1
    assert not mine.filter(outcome="key_refused").exists()


def test_a_request_that_is_refused_alone_keeps_no_others_waiting_and_ends(campaign, prompt) -> None:
    """Some servers refuse what they do not like as they would a wrong key, and one request is sent at a time."""
    generator = name_generator(campaign, "small", "http://model.invalid/v1", samples=3)
    Generator.objects.update(max_concurrent=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    disliked = GenerationRequest.objects.order_by("pk").first()
    now, rounds = timezone.now(), 0
    while GenerationRequest.objects.filter(state="queued").exists():
        rounds, now = rounds + 1, now + timedelta(minutes=20)
        assert rounds < 40
        # The lots of two claims that follow on each other differ.
        claimed = claim_requests(generator_ids=[generator.pk], limit=10, now=now, token=uuid.UUID(int=2 * rounds))
        [request] = claimed.request_ids
        result = answer_of(request, f"Answer {rounds}, of its own kind: {'x' * rounds}.")
        if request == disliked.pk:
            result = GenerationResult(
                request, GenerationOutcome.KEY_REFUSED, reason="The server refuses the key (403).",
                provenance={"attempts": 1},
            )  # fmt: skip
        settle_request(token=claimed.token, result=result, now=now)
    disliked.refresh_from_db()
    assert (disliked.state, disliked.reason) == ("failed", "The server refuses the key (403). It was tried 3 times.")
    assert GenerationRequest.objects.filter(state="done").count() == 2
    generator.refresh_from_db()
    assert generator.problem == ""


def test_a_key_that_is_not_set_waits_and_says_which_variable(campaign, prompt, server, monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_API_KEY", raising=False)
    generator = name_generator(campaign, "closed", server.endpoint, samples=1, api_key_variable="NO_SUCH_API_KEY")
    ask_missing(campaign_id=campaign.pk, now=NOW)
    generate_batch(generator.pk)
    request = GenerationRequest.objects.get()
    assert (request.state, request.outcome, server.requests) == ("queued", "unreachable", [])
    assert "NO_SUCH_API_KEY" in request.reason


# --- What workers do ---------------------------------------------------------------------------------


def test_what_is_handed_back_was_never_tried(campaign, prompt, generator) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    first = claim(generator, limit=1)
    hand_back(token=first.token)
    assert requests() == [(0, "queued", None, 0), (1, "queued", None, 0)]
    assert len(claim(generator).request_ids) == 2


def test_a_second_worker_s_text_is_dropped_once_the_lease_was_taken_over(campaign, prompt, generator) -> None:
    CampaignGenerator.objects.update(samples=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    slow = claim(generator, now=NOW)
    (request_id,) = slow.request_ids
    later = NOW + timedelta(minutes=5)
    sweep_lost_requests(now=later)
    quick = claim(generator, now=later)

    assert settle_request(token=slow.token, result=answer_of(request_id, "Late."), now=later) is None
    assert settle_request(token=quick.token, result=answer_of(request_id, "In time."), now=later) == RequestState.DONE
    assert settle_request(token=quick.token, result=answer_of(request_id, "Again."), now=later) is None
    assert settle_request(token=slow.token, result=answer_of(request_id, "Later still."), now=later) is None

    assert [message.text for message in Message.objects.filter(parent=prompt)] == ["In time."]
    assert requests() == [(0, "done", "stored", 1)]


def test_a_renewed_lease_is_not_swept(campaign, prompt, generator) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    mine = claim(generator, now=NOW)
    later = NOW + timedelta(seconds=59)
    assert hold_requests(token=mine.token, now=later) == frozenset(mine.request_ids)
    assert sweep_lost_requests(now=NOW + timedelta(seconds=61)) == 0
    assert sweep_lost_requests(now=later + timedelta(seconds=61)) == 2


def test_what_kills_worker_after_worker_is_set_aside(campaign, prompt, generator) -> None:
    CampaignGenerator.objects.update(samples=1)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    now = NOW
    for _ in range(LOST_LIMIT):
        assert claim(generator, now=now) is not None
        now += timedelta(minutes=2)
        assert sweep_lost_requests(now=now) == 1
    request = GenerationRequest.objects.get()
    assert (request.state, request.outcome, request.attempts, request.losses) == ("set_aside", "worker_lost", 0, 2)
    assert "set aside" in request.reason
    assert claim(generator, now=now) is None


def test_a_batch_that_breaks_off_goes_back_to_the_queue(campaign, prompt, generator, monkeypatch) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)

    def break_off(jobs, **_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(generation, "find_engine", lambda _: break_off)
    with pytest.raises(KeyboardInterrupt):
        generate_batch(generator.pk)
    assert requests() == [(0, "queued", None, 0), (1, "queued", None, 0)]


def test_one_answer_that_cannot_be_stored_costs_no_other(campaign, prompt, generator, server, monkeypatch) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)

    def store(*, token, result, now):
        if result.outcome == GenerationOutcome.STORED and store.fails:
            store.fails = False
            raise ValueError("out of luck")
        return settle_request(token=token, result=result, now=now)

    store.fails = True
    monkeypatch.setattr(generation, "settle_request", store)
    generate_batch(generator.pk)
    assert sorted((state, outcome) for _, state, outcome, _ in requests()) == [
        ("done", "stored"),
        ("failed", "bad_answer"),
    ]


def test_nothing_is_generated_under_a_removed_message(campaign, prompt, generator, server) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    Message.objects.filter(pk=prompt.pk).update(removed_at=NOW)
    generate_batch(generator.pk)
    assert (server.requests, [state for _, state, _, _ in requests()]) == ([], ["cancelled", "cancelled"])


def test_an_answer_that_comes_after_its_conversation_was_removed_is_dropped(campaign, prompt, generator) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    mine = claim(generator)
    Message.objects.filter(pk=prompt.pk).update(removed_at=NOW)
    assert settle_request(token=mine.token, result=answer_of(mine.request_ids[0]), now=NOW) == RequestState.CANCELLED
    assert not Message.objects.filter(parent=prompt).exists()


@pytest.mark.parametrize(("state", "claims"), [("draft", True), ("open", True), ("paused", False), ("closed", False)])
def test_paused_and_closed_campaigns_generate_no_more(campaign, prompt, generator, state, claims) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    campaign.state = state
    campaign.save()
    assert (claim(generator) is not None) == claims


def test_a_disabled_generator_is_not_asked(campaign, prompt, generator) -> None:
    ask_missing(campaign_id=campaign.pk, now=NOW)
    Generator.objects.update(enabled=False)
    assert claim(generator) is None


# --- What organizers do ------------------------------------------------------------------------------


def test_what_was_called_off_is_not_stored(campaign, prompt, generator) -> None:
    organizer = create_user(email="olga@example.org", now=NOW)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    mine = claim(generator, limit=1)
    assert cancel_requests(campaign=campaign, actor=organizer, now=NOW) == 2
    assert settle_request(token=mine.token, result=answer_of(mine.request_ids[0]), now=NOW) is None
    assert [state for _, state, _, _ in requests()] == ["cancelled", "cancelled"]
    assert retry_requests(campaign=campaign, actor=organizer) == 0
    assert retry_requests(campaign=campaign, actor=organizer, states=[RequestState.CANCELLED]) == 2
    actions = list(campaign.audit_events.order_by("pk").values_list("action", "after"))
    assert actions == [
        ("generation.cancelled", {"requests": 2, "generator": None}),
        ("generation.retried", {"requests": 0, "generator": None}),
        ("generation.retried", {"requests": 2, "generator": None}),
    ]


def test_what_failed_is_tried_again_from_the_start(campaign, prompt, generator, server) -> None:
    organizer = create_user(email="olga@example.org", now=NOW)
    ask_missing(campaign_id=campaign.pk, now=NOW)
    GenerationRequest.objects.update(
        state="failed", outcome="timed_out", reason="Too slow.", attempts=3, finished_at=NOW
    )
    GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=1, state="done")
    assert retry_requests(campaign=campaign, actor=organizer) == 1
    generate_batch(generator.pk)
    assert requests() == [(0, "done", "stored", 1), (1, "failed", "timed_out", 3), (1, "done", None, 0)]
