"""Generators of the site: made and changed by their fields, told, and never mistaken for a label of origin."""

from __future__ import annotations

import pytest

from annotate.exceptions import Conflict, InvalidInput, NotFound
from annotate.models import AuditEvent, CampaignGenerator, GenerationRequest, Generator
from annotate.queries.campaigns import find_site_generators
from annotate.services.generators import change_generator, create_generator, delete_generator, describe_generator
from tests.loop import make_campaign, make_prompt

pytestmark = pytest.mark.django_db

VALUES = {
    "name": "small",
    "engine": "openai",
    "endpoint": "https://models.example.org/v1",
    "model": "small-1b",
    "revision": "r1",
    "system_prompt": "Answer briefly.",
    "sampling": {"temperature": 0.7, "stop": ["###"], "top_p": 1, "logit_bias": None},
    "api_key_variable": "LAB_API_KEY",
    "timeout_seconds": 60,
    "max_concurrent": 8,
    "enabled": True,
}


def make(**values) -> Generator:
    return create_generator(values={**VALUES, **values}, actor=None)


def test_a_generator_keeps_what_was_said():
    make()
    generator = Generator.objects.get()
    assert (describe_generator(generator), generator.campaign_id) == (VALUES, None)


def test_what_is_not_said_has_its_default():
    create_generator(
        values={"name": "small", "engine": "openai", "model": "m", "endpoint": "http://127.0.0.1:1/v1"}, actor=None
    )
    described = describe_generator(Generator.objects.get())
    assert (described["timeout_seconds"], described["max_concurrent"], described["enabled"]) == (120, 4, True)


def test_making_and_changing_and_deleting_are_told():
    generator = make()
    change_generator(generator_id=generator.pk, values={"enabled": False}, actor=None, reason="It costs too much.")
    delete_generator(generator_id=generator.pk, actor=None)
    told = AuditEvent.objects.order_by("id").values_list("action", "object_kind", "before", "after", "reason")
    assert list(told) == [
        ("generator.changed", "generator", None, VALUES, ""),
        ("generator.changed", "generator", {"enabled": True}, {"enabled": False}, "It costs too much."),
        ("generator.changed", "generator", {**VALUES, "enabled": False}, None, ""),
    ]


def test_changing_nothing_tells_nothing():
    generator = make()
    change_generator(generator_id=generator.pk, values=VALUES, actor=None)
    assert AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "ftp://models.example.org"}, "endpoint"),
        ({"endpoint": "file:///etc/passwd"}, "endpoint"),
        ({"endpoint": "https://key@models.example.org/v1"}, "endpoint"),
        ({"endpoint": "https://models.example.org/v1?key=1"}, "endpoint"),
        ({"endpoint": "https://"}, "endpoint"),
        ({"endpoint": 3}, "endpoint"),
        ({"engine": "label"}, "engine"),
        ({"engine": "magic"}, "engine"),
        ({"engine": "transformers"}, "endpoint"),
        ({"name": ""}, "name"),
        ({"model": " "}, "model"),
        ({"api_key_variable": "sk-1234567890"}, "api_key_variable"),
        ({"api_key_variable": "SECRET_KEY"}, "api_key_variable"),
        ({"api_key_variable": "DATABASE_URL"}, "api_key_variable"),
        ({"api_key": "sk-1234567890"}, "api_key"),
        ({"campaign": 1}, "campaign"),
        ({"sampling": {"model": "other"}}, "sampling.model"),
        ({"sampling": {"messages": []}}, "sampling.messages"),
        ({"sampling": {"tools": {"a": 1}}}, "sampling.tools"),
        ({"sampling": [1]}, "sampling"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"max_concurrent": 99}, "max_concurrent"),
        ({"enabled": "no"}, "enabled"),
    ],
)
def test_what_cannot_be_a_generator_is_refused_at_its_place(values, place):
    with pytest.raises(InvalidInput) as refused:
        make(**values)
    assert (refused.value.code, list(refused.value.details)) == ("generator_invalid", [place])
    generator = make()
    with pytest.raises(InvalidInput) as refused:
        change_generator(generator_id=generator.pk, values=values, actor=None)
    assert list(refused.value.details) == [place]


def test_a_generator_in_the_worker_needs_no_endpoint():
    generator = make(engine="transformers", endpoint="", api_key_variable="")
    assert (generator.engine, generator.endpoint) == ("transformers", "")


def test_what_is_missing_is_told_at_once():
    with pytest.raises(InvalidInput) as refused:
        create_generator(values={}, actor=None)
    assert list(refused.value.details) == ["name", "engine", "model"]


def test_a_name_is_taken_once_on_the_site():
    make()
    with pytest.raises(Conflict) as refused:
        make(model="another")
    assert refused.value.code == "generator_name_taken"
    other = make(name="large")
    with pytest.raises(Conflict) as refused:
        change_generator(generator_id=other.pk, values={"name": "small"}, actor=None)
    assert refused.value.code == "generator_name_taken"


def test_a_label_of_origin_with_the_same_name_is_another_record_that_nobody_can_reach():
    label = Generator.objects.create(campaign=make_campaign(), name="small", engine="label")
    generator = make()
    assert find_site_generators() == {"small": generator}
    for verb in (
        lambda: change_generator(generator_id=label.pk, values={"engine": "openai"}, actor=None),
        lambda: delete_generator(generator_id=label.pk, actor=None),
    ):
        with pytest.raises(NotFound) as refused:
            verb()
        assert refused.value.code == "generator_not_found"
    label.refresh_from_db()
    assert (label.engine, label.endpoint) == ("label", "")


def ask(generator: Generator) -> None:
    prompt = make_prompt(make_campaign())
    GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=0, state="queued")


@pytest.mark.parametrize(
    "values",
    [{"model": "other"}, {"revision": "r2"}, {"sampling": {}}, {"system_prompt": ""}, {"engine": "transformers"}],
)
def test_what_a_text_came_from_is_fixed_once_it_was_asked_for(values):
    generator = make()
    ask(generator)
    with pytest.raises(Conflict) as refused:
        change_generator(generator_id=generator.pk, values=values, actor=None)
    assert (refused.value.code, refused.value.details) == ("generator_in_use", {"fixed": list(values)})


def test_how_it_is_reached_may_change_while_it_is_in_use():
    generator = make()
    ask(generator)
    values = {"endpoint": "https://other.example.org/v1", "api_key_variable": "OTHER_TOKEN", "max_concurrent": 2}
    assert {**VALUES, **values} == describe_generator(
        change_generator(generator_id=generator.pk, values=values, actor=None)
    )


def test_a_generator_that_was_asked_cannot_be_deleted():
    generator = make()
    ask(generator)
    with pytest.raises(Conflict) as refused:
        delete_generator(generator_id=generator.pk, actor=None)
    assert (refused.value.code, Generator.objects.count()) == ("generator_in_use", 1)


def test_a_generator_that_a_campaign_names_cannot_be_deleted():
    generator = make()
    CampaignGenerator.objects.create(campaign=make_campaign(), generator=generator)
    with pytest.raises(Conflict) as refused:
        delete_generator(generator_id=generator.pk, actor=None)
    assert refused.value.code == "generator_in_use"
