"""What a leaderboard is computed from beside its ballots, and how it is read. Origins are for those who may know them."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from annotate.models import Generator, Leaderboard, Stratum
from annotate.queries.rows import fetch_all, fetch_one

#: Texts read by one statement.
TEXTS_AT_ONCE = 2000
#: What the page of a campaign shows of a leaderboard; the page of results has all.
SHORT = 10

_TEXTS = "SELECT id, text FROM annotate_message WHERE id = ANY(%(messages)s::bigint[]) ORDER BY id"

#: Of ten thousand generators the whole result has megabytes; the page of the campaign renews itself, and shows the first.
_SHORT = """
SELECT computed_at, result - 'standings' - 'p_above' - 'not_compared' AS rest,
  jsonb_path_query_array(result, '$.standings[0 to 9]') AS standings, jsonb_array_length(result->'standings') AS compared,
  jsonb_array_length(result->'not_compared') AS not_compared
FROM annotate_leaderboard WHERE campaign_id = %(campaign)s"""


def list_topics(*, campaign_id: int) -> dict[int, str]:
    """The topic of each stratum of a campaign; empty where it is any topic."""
    return dict(Stratum.objects.filter(campaign_id=campaign_id).values_list("pk", "topic"))


def iterate_texts(*, message_ids: Collection[int]) -> Iterator[tuple[int, str]]:
    """The texts of these messages as they read now, by id; a statement for each two thousand."""
    rest = iter(sorted(message_ids))
    while batch := list(islice(rest, TEXTS_AT_ONCE)):
        for row in fetch_all(_TEXTS, {"messages": batch}):
            yield row["id"], row["text"]


def get_short_leaderboard(*, campaign_id: int) -> Mapping[str, Any] | None:
    """The first standings of a campaign, how many there are, and what is known of all; None before it was computed."""
    row = fetch_one(_SHORT, {"campaign": campaign_id})
    if row is None:
        return None
    return {**row.pop("rest"), **row}


def get_slices(*, campaign_id: int) -> dict[str, Any]:
    """What stands beside the leaderboard, as `LeaderboardSlices.as_result`; empty before it was computed."""
    found = Leaderboard.objects.filter(campaign_id=campaign_id).values_list("slices", flat=True).first()
    return {"controlled": None, "language": [], "topic": [], **(found or {})}


def find_generators(*, campaign_id: int, names: Collection[str]) -> dict[str, int]:
    """Which of these names are generators that the campaign or the site has, not labels of imports alone: name → id."""
    found = Generator.objects.exclude(engine="label").filter(name__in=names)
    mine = found.filter(campaign_id=campaign_id) | found.filter(campaign__isnull=True)
    return dict(mine.order_by("-campaign_id").values_list("name", "pk"))
