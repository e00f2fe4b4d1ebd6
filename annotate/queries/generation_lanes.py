"""The queue of generation requests as lanes: one for each generator and campaign, looked at from its front.

A statement here costs some looks into an index for each lane, however many requests wait in it: `request_ready` holds
what may be claimed now, `request_suspect` what a worker died over, `request_waiting` what has a moment to wait for. A
campaign that is paused, or does not take the terms of a generator any more, is passed over by its lane, not row by row.
"""

READY = "r.state = 'queued' AND r.not_before IS NULL AND r.losses = 0"
SUSPECT = "r.state = 'queued' AND r.not_before IS NULL AND r.losses > 0"
RIPE = "r.state = 'queued' AND r.not_before IS NOT NULL AND r.not_before <= %(now)s"
#: Campaign `c` takes what generator `g` writes, by the rule of `queries.generator_terms`.
TAKEN = """(cardinality(c.output_terms) = 0 OR g.output_terms = ANY(c.output_terms))
  AND (cardinality(c.model_licences) = 0
    OR EXISTS (SELECT 1 FROM unnest(c.model_licences) AS l (name) WHERE lower(l.name) = lower(g.licence)))"""

_LANES = """
lane (generator, campaign) AS (
  SELECT g.id, (
    SELECT r.campaign_id FROM annotate_generationrequest r
    WHERE r.generator_id = g.id AND {rule} ORDER BY r.campaign_id LIMIT 1)
  FROM unnest(%(generators)s::bigint[]) AS g (id)
  UNION ALL
  SELECT l.generator, (
    SELECT r.campaign_id FROM annotate_generationrequest r
    WHERE r.generator_id = l.generator AND r.campaign_id > l.campaign AND {rule} ORDER BY r.campaign_id LIMIT 1)
  FROM lane l WHERE l.campaign IS NOT NULL)
"""

# At equal urgency campaigns take turns: the first request of each, then the second of each, in another order for each
# claim, so that none waits for ever where there are more of them than a claim takes.
_FRONT = """
WITH RECURSIVE {lanes}
SELECT front.id, front.priority, front.generator FROM (
  SELECT near.id, near.priority, l.generator, md5(l.campaign::text || %(token)s::uuid::text) AS turn,
    row_number() OVER (PARTITION BY l.campaign, near.priority ORDER BY near.id) AS place
  FROM lane l
  JOIN annotate_campaign c ON c.id = l.campaign AND c.state = ANY(%(generating)s::text[])
  JOIN annotate_generator g ON g.id = l.generator AND {taken}
  CROSS JOIN LATERAL (
    SELECT r.id, r.priority FROM annotate_generationrequest r
    WHERE r.generator_id = l.generator AND r.campaign_id = l.campaign AND {rule}
    ORDER BY r.priority DESC, r.id LIMIT %(limit)s) near) front
ORDER BY front.priority DESC, front.place, front.turn, front.id LIMIT %(limit)s"""


def write_front(rule: str) -> str:
    """SQL for what is at the front of the lanes of `generators` (ids), at most `limit` in all, the most urgent first.

    At equal priority each campaign has as many as another, and its own oldest come first. `rule` is READY or SUSPECT;
    `generating`: the states of campaigns that are looked at; `token`: the claim's, whose hash says who begins.
    """
    return _FRONT.format(lanes=_LANES.format(rule=rule), rule=rule, taken=TAKEN)


FRONT_READY = write_front(READY)
FRONT_SUSPECTS = write_front(SUSPECT)
