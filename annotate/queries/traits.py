"""What a claim knows of people in a campaign, as the job that writes it reads it and as a claim does."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotate.queries.rows import fetch_all

#: As many characters as a group's name has room for.
MOST_GROUP_CHARS = 40
#: How the name of a group begins that people are in by what they say of themselves.
SAID = "said "

#: Of an annotator `a` in a campaign `c`, as text of JSON; null while nothing is known.
TRAITS = """(SELECT json_build_array(tr.sharpness, tr."group", tr.judgments) FROM annotate_annotatortraits tr
    WHERE tr.campaign_id = c.id AND tr.annotator_id = a.id)::text"""

#: Whoever has judged something that stands, gold included, and whoever said what they would rather be asked about. What a
#: guest did before they became an account counts as that account's. The opinion group comes before what somebody says of
#: themselves, and that before the languages that they work in: the nearer to what they think, the better.
_PEOPLE = """
WITH given AS (
  SELECT COALESCE(a.merged_into_id, a.id) AS annotator, count(*) AS judgments
  FROM annotate_judgment j JOIN annotate_annotator a ON a.id = j.annotator_id
  JOIN annotate_unit u ON u.id = j.unit_id JOIN annotate_queue q ON q.id = u.queue_id
  WHERE q.campaign_id = %(campaign)s AND j.is_current AND j.withdrawn_at IS NULL GROUP BY 1),
wishing AS (
  SELECT DISTINCT COALESCE(a.merged_into_id, a.id) AS annotator
  FROM annotate_topic t JOIN annotate_interest i ON i.topic_id = t.id JOIN annotate_annotator a ON a.id = i.annotator_id
  WHERE t.campaign_id = %(campaign)s),
newest AS (
  SELECT s.id FROM annotate_reliabilitysnapshot s WHERE s.campaign_id = %(campaign)s ORDER BY s.version DESC LIMIT 1)
SELECT COALESCE(given.annotator, wishing.annotator) AS annotator, COALESCE(given.judgments, 0)::int AS judgments,
  COALESCE(r.sharpness, 1.0) AS sharpness, o."group" AS opinion,
  (SELECT array_agg(d.question || ' ' || d.answer ORDER BY d.question) FROM annotate_selfdescription d
   WHERE d.annotator_id = COALESCE(given.annotator, wishing.annotator)) AS described,
  (SELECT array_agg(k.language ORDER BY k.language) FROM annotate_languageskill k
   WHERE k.annotator_id = COALESCE(given.annotator, wishing.annotator) AND k.language = ANY(c.languages)) AS languages
FROM given FULL JOIN wishing ON wishing.annotator = given.annotator
JOIN annotate_campaign c ON c.id = %(campaign)s
LEFT JOIN newest ON true
LEFT JOIN annotate_annotatorreliability r ON r.snapshot_id = newest.id
  AND r.annotator_id = COALESCE(given.annotator, wishing.annotator)
LEFT JOIN annotate_opinionmember o ON o.campaign_id = %(campaign)s
  AND o.annotator_id = COALESCE(given.annotator, wishing.annotator)
ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class PersonTraits:
    """One row of what claims read, as it should be now."""

    annotator: int
    sharpness: float
    opinion: int | None
    group: str
    judgments: int


def measure_traits(*, campaign_id: int) -> list[PersonTraits]:
    """The traits of everybody of whom there is something to know in a campaign."""
    return [
        PersonTraits(
            annotator=row["annotator"],
            sharpness=row["sharpness"],
            opinion=row["opinion"],
            group=name_group(opinion=row["opinion"], described=row["described"], languages=row["languages"]),
            judgments=row["judgments"],
        )
        for row in fetch_all(_PEOPLE, {"campaign": campaign_id})
    ]


def name_group(*, opinion: int | None, described: Sequence[str] | None, languages: Sequence[str] | None) -> str:
    """The group of people that somebody counts among, as a short text that is shown to nobody; "" where nothing is known."""
    if opinion is not None:
        return f"opinion {opinion}"
    if described:
        return f"{SAID}{described[0]}"[:MOST_GROUP_CHARS]
    return f"speaks {' '.join(languages)}"[:MOST_GROUP_CHARS] if languages else ""
