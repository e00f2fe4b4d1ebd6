"""Taking back: undo of the last ten, withdrawal at any time; counters stay true."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from annotate.access import Actor
from annotate.exceptions import Conflict, NotFound
from annotate.models import (
    Annotator,
    Assignment,
    Campaign,
    Judgment,
    Label,
    Message,
    RankedCandidate,
    Release,
    ReleaseItem,
    Stale,
    Tombstone,
    Unit,
    User,
)
from annotate.services.holds import expire_leases
from annotate.services.moderation import remove_message
from annotate.services.undo import list_undoable, undo_judgment, withdraw_judgment
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


def make_judged(*, kinds=("rank",), replies=4, body=None, **parameters):
    campaign = make_campaign(kinds=kinds, **parameters)
    make_prompt(campaign, replies=replies)
    ada = make_annotator()
    hold = ask(ada, campaign)["assignment"]
    sent = ranking_of(hold, rationale="Clear.") if body is None else body
    return campaign, ada, hold, submit(ada, hold["id"], sent)["judgment"]["id"], sent


def undo(annotator, judgment, *, now=NOW):
    return undo_judgment(annotator_id=annotator.pk, judgment_id=judgment, now=now)


def test_undo_gives_the_work_back_with_the_answer_as_its_draft():
    _, ada, hold, judgment, sent = make_judged()
    again = undo(ada, judgment)
    assert (again["id"], again["state"], again["subject"]) == (hold["id"], "live", hold["subject"])
    assert again["draft"] == {**sent, "active_seconds": None, "rest_worse": False}
    assert counters() == (3, 1, 0, 0)
    assert Stale.objects.get().marked == 2
    assert find_drift() == {}


def test_undo_twice_answers_the_same():
    _, ada, _, judgment, _ = make_judged()
    assert undo(ada, judgment) == undo(ada, judgment)


def test_a_new_judgment_supersedes_the_one_taken_back():
    _, ada, hold, first, _ = make_judged()
    undo(ada, first)
    second = submit(ada, hold["id"], {"tiers": [["d", "c"], ["b"], ["a"]]})["judgment"]["id"]
    assert Judgment.objects.get(pk=second).supersedes_id == first
    assert counters() == (3, 0, 1, 0)
    assert find_drift() == {}


def test_labels_come_back_as_they_were_sent():
    labels = {"spam": False, "quality": "not_applicable", "pii": None}
    _, ada, _, judgment, _ = make_judged(kinds=("label",), replies=0, body={"labels": labels})
    assert undo(ada, judgment)["draft"]["labels"] == labels


def test_undo_of_surplus_takes_nothing_from_the_count():
    campaign, *_ = make_judged(redundancy=1)
    bob = make_annotator("bob")
    Unit.objects.update(needed=2)
    late = ask(bob, campaign)["assignment"]
    later = NOW + timedelta(hours=1)
    expire_leases(now=later)
    Unit.objects.update(needed=1)
    surplus = submit(bob, late["id"], ranking_of(late), now=later)["judgment"]
    assert (surplus["counted"], counters()) == (False, (1, 0, 1, 1))
    assert undo(bob, surplus["id"], now=later)["state"] == "expired"
    assert counters() == (1, 0, 1, 0)
    assert find_drift() == {}


def test_a_judgment_in_a_release_is_sealed():
    campaign, ada, _, judgment, _ = make_judged()
    release = Release.objects.create(
        campaign=campaign, number=1, state="building", licence="CC-BY-4.0", pseudonym_salt=b"s", requested_at=NOW
    )
    ReleaseItem.objects.create(release=release, kind="judgment", object_id=judgment)
    with pytest.raises(Conflict) as refused:
        undo(ada, judgment)
    assert refused.value.code == "sealed"


def test_only_the_last_ten_can_be_undone():
    campaign, ada, _, first, _ = make_judged()
    for number in range(10):
        make_prompt(campaign, f"Question {number}?")
        hold = ask(ada, campaign)["assignment"]
        submit(ada, hold["id"], ranking_of(hold))
    with pytest.raises(Conflict) as refused:
        undo(ada, first)
    assert refused.value.code == "too_old"
    assert len(list_undoable(annotator_id=ada.pk)) == 10


def test_a_text_that_nobody_has_seen_can_be_undone():
    _, ada, _, judgment, _ = make_judged(
        kinds=("write_assistant_reply", "rank"), replies=1, body={"text": "At dawn.", "language": "en"}
    )
    again = undo(ada, judgment)
    assert again["draft"]["text"] == "At dawn."
    assert Message.objects.get(text="At dawn.").withdrawn_at == NOW
    assert list(Unit.objects.filter(kind="rank").values_list("is_open", flat=True)) == [False]
    assert find_drift() == {}


def test_a_text_that_others_have_read_cannot_be_undone():
    campaign, ada, _, judgment, _ = make_judged(
        kinds=("write_assistant_reply", "rank"), replies=1, body={"text": "At dawn.", "language": "en"}
    )
    ask(make_annotator("bob"), campaign, kinds=["rank"])
    with pytest.raises(Conflict) as refused:
        undo(ada, judgment)
    assert refused.value.code == "tree_moved_on"


def test_others_judgments_are_not_there():
    _, _, _, judgment, _ = make_judged()
    with pytest.raises(NotFound):
        undo(make_annotator("bob"), judgment)


def test_withdrawal_blanks_the_words_leaves_a_tombstone_and_frees_the_place():
    campaign, ada, hold, judgment, _ = make_judged()
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
    stored = Judgment.objects.get()
    assert (stored.is_current, stored.withdrawn_at, stored.rationale) == (False, NOW, "")
    assert list(Tombstone.objects.values_list("campaign", "kind", "object_id")) == [(campaign.pk, "judgment", judgment)]
    assert state_of(hold["id"]) == "withdrawn"
    assert counters() == (3, 0, 0, 0)
    assert find_drift() == {}


def test_undo_in_a_closed_campaign_gives_the_answer_back_as_a_draft_and_no_new_lease():
    _, ada, _, judgment, sent = make_judged()
    Campaign.objects.update(state="closed")
    again = undo(ada, judgment)
    assert (again["state"], again["lease_expires_at"]) == ("expired", None)
    assert again["draft"] == {**sent, "active_seconds": None, "rest_worse": False}
    assert counters() == (3, 0, 0, 0)
    assert find_drift() == {}


def test_a_suspended_person_takes_no_place_by_undo():
    _, ada, _, judgment, _ = make_judged()
    Annotator.objects.update(suspended_at=NOW)
    again = undo(ada, judgment)
    assert (again["state"], again["draft"]["rationale"]) == ("expired", "Clear.")
    assert (counters(), find_drift()) == ((3, 0, 0, 0), {})


def test_a_withdrawal_promotes_no_text_that_a_moderator_removed():
    campaign = make_campaign(kinds=("write_assistant_reply",), replies_wanted=2)
    make_prompt(campaign, replies=0)
    people = [make_annotator("ada"), make_annotator("bob")]
    holds = [ask(person, campaign)["assignment"]["id"] for person in people]
    removed, withdrawn = (
        submit(person, hold, {"text": f"Reply {hold}."})["judgment"]["id"]
        for person, hold in zip(people, holds, strict=True)
    )
    moderator = Actor(user=User.objects.create(email="mo@example.org", is_superuser=True))
    message = Judgment.objects.get(pk=removed).message_id
    remove_message(campaign=campaign, message_id=message, actor=moderator, reason="Spam.", now=NOW)
    withdraw_judgment(annotator_id=people[1].pk, judgment_id=withdrawn, now=NOW)
    assert Judgment.objects.get(pk=removed).counted is False
    assert (counters(Judgment.objects.get(pk=removed).unit_id), find_drift()) == ((2, 0, 0, 1), {})


def test_a_withdrawal_lets_a_surplus_ballot_take_the_place():
    _, ada, hold, judgment, _ = make_judged(redundancy=1)
    bob = make_annotator("bob")
    late = Assignment.objects.create(
        unit=Unit.objects.get(), annotator=bob, state="expired", lease_grade="active", reason_code="more_voices"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO annotate_assignmentcandidate (assignment_id, position, message_id, revision)
               SELECT %s, position, message_id, revision FROM annotate_assignmentcandidate WHERE assignment_id = %s""",
            [late.pk, hold["id"]],
        )
    surplus = submit(bob, late.pk, ranking_of(hold))["judgment"]
    assert surplus["counted"] is False
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
    assert Judgment.objects.get(pk=surplus["id"]).counted is True
    assert counters() == (1, 0, 1, 0)
    assert find_drift() == {}


def test_a_withdrawn_judgment_cannot_be_undone_nor_judged_again():
    _, ada, _, judgment, _ = make_judged()
    withdraw_judgment(annotator_id=ada.pk, judgment_id=judgment, now=NOW)
    with pytest.raises(Conflict) as refused:
        undo(ada, judgment)
    assert refused.value.code == "withdrawn"


@pytest.mark.parametrize(
    "change",
    [
        lambda: Judgment.objects.update(active_seconds=1.0),
        lambda: Judgment.objects.update(rationale="Better words."),
        lambda: Judgment.objects.update(annotator=make_annotator("eve")),
        lambda: Judgment.objects.all()._raw_delete("default"),
        lambda: RankedCandidate.objects.update(tier=1),
        lambda: RankedCandidate.objects.all()._raw_delete("default"),
        lambda: Label.objects.create(judgment=Judgment.objects.get(), dimension_id=1, answer="given", value=None),
    ],
)
def test_the_database_refuses_to_change_what_was_submitted(change):
    make_judged()
    with pytest.raises(IntegrityError), transaction.atomic():
        change()


def test_the_database_refuses_a_ballot_on_what_was_not_shown():
    campaign, _, _, judgment, _ = make_judged()
    foreign = make_prompt(campaign, "Why do cats purr?")
    with pytest.raises(IntegrityError), transaction.atomic():
        RankedCandidate.objects.create(
            judgment_id=judgment, assignment=Assignment.objects.get(), message=foreign, tier=1, acceptable=True
        )


def test_the_database_refuses_a_second_current_judgment():
    make_judged()
    twin = Judgment.objects.get()
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_the_database_refuses_more_than_needed():
    make_judged()
    with pytest.raises(IntegrityError), transaction.atomic():
        Unit.objects.update(needed=0)
