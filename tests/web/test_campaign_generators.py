"""Which generators a campaign asks, what came of it; and the generators of the site, which administrators make."""

from __future__ import annotations

import pytest

from annotate.models import AuditEvent, GenerationRequest, Generator
from annotate.queries.campaigns import list_generator_uses
from annotate.services.generators import create_generator
from tests.loop import make_prompt
from tests.web.organizing import make_run, read_form, sign_in

pytestmark = pytest.mark.django_db

HERE, ASK, SITE = "/campaigns/birds/generators/", "/campaigns/birds/generators/ask/", "/generators/"
SERVER = {"name": "Lab", "engine": "openai", "endpoint": "http://127.0.0.1:9/v1", "model": "m"}


@pytest.fixture
def campaign():
    return make_run(state="open")


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


@pytest.fixture
def root(db):
    return sign_in("root", is_administrator=True)


def make_server(name="Lab", **more):
    return create_generator(values={**SERVER, "name": name, **more}, actor=None)


def uses(campaign):
    return {use["name"]: use["samples"] for use in list_generator_uses(campaign_id=campaign.pk)}


def fail(campaign, generator, **more):
    prompt = make_prompt(campaign, f"Why {GenerationRequest.objects.count()}?", replies=0)
    given = {"state": "failed", "outcome": "unreachable", "reason": "No route to it.", "attempts": 3, **more}
    return GenerationRequest.objects.create(parent=prompt, generator=generator, sample_index=0, **given)


def test_organizer_chooses_generators_and_samples(ines, campaign):
    make_server("Lab")
    make_server("Pond")
    make_server("Old", enabled=False)
    answer = ines.post(HERE, {"samples.Lab": "2", "samples.Pond": "0", "samples.Old": "", "reason": "Variety."})
    assert (answer.status_code, uses(campaign)) == (302, {"Lab": 2})
    event = AuditEvent.objects.order_by("-pk").first()
    assert (event.action, event.after, event.reason) == (
        "campaign.changed",
        {"generators": [{"name": "Lab", "samples": 2}]},
        "Variety.",
    )
    assert read_form(ines.get(HERE))["samples.Lab"] == ["2"]


@pytest.mark.parametrize("number", ["17", "-1", "many", "1.5"])
def test_number_of_samples_that_cannot_be_is_told_at_its_generator(ines, campaign, number):
    make_server("Lab")
    make_server("Pond")
    answer = ines.post(HERE, {"samples.Lab": "1", "samples.Pond": number})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (422, ["samples.Pond"])
    assert (uses(campaign), f'value="{number}"' in answer.text) == ({}, True)


def test_generator_that_the_site_does_not_have_is_refused(ines, campaign):
    answer = ines.post(HERE, {"samples.Ghost": "1"})
    assert (answer.status_code, answer.context["rest_count"], uses(campaign)) == (422, 1, {})


def test_missing_candidates_are_asked_for(ines, campaign):
    make_server("Lab")
    ines.post(HERE, {"samples.Lab": "2"})
    make_prompt(campaign, replies=0)
    told = ines.post(ASK, {"step": "ask"}, follow=True)
    assert ("2 candidates were asked for." in told.text, GenerationRequest.objects.count()) == (True, 2)
    again = ines.post(ASK, {"step": "ask"}, follow=True)
    assert ("Nothing is missing" in again.text, GenerationRequest.objects.count()) == (True, 2)


def test_asking_without_a_generator_says_what_to_do(ines, campaign):
    answer = ines.post(ASK, {"step": "ask"})
    assert (answer.status_code, "names no generator" in answer.text) == (409, True)


def test_what_failed_is_told_with_its_reason_and_tried_again(ines, campaign):
    lab = make_server("Lab")
    ines.post(HERE, {"samples.Lab": "1"})
    one, two = fail(campaign, lab), fail(campaign, lab)
    page = ines.get(HERE)
    assert [problem["id"] for problem in page.context["problems"]] == [two.pk, one.pk]
    assert ("the server cannot be reached" in page.text, "No route to it." in page.text) == (True, True)
    ines.post(ASK, {"step": "retry", "request": str(one.pk)})
    assert list(GenerationRequest.objects.order_by("pk").values_list("state", flat=True)) == ["queued", "failed"]
    ines.post(ASK, {"step": "retry", "generator": str(lab.pk)})
    assert list(GenerationRequest.objects.order_by("pk").values_list("state", flat=True)) == ["queued", "queued"]


def test_what_waits_is_called_off(ines, campaign):
    lab = make_server("Lab")
    fail(campaign, lab, state="queued", outcome=None, reason="", attempts=0)
    told = ines.post(ASK, {"step": "cancel", "generator": str(lab.pk)}, follow=True)
    assert ("1 request was called off." in told.text, GenerationRequest.objects.get().state) == (True, "cancelled")


def test_moderator_looks_and_changes_nothing(ines, campaign):
    fail(campaign, make_server("Lab"))
    ines.post("/campaigns/birds/members/", {"email": "otto@example.org", "role": "moderator"})
    otto = sign_in("otto")
    campaign.memberships.get_or_create(user_id=int(otto.session["_auth_user_id"]), defaults={"role": "moderator"})
    page = otto.get(HERE)
    assert (page.status_code, "Try again" in page.text, 'name="samples.Lab"' in page.text) == (200, False, False)
    assert otto.post(HERE, {"samples.Lab": "1"}).status_code == 403


@pytest.mark.parametrize("rows", [1, 3])
def test_page_costs_the_same_whatever_is_on_it(ines, campaign, rows, django_assert_num_queries):
    for number in range(rows):
        fail(campaign, make_server(f"Lab {number}"))
    with django_assert_num_queries(12):
        assert len(ines.get(HERE).context["problems"]) == rows


def test_administrator_makes_changes_and_deletes_a_generator(root):
    opened = read_form(root.get(f"{SITE}new/"))
    assert (opened["timeout_seconds"], opened["enabled"]) == (["120"], ["on"])
    sent = {**opened, **SERVER, "sampling.temperature": "0,7", "api_key_variable": "LAB_API_KEY"}
    answer = root.post(f"{SITE}new/", sent)
    made = Generator.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{SITE}{made.pk}/")
    assert (made.sampling, made.api_key_variable, made.enabled) == ({"temperature": 0.7}, "LAB_API_KEY", True)
    opened = read_form(root.get(f"{SITE}{made.pk}/edit/"))
    root.post(f"{SITE}{made.pk}/edit/", {**opened, "model": "m2", "enabled": [], "step": "save", "reason": "Too slow."})
    made.refresh_from_db()
    event = AuditEvent.objects.order_by("-pk").first()
    assert (made.model, made.enabled, event.reason) == ("m2", False, "Too slow.")
    assert root.post(f"{SITE}{made.pk}/edit/", {"step": "delete"}).status_code == 302
    assert Generator.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"endpoint": "nowhere"}, "endpoint"),
        ({"api_key_variable": "sk-abcdef"}, "api_key_variable"),
        ({"sampling.temperature": "warm"}, "sampling.temperature"),
        ({"sampling.max_tokens": "1.5"}, "sampling.max_tokens"),
        ({"sampling.stop": "x\n" * 17}, "sampling.stop"),
        ({"sampling_more": "warm"}, "sampling_more"),
        ({"sampling_more": "[1]"}, "sampling_more"),
        ({"sampling_more": '{"model": "x"}'}, "sampling_more"),
        ({"server_kind": "magic"}, "server_kind"),
        ({"requests_per_minute": "0"}, "requests_per_minute"),
        ({"relation": "finetuned"}, "base_model"),
        ({"relation": "cousin"}, "relation"),
        ({"licence": "do what you want"}, "licence"),
        ({"output_terms": ""}, "output_terms"),
        ({"terms_url": "the card"}, "terms_url"),
        ({"prompt_format": "poem"}, "prompt_format"),
        ({"timeout_seconds": "0"}, "timeout_seconds"),
        ({"max_concurrent": "many"}, "max_concurrent"),
        ({"engine": "label"}, "engine"),
    ],
)
def test_what_is_wrong_with_a_generator_is_told_at_its_field(root, change, field):
    answer = root.post(f"{SITE}new/", {**read_form(root.get(f"{SITE}new/")), **SERVER, **change})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (422, [field])
    assert Generator.objects.count() == 0


def test_name_that_is_taken_is_told_at_the_name(root):
    make_server()
    answer = root.post(f"{SITE}new/", {**read_form(root.get(f"{SITE}new/")), **SERVER})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (409, ["name"])


def test_generator_that_was_asked_keeps_what_its_texts_came_from(root, campaign):
    lab = make_server()
    fail(campaign, lab)
    path = f"{SITE}{lab.pk}/edit/"
    answer = root.post(path, {**read_form(root.get(path)), "model": "other"})
    assert (answer.status_code, answer.context["rest_count"]) == (409, 1)
    deleted = root.post(path, {"step": "delete"})
    assert (deleted.status_code, "disable it instead" in deleted.text) == (409, True)


def test_endpoints_are_told_to_administrators_alone(root, ines):
    make_server()
    assert ("127.0.0.1:9" in root.get(SITE).text, "127.0.0.1:9" in ines.get(SITE).text) == (True, False)


def test_label_of_an_import_is_no_generator_of_the_site(root, campaign):
    label = Generator.objects.create(campaign=campaign, name="label", engine="label")
    assert root.get(f"{SITE}{label.pk}/").status_code == 404
    assert root.get(f"{SITE}99999999999999999999/").status_code == 404


def test_organizer_keeps_a_generator_for_variety_and_takes_that_back(ines, campaign):
    make_server("Lab")
    make_server("Pond")
    assert "switch it on under Edit" in ines.get(HERE).text
    ines.post(HERE, {"samples.Lab": "1", "samples.Pond": "2", "variety.Pond": "on"})
    assert list_generator_uses(campaign_id=campaign.pk) == [
        {"name": "Lab", "samples": 1},
        {"name": "Pond", "samples": 2, "for_variety": True},
    ]
    assert (read_form(ines.get(HERE)).get("variety.Pond"), read_form(ines.get(HERE)).get("variety.Lab")) == (
        ["on"],
        None,
    )
    ines.post(HERE, {"samples.Lab": "1", "samples.Pond": "2"})
    assert list_generator_uses(campaign_id=campaign.pk)[1] == {"name": "Pond", "samples": 2}
