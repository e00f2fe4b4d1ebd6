"""Topics, and people who say something of themselves, for tests."""

from datetime import datetime

from annotate.models import Campaign, Topic
from annotate.queries.rows import run


def make_topic(campaign: Campaign, number: int, *, name: str = "", retired_at: datetime | None = None) -> int:
    """A topic with a centroid that nobody looks at; returns its id."""
    run(
        """INSERT INTO annotate_topic (campaign_id, number, name, terms, embedder, centroid, retired_at)
           VALUES (%(campaign)s, %(number)s, %(name)s, '{bird,song}', 'hashing', '[1,0]', %(retired)s)""",
        {"campaign": campaign.pk, "number": number, "name": name or f"Topic {number}", "retired": retired_at},
    )
    return Topic.objects.get(campaign=campaign, number=number).pk
