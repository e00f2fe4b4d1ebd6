"""Gold items for tests: made by the verbs that organizers use."""

from __future__ import annotations

from typing import Any

from annotate.access import Actor
from annotate.models import (
    Annotator,
    Campaign,
    GoldItem,
    Membership,
    Message,
    MessageTree,
    Queue,
    Unit,
    UnitCandidate,
    UnitDetail,
    User,
)
from annotate.services.gold import choose_gold
from annotate.services.gold_writing import write_gold
from annotate.services.holds import release_holds
from tests.loop import NOW, add_message, ask, make_prompt

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


def stand_beside(campaign: Campaign) -> None:
    """Other work of each kind and language of the campaign's gold, of which there is no end: else none is asked about."""
    for queue in Queue.objects.filter(campaign=campaign, is_gold=True):
        plain, _ = Queue.objects.get_or_create(
            campaign=campaign, kind=queue.kind, language=queue.language, is_gold=False
        )
        if plain.units.filter(is_vacant=True, needed__gt=9_000).exists():
            continue
        gold = queue.units.first()
        text = f"Something else to {queue.kind} in {queue.language}?"
        tree = MessageTree.objects.create(
            campaign=campaign, stratum=gold.detail.stratum, language=queue.language, key=text, state="ranking"
        )
        prompt = add_message(tree, text, role="prompter")
        unit = Unit.objects.create(queue=plain, kind=queue.kind, subject=prompt, tie=1, needed=9_999, band=1)
        UnitDetail.objects.create(unit=unit, stratum=tree.stratum, wanted=3, reason_code="more_voices")
        if queue.kind != "label":
            for reply in ("This.", "That."):
                message = add_message(tree, reply, role="assistant", parent=prompt)
                UnitCandidate.objects.create(unit=unit, message=message)


def take_gold(person: Annotator, campaign: Campaign, **more: Any) -> dict[str, Any] | None:
    """What this person is given where the coin says gold; None where that is no gold item."""
    stand_beside(campaign)
    release_holds(annotator_id=person.pk, now=NOW)
    held: dict[str, Any] | None = ask(person, campaign, seed=HEADS, **more)["assignment"]
    if held is None or Unit.objects.get(assignments=held["id"]).queue.is_gold:
        return held
    release_holds(annotator_id=person.pk, now=NOW)
    return None
