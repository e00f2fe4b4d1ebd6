"""Agreement in its parts follows the judgments: strata, months and lists, and back again when a judgment goes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from annotate.models import AgreementDetail, AgreementReport, Annotator, Campaign, Judgment, Stale
from annotate.services.stale import mark_stale
from tasks.jobs.quality import recompute_stale_job
from tasks.vocabulary import StaleKind
from tests import opinions
from tests.opinions import add_candidates, add_labels, label, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db

MAY, JUNE = (datetime(2026, month, 4, 12, tzinfo=UTC) for month in (5, 6))
RANKING = [
    "kendall_tau", "kendall_tau_b", "kendall_w", "pairwise_alpha", "rank_alpha_interval", "rank_alpha_ordinal",
]  # fmt: skip


@pytest.fixture
def campaign() -> Campaign:
    return make_campaign(kinds=["rank", "label"])


def judge(campaign: Campaign, people, text: str, *, topic: str = "", language: str = "en", opposed: bool = False):
    prompt = make_prompt(campaign, text, topic=topic, language=language)
    good, bad = add_candidates(prompt, "alpha One.", "beta Two.")
    for place, person in enumerate(people):
        rank(person, prompt, *([[bad], [good]] if opposed and place else [[good], [bad]]))
    return prompt


def values(coefficient: str = "kendall_tau") -> dict[tuple, float | None]:
    reports = AgreementReport.objects.filter(coefficient=coefficient).select_related("stratum")
    return {
        (each.kind, each.language, each.stratum and each.stratum.topic, each.month): each.result["value"]
        for each in reports
    }


def test_topics_are_told_where_a_language_has_several(campaign) -> None:
    people = make_annotators(2)
    judge(campaign, people, "One", topic="health")
    judge(campaign, people, "Two", topic="law", opposed=True)
    judge(campaign, people, "Drei", topic="health", language="de")
    recompute_stale_job()
    assert values() == {
        ("rank", None, None, None): pytest.approx(1 / 3, abs=1e-6),
        ("rank", "de", None, None): 1.0,
        ("rank", "en", None, None): 0.0,
        ("rank", "en", "health", None): 1.0,
        ("rank", "en", "law", None): -1.0,
    }


def test_months_are_told_where_there_are_several(campaign, monkeypatch) -> None:
    people = make_annotators(2)
    monkeypatch.setattr(opinions, "NOW", MAY)
    judge(campaign, people, "One")
    recompute_stale_job()
    assert set(values()) == {("rank", None, None, None), ("rank", "en", None, None)}
    monkeypatch.setattr(opinions, "NOW", JUNE)
    judge(campaign, people, "Two", opposed=True)
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()
    assert values() == {
        ("rank", None, None, None): 0.0,
        ("rank", None, None, date(2026, 5, 1)): 1.0,
        ("rank", None, None, date(2026, 6, 1)): -1.0,
        ("rank", "en", None, None): 0.0,
    }


def test_a_month_takes_the_ballots_of_that_month_alone(campaign, monkeypatch) -> None:
    """Two people ranked a prompt in May, and nobody twice in June: June says nothing."""
    prompt = make_prompt(campaign, "One")
    good, bad = add_candidates(prompt, "alpha One.", "beta Two.")
    for month, person in zip((MAY, MAY, JUNE), make_annotators(3), strict=True):
        monkeypatch.setattr(opinions, "NOW", month)
        rank(person, prompt, [good], [bad])
    recompute_stale_job()
    assert {month for *_, month in values()} == {None, date(2026, 5, 1)}


def test_every_coefficient_is_there_in_every_part(campaign) -> None:
    people = make_annotators(2)
    judge(campaign, people, "One", topic="health")
    judge(campaign, people, "Two", topic="law")
    recompute_stale_job()
    parts = AgreementReport.objects.values_list("language", "stratum__topic", "coefficient")
    assert sorted(parts, key=str) == sorted(
        ((language, topic, name) for language, topic in
         ((None, None), ("en", None), ("en", "health"), ("en", "law")) for name in RANKING),
        key=str,
    )  # fmt: skip


def test_labels_have_topics_and_months_too(campaign, monkeypatch) -> None:
    add_labels(campaign, "quality")
    people = make_annotators(2)
    for month, topic in ((MAY, "health"), (JUNE, "law")):
        monkeypatch.setattr(opinions, "NOW", month)
        for number in range(2):
            prompt = make_prompt(campaign, f"{topic} {number}", topic=topic)
            add_candidates(prompt, "alpha One.", "beta Two.")
            for person in people:
                label(person, prompt, quality=float(number))
    recompute_stale_job()
    assert values("krippendorff_alpha") == {
        ("label", language, topic, month): 1.0
        for language, topic, month in (
            (None, None, None), (None, None, date(2026, 5, 1)), (None, None, date(2026, 6, 1)), ("en", None, None),
            ("en", "health", None), ("en", "law", None),
        )
    }  # fmt: skip


def test_lists_of_what_agrees_least_hold_ids_and_figures_alone(campaign) -> None:
    ada, bert = make_annotators(2)
    prompts = [judge(campaign, [ada, bert], f"Question {number}", opposed=number < 2) for number in range(4)]
    judge(campaign, make_annotators(3), "Many", opposed=True)
    recompute_stale_job()
    detail = AgreementDetail.objects.get().result
    pair = detail["ranking_pairs"][0]
    assert (pair["one"], pair["other"], pair["n"], pair["value"]) == (str(ada.pk), str(bert.pk), 4, 0.0)
    assert [row["n"] for row in detail["parents"]] == [3]
    assert (detail["label_pairs"], detail["subjects"]) == ([], [])
    assert prompts[0].text not in json.dumps(detail)


def test_a_judgment_that_goes_takes_its_part_of_the_figures_with_it(campaign) -> None:
    people = make_annotators(3)
    for number in range(3):
        judge(campaign, people[:2], f"Question {number}")
    recompute_stale_job()
    before = snapshot()
    late = judge(campaign, people, "One more", topic="law", opposed=True)
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()
    assert snapshot() != before
    Judgment.objects.filter(unit__subject=late).update(is_current=False)
    mark_stale(kind=StaleKind.PARENT, subject_ids=[late.pk])
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()
    assert snapshot() == before


def test_guests_who_became_accounts_are_one_person(campaign) -> None:
    account, guest, other = make_annotators(3)
    for number in range(2):
        judge(campaign, [account, other], f"Question {number}")
    for number in range(2, 4):
        judge(campaign, [guest, other], f"Question {number}")
    Annotator.objects.filter(pk=guest.pk).update(merged_into=account)
    recompute_stale_job()
    (pair,) = AgreementDetail.objects.get().result["ranking_pairs"]
    assert (pair["one"], pair["other"], pair["n"]) == (str(account.pk), str(other.pk), 4)


def snapshot() -> list:
    reports = AgreementReport.objects.order_by("kind", "language", "stratum", "month", "coefficient")
    return [
        list(reports.values_list("kind", "language", "stratum", "month", "coefficient", "result")),
        AgreementDetail.objects.get().result,
    ]
