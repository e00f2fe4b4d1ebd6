"""A prompt that an annotator wrote to a brief begins a tree; of a pair, its first reply comes along."""

import random
from datetime import datetime

from django.utils.translation import gettext as _

from annotate.exceptions import Conflict
from annotate.queries.rows import Row, fetch_row
from annotate.services.import_plan import make_tree_key
from annotate.services.search_index import index_prompt
from annotate.services.units import open_units
from tasks.records.parameters import CampaignSettings
from tasks.text.normalise import text_hash
from tasks.vocabulary import ReviewState, TreeState

#: A tree is named by its prompt, so that of two who write the same at once the second one makes none. In whichever
#: language it stands there, the same prompt is not taken twice.
_BEGIN = """
WITH same AS MATERIALIZED (
  SELECT t.id FROM annotate_messagetree t WHERE t.campaign_id = %(campaign)s AND t.key = ANY(%(keys)s::text[]) LIMIT 1),
asked AS MATERIALIZED (
  SELECT b.id, b.topic, b.difficulty FROM annotate_brief b WHERE b.id = %(brief)s AND NOT EXISTS (SELECT 1 FROM same)),
known AS MATERIALIZED (
  SELECT s.id FROM annotate_stratum s JOIN asked ON s.topic = asked.topic
  WHERE s.campaign_id = %(campaign)s AND s.language = %(language)s),
made AS (
  INSERT INTO annotate_stratum (campaign_id, language, topic, done)
  SELECT %(campaign)s, %(language)s, asked.topic, 0 FROM asked WHERE NOT EXISTS (SELECT 1 FROM known)
  ON CONFLICT (campaign_id, language, topic) DO UPDATE SET topic = excluded.topic RETURNING id),
tree AS (
  INSERT INTO annotate_messagetree (campaign_id, stratum_id, state, state_reason, state_changed_at, goal_size, brief_id,
    language, topic, difficulty, key, created_at)
  SELECT %(campaign)s, COALESCE((SELECT id FROM known), (SELECT id FROM made)), %(state)s, '', %(now)s, %(goal_size)s, asked.id,
    %(language)s, asked.topic, asked.difficulty, %(key)s, %(now)s FROM asked
  ON CONFLICT (campaign_id, key) DO NOTHING RETURNING id),
root AS (
  INSERT INTO annotate_message (id, tree_id, thread, role, text, text_hash, language, author_id, revision, review_state,
    removed_reason, created_at)
  SELECT n.id, tree.id, ARRAY[n.id], 'prompter', %(text)s, %(hash)s, %(language)s, %(me)s, 1, %(review)s, '', %(now)s
  FROM tree CROSS JOIN LATERAL (SELECT nextval(pg_get_serial_sequence('annotate_message', 'id')) AS id) AS n
  RETURNING id, tree_id),
reply AS (
  INSERT INTO annotate_message (id, tree_id, parent_id, thread, role, text, text_hash, language, author_id, revision,
    review_state, removed_reason, created_at)
  SELECT n.id, root.tree_id, root.id, ARRAY[root.id, n.id], 'assistant', %(reply)s::text, %(reply_hash)s::bytea, %(language)s,
    %(me)s, 1, %(review)s, '', %(now)s
  FROM root CROSS JOIN LATERAL (SELECT nextval(pg_get_serial_sequence('annotate_message', 'id')) AS id) AS n
  WHERE %(reply)s::text IS NOT NULL RETURNING id),
origins AS (
  INSERT INTO annotate_messageorigin (message_id, kind, annotator_id, key, provenance, created_at)
  SELECT w.id, 'written', %(me)s, 'annotator:' || %(me)s, '{}', %(now)s
  FROM (SELECT id FROM root UNION ALL SELECT id FROM reply) AS w)
SELECT (SELECT id FROM root) AS message, (SELECT tree_id FROM root) AS tree"""


def begin_tree(
    *,
    row: Row,
    text: str,
    reply: str | None,
    language: str,
    settings: CampaignSettings,
    review: ReviewState,
    now: datetime,
    rng: random.Random,
) -> tuple[int, int]:
    """Store a prompt, of a pair with its reply, as a tree of its own; returns the ids of the prompt and of the tree.

    The caller's transaction, before units are locked. Raises Conflict `text_duplicate` for a prompt that the campaign
    has already.
    """
    digest = text_hash(text)
    grows = settings.grow_trees
    least = settings.goal_tree_size if settings.min_goal_tree_size is None else settings.min_goal_tree_size
    begun = fetch_row(
        _BEGIN,
        {
            "campaign": row["campaign"],
            "brief": row["brief"],
            "me": row["me"],
            "state": TreeState.PROMPT_REVIEW if grows else TreeState.RANKING,
            "goal_size": rng.randint(min(least, settings.goal_tree_size), settings.goal_tree_size) if grows else None,
            "language": language,
            "key": make_tree_key(language=language, text_hash=digest),
            "keys": [make_tree_key(language=one, text_hash=digest) for one in {*row["languages"], language}],
            "text": text,
            "hash": digest,
            "reply": reply,
            "reply_hash": None if reply is None else text_hash(reply),
            "review": review,
            "now": now,
        },
    )
    if begun["message"] is None:
        raise Conflict(
            _(
                "This campaign has this very prompt already, word for word. Your text is saved under Drafts; write "
                "another one, or skip this work."
            ),
            code="text_duplicate",
        )
    # The next one who writes the same is told at once, not when a job has come by.
    index_prompt(message_id=begun["message"])
    if not grows:
        open_units(campaign_id=row["campaign"], parent_ids=[begun["message"]], now=now)
    return begun["message"], begun["tree"]
