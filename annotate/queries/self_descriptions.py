"""What people said of themselves: to themselves, and to the job that looks at many of them together."""

from collections import defaultdict
from typing import Any

from annotate.models import Campaign, Interest, SelfDescription, Topic
from annotate.queries.rows import fetch_all
from tasks.vocabulary import SelfQuestion

#: Of those with a current ballot in the campaign; whoever merged into an account counts as that account.
_OF_CAMPAIGN = """
SELECT d.annotator_id AS annotator, d.question, d.answer FROM annotate_selfdescription d
WHERE EXISTS (
  SELECT 1 FROM annotate_judgment j JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id
  WHERE j.annotator_id = d.annotator_id AND j.is_current AND q.campaign_id = %(campaign)s)
ORDER BY d.question, d.annotator_id"""


def list_own_answers(*, annotator_id: int) -> dict[str, str]:
    """Question → answer, in the order of the questions."""
    said = dict(SelfDescription.objects.filter(annotator_id=annotator_id).values_list("question", "answer"))
    return {question.value: said[question] for question in SelfQuestion if question in said}


def list_topics_to_like(*, annotator_id: int, campaign: Campaign) -> list[dict[str, Any]]:
    """The campaign's topics with `number`, `name`, `terms`, and `likes`: True, False, or None where nothing was said."""
    liked = dict(
        Interest.objects.filter(annotator_id=annotator_id, topic__campaign=campaign).values_list("topic_id", "likes")
    )
    topics = Topic.objects.filter(campaign=campaign, retired_at=None, merged_into=None).order_by("number")
    return [
        {"number": topic.number, "name": topic.name, "terms": topic.terms, "likes": liked.get(topic.pk)}
        for topic in topics.only("pk", "number", "name", "terms")
    ]


def list_topics_of_campaigns(*, annotator_id: int) -> list[dict[str, Any]]:
    """Open campaigns that have topics, `slug` and `title`, those first in which one worked."""
    rows = fetch_all(
        """SELECT c.slug, c.title FROM annotate_campaign c
           WHERE c.state = 'open' AND EXISTS (
             SELECT 1 FROM annotate_topic t WHERE t.campaign_id = c.id AND t.retired_at IS NULL AND t.merged_into_id IS NULL)
           ORDER BY EXISTS (SELECT 1 FROM annotate_annotatortraits a WHERE a.campaign_id = c.id AND a.annotator_id = %(me)s) DESC,
             c.id DESC LIMIT 20""",
        {"me": annotator_id},
    )
    return [dict(row) for row in rows]


def load_answers(*, campaign_id: int) -> dict[str, dict[str, str]]:
    """Question → annotator (as in ballots) → answer, of everybody whose ballots stand in the campaign."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in fetch_all(_OF_CAMPAIGN, {"campaign": campaign_id}):
        found[row["question"]][str(row["annotator"])] = row["answer"]
    return dict(found)
