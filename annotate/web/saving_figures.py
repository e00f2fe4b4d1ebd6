"""What the page on saving shows, made from what was measured: each figure with the counts behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from annotate.web.field_words import Words
from annotate.web.plots import make_axis
from tasks.records.redundancy import ReplayRecord
from tasks.vocabulary import StopReason

#: In the order in which they are shown. The last is of orders that have what they need for another reason.
REASONS: dict[str, Words] = {
    StopReason.FIXED: _("had the fixed number"),
    StopReason.ORDER_SURE: _("sure of the whole order"),
    StopReason.BEST_SURE: _("sure of the best"),
    StopReason.LITTLE_GAIN: _("one more ranking would have added too little"),
    StopReason.MAXIMUM: _("had the most allowed, and were still unsure"),
    "otherwise": _("ended otherwise: by hand, or under another rule"),
}
#: Height of the plot of fixed numbers, and how many of them are drawn.
CURVE_HEIGHT, MOST_DRAWN = 160, 20


def describe_saving(result: Mapping[str, Any]) -> dict[str, Any]:
    """The context of what was measured."""
    decided, given, base = result["decided"], result["given"], result["rule"]["base"]
    each, fixed_each = result["sample_each"], result["fixed_each"]
    return {
        "decided": decided,
        "orders": result["orders"],
        "given": given,
        "rankings": result["rankings"],
        "each": given / decided if decided else None,
        "is_adaptive": any(result["rule"][name] is not None for name in ("stop_confidence", "stop_best", "least_gain")),
        "seconds": result["seconds"],
        "timed": result["timed"],
        "sample": result["sample"],
        "sample_decided": result["sample_decided"],
        "sample_each": each,
        "confidence": result["confidence"],
        "base": base,
        "against_base": compare(given, base * decided, result["seconds"]),
        "fixed_each": fixed_each,
        # Of the sample is known how many a fixed number would take, and the same share is taken to hold of all.
        "against_sure": compare(given, given * fixed_each / each, result["seconds"]) if fixed_each and each else None,
        "per_order": describe_counts(result["per_order"], total=decided),
        "reasons": describe_reasons(result["reasons"], total=decided),
        "curve": describe_curve(result["fixed"], each=each, confidence=result["confidence"]),
    }


def compare(given: float, fixed: float, seconds: float | None) -> dict[str, Any] | None:
    """What was given against what a fixed number would have been; None where nothing was decided."""
    if not fixed:
        return None
    saved = fixed - given
    return {
        "fixed": fixed,
        "saved": abs(saved),
        "share": abs(saved) / fixed,
        "is_more": saved < 0,
        "hours": None if seconds is None else abs(saved) * seconds / 3600,
    }


def describe_counts(counts: Sequence[Sequence[int]], *, total: int) -> list[dict[str, Any]]:
    """Orders by their number of rankings, with a bar as wide as their share of the largest."""
    most = max((orders for _number, orders in counts), default=1)
    return [
        {
            "number": number,
            "orders": orders,
            "share": orders / total if total else None,
            "width": round(100 * orders / most, 2),
        }
        for number, orders in counts
    ]


def describe_reasons(reasons: Mapping[str, int], *, total: int) -> list[dict[str, Any]]:
    """What stopped orders, those that did not occur left out."""
    return [
        {"words": words, "orders": reasons[name], "share": reasons[name] / total if total else None}
        for name, words in REASONS.items()
        if reasons.get(name)
    ]


def describe_curve(curve: Sequence[float], *, each: float | None, confidence: float | None) -> dict[str, Any] | None:
    """How sure fixed numbers would be, as dots; and where this campaign stands. None where that is not known."""
    if not curve or each is None or confidence is None:
        return None
    drawn = list(curve[: max(MOST_DRAWN, round(each) + 5)])
    # The first places are left to the names of the levels.
    across = make_axis([], low=-1, high=len(drawn) + 1, step=1)
    dots = [
        {"number": number, "confidence": value, "x": across.place(number), "y": place_height(value)}
        for number, value in enumerate(drawn, start=1)
    ]
    step = 5 if len(drawn) > 10 else 1
    return {
        "dots": dots,
        "here": {"x": across.place(each), "y": place_height(confidence), "each": each, "confidence": confidence},
        "height": CURVE_HEIGHT,
        "levels": [{"y": place_height(level), "value": level} for level in (0.25, 0.5, 0.75, 1.0)],
        "numbers": [{"x": across.place(number), "number": number} for number in range(step, len(drawn) + 1, step)],
    }


def place_height(share: float) -> float:
    """How far below the plot's top a share stands, in pixels."""
    return round(CURVE_HEIGHT * (1 - share), 1)


def describe_replay(found: ReplayRecord) -> dict[str, Any]:
    """What another rule would have asked for; bars and reasons as of what was given."""
    return {
        "found": found,
        "share": found.saved,
        "per_order": describe_counts(list(found.per_parent.items()), total=found.parents),
        "reasons": describe_reasons({str(reason): n for reason, n in found.reasons.items()}, total=found.parents),
    }
