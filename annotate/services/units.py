"""Open units: the work that a campaign's kinds ask for on what is there.

Set-based: a handful of statements whatever the number of parents. Whoever opens units holds the locks of
the trees first, so that two candidates that arrive together see each other.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotate.exceptions import NotFound
from annotate.models import Campaign
from annotate.queries.campaign_parents import list_labelled_roles
from annotate.queries.gold import GOLD_TREES
from annotate.queries.rows import Row, run
from annotate.services.tree_marks import mark_tree_of
from annotate.services.trees import lock_trees
from tasks.records.parameters import read_settings
from tasks.vocabulary import ORDERING_KINDS, Kind, MessageRole, ReasonCode, TreeState

#: Where a unit starts on the scale of 0 to 1000 until the scheduler has looked at it: above the middle,
#: because nobody's judgment is there yet.
START_BAND = 600
#: Why an annotator is never offered a unit: the text is their own.
OWN_TEXT = "own_text"

#: Conditions of a message that stands.
_LIVE = "m.removed_at IS NULL AND m.withdrawn_at IS NULL"

# Every lookup below is a LATERAL of its own with OFFSET 0, which the planner neither merges nor reorders: one
# descent of an index for each id. Left to itself it joins by what it believes of tables that grow by
# thousands of rows between two looks at their statistics, and is wrong by a factor of a hundred.

#: `p`: the messages asked about, in trees of the campaign that still take work.
_PARENTS = f"""
unnest(%(parents)s::bigint[]) AS asked(id)
CROSS JOIN LATERAL (
  SELECT m.id, m.role, m.tree_id, m.author_id FROM annotate_message m WHERE m.id = asked.id AND {_LIVE} OFFSET 0) AS p
CROSS JOIN LATERAL (
  SELECT t.campaign_id, t.state, t.language, t.stratum_id FROM annotate_messagetree t WHERE t.id = p.tree_id OFFSET 0) AS t"""

#: A conversation that gold was made of opens no ordinary work any more: nobody meets it twice.
_ASKED = f"t.campaign_id = %(campaign)s AND t.state = %(ranking)s AND p.tree_id <> ALL({GOLD_TREES})"

#: `m`: the candidates of `p`.
_CANDIDATES = f"""
CROSS JOIN LATERAL (
  SELECT m.id, m.role FROM annotate_message m
  WHERE m.parent_id = p.id AND m.role = %(assistant)s AND {_LIVE} OFFSET 0) AS m"""

_MAKE_QUEUES = f"""
INSERT INTO annotate_queue (campaign_id, kind, language)
SELECT %(campaign)s, k.kind, l.language
FROM (SELECT DISTINCT t.language FROM {_PARENTS} WHERE {_ASKED}) AS l CROSS JOIN unnest(%(kinds)s::text[]) AS k(kind)
WHERE NOT EXISTS (
  SELECT 1 FROM annotate_queue q
  WHERE q.campaign_id = %(campaign)s AND q.kind = k.kind AND q.language = l.language AND q.qualification IS NULL AND NOT q.is_gold)
ORDER BY 2, 3
ON CONFLICT DO NOTHING"""

_UNIT = """
INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
SELECT gen_random_uuid(), q.id, q.kind, {subject}, %(band)s, (random() * 2147483647)::int, {needed}, 0, 0, 0, true"""

_QUEUE = """
CROSS JOIN LATERAL (
  SELECT q.id, q.kind FROM annotate_queue q
  WHERE q.campaign_id = %(campaign)s AND q.kind = ANY({kinds}) AND q.language = t.language AND q.qualification IS NULL
    AND NOT q.is_gold
  OFFSET 0) AS q"""

_ONCE = "ON CONFLICT (kind, subject_id) WHERE is_open DO NOTHING"

#: A parent with two candidates is to be ordered: once, and again when its last unit closed without knowing one.
_MAKE_ORDERING = f"""
{_UNIT.format(subject="p.id", needed="%(redundancy)s")}
FROM {_PARENTS} {_QUEUE.format(kinds="%(ordering)s::text[]")}
CROSS JOIN LATERAL (
  SELECT count(*) AS candidates, count(*) FILTER (WHERE NOT EXISTS (
    SELECT 1 FROM annotate_unit u JOIN annotate_unitcandidate c ON c.unit_id = u.id AND c.message_id = m.id
    WHERE u.subject_id = p.id AND u.kind = q.kind)) AS unknown
  FROM annotate_message m WHERE m.parent_id = p.id AND m.role = %(assistant)s AND {_LIVE} OFFSET 0) AS tally
WHERE {_ASKED} AND tally.candidates >= 2 AND tally.unknown > 0
{_ONCE}"""

#: A text is to be labelled once.
_MAKE_LABEL = f"""
{_UNIT.format(subject="s.id", needed="%(redundancy)s")}
FROM {_PARENTS} {_QUEUE.format(kinds="ARRAY['label']")}
CROSS JOIN LATERAL (
  SELECT p.id, p.role UNION ALL
  SELECT m.id, m.role FROM annotate_message m
  WHERE m.parent_id = p.id AND m.role = %(assistant)s AND {_LIVE} OFFSET 0) AS s
WHERE {_ASKED} AND s.role = ANY(%(labelled)s::text[])
  AND NOT EXISTS (SELECT 1 FROM annotate_unit u WHERE u.subject_id = s.id AND u.kind = 'label' OFFSET 0)
{_ONCE}"""

#: Replies are wanted until people have written enough of them.
_MAKE_WRITING = f"""
{_UNIT.format(subject="p.id", needed="%(replies_wanted)s - tally.written")}
FROM {_PARENTS} {_QUEUE.format(kinds="ARRAY['write_assistant_reply']")}
CROSS JOIN LATERAL (
  SELECT count(m.author_id) AS written FROM annotate_message m
  WHERE m.parent_id = p.id AND m.role = %(assistant)s AND {_LIVE} OFFSET 0) AS tally
WHERE {_ASKED} AND p.role = %(prompter)s AND tally.written < %(replies_wanted)s
{_ONCE}"""

#: Of the imported and generated replies of a parent the first one may be improved.
_MAKE_IMPROVING = f"""
{_UNIT.format(subject="first.id", needed="%(improvements)s")}
FROM {_PARENTS} {_QUEUE.format(kinds="ARRAY['improve_reply']")}
CROSS JOIN LATERAL (
  SELECT m.id FROM annotate_message m
  WHERE m.parent_id = p.id AND m.role = %(assistant)s AND m.author_id IS NULL AND {_LIVE} ORDER BY m.id LIMIT 1) AS first
WHERE {_ASKED} AND %(improvements)s > 0 AND NOT EXISTS (
  SELECT 1 FROM annotate_message m JOIN annotate_unit u ON u.subject_id = m.id AND u.kind = 'improve_reply'
  WHERE m.parent_id = p.id OFFSET 0)
{_ONCE}"""

#: Which statement opens the units of a kind. Kinds that are not here are work of trees that grow.
_MAKE = {
    Kind.RANK: _MAKE_ORDERING,
    Kind.COMPARE: _MAKE_ORDERING,
    Kind.LABEL: _MAKE_LABEL,
    Kind.WRITE_ASSISTANT_REPLY: _MAKE_WRITING,
    Kind.IMPROVE_REPLY: _MAKE_IMPROVING,
}

#: `u`: open units on the messages asked about, or on their candidates where texts are labelled or improved.
_OPEN_UNITS = f"""
{_PARENTS}
CROSS JOIN LATERAL (
  SELECT p.id UNION ALL
  SELECT m.id FROM annotate_message m
  WHERE %(on_candidates)s AND m.parent_id = p.id AND m.role = %(assistant)s AND {_LIVE} OFFSET 0) AS s
CROSS JOIN LATERAL (
  SELECT u.id, u.kind, u.needed FROM annotate_unit u WHERE u.subject_id = s.id AND u.is_open OFFSET 0) AS u"""

_TELL_DETAILS = f"""
INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
SELECT u.id, t.stratum_id, u.needed,
  CASE u.kind WHEN 'write_assistant_reply' THEN %(reply_wanted)s WHEN 'improve_reply' THEN %(improvement_wanted)s
    ELSE %(first_judgment)s END, '{{}}', '{{}}'
FROM {_OPEN_UNITS}
WHERE {_ASKED} AND NOT EXISTS (SELECT 1 FROM annotate_unitdetail d WHERE d.unit_id = u.id OFFSET 0)
ON CONFLICT (unit_id) DO NOTHING"""

#: A candidate that was removed and is live again comes back into its unit.
_ADD_CANDIDATES = f"""
INSERT INTO annotate_unitcandidate AS c (unit_id, message_id, added_at)
SELECT u.id, m.id, %(now)s
FROM {_PARENTS} {_CANDIDATES}
CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u
  WHERE u.subject_id = p.id AND u.is_open AND u.kind = ANY(%(ordering)s::text[]) OFFSET 0) AS u
WHERE {_ASKED}
ON CONFLICT (unit_id, message_id) DO UPDATE SET removed_at = NULL WHERE c.removed_at IS NOT NULL"""

#: Nobody ranks or labels their own text, and nobody answers their own prompt.
_EXCLUDE_AUTHORS = f"""
INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
SELECT DISTINCT s.author_id, u.id, %(own_text)s
FROM {_PARENTS}
CROSS JOIN LATERAL (
  SELECT p.id, NULL::bigint AS parent_id, p.author_id UNION ALL
  SELECT m.id, p.id, m.author_id FROM annotate_message m
  WHERE m.parent_id = p.id AND m.role = %(assistant)s AND m.author_id IS NOT NULL AND {_LIVE} OFFSET 0) AS s
CROSS JOIN LATERAL (
  SELECT u.id FROM annotate_unit u
  WHERE u.is_open AND ((u.subject_id = s.id AND u.kind = ANY(%(on_the_text)s::text[]))
    OR (u.subject_id = s.parent_id AND u.kind = ANY(%(ordering)s::text[]))) OFFSET 0) AS u
WHERE {_ASKED} AND s.author_id IS NOT NULL
ORDER BY 1, 2
ON CONFLICT DO NOTHING"""


def open_units(*, campaign_id: int, parent_ids: Sequence[int], now: datetime) -> int:
    """Open the units that the campaign's kinds ask for under these parents; returns how many are new.

    Idempotent: an open unit stays as it is and gains candidates that came later. Locks the parents' trees
    (by id) until the transaction ends; call it before locking assignments or units. Where trees grow, none is
    opened here: the trees are marked, and what they ask for is decided by itself (`services.tree_growth`).
    """
    if not parent_ids:
        return 0
    params = _read_wishes(campaign_id=campaign_id) | {"parents": list(parent_ids), "now": now}
    if params["grows"]:
        mark_tree_of(message_ids=parent_ids)
        return 0
    with transaction.atomic():
        lock_trees(message_ids=parent_ids)
        run(_MAKE_QUEUES, params)
        # Two kinds that are opened by one statement are opened at once.
        opened = sum(
            run(sql, params) for sql in dict.fromkeys(_MAKE[kind] for kind in params["kinds"] if kind in _MAKE)
        )
        if opened:
            run(_TELL_DETAILS, params)
        if params["ordering"]:
            run(_ADD_CANDIDATES, params)
        run(_EXCLUDE_AUTHORS, params)
    return opened


def _read_wishes(*, campaign_id: int) -> Row:
    """What the campaign asks for, as parameters of the statements above."""
    campaign = Campaign.objects.filter(pk=campaign_id).values("kinds", "parameters", "label_schema_id").first()
    if campaign is None:
        raise NotFound(
            _("There is no such campaign. Look at the list of campaigns for its address."), code="campaign_not_found"
        )
    settings = read_settings(campaign["parameters"])
    kinds = set(campaign["kinds"])
    return {
        "campaign": campaign_id,
        "grows": settings.grow_trees,
        "kinds": [kind for kind in Kind if kind in kinds],
        "ordering": [kind for kind in ORDERING_KINDS if kind in kinds],
        "on_the_text": [Kind.LABEL, Kind.WRITE_ASSISTANT_REPLY, Kind.IMPROVE_REPLY],
        "on_candidates": bool(kinds & {Kind.LABEL, Kind.IMPROVE_REPLY}),
        "labelled": list_labelled_roles(schema_id=campaign["label_schema_id"]),
        "redundancy": settings.redundancy,
        "replies_wanted": settings.replies_wanted,
        "improvements": settings.improvements_wanted,
        "band": START_BAND,
        "ranking": TreeState.RANKING,
        "assistant": MessageRole.ASSISTANT,
        "prompter": MessageRole.PROMPTER,
        "first_judgment": ReasonCode.FIRST_JUDGMENT,
        "reply_wanted": ReasonCode.REPLY_WANTED,
        "improvement_wanted": ReasonCode.IMPROVEMENT_WANTED,
        "own_text": OWN_TEXT,
    }
