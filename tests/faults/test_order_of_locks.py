"""Whoever marks a tree has locked its units before: two who meet at the same unit and tree never wait in a circle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotate.access import Actor
from annotate.models import Message, MessageTree, Unit
from annotate.services.moderation import remove_message, restore_message
from annotate.services.tree_marks import mark_trees
from tests.growing import answer_of, grow, make_growing, make_tree
from tests.loop import ask, find_drift, make_annotator, submit
from tests.services.imports import import_bytes, lines
from tests.services.test_import_growing import make_growing as make_importing
from tests.services.test_import_growing import ranked_tree, ranking, reply

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until_somebody_waits() -> None:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(sql)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def meet(units: list[int], tree: int, act: Callable[[], object]) -> list[BaseException]:
    """Hold the units, let `act` come to them, then mark the tree, as a skip does; what went wrong in `act`."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  (whatever it is, the test must see it)
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
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
