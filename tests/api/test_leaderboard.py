"""The leaderboard by API: what it says of all ballots and of a language or topic, and to whom."""

from __future__ import annotations

import pytest

from annotate.models import Campaign, Leaderboard, Membership
from tasks.jobs.quality import recompute_stale_job
from tests.api.conftest import API
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db

CANARY = "CanaryModel-7"


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


@pytest.fixture
def judged(campaign) -> None:
    """Thirty-one people compared two generators in English, three in German; the longer text won."""
    people = make_annotators(31)
    for text, language, topic, count in (("Question 1", "en", "weather", 31), ("Question 2", "de", "", 3)):
        prompt = make_prompt(campaign, text, language=language, topic=topic)
        short, long = add_candidates(prompt, "alpha One.", f"{CANARY} Two, and a good deal more.")
        for annotator in people[:count]:
            rank(annotator, prompt, [long], [short], acceptable_tiers=1)
    recompute_stale_job()


def look(client, **query) -> tuple[int, dict]:
    response = client.get(f"{API}campaigns/birds/leaderboard/", query)
    return response.status_code, response.json()


def test_the_whole_board_has_rank_intervals_controls_and_slices(organizer, judged) -> None:
    status, answer = look(organizer)
    assert (status, answer["slice"], answer["components"], answer["n_ballots"]) == (200, None, 1, 34)
    ranks = [(entry["generator"], entry["rank"], entry["worst_rank"]) for entry in answer["entries"]]
    assert ranks == [(CANARY, 1, 1), ("alpha", 2, 2)]
    effects = {one["control"]: one["n_differing"] for one in answer["controlled"]["effects"]}
    assert effects == {"place": 34, "length": 34, "headings": 0, "lists": 0, "bold": 0, "code": 0}
    assert [one["generator"] for one in answer["controlled"]["standings"]] == [CANARY, "alpha"]
    names = {kind: [(one["name"], one["n_ballots"]) for one in found] for kind, found in answer["slices"].items()}
    assert names == {"language": [("en", 31), ("de", 3)], "topic": [("weather", 31)]}
    assert "standings" not in answer["slices"]["language"][0]


def test_a_slice_has_its_own_figures_and_nothing_of_the_whole(organizer, judged) -> None:
    status, answer = look(organizer, language="en")
    assert (status, answer["slice"], answer["n_ballots"]) == (200, {"kind": "language", "name": "en"}, 31)
    assert [entry["generator"] for entry in answer["entries"]] == [CANARY, "alpha"]
    assert (answer["controlled"], answer["p_above"], answer["nu"]) == (None, [], None)
    few = look(organizer, language="de")[1]
    assert (few["entries"], few["reason"]) == ([], "not enough data: fewer than 30 ballots")


def test_before_anything_was_computed_it_says_so(organizer, campaign) -> None:
    status, answer = look(organizer)
    assert (status, answer["entries"], answer["controlled"]) == (200, [], None)
    assert (answer["reason"], answer["slices"]) == ("nothing was computed yet", {"language": [], "topic": []})


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"language": "fr"}, 404, "slice_not_found"),
        ({"topic": "health"}, 404, "slice_not_found"),
        ({"language": "en", "topic": "weather"}, 422, "one_slice_at_a_time"),
        ({"language": ""}, 422, "invalid_input"),
        ({"country": "fr"}, 422, "invalid_input"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(organizer, judged, query, status, code) -> None:
    found, answer = look(organizer, **query)
    assert (found, answer["error"]["code"]) == (status, code)


def test_whoever_judges_sees_it_only_where_the_campaign_allows_or_when_it_is_closed(
    client_of_ada, campaign, judged
) -> None:
    assert Leaderboard.objects.get().result["standings"][0]["generator"] == CANARY
    for query in ({}, {"language": "en"}):
        status, answer = look(client_of_ada, **query)
        assert (status, CANARY in str(answer)) == (403, False)
    Campaign.objects.update(parameters={"redundancy": 3, "show_leaderboard": True})
    status, answer = look(client_of_ada)
    assert (status, answer["entries"][0]["generator"]) == (200, CANARY)
    assert client_of_ada.get(f"{API}campaigns/birds/consensus/").status_code == 403
    Campaign.objects.update(parameters={"redundancy": 3, "show_leaderboard": False})
    assert look(client_of_ada)[0] == 403
    Campaign.objects.update(state="closed")
    assert look(client_of_ada)[0] == 200


def test_of_a_draft_that_shows_its_leaderboard_nobody_else_sees_it(client_of_ada, campaign, judged) -> None:
    Campaign.objects.update(state="draft", parameters={"redundancy": 3, "show_leaderboard": True})
    assert look(client_of_ada)[0] == 404


def test_ten_thousand_generators_are_told_in_one_answer(organizer, judged) -> None:
    board = Leaderboard.objects.get()
    (first, *_) = board.result["standings"]
    board.result["standings"] = [{**first, "generator": f"model {number}"} for number in range(10_000)]
    board.save()
    status, answer = look(organizer)
    assert (status, len(answer["entries"])) == (200, 10_000)
