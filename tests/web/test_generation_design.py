"""The page of a campaign's generators shows how evenly they were asked."""

from __future__ import annotations

import pytest

from annotate.models import Campaign, CampaignGenerator, Generator
from annotate.services.generation import ask_missing
from tests.loop import NOW, make_prompt
from tests.web.organizing import make_run, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/generators/"


@pytest.fixture
def campaign():
    campaign = make_run(state="open")
    Campaign.objects.update(parameters={**campaign.parameters, "candidates_per_prompt": 2})
    return campaign


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def ask(campaign, *, generators: int, prompts: int) -> None:
    for number in range(generators):
        generator = Generator.objects.create(
            name=f"G{number}", engine="openai", endpoint="http://127.0.0.1:9/v1", model=f"m{number}"
        )
        CampaignGenerator.objects.create(campaign=campaign, generator=generator)
    for number in range(prompts):
        make_prompt(campaign, f"Why {number}?", replies=0)
    ask_missing(campaign_id=campaign.pk, now=NOW)


def test_who_was_asked_how_often_and_beside_whom_is_shown(ines, campaign):
    ask(campaign, generators=3, prompts=3)
    answer = ines.get(HERE)
    design = answer.context["design"]
    assert (design["prompts"], design["together"], design["is_connected"]) == ("2", "1", True)
    assert [(row["name"], row["prompts"], row["beside"]) for row in design["rows"]] == [
        ("G0", 2, (None, 1, 1)),
        ("G1", 2, (1, None, 1)),
        ("G2", 2, (1, 1, None)),
    ]
    assert "Comparisons link all of them, so that one leaderboard can hold them." in answer.text
    assert "English" in answer.text.split('id="design"')[1]


def test_generators_that_nothing_links_yet_are_told_of(ines, campaign):
    ask(campaign, generators=4, prompts=2)
    answer = ines.get(HERE)
    assert (answer.context["design"]["together"], answer.context["design"]["is_connected"]) == ("0 to 1", False)
    assert "Not all of them are linked by comparisons yet" in answer.text


def test_with_many_generators_the_table_has_one_column_for_all_others(ines, campaign):
    ask(campaign, generators=13, prompts=1)
    answer = ines.get(HERE)
    assert answer.context["design"]["columns"] == []
    assert {row["together"] for row in answer.context["design"]["rows"]} == {"0", "0 to 1"}
    assert "With each of the others" in answer.text


@pytest.mark.parametrize("generators", [0, 1, 2])
def test_nothing_is_shown_where_no_two_were_asked(ines, campaign, generators):
    ask(campaign, generators=generators, prompts=0 if generators == 2 else 1)
    answer = ines.get(HERE)
    assert (answer.context["design"], 'id="design"' in answer.text) == (None, False)
