"""Who may open which page of a campaign: nobody, a guest, an annotator, a moderator, an organizer, an administrator."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from annotate.models import Generator
from annotate.services.imports import ImportOptions, create_import
from annotate.services.releases import request_release
from tests.loop import make_campaign as make_loop_campaign
from tests.releases import make_given
from tests.web.organizing import HTMX, WHO, come_as, make_run

pytestmark = pytest.mark.django_db

SIGN_IN, GUEST, NO, YES = (302, "sign-in"), (403, ""), (403, ""), (200, "")
#: What nobody, a guest, an annotator, a moderator, an organizer and an administrator are answered.
EVERYBODY = (YES, YES, YES, YES, YES, YES)
ACCOUNTS = (SIGN_IN, GUEST, YES, YES, YES, YES)
MODERATORS = (SIGN_IN, GUEST, NO, YES, YES, YES)
ORGANIZERS = (SIGN_IN, GUEST, NO, NO, YES, YES)
ADMINISTRATORS = (SIGN_IN, GUEST, NO, NO, NO, YES)
PAGES = {
    "campaigns": EVERYBODY,
    "guideline": EVERYBODY,
    "campaign_new": ACCOUNTS,
    "campaign_new_file": ACCOUNTS,
    "campaign_edit": ORGANIZERS,
    "edit_file": ORGANIZERS,
    "edit_guideline": ORGANIZERS,
    "edit_questions": ORGANIZERS,
    "edit_targets": ORGANIZERS,
    "campaign_state": ORGANIZERS,
    "campaign_api": ORGANIZERS,
    "imports": ORGANIZERS,
    "import_run": ORGANIZERS,
    "generators": MODERATORS,
    "members": ORGANIZERS,
    "releases": ORGANIZERS,
    "release": ORGANIZERS,
    "audit": ORGANIZERS,
    "site_generators": (SIGN_IN, GUEST, NO, NO, YES, YES),
    "generator_new": ADMINISTRATORS,
    "generator": ADMINISTRATORS,
    "generator_edit": ADMINISTRATORS,
}
OF_THE_SITE = {"campaigns", "campaign_new", "campaign_new_file", "site_generators", "generator_new"}
OF_A_GENERATOR = {"generator", "generator_edit"}
#: What only a press does, and who may.
VERBS = {"ask_generators": ORGANIZERS, "release_schedule": ORGANIZERS}


@pytest.fixture
def run(settings, tmp_path):
    """An open campaign with guests, an import and a release, to which everything on its pages belongs."""
    settings.UPLOAD_DIR, settings.RELEASE_DIR = tmp_path / "uploads", tmp_path / "releases"
    campaign, _people = make_given("ada", guests=True)
    create_import(campaign=campaign, actor=None, chunks=[b"Why?"], file_name="a.txt", options=ImportOptions())
    request_release(campaign=campaign, actor=None, now=timezone.now())
    Generator.objects.create(name="Lab", engine="openai", endpoint="http://127.0.0.1:9/v1", model="m")
    return campaign


def address(name, campaign):
    if name in OF_THE_SITE:
        return reverse(name)
    if name in OF_A_GENERATOR:
        return reverse(name, args=[Generator.objects.get(name="Lab").pk])
    more = {"import_run": [campaign.imports.get().public_id] if name == "import_run" else [], "release": [1]}
    return reverse(name, args=[campaign.slug, *more.get(name, [])])


def outcome(answer):
    return answer.status_code, "sign-in" if answer.get("Location", "").startswith("/account/login/") else ""


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_for_those_who_may(run, name):
    answers = tuple(outcome(come_as(who, run).get(address(name, run))) for who in WHO)
    assert dict(zip(WHO, answers, strict=True)) == dict(zip(WHO, PAGES[name], strict=True))


@pytest.mark.parametrize("name", [name for name in PAGES if PAGES[name] in (ORGANIZERS, ADMINISTRATORS)])
def test_press_is_refused_to_those_who_may_not_look(run, name):
    for who in WHO[:4]:
        answer = come_as(who, run).post(address(name, run), {"step": "apply", "state": "closed", "sure": "1"})
        assert answer.status_code in {401, 403, 405}, who
    run.refresh_from_db()
    assert run.state == "open"


@pytest.mark.parametrize("name", VERBS)
def test_verb_is_refused_to_those_who_do_not_organize(run, name):
    assert [come_as(who, run).post(address(name, run)).status_code for who in WHO[:4]] == [401, 403, 403, 403]
    assert come_as("organizer", run).get(address(name, run)).status_code == 405


def test_nobody_but_an_organizer_removes_a_member(run):
    organizer = come_as("organizer", run)
    member = run.memberships.get(user__email="organizer@example.org")
    path = reverse("member_remove", args=[run.slug, member.user_id])
    assert [come_as(who, run).post(path).status_code for who in WHO[:4]] == [401, 403, 403, 403]
    assert (organizer.get(path).status_code, run.memberships.filter(pk=member.pk).exists()) == (405, True)


def test_draft_is_there_for_its_members_alone():
    draft = make_run("secret")
    make_loop_campaign(slug="other", guests=True)
    statuses = {who: come_as(who, draft).get(reverse("guideline", args=["secret"])).status_code for who in WHO}
    assert statuses == {
        "nobody": 404,
        "guest": 404,
        "annotator": 404,
        "moderator": 200,
        "organizer": 200,
        "administrator": 200,
    }


def test_generators_stay_hidden_from_whoever_judges(run):
    page = come_as("annotator", run).get(reverse("guideline", args=[run.slug])).text
    assert reverse("generators", args=[run.slug]) not in page
    assert reverse("guideline", args=[run.slug]) in page


def test_navigation_shows_what_one_may_open(run):
    path = reverse("guideline", args=[run.slug])
    shown = {
        who: [name for name in ("generators", "members", "audit", "imports") if f'"{reverse(name, args=[run.slug])}"' in come_as(who, run).get(path).text]
        for who in ("moderator", "organizer")
    }  # fmt: skip
    assert shown == {"moderator": ["generators"], "organizer": ["generators", "members", "audit", "imports"]}


def test_navigation_marks_where_one_is(run):
    page = come_as("organizer", run).get(reverse("edit_targets", args=[run.slug])).text
    assert f'<a href="{reverse("campaign_edit", args=[run.slug])}" aria-current="true">' in page
    assert f'href="{reverse("edit_targets", args=[run.slug])}" aria-current="page"' in page


def test_only_administrators_make_campaigns_where_the_site_says_so(run, settings):
    settings.OPEN_CAMPAIGNS = False
    path = reverse("campaign_new")
    assert [come_as(who, run).get(path).status_code for who in ("organizer", "administrator")] == [403, 200]
    assert path not in come_as("organizer", run).get(reverse("campaigns")).text
    assert path in come_as("administrator", run).get(reverse("campaigns")).text


def test_htmx_is_told_a_refusal_as_a_note(run):
    answer = come_as("annotator", run).get(reverse("audit", args=[run.slug]), headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (403, "#refusal")
