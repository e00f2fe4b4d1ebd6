"""Findings are kept, brought in line with what is found, and decided by moderators; nothing follows by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from annotate.access import Actor
from annotate.exceptions import ChorusError
from annotate.models import Annotator, AuditEvent, Campaign, Finding, Judgment, Stale, User
from annotate.services.findings import GROWN, MAX_NOTE_CHARS, decide_finding, store_findings
from annotate.services.stale import release_turn, take_turn
from tasks.records.manipulation import Sign
from tasks.vocabulary import FindingKind, StaleKind
from tests.opinions import NOW, add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign()


@pytest.fixture
def moderator() -> Actor:
    return Actor(user=User.objects.create(email="mo@example.org"), scopes=None)


def sign(annotator: Annotator, kind: FindingKind = FindingKind.RANDOM, *, strength=5.0, others=()) -> Sign:
    evidence = {"n": 50, "observed": 0.01, "expected": 0.5, "judgments": []}
    return Sign(str(annotator.pk), kind, strength, evidence, tuple(str(one.pk) for one in others))


def store(campaign: Campaign, *signs: Sign, now=NOW) -> int:
    """A turn of the job that found these."""
    release_turn(kind=StaleKind.TURN_FINDINGS, subject_id=campaign.pk)
    turn = take_turn(kind=StaleKind.TURN_FINDINGS, subject_id=campaign.pk, now=now, lease_seconds=60)
    assert turn is not None
    return store_findings(turn=turn, signs=signs, now=now)


def states() -> list[tuple[str, str]]:
    return list(Finding.objects.order_by("pk").values_list("kind", "state"))


def decide(campaign: Campaign, moderator: Actor, *, upholds: bool, reason: str = "Looked at ten.", pk=None) -> Finding:
    pk = pk or Finding.objects.latest("pk").pk
    return decide_finding(campaign=campaign, finding_id=pk, upholds=upholds, reason=reason, actor=moderator, now=NOW)


def test_what_is_found_is_open_with_its_evidence_and_whose_ballots_go_with_it(campaign) -> None:
    ada, bob, eve = make_annotators(3)
    assert store(campaign, sign(ada, FindingKind.COLLUSION, others=[bob, eve])) == 1
    finding = Finding.objects.get()
    assert (finding.annotator, finding.state, finding.strength, finding.found_at) == (ada, "open", 5.0, NOW)
    assert finding.evidence == {"n": 50, "observed": 0.01, "expected": 0.5, "judgments": []}
    assert set(finding.others.all()) == {bob, eve}


def test_found_again_it_is_brought_up_to_date_and_stays_one(campaign) -> None:
    ada, bob = make_annotators(2)
    store(campaign, sign(ada, FindingKind.COPIED, others=[bob]))
    later = NOW + timedelta(hours=1)
    assert store(campaign, sign(ada, FindingKind.COPIED, strength=9.0), now=later) == 0
    finding = Finding.objects.get()
    assert (finding.strength, finding.found_at, finding.seen_at, finding.others.count()) == (9.0, NOW, later, 0)


def test_what_is_not_found_any_more_is_gone_and_may_come_back(campaign) -> None:
    (ada,) = make_annotators(1)
    store(campaign, sign(ada))
    store(campaign)
    assert states() == [("random", "gone")]
    assert store(campaign, sign(ada), now=NOW + timedelta(hours=2)) == 1
    assert (states(), Finding.objects.get().found_at) == ([("random", "open")], NOW + timedelta(hours=2))


def test_what_was_dismissed_comes_back_only_when_the_evidence_has_clearly_grown(campaign, moderator) -> None:
    (ada,) = make_annotators(1)
    store(campaign, sign(ada, strength=5.0))
    decide(campaign, moderator, upholds=False)
    assert store(campaign, sign(ada, strength=5.0 * GROWN - 0.1)) == 0
    assert states() == [("random", "dismissed")]
    assert store(campaign, sign(ada, strength=5.0 * GROWN)) == 1
    assert states() == [("random", "dismissed"), ("random", "open")]


def test_another_sign_of_somebody_whose_first_was_dismissed_is_told(campaign, moderator) -> None:
    (ada,) = make_annotators(1)
    store(campaign, sign(ada))
    decide(campaign, moderator, upholds=False)
    assert store(campaign, sign(ada), sign(ada, FindingKind.HURRIED)) == 1


def test_of_whoever_a_finding_was_upheld_no_more_are_opened(campaign, moderator) -> None:
    ada, bob = make_annotators(2)
    store(campaign, sign(ada))
    decide(campaign, moderator, upholds=True)
    assert store(campaign, sign(ada, strength=90.0), sign(ada, FindingKind.HURRIED), sign(bob)) == 1
    assert states() == [("random", "upheld"), ("random", "open")]


def test_what_a_guest_had_stays_with_the_account_that_they_became(campaign, moderator) -> None:
    guest, account = make_annotators(2)
    store(campaign, sign(guest))
    decide(campaign, moderator, upholds=False)
    guest.merged_into = account
    guest.save()
    assert store(campaign, sign(account)) == 0


def test_a_turn_that_is_lost_stores_nothing(campaign) -> None:
    (ada,) = make_annotators(1)
    turn = take_turn(kind=StaleKind.TURN_FINDINGS, subject_id=campaign.pk, now=NOW, lease_seconds=60)
    assert turn is not None
    old = replace(turn, lease_expires_at=NOW)
    assert (store_findings(turn=old, signs=[sign(ada)], now=NOW), Finding.objects.count()) == (0, 0)


def test_signs_of_people_who_are_gone_are_left_out(campaign) -> None:
    (ada,) = make_annotators(1)
    nobody = Annotator(pk=10**9)
    assert store(campaign, sign(nobody), sign(ada, FindingKind.COPIED, others=[nobody])) == 1
    assert Finding.objects.get().others.count() == 0


def test_findings_of_another_campaign_are_left_alone(campaign) -> None:
    (ada,) = make_annotators(1)
    other = make_campaign("bees")
    store(campaign, sign(ada))
    store(other)
    assert states() == [("random", "open")]


@pytest.mark.parametrize("upholds", [True, False])
def test_a_decision_names_who_and_why_and_is_in_the_audit(campaign, moderator, upholds) -> None:
    (ada,) = make_annotators(1)
    store(campaign, sign(ada))
    finding = decide(campaign, moderator, upholds=upholds, reason="  Read twelve of them. ")
    state = "upheld" if upholds else "dismissed"
    finding.refresh_from_db()
    assert (finding.state, finding.decided_by, finding.decided_at, finding.decision_note) == (
        state, moderator.user, NOW, "Read twelve of them.",
    )  # fmt: skip
    event = AuditEvent.objects.get(object_kind="finding")
    assert (event.action, event.object_id, event.reason) == (
        f"finding.{state}",
        str(finding.pk),
        "Read twelve of them.",
    )
    assert (event.before, event.after) == (
        {"state": "open"}, {"state": state, "kind": "random", "annotator": ada.pk},
    )  # fmt: skip


def test_upholding_brings_reliability_forward_and_deletes_nothing(campaign, moderator) -> None:
    ada, _ = make_annotators(2)
    first, second = add_candidates(make_prompt(campaign, "Why?"), "A x", "B x")
    rank(ada, first.parent, [first], [second])
    store(campaign, sign(ada))
    turn = take_turn(kind=StaleKind.TURN_RELIABILITY, subject_id=campaign.pk, now=NOW, lease_seconds=3600)
    assert turn is not None
    decide(campaign, moderator, upholds=True)
    assert Stale.objects.get(kind="turn_reliability").lease_expires_at is None
    assert Judgment.objects.get().withdrawn_at is None
    assert Annotator.objects.get(pk=ada.pk).suspended_at is None


def test_dismissing_leaves_reliability_at_rest(campaign, moderator) -> None:
    (ada,) = make_annotators(1)
    store(campaign, sign(ada))
    turn = take_turn(kind=StaleKind.TURN_RELIABILITY, subject_id=campaign.pk, now=NOW, lease_seconds=3600)
    decide(campaign, moderator, upholds=False)
    assert Stale.objects.get(kind="turn_reliability").lease_expires_at == turn.lease_expires_at


def test_a_decision_may_be_changed_and_reliability_follows_again(campaign, moderator) -> None:
    (ada,) = make_annotators(1)
    store(campaign, sign(ada))
    decide(campaign, moderator, upholds=True)
    take_turn(kind=StaleKind.TURN_RELIABILITY, subject_id=campaign.pk, now=NOW, lease_seconds=3600)
    decide(campaign, moderator, upholds=False)
    assert states() == [("random", "dismissed")]
    assert Stale.objects.get(kind="turn_reliability").lease_expires_at is None
    assert [event.before for event in AuditEvent.objects.order_by("pk")] == [{"state": "open"}, {"state": "upheld"}]


@pytest.mark.parametrize(
    ("prepare", "given", "code"),
    [
        ("open", {"pk": 10**9}, "finding_not_found"),
        ("open", {"reason": "  "}, "reason_required"),
        ("open", {"reason": "x" * (MAX_NOTE_CHARS + 1)}, "reason_too_long"),
        ("upheld", {}, "decided_already"),
        ("gone", {}, "finding_gone"),
        ("own", {}, "own_finding"),
        ("elsewhere", {}, "finding_not_found"),
    ],
)
def test_each_refusal_leaves_everything_as_it_was(campaign, moderator, prepare, given, code) -> None:
    (ada,) = make_annotators(1)
    store(make_campaign("bees") if prepare == "elsewhere" else campaign, sign(ada))
    if prepare == "upheld":
        decide(campaign, moderator, upholds=True)
    if prepare == "gone":
        store(campaign)
    if prepare == "own":
        Annotator.objects.filter(pk=ada.pk).update(user=moderator.user)
    before = (states(), AuditEvent.objects.count())
    with pytest.raises(ChorusError) as refused:
        decide(campaign, moderator, upholds=True, **given)
    assert (refused.value.code, (states(), AuditEvent.objects.count())) == (code, before)
