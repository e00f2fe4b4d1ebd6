"""What must be true of the rows, as SQL that finds those for which it is not. Looks, and repairs nothing.

Counters are compared by ranges of units, each in one short statement of its own snapshot. Running work is never seen
half done, but a row may have changed between two statements: whatever is found is looked at again before it is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from annotate.queries.rows import fetch_all, fetch_one

UNITS_AT_ONCE = 50_000
#: Findings told of one check; all are counted.
MOST_TOLD = 20

#: By name: the ids of units in a range for which it is not true.
OF_UNITS: Mapping[str, str] = {
    "held_is_the_number_of_live_assignments": """
SELECT u.id FROM annotate_unit u LEFT JOIN (
  SELECT s.unit_id, count(*) AS n FROM annotate_assignment s
  WHERE s.state = 'live' AND s.unit_id BETWEEN %(first)s AND %(last)s GROUP BY 1) a ON a.unit_id = u.id
WHERE u.id BETWEEN %(first)s AND %(last)s AND u.held <> COALESCE(a.n, 0) ORDER BY u.id""",
    "done_is_the_number_of_counted_judgments": """
SELECT u.id FROM annotate_unit u LEFT JOIN (
  SELECT j.unit_id, count(*) AS n FROM annotate_judgment j
  WHERE j.is_current AND j.counted AND j.unit_id BETWEEN %(first)s AND %(last)s GROUP BY 1) d ON d.unit_id = u.id
WHERE u.id BETWEEN %(first)s AND %(last)s AND u.done <> COALESCE(d.n, 0) ORDER BY u.id""",
    "surplus_is_the_number_of_judgments_above": """
SELECT u.id FROM annotate_unit u LEFT JOIN (
  SELECT j.unit_id, count(*) AS n FROM annotate_judgment j
  WHERE j.is_current AND NOT j.counted AND j.unit_id BETWEEN %(first)s AND %(last)s GROUP BY 1) d ON d.unit_id = u.id
WHERE u.id BETWEEN %(first)s AND %(last)s AND u.surplus <> COALESCE(d.n, 0) ORDER BY u.id""",
    "a_current_judgment_has_a_submitted_assignment": """
SELECT j.id FROM annotate_judgment j JOIN annotate_assignment s ON s.id = j.assignment_id
WHERE j.unit_id BETWEEN %(first)s AND %(last)s AND j.is_current AND s.state <> 'submitted' ORDER BY j.id""",
    "a_submitted_assignment_has_a_current_judgment": """
SELECT s.id FROM annotate_assignment s
WHERE s.unit_id BETWEEN %(first)s AND %(last)s AND s.state = 'submitted'
  AND NOT EXISTS (SELECT 1 FROM annotate_judgment j WHERE j.assignment_id = s.id AND j.is_current) ORDER BY s.id""",
    "a_judgment_belongs_to_whoever_held_the_work": """
SELECT j.id FROM annotate_judgment j JOIN annotate_assignment s ON s.id = j.assignment_id
WHERE j.unit_id BETWEEN %(first)s AND %(last)s AND j.is_current
  AND (s.annotator_id <> j.annotator_id OR s.unit_id <> j.unit_id) ORDER BY j.id""",
    "a_tree_that_ended_has_no_open_unit": """
SELECT u.id FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id JOIN annotate_messagetree t ON t.id = m.tree_id
WHERE u.id BETWEEN %(first)s AND %(last)s AND u.is_open AND t.state IN ('done', 'low_grade', 'halted', 'retired') ORDER BY u.id""",
    "an_open_unit_is_about_something_that_stands": """
SELECT u.id FROM annotate_unit u JOIN annotate_message m ON m.id = u.subject_id
WHERE u.id BETWEEN %(first)s AND %(last)s AND u.is_open AND (m.removed_at IS NOT NULL OR m.withdrawn_at IS NOT NULL)
ORDER BY u.id""",
}

#: By name: ids over whole tables that an index answers for.
OF_ALL: Mapping[str, str] = {
    "a_generated_text_has_a_request_that_is_done": """
SELECT o.id FROM annotate_messageorigin o JOIN annotate_generationrequest r ON r.id = o.request_id
WHERE r.state <> 'done' ORDER BY o.id""",
    "a_request_that_is_done_has_its_text": """
SELECT r.id FROM annotate_generationrequest r WHERE r.state = 'done' AND NOT EXISTS (
  SELECT 1 FROM annotate_messageorigin o WHERE o.request_id = r.id) ORDER BY r.id""",
    "a_request_that_ended_says_when": """
SELECT r.id FROM annotate_generationrequest r
WHERE (r.finished_at IS NULL) <> (r.state IN ('queued', 'running')) ORDER BY r.id""",
    "a_request_is_of_its_parents_campaign": """
SELECT r.id FROM annotate_generationrequest r
JOIN annotate_message p ON p.id = r.parent_id JOIN annotate_messagetree t ON t.id = p.tree_id
WHERE t.campaign_id <> r.campaign_id ORDER BY r.id""",
    # Told is the campaign.
    "a_pairing_counts_the_prompts_that_asked_both": """
WITH asked AS MATERIALIZED (
  SELECT DISTINCT t.campaign_id, t.stratum_id, r.parent_id, r.generator_id FROM annotate_generationrequest r
  JOIN annotate_message m ON m.id = r.parent_id JOIN annotate_messagetree t ON t.id = m.tree_id
  WHERE NOT r.is_for_variety),
counted AS (
  SELECT a.campaign_id, a.stratum_id, a.generator_id AS first_id, b.generator_id AS second_id, count(*) AS prompts
  FROM asked a JOIN asked b ON b.parent_id = a.parent_id AND b.generator_id >= a.generator_id
  GROUP BY GROUPING SETS (
    (a.campaign_id, a.stratum_id, a.generator_id, b.generator_id), (a.campaign_id, a.generator_id, b.generator_id)))
SELECT DISTINCT COALESCE(c.campaign_id, p.campaign_id) AS id
FROM counted c FULL JOIN annotate_generatorpairing p ON p.campaign_id = c.campaign_id AND p.first_id = c.first_id
  AND p.second_id = c.second_id AND COALESCE(p.stratum_id, 0) = COALESCE(c.stratum_id, 0)
WHERE COALESCE(p.prompts, 0) <> COALESCE(c.prompts, 0) ORDER BY id""",
    "a_message_points_to_its_own_consensus": """
SELECT m.id FROM annotate_message m JOIN annotate_consensus c ON c.id = m.current_consensus_id
WHERE c.parent_id <> m.id ORDER BY m.id""",
    # As the last check of each campaign found; nothing is computed here.
    "a_consensus_comes_out_as_it_is_stored": """
SELECT parent AS id FROM annotate_consensuscheck, unnest(parents) AS parent ORDER BY parent""",
    # Told is the campaign.
    "reliability_comes_out_as_it_is_stored": """
SELECT campaign_id AS id FROM annotate_consensuscheck WHERE NOT reliability ORDER BY campaign_id""",
    "a_gold_item_is_in_a_queue_of_gold": """
SELECT COALESCE(gi.unit_id, u.id) AS id FROM annotate_golditem gi
FULL JOIN (SELECT v.id FROM annotate_queue q JOIN annotate_unit v ON v.queue_id = q.id WHERE q.is_gold) u ON u.id = gi.unit_id
WHERE gi.unit_id IS NULL OR u.id IS NULL ORDER BY 1""",
    "a_retired_gold_item_is_not_offered": """
SELECT u.id FROM annotate_golditem gi JOIN annotate_unit u ON u.id = gi.unit_id
WHERE gi.retired_at IS NOT NULL AND u.is_open ORDER BY u.id""",
    "what_gold_was_made_of_asks_for_no_ordinary_work": """
SELECT o.id FROM annotate_golditem gi JOIN annotate_unit u ON u.id = gi.unit_id
JOIN annotate_unit o ON o.subject_id = u.subject_id AND o.id <> u.id AND o.is_open
  AND (o.kind = 'label') = (u.kind = 'label') ORDER BY o.id""",
    "a_gold_result_is_of_a_judgment_of_its_item": """
SELECT r.judgment_id AS id FROM annotate_goldresult r JOIN annotate_judgment j ON j.id = r.judgment_id
WHERE j.unit_id <> r.item_id ORDER BY 1""",
    "a_withdrawn_judgment_has_its_tombstone": """
SELECT j.id FROM annotate_judgment j WHERE j.withdrawn_at IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM annotate_tombstone t WHERE t.kind = 'judgment' AND t.object_id = j.id) ORDER BY j.id""",
    "a_growing_tree_asks_for_work_or_will_be_decided": """
SELECT t.id FROM annotate_messagetree t JOIN annotate_campaign c ON c.id = t.campaign_id
WHERE t.state IN ('prompt_review', 'growing', 'ranking') AND coalesce((c.parameters->>'grow_trees')::boolean, false)
  AND NOT EXISTS (SELECT 1 FROM annotate_message m JOIN annotate_unit u ON u.subject_id = m.id
    WHERE m.tree_id = t.id AND u.is_open AND u.needed > u.done)
  AND NOT EXISTS (SELECT 1 FROM annotate_stale s WHERE s.kind = 'tree' AND s.subject_id = t.id AND s.marked > s.computed)
ORDER BY t.id""",
    "a_sealed_release_has_files": """
SELECT r.id FROM annotate_release r WHERE r.state IN ('sealed', 'published', 'withdrawn')
  AND NOT EXISTS (SELECT 1 FROM annotate_releasefile f WHERE f.release_id = r.id) ORDER BY r.id""",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold: its name, the ids of some rows that break it, and how many there are."""

    rule: str
    ids: tuple[int, ...]
    count: int

    def __str__(self) -> str:
        more = "" if self.count == len(self.ids) else f" and {self.count - len(self.ids)} more"
        return f"{self.rule}: not so for {', '.join(map(str, self.ids))}{more}"


def find_broken_rules() -> list[Finding]:
    """Every rule that does not hold; empty when all is well."""
    bounds = fetch_one("SELECT COALESCE(min(id), 1) AS first, COALESCE(max(id), 0) AS last FROM annotate_unit", {})
    assert bounds is not None
    starts = range(bounds["first"], bounds["last"] + 1, UNITS_AT_ONCE)
    broken: dict[str, list[int]] = {}
    for rule, sql in OF_UNITS.items():
        for first in starts:
            broken.setdefault(rule, []).extend(_find_twice(sql, {"first": first, "last": first + UNITS_AT_ONCE - 1}))
    for rule, sql in OF_ALL.items():
        broken[rule] = _find_twice(sql, {})
    return [Finding(rule, tuple(ids[:MOST_TOLD]), len(ids)) for rule, ids in broken.items() if ids]


def _find_twice(sql: str, params: Mapping[str, int]) -> list[int]:
    """What one look finds and another one finds again."""
    found = [row["id"] for row in fetch_all(sql, params)]
    if not found:
        return []
    again = {row["id"] for row in fetch_all(sql, params)}
    return [one for one in found if one in again]
