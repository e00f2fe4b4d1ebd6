"""Perspectives of a campaign: what is published of them, and what the next run reads of the last one.

Whatever is published stands in one row, computed so that it says nothing of a group of fewer than ten people; where
single people stand (`OpinionMember`) is read by the job alone.
"""

from collections.abc import Mapping
from typing import Any

from annotate.models import Message, OpinionMember, Perspectives
from annotate.queries import positions
from annotate.queries.reading import start_of
from annotate.queries.rows import fetch_all
from tasks.records import perspectives as records
from tasks.vocabulary import OpinionState

#: Characters of a text that a list shows.
EXCERPT = 180

#: Whoever may not work at present, or of whom a finding was upheld here: their ballots form no groups.
_SET_ASIDE = """
SELECT COALESCE(a.merged_into_id, a.id) AS annotator FROM annotate_annotator a WHERE a.suspended_at IS NOT NULL
UNION
SELECT COALESCE(a.merged_into_id, a.id) FROM annotate_finding f JOIN annotate_annotator a ON a.id = f.annotator_id
WHERE f.campaign_id = %(campaign)s AND f.state = 'upheld'
ORDER BY 1"""


def list_set_aside(*, campaign_id: int) -> list[str]:
    """People whose ballots are left out of the search for groups."""
    return [str(row["annotator"]) for row in fetch_all(_SET_ASIDE, {"campaign": campaign_id})]


def read_position(*, campaign_id: int, set_aside: list[str], method_version: str) -> int:
    """A number that is another one when ballots, whoever is set aside, or the method have changed; never 0."""
    return positions.read_position(campaign_id=campaign_id, said=[method_version, *set_aside])


def load_members(*, campaign_id: int) -> dict[str, records.OpinionMember]:
    """Where people stood when the present perspectives were published."""
    return {
        str(member.annotator_id): records.OpinionMember(
            str(member.annotator_id), member.group, member.x, member.y, bytes(member.votes_hash).hex()
        )
        for member in OpinionMember.objects.filter(campaign_id=campaign_id)
    }


def find_published(*, campaign_id: int) -> Perspectives | None:
    """The row, if anything was published."""
    return Perspectives.objects.filter(campaign_id=campaign_id).first()


def get_perspectives(*, campaign_id: int) -> dict[str, Any]:
    """Everything that is published, candidates with the beginning of their text; two queries.

    A candidate that was removed since is left out. `state` is None before anything was computed.
    """
    stored = find_published(campaign_id=campaign_id)
    if stored is None:
        return {
            "state": None, "groups": [], "map": [], "division": None, "common": [], "divided": [], "by_groups": False,
            "silhouette": None, "n_people": 0, "n_votes": 0, "n_candidates": 0, "n_parents": 0, "least_votes": None,
            "least_people": None, "described": [], "method": None, "method_version": None, "seed": None, "computed_at": None,
        }  # fmt: skip
    shown = {name: value for name, value in stored.result.items() if name != "input_hash"}
    ids = {one["candidate"] for name in ("common", "divided") for one in shown[name]}
    ids |= {one["candidate"] for division in stored.described for one in division["candidates"]}
    messages = _load_messages(ids)
    for name in ("common", "divided"):
        shown[name] = [_present(one, messages[one["candidate"]]) for one in shown[name] if one["candidate"] in messages]
    described = [
        {
            **division,
            "candidates": [
                _present(one, messages[one["candidate"]])
                for one in division["candidates"]
                if one["candidate"] in messages
            ],
        }
        for division in stored.described
    ]
    state = OpinionState(shown["state"])
    return {**shown, "described": described, "state": state, "computed_at": stored.computed_at}


def _load_messages(ids: set[int]) -> dict[int, Message]:
    if not ids:
        return {}
    standing = Message.objects.filter(
        pk__in=ids, removed_at=None, withdrawn_at=None, parent__removed_at=None, parent__withdrawn_at=None
    )
    columns = ("text", "external_id", "language", "parent__text", "parent__external_id", "parent__language")
    return standing.select_related("parent").only(*columns).in_bulk()


def _present(opinion: Mapping[str, Any], message: Message) -> dict[str, Any]:
    parent = message.parent
    assert parent is not None, "a candidate has a parent"
    return {
        **opinion,
        "external_id": message.external_id,
        "text": start_of(message.text, length=EXCERPT),
        "language": message.language,
        "parent_external_id": parent.external_id,
        "parent_text": start_of(parent.text, length=EXCERPT),
        "parent_language": parent.language,
    }
