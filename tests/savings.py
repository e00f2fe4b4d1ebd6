"""Campaigns in which people ranked prompts, some alike and some not, measured as the jobs would."""

from __future__ import annotations

from annotate.models import Campaign, Message, Saving
from tasks.jobs.quality import recompute_stale_job
from tasks.jobs.saving import measure_saving_job
from tasks.jobs.scheduling import schedule_units_job
from tests.opinions import add_candidates, make_annotators, make_prompt, rank


def rank_prompts(campaign: Campaign, *orders: str, seconds: float | None = 30.0) -> list[Message]:
    """A prompt for each word: of its letters each is a ranking, in order; + one way round, - the other."""
    people = make_annotators(max(map(len, orders)))
    prompts = []
    for number, word in enumerate(orders):
        prompt = make_prompt(campaign, f"prompt {number}")
        first, second = add_candidates(prompt, "alpha Yes.", "beta No.")
        for annotator, letter in zip(people, word, strict=False):
            above, below = (first, second) if letter == "+" else (second, first)
            rank(annotator, prompt, [above], [below], active_seconds=seconds)
        prompts.append(prompt)
    return prompts


def measure(campaign: Campaign) -> Saving:
    """What the jobs make of it."""
    recompute_stale_job()
    schedule_units_job()
    measure_saving_job()
    return Saving.objects.get(campaign=campaign)
