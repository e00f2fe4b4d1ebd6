"""Whether what somebody is given next is a gold item, and which: decided before anything is looked at.

The coin is tossed for everybody alike, so that whoever asks learns nothing from how long it takes. Each person meets the
items in an order of their own, and none where there is no other such work for them; nobody meets a subject that they
have met as ordinary work. Where people are matched to work, the order heeds what a person can notice of that (interests, and
variety): else gold would be what is not about what they like. Whoever runs the campaign or the site can look answers up,
and meets none.
"""

from __future__ import annotations

import random

from annotate.queries.eligibility import Level, Moment, render_conditions
from annotate.queries.rows import Row, fetch_row, run
from tasks.records.parameters import CampaignSettings
from tasks.scheduling.gold import share_of_gold
from tasks.scheduling.matching import ALIKE, LAST, LIKED, LONGEST_RUN

#: Items that are picked to be locked: one is enough, unless others lock it at this moment.
GOLD_WIDTHS = (1, 4, 16)
#: Front units of each queue of gold that are looked at, and a person's newest judgments that are counted.
MOST_ITEMS, MOST_COUNTED = 500, 4_000

#: Front units of an ordinary queue among which one for this person is sought first; else it is sought among all.
FRONT = 32

_MINE = render_conditions(moment=Moment.OFFER, level=Level.UNIT)

#: Of a queue of gold `q`: there is other work of its kind and language for this person. Whoever has done all of that, and
#: is given something nonetheless, would know what it is.
_BESIDE = f"""EXISTS (
      SELECT 1 FROM annotate_queue o
      WHERE o.campaign_id = q.campaign_id AND o.kind = q.kind AND o.language = q.language AND NOT o.is_gold
        AND (EXISTS (SELECT 1 FROM (SELECT id FROM annotate_unit WHERE queue_id = o.id AND is_vacant
            ORDER BY band DESC, tie LIMIT {FRONT}) u WHERE {_MINE})
          OR EXISTS (SELECT 1 FROM annotate_unit u WHERE u.queue_id = o.id AND u.is_vacant
            AND u.id NOT IN (SELECT past.unit_id FROM annotate_assignment past
                             WHERE past.annotator_id = %(me)s AND past.state NOT IN ('expired', 'released'))
            AND u.id NOT IN (SELECT mine.unit_id FROM annotate_exclusion mine WHERE mine.annotator_id = %(me)s))))"""

_PICK = f"""
{{past}}  SELECT u.id, u.band, u.tie FROM (
    SELECT q.id FROM annotate_queue q
    WHERE q.campaign_id = %(campaign)s AND q.is_gold AND {render_conditions(moment=Moment.OFFER, level=Level.QUEUE)}
      AND {_BESIDE}) queues
  CROSS JOIN LATERAL (
    SELECT id, band, tie, kind, subject_id FROM annotate_unit WHERE queue_id = queues.id AND is_vacant
    ORDER BY band DESC, tie LIMIT {MOST_ITEMS}) u
  JOIN annotate_golditem gi ON gi.unit_id = u.id AND gi.retired_at IS NULL{{joins}}
  WHERE {_MINE}
    AND (SELECT met.id FROM annotate_unit o JOIN annotate_assignment met ON met.unit_id = o.id AND met.annotator_id = %(me)s
         WHERE o.subject_id = u.subject_id AND o.id <> u.id AND (o.kind = 'label') = (u.kind = 'label') LIMIT 1) IS NULL
    AND NOT EXISTS (SELECT 1 FROM annotate_annotator me JOIN annotate_user known ON known.id = me.user_id
      LEFT JOIN annotate_membership mb ON mb.user_id = known.id AND mb.campaign_id = %(campaign)s
      WHERE me.id = %(me)s AND (known.is_superuser OR mb.role IN ('organizer', 'moderator')))
  ORDER BY {{order}} LIMIT %(gold_wide)s"""

GOLD_PICK = _PICK.format(past="", joins="", order="hashint8extended(u.id, %(me)s)")

#: As `tasks.scheduling.matching` draws among ordinary work, with a person's dice that stay the same: what they have had
#: enough of in a row comes last, then by worth and Gumbel's trick. A sub-select that names no row of its own is run once.
GOLD_MATCHED_PICK = _PICK.format(
    past=f"""
WITH past AS MATERIALIZED (
    SELECT j.kind, jp.cell_id AS about, row_number() OVER (ORDER BY j.created_at DESC) AS place FROM (
      SELECT kind, unit_id, created_at FROM annotate_judgment
      WHERE annotator_id = %(me)s AND is_current ORDER BY created_at DESC LIMIT {LAST}) j
    JOIN annotate_unit ju ON ju.id = j.unit_id LEFT JOIN annotate_message jm ON jm.id = ju.subject_id
    LEFT JOIN annotate_promptplace jp ON jp.tree_id = jm.tree_id)
""",
    joins=f"""
  LEFT JOIN annotate_message gm ON gm.id = u.subject_id LEFT JOIN annotate_promptplace gp ON gp.tree_id = gm.tree_id
  LEFT JOIN annotate_interest gl ON gl.topic_id = gp.topic_id AND gl.annotator_id = %(me)s
  CROSS JOIN LATERAL (
    SELECT count(*) AS times, count(*) FILTER (WHERE past.place <= {LONGEST_RUN}) = {LONGEST_RUN} AS is_enough FROM past
    WHERE past.kind = u.kind AND past.about IS NOT DISTINCT FROM gp.cell_id) had""",
    order=f"""had.is_enough, CASE WHEN gl.likes THEN {LIKED} WHEN NOT gl.likes THEN -{LIKED} ELSE 0 END
    - {ALIKE} * had.times / {LAST}
    - ln(-ln(((hashint8extended(u.id, %(me)s) & {2**52 - 1}) + 0.5::float8) / {2**52})) DESC""",
)

# Whoever has given thousands is past training anywhere, so that the look back is bounded.
_COUNT = f"""
SELECT count(*) AS looked, count(*) FILTER (WHERE q.campaign_id = %(campaign)s) AS judgments
FROM (SELECT j.unit_id FROM annotate_judgment j WHERE j.annotator_id = %(me)s AND j.is_current
  ORDER BY j.created_at DESC LIMIT {MOST_COUNTED}) j
JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id"""

#: The reason that is told is one of ordinary work of the same kind at this moment, of the same cell where there is some.
_LOOK_ALIKE = """
WITH alike AS (
  SELECT d.reason_code, d.reason_args FROM annotate_unit u
  JOIN annotate_unitdetail mine ON mine.unit_id = u.id JOIN annotate_queue g ON g.id = u.queue_id
  JOIN annotate_queue q ON q.campaign_id = g.campaign_id AND q.kind = g.kind AND q.language = g.language AND NOT q.is_gold
  CROSS JOIN LATERAL (
    SELECT f.id, f.band, f.tie FROM annotate_unit f WHERE f.queue_id = q.id AND f.is_vacant
    ORDER BY f.band DESC, f.tie LIMIT 32) front
  JOIN annotate_unitdetail d ON d.unit_id = front.id
  WHERE u.id = %(unit)s ORDER BY d.stratum_id = mine.stratum_id DESC, front.band DESC, front.tie LIMIT 1),
told AS (
  UPDATE annotate_unitdetail d SET reason_code = alike.reason_code, reason_args = alike.reason_args FROM alike
  WHERE d.unit_id = %(unit)s AND (d.reason_code, d.reason_args) IS DISTINCT FROM (alike.reason_code, alike.reason_args))
UPDATE annotate_assignment s SET reason_code = alike.reason_code FROM alike WHERE s.id = %(assignment)s"""


def toss_for_gold(*, annotator_id: int, campaign_id: int, settings: CampaignSettings, rng: random.Random) -> bool:
    """Whether this person is asked about gold now, if there is some for them. No statement where a campaign has none."""
    if not settings.gold_share and not settings.training_judgments:
        return False
    judgments = 0
    if settings.training_judgments:
        row = fetch_row(_COUNT, {"me": annotator_id, "campaign": campaign_id})
        judgments = settings.training_judgments if row["looked"] == MOST_COUNTED else row["judgments"]
    share = share_of_gold(judgments=judgments, training=settings.training_judgments, share=settings.gold_share)
    return rng.random() < share


def look_alike(claimed: Row) -> None:
    """A gold item that was just claimed is wanted for the reason for which other work is wanted."""
    run(_LOOK_ALIKE, {"unit": claimed["unit"], "assignment": claimed["assignment"]})
