"""Target shares of a campaign: a set that is replaced as a whole, with everything else that organizers say of it.

A campaign's file, the API's body and the form of the target space are read alike; `services.campaigns.change_campaign` writes
them and records who did. After a change the cells get their shares within a minute.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from annotate.models import Campaign, TargetShare, Topic
from annotate.services.campaign_values import Reader, show
from annotate.services.stale import release_turn
from annotate.wake import wake
from tasks.records.campaigns import ShareSpec
from tasks.vocabulary import JobName, PromptLength, StaleKind, TargetAxis, TopicsTodo

#: More values than this are a mistake of a program.
MOST_SHARES = 1_000
LONGEST = {TargetAxis.DIFFICULTY: 40, TargetAxis.TAG: 80}
#: Shares are sums of fractions, which are no exact numbers.
TOLERANCE = 1e-6


def read_shares(reader: Reader, place: str, value: Any) -> tuple[ShareSpec, ...] | None:
    """The shares that are said, each a table of axis, value and share; those of one axis are 1 at most together."""
    shares = reader.items(place, value, lambda at, item: _read_share(reader, at, item), most=MOST_SHARES)
    reader.refuse_doubles(place, ((share.axis, share.value) for share in shares or ()), _("value"))
    for axis in TargetAxis:
        together = sum(share.share for share in shares or () if share.axis is axis)
        if axis is not TargetAxis.TAG and together > 1 + TOLERANCE:
            reader.refuse(
                place,
                _("The shares of the axis %(axis)s are %(sum)s together; they may be 1 at most. Make some smaller.")
                % {"axis": axis, "sum": f"{together:.3g}"},
            )
    return shares


def find_foreign(shares: Sequence[Mapping[str, Any]], *, languages: Sequence[str]) -> dict[str, str]:
    """A sentence for each share of a language that the campaign does not have, by its place."""
    return {
        f"shares[{index}].value": _("The campaign has no language %(language)s; it has %(languages)s.")
        % {"language": show(share["value"]), "languages": ", ".join(languages)}
        for index, share in enumerate(shares)
        if share["axis"] == TargetAxis.LANGUAGE and share["value"] not in languages
    }


def find_unknown_topics(*, campaign: Campaign, shares: Sequence[ShareSpec]) -> dict[str, str]:
    """A sentence for each share of a topic that the campaign does not have, or no longer, by its place."""
    named = {index: share.value for index, share in enumerate(shares) if share.axis is TargetAxis.TOPIC}
    if not named:
        return {}
    used = Topic.objects.filter(campaign=campaign, retired_at=None, merged_into=None).values_list("number", flat=True)
    known = {str(number) for number in used}
    return {
        f"shares[{index}].value": _(
            "This campaign has no topic with the number %(number)s. Look at the list of its topics."
        )
        % {"number": show(value)}
        for index, value in named.items()
        if value not in known
    }


def set_shares(*, campaign: Campaign, shares: Sequence[ShareSpec]) -> None:
    """Make these the campaign's shares, and no others. The caller holds the campaign's row."""
    TargetShare.objects.filter(campaign=campaign).delete()
    TargetShare.objects.bulk_create(
        (
            TargetShare(campaign=campaign, axis=share.axis, value=share.value, share=min(share.share, 1.0))
            for share in shares
        ),
        batch_size=500,
    )
    release_turn(kind=StaleKind.TURN_TOPICS, subject_id=campaign.pk, todo=TopicsTodo.SHARES)
    wake(JobName.FIND_TOPICS)


def _read_share(reader: Reader, place: str, value: Any) -> ShareSpec | None:
    fields = ("axis", "value", "share")
    table = reader.table(place, value, known=fields, needed=fields)
    if table is None or any(table.get(name) is None for name in fields):
        return None
    axis = reader.word(f"{place}.axis", table["axis"], TargetAxis)
    share = reader.fraction(f"{place}.share", table["share"])
    if axis is None or share is None:
        return None
    named = _read_value(reader, f"{place}.value", table["value"], axis)
    return None if named is None else ShareSpec(axis, named, share)


def _read_value(reader: Reader, place: str, value: Any, axis: TargetAxis) -> str | None:
    if axis is TargetAxis.LANGUAGE:
        return reader.language(place, value)
    if axis is TargetAxis.LENGTH:
        length = reader.word(place, value, PromptLength)
        return None if length is None else str(length)
    if axis is TargetAxis.TOPIC:
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        number = reader.integer(place, number, low=1, high=1_000_000)
        return None if number is None else str(number)
    return reader.text(place, value, longest=LONGEST[axis])
