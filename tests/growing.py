"""A growing campaign and scripted people, for tests of trees: everything goes through the services."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from itertools import count
from typing import Any

from annotate.models import Annotator, Campaign, LabelDimension, LanguageSupply, Message, MessageTree, Stratum, Unit
from annotate.services.holds import release_holds
from annotate.services.prompt_supply import supply_prompts
from annotate.services.stale import claim_stale, settle_stale
from annotate.services.tree_growth import advance_trees
from annotate.services.tree_marks import mark_supply, mark_trees
from tasks.vocabulary import Kind, StaleKind
from tests.loop import NOW, add_message, ask, make_campaign, ranking_of, submit

KINDS = ("write_prompt", "write_assistant_reply", "write_prompter_reply", "rank", "label")
_numbers = count(1)


def make_growing(slug="grove", *, kinds=KINDS, languages=("en",), reviewers=20, **parameters: Any) -> Campaign:
    """A campaign whose trees grow, quick to fill: three messages, two rankings, one active tree; and enough reviewers."""
    few = {"goal_tree_size": 3, "replies_wanted": 2, "redundancy": 2, "active_trees": 1, "waiting_prompts": 1}
    campaign = make_campaign(slug=slug, kinds=kinds, languages=languages, **{"grow_trees": True, **few, **parameters})
    campaign.state_changed_at = NOW
    campaign.save(update_fields=["state_changed_at"])
    for language in languages:
        LanguageSupply.objects.create(campaign=campaign, language=language, reviewers=reviewers, counted_at=NOW)
    LabelDimension.objects.create(
        schema=campaign.label_schema, name="lang_mismatch", title="Another language?", widget="flag", applies_to=["prompter", "assistant"], position=9,
    )  # fmt: skip
    mark_supply(campaign_ids=[campaign.pk])
    return campaign


def make_tree(
    campaign: Campaign, text="Why do birds sing?", *, state="growing", author: Annotator | None = None, review="none",
    goal: int | None = None, language="en",
) -> Message:  # fmt: skip
    """A tree at some state with its prompt alone, marked; returns the prompt."""
    stratum, _ = Stratum.objects.get_or_create(campaign=campaign, language=language, topic="")
    drawn = NOW if state == "growing" else None
    tree = MessageTree.objects.create(
        campaign=campaign, stratum=stratum, language=language, key=text, state=state, drawn_at=drawn, goal_size=goal,
        state_changed_at=NOW, created_at=NOW,
    )  # fmt: skip
    prompt = add_message(tree, text, role="prompter")
    Message.objects.filter(pk=prompt.pk).update(author=author, review_state=review, created_at=NOW)
    prompt.refresh_from_db()
    mark_trees(tree_ids=[tree.pk])
    return prompt


def grow(*, now: datetime = NOW, seed: int = 1) -> int:
    """Do what the job does until nothing is marked; returns how many rounds there was something to do."""
    rng = random.Random(seed)
    for rounds in range(50):
        trees = claim_stale(kind=StaleKind.TREE, limit=1000, now=now, lease_seconds=60)
        if trees:
            advance_trees(tree_ids=[mark.subject_id for mark in trees], now=now, rng=rng)
            settle_stale(marks=trees)
        supplies = claim_stale(kind=StaleKind.SUPPLY, limit=1000, now=now, lease_seconds=60)
        for mark in supplies:
            supply_prompts(campaign_id=mark.subject_id, now=now, rng=rng)
        settle_stale(marks=supplies)
        if not trees and not supplies:
            return rounds
    raise AssertionError("trees are decided again and again, and never rest")


def answer_of(assignment: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A good answer to whatever is asked."""
    kind = assignment["kind"]
    if kind == Kind.LABEL:
        return {"labels": {"spam": False}, **more}
    if kind in (Kind.RANK, Kind.COMPARE):
        return ranking_of(assignment, **more)
    number = next(_numbers)
    if kind == Kind.WRITE_PAIR:
        return {"prompt": f"What is {number} times two?", "reply": f"It is {2 * number}.", **more}
    return {"text": f"Birds have {number} reasons.", **more}


def do(
    person: Annotator, campaign: Campaign, *, kind: str | None = None, now: datetime = NOW, **more: Any
) -> str | None:
    """Ask for work, answer it and let trees grow; returns the kind, or None when nothing was offered."""
    assignment = ask(person, campaign, now=now, **({} if kind is None else {"kinds": [kind]}))["assignment"]
    if assignment is None:
        return None
    submit(person, assignment["id"], answer_of(assignment, **more), now=now)
    grow(now=now)
    return str(assignment["kind"])


def judge(person: Annotator, message: Message, *, spam: bool, wrong_language: bool = False, now=NOW) -> None:
    """Review exactly this message, and go home."""
    unit = Unit.objects.get(subject=message, kind="label", is_open=True)
    others = Unit.objects.filter(is_open=True).exclude(pk=unit.pk)
    bands = dict(others.values_list("pk", "band"))
    others.update(band=0)
    Unit.objects.filter(pk=unit.pk).update(band=1000)
    campaign = unit.queue.campaign
    assignment = ask(person, campaign, now=now, kinds=["label"])["assignment"]
    assert assignment is not None, "nothing to review for this person"
    assert assignment["unit"] == str(unit.public_id), "another message was offered"
    labels = {"spam": spam} | ({"lang_mismatch": True} if wrong_language else {})
    submit(person, assignment["id"], {"labels": labels}, now=now)
    release_holds(annotator_id=person.pk, now=now)
    for pk, band in bands.items():
        Unit.objects.filter(pk=pk).update(band=band)


def open_work(campaign: Campaign) -> Counter[str]:
    """Open units of a campaign with a free or held place, by kind."""
    units = Unit.objects.filter(queue__campaign=campaign, is_open=True)
    return Counter(unit.kind for unit in units if unit.needed > unit.done)


def states(campaign: Campaign) -> Counter[str]:
    return Counter(MessageTree.objects.filter(campaign=campaign).values_list("state", flat=True))
