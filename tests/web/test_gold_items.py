"""The page of gold items: written, chosen, promoted and retired by organizers, and what is told of each."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import Campaign, GoldItem, GoldResult, Unit
from annotate.services.gold import retire_gold
from annotate.services.holds import release_holds
from tests.gold import HEADS, TAILS, TIERS, choose_item, stand_beside, write_item
from tests.loop import ask, make_annotator, make_campaign, make_prompt, submit
from tests.services.test_gold import judge_all, settle
from tests.services.test_gold_serving import answer_in_order
from tests.web.organizing import WHO, come_as, read_form

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/gold/"


@pytest.fixture
def campaign():
    return make_campaign(guests=True, gold_share=0.5)


@pytest.fixture
def ines(campaign):
    return come_as("organizer", campaign)


def answer_all(campaign, people, *, items, right=True):
    """Everybody answers all the items, right or the other way round."""
    stand_beside(campaign)
    for person in people:
        for _item in range(items):
            held = ask(person, campaign, seed=HEADS)["assignment"]
            submit(person, held["id"], answer_in_order(held, TIERS if right else TIERS[::-1]), seed=TAILS)
            release_holds(annotator_id=person.pk, now=timezone.now())


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("address", ["", "new/"])
def test_gold_is_for_organizers_alone(campaign, who, address):
    answer = come_as(who, campaign).get(HERE + address)
    allowed = who in ("organizer", "administrator")
    assert (answer.status_code == 200) is allowed
    assert allowed or answer.status_code in (302, 403)


def test_an_item_is_written_by_the_form(ines, campaign):
    sent = read_form(ines.get(f"{HERE}new/"))
    texts = {
        "candidate.1": "No idea.",
        "place.1": "3",
        "candidate.2": "Spring.",
        "place.2": "1",
        "candidate.5": "Maybe.",
        "place.5": "3",
    }
    answer = ines.post(
        f"{HERE}new/", sent | {"prompt": "Why do birds sing?", "acceptable_tiers": "1", "explanation": "So."} | texts
    )
    item = GoldItem.objects.get()
    replies = {message.text: message.pk for message in item.unit.subject.replies.all()}
    assert (answer.status_code, answer["Location"]) == (302, HERE)
    assert item.answer == {
        "tiers": [[replies["Spring."]], [replies["No idea."], replies["Maybe."]]],
        "acceptable_tiers": 1,
    }
    page = ines.get(HERE).text
    assert "Why do birds sing?" in page
    assert "Acceptable: the first place." in page
    assert "not answered yet" in page


def test_labels_are_known_by_their_form(campaign):
    Campaign.objects.update(kinds=["rank", "label"])
    ines = come_as("organizer", campaign)
    page = ines.get(f"{HERE}new/?kind=label")
    sent = read_form(page)
    assert "candidate.1" not in sent
    ines.post(f"{HERE}new/", sent | {"prompt": "Buy birds", "label.spam": "yes", "label.quality": "0.25"})
    assert GoldItem.objects.get().answer == {"labels": {"spam": 1.0, "quality": 0.25}}


def test_what_is_wrong_is_told_at_its_field_and_kept(ines, campaign):
    sent = read_form(ines.get(f"{HERE}new/"))
    answer = ines.post(f"{HERE}new/", sent | {"prompt": "", "candidate.1": "One."})
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, ["prompt"])
    again = ines.post(f"{HERE}new/", sent | {"prompt": "Why?", "candidate.1": "One."})
    assert [field.name for field in again.context["wrong"]] == ["candidate.1"]
    assert read_form(again)["candidate.1"] == ["One."]
    write_item(campaign, prompt="Why?")
    twice = ines.post(f"{HERE}new/", sent | {"prompt": "Why?", "candidate.1": "One.", "candidate.2": "Two."})
    assert (twice.status_code, [field.name for field in twice.context["wrong"]]) == (409, ["prompt"])


def test_the_answer_is_given_to_a_conversation_that_is_there(ines, campaign):
    prompt = make_prompt(campaign, replies=2)
    first, second = prompt.replies.order_by("pk").values_list("pk", flat=True)
    assert ines.get(f"{HERE}?message={prompt.pk}")["Location"] == f"{HERE}choose/{prompt.pk}/"
    here = f"{HERE}choose/{prompt.pk}/"
    sent = read_form(ines.get(here))
    answer = ines.post(here, sent | {f"place.{first}": "2", f"place.{second}": "1", "acceptable_tiers": "9"})
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, ["acceptable_tiers"])
    assert ines.post(here, sent | {f"place.{first}": "2", f"place.{second}": "1"}).status_code == 302
    assert GoldItem.objects.get().answer == {"tiers": [[second], [first]], "acceptable_tiers": None}
    assert ines.post(here, sent).status_code == 409
    other = make_campaign(slug="cats")
    foreign = make_prompt(other)
    assert ines.get(f"{HERE}choose/{foreign.pk}/").status_code == 404
    assert ines.get(f"{HERE}choose/{2**64}/").status_code == 404


def test_a_certain_order_is_looked_at_and_promoted(ines, campaign):
    Campaign.objects.update(parameters={"redundancy": 6})
    campaign.refresh_from_db()
    prompt = judge_all(campaign, [make_annotator(f"p{n}") for n in range(6)])
    settle(prompt, confidence=0.96)
    page = ines.get(HERE)
    assert "6 ballots, 96 % certain" in page.text
    here = f"{HERE}promote/{prompt.pk}/"
    assert "Is this order right?" in ines.get(here).text
    too_long = ines.post(here, {"explanation": "x" * 5000})
    assert (too_long.status_code, [field.name for field in too_long.context["wrong"]]) == (422, ["explanation"])
    assert ines.post(here, {"explanation": "Everybody says so."})["Location"] == HERE
    item = GoldItem.objects.get()
    assert (item.origin, item.explanation) == ("promoted", "Everybody says so.")
    assert "96 % certain" not in ines.get(HERE).text
    assert ines.post(here, {}).status_code == 409


def test_what_nobody_ordered_is_not_promoted(ines, campaign):
    prompt = make_prompt(campaign)
    page = ines.get(f"{HERE}promote/{prompt.pk}/")
    assert "Nobody has put its replies in order yet." in page.text
    assert ines.post(f"{HERE}promote/{prompt.pk}/", {}).status_code == 409


def test_an_item_is_retired_and_explained_to_those_who_answered(ines, campaign):
    item = write_item(campaign)
    answer_all(campaign, [make_annotator("ada")], items=1)
    assert "1 answer, 100 % right" in ines.get(HERE).text
    answer = ines.post(f"{HERE}{item.pk}/retire/")
    item.refresh_from_db()
    assert (answer["Location"], item.retired_at is not None) == (HERE, True)
    assert GoldResult.objects.get().told_at is not None
    page = ines.get(HERE).text
    assert '<span class="tag">retired</span>' in page
    assert f"/gold/{item.pk}/retire/" not in page
    assert ines.post(f"{HERE}{2**64}/retire/").status_code == 404


def test_an_item_on_which_good_people_fail_is_called_doubtful(ines, campaign):
    people = [make_annotator(f"p{n}") for n in range(3)]
    for number in range(4):
        write_item(campaign, prompt=f"Prompt {number}?")
    answer_all(campaign, people, items=4)
    assert "doubtful" not in ines.get(HERE).text
    write_item(campaign, prompt="Odd?")
    answer_all(campaign, people, items=1, right=False)
    page = ines.get(HERE)
    assert [item["is_doubtful"] for item in page.context["items"]] == [True, False, False, False, False]
    assert "3 people who are right elsewhere are 11 % right here." in page.text


def test_one_that_cannot_be_offered_says_so(ines, campaign):
    item = write_item(campaign)
    Unit.objects.filter(pk=item.pk).update(is_open=False)
    page = ines.get(HERE).text
    assert "not offered" in page
    assert "A part of it was removed" in page


def test_where_trees_grow_gold_is_made_of_orders_of_what_grew_there(campaign):
    Campaign.objects.update(parameters={"grow_trees": True}, kinds=["rank", "label"])
    ines = come_as("organizer", campaign)
    page = ines.get(HERE).text
    assert "gold is made of conversations that grew here" in page
    assert "Write one" not in page
    assert "Give its answer" in page
    assert f'href="{HERE}"' in ines.get("/campaigns/birds/edit/").text
    prompt = make_prompt(campaign)
    assert "Place of" in ines.get(f"{HERE}choose/{prompt.pk}/?kind=label").text
    sent = read_form(ines.get(f"{HERE}choose/{prompt.pk}/"))
    assert ines.post(f"{HERE}choose/{prompt.pk}/", sent | {"acceptable_tiers": "1"}).status_code == 302
    assert GoldItem.objects.get().unit.needed == 3


def test_there_is_no_gold_where_nothing_can_be_known(campaign):
    Campaign.objects.update(parameters={"grow_trees": True}, kinds=["label"])
    ines = come_as("organizer", campaign)
    assert "nothing is ranked" in ines.get(HERE).text
    assert f'href="{HERE}"' not in ines.get("/campaigns/birds/edit/").text
    Campaign.objects.update(kinds=["rank"])
    refused = ines.post(
        f"{HERE}new/", {"kind": "rank", "language": "en", "prompt": "Why?", "candidate.1": "a", "candidate.2": "b"}
    )
    assert refused.status_code == 409
    Campaign.objects.update(parameters={}, kinds=["write_assistant_reply"])
    assert "neither ranks nor labels" in ines.get(HERE).text


def test_where_nobody_is_asked_the_page_says_what_to_change(ines, campaign):
    assert "Nobody is asked about them yet" not in ines.get(HERE).text
    Campaign.objects.update(parameters={})
    assert "Nobody is asked about them yet" in ines.get(HERE).text
    assert f'href="{HERE}"' in ines.get("/campaigns/birds/edit/").text


@pytest.mark.parametrize("items", [1, 3])
def test_the_list_takes_as_many_queries_for_one_item_as_for_three(ines, campaign, django_assert_num_queries, items):
    for number in range(items):
        choose_item(campaign, make_prompt(campaign, f"Prompt {number}?"))
    retire_gold(campaign=campaign, unit_id=GoldItem.objects.first().pk, actor=None, now=timezone.now())
    ines.get(HERE)
    with django_assert_num_queries(5):
        ines.get(HERE)
