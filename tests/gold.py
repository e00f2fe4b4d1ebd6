"""Gold items for tests: made by the verbs that organizers use."""

from __future__ import annotations

from typing import Any

from annotate.access import Actor
from annotate.models import Campaign, GoldItem, Membership, Message, User
from annotate.services.gold import choose_gold
from annotate.services.gold_writing import write_gold
from tests.loop import NOW, make_prompt

#: Seeds of dice whose first throw is below 0.4, and above it.
HEADS, TAILS = 1, 2

TIERS = [["Because of spring."], ["They like it."], ["No idea.", "Birds are green."]]


def make_organizer(campaign: Campaign, name: str = "olga") -> Actor:
    user = User.objects.create(email=f"{name}@example.org")
    Membership.objects.create(campaign=campaign, user=user, role="organizer")
    return Actor(user=user, scopes=None)


def write_item(campaign: Campaign, *, actor: Actor | None = None, **values: Any) -> GoldItem:
    """A prompt with four replies, one best and two worst, of which two are acceptable."""
    said = {"kind": "rank", "language": "en", "prompt": "Why do birds sing at dawn?", "tiers": TIERS, "acceptable_tiers": 2,
            "explanation": "The first one says why."}  # fmt: skip
    return write_gold(campaign=campaign, values=said | values, actor=actor, now=NOW)


def choose_item(campaign: Campaign, prompt: Message | None = None, **values: Any) -> GoldItem:
    """An ordinary prompt with its replies in the order in which they came, all but the last acceptable."""
    prompt = prompt or make_prompt(campaign, "Why do birds fly?")
    replies = list(prompt.replies.order_by("pk").values_list("pk", flat=True))
    said = {
        "message": prompt.pk,
        "kind": "rank",
        "tiers": [[reply] for reply in replies],
        "acceptable_tiers": len(replies) - 1,
    }
    return choose_gold(campaign=campaign, values=said | values, actor=None, now=NOW)
