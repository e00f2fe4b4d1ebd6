"""One person in several tabs at the same moment: their requests take turns, and none waits for another in a circle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from annotate.services.holds import release_holds, renew_lease, save_draft
from tests import plugin
from tests.loop import ask, find_drift, make_annotator, make_campaign, make_prompt, state_of

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class Tab(threading.Thread):
    """A request of its own connection; `result` is what it answered, or what it raised."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__()
        self.call, self.result = call, None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.call()
        except Exception as error:  # noqa: BLE001  (whatever it is, the test must see it)
            self.result = error
        finally:
            connection.close()


def make_url() -> str:
    """Of the database of these tests, for connections of one's own."""
    return plugin.PLACES.database_url.replace("/chorus?", f"/{connection.settings_dict['NAME']}?")


def wait_for(watcher: psycopg.Connection, waiting: int) -> None:
    """Until so many requests wait for a lock."""
    until = time.monotonic() + 120
    while watcher.execute(WAITING).fetchone()[0] < waiting:
        assert time.monotonic() < until, "nobody waits for a lock"
        time.sleep(0.01)


@pytest.mark.parametrize("verb", ["save_draft", "renew_lease"])
def test_an_old_page_that_takes_its_hold_up_again_beside_next_closes_no_circle(verb):
    campaign = make_campaign()
    make_prompt(campaign)
    ada, now = make_annotator(), timezone.now()
    hold = ask(ada, campaign, now=now)["assignment"]["id"]
    release_holds(annotator_id=ada.pk, now=now)
    verbs = {
        "save_draft": lambda: save_draft(
            annotator_id=ada.pk, assignment_id=hold, draft={"rationale": "So"}, draft_version=0, now=now
        ),
        "renew_lease": lambda: renew_lease(annotator_id=ada.pk, assignment_id=hold, now=now),
    }
    url = make_url()
    with psycopg.connect(url) as blocker, psycopg.connect(url, autocommit=True) as watcher:
        # The page comes first to its assignment, and `next` holds the unit and comes second.
        blocker.execute("SELECT 1 FROM annotate_assignment WHERE id = %s FOR UPDATE", [hold])
        page = Tab(verbs[verb])
        wait_for(watcher, 1)
        asking = Tab(lambda: ask(ada, campaign, now=now + timedelta(seconds=1)))
        wait_for(watcher, 2)
        blocker.rollback()
        page.join()
        asking.join()
    assert page.result["state"] == "live"
    assert asking.result["assignment"]["id"] == hold
    assert (state_of(hold), find_drift()) == ("live", {})


def test_two_tabs_that_ask_for_different_kinds_at_once_hold_no_more_than_one_person_may():
    campaign = make_campaign(kinds=("rank", "compare", "label"), max_held=1)
    make_prompt(campaign)
    ada, now = make_annotator(), timezone.now()
    url = make_url()
    with psycopg.connect(url) as keeper, psycopg.connect(url, autocommit=True) as watcher:
        keeper.execute("SELECT id FROM annotate_annotator WHERE id = %s FOR NO KEY UPDATE", [ada.pk])
        tabs = [Tab(lambda kind=kind: ask(ada, campaign, now=now, kinds=[kind])) for kind in ("rank", "label")]
        wait_for(watcher, 2)
        keeper.rollback()
        for tab in tabs:
            tab.join()
    given = [tab.result["assignment"] for tab in tabs]
    assert sorted(work is None for work in given) == [False, True]
    assert [tab.result["why_none"]["code"] for tab in tabs if tab.result["why_none"]] == ["too_many_holds"]
    assert find_drift() == {}
