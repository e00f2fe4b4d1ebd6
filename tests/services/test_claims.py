"""What is offered, to whom, and why there is nothing."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from annotate.exceptions import InvalidInput, NotFound
from annotate.models import (
    Annotator,
    Assignment,
    AssignmentCandidate,
    Exclusion,
    LanguageSkill,
    Membership,
    Message,
    RankedCandidate,
    Unit,
    UnitCandidate,
)
from annotate.queries.eligibility import CLAUSES, Moment
from annotate.queries.presentation import get_shown
from annotate.services.holds import release_holds, save_draft
from annotate.services.judgments import skip_assignment
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


def test_an_offer_has_the_thread_the_candidates_and_a_lease():
    campaign = make_campaign()
    prompt = make_prompt(campaign)
    offered = ask(make_annotator(), campaign)["assignment"]
    assert offered["kind"] == "rank"
    assert offered["state"] == "live"
    assert offered["subject"]["thread"] == [{"role": "prompter", "text": prompt.text}]
    assert [candidate["id"] for candidate in offered["subject"]["candidates"]] == ["a", "b", "c", "d"]
    assert {candidate["text"] for candidate in offered["subject"]["candidates"]} == set(
        Message.objects.filter(parent=prompt).values_list("text", flat=True)
    )
    assert offered["lease_expires_at"] == "2026-05-04T12:30:00Z"
    assert offered["reason"] == "Nobody has been asked about this yet."
    assert counters() == (3, 1, 0, 0)


def test_asking_again_gives_the_same_hold():
    campaign = make_campaign()
    make_prompt(campaign)
    make_prompt(campaign, "Why do cats purr?")
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    assert ask(ada, campaign, seed=2)["assignment"] == first
    assert Assignment.objects.count() == 1


def test_the_most_wanted_unit_comes_first():
    campaign = make_campaign()
    make_prompt(campaign)
    wanted = make_prompt(campaign, "Why do cats purr?")
    Unit.objects.filter(subject=wanted).update(band=900)
    assert ask(make_annotator(), campaign)["assignment"]["subject"]["thread"][0]["text"] == wanted.text


def test_no_more_people_hold_a_unit_than_it_needs():
    campaign = make_campaign(redundancy=2)
    make_prompt(campaign)
    for name in ("ada", "bob"):
        assert ask(make_annotator(name), campaign)["assignment"] is not None
    none = ask(make_annotator("eve"), campaign)["why_none"]
    assert (none["code"], none["retry_at"]) == ("all_held", "2026-05-04T12:30:00Z")
    assert counters() == (2, 2, 0, 0)


def test_a_hold_that_ran_out_is_given_to_whoever_asks_without_waiting_for_a_sweep():
    campaign = make_campaign(redundancy=1)
    make_prompt(campaign)
    ada, bob = make_annotator("ada"), make_annotator("bob")
    held = ask(ada, campaign)["assignment"]["id"]
    later = NOW + timedelta(hours=1)
    assert ask(bob, campaign, now=later)["assignment"] is not None
    assert state_of(held) == "expired"
    assert find_drift() == {}


def test_an_expired_hold_is_offered_again_with_what_was_shown():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    again = ask(ada, campaign, now=NOW + timedelta(hours=1), seed=7)["assignment"]
    assert again["id"] == first["id"]
    assert again["subject"] == first["subject"]
    assert counters() == (3, 1, 0, 0)


def remove_first_shown(hold):
    """A moderator removes the candidate shown first; returns its text."""
    gone = AssignmentCandidate.objects.select_related("message").get(assignment_id=hold["id"], position=0).message
    Message.objects.filter(pk=gone.pk).update(removed_at=NOW)
    UnitCandidate.objects.filter(message_id=gone.pk).update(removed_at=NOW)
    return gone.text


def test_a_released_hold_whose_candidate_was_removed_is_shown_anew_under_new_letters():
    campaign = make_campaign()
    prompt = make_prompt(campaign)
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    release_holds(annotator_id=ada.pk, now=NOW)
    gone = remove_first_shown(first)
    again = ask(ada, campaign)["assignment"]
    assert again["id"] == first["id"]
    assert [c["id"] for c in again["subject"]["candidates"]] == ["e", "f", "g"]
    assert gone not in [c["text"] for c in again["subject"]["candidates"]]
    assert prompt.pk == Unit.objects.get().subject_id
    submit(ada, again["id"], {"tiers": [["g"], ["e", "f"]]})
    texts = dict(RankedCandidate.objects.values_list("message__text", "tier"))
    assert texts == {c["text"]: 1 if c["id"] == "g" else 2 for c in again["subject"]["candidates"]}


def test_a_page_that_shows_the_earlier_choice_orders_nothing_of_the_new_one():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    release_holds(annotator_id=ada.pk, now=NOW)
    remove_first_shown(first)
    ask(ada, campaign)
    with pytest.raises(InvalidInput) as refused:
        submit(ada, first["id"], ranking_of(first, rest_worse=True))
    assert refused.value.code == "unknown_candidate"


def test_the_words_of_a_draft_outlive_the_candidates_that_it_ordered():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    draft = ranking_of(first, rationale="The whole evening.")
    save_draft(annotator_id=ada.pk, assignment_id=first["id"], draft=draft, draft_version=0, now=NOW)
    release_holds(annotator_id=ada.pk, now=NOW)
    remove_first_shown(first)
    again = ask(ada, campaign)["assignment"]
    assert (again["draft"], again["draft_version"]) == ({"rationale": "The whole evening."}, 2)


def test_a_ballot_taken_back_does_not_keep_its_work_from_being_shown_anew():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    judgment = submit(ada, first["id"], ranking_of(first))["judgment"]["id"]
    undo_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
    release_holds(annotator_id=ada.pk, now=NOW)
    remove_first_shown(first)
    again = ask(ada, campaign)["assignment"]
    assert (again["id"], [c["id"] for c in again["subject"]["candidates"]]) == (first["id"], ["e", "f", "g"])
    assert RankedCandidate.objects.filter(judgment_id=judgment).count() == 4


def test_a_hold_whose_candidate_was_removed_is_not_given_again_as_it_was():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    remove_first_shown(first)
    again = ask(ada, campaign)["assignment"]
    assert [c["id"] for c in again["subject"]["candidates"]] == ["e", "f", "g"]
    assert submit(ada, again["id"], ranking_of(again))["judgment"]["counted"] is True
    assert (counters(), find_drift()) == ((3, 0, 1, 0), {})


def test_a_hold_whose_conversation_was_removed_is_given_back_for_other_work():
    campaign = make_campaign()
    first_prompt, second_prompt = make_prompt(campaign), make_prompt(campaign, "Why do cats purr?")
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    gone = Unit.objects.get(public_id=first["unit"])
    Message.objects.filter(pk=gone.subject_id).update(removed_at=NOW)
    Unit.objects.filter(pk=gone.pk).update(is_open=False)
    again = ask(ada, campaign)["assignment"]
    assert Unit.objects.get(public_id=again["unit"]).subject_id in {first_prompt.pk, second_prompt.pk} - {
        gone.subject_id
    }
    assert (state_of(first["id"]), counters(gone.pk)) == ("released", (3, 0, 0, 0))


def test_what_was_removed_is_not_shown_to_who_holds_it():
    campaign = make_campaign()
    make_prompt(campaign)
    first = ask(make_annotator(), campaign)["assignment"]
    gone = remove_first_shown(first)
    shown = get_shown(assignment_id=first["id"])["subject"]
    assert [c["text"] for c in shown["candidates"]] == ["", *[c["text"] for c in first["subject"]["candidates"][1:]]]
    Message.objects.update(removed_at=NOW)
    assert get_shown(assignment_id=first["id"])["subject"]["thread"] == [{"role": "prompter", "text": ""}]
    assert gone in [c["text"] for c in first["subject"]["candidates"]]


def test_what_was_judged_or_skipped_is_not_offered_again():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    offered = ask(ada, campaign)["assignment"]
    assert submit(ada, offered["id"], ranking_of(offered))["next"]["why_none"]["code"] == "seen_all"


def test_own_work_is_not_offered():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    Exclusion.objects.create(annotator=ada, unit=Unit.objects.get(), why="own_text")
    assert ask(ada, campaign)["why_none"]["code"] == "seen_all"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": "paused"}, "campaign_not_open"),
        ({"state": "closed"}, "campaign_not_open"),
        ({"parameters": {"redundancy": 3, "daily_cap": 0}}, "capped"),
        ({"parameters": {"redundancy": 3, "max_held": 0}}, "too_many_holds"),
    ],
)
def test_a_campaign_that_offers_nothing_says_why(change, code):
    campaign = make_campaign()
    make_prompt(campaign)
    for name, value in change.items():
        setattr(campaign, name, value)
    campaign.save()
    none = ask(make_annotator(), campaign)["why_none"]
    assert none["code"] == code
    assert none["retry_after_seconds"] > 0
    assert counters() == (3, 0, 0, 0)


def test_the_work_that_comes_along_with_a_submit_keeps_the_daily_cap():
    campaign = make_campaign(daily_cap=2)
    for number in range(3):
        make_prompt(campaign, f"Prompt {number}")
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    second = submit(ada, first["id"], ranking_of(first))["next"]["assignment"]
    answer = submit(ada, second["id"], ranking_of(second))
    assert (answer["next"]["assignment"], answer["next"]["why_none"]["code"]) == (None, "capped")
    assert submit(ada, second["id"], ranking_of(second)) == answer


def test_i_cannot_tell_and_a_skip_use_nothing_of_the_daily_cap():
    campaign = make_campaign(daily_cap=1)
    for number in range(3):
        make_prompt(campaign, f"Prompt {number}")
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    second = submit(ada, first["id"], {"cannot_tell_reason": "all_alike"})["next"]["assignment"]
    third = skip_assignment(
        annotator_id=ada.pk, assignment_id=second["id"], skip_reason="too_long", now=NOW, rng=random.Random(1)
    )["next"]["assignment"]
    assert submit(ada, third["id"], ranking_of(third))["next"]["why_none"]["code"] == "capped"


def test_who_may_hold_one_is_given_the_next_along_with_a_submit():
    campaign = make_campaign(max_held=1)
    make_prompt(campaign, "First?")
    make_prompt(campaign, "Second?")
    ada = make_annotator()
    first = ask(ada, campaign)["assignment"]
    assert submit(ada, first["id"], ranking_of(first))["next"]["assignment"]["id"] != first["id"]


def test_what_is_held_in_another_campaign_takes_no_place_in_this_one():
    birds, cats = make_campaign(max_held=1), make_campaign(slug="cats", max_held=1)
    make_prompt(birds)
    make_prompt(cats, "Why do cats purr?")
    ada = make_annotator()
    assert ask(ada, birds)["assignment"] is not None
    assert ask(ada, cats)["assignment"] is not None


def test_a_suspended_person_is_offered_nothing():
    campaign = make_campaign()
    make_prompt(campaign)
    ada = make_annotator()
    Annotator.objects.filter(pk=ada.pk).update(suspended_at=NOW)
    assert ask(ada, campaign)["why_none"]["code"] == "suspended"


def test_terms_come_before_work():
    campaign = make_campaign()
    make_prompt(campaign)
    assert ask(make_annotator(terms="old"), campaign)["why_none"]["code"] == "terms_not_accepted"


def test_a_guest_works_only_where_the_campaign_allows_guests():
    shut, open_to_guests = make_campaign(), make_campaign(slug="cats", guests=True)
    make_prompt(shut)
    make_prompt(open_to_guests, "Why do cats purr?")
    guest = Annotator.objects.create(device_hash=b"x" * 32, accepted_terms=make_annotator().accepted_terms)
    none = ask(guest, shut)["why_none"]
    assert none["code"] == "guests_not_allowed"
    assert none["nearest"] == [{"campaign": "cats", "kind": "rank", "language": "en"}]
    assert ask(guest, open_to_guests)["assignment"] is not None


def test_work_is_in_ones_own_languages():
    campaign = make_campaign(languages=("en", "de"))
    make_prompt(campaign, "Warum singen Vögel?", language="de")
    ada = make_annotator(languages=("en",))
    none = ask(ada, campaign)["why_none"]
    assert none["code"] == "none_in_your_languages"
    assert none["nearest"] == [{"campaign": "birds", "kind": "rank", "language": "de"}]
    LanguageSkill.objects.create(annotator=ada, language="de")
    assert ask(ada, campaign)["assignment"]["subject"]["language"] == "de"


def test_somebody_with_none_of_the_languages_is_told_which_there_are():
    campaign = make_campaign(languages=("en", "de"))
    make_prompt(campaign)
    none = ask(make_annotator(languages=("sw",)), campaign)["why_none"]
    assert none["code"] == "no_language"
    assert "en, de" in none["message"]


def test_filters_narrow_what_is_offered():
    campaign = make_campaign(kinds=("rank", "label"))
    make_prompt(campaign)
    ada = make_annotator()
    assert ask(ada, campaign, kinds=["label"])["assignment"]["kind"] == "label"
    assert ask(ada, campaign, kinds=["rank"])["assignment"]["kind"] == "rank"
    assert ask(ada, campaign, kinds=["compare"])["why_none"]["code"] == "no_such_kind"


def test_a_filter_that_names_nothing_is_refused():
    campaign = make_campaign()
    with pytest.raises(InvalidInput, match="no kind of work called 'paint'"):
        ask(make_annotator(), campaign, kinds=["paint"])
    with pytest.raises(InvalidInput, match="does not work in 'xx'"):
        ask(make_annotator("bob"), campaign, languages=["xx"])


def test_a_draft_campaign_is_there_for_its_members_alone():
    campaign = make_campaign(state="draft")
    ada, bob = make_annotator("ada"), make_annotator("bob")
    Membership.objects.create(campaign=campaign, user=bob.user, role="organizer")
    with pytest.raises(NotFound):
        ask(ada, campaign)
    assert ask(bob, campaign)["why_none"]["code"] == "campaign_not_open"


def test_an_empty_campaign_says_so():
    assert ask(make_annotator(), make_campaign())["why_none"]["code"] == "empty"


def test_a_finished_campaign_says_so():
    campaign = make_campaign(redundancy=1)
    make_prompt(campaign)
    ada = make_annotator("ada")
    offered = ask(ada, campaign)["assignment"]
    submit(ada, offered["id"], ranking_of(offered))
    assert ask(make_annotator("bob"), campaign)["why_none"]["code"] == "done"


def test_many_candidates_are_shown_by_balanced_subsets():
    campaign = make_campaign(redundancy=12, candidates_shown=4)
    make_prompt(campaign, replies=13)
    times: dict[int, int] = {}
    for number in range(12):
        offered = ask(make_annotator(f"a{number}"), campaign, seed=number)["assignment"]
        assert len(offered["subject"]["candidates"]) == 4
    for message in AssignmentCandidate.objects.values_list("message_id", flat=True):
        times[message] = times.get(message, 0) + 1
    assert len(times) == 13
    assert max(times.values()) - min(times.values()) <= 1


def test_the_order_of_candidates_differs_between_people():
    campaign = make_campaign(redundancy=12)
    make_prompt(campaign)
    orders = {
        tuple(c["text"] for c in ask(make_annotator(f"a{n}"), campaign, seed=n)["assignment"]["subject"]["candidates"])
        for n in range(12)
    }
    assert len(orders) > 4


def test_a_comparison_shows_two():
    campaign = make_campaign(kinds=("compare",))
    make_prompt(campaign, replies=5)
    assert len(ask(make_annotator(), campaign)["assignment"]["subject"]["candidates"]) == 2


def test_a_label_unit_asks_what_applies_to_its_role():
    campaign = make_campaign(kinds=("label",))
    prompt = make_prompt(campaign, replies=0)
    subject = ask(make_annotator(), campaign)["assignment"]["subject"]
    assert subject["thread"] == [{"role": "prompter", "text": prompt.text}]
    assert [dimension["name"] for dimension in subject["labels"]] == ["spam", "quality", "pii"]


def test_every_clause_has_a_name_a_refusal_and_a_moment():
    assert len({clause.name for clause in CLAUSES}) == len(CLAUSES)
    assert all(clause.refusal.endswith((".", "version.")) and clause.moments <= set(Moment) for clause in CLAUSES)


def test_asking_for_nothing_writes_nothing(django_assert_num_queries):
    campaign = make_campaign(state="closed")
    make_prompt(campaign)
    before = list(Assignment.objects.values())
    ask(make_annotator(), campaign)
    assert list(Assignment.objects.values()) == before


def test_somebody_who_has_seen_the_front_goes_on_behind_it(django_assert_max_num_queries):
    campaign = make_campaign(redundancy=50)
    for number in range(40):
        make_prompt(campaign, f"Question {number}?", replies=2)
    ada = make_annotator()
    seen, offered = [], ask(ada, campaign)["assignment"]
    while offered is not None:
        seen.append(offered["unit"])
        # near, behind and, at the end, deep: a fixed number of looks however much was seen
        with django_assert_max_num_queries(14):
            offered = submit(ada, offered["id"], ranking_of(offered))["next"]["assignment"]
    assert len(set(seen)) == 40
