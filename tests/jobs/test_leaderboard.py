"""The leaderboard follows the ballots that stand: the order in which texts were shown, texts, languages and topics with it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from annotate.models import Judgment, Leaderboard, Message, Stale
from annotate.queries import leaderboards
from annotate.services.stale import mark_stale
from tasks.jobs.quality import recompute_stale_job
from tasks.vocabulary import StaleKind
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db

PEOPLE = 32


@pytest.fixture
def prompts() -> list[Message]:
    """Everybody preferred what was shown first, on two prompts in two languages; one has a topic."""
    campaign = make_campaign()
    people = make_annotators(PEOPLE)
    made = [
        make_prompt(campaign, "Question 1", language="en", topic="weather"),
        make_prompt(campaign, "Question 2", language="de"),
    ]
    for prompt in made:
        one, other = add_candidates(prompt, "alpha One.", "beta Two, which says more.")
        for number, annotator in enumerate(people):
            order = [one, other] if number % 2 else [other, one]
            rank(annotator, prompt, [order[0]], [order[1]], shown=order)
    recompute(campaign.pk)
    return made


def recompute(campaign_id: int) -> Leaderboard:
    """What is marked, and the campaign even where it rests."""
    mark_stale(kind=StaleKind.CAMPAIGN, subject_ids=[campaign_id])
    Stale.objects.update(lease_expires_at=None)
    recompute_stale_job()
    return Leaderboard.objects.get(campaign_id=campaign_id)


def effect_of(board: Leaderboard, control: str) -> dict:
    return next(one for one in board.slices["controlled"]["effects"] if one["control"] == control)


def test_the_order_in_which_texts_were_shown_reaches_the_leaderboard(prompts) -> None:
    place = effect_of(Leaderboard.objects.get(), "place")
    assert (place["n_differing"], place["low"] > 1) == (2 * PEOPLE, True)
    length = effect_of(Leaderboard.objects.get(), "length")
    assert (length["n_differing"], abs(length["effect"]) < 0.3) == (2 * PEOPLE, True)


def test_an_order_that_an_import_did_not_tell_says_nothing_about_place(prompts) -> None:
    candidates = list(Message.objects.filter(parent=prompts[0]).order_by("pk"))
    for annotator in make_annotators(40):
        rank(annotator, prompts[0], [candidates[1]], [candidates[0]], terms_version="imported")
    assert Judgment.objects.filter(terms_version="imported").count() == 40
    board = recompute(prompts[0].tree.campaign_id)
    place, length = effect_of(board, "place"), effect_of(board, "length")
    assert (place["n_differing"], length["n_differing"]) == (2 * PEOPLE, 2 * PEOPLE + 40)


def test_languages_and_topics_have_leaderboards_of_their_own(prompts) -> None:
    slices = Leaderboard.objects.get().slices
    assert [(one["name"], one["n_ballots"]) for one in slices["language"]] == [("de", PEOPLE), ("en", PEOPLE)]
    assert [(one["name"], one["n_ballots"]) for one in slices["topic"]] == [("weather", PEOPLE)]
    assert all(len(one["standings"]) == 2 for kind in ("language", "topic") for one in slices[kind])


def test_what_is_withdrawn_leaves_the_figures_exactly_as_they_were(prompts) -> None:
    campaign_id = prompts[0].tree.campaign_id
    before = Leaderboard.objects.get()
    (late,) = make_annotators(1)
    candidates = list(Message.objects.filter(parent=prompts[0]).order_by("pk"))
    judgment = rank(late, prompts[0], [candidates[1]], [candidates[0]])
    with_it = recompute(campaign_id)
    assert (with_it.result == before.result, with_it.slices == before.slices) == (False, False)
    Judgment.objects.filter(pk=judgment.pk).update(withdrawn_at=timezone.now(), is_current=False)
    after = recompute(campaign_id)
    assert (after.result, after.slices) == (before.result, before.slices)


def test_a_candidate_that_is_removed_and_comes_back_leaves_no_trace(prompts) -> None:
    campaign_id = prompts[0].tree.campaign_id
    before = Leaderboard.objects.get()
    gone = Message.objects.filter(parent=prompts[1]).order_by("pk")[:1]
    Message.objects.filter(pk__in=list(gone.values_list("pk", flat=True))).update(removed_at=timezone.now())
    without = recompute(campaign_id)
    assert without.result["n_ballots"] == PEOPLE
    Message.objects.update(removed_at=None)
    after = recompute(campaign_id)
    assert (after.result, after.slices) == (before.result, before.slices)


def test_texts_are_read_a_batch_at_a_time(prompts, monkeypatch, django_assert_num_queries) -> None:
    ids = list(Message.objects.filter(parent__isnull=False).values_list("pk", flat=True))
    expected = dict(Message.objects.filter(pk__in=ids).values_list("pk", "text"))
    monkeypatch.setattr(leaderboards, "TEXTS_AT_ONCE", 3)
    with django_assert_num_queries(2):
        assert dict(leaderboards.iterate_texts(message_ids=ids)) == expected
