"""Where reviewers of a message disagree, another one is asked in the transaction of the judgment that disagrees."""

import json

from annotate.queries.rows import fetch_one, run
from annotate.queries.tree_facts import OBJECTS_FROM, SPAM, WRONG_LANGUAGE, decides_by_choice, make_rules
from tasks.records.parameters import CampaignSettings
from tasks.records.trees import Verdict
from tasks.scheduling.trees import count_reviews_wanted, maximum_reviews, minimum_reviews
from tasks.vocabulary import ReasonCode

#: The unit is locked by the submit that asks.
_REVIEWS = """
SELECT u.needed, u.done, u.held, m.author_id AS author,
  (SELECT s.reviewers FROM annotate_languagesupply s WHERE s.campaign_id = q.campaign_id AND s.language = q.language) AS reviewers,
  (SELECT json_agg(json_build_array(j.annotator_id, l.spam, l.wrong_language, s.reason_code = %(chosen)s) ORDER BY j.id)
   FROM annotate_judgment j JOIN annotate_assignment s ON s.id = j.assignment_id CROSS JOIN LATERAL (
     SELECT bool_or(l.value >= %(objects)s) FILTER (WHERE d.name = %(spam)s) AS spam,
       bool_or(l.value >= %(objects)s) FILTER (WHERE d.name = %(wrong_language)s) AS wrong_language
     FROM annotate_label l JOIN annotate_labeldimension d ON d.id = l.dimension_id
     WHERE l.judgment_id = j.id AND l.answer = 'given') l
   WHERE j.unit_id = u.id AND j.is_current)::text AS verdicts
FROM annotate_unit u JOIN annotate_queue q ON q.id = u.queue_id JOIN annotate_message m ON m.id = u.subject_id
WHERE u.id = %(unit)s"""

_RAISE = "UPDATE annotate_unit SET needed = %(needed)s WHERE id = %(unit)s AND needed < %(needed)s"


def ask_more_reviews(*, unit_id: int, settings: CampaignSettings) -> None:
    """Raise what a full unit needs, where those who reviewed its message disagree and more may be asked.

    So the unit never leaves the pool to come back later. The tree's own decision follows, by the same rule.
    """
    words = {"spam": SPAM, "wrong_language": WRONG_LANGUAGE, "objects": OBJECTS_FROM, "chosen": ReasonCode.OWN_CHOICE}
    row = fetch_one(_REVIEWS, {"unit": unit_id, **words})
    if row is None:
        return
    rules = make_rules(settings=settings, kinds=(), reviewed_roles=(), reviewers=row["reviewers"])
    given = json.loads(row["verdicts"] or "[]")
    verdicts = [Verdict(*values) for *values, is_chosen in given if decides_by_choice(rules) or not is_chosen]
    verdicts = [verdict for verdict in verdicts if verdict.annotator != row["author"]]
    wanted = count_reviews_wanted(
        verdicts,
        needed_minimum=minimum_reviews(rules, row["author"]),
        max_reviews=maximum_reviews(rules, row["author"]),
        threshold=rules.acceptance_threshold,
    )
    needed = row["done"] + max(row["held"], wanted - len(verdicts))
    if needed > row["needed"]:
        run(_RAISE, {"unit": unit_id, "needed": needed})
