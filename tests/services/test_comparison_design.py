"""Generators are asked by a balanced design: the candidates that a campaign wants, counted with the requests."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest

from annotate.access import Actor
from annotate.exceptions import Conflict
from annotate.models import Campaign, CampaignGenerator, GenerationRequest, Generator, GeneratorPairing
from annotate.queries.integrity import find_broken_rules
from annotate.queries.pairings import describe_design
from annotate.services import generation
from annotate.services.generation import ask_missing, cancel_requests, request_candidates
from tests.opinions import NOW, add_candidates, add_message, make_campaign, make_prompt

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_campaign(candidates_per_prompt=2)


def name_generators(campaign, *names: str, samples: int = 1, **given) -> list[Generator]:
    made = []
    for name in names:
        given_to = {"engine": "openai", "endpoint": "http://g/v1", "model": name, **given}
        made.append(Generator.objects.create(name=name, **given_to))
        CampaignGenerator.objects.create(campaign=campaign, generator=made[-1], samples=samples)
    return made


def make_prompts(campaign, count: int, **given) -> list:
    start = campaign.trees.count()
    return [make_prompt(campaign, f"Question {start + number}?", **given) for number in range(count)]


def asked(*, state: str | None = None) -> dict[int, list[str]]:
    """Names of the generators that were asked under each parent, in alphabetical order."""
    found = defaultdict(list)
    rows = GenerationRequest.objects.filter(**({} if state is None else {"state": state}))
    for parent, name in rows.order_by("generator__name", "sample_index").values_list("parent_id", "generator__name"):
        found[parent].append(name)
    return dict(found)


def count(stratum=None) -> dict[str, int]:
    pairings = GeneratorPairing.objects.filter(stratum=stratum).select_related("first", "second")
    return {f"{pairing.first} {pairing.second}": pairing.prompts for pairing in pairings if pairing.prompts}


def ask(campaign, **given) -> int:
    added = ask_missing(campaign_id=campaign.pk, now=NOW, **given)
    assert is_well_counted()
    return added


def is_well_counted() -> bool:
    return all(finding.rule != "a_pairing_counts_the_prompts_that_asked_both" for finding in find_broken_rules())


def test_each_prompt_is_asked_of_as_many_generators_as_it_wants_and_all_meet(campaign) -> None:
    name_generators(campaign, "a", "b", "c")
    english, german = make_prompts(campaign, 3), make_prompts(campaign, 3, language="de")

    assert (ask(campaign), ask(campaign)) == (12, 0)

    names = asked()
    for stratum in (english, german):
        assert sorted(names[prompt.pk] for prompt in stratum) == [["a", "b"], ["a", "c"], ["b", "c"]]
        assert count(stratum[0].tree.stratum) == {"a a": 2, "b b": 2, "c c": 2, "a b": 1, "a c": 1, "b c": 1}
    assert count() == {"a a": 4, "b b": 4, "c c": 4, "a b": 2, "a c": 2, "b c": 2}


def test_without_a_number_all_are_asked_and_their_meetings_are_counted_all_the_same() -> None:
    campaign = make_campaign()
    name_generators(campaign, "a", "b", samples=2)
    make_prompts(campaign, 2)
    assert ask(campaign) == 8
    assert count() == {"a a": 2, "b b": 2, "a b": 2}
    CampaignGenerator.objects.update(samples=3)
    assert ask(campaign) == 4
    assert count() == {"a a": 2, "b b": 2, "a b": 2}
    name_generators(campaign, "c")
    assert ask(campaign) == 2
    assert count() == {"a a": 2, "b b": 2, "a b": 2, "c c": 2, "a c": 2, "b c": 2}


def test_what_people_wrote_and_imports_brought_leaves_no_place_free(campaign) -> None:
    name_generators(campaign, "a", "b", "c")
    prompt = make_prompt(campaign, "Why do birds sing?")
    add_candidates(prompt, "imported one", "imported two")
    assert ask(campaign) == 2


def test_a_turn_further_down_is_asked_for_by_its_id_in_the_same_design(campaign) -> None:
    name_generators(campaign, "a", "b", "c", "d")
    prompt = make_prompt(campaign, "Why do birds sing?")
    turn = add_message(prompt.tree, "And?", role="prompter", parent=add_message(prompt.tree, "So.", parent=prompt))
    assert ask(campaign) == 2
    assert request_candidates(campaign=campaign, actor=None, now=NOW, parent_ids=[turn.pk]) == 2
    assert sorted(asked()[prompt.pk] + asked()[turn.pk]) == ["a", "b", "c", "d"]
    assert is_well_counted()


@pytest.mark.parametrize("state", ["failed", "set_aside"])
def test_another_generator_stands_in_for_one_that_failed_until_none_is_left(campaign, state) -> None:
    name_generators(campaign, "a", "b", "c", "d")
    make_prompts(campaign, 1)
    ask(campaign)
    for _ in range(2):
        GenerationRequest.objects.filter(pk=GenerationRequest.objects.latest("pk").pk).update(state=state)
        assert (ask(campaign), ask(campaign)) == (1, 0)
    GenerationRequest.objects.filter(state="queued").update(state=state)
    assert ask(campaign) == 0
    assert set(count().values()) == {1}
    assert [sorted(names) for names in asked().values()] == [["a", "b", "c", "d"]]


@pytest.mark.parametrize("state", ["running", "done", "cancelled"])
def test_nobody_stands_in_for_what_is_under_way_done_or_called_off(campaign, state) -> None:
    name_generators(campaign, "a", "b", "c")
    make_prompts(campaign, 1)
    ask(campaign)
    lease = {"lease_token": "0" * 32, "lease_expires_at": NOW} if state == "running" else {}
    GenerationRequest.objects.update(state=state, **lease)
    assert ask(campaign) == 0


def test_further_samples_fill_what_too_few_generators_leave() -> None:
    campaign = make_campaign(candidates_per_prompt=4)
    name_generators(campaign, "a", samples=2)
    name_generators(campaign, "b", samples=1)
    (prompt,) = make_prompts(campaign, 1)
    assert (ask(campaign), ask(campaign)) == (3, 0)
    assert asked() == {prompt.pk: ["a", "a", "b"]}
    name_generators(campaign, "c", samples=4)
    assert (ask(campaign), ask(campaign)) == (1, 0)
    assert asked() == {prompt.pk: ["a", "a", "b", "c"]}


def test_samples_change_nothing_where_generators_are_enough(campaign) -> None:
    name_generators(campaign, "a", "b", samples=16)
    make_prompts(campaign, 1)
    assert (ask(campaign), ask(campaign)) == (2, 0)


def test_who_is_switched_off_or_has_a_problem_is_passed_over_and_nobody_fills_its_place(campaign) -> None:
    ill, off = name_generators(campaign, "ill", "off", samples=2)
    name_generators(campaign, "well", samples=2)
    Generator.objects.filter(pk=ill.pk).update(problem="The folder is missing.", problem_at=NOW)
    Generator.objects.filter(pk=off.pk).update(enabled=False)
    (prompt,) = make_prompts(campaign, 1)
    assert (ask(campaign), ask(campaign)) == (1, 0)
    assert asked() == {prompt.pk: ["well"]}
    assert [(place.name, place.has_problem) for place in describe_design(campaign=campaign, now=NOW).generators] == [
        ("ill", True),
        ("well", False),
    ]
    assert ask_missing(campaign_id=campaign.pk, now=NOW + timedelta(hours=1)) == 1
    assert asked() == {prompt.pk: ["ill", "well"]}


def test_a_problem_is_not_forgotten_while_what_was_asked_already_shows_that_it_lasts(campaign) -> None:
    (ill,) = name_generators(campaign, "ill", samples=2)
    (first,) = make_prompts(campaign, 1)
    assert ask(campaign) == 2
    Generator.objects.filter(pk=ill.pk).update(problem="The folder is missing.", problem_at=NOW)
    name_generators(campaign, "well", samples=2)
    (second,) = make_prompts(campaign, 1)
    later = NOW + timedelta(hours=2)
    assert ask_missing(campaign_id=campaign.pk, now=later) == 1
    assert asked() == {first.pk: ["ill", "ill"], second.pk: ["well"]}
    cancel_requests(campaign=campaign, actor=Actor(scopes=None), now=later, generator_id=ill.pk)
    ask_missing(campaign_id=campaign.pk, now=later)
    assert asked()[second.pk] == ["ill", "well"]


def test_a_problem_is_passed_over_where_all_are_asked_too_and_made_up_for_later() -> None:
    campaign = make_campaign()
    (ill, _) = name_generators(campaign, "ill", "well")
    Generator.objects.filter(pk=ill.pk).update(problem="The folder is missing.", problem_at=NOW)
    make_prompts(campaign, 2)
    assert ask(campaign) == 2
    Generator.objects.update(problem="", problem_at=None)
    assert ask(campaign) == 2


@pytest.mark.parametrize(
    ("accepts", "names"),
    [
        ({"output_terms": ["free", "attribution"]}, ["free", "named"]),
        ({"model_licences": ["apache-2.0"]}, ["free"]),
        ({}, ["free", "named", "unknown"]),
    ],
)
def test_only_generators_under_terms_that_the_campaign_takes_are_asked(accepts, names) -> None:
    campaign = make_campaign(candidates_per_prompt=3)
    name_generators(campaign, "free", output_terms="free", licence="Apache-2.0")
    name_generators(campaign, "named", output_terms="attribution", licence="llama3.1")
    name_generators(campaign, "unknown")
    Campaign.objects.update(**accepts)
    (prompt,) = make_prompts(campaign, 1)
    assert ask(campaign) == len(names)
    assert asked() == {prompt.pk: names}
    Campaign.objects.update(parameters={})
    ask(campaign)
    assert asked() == {prompt.pk: names}


def test_a_campaign_that_takes_the_terms_of_nobody_it_names_is_told_why(campaign) -> None:
    name_generators(campaign, "closed", output_terms="no_training")
    Campaign.objects.update(output_terms=["free"])
    campaign.refresh_from_db()
    make_prompts(campaign, 1)
    with pytest.raises(Conflict, match="The terms on what closed writes") as refusal:
        request_candidates(campaign=campaign, actor=None, now=NOW)
    assert (refusal.value.code, list(refusal.value.details["generators"])) == ("generator_terms_refused", ["closed"])
    assert ask(campaign) == 0


def test_one_model_under_two_names_stands_beside_others(campaign) -> None:
    name_generators(campaign, "a", model="meta-llama/Llama-3.1-8B-Instruct")
    name_generators(campaign, "b", model="llama3.1:8b-instruct-q4_K_M")
    name_generators(campaign, "c", "d")
    make_prompts(campaign, 12)
    ask(campaign)
    assert "a b" not in count()


def test_who_joins_catches_up_at_twice_the_pace_over_several_calls(campaign) -> None:
    name_generators(campaign, "a", "b", "c", "d")
    make_prompts(campaign, 20)
    ask(campaign)
    name_generators(campaign, "new")
    for _ in range(6):
        make_prompts(campaign, 2)
        assert ask(campaign) == 4
    counts = count()
    assert (counts["new new"], [counts[f"{old} {old}"] for old in "abcd"]) == (8, [14] * 4)
    make_prompts(campaign, 18)
    ask(campaign)
    assert {counts for pair, counts in count().items() if len({*pair.split()}) == 1} == {20}
    assert set(GeneratorPairing.objects.filter(stratum=None).values_list("credit", flat=True)) == {0.0}


def test_many_prompts_are_asked_for_in_several_calls_and_are_as_even_as_in_one(campaign, monkeypatch) -> None:
    monkeypatch.setattr(generation, "MOST_PARENTS", 4)
    name_generators(campaign, "a", "b", "c", "d")
    make_prompts(campaign, 12)
    assert [ask(campaign) for _ in range(4)] == [8, 8, 8, 0]
    assert set(count().values()) == {6, 2}


def test_the_same_rows_ask_the_same(campaign) -> None:
    name_generators(campaign, "a", "b", "c", "d")
    make_prompts(campaign, 12)
    ask(campaign)
    first = asked()
    GenerationRequest.objects.all().delete()
    GeneratorPairing.objects.all().delete()
    ask(campaign)
    assert asked() == first


def test_asking_costs_the_same_number_of_queries_whatever_there_is_to_ask(campaign, django_assert_num_queries) -> None:
    name_generators(campaign, "a", "b", "c")
    for prompts in (1, 30):
        make_prompts(campaign, prompts)
        with django_assert_num_queries(12):
            ask_missing(campaign_id=campaign.pk, now=NOW)


def test_the_balance_is_told_over_all_and_by_stratum(campaign) -> None:
    a, b, c = name_generators(campaign, "a", "b", "c")
    make_prompts(campaign, 3)
    make_prompts(campaign, 1, language="de", topic="Birds")
    ask(campaign)
    design = describe_design(campaign=campaign, now=NOW)
    assert (design.wanted, [place.id for place in design.generators]) == (2, [a.pk, b.pk, c.pk])
    assert sorted(place.prompts for place in design.generators) == [2, 3, 3]
    assert [place.beside[number] for number, place in enumerate(design.generators)] == [None] * 3
    whole = design.whole
    assert (whole.fewest, whole.most, whole.fewest_together, whole.most_together) == (2, 3, 1, 2)
    assert (whole.never_met, whole.is_connected) == (0, True)
    english, german = design.strata
    assert (english.language, english.balance.fewest, english.balance.most, english.balance.is_connected) == (
        "en",
        2,
        2,
        True,
    )
    assert (german.language, german.topic, german.balance.never_met, german.balance.is_connected) == (
        "de",
        "Birds",
        2,
        False,
    )


def test_a_campaign_that_asked_nobody_has_a_balance_of_nothing(campaign) -> None:
    design = describe_design(campaign=campaign, now=NOW)
    assert (design.generators, design.strata, design.whole.most, design.whole.fewest_together) == ((), (), 0, None)
