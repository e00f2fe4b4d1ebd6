"""Generators over HTTP: administrators' records, whose names organizers may read, and which hold no secret."""

from __future__ import annotations

import pytest

from annotate.models import AuditEvent, Campaign, Generator, User
from tests.api.conftest import API
from tests.loop import make_campaign

pytestmark = pytest.mark.django_db

SMALL = {
    "name": "small",
    "engine": "openai",
    "endpoint": "https://models.example.org/v1",
    "model": "small-1b",
    "sampling": {"temperature": 0.7},
    "api_key_variable": "LAB_API_KEY",
}
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
    assert made == {
        "id": Generator.objects.get().pk,
        **SMALL,
        "revision": "",
        "system_prompt": "",
        "timeout_seconds": 120,
        "max_concurrent": 4,
        "enabled": True,
    }
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
