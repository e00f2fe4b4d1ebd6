"""Numbers that tell a job whether anything that it read last time has changed since."""

from collections.abc import Iterable
from hashlib import sha256

from annotate.queries.rows import fetch_one

#: Goes up with every change of a ballot: consensus comes first, and marks the campaign.
_MARKED = "SELECT marked FROM annotate_stale WHERE kind = 'campaign' AND subject_id = %(campaign)s"


def read_position(*, campaign_id: int, said: Iterable[str]) -> int:
    """A number that is another one when ballots of the campaign have changed, or what is `said` beside; never 0."""
    row = fetch_one(_MARKED, {"campaign": campaign_id})
    text = "\n".join([str(row["marked"] if row else 0), *said])
    return 1 + int.from_bytes(sha256(text.encode()).digest()[:7], "big")
