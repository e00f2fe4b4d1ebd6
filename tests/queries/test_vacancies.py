"""Why there is nothing is answered by a few looks into indexes, whatever the size of a campaign."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate.models import Queue
from annotate.queries.assignments import list_assignments
from annotate.queries.eligibility import Level, Moment, render_columns
from annotate.queries.rows import run
from annotate.queries.vacancies import LOOK, NEAREST, OLDEST_IN_WINDOW
from annotate.services.terms import CURRENT_TERMS
from annotate.services.undo import GIVEN, LIST_UNDOABLE, WINDOW
from tests.loop import NOW, make_annotator, make_campaign, make_prompt

pytestmark = pytest.mark.django_db

UNITS = 20_000
#: Pages of 8 kB that a look may read; each table here has 400 and more. A few dozen are dead rows of other tests.
FEW_PAGES = 250
TYPES = {
    "me": "bigint", "user": "bigint", "campaign": "bigint", "judgment": "bigint", "undo_depth": "int", "kinds": "text[]",
    "languages": "text[]", "now": "timestamptz", "terms": "text", "closing": "bigint", "giving": "int",
    "blind": "text[]", "ended": "text[]",
}  # fmt: skip

#: Open units by the thousand in one queue, each on a text of its own.
FILL = """
WITH subjects AS (
  INSERT INTO annotate_message (tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason)
  SELECT m.tree_id, m.id, m.thread, 'prompter', 'x', int4send(i), 'en', 1, ''
  FROM annotate_message m, generate_series(1, %(units)s) i WHERE m.parent_id IS NULL RETURNING id)
INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
SELECT gen_random_uuid(), q.id, q.kind, s.id, 500, 1, 3, 0, 0, 0, true FROM subjects s, annotate_queue q WHERE q.language = 'en'"""

#: One ballot of this person long ago; everybody else's came since.
JUDGE = """
WITH given AS (
  INSERT INTO annotate_assignment (unit_id, annotator_id, state, lease_grade, reason_code)
  SELECT id, CASE WHEN row_number() OVER (ORDER BY id) = 1 THEN %(me)s::bigint ELSE %(others)s::bigint END, 'submitted',
    'active', 'first_judgment' FROM annotate_unit RETURNING id, unit_id, annotator_id)
INSERT INTO annotate_judgment (assignment_id, unit_id, annotator_id, kind, counted, terms_version, body_hash, created_at)
SELECT id, unit_id, annotator_id, 'rank', true, '', '', %(now)s FROM given ORDER BY unit_id"""


def count_pages(sql: str, params: dict[str, Any]) -> int:
    """Pages that the statement reads with the plan that is made once for everybody."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    for place, name in enumerate(names, start=1):
        sql = sql.replace(f"%({name})s", f"${place}")
    connection.ensure_connection()
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE look ({', '.join(TYPES[name] for name in names)}) AS {sql}")
        given = ", ".join(["%s"] * len(names))
        wanted = [params[name] for name in names]
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE look ({given})", wanted)
        told = cursor.fetchone()[0]
        cursor.execute("DEALLOCATE look")
    plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.fixture
def given() -> dict[str, Any]:
    campaign = make_campaign(languages=("en", "de"), daily_cap=5)
    make_prompt(campaign, replies=2)
    Queue.objects.create(campaign=campaign, kind="rank", language="de")
    ada, others = make_annotator("ada"), make_annotator("others")
    run(FILL, {"units": UNITS})
    run(JUDGE, {"me": ada.pk, "others": others.pk, "now": NOW})
    run("ANALYZE annotate_unit, annotate_queue, annotate_judgment, annotate_assignment, annotate_message", {})
    first = ada.judgments.get().pk
    return {"me": ada.pk, "user": ada.user_id, "campaign": campaign.pk, "judgment": first, **WINDOW,
            "kinds": ["rank"], "languages": ["de"], "now": NOW + timedelta(hours=1), "terms": CURRENT_TERMS, "closing": None,
            "giving": 0}  # fmt: skip


STATEMENTS = {
    "look": LOOK,
    "nearest": NEAREST,
    "oldest_in_window": OLDEST_IN_WINDOW,
    "given": GIVEN,
    "list_undoable": LIST_UNDOABLE,
    "person": f"""SELECT {render_columns(moment=Moment.OFFER, level=Level.PERSON)}
      FROM annotate_annotator a CROSS JOIN annotate_campaign c WHERE a.id = %(me)s AND c.id = %(campaign)s""",
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_look_reads_a_few_pages_of_a_large_campaign(given, name):
    assert count_pages(STATEMENTS[name], given) <= FEW_PAGES


def test_a_page_of_ones_assignments_reads_a_few_pages(given):
    connection.ensure_connection()
    with CaptureQueriesContext(connection) as queries:
        rows, _ = list_assignments(annotator_id=given["me"], state=None, before=None, limit=50)
    assert len(rows) == 1
    sql = queries[0]["sql"].replace(f'"annotator_id" = {given["me"]}', '"annotator_id" = %(me)s')
    assert count_pages(sql, given) <= FEW_PAGES
