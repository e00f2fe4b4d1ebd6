"""What came of a request is stored once: a candidate, another draw, a later try, or why there is none."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from annotate.models import GenerationRequest, Message, MessageOrigin
from annotate.queries.generation import draw_seed, load_jobs
from annotate.services.generate_workers import note_problem
from annotate.services.generation import cancel_requests, retry_requests
from annotate.services.generation_queue import LEASE_SECONDS, hand_back, hold_requests, sweep_lost_requests
from annotate.services.generation_results import settle_request
from annotate.services.people import create_user
from tests.asked import answer, ask, claim, failure, make_local, make_network, states
from tests.opinions import NOW, add_message, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(seconds=LEASE_SECONDS + 1)
LONG = "Birds sing at dawn because the air is still, and a song carries far over the fields and the woods around them."
ALIKE = f"{LONG} Always."
OTHER = "To find a mate: whoever sings longest has eaten well, and knows where there is more to be had."


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def prompt(campaign):
    return make_prompt(campaign, "Why do birds sing?")


@pytest.fixture
def generator(campaign):
    return make_local(campaign=campaign)


def settle(result, *, now=NOW):
    """Claim the request (it is the only one that is due) and store this result of it."""
    found = claim(GenerationRequest.objects.get(pk=result.request_id).generator, now=now)
    assert found.request_ids == (result.request_id,)
    return settle_request(token=found.token, result=result, now=now)


def texts(prompt: Message) -> list[str]:
    return list(Message.objects.filter(parent=prompt).order_by("pk").values_list("text", flat=True))


def told(request: GenerationRequest) -> tuple:
    request.refresh_from_db()
    return (request.state, request.outcome, request.attempts, request.draws)


# --- Once ---------------------------------------------------------------------------------------------


def test_a_result_that_is_settled_twice_is_stored_once(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    token = claim(generator).token
    assert [settle_request(token=token, result=answer(request.pk, text), now=NOW) for text in (LONG, OTHER)] == [
        "done",
        None,
    ]
    assert (texts(prompt), MessageOrigin.objects.count()) == ([LONG], 1)


def test_a_result_that_comes_after_the_lease_was_swept_stores_nothing(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    token = claim(generator).token
    sweep_lost_requests(now=LATER)
    assert settle_request(token=token, result=answer(request.pk), now=LATER) is None
    assert settle_request(token=token, result=failure(request.pk, "empty"), now=LATER) is None
    assert (told(request), texts(prompt)) == (("queued", "worker_lost", 0, 0), [])


@pytest.mark.parametrize("end", ["cancelled", "handed back", "somebody else's"])
def test_a_result_of_what_is_no_longer_ours_stores_nothing(campaign, prompt, generator, end) -> None:
    (request,) = ask(prompt, generator)
    token = claim(generator).token
    if end == "cancelled":
        cancel_requests(campaign=campaign, actor=None, now=NOW)
    elif end == "handed back":
        hand_back(token=token)
    else:
        token = uuid.uuid4()
    before = told(request)
    assert settle_request(token=token, result=answer(request.pk), now=NOW) is None
    assert (told(request), texts(prompt)) == (before, [])


# --- What it cost, and what the model thought --------------------------------------------------------


def test_the_cost_of_all_draws_and_tries_adds_up(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    cost = {"prompt_tokens": 10, "completion_tokens": 20, "compute_seconds": 0.5}
    settle(failure(request.pk, "looping", **cost))
    settle(failure(request.pk, "server_error", retry_after_seconds=5.0, compute_seconds=0.25), now=NOW)
    settle(answer(request.pk, **cost), now=NOW + timedelta(seconds=5))
    request.refresh_from_db()
    assert (request.prompt_tokens, request.completion_tokens, request.compute_seconds) == (20, 40, 1.25)
    assert (request.started_at, request.finished_at) == (NOW + timedelta(seconds=5),) * 2


def test_what_is_not_known_of_the_cost_is_none(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    settle(answer(request.pk))
    request.refresh_from_db()
    assert (request.prompt_tokens, request.completion_tokens, request.compute_seconds) == (None, None, None)


def test_reasoning_is_kept_beside_the_origin_and_not_in_its_provenance(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    settle(answer(request.pk, reasoning="First I think.\x00 Then \ud800 I write."))
    origin = MessageOrigin.objects.get()
    assert (origin.reasoning, origin.provenance) == ("First I think. Then ? I write.", {"attempts": 1})


def test_without_reasoning_there_is_none(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    settle(answer(request.pk, reasoning=""))
    assert MessageOrigin.objects.get().reasoning is None


# --- Answers that nobody wants -----------------------------------------------------------------------


def test_a_text_that_is_nearly_another_candidate_s_is_drawn_again_with_another_seed(prompt, generator) -> None:
    add_message(prompt.tree, LONG, parent=prompt)
    (request,) = ask(prompt, generator)
    (before,) = load_jobs(request_ids=[request.pk]).jobs
    assert settle(answer(request.pk, ALIKE)) == "queued"
    assert told(request) == ("queued", "near_duplicate", 1, 1)
    (after,) = load_jobs(request_ids=[request.pk]).jobs
    assert before.seed != after.seed
    assert settle(answer(request.pk, OTHER)) == "done"
    assert texts(prompt) == [LONG, OTHER]


def test_when_no_draw_is_left_a_text_that_is_nearly_another_one_s_fails(prompt, generator) -> None:
    add_message(prompt.tree, LONG, parent=prompt)
    (request,) = ask(prompt, generator)
    assert [settle(answer(request.pk, ALIKE)) for _ in range(3)] == ["queued", "queued", "failed"]
    assert told(request) == ("failed", "near_duplicate", 3, 3)
    assert request.reason == (
        "Another candidate of this prompt has nearly the same text. It was tried 3 times."
    )  # fmt: skip
    assert texts(prompt) == [LONG]


@pytest.mark.parametrize(("similarity", "state"), [(0.5, "queued"), (0.99, "done")])
def test_how_alike_is_too_alike_is_the_campaign_s_word(similarity, state) -> None:
    prompt = make_prompt(make_campaign(near_duplicate_similarity=similarity), "Why do birds sing?")
    add_message(prompt.tree, LONG, parent=prompt)
    (request,) = ask(prompt, make_local())
    assert settle(answer(request.pk, ALIKE)) == state


@pytest.mark.parametrize("gone", ["removed_at", "withdrawn_at"])
def test_a_candidate_that_is_gone_is_nobody_s_double(prompt, generator, gone) -> None:
    sibling = add_message(prompt.tree, LONG, parent=prompt)
    Message.objects.filter(pk=sibling.pk).update(**{gone: NOW})
    (request,) = ask(prompt, generator)
    assert settle(answer(request.pk, ALIKE)) == "done"


def test_candidates_of_other_prompts_are_not_compared(campaign, prompt, generator) -> None:
    other = make_prompt(campaign, "Why do fish swim?")
    add_message(other.tree, LONG, parent=other)
    (request,) = ask(prompt, generator)
    assert settle(answer(request.pk, LONG)) == "done"


def test_a_text_that_is_there_is_one_more_origin_when_no_draw_is_left(prompt, generator) -> None:
    add_message(prompt.tree, LONG, parent=prompt)
    (request,) = ask(prompt, generator)
    assert [settle(answer(request.pk, LONG)) for _ in range(3)] == ["queued", "queued", "done"]
    assert told(request) == ("done", "duplicate_text", 3, 2)
    assert (texts(prompt), MessageOrigin.objects.get().request_id) == ([LONG], request.pk)


@pytest.mark.parametrize(
    "outcome", ["near_duplicate", "declined", "empty", "looping", "not_numbers", "truncated"]
)  # fmt: skip
@pytest.mark.parametrize("redraws", [0, 1, 3])
def test_an_answer_that_is_none_is_drawn_again_as_often_as_the_campaign_says(outcome, redraws) -> None:
    prompt = make_prompt(make_campaign(redraws=redraws), "Why do birds sing?")
    (request,) = ask(prompt, make_local())
    ends = [settle(failure(request.pk, outcome)) for _ in range(redraws + 1)]
    assert ends == ["queued"] * redraws + ["failed"]
    assert told(request) == ("failed", outcome, redraws + 1, redraws + 1)


@pytest.mark.parametrize("outcome", ["out_of_memory", "prompt_too_long", "refused_by_server", "bad_answer"])
def test_what_no_other_draw_can_better_is_final(prompt, generator, outcome) -> None:
    (request,) = ask(prompt, generator)
    assert settle(failure(request.pk, outcome)) == "failed"
    assert (told(request), request.reason) == (("failed", outcome, 1, 0), "It did not work.")


@pytest.mark.parametrize("temperature", [0, 0.0, "0"])
def test_a_model_that_always_takes_the_likeliest_token_is_not_asked_twice(prompt, temperature) -> None:
    (request,) = ask(prompt, make_local(sampling={"temperature": temperature}))
    assert settle(failure(request.pk, "looping")) == "failed"


def test_draws_do_not_use_up_the_tries_of_a_server(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    now = NOW
    ends = []
    for outcome in ("empty", "empty", "timed_out", "timed_out", "timed_out"):
        now += timedelta(hours=2)
        ends.append(settle(failure(request.pk, outcome), now=now))
    assert ends == ["queued", "queued", "queued", "queued", "failed"]


# --- Tried again by an organizer ---------------------------------------------------------------------


def test_what_an_organizer_tries_again_has_all_its_draws_with_seeds_of_their_own(campaign, prompt, generator) -> None:
    organizer = create_user(email="olga@example.org", now=NOW)
    (request,) = ask(prompt, generator)
    seeds = set()

    def draw_thrice() -> list[str]:
        ends = []
        for _ in range(3):
            seeds.update(job.seed for job in load_jobs(request_ids=[request.pk]).jobs)
            ends.append(settle(failure(request.pk, "looping")))
        return ends

    assert draw_thrice() == ["queued", "queued", "failed"]
    assert retry_requests(campaign=campaign, actor=organizer) == 1
    assert draw_thrice() == ["queued", "queued", "failed"]
    assert len(seeds) == 6


def test_what_was_set_aside_is_no_suspect_when_an_organizer_tries_it_again(campaign, prompt, generator) -> None:
    organizer = create_user(email="olga@example.org", now=NOW)
    (request,) = ask(prompt, generator, state="set_aside", losses=2, outcome="worker_lost", finished_at=NOW)
    retry_requests(campaign=campaign, actor=organizer)
    request.refresh_from_db()
    assert (request.state, request.losses, claim(generator).is_alone) == ("queued", 0, False)


def test_seeds_differ_by_everything_that_makes_a_draw_another_one() -> None:
    plain = {"parent_id": 1, "generator_id": 2, "sample_index": 3, "attempts": 4, "draws": 5}
    seeds = [draw_seed(**{**plain, name: 9}) for name in plain] + [draw_seed(**plain)]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert draw_seed(**plain) == draw_seed(**plain)


# --- Generators with a problem -----------------------------------------------------------------------


def test_a_candidate_clears_the_problem_of_its_generator(prompt, generator) -> None:
    first, _ = ask(prompt, generator, count=2)
    note_problem(generator_ids=[generator.pk], problem="The model does not fit.", now=NOW)
    token = claim(generator, limit=1).token
    settle_request(token=token, result=answer(first.pk), now=NOW)
    generator.refresh_from_db()
    assert (generator.problem, generator.problem_at) == ("", None)


def test_a_model_that_cannot_be_loaded_keeps_its_requests_waiting(prompt, generator) -> None:
    (request,) = ask(prompt, generator)
    assert settle(failure(request.pk, "model_unavailable")) == "queued"
    request.refresh_from_db()
    assert request.not_before > NOW


# --- What it costs -----------------------------------------------------------------------------------


def test_storing_takes_the_same_queries_whatever_is_there(prompt, generator, django_assert_num_queries) -> None:
    def store(text: str, *, queries: int) -> None:
        (request,) = ask(prompt, generator)
        token = claim(generator).token
        with django_assert_num_queries(
            queries
        ):  # three of them are ours; the rest store a candidate and open its units
            assert settle_request(token=token, result=answer(request.pk, text), now=NOW) == "done"

    add_message(prompt.tree, OTHER, parent=prompt)
    store("Because of what they had for breakfast, I suppose.", queries=25)  # one more opens the queue
    store(LONG, queries=24)
    for number in range(3):
        add_message(prompt.tree, f"Whatever {number}.", parent=prompt)
    store("Nobody knows, and whoever says so may be right.", queries=24)


def test_holding_and_handing_back_take_one_query_each(prompt, generator, django_assert_num_queries) -> None:
    requests = ask(prompt, make_network(), count=3)
    token = claim(requests[0].generator).token
    with django_assert_num_queries(2):
        hold_requests(token=token, now=NOW)
        hand_back(token=token)
    assert states(requests) == ["queued"] * 3
