"""A campaign names no generator whose terms or licence it does not take, and asks none whose terms changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from annotate.exceptions import InvalidInput
from annotate.models import Campaign, CampaignGenerator, Generator
from annotate.queries.campaigns import describe_campaign
from annotate.queries.generator_terms import generators_refused, terms_problem
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign, create_campaign

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def make_generator(name="small", **values) -> Generator:
    made = Generator.objects.create(name=name, engine="transformers", model=f"org/{name}", **values)
    made.refresh_from_db()
    return made


def make(**values) -> Campaign:
    spec = read_campaign({"slug": "birds", "title": "Birds", "preset": "rank", "languages": ["en"], **values})
    return create_campaign(spec=spec, actor=None, now=NOW)


def change(campaign: Campaign, **values):
    return change_campaign(campaign=campaign, spec=read_campaign(values), actor=None, now=NOW)


def refusal_of(act, *args, **values) -> tuple[str, str, dict[str, list[str]]]:
    with pytest.raises(InvalidInput) as refused:
        act(*args, **values)
    return refused.value.code, refused.value.message, refused.value.details


NO_TRAINING = (
    "The terms on what small writes are “Not for training other models”. Birds takes only: Free for every use, "
    "The model must be named. Leave the generator out, or change what the campaign takes."
)
LICENCE = (
    "The licence of the model of small is llama3.1. Birds takes only: Apache-2.0, MIT. Leave the generator out, or "
    "change what the campaign takes."
)
NO_LICENCE = (
    "Nobody has said under which licence the model of small is. Birds takes only: Apache-2.0, MIT. Leave the generator "
    "out, or ask an administrator to write its licence down."
)


@pytest.mark.parametrize(
    ("generator", "campaign", "problem"),
    [
        ({"output_terms": "no_training"}, {"output_terms": ["free", "attribution"]}, NO_TRAINING),
        ({"licence": "llama3.1"}, {"model_licences": ["MIT", "Apache-2.0"]}, LICENCE),
        ({}, {"model_licences": ["MIT", "Apache-2.0"]}, NO_LICENCE),
        ({"output_terms": "no_training", "licence": "llama3.1"}, {}, None),
        ({"output_terms": "free"}, {"output_terms": ["free"]}, None),
        ({"licence": "apache-2.0"}, {"model_licences": ["Apache-2.0"]}, None),
        ({"licence": "MIT", "output_terms": "free"}, {"model_licences": ["mit"], "output_terms": ["free"]}, None),
    ],
)
def test_a_campaign_takes_a_generator_by_its_terms_and_its_licence(generator, campaign, problem):
    assert terms_problem(make_generator(**generator), make(**campaign)) == problem


def test_a_campaign_cannot_name_a_generator_whose_terms_it_does_not_take():
    make_generator("free", output_terms="free")
    make_generator(output_terms="no_training")
    values = {"output_terms": ["free", "attribution"], "generators": [{"name": "free"}, {"name": "small"}]}
    told = ("generator_terms_refused", NO_TRAINING, {"generators[1].name": [NO_TRAINING]})
    assert refusal_of(make, **values) == told
    assert not Campaign.objects.exists()
    campaign = make(output_terms=["free", "attribution"], generators=[{"name": "free"}])
    assert refusal_of(change, campaign, generators=values["generators"]) == told
    assert list(CampaignGenerator.objects.values_list("generator__name", flat=True)) == ["free"]


def test_a_campaign_cannot_turn_away_from_terms_of_a_generator_that_it_names():
    make_generator(output_terms="no_training", licence="llama3.1")
    campaign = make(generators=[{"name": "small"}])
    assert refusal_of(change, campaign, output_terms=["free", "attribution"]) == (
        "generator_terms_refused",
        NO_TRAINING,
        {"output_terms": [NO_TRAINING]},
    )
    assert refusal_of(change, campaign, model_licences=["MIT", "Apache-2.0"]) == (
        "generator_terms_refused",
        LICENCE,
        {"model_licences": [LICENCE]},
    )
    campaign.refresh_from_db()
    assert (campaign.output_terms, campaign.model_licences) == ([], [])


def test_a_generator_whose_terms_change_afterwards_is_told_and_hinders_no_other_change():
    small, free = make_generator(output_terms="free"), make_generator("free", output_terms="free")
    campaign = make(
        output_terms=["attribution", "free"], generators=[{"name": small.name, "samples": 2}, {"name": free.name}]
    )
    assert generators_refused(campaign) == {}
    Generator.objects.filter(pk=small.pk).update(output_terms="no_training")
    assert generators_refused(campaign) == {small.pk: NO_TRAINING}
    change(campaign, title="Birds", redundancy=5)
    change(campaign, generators=[{"name": "free"}])
    assert generators_refused(campaign) == {}


@pytest.mark.parametrize("count", [1, 3])
def test_what_a_campaign_refuses_is_one_query(count, django_assert_num_queries):
    names = [f"g{number}" for number in range(count)]
    for name in names:
        make_generator(name)
    campaign = make(generators=[{"name": name} for name in names])
    Campaign.objects.update(output_terms=["free"])
    campaign.refresh_from_db()
    with django_assert_num_queries(1):
        assert len(generators_refused(campaign)) == count
    campaign.output_terms = []
    with django_assert_num_queries(0):
        assert generators_refused(campaign) == {}


def test_what_a_campaign_takes_is_a_set_in_one_order():
    campaign = make(output_terms=["unknown", "free"], model_licences=["mit", "Apache-2.0"])
    described = describe_campaign(campaign)
    assert (described["output_terms"], described["model_licences"]) == (["free", "unknown"], ["Apache-2.0", "mit"])
    assert change(campaign, output_terms=["free", "unknown"]) == ()
