"""What a leaderboard is computed from beside its ballots, and how it is read. Origins are for those who may know them."""

import json
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from annotate.models import Campaign, Leaderboard, Stratum
from annotate.queries.campaigns import list_site_generators
from annotate.queries.rows import fetch_all, fetch_one
from tasks.records.leaderboard import SliceKind
from tasks.vocabulary import CampaignState

#: Texts read by one statement.
TEXTS_AT_ONCE = 2000
#: What a slice is told of where its standings are not.
OF_A_SLICE = ("name", "n_ballots", "n_annotators", "n_parents", "components", "reason")

_TEXTS = "SELECT id, text FROM annotate_message WHERE id = ANY(%(messages)s::bigint[]) ORDER BY id"

#: Of ten thousand generators the whole result has megabytes; the page of the campaign renews itself, and shows the first.
_SHORT = """
SELECT computed_at, result - 'standings' - 'p_above' - 'not_compared' AS rest,
  jsonb_path_query_array(result, '$.standings[0 to 9]') AS standings,
  jsonb_array_length(result->'standings') AS compared, jsonb_array_length(result->'not_compared') AS not_compared
FROM annotate_leaderboard WHERE campaign_id = %(campaign)s"""

#: What is told before anything was computed.
_NOTHING: Mapping[str, Any] = {
    "computed_at": None, "components": 0, "n_ballots": 0, "n_annotators": 0, "n_parents": 0, "nu": None,
    "resamples": 0, "seed": None, "method": None, "method_version": None, "models": [],
}  # fmt: skip


def shows_leaderboard(campaign: Campaign) -> bool:
    """Whether whoever may see the campaign may see how the generators compare: when it is closed, or where it says so."""
    return campaign.state == CampaignState.CLOSED or bool(campaign.parameters.get("show_leaderboard"))


def list_topics(*, campaign_id: int) -> dict[int, str]:
    """The topic of each stratum of a campaign; empty where it is any topic."""
    return dict(Stratum.objects.filter(campaign_id=campaign_id).values_list("pk", "topic"))


def iterate_texts(*, message_ids: Collection[int]) -> Iterator[tuple[int, str]]:
    """The texts of these messages as they read now, by id; a statement for each two thousand."""
    rest = iter(sorted(message_ids))
    while batch := list(islice(rest, TEXTS_AT_ONCE)):
        for row in fetch_all(_TEXTS, {"messages": batch}):
            yield row["id"], row["text"]


def get_leaderboard(*, campaign_id: int) -> dict[str, Any]:
    """The generators of a campaign compared, and all that stands beside it.

    `entries`: every generator by itself. `p_above[i][j]`: P(entry i is stronger than entry j), of the first hundred.
    `controlled`: with length, place and style held equal; None before it was computed. `slices`: by kind, each as
    `tasks.records.leaderboard.BoardSlice`.
    """
    board = Leaderboard.objects.filter(campaign_id=campaign_id).first()
    if board is None:
        nothing = {"entries": [], "not_compared": [], "p_above": [], "reason": _("nothing was computed yet")}
        return {**_NOTHING, **nothing, "controlled": None, "slices": {kind.value: [] for kind in SliceKind}}
    result = {"models": [], **board.result}
    entries = [{"worst_rank": None, **standing} for standing in result.pop("standings")]
    return {
        "computed_at": board.computed_at,
        "entries": entries,
        **result,
        "controlled": board.slices.get("controlled"),
        "slices": {kind.value: board.slices.get(kind.value, []) for kind in SliceKind},
    }


def get_short_leaderboard(*, campaign_id: int) -> dict[str, Any]:
    """The first ten entries of a campaign, how many were compared and how many not yet; a row of bounded size."""
    row = fetch_one(_SHORT, {"campaign": campaign_id})
    if row is None:
        return {**_NOTHING, "entries": [], "compared": 0, "not_compared": 0}
    rest, standings = (json.loads(row.pop(name)) for name in ("rest", "standings"))
    entries = [{"worst_rank": None, **standing} for standing in standings]
    return {"models": [], **rest, **row, "entries": entries}


def find_slice(board: Mapping[str, Any], kind: SliceKind, name: str) -> Mapping[str, Any] | None:
    """The slice of this name in what `get_leaderboard` returned; None: there is none."""
    slices: list[Mapping[str, Any]] = board["slices"][kind.value]
    return next((one for one in slices if one["name"] == name), None)


def summarize_slice(one: Mapping[str, Any]) -> dict[str, Any]:
    """A slice without its standings."""
    return {name: one[name] for name in OF_A_SLICE}


def find_generators(names: Collection[str]) -> dict[str, int]:
    """Which of these names are generators of the site: name → id."""
    return dict(list_site_generators().filter(name__in=names).values_list("name", "pk"))
