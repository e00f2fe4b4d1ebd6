"""Many people, moderators and workers in the same few trees at once: nothing waits in a circle, nothing is counted wrong."""

from __future__ import annotations

import collections
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotate.access import Actor
from annotate.exceptions import ChorusError
from annotate.models import Campaign, Message, MessageTree
from annotate.queries.integrity import find_broken_rules
from annotate.services.campaign_files import read_campaign
from annotate.services.campaign_units import follow_next_campaign
from annotate.services.campaigns import change_campaign
from annotate.services.claims import offer_next
from annotate.services.holds import expire_leases, release_holds
from annotate.services.judgments import skip_assignment, submit_answer
from annotate.services.moderation import remove_message, restore_message
from annotate.services.moderation_trees import halt_tree, restart_tree
from annotate.services.prompt_supply import supply_prompts
from annotate.services.tree_growth import advance_trees
from annotate.services.undo import undo_judgment, withdraw_judgment
from tasks.jobs.trees import advance_trees_job
from tests.growing import answer_of, grow, make_growing
from tests.loop import find_drift, make_annotator

SECONDS = 8.0
MODERATOR = Actor(scopes=None)

Act = Callable[[random.Random], None]


class Crowd:
    """Threads that act again and again until time is up; what they met, by name."""

    def __init__(self) -> None:
        self.met: collections.Counter[str] = collections.Counter()
        self.ends = time.monotonic() + SECONDS

    def run(self, acts: list[tuple[str, Act]]) -> None:
        threads = [threading.Thread(target=self._act, args=(name, act, seed)) for seed, (name, act) in enumerate(acts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=SECONDS + 60)
        assert not any(thread.is_alive() for thread in threads)

    def _act(self, name: str, act: Act, seed: int) -> None:
        rng = random.Random(seed)
        try:
            while time.monotonic() < self.ends:
                try:
                    act(rng)
                    self.met[name] += 1
                except ChorusError as refusal:
                    self.met[f"refused {refusal.code}"] += 1
                except Exception as error:  # noqa: BLE001  (whatever it is, the test must see it)
                    self.met[f"error {name} {type(error).__name__}: {str(error)[:300]}"] += 1
        finally:
            connection.close()


def work(person: int, campaign: Campaign) -> Act:
    def act(rng: random.Random) -> None:
        now = timezone.now()
        offer = offer_next(annotator_id=person, slug=campaign.slug, now=now, rng=rng).as_answer()["assignment"]
        if offer is None:
            time.sleep(0.02)
            return
        choice = rng.random()
        if choice < 0.08:
            skip_assignment(annotator_id=person, assignment_id=offer["id"], skip_reason="other", now=now, rng=rng)
        elif choice < 0.14:
            release_holds(annotator_id=person, now=now)
        else:
            body = answer_of(offer)
            if offer["kind"] == "label":
                body = {"labels": {"spam": rng.random() < 0.15}}
            if "text" in body:
                body["text"] = f"Thread {person}, number {rng.getrandbits(60)}."
            given = submit_answer(annotator_id=person, assignment_id=offer["id"], body=body, now=now, rng=rng)
            if rng.random() < 0.1:
                undo_judgment(annotator_id=person, judgment_id=given["judgment"]["id"], now=now)
            elif rng.random() < 0.05:
                withdraw_judgment(annotator_id=person, judgment_id=given["judgment"]["id"], now=now)

    return act


def moderate(campaign: Campaign) -> Act:
    def act(rng: random.Random) -> None:
        time.sleep(0.05)
        now = timezone.now()
        messages = list(Message.objects.filter(withdrawn_at=None).values_list("pk", "removed_at", "tree_id"))
        if not messages:
            return
        message, removed_at, tree = rng.choice(messages)
        given = {"campaign": campaign, "actor": MODERATOR, "reason": "x", "now": now}
        if removed_at is not None:
            restore_message(message_id=message, **given)
        elif rng.random() < 0.7:
            remove_message(message_id=message, **given)
        elif rng.random() < 0.4:
            halt_tree(tree_id=tree, **given)
        else:
            restart_tree(tree_id=tree, **given)

    return act


def decide(campaign: Campaign) -> Act:
    def act(rng: random.Random) -> None:
        if rng.random() < 0.5:
            advance_trees_job()
            return
        trees = list(MessageTree.objects.values_list("pk", flat=True))
        advance_trees(tree_ids=rng.sample(trees, min(len(trees), 30)), now=timezone.now(), rng=rng)
        supply_prompts(campaign_id=campaign.pk, now=timezone.now(), rng=rng)

    return act


def organize(campaign: Campaign) -> Act:
    def act(rng: random.Random) -> None:
        time.sleep(0.3)
        values = {"goal_tree_size": rng.randint(2, 6), "redundancy": rng.randint(1, 3)}
        change_campaign(
            campaign=Campaign.objects.get(pk=campaign.pk), spec=read_campaign(values), actor=None, now=timezone.now()
        )
        while follow_next_campaign(clock=timezone.now) is not None:
            pass

    return act


def sweep(rng: random.Random) -> None:
    expire_leases(now=timezone.now() + timedelta(minutes=rng.choice((0, 0, 40))))
    time.sleep(0.1)


@pytest.mark.django_db(transaction=True)
def test_people_moderators_organizers_and_workers_never_wait_in_a_circle():
    campaign = make_growing(active_trees=3, waiting_prompts=2, goal_tree_size=5, skip_limit=6)
    campaign.state_changed_at = timezone.now()
    campaign.save(update_fields=["state_changed_at"])
    people = [make_annotator(f"p{number}").pk for number in range(8)]
    advance_trees_job()
    crowd = Crowd()
    crowd.run(
        [
            *((f"worked {person}", work(person, campaign)) for person in people),
            ("moderated", moderate(campaign)),
            ("decided", decide(campaign)),
            ("decided too", decide(campaign)),
            ("organized", organize(campaign)),
            ("swept", sweep),
        ]
    )
    assert [name for name in crowd.met if name.startswith("error")] == [], dict(crowd.met)
    assert sum(count for name, count in crowd.met.items() if name.startswith("worked")) > len(people)
    grow(now=timezone.now())
    assert (find_drift(), find_broken_rules()) == ({}, [])
