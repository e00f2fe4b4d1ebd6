"""A campaign is made by a short form or by a file, and each step leads to the next."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotate.models import Campaign, Membership
from tasks.jobs.imports import run_imports_job
from tests.web.organizing import make_run, read_form, sign_in

pytestmark = pytest.mark.django_db

HERE, FILE = "/campaigns/new/", "/campaigns/new/file/"
TOML = 'slug = "fish"\ntitle = "Fish"\npreset = "compare"\nlanguages = ["en"]\n'


@pytest.fixture
def ines():
    return sign_in("ines")


def filled(client, **more):
    """The form as it comes, with these fields written."""
    return {**read_form(client.get(HERE)), **more}


def test_title_that_is_missing_is_one_problem_though_the_address_follows_from_it(ines):
    answer = ines.post(HERE, filled(ines, title=" ", languages=["en"]))
    assert (answer.status_code, answer.text.count("This must not be empty.")) == (422, 2)  # above, and at the field
    answer = ines.post(HERE, filled(ines, title="鳥", languages=["en"]))
    assert (answer.status_code, 'href="#f-slug"' in answer.text) == (422, True)


def test_few_answers_make_a_draft_with_its_organizer(ines):
    answer = ines.post(
        HERE, filled(ines, title="Birds of the North", languages=["en", "de"], languages_more="pt-br, ha")
    )
    campaign = Campaign.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, "/campaigns/birds-of-the-north/imports/")
    assert (campaign.slug, campaign.state, campaign.languages) == (
        "birds-of-the-north",
        "draft",
        ["en", "de", "pt-BR", "ha"],
    )
    assert (campaign.kinds, campaign.licence, campaign.allow_guests, campaign.parameters["redundancy"]) == (
        ["rank"],
        "CC-BY-4.0",
        False,
        3,
    )
    assert [(m.user.email, m.role) for m in Membership.objects.select_related("user")] == [
        ("ines@example.org", "organizer")
    ]
    assert "until you open it" in ines.get(answer["Location"]).text


def test_folded_settings_are_kept_too(ines):
    more = {
        "title": "Birds",
        "slug": "tweets",
        "preset": "trees",
        "allow_guests": "on",
        "parameters.redundancy": "5",
        "parameters.stop_confidence": "0,9",
        "parameters.daily_cap": "40",
        "parameters.require_rationale": "on",
        "release.schedule": "weekly",
    }
    assert ines.post(HERE, filled(ines, **more)).status_code == 302
    campaign = Campaign.objects.get()
    assert (campaign.slug, campaign.preset, campaign.allow_guests, campaign.release_schedule) == (
        "tweets",
        "trees",
        True,
        "weekly",
    )
    kept = ("redundancy", "stop_confidence", "daily_cap", "require_rationale")
    assert [campaign.parameters[name] for name in kept] == [5, 0.9, 40, True]


def test_everything_that_is_wrong_is_told_at_its_field_and_nothing_is_lost(ines):
    answer = ines.post(
        HERE,
        filled(
            ines,
            title="",
            purpose="To find out <why>.",
            languages=["en"],
            languages_more="en-",
            licence="CC BY",
            **{"parameters.redundancy": "many", "parameters.lease_seconds": "5"},
        ),
    )
    assert (answer.status_code, Campaign.objects.count()) == (422, 0)
    wrong = {field.name for field in answer.context["wrong"]}
    assert {"title", "languages_more", "licence", "parameters.redundancy", "parameters.lease_seconds"} == wrong
    assert "To find out &lt;why&gt;." in answer.text
    assert 'value="many"' in answer.text
    assert answer.context["is_more_open"]
    assert 'aria-describedby="f-title-hint f-title-error"' in answer.text


def test_address_that_is_taken_is_told_at_the_address(ines):
    make_run("birds", owner="otto")
    answer = ines.post(HERE, filled(ines, title="Birds"))
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (409, ["slug"])


@pytest.mark.parametrize("slug", ["new", "mine", "Two Words", "-x", "x" * 65])
def test_address_that_cannot_be_is_refused(ines, slug):
    answer = ines.post(HERE, filled(ines, title="Birds", slug=slug))
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, ["slug"])


def test_title_that_gives_no_address_asks_for_one(ines):
    answer = ines.post(HERE, filled(ines, title="鳥の歌"))
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (422, ["slug"])
    assert ines.post(HERE, filled(ines, title="鳥の歌", slug="songs")).status_code == 302


def test_file_shows_what_it_would_make_and_then_makes_it(ines):
    looked = ines.post(FILE, {"text": TOML, "step": "look"})
    assert (looked.status_code, Campaign.objects.count()) == (200, 0)
    shown = {change.title: change.after for change in looked.context["changes"]}
    assert (shown["Title"], shown["Kinds of work"]) == ("Fish", "Compare two replies")
    made = ines.post(FILE, {"text": looked.context["text"], "step": "apply"})
    assert (made.status_code, made["Location"]) == (302, "/campaigns/fish/imports/")
    assert (Campaign.objects.get().kinds, Membership.objects.get().role) == (["compare"], "organizer")


def test_file_may_be_chosen(ines):
    answer = ines.post(
        FILE, {"file": SimpleUploadedFile("c.toml", TOML.replace("\n", "\r\n").encode()), "step": "look"}
    )
    assert (answer.status_code, answer.context["text"], bool(answer.context["changes"])) == (200, TOML, True)


def test_unknown_key_is_refused_with_its_line(ines):
    answer = ines.post(FILE, {"text": TOML + 'colour = "red"\n[parameters]\nredundancy = 0\n', "step": "look"})
    assert answer.status_code == 422
    told = "\n".join(answer.context["rest"])
    assert "colour, line 5: There is no field" in told
    assert "parameters.redundancy, line 7:" in told
    assert "colour = &quot;red&quot;" in answer.text


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"text": "slug = x\n"}, "line 1"),
        ({"text": "  \n"}, "Nothing was sent."),
        ({"text": 'title = "x"'}, "slug: This is missing."),
        ({"file": SimpleUploadedFile("c.toml", b'title = "\xff"')}, "UTF-8"),
        ({"file": SimpleUploadedFile("c.toml", b"#" * (4 * 2**20 + 1))}, "bytes"),
    ],
)
def test_what_is_no_file_is_refused_with_a_sentence(ines, sent, sentence):
    answer = ines.post(FILE, {**sent, "step": "look"})
    assert answer.status_code == 422
    assert sentence in " ".join(answer.context["rest"])


def test_file_of_a_campaign_that_exists_changes_nothing_of_it(ines):
    make_run("fish", owner="otto")
    answer = ines.post(FILE, {"text": TOML, "step": "apply"})
    assert (answer.status_code, Campaign.objects.get().preset) == (409, "rank")
    assert "Choose another slug." in " ".join(answer.context["rest"])


def test_from_an_empty_site_to_an_open_campaign_with_prompts(ines, settings, tmp_path):
    """Each page leads to the next: made, prompts pasted, looked at, opened."""
    settings.UPLOAD_DIR = tmp_path
    assert HERE in ines.get("/campaigns/").text
    prompts = ines.post(HERE, filled(ines, title="Birds"), follow=True)
    imported = ines.post(prompts.request["PATH_INFO"], {"lines": "Why?\nHow?", "language": "en"}, follow=True)
    run_imports_job()
    done = ines.get(imported.request["PATH_INFO"])
    assert "/campaigns/birds/state/" in done.text
    assert 'name="state" value="open"' in ines.get("/campaigns/birds/state/").text
    opened = ines.post("/campaigns/birds/state/", {"state": "open"}, follow=True)
    campaign = Campaign.objects.get()
    assert (opened.status_code, campaign.state, campaign.trees.count()) == (200, "open", 2)


@pytest.mark.parametrize(("preset", "grows", "leads_to"), [("trees", True, "briefs"), ("rank", False, "imports")])
def test_preset_says_whether_trees_grow_and_what_comes_next(ines, preset, grows, leads_to):
    sent = filled(ines, title="Birds", preset=preset, **{"parameters.goal_tree_size": "7"})
    assert "parameters.grow_trees" not in sent
    answer = ines.post(HERE, sent)
    campaign = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/birds/{leads_to}/"
    assert (campaign.parameters["grow_trees"], campaign.parameters["goal_tree_size"]) == (grows, 7)
    assert ines.get(answer["Location"]).status_code == 200


def test_what_is_wrong_about_growing_trees_unfolds_it(ines):
    answer = ines.post(HERE, filled(ines, title="Birds", **{"parameters.max_tree_depth": "0"}))
    assert (answer.status_code, [field.name for field in answer.context["wrong"]]) == (
        422,
        ["parameters.max_tree_depth"],
    )
    assert (answer.context["is_more_open"], answer.context["is_growth_open"]) == (True, True)
