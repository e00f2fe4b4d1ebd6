"""Somebody's own first page: what is needed and why, what they began, what became of theirs, why there is nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from annotate.models import Annotator, Assignment, Campaign, Judgment, Message, MessageTree, Release, Stratum, Unit
from annotate.queries.home import count_lately
from annotate.services.guests import create_guest
from annotate.services.holds import release_holds, save_draft
from annotate.services.people import create_user, set_languages
from annotate.services.scheduling import store_progress
from annotate.services.terms import CURRENT_TERMS, withdraw_consent
from annotate.web.visitors import GUEST_COOKIE
from tests.kinds import make_brief, make_growing, open_unit
from tests.loop import ask, make_annotator, make_campaign, make_prompt, ranking_of, submit
from tests.releases import build

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Annotator:
    """Somebody who is signed in with the browser `client`."""
    user = create_user(email="ada@example.org", display_name="Ada", now=timezone.now(), with_terms=True)
    client.force_login(user)
    return user.annotator


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


def hold(annotator: Annotator, campaign: Campaign, **more) -> dict:
    return ask(annotator, campaign, now=timezone.now(), **more)["assignment"]


def rank(annotator: Annotator, campaign: Campaign) -> int:
    """Rank what is offered; returns the id of the judgment. What comes along is given back."""
    held = hold(annotator, campaign)
    judgment = submit(annotator, held["id"], ranking_of(held), now=timezone.now())["judgment"]["id"]
    release_holds(annotator_id=annotator.pk, now=timezone.now())
    return judgment


def text_of(page: str) -> str:
    """What a reader reads, in one line."""
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split()).replace(" ,", ",")


def buttons(page: str) -> list[str]:
    return [" ".join(words.split()) for words in re.findall(r'class="btn main"[^>]*>([^<]+)<', page)]


def test_one_thing_to_do_stands_first_with_why_it_is_needed(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign, topic="singing")
    Unit.objects.get().detail.__class__.objects.update(
        reason_code="stratum_thin", reason_args={"where": "singing (en)", "done": 3, "target": 40}
    )
    page = client.get("/").text
    assert buttons(page) == ["Next piece of work"]
    assert 'action="/campaigns/birds/next/"' in page
    assert "Good to have you here, Ada Needed most, of what you can do Rank replies in English" in text_of(page)
    assert "English, singing has 3 of the 40 judgments it needs. Birds" in text_of(page)


def test_no_language_is_named_to_whoever_has_chosen_none(client: Client, ada: Annotator) -> None:
    make_prompt(make_campaign(languages=("en", "de")), language="de")
    text = text_of(client.get("/").text)
    assert "Needed most, of what you can do Rank replies You have chosen no language yet" in text
    client.post("/me/languages/", {"language": ["de"]})
    assert "Rank replies in Deutsch" in text_of(client.get("/").text)


def test_looking_claims_nothing(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    client.get("/")
    assert Assignment.objects.count() == 0


def test_cells_farthest_behind_come_first(client: Client, ada: Annotator, campaign: Campaign) -> None:
    for topic, target, done in [("flight", 10, 5), ("song", 10, 1), ("eggs", 10, 10), ("nests", None, 0)]:
        make_prompt(campaign, f"About {topic}?", topic=topic)
        Stratum.objects.filter(topic=topic).update(target=target, done=done)
    page = text_of(client.get("/").text)
    assert re.findall(r"English, (\w+) Birds (\d+ of \d+)", page) == [("song", "1 of 10"), ("flight", "5 of 10")]


def test_queue_without_targets_is_told_as_far_as_it_was_counted(
    client: Client, ada: Annotator, campaign: Campaign
) -> None:
    make_prompt(campaign)
    assert "English Birds not counted yet" in text_of(client.get("/").text)
    result = {"judgments": 2, "queues": [{"kind": "rank", "language": "en", "needed": 30, "done": 2, "surplus": 0}]}
    store_progress(campaign_id=campaign.pk, units=10, result=result, overview={}, now=timezone.now())
    page = client.get("/").text
    assert "English Birds 2 of 30" in text_of(page)
    assert re.findall(r'<progress value="(\d+)" max="(\d+)"', page) == [("2", "30")]


def test_what_somebody_may_not_do_is_not_asked_of_them(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    german = make_campaign(slug="voegel", languages=("de",))
    make_prompt(german, "Warum singen Vögel?", language="de")
    make_prompt(make_campaign(slug="draft", state="draft"), "Hidden?")
    set_languages(annotator_id=ada.pk, languages=["en"])
    page = text_of(client.get("/").text)
    assert ("Birds" in page, "Voegel" in page, "Draft" in page) == (True, False, False)


def test_own_work_and_what_was_seen_is_not_asked_again(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    rank(ada, campaign)
    page = text_of(client.get("/").text)
    assert "Needed most" not in page
    assert "You have done all that is here for you" in page
    assert buttons(client.get("/").text) == ["Look further"]


def test_nothing_is_explained_with_what_is_nearest(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    german = make_campaign(slug="voegel", languages=("de",))
    set_languages(annotator_id=ada.pk, languages=["de"])
    page = client.get("/").text
    assert "Nothing is here for you now" in text_of(page)
    assert "Rank replies in English in another campaign" in text_of(page)
    assert re.findall(r'name="language" value="(\w+)"><button', page) == ["en"]
    assert german.slug == "voegel"


def test_site_without_an_open_campaign_says_so(client: Client, ada: Annotator) -> None:
    page = client.get("/").text
    assert "No campaign is open to you now" in text_of(page)
    assert "When a campaign opens, you choose here" in page


def test_campaign_for_accounts_alone_tells_a_guest_how_to_come_in(client: Client, campaign: Campaign) -> None:
    make_prompt(campaign)
    make_campaign(slug="other", guests=True)
    Campaign.objects.filter(slug="other").update(state="open")
    _, token = create_guest(languages=[], terms_version=CURRENT_TERMS, now=timezone.now())
    Campaign.objects.filter(slug="other").update(state="closed")
    client.cookies[GUEST_COOKIE] = token
    page = client.get("/").text
    assert "This campaign is for people with an account." in page
    assert ('href="/account/signup/"' in page, "Make it yours" in page) == (True, True)


def test_suspended_person_is_told_and_offered_nothing(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    ada.suspended_at = timezone.now()
    ada.save()
    page = client.get("/").text
    assert ("This account is suspended" in page, buttons(page)) == (True, [])


def test_terms_come_first_where_they_are_not_accepted(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    withdraw_consent(annotator_id=ada.pk, now=timezone.now())
    page = client.get("/").text
    assert buttons(page) == ["Read the terms"]
    assert 'href="/terms/accept/?next=/"' in page


def test_live_holds_and_drafts_can_be_resumed(client: Client, ada: Annotator, campaign: Campaign) -> None:
    for text in ("Why do birds sing?", "Why do birds fly?", "Why do birds nest?"):
        make_prompt(campaign, text)
    left = hold(ada, campaign)
    save_draft(annotator_id=ada.pk, assignment_id=left["id"], draft={"tiers": [["a"], ["b", "c"]]}, draft_version=0,
               now=timezone.now())  # fmt: skip
    release_holds(annotator_id=ada.pk, now=timezone.now())
    Assignment.objects.filter(pk=left["id"]).update(state="expired", closed_at=timezone.now())
    live = hold(ada, campaign)["id"]
    without_draft = Assignment.objects.exclude(pk__in=[left["id"], live])
    page = client.get("/").text
    begun = page[page.index("Where you left off") : page.index("What is lacking")]
    assert re.findall(r'href="/work/(\d+)/"', begun) == list(dict.fromkeys([str(live), str(left["id"])]))
    assert ("draft kept" in begun, without_draft.count()) == (live != left["id"], 0)


def test_expired_draft_says_how_far_it_is(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    held = hold(ada, campaign)
    save_draft(annotator_id=ada.pk, assignment_id=held["id"], draft={"tiers": [["a"], ["b", "c"]]}, draft_version=0,
               now=timezone.now())  # fmt: skip
    release_holds(annotator_id=ada.pk, now=timezone.now())
    page = text_of(client.get("/").text)
    assert "Why do birds sing? draft kept Rank replies in English · 3 placed so far" in page


def test_hold_says_how_long_it_lasts_while_it_does(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    held = hold(ada, campaign)["id"]
    Assignment.objects.filter(pk=held).update(lease_expires_at=timezone.now() + timedelta(minutes=20, seconds=30))
    assert "yours for 20" in client.get("/").text.replace("\xa0", " ")
    Assignment.objects.filter(pk=held).update(lease_expires_at=timezone.now() - timedelta(minutes=1))
    page = client.get("/").text
    assert (f'href="/work/{held}/"' in page, "yours for" in page, "draft kept" in page) == (True, False, False)


def test_hold_without_a_draft_that_ended_is_not_among_them(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    hold(ada, campaign)
    release_holds(annotator_id=ada.pk, now=timezone.now())
    assert "Where you left off" not in client.get("/").text


def test_text_that_was_taken_out_is_not_shown_again(client: Client, ada: Annotator, campaign: Campaign) -> None:
    prompt = make_prompt(campaign, "Something rude?")
    rank(ada, campaign)
    prompt.removed_at = timezone.now()
    prompt.save()
    page = client.get("/me/contributions/").text
    assert ("Something rude?" in page, "Its text was taken out" in page) == (False, True)


@pytest.mark.parametrize(
    ("change", "fate", "sentence"),
    [
        ({}, "counted", "It has 1 of the 3 judgments it needs."),
        ({"unit": {"needed": 1}}, "complete", "The one judgment that it needs is in."),
        ({"unit": {"is_open": False}}, "counted", "No more people are asked about this."),
        ({"judgment": {"withdrawn_at": timezone.now()}}, "withdrawn", "It enters no release."),
    ],
)  # fmt: skip
def test_contribution_says_what_became_of_it(
    client: Client, ada: Annotator, campaign: Campaign, change: dict, fate: str, sentence: str
) -> None:
    make_prompt(campaign)
    rank(ada, campaign)
    Unit.objects.update(**change.get("unit", {"band": 500}))
    if values := change.get("judgment"):
        Judgment.objects.update(**values)
    page = text_of(client.get("/").text)
    assert f"Why do birds sing? {fate} Rank replies in English · Birds · just now . {sentence}" in page


@pytest.mark.parametrize(
    ("review", "tree", "reason", "fate", "sentence"),
    [
        ("pending", "prompt_review", "", "in review", "Others look at it before it counts."),
        ("rejected", "low_grade", "prompt_rejected", "not accepted", "Others found it to be spam"),
        ("accepted", "waiting", "reviewed", "waiting", "It is accepted and waits for its turn"),
        ("accepted", "growing", "drawn", "accepted", "It is part of a conversation that goes on."),
        ("accepted", "done", "ranked", "complete", "Its conversation is finished and ranked."),
        ("accepted", "retired", "not_needed", "not used", "More prompts waited than are needed here"),
        ("accepted", "retired", "nobody_came", "not used", "Nobody came to answer"),
        ("accepted", "halted", "by_moderator", "halted", "A moderator or many people stopped"),
    ],
)
def test_who_wrote_a_prompt_learns_what_became_of_it(
    client: Client, ada: Annotator, review: str, tree: str, reason: str, fate: str, sentence: str
) -> None:
    campaign = make_growing()
    open_unit(campaign, "write_prompt", brief=make_brief(campaign))
    held = hold(ada, campaign)
    submit(ada, held["id"], {"text": "Why do robins sing?"}, now=timezone.now())
    Message.objects.update(review_state=review)
    MessageTree.objects.update(state=tree, state_reason=reason)
    for page in ("/", "/me/contributions/"):
        assert f"Why do robins sing? {fate} Write a prompt in English" in text_of(client.get(page).text)
        assert sentence in text_of(client.get(page).text)


def test_extra_judgment_is_called_so(client: Client, ada: Annotator) -> None:
    campaign = make_campaign(redundancy=1)
    make_prompt(campaign)
    held = hold(ada, campaign)
    release_holds(annotator_id=ada.pk, now=timezone.now())
    rank(make_annotator("bea"), campaign)
    submit(ada, held["id"], ranking_of(held), now=timezone.now())
    assert "extra Rank replies in English · Birds · just now . All places were taken; it is kept, and used." in text_of(
        client.get("/").text
    )


def test_release_that_holds_it_is_named(client: Client, ada: Annotator, campaign: Campaign, settings, tmp_path) -> None:
    settings.RELEASE_DIR = tmp_path
    make_prompt(campaign)
    rank(ada, campaign)
    build(campaign)
    assert "in release 1" in client.get("/").text
    Release.objects.update(state="withdrawn")
    assert "in release 1" not in client.get("/").text


def test_nothing_of_others_is_told(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    bea = make_annotator("bea")
    held = hold(bea, campaign)
    submit(bea, held["id"], ranking_of(held, rationale="bea thinks so"), now=timezone.now())
    rank(ada, campaign)
    for address in ("/", "/me/contributions/"):
        page = client.get(address).text
        assert ("bea" in page, "Reply 0" in page) == (False, False)


def test_languages_are_chosen_on_the_first_page(client: Client, ada: Annotator) -> None:
    make_campaign(languages=("en", "de", "sw"))
    page = client.get("/").text
    assert re.findall(r'name="language" value="(\w+)"', page[page.index("Which languages") :][:2000]) == [
        "de",
        "en",
        "sw",
    ]
    answer = client.post("/me/languages/", {"language": ["sw", "en"], "next": "/"})
    assert answer["Location"] == "/"
    page = client.get("/").text
    assert ("Which languages" in page, re.findall(r'value="(\w+)" checked', page)) == (False, ["en", "sw"])
    assert "You are offered work in these languages alone." in page


def test_language_that_is_none_is_refused(client: Client, ada: Annotator) -> None:
    answer = client.post("/me/languages/", {"language": ["not a language"]})
    assert (answer.status_code, ada.language_skills.count()) == (422, 0)


def test_contributions_come_in_parts_newest_first(
    client: Client, ada: Annotator, campaign: Campaign, monkeypatch
) -> None:
    monkeypatch.setattr("annotate.web.me.PAGE_SIZE", 2)
    for number in range(3):
        make_prompt(campaign, f"Question {number}?")
        rank(ada, campaign)
    ids = list(Judgment.objects.order_by("-created_at", "-pk").values_list("pk", flat=True))
    first = client.get("/me/contributions/").text
    assert (re.findall(r"Question \d", first), f'href="?before={ids[1]}"' in first) == (
        ["Question 2", "Question 1"],
        True,
    )
    second = client.get(f"/me/contributions/?before={ids[1]}").text
    assert (re.findall(r"Question \d", second), "Older" in second, "Newest" in second) == (["Question 0"], False, True)


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "0"])
def test_odd_address_of_a_part_is_the_newest_part(
    client: Client, ada: Annotator, campaign: Campaign, before: str
) -> None:
    make_prompt(campaign)
    rank(ada, campaign)
    assert "Why do birds sing?" in client.get("/me/contributions/", {"before": before}).text


def test_part_before_somebody_else_s_judgment_is_empty(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    rank(ada, campaign)
    theirs = rank(make_annotator("bea"), campaign)
    assert "There is nothing older." in client.get("/me/contributions/", {"before": theirs}).text


@pytest.mark.parametrize("rows", [1, 3])
def test_first_page_costs_the_same_whatever_there_is(
    client: Client, ada: Annotator, django_assert_num_queries, rows: int
) -> None:
    for number in range(rows):
        campaign = make_campaign(slug=f"birds-{number}", languages=("en", "de"))
        for place in range(3):
            make_prompt(campaign, f"Question {number} {place}?", topic=f"topic {place}")
        Stratum.objects.update(target=10)
        rank(ada, campaign)
        held = hold(ada, campaign)
        save_draft(
            annotator_id=ada.pk, assignment_id=held["id"], draft={"tiers": [["a"]]}, draft_version=0, now=timezone.now()
        )
    with django_assert_num_queries(8):  # who; campaigns, openings, cells, counted, begun, given, seven days
        client.get("/")


@pytest.mark.parametrize("rows", [1, 3])
def test_list_of_contributions_costs_the_same_whatever_there_is(
    client: Client, ada: Annotator, campaign: Campaign, django_assert_num_queries, rows: int
) -> None:
    for number in range(rows):
        make_prompt(campaign, f"Question {number}?")
        rank(ada, campaign)
    with django_assert_num_queries(2):  # who, and theirs
        client.get("/me/contributions/")


def test_judgments_of_seven_days_are_counted(client: Client, ada: Annotator, campaign: Campaign) -> None:
    make_prompt(campaign)
    rank(ada, campaign)
    assert "<dt>judgment</dt><dd>1</dd>" in client.get("/").text
    assert count_lately(annotator_id=ada.pk, now=timezone.now() + timedelta(days=8)) == 0


def test_languages_of_the_browser_are_ticked_until_some_are_kept(ada, client) -> None:
    make_prompt(make_campaign(languages=("en", "de", "fr")))
    asked = {"Accept-Language": "de-AT,fr;q=0.8"}
    page = client.get("/", headers=asked).text
    assert re.findall(r'value="(\w+)" checked', page) == ["de", "fr"]
    assert page.index('id="w-h"') < page.index('id="next-h"')
    set_languages(annotator_id=ada.pk, languages=["en"])
    assert re.findall(r'value="(\w+)" checked', client.get("/", headers=asked).text) == ["en"]
