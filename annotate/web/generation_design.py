"""How evenly a campaign's generators were asked, as its page of generators shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from annotate.figures import whole
from annotate.models import Campaign
from annotate.queries.pairings import Balance, Design, describe_design

#: With more generators a table of each two would be wider than a page.
MOST_COLUMNS = 12


def present_design(*, campaign: Campaign, now: datetime) -> dict[str, Any] | None:
    """What `generators/_design.html` shows as `design`; None while there are no two generators that were asked."""
    design = describe_design(campaign=campaign, now=now)
    if len(design.generators) < 2 or not design.whole.most:
        return None
    has_columns = len(design.generators) <= MOST_COLUMNS
    return {
        **present_balance(design.whole),
        "never_met": design.whole.never_met,
        "columns": [place.name for place in design.generators] if has_columns else [],
        "rows": [present_row(design, place) for place in range(len(design.generators))],
        "strata": [
            {"language": row.language, "topic": row.topic, **present_balance(row.balance)} for row in design.strata
        ],
        "more_strata": design.more_strata,
    }


def present_row(design: Design, place: int) -> dict[str, Any]:
    generator = design.generators[place]
    others = [count for count in generator.beside if count is not None]
    return {
        "name": generator.name,
        "prompts": generator.prompts,
        "beside": generator.beside,
        "together": tell_range(min(others), max(others)),
        "has_problem": generator.has_problem,
    }


def present_balance(balance: Balance) -> dict[str, Any]:
    return {
        "prompts": tell_range(balance.fewest, balance.most),
        "together": tell_range(balance.fewest_together or 0, balance.most_together or 0),
        "is_connected": balance.is_connected,
    }


def tell_range(low: int, high: int) -> str:
    """One number where both are the same."""
    if low == high:
        return whole(low)
    return _("%(low)s to %(high)s") % {"low": whole(low), "high": whole(high)}
