"""The past under another rule: where it would have stopped, and what would have been lost. Standard library only.

Nothing is computed here that was not known: `tasks.agreement.replay` told what was known after each ranking, and a rule
(tasks.scheduling.redundancy) only looks up where it would have said "enough". A ranking that came later has not been
influenced by an earlier stop: each parent's rankings are those of the people who happened to come.
"""

from collections import Counter
from collections.abc import Sequence

from tasks.records.redundancy import ReplayRecord, Trace
from tasks.records.scheduling import Redundancy
from tasks.scheduling.redundancy import Certainty, find_stop
from tasks.vocabulary import StopReason

DIGITS = 4


def replay(traces: Sequence[Trace], *, redundancy: Redundancy) -> ReplayRecord:
    """Return what this rule would have asked for, of the rankings that were given."""
    stops = [find_place(trace, redundancy=redundancy) for trace in traces]
    reached = [trace.steps[number - 1] for trace, (number, _) in zip(traces, stops, strict=True)]
    early = [step for trace, (number, _), step in zip(traces, stops, reached, strict=True) if number < len(trace.steps)]
    reasons = Counter(reason for _, reason in stops if reason is not None)
    return ReplayRecord(
        parents=len(traces),
        given=sum(len(trace.steps) for trace in traces),
        asked=sum(number for number, _ in stops),
        stopped=len(early),
        ran_out=sum(reason is None for _, reason in stops),
        tau=_mean([step.tau for step in reached]),
        tau_stopped=_mean([step.tau for step in early]),
        best_kept=_mean([step.best_kept for step in reached]),
        confidence=_mean([step.confidence for step in reached]),
        reasons={reason: reasons[reason] for reason in StopReason if reasons[reason]},
        per_parent=dict(sorted(Counter(number for number, _ in stops).items())),
    )


def find_place(trace: Trace, *, redundancy: Redundancy) -> tuple[int, StopReason | None]:
    """Return after how many rankings a parent stops, and why; at its last without a reason where the rule asks on."""
    for number, step in enumerate(trace.steps, start=1):
        if reason := find_stop(number, Certainty(step.confidence, step.p_best, step.gain), redundancy=redundancy):
            return number, reason
    return len(trace.steps), None


def expect_fixed(traces: Sequence[Trace]) -> list[float]:
    """Return the mean confidence with 1, 2, … rankings of each parent: what was, and beyond it what can be expected."""
    if not traces:
        return []
    longest = min(len(trace.steps) + len(trace.ahead) for trace in traces)
    rows = [[step.confidence for step in trace.steps] + list(trace.ahead) for trace in traces]
    return [round(sum(row[number] for row in rows) / len(rows), DIGITS) for number in range(longest)]


def find_fixed(curve: Sequence[float], *, confidence: float) -> float | None:
    """Return how many rankings of each parent reach a mean confidence, between two whole numbers by a straight line.

    None: no number that was looked at does.
    """
    for number, reached in enumerate(curve, start=1):
        if reached >= confidence:
            before = curve[number - 2] if number > 1 else reached
            share = (confidence - before) / (reached - before) if reached > before else 1.0
            return round(number - 1 + share, 2)
    return None


def _mean(numbers: Sequence[float]) -> float | None:
    return round(sum(numbers) / len(numbers), DIGITS) if numbers else None
