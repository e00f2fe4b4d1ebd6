"""One process of careless annotators, for the test of the loop under load: run as a program.

python -m tests.faults.annotators SEED SECONDS ROLE   with DATABASE_URL set; prints one JSON line of what it met.
"""

from __future__ import annotations

import collections
import json
import os
import random
import sys
import threading
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotate.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from annotate.exceptions import ChorusError  # noqa: E402
from annotate.models import Annotator, Campaign  # noqa: E402
from annotate.queries.rows import fetch_all, run  # noqa: E402
from annotate.services.claims import offer_next  # noqa: E402
from annotate.services.holds import expire_leases, release_holds, save_draft  # noqa: E402
from annotate.services.judgments import skip_assignment, submit_answer  # noqa: E402
from annotate.services.undo import undo_judgment, withdraw_judgment  # noqa: E402
from tests.loop import ranking_of  # noqa: E402

#: A unit that this person could do, if it stays so while they ask.
FREE = """
SELECT u.id FROM annotate_unit u WHERE u.is_vacant
  AND NOT EXISTS (SELECT 1 FROM annotate_assignment s WHERE s.unit_id = u.id AND s.annotator_id = %(me)s
                    AND s.state NOT IN ('expired', 'released')) ORDER BY u.id"""

met: collections.Counter[str] = collections.Counter()


def main(seed: int, seconds: float, role: str) -> None:
    rng = random.Random(seed)
    ends = time.monotonic() + seconds
    act = {"annotators": judge_something, "scheduler": change_needs, "sweeper": sweep}[role]
    people = list(Annotator.objects.order_by("id").values_list("id", flat=True))
    mine = people[seed % 16 :: 16] if role == "annotators" else people
    while time.monotonic() < ends:
        try:
            act(rng, mine)
        except ChorusError as refusal:
            met[f"refused {refusal.code}"] += 1
        except Exception as error:  # noqa: BLE001  (whatever it is, the test must see it)
            met[f"error {type(error).__name__}: {str(error)[:300]}"] += 1
    print(json.dumps(met))


def judge_something(rng: random.Random, people: list[int]) -> None:
    me, now = rng.choice(people), timezone.now()
    before = {row["id"] for row in fetch_all(FREE, {"me": me})} if rng.random() < 0.2 else set()
    offered = offer_next(annotator_id=me, slug="birds", now=now, rng=rng).as_answer()
    hold = offered["assignment"]
    if hold is None:
        met[f"none {offered['why_none']['code']}"] += 1
        check_nothing(me, before, rng)
        time.sleep(0.002)
        return
    if rng.random() < 0.3:
        time.sleep(rng.random() * 0.15)  # past the lease
    choice, now = rng.random(), timezone.now()
    if choice < 0.1:
        skip_assignment(annotator_id=me, assignment_id=hold["id"], skip_reason="other", now=now, rng=rng)
        met["skipped"] += 1
    elif choice < 0.15:
        release_holds(annotator_id=me, now=now)
    elif choice < 0.25:
        save_draft(
            annotator_id=me,
            assignment_id=hold["id"],
            draft={"rationale": "x"},
            draft_version=hold["draft_version"],
            now=now,
        )
        met["drafts"] += 1
    else:
        submit_something(me, hold, rng)


def submit_something(me: int, hold: dict, rng: random.Random) -> None:
    body = ranking_of(hold)
    answers: list[dict] = []
    if rng.random() < 0.3:  # a double click: two requests at the same time
        twin = threading.Thread(target=lambda: answers.append(submit_once(me, hold["id"], body, seed=rng.random())))
        twin.start()
        answers.append(submit_once(me, hold["id"], body, seed=rng.random()))
        twin.join()
        # Whether it counts may change between the two: somebody else takes theirs back, and it takes the place.
        if len({answer["judgment"]["id"] for answer in answers}) != 1:
            met["error a double click got two answers"] += 1
    else:
        answers.append(submit_once(me, hold["id"], body, seed=rng.random()))
    judgment = answers[0]["judgment"]
    met["submitted" if judgment["counted"] else "surplus"] += 1
    if rng.random() < 0.08:
        undo_judgment(annotator_id=me, judgment_id=judgment["id"], now=timezone.now())
        met["undone"] += 1
    elif rng.random() < 0.03:
        withdraw_judgment(annotator_id=me, judgment_id=judgment["id"], now=timezone.now())
        met["withdrawn"] += 1


def submit_once(me: int, hold: int, body: dict, *, seed: float) -> dict:
    try:
        return submit_answer(
            annotator_id=me, assignment_id=hold, body=body, now=timezone.now(), rng=random.Random(seed)
        )
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()


def check_nothing(me: int, before: set[int], rng: random.Random) -> None:
    """ "Nothing for you" is false when the same unit was free before, is free after, and is still not given."""
    stayed, code = before, ""
    for _ in range(4):
        stayed = stayed & {row["id"] for row in fetch_all(FREE, {"me": me})}
        offer = offer_next(annotator_id=me, slug="birds", now=timezone.now(), rng=rng)
        code = "" if offer.why_none is None else offer.why_none.code
        # "busy" is another answer: it is there, locked by somebody at this moment, and wants to be asked for again.
        if not stayed or offer.assignment is not None or code == "busy":
            return
    if not stayed & {row["id"] for row in fetch_all(FREE, {"me": me})}:
        return
    met[f"error nothing was offered ({code}) although something stayed free"] += 1


def change_needs(rng: random.Random, people: list[int]) -> None:
    """The scheduler: raise and lower what is needed, and move units up and down."""
    with transaction.atomic():
        run(
            """UPDATE annotate_unit SET needed = GREATEST(%(wanted)s, done + held), band = %(band)s
               WHERE id IN (SELECT id FROM annotate_unit WHERE id %% 5 = %(rest)s ORDER BY id FOR NO KEY UPDATE)""",
            {"wanted": rng.randint(1, 5), "band": rng.randint(0, 1000), "rest": rng.randint(0, 4)},
        )
    met["needs changed"] += 1
    time.sleep(0.02)


def sweep(rng: random.Random, people: list[int]) -> None:
    met["swept"] += expire_leases(now=timezone.now() - timedelta(milliseconds=rng.randint(0, 20)))
    time.sleep(0.01)


if __name__ == "__main__":
    assert Campaign.objects.exists()
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
