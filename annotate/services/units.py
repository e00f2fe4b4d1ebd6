"""Open units: the work that a campaign's kinds ask for on what is there.

Set-based: a handful of statements whatever the number of parents. Whoever opens units holds the locks of
the trees first, so that two candidates that arrive together see each other.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from annotate.exceptions import NotFound
from annotate.models import Campaign, LabelDimension
from annotate.queries.rows import Row, run
from annotate.services.trees import lock_trees
from tasks.records.parameters import read_settings
from tasks.vocabulary import ORDERING_KINDS, Kind, MessageRole, OriginKind, ReasonCode, TreeState

#: Where a unit starts on the scale of 0 to 1000 until the scheduler has looked at it: above the middle,
#: because nobody's judgment is there yet.
START_BAND = 600
#: Why an annotator is never offered a unit: the text is their own.
OWN_TEXT = "own_text"

_LIVE = "m.removed_at IS NULL AND m.withdrawn_at IS NULL"

#: `parent`: the messages asked about, in trees that still take work. `live`: their candidates.
_SUBJECTS = f"""
WITH parent AS MATERIALIZED (
  SELECT m.id, m.role, t.language, t.stratum_id
  FROM annotate_message m JOIN annotate_messagetree t ON t.id = m.tree_id
  WHERE m.id = ANY(%(parents)s::bigint[]) AND t.campaign_id = %(campaign)s AND t.state = %(ranking)s AND {_LIVE}
), live AS MATERIALIZED (
  SELECT m.id, m.parent_id, m.role, m.author_id, p.language, p.stratum_id
  FROM annotate_message m JOIN parent p ON p.id = m.parent_id
  WHERE m.parent_id = ANY(%(parents)s::bigint[]) AND m.role = %(assistant)s AND {_LIVE}
)"""

#: A parent with two candidates is to be ordered: once, and again when its last unit closed without knowing
#: one of them. A text is to be labelled once. Replies are wanted until people have written enough of them.
#: Conditions on the parameters alone come first: a branch that the campaign does not ask for costs nothing.
_WANTED = """
tally AS MATERIALIZED (
  SELECT parent_id, count(*) AS candidates FROM live GROUP BY parent_id HAVING count(*) >= 2
), written AS (
  SELECT live.parent_id, count(*) AS replies
  FROM live JOIN annotate_messageorigin o ON o.message_id = live.id AND o.kind = %(written)s GROUP BY live.parent_id
), wanted AS MATERIALIZED (
  SELECT k.kind, p.id AS subject_id, p.language, p.stratum_id, %(redundancy)s::int AS needed,
    %(first_judgment)s::text AS reason_code
  FROM parent p JOIN tally ON tally.parent_id = p.id CROSS JOIN unnest(%(ordering)s::text[]) AS k(kind)
  WHERE (
    NOT EXISTS (SELECT 1 FROM annotate_unit u WHERE u.subject_id = p.id AND u.kind = k.kind)
    OR EXISTS (
      SELECT 1 FROM live WHERE live.parent_id = p.id AND NOT EXISTS (
        SELECT 1 FROM annotate_unit u JOIN annotate_unitcandidate c ON c.unit_id = u.id
        WHERE u.subject_id = p.id AND u.kind = k.kind AND c.message_id = live.id)))
  UNION ALL
  SELECT 'label', s.id, s.language, s.stratum_id, %(redundancy)s, %(first_judgment)s
  FROM (SELECT id, role, language, stratum_id FROM parent UNION SELECT id, role, language, stratum_id FROM live) s
  WHERE 'label' = ANY(%(kinds)s::text[]) AND s.role = ANY(%(labelled)s::text[])
    AND NOT EXISTS (SELECT 1 FROM annotate_unit u WHERE u.subject_id = s.id AND u.kind = 'label')
  UNION ALL
  SELECT 'write_assistant_reply', p.id, p.language, p.stratum_id,
    (%(replies_wanted)s - coalesce(w.replies, 0))::int, %(reply_wanted)s
  FROM parent p LEFT JOIN written w ON w.parent_id = p.id
  WHERE 'write_assistant_reply' = ANY(%(kinds)s::text[]) AND p.role = %(prompter)s
    AND coalesce(w.replies, 0) < %(replies_wanted)s::int
)"""

_MAKE_QUEUES = f"""{_SUBJECTS}
INSERT INTO annotate_queue (campaign_id, kind, language)
SELECT %(campaign)s, k.kind, l.language
FROM (SELECT DISTINCT language FROM parent) l CROSS JOIN unnest(%(kinds)s::text[]) AS k(kind)
WHERE NOT EXISTS (
  SELECT 1 FROM annotate_queue q
  WHERE q.campaign_id = %(campaign)s AND q.kind = k.kind AND q.language = l.language AND q.qualification IS NULL)
ORDER BY 2, 3
ON CONFLICT DO NOTHING"""

_MAKE_UNITS = f"""{_SUBJECTS}, {_WANTED},
made AS (
  INSERT INTO annotate_unit (public_id, queue_id, kind, subject_id, band, tie, needed, done, held, surplus, is_open)
  SELECT gen_random_uuid(), q.id, w.kind, w.subject_id, %(band)s, (random() * 2147483647)::int, w.needed, 0, 0, 0, true
  FROM wanted w JOIN annotate_queue q
    ON q.campaign_id = %(campaign)s AND q.kind = w.kind AND q.language = w.language AND q.qualification IS NULL
  ON CONFLICT (kind, subject_id) WHERE is_open DO NOTHING
  RETURNING id, kind, subject_id)
INSERT INTO annotate_unitdetail (unit_id, stratum_id, wanted, reason_code, reason_args, terms)
SELECT made.id, w.stratum_id, w.needed, w.reason_code, '{{}}', '{{}}'
FROM made JOIN wanted w ON w.kind = made.kind AND w.subject_id = made.subject_id"""

#: A candidate that was removed and is live again comes back into its unit.
_ADD_CANDIDATES = f"""
INSERT INTO annotate_unitcandidate AS c (unit_id, message_id, added_at)
SELECT u.id, m.id, %(now)s
FROM annotate_unit u JOIN annotate_message m ON m.parent_id = u.subject_id
WHERE u.subject_id = ANY(%(parents)s::bigint[]) AND u.is_open AND u.kind = ANY(%(ordering)s::text[])
  AND m.role = %(assistant)s AND {_LIVE}
ON CONFLICT (unit_id, message_id) DO UPDATE SET removed_at = NULL WHERE c.removed_at IS NOT NULL"""

#: Nobody ranks or labels their own text, and nobody answers their own prompt. Whoever wrote what another
#: had written before them is an author as well: the origins tell.
_EXCLUDE_AUTHORS = """
WITH written AS MATERIALIZED (
  SELECT m.id, m.parent_id, m.role, o.annotator_id
  FROM annotate_message m JOIN annotate_messageorigin o ON o.message_id = m.id
  WHERE (m.id = ANY(%(parents)s::bigint[]) OR m.parent_id = ANY(%(parents)s::bigint[])) AND o.annotator_id IS NOT NULL
)
INSERT INTO annotate_exclusion (annotator_id, unit_id, why)
SELECT w.annotator_id, u.id, %(own_text)s FROM written w JOIN annotate_unit u ON u.subject_id = w.parent_id
WHERE u.is_open AND u.kind = ANY(%(ordering)s::text[]) AND w.role = %(assistant)s
UNION
SELECT w.annotator_id, u.id, %(own_text)s FROM written w JOIN annotate_unit u ON u.subject_id = w.id
WHERE u.is_open AND u.kind = ANY(%(on_the_text)s::text[])
ON CONFLICT DO NOTHING"""


def open_units(*, campaign_id: int, parent_ids: Sequence[int], now: datetime) -> int:
    """Open the units that the campaign's kinds ask for under these parents; returns how many are new.

    Idempotent: an open unit stays as it is and gains candidates that came later. Locks the parents' trees
    (by id) until the transaction ends; call it before locking assignments or units.
    """
    if not parent_ids:
        return 0
    params = _read_wishes(campaign_id=campaign_id) | {"parents": list(parent_ids), "now": now}
    with transaction.atomic():
        lock_trees(message_ids=parent_ids)
        run(_MAKE_QUEUES, params)
        opened = run(_MAKE_UNITS, params)
        run(_ADD_CANDIDATES, params)
        run(_EXCLUDE_AUTHORS, params)
    return opened


def _read_wishes(*, campaign_id: int) -> Row:
    """What the campaign asks for, as parameters of the statements above."""
    campaign = Campaign.objects.filter(pk=campaign_id).values("kinds", "parameters", "label_schema_id").first()
    if campaign is None:
        raise NotFound(
            "There is no such campaign. Look at the list of campaigns for its address.", code="campaign_not_found"
        )
    settings = read_settings(campaign["parameters"])
    kinds = set(campaign["kinds"])
    labelled: set[str] = set()
    for roles in LabelDimension.objects.filter(schema_id=campaign["label_schema_id"]).values_list(
        "applies_to", flat=True
    ):
        labelled.update(roles)
    return {
        "campaign": campaign_id,
        "kinds": [kind for kind in Kind if kind in kinds],
        "ordering": [kind for kind in ORDERING_KINDS if kind in kinds],
        "on_the_text": [Kind.LABEL, Kind.WRITE_ASSISTANT_REPLY],
        "labelled": sorted(labelled),
        "redundancy": settings.redundancy,
        "replies_wanted": settings.replies_wanted,
        "band": START_BAND,
        "ranking": TreeState.RANKING,
        "assistant": MessageRole.ASSISTANT,
        "prompter": MessageRole.PROMPTER,
        "first_judgment": ReasonCode.FIRST_JUDGMENT,
        "reply_wanted": ReasonCode.REPLY_WANTED,
        "written": OriginKind.WRITTEN,
        "own_text": OWN_TEXT,
    }
