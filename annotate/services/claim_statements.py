"""The statements by which a claim takes one unit: what is picked to be locked, and what is done with the one that is got."""

from annotate.queries.eligibility import Level, Moment, render_conditions
from annotate.services.gold_claims import GOLD_MATCHED_PICK, GOLD_PICK

#: Bands of each queue of which one unit is drawn by lot.
MOST_BANDS = 64

QUEUES = f"""
(SELECT q.id FROM annotate_queue q
 WHERE q.campaign_id = %(campaign)s AND NOT q.is_gold AND {render_conditions(moment=Moment.OFFER, level=Level.QUEUE)})"""

MINE = render_conditions(moment=Moment.OFFER, level=Level.UNIT)

PROBE = f"""
  SELECT near.id, near.band, near.tie FROM {QUEUES} queues CROSS JOIN LATERAL (
    SELECT u.id, u.band, u.tie FROM (
      SELECT id, band, tie FROM annotate_unit WHERE queue_id = queues.id AND is_vacant
      ORDER BY band DESC, tie LIMIT %(depth)s) u
    WHERE {MINE} LIMIT %(near)s) near
  ORDER BY near.band DESC, near.tie LIMIT %(wide)s"""

# Somebody who works alone keeps the front for themselves, all seen: go on where they were, in the same queue.
BEHIND = f"""
  SELECT near.id, near.band, near.tie FROM {QUEUES} queues CROSS JOIN LATERAL (
    (SELECT u.id, u.band, u.tie FROM (
      SELECT id, band, tie FROM annotate_unit
      WHERE queue_id = queues.id AND is_vacant AND band = %(band)s AND tie > %(tie)s ORDER BY tie LIMIT %(depth)s) u
    WHERE {MINE} LIMIT %(near)s)
    UNION ALL
    (SELECT u.id, u.band, u.tie FROM (
      SELECT id, band, tie FROM annotate_unit
      WHERE queue_id = queues.id AND is_vacant AND band < %(band)s ORDER BY band DESC, tie LIMIT %(depth)s) u
    WHERE {MINE} LIMIT %(near)s)) near
  WHERE queues.id = %(queue)s
  ORDER BY near.band DESC, near.tie LIMIT %(wide)s"""

# The history is a hashed subquery here, not one probe a row: past a thousand seen units it is the faster way.
DEEP = f"""
  SELECT near.id, near.band, near.tie FROM {QUEUES} queues CROSS JOIN LATERAL (
    SELECT u.id, u.band, u.tie FROM annotate_unit u
    WHERE u.queue_id = queues.id AND u.is_vacant
      AND u.id NOT IN (SELECT past.unit_id FROM annotate_assignment past
                       WHERE past.annotator_id = %(me)s AND past.state NOT IN ('expired', 'released'))
      AND u.id NOT IN (SELECT ex.unit_id FROM annotate_exclusion ex WHERE ex.annotator_id = %(me)s)
    ORDER BY u.band DESC, u.tie LIMIT %(near)s) near
  ORDER BY near.band DESC, near.tie LIMIT %(wide)s"""

#: The units that were drawn, in the order in which to try them.
MATCHED = """
  SELECT drawn.id, drawn.place FROM unnest(%(units)s::bigint[]) WITH ORDINALITY AS drawn (id, place)"""

_BAND = """(SELECT u.band FROM annotate_unit u WHERE u.queue_id = {queue} AND u.is_vacant {below}
    ORDER BY u.band DESC, u.tie LIMIT 1)"""

_FOLLOWING = f"""
    (SELECT u.id, u.tie, %(from)s > u.tie AS is_behind FROM (
      SELECT id, tie FROM annotate_unit WHERE queue_id = bands.queue AND is_vacant AND band = bands.band AND tie {{side}} %(from)s
      ORDER BY tie LIMIT %(near)s) u
    WHERE {MINE} LIMIT 2)"""

BY_LOT = f"""
  WITH RECURSIVE bands (queue, band, place) AS (
    SELECT queues.id, {_BAND.format(queue="queues.id", below="")}, 1 FROM {QUEUES} queues
    UNION ALL
    SELECT bands.queue, {_BAND.format(queue="bands.queue", below="AND u.band < bands.band")}, bands.place + 1 FROM bands
    WHERE bands.band IS NOT NULL AND bands.place < {MOST_BANDS})
  SELECT near.id, row_number() OVER (ORDER BY near.is_behind, near.tie) AS place FROM bands CROSS JOIN LATERAL (
    {_FOLLOWING.format(side=">=")} UNION ALL {_FOLLOWING.format(side="<")}) near
  WHERE bands.band IS NOT NULL ORDER BY place LIMIT 4"""

# `= ANY(ARRAY(…))` around the pick: a join could run the locking subquery more than once.
# FOR NO KEY UPDATE, not FOR UPDATE: a pending foreign key holds KEY SHARE, which the stronger lock would skip.
CLAIM = """
WITH pick AS MATERIALIZED ({pick}),
got AS MATERIALIZED (
  SELECT u.id FROM annotate_unit u WHERE u.id = ANY(ARRAY(SELECT id FROM pick)) AND u.is_vacant
  ORDER BY {order} LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED),
hold AS (UPDATE annotate_unit u SET held = held + 1 FROM got WHERE u.id = got.id RETURNING u.id, u.kind, u.subject_id),
put AS (
  INSERT INTO annotate_assignment AS s (unit_id, annotator_id, state, lease_expires_at, lease_grade, reason_code,
    guideline_id, label_schema_id, is_random)
  SELECT hold.id, %(me)s, 'live', %(lease_expires_at)s, %(lease_grade)s, d.reason_code, c.guideline_id, c.label_schema_id,
    {is_random}
  FROM hold JOIN annotate_unitdetail d ON d.unit_id = hold.id JOIN annotate_campaign c ON c.id = %(campaign)s
  ON CONFLICT (annotator_id, unit_id) DO UPDATE
    SET state = 'live', lease_expires_at = excluded.lease_expires_at, lease_grade = excluded.lease_grade, closed_at = NULL,
      is_random = excluded.is_random
    WHERE s.state IN ('expired', 'released')
  RETURNING s.id, s.unit_id)
SELECT (SELECT count(*) FROM pick) AS looked, (SELECT count(*) FROM hold) AS held, put.id AS assignment, put.unit_id AS unit,
  (SELECT kind FROM hold) AS kind, (SELECT subject_id FROM hold) AS subject,
  ARRAY(SELECT ac.message_id FROM annotate_assignmentcandidate ac WHERE ac.assignment_id = put.id AND ac.position >= 0)
    AS frozen,
  ARRAY(SELECT uc.message_id FROM annotate_unitcandidate uc WHERE uc.unit_id = put.unit_id AND uc.removed_at IS NULL
        ORDER BY uc.message_id) AS candidates
FROM (VALUES (1)) one LEFT JOIN put ON true"""

MOST_WANTED = "u.band DESC, u.tie"
AS_DRAWN = "(SELECT pick.place FROM pick WHERE pick.id = u.id)"

CLAIM_NEAR = CLAIM.format(pick=PROBE, order=MOST_WANTED, is_random=False)
CLAIM_BEHIND = CLAIM.format(pick=BEHIND, order=MOST_WANTED, is_random=False)
CLAIM_DEEP = CLAIM.format(pick=DEEP, order=MOST_WANTED, is_random=False)
CLAIM_GOLD = CLAIM.format(pick=GOLD_PICK, order=MOST_WANTED, is_random=False)
CLAIM_GOLD_MATCHED = CLAIM.format(pick=GOLD_MATCHED_PICK, order=MOST_WANTED, is_random=False)
CLAIM_MATCHED = CLAIM.format(pick=MATCHED, order=AS_DRAWN, is_random=False)
CLAIM_BY_LOT = CLAIM.format(pick=BY_LOT, order=AS_DRAWN, is_random=True)
