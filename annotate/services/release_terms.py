"""What a release takes of generators, by the terms on their texts and the licences of their models.

A message is left out when every way in which it came to be is a generator outside: with all that answers it, and with
what was judged about it. So is what people made of such a text by improving it. A text that somebody also wrote, or
that an accepted generator wrote too, stays. Ballots stand as they were given, with its id, as for one that was removed.

What decides is what is written of a generator when the release is frozen.
"""

from collections.abc import Mapping
from typing import Any

from annotate.models import Campaign

#: What limits a release by terms: names of filters, and of fields of a campaign.
LIMITS = ("output_terms", "model_licences")
#: Stands in SQL where the terms are asked for, where a release has such limits.
PLACE = "/*terms*/"

_ACCEPTED = """(%(terms)s::text[] IS NULL OR g.output_terms = ANY(%(terms)s::text[]))
          AND (%(licences)s::text[] IS NULL OR lower(g.licence) = ANY(%(licences)s::text[]))"""

#: Of the message `o`: no way in which it came to be is one that the release takes.
_OUTSIDE = f"""
      OR EXISTS (SELECT 1 FROM annotate_messageorigin n WHERE n.message_id = o.id) AND NOT EXISTS (
        SELECT 1 FROM annotate_messageorigin n
        LEFT JOIN annotate_messageorigin f ON n.kind = 'improved' AND f.message_id = (n.provenance->>'of')::bigint
        LEFT JOIN annotate_generator g ON g.id = COALESCE(n.generator_id, f.generator_id)
        WHERE n.message_id = o.id AND (g.id IS NULL OR {_ACCEPTED}))"""


def limit_filters(*, campaign: Campaign, filters: Mapping[str, Any]) -> dict[str, Any]:
    """The filters with what the campaign takes: of both only what both take. An empty list takes no generator."""
    limited = dict(filters)
    for name in LIMITS:
        own, asked = getattr(campaign, name), filters.get(name)
        if own:
            limited[name] = list(own) if asked is None else intersect(own, asked)
    return limited


def intersect(own: list[str], asked: list[str]) -> list[str]:
    """What both lists name, in large letters or small, as the first writes it."""
    wanted = {name.casefold() for name in asked}
    return [name for name in own if name.casefold() in wanted]


def is_limited(filters: Mapping[str, Any]) -> bool:
    """Whether terms or licences limit a release."""
    return any(filters.get(name) is not None for name in LIMITS)


def put_terms(sql: str, filters: Mapping[str, Any]) -> str:
    """A statement that asks for terms at its places, where these filters limit them."""
    return sql.replace(PLACE, _OUTSIDE) if is_limited(filters) else sql


def as_parameters(filters: Mapping[str, Any]) -> dict[str, Any]:
    """The limits as the statements take them."""
    licences = filters.get("model_licences")
    return {
        "terms": filters.get("output_terms"),
        "licences": None if licences is None else [licence.lower() for licence in licences],
    }
