"""Trials of generators over HTTP: administrators ask one prompt, and read what came of it."""

from __future__ import annotations

import pytest

from annotate.models import Generator, GeneratorTrial, User
from tests.api.conftest import API
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab():
    return Generator.objects.create(name="Lab", engine="openai", endpoint="http://127.0.0.1:9/v1", model="m")


@pytest.fixture
def url(lab):
    return f"{API}generators/{lab.pk}/trials/"


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def make_trial(lab, **given):
    return GeneratorTrial.objects.create(**{"generator": lab, "prompt": "Why?", "state": "queued", **given})


def test_an_administrator_starts_a_trial_and_reads_it(administrator, url):
    started = administrator.post(url, {"prompt": "Why do birds sing?"})
    trial = GeneratorTrial.objects.get()
    assert (started.status_code, trial.created_by) == (202, administrator.owner)
    told = started.json()
    assert told.pop("created_at").endswith("Z")
    assert told == {
        "id": trial.pk,
        "prompt": "Why do birds sing?",
        "state": "queued",
        "outcome": None,
        "text": "",
        "reason": "",
        "provenance": {},
        "seconds": None,
        "completion_tokens": None,
        "finished_at": None,
    }
    ended = {"state": "done", "outcome": "stored", "text": "To be heard.", "seconds": 1.5, "completion_tokens": 4}
    GeneratorTrial.objects.update(**ended, provenance={"effective_sampling": {"temperature": 0.7}})
    answer = administrator.get(f"{url}{trial.pk}/").json()
    assert {name: answer[name] for name in ended} == ended
    assert answer["provenance"] == {"effective_sampling": {"temperature": 0.7}}


def test_trials_are_listed_newest_first(administrator, url, lab):
    first, second = make_trial(lab), make_trial(lab, state="failed", outcome="empty", reason="It said nothing.")
    page = administrator.get(url, {"limit": 1}).json()
    assert [(row["id"], row["reason"]) for row in page["results"]] == [(second.pk, "It said nothing.")]
    rest = administrator.get(url, {"cursor": page["next"]}).json()
    assert ([row["id"] for row in rest["results"]], rest["next"]) == ([first.pk], None)


@pytest.mark.parametrize("body", [{}, {"prompt": ""}, {"prompt": 7}, {"prompt": "x" * 20_001}, {"text": "Why?"}])
def test_what_is_no_prompt_is_refused(administrator, url, body):
    assert (error(administrator.post(url, body)), GeneratorTrial.objects.count()) == ((422, "invalid_input"), 0)


def test_a_prompt_that_nobody_sees_is_refused(administrator, url):
    assert error(administrator.post(url, {"prompt": "\u200b"})) == (422, "trial_invalid")


def test_a_generator_that_is_switched_off_is_not_tried(administrator, url):
    Generator.objects.update(enabled=False)
    assert error(administrator.post(url, {"prompt": "Why?"})) == (409, "generator_disabled")


def test_only_so_many_trials_wait(administrator, url, lab):
    for _ in range(3):
        make_trial(lab)
    assert error(administrator.post(url, {"prompt": "Why?"})) == (409, "too_many_trials")


def test_trials_of_what_is_no_generator_are_not_found(administrator, lab):
    label = Generator.objects.create(campaign=make_campaign(), name="label", engine="label")
    path = f"{API}generators/{label.pk}/trials/"
    assert error(administrator.get(path)) == (404, "generator_not_found")
    assert error(administrator.post(path, {"prompt": "Why?"})) == (404, "generator_not_found")


def test_a_trial_of_another_generator_is_not_found(administrator, url):
    other = Generator.objects.create(name="Pond", engine="openai", endpoint="http://127.0.0.1:9/v1", model="m")
    assert error(administrator.get(f"{url}{make_trial(other).pk}/")) == (404, "trial_not_found")


def test_trials_are_administrators_alone(administrator, client_of_ada, url, lab):
    make_campaign().memberships.create(user=client_of_ada.owner, role="organizer")
    one = f"{url}{make_trial(lab).pk}/"
    for client, code in ((client_of_ada, "scope_missing"), (administrator, "administrators_only")):
        User.objects.update(is_superuser=False)
        answers = [client.get(url), client.post(url, {"prompt": "Why?"}), client.get(one)]
        assert [error(answer) for answer in answers] == [(403, code)] * 3
    assert GeneratorTrial.objects.count() == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_of_trials_costs_the_same_whatever_its_length(administrator, url, lab, rows, django_assert_num_queries):
    for _ in range(rows):
        make_trial(lab)
    administrator.get(url)  # when a token was last used is noted once
    with django_assert_num_queries(3):  # who asks; the generator; its trials
        assert len(administrator.get(url).json()["results"]) == rows
