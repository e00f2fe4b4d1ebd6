"""The ballots of a campaign with how they came to be: what signs of manipulation are read from.

Without those of gold items, like everything that `queries.judgments` reads.
"""

from annotate.queries import positions
from annotate.queries.judgments import KnownBallot, iterate_ballots
from annotate.queries.rows import Row, fetch_all
from tasks.records.manipulation import ObservedBallot

#: Rows that one statement reads.
ROWS_AT_ONCE = 5000
#: About how many characters a word has, with the space after it, where it is not as in most languages.
LETTERS_A_WORD = {"zh": 1.7, "yue": 1.7, "ja": 2.2, "ko": 3.5, "th": 4.5, "lo": 4.5, "km": 4.5, "my": 4.5}
USUAL_LETTERS = 6.0

_MOMENTS = """
SELECT j.id, j.active_seconds AS seconds, extract(epoch FROM j.created_at)::float8 AS created_at
FROM annotate_judgment j WHERE j.id = ANY(%(ids)s::bigint[])"""

_LENGTHS = "SELECT m.id, length(m.text) AS letters FROM annotate_message m WHERE m.id = ANY(%(ids)s::bigint[])"


def load_observed(*, campaign_id: int) -> list[ObservedBallot]:
    """Every ranking that stands in a campaign, in short statements."""
    known = list(iterate_ballots(campaign_id=campaign_id))
    moments = _fetch(_MOMENTS, {each.judgment for each in known})
    texts = {message for each in known for message in (each.ballot.parent, *each.ballot.shown)}
    letters = {number: row["letters"] for number, row in _fetch(_LENGTHS, texts).items()}
    return [_observe(each, moments[each.judgment], letters) for each in known if each.judgment in moments]


def read_position(*, campaign_id: int, method_version: str) -> int:
    """A number that is another one when ballots or the method have changed; never 0."""
    return positions.read_position(campaign_id=campaign_id, said=[method_version])


def _observe(known: KnownBallot, moment: Row, letters: dict[int, int]) -> ObservedBallot:
    to_read = sum(letters.get(message, 0) for message in (known.ballot.parent, *known.ballot.shown))
    return ObservedBallot(
        ballot=known.ballot,
        judgment=known.judgment,
        created_at=moment["created_at"],
        seconds=moment["seconds"],
        words=to_read / LETTERS_A_WORD.get(known.language.split("-")[0], USUAL_LETTERS),
        pace_group=known.language,
        # What was imported was not submitted at its time, nor on our pages.
        order_known=known.order_known,
    )


def _fetch(sql: str, wanted: set[int]) -> dict[int, Row]:
    ids, found = sorted(wanted), {}
    for start in range(0, len(ids), ROWS_AT_ONCE):
        found.update({row["id"]: row for row in fetch_all(sql, {"ids": ids[start : start + ROWS_AT_ONCE]})})
    return found
