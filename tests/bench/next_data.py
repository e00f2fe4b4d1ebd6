"""Fill a database for `next_work`, by SQL: run as a program with DATABASE_URL set. Prints one JSON line.

python -m tests.bench.next_data UNITS VOLUNTEERS

A campaign in five languages of uneven size with three kinds of work; volunteers of one to three languages, most with a
short past, a few with a long one. A sample of them gets sessions.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any

from tests.bench.serving_data import open_session, run_script

LANGUAGES = {"en": 0.45, "es": 0.25, "de": 0.15, "ar": 0.1, "lt": 0.05}
KINDS = ("rank", "label", "write_assistant_reply")
SAMPLE = 32

LOAD = """
INSERT INTO annotate_messagetree (id, campaign_id, stratum_id, state, language, topic, key, created_at)
SELECT i, {campaign}, s.id, 'ranking', s.language, '', 'bench:' || i, now()
FROM generate_series(1, {units}) i JOIN annotate_stratum s ON s.campaign_id = {campaign} AND s.language = (
  SELECT l.language FROM unnest({languages}, {ends}) AS l (language, ends) WHERE (i::bigint * 7919) % 1000 < l.ends ORDER BY l.ends LIMIT 1);
INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason, created_at)
SELECT t.id, t.id, NULL, ARRAY[t.id], 'prompter', repeat('question ' || t.id || ' ', 20), decode(md5('q' || t.id), 'hex'),
  t.language, 1, '', now() FROM annotate_messagetree t;
INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason, created_at)
SELECT {units} + (p - 1) * 4 + c, p, p, ARRAY[p, {units} + (p - 1) * 4 + c], 'assistant', repeat('answer ' || c || ' to ' || p || ' ', 40),
  decode(md5(p || ':' || c), 'hex'), m.language, 1, '', now()
FROM annotate_message m, generate_series(1, 4) c, LATERAL (SELECT m.id AS p) x WHERE m.id <= {texts};
INSERT INTO annotate_unit (id, public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
SELECT m.id, gen_random_uuid(), q.id, q.kind, m.id, (random() * 1000)::int, (random() * 2000000000)::int, 3, 0, 0, 0, true
FROM annotate_message m JOIN annotate_queue q ON q.campaign_id = {campaign} AND q.language = m.language
  AND q.kind = ({kinds})[1 + m.id % {kind_count}] WHERE m.parent_id IS NULL;
INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
SELECT u.id, t.stratum_id, 3, 'first_judgment', '{{}}', '{{}}' FROM annotate_unit u JOIN annotate_messagetree t ON t.id = u.subject_id;
INSERT INTO annotate_unitcandidate (unit_id, message_id, added_at)
SELECT u.id, {units} + ((u.id - 1) % {texts}) * 4 + c, now() FROM annotate_unit u, generate_series(1, 4) c WHERE u.kind = 'rank';
SELECT setval(pg_get_serial_sequence('annotate_unit', 'id'), {units});
SELECT setval(pg_get_serial_sequence('annotate_messagetree', 'id'), {units});
SELECT setval(pg_get_serial_sequence('annotate_message', 'id'), {units} + {texts} * 4)
"""

#: Volunteers by number: how many languages each works in, and how much each has done (a few have done very much).
PEOPLE = """
INSERT INTO annotate_annotator (pseudonym_seed, accepted_terms, suspended_reason, created_at)
SELECT gen_random_uuid(), '{terms}', '', now() FROM generate_series(1, {volunteers});
INSERT INTO annotate_languageskill (annotator_id, language)
SELECT a.id, l.language FROM annotate_annotator a, unnest({languages}, {ends}) AS l (language, ends)
WHERE (a.id * 31 + l.ends) % 1000 < 400 OR l.language = 'en' AND a.id % 3 > 0 ON CONFLICT DO NOTHING;
INSERT INTO annotate_assignment (unit_id, annotator_id, state, lease_grade, reason_code, draft_version, rationale, created_at)
SELECT DISTINCT ON (a.id, u) u, a.id, 'skipped', 'active', 'first_judgment', 0, '', now()
FROM annotate_annotator a, LATERAL (
  SELECT 1 + (hashint8(a.id * 1000003 + n) & 2147483647) % {units} AS u
  FROM generate_series(1, least({longest}, 2 + (3000 / (1 + a.id % 3000))::int)) n) past ON CONFLICT DO NOTHING
"""


def fill(units: int, volunteers: int) -> dict[str, Any]:
    from django.core.management import call_command
    from django.db import connection

    from annotate.models import Annotator, LanguageSkill, Queue, Stratum
    from annotate.services.terms import CURRENT_TERMS
    from tests.loop import make_annotator, make_campaign

    call_command("migrate", verbosity=0)
    campaign = make_campaign(slug="bench", redundancy=3, kinds=KINDS, languages=tuple(LANGUAGES))
    for language in LANGUAGES:
        Stratum.objects.create(campaign=campaign, language=language)
        for kind in KINDS:
            Queue.objects.create(campaign=campaign, kind=kind, language=language)
    ends, total = [], 0
    for share in LANGUAGES.values():
        total += round(share * 1000)
        ends.append(total)
    names = {
        "campaign": campaign.pk, "units": units, "texts": min(units, 1_000), "languages": f"ARRAY{list(LANGUAGES)}::text[]",
        "ends": f"ARRAY{ends}::int[]", "kinds": f"ARRAY{list(KINDS)}::text[]", "kind_count": len(KINDS),
        "volunteers": volunteers, "terms": CURRENT_TERMS, "longest": min(3_000, units // 3),
    }  # fmt: skip
    run_script(LOAD.format(**names).strip() + "\n")
    run_script(PEOPLE.format(**names).strip() + "\n")
    rng = random.Random(11)
    chosen = rng.sample(list(Annotator.objects.order_by("pk").values_list("pk", flat=True)), SAMPLE)
    sessions = []
    for number, pk in enumerate(chosen):
        # An account takes the place of the row: what it knows and has seen is moved to it.
        person = make_annotator(f"sample{number}")
        LanguageSkill.objects.filter(annotator_id=pk).update(annotator=person)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE annotate_assignment SET annotator_id = %s WHERE annotator_id = %s", [person.pk, pk])
        sessions.append(open_session(person.user))
    connection.close()
    run_script("VACUUM (ANALYZE)")
    return {"slug": campaign.slug, "sessions": sessions}


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "annotate.settings"
    import django

    django.setup()
    print(json.dumps(fill(int(sys.argv[1]), int(sys.argv[2]))))
