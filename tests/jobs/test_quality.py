"""Consensus, agreement and leaderboard follow the judgments: once, from those that stand, and the same again."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from annotate.models import (
    AgreementReport,
    Annotator,
    Consensus,
    Generator,
    Judgment,
    Leaderboard,
    Message,
    MessageOrigin,
    Stale,
)
from annotate.queries.judgments import load_ballots
from annotate.services.quality import store_consensus
from annotate.services.stale import claim_stale, mark_for_later, mark_stale, settle_stale
from tasks.agreement.consensus import combine_rankings
from tasks.jobs import quality, weighing
from tasks.jobs.quality import SEED, recompute_stale_job
from tasks.records.ballots import Ballot
from tasks.vocabulary import StaleKind
from tests import loop
from tests.opinions import (
    NOW,
    add_candidates,
    add_labels,
    label,
    make_annotators,
    make_campaign,
    make_prompt,
    rank,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return make_campaign()


@pytest.fixture
def prompt(campaign):
    return make_prompt(campaign, "Why do birds sing?")


@pytest.fixture
def candidates(prompt):
    return add_candidates(prompt, "alpha To be heard.", "beta For joy.", "gamma No idea.")


def current(prompt: Message) -> Consensus | None:
    return Message.objects.select_related("current_consensus").get(pk=prompt.pk).current_consensus


def let_campaigns_work() -> None:
    """What rests after it was computed may be computed again at once."""
    Stale.objects.filter(kind="campaign").update(lease_expires_at=None)


def snapshot() -> list:
    """Everything that was computed, but for its time and its row."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT m.id, c.method, c.method_version, c.input_hash, c.n, c.seed, c.result::text, c.uncertainty
               FROM annotate_message m JOIN annotate_consensus c ON c.id = m.current_consensus_id ORDER BY m.id"""
        )
        consensus = cursor.fetchall()
        cursor.execute(
            """SELECT kind, language, dimension, coefficient, result::text FROM annotate_agreementreport
               ORDER BY kind, language, dimension, coefficient"""
        )
        agreement = cursor.fetchall()
        cursor.execute("SELECT campaign_id, result::text FROM annotate_leaderboard ORDER BY campaign_id")
        return [consensus, agreement, cursor.fetchall()]


def test_rankings_become_consensus_agreement_and_leaderboard(campaign, prompt, candidates) -> None:
    good, fair, bad = candidates
    for annotator in make_annotators(3):
        rank(annotator, prompt, [good], [fair], [bad], acceptable_tiers=2)

    recompute_stale_job()

    result = current(prompt).result
    assert (result["tiers"], result["acceptable_tiers"]) == ([[good.pk], [fair.pk], [bad.pk]], 2)
    assert (result["n_ballots"], result["n_annotators"], result["seed"]) == (3, 3, SEED)
    reports = {
        (report.kind, report.language, report.dimension, report.coefficient): report.result["value"]
        for report in AgreementReport.objects.all()
    }
    assert reports == {
        ("rank", language, None, coefficient): 1.0
        for language in (None, "en")
        for coefficient in (
            "kendall_tau",
            "kendall_tau_b",
            "kendall_w",
            "pairwise_alpha",
            "rank_alpha_interval",
            "rank_alpha_ordinal",
        )
    }
    standings = Leaderboard.objects.get().result["standings"]
    assert [entry["generator"] for entry in standings] == ["alpha", "beta", "gamma"]


def test_the_job_run_twice_adds_nothing_the_second_time(prompt, candidates) -> None:
    rank(make_annotators(1)[0], prompt, *[[message] for message in candidates])
    recompute_stale_job()
    before = list(Consensus.objects.values()), list(AgreementReport.objects.order_by("pk").values())
    let_campaigns_work()
    recompute_stale_job()
    assert (list(Consensus.objects.values()), list(AgreementReport.objects.order_by("pk").values())) == before


def test_a_lost_message_costs_nothing(prompt, candidates) -> None:
    """Nobody was woken for the first ballot; the sweep of the second one's finds both."""
    first, second = make_annotators(2)
    rank(first, prompt, *[[message] for message in candidates])
    assert current(prompt) is None
    rank(second, prompt, *[[message] for message in candidates])
    recompute_stale_job()
    assert current(prompt).n == 2
    assert list(Stale.objects.filter(kind="parent").values_list("marked", "computed")) == [(2, 2)]


def test_a_mark_made_while_computing_survives(prompt, candidates, monkeypatch) -> None:
    first, second = make_annotators(2)
    rank(first, prompt, *[[message] for message in candidates])

    def combine_slowly(ballots, **given):
        monkeypatch.setattr(weighing, "combine_rankings", combine_rankings)
        records = combine_rankings(ballots, **given)
        rank(second, prompt, *[[message] for message in reversed(candidates)])
        return records

    monkeypatch.setattr(weighing, "combine_rankings", combine_slowly)
    recompute_stale_job()
    assert current(prompt).n == 2
    assert [consensus.n for consensus in Consensus.objects.order_by("pk")] == [1, 2]


def test_an_older_result_never_replaces_a_newer_one(prompt, candidates) -> None:
    first, second = make_annotators(2)
    rank(first, prompt, *[[message] for message in candidates])
    slow = claim_stale(kind=StaleKind.PARENT, limit=9, now=NOW, lease_seconds=1)
    old_records = combine_rankings(load_ballots(parent_ids=[prompt.pk]), seed=SEED)
    rank(second, prompt, *[[message] for message in candidates])
    recompute_stale_job()

    assert store_consensus(marks=slow, records=old_records, now=NOW) == []

    assert current(prompt).n == 2
    assert Stale.objects.get(kind="parent").computed == 2


def test_what_is_claimed_is_not_claimed_again_until_its_lease_ends(prompt, candidates) -> None:
    rank(make_annotators(1)[0], prompt, *[[message] for message in candidates])
    claimed = claim_stale(kind=StaleKind.PARENT, limit=9, now=NOW, lease_seconds=60)
    again = claim_stale(kind=StaleKind.PARENT, limit=9, now=NOW, lease_seconds=60)
    late = claim_stale(kind=StaleKind.PARENT, limit=9, now=claimed[0].lease_expires_at, lease_seconds=60)
    assert [[mark.subject_id for mark in marks] for marks in (claimed, again, late)] == [[prompt.pk], [], [prompt.pk]]


def test_a_fresh_ballot_does_not_wait_behind_what_a_snapshot_marked(campaign, prompt, candidates, monkeypatch) -> None:
    others = [make_prompt(campaign, f"Question {number}?") for number in range(6)]
    annotator, late = make_annotators(2)
    for other in [*others, prompt]:
        known = candidates if other is prompt else add_candidates(other, "alpha Yes.", "beta No.")
        rank(annotator, other, *[[message] for message in known])
    recompute_stale_job()
    mark_for_later(kind=StaleKind.PARENT, subject_ids=[prompt.pk, *(other.pk for other in others)])
    last = others[-1]
    rank(late, last, *[[message] for message in Message.objects.filter(parent=last)])
    computed: list[int] = []
    real = quality.recompute_parents

    def note(marks, now):
        computed.extend(mark.subject_id for mark in marks)
        real(marks, now)

    monkeypatch.setattr(quality, "recompute_parents", note)
    monkeypatch.setattr(quality, "PARENTS_AT_ONCE", 1)
    recompute_stale_job()
    assert computed[0] == last.pk
    assert computed[1:] == sorted(message.pk for message in [prompt, *others[:-1]])
    assert current(last).n == 2


def test_a_steady_stream_of_fresh_ballots_keeps_nothing_else_waiting(campaign, prompt, candidates, monkeypatch) -> None:
    (annotator,) = make_annotators(1)
    other = make_prompt(campaign, "Why do fish swim?")
    rank(annotator, prompt, *[[message] for message in candidates])
    rank(annotator, other, *[[message] for message in add_candidates(other, "alpha To move.", "beta Why not.")])
    recompute_stale_job()
    mark_for_later(kind=StaleKind.PARENT, subject_ids=[other.pk])
    mark_stale(kind=StaleKind.PARENT, subject_ids=[prompt.pk])
    computed: list[int] = []

    def note(marks, now):
        computed.extend(mark.subject_id for mark in marks)
        settle_stale(marks=marks)
        if len(computed) < 9:
            mark_stale(kind=StaleKind.PARENT, subject_ids=[prompt.pk])

    monkeypatch.setattr(quality, "recompute_parents", note)
    recompute_stale_job()
    assert computed[:2] == [prompt.pk, other.pk]
    assert computed.count(prompt.pk) == 8


def test_marks_for_later_are_claimed_apart_and_a_fresh_mark_stays_fresh(prompt) -> None:
    def claim(*, fresh: bool) -> list[int]:
        marks = claim_stale(kind=StaleKind.PARENT, limit=9, now=NOW, lease_seconds=60, fresh=fresh)
        settle_stale(marks=marks)
        return [mark.subject_id for mark in marks]

    mark_for_later(kind=StaleKind.PARENT, subject_ids=[1, 2])
    mark_stale(kind=StaleKind.PARENT, subject_ids=[2, 3])
    mark_for_later(kind=StaleKind.PARENT, subject_ids=[3])
    assert (claim(fresh=True), claim(fresh=False)) == ([2, 3], [1])
    mark_for_later(kind=StaleKind.PARENT, subject_ids=[1, 2, 3])
    assert (claim(fresh=True), claim(fresh=False)) == ([], [1, 2, 3])


def test_one_parent_that_fails_keeps_no_other_from_its_consensus(campaign, prompt, candidates, monkeypatch) -> None:
    other = make_prompt(campaign, "Why do fish swim?")
    fishes = add_candidates(other, "alpha To move.", "beta Why not.")
    (annotator,) = make_annotators(1)
    rank(annotator, prompt, *[[message] for message in candidates])
    rank(annotator, other, *[[message] for message in fishes])

    def combine_some(ballots, **given):
        if any(ballot.parent == prompt.pk for ballot in ballots):
            raise ArithmeticError("rankings did not converge")
        return combine_rankings(ballots, **given)

    monkeypatch.setattr(weighing, "combine_rankings", combine_some)
    recompute_stale_job()

    assert (current(prompt), current(other).n) == (None, 1)
    failed = Stale.objects.get(kind="parent", subject_id=prompt.pk)
    assert (failed.marked, failed.computed, failed.failures) == (1, 0, 1)
    assert failed.error == "ArithmeticError: rankings did not converge"
    assert failed.lease_expires_at > timezone.now()

    monkeypatch.setattr(weighing, "combine_rankings", combine_rankings)
    recompute_stale_job()
    assert current(prompt) is None  # it waits for its next turn
    Stale.objects.filter(kind="parent").update(lease_expires_at=timezone.now())
    recompute_stale_job()
    assert current(prompt).n == 1
    assert Stale.objects.get(kind="parent", subject_id=prompt.pk).error == ""


def test_everything_can_be_computed_again_from_the_judgments_alone_bit_for_bit() -> None:
    campaign = make_campaign(kinds=["rank", "label"])
    add_labels(campaign, "quality", "humor")
    people = make_annotators(5)
    for number, language in enumerate(["en", "de", "en"]):
        prompt = make_prompt(campaign, f"Question {number}", language=language)
        a, b, c = add_candidates(prompt, "alpha One.", "beta Two.", "gamma Three.")
        for place, annotator in enumerate(people):
            order = [[a, b], [c]] if (place + number) % 3 else [[c], [a], [b]]
            rank(annotator, prompt, *order, acceptable_tiers=place % 3)
            label(annotator, prompt, quality=((place + number) % 4) / 4, humor=None if place % 2 else 0.5)
    recompute_stale_job()
    first = snapshot()
    assert [len(part) for part in first] == [3, 24, 1]

    # All that was computed is gone, and everything is computed anew, in another order and one by one.
    Message.objects.update(current_consensus=None)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE annotate_consensus DISABLE TRIGGER consensus_is_append_only")
        cursor.execute("DELETE FROM annotate_consensus")
    AgreementReport.objects.all().delete()
    Leaderboard.objects.all().delete()
    Stale.objects.all().delete()
    parents = list(Message.objects.filter(parent=None).order_by("-pk").values_list("pk", flat=True))
    for parent in parents:
        mark_stale(kind=StaleKind.PARENT, subject_ids=[parent])
        recompute_stale_job()
        let_campaigns_work()
    recompute_stale_job()

    assert snapshot() == first


def test_a_ballot_that_does_not_stand_is_not_counted(prompt, candidates) -> None:
    stays, undone, withdrawn = make_annotators(3)
    order = [[message] for message in candidates]
    rank(stays, prompt, *order)
    Judgment.objects.filter(pk=rank(undone, prompt, *order).pk).update(is_current=False)
    Judgment.objects.filter(pk=rank(withdrawn, prompt, *order).pk).update(withdrawn_at=NOW, is_current=False)
    recompute_stale_job()
    assert current(prompt).n == 1


def test_a_surplus_ballot_counts_for_the_consensus(prompt, candidates) -> None:
    rank(make_annotators(1)[0], prompt, *[[message] for message in candidates], counted=False)
    recompute_stale_job()
    assert current(prompt).n == 1


def test_without_ballots_there_is_no_consensus(prompt, candidates) -> None:
    judgment = rank(make_annotators(1)[0], prompt, *[[message] for message in candidates])
    recompute_stale_job()
    Judgment.objects.filter(pk=judgment.pk).update(is_current=False)
    mark_stale(kind=StaleKind.PARENT, subject_ids=[prompt.pk])
    let_campaigns_work()
    recompute_stale_job()
    assert (current(prompt), Consensus.objects.count()) == (None, 1)
    assert AgreementReport.objects.count() == 0
    assert Leaderboard.objects.get().result["standings"] == []


def test_the_consensus_of_ballots_that_come_back_is_the_old_row(prompt, candidates) -> None:
    first, second = make_annotators(2)
    rank(first, prompt, *[[message] for message in candidates])
    recompute_stale_job()
    old = current(prompt)
    judgment = rank(second, prompt, *[[message] for message in reversed(candidates)])
    recompute_stale_job()
    Judgment.objects.filter(pk=judgment.pk).update(is_current=False)
    mark_stale(kind=StaleKind.PARENT, subject_ids=[prompt.pk])
    recompute_stale_job()
    assert (current(prompt), Consensus.objects.count()) == (old, 2)


def test_removed_candidates_are_dropped_and_the_rest_keeps_its_order(prompt, candidates) -> None:
    a, b, c = candidates
    first, second, third = make_annotators(3)
    rank(first, prompt, [b], [a], [c], acceptable_tiers=2)
    rank(second, prompt, [a, b], [c], acceptable_tiers=1)
    rank(third, prompt, [c], [a, b], acceptable_tiers=None, rest_worse=True)
    Message.objects.filter(pk=b.pk).update(removed_at=NOW)
    shown = (a.pk, c.pk)
    assert load_ballots(parent_ids=[prompt.pk]) == [
        Ballot(str(first.pk), prompt.pk, ((a.pk,), (c.pk,)), 1, shown),
        Ballot(str(second.pk), prompt.pk, ((a.pk,), (c.pk,)), 1, shown),
        Ballot(str(third.pk), prompt.pk, ((c.pk,), (a.pk,)), None, (c.pk, a.pk), rest_worse=True),
    ]
    Message.objects.filter(pk=b.pk).update(removed_at=None, withdrawn_at=NOW)
    Message.objects.filter(pk=a.pk).update(removed_at=NOW)
    assert load_ballots(parent_ids=[prompt.pk])[2] == Ballot(
        str(third.pk), prompt.pk, ((c.pk,),), None, (c.pk,), rest_worse=False
    )


def test_a_shown_candidate_that_was_not_placed_is_known_as_shown(prompt, candidates) -> None:
    a, b, c = candidates
    (annotator,) = make_annotators(1)
    rank(annotator, prompt, [c], [a], shown=[b, a, c])
    assert load_ballots(parent_ids=[prompt.pk]) == [
        Ballot(str(annotator.pk), prompt.pk, ((c.pk,), (a.pk,)), None, (b.pk, a.pk, c.pk))
    ]


def test_a_guest_who_became_an_account_is_one_person(campaign, prompt, candidates) -> None:
    account, guest = make_annotators(2)
    rank(guest, prompt, *[[message] for message in candidates])
    Annotator.objects.filter(pk=guest.pk).update(merged_into=account)
    assert [ballot.annotator for ballot in load_ballots(parent_ids=[prompt.pk])] == [str(account.pk)]


def test_nothing_is_said_about_a_removed_conversation(prompt, candidates) -> None:
    rank(make_annotators(1)[0], prompt, *[[message] for message in candidates])
    recompute_stale_job()
    Message.objects.filter(pk=prompt.pk).update(removed_at=NOW)
    mark_stale(kind=StaleKind.PARENT, subject_ids=[prompt.pk])
    recompute_stale_job()
    assert current(prompt) is None


def test_labels_that_were_not_answered_are_no_zeros() -> None:
    campaign = make_campaign(kinds=["label"])
    add_labels(campaign, "quality")
    people = make_annotators(3)
    for number in range(3):
        prompt = make_prompt(campaign, f"Question {number}")
        add_candidates(prompt, "alpha One.", "beta Two.")
        for annotator in people[:2]:
            label(annotator, prompt, quality=number / 2)
        label(people[2], prompt, quality=None)
    recompute_stale_job()
    report = AgreementReport.objects.get(language=None)
    assert (report.kind, report.dimension, report.coefficient) == ("label", "quality", "krippendorff_alpha")
    assert (report.result["value"], report.result["n_judgments"], report.result["metric"]) == (1.0, 6, "ordinal")


def test_agreement_that_cannot_be_measured_says_why(prompt, candidates) -> None:
    rank(make_annotators(1)[0], prompt, *[[message] for message in candidates])
    recompute_stale_job()
    report = AgreementReport.objects.get(language=None, coefficient="pairwise_alpha")
    assert (report.result["value"], report.result["reason"]) == (
        None,
        "not enough data: no unit was judged by two annotators",
    )


def test_a_campaign_rests_and_is_computed_after_its_last_ballot(prompt, candidates) -> None:
    first, second = make_annotators(2)
    rank(first, prompt, *[[message] for message in candidates])
    recompute_stale_job()
    rank(second, prompt, *[[message] for message in candidates])
    recompute_stale_job()
    rests = Stale.objects.get(kind="campaign")
    assert (rests.marked, rests.computed, Leaderboard.objects.get().result["n_ballots"]) == (2, 1, 1)
    assert rests.lease_expires_at > timezone.now()

    Stale.objects.filter(kind="campaign").update(lease_expires_at=timezone.now())
    recompute_stale_job()
    assert Leaderboard.objects.get().result["n_ballots"] == 2


def test_a_text_of_two_origins_stands_for_both(campaign, prompt, candidates) -> None:
    human, twin = candidates[0], Generator.objects.create(campaign=campaign, name="omega", engine="label")
    MessageOrigin.objects.filter(message=human).update(kind="written", generator=None)
    MessageOrigin.objects.create(message=candidates[1], kind="imported", generator=twin, key="omega")
    for annotator in make_annotators(2):
        rank(annotator, prompt, *[[message] for message in candidates])
    recompute_stale_job()
    assert {entry["generator"] for entry in Leaderboard.objects.get().result["standings"]} == {
        "human", "beta", "omega", "gamma",
    }  # fmt: skip


def test_what_people_submit_is_what_is_computed() -> None:
    campaign = loop.make_campaign(redundancy=2)
    prompt = loop.make_prompt(campaign, replies=3)
    order = list(Message.objects.filter(parent=prompt).order_by("pk"))
    for name in ("ada", "bert", "cleo"):
        annotator = loop.make_annotator(name)
        assignment = loop.ask(annotator, campaign)["assignment"]
        if assignment is None:
            continue
        handles = {candidate["text"]: candidate["id"] for candidate in assignment["subject"]["candidates"]}
        tiers = [[handles[message.text]] for message in order]
        loop.submit(annotator, assignment["id"], {"tiers": tiers, "acceptable_tiers": 2})

    recompute_stale_job()

    result = current(prompt).result
    assert (result["tiers"], result["acceptable_tiers"]) == ([[message.pk] for message in order], 2)
    assert (result["n_ballots"], result["n_annotators"]) == (2, 2)
    assert AgreementReport.objects.get(language=None, coefficient="kendall_tau").result["value"] == 1.0
