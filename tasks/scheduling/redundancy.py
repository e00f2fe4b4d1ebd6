"""How many judgments a unit gets: enough, or one more. Standard library only.

Without a rule of certainty every unit gets the same number. With one, a unit stops asking after at least `minimum`
judgments as soon as any rule that is set says so:

stop_confidence  the order is that sure: the expected Kendall tau of the consensus with the true order
stop_best        the first of the order is the best with that probability
least_gain       one more judgment could be expected to raise the confidence by less than this

What none of them stops asks for one more at a time, up to `maximum`. So clear orders stop early, contested ones get more.

A unit with fewer judgments than `base` asks for `base` while nothing has stopped it, so that several people can work on it
at once. Nothing that annotators are told follows from any of this (see tasks.scheduling.bands).
"""

from dataclasses import dataclass

from tasks.records.parameters import CampaignSettings
from tasks.records.scheduling import Redundancy, UnitState
from tasks.vocabulary import StopReason


@dataclass(frozen=True, slots=True)
class Certainty:
    """What is known of an order. None: not known.

    confidence  mean over pairs of |2 P(above) - 1|
    p_best      P(the first is the strongest)
    gain        expected rise of the confidence by one more judgment
    """

    confidence: float | None = None
    p_best: float | None = None
    gain: float | None = None


def find_stop(judgments: int, certainty: Certainty, *, redundancy: Redundancy) -> StopReason | None:
    """Return why a unit with so many judgments asks for no more; None: it asks on."""
    if not redundancy.is_adaptive:
        return StopReason.FIXED if judgments >= redundancy.base else None
    if judgments >= redundancy.minimum and (reason := find_rule(certainty, redundancy=redundancy)):
        return reason
    return StopReason.MAXIMUM if judgments >= redundancy.maximum else None


def find_rule(certainty: Certainty, *, redundancy: Redundancy) -> StopReason | None:
    """Return the first rule that holds, however many judgments there are: sure of the order, of the best, little to gain."""
    confidence, p_best, gain = certainty.confidence, certainty.p_best, certainty.gain
    if redundancy.stop_confidence is not None and confidence is not None and confidence >= redundancy.stop_confidence:
        return StopReason.ORDER_SURE
    if redundancy.stop_best is not None and p_best is not None and p_best >= redundancy.stop_best:
        return StopReason.BEST_SURE
    if redundancy.least_gain is not None and gain is not None and gain < redundancy.least_gain:
        return StopReason.LITTLE_GAIN
    return None


def decide_wanted(unit: UnitState, *, redundancy: Redundancy) -> int:
    """Return how many judgments the unit should have, within the redundancy's bounds.

    What is under way is waited for before more is asked: a unit that is not sure enough asks for one more than it has.
    """
    if not redundancy.is_adaptive:
        return redundancy.base
    if unit.uncertainty is None:
        return max(redundancy.base, min(unit.done, redundancy.maximum))
    certainty = Certainty(round(1 - unit.uncertainty, 6), unit.p_best, unit.gain)
    if find_rule(certainty, redundancy=redundancy):
        return min(max(redundancy.minimum, unit.done), redundancy.maximum)
    return min(max(redundancy.base, unit.done + 1), redundancy.maximum)


def read_redundancy(settings: CampaignSettings) -> Redundancy:
    """How many judgments a unit of this campaign gets. Bounds that contradict the redundancy give way to it."""
    return Redundancy(
        base=settings.redundancy,
        minimum=min(settings.min_judgments, settings.redundancy),
        maximum=max(settings.max_judgments, settings.redundancy),
        stop_confidence=settings.stop_confidence,
        stop_best=settings.stop_best,
        least_gain=settings.least_gain,
    )
