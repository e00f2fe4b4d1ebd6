"""Whoever marks a tree has locked its units before: two who meet at the same unit and tree never wait in a circle."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotate.access import Actor
from annotate.models import CampaignGenerator, GenerationRequest, Generator, Message, MessageTree, Unit
from annotate.services.generation import ask_missing
from annotate.services.generation_queue import claim_requests, hand_back, hold_requests
from annotate.services.moderation import remove_message, restore_message
from annotate.services.tree_marks import mark_trees
from tests.growing import answer_of, grow, make_growing, make_tree
from tests.loop import ask, find_drift, make_annotator, submit
from tests.opinions import make_campaign, make_prompt
from tests.services.imports import import_bytes, lines
from tests.services.test_import_growing import make_growing as make_importing
from tests.services.test_import_growing import ranked_tree, ranking, reply

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until_somebody_waits() -> None:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(sql)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def note_errors(act: Callable[[], object], errors: list[BaseException]) -> None:
    try:
        act()
    except Exception as error:  # noqa: BLE001  (whatever it is, the test must see it)
        errors.append(error)
    finally:
        connection.close()


def meet(units: list[int], tree: int, act: Callable[[], object]) -> list[BaseException]:
    """Hold the units, let `act` come to them, then mark the tree, as a skip does; what went wrong in `act`."""
    errors: list[BaseException] = []
    thread = threading.Thread(target=lambda: note_errors(act, errors))
    with transaction.atomic():
        list(Unit.objects.filter(pk__in=units).select_for_update(no_key=True))
        thread.start()
        wait_until_somebody_waits()
        mark_trees(tree_ids=[tree])
    thread.join(timeout=60)
    return errors


def test_whoever_writes_a_reply_while_another_one_skips_the_same_unit():
    campaign = make_growing(goal_tree_size=6)
    prompt = make_tree(campaign)
    grow()
    ada = make_annotator()
    given = ask(ada, campaign, kinds=["write_assistant_reply"])["assignment"]
    unit = Unit.objects.get(public_id=given["unit"]).pk
    assert meet([unit], prompt.tree_id, lambda: submit(ada, given["id"], answer_of(given))) == []


def test_prompt_comes_back_while_another_one_takes_the_work_it_was_written_for():
    campaign = make_growing(waiting_prompts=1)
    grow()
    ada, ben, now = make_annotator("ada"), make_annotator("ben"), timezone.now()
    given = ask(ada, campaign, kinds=["write_prompt"])["assignment"]
    submit(ada, given["id"], answer_of(given))
    prompt = Message.objects.get(parent=None)
    unit = Unit.objects.get(public_id=given["unit"])
    told = {"campaign": campaign, "message_id": prompt.pk, "actor": Actor(scopes=None), "reason": "x", "now": now}
    remove_message(**told)
    errors: list[BaseException] = []

    def restore() -> None:
        try:
            restore_message(**told)
        except Exception as error:  # noqa: BLE001  (whatever it is, the test must see it)
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=restore)
    with transaction.atomic():
        assert ask(ben, campaign, kinds=["write_prompt"])["assignment"]["unit"] == str(unit.public_id)
        thread.start()
        wait_until_somebody_waits()
    thread.join(timeout=60)
    assert errors == []
    unit.refresh_from_db()
    assert (unit.needed, unit.done, unit.held, unit.surplus) == (1, 0, 1, 1)
    assert find_drift() == {}


def test_whoever_imports_replies_and_rankings_while_another_one_ranks_the_same_parent():
    campaign = make_importing()
    first, second = ranking("pb", "pa", "pc"), ranking("pa", "pb", user="u-2")
    import_bytes(campaign, lines([ranked_tree(first)]), name="trees.jsonl")
    more = ranked_tree(first, second)
    more["prompt"]["replies"].append(reply("pz"))
    unit = Unit.objects.get(kind="rank").pk
    tree = MessageTree.objects.get().pk
    assert meet([unit], tree, lambda: import_bytes(campaign, lines([more]), name="trees.jsonl")) == []
    assert Unit.objects.get(pk=unit).done == 2


def hold_requests_of(token: uuid.UUID) -> None:
    hold_requests(token=token, now=timezone.now())


def hand_back_requests_of(token: uuid.UUID) -> None:
    hand_back(token=token)


@pytest.mark.parametrize("act", [hold_requests_of, hand_back_requests_of])
def test_a_worker_s_sign_of_life_meets_an_organizer_who_calls_the_same_requests_off(act):
    campaign, now = make_campaign(), timezone.now()
    generator = Generator.objects.create(name="small", engine="transformers", model="org/small")
    CampaignGenerator.objects.create(campaign=campaign, generator=generator, samples=2)
    make_prompt(campaign, "Why do birds sing?")
    ask_missing(campaign_id=campaign.pk, now=now)
    token = uuid.uuid4()
    claim = claim_requests(generator_ids=[generator.pk], limit=9, now=now, token=token)
    first, second = sorted(claim.request_ids)
    # Claimed later than the other, so that it stands behind it in the index of leases.
    GenerationRequest.objects.filter(pk=first).update(lease_expires_at=now + timedelta(minutes=2))

    def call_off(request: int) -> None:
        list(GenerationRequest.objects.filter(pk=request).select_for_update(no_key=True))

    errors: list[BaseException] = []
    thread = threading.Thread(target=lambda: note_errors(lambda: act(token), errors))
    with transaction.atomic():
        call_off(first)
        thread.start()
        wait_until_somebody_waits()
        call_off(second)
    thread.join(timeout=60)
    assert errors == []
