"""Agreement in its parts, what agrees least, and one consensus with its ballots: over the API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from annotate.models import Campaign, Membership, Message, User
from tasks.jobs.quality import recompute_stale_job
from tests import opinions
from tests.api.conftest import API
from tests.api.helpers import details, refusal
from tests.opinions import add_candidates, add_labels, label, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db

MAY, JUNE = (datetime(2026, month, 4, 12, tzinfo=UTC) for month in (5, 6))
CANARY = "CanaryModel-7"


@pytest.fixture
def campaign():
    return make_campaign(kinds=("rank", "label"))


@pytest.fixture
def organizer(campaign, make_client):
    client = make_client("olga", scopes=("organize",))
    Membership.objects.create(campaign=campaign, user=client.owner, role="organizer")
    return client


@pytest.fixture
def people():
    people = make_annotators(3)
    people[0].user = User.objects.create(email="ada2@example.org", display_name="Ada")
    people[0].save()
    return people


@pytest.fixture
def judged(campaign, people, monkeypatch) -> list[Message]:
    """Three prompts of each of two topics, judged in two months: two people agree, the third orders the other way."""
    prompts = []
    for month, topic in ((MAY, "health"), (JUNE, "law")):
        monkeypatch.setattr(opinions, "NOW", month)
        for number in range(3):
            prompt = make_prompt(campaign, f"{topic} {number}", topic=topic)
            good, fair, bad = add_candidates(prompt, "alpha One.", "beta Two.", f"{CANARY} Three.")
            for person in people[:2]:
                rank(person, prompt, [good], [fair], [bad], acceptable_tiers=2)
            rank(people[2], prompt, [bad], [fair], [good], acceptable_tiers=1)
            prompts.append(prompt)
    recompute_stale_job()
    return prompts


def look(client, what: str, **query):
    response = client.get(f"{API}campaigns/birds/{what}/", query)
    assert response.status_code == 200, response.json()
    return response.json()


def test_agreement_by_topic_and_by_month(organizer, judged) -> None:
    rows = look(organizer, "agreement", by="stratum")["results"]
    taus = [row for row in rows if row["coefficient"] == "kendall_tau"]
    assert [(row["language"], row["topic"], row["month"], row["n_units"]) for row in taus] == [
        ("en", "health", None, 3),
        ("en", "law", None, 3),
    ]
    assert [row["value"] for row in taus] == [pytest.approx(-1 / 3, abs=1e-6)] * 2
    rows = look(organizer, "agreement", by="month")["results"]
    assert sorted({(row["language"], row["month"]) for row in rows}) == [(None, "2026-05-01"), (None, "2026-06-01")]
    rows = look(organizer, "agreement")["results"]
    assert {(row["language"], row["topic"], row["month"]) for row in rows} == {(None, None, None), ("en", None, None)}


def test_agreement_of_one_kind_and_language(organizer, judged) -> None:
    assert {row["language"] for row in look(organizer, "agreement", kind="rank", language="en")["results"]} == {"en"}
    assert look(organizer, "agreement", kind="label")["results"] == []


def test_what_is_asked_for_must_exist(organizer, campaign) -> None:
    answer = organizer.get(f"{API}campaigns/birds/agreement/", {"by": "weekday"})
    assert (refusal(answer)[0], sorted(details(answer))) == (422, ["by"])
    answer = organizer.get(f"{API}campaigns/birds/agreement/", {"mood": "good"})
    assert (refusal(answer)[0], sorted(details(answer))) == (422, ["mood"])


@pytest.mark.parametrize("by", ["language", "stratum", "month"])
def test_whoever_judges_sees_no_agreement_of_few_units_in_any_part(client_of_ada, judged, by) -> None:
    rows = look(client_of_ada, "agreement", by=by)["results"]
    assert {(row["value"], row["low"], row["high"]) for row in rows} == {(None, None, None)}


def test_least_agreement_names_pairs_and_prompts(organizer, judged, people) -> None:
    least = look(organizer, "agreement/least")
    ada, bert, other = (person.pk for person in people)
    assert [(pair["one"]["annotator"], pair["other"]["annotator"], pair["value"], pair["n"]) for pair in least["ranking_pairs"]] == [
        (ada, other, -1.0, 6),
        (bert, other, -1.0, 6),
        (ada, bert, 1.0, 6),
    ]  # fmt: skip
    assert least["ranking_pairs"][0]["one"] == {"annotator": ada, "display_name": "Ada", "is_guest": False}
    assert [(row["parent"], row["n"], row["has_consensus"]) for row in least["parents"]] == [
        (prompt.pk, 3, True) for prompt in judged
    ]
    assert (least["label_pairs"], least["subjects"], least["is_current"]) == ([], [], True)


def test_least_agreement_of_labels(organizer, campaign, people) -> None:
    add_labels(campaign, "quality")
    prompts = [make_prompt(campaign, f"Question {number}") for number in range(3)]
    for number, prompt in enumerate(prompts):
        add_candidates(prompt, "alpha One.", "beta Two.")
        for place, person in enumerate(people):
            label(person, prompt, quality=float(number == 0 and place == 2))
    recompute_stale_job()
    least = look(organizer, "agreement/least")
    assert [(row["subject"], row["dimension"], row["n"]) for row in least["subjects"]] == [
        (prompt.pk, "quality", 3) for prompt in prompts
    ]
    assert [row["value"] for row in least["subjects"]] == [pytest.approx(1 / 3, abs=1e-6), 1.0, 1.0]
    assert [(pair["n"], pair["value"]) for pair in least["label_pairs"]] == [
        (3, pytest.approx(2 / 3, abs=1e-6)), (3, pytest.approx(2 / 3, abs=1e-6)), (3, 1.0),
    ]  # fmt: skip


def test_before_anything_was_computed_nothing_agrees_least(organizer, campaign) -> None:
    assert look(organizer, "agreement/least") == {
        "computed_at": None, "is_current": True, "ranking_pairs": [], "label_pairs": [], "parents": [], "subjects": [],
    }  # fmt: skip


@pytest.mark.parametrize("state", ["open", "closed"])
def test_what_agrees_least_is_never_for_those_who_judge(campaign, judged, client_of_ada, state) -> None:
    Campaign.objects.update(state=state)
    answer = client_of_ada.get(f"{API}campaigns/birds/agreement/least/")
    assert refusal(answer) == (403, "role_missing")


def test_one_consensus_has_its_pairs_and_ballots(organizer, judged, people) -> None:
    prompt = judged[0]
    answer = look(organizer, f"consensus/{prompt.pk}")
    replies = list(Message.objects.filter(parent=prompt).order_by("pk").values_list("pk", flat=True))
    assert (answer["parent"], answer["candidates"]) == (prompt.pk, replies)
    assert [row[place] for place, row in enumerate(answer["p_above"])] == [0.5] * 3
    assert answer["margins"][0] == [0.0, pytest.approx(1 / 3, abs=1e-6), pytest.approx(1 / 3, abs=1e-6)]
    assert answer["ranked_pairs"] == [[each] for each in replies]
    assert [each["borda"] for tier in answer["tiers"] for each in tier] == [pytest.approx(2 / 3, abs=1e-6), 0.5, pytest.approx(1 / 3, abs=1e-6)]  # fmt: skip
    assert [(each["annotator"], each["display_name"]) for each in answer["ballots"]] == [
        (people[0].pk, "Ada"),
        (people[1].pk, None),
        (people[2].pk, None),
    ]
    assert answer["ballots"][2]["tiers"] == [
        {"candidates": [replies[2]], "tier": 1, "acceptable": True},
        {"candidates": [replies[1]], "tier": 2, "acceptable": False},
        {"candidates": [replies[0]], "tier": 3, "acceptable": False},
    ]
    assert answer["ballots"][0]["created_at"] == "2026-05-04T12:00:00Z"
    assert CANARY in str(answer)
    assert CANARY + " Three." not in str(look(organizer, f"consensus/{prompt.pk}", texts="false"))


def test_one_consensus_is_blind_while_the_campaign_runs_and_names_nobody_after(campaign, judged, client_of_ada) -> None:
    path = f"{API}campaigns/birds/consensus/{judged[0].pk}/"
    answer = client_of_ada.get(path)
    assert (refusal(answer), CANARY in str(answer.json())) == ((403, "role_missing"), False)
    Campaign.objects.update(state="closed")
    answer = client_of_ada.get(path)
    assert (answer.status_code, answer.json()["ballots"], CANARY in str(answer.json())) == (200, None, True)


@pytest.mark.parametrize("number", [0, 10**12, 10**30])
def test_a_message_without_a_consensus_is_not_found(organizer, judged, number) -> None:
    assert refusal(organizer.get(f"{API}campaigns/birds/consensus/{number}/")) == (404, "consensus_not_found")


@pytest.mark.parametrize("what", ["agreement/least", "consensus/1"])
def test_nobody_sees_these_without_signing_in(campaign, client, what) -> None:
    assert client.get(f"{API}campaigns/birds/{what}/").status_code == 401


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow(organizer, campaign, people, count, django_assert_num_queries) -> None:
    for number in range(count):
        prompt = make_prompt(campaign, f"Question {number}")
        replies = add_candidates(prompt, "alpha One.", "beta Two.")
        for person in people:
            rank(person, prompt, *[[each] for each in replies])
    recompute_stale_job()
    look(organizer, "agreement")
    with django_assert_num_queries(8):
        look(organizer, f"consensus/{prompt.pk}")
    with django_assert_num_queries(6 if count == 3 else 5):
        look(organizer, "agreement/least")
    with django_assert_num_queries(4):
        look(organizer, "agreement")
