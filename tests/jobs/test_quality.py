"""Consensus, agreement and leaderboard follow the judgments: once, from those that stand, and the same again."""

from __future__ import annotations

import pytest

from annotate.models import AgreementReport, Consensus, Leaderboard, Message, Stale
from tasks.jobs.quality import recompute_stale_job
from tests.opinions import add_candidates, make_annotators, make_campaign, make_prompt, rank

pytestmark = pytest.mark.django_db


def test_a_ranking_becomes_consensus_agreement_and_leaderboard() -> None:
    campaign = make_campaign()
    prompt = make_prompt(campaign, "Why do birds sing?")
    good, fair, bad = add_candidates(prompt, "alpha To be heard.", "beta For joy.", "gamma No idea.")
    for annotator in make_annotators(3):
        rank(annotator, prompt, [good], [fair], [bad], acceptable_tiers=2)
    recompute_stale_job()
    result = Message.objects.get(pk=prompt.pk).current_consensus.result
    assert (result["tiers"], result["acceptable_tiers"], result["n_ballots"]) == ([[good.pk], [fair.pk], [bad.pk]], 2, 3)
