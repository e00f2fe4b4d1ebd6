"""Generators over HTTP: administrators' records, whose names organizers may read, and which hold no secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import AuditEvent, Campaign, GenerateWorker, GenerationRequest, Generator, Server, User
from tests.api.conftest import API
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

SMALL = {
    "name": "small",
    "engine": "openai",
    "endpoint": "https://models.example.org/v1",
    "model": "small-1b",
    "sampling": {"temperature": 0.7},
    "api_key_variable": "LAB_API_KEY",
}
LOADING = {
    "dtype": "auto",
    "device_map": "auto",
    "quantization": None,
    "attention": None,
    "trust_remote_code": "",
    "batching": "auto",
    "max_batch": None,
    "context_tokens": None,
}
#: What an administrator reads of the above.
WHOLE = {
    **SMALL,
    "server_kind": "any",
    "revision": "",
    "base_model": "",
    "relation": None,
    "quantization": "",
    "licence": "",
    "output_terms": "unknown",
    "terms_url": "",
    "system_prompt": "",
    "prompt_format": "",
    "timeout_seconds": 120,
    "max_concurrent": 4,
    "requests_per_minute": None,
    "loading": LOADING,
    "enabled": True,
    "problem": "",
    "problem_at": None,
}
LOCAL = {"name": "tiny", "engine": "transformers", "model": "lab/tiny"}
NOW = timezone.now()
URL = f"{API}generators/"


def make(administrator, **values):
    answer = administrator.post(URL, {**SMALL, **values})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_administrator_makes_reads_changes_and_deletes_a_generator(administrator):
    made = make(administrator, reason="For the song book.")
    assert made.pop("created_at").endswith("Z")
    assert made == {"id": Generator.objects.get().pk, **WHOLE}
    one = f"{URL}{made['id']}/"
    assert administrator.get(one).json()["name"] == "small"
    assert administrator.patch(one, {"enabled": False}).json()["enabled"] is False
    assert administrator.delete(one).status_code == 204
    assert error(administrator.get(one)) == (404, "generator_not_found")
    told = AuditEvent.objects.filter(action="generator.changed").order_by("id")
    assert [(event.actor, event.reason) for event in told] == [
        (administrator.owner, "For the song book."),
        (administrator.owner, ""),
        (administrator.owner, ""),
    ]


def test_everything_that_is_said_of_a_generator_is_kept(administrator):
    said = {
        "server_kind": "vllm",
        "revision": "main",
        "base_model": "lab/base",
        "relation": "quantized",
        "quantization": "awq",
        "licence": "llama3.1",
        "output_terms": "no_training",
        "terms_url": "https://lab.example.org/terms",
        "system_prompt": "Be brief.",
        "prompt_format": "alpaca/1",
        "requests_per_minute": 60,
    }
    made = make(administrator, **said)
    assert {name: made[name] for name in said} == said


def test_what_was_read_can_be_sent_back(administrator):
    made = make(administrator, **LOCAL, endpoint="", api_key_variable="", loading={"trust_remote_code": "lab/tiny"})
    assert made["loading"] == {**LOADING, "trust_remote_code": "lab/tiny"}
    own = {name: value for name, value in made.items() if name not in {"id", "created_at", "problem", "problem_at"}}
    assert administrator.patch(f"{URL}{made['id']}/", own).json() == made
    assert AuditEvent.objects.filter(action="generator.changed").count() == 1


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"loading": {"dtype": "float8"}}, "loading.dtype"),
        ({"loading": {"trust_remote_code": True}}, "loading.trust_remote_code"),
        ({"loading": {"trust_remote_code": "lab/other"}}, "loading.trust_remote_code"),
        ({"loading": {"colour": "red"}}, "loading.colour"),
        ({"server_kind": "vllm"}, "server_kind"),
        ({"requests_per_minute": 9}, "requests_per_minute"),
    ],
)
def test_what_cannot_be_a_model_in_a_worker_is_refused(administrator, values, place):
    answer = administrator.post(URL, {**LOCAL, **values})
    assert (error(answer), list(answer.json()["error"]["details"])) == ((422, "generator_invalid"), [place])


def test_what_its_texts_come_from_is_fixed_once_it_was_asked(administrator):
    made = make(administrator)
    prompt = make_prompt(make_campaign())
    GenerationRequest.objects.create(parent=prompt, generator_id=made["id"], sample_index=0, state="queued")
    one = f"{URL}{made['id']}/"
    answer = administrator.patch(one, {"model": "other", "prompt_format": "alpaca/1", "licence": "MIT"})
    assert error(answer) == (409, "generator_in_use")
    assert answer.json()["error"]["details"] == {"fixed": ["model", "prompt_format"]}
    assert administrator.patch(one, {"licence": "MIT"}).json()["licence"] == "MIT"
    assert error(administrator.delete(one)) == (409, "generator_in_use")


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"endpoint": "gopher://models.example.org"}, "endpoint"),
        ({"api_key": "sk-123"}, "api_key"),
        ({"api_key_variable": "sk-123"}, "api_key_variable"),
        ({"engine": "label"}, "engine"),
    ],
)
def test_what_cannot_be_a_generator_is_refused(administrator, values, place):
    answer = administrator.post(URL, {**SMALL, **values})
    assert (error(answer), list(answer.json()["error"]["details"])) == ((422, "generator_invalid"), [place])


def test_a_key_in_the_environment_is_never_answered(administrator, monkeypatch):
    monkeypatch.setenv("LAB_API_KEY", "canary-secret")
    made = make(administrator)
    for answer in (administrator.get(URL), administrator.get(f"{URL}{made['id']}/")):
        assert "canary-secret" not in answer.content.decode()


def test_nobody_but_administrators_touches_a_generator(administrator, client_of_ada):
    one = f"{URL}{make(administrator)['id']}/"
    make_campaign().memberships.create(user=client_of_ada.owner, role="organizer")
    for answer in (
        client_of_ada.post(URL, {**SMALL, "name": "mine"}),
        client_of_ada.get(one),
        client_of_ada.patch(one, {"endpoint": "http://169.254.169.254/"}),
        client_of_ada.delete(one),
    ):
        assert error(answer) == (403, "scope_missing")
    assert Generator.objects.get().endpoint == SMALL["endpoint"]


def test_a_token_of_a_former_administrator_touches_nothing(administrator):
    one = f"{URL}{make(administrator)['id']}/"
    User.objects.update(is_superuser=False)
    for answer in (
        administrator.post(URL, {**SMALL, "name": "mine"}),
        administrator.get(one),
        administrator.patch(one, {"enabled": False}),
        administrator.delete(one),
    ):
        assert error(answer) == (403, "administrators_only")


def test_organizers_read_names_and_no_endpoints(administrator, client_of_ada):
    made = make(administrator)
    assert error(client_of_ada.get(URL)) == (403, "role_missing")
    make_campaign().memberships.create(user=client_of_ada.owner, role="organizer")
    assert client_of_ada.get(URL).json() == {
        "results": [
            {
                "id": made["id"],
                "name": "small",
                "engine": "openai",
                "model": "small-1b",
                "revision": "",
                "base_model": "",
                "relation": None,
                "quantization": "",
                "licence": "",
                "output_terms": "unknown",
                "terms_url": "",
                "enabled": True,
            }
        ],
        "next": None,
    }


def test_labels_of_origin_are_not_among_them(administrator):
    label = Generator.objects.create(campaign=make_campaign(), name="small", engine="label")
    made = make(administrator)
    assert [row["id"] for row in administrator.get(URL).json()["results"]] == [made["id"]]
    assert error(administrator.patch(f"{URL}{label.pk}/", {"engine": "openai"})) == (404, "generator_not_found")


def test_a_campaign_names_a_generator_and_its_endpoint_stays_the_administrators(administrator, client_of_ada):
    make(administrator)
    body = {"slug": "birds", "title": "Birds", "preset": "rank", "languages": ["en"]}
    made = client_of_ada.post(f"{API}campaigns/", {**body, "generators": [{"name": "small", "samples": 2}]})
    assert (made.status_code, made.json()["generators"]) == (201, [{"name": "small", "samples": 2}])
    assert "models.example.org" not in made.content.decode()
    assert error(
        client_of_ada.patch(f"{API}campaigns/birds/", {"generators": [{"name": "x", "endpoint": "http://10.0.0.1"}]})
    ) == (422, "campaign_invalid")
    assert Campaign.objects.get().campaign_generators.get().samples == 2


def test_a_number_beyond_all_ids_is_not_found(administrator):
    assert error(administrator.get(f"{URL}{10**30}/")) == (404, "generator_not_found")


@pytest.mark.parametrize("rows", [1, 3])
def test_a_list_of_generators_is_two_queries_whatever_its_length(administrator, django_assert_num_queries, rows):
    for number in range(rows):
        make(administrator, name=f"small-{number}")
    with django_assert_num_queries(2):  # who asks; the generators
        assert len(administrator.get(URL).json()["results"]) == rows


def test_administrators_read_how_a_generator_does(administrator):
    # Not when this file was read: that may be an hour before.
    made, now = make(administrator), timezone.now()
    campaign = make_campaign()
    ended = [
        {"state": "done", "outcome": "stored", "finished_at": now, "compute_seconds": 2.0, "completion_tokens": 30, "draws": 1},
        {"state": "done", "outcome": "stored", "finished_at": now - timedelta(hours=3), "compute_seconds": 4.0, "completion_tokens": 90},
        {"state": "failed", "outcome": "unreachable", "finished_at": now},
        {"state": "failed", "outcome": "empty", "finished_at": now - timedelta(days=3)},
        {"state": "set_aside", "finished_at": now - timedelta(days=3)},
        {"state": "queued", "outcome": "rate_limited", "not_before": now},
        {"state": "queued"},
    ]  # fmt: skip
    for number, given in enumerate(ended):
        prompt = make_prompt(campaign, f"{number}?", replies=0)
        GenerationRequest.objects.create(parent=prompt, generator_id=made["id"], sample_index=0, **given)
    assert administrator.get(f"{URL}{made['id']}/figures/").json() == {
        "hour": 1,
        "day": 2,
        "failed": 1,
        "redrawn": 1,
        "is_whole": True,
        "seconds_per_candidate": 3.0,
        "tokens_per_second": 20.0,
        "failures": {"unreachable": 1, "empty": 1, "unknown": 1},
        "waits": {"rate_limited": 1},
    }


def test_what_a_generator_has_not_done_is_not_known(administrator):
    told = administrator.get(f"{URL}{make(administrator)['id']}/figures/").json()
    assert (told["seconds_per_candidate"], told["tokens_per_second"], told["failures"]) == (None, None, {})


def test_administrators_read_which_workers_and_servers_answer(administrator):
    gone = {"state": "working", "seen_at": NOW - timedelta(minutes=2), "started_at": NOW - timedelta(hours=1)}
    GenerateWorker.objects.create(name="a", **gone)
    here = {"model": "lab/tiny", "device": "cuda:0", "state": "working", "running_requests": 8, "waiting_requests": 40}
    more = {"tokens_per_second": 812.5, "memory_used": 2**30, "memory_total": 2**34, "problem": ""}
    GenerateWorker.objects.create(name="b", **here, **more)
    Server.objects.create(host="https://a.example", failures=3, open_until=NOW, last_error="The server failed (500).")
    told = administrator.get(f"{URL}serving/").json()
    assert [(row["name"], row["is_alive"]) for row in told["workers"]] == [("b", True), ("a", False)]
    assert {name: told["workers"][0][name] for name in {**here, **more}} == {**here, **more}
    (server,) = told["servers"]
    assert (server["host"], server["failures"], server["last_error"]) == (
        "https://a.example",
        3,
        "The server failed (500).",
    )


def test_how_generators_do_is_told_to_administrators_alone(administrator, client_of_ada):
    make_campaign().memberships.create(user=client_of_ada.owner, role="organizer")
    one = f"{URL}{make(administrator)['id']}/"
    assert [error(client_of_ada.get(path)) for path in (f"{one}figures/", f"{URL}serving/")] == [
        (403, "scope_missing")
    ] * 2
    User.objects.update(is_superuser=False)
    assert error(administrator.get(f"{one}figures/")) == (403, "administrators_only")
    assert error(administrator.get(f"{URL}serving/")) == (403, "administrators_only")


def test_figures_of_a_generator_that_is_none_are_not_found(administrator):
    assert error(administrator.get(f"{URL}99/figures/")) == (404, "generator_not_found")
