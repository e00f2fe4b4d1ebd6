"""The door: one page, one press, no field, and a judgment of a guest is stored; pressed twice it counts once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import signing
from django.db import connections
from django.test import Client, RequestFactory
from django.utils import timezone

from annotate.models import Annotator, Assignment, Campaign, Exclusion, Judgment, Message, Unit
from annotate.queries.door import find_pair_again, find_pair_at_door
from annotate.queries.work_pages import rebuild_stored
from annotate.services.guidelines import publish_guideline
from annotate.services.holds import release_holds
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS
from annotate.web import door
from annotate.web.visitors import GUEST_COOKIE
from tasks.records.campaigns import GuidelineSpec
from tests.loop import counters, find_drift, make_campaign, make_prompt, state_of
from tests.web.workers import ask_next, judgment_id, post, sign_in, text_of, work_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    campaign = make_campaign(kinds=("compare",), guests=True, languages=("en", "de"))
    make_prompt(campaign, replies=2)
    return campaign


def pair_at_door(languages=(), annotator_id=None) -> dict:
    pair = door.find_pair(languages=languages, annotator_id=annotator_id)
    assert pair is not None
    return pair


def pair_in_order(shown: list[int]) -> dict:
    """The pair at the door that shows these messages in this order."""
    for seed in range(200):
        found = find_pair_at_door(languages=[], annotator_id=None, rng=random.Random(seed))
        if [text.message for text in found.candidates] == shown:
            return {"token": door.write_token(found)}
    raise AssertionError("chance never showed it")


def press(client: Client, pair: dict, preference: str = "a1", **headers: str):
    return client.post("/try/", {"token": pair["token"], "preference": preference}, headers=headers)


def test_one_press_stores_the_judgment_of_a_guest_and_leads_on(client: Client, campaign) -> None:
    make_prompt(campaign, "Why do cats purr?", replies=2)
    pair = pair_at_door(["en"])
    shown = [candidate["html"] for candidate in pair["candidates"]]
    answer = press(client, pair, "b1")
    following = work_id(answer["Location"])
    judgment = Judgment.objects.get(pk=judgment_id(answer["Location"]))
    better, worse = (row.message.text for row in judgment.ranked.order_by("tier").select_related("message"))
    assert better in str(shown[1])
    assert worse in str(shown[0])
    assert (judgment.counted, judgment.much_better, judgment.terms_version) == (True, False, CURRENT_TERMS)
    assert rebuild_stored(judgment_id=judgment.pk)["tiers"] == [["b"], ["a"]]
    page = client.get(answer["Location"])
    assert "Your choice is stored." in page.text
    assert f'action="/work/{following}/submit/"' in page.text
    assert Annotator.objects.get(pk=judgment.annotator_id).is_guest
    assert find_drift() == {}


def test_another_pair_follows_a_pair(client: Client, campaign) -> None:
    Campaign.objects.update(kinds=["rank", "compare", "label"])
    for question in ("Why do cats purr?", "Why do dogs bark?"):
        prompt = make_prompt(campaign, question, replies=2)
    Unit.objects.exclude(kind="compare").update(band=1000)
    following = Assignment.objects.get(pk=work_id(press(client, pair_at_door())["Location"]))
    assert following.unit.kind == "compare"
    Unit.objects.filter(kind="compare", pk__lte=prompt.units.get(kind="compare").pk).update(is_open=False)
    after = post(client, following.pk, "submit", {"kind": "compare", "shown": "a b", "preference": "tie"})
    assert Assignment.objects.get(pk=work_id(after["Location"])).unit.kind != "compare"


def test_pair_shows_texts_alone_and_its_token_names_no_message(client: Client, campaign) -> None:
    pair = pair_at_door()
    assert sorted(pair) == ["campaign", "candidates", "language", "reason", "thread", "token"]
    assert [sorted(candidate) for candidate in pair["candidates"]] == [["html", "is_long", "letter"]] * 2
    values = signing.loads(pair["token"], salt=door.SALT)
    assert sorted(values) == ["d", "g", "n", "u"]
    assert len(values["d"]) == 40
    assert Assignment.objects.count() == 0


def test_pressed_twice_it_counts_once(client: Client, campaign) -> None:
    client.get("/terms/")  # a browser has its cookie from the page with the form
    pair = pair_at_door()
    first = press(client, pair, "tie")
    assert press(client, pair, "tie").status_code == first.status_code == 200
    assert (Judgment.objects.count(), Annotator.objects.count()) == (1, 1)
    assert rebuild_stored(judgment_id=Judgment.objects.get().pk)["tiers"] == [["a", "b"]]
    del client.cookies[GUEST_COOKIE]  # the answer to the first press was never seen
    assert "Your choice is stored." in press(client, pair, "tie").text
    assert (Judgment.objects.count(), Annotator.objects.count(), find_drift()) == (1, 1, {})


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_once_are_one_guest_and_one_judgment() -> None:
    make_prompt(make_campaign(kinds=("compare",), guests=True), replies=2)
    pair = pair_at_door()

    def press_once(_number: int) -> int:
        try:
            return press(Client(), pair).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(press_once, range(2))) == [200, 200]
    assert (Judgment.objects.count(), Annotator.objects.count(), find_drift()) == (1, 1, {})


def test_other_browsers_and_other_pages_are_other_guests(campaign) -> None:
    pair = pair_at_door()
    for secret in ("a" * 32, "b" * 32):
        browser = Client(enforce_csrf_checks=True)
        browser.cookies["csrftoken"] = secret
        answer = browser.post("/try/", {"token": pair["token"], "preference": "a1", "csrfmiddlewaretoken": secret})
        assert answer.status_code == 200
    press(Client(), pair_at_door())
    assert (Judgment.objects.count(), Annotator.objects.count()) == (3, 3)


def test_guest_that_is_there_already_stays_who_they_are(client: Client, campaign) -> None:
    for question in ("Why do cats purr?", "Why do dogs bark?"):  # one of them is what the guest is led to
        make_prompt(campaign, question, replies=2)
    press(client, pair_at_door())
    guest = Annotator.objects.get()
    other = pair_at_door(annotator_id=guest.pk)
    answer = press(client, other)
    assert GUEST_COOKIE not in answer.cookies
    assert (Judgment.objects.filter(annotator=guest).count(), Annotator.objects.count()) == (2, 1)


def test_account_that_judges_at_the_door_is_no_guest(client: Client, campaign) -> None:
    ada = sign_in(client)
    answer = press(client, pair_at_door())
    assert GUEST_COOKIE not in answer.cookies
    assert Judgment.objects.get().annotator_id == ada.pk


def test_pair_that_was_judged_in_another_order_is_told_and_work_goes_on(client: Client, campaign) -> None:
    sign_in(client)
    press(client, pair_at_door())
    shown = [row.message_id for row in Assignment.objects.get().shown.order_by("position")]
    answer = press(client, pair_in_order(shown[::-1]))
    assert "You have already judged this" in answer.text
    assert Judgment.objects.count() == 1


def test_same_pair_with_another_verdict_changes_nothing(client: Client, campaign) -> None:
    pair = pair_at_door()
    press(client, pair, "a1")
    answer = press(client, pair, "b1")
    assert "it stands" in answer.text
    assert Judgment.objects.get().ranked.count() == 2


@pytest.mark.parametrize("state", ["live", "skipped", "expired"])
def test_pair_that_one_holds_in_another_order_is_frozen_as_it_was_pressed(client: Client, campaign, state) -> None:
    ada = sign_in(client)
    assignment = ask_next(client)
    if state == "skipped":
        post(client, assignment, "submit", {"skip_reason": "other"})
    elif state == "expired":
        release_holds(annotator_id=ada.pk, assignment_id=assignment, now=timezone.now())
    shown = [row.message_id for row in Assignment.objects.get().shown.order_by("position")]
    press(client, pair_in_order(shown[::-1]), "a2")
    judgment = Judgment.objects.get()
    assert (judgment.assignment_id, judgment.annotator_id, state_of(assignment)) == (assignment, ada.pk, "submitted")
    assert list(judgment.ranked.order_by("tier").values_list("message_id", flat=True)) == shown[::-1]
    assert judgment.much_better is True
    positions = {row.message_id: row.position for row in judgment.assignment.shown.all()}
    assert [positions[message] for message in shown[::-1]] == [2, 3]
    assert (counters(), find_drift()) == ((3, 0, 1, 0), {})


def test_pair_without_a_free_place_is_stored_as_an_extra(client: Client, campaign) -> None:
    pair = pair_at_door()
    Unit.objects.update(needed=1, done=0, held=0)
    other = Client()
    press(other, pair_at_door())
    answer = press(client, pair)
    assert "stored as an extra" in answer.text
    assert (counters(), find_drift()) == ((1, 0, 1, 1), {})


@pytest.mark.parametrize("change", ["text", "removed", "withdrawn", "paused", "guests", "old", "forged", "none"])
def test_pair_that_changed_makes_no_guest_and_says_so(client: Client, campaign, change, monkeypatch) -> None:
    pair = pair_at_door()
    reply = Message.objects.filter(parent__isnull=False).first()
    if change == "text":
        Message.objects.filter(pk=reply.pk).update(text="Other.", revision=2)
    elif change == "removed":
        Message.objects.filter(pk=reply.pk).update(removed_at=timezone.now())
    elif change == "withdrawn":
        Message.objects.filter(parent__isnull=True).update(withdrawn_at=timezone.now())
    elif change == "paused":
        Campaign.objects.update(state="paused")
    elif change == "guests":
        Campaign.objects.update(allow_guests=False)
    elif change == "old":
        monkeypatch.setattr(door, "MAX_AGE", -1)
    elif change == "forged":
        pair["token"] = pair["token"][:-3] + "abc"
    else:
        pair["token"] = ""
    answer = press(client, pair)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "so nothing was stored" in client.get("/terms/").text
    assert (Annotator.objects.count(), Judgment.objects.count()) == (0, 0)


def test_pair_that_changes_in_the_last_moment_is_not_stored(client: Client, campaign, monkeypatch) -> None:
    monkeypatch.setattr("annotate.services.door.find_pair_again", lambda **_given: None)
    answer = press(client, pair_at_door())
    assert "This pair has just changed" in client.get(answer["Location"]).text
    assert Judgment.objects.count() == 0


def test_press_without_a_choice_is_refused(client: Client, campaign) -> None:
    answer = press(client, pair_at_door(), "c9")
    assert answer.status_code == 422
    assert "Nothing is chosen yet." in text_of(answer)
    assert Annotator.objects.count() == 0


def test_suspended_person_is_refused_at_the_door(client: Client, campaign) -> None:
    ada = sign_in(client)
    Annotator.objects.filter(pk=ada.pk).update(suspended_at=timezone.now())
    assert press(client, pair_at_door()).status_code == 403
    assert Judgment.objects.count() == 0


def test_person_without_consent_is_refused_at_the_door(client: Client, campaign) -> None:
    ada = sign_in(client)
    Annotator.objects.filter(pk=ada.pk).update(accepted_terms="")
    assert press(client, pair_at_door()).status_code == 409
    assert Judgment.objects.count() == 0


def test_own_work_is_not_judged_at_the_door(client: Client, campaign) -> None:
    ada = sign_in(client)
    Exclusion.objects.create(annotator=ada, unit=Unit.objects.get(), why="own_text")
    assert door.find_pair(languages=[], annotator_id=ada.pk) is None
    answer = press(client, pair_at_door())
    assert "your own work" in answer.text
    assert Judgment.objects.count() == 0


def test_guest_who_was_merged_is_somebody_new_at_the_door(client: Client, campaign) -> None:
    pair = pair_at_door()
    press(client, pair)
    ada = create_user(email="ada@example.org", now=timezone.now(), with_terms=True).annotator
    Annotator.objects.filter(user__isnull=True).update(merged_into=ada)
    answer = press(client, pair)
    assert answer.cookies[GUEST_COOKIE].value
    assert Annotator.objects.filter(user__isnull=True, merged_into__isnull=True).count() == 1


def test_judgment_keeps_the_guideline_that_stood_when_the_page_was_made(client: Client, campaign) -> None:
    pair = pair_at_door()
    publish_guideline(campaign=campaign, guideline=GuidelineSpec(text="New words."), actor=None, now=timezone.now())
    press(client, pair)
    assert Judgment.objects.get().guideline.version == 1


def test_door_shows_what_is_asked_for_in_the_languages_of_the_browser(campaign) -> None:
    make_prompt(campaign, "Warum singen Vögel?", replies=2, language="de")
    assert {pair_at_door(["de"])["language"] for _ in range(8)} == {"de"}
    assert {pair_at_door(["sw", "de", "en"])["language"] for _ in range(8)} == {"de"}
    assert {pair_at_door([])["language"] for _ in range(40)} == {"de", "en"}
    assert door.find_pair(languages=["sw"], annotator_id=None) is None


@pytest.mark.parametrize("change", [{"state": "paused"}, {"allow_guests": False}, {"kinds": ["rank"]}])
def test_door_is_closed_where_a_campaign_takes_no_guests_to_compare(campaign, change) -> None:
    Campaign.objects.update(**change)
    assert door.find_pair(languages=[], annotator_id=None) is None


def test_door_prefers_pairs_that_are_read_in_a_minute(campaign) -> None:
    long = make_prompt(campaign, "Why do cats purr?", replies=2)
    Message.objects.filter(pk=long.pk).update(text="Why? " * 2000)
    assert {len(pair_at_door()["thread"][0]["html"]) < 200 for _ in range(20)} == {True}
    Unit.objects.exclude(subject=long).update(is_open=False)
    assert len(pair_at_door()["thread"][0]["html"]) > 5000


def test_parts_of_a_unit_that_are_gone_are_not_shown(campaign) -> None:
    Message.objects.filter(parent__isnull=True).update(removed_at=timezone.now())
    assert door.find_pair(languages=[], annotator_id=None) is None
    assert find_pair_again(unit_id=10**9, digest="x") is None


def test_looking_through_the_door_takes_two_queries(campaign, django_assert_num_queries) -> None:
    pair_at_door()
    with django_assert_num_queries(2):
        pair_at_door()
    for number in range(30):
        make_prompt(campaign, f"Question {number}?", replies=2)
    with django_assert_num_queries(2):
        pair_at_door(["en"])


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("de-CH, de;q=0.9, en;q=0.8", ["de-CH", "de", "en"]),
        ("", []),
        ("*", []),
        ("x-nonsense-that-is-longer-than-a-code", []),
    ],
)
def test_languages_of_a_browser(header, languages) -> None:
    request = RequestFactory().get("/", headers={"Accept-Language": header})
    assert door.read_languages(request) == languages


def test_starting_makes_a_guest_who_speaks_what_the_browser_speaks(client: Client, campaign) -> None:
    answer = client.post("/start/", headers={"Accept-Language": "de, en;q=0.5, fr;q=0.3"})
    guest = Annotator.objects.get()
    assert Assignment.objects.get(pk=work_id(answer["Location"])).annotator_id == guest.pk
    assert (guest.accepted_terms, sorted(guest.language_skills.values_list("language", flat=True))) == (
        CURRENT_TERMS, ["de", "en"])  # fmt: skip
    assert client.get(answer["Location"]).status_code == 200
    again = client.post("/start/")
    assert (again["Location"], Annotator.objects.count()) == (answer["Location"], 1)


def test_starting_takes_the_languages_that_were_chosen(client: Client, campaign) -> None:
    client.post("/start/", {"languages": ["en", ""]}, headers={"Accept-Language": "de"})
    assert list(Annotator.objects.get().language_skills.values_list("language", flat=True)) == ["en"]


def test_starting_where_nobody_takes_guests_is_refused(client: Client, campaign) -> None:
    Campaign.objects.update(allow_guests=False)
    answer = client.post("/start/")
    assert answer.status_code == 403
    assert "No campaign takes guests at present" in answer.text


def test_account_without_consent_gives_it_by_naming_the_terms(client: Client, campaign) -> None:
    ada = sign_in(client)
    Annotator.objects.filter(pk=ada.pk).update(accepted_terms="")
    assert "read the terms and accept them" in client.post("/start/").text
    assert client.post("/start/", {"terms": CURRENT_TERMS}).status_code == 302


def test_new_guests_of_one_address_are_limited(client: Client, campaign, settings) -> None:
    settings.LIMIT_GUESTS = 1
    press(client, pair_at_door())
    for answer in (Client().post("/start/"), press(Client(), pair_at_door())):
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) > 0
    assert Annotator.objects.count() == 1
