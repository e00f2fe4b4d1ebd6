"""Campaigns with prompts about things that are told apart, for tests of topics and target shares."""

from __future__ import annotations

from annotate.models import Campaign, Message
from tasks.jobs.topics import find_topics_job
from tasks.jobs.vectors import embed_texts_job
from tests.loop import make_prompt
from tests.subjects import SUBJECTS, write_prompts


def make_prompts(
    campaign: Campaign, *, each: int = 20, subjects=tuple(SUBJECTS), seed: int = 0, language="en"
) -> list[Message]:
    return [
        make_prompt(campaign, text, replies=0, language=language)
        for subject in subjects
        for text in write_prompts(subject, each, seed=seed)
    ]


def find_places(campaign: Campaign) -> None:
    """What the jobs do within a minute, whoever rests."""
    wake_all()
    embed_texts_job()
    wake_all()
    find_topics_job()


def wake_all() -> None:
    """Nobody rests any more."""
    from annotate.models import Stale

    Stale.objects.filter(kind__in=["turn_vectors", "turn_topics"]).update(lease_expires_at=None)
