"""A running campaign is changed in two presses: what would change is shown, then applied as it was shown."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import AuditEvent, Campaign, Generator
from annotate.services.campaign_files import read_campaign
from annotate.services.campaigns import change_campaign
from tests.web.organizing import make_run, read_form, sign_in

pytestmark = pytest.mark.django_db

HERE, FILE = "/campaigns/birds/edit/", "/campaigns/birds/edit/file/"


@pytest.fixture
def campaign():
    return make_run(state="open")


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def look(client, here=HERE, **more):
    return client.post(here, {**read_form(client.get(here)), **more, "step": "look"})


def press_apply(client, looked, here=HERE, **more):
    return client.post(here, {**read_form(looked), **more, "step": "apply"})


def shown(answer):
    return [(change.title, change.before, change.after) for change in answer.context["press"].changes]


def test_form_that_is_not_touched_changes_nothing(ines):
    answer = look(ines)
    assert (answer.status_code, shown(answer), answer.context["press"].is_same) == (200, [], True)
    assert "Nothing would change" in answer.text


def test_order_in_which_languages_and_kinds_are_ticked_is_no_change(ines, campaign):
    Campaign.objects.update(languages=["sw", "de", "en"], kinds=["compare", "rank"])
    answer = look(ines, title="Songbirds")
    assert [title for title, _before, _after in shown(answer)] == ["Title"]


def test_first_press_shows_and_second_applies(ines, campaign):
    looked = look(ines, title="Songbirds", **{"parameters.redundancy": "5", "parameters.daily_cap": "9"})
    assert shown(looked) == [
        ("Title", "Birds", "Songbirds"),
        ("Judgments for each piece of work", "3", "5"),
        ("Judgments one person may give in 24 hours", "none", "9"),
    ]
    assert "Work that is open follows within a minute." in looked.text
    campaign.refresh_from_db()
    assert (campaign.title, campaign.parameters_version) == ("Birds", 1)
    applied = press_apply(ines, looked, reason="Two voices more.")
    campaign.refresh_from_db()
    assert (applied.status_code, applied["Location"]) == (302, HERE)
    assert (campaign.title, campaign.parameters["redundancy"], campaign.parameters["daily_cap"]) == ("Songbirds", 5, 9)
    event = AuditEvent.objects.order_by("-pk").first()
    assert (event.action, event.actor.email, event.reason) == (
        "campaign.changed",
        "ines@example.org",
        "Two voices more.",
    )
    assert "Applied: 3 changes." in ines.get(HERE).text


def test_what_was_not_looked_at_is_not_applied(ines, campaign):
    looked = look(ines, title="Songbirds")
    answer = press_apply(ines, looked, title="Something else")
    campaign.refresh_from_db()
    assert (answer.status_code, campaign.title) == (200, "Birds")
    assert shown(answer) == [("Title", "Birds", "Something else")]
    never = ines.post(HERE, {**read_form(ines.get(HERE)), "title": "Unseen", "step": "apply"})
    campaign.refresh_from_db()
    assert (never.status_code, campaign.title) == (200, "Birds")


def test_change_of_somebody_else_meanwhile_is_told_and_not_overwritten(ines, campaign):
    looked = look(ines, title="Songbirds")
    change_campaign(campaign=campaign, spec=read_campaign({"redundancy": 7}), actor=None, now=timezone.now())
    answer = press_apply(ines, looked)
    campaign.refresh_from_db()
    assert (answer.status_code, campaign.title, campaign.parameters["redundancy"]) == (409, "Birds", 7)
    assert "Somebody changed this campaign" in answer.text
    assert shown(answer) == [("Title", "Birds", "Songbirds"), ("Judgments for each piece of work", "7", "3")]
    assert press_apply(ines, answer).status_code == 302


def test_form_that_was_open_while_somebody_changed_the_campaign_says_so(ines, campaign):
    opened = read_form(ines.get(HERE))
    change_campaign(campaign=campaign, spec=read_campaign({"redundancy": 7}), actor=None, now=timezone.now())
    answer = ines.post(HERE, {**opened, "step": "look"})
    assert (answer.status_code, answer.context["press"].is_stale) == (200, True)


def test_change_of_the_guideline_meanwhile_is_nobodys_business_here(ines, campaign):
    looked = look(ines, title="Songbirds")
    change_campaign(campaign=campaign, spec=read_campaign({"guideline": "Listen."}), actor=None, now=timezone.now())
    assert press_apply(ines, looked).status_code == 302


def test_double_press_applies_once(ines, campaign):
    looked = look(ines, title="Songbirds")
    sent = {**read_form(looked), "step": "apply"}
    assert [ines.post(HERE, sent).status_code for _ in range(2)] == [302, 409]
    assert AuditEvent.objects.filter(action="campaign.changed").count() == 1


def test_what_is_wrong_is_told_at_its_field_and_kept(ines, campaign):
    answer = look(
        ines,
        title=" ",
        kinds=[],
        **{"parameters.min_judgments": "9", "parameters.max_judgments": "4", "parameters.lease_seconds": "1"},
    )
    assert answer.status_code == 422
    assert {field.name for field in answer.context["wrong"]} == {"title", "kinds", "parameters.lease_seconds"}
    both = look(ines, **{"parameters.min_judgments": "9", "parameters.max_judgments": "4"})
    assert [field.name for field in both.context["wrong"]] == ["parameters.max_judgments"]
    assert "This must be at least as many as the line above." in both.text
    assert "Write a number from 30 to 86,400." in answer.text
    assert read_form(both)["parameters.min_judgments"] == ["9"]


def test_language_with_a_target_is_not_taken_out(ines, campaign):
    targets = {"targets": [{"language": "de", "judgments": 3}]}
    change_campaign(campaign=campaign, spec=read_campaign(targets), actor=None, now=timezone.now())
    answer = look(ines, languages=["en"])
    assert (answer.status_code, len(answer.context["rest"])) == (422, 1)
    assert "de" in answer.context["rest"][0]


def test_file_is_what_holds_and_changes_what_is_written_in_it(ines, campaign):
    opened = read_form(ines.get(FILE))
    assert 'slug = "birds"' in opened["text"][0]
    same = ines.post(FILE, {**opened, "step": "look"})
    assert (same.status_code, same.context["press"].is_same) == (200, True)
    text = opened["text"][0].replace("redundancy = 3", "redundancy = 4")
    looked = ines.post(FILE, {**opened, "text": text, "step": "look"})
    assert shown(looked) == [("Judgments for each piece of work", "3", "4")]
    assert press_apply(ines, looked, FILE).status_code == 302
    assert Campaign.objects.get().parameters["redundancy"] == 4


def test_file_of_another_campaign_is_refused(ines, campaign):
    make_run("fish", state="open")
    text = read_form(ines.get(FILE))["text"][0].replace('slug = "birds"', 'slug = "fish"')
    answer = ines.post(FILE, {"text": text, "step": "apply"})
    assert (answer.status_code, "another campaign" in answer.text) == (422, True)


def test_problem_in_the_file_is_told_with_its_line_and_the_text_stays(ines, campaign):
    answer = ines.post(FILE, {"text": 'slug = "birds"\nredundancy = 0\n', "step": "look"})
    assert (answer.status_code, read_form(answer)["text"]) == (422, ['slug = "birds"\nredundancy = 0\n'])
    assert answer.context["rest"][0].startswith("redundancy, line 2:")


def test_form_of_a_running_campaign_costs_the_same_whatever_its_targets(ines, campaign, django_assert_num_queries):
    ines.get(HERE)
    with django_assert_num_queries(5):
        ines.get(HERE)
    targets = {"targets": [{"language": "de", "topic": str(n), "judgments": 3} for n in range(3)]}
    change_campaign(campaign=campaign, spec=read_campaign(targets), actor=None, now=timezone.now())
    with django_assert_num_queries(5):
        ines.get(HERE)


# --- growing trees


def growth_of(answer):
    """The fields of growing trees by name, and whether they are unfolded."""
    fields = {field.name for _title, fields in answer.context["growth"] for field in fields}
    return fields, answer.context["is_growth_open"]


def test_what_concerns_growing_trees_is_folded_where_none_grow(ines, campaign):
    fields, is_open = growth_of(ines.get(HERE))
    assert {"parameters.goal_tree_size", "parameters.min_reviews", "parameters.waiting_prompts"} <= fields
    assert not is_open
    Campaign.objects.update(parameters=campaign.parameters | {"grow_trees": True})
    page = ines.get(HERE)
    assert growth_of(page)[1]
    assert read_form(page)["parameters.grow_trees"] == ["on"]


def test_trees_are_switched_on_and_told_what_that_means(ines, campaign):
    looked = look(
        ines, **{"parameters.grow_trees": "on", "parameters.min_goal_tree_size": "5", "kinds": ["rank", "write_prompt"]}
    )
    assert ("Trees grow", "no", "yes") in shown(looked)
    assert ("Smaller trees from this many messages", "none", "5") in shown(looked)
    assert "prompts that are there go on growing" in looked.text
    assert press_apply(ines, looked).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.parameters["grow_trees"], campaign.parameters["min_goal_tree_size"]) == (True, 5)
    assert campaign.kinds == ["rank", "write_prompt"]


@pytest.mark.parametrize(
    ("sent", "name", "sentence"),
    [
        ({"min_reviews": "4", "max_reviews": "3"}, "max_reviews", "This must be at least as many as the line above."),
        ({"review_floor": "3"}, "review_floor", "This must be at most as many as decide where people agree."),
        ({"min_goal_tree_size": "13"}, "min_goal_tree_size", "This must be at most as many as the line above."),
        ({"acceptance_threshold": "1"}, "acceptance_threshold", "Write a number from 0 to 0.99."),
        ({"goal_tree_size": ""}, "goal_tree_size", "Write a whole number from 1 to 500."),
        ({"pair_share": "most"}, "pair_share", "Write a number from 0 to 1."),
        ({"report_limit": "0"}, "report_limit", "Write a whole number from 1 to 1,000."),
    ],
)
def test_what_is_wrong_about_growing_trees_is_told_at_its_field_unfolded(ines, campaign, sent, name, sentence):
    answer = look(ines, **{f"parameters.{key}": value for key, value in sent.items()})
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, [f"parameters.{name}"])
    assert answer.context["wrong"][0].errors == (sentence,)
    assert growth_of(answer)[1] or name == "report_limit"


def test_file_says_every_parameter_and_changes_those_of_growing_trees(ines, campaign):
    opened = read_form(ines.get(FILE))
    text = opened["text"][0]
    for line in (
        "grow_trees = false",
        "goal_tree_size = 12",
        "full_label_share_prompter = 0.25",
        "rank_prompts = false",
    ):
        assert line in text.splitlines()
    changed = text.replace("grow_trees = false", "grow_trees = true").replace(
        "goal_tree_size = 12", "goal_tree_size = 6"
    )
    looked = ines.post(FILE, {**opened, "text": changed, "step": "look"})
    assert shown(looked) == [("Trees grow", "no", "yes"), ("Messages of a whole tree", "12", "6")]
    assert press_apply(ines, looked, FILE).status_code == 302
    assert Campaign.objects.get().parameters["goal_tree_size"] == 6


def test_which_terms_of_models_a_campaign_takes_is_shown_in_words_and_kept(ines, campaign):
    looked = look(ines, output_terms=["attribution", "free"], model_licences="MIT; Apache-2.0")
    assert shown(looked) == [
        ("Terms on the texts of models that you take", "none", "Free for every use, The model must be named"),
        ("Licences of models that you take", "none", "Apache-2.0, MIT"),
    ]
    assert press_apply(ines, looked).status_code == 302
    campaign.refresh_from_db()
    assert (campaign.output_terms, campaign.model_licences) == (["free", "attribution"], ["Apache-2.0", "MIT"])
    assert shown(look(ines)) == []


def test_terms_that_leave_out_a_generator_of_the_campaign_are_refused_at_their_field(ines, campaign):
    Generator.objects.create(name="small", engine="transformers", model="small", output_terms="no_training")
    values = read_campaign({"generators": [{"name": "small"}]})
    change_campaign(campaign=campaign, spec=values, actor=None, now=timezone.now())
    answer = look(ines, output_terms=["free"])
    [wrong] = answer.context["wrong"]
    assert (answer.status_code, wrong.name) == (422, "output_terms")
    assert wrong.errors[0].startswith("The terms on what small writes are “Not for training other models”.")


def test_licence_of_a_model_that_is_none_is_refused_at_its_field(ines):
    answer = look(ines, model_licences="MIT, ?")
    assert [(field.name, field.errors) for field in answer.context["wrong"]] == [
        ("model_licences", ("Write the licence by its short name, such as Apache-2.0, MIT or llama3.1.",))
    ]
