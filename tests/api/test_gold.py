"""Gold items over HTTP, and how an answer to one comes back."""

from __future__ import annotations

import pytest

from annotate.models import AuditEvent, Campaign, GoldItem, Message
from tests.api.conftest import API
from tests.api.test_campaigns import error, make
from tests.gold import TIERS, stand_beside
from tests.loop import make_annotator, make_prompt
from tests.services.test_gold import judge_all, settle

pytestmark = pytest.mark.django_db

HERE = f"{API}campaigns/birds/gold/"
WRITTEN = {
    "kind": "rank",
    "language": "en",
    "prompt": "Why?",
    "tiers": TIERS,
    "acceptable_tiers": 2,
    "explanation": "So.",
}


@pytest.fixture
def ada(client_of_ada):
    make(client_of_ada, preset="rank", languages=["en", "de"])
    Campaign.objects.update(state="open")
    return client_of_ada


@pytest.fixture
def campaign(ada):
    return Campaign.objects.get()


def set_parameters(**changes):
    campaign = Campaign.objects.get()
    Campaign.objects.update(parameters={**campaign.parameters, **changes})


def test_an_item_is_written_read_and_retired(ada):
    made = ada.post(HERE, WRITTEN)
    item = GoldItem.objects.get()
    ids = {message.text: message.pk for message in Message.objects.filter(parent__isnull=False)}
    told = dict(made.json())
    assert made.status_code == 201
    assert told.pop("created_at").endswith("Z")
    assert told == {
        "id": item.pk,
        "kind": "rank",
        "language": "en",
        "origin": "written",
        "answer": {"tiers": [[ids[text] for text in tier] for tier in TIERS], "acceptable_tiers": 2},
        "explanation": "So.",
        "retired_at": None,
        "message": item.unit.subject_id,
        "tree": item.unit.subject.tree_id,
        "role": "prompter",
        "text": "Why?",
        "answers": 0,
        "good": 0,
        "score": None,
        "good_score": None,
        "is_offered": True,
        "is_doubtful": False,
    }
    assert ada.get(f"{HERE}{item.pk}/").json() == made.json()
    assert ada.get(HERE).json() == {"results": [made.json()]}
    retired = ada.post(f"{HERE}{item.pk}/retire/", {"reason": "Doubtful."})
    assert (retired.status_code, retired.json()["is_offered"]) == (200, False)
    assert retired.json()["retired_at"] is not None
    assert AuditEvent.objects.get(action="gold.retired").reason == "Doubtful."


def test_one_that_is_there_is_chosen_or_promoted(ada, campaign):
    prompt = make_prompt(campaign, "Chosen?")
    replies = list(prompt.replies.order_by("pk").values_list("pk", flat=True))
    chosen = ada.post(HERE, {"kind": "rank", "message": prompt.pk, "tiers": [replies[:1], replies[1:]]})
    assert (chosen.status_code, chosen.json()["answer"]["acceptable_tiers"]) == (201, None)
    set_parameters(redundancy=6)
    campaign.refresh_from_db()
    certain = judge_all(campaign, [make_annotator(f"p{n}") for n in range(6)], text="Certain?")
    settle(certain, confidence=0.95)
    (listed,) = ada.get(f"{HERE}certain/").json()["results"]
    assert (listed["message"], listed["ballots"], listed["confidence"]) == (certain.pk, 6, 0.95)
    promoted = ada.post(HERE, {"message": certain.pk, "promote": True})
    assert (promoted.status_code, promoted.json()["origin"]) == (201, "promoted")
    assert ada.get(f"{HERE}certain/").json() == {"results": []}


def test_refusals_have_their_codes(ada, campaign):
    assert error(ada.post(HERE, WRITTEN | {"colour": "red"})) == (422, "invalid_input")
    assert error(ada.post(HERE, WRITTEN | {"tiers": [["one"]]})) == (422, "invalid_input")
    assert error(ada.post(HERE, ["gold"])) == (422, "invalid_input")
    assert error(ada.post(HERE, {"promote": True, "message": "x"})) == (404, "message_not_found")
    assert error(ada.post(HERE, {"kind": "rank", "message": 999, "tiers": []})) == (404, "message_not_found")
    assert error(ada.get(f"{HERE}999/")) == (404, "gold_not_found")
    assert error(ada.post(f"{HERE}{2**64}/retire/", {})) == (404, "gold_not_found")
    prompt = make_prompt(campaign)
    assert error(ada.post(HERE, {"promote": True, "message": prompt.pk})) == (409, "not_certain")
    set_parameters(grow_trees=True)
    assert error(ada.post(HERE, WRITTEN)) == (409, "trees_grow")
    campaign.kinds = ["rank", "label"]
    campaign.save(update_fields=["kinds"])
    labels = {"kind": "label", "message": prompt.pk, "labels": {"spam": True}}
    assert error(ada.post(HERE, labels)) == (409, "labels_decide")


def test_gold_is_for_organizers_alone(ada, make_client, campaign):
    made = ada.post(HERE, WRITTEN).json()["id"]
    eve = make_client("eve")
    campaign.memberships.create(user=eve.owner, role="moderator")
    for method, address in (
        ("get", HERE),
        ("post", HERE),
        ("get", f"{HERE}certain/"),
        ("get", f"{HERE}{made}/"),
        ("post", f"{HERE}{made}/retire/"),
    ):
        assert getattr(eve, method)(address, {}).status_code == 403
    assert error(make_client("ada", scopes=("annotate",)).get(HERE)) == (403, "scope_missing")


def test_what_is_explained_comes_with_the_answer(ada, make_client, campaign):
    set_parameters(gold_share=1.0, explain_gold=True)
    ada.post(HERE, WRITTEN)
    stand_beside(campaign)
    bob = make_client("bob")
    held = bob.post(f"{API}campaigns/birds/next/", {}).json()["assignment"]
    place = {text: number for number, tier in enumerate(TIERS) for text in tier}
    shown = sorted(held["subject"]["candidates"], key=lambda one: place[one["text"]])
    body = {"tiers": [[one["id"]] for one in shown], "acceptable_tiers": 2}
    answer = bob.post(f"{API}assignments/{held['id']}/submit/", body).json()
    assert list(answer) == ["judgment", "next", "told"]
    assert answer["told"]["explanation"] == "So."
    assert answer["told"]["score"] == 1.0
    assert [len(tier) for tier in answer["told"]["tiers"]] == [1, 1, 2]
    (item,) = ada.get(HERE).json()["results"]
    assert (item["answers"], item["score"]) == (1, 1.0)


def test_what_measures_comes_in_the_shape_of_every_other_answer(ada, make_client, campaign):
    set_parameters(gold_share=1.0)
    ada.post(HERE, WRITTEN)
    make_prompt(campaign)
    bob = make_client("bob")
    gold = bob.post(f"{API}campaigns/birds/next/", {}).json()["assignment"]
    handles = [one["id"] for one in gold["subject"]["candidates"]]
    first = bob.post(f"{API}assignments/{gold['id']}/submit/", {"tiers": [[one] for one in handles]}).json()
    plain = first["next"]["assignment"]
    assert str(GoldItem.objects.get().unit.public_id) == gold["unit"] != plain["unit"]
    second = bob.post(f"{API}assignments/{plain['id']}/submit/", {"tiers": [[one] for one in handles]}).json()
    assert (list(first), list(first["judgment"])) == (list(second), list(second["judgment"]))
    assert first["judgment"]["counted"] == second["judgment"]["counted"] is True
    assert list(gold) == list(plain)
    assert [list(one) for one in gold["subject"]["candidates"]] == [list(one) for one in plain["subject"]["candidates"]]
