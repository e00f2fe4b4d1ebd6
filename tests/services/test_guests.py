"""A guest's work is the account's after the merge, nothing counts twice, and the counters stay true."""

from __future__ import annotations

import hashlib

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotate.exceptions import Conflict, InvalidInput, NotAllowed, NotFound
from annotate.models import (
    Annotator,
    Assignment,
    Campaign,
    Consent,
    Exclusion,
    Judgment,
    LanguageSkill,
    Message,
    Stale,
    Unit,
)
from annotate.services.guests import Merge, create_guest, merge_guest
from annotate.services.holds import save_draft
from annotate.services.people import create_user
from annotate.services.terms import CURRENT_TERMS, accept_terms, withdraw_consent
from annotate.services.undo import undo_judgment
from tests.loop import (
    NOW,
    ask,
    counters,
    find_drift,
    make_annotator,
    make_campaign,
    make_prompt,
    ranking_of,
    state_of,
    submit,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(guests=True)


@pytest.fixture
def guest(campaign: Campaign) -> tuple[Annotator, str]:
    return create_guest(languages=[], terms_version=CURRENT_TERMS, now=NOW)


@pytest.fixture
def ada() -> Annotator:
    return create_user(email="ada@example.org", now=NOW, with_terms=True).annotator


def judge(annotator: Annotator, campaign: Campaign, **more) -> tuple[int, int]:
    """Ask, rank and submit; returns the assignment and the judgment."""
    assignment = ask(annotator, campaign)["assignment"]
    answer = submit(annotator, assignment["id"], ranking_of(assignment, **more))
    return assignment["id"], answer["judgment"]["id"]


def hold(annotator: Annotator, campaign: Campaign) -> int:
    return int(ask(annotator, campaign)["assignment"]["id"])


def merge(guest: tuple[Annotator, str], account: Annotator) -> Merge:
    return merge_guest(annotator_id=account.pk, device_token=guest[1], now=timezone.now())


def owner_of(model: type, key: int) -> int:
    return int(model.objects.values_list("annotator_id", flat=True).get(pk=key))


def test_a_guest_is_a_device_with_consent_and_languages(campaign):
    guest, text = create_guest(languages=["DE", "en"], terms_version=CURRENT_TERMS, now=NOW)
    assert (guest.is_guest, text[:13], len(text)) == (True, "chorus-guest_", 56)
    assert bytes(guest.device_hash) == hashlib.sha256(text.encode()).digest()
    assert list(guest.language_skills.order_by("language").values_list("language", flat=True)) == ["de", "en"]
    guest.refresh_from_db()
    assert (guest.accepted_terms, guest.consents.get().accepted_at) == (CURRENT_TERMS, NOW)


@pytest.mark.parametrize("state", ["draft", "paused", "closed"])
def test_no_guest_is_made_when_no_campaign_takes_them(campaign, state):
    Campaign.objects.update(state=state)
    with pytest.raises(NotAllowed) as refused:
        create_guest(languages=[], terms_version=CURRENT_TERMS, now=NOW)
    assert refused.value.code == "guests_not_allowed"


def test_a_guest_who_accepts_other_terms_is_not_made(campaign):
    with pytest.raises(InvalidInput) as refused:
        create_guest(languages=[], terms_version="1999", now=NOW)
    assert (refused.value.code, Annotator.objects.count()) == ("terms_unknown", 0)


def test_what_a_guest_judged_is_the_accounts(campaign, guest, ada):
    make_prompt(campaign)
    assignment, judgment = judge(guest[0], campaign)
    assert merge(guest, ada) == Merge(moved=1, voided=0, released=0)
    assert (owner_of(Assignment, assignment), owner_of(Judgment, judgment)) == (ada.pk, ada.pk)
    assert (counters(), find_drift()) == ((3, 0, 1, 0), {})
    assert Annotator.objects.get(pk=guest[0].pk).merged_into_id == ada.pk


def test_what_a_guest_judged_can_be_undone_by_the_account(campaign, guest, ada):
    make_prompt(campaign)
    assignment, judgment = judge(guest[0], campaign)
    merge(guest, ada)
    assert undo_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)["id"] == assignment
    assert (counters(), find_drift()) == ((3, 1, 0, 0), {})


def test_where_both_judged_the_accounts_judgment_stays(campaign, guest, ada):
    make_prompt(campaign)
    theirs, void = judge(guest[0], campaign)
    mine, standing = judge(ada, campaign)
    assert merge(guest, ada) == Merge(moved=0, voided=1, released=0)
    assert list(Judgment.objects.order_by("pk").values_list("pk", "is_current", "annotator_id")) == [
        (void, False, guest[0].pk),
        (standing, True, ada.pk),
    ]
    assert (state_of(theirs), state_of(mine)) == ("withdrawn", "submitted")
    assert (counters(), find_drift()) == ((3, 0, 1, 0), {})


def test_a_void_judgment_marks_its_subject_to_be_computed_again(campaign, guest, ada):
    prompt = make_prompt(campaign)
    judge(guest[0], campaign)
    judge(ada, campaign)
    before = Stale.objects.get(kind="parent", subject_id=prompt.pk).marked
    merge(guest, ada)
    assert Stale.objects.get(kind="parent", subject_id=prompt.pk).marked == before + 1


def test_the_place_of_a_void_judgment_goes_to_no_text_that_was_removed(campaign, guest, ada):
    Campaign.objects.update(kinds=["write_assistant_reply"], parameters={"redundancy": 1, "replies_wanted": 2})
    make_prompt(campaign, replies=0)
    bob = make_annotator("bob")
    theirs, bobs = (ask(person, campaign)["assignment"]["id"] for person in (guest[0], bob))
    submit(bob, bobs, {"text": "Bob's reply."})
    submit(guest[0], theirs, {"text": "The guest's reply."})
    removed = Judgment.objects.get(annotator=bob)
    Message.objects.filter(pk=removed.message_id).update(removed_at=NOW)
    Judgment.objects.filter(pk=removed.pk).update(counted=False)
    Unit.objects.filter(pk=removed.unit_id).update(done=1, surplus=1)
    Exclusion.objects.create(annotator=ada, unit_id=removed.unit_id, why="own_text")
    assert merge(guest, ada).voided == 1
    assert (Judgment.objects.get(pk=removed.pk).counted, find_drift()) == (False, {})


def test_the_place_of_a_void_judgment_goes_to_the_oldest_surplus(campaign, guest, ada):
    campaign.parameters = {"redundancy": 1}
    campaign.save()
    make_prompt(campaign)
    late = ask(ada, campaign)["assignment"]
    Assignment.objects.filter(pk=late["id"]).update(state="expired", lease_expires_at=None)
    Unit.objects.update(held=0)
    _, void = judge(guest[0], campaign)
    standing = submit(ada, late["id"], ranking_of(late))["judgment"]
    assert (standing["counted"], counters()) == (False, (1, 0, 1, 1))
    assert merge(guest, ada) == Merge(moved=0, voided=1, released=0)
    assert Judgment.objects.get(pk=standing["id"]).counted is True
    assert Judgment.objects.get(pk=void).is_current is False
    assert (counters(), find_drift()) == ((1, 0, 1, 0), {})


def test_live_holds_of_the_guest_are_released_with_their_drafts(campaign, guest, ada):
    make_prompt(campaign)
    held = hold(guest[0], campaign)
    save_draft(annotator_id=guest[0].pk, assignment_id=held, draft={"tiers": []}, draft_version=0, now=NOW)
    assert merge(guest, ada) == Merge(moved=0, voided=0, released=1)
    assignment = Assignment.objects.get(pk=held)
    assert (assignment.state, assignment.annotator_id, assignment.draft) == ("released", ada.pk, {"tiers": []})
    assert (counters(), find_drift()) == ((3, 0, 0, 0), {})


def test_an_open_hold_of_the_account_is_given_up_where_the_guest_has_judged(campaign, guest, ada):
    make_prompt(campaign)
    theirs, judgment = judge(guest[0], campaign)
    mine = hold(ada, campaign)
    assert merge(guest, ada) == Merge(moved=1, voided=0, released=0)
    assert (owner_of(Assignment, theirs), owner_of(Judgment, judgment)) == (ada.pk, ada.pk)
    assert (owner_of(Assignment, mine), state_of(mine)) == (guest[0].pk, "skipped")
    assert (counters(), find_drift()) == ((3, 0, 1, 0), {})
    assert Annotator.objects.count() == 2


def test_the_account_is_not_offered_what_the_guest_has_judged(campaign, guest, ada):
    make_prompt(campaign)
    judge(guest[0], campaign)
    hold(ada, campaign)
    merge(guest, ada)
    assert ask(ada, campaign)["why_none"]["code"] == "seen_all"


def test_a_hold_of_the_account_takes_the_draft_of_the_guest_when_it_has_none(campaign, guest, ada):
    make_prompt(campaign)
    theirs, mine = hold(guest[0], campaign), hold(ada, campaign)
    save_draft(annotator_id=guest[0].pk, assignment_id=theirs, draft={"tiers": [["b"]]}, draft_version=0, now=NOW)
    assert merge(guest, ada) == Merge(moved=0, voided=0, released=1)
    assignment = Assignment.objects.get(pk=mine)
    assert (assignment.state, assignment.draft, assignment.draft_version) == ("live", {"tiers": [["b"]]}, 1)
    assert (counters(), find_drift()) == ((3, 1, 0, 0), {})


def test_a_draft_of_the_account_is_never_overwritten(campaign, guest, ada):
    make_prompt(campaign)
    theirs, mine = hold(guest[0], campaign), hold(ada, campaign)
    save_draft(annotator_id=guest[0].pk, assignment_id=theirs, draft={"whose": "guest"}, draft_version=0, now=NOW)
    save_draft(annotator_id=ada.pk, assignment_id=mine, draft={"whose": "ada"}, draft_version=0, now=NOW)
    merge(guest, ada)
    assert Assignment.objects.get(pk=mine).draft == {"whose": "ada"}


def write_text(annotator: Annotator, prompt: Message) -> None:
    """As if the annotator had written the first reply: it is theirs, and its units are none of theirs."""
    reply = prompt.replies.earliest("pk")
    Message.objects.filter(pk=reply.pk).update(author=annotator)
    Exclusion.objects.create(annotator=annotator, unit=Unit.objects.get(), why="own_text")


@pytest.mark.parametrize("writer", ["guest", "account"])
def test_a_judgment_on_ones_own_text_is_void_whoever_of_the_two_wrote_it(campaign, guest, ada, writer):
    prompt = make_prompt(campaign)
    author, judge_of_it = (guest[0], ada) if writer == "guest" else (ada, guest[0])
    write_text(author, prompt)
    assignment, judgment = judge(judge_of_it, campaign)
    assert merge(guest, ada) == Merge(moved=0, voided=1, released=0)
    assert (Judgment.objects.get(pk=judgment).is_current, state_of(assignment)) == (False, "withdrawn")
    assert set(Message.objects.exclude(author=None).values_list("author_id", flat=True)) == {ada.pk}
    assert list(Exclusion.objects.values_list("annotator_id", flat=True)) == [ada.pk]
    assert (counters(), find_drift()) == ((3, 0, 0, 0), {})


def test_a_live_hold_on_ones_own_text_goes_back(campaign, guest, ada):
    prompt = make_prompt(campaign)
    write_text(guest[0], prompt)
    mine = hold(ada, campaign)
    assert merge(guest, ada) == Merge(moved=0, voided=0, released=0)
    assert (state_of(mine), counters(), find_drift()) == ("released", (3, 0, 0, 0), {})
    assert ask(ada, campaign)["why_none"]["code"] == "seen_all"


def test_many_units_are_merged_at_once(campaign, guest, ada):
    for place in range(6):
        make_prompt(campaign, f"Prompt {place}?")
    given = [judge(guest[0], campaign) for _ in range(4)]
    for _ in range(3):
        judge(ada, campaign)
    both = set(Judgment.objects.filter(annotator=ada).values_list("unit_id", flat=True)) & set(
        Judgment.objects.filter(annotator=guest[0]).values_list("unit_id", flat=True)
    )
    assert merge(guest, ada) == Merge(moved=len(given) - len(both), voided=len(both), released=1)
    assert Judgment.objects.filter(annotator=ada, is_current=True).count() == 7 - len(both)
    assert find_drift() == {}


def test_a_merge_again_changes_nothing(campaign, guest, ada):
    make_prompt(campaign)
    judge(guest[0], campaign)
    merge(guest, ada)
    before = list(Judgment.objects.values())
    assert merge(guest, ada) == Merge(0, 0, 0)
    assert list(Judgment.objects.values()) == before


def test_a_guest_is_merged_into_one_account_only(campaign, guest, ada):
    merge(guest, ada)
    with pytest.raises(Conflict) as refused:
        merge(guest, make_annotator("bob"))
    assert refused.value.code == "guest_merged"


def test_a_guest_is_not_merged_into_a_guest(campaign, guest):
    other, _ = create_guest(languages=[], terms_version=CURRENT_TERMS, now=NOW)
    with pytest.raises(NotAllowed) as refused:
        merge(guest, other)
    assert refused.value.code == "account_needed"


def test_a_suspended_guest_does_not_escape_into_an_account(campaign, guest, ada):
    Annotator.objects.filter(pk=guest[0].pk).update(suspended_at=NOW)
    with pytest.raises(NotAllowed) as refused:
        merge(guest, ada)
    assert (refused.value.code, Annotator.objects.get(pk=guest[0].pk).merged_into_id) == ("guest_suspended", None)


def test_an_unknown_device_token_is_not_found(campaign, ada):
    with pytest.raises(NotFound) as refused:
        merge_guest(annotator_id=ada.pk, device_token="chorus-guest_" + "x" * 43, now=NOW)
    assert refused.value.code == "guest_not_found"


def test_the_database_lets_judgments_change_hands_only_by_a_merge(campaign, guest, ada):
    make_prompt(campaign)
    _, judgment = judge(guest[0], campaign)
    with pytest.raises(IntegrityError), transaction.atomic():
        Judgment.objects.filter(pk=judgment).update(annotator=ada)


def test_consent_comes_along(campaign, guest):
    account = create_user(email="bob@example.org", now=NOW).annotator
    merge(guest, account)
    account.refresh_from_db()
    assert (account.accepted_terms, account.consents.get().terms_version) == (CURRENT_TERMS, CURRENT_TERMS)


def test_consent_that_both_gave_stays_with_each(campaign, guest, ada):
    merge(guest, ada)
    assert sorted(Consent.objects.values_list("annotator_id", flat=True)) == sorted([guest[0].pk, ada.pk])


def test_withdrawn_consent_of_the_account_is_not_undone_by_a_guest(campaign, guest, ada):
    withdraw_consent(annotator_id=ada.pk, now=NOW)
    merge(guest, ada)
    ada.refresh_from_db()
    assert (ada.accepted_terms, Consent.objects.filter(withdrawn_at=None).count()) == ("", 0)
    accept_terms(annotator_id=ada.pk, terms_version=CURRENT_TERMS, now=NOW)


@pytest.mark.parametrize(("mine", "after"), [(["fr"], ["de", "fr"]), ([], [])])
def test_languages_join_those_of_an_account_that_names_some(campaign, ada, mine, after):
    guest = create_guest(languages=["de"], terms_version=CURRENT_TERMS, now=NOW)
    for code in mine:
        LanguageSkill.objects.create(annotator=ada, language=code)
    merge(guest, ada)
    assert list(ada.language_skills.order_by("language").values_list("language", flat=True)) == after
    assert guest[0].language_skills.count() == 0
