"""Fill a database for the serving benchmark, by SQL: run as a program with DATABASE_URL set.

python -m tests.bench.serving_data product UNITS    migrates, makes UNITS open units, 16 + 3 people with sessions
python -m tests.bench.serving_data limit            makes the bare application's tables and sessions
python -m tests.bench.serving_data drift            counts rows for which a counter is not true
python -m tests.bench.serving_data schedule         is the worker that schedules, until it is ended; a line a full plan
Each prints one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

PEOPLE = 16
#: People with a past: whoever has done the thousand most wanted units, and whoever has done 25,000.
FRONT, PAST = 1_000, 25_000
PROMPTS_WITH_TEXTS = 1_000
#: From one full plan to the next, in the worker.
FULL_PLAN_SECONDS = 60.0
NEEDED = 3

LOAD = """
INSERT INTO annotate_messagetree (id, campaign_id, stratum_id, state, language, topic, key, created_at)
SELECT i, {campaign}, {stratum}, 'ranking', 'en', '', 'bench:' || i, now() FROM generate_series(1, {units}) i;
INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason, created_at)
SELECT i, i, NULL, ARRAY[i], 'prompter', repeat('question ' || i || ' ', 20), decode(md5('q' || i), 'hex'), 'en', 1, '', now()
FROM generate_series(1, {units}) i;
INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason, created_at)
SELECT {units} + (p - 1) * 4 + c, p, p, ARRAY[p, {units} + (p - 1) * 4 + c], 'assistant', repeat('answer ' || c || ' to ' || p || ' ', 40),
  decode(md5(p || ':' || c), 'hex'), 'en', 1, '', now()
FROM generate_series(1, {texts}) p, generate_series(1, 4) c;
INSERT INTO annotate_unit (id, public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
SELECT i, gen_random_uuid(), {queue}, 'rank', i, (random() * 1000)::int, (random() * 2000000000)::int, {needed}, 0, 0, 0, true
FROM generate_series(1, {units}) i;
INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
SELECT i, {stratum}, {needed}, 'first_judgment', '{{}}', '{{}}' FROM generate_series(1, {units}) i;
INSERT INTO annotate_unitcandidate (unit_id, message_id, added_at)
SELECT i, {units} + ((i - 1) % {texts}) * 4 + c, now() FROM generate_series(1, {units}) i, generate_series(1, 4) c;
SELECT setval(pg_get_serial_sequence('annotate_unit', 'id'), {units});
SELECT setval(pg_get_serial_sequence('annotate_messagetree', 'id'), {units});
SELECT setval(pg_get_serial_sequence('annotate_message', 'id'), {units} + {texts} * 4);
"""

#: Somebody's past: assignments on units that stay open and vacant, as when redundancy is high.
PAST_OF = """
INSERT INTO annotate_assignment (unit_id, annotator_id, state, lease_grade, reason_code, draft_version, rationale, created_at)
SELECT id, {annotator}, 'skipped', 'active', 'first_judgment', 0, '', now()
FROM (SELECT id FROM annotate_unit WHERE is_vacant ORDER BY {order} LIMIT {count}) u;
"""


def fill_product(units: int) -> dict[str, Any]:
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from annotate.models import AnnotatorTraits, Queue, Stratum
    from tasks.records.parameters import CampaignSettings
    from tests.loop import make_annotator, make_campaign

    call_command("migrate", verbosity=0)
    campaign = make_campaign(slug="bench", redundancy=NEEDED, random_share=CampaignSettings().random_share)
    stratum = Stratum.objects.create(campaign=campaign, language="en")
    queue = Queue.objects.create(campaign=campaign, kind="rank", language="en")
    names = {"campaign": campaign.pk, "stratum": stratum.pk, "queue": queue.pk, "units": units, "needed": NEEDED}
    run_script(LOAD.format(**names, texts=min(units, PROMPTS_WITH_TEXTS)))
    people = [make_annotator(f"p{number}") for number in range(PEOPLE)]
    special = {name: make_annotator(name) for name in ("typical", "front", "past")}
    AnnotatorTraits.objects.bulk_create(
        AnnotatorTraits(
            campaign=campaign, annotator=person, judgments=100, group="speaks en", computed_at=timezone.now()
        )
        for person in [*people, *special.values()]
    )
    run_script(PAST_OF.format(annotator=special["front"].pk, order="band DESC, tie", count=FRONT))
    run_script(PAST_OF.format(annotator=special["past"].pk, order="random()", count=min(PAST, units // 2)))
    connection.close()
    run_script("VACUUM (ANALYZE)")
    return {
        "slug": campaign.slug,
        "sessions": [open_session(person.user) for person in people],
        "special": {name: open_session(person.user) for name, person in special.items()},
    }


def fill_limit() -> dict[str, Any]:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from tests.bench.limit_models.models import Item

    for app in ("contenttypes", "auth", "sessions"):
        call_command("migrate", app, verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    payload = {"prompt": "question " * 20, **{letter: f"answer {letter} " * 40 for letter in "abcd"}}
    Item.objects.bulk_create([Item(payload={**payload, "n": number}) for number in range(20_000)], batch_size=1000)
    run_script("VACUUM (ANALYZE)")
    return {"sessions": [open_session(User.objects.create(username=f"u{number}")) for number in range(PEOPLE)]}


def run_script(script: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in script.split(";\n"):
            if statement.strip():
                cursor.execute(statement.strip().rstrip(";"))


def open_session(user: Any) -> str:
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return str(store.session_key)


def count_drift() -> dict[str, int]:
    from tests.loop import find_drift

    return {name: len(rows) for name, rows in find_drift().items()}


def schedule_on() -> None:
    """What a worker does beside the site until somebody ends this process: ticks every second, the full plan every minute.

    What the jobs wake is not heard. Prints a line for each full plan that is done.
    """
    from tasks.jobs.coverage import measure_coverage_job
    from tasks.jobs.scheduling import schedule_units_job

    planned = float("-inf")
    while True:
        began = time.monotonic()
        schedule_units_job()
        if began - planned >= FULL_PLAN_SECONDS:
            measure_coverage_job()
            planned = time.monotonic()
            print(json.dumps({"planned_s": round(planned - began, 1)}), flush=True)
        time.sleep(1)


if __name__ == "__main__":
    what = sys.argv[1]
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.limitapp" if what == "limit" else "annotate.settings"
    import django

    django.setup()
    answer = {"product": lambda: fill_product(int(sys.argv[2])), "limit": fill_limit, "drift": count_drift,
              "schedule": schedule_on}[what]()  # fmt: skip
    print(json.dumps(answer))
