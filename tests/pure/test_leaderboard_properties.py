"""Whatever the ballots: numbers are numbers, ranks hold their rank, and nothing depends on order or on who is called what."""

import json
from math import isfinite

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement.controls import control_generators
from tasks.agreement.leaderboard import compare_generators
from tasks.records.ballots import Ballot
from tasks.records.leaderboard import TextTraits


@st.composite
def draw_ballot(draw) -> Ballot:
    """A ballot on some of eight texts: tiers, perhaps a bar, perhaps a rest, perhaps texts that nobody placed."""
    shown = draw(st.lists(st.integers(0, 7), min_size=1, max_size=6, unique=True))
    placed = shown[: draw(st.integers(0, len(shown)))]
    cuts = draw(st.lists(st.booleans(), min_size=len(placed), max_size=len(placed)))
    tiers: list[list[int]] = []
    for text, starts in zip(placed, cuts, strict=True):
        if starts or not tiers:
            tiers.append([])
        tiers[-1].append(text)
    bar = draw(st.one_of(st.none(), st.integers(0, len(tiers))))
    rest = draw(st.booleans()) if tiers else False
    order = tuple(draw(st.permutations(shown)))
    who, parent = draw(st.sampled_from("abc")), draw(st.integers(0, 2))
    return Ballot(who, parent, tuple(map(tuple, tiers)), bar, order, rest)


BALLOTS = st.lists(draw_ballot(), max_size=25)
ORIGINS = st.dictionaries(st.integers(0, 7), st.lists(st.sampled_from(["p", "q", "r", "s"]), max_size=3))
TRAITS = st.dictionaries(st.integers(0, 7), st.builds(TextTraits, *[st.integers(0, 5000)] * 5))


@settings(max_examples=60, deadline=None)
@given(BALLOTS, ORIGINS)
def test_every_leaderboard_is_of_numbers_and_its_ranks_hold(ballots, origins) -> None:
    record = compare_generators(ballots, origins, seed=1, resamples=8)
    json.dumps(record.as_result(), allow_nan=False)
    names = {name for found in origins.values() for name in found}
    assert {s.generator for s in record.standings} | set(record.not_compared) == names
    for s in record.standings:
        peers = sum(other.component == s.component for other in record.standings)
        assert 0 <= s.win_share <= 1
        if s.low is not None:
            assert s.low <= s.score <= s.high
            assert 1 <= s.rank <= s.worst_rank <= peers


@settings(max_examples=30, deadline=None)
@given(BALLOTS, ORIGINS, TRAITS, st.randoms(use_true_random=False))
def test_no_bit_depends_on_the_order_of_ballots(ballots, origins, traits, rng) -> None:
    mixed = list(ballots)
    rng.shuffle(mixed)
    assert compare_generators(mixed, origins, seed=1, resamples=4) == compare_generators(
        ballots, origins, seed=1, resamples=4
    )
    assert control_generators(mixed, origins, traits, seed=1) == control_generators(ballots, origins, traits, seed=1)


@settings(max_examples=60, deadline=None)
@given(BALLOTS, ORIGINS, TRAITS)
def test_every_controlled_figure_is_a_number(ballots, origins, traits) -> None:
    # Twelve times over, so that enough comparisons differ.
    record = control_generators(ballots * 12, origins, traits, seed=1)
    json.dumps(record.as_result(), allow_nan=False)
    for s in record.standings:
        assert isfinite(s.score)
        assert s.low is None or s.low <= s.score <= s.high
    for one in record.effects:
        assert (one.effect is None) == (one.reason is not None)
        assert one.low is None or one.low <= one.effect <= one.high
