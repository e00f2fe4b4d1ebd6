"""Fill a database for `million`, by SQL and COPY: run as a program with DATABASE_URL set. Prints one JSON line.

python -m tests.bench.million_data UNITS

A campaign that ranks in eight languages of uneven size: four messages of each prompt's conversation have two candidates each,
so that there are four open units a prompt. Prompts are sentences of the words of their topic, with the vectors that the
hashing embedder makes of them. One unit of a hundred is closed, six of a hundred of those that are open have one judgment.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

PEOPLE, SUBJECTS = 100, 4
LANGUAGES = {"en": 40, "es": 20, "de": 12, "fr": 9, "pt": 7, "ar": 5, "ja": 4, "lt": 3}
STRATUM_TOPICS, TRUE_TOPICS, GENERATORS = 6, 60, 4
#: Of a hundred units: closed ones, and open ones that somebody has judged.
CLOSED, JUDGED = 1, 6
SYLLABLES = [first + second for first in "bdfghklmnprstwz" for second in "aeiou"]

#: Ids of a prompt's messages: subject k of prompt i is 12 (i - 1) + 3 k + 1, its candidates are the next two.
MESSAGES = """
CREATE TEMPORARY TABLE prompt (id int PRIMARY KEY, language text, topic int, text text);
COPY prompt FROM STDIN;
INSERT INTO annotate_messagetree (id, campaign_id, stratum_id, state, language, topic, key, created_at)
SELECT p.id, {campaign}, s.id, 'ranking', p.language, s.topic, 'bench:' || p.id, now() - random() * interval '28 days'
FROM prompt p JOIN annotate_stratum s ON s.campaign_id = {campaign} AND s.language = p.language
  AND s.topic = 'topic ' || p.topic % {topics};
INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason, created_at)
SELECT b + 3 * k + 1, p.id, CASE WHEN k > 0 THEN b + 3 * k - 1 END,
  (ARRAY[b + 1, b + 2, b + 4, b + 5, b + 7, b + 8, b + 10])[1:2 * k + 1], 'prompter',
  CASE WHEN k = 0 THEN p.text ELSE 'And then, turn ' || k || ': ' || left(p.text, 60) END, decode(md5(k || p.text), 'hex'),
  p.language, 1, '', t.created_at
FROM prompt p JOIN annotate_messagetree t ON t.id = p.id CROSS JOIN LATERAL (SELECT (p.id - 1) * 12::bigint AS b) base
CROSS JOIN generate_series(0, {subjects} - 1) k;
INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, revision, removed_reason, created_at)
SELECT m.id + c, m.tree_id, m.id, m.thread || (m.id + c), 'assistant', 'Answer ' || c || ': ' || m.text || repeat(' so it is', 5 * c),
  decode(md5(c || m.text), 'hex'), m.language, 1, '', m.created_at
FROM annotate_message m CROSS JOIN generate_series(1, 2) c WHERE m.role = 'prompter' AND m.tree_id <= {prompts};
INSERT INTO annotate_messageorigin (message_id, kind, generator_id, key, provenance, created_at)
SELECT m.id, 'imported', {generator} + m.id % {generators}, 'bench', '{{}}', m.created_at FROM annotate_message m WHERE m.role = 'assistant';
INSERT INTO annotate_unit (id, public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
SELECT row_number() OVER (ORDER BY m.id), gen_random_uuid(), q.id, 'rank', m.id, 500, (random() * 2147483000)::int, 3, 0, 0, 0, true
FROM annotate_message m JOIN annotate_queue q ON q.campaign_id = {campaign} AND q.language = m.language WHERE m.role = 'prompter';
INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
SELECT u.id, t.stratum_id, 3, 'first_judgment', '{{}}', '{{}}'
FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id JOIN annotate_messagetree t ON t.id = m.tree_id;
INSERT INTO annotate_unitcandidate (unit_id, message_id, added_at)
SELECT u.id, u.subject_id + c, now() FROM annotate_unit u CROSS JOIN generate_series(1, 2) c;
SELECT setval(pg_get_serial_sequence('annotate_unit', 'id'), (SELECT max(id) FROM annotate_unit));
SELECT setval(pg_get_serial_sequence('annotate_messagetree', 'id'), {prompts});
SELECT setval(pg_get_serial_sequence('annotate_message', 'id'), (SELECT max(id) FROM annotate_message));
CREATE TEMPORARY TABLE chosen AS SELECT u.id FROM annotate_unit u WHERE hashint8(u.id) & 127 < {judged_part}
"""

#: One judgment of each chosen unit that has none, over so many days, each by one of the people; `closing`: those are closed.
JUDGE = """
CREATE TEMPORARY TABLE given ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('annotate_assignment', 'id')) AS assignment,
  nextval(pg_get_serial_sequence('annotate_judgment', 'id')) AS judgment, u.id AS unit, u.subject_id AS subject,
  {first} + (hashint8(u.id) & 65535) % {people} AS annotator, now() - interval '1 second' * random() * {seconds} AS at,
  hashint8(u.id + 1) & 1 AS better, CASE WHEN {closing} THEN (hashint8(u.id + 2) & 127) * {judged_part} < 128 * {closed_part} ELSE false END AS closes
FROM chosen c JOIN annotate_unit u ON u.id = c.id WHERE u.done = 0 AND u.is_open ORDER BY u.id;
INSERT INTO annotate_assignment (id, unit_id, annotator_id, state, lease_grade, reason_code, draft_version, rationale, created_at, closed_at)
SELECT assignment, unit, annotator, 'submitted', 'active', 'first_judgment', 0, '', at - interval '1 minute', at FROM given;
INSERT INTO annotate_assignmentcandidate (assignment_id, position, message_id, revision)
SELECT assignment, c - 1, subject + c, 1 FROM given CROSS JOIN generate_series(1, 2) c;
INSERT INTO annotate_judgment (id, assignment_id, unit_id, annotator_id, kind, counted, active_seconds, terms_version, body_hash,
  acceptable_tiers, created_at)
SELECT judgment, assignment, unit, annotator, 'rank', true, 30 + random() * 60, 'bench', decode(md5(unit::text), 'hex'), 1, at
FROM given ORDER BY at;
INSERT INTO annotate_rankedcandidate (judgment_id, assignment_id, message_id, tier)
SELECT judgment, assignment, subject + c, 1 + (c + better) % 2 FROM given CROSS JOIN generate_series(1, 2) c;
UPDATE annotate_unit u SET done = 1, is_open = NOT g.closes, needed = CASE WHEN g.closes THEN 1 ELSE u.needed END
FROM given g WHERE u.id = g.unit;
DROP TABLE given;
DROP TABLE chosen
"""

#: What comes in a moment: judgments of what is wanted most, in all queues.
LATELY = """
CREATE TEMPORARY TABLE chosen AS
SELECT near.id FROM annotate_queue q CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u WHERE u.queue_id = q.id AND u.is_vacant AND u.done = 0 ORDER BY u.band DESC, u.tie LIMIT {each}) near
"""


def fill(units: int) -> dict[str, Any]:
    from django.core.management import call_command
    from django.db import connection

    from annotate.models import Annotator, Generator, Queue, Stratum
    from tasks.text.hashing_vectors import NAME
    from tests.loop import make_annotator, make_campaign

    call_command("migrate", verbosity=0)
    campaign = make_campaign(slug="bench", redundancy=3, languages=tuple(LANGUAGES), random_share=0.05)
    for place, language in enumerate(LANGUAGES):
        Queue.objects.create(campaign=campaign, kind="rank", language=language)
        for topic in range(STRATUM_TOPICS):
            target = 2_000 if (place + topic) % 2 else None
            Stratum.objects.create(campaign=campaign, language=language, topic=f"topic {topic}", target=target)
    generators = [
        Generator.objects.create(campaign=campaign, name=f"model-{n}", engine="label") for n in range(GENERATORS)
    ]
    people = [
        make_annotator(f"p{n}", languages=("en", list(LANGUAGES)[1 + n % 7]) if n % 3 else ("en",))
        for n in range(PEOPLE)
    ]
    prompts = units * 100 // (100 - CLOSED) // SUBJECTS + 1
    judged = (CLOSED + JUDGED) * 128 // 100
    names = {
        "campaign": campaign.pk, "prompts": prompts, "topics": STRATUM_TOPICS, "subjects": SUBJECTS,
        "generator": generators[0].pk, "generators": GENERATORS, "judged_part": judged,
    }  # fmt: skip
    connection.close()
    with _open_unchecked() as raw:
        for statement in MESSAGES.format(**names).strip().split(";\n"):
            if not statement.startswith("COPY"):
                raw.execute(statement)
                continue
            with raw.cursor() as cursor, cursor.copy(statement) as copy:
                for row in iterate_prompts(prompts):
                    copy.write_row(row)
        judge(raw, people[0].pk, seconds=28 * 86_400, closing=True)
        _copy_vectors(raw, campaign.pk, NAME, prompts)
        raw.execute("VACUUM (ANALYZE)")
    Annotator.objects.update(accepted_terms=people[0].accepted_terms)
    return {"campaign": campaign.pk, "prompts": prompts, "first": people[0].pk}


def judge_lately(*, first: int, judgments: int) -> None:
    """So many judgments of what is wanted most, all of the last minute."""
    with _open_unchecked() as raw:
        raw.execute(LATELY.format(each=judgments // len(LANGUAGES)))
        judge(raw, first, seconds=60, closing=False)


def judge(raw: Any, first: int, *, seconds: int, closing: bool) -> None:
    names = {
        "first": first, "people": PEOPLE, "seconds": seconds, "closing": closing,
        "judged_part": CLOSED + JUDGED, "closed_part": CLOSED,
    }  # fmt: skip
    with raw.transaction():
        for statement in JUDGE.format(**names).strip().split(";\n"):
            raw.execute(statement)


def iterate_prompts(prompts: int) -> Iterator[tuple[int, str, int, str]]:
    """Number, language, topic, text: words of the topic among words that every prompt of the language may have."""
    rng = random.Random(20261127)
    names, ends = list(LANGUAGES), list(accumulate(LANGUAGES.values()))
    weights = list(accumulate(1 / (topic + 1) for topic in range(TRUE_TOPICS)))
    own = [[_make_word(rng) for _ in range(120)] for _ in range(TRUE_TOPICS)]
    common = {name: [_make_word(rng) for _ in range(300)] for name in names}
    for number in range(1, prompts + 1):
        language = rng.choices(names, cum_weights=ends)[0]
        topic = rng.choices(range(TRUE_TOPICS), cum_weights=weights)[0]
        size = rng.choice((6, 10, 16, 30, 60))
        words = [rng.choice(own[topic] if rng.random() < 0.5 else common[language]) for _ in range(size)]
        yield number, language, topic, f"{' '.join(words)} {number}?"


def _make_word(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4)))


def _copy_vectors(raw: Any, campaign: int, embedder: str, prompts: int) -> None:
    from tasks.text.hashing_vectors import embed_text

    fields = "message_id, campaign_id, revision, embedder, vector, computed_at"
    with raw.cursor() as cursor, cursor.copy(f"COPY annotate_textvector ({fields}) FROM STDIN") as copy:
        for number, _, _, text in iterate_prompts(prompts):
            vector = f"[{','.join(f'{value:.5g}' for value in embed_text(text))}]"
            copy.write_row(((number - 1) * 12 + 1, campaign, 1, embedder, vector, "now"))


def _open_unchecked() -> Any:
    """A connection that checks no foreign keys: what is filled in by the million is checked by this module's making."""
    import psycopg

    address = os.environ["DATABASE_URL"].replace("//chorus@", "//postgres@")
    raw = psycopg.connect(address, autocommit=True, prepare_threshold=None)
    raw.execute("SET session_replication_role = replica")
    raw.execute("SET synchronous_commit = off")
    raw.execute("SET work_mem = '64MB'")
    return raw


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "annotate.settings"
    import django

    django.setup()
    print(json.dumps(fill(int(sys.argv[1]))))
