"""Whoever marks a tree has locked its units before: two who meet at the same unit and tree never wait in a circle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from annotate.models import MessageTree, Unit
from annotate.services.tree_marks import mark_trees
from tests.growing import answer_of, grow, make_growing, make_tree
from tests.loop import ask, make_annotator, submit
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
