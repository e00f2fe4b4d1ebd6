"""How far a campaign is from its targets: counted from what is there, by day and by person, and told with the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from annotate.models import Campaign, LanguageSkill, PromptPlace, Stale, Stratum, TargetStanding, Unit
from annotate.queries.target_facts import load_target_facts
from annotate.services.stale import take_turn
from annotate.services.standing import store_standing
from tasks.jobs import standing
from tasks.jobs.standing import measure_standing_job
from tasks.scheduling.split import arm_of
from tasks.vocabulary import StaleKind
from tests import opinions
from tests.coverage_world import add_cell
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(monkeypatch) -> Campaign:
    monkeypatch.setattr("tests.opinions.NOW", timezone.now())
    return make_campaign(redundancy=3)


def want(campaign: Campaign, judgments: int, *, language: str = "en", topic: str = "") -> None:
    Stratum.objects.update_or_create(campaign=campaign, language=language, topic=topic, defaults={"target": judgments})


def ask(campaign: Campaign, text: str, **where: str):
    prompt = make_prompt(campaign, text, **where)
    return prompt, add_candidates(prompt, "alpha Yes.", "beta No.")


def measured() -> list[dict]:
    Stale.objects.filter(kind="turn_standing").update(lease_expires_at=None)
    measure_standing_job()
    return TargetStanding.objects.get().result["targets"]


def test_a_target_is_told_with_what_is_there_and_what_could_still_be_judged(campaign) -> None:
    want(campaign, 5, topic="birds")
    prompt, (first, second) = ask(campaign, "one", topic="birds")
    ask(campaign, "two", topic="birds")
    make_prompt(campaign, "bare", topic="birds")
    anna, bert = make_annotators(2)
    rank(anna, prompt, [first], [second])
    LanguageSkill.objects.create(annotator=bert, language="en")
    told = measured()
    assert told == [
        {
            "language": "en",
            "topic": "birds",
            "target": 5,
            "done": 1,
            "room": 5,
            "prompts": 3,
            "bare": 1,
            "people": 0,
            "able": 2,
            "week": 0,
            "can_be_met": True,
            "lags": ["no_pace"],
            "forecast": None,
        }
    ]


def test_a_target_of_a_language_counts_all_of_its_topics(campaign) -> None:
    want(campaign, 10)
    for topic in ("birds", "bees"):
        prompt, (first, second) = ask(campaign, topic, topic=topic)
        rank(make_annotators(1)[0], prompt, [first], [second])
    now = opinions.NOW
    [facts] = load_target_facts(campaign=campaign, now=now)
    assert (facts.done, facts.prompts, facts.people, facts.room) == (2, 2, 0, 4)
    [later] = load_target_facts(campaign=campaign, now=now + timedelta(days=1))
    assert (later.people, sum(later.days.values())) == (2, 2)


def test_the_date_is_forecast_from_the_last_whole_days(campaign, monkeypatch) -> None:
    want(campaign, 40, topic="birds")
    people = make_annotators(2)
    for number in range(14):
        prompt, (first, second) = ask(campaign, f"prompt {number}", topic="birds")
        monkeypatch.setattr("tests.opinions.NOW", timezone.now() - timedelta(days=1 + number % 4))
        for person in people if number < 12 else []:
            rank(person, prompt, [first], [second])
    [told] = measured()
    forecast = told["forecast"]
    assert (told["week"], told["lags"], forecast["judgments"], forecast["days"]) == (24, ["few_people"], 24, 4)
    assert forecast["on"] == (timezone.now().date() + timedelta(days=3)).isoformat()  # 16 missing, 6 a day


def test_a_target_for_which_the_prompts_do_not_suffice_cannot_be_met(campaign) -> None:
    want(campaign, 4, topic="birds")
    prompt, (first, second) = ask(campaign, "one", topic="birds")
    rank(make_annotators(1)[0], prompt, [first], [second])
    [told] = measured()
    assert (told["can_be_met"], told["lags"], told["room"], told["forecast"]) == (False, ["no_room"], 2, None)


def test_where_units_may_get_more_judgments_when_they_are_unsure_that_is_room(campaign) -> None:
    Campaign.objects.update(parameters={"redundancy": 3, "min_judgments": 2, "max_judgments": 9, "stop_best": 0.9})
    want(campaign, 8, topic="birds")
    ask(campaign, "one", topic="birds")
    campaign.refresh_from_db()
    [facts] = load_target_facts(campaign=campaign, now=timezone.now())
    assert facts.room == 9


def test_a_stratum_whose_only_annotators_have_met_everything_is_told_so(campaign, monkeypatch) -> None:
    want(campaign, 3, topic="birds")
    want(campaign, 3, topic="bees")
    anna = make_annotators(1)[0]
    for topic in ("birds", "bees"):
        prompt, (first, second) = ask(campaign, topic, topic=topic)
        if topic == "birds":
            monkeypatch.setattr("tests.opinions.NOW", timezone.now() - timedelta(days=3))
            rank(anna, prompt, [first], [second])
    told = {each["topic"]: each for each in measured()}
    assert told["birds"]["lags"] == ["all_seen"]
    assert "all_seen" not in told["bees"]["lags"]
    Unit.objects.filter(subject__text="birds").update(held=2)  # somebody is at the rest of it
    told = {each["topic"]: each for each in measured()}
    assert "all_seen" not in told["birds"]["lags"]


def test_targets_in_languages_that_the_campaign_lost_and_without_prompts_are_told_with_the_reason(campaign) -> None:
    want(campaign, 5, language="fr")
    want(campaign, 5, language="de", topic="bees")
    told = {each["language"]: (each["can_be_met"], each["lags"]) for each in measured()}
    assert told == {"fr": (False, ["no_language"]), "de": (False, ["no_prompts", "nobody"])}


def test_of_a_campaign_without_targets_nothing_is_told(campaign) -> None:
    ask(campaign, "one")
    assert measured() == []


def test_running_twice_changes_nothing_and_a_rest_is_kept(campaign) -> None:
    want(campaign, 5)
    first = measured()
    moment = TargetStanding.objects.get().measured_at
    measure_standing_job()
    assert TargetStanding.objects.get().measured_at == moment
    assert measured() == first


def test_whoever_lost_the_turn_stores_nothing(campaign) -> None:
    now = timezone.now()
    mine = take_turn(kind=StaleKind.TURN_STANDING, subject_id=campaign.pk, now=now, lease_seconds=1)
    later = now + timedelta(seconds=5)
    assert take_turn(kind=StaleKind.TURN_STANDING, subject_id=campaign.pk, now=later, lease_seconds=60)
    assert store_standing(turn=mine, result={}, now=later) is False
    assert not TargetStanding.objects.exists()


def test_a_campaign_that_fails_costs_the_others_nothing(campaign, monkeypatch) -> None:
    other = make_campaign("bees")
    real = standing.load_target_facts

    def fail_for_one(*, campaign, now):
        if campaign.slug == "birds":
            raise ValueError("broken")
        return real(campaign=campaign, now=now)

    monkeypatch.setattr(standing, "load_target_facts", fail_for_one)
    measure_standing_job()
    assert list(TargetStanding.objects.values_list("campaign_id", flat=True)) == [other.pk]


def place(prompt, cell) -> None:
    PromptPlace.objects.create(
        message=prompt, campaign=prompt.tree.campaign, tree=prompt.tree, cell=cell, placed_at=timezone.now()
    )


def test_two_policies_are_compared_by_the_halves_of_the_prompts(campaign) -> None:
    Campaign.objects.update(parameters={"redundancy": 2, "rival_policy": "uniform"})
    cell = add_cell(campaign, share=1.0, prompts=40)
    people = make_annotators(2)
    for number in range(40):
        prompt, (first, second) = ask(campaign, f"prompt {number}")
        place(prompt, cell)
        for person in people if arm_of(prompt.tree_id) == 0 else people[:1]:
            rank(person, prompt, [first], [second])
    measured()
    split = TargetStanding.objects.get().result["split"]
    first, second = split["arms"]
    assert (first["policy"], second["policy"], split["cells"]) == ("coverage", "uniform", 1)
    assert first["prompts"] + second["prompts"] == 40
    assert (first["finished"]["value"], second["finished"]["value"]) == (1.0, 0.5)
    assert (first["judgments"]["value"], second["judgments"]["value"]) == (2.0, 1.0)
    assert split["difference"]["finished"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert (first["agreement"]["n"], second["agreement"]["n"]) == (first["prompts"], 0)


def test_of_a_campaign_with_one_policy_no_halves_are_measured(campaign) -> None:
    cell = add_cell(campaign, share=1.0, prompts=1)
    place(ask(campaign, "one")[0], cell)
    measured()
    assert TargetStanding.objects.get().result["split"] is None


def test_before_prompts_have_a_place_nothing_is_compared(campaign) -> None:
    Campaign.objects.update(parameters={"redundancy": 2, "rival_policy": "uniform"})
    ask(campaign, "one")
    measured()
    assert TargetStanding.objects.get().result["split"] is None
