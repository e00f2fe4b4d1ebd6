"""Which of the units that a claim looks at somebody is given: matched to them, or drawn by lot from all there are.

Matched (`match_people`): one statement more reads the front that the claim would have picked from, with what a match is made
of (`tasks.scheduling.matching`); the claim then locks one of those, in the order that was drawn. That is so for everybody of
whom the campaign has traits, whatever they are: from neither pages nor time can one tell how one is rated.

By lot (`random_share`): ties are drawn evenly when units are made, so that of all that somebody may do, the first one whose
tie follows a number drawn now is as good as drawn evenly: one descent of the index for each band of each queue, no scan.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from annotate.queries.rows import Row, fetch_all
from annotate.services.claim_statements import PROBE
from tasks.scheduling.matching import LAST, Choice, Traits, draw_order

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of the front of each queue, how many rows are looked at, and how many a match is made among. They stand in the statement as
#: numbers: of parameters the planner would not know that the front is small.
DEPTH, NEAR, WIDE = 32, 16, 16
#: Judgments of a unit whose groups are read; the highest tie that units have.
MOST_MET, HIGHEST_TIE = 16, 2_147_483_647

_PROBE = PROBE.replace("%(depth)s", str(DEPTH)).replace("%(near)s", str(NEAR)).replace("%(wide)s", str(WIDE))

#: What the match is made of; the scheduler's `certainty` is what it expects of one more judgment. A sub-select that names nothing of its row is run once, for all of them.
FRONT = f"""
WITH near AS MATERIALIZED ({_PROBE})
SELECT near.id AS unit, near.band, u.kind, u.needed, u.done, u.held, c.uncertainty,
  CASE WHEN c.id IS NOT NULL THEN (d.terms->>'certainty')::float8 END AS gain,
  p.cell_id AS about, i.likes,
  ARRAY(SELECT t."group" FROM (SELECT s.annotator_id FROM annotate_assignment s
      WHERE s.unit_id = near.id AND s.state IN ('live', 'submitted') LIMIT {MOST_MET}) met
    JOIN annotate_annotatortraits t ON t.campaign_id = %(campaign)s AND t.annotator_id = met.annotator_id) AS groups,
  (SELECT json_agg(json_build_array(j.kind, jp.cell_id) ORDER BY j.created_at DESC) FROM (
      SELECT kind, unit_id, created_at FROM annotate_judgment
      WHERE annotator_id = %(me)s AND is_current ORDER BY created_at DESC LIMIT {LAST}) j
    JOIN annotate_unit ju ON ju.id = j.unit_id LEFT JOIN annotate_message jm ON jm.id = ju.subject_id
    LEFT JOIN annotate_promptplace jp ON jp.tree_id = jm.tree_id)::text AS past
FROM near JOIN annotate_unit u ON u.id = near.id JOIN annotate_unitdetail d ON d.unit_id = near.id
LEFT JOIN annotate_message m ON m.id = u.subject_id
LEFT JOIN annotate_consensus c ON c.id = m.current_consensus_id
LEFT JOIN annotate_promptplace p ON p.tree_id = m.tree_id
LEFT JOIN annotate_interest i ON i.topic_id = p.topic_id AND i.annotator_id = %(me)s"""


def read_traits(row: Row) -> Traits | None:
    """What the campaign knows of the person whose row was locked; None: nothing yet."""
    if row["traits"] is None:
        return None
    sharpness, group, judgments = json.loads(row["traits"])
    return Traits(sharpness=sharpness, group=group, judgments=judgments)


def draw_units(*, traits: Traits, params: Mapping[str, object], rng: random.Random) -> list[int]:
    """The units at the front, in the order in which this person is to be given one. One statement."""
    rows = fetch_all(FRONT, params)
    past = [(kind, about) for kind, about in json.loads(rows[0]["past"] or "[]")] if rows else []
    choices = [
        Choice(
            unit=row["unit"],
            kind=row["kind"],
            band=row["band"],
            needed=row["needed"],
            done=row["done"],
            held=row["held"],
            uncertainty=row["uncertainty"],
            gain=row["gain"],
            groups=tuple(row["groups"]),
            about=row["about"],
            likes=row["likes"],
        )
        for row in rows
    ]
    return draw_order(traits, choices, past=past, rng=rng)


def draw_tie(rng: random.Random) -> int:
    """Where in the circle of ties the unit is that is drawn by lot."""
    return rng.randrange(HIGHEST_TIE)
