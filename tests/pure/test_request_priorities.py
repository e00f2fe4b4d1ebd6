"""What generators are asked for first: what gives volunteers something to judge where little is left."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tasks.scheduling.request_priorities import (
    COMPLETING_PRIORITY,
    ENOUGH_VACANT,
    FEW_VACANT,
    HIGHEST_SCHEDULED,
    SCHEDULED_PRIORITIES,
    THIN_PRIORITY,
    WaitingPrompt,
    WaitingRequest,
    decide_priorities,
)

STRATUM = 1


def prompt(*priorities: int, candidates: int = 0, stratum: int = STRATUM) -> WaitingPrompt:
    """A prompt whose requests have these priorities and the ids 1, 2, …"""
    requests = tuple(WaitingRequest(number, priority) for number, priority in enumerate(priorities, start=1))
    return WaitingPrompt(stratum, candidates, requests)


def decide(one: WaitingPrompt, *, vacant: int | None = None) -> list[int]:
    """The priorities that its requests then have."""
    changes = decide_priorities([one], vacant={STRATUM: vacant})
    return [changes.get(request.id, request.priority) for request in one.requests]


def test_the_two_that_make_a_prompt_one_that_can_be_ranked_come_before_those_beyond() -> None:
    assert decide(prompt(0, 0, 0, 0)) == [1, 1, 0, 0]
    assert decide(prompt(0, 0, 0, candidates=1)) == [1, 0, 0]
    assert decide(prompt(1, 1, candidates=2)) == [0, 0]
    assert decide(prompt(1, 1, candidates=9)) == [0, 0]


def test_what_waits_is_raised_where_volunteers_have_few_units_left_and_lowered_where_they_have_enough() -> None:
    assert decide(prompt(0, 0, 0), vacant=0) == [HIGHEST_SCHEDULED, HIGHEST_SCHEDULED, THIN_PRIORITY]
    assert decide(prompt(11, 11, 10), vacant=ENOUGH_VACANT) == [COMPLETING_PRIORITY, COMPLETING_PRIORITY, 0]
    assert decide(prompt(11, 11, 10), vacant=None) == [COMPLETING_PRIORITY, COMPLETING_PRIORITY, 0]


def test_between_few_and_enough_a_stratum_keeps_what_it_has() -> None:
    for vacant in (FEW_VACANT, ENOUGH_VACANT - 1):
        assert decide(prompt(10, 0, 10, 0, candidates=2), vacant=vacant) == [10, 0, 10, 0]
    assert decide(prompt(10, 0, candidates=2), vacant=FEW_VACANT - 1) == [10, 10]
    assert decide(prompt(10, 0, candidates=2), vacant=ENOUGH_VACANT) == [0, 0]


def test_each_stratum_is_looked_at_by_itself() -> None:
    rich, poor = prompt(0, candidates=2), replace(prompt(0, candidates=2, stratum=2), requests=(WaitingRequest(9, 0),))
    assert decide_priorities([rich, poor], vacant={STRATUM: ENOUGH_VACANT, 2: 0}) == {9: THIN_PRIORITY}


def test_what_somebody_asked_to_be_urgent_stays_above_and_is_counted_as_the_first_to_come() -> None:
    assert decide(prompt(0, 0, 12), vacant=0) == [11, 10, 12]


@given(
    st.lists(st.sampled_from([*SCHEDULED_PRIORITIES, 7, 12, 30]), max_size=6),
    st.integers(0, 3),
    st.integers(0, 60) | st.none(),
)
def test_what_was_decided_once_is_not_decided_otherwise_the_next_time(priorities, candidates, vacant) -> None:
    before = prompt(*priorities, candidates=candidates)
    after = decide(before, vacant=vacant)
    assert decide(prompt(*after, candidates=candidates), vacant=vacant) == after
    assert all(
        new == old if old > HIGHEST_SCHEDULED else new in SCHEDULED_PRIORITIES
        for old, new in zip(priorities, after, strict=True)
    )
