"""Campaigns whose trees grow, each with one kind of work open: made over HTTP, the run's own worker opens it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.faults.runs import wait_until
from tests.journeys.site import Site, Volunteer

PROMPT = "Why do robins sing in winter, when most other birds are silent?"
REPLY = "They hold a territory all year round, and sing to keep it."
TURN = "Do both of a pair sing, or only the male?"

#: Small trees, one at a time, and no more reviewers than two.
SMALL: dict[str, Any] = {
    "grow_trees": True,
    "goal_tree_size": 6,
    "replies_wanted": 2,
    "redundancy": 2,
    "active_trees": 3,
    "waiting_prompts": 2,
    "review_floor": 1,
}
IMPORTED = [
    {"prompt": PROMPT, "language": "en", "candidates": [{"text": REPLY, "generator": "g1"}]},
    {
        "prompt": "Which bird builds the largest nest?",
        "language": "en",
        "candidates": [{"text": "The bald eagle, of sticks, used for years.", "generator": "g1"}],
    },
]
#: What each kind of work needs that its campaign has.
NEEDS: dict[str, dict[str, Any]] = {
    "write_prompt": {},
    "write_pair": {"pair_share": 1},
    "write_prompter_reply": {"items": IMPORTED},
    "write_assistant_reply": {"items": [{"prompt": PROMPT, "language": "en"}]},
    "improve_reply": {"items": IMPORTED},
}
#: A tree in which nothing is left to write grows no more, and then no reply of it is improved.
KINDS = {"improve_reply": ["improve_reply", "write_assistant_reply"]}
PROMPTS = ("What is a fjord?", "How is paper made?", "Why is the sky blue?", "Who invented zero?")


def open_growing(site: Site, *kinds: str, items: Sequence[dict[str, Any]] = (), **spec: Any) -> str:
    """An open campaign of these kinds whose trees grow; its slug."""
    return site.make_campaign(
        site.organizer, items=items, title="Conversations", kinds=list(kinds), **{**SMALL, **spec}
    )


def open_kind(site: Site, kind: str, **spec: Any) -> str:
    """A campaign in which this kind of writing is asked for."""
    return open_growing(site, *KINDS.get(kind, [kind]), **{**NEEDS[kind], **spec})


def open_brief(site: Site, kind: str, **brief: Any) -> str:
    """The same, to a brief of the organizer."""
    slug = open_growing(site, kind, **NEEDS[kind], state="draft")
    given = {"language": "en", "topic": "Birds", "difficulty": "hard", "words": "Ask about **song**.", "wanted": 40}
    site.organizer.insist("POST", f"campaigns/{slug}/briefs/", {**given, **brief})
    site.organizer.insist("PATCH", f"campaigns/{slug}/", {"state": "open"})
    site.open.append((site.organizer, slug))
    return slug


def open_review(site: Site, **spec: Any) -> str:
    """A campaign in which a prompt that somebody wrote waits for its review."""
    slug = open_growing(site, "write_prompt", "label", **spec)
    write(site.person(), slug, "write_prompt", text=PROMPT)
    return slug


def open_order_of_prompts(site: Site) -> str:
    """A campaign in which prompts wait for their turn, and somebody says which should come first."""
    kinds = ("write_prompt", "write_assistant_reply", "rank")
    slug = open_growing(site, *kinds, rank_prompts=True, active_trees=1, waiting_prompts=5)
    for text in PROMPTS[:3]:
        write(site.person(), slug, "write_prompt", text=text)
    return slug


def open_order_of_turns(site: Site) -> str:
    """A campaign in which two people went on with one conversation, and somebody says who did better."""
    slug = open_growing(
        site, "write_prompter_reply", "rank", items=IMPORTED[:1], rank_prompter_replies=True, prompter_replies=2,
        goal_tree_size=4,
    )  # fmt: skip
    for text in (TURN, "How far does it carry?"):
        write(site.person(), slug, "write_prompter_reply", text=text)
    return slug


def write(person: Volunteer, slug: str, kind: str, **body: str) -> None:
    """Ask for this kind of work until it is there, and write."""
    person.insist("POST", f"assignments/{hold(person, slug, kind)}/submit/", body)


def hold(person: Volunteer, slug: str, *kinds: str) -> int:
    """A piece of work of these kinds that is this person's now; asks until the run's worker has opened one."""
    offered: dict[str, Any] = {}

    def is_offered() -> bool:
        offered.update(person.insist("POST", f"campaigns/{slug}/next/", {"kinds": list(kinds)} if kinds else {}))
        return offered["assignment"] is not None

    wait_until(is_offered, f"{kinds or 'any work'} in {slug}")
    return int(offered["assignment"]["id"])
