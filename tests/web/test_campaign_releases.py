"""Releases are asked for, watched until they are sealed, looked at and fetched; and make themselves by a schedule."""

from __future__ import annotations

import gzip
import hashlib

import pytest

from annotate.management.release_tools import list_release_tools
from annotate.models import Campaign, Release
from annotate.services.release_building import build_release
from annotate.services.releases import claim_release
from tests.loop import NOW
from tests.releases import NAMES, make_given
from tests.web.organizing import HTMX, come_as, make_person, make_run, sign_in

pytestmark = pytest.mark.django_db

HERE = "/campaigns/birds/releases/"


@pytest.fixture(autouse=True)
def release_dir(settings, tmp_path):
    settings.RELEASE_DIR = tmp_path / "releases"


@pytest.fixture
def campaign():
    campaign, _people = make_given("ada", "bob")
    campaign.memberships.create(user=make_person("ines"), role="organizer")
    return campaign


@pytest.fixture
def ines(campaign):
    return sign_in("ines")


def build():
    claimed = claim_release(now=NOW)
    return build_release(claimed=claimed, tools=list_release_tools(), clock=lambda: NOW)


def test_release_is_asked_for_watched_and_fetched(ines):
    here = ines.post(HERE)["Location"]
    assert here == f"{HERE}1/"
    asking = {**HTMX, "HX-Target": "release"}
    waiting = ines.get(here, headers=asking)
    assert (waiting.status_code, 'hx-trigger="every 2s"' in waiting.text, "<html" in waiting.text) == (200, True, False)
    build()
    sealed = ines.get(here, headers=asking)
    assert (sealed.status_code, "hx-trigger" in sealed.text) == (286, False)
    page = ines.get(here)
    assert [file.name for file in page.context["files"]] == NAMES
    for file in page.context["files"]:
        assert (
            file.sha256 in page.text,
            f"{here}files/{file.name}".replace("/campaigns", "/api/v1/campaigns") in page.text,
        ) == (True, True)
    ballots = ines.get("/api/v1/campaigns/birds/releases/1/files/ballots.jsonl.gz")
    content = b"".join(ballots.streaming_content)
    ballots.close()
    assert hashlib.sha256(content).hexdigest() in page.text
    assert len(gzip.decompress(content).splitlines()) == 2


def test_card_is_shown_without_its_lines_for_machines(ines):
    ines.post(HERE)
    build()
    page = ines.get(f"{HERE}1/")
    assert page.context["card"].lstrip().startswith("#")
    assert "configs:" not in page.context["card"]


def test_counts_are_told_in_words(ines):
    ines.post(HERE)
    build()
    counted = {str(name): count for name, count in ines.get(f"{HERE}1/").context["release"]["counted"]}
    assert counted["rankings and comparisons"] == 2
    assert [name for name in counted if "_" in name] == []


def test_release_is_limited_to_what_is_ticked(ines, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(languages=["en", "de"])
    ines.post(HERE, {"languages": ["en"], "kinds": ["rank"]})
    release = Release.objects.get()
    assert release.filters == {"languages": ["en"]}
    assert "only English" in ines.get(HERE).text


@pytest.mark.parametrize("sent", [{}, {"languages": ["en"]}])
def test_everything_ticked_is_no_limit(ines, sent):
    ines.post(HERE, sent)
    assert Release.objects.get().filters == {}


@pytest.mark.parametrize(("sent", "field"), [({"languages": ["xx"]}, "languages"), ({"kinds": ["dance"]}, "kinds")])
def test_limit_that_cannot_be_is_told_at_its_field(ines, sent, field):
    answer = ines.post(HERE, sent)
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (422, [field])


def test_second_release_waits_for_the_first(ines):
    ines.post(HERE)
    answer = ines.post(HERE)
    assert (answer.status_code, Release.objects.count()) == (409, 1)
    assert "is being made already" in answer.text


def test_campaign_without_judgments_says_that_there_is_nothing():
    make_run("fish", state="open")
    answer = sign_in("ines").post("/campaigns/fish/releases/")
    assert (answer.status_code, "nothing to release" in answer.text) == (409, True)


def test_release_that_failed_says_why(ines, campaign):
    ines.post(HERE)
    Release.objects.update(state="failed", reason="The disk is full.")
    page = ines.get(f"{HERE}1/").text
    assert ("The disk is full." in page, "Ask for a new one" in page) == (True, True)


def test_release_is_withdrawn_with_a_reason(ines):
    ines.post(HERE)
    build()
    offered = ines.get(f"{HERE}1/").text
    assert ines.get(f"{HERE}1/withdraw/")["Location"] == f"{HERE}1/"
    assert (f'action="{HERE}1/withdraw/"' in offered, 'id="withdraw" open' in offered) == (True, False)
    answer = ines.post(f"{HERE}1/withdraw/", {"reason": "Names <b>are</b> in it."})
    assert (answer.status_code, answer["Location"]) == (302, f"{HERE}1/")
    page = ines.get(f"{HERE}1/")
    assert "Release 1 is withdrawn." in page.text
    assert "Names &lt;b&gt;are&lt;/b&gt; in it." in page.text
    assert [name in page.text for name in ("README.md", page.context["files"][0].sha256)] == [True, True]
    assert [part in page.text for part in ("/api/v1/campaigns/birds/releases/1/files/", "/withdraw/", "card-h")] == [
        False
    ] * 3
    listed = ines.get(HERE).text
    assert ("withdrawn" in listed, "Names &lt;b&gt;are" in listed) == (True, True)
    assert ines.get("/api/v1/campaigns/birds/releases/1/files/README.md").status_code == 410


def test_withdrawal_without_a_reason_is_asked_again(ines):
    ines.post(HERE)
    build()
    answer = ines.post(f"{HERE}1/withdraw/", {"reason": "  "})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (422, ["reason"])
    assert '<details class="fold section" id="withdraw" open>' in answer.text
    assert Release.objects.get().state == "sealed"


def test_withdrawal_that_cannot_be_says_why(ines, campaign):
    ines.post(HERE)
    answer = ines.post(f"{HERE}1/withdraw/", {"reason": "Why not"})
    assert (answer.status_code, "is not sealed" in answer.text, 'id="withdraw"' in answer.text) == (409, True, False)
    build()
    ines.post(f"{HERE}1/withdraw/", {"reason": "Why not"})
    answer = ines.post(f"{HERE}1/withdraw/", {"reason": "Once more"})
    assert (answer.status_code, "was withdrawn already" in answer.text) == (409, True)
    assert ines.post(f"{HERE}2/withdraw/", {"reason": "Why not"}).status_code == 404
    assert Release.objects.get().reason == "Why not"


def test_only_organizers_withdraw_a_release(ines, campaign):
    ines.post(HERE)
    build()
    answers = [
        come_as(who, campaign).post(f"{HERE}1/withdraw/", {"reason": "x"})
        for who in ("nobody", "annotator", "moderator")
    ]
    assert [answer.status_code for answer in answers] == [401, 403, 403]
    assert Release.objects.get().state == "sealed"


def test_release_that_is_not_there_is_not_found(ines):
    assert [ines.get(f"{HERE}{number}/").status_code for number in (1, 2**31, 10**30)] == [404, 404, 404]


def test_schedule_is_kept_and_shown(ines, campaign):
    answer = ines.post(f"{HERE}schedule/", {"release.schedule": "weekly", "parameters.release_target": ""})
    campaign.refresh_from_db()
    assert (answer.status_code, campaign.release_schedule, campaign.next_release_at is not None) == (
        302,
        "weekly",
        True,
    )
    assert "The next one is made on" in ines.get(HERE).text
    ines.post(f"{HERE}schedule/", {"release.schedule": "", "parameters.release_target": ""})
    campaign.refresh_from_db()
    assert (campaign.release_schedule, campaign.next_release_at) == (None, None)


def test_schedule_at_a_number_wants_the_number(ines, campaign):
    answer = ines.post(f"{HERE}schedule/", {"release.schedule": "target", "parameters.release_target": ""})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (
        422,
        ["parameters.release_target"],
    )
    ines.post(f"{HERE}schedule/", {"release.schedule": "target", "parameters.release_target": "500"})
    campaign.refresh_from_db()
    assert (campaign.release_schedule, campaign.parameters["release_target"]) == ("target", 500)


@pytest.mark.parametrize(
    "sent", [{"release.schedule": "yearly"}, {"release.schedule": "target", "parameters.release_target": "few"}]
)
def test_schedule_that_cannot_be_is_refused(ines, campaign, sent):
    assert ines.post(f"{HERE}schedule/", sent).status_code == 422
    campaign.refresh_from_db()
    assert campaign.release_schedule is None


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_whatever_its_length(ines, campaign, rows, django_assert_num_queries):
    for number in range(rows):
        Release.objects.create(
            campaign=campaign,
            number=number + 1,
            state="failed",
            licence="CC0-1.0",
            pseudonym_salt=b"x",
            requested_at=NOW,
        )
    with django_assert_num_queries(3):
        assert len(ines.get(HERE).context["releases"]) == rows


def test_why_a_release_failed_is_told_in_the_language_of_the_reader_and_why_it_was_withdrawn_as_it_was_written(ines):
    ines.post(HERE)
    reason = "Each time the files were written, somebody had taken back something in them. Ask for a new release later."
    Release.objects.update(state="failed", reason=reason)
    german = {"Accept-Language": "de"}
    assert "hatte jemand etwas darin zurückgenommen" in ines.get(f"{HERE}1/", headers=german).text
    ines.post(HERE)
    build()
    ines.post(f"{HERE}2/withdraw/", {"reason": "The tree has no prompt."})
    assert "The tree has no prompt." in ines.get(f"{HERE}2/", headers=german).text


def test_release_takes_only_texts_of_models_under_the_terms_that_are_ticked(ines, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(output_terms=["free", "attribution"])
    page = ines.get(HERE)
    (terms,) = [field for field in page.context["limits"] if field.name == "output_terms"]
    assert [str(option.title) for option in terms.options] == ["Free for every use", "The model must be named"]
    ines.post(HERE, {"output_terms": ["free"], "model_licences": "MIT, apache-2.0"})
    release = Release.objects.get()
    assert release.filters == {"output_terms": ["free"], "model_licences": ["MIT", "apache-2.0"]}
    assert "only Free for every use; MIT, apache-2.0" in ines.get(HERE).text


def test_release_under_terms_that_the_campaign_does_not_take_is_refused_at_its_field(ines, campaign):
    Campaign.objects.filter(pk=campaign.pk).update(model_licences=["MIT"])
    answer = ines.post(HERE, {"model_licences": "Apache-2.0"})
    assert (answer.status_code, [wrong.name for wrong in answer.context["wrong"]]) == (422, ["model_licences"])
    assert Release.objects.count() == 0
