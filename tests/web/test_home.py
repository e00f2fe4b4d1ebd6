"""The first page for whoever is new, and what every answer of the site carries."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from annotate.models import Campaign, Release
from annotate.queries import landing
from annotate.services.guests import create_guest
from annotate.services.people import create_user
from annotate.services.scheduling import store_progress
from annotate.services.terms import CURRENT_TERMS
from annotate.web.visitors import GUEST_COOKIE
from tests.loop import make_campaign, make_prompt
from tests.releases import build, make_given, rank_all

ENGLISH = {"Accept-Language": "en"}


def numbers(page: str) -> dict[str, str]:
    """The live numbers of a page, by what they count."""
    return dict(re.findall(r"<div><dt>([^<]+)</dt><dd>([^<]+)</dd></div>", page))


@pytest.mark.django_db
def test_first_page_says_what_this_is(client: Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "human feedback on language models" in answer.text


@pytest.mark.django_db
def test_first_page_of_an_empty_site_asks_for_an_account_and_shows_no_work_and_no_zeros(client: Client) -> None:
    page = client.get("/").text
    assert re.findall(r'class="btn main"[^>]*>([^<]+)<', page) == ["Make an account"]
    assert numbers(page) == {}
    assert "No campaign is open now." in page


@pytest.mark.django_db
def test_pair_at_the_door_can_be_judged_at_once_with_the_terms_beside_it(client: Client) -> None:
    campaign = make_campaign(kinds=("compare",), guests=True)
    for text in ("Why do birds sing?", "Why do fish not?"):
        make_prompt(campaign, text, replies=2)
    page = client.get("/", headers=ENGLISH).text
    assert 'action="/try/"' in page
    assert re.findall(r'name="preference" value="(\w+)"', page) == ["a1", "tie", "b1"]
    assert 'By choosing you accept the <a href="/terms/">terms</a>' in page
    assert "under CC-BY-4.0" in page
    token = re.search(r'name="token" value="([^"]+)"', page).group(1)
    answer = client.post("/try/", {"token": token, "preference": "a1"})
    assert (answer.status_code, GUEST_COOKIE in answer.cookies) == (302, True)
    cache.clear()
    assert numbers(client.get("/about/").text)["judgment"] == "1"


@pytest.mark.django_db
def test_guests_start_with_one_press_where_there_is_no_pair(client: Client) -> None:
    make_prompt(make_campaign(guests=True))
    page = client.get("/", headers=ENGLISH).text
    assert re.findall(r'class="btn main"[^>]*>([^<]+)<', page) == ["Accept and judge one now"]
    assert f'name="terms" value="{CURRENT_TERMS}"' in page
    assert "without your name" in page


@pytest.mark.django_db
def test_campaign_that_takes_no_guests_offers_no_start_without_an_account(client: Client) -> None:
    make_prompt(make_campaign(kinds=("compare",)), replies=2)
    page = client.get("/", headers=ENGLISH).text
    assert 'action="/try/"' not in page
    assert 'action="/start/"' not in page


@pytest.mark.django_db
def test_what_this_is_stays_there_for_whoever_takes_part(client: Client) -> None:
    make_prompt(make_campaign(kinds=("compare",), guests=True), replies=2)
    client.force_login(create_user(email="ada@example.org", now=timezone.now(), with_terms=True))
    page = client.get("/about/").text
    assert re.findall(r'class="btn main"[^>]*>([^<]+)<', page) == ["Go to your work"]
    assert "How it works" in page


@pytest.mark.django_db
def test_numbers_are_those_of_the_site(client: Client) -> None:
    make_given("ada", "bea", prompts=2)
    make_given("cleo", slug="trees")
    assert numbers(client.get("/").text) == {
        "judgments": "5", "people": "3", "language": "1", "today so far": "0", "releases": "0",
    }  # fmt: skip


@pytest.mark.django_db
def test_person_in_two_campaigns_is_one(client: Client) -> None:
    _, [ada] = make_given("ada")
    other = make_campaign(slug="trees")
    make_prompt(other)
    rank_all(ada, other)
    assert numbers(client.get("/").text)["person"] == "1"


@pytest.mark.django_db
def test_large_site_adds_up_what_was_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "LIVE_JUDGMENTS", 2)
    campaign, _ = make_given("ada", "bea")
    queues = [{"kind": "rank", "language": "en", "done": 3, "surplus": 1}, {"kind": "rank", "language": "de", "done": 0, "surplus": 0}]  # fmt: skip
    result = {"judgments": 1_204_567, "queues": queues}
    store_progress(campaign_id=campaign.pk, units=10**6, result=result, overview={}, now=timezone.now())
    assert numbers(client.get("/").text) == {
        "judgments": "1,204,567", "people": "2", "language": "1", "today so far": "0", "releases": "0",
    }  # fmt: skip


@pytest.mark.django_db
def test_sealed_releases_are_listed_with_their_numbers(client: Client, settings, tmp_path) -> None:
    settings.RELEASE_DIR = tmp_path
    campaign, _ = make_given("ada", "bea", prompts=2)
    build(campaign)
    Release.objects.create(
        campaign=campaign,
        number=2,
        state="failed",
        licence="CC-BY-4.0",
        pseudonym_salt=b"",
        requested_at=timezone.now(),
    )
    page = client.get("/").text
    [row] = re.findall(r'<tr><th scope="row".*?</tr>', page)
    assert re.sub(r"(<[^>]+>)+", "|", row) == "|Birds|1|May 4, 2026|4|0|2|2|CC-BY-4.0|"


@pytest.mark.django_db
def test_release_that_was_withdrawn_and_campaigns_that_are_drafts_are_not_told(
    client: Client, settings, tmp_path
) -> None:
    settings.RELEASE_DIR = tmp_path
    campaign, _ = make_given("ada")
    build(campaign)
    Release.objects.update(state="withdrawn")
    make_campaign(slug="secret", state="draft")
    page = client.get("/").text
    assert ("None yet." in page, "Secret" in page, "Birds" in page) == (True, False, True)


@pytest.mark.django_db
@pytest.mark.parametrize("campaigns", [1, 3])
def test_first_page_costs_the_same_whatever_there_is(client: Client, django_assert_num_queries, campaigns: int) -> None:
    for number in range(campaigns):
        campaign = make_campaign(slug=f"pairs-{number}", kinds=("compare",), guests=True)
        for place in range(campaigns):
            make_prompt(campaign, f"Question {number} {place}", replies=2)
    with django_assert_num_queries(5):  # campaigns, releases, numbers; front and texts of the pair
        client.get("/", headers=ENGLISH)
    with django_assert_num_queries(2):  # what is known is kept for some seconds
        client.get("/", headers=ENGLISH)


@pytest.mark.django_db
def test_first_page_stands_while_the_cache_is_away(client: Client, settings, free_port: int) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{free_port}"}}
    make_given("ada")
    assert numbers(client.get("/").text)["judgment"] == "1"


@pytest.mark.django_db
def test_campaign_s_words_are_shown_as_words(client: Client) -> None:
    Campaign.objects.filter(pk=make_campaign().pk).update(title="<b>bold</b>", purpose="<script>x</script>")
    page = client.get("/").text
    assert ("<b>bold" in page, "&lt;b&gt;bold" in page, "<script>x" in page) == (False, True, False)


@pytest.mark.django_db
def test_terms_are_there_for_everybody_and_ask_for_consent_where_it_is_missing(client: Client) -> None:
    assert "Accept them" not in client.get("/terms/").text
    client.force_login(create_user(email="ada@example.org", now=timezone.now()))
    assert "Accept them" in client.get("/terms/").text


@pytest.mark.django_db
def test_terms_are_accepted_with_one_button_that_leads_back(client: Client) -> None:
    user = create_user(email="ada@example.org", now=timezone.now())
    client.force_login(user)
    page = client.get("/terms/accept/?next=/work/7/").text
    assert ('name="next" value="/work/7/"' in page, f'value="{CURRENT_TERMS}"' in page) == (True, True)
    answer = client.post("/terms/accept/", {"next": "/work/7/", "terms_version": CURRENT_TERMS})
    user.annotator.refresh_from_db()
    assert (answer["Location"], user.annotator.accepted_terms) == ("/work/7/", CURRENT_TERMS)


@pytest.mark.django_db
def test_terms_that_were_replaced_are_not_accepted_and_the_new_ones_shown(client: Client) -> None:
    user = create_user(email="ada@example.org", now=timezone.now())
    client.force_login(user)
    answer = client.post("/terms/accept/", {"next": "https://evil.example/", "terms_version": "2020-01"})
    user.annotator.refresh_from_db()
    assert (answer.status_code, user.annotator.accepted_terms) == (422, "")
    assert ("The terms have changed" in answer.text, "evil.example" in answer.text) == (True, False)


@pytest.mark.django_db
def test_terms_cannot_be_accepted_by_nobody(client: Client) -> None:
    assert client.get("/terms/accept/")["Location"].startswith("/account/login/")
    assert client.post("/terms/accept/", {"terms_version": CURRENT_TERMS}).status_code == 401


@pytest.mark.django_db
def test_guest_accepts_new_terms_as_an_account_does(client: Client) -> None:
    make_campaign(guests=True)
    guest, token = create_guest(languages=[], terms_version=CURRENT_TERMS, now=timezone.now())
    guest.accepted_terms = ""
    guest.save()
    client.cookies[GUEST_COOKIE] = token
    client.post("/terms/accept/", {"terms_version": CURRENT_TERMS})
    guest.refresh_from_db()
    assert guest.accepted_terms == CURRENT_TERMS


@pytest.mark.django_db
def test_links_of_the_first_page_lead_somewhere(client: Client) -> None:
    answer = client.get("/")
    for path in (
        "/api/v1/docs/",
        "/terms/",
        "/about/",
        "/campaigns/",
        "/static/site/chorus.css",
        "/static/site/people.css",
        "/static/site/mark.svg",
    ):
        assert f'"{path}"' in answer.text
        found = client.get(path)
        assert found.status_code == 200
        if found.streaming:
            found.close()


@pytest.mark.django_db
def test_answer_forbids_everything_that_the_site_does_not_use(client: Client) -> None:
    headers = client.get("/").headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert (headers["Referrer-Policy"], headers["Cross-Origin-Opener-Policy"]) == ("same-origin", "same-origin")
    assert headers["Permissions-Policy"].startswith("camera=()")


@pytest.mark.parametrize("given", ["abc", "x" * 65, "no spaces please", "new\tline-here"])
def test_request_id_of_a_caller_is_taken_only_when_it_is_well_formed(client: Client, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "caller-0001"}).headers["X-Request-ID"] == "caller-0001"
    made = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert (made != given, len(made)) == (True, 16)
